import ipaddr from 'ipaddr.js';

/** A range of addresses, by its network address. */
export interface Range {
  address: ipaddr.IPv4 | ipaddr.IPv6;
  prefix: number;
}

const FOUR_DECIMALS = /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){3}\//;

/** Reads a CIDR as AWS does: four decimal parts for IPv4, host bits dropped. Undefined if it is none. */
export function parseCidr(text: string): Range | undefined {
  if (isIpv6(text) ? text.includes('%') : !FOUR_DECIMALS.test(text)) return undefined;
  const family = isIpv6(text) ? ipaddr.IPv6 : ipaddr.IPv4;
  try {
    return { address: family.networkAddressFromCIDR(text), prefix: prefixOf(text) };
  } catch {
    return undefined;
  }
}

/** The prefix length of what is a CIDR. */
export const prefixOf = (cidr: string) => Number(cidr.split('/')[1]);

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
  const ranges = outers.flatMap((outer) => parseCidr(outer) ?? []);
  const isCovered = (range: Range): boolean =>
    ranges.some((each) => holds(each, range)) ||
    (ranges.some((each) => holds(range, each)) && halves(range).every(isCovered));
  return isCovered(whole);
}

/** Two CIDRs overlap that share an address. False if either is no CIDR. */
export const overlaps = (one: string, other: string) => contains(one, other) || contains(other, one);

export const isIpv6 = (cidr: string) => cidr.includes(':');

/** The text AWS gives back for it: 10.0.1.5/24 is 10.0.1.0/24. Undefined if it is no CIDR. */
export function canonicalCidr(text: string): string | undefined {
  const range = parseCidr(text);
  return range && formatCidr(range);
}

function halves({ address, prefix }: Range): Range[] {
  const lower = address.toByteArray();
  const at = prefix >> 3;
  const upper = lower.with(at, (lower[at] ?? 0) | (128 >> (prefix & 7)));
  return [lower, upper].map((bytes) => ({ address: ipaddr.fromByteArray(bytes), prefix: prefix + 1 }));
}

/** The ranges of `prefix` bits that a range is made of, in order. */
export const subdivide = (range: Range, prefix: number): Range[] =>
  range.prefix < prefix ? halves(range).flatMap((half) => subdivide(half, prefix)) : [range];
