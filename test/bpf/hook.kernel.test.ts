import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import { encapsulated, ipv4, UDP, udp, withChecksum } from './packet.ts';
import { diverterPath, framed, harnessPath, type Router, startRouter } from './router.ts';

const packet = encapsulated(ipv4({}, withChecksum(UDP, '192.168.1.1', '100.64.0.1', udp({}, Buffer.from('x')))));
const rule = {
  destination: '100.64.0.0/10',
  protocol: 'udp',
  ports: [5000, 5000] as [number, number],
  listener: 40001,
} as const;

const keepUnit = new URL('../../bpf/deb/ziti-glb-diverter-keep.service', import.meta.url);
const OURS = ['ingress diverter_ingres', 'egress diverter_egress'];
let router: Router;
const attach = (...args: string[]): string => router.diverts('attach', 'eth0', ...args);
const status = (): Record<string, unknown> => JSON.parse(router.diverts('status', '--json'));
const tc = (...args: string[]) => router.exec(['tc', ...args]);
const programs = (): string[] => router.exec([harnessPath, 'tcx', 'eth0']).stdout.split('\n').filter(Boolean);
const filters = (): string => tc('filter', 'show', 'dev', 'eth0', 'ingress').stdout;
const qdiscs = (): string => tc('qdisc', 'show', 'dev', 'eth0').stdout;
/** A program of someone else takes every packet before all others: TCX_PASS, which the next ones do not see. */
const putFront = (side: string): void =>
  void expect(router.exec([harnessPath, 'front', 'eth0', side, 'other', '0']).stderr).toBe('');
/** A filter of someone else takes every packet, so that the next ones do not see it. */
const addFilter = (side: string): void =>
  void expect(
    tc('filter', 'add', 'dev', 'eth0', side, 'prio', '1', 'bpf', 'bytecode', '1,6 0 0 4294967295,').stderr,
  ).toBe('');
/** A version before tcx, or a kernel before 6.6, attaches so. */
const attachWithoutTcx = () =>
  router.exec([harnessPath, 'without-tcx', diverterPath, 'attach', 'eth0', '--from', '10.0.0.0/24']);

/** The unit that looks after the diverter says this, with systemd's reload in place of systemd. */
function keepSays(...options: string[]): string {
  const [, script = ''] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(readFileSync(keepUnit, 'utf8')) ?? [];
  const systemctl = `systemctl() { case $* in *is-active*) true ;; *) ${diverterPath} attach eth0 --from 10.0.0.0/24 ${options.join(' ')} ;; esac; }`;
  const { stdout, stderr } = router.exec([
    ...['sh', '-c'],
    `${systemctl}; ${script.replaceAll('exec systemctl', 'systemctl').replaceAll('/usr/sbin/diverter', diverterPath)}`,
  ]);
  expect(stderr).toBe('');
  return stdout;
}

async function listen(): Promise<void> {
  router.intercept(rule);
  await router.start(['listen', 'udp', '127.0.0.1', '40001']).line(/ready/);
}

/** Sends packets for as long as `commands` are run. Resolves to how many, and how many of them were delivered. */
async function deliveredWhile(commands: string): Promise<[sent: number, delivered: number]> {
  const delivered = (): number => router.counters().delivered_service ?? 0;
  const before = delivered();
  const ended = router.background(['sh', '-ec', commands]).finish();
  let sent = 0;
  for (let done = false; !done; sent += 500) {
    const sender = router.start(['send', 'eth0', '500', '50'], 'node');
    sender.write(framed(packet));
    await sender.finish();
    done = await Promise.race([ended.then(() => true), sleep(1, false)]);
  }
  return [sent, delivered() - before];
}

function withRouter(options?: { tcx: boolean }): void {
  beforeEach(async () => {
    router = await startRouter(options);
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });
}

describeKernel('by tcx', () => {
  withRouter();

  test('ours is before every filter, and makes no qdisc', async () => {
    await listen();
    attach('--from', '10.0.0.0/24');
    expect([programs(), qdiscs()]).toEqual([OURS, expect.not.stringContaining('clsact')]);
    tc('qdisc', 'add', 'dev', 'eth0', 'clsact');
    addFilter('ingress');
    attach('--from', '10.0.0.0/24');
    expect(status()).toMatchObject({ attached: [{ hook: 'tcx', inFront: [] }] });
    expect(router.diverter('health').code).toBe(0);
    expect(await deliveredWhile('true')).toEqual([500, 500]);
    router.diverts('detach');
    expect([programs(), filters(), qdiscs()]).toEqual([
      [],
      expect.stringContaining('pref 1 bpf'),
      expect.stringContaining('clsact'),
    ]);
  });

  test.each(['ingress', 'egress'])(
    'what stands in front on %s is said, and attach moves ours before it',
    async (side) => {
      await listen();
      attach('--from', '10.0.0.0/24');
      putFront(side);
      expect(status()).toMatchObject({
        attached: [{ interface: 'eth0', inFront: [{ side, kind: 'tcx', id: expect.any(Number), name: 'other' }] }],
      });
      expect(router.diverts('status')).toMatch(
        new RegExp(
          `\nin front  eth0: the program other \\(id \\d+\\) of tcx ${side} sees packets before ours: attach again`,
        ),
      );
      expect(router.diverter('health')).toMatchObject({
        code: 1,
        stdout:
          'attached to eth0, but behind the program other, which sees packets before ours: `diverter status` says what to do\n',
      });
      expect(await deliveredWhile('true')).toEqual([500, side === 'ingress' ? 0 : 500]);

      expect(keepSays()).toBe(
        '<4>the diverter is behind another program, lacks a route or what leads answers, gets merged datagrams, or knows an offload as it was: attaching it again\n',
      );
      expect(programs()).toEqual([
        ...(side === 'ingress' ? [OURS[0], 'ingress other', OURS[1]] : [...OURS, 'egress other']),
      ]);
      expect(status()).toMatchObject({ attached: [{ inFront: [] }], services: 1 });
      expect(router.diverter('health').code).toBe(0);
      expect(keepSays()).toBe('');
      router.diverts('detach');
      expect(programs()).toEqual([`${side} other`]);
      expect(keepSays()).toBe('<4>the diverter is not attached: attaching it again\n');
      expect(status()).toMatchObject({ attached: [{ inFront: [] }], services: 1 });
    },
  );

  test('an interface that is made to merge datagrams no longer does', async () => {
    await listen();
    attach('--from', '10.0.0.0/24');
    expect(router.exec(['ethtool', '-K', 'eth0', 'rx-gro-list', 'on']).stderr).toBe('');
    expect(keepSays()).toMatch(/gets merged datagrams, .*: attaching it again\nrx-gro-list of eth0 is turned off: /);
    expect([keepSays(), router.diverter('health').code]).toEqual(['', 0]);
  });

  test('an offload that answers depend on is looked at again after it has changed', async () => {
    const options = ['--reply', 'geneve'];
    const turn = (offload: string): void =>
      void expect(router.exec(['ethtool', '-K', 'eth0', 'tx', offload]).stderr).toBe('');
    await listen();
    turn('on');
    attach('--from', '10.0.0.0/24', ...options);
    expect(keepSays(...options)).toBe('');
    turn('off');
    expect(keepSays(...options)).toMatch(/knows an offload as it was: attaching it again\n$/);
    expect(keepSays(...options)).toBe('');
    attach('--from', '10.0.0.0/24');
    turn('on');
    expect(keepSays()).toBe('');
  });

  test('moving ours to the front again and again loses no packet', async () => {
    await listen();
    attach('--from', '10.0.0.0/24');
    // The program in front lets pass: TCX_NEXT.
    const front = `${harnessPath} front eth0 ingress other -1; ${harnessPath} front eth0 egress other -1`;
    const again = `${front}; ${diverterPath} attach eth0 --from 10.0.0.0/24; ${harnessPath} tcx eth0`;
    const [sent, delivered] = await deliveredWhile(`for i in $(seq 20); do ${again}; done`);
    expect(sent).toBeGreaterThan(1000);
    expect(delivered).toBe(sent);
    expect(programs().filter((name) => OURS.includes(name))).toEqual(OURS);
  });

  test("an older version's filters on clsact are exchanged without a packet lost, and their qdisc goes", async () => {
    await listen();
    expect(attachWithoutTcx().code).toBe(0);
    expect([programs(), filters()]).toEqual([[], expect.stringMatching(/pref 1 bpf/)]);
    expect(status()).toMatchObject({ attached: [{ hook: 'clsact' }] });
    const upgrade = `sleep 0.1; ${diverterPath} attach eth0 --from 10.0.0.0/24; sleep 0.1`;
    const [sent, delivered] = await deliveredWhile(upgrade);
    expect(delivered).toBe(sent);
    expect([programs(), filters(), qdiscs()]).toEqual([OURS, '', expect.not.stringContaining('clsact')]);
    expect(status()).toMatchObject({ attached: [{ hook: 'tcx', inFront: [] }], services: 1 });
  });

  test('detach takes both kinds away', () => {
    attach('--from', 'any');
    expect(attachWithoutTcx().code).toBe(0);
    router.exec(['rm', '-r', '/sys/fs/bpf/ziti-glb']);
    expect(status()).toMatchObject({ strays: ['eth0'] });
    router.diverts('detach');
    expect([programs(), filters()]).toEqual([[], '']);
  });

  test('a program of tcx stands before all filters: ours on clsact says so', () => {
    attachWithoutTcx();
    putFront('ingress');
    expect(status()).toMatchObject({
      attached: [{ hook: 'clsact', inFront: [{ side: 'ingress', kind: 'tcx', name: 'other' }] }],
    });
    expect(router.diverter('health').code).toBe(1);
  });
});

describeKernel('on clsact, where the kernel has no tcx', () => {
  withRouter({ tcx: false });

  test('it diverts, through upgrades too, and detach leaves nothing', async () => {
    await listen();
    attach('--from', '10.0.0.0/24');
    expect(programs()).toEqual([]);
    expect(status()).toMatchObject({ attached: [{ interface: 'eth0', hook: 'clsact', inFront: [] }] });
    expect(router.diverts('status')).toContain('\nhook      eth0: clsact\n');
    const again = `${harnessPath} without-tcx ${diverterPath} attach eth0 --from 10.0.0.0/$((23 + i % 2))`;
    const [sent, delivered] = await deliveredWhile(`for i in $(seq 20); do ${again}; done`);
    expect(delivered).toBe(sent);
    router.diverts('flush');
    router.diverts('detach');
    expect(qdiscs()).not.toContain('clsact');
    expect(router.exec(['ls', '/sys/fs/bpf']).stdout).not.toContain('ziti-glb');
  });

  test('a filter of priority 1 that came later is said, and makes it unhealthy', () => {
    attach('--from', '10.0.0.0/24');
    addFilter('egress');
    expect(status()).toMatchObject({ attached: [{ inFront: [{ side: 'egress', kind: 'filter' }] }] });
    expect(router.diverts('status')).toMatch(
      /\nin front {2}eth0: a filter of priority 1 .*`tc filter show dev eth0 egress`/,
    );
    expect(router.diverter('health')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('attached to eth0, but behind a filter of priority 1 of someone else'),
    });
  });

  test('half of it taken off is not attached', () => {
    attach('--from', 'any');
    tc('filter', 'del', 'dev', 'eth0', 'egress');
    expect(status()).toMatchObject({ attached: [], strays: ['eth0'] });
    attach('--from', 'any');
    expect(status()).toMatchObject({ attached: [{ interface: 'eth0' }], strays: [] });
  });

  test('a qdisc and filters of someone else stay', () => {
    const other = ['prio', '7', 'u32', 'match', 'u32', '0', '0'];
    router.exec(['tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact']);
    expect(router.exec(['tc', 'filter', 'add', 'dev', 'eth0', 'ingress', ...other]).stderr).toBe('');
    attach('--from', 'any');
    expect(filters()).toMatch(/pref 1 bpf[\s\S]*pref 7 u32/);
    router.diverts('detach');
    expect(filters()).toMatch(/^filter protocol all pref 7 u32/);
    router.exec(['tc', 'filter', 'del', 'dev', 'eth0', 'ingress']);
    attach('--from', 'any');
    router.diverts('detach');
    expect(qdiscs()).toContain('clsact');
  });

  test('a filter of someone else that would run before ours', () => {
    router.exec(['tc', 'qdisc', 'add', 'dev', 'eth0', 'clsact']);
    router.exec(['tc', 'filter', 'add', 'dev', 'eth0', 'ingress', 'prio', '1', 'u32', 'match', 'u32', '0', '0']);
    const before = filters();
    const { code, stderr } = router.diverter('attach', 'eth0', '--from', 'any');
    expect(code).toBe(1);
    expect(stderr).toMatch(/eth0 has a filter of someone else at priority 1.*tc filter show dev eth0 ingress/);
    expect(filters()).toBe(before);
    expect(status()).toMatchObject({ attached: [] });
  });

  test('over a running version, one that is refused changes nothing', () => {
    attach('--from', '10.0.0.0/24');
    router.exec(['tc', 'filter', 'del', 'dev', 'eth0', 'egress', 'prio', '1']);
    router.exec(['tc', 'filter', 'add', 'dev', 'eth0', 'egress', 'prio', '1', 'u32', 'match', 'u32', '0', '0']);
    const said = () => ({ filters: filters(), ...status(), counters: undefined });
    const before = said();
    expect(router.diverter('attach', 'eth0', '--from', 'any').stderr).toMatch(/filter of someone else at priority 1/);
    expect(said()).toEqual(before);
  });

  test.each([
    ['eth0', [[], ['--reply', 'geneve']]],
    ['lo', [['--reply', 'geneve']]],
  ])('an ingress qdisc of someone else on %s, which has no other side', (device, all) => {
    router.exec(['tc', 'qdisc', 'add', 'dev', device, 'ingress']);
    const made = () =>
      router.exec(['sh', '-c', 'ls /sys/class/net; ip rule; ip route show table all; ls -R /sys/fs/bpf']).stdout;
    const before = made();
    for (const options of all) {
      const { code, stderr } = router.diverter('attach', 'eth0', '--from', 'any', ...options);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`\`tc qdisc del dev ${device} ingress\``)]);
      expect(made()).toBe(before);
    }
    expect(status()).toMatchObject({ attached: [] });
    router.exec(['tc', 'qdisc', 'del', 'dev', device, 'ingress']);
    attach('--from', 'any');
    expect(status()).toMatchObject({ attached: [{ interface: 'eth0' }] });
  });
});
