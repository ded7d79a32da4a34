/**
 * A second decoder decides the diverter's verdict on a packet from the rules alone: a plain reading of RFC 791, 768, 8200 and
 * 8926 and of what AWS documents, sharing nothing with the program. For a router with no service and no connection, so what
 * is right in every field ends as `no_service`, or is a `fragment` of UDP; an ICMP error is about nothing here.
 */
export interface ReferenceSettings {
  /** The router's own addresses, as they stand in a packet, in hexadecimal. */
  own: string[];
  /** An outer source address is one of the load balancer's, or not. */
  allowed: (address: Buffer) => boolean;
}

function ones(...parts: Buffer[]): number {
  let sum = 0;
  const bytes = Buffer.concat(parts);
  for (let at = 0; at < bytes.length; at += 2)
    sum += bytes.readUInt8(at) * 256 + (at + 1 < bytes.length ? bytes.readUInt8(at + 1) : 0);
  while (sum >= 0x10000) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

const RIGHT = ['no_service', 'fragment', 'error'];

export function reference(frame: Buffer, settings: ReferenceSettings): string {
  if (frame.length < 34 || frame.readUInt16BE(12) !== 0x0800) return 'passed';
  const ip = frame.subarray(14);
  const words = ip.readUInt8(0) & 15;
  if (ip.readUInt8(0) >> 4 !== 4 || words < 5 || ip.readUInt8(9) !== 17) return 'passed';
  if (!settings.own.includes(ip.subarray(16, 20).toString('hex'))) return 'passed';
  const fragment = ip.readUInt16BE(6);
  if (fragment & 0x1fff) return 'passed';
  if (ip.length < words * 4 + 8 || ip.readUInt16BE(words * 4 + 2) !== 6081) return 'passed';

  if (words > 5) return 'outer_options';
  if (fragment & 0x2000) return 'outer_fragment';
  if (ones(ip.subarray(0, 20)) !== 0xffff) return 'outer_checksum';
  if (!settings.allowed(ip.subarray(12, 16))) return 'source_not_allowed';
  const total = ip.readUInt16BE(2);
  if (total < 28 || total > ip.length) return 'outer_length';
  const udp = ip.subarray(20, total);
  if (udp.readUInt16BE(4) !== udp.length) return 'udp_length';

  const geneve = udp.subarray(8);
  if (geneve.length < 8) return 'geneve_truncated';
  const size = 8 + (geneve.readUInt8(0) & 63) * 4;
  if (geneve.length < size) return 'geneve_truncated';
  if (geneve.readUInt8(0) >> 6) return 'geneve_version';
  if (geneve.readUInt8(1) & 0x80) return 'geneve_control';
  if (geneve.readUIntBE(4, 3)) return 'geneve_vni';
  const fault = optionsFault(geneve.subarray(8, size));
  if (fault) return fault;

  const type = geneve.readUInt16BE(2);
  const inner = geneve.subarray(size);
  const verdict =
    type === 0x0800 ? inner4(inner, settings) : type === 0x86dd ? inner6(inner, settings) : 'geneve_protocol';
  if (!RIGHT.includes(verdict)) return verdict;
  const found = verdict === 'error' ? 'inner_protocol' : verdict;
  if (udp.readUInt16BE(6) === 0) return found;

  const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, 17]), udp.subarray(4, 6)]);
  const leftToHardware = udp.readUInt16BE(6) === ones(pseudo);
  return leftToHardware || ones(pseudo, udp) === 0xffff ? found : 'udp_checksum';
}

const awsSizes = new Map([
  [1, 8],
  [2, 8],
  [3, 4],
]);

function optionsFault(options: Buffer): string | undefined {
  const seen = new Set<number>();
  for (let rest = options; rest.length > 0; ) {
    const type = rest.readUInt8(2);
    const size = 4 + (rest.readUInt8(3) & 31) * 4;
    if (size > rest.length) return 'geneve_option_length';
    if (type >= 0x80) return 'geneve_critical';
    const wanted = rest.readUInt16BE(0) === 0x0108 ? awsSizes.get(type) : undefined;
    if (wanted !== undefined) {
      if (size !== 4 + wanted) return 'geneve_option_length';
      if (seen.has(type)) return 'geneve_option_duplicate';
      seen.add(type);
    }
    rest = rest.subarray(size);
  }
  return seen.size === awsSizes.size ? undefined : 'geneve_option_missing';
}

function inner4(ip: Buffer, settings: ReferenceSettings): string {
  if (ip.length < 20) return 'inner_truncated';
  if (ip.readUInt8(0) >> 4 !== 4) return 'inner_version';
  if ((ip.readUInt8(0) & 15) !== 5) return 'inner_options';
  const total = ip.readUInt16BE(2);
  if (total < 20 || total > ip.length) return 'inner_length';
  const fragment = ip.readUInt16BE(6) & 0x3fff;
  if (fragment && ip.readUInt8(9) !== 17) return 'inner_fragment';
  if (ip.readUInt8(8) === 0) return 'inner_ttl';
  const first = ip.readUInt8(16);
  const multicast = first >= 224 && first <= 239;
  if (first === 0 || first === 127 || multicast || ip.readUInt32BE(16) === 0xffffffff) return 'inner_destination';
  if (settings.own.includes(ip.subarray(16, 20).toString('hex'))) return 'inner_destination_router';
  if (ip.readUInt8(9) === 1 && isError(ip.subarray(20, total), ip.subarray(16, 20))) return 'error';
  return fragment ? 'fragment' : transport(ip.readUInt8(9), ip.subarray(20, total));
}

/** An ICMP error quotes the beginning of a packet of TCP or UDP that its receiver has sent. */
function isError(icmp: Buffer, to: Buffer): boolean {
  if (icmp.length < 8 + 20 + 8 || ![3, 11, 12].includes(icmp.readUInt8(0))) return false;
  const quoted = icmp.subarray(8);
  const first = (quoted.readUInt16BE(6) & 0x1fff) === 0;
  return (
    quoted.readUInt8(0) === 0x45 && first && [6, 17].includes(quoted.readUInt8(9)) && quoted.subarray(12, 16).equals(to)
  );
}

function inner6(ip: Buffer, settings: ReferenceSettings): string {
  if (ip.length < 40) return 'inner_truncated';
  if (ip.readUInt8(0) >> 4 !== 6) return 'inner_version';
  const payload = ip.readUInt16BE(4);
  if (40 + payload > ip.length) return 'inner_length';
  if (ip.readUInt8(6) === 44) return 'inner_fragment';
  if (ip.readUInt8(7) === 0) return 'inner_ttl';
  const to = ip.subarray(24, 40).toString('hex');
  if (/^(0{31}[01]|0{20}f{4}.{8}|ff.{30})$/.test(to)) return 'inner_destination';
  if (settings.own.includes(to)) return 'inner_destination_router';
  return transport(ip.readUInt8(6), ip.subarray(40, 40 + payload));
}

function transport(protocol: number, segment: Buffer): string {
  if (protocol !== 6 && protocol !== 17) return 'inner_protocol';
  return segment.length < (protocol === 6 ? 20 : 8) ? 'inner_truncated' : 'no_service';
}
