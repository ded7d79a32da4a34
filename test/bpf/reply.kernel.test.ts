import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  ACK,
  attachmentOption,
  awsOptions,
  cookieOption,
  encapsulated,
  encapsulated6,
  ethernet,
  geneve,
  ipv4,
  ipv6,
  NODE,
  option,
  ROUTER,
  RST,
  SYN,
  TCP,
  type TcpFields,
  tcp,
  UDP,
  udp,
  withChecksum,
} from './packet.ts';
import { type Router, type Started, startRouter } from './router.ts';

const CLIENT = '192.168.1.1';
const SERVICE = '100.64.0.1';

/** The capture prints a frame of UDP over IPv4 so. */
const geneveFrame = /^.{24}0800.{18}11/;

/** Another endpoint than the tests' usual one has these options. */
const otherEndpoint = Buffer.concat([
  option(0x0108, 1, Buffer.from('00000000000000e2', 'hex')),
  attachmentOption,
  cookieOption,
]);

function udpFrom(sourcePort: number, payload: string, options?: Buffer): Buffer {
  const segment = withChecksum(UDP, CLIENT, SERVICE, udp({ sourcePort, destinationPort: 5000 }, Buffer.from(payload)));
  return encapsulated(ipv4({}, segment), options ? { geneve: { options } } : {});
}

/** Returns an IPv4 frame's GENEVE header and what it carries, or undefined if it is something else. */
function opened(line: string): { outer: string; geneve: string; inner: Buffer } | undefined {
  const frame = Buffer.from(line, 'hex');
  if (frame.readUInt16BE(12) !== 0x0800 || frame[23] !== UDP || frame.readUInt16BE(36) !== 6081) return undefined;
  return {
    outer: frame.subarray(26, 38).toString('hex'),
    geneve: frame.subarray(42, 82).toString('hex'),
    inner: frame.subarray(82),
  };
}

describeKernel('replies through the load balancer', () => {
  let router: Router;
  let capture: Started;
  beforeAll(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--reply', 'geneve');
    // A veth would carry a packet that hardware is yet to cut, which no wire does: each frame is to be one packet, with its checksums.
    for (const where of ['router', 'node'] as const)
      expect(router.exec(['ethtool', '-K', 'eth0', 'tso', 'off', 'gso', 'off', 'tx', 'off'], where).stderr).toBe('');
  });
  beforeEach(async () => {
    capture = router.start(['capture', 'eth0'], 'node');
    await capture.line(/ready/);
  });
  afterEach(async () => {
    await router.stopAll();
    router.diverts('flush');
  });
  afterAll(() => router.close());

  async function serve(
    protocol: 'tcp' | 'udp',
    destination = '100.64.0.0/10',
    as: string = protocol,
  ): Promise<Started> {
    const service = router.start(['listen', as, destination.includes(':') ? '::1' : '127.0.0.1', '40001']);
    await service.line(/ready/);
    router.intercept({ destination, protocol, ports: [5000, 5000], listener: 40001 });
    return service;
  }

  async function counted(act: () => Promise<void>): Promise<Record<string, number>> {
    const before = router.counters();
    await act();
    const after = router.counters();
    const names = [
      'reply_sent',
      'reply_unknown',
      'reply_too_large',
      'reply_failed',
      'flow_conflict',
      'delivered_service',
    ];
    return Object.fromEntries(
      names
        .map((name): [string, number] => [name, (after[name] ?? 0) - (before[name] ?? 0)])
        .filter(([, count]) => count),
    );
  }

  test('a reply carries the header, addresses and ports that its flow came with, turned round', async () => {
    await serve('udp');
    const counts = await counted(async () => {
      router.send(udpFrom(1000, 'hello', otherEndpoint));
      const reply = opened(await capture.line(geneveFrame));
      expect(reply?.outer).toBe('0a000002' + '0a000001' + 'c350' + '17c1');
      expect(reply?.geneve).toBe(`0800080000000000${otherEndpoint.toString('hex')}`);
      expect(reply?.inner.subarray(12, 24).toString('hex')).toBe('64400001' + 'c0a80101' + '1388' + '03e8');
      expect(reply?.inner.subarray(28).toString()).toBe('hello');
    });
    expect(counts).toEqual({ delivered_service: 1, reply_sent: 1 });
  });

  test('IPv6 inside goes back as IPv6 inside', async () => {
    await serve('udp', '2001:db8:2::/48');
    const segment = withChecksum(UDP, '2001:db8:1::1', '2001:db8:2::1', udp({}, Buffer.from('six')));
    router.send(encapsulated6(ipv6({}, segment)));
    const reply = opened(await capture.line(geneveFrame));
    expect(reply?.geneve.slice(0, 16)).toBe('080086dd00000000');
    expect(reply?.inner[0]).toBe(0x60);
    expect(reply?.inner.subarray(48).toString()).toBe('six');
  });

  test('a datagram of 12,000 bytes goes back in fragments, each with the header', async () => {
    await serve('udp');
    const segment = withChecksum(UDP, CLIENT, SERVICE, udp({ sourcePort: 1001 }, Buffer.alloc(11_992, 'x')));
    const counts = await counted(async () => {
      router.send(
        encapsulated(ipv4({ id: 1, moreFragments: true }, segment.subarray(0, 8000))),
        encapsulated(ipv4({ id: 1, fragmentOffset: 8000 }, segment.subarray(8000))),
      );
      const replies = [await capture.line(geneveFrame), await capture.line(geneveFrame)].map(opened);
      expect(replies.map((reply) => reply?.geneve.slice(0, 4))).toEqual(['0800', '0800']);
      expect(replies.reduce((bytes, reply) => bytes + (reply?.inner.length ?? 0) - 20, 0)).toBe(12_000);
    });
    expect(counts).toEqual({ delivered_service: 1, reply_sent: 2 });
  });

  test("a reply larger than a load balancer takes goes in fragments, or is counted where the loopback's MTU let it through", async () => {
    await serve('udp');
    const from = (source: string): Buffer =>
      encapsulated(
        ipv4({ source }, withChecksum(UDP, source, SERVICE, udp({ sourcePort: 1002 }, Buffer.alloc(8792, 'x')))),
      );
    const fragmented = await counted(async () => {
      router.send(from(CLIENT));
      const replies = [await capture.line(geneveFrame), await capture.line(geneveFrame)].map(opened);
      expect(replies.reduce((bytes, reply) => bytes + (reply?.inner.length ?? 0) - 20, 0)).toBe(8800);
    });
    expect(fragmented).toEqual({ delivered_service: 1, reply_sent: 2 });
    // The router takes such a client's address for a service's.
    const counts = await counted(async () => {
      router.send(from('100.64.9.8'));
      await capture.silent(geneveFrame);
    });
    expect(counts).toEqual({ delivered_service: 1, reply_too_large: 1 });
  });

  test('IPv6 answers that the stack cuts into fragments are counted as too large', async () => {
    await serve('udp', '2001:db8:2::/48');
    const segment = withChecksum(UDP, '2001:db8:1::1', '2001:db8:2::1', udp({}, Buffer.alloc(8792, 'x')));
    const counts = await counted(async () => {
      router.send(encapsulated6(ipv6({}, segment)));
      await capture.silent(geneveFrame);
    });
    // The stack sends no second fragment behind a first that was dropped.
    expect(counts).toEqual({ delivered_service: 1, reply_too_large: 1 });
  });

  test.each(['0000000000000000', '0000000000000001', 'fedcba9876543210', 'ffffffffffffffff'])(
    'the attachment %s of a transit gateway or of none is taken, and comes back',
    async (id) => {
      await serve('udp');
      const options = Buffer.concat([
        option(0x0108, 1, Buffer.from('00000000000000e1', 'hex')),
        option(0x0108, 2, Buffer.from(id, 'hex')),
        cookieOption,
      ]);
      router.send(udpFrom(1200, 'hello', options));
      expect(opened(await capture.line(geneveFrame))?.geneve).toBe(`0800080000000000${options.toString('hex')}`);
    },
  );

  test('datagrams that a service leaves to the kernel to cut are sent, or refused where it would lose them', async () => {
    const attached = (offload: string): void => {
      expect(router.exec(['ethtool', '-K', 'eth0', 'tx', offload]).stderr).toBe('');
      router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--reply', 'geneve');
    };
    const segment = withChecksum(UDP, CLIENT, SERVICE, udp({ sourcePort: 1003 }, Buffer.alloc(3500, 'x')));
    await serve('udp', '100.64.0.0/10', 'segments');
    attached('on');
    expect(router.exec(['ethtool', '-K', 'eth0', 'tx-udp-segmentation', 'off']).stderr).toBe('');
    const sent = await counted(async () => {
      router.send(encapsulated(ipv4({}, segment)));
      const sizes = [];
      for (let i = 0; i < 4; i += 1) sizes.push(opened(await capture.line(geneveFrame))?.inner.readUInt16BE(24));
      expect(sizes).toEqual([1008, 1008, 1008, 508]);
    });
    expect(sent).toEqual({ delivered_service: 1, reply_sent: 4 });
    const status = (): unknown => JSON.parse(router.diverts('status', '--json'));
    expect(status()).toMatchObject({ attached: [{ reply: 'geneve', offloadChanged: false }] });
    expect(router.exec(['ethtool', '-K', 'eth0', 'tx', 'off']).stderr).toBe('');
    expect(status()).toMatchObject({ attached: [{ reply: 'geneve', offloadChanged: true }] });
    expect(router.diverts('status')).toContain(
      '\noffload   eth0: tx checksum offload is off now: answers that the kernel is to cut (UDP_SEGMENT) are lost: attach again, which has them refused and counted\n',
    );
    attached('off');
    expect(status()).toMatchObject({ attached: [{ reply: 'geneve', offloadChanged: false }] });
    const refused = await counted(async () => {
      router.send(encapsulated(ipv4({}, segment)));
      await capture.silent(geneveFrame);
    });
    expect(refused).toEqual({ delivered_service: 1, reply_failed: 4 });
    expect(router.exec(['ethtool', '-K', 'eth0', 'tx', 'on']).stderr).toBe('');
    expect(router.diverts('status')).toContain(
      '\noffload   eth0: tx checksum offload is on now: answers that the kernel is to cut (UDP_SEGMENT) are refused: attach again, which has them sent\n',
    );
    attached('off');
  });

  test('TCP, a reset included', async () => {
    await serve('tcp');
    const flags = (line: string): number => opened(line)?.inner[33] ?? 0;
    const packet = (flag: number, sourcePort: number): Buffer =>
      encapsulated(
        ipv4(
          { protocol: TCP },
          withChecksum(TCP, CLIENT, SERVICE, tcp({ sourcePort, destinationPort: 5000, flags: flag })),
        ),
      );
    router.send(packet(SYN, 3001));
    expect(flags(await capture.line(geneveFrame))).toBe(SYN | ACK);
    router.send(packet(ACK, 3002));
    expect(flags(await capture.line(/^.{24}0800.{18}11.*17c1.*0bba/))).toBe(4);
  });

  test('a client with the address of another, behind another endpoint, has a port of its own towards the service', async () => {
    const service = await serve('udp');
    const answered = async (endpoint: string): Promise<string | undefined> => {
      const reply = opened(await capture.line(geneveFrame));
      expect(reply?.geneve.slice(24, 40)).toBe(endpoint);
      return reply?.inner.subarray(20, 24).toString('hex');
    };
    const counts = await counted(async () => {
      router.send(udpFrom(4000, 'first'));
      expect(await answered('00000000000000e1')).toBe('1388' + '0fa0');
      router.send(udpFrom(4001, 'other port', otherEndpoint));
      expect(await answered('00000000000000e2')).toBe('1388' + '0fa1');
      router.send(udpFrom(4000, 'same port', otherEndpoint));
      expect(await answered('00000000000000e2')).toBe('1388' + '0fa0');
      // OpenZiti tells the clients of a listener apart by address and port alone, whatever their destination.
      const elsewhere = withChecksum(
        UDP,
        CLIENT,
        '100.64.0.9',
        udp({ sourcePort: 4000, destinationPort: 5000 }, Buffer.from('elsewhere')),
      );
      router.send(encapsulated(ipv4({ destination: '100.64.0.9' }, elsewhere), { geneve: { options: otherEndpoint } }));
      expect(await answered('00000000000000e2')).toBe('1388' + '0fa0');
    });
    expect(counts).toEqual({ delivered_service: 4, reply_sent: 4 });
    const ports = [];
    for (let i = 0; i < 4; i += 1) ports.push((await service.line()).split(' ')[1]);
    expect(ports.slice(0, 2)).toEqual(['4000', '4001']);
    expect(ports[2]).toBe(ports[3]);
    expect(ports.slice(0, 2)).not.toContain(ports[2]);
  });

  test.each([
    ['with checksums', undefined],
    ['without the inner one', 0],
  ])('a translated datagram %s has right ones', async (_name, inner) => {
    const service = await serve('udp');
    const segment = (text: string): Buffer => {
      const datagram = udp({ sourcePort: 4100, destinationPort: 5000 }, Buffer.from(text));
      return inner === 0 ? datagram : withChecksum(UDP, CLIENT, SERVICE, datagram);
    };
    const counts = await counted(async () => {
      router.send(encapsulated(ipv4({}, segment('first'))));
      const outer = udp(
        { sourcePort: 50000, destinationPort: 6081 },
        geneve({ options: otherEndpoint }, ipv4({}, segment('second'))),
      );
      router.send(ethernet(ipv4({ source: NODE, destination: ROUTER }, withChecksum(UDP, NODE, ROUTER, outer))));
      await service.line(/7365636f6e64/); // second
    });
    expect(counts).toMatchObject({ delivered_service: 2 });
  });

  test('a client that connects with the address and port of another, behind another endpoint', async () => {
    const service = await serve('tcp');
    const from = (options: Buffer, fields: TcpFields) =>
      encapsulated(
        ipv4(
          { protocol: TCP },
          withChecksum(TCP, CLIENT, SERVICE, tcp({ sourcePort: 3100, destinationPort: 5000, ...fields })),
        ),
        { geneve: { options } },
      );
    const answer = async () => {
      const reply = opened(await capture.line(geneveFrame));
      return [reply?.geneve.slice(36, 40), reply?.inner.readUInt16BE(22), reply?.inner[33]];
    };
    const complete = async (options: Buffer): Promise<void> => {
      const acknowledgement = (opened(await capture.line(geneveFrame))?.inner.readUInt32BE(24) ?? 0) + 1;
      router.send(from(options, { flags: ACK, sequence: 2, acknowledgement }));
    };
    router.send(from(awsOptions, { flags: SYN, sequence: 1 }));
    await complete(awsOptions);
    expect(await service.line()).toMatch(/^192\.168\.1\.1 3100 /);
    // While the earlier one lives, it has another port; a packet of no connection of its own meets none of the earlier one's.
    router.send(from(otherEndpoint, { flags: ACK, sequence: 7 }));
    await capture.silent(geneveFrame);
    router.send(from(otherEndpoint, { flags: SYN, sequence: 1 }));
    expect(await answer()).toEqual(['00e2', 3100, SYN | ACK]);
    router.send(from(otherEndpoint, { flags: SYN, sequence: 1 }));
    await complete(otherEndpoint);
    expect(await service.line()).not.toMatch(/^192\.168\.1\.1 3100 /);
    // So that neither says anything more.
    for (const options of [awsOptions, otherEndpoint]) router.send(from(options, { flags: RST, sequence: 2 }));
  });

  test('a client that connects with the address and port of another whose connection is over has its own port', async () => {
    await serve('tcp');
    const from = (options: Buffer, fields: TcpFields) =>
      encapsulated(
        ipv4(
          { protocol: TCP },
          withChecksum(TCP, CLIENT, SERVICE, tcp({ sourcePort: 3101, destinationPort: 5000, ...fields })),
        ),
        { geneve: { options } },
      );
    router.send(from(awsOptions, { flags: SYN, sequence: 1 }));
    expect(opened(await capture.line(geneveFrame))?.geneve).toContain('00e1');
    router.send(from(awsOptions, { flags: RST, sequence: 2 }));
    const counts = await counted(async () => {
      router.send(from(otherEndpoint, { flags: SYN, sequence: 1 }));
      const reply = opened(await capture.line(geneveFrame));
      expect([reply?.geneve.slice(36, 40), reply?.inner.readUInt16BE(22)]).toEqual(['00e2', 3101]);
    });
    expect(counts).toEqual({ delivered_service: 1, reply_sent: 1 });
  });

  test("the router's own traffic passes; a reply of no known flow is counted", async () => {
    const counts = await counted(async () => {
      router.exec(['ip', 'address', 'add', '100.64.9.9/32', 'dev', 'lo']);
      for (const [source, hex] of [
        ['10.0.0.2', '0a000002'],
        ['100.64.9.9', '64400909'],
      ] as const) {
        const talker = router.start(['connect', 'udp', source, '10.0.0.1', '9']);
        await talker.line(/ready/);
        talker.write('x\n');
        await capture.line(new RegExp(`^.{24}0800.{18}11.{4}${hex}`));
      }
    });
    expect(counts).toEqual({ reply_unknown: 1 });
  });

  test('a whole connection, with much to say in both directions', async () => {
    await serve('tcp');
    const tunnel = router.start(['tunnel', 'glb0', '10.0.0.1', '10.0.0.2'], 'node');
    await tunnel.line(/ready/);
    router.exec(
      [
        'sh',
        '-c',
        `ip address add ${CLIENT}/32 dev glb0; ip link set glb0 up mtu 8500; ip route add 100.64.0.0/10 dev glb0`,
      ],
      'node',
    );
    const client = router.start(['connect', 'tcp', CLIENT, SERVICE, '5000'], 'node');
    await client.line(/ready/);
    for (let round = 0; round < 20; round += 1) {
      const text = `${round}`.repeat(15_000);
      client.write(`${text}\n`);
      expect(await client.line()).toBe(text);
    }
    expect(await tunnel.line()).toMatch(/^0800080000000000010801020{14}e1/);
  });

  test('back to direct replies, the flows are gone', () => {
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
    expect(router.exec(['ls', '/sys/fs/bpf/ziti-glb']).stdout).not.toContain('flows');
  });
});
