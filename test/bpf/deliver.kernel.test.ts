import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  ACK,
  encapsulated,
  encapsulated6,
  endpointOption,
  ethernet,
  type Ipv4Fields,
  ipv4,
  ipv6,
  RST,
  SYN,
  TCP,
  tcp,
  UDP,
  udp,
  withChecksum,
} from './packet.ts';
import { placesOf } from './place.ts';
import { type Router, startRouter } from './router.ts';

const CLIENT = '192.168.1.1';
const SERVICE = '100.64.0.1';
const CLIENT6 = '2001:db8:1::1';
const SERVICE6 = '2001:db8:2::1';

/** The client sends UDP with a right checksum, as the stack wants it. */
function datagram(payload: string | Buffer, port = 5000, client = CLIENT): Buffer {
  const data = Buffer.from(payload as string);
  return withChecksum(UDP, client, SERVICE, udp({ sourcePort: 1000, destinationPort: port }, data));
}

const udpPacket = (payload: string, port = 5000, client = CLIENT): Buffer =>
  encapsulated(ipv4({ source: client }, datagram(payload, port, client)));

function tcpPacket(flags: number, sourcePort: number, port = 5000): Buffer {
  return encapsulated(
    ipv4({ protocol: TCP }, withChecksum(TCP, CLIENT, SERVICE, tcp({ sourcePort, destinationPort: port, flags }))),
  );
}

/** A datagram's payload goes in inner fragments of these sizes, in order. */
function fragments(segment: Buffer, sizes: number[], fields: Ipv4Fields = {}): Buffer[] {
  let at = 0;
  return sizes.map((size) => {
    const start = at;
    at += size;
    return encapsulated(
      ipv4(
        { id: 7, ...fields, fragmentOffset: start, moreFragments: at < segment.length },
        segment.subarray(start, at),
      ),
    );
  });
}

describeKernel('delivery', () => {
  let router: Router;
  let listener = 40000;
  beforeAll(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  });
  afterEach(async () => {
    await router.stopAll();
    router.diverts('flush');
  });
  afterAll(() => router.close());

  /** A tunneler's listener has a service in front of it. */
  async function serve(protocol: 'tcp' | 'udp', destination = '100.64.0.0/10', ports: [number, number] = [5000, 5000]) {
    listener += 1;
    const address = destination.includes(':') ? '::1' : '127.0.0.1';
    const started = router.start(['listen', protocol, address, `${listener}`]);
    await started.line(/ready/);
    router.intercept({ destination, protocol, ports, listener });
    return started;
  }

  /** The node's namespace has a load balancer, through which its machines reach services; their network takes 9,001 bytes. */
  async function connectLoadBalancer() {
    const tunnel = router.start(['tunnel', 'glb0', '10.0.0.1', '10.0.0.2'], 'node');
    await tunnel.line(/ready/);
    const commands = `
      ip link set glb0 up mtu 9001
      ip address add ${CLIENT}/32 dev glb0
      ip route replace 100.64.0.0/10 dev glb0
      ip address add ${CLIENT6}/128 dev glb0 nodad
      ip route replace 2001:db8:2::/48 dev glb0`;
    expect(router.exec(['sh', '-c', commands], 'node').stderr).toBe('');
  }

  /** Counters have risen by so much for what a test did, and nothing else. */
  async function counted(act: () => Promise<void> | void): Promise<Record<string, number>> {
    const before = router.counters();
    await act();
    const after = router.counters();
    const changed = Object.entries(after).map(([name, count]): [string, number] => [name, count - (before[name] ?? 0)]);
    return Object.fromEntries(changed.filter(([name, count]) => count && name !== 'passed'));
  }

  test('UDP reaches the listener with its original source and destination', async () => {
    const service = await serve('udp');
    const counts = await counted(async () => {
      router.send(udpPacket('hello'));
      expect(await service.line()).toBe(`${CLIENT} 1000 ${SERVICE} 5000 5 ${Buffer.from('hello').toString('hex')}`);
    });
    expect(counts).toEqual({ delivered_service: 1 });
  });

  test("a tunneler's reply socket, bound to the destination, does not take the next datagram", async () => {
    const service = await serve('udp');
    const counts = await counted(async () => {
      for (const text of ['one', 'two', 'three']) {
        router.send(udpPacket(text));
        expect(await service.line()).toContain(Buffer.from(text).toString('hex'));
      }
    });
    expect(counts).toEqual({ delivered_service: 3 });
  });

  test('a connected UDP socket comes before the service', async () => {
    const service = await serve('udp', '100.64.0.0/10', [5001, 5001]);
    router.exec(['ip', 'address', 'add', `${CLIENT}/32`, 'dev', 'lo'], 'node');
    const client = router.start(['listen', 'udp', CLIENT, '5001'], 'node');
    await client.line(/ready/);
    const connected = router.start(['connect', 'udp', SERVICE, CLIENT, '5001']);
    await connected.line(/ready/);
    connected.write('ping\n');
    const sourcePort = Number((await client.line(/ 5001 /)).split(' ')[1]);
    const counts = await counted(async () => {
      router.send(
        encapsulated(
          ipv4(
            {},
            withChecksum(
              UDP,
              CLIENT,
              SERVICE,
              udp({ sourcePort: 5001, destinationPort: sourcePort }, Buffer.from('pong\n')),
            ),
          ),
        ),
      );
      connected.write('next\n');
      expect(await connected.line(/pong/)).toBe('pong');
    });
    expect(counts).toEqual({ delivered_connected: 1 });
    await service.silent();
    router.exec(['ip', 'address', 'del', `${CLIENT}/32`, 'dev', 'lo'], 'node');
  });

  test.each([
    ['IPv4', CLIENT, SERVICE, '100.64.0.0/10'],
    ['IPv6', CLIENT6, SERVICE6, '2001:db8:2::/48'],
  ])('a SYN over %s reaches the listener, what follows its connection', async (_, from, to, destination) => {
    const service = await serve('tcp', destination);
    await connectLoadBalancer();
    const counts = await counted(async () => {
      const client = router.start(['connect', 'tcp', from, to, '5000'], 'node');
      await client.line(/ready/);
      expect(await service.line()).toMatch(new RegExp(`^${from} \\d+ ${to} 5000 $`));
      for (const text of ['first', 'second']) {
        client.write(`${text}\n`);
        expect(await client.line()).toBe(text);
      }
    });
    expect(counts).toEqual({ delivered_service: 1, delivered_established: expect.any(Number) });
  });

  test('what was found of one connection is said of no other packet', async () => {
    // The test has a port of its own: what is left of connections of other tests is found as well.
    const port = 5900;
    const service = await serve('tcp', '100.64.0.0/10', [port, port]);
    await connectLoadBalancer();
    const client = router.start(['connect', 'tcp', CLIENT, SERVICE, `${port}`], 'node');
    await client.line(/ready/);
    const sourcePort = Number((await service.line()).split(' ')[1]);
    const packet = (source: string, destination: string, from: number, to: number): Buffer =>
      encapsulated(
        ipv4({ source, destination, protocol: TCP }, tcp({ sourcePort: from, destinationPort: to, flags: ACK })),
      );
    const own = packet(CLIENT, SERVICE, sourcePort, port);
    // There are so many that some of each kind are looked for where the connection itself is remembered.
    const others = Array.from({ length: 8192 }, (_, n) => n + 2).flatMap((n) => [
      packet(`192.169.${n >> 8}.${n & 255}`, SERVICE, sourcePort, port),
      packet(CLIENT, `100.65.${n >> 8}.${n & 255}`, sourcePort, port),
      packet(CLIENT, SERVICE, (sourcePort + n) & 0xffff, port),
      packet(CLIENT, SERVICE, sourcePort, port + n),
    ]);
    const verdicts = await router.run(others.flatMap((other) => [own, other, own]));
    const wrong = verdicts.filter(({ reason }, index) => (reason === 'delivered_established') !== (index % 3 !== 1));
    expect(wrong.map(({ reason }) => reason)).toEqual([]);
  });

  test('a client on a jumbo network is told to send no more than a load balancer takes, and all arrives', async () => {
    const service = await serve('tcp');
    await connectLoadBalancer();
    const client = router.start(['connect', 'tcp', CLIENT, SERVICE, '5000'], 'node');
    await client.line(/ready/);
    const sourcePort = (await service.line()).split(' ')[1];
    // The kernel sends no segment of more than half of the largest window that it was told: not the one of a reader who is behind.
    client.write('first\n');
    expect(await client.line()).toBe('first');
    const text = 'x'.repeat(60_000);
    client.write(`${text}\n`);
    expect(await client.line()).toBe(text);
    // Connections of earlier tests may still be saying goodbye, and over a device that is gone the kernel sends the least it can.
    const { stdout } = router.exec(['ss', '-tin', 'dst', SERVICE, 'sport', '=', `:${sourcePort}`], 'node');
    // 12 bytes of it are timestamps'.
    expect(Number(/\bmss:(\d+)/.exec(stdout)?.[1])).toBe(8460 - 12);
  });

  test.each<[string, number, string[]]>([
    ['IPv4', 8460, ['0800', CLIENT, SERVICE]],
    ['IPv6', 8440, ['86dd', CLIENT6, SERVICE6]],
  ])(
    'the MSS of an answer over %s is lowered to %i, with a right checksum',
    async (_, mss, [type = '', client = '', to = '']) => {
      await serve('tcp', type === '0800' ? undefined : '2001:db8:2::/48');
      router.exec(['ethtool', '-K', 'eth0', 'tx', 'off']);
      const capture = router.start(['capture', 'eth0'], 'node');
      await capture.line(/ready/);
      const segment = withChecksum(TCP, client, to, tcp({ sourcePort: 2100, destinationPort: 5000 }));
      const syn =
        type === '0800'
          ? encapsulated(ipv4({ protocol: TCP }, segment))
          : encapsulated6(ipv6({ nextHeader: TCP }, segment));
      router.send(syn);
      const frame = Buffer.from(await capture.line(new RegExp(`^.{24}${type}.*13880834`)), 'hex');
      const answer = frame.subarray(14 + (type === '0800' ? 20 : 40));
      expect([answer[13], answer[20], answer[21], answer.readUInt16BE(22)]).toEqual([SYN | ACK, 2, 4, mss]);
      expect(withChecksum(TCP, to, client, answer)).toEqual(answer);
    },
  );

  test('TCP in mid-stream is reset: while the listener is there, and while it is not', async () => {
    const service = await serve('tcp');
    const capture = router.start(['capture', 'eth0'], 'node');
    await capture.line(/ready/);
    // Connections of earlier tests may still be saying goodbye: only frames to this port are meant.
    const expectReset = async (port: number): Promise<void> => {
      const to = port.toString(16).padStart(4, '0');
      const frame = Buffer.from(await capture.line(new RegExp(`^.{24}080045.{16}06.{24}${to}`)), 'hex');
      expect(frame.subarray(26, 34).toString('hex')).toBe('64400001c0a80101');
      expect((frame[47] ?? 0) & RST).toBe(RST);
    };
    const counts = await counted(async () => {
      router.send(tcpPacket(ACK, 2001));
      await expectReset(2001);
      await service.stop();
      router.send(tcpPacket(ACK, 2002));
      await expectReset(2002);
      router.send(tcpPacket(SYN, 2003));
    });
    expect(counts).toEqual({ reset: 2, no_listener: 1 });
  });

  test('what no service takes is dropped, also if someone listens on every address', async () => {
    await serve('tcp', '100.65.0.0/16');
    const everywhere = router.start(['listen', 'tcp', '0.0.0.0', '5000']);
    await everywhere.line(/ready/);
    const counts = await counted(() => router.send(tcpPacket(SYN, 2004), tcpPacket(ACK, 2005), udpPacket('x')));
    expect(counts).toEqual({ no_service: 3 });
    await everywhere.silent();
  });

  test("a service's port that someone else has, on every address, is no listener", async () => {
    const stranger = router.start(['listen', 'udp', '0.0.0.0', '45000']);
    await stranger.line(/ready/);
    router.intercept({ destination: '100.64.0.0/10', protocol: 'udp', ports: [5000, 5000], listener: 45000 });
    expect(await counted(() => router.send(udpPacket('x')))).toEqual({ no_listener: 1 });
    await stranger.silent();
  });

  test('-t 0 leaves a packet to the socket bound to its destination', async () => {
    const resolver = router.start(['listen', 'udp', SERVICE, '53']);
    await resolver.line(/ready/);
    router.intercept({ destination: '100.64.0.1/32', protocol: 'udp', ports: [53, 53], listener: 0 });
    const counts = await counted(async () => {
      router.send(udpPacket('query', 53));
      expect(await resolver.line()).toContain(Buffer.from('query').toString('hex'));
    });
    expect(counts).toEqual({ delivered_local: 1 });
  });

  test('IPv6 reaches a listener on ::1, over UDP and TCP', async () => {
    const service = await serve('udp', '2001:db8:2::/48');
    const tcpService = await serve('tcp', '2001:db8:2::/48');
    const segment = withChecksum(UDP, CLIENT6, SERVICE6, udp({}, Buffer.from('six')));
    const syn = withChecksum(TCP, CLIENT6, SERVICE6, tcp({ sourcePort: 2006 }));
    const counts = await counted(async () => {
      router.send(encapsulated6(ipv6({}, segment)));
      expect(await service.line()).toBe(`${CLIENT6} 1000 ${SERVICE6} 5000 3 ${Buffer.from('six').toString('hex')}`);
      const capture = router.start(['capture', 'eth0'], 'node');
      await capture.line(/ready/);
      router.send(encapsulated6(ipv6({ nextHeader: TCP }, syn)));
      expect((Buffer.from(await capture.line(/^.{24}86dd6.{11}06/), 'hex')[67] ?? 0) & (SYN | ACK)).toBe(SYN | ACK);
    });
    expect(counts).toEqual({ delivered_service: 2 });
    await tcpService.silent();
  });

  test.each([
    ['IPv4', '100.64.0.0/10', encapsulated, ethernet(ipv4({}, datagram('x')))],
    ['IPv6', '2001:db8:2::/48', encapsulated6, ethernet(ipv6({}, udp({}, Buffer.from('six'))), 0x86dd)],
  ])('the frame that the stack gets says %s', async (_, destination, wrapped, frame) => {
    router.intercept({ destination, protocol: 'udp', ports: [5000, 5000], listener: 0 });
    const [verdict] = await router.run([wrapped(frame.subarray(14))]);
    expect([verdict?.reason, verdict?.packet.toString('hex')]).toEqual(['delivered_local', frame.toString('hex')]);
  });

  test('8,500 bytes inside', async () => {
    const service = await serve('udp');
    router.send(encapsulated(ipv4({}, datagram(Buffer.alloc(8472, 'x')))));
    expect(await service.line()).toContain(` 8472 ${'78'.repeat(32)}`);
  });

  describe('of a datagram in fragments', () => {
    // Another test's datagrams would have the same places.
    beforeEach(() => {
      router.exec(['rm', '/sys/fs/bpf/ziti-glb/datagrams']);
      router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
    });

    /** Datagrams with these ids meet in a place, or do not. */
    function twoIds(where: 'one place' | 'two places'): [number, number] {
      const placeOf = placesOf(router);
      const place = (id: number): number =>
        placeOf({ source: CLIENT, destination: SERVICE, endpoint: endpointOption.subarray(4) }, id);
      const other = Array.from({ length: 1000 }, (_, index) => 100 + index).find(
        (id) => (place(id) === place(42)) === (where === 'one place'),
      );
      return [42, other ?? 0];
    }

    const segment = datagram(Buffer.from(Array.from({ length: 11_992 }, (_, index) => index)));
    const sizes = [1480, 1480, 1480, 1480, 1480, 1480, 1480, 1480, 160];
    const orders: [string, number[]][] = [
      ['in order', [0, 1, 2, 3, 4, 5, 6, 7, 8]],
      ['the last first', [8, 7, 6, 5, 4, 3, 2, 1, 0]],
      ['mixed', [4, 0, 8, 2, 6, 1, 7, 3, 5]],
    ];
    test.each(orders)('a datagram of 12,000 bytes in fragments, %s', async (_name, order) => {
      const service = await serve('udp');
      const all = fragments(segment, sizes);
      const counts = await counted(async () => {
        router.send(...order.map((index) => all[index] ?? Buffer.alloc(0)));
        expect(await service.line()).toBe(
          `${CLIENT} 1000 ${SERVICE} 5000 11992 ${segment.subarray(8, 40).toString('hex')}`,
        );
      });
      expect(counts).toEqual({ fragment_held: 8, delivered_service: 1 });
    });

    test('the longest datagram there may be, and one of a byte more', async () => {
      const service = await serve('udp');
      const longest = datagram(Buffer.alloc(15_992, 'y'));
      const longer = datagram(Buffer.alloc(15_993, 'z'));
      const counts = await counted(async () => {
        router.send(...fragments(longest, [8000, 8000]));
        expect(await service.line()).toContain(' 15992 ');
        router.send(...fragments(longer, [8000, 8001], { id: 8 }));
      });
      expect(counts).toEqual({ fragment_held: 2, delivered_service: 1, fragment_too_large: 1 });
    });

    test('fragments that overlap, are empty, or cut the header', async () => {
      await serve('udp');
      const data = datagram(Buffer.alloc(3000));
      const [first = Buffer.alloc(0)] = fragments(data, [1480]);
      const counts = await counted(() =>
        router.send(
          first,
          encapsulated(ipv4({ id: 7, fragmentOffset: 1472, moreFragments: true }, Buffer.alloc(80))),
          encapsulated(ipv4({ id: 9, fragmentOffset: 8 }, Buffer.alloc(0))),
          encapsulated(ipv4({ id: 10, moreFragments: true }, Buffer.alloc(7))),
          encapsulated(ipv4({ id: 11, moreFragments: true }, Buffer.alloc(12))),
        ),
      );
      expect(counts).toEqual({ fragment_held: 1, fragment_invalid: 4 });
    });

    test('an exact duplicate of a fragment does no harm, nor does it change what is there', async () => {
      const service = await serve('udp');
      const all = fragments(segment, sizes, { id: 41 });
      const other = fragments(Buffer.alloc(segment.length, 'z'), sizes, { id: 41 });
      const counts = await counted(async () => {
        router.send(...all.slice(0, 8).flatMap((one, at) => [one, one, other[at] ?? one]), ...all.slice(8));
        expect(await service.line()).toBe(
          `${CLIENT} 1000 ${SERVICE} 5000 11992 ${segment.subarray(8, 40).toString('hex')}`,
        );
      });
      expect(counts).toEqual({ fragment_held: 24, delivered_service: 1 });
      await service.silent();
    });

    test('of the last fragment, and of all that there may be, but not of one that would end the datagram elsewhere', async () => {
      await serve('udp');
      const piece = (id: number, at: number, moreFragments = true): Buffer =>
        encapsulated(ipv4({ id, fragmentOffset: at * 80, moreFragments }, Buffer.alloc(80)));
      const [one, other] = twoIds('two places');
      const last = [piece(one, 2, false), piece(one, 2, false), piece(one, 2)];
      const sixteen = Array.from({ length: 16 }, (_, at) => piece(other, at));
      const counts = await counted(() =>
        router.send(...last, ...sixteen, ...sixteen, piece(other, 15, false), piece(other, 16, false)),
      );
      expect(counts).toEqual({ fragment_held: 2 + 32, fragment_invalid: 1 + 2 });
    });

    test('a fragment behind the end of its datagram, whichever comes first', async () => {
      const service = await serve('udp');
      const end = (id: number): Buffer => encapsulated(ipv4({ id, fragmentOffset: 80 }, Buffer.alloc(80)));
      const behind = (id: number): Buffer =>
        encapsulated(ipv4({ id, fragmentOffset: 400, moreFragments: true }, Buffer.alloc(80)));
      const [one, other] = twoIds('two places');
      const counts = await counted(() => router.send(end(one), behind(one), behind(other), end(other)));
      expect(counts).toEqual({ fragment_held: 2, fragment_invalid: 2 });
      await service.silent();
    });

    test('of two datagrams that meet in a place, the later one arrives', async () => {
      const service = await serve('udp');
      const [one, other] = twoIds('one place').map((id) => fragments(segment, sizes, { id }));
      const counts = await counted(async () => {
        const [first = Buffer.alloc(0), ...rest] = one ?? [];
        const [otherFirst = Buffer.alloc(0), ...otherRest] = other ?? [];
        router.send(first, otherFirst, ...rest, ...otherRest);
        expect(await service.line()).toContain(' 11992 ');
      });
      expect(counts).toEqual({ fragment_held: 8, fragment_evicted: 1, fragment_no_place: 8, delivered_service: 1 });
      await service.silent();
    });

    test('fragments of many datagrams that never end leave room for one that does', async () => {
      const service = await serve('udp');
      const endless = Array.from(
        { length: 500 },
        (_, id) => fragments(segment, [1480], { id: 100 + id })[0] ?? Buffer.alloc(0),
      );
      router.send(...endless);
      router.send(...fragments(segment, sizes, { id: 99 }));
      expect(await service.line()).toContain(' 11992 ');
      expect(router.counters().fragment_evicted).toBeGreaterThan(400);
    });
  });

  describe('of what is routed straight to the interface', () => {
    beforeAll(() => void router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--plain', '100.64.0.0/13'));
    afterAll(() => void router.diverts('attach', 'eth0', '--from', '10.0.0.0/24'));
    const straight = (payload: string, destination = SERVICE) =>
      ethernet(
        ipv4(
          { destination },
          withChecksum(
            UDP,
            CLIENT,
            destination,
            udp({ sourcePort: 1000, destinationPort: 5000 }, Buffer.from(payload)),
          ),
        ),
      );

    test('a datagram reaches the listener', async () => {
      const service = await serve('udp');
      const counts = await counted(async () => {
        router.send(straight('hello'));
        expect(await service.line()).toBe(`${CLIENT} 1000 ${SERVICE} 5000 5 ${Buffer.from('hello').toString('hex')}`);
      });
      expect(counts).toEqual({ delivered_service: 1 });
    });

    test('a datagram in fragments does too', async () => {
      const service = await serve('udp');
      const data = datagram(Buffer.alloc(4000, 'x'));
      await counted(() =>
        router.send(
          ...[0, 2000].map((start) =>
            ethernet(
              ipv4(
                { id: 9, fragmentOffset: start, moreFragments: start === 0 },
                data.subarray(start, start ? undefined : 2000),
              ),
            ),
          ),
        ),
      );
      expect(await service.line()).toMatch(/ 4000 /);
    });

    test.each([
      ['to another destination', straight('x', '100.72.0.1'), {}],
      ['with no service', straight('x'), { no_service: 1 }],
    ])('a datagram %s', async (_, packet, counts) => {
      expect(await counted(() => router.send(packet))).toEqual(counts);
    });

    test('a whole connection is made, and nothing of it is GENEVE', async () => {
      router.exec(['ip', 'address', 'add', `${CLIENT}/32`, 'dev', 'lo'], 'node');
      router.exec(['ip', 'route', 'replace', '100.64.0.0/13', 'via', '10.0.0.2', 'src', CLIENT], 'node');
      await serve('tcp');
      const client = router.start(['connect', 'tcp', CLIENT, SERVICE, '5000'], 'node');
      await client.line(/ready/);
      client.write('said\n');
      expect(await client.line()).toBe('said');
    });
  });
});
