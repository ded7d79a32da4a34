import ipaddr from 'ipaddr.js';

/** `10.0.1.5/24` as `10.0.1.0/24`; undefined if it is not a CIDR block of IPv4 or IPv6. */
export function normalCidr(text: string): string | undefined {
  const range = parse(text);
  return range && `${networkOf(range)}/${range.length}`;
}

export const isIpv6 = (cidr: string) => cidr.includes(':');

/** True if every address of the CIDR block `inner` is one of the CIDR block `outer`. */
export function contains(outer: string, inner: string): boolean {
  const [a, b] = [parse(outer), parse(inner)];
  if (!a || !b || a.address.kind() !== b.address.kind() || b.length < a.length) return false;
  return a.address.match(b.address, a.length);
}

export const overlaps = (a: string, b: string) => contains(a, b) || contains(b, a);

export const prefixLength = (cidr: string) => Number(cidr.split('/')[1]);

/** Addresses of an IPv4 block that EC2 gives out: not the first four, nor the last. https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html */
export function* hostAddresses(cidr: string): Generator<string> {
  const [base = '', length] = cidr.split('/');
  const first = base.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const count = 2 ** (32 - Number(length));
  for (let offset = 4; offset < count - 1; offset++) {
    const address = first + offset;
    yield [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
  }
}

interface Range {
  address: ipaddr.IPv4 | ipaddr.IPv6;
  length: number;
}

function parse(text: string): Range | undefined {
  // ipaddr.js also takes zones, and octal and shortened IPv4 forms, which AWS does not.
  if (text.includes('%')) return undefined;
  if (!isIpv6(text) && !/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(text)) return undefined;
  // Without the family, ipaddr.js finds it by what one parser throws.
  const family = isIpv6(text) ? ipaddr.IPv6 : ipaddr.IPv4;
  if (!family.isValidCIDR(text)) return undefined;
  const [address, length] = family.parseCIDR(text);
  return { address, length };
}

function networkOf({ address, length }: Range): string {
  const bytes = address.toByteArray().map((byte, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
  return ipaddr.fromByteArray(bytes).toString();
}
