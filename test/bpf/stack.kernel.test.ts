import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import { encapsulated, ethernet, ipv4, UDP, udp, withChecksum } from './packet.ts';
import { diverterPath, type Router, startRouter } from './router.ts';

const datagram = (source: string, destination: string): Buffer =>
  ipv4({ source, destination }, withChecksum(UDP, source, destination, udp({}, Buffer.from('x'))));
const packet = encapsulated(datagram('192.168.1.1', '100.64.0.1'));

describeKernel('what the stack made of packets', () => {
  let router: Router;
  beforeAll(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  });
  afterEach(() => router.stopAll());
  afterAll(() => router.close());

  const stack = (): Record<string, number> => JSON.parse(router.diverts('status', '--json')).stack;
  const shell = (script: string): void => void expect(router.exec(['sh', '-ec', script]).stderr).toBe('');
  const rule = {
    destination: '100.64.0.0/10',
    protocol: 'udp',
    ports: [0, 65535] as [number, number],
    listener: 40001,
  } as const;

  /** The stack tells of so many more after one packet, which is counted as given to it. */
  async function lost(name: string, undo: string): Promise<number> {
    router.diverts('flush');
    router.intercept(rule);
    await router.start(['listen', 'udp', '127.0.0.1', '40001']).line(/ready/);
    const [before, delivered] = [stack(), router.counters().delivered_service ?? 0];
    router.send(packet);
    expect(router.counters().delivered_service).toBe(delivered + 1);
    shell(undo);
    return (stack()[name] ?? Number.NaN) - (before[name] ?? Number.NaN);
  }

  test('a packet that is lost to none of it is counted by none of it', async () => {
    for (const name of ['TcpExtIPReversePathFilter', 'IpInAddrErrors', 'IpForwDatagrams', 'UdpNoPorts'])
      expect([name, await lost(name, 'true')]).toEqual([name, 0]);
  });

  test('strict rp_filter, with a route to the client by another interface', async () => {
    const on =
      'sysctl -qw net.ipv4.conf.eth0.rp_filter=1; ip link add other type veth peer name another; ip link set other up; ip link set another up; ip route add 192.168.1.0/24 dev other';
    shell(on);
    expect(
      await lost('TcpExtIPReversePathFilter', 'ip link del other; sysctl -qw net.ipv4.conf.eth0.rp_filter=0'),
    ).toBe(1);
    expect(router.diverts('status')).toMatch(
      /\nstack .*\n(.*\n)* +1 {2}TcpExtIPReversePathFilter +source has its route by another interface: .*rp_filter/,
    );
  });

  test('a destination that is nobody here', async () => {
    const away = 'ip route del local 100.64.0.0/10 dev lo; ip route del local 100.64.0.0/10 dev lo';
    router.intercept(rule);
    await router.start(['listen', 'udp', '127.0.0.1', '40001']).line(/ready/);
    const before = stack().IpInAddrErrors ?? Number.NaN;
    shell(away);
    router.send(packet);
    shell('ip route add local 100.64.0.0/10 dev lo');
    expect(stack().IpInAddrErrors).toBe(before + 1);
  });

  test('a packet that is not ours and is sent on', () => {
    const before = stack().IpForwDatagrams ?? Number.NaN;
    shell('sysctl -qw net.ipv4.ip_forward=1; ip route add 203.0.113.0/24 via 10.0.0.1');
    router.send(ethernet(datagram('192.168.1.1', '203.0.113.1')));
    shell('sysctl -qw net.ipv4.ip_forward=0');
    expect(stack().IpForwDatagrams).toBe(before + 1);
  });

  test('a port where nobody listens, and an address of the router as source', async () => {
    const before = stack();
    router.send(ethernet(datagram('10.0.0.1', '10.0.0.2')), ethernet(datagram('10.0.0.2', '10.0.0.2')));
    const after = stack();
    const more = (name: string): number => (after[name] ?? Number.NaN) - (before[name] ?? Number.NaN);
    expect(more('UdpNoPorts')).toBe(1);
    // The counter is the whole machine's, where other tests may count too.
    expect(more('rt_cache.in_martian_src')).toBeGreaterThan(0);
  });

  test('connections and resets, which watch shows too', async () => {
    const watching = router.background([diverterPath, 'watch']);
    await watching.line(/no packets|passed/);
    await router.start(['listen', 'tcp', '10.0.0.2', '7000']).line(/ready/);
    await router.start(['connect', 'tcp', '10.0.0.1', '10.0.0.2', '7000'], 'node').line(/ready/);
    await watching.line(/TcpPassiveOpens 1\/s/);
    router.exec(['bash', '-c', 'exec 3<>/dev/tcp/10.0.0.2/7001 || true'], 'node');
    await watching.line(/TcpOutRsts 1\/s/);
    expect(stack()).toMatchObject({ TcpPassiveOpens: 1, TcpOutRsts: 1, TcpExtListenOverflows: 0 });
  });
});
