import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fabricUnavailable } from '../../../local/fabric/available.ts';
import { describeKernel } from '../../support/kernel.ts';
import { CONFIG, IMPATIENT, installStage, OTHER, SCRIPT, SERVICES } from './stage.ts';

/** The install gives up before the agent would, and that soon. */
const HURRIED = SCRIPT.replace('deadline=240', 'deadline=8').replace('deadline=290', 'deadline=16');
const LOG = '/var/lib/ziti-glb/install.log';
/** The lock's holder lets it go once an install was refused it. */
const REFUSED = `sleep 1 until qx{grep -s "was locked by" ${LOG}}`;

/** Debian 13's dpkg runs by this command, in a folder of its own; or says why there is none. */
const newer = fabricUnavailable() ? { folder: '', missing: 'no kernel tests' } : dpkgOfDebian13();

function dpkgOfDebian13() {
  const folder = mkdtempSync(join(tmpdir(), 'debian-13-'));
  const script = new URL('../debian-13.sh', import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync('sh', [script, folder], { encoding: 'utf8' });
  return status === 0
    ? { folder, command: stdout.trim() }
    : { folder, missing: stderr.trim() || `exit code ${status}` };
}

describeKernel('the install, with dpkg as it is', () => {
  const { fabric, shell, install, stateOf } = installStage();
  beforeAll(async () => {
    expect((await install(OTHER, 'one')).code).toBe(0);
  });
  /** Resolves when another holds dpkg's lock, which it does for as long as this takes, in Perl. */
  const lock = (meanwhile: string) =>
    shell(
      OTHER,
      `rm -f /run/locked ${LOG}; setsid perl -e 'open F, ">>/var/lib/dpkg/lock-frontend"; $l = pack "s s x4 q q l x4", 1; fcntl F, 7, $l;
       open R, ">/run/locked"; print R $$; close R; ${meanwhile}' >/dev/null 2>&1 </dev/null & until [ -e /run/locked ]; do sleep 0.1; done`,
    );
  afterAll(() => rmSync(newer.folder, { recursive: true, force: true }));

  test.each([
    ['before dpkg began', ''],
    ['when dpkg was done', '/usr/bin/dpkg "$@";'],
  ])('that was killed %s, is not taken for done', async (_, first) => {
    const version = () => shell(OTHER, 'dpkg -s ziti-glb-diverter | grep Version');
    const own = await version();
    await fabric.exec(OTHER, ['sh', '-c', 'cat >/usr/local/bin/dpkg; chmod 755 /usr/local/bin/dpkg'], {
      stdin: `#!/bin/sh\n${first} kill -9 $(pgrep -fx 'bash -s')\n`,
    });
    expect((await install(OTHER, 'two')).code).not.toBe(0);
    await shell(OTHER, 'rm /usr/local/bin/dpkg');
    expect((await install(OTHER, 'two')).stderr).toBe('');
    expect(await version()).toBe('Version: 9.9.9');
    expect((await install(OTHER, 'ill', {}, IMPATIENT)).code).toBe(1);
    expect(await version()).toBe('Version: 9.9.9');
    expect((await install(OTHER, 'one')).code).toBe(0);
    expect(await version()).toBe(own);
  });

  test('that was killed before ziti-router was started again, has that done by the next', async () => {
    await shell(OTHER, `sed -i s,tproxy:/usr/sbin/diverter,host, ${CONFIG}; systemctl restart ziti-router`);
    await shell(OTHER, 'mv /usr/local/sbin/systemctl /run/systemctl');
    await fabric.exec(OTHER, ['sh', '-c', 'cat >/usr/local/sbin/systemctl; chmod 755 /usr/local/sbin/systemctl'], {
      stdin: `#!/bin/sh\n[ "$*" != "restart ziti-router" ] || kill -9 $(pgrep -fx 'bash -s') $$\nexec /run/systemctl "$@"\n`,
    });
    expect((await install(OTHER, 'one')).code).not.toBe(0);
    await shell(OTHER, 'mv /run/systemctl /usr/local/sbin/systemctl');
    const router = () => shell(OTHER, 'cat /run/units/ziti-router.service');
    const before = await router();
    expect((await install(OTHER, 'one')).code).toBe(0);
    const after = await router();
    expect(after).not.toBe(before);
    expect((await install(OTHER, 'one')).code).toBe(0);
    expect(await router()).toBe(after);
  });

  test('of another package than somebody installed by hand, puts the wanted one there', async () => {
    const version = () => shell(OTHER, 'dpkg -s ziti-glb-diverter | grep Version');
    const own = await version();
    await shell(OTHER, `curl -s -o /run/two.deb http://${SERVICES}/two && dpkg --install /run/two.deb`);
    expect(await version()).toBe('Version: 9.9.9');
    expect((await install(OTHER, 'one')).code).toBe(0);
    expect(await version()).toBe(own);
  });

  // dpkg's words differ by its version: lib/dpkg/file.c in https://git.dpkg.org/git/dpkg/dpkg.git
  test.each([
    ['until 1.22.6', 'another process with pid'],
    ['from 1.22.7 on, as in Debian 13', '/usr/bin/perl process with pid'],
    ['that does not find out by whom', 'another process$'],
  ])('waits while another holds the lock of dpkg: %s', async (_, who) => {
    const says = who.replace('$', '');
    await fabric.exec(OTHER, ['sh', '-c', 'cat >/usr/local/bin/dpkg; chmod 755 /usr/local/bin/dpkg'], {
      stdin: `#!/bin/sh\n/usr/bin/dpkg "$@" 2>/run/said; code=$?\nsed "s, by .* process with pid.*, by ${says}," /run/said >&2; exit $code\n`,
    });
    await lock(REFUSED);
    const { code, stderr } = await install(OTHER, 'two');
    expect([code, stderr]).toEqual([0, '']);
    expect(await shell(OTHER, `cat ${LOG}`)).toMatch(new RegExp(`^dpkg: error: .* was locked by ${who}`, 'm'));
    await shell(OTHER, 'rm /usr/local/bin/dpkg');
    expect((await install(OTHER, 'one')).code).toBe(0);
  });

  (newer.command ? test : test.skip)(
    `waits while another holds the lock of the dpkg of Debian 13${newer.missing ? `, which is not here: ${newer.missing}` : ''}`,
    async () => {
      await fabric.exec(OTHER, ['sh', '-c', 'cat >/usr/local/bin/dpkg; chmod 755 /usr/local/bin/dpkg'], {
        stdin: `#!/bin/sh\nexec ${newer.command} "$@"\n`,
      });
      expect(await shell(OTHER, 'dpkg --version')).toMatch(/version 1\.(22\.([7-9]|\d\d)|2[3-9]\.)/);
      await lock(REFUSED);
      const { code, stderr } = await install(OTHER, 'two');
      expect([code, stderr]).toEqual([0, '']);
      expect(await shell(OTHER, `cat ${LOG}`)).toMatch(
        /^dpkg: error: dpkg frontend lock was locked by \S*perl\S* process with pid \d+$/m,
      );
      await shell(OTHER, 'rm /usr/local/bin/dpkg');
      expect((await install(OTHER, 'one')).code).toBe(0);
    },
  );

  test('says who has held the lock of dpkg for all its time', async () => {
    await lock('sleep 600');
    const { code, stderr } = await install(OTHER, 'two', {}, HURRIED);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^ziti-glb: dpkg failed: dpkg: error: dpkg frontend lock was locked by \S+ process with pid \d+ \n/,
      ),
    ]);
    await shell(OTHER, 'kill $(cat /run/locked)');
    expect((await install(OTHER, 'one')).code).toBe(0);
  });

  test('whose waits would outlive the agent, is undone before that', async () => {
    const before = (await stateOf(OTHER)).replace(/\d+ \d+\n/, '');
    const began = Date.now();
    expect(await install(OTHER, 'ill', {}, HURRIED.replaceAll(/patience=\d+/g, 'patience=100'))).toMatchObject({
      code: 1,
      stderr: 'ziti-glb: the diverter says: out of order\nziti-glb: what this install had changed is undone\n',
    });
    // A dpkg that never ends by itself is ended, too.
    await fabric.exec(OTHER, ['sh', '-c', 'cat >/usr/local/bin/dpkg; chmod 755 /usr/local/bin/dpkg'], {
      stdin: '#!/bin/sh\n[ "$1" != --install ] || sleep 600\nexec /usr/bin/dpkg "$@"\n',
    });
    const { code, stderr } = await install(OTHER, 'two', {}, HURRIED);
    expect([code, stderr]).toEqual([1, expect.stringContaining('what this install had changed is undone')]);
    await shell(OTHER, 'rm /usr/local/bin/dpkg');
    // The first one's patience alone is longer.
    expect(Date.now() - began).toBeLessThan(100_000);
    expect((await install(OTHER, 'one')).code).toBe(0);
    expect((await stateOf(OTHER)).replace(/\d+ \d+\n/, '')).toBe(before);
  });
});
