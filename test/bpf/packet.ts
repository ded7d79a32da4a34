/**
 * Packets are bytes here. Every field has a right value unless a test names another one, so that a test shows only what is wrong
 * with its packet.
 */

export interface Ipv4Fields {
  source?: string;
  destination?: string;
  protocol?: number;
  ttl?: number;
  version?: number;
  /** Bytes of IP options, a multiple of four. */
  options?: Buffer;
  id?: number;
  moreFragments?: boolean;
  dontFragment?: boolean;
  /** The payload's offset in the original datagram, in bytes. */
  fragmentOffset?: number;
  totalLength?: number;
  checksum?: number;
}

export interface Ipv6Fields {
  source?: string;
  destination?: string;
  nextHeader?: number;
  hopLimit?: number;
  version?: number;
  payloadLength?: number;
}

export interface UdpFields {
  sourcePort?: number;
  destinationPort?: number;
  length?: number;
  /** 0, no checksum, unless given. */
  checksum?: number;
}

export interface TcpFields {
  sourcePort?: number;
  destinationPort?: number;
  sequence?: number;
  acknowledgement?: number;
  flags?: number;
}

export interface GeneveFields {
  version?: number;
  /** O is 0x80, C is 0x40. */
  flags?: number;
  protocol?: number;
  vni?: number;
  options?: Buffer;
  /** In words, if not that of the options. */
  optionWords?: number;
}

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;

export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

const u16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** RFC 1071's checksum sums any number of bytes. */
export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An address has these 4 or 16 bytes. */
export function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const words = (text: string): number[] =>
    text
      .split(':')
      .filter(Boolean)
      .map((word) => Number.parseInt(word, 16));
  const after = tail === undefined ? [] : words(tail);
  const before = words(head);
  const gap = new Array<number>(8 - before.length - after.length).fill(0);
  return Buffer.concat([...before, ...gap, ...after].map(u16));
}

export function ipv4(fields: Ipv4Fields, payload: Buffer): Buffer {
  const options = fields.options ?? Buffer.alloc(0);
  const length = 20 + options.length;
  const fragment =
    ((fields.dontFragment ? 1 : 0) << 14) | ((fields.moreFragments ? 1 : 0) << 13) | ((fields.fragmentOffset ?? 0) / 8);
  const header = Buffer.concat([
    Buffer.from([((fields.version ?? 4) << 4) | (length / 4), 0]),
    u16(fields.totalLength ?? length + payload.length),
    u16(fields.id ?? 0),
    u16(fragment),
    Buffer.from([fields.ttl ?? 64, fields.protocol ?? UDP, 0, 0]),
    addressBytes(fields.source ?? '192.168.1.1'),
    addressBytes(fields.destination ?? '100.64.0.1'),
    options,
  ]);
  u16(fields.checksum ?? checksum(header)).copy(header, 10);
  return Buffer.concat([header, payload]);
}

export function ipv6(fields: Ipv6Fields, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([(fields.version ?? 6) << 4, 0, 0, 0]),
    u16(fields.payloadLength ?? payload.length),
    Buffer.from([fields.nextHeader ?? UDP, fields.hopLimit ?? 64]),
    addressBytes(fields.source ?? '2001:db8:1::1'),
    addressBytes(fields.destination ?? '2001:db8:2::1'),
    payload,
  ]);
}

export function udp(fields: UdpFields, payload: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([
    u16(fields.sourcePort ?? 1000),
    u16(fields.destinationPort ?? 5000),
    u16(fields.length ?? 8 + payload.length),
    u16(fields.checksum ?? 0),
    payload,
  ]);
}

export function tcp(fields: TcpFields, payload: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([
    u16(fields.sourcePort ?? 1000),
    u16(fields.destinationPort ?? 5000),
    u32(fields.sequence ?? 1),
    u32(fields.acknowledgement ?? 0),
    Buffer.from([0x50, fields.flags ?? SYN]),
    u16(65535),
    Buffer.alloc(4),
    payload,
  ]);
}

export interface IcmpFields {
  /** 3 is destination unreachable. */
  type?: number;
  /** 4 of type 3 is fragmentation needed. */
  code?: number;
  mtu?: number;
}

/** An ICMP message of an error has in `quoted` the beginning of the packet that it is about. */
export function icmp(fields: IcmpFields, quoted: Buffer): Buffer {
  const message = Buffer.concat([
    Buffer.from([fields.type ?? 3, fields.code ?? 0, 0, 0]),
    u32(fields.mtu ?? 0),
    quoted,
  ]);
  message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** A TCP or UDP segment has its checksum there. */
const checksumOffset = (protocol: number): number => (protocol === TCP ? 16 : 6);

/** Returns the segment with its checksum filled in for these addresses. */
export function withChecksum(protocol: number, source: string, destination: string, segment: Buffer): Buffer {
  const addresses = Buffer.concat([addressBytes(source), addressBytes(destination)]);
  const filled = Buffer.from(segment);
  filled.writeUInt16BE(0, checksumOffset(protocol));
  const pseudo = Buffer.concat([addresses, Buffer.from([0, protocol]), u16(segment.length)]);
  filled.writeUInt16BE(checksum(Buffer.concat([pseudo, filled])) || 0xffff, checksumOffset(protocol));
  return filled;
}

export function option(optionClass: number, type: number, data: Buffer): Buffer {
  return Buffer.concat([u16(optionClass), Buffer.from([type, data.length / 4]), data]);
}

const AWS = 0x0108;
export const endpointOption: Buffer = option(AWS, 1, Buffer.from('00000000000000e1', 'hex'));
export const attachmentOption: Buffer = option(AWS, 2, Buffer.from('00000000000000a1', 'hex'));
export const cookieOption: Buffer = option(AWS, 3, Buffer.from('000000c1', 'hex'));
export const awsOptions: Buffer = Buffer.concat([endpointOption, attachmentOption, cookieOption]);

export function geneve(fields: GeneveFields, payload: Buffer): Buffer {
  const options = fields.options ?? awsOptions;
  return Buffer.concat([
    Buffer.from([((fields.version ?? 0) << 6) | (fields.optionWords ?? options.length / 4), fields.flags ?? 0]),
    u16(fields.protocol ?? 0x0800),
    u32((fields.vni ?? 0) << 8),
    options,
    payload,
  ]);
}

/** `hardware` is the destination: the router's, or the packet is not for it. */
export function ethernet(payload: Buffer, type = 0x0800, hardware = '02:00:00:00:00:02'): Buffer {
  const to = Buffer.from(hardware.replaceAll(':', ''), 'hex');
  return Buffer.concat([to, Buffer.from('020000000001', 'hex'), u16(type), payload]);
}

/** The router's interface and the load balancer's node have these addresses in every test. */
export const ROUTER = '10.0.0.2';
export const NODE = '10.0.0.1';

export interface OuterFields {
  ip?: Ipv4Fields;
  udp?: UdpFields;
  geneve?: GeneveFields;
}

/** A Gateway Load Balancer would send the router this. */
export function encapsulated(inner: Buffer, outer: OuterFields = {}): Buffer {
  const datagram = udp({ sourcePort: 50000, destinationPort: 6081, ...outer.udp }, geneve(outer.geneve ?? {}, inner));
  return ethernet(ipv4({ source: NODE, destination: ROUTER, ...outer.ip }, datagram));
}

/** It would send this for an IPv6 packet. */
export function encapsulated6(inner: Buffer, outer: OuterFields = {}): Buffer {
  return encapsulated(inner, { ...outer, geneve: { protocol: 0x86dd, ...outer.geneve } });
}
