import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import { encapsulated, ipv4, UDP, udp, withChecksum } from './packet.ts';
import { diverterPath, framed, harnessPath, type Router, startRouter, verdictNames } from './router.ts';

const segment = withChecksum(UDP, '192.168.1.1', '100.64.0.1', udp({}, Buffer.from('x')));
const packet = encapsulated(ipv4({}, segment));

describeKernel('the command', () => {
  let router: Router;
  beforeEach(async () => {
    router = await startRouter();
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  const attach = (...args: string[]): string => router.diverts('attach', 'eth0', ...args);
  const status = (): Record<string, unknown> => JSON.parse(router.diverts('status', '--json'));
  /** Programs see packets in this order, as `SIDE NAME`. */
  const programs = (): string[] => router.exec([harnessPath, 'tcx', 'eth0']).stdout.split('\n').filter(Boolean);
  const OURS = ['ingress diverter_ingres', 'egress diverter_egress'];
  const rule = {
    destination: '100.64.0.0/10',
    protocol: 'udp',
    ports: [5000, 5000] as [number, number],
    listener: 40001,
  } as const;

  async function listen(): Promise<void> {
    const service = router.start(['listen', 'udp', '127.0.0.1', '40001']);
    await service.line(/ready/);
  }

  test('status before, while and after it is attached', () => {
    expect(status()).toMatchObject({ attached: [], services: 0 });
    attach('--from', '10.0.0.0/24', '--from', '10.0.1.0/28', '--plain', '100.64.0.0/13');
    // Not every kernel has GENEVE devices.
    const merges = router.exec(['ip', 'link', 'show', 'ziti-glb-gro']).code === 0;
    expect(status()).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      attached: [
        {
          interface: 'eth0',
          from: ['10.0.0.0/24', '10.0.1.0/28'],
          plain: ['100.64.0.0/13'],
          reply: 'direct',
          hook: 'tcx',
          inFront: [],
          merging: [],
          offloadChanged: false,
        },
      ],
      gro: merges ? { device: 'ziti-glb-gro', problem: null } : { device: null, problem: expect.any(String) },
      replies: { device: null, problem: null },
      strays: [],
      services: 0,
      nonlocal: [],
      refused: { count: 0, last: null },
      counters: Object.fromEntries(verdictNames.map((name) => [name, expect.any(Number)])),
      stack: expect.objectContaining({ TcpPassiveOpens: expect.any(Number) }),
    });
    attach('--from', 'any', '--reply', 'geneve');
    expect(status()).toMatchObject({ attached: [{ from: ['0.0.0.0/0'], plain: [], reply: 'geneve' }] });
    router.diverts('detach', 'eth0');
    expect(status()).toMatchObject({ attached: [], services: 0 });
  });

  test('each interface says how it was attached, in the words of `attach`', () => {
    expect(router.diverts('status')).toMatch(/^not attached\nservices {2}0\nstack /);
    router.exec(['ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth2']);
    router.exec(['ip', 'address', 'add', '10.1.0.2/24', 'dev', 'eth1']);
    const lines = [
      'eth0 --from 10.0.0.0/24 --from 10.0.1.0/28 --reply direct',
      'eth1 --from 0.0.0.0/0 --plain 100.64.0.0/13 --reply geneve',
    ];
    for (const line of lines) router.diverts('attach', ...line.split(' '));
    const said = router.diverts('status').split('\n');
    expect(said.slice(0, 4).sort()).toEqual([
      ...lines.map((line) => `attached  ${line}`),
      'hook      eth0: tcx',
      'hook      eth1: tcx',
    ]);
  });

  test('a program that has the port of GENEVE keeps inner TCP from being merged, and is said', async () => {
    await router.start(['listen', 'udp', '10.0.0.2', '6081']).line(/ready/);
    attach('--from', '10.0.0.0/24');
    const problem = expect.stringMatching(/^UDP port 6081 has another socket: /);
    expect(status()).toMatchObject({ gro: { device: null, problem } });
    expect(router.diverts('status')).toMatch(/^gro {7}inner TCP comes unmerged: UDP port 6081 has another socket: /m);
  });

  test('a router may give its services before the interface is attached', async () => {
    router.intercept(rule);
    expect(status()).toMatchObject({ attached: [], services: 1 });
    attach('--from', '10.0.0.0/24');
    expect((await router.run([packet]))[0]?.reason).toBe('no_listener');
  });

  test('detach leaves services, for a router that goes on running', () => {
    router.intercept(rule);
    attach('--from', 'any');
    router.diverts('detach');
    expect(status()).toMatchObject({ attached: [], services: 1 });
  });

  test('flush and detach leave nothing: no program, no pin', () => {
    router.intercept(rule);
    attach('--from', 'any', '--reply', 'geneve');
    expect(programs()).toEqual(OURS);
    router.diverts('flush');
    router.diverts('detach');
    expect(programs()).toEqual([]);
    expect(router.exec(['ls', '/sys/fs/bpf']).stdout).not.toContain('ziti-glb');
    expect(router.diverts('detach')).toBe('');
  });

  test('the load balancer brings no packet to an address of another interface', async () => {
    router.exec(['ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth2']);
    router.exec(['ip', 'address', 'add', '100.64.0.1/32', 'dev', 'eth1']);
    router.intercept(rule);
    attach('--from', '10.0.0.0/24');
    expect((await router.run([packet]))[0]?.reason).toBe('inner_destination_router');
  });

  const refused: [string, string[], RegExp][] = [
    ['an interface that is not there', ['attach', 'eth9', '--from', 'any'], /there is no interface eth9: `ip link`/],
    ['no interface', ['attach', '--from', 'any'], /which interface\?/],
    [
      'no source',
      ['attach', 'eth0'],
      /name the load balancer's addresses by --from CIDR, or trust every source by --from any/,
    ],
    [
      'a source beside all sources',
      ['attach', 'eth0', '--from', '10.0.0.0/24', '--from', 'any'],
      /trusts every source, beside which no other --from has a meaning/,
    ],
    ['a source that is no prefix', ['attach', 'eth0', '--from', '10.0.0.1'], /--from 10.0.0.1: not an IPv4 prefix/],
    ['a source that is IPv6', ['attach', 'eth0', '--from', '::/0'], /not an IPv4 prefix/],
    ['an option without value', ['attach', 'eth0', '--from'], /^diverter: attach --from: its value is missing/],
    ['an option that is none', ['attach', 'eth0', '--from=any'], /^diverter: attach --from=any: no such option/],
    ['a reply mode', ['attach', 'eth0', '--from', 'any', '--reply', 'both'], /--reply both: neither direct nor geneve/],
    [
      'a plain destination that is no prefix',
      ['attach', 'eth0', '--plain', '100.64.0.0'],
      /--plain 100.64.0.0: not an IPv4 pr/,
    ],
    ['too many sources', ['attach', 'eth0', ...new Array(33).fill(['--from', '10.0.0.0/24']).flat()], /at most 32/],
    ['an unknown command', ['attack'], /^diverter: attack: no such command/],
    ['an argument too many', ['status', '--jason'], /^diverter: status --jason: it takes nothing but --json/],
    ['two interfaces to detach', ['detach', 'eth0', 'lo'], /^diverter: detach lo: it takes one interface, or none/],
    ['an argument of a command that has none', ['flush', 'all'], /^diverter: flush all: it takes no argument/],
  ];
  test.each(refused)('refuses %s', (_name, args, message) => {
    const { code, stderr } = router.diverter(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(router.exec(['ls', '/sys/fs/bpf/ziti-glb']).stdout).toBe('');
  });

  test('an interface without an address, without root, without a BPF file system', () => {
    router.exec(['ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth2']);
    expect(router.diverter('attach', 'eth1', '--from', 'any').stderr).toMatch(/eth1 has no IPv4 address/);
    const nobody = (args: string[]) =>
      router.exec(['setpriv', '--reuid=65534', '--clear-groups', diverterPath, ...args]);
    expect(nobody(['attach', 'eth0', '--from', 'any'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/needs root/),
    });
    router.exec(['sh', '-c', 'while umount /sys/fs/bpf; do :; done']);
    expect(router.diverter('attach', 'eth0', '--from', 'any').stderr).toMatch(
      /mount -t bpf -o mode=700 bpf \/sys\/fs\/bpf/,
    );
  });

  test('an interface that vanishes and comes back is not attached; what is left of it is forgotten', () => {
    attach('--from', 'any');
    router.exec(['ip', 'link', 'del', 'eth0']);
    expect(status()).toMatchObject({ attached: [] });
    expect(router.diverter('health')).toMatchObject({ code: 1, stdout: 'not attached to any interface\n' });
    expect(router.diverter('detach', 'eth0').stderr).toMatch(/there is no interface eth0/);
    router.exec(['ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'peer']);
    router.exec(['ip', 'address', 'add', '10.0.0.2/24', 'dev', 'eth0']);
    attach('--from', 'any');
    expect(status()).toMatchObject({ attached: [{ interface: 'eth0' }] });
    router.diverts('detach');
  });

  test('a program that the maps do not know of is said, is not taken for attached, and goes by detach', () => {
    attach('--from', 'any');
    router.exec(['rm', '-r', '/sys/fs/bpf/ziti-glb']);
    expect(status()).toMatchObject({ attached: [], strays: ['eth0'] });
    expect(router.diverts('status')).toMatch(
      /^not attached\nstray {5}eth0: .*`diverter detach eth0`\nservices {2}0\nstack .*/,
    );
    expect(router.diverter('health')).toMatchObject({ code: 1, stdout: 'not attached to any interface\n' });
    router.diverts('detach', 'eth0');
    expect(programs()).toEqual([]);

    attach('--from', '10.0.0.0/24');
    const others = `mount -t bpf bpf /sys/fs/bpf && ${diverterPath} attach eth0 --from 192.0.2.0/24`;
    expect(router.exec(['unshare', '--mount', 'sh', '-c', others]).stderr).toBe('');
    expect(status()).toMatchObject({ attached: [], strays: ['eth0'] });
    attach('--from', '10.0.0.0/24');
    expect(status()).toMatchObject({ attached: [{ from: ['10.0.0.0/24'] }], strays: [] });

    router.exec(['rm', '-r', '/sys/fs/bpf/ziti-glb']);
    router.diverts('detach');
    expect(programs()).toEqual([]);
  });

  test('half of it taken off is not attached', () => {
    attach('--from', 'any');
    router.exec([harnessPath, 'take', 'eth0', 'egress']);
    expect(status()).toMatchObject({ attached: [], strays: ['eth0'] });
    expect(router.diverter('health').code).toBe(1);
    attach('--from', 'any');
    expect(status()).toMatchObject({ attached: [{ interface: 'eth0' }], strays: [] });
  });

  test('as many addresses as there may be of each family, and one more', () => {
    const add = (family: string, address: string) =>
      router.exec(['ip', family, 'address', 'add', address, 'dev', 'eth0', ...(family === '-6' ? ['nodad'] : [])]);
    for (let n = 1; n < 32; n += 1) add('-4', `10.0.0.${100 + n}/24`);
    attach('--from', 'any');
    add('-4', '10.0.0.200/24');
    expect(router.diverter('attach', 'eth0', '--from', 'any').stderr).toMatch(/more than 32 addresses of a family/);
    expect(status()).toMatchObject({ attached: [{ interface: 'eth0' }] });
  });

  test('two attaches at once', () => {
    const script = new Array(8).fill(`${diverterPath} attach eth0 --from 10.0.0.0/24 &`).join('\n');
    expect(router.exec(['sh', '-c', `${script}\nwait`])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(programs()).toEqual(OURS);
    expect(status()).toMatchObject({ attached: [{ interface: 'eth0' }] });
  });

  test('100 upgrades under traffic lose no packet, no connection, no service and no count', async () => {
    await listen();
    router.intercept(rule);
    await router.start(['listen', 'tcp', '127.0.0.1', '40002']).line(/ready/);
    router.intercept({ ...rule, protocol: 'tcp', listener: 40002 });
    attach('--from', '10.0.0.0/24');
    await router.start(['tunnel', 'glb0', '10.0.0.1', '10.0.0.2'], 'node').line(/ready/);
    const commands = 'ip address add 192.168.1.1/32 dev glb0; ip link set glb0 up; ip route add 100.64.0.0/10 dev glb0';
    router.exec(['sh', '-c', commands], 'node');
    const client = router.start(['connect', 'tcp', '192.168.1.1', '100.64.0.1', '5000'], 'node');
    await client.line(/ready/);
    // The program is another one from each attach to the next.
    const upgrades = router.background([
      'sh',
      '-c',
      `for i in $(seq 100); do ${diverterPath} attach eth0 --from 10.0.0.0/$((23 + i % 2)); done`,
    ]);
    const before = router.counters().delivered_service ?? 0;
    const upgraded = upgrades.finish();
    let sent = 0;
    for (let done = false; !done; sent += 1000) {
      const sender = router.start(['send', 'eth0', '1000', '50'], 'node');
      sender.write(framed(packet));
      await sender.finish();
      client.write(`after ${sent}\n`);
      expect(await client.line()).toBe(`after ${sent}`);
      done = await Promise.race([upgraded.then(() => true), sleep(1, false)]);
    }
    expect(sent).toBeGreaterThan(5000);
    expect(status()).toMatchObject({ services: 2, counters: { delivered_service: before + sent } });
  });

  test('flush forgets every service, watch shows what happens', async () => {
    attach('--from', '10.0.0.0/24');
    router.intercept(rule);
    router.intercept({ ...rule, source: '192.168.0.0/16' });
    router.diverts('flush');
    expect(status()).toMatchObject({ attached: [{ interface: 'eth0' }], services: 0 });
    const watching = router.background([diverterPath, 'watch']);
    await watching.line(/no packets|passed/);
    router.send(packet);
    await watching.line(/no_service 1\/s/);
    router.diverts('detach');
    await watching.line(/^not attached$/);
    attach('--from', '10.0.0.0/24');
    router.send(packet);
    await watching.line(/no_service 1\/s/);
  });

  test.each(['status', 'services --json'])(
    '%s: an answer that cannot be written has failed, one that nobody reads has not',
    (verb) => {
      attach('--from', '10.0.0.0/24');
      const answer = (script: string) => router.exec(['sh', '-c', `${script} ${diverterPath} ${verb} >&4`]);
      expect(answer('exec 4>/dev/full;')).toMatchObject({
        code: 1,
        stderr: `diverter: ${verb.split(' ')[0]}: the answer could not be written, is the disk full?\n`,
      });
      // The other end of the pipe is closed, and systemd has its services ignore SIGPIPE.
      const unread = "trap '' PIPE; rm -f /run/pipe; mkfifo /run/pipe; exec 3<>/run/pipe 4>/run/pipe 3>&-;";
      expect(answer(unread)).toMatchObject({ code: 0, stderr: '' });
    },
  );
});
