import { expect, test } from '@jest/globals';
import { adopts, createSeal, type Scope, unverified } from '../../shared/seal.ts';

const scope: Scope = {
  partition: 'aws',
  region: 'eu-central-1',
  account: '111122223333',
  stack: 'ziti-glb-dev',
  tagKey: 'ziti-glb',
};
const key = (byte: number) => new Uint8Array(32).fill(byte);
const seal = (fields: Partial<Scope> = {}, keys = new Map([[1, key(1)]])) =>
  createSeal(keys, { ...scope, ...fields }, 0);

const TABLE = 'rtb-0123456789abcdef0';
const KEY = 'ziti-glb:former:10.20.0.0/16';
const TEXT = 'nat-0123456789abcdef0 since 2026-01-15T10:00:00.000Z';
const value = seal().sign(TABLE, KEY, TEXT);
const by = (one = seal(), resource = TABLE, name = KEY, given = value) => one.read(resource, name, given).by;

test('a note says what it said, and who wrote it', () => {
  expect(seal().read(TABLE, KEY, value)).toEqual({ text: TEXT, by: 'us' });
  expect(seal().read(TABLE, KEY, TEXT)).toEqual({ text: TEXT, by: 'other' });
  expect(seal().read(TABLE, KEY, '')).toEqual({ text: '', by: 'other' });
});

test('a seal is for one resource, key, value, stack, account, region and partition, and no other', () => {
  expect(by(seal(), 'rtb-0123456789abcdef1')).toBe('other');
  expect(by(seal(), TABLE, 'ziti-glb:former:10.30.0.0/16')).toBe('other');
  expect(by(seal(), TABLE, 'ziti-glb:direct:10.20.0.0/16')).toBe('other');
  expect(by(seal(), TABLE, KEY, value.replace('nat-0', 'eni-0'))).toBe('other');
  expect(by(seal(), TABLE, KEY, value.replace('Z v1', 'Z  v1'))).toBe('other');
  for (const fields of [{ partition: 'aws-cn' }, { region: 'eu-west-1' }, { account: '999999999999' }, { stack: 'x' }])
    expect(by(seal(fields))).toBe('other');
  expect(by(seal({}, new Map([[1, key(2)]])))).toBe('other');
  // Two parts say together what no two others could.
  expect(by(seal(), `${TABLE}","x`, KEY, value)).toBe('other');
});

test('what was read once is read alike, between however many others, and nothing else is by it', () => {
  const one = seal();
  const forged = [TABLE, KEY, value.replace('nat-0', 'eni-0')] as const;
  for (let at = 0; at < 6_000; at++) {
    if (at % 1_000 === 0) {
      expect(one.read(TABLE, KEY, value)).toEqual({ text: TEXT, by: 'us' });
      expect([one.read(...forged).by, one.read(`${TABLE}","${KEY}`, KEY, value).by]).toEqual(['other', 'other']);
    }
    expect(one.read(`rtb-${at}`, KEY, value).by).toBe('other');
  }
});

test('one that was given another tagKey knows its notes under the new key', () => {
  expect(by(seal({ tagKey: 'other' }), TABLE, 'other:former:10.20.0.0/16')).toBe('us');
  expect(by(seal({ tagKey: 'other' }), TABLE, KEY)).toBe('other');
});

test('with another key, notes of the one before are believed, and those of before that are not', () => {
  const versions = (...numbers: number[]) => seal({}, new Map(numbers.map((number) => [number, key(number)])));
  expect(by(versions(2, 1))).toBe('before');
  expect(by(versions(2, 1), TABLE, KEY, versions(2, 1).sign(TABLE, KEY, TEXT))).toBe('us');
  expect(by(versions(3, 2))).toBe('other');
});

test('a note is what AWS takes in a tag everywhere, also the longest', () => {
  const interfaces = Array.from({ length: 10 }, (_, index) => `eni-0123456789abcdef${index}`).join(' ');
  const longest = seal({}, new Map([[999, key(1)]])).sign(
    'i-0123456789abcdef0',
    'ziti-glb:source-dest-check',
    interfaces,
  );
  expect(longest.length).toBeLessThanOrEqual(256);
  for (const each of [value, longest]) expect(each).toMatch(/^[\w +\-=.:/@]+$/);
});

test('without the key, notes that have a seal are taken for the functions’ own', () => {
  expect(unverified.read(TABLE, KEY, value)).toEqual({ text: TEXT, by: 'us' });
  expect(unverified.read(TABLE, KEY, TEXT)).toEqual({ text: TEXT, by: 'other' });
});

test('notes of before there was a key may be adopted for an hour', () => {
  expect(adopts({ since: 1_000 }, 3_600_999)).toBe(true);
  expect(adopts({ since: 1_000 }, 3_601_000)).toBe(false);
});
