import { expect, jest, test } from '@jest/globals';
import SkippedReporter from './support/skipped-reporter.js';

const skipped = (fullName: string) => ({ status: 'pending', fullName });
const FILES = [
  { testFilePath: 'test/a.test.ts', testResults: [skipped('packets reach A'), skipped('packets reach B')] },
  { testFilePath: 'test/b.test.ts', testResults: [skipped('a table'), { status: 'passed', fullName: 'packets go' }] },
];

test.each([
  ['all that were not run', undefined, ['Skipped 3 tests', 'test/a.test.ts (2)', 'test/b.test.ts (1)']],
  ['of a pattern only what it asks for', 'reach a', ['Skipped 1 tests', 'test/a.test.ts (1)']],
  ['nothing where all that a pattern asks for was run', 'packets go', []],
])('tells %s', (_, testNamePattern, expected) => {
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  new SkippedReporter({ testNamePattern }).onRunComplete(undefined, { testResults: FILES });
  const told = log.mock.calls.flat().map((line) => String(line).trim().replace(/: .*/, ''));
  log.mockRestore();
  expect(told).toEqual(expected);
});
