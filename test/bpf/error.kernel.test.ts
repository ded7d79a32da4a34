import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  ACK,
  attachmentOption,
  awsOptions,
  checksum,
  cookieOption,
  encapsulated,
  encapsulated6,
  ethernet,
  ICMP,
  type IcmpFields,
  type Ipv4Fields,
  icmp,
  ipv4,
  ipv6,
  option,
  ROUTER,
  SYN,
  TCP,
  type TcpFields,
  tcp,
  UDP,
  udp,
  withChecksum,
} from './packet.ts';
import { harnessPath, type Router, type Started, startRouter } from './router.ts';

const CLIENT = '192.168.1.1';
const SERVICE = '100.64.0.1';
/** A machine between the client and the router has this address. */
const HOP = '192.168.9.9';
const FRAGMENTATION_NEEDED: IcmpFields = { type: 3, code: 4, mtu: 1300 };

/** A service's port has answered a client's with so much. */
function answer(protocol: number, port: number, fields: Ipv4Fields = {}, behind = 8, servicePort = 5000): Buffer {
  const ports = { sourcePort: servicePort, destinationPort: port };
  const segment = protocol === TCP ? tcp(ports, Buffer.alloc(1000)) : udp(ports, Buffer.alloc(1000));
  return ipv4(
    { source: SERVICE, destination: CLIENT, protocol, totalLength: 1400, ...fields },
    segment.subarray(0, behind),
  );
}

const error = (quoted: Buffer, fields: IcmpFields = FRAGMENTATION_NEEDED, ip: Ipv4Fields = {}): Buffer =>
  ipv4({ source: HOP, destination: SERVICE, protocol: ICMP, ...ip }, icmp(fields, quoted));

describeKernel('ICMP errors', () => {
  let router: Router;
  beforeEach(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  async function serve(protocol: 'tcp' | 'udp'): Promise<Started> {
    const service = router.start(['listen', protocol, '127.0.0.1', '40001']);
    await service.line(/ready/);
    router.intercept({ destination: '100.64.0.0/10', protocol, ports: [5000, 5000], listener: 40001 });
    return service;
  }

  /** The node's namespace has a load balancer, through which it reaches services. */
  async function connectLoadBalancer(): Promise<void> {
    const tunnel = router.start(['tunnel', 'glb0', '10.0.0.1', '10.0.0.2'], 'node');
    await tunnel.line(/ready/);
    const commands = `
      ip link set glb0 up mtu 9001
      ip address add ${HOP}/32 dev glb0
      ip address add ${CLIENT}/32 dev glb0
      ip route add 100.64.0.0/10 dev glb0`;
    expect(router.exec(['sh', '-e', '-c', commands], 'node').stderr).toBe('');
  }

  /** The node connects to the service. Returns the connection, and the client's port. */
  async function connection(): Promise<number> {
    const service = await serve('tcp');
    await connectLoadBalancer();
    const client = router.start(['connect', 'tcp', CLIENT, SERVICE, '5000'], 'node');
    await client.line(/ready/);
    return Number((await service.line()).split(' ')[1]);
  }

  const verdicts = async (...inner: Buffer[]) =>
    (await router.run(inner.map((one) => encapsulated(one)))).map(({ reason }) => reason);

  test('a connection over a link that takes less sends what fits', async () => {
    await serve('tcp');
    await connectLoadBalancer();
    // The client says that it takes 8,500 bytes, as does all else on the way, but for the link before it.
    const commands = `
      ip netns add client
      ip -n node link add c0 mtu 1300 type veth peer name eth0 netns client mtu 9001
      ip -n node link set c0 up
      ip -n node address add 192.168.7.1/24 dev c0
      ip -n client link set eth0 up
      ip -n client address add 192.168.7.7/24 dev eth0
      ip -n client route add default via 192.168.7.1 mtu 1300 advmss 8460
      ip netns exec node sysctl -qw net.ipv4.ip_forward=1`;
    expect(router.exec(['sh', '-e', '-c', commands]).stderr).toBe('');
    const argv = [harnessPath, 'connect', 'tcp', '192.168.7.7', SERVICE, '5000'];
    const client = router.background(['ip', 'netns', 'exec', 'client', ...argv]);
    await client.line(/ready/);
    const text = 'x'.repeat(60_000);
    client.write(`${text}\n`);
    expect(await client.line()).toBe(text);
    const { stdout } = router.exec(['ss', '-tin', 'dst', '192.168.7.7']);
    // Headers take 40 bytes, timestamps 12.
    expect(Number(/\bmss:(\d+)/.exec(stdout)?.[1])).toBe(1300 - 52);
    expect(router.counters().delivered_error).toBeGreaterThan(0);
  });

  test('about a UDP answer: what is sent to its client next goes in fragments that fit', async () => {
    const service = await serve('udp');
    const query = withChecksum(
      UDP,
      CLIENT,
      SERVICE,
      udp({ sourcePort: 1000, destinationPort: 5000 }, Buffer.alloc(2000)),
    );
    const capture = router.start(['capture', 'eth0'], 'node');
    await capture.line(/ready/);
    router.send(encapsulated(ipv4({}, query)));
    await service.line(/ 2000 /);
    const lengthOf = async () =>
      Number.parseInt((await capture.line(/^.{24}0800.{18}11.{4}64400001/)).slice(32, 36), 16);
    expect(await lengthOf()).toBe(2028);
    router.send(encapsulated(error(answer(UDP, 1000))));
    expect(router.counters().delivered_error).toBe(1);
    router.send(encapsulated(ipv4({}, query)));
    expect(await lengthOf()).toBeLessThanOrEqual(1300);
  });

  test('about a connection that is there, to the last byte, and what only looks like one', async () => {
    const port = await connection();
    const whole = answer(TCP, port);
    const everywhere = router.start(['listen', 'tcp', '0.0.0.0', '5001']);
    await everywhere.line(/ready/);
    const cases: [reason: string, inner: Buffer][] = [
      ['delivered_error', error(whole)],
      ['delivered_error', error(whole, { type: 11 })],
      ['delivered_error', error(whole, { type: 12 })],
      ['delivered_error', error(answer(TCP, port, {}, 1020))],
      ['delivered_error', error(answer(TCP, port, { moreFragments: true }))],
      ['inner_protocol', error(answer(TCP, port, {}, 7))],
      ['inner_protocol', error(Buffer.alloc(0))],
      ...[0, 4, 5, 8, 13].map((type): [string, Buffer] => ['inner_protocol', error(whole, { type })]),
      ['inner_protocol', error(answer(TCP, port, { source: '100.64.0.2' }))],
      ['inner_protocol', error(whole, FRAGMENTATION_NEEDED, { destination: '100.64.0.2' })],
      ['inner_protocol', error(answer(TCP, port, { destination: '192.168.1.2' }))],
      ['inner_protocol', error(answer(TCP, port ^ 1))],
      ['inner_protocol', error(answer(TCP, port, {}, 8, 5001))],
      ['inner_protocol', error(answer(UDP, port))],
      ['inner_protocol', error(answer(TCP, port, { options: Buffer.alloc(4) }, 12))],
      ['inner_protocol', error(answer(TCP, port, { version: 6 }))],
      ['inner_protocol', error(answer(TCP, port, { fragmentOffset: 8 }))],
      ['inner_fragment', error(whole, FRAGMENTATION_NEEDED, { moreFragments: true })],
      ['inner_source_router', error(whole, FRAGMENTATION_NEEDED, { source: ROUTER })],
      ['inner_source_router', error(whole, FRAGMENTATION_NEEDED, { source: '0.0.0.0' })],
      ['inner_destination_router', error(whole, FRAGMENTATION_NEEDED, { destination: ROUTER })],
    ];
    expect(await verdicts(...cases.map(([, inner]) => inner))).toEqual(cases.map(([reason]) => reason));
  });

  test('the stack gets it without what was around it', async () => {
    const inner = error(answer(TCP, await connection()));
    const [verdict] = await router.run([encapsulated(inner)]);
    expect([verdict?.action, verdict?.packet.toString('hex')]).toEqual([0, ethernet(inner).toString('hex')]);
  });

  test('under a wrong outer UDP checksum', async () => {
    const inner = error(answer(TCP, await connection()));
    const [verdict] = await router.run([encapsulated(inner, { udp: { checksum: 0x1234 } })]);
    expect(verdict?.reason).toBe('udp_checksum');
  });

  test('about UDP: of a socket bound to the address of the service, not of one that is bound to all', async () => {
    const about = (servicePort: number): Buffer => error(answer(UDP, 1000, {}, 8, servicePort));
    expect(await verdicts(about(5000))).toEqual(['inner_protocol']);
    for (const [address, port] of [
      [SERVICE, '5000'],
      ['0.0.0.0', '5001'],
    ] as const)
      await router.start(['listen', 'udp', address, port]).line(/ready/);
    expect(await verdicts(about(5000), about(5001))).toEqual(['delivered_error', 'inner_protocol']);
  });

  test('from another endpoint than its connection, with replies through the load balancer', async () => {
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--reply', 'geneve');
    // A wire carries each packet with its checksums.
    expect(router.exec(['ethtool', '-K', 'eth0', 'tso', 'off', 'gso', 'off', 'tx', 'off']).stderr).toBe('');
    const inner = error(answer(TCP, await connection()));
    const other = Buffer.concat([
      option(0x0108, 1, Buffer.from('00000000000000e2', 'hex')),
      attachmentOption,
      cookieOption,
    ]);
    const packets = [awsOptions, other].map((options) => encapsulated(inner, { geneve: { options } }));
    expect((await router.run(packets)).map(({ reason }) => reason)).toEqual(['delivered_error', 'flow_conflict']);
  });

  test('about a connection whose client has a translated port: it quotes that port to the stack', async () => {
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--reply', 'geneve');
    expect(router.exec(['ethtool', '-K', 'eth0', 'tso', 'off', 'gso', 'off', 'tx', 'off']).stderr).toBe('');
    const service = await serve('tcp');
    const other = Buffer.concat([
      option(0x0108, 1, Buffer.from('00000000000000e2', 'hex')),
      attachmentOption,
      cookieOption,
    ]);
    const capture = router.start(['capture', 'eth0'], 'node');
    await capture.line(/ready/);
    const seen: number[] = [];
    for (const options of [awsOptions, other]) {
      const from = (fields: TcpFields) => {
        const segment = tcp({ sourcePort: 3100, destinationPort: 5000, ...fields });
        return encapsulated(ipv4({ protocol: TCP }, withChecksum(TCP, CLIENT, SERVICE, segment)), {
          geneve: { options },
        });
      };
      router.send(from({ flags: SYN, sequence: 1 }));
      const reply = Buffer.from(await capture.line(/^.{24}0800.{18}11/), 'hex').subarray(82);
      router.send(from({ flags: ACK, sequence: 2, acknowledgement: reply.readUInt32BE(24) + 1 }));
      seen.push(Number((await service.line()).split(' ')[1]));
    }
    const [own, translated] = seen;
    expect(own).toBe(3100);
    expect(translated).not.toBe(3100);
    const inner = error(answer(TCP, 3100));
    const packets = [awsOptions, other].map((options) => encapsulated(inner, { geneve: { options } }));
    const verdicts = await router.run(packets);
    expect(verdicts.map(({ reason }) => reason)).toEqual(['delivered_error', 'delivered_error']);
    // The client's port stands behind Ethernet, IP, ICMP, the quoted IP header and its source port.
    const quoted = verdicts.map(({ packet }) => packet.readUInt16BE(14 + 20 + 8 + 20 + 2));
    expect(quoted).toEqual([3100, translated]);
    for (const { packet } of verdicts) expect(checksum(packet.subarray(34))).toBe(0);
  });

  test('nobody answers a ping, nor hears of an ICMPv6 error', async () => {
    await connection();
    router.intercept({ destination: '2001:db8:2::/48', protocol: 'tcp', ports: [5000, 5000], listener: 40001 });
    const ping = ipv4({ destination: SERVICE, protocol: ICMP }, icmp({ type: 8 }, Buffer.alloc(32)));
    expect(await verdicts(ping)).toEqual(['inner_protocol']);
    const six = ipv6({ nextHeader: 58 }, icmp({ type: 2 }, ipv6({}, Buffer.alloc(8))));
    expect((await router.run([encapsulated6(six)])).map(({ reason }) => reason)).toEqual(['inner_protocol']);
  });
});
