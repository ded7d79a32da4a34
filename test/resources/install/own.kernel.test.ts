import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { NODE_IP, ROUTERS } from '../../local/fabric/topology.ts';
import { describeKernel } from '../../support/kernel.ts';
import type { Talk } from '../../support/talkers.ts';
import { talking } from '../../support/talking.ts';
import { CLIENT, CONFIG, installStage, OTHER, type Parameters, ROUTER } from './stage.ts';

describeKernel('the install of our own diverter', () => {
  const { fabric, fetched, shell, sha256, install, ask, askUntilAnswered, stateOf } = installStage();
  /** The talk has gone on for a while after what was done under it. */
  const expectUnbroken = async (end: () => Promise<Talk>) => {
    await sleep(2_000);
    const [one] = (await end()).long;
    expect(one).toMatchObject({ router: 'router-1', failed: '', heard: one?.said });
    expect(one?.said).toBeGreaterThan(50);
  };

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
    expect(await shell(ROUTER, 'diverter status | head -1')).toBe('attached  ens5 --from 10.0.9.200/32 --reply direct');
    expect(await askUntilAnswered()).toMatch(/^router-1 answers for 10\.20\.0\.5:80/);
  });

  test('keeps its log where nobody but root may lay a link for it', async () => {
    const log = '/var/lib/ziti-glb/install.log';
    // Ubuntu lets the group syslog write there.
    await shell(
      ROUTER,
      'chgrp adm /var/log; chmod 775 /var/log; echo of root >/run/of-root; ln -sf /run/of-root /var/log/ziti-glb-install.log',
    );
    expect((await install(ROUTER, 'one')).code).toBe(0);
    expect(await shell(ROUTER, `cat /run/of-root; stat -c '%U %a' ${log}`)).toBe('of root\nroot 600');
    expect(
      await shell(ROUTER, 'find / /var /var/lib /var/lib/ziti-glb -maxdepth 0 -perm /022 -o -maxdepth 0 ! -user root'),
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
    await shell(
      ROUTER,
      `setsid ${process.execPath} -e "require('net').createServer(s=>s.end('SSH-2.0-x\\n')).listen(22)" >/dev/null 2>&1 & sleep 0.3`,
    );
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
  });

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
    const found = await shell(ROUTER, 'for try in $(seq 100); do diverter health && break; sleep 0.25; done | tail -1');
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

  test.each<[string, Parameters, string]>([
    ['none of the addresses', { Addresses: '10.9.9.9' }, 'no interface carries any of 10.9.9.9'],
    ['no way to the link', { Url: 'http://169.254.0.80:81/one', Sha256: '0'.repeat(64) }, 'can this router reach S3?'],
  ])('with %s, says so', async (_, parameters, says) => {
    const { code, stderr } = await install(OTHER, 'one', parameters);
    expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
  });

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
    // Packets come in by a device of the diverter's with it.
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
