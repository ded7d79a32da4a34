import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contains, hostAddresses, normalCidr, overlaps } from '../../../../local/services/ec2/cidr.ts';

describe('normalCidr', () => {
  test.each([
    ['10.0.1.5/24', '10.0.1.0/24'],
    ['10.255.255.255/9', '10.128.0.0/9'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['10.20.0.5/32', '10.20.0.5/32'],
    ['2001:DB8::1/32', '2001:db8::/32'],
    ['::/0', '::/0'],
    ['10.0.0.0', undefined],
    ['10.0.0.0/33', undefined],
    ['10.0.0/8', undefined],
    ['10.0.0.256/24', undefined],
    ['fe80::1%eth0/64', undefined],
    ['hello', undefined],
    ['', undefined],
  ])('%s is %s', (text, normal) => {
    expect(normalCidr(text)).toBe(normal);
  });

  test('is settled after once, and contains what it came from', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, length) => {
        const normal = normalCidr(`${address}/${length}`) ?? '';
        expect(normalCidr(normal)).toBe(normal);
        expect(contains(normal, `${address}/32`)).toBe(true);
      }),
    );
  });
});

test.each([
  ['10.0.0.0/16', '10.0.3.0/24', true],
  ['10.0.0.0/16', '10.0.0.0/16', true],
  ['10.0.3.0/24', '10.0.0.0/16', false],
  ['10.0.0.0/16', '10.1.0.0/24', false],
  ['0.0.0.0/0', '::/0', false],
  ['::/0', '2001:db8::/64', true],
])('%s contains %s: %s', (outer, inner, expected) => {
  expect(contains(outer, inner)).toBe(expected);
});

test('overlap is that of the sets of addresses', () => {
  const small = fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 28, max: 32 }))
    .map(([last, length]) => normalCidr(`10.0.0.${last}/${length}`) ?? '');
  const addresses = (cidr: string) =>
    Array.from({ length: 16 }, (_, last) => `10.0.0.${last}`).filter((address) => contains(cidr, `${address}/32`));
  fc.assert(
    fc.property(small, small, (a, b) => {
      const common = addresses(a).some((address) => addresses(b).includes(address));
      expect(overlaps(a, b)).toBe(common);
    }),
  );
});

test('the first four addresses of a subnet and the last are not given out', () => {
  expect([...hostAddresses('10.0.1.16/28')]).toEqual(Array.from({ length: 11 }, (_, index) => `10.0.1.${20 + index}`));
});
