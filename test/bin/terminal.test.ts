import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const terminal = new URL('../../bin/terminal.ts', import.meta.url).href;

/** Asks a person who types, at what looks like a terminal. */
function ask(typed: string) {
  const program = `
    for (const stream of [process.stdin, process.stderr]) Object.defineProperty(stream, 'isTTY', { value: true });
    const { standardTerminal } = await import('${terminal}');
    console.log(await standardTerminal().confirm('Really?'));`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    input: typed,
  });
  return { status, stdout };
}

test.each([
  ['y\n', true],
  ['Yes\n', true],
  ['\n', false],
  ['no\n', false],
  ['\u0003', false],
  ['\u0004', false],
  ['', false],
])('%j is an answer: %s', (typed, yes) => {
  expect(ask(typed)).toEqual({ status: 0, stdout: `${yes}\n` });
});
