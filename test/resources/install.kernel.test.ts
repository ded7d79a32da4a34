import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fabricUnavailable } from '../../local/fabric/available.ts';
import { type NamespaceFabric, namespaceFabric } from '../../local/fabric/namespaces.ts';
import { localPackage } from '../../resources/diverter.js';
import { ENDPOINT, IMAGES, NODE, NODE_IP, ROUTERS, topology } from '../local/fabric/topology.ts';
import { describeKernel } from '../support/kernel.ts';
import type { Talk } from '../support/talkers.ts';
import { talking } from '../support/talking.ts';

const SCRIPT = readFileSync(new URL('../../resources/install.sh', import.meta.url), 'utf8');
/** Waits for no minute for what never comes. */
const IMPATIENT = SCRIPT.replaceAll(/patience=\d+/g, 'patience=3');
const BUILD = new URL('../../bpf/deb/build.sh', import.meta.url).pathname;
const BINARY = new URL('../../bpf/build/diverter', import.meta.url).pathname;
const LINKED = new URL('../../bpf/build/linked', import.meta.url).pathname;
const [ROUTER, OTHER, CLIENT] = ['i-router-1', 'i-router-2', 'i-client-1'];
const CONFIG = '/var/lib/ziti-router/config.yml';
const SERVICES = '169.254.0.80';
/** How S3 refuses a link: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const refusal = (status: number, code: string, message: string) => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>R</RequestId></Error>`,
});
const REFUSALS: Record<string, { status: number; body: string }> = {
  ended: refusal(400, 'ExpiredToken', 'The provided token has expired.'),
  late: refusal(403, 'AccessDenied', 'Request has expired'),
  denied: refusal(403, 'AccessDenied', 'Access Denied'),
  proxy: { status: 407, body: '<html>who are you?</html>' },
};
/** Takes dpkg's lock, and says so. */
const LOCK = `open F, ">>/var/lib/dpkg/lock-frontend"; $l = pack "s s x4 q q l x4", 1; fcntl F, 7, $l; open R, ">/run/locked"; print R $$; close R`;

/** The command that is dpkg of Debian 13, in a folder of its own; or why there is none. */
const newer = fabricUnavailable() ? { folder: '', missing: 'no kernel tests' } : dpkgOfDebian13();

function dpkgOfDebian13() {
  const folder = mkdtempSync(join(tmpdir(), 'debian-13-'));
  const script = new URL('debian-13.sh', import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync('sh', [script, folder], { encoding: 'utf8' });
  return status === 0
    ? { folder, command: stdout.trim() }
    : { folder, missing: stderr.trim() || `exit code ${status}` };
}

type Image = Partial<Record<'release' | 'ziti' | 'update' | 'enable' | 'status', string>>;

interface Parameters {
  Diverter?: string;
  Url?: string;
  Sha256?: string;
  Addresses?: string;
  Sources?: string;
  Reply?: string;
  Range?: string;
  Resolver?: string;
  HealthPort?: string;
  HealthOptions?: string;
  RegistrationKey?: string;
  TuneRouter?: string;
}

describeKernel('the install', () => {
  const folder = mkdtempSync(join(tmpdir(), 'install-'));
  const packages = new Map<string, Buffer>();
  const fetched: string[] = [];
  let fabric: NamespaceFabric;
  let upstream: Server;

  /** A package of a program, built as ours is. */
  function pack(name: string, binary: string, version: string): void {
    const output = join(folder, `${name}.deb`);
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const { status, stderr } = spawnSync('sh', [BUILD, binary, architecture, version, output, LINKED], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    packages.set(name, readFileSync(output));
  }

  beforeAll(async () => {
    packages.set('one', readFileSync(localPackage()));
    pack('two', BINARY, '9.9.9');
    // One that attaches as ours does, and then is not well.
    const ill = join(folder, 'ill');
    writeFileSync(ill, `#!/bin/sh\n[ "$1" != health ] || { echo out of order; exit 1; }\nexec ${BINARY} "$@"\n`);
    pack('ill', ill, '9.9.8');
    upstream = createServer((request, response) => {
      const name = (request.url ?? '').slice(1).split('?')[0] ?? '';
      if (request.headers['user-agent']?.startsWith('curl') && packages.has(name)) fetched.push(name);
      const refusal = REFUSALS[name];
      response.statusCode = refusal?.status ?? 200;
      response.end(refusal?.body ?? packages.get(name) ?? 'nothing');
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const address = upstream.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    fabric = await namespaceFabric({
      images: IMAGES,
      services: { ip: SERVICES, port: 80, upstream: `http://127.0.0.1:${port}` },
    });
    await fabric.sync(
      topology({ routes: { '10.20.0.0/16': { kind: 'endpoint', id: ENDPOINT } }, states: ['healthy', undefined] }),
    );
    for (const router of [ROUTER, OTHER])
      await shell(router, 'until grep -qs "^[1-9]" /run/units/ziti-router.service; do sleep 0.1; done');
    await shell(
      ROUTER,
      `setsid ${process.execPath} -e "require('net').createServer(s=>s.end('SSH-2.0-x\\n')).listen(22)" >/dev/null 2>&1 & sleep 0.3`,
    );
  }, 30_000);
  afterAll(async () => {
    await fabric?.close();
    upstream?.close();
    rmSync(folder, { recursive: true });
    rmSync(newer.folder, { recursive: true, force: true });
  });

  const shell = async (instance: string, command: string) => {
    const { stdout, stderr } = await fabric.exec(instance, ['bash', '-c', command], { timeout: 30_000 });
    return `${stdout}${stderr}`.trim();
  };
  const sha256 = (name: string) =>
    createHash('sha256')
      .update(packages.get(name) ?? '')
      .digest('hex');
  const install = (instance: string, name: string, parameters: Parameters = {}, script = SCRIPT) => {
    const all = {
      Diverter: 'own',
      Url: `http://${SERVICES}/${name}?signed`,
      Sha256: sha256(name),
      Addresses: ROUTERS.join(' '),
      Sources: `${NODE_IP}/32`,
      Reply: 'direct',
      Range: '',
      Resolver: '',
      HealthPort: '',
      HealthOptions: '',
      RegistrationKey: '',
      TuneRouter: 'true',
      ...parameters,
    };
    const environment = Object.entries(all).map(([key, value]) => `SSM_${key}=${value}`);
    const ids = [`AWS_SSM_INSTANCE_ID=${instance}`, 'AWS_SSM_REGION_NAME=eu-central-1'];
    return fabric.exec(instance, ['/usr/bin/env', ...ids, ...environment, 'bash', '-s'], {
      stdin: script,
      timeout: 120_000,
    });
  };
  const ask = (path = 'http://10.20.0.5/') => shell(CLIENT, `curl -s -m 1 ${path} || echo cut off`);
  /** Asks for a name until there is an answer. */
  const resolve = () =>
    shell(
      CLIENT,
      'for try in $(seq 20); do exec 3<>/dev/udp/100.127.255.254/53; printf db.example >&3; timeout 1 head -c 39 <&3 2>/dev/null && break; sleep 0.2; done',
    );
  /** Once it has gone on for a while after what was done under it. */
  const expectUnbroken = async (end: () => Promise<Talk>) => {
    await sleep(2_000);
    const [one] = (await end()).long;
    expect(one).toMatchObject({ router: 'router-1', failed: '', heard: one?.said });
    expect(one?.said).toBeGreaterThan(50);
  };
  /** All that an install may change. */
  const stateOf = (instance: string) =>
    shell(
      instance,
      `cat ${CONFIG} /etc/default/ziti-glb-diverter 2>&1; dpkg -s ziti-glb-diverter 2>&1 | grep -E 'Status|Version'; sha256sum /usr/sbin/diverter 2>&1;
       diverter status 2>&1 | head -1; cat /run/units/ziti-router.service; ls -I install.log /var/lib/ziti-glb 2>&1`,
    );

  const UNIT = '/run/systemd/system/ziti-router.service';
  const DROP_IN = '/etc/systemd/system/ziti-router.service.d/zz-test.conf';
  /** All of a router's as it was, after what a test makes of it. */
  const kept = async (run: () => Promise<void>) => {
    await shell(OTHER, `cp ${CONFIG} /run/config.yml; cp ${UNIT} /run/unit`);
    try {
      await run();
    } finally {
      await shell(
        OTHER,
        `cp /run/config.yml ${CONFIG}; cp /run/unit ${UNIT}; rm -f ${DROP_IN}; systemctl restart ziti-router`,
      );
      expect((await install(OTHER, 'one')).code).toBe(0);
    }
  };
  /** Has the unit run this instead, as root, with nothing of what the package gives it. */
  const runs = (command: string) =>
    shell(
      OTHER,
      `mkdir -p $(dirname ${DROP_IN}); printf '[Service]\\n${['User', 'Group', 'SupplementaryGroups', 'AmbientCapabilities', 'ExecStart'].map((name) => `${name}=\\n`).join('')}ExecStart=${command}\\n' >${DROP_IN}; systemctl restart ziti-router`,
    );

  describe('of our own diverter', () => {
    test('refuses what is not what the stack was deployed with, and changes nothing', async () => {
      const before = await stateOf(ROUTER);
      const { code, stderr } = await install(ROUTER, 'two', { Sha256: sha256('one') });
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('the download is not the diverter this stack was deployed with'),
      ]);
      expect((await stateOf(ROUTER)).replace(/\nls: .*/, '')).toBe(before.replace(/\nls: .*/, ''));
    });

    test('verifies, attaches, points the router to it with every comment kept, and the client is answered', async () => {
      const before = await shell(ROUTER, `cat ${CONFIG}`);
      expect(await ask()).toBe('cut off');
      const { code, stdout, stderr } = await install(ROUTER, 'one');
      expect([code, stdout, stderr]).toEqual([0, '', '']);
      expect(await shell(ROUTER, `cat ${CONFIG}`)).toBe(
        before.replace('mode: tproxy #', 'mode: tproxy:/usr/sbin/diverter #'),
      );
      expect(await shell(ROUTER, 'diverter status | head -1')).toBe(
        'attached  ens5 --from 10.0.9.200/32 --reply direct',
      );
      // Its services are said once its controller has answered.
      const answered = 'for try in $(seq 50); do curl -s -m 1 http://10.20.0.5/ && exit; sleep 0.1; done; echo cut off';
      expect(await shell(CLIENT, answered)).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
    });

    test('keeps its log where nobody but root may lay a link for it', async () => {
      const log = '/var/lib/ziti-glb/install.log';
      // As on Ubuntu.
      await shell(
        ROUTER,
        'chgrp adm /var/log; chmod 775 /var/log; echo of root >/run/of-root; ln -sf /run/of-root /var/log/ziti-glb-install.log',
      );
      expect((await install(ROUTER, 'one')).code).toBe(0);
      expect(await shell(ROUTER, `cat /run/of-root; stat -c '%U %a' ${log}`)).toBe('of root\nroot 600');
      expect(
        await shell(
          ROUTER,
          'find / /var /var/lib /var/lib/ziti-glb -maxdepth 0 -perm /022 -o -maxdepth 0 ! -user root',
        ),
      ).toBe('');
      await shell(ROUTER, 'chgrp root /var/log; chmod 755 /var/log; rm /var/log/ziti-glb-install.log');
    });

    test('of a tool that ends with what the agent takes for a wish of ours, is a failure', async () => {
      for (const status of [137, 168, 194]) {
        await shell(ROUTER, `printf '#!/bin/sh\\nexit ${status}\\n' >/usr/local/bin/ip; chmod 755 /usr/local/bin/ip`);
        expect((await install(ROUTER, 'one')).code).toBe(1);
      }
      await shell(ROUTER, 'rm /usr/local/bin/ip');
    });

    test.each([
      [
        'ended',
        'the link to the diverter has expired (ExpiredToken, The provided token has expired.): the next command has a fresh one',
      ],
      [
        'late',
        'the link to the diverter has expired (AccessDenied, Request has expired): the next command has a fresh one',
      ],
      ['denied', 'could not download the diverter: S3 answers 403 (AccessDenied, Access Denied)'],
      ['proxy', 'could not download the diverter: S3 answers 407'],
    ])('of a link that is %s, says what S3 says of it, and changes nothing', async (name, says) => {
      const before = await stateOf(ROUTER);
      const { code, stderr } = await install(ROUTER, name, { Sha256: sha256('two') });
      expect([code, stderr]).toEqual([1, `ziti-glb: ${says}\n`]);
      expect(await stateOf(ROUTER)).toBe(before);
    });

    test('run again, changes nothing: no download, no restart', async () => {
      const before = await stateOf(ROUTER);
      fetched.length = 0;
      expect((await install(ROUTER, 'one')).code).toBe(0);
      expect(await stateOf(ROUTER)).toBe(before);
      expect(fetched.filter((name) => name === 'one').length).toBeLessThanOrEqual(2);
    });

    test('run twice at once, one waits for the other', async () => {
      const both = await Promise.all([install(OTHER, 'one'), install(OTHER, 'one')]);
      expect(both.map(({ code, stderr }) => [code, stderr])).toEqual([
        [0, ''],
        [0, ''],
      ]);
      expect(await shell(OTHER, 'diverter health')).toBe('attached, and every listener is there');
    });

    test('SSH and the health check are reached from outside as before', async () => {
      expect(await shell(CLIENT, `timeout 1 head -1 </dev/tcp/${ROUTERS[0]}/22`)).toBe('SSH-2.0-x');
      expect(await ask(`-k https://${ROUTERS[0]}:8081/health-checks`)).toContain('"healthy": true');
    });

    test('exchanges the version under a connection that goes on', async () => {
      const end = await talking(fabric, CLIENT, ['10.20.0.5', 80]);
      const router = await shell(ROUTER, 'cat /run/units/ziti-router.service');
      expect((await install(ROUTER, 'two')).code).toBe(0);
      expect(await shell(ROUTER, 'dpkg -s ziti-glb-diverter | grep Version')).toBe('Version: 9.9.9');
      expect(await shell(ROUTER, 'cat /run/units/ziti-router.service')).toBe(router);
      await expectUnbroken(end);
    });

    test('of a version that is not well, is undone, under a connection that goes on', async () => {
      const before = await stateOf(ROUTER);
      const end = await talking(fabric, CLIENT, ['10.20.0.5', 80]);
      const { code, stderr } = await install(ROUTER, 'ill');
      expect([code, stderr]).toEqual([
        1,
        'ziti-glb: the diverter says: out of order\nziti-glb: what this install had changed is undone\n',
      ]);
      expect(await stateOf(ROUTER)).toBe(before);
      await expectUnbroken(end);
    }, 90_000);

    test('that is the first, and fails, leaves the router as it was', async () => {
      const bare = 'i-client-1';
      await shell(bare, `mkdir -p /var/lib/ziti-router && echo "listeners: []" >${CONFIG}`);
      const { code, stderr } = await install(bare, 'one', { Addresses: '10.0.1.10' });
      expect([code, stderr]).toEqual([1, expect.stringContaining('has no tunnel listener')]);
      expect(await stateOf(bare)).toContain('No such file or directory');
    });

    test('of a diverter that somebody takes off, is put right on the router itself', async () => {
      await shell(ROUTER, 'diverter detach ens5');
      expect(await ask()).toBe('cut off');
      const found = await shell(
        ROUTER,
        'for try in $(seq 100); do diverter health && break; sleep 0.25; done | tail -1',
      );
      expect(found).toBe('attached, and every listener is there');
      expect(await ask()).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
      expect(await shell(ROUTER, 'cat /var/log/timers.log')).toContain(
        'the diverter is not attached: attaching it again',
      );
    });

    test('takes other sources without a restart of the router', async () => {
      const router = await shell(ROUTER, 'cat /run/units/ziti-router.service');
      expect((await install(ROUTER, 'two', { Sources: `${NODE_IP}/32 10.0.9.201/32` })).code).toBe(0);
      expect(await shell(ROUTER, 'diverter status | head -1')).toContain('--from 10.0.9.200/32 --from 10.0.9.201/32');
      expect(await shell(ROUTER, 'cat /run/units/ziti-router.service')).toBe(router);
    });

    test.each([
      ['before dpkg began', ''],
      ['when dpkg was done', '/usr/bin/dpkg "$@";'],
    ])(
      'that was killed %s, is not taken for done',
      async (_, first) => {
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
      },
      90_000,
    );

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

    // What dpkg says differs by its version: lib/dpkg/file.c in https://git.dpkg.org/git/dpkg/dpkg.git
    test.each([
      ['until 1.22.6', 'another process with pid'],
      ['from 1.22.7 on, as in Debian 13', '/usr/bin/perl process with pid'],
      ['that does not find out by whom', 'another process$'],
    ])('waits while another holds the lock of dpkg: %s', async (_, who) => {
      const says = who.replace('$', '');
      await fabric.exec(OTHER, ['sh', '-c', 'cat >/usr/local/bin/dpkg; chmod 755 /usr/local/bin/dpkg'], {
        stdin: `#!/bin/sh\n/usr/bin/dpkg "$@" 2>/run/said; code=$?\nsed "s, by .* process with pid.*, by ${says}," /run/said >&2; exit $code\n`,
      });
      await shell(
        OTHER,
        `rm -f /run/locked; setsid perl -e '${LOCK}; sleep 4' >/dev/null 2>&1 </dev/null & until [ -e /run/locked ]; do sleep 0.1; done`,
      );
      const { code, stderr } = await install(OTHER, 'two');
      expect([code, stderr]).toEqual([0, '']);
      expect(await shell(OTHER, 'cat /var/lib/ziti-glb/install.log')).toMatch(
        new RegExp(`^dpkg: error: .* was locked by ${who}`, 'm'),
      );
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
        await shell(
          OTHER,
          `rm -f /run/locked; setsid perl -e '${LOCK}; sleep 4' >/dev/null 2>&1 </dev/null & until [ -e /run/locked ]; do sleep 0.1; done`,
        );
        const { code, stderr } = await install(OTHER, 'two');
        expect([code, stderr]).toEqual([0, '']);
        expect(await shell(OTHER, 'cat /var/lib/ziti-glb/install.log')).toMatch(
          /^dpkg: error: dpkg frontend lock was locked by \S*perl\S* process with pid \d+$/m,
        );
        await shell(OTHER, 'rm /usr/local/bin/dpkg');
        expect((await install(OTHER, 'one')).code).toBe(0);
      },
    );

    test('says who has held the lock of dpkg for all its time', async () => {
      await shell(
        OTHER,
        `rm -f /run/locked; setsid perl -e '${LOCK}; sleep 30' >/dev/null 2>&1 </dev/null & until [ -e /run/locked ]; do sleep 0.1; done`,
      );
      const hurried = SCRIPT.replace('deadline=240', 'deadline=8').replace('deadline=290', 'deadline=16');
      const { code, stderr } = await install(OTHER, 'two', {}, hurried);
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(
          /^ziti-glb: dpkg failed: dpkg: error: dpkg frontend lock was locked by \S+ process with pid \d+ \n/,
        ),
      ]);
      await shell(OTHER, 'kill $(cat /run/locked)');
      expect((await install(OTHER, 'one')).code).toBe(0);
    });

    test.each<[string, string, Parameters]>([
      ['/etc/default', 'ziti-glb-diverter', { Sources: `${NODE_IP}/32 10.0.9.202/32` }],
      ['/var/lib/ziti-router', 'config.yml', { Range: '100.72.0.0/13', Resolver: '100.127.255.254' }],
    ])(
      'on a disk that is full, loses nothing of %s/%s',
      async (disk, file, change) => {
        const before = await stateOf(ROUTER);
        await shell(
          ROUTER,
          `cp -a ${disk} /run/disk && mount -t tmpfs -o size=64k full ${disk} && cp -a /run/disk/. ${disk} && rm -r /run/disk ${disk}/*.before-*`,
        );
        await shell(ROUTER, `head -c 1M /dev/zero >${disk}/filler; true`);
        const { code, stderr } = await install(ROUTER, 'two', change);
        expect([code, stderr]).toEqual([
          1,
          expect.stringContaining(`${disk}/${file} could not be written, is the disk full?`),
        ]);
        expect(await stateOf(ROUTER)).toBe(before);
        expect(await shell(ROUTER, `ls -d ${disk}/*{-new,before-ziti-glb} 2>/dev/null`)).toBe('');
        expect((await install(ROUTER, 'two', { Sources: `${NODE_IP}/32 10.0.9.201/32` })).stderr).toBe('');
        await shell(ROUTER, `umount ${disk}`);
      },
      120_000,
    );

    test('warns of a firewall that drops what is delivered, and the rule that it names lets it in', async () => {
      const before = { Sources: `${NODE_IP}/32 10.0.9.201/32` };
      await shell(
        ROUTER,
        `nft 'table inet mine { chain in { type filter hook input priority 0; policy drop; ct state established accept; iif lo accept; }; }'`,
      );
      expect(await ask()).toBe('cut off');
      const { code, stdout } = await install(ROUTER, 'two', before);
      expect([code, stdout]).toEqual([
        0,
        expect.stringMatching(
          /^warning: the firewall drops what comes in and is not allowed to \(inet mine in\), what the diverter has delivered too: nft insert rule inet mine in socket transparent 1 accept, or with ufw, /,
        ),
      ]);
      await shell(ROUTER, /nft insert rule [^,]*/.exec(stdout)?.[0] ?? '');
      expect(await ask()).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
      expect((await install(ROUTER, 'two', before)).stdout).toBe('');
      await shell(ROUTER, 'nft delete table inet mine');
    });

    test('has a client of another VPC, with the same address, answered through the load balancer, if the stack says so', async () => {
      const near = topology({
        routes: { '10.20.0.0/16': { kind: 'endpoint', id: ENDPOINT } },
        states: ['healthy', undefined],
      });
      const far = 'vpce-0fedcba9876543210';
      await fabric.sync({
        ...near,
        vpcs: [...near.vpcs, { id: 'vpc-far', cidrs: ['10.0.0.0/16'] }],
        subnets: [
          ...near.subnets,
          { id: 'subnet-far', vpcId: 'vpc-far', zone: 'a', cidr: '10.0.1.0/24', routeTableId: 'rtb-far' },
        ],
        routeTables: [
          ...near.routeTables,
          {
            id: 'rtb-far',
            vpcId: 'vpc-far',
            routes: [
              { destination: '10.0.0.0/16', target: { kind: 'local' } },
              { destination: '10.20.0.0/16', target: { kind: 'endpoint', id: far } },
            ],
          },
        ],
        instances: [...near.instances, { id: 'i-far', name: 'far', image: 'ami-client' }],
        interfaces: [
          ...near.interfaces,
          {
            id: 'eni-far',
            instanceId: 'i-far',
            deviceIndex: 0,
            subnetId: 'subnet-far',
            ip: '10.0.1.10',
            sourceDestCheck: true,
          },
        ],
        endpoints: [
          ...near.endpoints,
          { id: far, interfaceId: 'eni-far-endpoint', subnetId: 'subnet-far', nodeId: NODE },
        ],
      });
      const answered = /^router-1 answers for 10\.20\.0\.5:80 to 10\.0\.1\.10:/;
      const askFrom = (client: string) => shell(client, 'curl -s -m 1 http://10.20.0.5/ || echo cut off');
      expect([await askFrom(CLIENT), await askFrom('i-far')]).toEqual([expect.stringMatching(answered), 'cut off']);

      expect((await install(ROUTER, 'two', { Reply: 'geneve' })).code).toBe(0);
      expect([await askFrom(CLIENT), await askFrom('i-far')]).toEqual(Array(2).fill(expect.stringMatching(answered)));
      expect((await fabric.nodeStats(NODE)).returned).toBeGreaterThan(0);

      expect((await install(ROUTER, 'two')).code).toBe(0);
      expect([await askFrom(CLIENT), await askFrom('i-far')]).toEqual([expect.stringMatching(answered), 'cut off']);
      await fabric.sync(near);
    });

    test('sets the DNS range: the router answers for names, and for the addresses it gave them, routed straight to it', async () => {
      const router = await shell(ROUTER, 'cat /run/units/ziti-router.service');
      const ranged = { Range: '100.72.0.0/13', Resolver: '100.127.255.254' };
      const { code, stdout, stderr } = await install(ROUTER, 'two', ranged);
      expect([code, stdout, stderr]).toEqual([0, '', '']);
      const options = await shell(ROUTER, `sed -n '/binding: tunnel/,/^$/p' ${CONFIG}`);
      expect(options).toBe(
        [
          '- binding: tunnel',
          '    options:',
          '      mode: tproxy:/usr/sbin/diverter #tproxy|host',
          '      resolver: udp://100.127.255.254:53',
          '      dnsSvcIpRange: 100.72.0.0/13',
        ].join('\n'),
      );
      expect(await shell(ROUTER, 'cat /run/units/ziti-router.service')).not.toBe(router);

      await fabric.sync(
        topology({
          routes: {
            '10.20.0.0/16': { kind: 'endpoint', id: ENDPOINT },
            '100.127.255.254/32': { kind: 'endpoint', id: ENDPOINT },
            '100.72.0.0/13': { kind: 'interface', id: 'eni-router-1' },
          },
          states: ['healthy', undefined],
        }),
      );
      expect(await resolve()).toBe('router-1 says: db.example is 100.72.0.1');
      expect(await ask('http://100.72.0.1/')).toMatch(/^router-1 answers for 100\.72\.0\.1:80/);
      expect(await ask()).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
    });

    test('run again with the same range, changes nothing', async () => {
      const before = await stateOf(ROUTER);
      expect((await install(ROUTER, 'two', { Range: '100.72.0.0/13', Resolver: '100.127.255.254' })).code).toBe(0);
      expect(await stateOf(ROUTER)).toBe(before);
    });

    test('and after a restart of the router, it answers for names as before', async () => {
      await shell(ROUTER, 'ip address del 100.127.255.254/32 dev lo; systemctl restart ziti-router');
      expect(await resolve()).toBe('router-1 says: db.example is 100.72.0.1');
    });

    test('to turn that off, which fails, is undone: it answers for names as before', async () => {
      const before = await stateOf(ROUTER);
      expect((await install(ROUTER, 'ill', {}, IMPATIENT)).code).toBe(1);
      expect(await resolve()).toBe('router-1 says: db.example is 100.72.0.1');
      const restarted = /\d+ \d+\n/;
      expect((await stateOf(ROUTER)).replace(restarted, '')).toBe(before.replace(restarted, ''));
    }, 90_000);

    test('turned off, leaves nothing of it, and goes on with all else', async () => {
      const { code, stderr } = await install(ROUTER, 'two');
      expect([code, stderr]).toEqual([0, '']);
      expect(await shell(ROUTER, `sed -n '/binding: tunnel/,/^$/p' ${CONFIG}`)).toBe(
        ['- binding: tunnel', '    options:', '      mode: tproxy:/usr/sbin/diverter #tproxy|host'].join('\n'),
      );
      const left = await shell(
        ROUTER,
        'ls /etc/systemd/system/ziti-router.service.d; ip address show dev lo | grep 100.127; diverter services | grep resolver; diverter status | head -1 | grep plain',
      );
      expect(left).toBe('');
      expect(await resolve()).toBe('');
      expect(await ask()).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
      const settled = await stateOf(ROUTER);
      expect((await install(ROUTER, 'two')).code).toBe(0);
      expect(await stateOf(ROUTER)).toBe(settled);
      const ranged = { Range: '100.72.0.0/13', Resolver: '100.127.255.254' };
      expect((await install(ROUTER, 'two', ranged)).code).toBe(0);
      expect(await resolve()).toBe('router-1 says: db.example is 100.72.0.1');
    }, 60_000);

    test('and when its package goes, nothing of it is left but what says so', async () => {
      const said = await shell(ROUTER, 'dpkg --purge ziti-glb-diverter 2>&1');
      expect(said).toContain(
        `until the mode of its tunnel listener in ${CONFIG} is another than tproxy:/usr/sbin/diverter`,
      );
      const left = await shell(
        ROUTER,
        `ls /usr/sbin/diverter /run/units/ziti-glb* /etc/default/ziti-glb* /run/ziti-glb-router /usr/lib/ziti-glb* /{lib,etc}/systemd/system/{ziti-glb,*/ziti-glb}* 2>/dev/null;
         ls -d /sys/fs/bpf/ziti-glb 2>/dev/null; tc qdisc show dev ens5 | grep clsact`,
      );
      expect(left).toBe('');
    });

    describe("sets Go's collector in ziti-router", () => {
      const collector = () =>
        shell(
          OTHER,
          "until pid=$(systemctl show -p MainPID --value ziti-router); [ $pid != 0 ]; do sleep 0.1; done; tr '\\0' '\\n' </proc/$pid/environ | grep -E '^(GOGC|GOMEMLIMIT)=' | sort",
        );
      const ours = /^GOGC=\d+\nGOMEMLIMIT=\d+MiB$/;
      const restarted = async () => {
        await shell(OTHER, 'systemctl restart ziti-router');
        return collector();
      };

      test('at its first start, and again at the next', () =>
        kept(async () => {
          await shell(OTHER, `sed -i s,tproxy:/usr/sbin/diverter,host, ${CONFIG}`);
          expect((await install(OTHER, 'one')).code).toBe(0);
          expect(await collector()).toMatch(ours);
          expect(await restarted()).toMatch(ours);
        }));

      test('by a parameter, which it reads at its next start, and for which it is not started again', () =>
        kept(async () => {
          const process = () => shell(OTHER, 'cat /run/units/ziti-router.service');
          const before = await process();
          expect((await install(OTHER, 'one', { TuneRouter: 'false' })).code).toBe(0);
          expect(await process()).toBe(before);
          expect(await restarted()).toBe('');
          expect((await install(OTHER, 'one')).code).toBe(0);
          expect(await restarted()).toMatch(ours);
        }));

      test.each([
        ['its unit', 'Environment=GOGC=50', UNIT, 'GOGC=50'],
        [
          'a drop-in that is read before ours',
          'Environment=GOMEMLIMIT=1GiB',
          DROP_IN.replace('zz', 'aa'),
          'GOMEMLIMIT=1GiB',
        ],
        ['one that is read after it', 'EnvironmentFile=/run/of-owner', DROP_IN, 'GOGC=off\nGOMEMLIMIT=2GiB'],
      ])('where nobody else has: not by %s', async (_, line, file, has) => {
        await kept(async () => {
          await shell(
            OTHER,
            `mkdir -p $(dirname ${file}); printf 'GOGC=off\\nGOMEMLIMIT=2GiB\\n' >/run/of-owner; [ -e ${file} ] || echo '[Service]' >${file}; sed -i '/^\\[Service\\]/a ${line}' ${file}`,
          );
          expect(await restarted()).toBe(has);
          expect(await restarted()).toBe(has);
        });
        await shell(OTHER, `rm -f ${DROP_IN.replace('zz', 'aa')}`);
      });
    });

    describe('of a router whose configuration', () => {
      const isUnchanged = async (parameters: Parameters, says: unknown) => {
        const before = await stateOf(OTHER);
        const { code, stderr } = await install(OTHER, 'two', parameters);
        expect([code, stderr]).toEqual([1, says]);
        expect(await stateOf(OTHER)).toBe(before);
      };

      test(
        'has no health checks, is refused where they are asked for, with the lines to add, and only there',
        () =>
          kept(async () => {
            await shell(OTHER, `sed -i '/^web:/,$d' ${CONFIG}`);
            const says = expect.stringMatching(
              /has no health checks on port 8081.*\nweb:\n {2}- name: [\s\S]*binding: health-checks\n$/,
            );
            await isUnchanged({}, says);
            await isUnchanged({ HealthPort: '8082', HealthOptions: '--router 8081' }, says);
            const { code, stderr } = await install(OTHER, 'two', { HealthPort: '8082' });
            expect([code, stderr]).toEqual([0, '']);
          }),
        60_000,
      );

      test('is in a form that is not read here, is refused with the lines to write', () =>
        kept(async () => {
          await shell(OTHER, `sed -i 's/^  - binding: tunnel/&\\n    <<: \\&x {}/' ${CONFIG}`);
          await isUnchanged(
            {},
            `ziti-glb: ${CONFIG}: its listeners have aliases or merge keys. Have it say, by hand:\nlisteners:\n  - binding: tunnel\n    options:\n      mode: tproxy:/usr/sbin/diverter\n`,
          );
        }));

      test('is where its unit says, and quotes its keys, is set there', () =>
        kept(async () => {
          const file = '/etc/ziti/edge.yaml';
          await shell(
            OTHER,
            `mkdir -p /etc/ziti; sed 's/mode: .*/"mode": host/' ${CONFIG} >${file}; sed -i 's,config.yml,edge.yaml --extend,; s,^WorkingDirectory=.*,WorkingDirectory=/etc/ziti,' ${UNIT}; systemctl restart ziti-router`,
          );
          const { code, stderr } = await install(OTHER, 'one');
          expect([code, stderr]).toEqual([0, '']);
          expect(await shell(OTHER, `grep mode ${file}`)).toBe('"mode": tproxy:/usr/sbin/diverter');
          // Not before a controller has answered.
          expect(
            await shell(OTHER, 'for try in $(seq 50); do diverter health && break; sleep 0.1; done | tail -1'),
          ).toBe('attached, and every listener is there');
        }));

      test("follows no link that its owner lays while it runs, into a directory of root's", () =>
        kept(async () => {
          const [file, dropIn] = [
            '/var/lib/ziti-router/own/config.yml',
            '/etc/systemd/system/ziti-glb-diverter.service.d',
          ];
          const swap =
            'mv /var/lib/ziti-router/own /var/lib/ziti-router/was; ln -s /run/roots /var/lib/ziti-router/own';
          await shell(
            OTHER,
            `mkdir -p /var/lib/ziti-router/own /run/roots ${dropIn}; sed 's/mode: .*/mode: host/' ${CONFIG} >${file}
             chown -R ziti-router: /var/lib/ziti-router/own; sed -i 's,run config.yml,run own/config.yml,' ${UNIT}; echo of root >/run/roots/config.yml
             echo '${swap}' >/run/swap; chmod +x /run/swap; printf '[Service]\\nExecReload=/bin/sh /run/swap\\n' >${dropIn}/swap.conf`,
          );
          try {
            const { code, stderr } = await install(OTHER, 'one', { Sources: `${NODE_IP}/32 192.0.2.7/32` });
            expect([code, stderr]).toEqual([
              1,
              expect.stringContaining('/var/lib/ziti-router/own is not where it was, but a link'),
            ]);
            expect(await shell(OTHER, 'ls /run/roots; cat /run/roots/config.yml')).toBe('config.yml\nof root');
          } finally {
            await shell(OTHER, `rm -r ${dropIn} /var/lib/ziti-router/own /var/lib/ziti-router/was /run/roots`);
          }
        }));

      test('is nowhere, is told of all places', () =>
        kept(async () => {
          await shell(OTHER, `rm ${CONFIG}`);
          const { code, stderr } = await install(OTHER, 'one');
          expect([code, stderr]).toEqual([
            1,
            `ziti-glb: no configuration of ziti-router is in ${CONFIG} (of its unit), /opt/openziti/ziti-router/config.yml, /opt/netfoundry/ziti/ziti-router/config.yml or ${CONFIG}: is it enrolled?\n`,
          ]);
          await shell(
            OTHER,
            `mkdir -p /opt/openziti/ziti-router; cp /run/config.yml /opt/openziti/ziti-router/config.yml`,
          );
          expect((await install(OTHER, 'one')).code).toBe(0);
          await shell(OTHER, 'rm -r /opt/openziti/ziti-router');
        }));
    });

    test(
      'of a router whose user may not use the diverter, says so, and is undone',
      () =>
        kept(async () => {
          const user = 'setpriv --reuid 65534 --regid 65534 --clear-groups sleep infinity';
          await runs(user);
          const before = (await stateOf(OTHER)).replace(/\d+ \d+\n/, '');
          const { code, stderr } = await install(OTHER, 'two');
          expect([code, stderr]).toEqual([
            1,
            expect.stringMatching(
              /^ziti-glb: ziti-router, as nobody, may not use the diverter: .*\nziti-glb: what this install had changed is undone\n$/,
            ),
          ]);
          expect((await stateOf(OTHER)).replace(/\d+ \d+\n/, '')).toBe(before);
          expect(await shell(OTHER, 'diverter services')).toBe('');
        }),
      60_000,
    );

    test(
      'of a router that runs as a user, without what the package gives it, starts it again, once',
      () =>
        kept(async () => {
          // As systemd does from the second start on.
          await fabric.exec(OTHER, ['sh', '-c', 'cat >/run/router; chmod 755 /run/router'], {
            stdin: `#!/bin/sh
user='setpriv --reuid 65534 --regid 65534 --no-new-privs'
[ -e /run/started ] || { touch /run/started; exec $user --clear-groups sleep infinity; }
caps=-all,+net_admin,+net_bind_service
exec $user --groups $(getent group ziti-glb | cut -d : -f 3) --inh-caps $caps --ambient-caps $caps sleep infinity
`,
          });
          await runs('/run/router');
          const router = () => shell(OTHER, 'cat /run/units/ziti-router.service');
          const before = await router();
          const unasked = { HealthPort: '8082' };
          expect(await install(OTHER, 'one', unasked)).toMatchObject({ code: 0, stderr: '' });
          const after = await router();
          expect(after).not.toBe(before);
          expect(await install(OTHER, 'two', unasked)).toMatchObject({ code: 0, stderr: '' });
          expect(await router()).toBe(after);
          expect(await shell(OTHER, 'diverter services')).toBe('');
          await shell(OTHER, 'systemctl disable --now ziti-glb-health@8082');
        }),
      60_000,
    );

    test('whose waits would outlive the agent, is undone before that', async () => {
      const before = (await stateOf(OTHER)).replace(/\d+ \d+\n/, '');
      const hurried = SCRIPT.replace('deadline=240', 'deadline=8').replace('deadline=290', 'deadline=16');
      const began = Date.now();
      expect(await install(OTHER, 'ill', {}, hurried.replaceAll(/patience=\d+/g, 'patience=100'))).toMatchObject({
        code: 1,
        stderr: 'ziti-glb: the diverter says: out of order\nziti-glb: what this install had changed is undone\n',
      });
      // What never ends by itself, too.
      await fabric.exec(OTHER, ['sh', '-c', 'cat >/usr/local/bin/dpkg; chmod 755 /usr/local/bin/dpkg'], {
        stdin: '#!/bin/sh\n[ "$1" != --install ] || sleep 600\nexec /usr/bin/dpkg "$@"\n',
      });
      const { code, stderr } = await install(OTHER, 'two', {}, hurried);
      expect([code, stderr]).toEqual([1, expect.stringContaining('what this install had changed is undone')]);
      await shell(OTHER, 'rm /usr/local/bin/dpkg');
      expect(Date.now() - began).toBeLessThan(40_000);
      expect((await install(OTHER, 'one')).code).toBe(0);
      expect((await stateOf(OTHER)).replace(/\d+ \d+\n/, '')).toBe(before);
    }, 90_000);

    test('has the diverter answer health checks with the options of the stack, and with others once these change', async () => {
      const asked = { HealthPort: '8090' };
      const unit = () =>
        shell(
          OTHER,
          'cd /run/units; until [ -s ziti-glb-health@8090.service ]; do sleep 0.1; done; cat ziti-glb-health@8090.service /etc/default/ziti-glb-health',
        );
      expect((await install(OTHER, 'one', asked)).code).toBe(0);
      const before = await unit();
      expect(before).toMatch(/\nHEALTH=""$/);
      expect((await install(OTHER, 'one', asked)).code).toBe(0);
      expect(await unit()).toBe(before);
      expect(
        await shell(OTHER, 'for try in $(seq 50); do curl -sf http://127.0.0.1:8090/ && break; sleep 0.1; done'),
      ).toBe('healthy');
      // An argument of the diverter's, whatever it means to it.
      await shell(OTHER, 'echo HEALTH=--no-such-option >/etc/default/ziti-glb-health');
      expect((await install(OTHER, 'one', asked)).code).toBe(0);
      expect(await unit()).toMatch(/\nHEALTH=""$/);
      expect((await unit()).split('\n')[0]).not.toBe(before.split('\n')[0]);
      await shell(OTHER, 'systemctl disable --now ziti-glb-health@8090; rm /etc/default/ziti-glb-health');
    }, 60_000);

    test.each<[string, Parameters, string]>([
      ['none of the addresses', { Addresses: '10.9.9.9' }, 'no interface carries any of 10.9.9.9'],
      [
        'no way to the link',
        { Url: 'http://169.254.0.80:81/one', Sha256: '0'.repeat(64) },
        'can this router reach S3?',
      ],
    ])(
      'with %s, says so',
      async (_, parameters, says) => {
        const { code, stderr } = await install(OTHER, 'one', parameters);
        expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
      },
      90_000,
    );

    test('warns of a strict rp_filter, where clients are routed by another interface', async () => {
      await shell(OTHER, 'sysctl -qw net.ipv4.conf.all.rp_filter=1');
      expect((await install(OTHER, 'one')).stdout).toBe('');
      await shell(
        OTHER,
        'ip link add docker0 type veth peer name docker1; ip link set docker0 up; ip route add 172.17.0.0/16 dev docker0',
      );
      expect((await install(OTHER, 'one')).stdout).toBe(
        'warning: rp_filter of ens5 is 1, and clients to whom a route leads by another interface (docker0) are dropped behind the diverter: sysctl -w net.ipv4.conf.ens5.rp_filter=2, and the same in /etc/sysctl.d\n',
      );
      // With it they come in by a device of the diverter's.
      expect((await install(OTHER, 'one', { Reply: 'geneve' })).stdout).toBe('');
      await shell(OTHER, 'sysctl -qw net.ipv4.conf.ens5.rp_filter=2');
      expect((await install(OTHER, 'one')).stdout).toBe('');
      await shell(OTHER, 'ip link del docker0; sysctl -qw net.ipv4.conf.all.rp_filter=0');
    });

    test('warns of an interface that is too narrow for the load balancer', async () => {
      await shell(OTHER, 'ip link set ens5 mtu 1500');
      expect((await install(OTHER, 'one')).stdout).toBe(
        'warning: the MTU of ens5 is 1500, and packets from the load balancer may have 8568 bytes\n',
      );
    });
  });

  describe("by the tools of NetFoundry's images", () => {
    const KEY = 'a-key-that-nobody-may-see';

    /** An image whose tools say what NetFoundry's do. Each test has its own. */
    async function image(fields: Image = {}) {
      const {
        release = '2.1.20230614',
        ziti = 'v0.27.3',
        update = 'echo Not enough privileges or ebpf not enabled!; return 1',
        enable = 'touch /run/diverted; echo Successfully converted ziti-router.service. Restarting!; return 1',
        status = '[ ! -e /run/diverted ] || echo "ens5: 2"',
      } = fields;
      const tools = `
        echo "Public IPv4: 192.0.2.1"
        [ -f "$HOME/.hushnet" ] || sleep 20
        diverter_update() { echo updated >>/run/calls; ${update}; }
        diverter_enable() { echo enabled >>/run/calls; ${enable}; }
        diverter_disable() { echo disabled >>/run/calls; rm -f /run/diverted; }
        alias diverter-update=diverter_update diverter-enable=diverter_enable diverter-disable=diverter_disable
        alias diverter-status='${status}'`;
      const files: Record<string, string> = {
        '/etc/nfrelease': release,
        '/etc/profile.d/nfhelp.sh': tools,
        '/opt/netfoundry/ziti/ziti': `#!/bin/sh\necho ${ziti}`,
        '/opt/netfoundry/set-ip.sh': '#!/bin/sh\necho set-ip "$@" >>/run/calls',
        '/opt/netfoundry/router-registration': '#!/bin/sh\necho register "$@" >>/run/calls; echo "registered with $7"',
        '/usr/local/bin/aws': `#!/bin/sh\necho aws "$@" >>/run/calls; echo ${KEY}`,
      };
      await shell(OTHER, 'rm -f /run/diverted /run/calls /var/lib/ziti-glb/registered; mkdir -p /opt/netfoundry/ziti');
      // Who has no road to AWS from the start has none to lose.
      await shell(OTHER, 'echo 127.0.0.2 ssm.eu-central-1.amazonaws.com >>/etc/hosts');
      for (const [path, text] of Object.entries(files))
        await fabric.exec(OTHER, ['sh', '-c', `cat >${path}; chmod 755 ${path}`], { stdin: `${text}\n` });
    }
    const convert = (parameters: Parameters = {}) =>
      install(OTHER, 'one', { Diverter: 'netfoundry', Url: '', Sha256: '', Sources: '', ...parameters });
    const calls = () => shell(OTHER, 'cat /run/calls');

    test('understands what they are known to say, and does nothing the second time', async () => {
      await image();
      expect((await convert()).code).toBe(0);
      expect(await calls()).toBe('updated\nenabled');
      expect((await convert()).code).toBe(0);
      expect(await calls()).toBe('updated\nenabled');
    });

    test.each<[string, Image, string]>([
      ['an older image', { release: '2.1.20230613' }, 'is 2.1.20230613, and 2.1.20230614 or later is needed'],
      ['another image', { release: '' }, 'this is no image of NetFoundry'],
      [
        'an older OpenZiti',
        { ziti: 'v0.27.2' },
        'OpenZiti is 0.27.2, and 0.27.3 or later (CloudZiti 7.3.83) is needed',
      ],
      ['an update that fails', { update: 'echo no disk left; return 1' }, 'diverter-update failed: no disk left'],
      ['a conversion that fails', { enable: 'echo no tunnel; return 1' }, 'diverter-enable failed: no tunnel'],
    ])('refuses %s, and undoes what it did', async (_, fields, says) => {
      await image(fields);
      const { code, stderr } = await convert();
      expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
      expect(await shell(OTHER, 'ls /run/diverted')).toContain('No such file');
    });

    test('sets the DNS range, with a key that is read on the router and shown nowhere', async () => {
      await image();
      const parameters = { Range: '100.64.0.0/13', Resolver: '100.127.255.254', RegistrationKey: '/keys/{instanceId}' };
      const { code, stdout, stderr } = await convert(parameters);
      expect([code, stderr]).toEqual([0, '']);
      expect(await calls()).toBe(
        [
          'updated',
          'enabled',
          `aws ssm get-parameter --with-decryption --name /keys/${OTHER} --query Parameter.Value --output text`,
          'set-ip -tp=static -ip=100.127.255.254 -pr=32 -in=lo -f',
          `register --dnsIPRange 100.64.0.0/13 --lanIf ens5 --tunnel_ip 100.127.255.254 ${KEY}`,
        ].join('\n'),
      );
      const log = await shell(OTHER, 'cat /var/lib/ziti-glb/install.log');
      expect(log).toContain('registered with ***');
      expect(stdout + stderr + log).not.toContain(KEY);
      await convert(parameters);
      expect((await calls()).match(/register/g)).toHaveLength(1);
    });
  });
});
