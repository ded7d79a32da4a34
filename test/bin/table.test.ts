import { expect, test } from '@jest/globals';
import { table } from '../../bin/table.ts';

test('columns are as wide as their widest cell', () => {
  expect(
    table([
      ['A', 'B', 'C'],
      ['router-1', 'down', 'x'],
      ['r', 'unhealthy'],
    ]),
  ).toEqual(['A         B          C', 'router-1  down       x', 'r         unhealthy']);
});

test('a cell that is escaped takes what it is shown with', () => {
  expect(
    table([
      ['a\u009b', 'x'],
      ['123456789', 'y'],
    ]),
  ).toEqual(['a\u009b    x', '123456789  y']);
});

test('nothing is an empty table', () => {
  expect(table([])).toEqual([]);
});
