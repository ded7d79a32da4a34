import { describe, expect, test } from '@jest/globals';
import { read } from './support/documents.ts';

type Version = readonly [major: number, minor: number];
const version = (text: string): Version => {
  const [major = 0, minor = 0] = text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor];
};
const atLeast = ([major, minor]: Version, [least, lesser]: Version) =>
  major > least || (major === least && minor >= lesser);

/** A package's `engines` takes this version, or not: of npm's ranges those count that packages use. */
const takes = (range: string, node: Version) =>
  range.split('||').some((one) => {
    const [, operator = '', text = ''] = /^\s*(>=|\^|)\s*(.*?)\s*$/.exec(one) ?? [];
    if (text === '*') return true;
    const least = version(text);
    return operator === '>=' ? atLeast(node, least) : node[0] === least[0] && atLeast(node, least);
  });

describe('the Node that package.json asks for', () => {
  const [, least = ''] = /^>=(\S+)$/.exec(JSON.parse(read('package.json')).engines.node) ?? [];
  const packages: Record<string, { engines?: { node?: string } }> = JSON.parse(read('package-lock.json')).packages;

  test('is taken by every package that is locked: the first command of the README warns of none', () => {
    const late = Object.entries(packages).filter(
      ([, { engines }]) => engines?.node !== undefined && !takes(engines.node, version(least)),
    );
    expect(late.map(([path, { engines }]) => [path, engines?.node])).toEqual([]);
  });

  test.each([
    ['>=22', false],
    ['^20.19.0 || >=22.12.0', true],
    ['^20.20.0 || >=22.12.0', false],
    ['6.* || 8.* || >= 10.*', true],
    ['20 || >=22', true],
    ['*', true],
  ])('%s takes 20.19: %s', (range, taken) => {
    expect(takes(range, version('20.19.0'))).toBe(taken);
  });
});
