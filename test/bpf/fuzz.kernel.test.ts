import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeKernel } from '../support/kernel.ts';
import {
  ACK,
  addressBytes,
  attachmentOption,
  awsOptions,
  checksum,
  cookieOption,
  encapsulated,
  endpointOption,
  ICMP,
  icmp,
  ipv4,
  ipv6,
  option,
  ROUTER,
  SYN,
  TCP,
  tcp,
  UDP,
  udp,
} from './packet.ts';
import { type ReferenceSettings, reference } from './reference.ts';
import { type Router, startRouter } from './router.ts';

/** A run has so many packets in all: a million takes a minute, which CI has. */
const PACKETS = Number(process.env.FUZZ_PACKETS ?? (process.env.CI === 'true' ? 1_000_000 : 60_000));
const BATCH = 500;

const settings: ReferenceSettings = {
  own: [ROUTER, '2001:db8::2', 'fe80::ff:fe00:2'].map((address) => addressBytes(address).toString('hex')),
  allowed: (address) => address.readUInt32BE(0) >>> 8 === 0x0a0000,
};

const buffer = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

/** An ICMP error is about a packet of the service's, of which it quotes so much. */
const icmpError = fc
  .record({
    type: fc.constantFrom(3, 11, 12, 0, 4, 5, 8),
    source: mostly('100.64.0.1', fc.constant('100.64.0.2')),
    protocol: fc.constantFrom(TCP, UDP, ICMP),
    fragmentOffset: mostly(0, fc.constant(8)),
    options: mostly(Buffer.alloc(0), fc.constant(Buffer.alloc(4))),
    behind: mostly(8, fc.nat(20)),
  })
  .map(({ type, behind, ...quoted }) =>
    icmp({ type }, ipv4({ ...quoted, destination: '192.168.1.1' }, tcp({}).subarray(0, behind))),
  );

const segment = fc.oneof(
  fc.record({ protocol: fc.constant(UDP), bytes: buffer(40).map((data) => udp({}, data)) }),
  fc.record({ protocol: fc.constant(TCP), bytes: fc.constantFrom(SYN, ACK).map((flags) => tcp({ flags })) }),
  fc.record({ protocol: fc.nat(255), bytes: buffer(30) }),
  fc.record({ protocol: fc.constant(ICMP), bytes: icmpError }),
);
const destination4 = mostly(
  '100.64.0.1',
  fc.constantFrom(ROUTER, '127.0.0.1', '224.1.2.3', '0.1.2.3', '255.255.255.255', '240.0.0.1'),
);
const destination6 = mostly(
  '2001:db8:2::1',
  fc.constantFrom('2001:db8::2', '::1', '::', '::2', 'ff02::1', '::ffff:7f00:1', 'fe80::ff:fe00:2'),
);

const inner4 = fc
  .record({
    segment,
    destination: destination4,
    ttl: mostly(64, fc.nat(2)),
    moreFragments: mostly(false, fc.boolean()),
    fragmentOffset: mostly(
      0,
      fc.nat(2).map((units) => units * 8),
    ),
    options: mostly(Buffer.alloc(0), fc.constant(Buffer.alloc(4))),
    trailer: mostly(Buffer.alloc(0), buffer(10)),
  })
  .map(({ segment, trailer, ...fields }) =>
    Buffer.concat([ipv4({ ...fields, protocol: segment.protocol }, segment.bytes), trailer]),
  );
const inner6 = fc
  .record({
    segment,
    destination: destination6,
    hopLimit: mostly(64, fc.nat(2)),
    trailer: mostly(Buffer.alloc(0), buffer(10)),
  })
  .map(({ segment, trailer, ...fields }) =>
    Buffer.concat([ipv6({ ...fields, nextHeader: segment.protocol }, segment.bytes), trailer]),
  );

const anyOption = fc
  .record({
    class: fc.constantFrom(0x0108, 0x0109),
    type: fc.constantFrom(0, 1, 2, 3, 4, 0x7f, 0x80, 0x81),
    words: fc.nat(4),
  })
  .map((fields) => option(fields.class, fields.type, Buffer.alloc(fields.words * 4, 0xab)));
const options = mostly(
  awsOptions,
  fc
    .array(fc.oneof(fc.constantFrom(endpointOption, attachmentOption, cookieOption), anyOption), { maxLength: 7 })
    .map((all) => Buffer.concat(all)),
);

const wellMade = fc
  .record({
    inner: fc.oneof(
      inner4.map((bytes) => ({ bytes, protocol: 0x0800 })),
      inner6.map((bytes) => ({ bytes, protocol: 0x86dd })),
      fc.record({ bytes: buffer(80), protocol: fc.constantFrom(0x0800, 0x86dd, 0x6558) }),
    ),
    options,
    optionWords: mostly<number | undefined>(undefined, fc.nat(63)),
    flags: mostly(0, fc.nat(255)),
    version: mostly(0, fc.nat(3)),
    vni: mostly(0, fc.nat(0xffffff)),
    source: mostly('10.0.0.1', fc.constantFrom('10.0.0.255', '10.0.1.0', '9.255.255.255', '1.2.3.4')),
    destination: mostly(ROUTER, fc.constantFrom('10.0.0.3', '100.64.0.1')),
    port: mostly(6081, fc.constantFrom(6080, 53)),
    udpChecksum: mostly(0, fc.nat(0xffff)),
    trailer: mostly(Buffer.alloc(0), buffer(20)),
  })
  .map(({ inner, source, destination, port, udpChecksum, trailer, ...fields }) =>
    Buffer.concat([
      encapsulated(inner.bytes, {
        ip: { source, destination },
        udp: { destinationPort: port, checksum: udpChecksum },
        geneve: { ...fields, protocol: inner.protocol },
      }),
      trailer,
    ]),
  );

/** A packet has its fields in so many bytes: most of what is wrong should be there. */
const FIELDS = 130;
const flips = fc.array(fc.record({ at: fc.nat(FIELDS), bits: fc.integer({ min: 1, max: 255 }) }), { maxLength: 3 });

/** The outer IP header is put right again, so that damage behind it is seen. */
function withHeaderChecksum(packet: Buffer): Buffer {
  if (packet.length < 34) return packet;
  packet.writeUInt16BE(0, 24);
  packet.writeUInt16BE(checksum(packet.subarray(14, 34)), 24);
  return packet;
}

/** The kernel wants an Ethernet header and an IP header to run a program on. */
const SHORTEST = 34;
const damage = fc.record({
  flips,
  keep: mostly(1, fc.double({ min: 0, max: 1, noNaN: true })),
  repair: fc.boolean(),
});
/** A packet takes longer to make than all else: so each is damaged in several ways. */
const WAYS = 5;
const damaged = fc.tuple(wellMade, fc.array(damage, { minLength: WAYS, maxLength: WAYS })).map(([packet, damages]) =>
  damages.map(({ flips, keep, repair }) => {
    const copy = Buffer.from(packet.subarray(0, Math.max(SHORTEST, Math.floor(packet.length * keep))));
    for (const { at, bits } of flips) if (at < copy.length) copy.writeUInt8(copy.readUInt8(at) ^ bits, at);
    return repair ? withHeaderChecksum(copy) : copy;
  }),
);

/** A fragment may become one of these by those before it: fragment.kernel.test.ts is exact. */
const OF_FRAGMENTS = /^(fragment_.*|no_service)$/;

describeKernel('the program and the reference', () => {
  let router: Router;
  beforeAll(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  });
  afterAll(() => router.close());

  test(`agree on ${PACKETS} random and damaged packets`, async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(damaged, { minLength: BATCH / WAYS, maxLength: BATCH / WAYS }), async (families) => {
        const packets = families.flat();
        const verdicts = await router.run(packets);
        packets.forEach((packet, index) => {
          const said = verdicts[index]?.reason ?? '';
          const expected = reference(packet, settings);
          seen.add(expected);
          if (expected === 'fragment' ? !OF_FRAGMENTS.test(said) : said !== expected)
            throw new Error(`${packet.toString('hex')}: the program says ${said}, the reference ${expected}`);
        });
      }),
      { numRuns: PACKETS / BATCH, interruptAfterTimeLimit: 3_600_000 },
    );
    expect(seen.size).toBeGreaterThan(25);
  }, 3_600_000);
});
