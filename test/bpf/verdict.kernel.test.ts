import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  ACK,
  attachmentOption,
  awsOptions,
  checksum,
  cookieOption,
  encapsulated,
  encapsulated6,
  endpointOption,
  ethernet,
  ipv4,
  ipv6,
  NODE,
  option,
  ROUTER,
  TCP,
  tcp,
  udp,
} from './packet.ts';
import { type Router, startRouter, verdictNames } from './router.ts';

/** scapy has built these packets: golden.py. */
const golden: { name: string; reason: string; packet: string }[] = JSON.parse(
  readFileSync(new URL('golden.json', import.meta.url), 'utf8'),
);

const inner = ipv4({}, udp({}, Buffer.from('data')));
const inner6 = ipv6({}, udp({}, Buffer.from('data')));
const plain = (to: string, port: number): Buffer =>
  ethernet(ipv4({ source: NODE, destination: to }, udp({ destinationPort: port })));

/** The outer UDP checksum sums IPv4 addresses, ports and everything behind. */
function summed(packet: Buffer): Buffer {
  const whole = Buffer.from(packet);
  const datagram = whole.subarray(34);
  datagram.writeUInt16BE(0, 6);
  const pseudo = Buffer.concat([whole.subarray(26, 34), Buffer.from([0, 17]), datagram.subarray(4, 6)]);
  datagram.writeUInt16BE(checksum(Buffer.concat([pseudo, datagram])) || 0xffff, 6);
  return whole;
}

/** A sender leaves the outer UDP checksum to hardware so: the sum of the pseudo header. */
function halfSummed(packet: Buffer): Buffer {
  const whole = Buffer.from(packet);
  const pseudo = Buffer.concat([whole.subarray(26, 34), Buffer.from([0, 17]), whole.subarray(38, 40)]);
  whole.writeUInt16BE(~checksum(pseudo) & 0xffff, 40);
  return whole;
}

function flipped(packet: Buffer, at: number): Buffer {
  const copy = Buffer.from(packet);
  copy.writeUInt8(copy.readUInt8(at) ^ 0xff, at);
  return copy;
}

/** Each packet comes to this at a router with no service: `no_service` means that nothing was wrong with it. */
const variants: [name: string, reason: string, packet: Buffer][] = [
  ['ARP', 'passed', ethernet(Buffer.alloc(28), 0x0806)],
  ['IPv6 outside', 'passed', ethernet(ipv6({ destination: '2001:db8::2' }, udp({ destinationPort: 6081 })), 0x86dd)],
  ['802.1Q outside', 'passed', ethernet(Buffer.concat([Buffer.from('00010800', 'hex'), inner]), 0x8100)],
  [
    'TCP to the router',
    'passed',
    ethernet(ipv4({ source: NODE, destination: ROUTER, protocol: TCP }, tcp({ destinationPort: 22 }))),
  ],
  ['UDP to another port', 'passed', plain(ROUTER, 53)],
  ['UDP 6081 to another address', 'passed', plain('9.9.9.9', 6081)],
  ['an IP header shorter than itself', 'passed', flipped(encapsulated(inner), 14)],
  ['a later fragment, which has no ports', 'passed', encapsulated(inner, { ip: { fragmentOffset: 64 } })],
  [
    'options outside, to another port',
    'passed',
    ethernet(ipv4({ source: NODE, destination: ROUTER, options: Buffer.alloc(4) }, udp({ destinationPort: 53 }))),
  ],

  ['options outside', 'outer_options', encapsulated(inner, { ip: { options: Buffer.alloc(4) } })],
  ['a first fragment outside', 'outer_fragment', encapsulated(inner, { ip: { moreFragments: true } })],
  ['a wrong outer IP checksum', 'outer_checksum', encapsulated(inner, { ip: { checksum: 0x1234 } })],
  ['a source outside the prefixes', 'source_not_allowed', encapsulated(inner, { ip: { source: '1.2.3.4' } })],
  ['the neighbour of the allowed prefix', 'source_not_allowed', encapsulated(inner, { ip: { source: '10.0.1.0' } })],
  ['an outer length beyond the packet', 'outer_length', encapsulated(inner, { ip: { totalLength: 2000 } })],
  ['an outer length without room for UDP', 'outer_length', encapsulated(inner, { ip: { totalLength: 27 } })],
  ['UDP length 9', 'udp_length', encapsulated(inner, { udp: { length: 9 } })],
  ['a UDP length beyond the packet', 'udp_length', encapsulated(inner, { udp: { length: 2000 } })],
  ['UDP without GENEVE', 'geneve_truncated', plain(ROUTER, 6081)],
  ['options beyond the datagram', 'geneve_truncated', encapsulated(Buffer.alloc(0), { geneve: { optionWords: 63 } })],
  ['no inner packet', 'inner_truncated', encapsulated(Buffer.alloc(0))],
  ...[1, 2, 3].map((version): [string, string, Buffer] => [
    `GENEVE version ${version}`,
    'geneve_version',
    encapsulated(inner, { geneve: { version } }),
  ]),
  ['the O bit', 'geneve_control', encapsulated(inner, { geneve: { flags: 0x80 } })],
  ['the C bit, and no critical option', 'no_service', encapsulated(inner, { geneve: { flags: 0x40 } })],
  [
    'the C bit, and an unknown option that is not critical',
    'no_service',
    encapsulated(inner, {
      geneve: { flags: 0x40, options: Buffer.concat([awsOptions, option(0x0108, 4, Buffer.alloc(4))]) },
    }),
  ],
  [
    'the C bit, and a critical option',
    'geneve_critical',
    encapsulated(inner, {
      geneve: { flags: 0x40, options: Buffer.concat([option(0x0102, 0x80, Buffer.alloc(0)), awsOptions]) },
    }),
  ],
  ...[1, 2, 3].map((type): [string, string, Buffer] => [
    `AWS's option ${type} as a critical one, which no load balancer sends`,
    'geneve_critical',
    encapsulated(inner, {
      geneve: { flags: 0x40, options: Buffer.concat([awsOptions, option(0x0108, 0x80 | type, Buffer.alloc(8))]) },
    }),
  ]),
  ['reserved flags, to be ignored', 'no_service', encapsulated(inner, { geneve: { flags: 0x3f } })],
  ['a VNI', 'geneve_vni', encapsulated(inner, { geneve: { vni: 1 } })],
  [
    'another option class',
    'geneve_option_missing',
    encapsulated(inner, { geneve: { options: option(0x0109, 1, Buffer.alloc(28)) } }),
  ],
  ['32 bytes of 0xff', 'geneve_option_length', encapsulated(inner, { geneve: { options: Buffer.alloc(32, 0xff) } })],
  [
    'an option beyond the options',
    'geneve_option_length',
    encapsulated(inner, {
      geneve: { options: Buffer.concat([endpointOption, attachmentOption, Buffer.from('0108030200000000', 'hex')]) },
    }),
  ],
  [
    'a cookie of 8 bytes',
    'geneve_option_length',
    encapsulated(inner, {
      geneve: { options: Buffer.concat([endpointOption, attachmentOption, option(0x0108, 3, Buffer.alloc(8))]) },
    }),
  ],
  [
    'an unknown critical option',
    'geneve_critical',
    encapsulated(inner, { geneve: { options: Buffer.concat([awsOptions, option(0x0108, 0x84, Buffer.alloc(4))]) } }),
  ],
  [
    'an unknown option more',
    'no_service',
    encapsulated(inner, { geneve: { options: Buffer.concat([awsOptions, option(0x0108, 4, Buffer.alloc(0))]) } }),
  ],
  [
    'the longest options',
    'no_service',
    encapsulated(inner, {
      geneve: { options: Buffer.concat([awsOptions, ...new Array(55).fill(option(0x0102, 0, Buffer.alloc(0)))]) },
    }),
  ],
  [
    'the options in another order',
    'no_service',
    encapsulated(inner, { geneve: { options: Buffer.concat([cookieOption, attachmentOption, endpointOption]) } }),
  ],
  [
    'an option twice',
    'geneve_option_duplicate',
    encapsulated(inner, { geneve: { options: Buffer.concat([awsOptions, cookieOption]) } }),
  ],
  ['optlen 7 with 32 bytes present', 'geneve_option_length', encapsulated(inner, { geneve: { optionWords: 7 } })],
  ['no options', 'geneve_option_missing', encapsulated(inner, { geneve: { options: Buffer.alloc(0) } })],
  ['protocol 0x6558', 'geneve_protocol', encapsulated(inner, { geneve: { protocol: 0x6558 } })],
  ['protocol 0', 'geneve_protocol', encapsulated(inner, { geneve: { protocol: 0 } })],
  ['protocol 0x86dd with IPv4 inside', 'inner_version', encapsulated6(Buffer.concat([inner, Buffer.alloc(20)]))],
  ['protocol 0x0800 with IPv6 inside', 'inner_version', encapsulated(inner6)],

  ['a truncated inner IPv4 header', 'inner_truncated', encapsulated(inner.subarray(0, 19))],
  ['a truncated inner IPv6 header', 'inner_truncated', encapsulated6(inner6.subarray(0, 39))],
  ['inner options', 'inner_options', encapsulated(ipv4({ options: Buffer.alloc(4) }, udp({})))],
  ['an inner length beyond the datagram', 'inner_length', encapsulated(ipv4({ totalLength: 100 }, udp({})))],
  ['an inner length shorter than its header', 'inner_length', encapsulated(ipv4({ totalLength: 19 }, udp({})))],
  ['an inner IPv6 length beyond the datagram', 'inner_length', encapsulated6(ipv6({ payloadLength: 100 }, udp({})))],
  ['bytes behind the inner packet', 'no_service', encapsulated(Buffer.concat([inner, Buffer.alloc(7)]))],
  ['an inner TCP fragment', 'inner_fragment', encapsulated(ipv4({ protocol: TCP, moreFragments: true }, tcp({})))],
  ['an inner IPv6 fragment', 'inner_fragment', encapsulated6(ipv6({ nextHeader: 44 }, udp({})))],
  ['inner TTL 0', 'inner_ttl', encapsulated(ipv4({ ttl: 0 }, udp({})))],
  ['inner hop limit 0', 'inner_ttl', encapsulated6(ipv6({ hopLimit: 0 }, udp({})))],
  ...['127.0.0.1', '0.0.0.0', '224.0.0.1', '239.255.255.255', '255.255.255.255'].map(
    (destination): [string, string, Buffer] => [
      `to ${destination} inside`,
      'inner_destination',
      encapsulated(ipv4({ destination }, udp({}))),
    ],
  ),
  ...['::', '::1', 'ff02::1', '::ffff:7f00:1'].map((destination): [string, string, Buffer] => [
    `to ${destination} inside`,
    'inner_destination',
    encapsulated6(ipv6({ destination }, udp({}))),
  ]),
  [
    'to the router inside',
    'inner_destination_router',
    encapsulated(ipv4({ destination: ROUTER, protocol: TCP }, tcp({ destinationPort: 22 }))),
  ],
  [
    'to the router inside, IPv6',
    'inner_destination_router',
    encapsulated6(ipv6({ destination: '2001:db8::2' }, udp({}))),
  ],
  ['ICMP inside', 'inner_protocol', encapsulated(ipv4({ protocol: 1 }, Buffer.alloc(8)))],
  ['IPv6 hop-by-hop options inside', 'inner_protocol', encapsulated6(ipv6({ nextHeader: 0 }, udp({})))],
  [
    'an inner packet without room for TCP',
    'inner_truncated',
    encapsulated(ipv4({ protocol: TCP }, tcp({}).subarray(0, 19))),
  ],
  ['an inner packet without room for UDP', 'inner_truncated', encapsulated(ipv4({}, Buffer.alloc(7)))],
  [
    'a TCP header behind the inner length',
    'inner_truncated',
    encapsulated(ipv4({ protocol: TCP, totalLength: 39 }, tcp({}))),
  ],

  ['a wrong outer UDP checksum', 'udp_checksum', encapsulated(inner, { udp: { checksum: 0x1234 } })],
  ['a damaged byte under a checksum', 'udp_checksum', flipped(summed(encapsulated(inner)), 113)],
  ['a right outer UDP checksum', 'no_service', summed(encapsulated(inner))],
  ['a right one over 3,000 bytes', 'no_service', summed(encapsulated(ipv4({}, udp({}, Buffer.alloc(2971, 0xa7)))))],
  ['a checksum left to hardware', 'no_service', halfSummed(encapsulated(inner))],

  ['UDP', 'no_service', encapsulated(inner)],
  ['SYN', 'no_service', encapsulated(ipv4({ protocol: TCP }, tcp({})))],
  ['ACK', 'no_service', encapsulated(ipv4({ protocol: TCP }, tcp({ flags: ACK })))],
  ['UDP over IPv6', 'no_service', encapsulated6(inner6)],
  ['TCP over IPv6', 'no_service', encapsulated6(ipv6({ nextHeader: TCP }, tcp({})))],
];

describeKernel('the verdict on a packet', () => {
  let router: Router;
  beforeAll(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  });
  afterAll(() => router.close());

  test.each(variants)('%s: %s', async (_name, reason, packet) => {
    const [verdict] = await router.run([packet]);
    expect(verdict?.reason).toBe(reason);
    expect(verdict?.action).toBe(reason === 'passed' ? -1 : 2);
    expect(verdict?.packet).toEqual(packet);
  });

  test.each(golden)('scapy: $name: $reason', async ({ reason, packet }) => {
    expect((await router.run([Buffer.from(packet, 'hex')]))[0]?.reason).toBe(reason);
  });

  test('every verdict that refuses one packet has a packet of scapy', () => {
    const elsewhere =
      /^(delivered_.*|fragment_evicted|fragment_no_place|flow_.*|reply_.*|reset|no_listener|assign_failed|strip_failed|inner_source_router|aggregate)$/;
    expect(new Set(golden.map(({ reason }) => reason))).toEqual(
      new Set(verdictNames.filter((name) => !elsewhere.test(name))),
    );
  });
});
