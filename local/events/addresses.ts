import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * An address is in a CIDR block or not, as EventBridge compares them: by their hexadecimal digits, so that an address of the
 * other family may be in it too. A block of one address is none to it. As in https://github.com/aws/event-ruler, `CIDR` and
 * `ByteMachine`.
 * @returns undefined if it is no CIDR block
 */
export function cidrTest(cidr: string): ((value: unknown) => boolean) | undefined {
  const [address = '', bits = ''] = cidr.split('/');
  const first = digits(address);
  if (first === undefined || !/^\d{1,3}$/.test(bits) || Number(bits) >= first.length * 4) return undefined;
  const hosts = (1n << BigInt(first.length * 4 - Number(bits))) - 1n;
  const low = hex(BigInt(`0x${first}`) & ~hosts, first.length);
  const high = hex(BigInt(`0x${first}`) | hosts, first.length);
  return (value) => {
    const there = typeof value === 'string' ? digits(value) : undefined;
    if (there === undefined) return false;
    if (there.length === low.length) return low <= there && there <= high;
    const shared = Math.min(there.length, low.length);
    const [begins, lowest, highest] = [there, low, high].map((each) => each.slice(0, shared));
    return String(lowest) < String(begins) && String(begins) < String(highest);
  };
}

/** The digits of an address as it is mostly written: none with a zone, and no IPv6 address that ends as one of IPv4. */
function digits(address: string): string | undefined {
  if (!isIP(address) || /%|:.*\./.test(address)) return undefined;
  return ipaddr
    .parse(address)
    .toByteArray()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

const hex = (value: bigint, length: number) => value.toString(16).padStart(length, '0');
