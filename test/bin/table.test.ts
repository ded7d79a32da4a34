import { describe, expect, test } from '@jest/globals';
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

describe('where a line is short,', () => {
  const heading = ['ROUTER', 'ZONE', 'STATE', 'ADDRESS', 'INSTANCE', 'HEALTH'];
  const down = 'unhealthy: Target.Timeout since 2026-01-15 10:03 UTC';
  const rows = [
    ['i-0123456789abcdef0 (router-1)', 'eu-central-1a', 'down', '10.0.0.4', 'running', down],
    ['i-0123456789abcdef1 (router-2)', 'eu-central-1b', 'ready', '10.0.16.4', 'running', 'healthy'],
  ];

  test.each([
    [
      'the last column goes on in the next line',
      110,
      [
        'ROUTER                          ZONE           STATE  ADDRESS    INSTANCE  HEALTH',
        'i-0123456789abcdef0 (router-1)  eu-central-1a  down   10.0.0.4   running   unhealthy: Target.Timeout since',
        '                                                                           2026-01-15 10:03 UTC',
        'i-0123456789abcdef1 (router-2)  eu-central-1b  ready  10.0.16.4  running   healthy',
      ],
    ],
    [
      'the last column stands below the others',
      80,
      [
        'ROUTER                          ZONE           STATE  ADDRESS    INSTANCE',
        '  HEALTH',
        'i-0123456789abcdef0 (router-1)  eu-central-1a  down   10.0.0.4   running',
        `  ${down}`,
        'i-0123456789abcdef1 (router-2)  eu-central-1b  ready  10.0.16.4  running',
        '  healthy',
      ],
    ],
    [
      'several do, the last of them folded',
      60,
      [
        'ROUTER                          ZONE           STATE',
        '  ADDRESS    INSTANCE  HEALTH',
        'i-0123456789abcdef0 (router-1)  eu-central-1a  down',
        '  10.0.0.4   running   unhealthy: Target.Timeout since',
        '                       2026-01-15 10:03 UTC',
        'i-0123456789abcdef1 (router-2)  eu-central-1b  ready',
        '  10.0.16.4  running   healthy',
      ],
    ],
    [
      'each cell has a line',
      40,
      [
        'ROUTER    i-0123456789abcdef0 (router-1)',
        'ZONE      eu-central-1a',
        'STATE     down',
        'ADDRESS   10.0.0.4',
        'INSTANCE  running',
        'HEALTH    unhealthy: Target.Timeout',
        '          since 2026-01-15 10:03 UTC',
        '',
        'ROUTER    i-0123456789abcdef1 (router-2)',
        'ZONE      eu-central-1b',
        'STATE     ready',
        'ADDRESS   10.0.16.4',
        'INSTANCE  running',
        'HEALTH    healthy',
      ],
    ],
  ])('%s', (_, columns, lines) => {
    expect(table(rows, { columns, heading })).toEqual(lines);
  });

  test('a row that goes on has no empty line', () => {
    const findings = [
      ['fault', 'security groups and network ACL', 'i-0123456789abcdef0: none lets UDP 6081 in'],
      ['', '', '-> add that rule to sg-0123456789abcdef0'],
    ];
    expect(table(findings, { columns: 44 })).toEqual([
      'fault  security groups and network ACL',
      '  i-0123456789abcdef0: none lets UDP 6081 in',
      '  -> add that rule to sg-0123456789abcdef0',
    ]);
  });
});
