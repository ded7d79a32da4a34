import { expect, test } from '@jest/globals';
import { table } from '../../bin/table.ts';

test('columns are as wide as their widest cell, whatever its colour', () => {
  const red = '\u001b[31mdown\u001b[39m';
  expect(
    table([
      ['A', 'B', 'C'],
      ['router-1', red, 'x'],
      ['r', 'unhealthy'],
    ]),
  ).toBe(['A         B          C', `router-1  ${red}       x`, 'r         unhealthy'].join('\n'));
});

test('nothing is an empty table', () => {
  expect(table([])).toBe('');
});
