import { expect, test } from '@jest/globals';
import { closest } from '../../bin/closest.ts';

const WORDS = ['status', 'plan', 'explain', 'doctor', 'drain', 'redrive'];

test.each([
  ['sttus', 'status'],
  ['satus', 'status'],
  ['statuss', 'status'],
  ['docotr', 'doctor'],
  ['paln', 'plan'],
  ['explane', 'explain'],
  ['status', 'status'],
  ['pl', undefined],
  ['x', undefined],
  ['', undefined],
  ['deploy', undefined],
  ['toString', undefined],
])('%s is meant for %s', (typed, meant) => {
  expect(closest(typed, WORDS)).toBe(meant);
});
