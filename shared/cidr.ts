import ipaddr from 'ipaddr.js';

/** A range of addresses, by its network address. */
export interface Range {
  address: ipaddr.IPv4 | ipaddr.IPv6;
  prefix: number;
}

/** Reads a CIDR as AWS does: four decimal parts for IPv4, host bits dropped. Undefined if it is none. */
export function parseCidr(text: string): Range | undefined {
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) {
    const [, prefix] = ipaddr.IPv4.parseCIDR(text);
    return { address: ipaddr.IPv4.networkAddressFromCIDR(text), prefix };
  }
  if (ipaddr.IPv6.isValidCIDR(text) && !text.includes('%')) {
    const [, prefix] = ipaddr.IPv6.parseCIDR(text);
    return { address: ipaddr.IPv6.networkAddressFromCIDR(text), prefix };
  }
  return undefined;
}

export function formatCidr({ address, prefix }: Range): string {
  return `${address}/${prefix}`;
}

export function overlap(a: Range, b: Range): boolean {
  if (a.address.kind() !== b.address.kind()) return false;
  return a.address.match(b.address, Math.min(a.prefix, b.prefix));
}

export const holds = (outer: Range, inner: Range) => outer.prefix <= inner.prefix && overlap(outer, inner);

/** A CIDR contains another one if it has each of its addresses. False if either is no CIDR. */
export function contains(outer: string, inner: string): boolean {
  const [a, b] = [parseCidr(outer), parseCidr(inner)];
  return a !== undefined && b !== undefined && holds(a, b);
}

/** CIDRs cover another one if together they have each of its addresses. What is no CIDR has none, and is not covered. */
export function covers(outers: readonly string[], inner: string): boolean {
  const whole = parseCidr(inner);
  if (!whole) return false;
  const ranges = [...new Set(outers.flatMap((outer) => canonicalCidr(outer) ?? []))].flatMap(
    (outer) => parseCidr(outer) ?? [],
  );
  if (ranges.some((range) => holds(range, whole))) return true;
  // Two CIDRs share nothing, or one holds the other: the widest inside it cover it if they have as many addresses.
  const inside = ranges.filter((range) => holds(whole, range));
  const widest = inside.filter((range) => !inside.some((other) => other !== range && holds(other, range)));
  const size = ({ prefix }: Range) => 1n << BigInt(128 - prefix);
  return widest.reduce((sum, range) => sum + size(range), 0n) === size(whole);
}

/** Two CIDRs overlap that share an address. False if either is no CIDR. */
export const overlaps = (one: string, other: string) => contains(one, other) || contains(other, one);

export const isIpv6 = (cidr: string) => cidr.includes(':');

/** The text AWS gives back for it: 10.0.1.5/24 is 10.0.1.0/24. Undefined if it is no CIDR. */
export function canonicalCidr(text: string): string | undefined {
  const range = parseCidr(text);
  return range && formatCidr(range);
}

/** The IPv4 ranges of `prefix` bits that an IPv4 range is made of, in order. */
export function subdivide({ address, prefix: outer }: Range, prefix: number): Range[] {
  const first = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
  return Array.from({ length: 2 ** (prefix - outer) }, (_, index) => {
    const number = first + index * 2 ** (32 - prefix);
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256);
    return { address: new ipaddr.IPv4(bytes), prefix };
  });
}
