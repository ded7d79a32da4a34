import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalCidr,
  contains,
  covers,
  formatCidr,
  holds,
  overlap,
  parseCidr,
  type Range,
  subdivide,
} from '../../shared/cidr.ts';
import { given } from '../support/cloud.ts';

const rangeOf = (text: string): Range => given(parseCidr(text), text);

test.each([
  ['10.0.1.5/24', '10.0.1.0/24'],
  ['10.0.1.5/32', '10.0.1.5/32'],
  ['10.0.1.5/0', '0.0.0.0/0'],
  ['2001:DB8:0::1/64', '2001:db8::/64'],
  ['::/0', '::/0'],
])('%s is what AWS gives back as %s', (text, canonical) => {
  expect(canonicalCidr(text)).toBe(canonical);
});

test.each([
  ['', 'nothing'],
  ['10.0.1.5', 'without a prefix'],
  ['10.0.1.5/33', 'with a prefix too long'],
  ['10.0.1/24', 'of three parts'],
  ['010.0.1.5/24', 'with an octal part'],
  ['0x0a.0.1.5/24', 'with a hexadecimal part'],
  ['167772160/8', 'of one number'],
  ['fe80::1%eth0/64', 'with a zone'],
  ['10.0.1.0/24 ', 'followed by a space'],
])('%j, %s, is no CIDR', (text) => {
  expect(parseCidr(text)).toBeUndefined();
});

test.each([
  ['10.0.0.0/16', '10.0.1.0/24', true],
  ['10.0.1.0/24', '10.0.0.0/16', false],
  ['10.0.0.0/16', '10.0.0.0/16', true],
  ['10.0.0.0/16', '10.1.0.0/24', false],
  ['0.0.0.0/0', '::/0', false],
  ['::/0', '2001:db8::/32', true],
  ['10.0.0.0/16', 'oops', false],
])('that %s contains %s is %j', (outer, inner, is) => {
  expect(contains(outer, inner)).toBe(is);
});

test.each([
  [['100.64.0.0/10'], '100.64.0.0/10', true],
  [['0.0.0.0/0'], '100.64.0.0/10', true],
  [['100.64.0.0/11', '100.96.0.0/11'], '100.64.0.0/10', true],
  [['100.64.0.0/11', '100.96.0.0/12', '100.112.0.0/12', '100.96.0.0/16'], '100.64.0.0/10', true],
  [['100.64.0.0/11'], '100.64.0.0/10', false],
  [['100.64.0.0/11', '100.64.0.0/11'], '100.64.0.0/10', false],
  [['100.64.0.0/11', '100.64.0.0/12', '100.80.0.0/12'], '100.64.0.0/10', false],
  [['100.64.0.0/11', '100.96.0.0/12', '10.0.0.0/12'], '100.64.0.0/10', false],
  [['2001:db8::/33', '2001:db8:8000::/33'], '2001:db8::/32', true],
  [['2001:db8::/33', '2001:db8::1/128'], '2001:db8::/32', false],
  [['::/0', 'oops'], '100.64.0.0/10', false],
  [['0.0.0.0/0'], 'oops', false],
  [[], '100.64.0.0/10', false],
])('that %j together cover %s is %j', (cidrs, cidr, is) => {
  expect(covers(cidrs, cidr)).toBe(is);
});

describe('of any ranges of IPv4', () => {
  /** A range begins and ends with these addresses, as numbers. */
  const bounds = ({ address, prefix }: Range) => {
    const first = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
    return [first, first + 2 ** (32 - prefix) - 1] as const;
  };
  // Ranges are of few addresses, so that many meet.
  const range = fc
    .tuple(fc.constantFrom(0, 10, 127, 128, 255), fc.constantFrom(0, 1, 128, 255), fc.integer({ min: 0, max: 32 }))
    .map(([a, b, prefix]) => rangeOf(`${a}.${b}.${b}.${a}/${prefix}`));

  test('two overlap if they share an address, and one holds another if that is in it to its last', () => {
    fc.assert(
      fc.property(range, range, (a, b) => {
        const [[first, last], [from, to]] = [bounds(a), bounds(b)];
        expect(overlap(a, b)).toBe(first <= to && from <= last);
        expect(holds(a, b)).toBe(first <= from && to <= last);
      }),
    );
  });

  test('one is made of its parts, each beginning where the one before it ends', () => {
    fc.assert(
      fc.property(range, fc.integer({ min: 0, max: 8 }), (outer, more) => {
        const parts = subdivide(outer, Math.min(32, outer.prefix + more));
        const [first, last] = bounds(outer);
        let next = first;
        for (const part of parts) {
          expect(bounds(part)[0]).toBe(next);
          expect(canonicalCidr(formatCidr(part))).toBe(formatCidr(part));
          next = bounds(part)[1] + 1;
        }
        expect(next).toBe(last + 1);
      }),
    );
  });

  test('several cover one if all of its parts are in them, and do not if one is in none', () => {
    fc.assert(
      fc.property(range, fc.array(range), fc.integer({ min: 1, max: 5 }), fc.nat(), (outer, others, more, nth) => {
        const parts = subdivide(outer, Math.min(32, outer.prefix + more)).map(formatCidr);
        expect(covers([...others.map(formatCidr), ...parts], formatCidr(outer))).toBe(true);
        const missing = rangeOf(given(parts[nth % parts.length]));
        const without = others.filter((other) => !overlap(other, missing)).map(formatCidr);
        const rest = parts.filter((part) => part !== formatCidr(missing));
        expect(covers([...without, ...rest], formatCidr(outer))).toBe(false);
      }),
    );
  });
});
