import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';

/** A name may have this in it, which moves the cursor, renames the window, clears the screen, forges a row, or turns text around. */
const FORGED = 'app-a\u001b]0;owned\u0007\u001b[2J\u009b31m\u007f\r\nrouter-9  ready\u202e\u2066\u2028x';
const HARMLESS =
  'app-a\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u007f\\u000d\\u000arouter-9  ready\\u202e\\u2066\\u2028x';

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

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])('%s says what goes on without the program, and ends it with %d', (signal, code) => {
  const program = `
    const { standardTerminal } = await import('${terminal}');
    standardTerminal().atInterrupt('an earlier word');
    standardTerminal().atInterrupt('the functions go on');
    setTimeout(() => process.kill(process.pid, '${signal}'), 10);
    setTimeout(() => {}, 20_000);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({ status: code, stdout: '', stderr: '\nthe functions go on\n' });
});

describe('what is written', () => {
  /** A program's terminal writes this, in colour. */
  function write(program: string) {
    const module = new URL('../../bin/table.ts', import.meta.url).href;
    const source = `const { standardTerminal } = await import('${terminal}'); const { table } = await import('${module}');
      const { out, err, paint } = standardTerminal(); const forged = ${JSON.stringify(FORGED)}; ${program}`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      encoding: 'utf8',
      env: { ...process.env, FORCE_COLOR: '1', NO_COLOR: undefined },
    });
    return { status, stdout, stderr };
  }

  test.each(['out', 'err'] as const)('by %s is a line a text, whatever is in it', (stream) => {
    const { stdout, stderr } = write(`${stream}('first', forged, 'last')`);
    expect(stdout + stderr).toBe(`first\n${HARMLESS}\nlast\n`);
  });

  test('has our own colours, around whatever is in them, and no others', () => {
    const { stdout } = write(`out(paint('red', forged), paint('bold', paint('green', 'ok')) + '\\u001b[32mok')`);
    expect(stdout).toBe(`\u001b[31m${HARMLESS}\u001b[39m\n\u001b[1m\u001b[32mok\u001b[39m\u001b[22m\\u001b[32mok\n`);
  });

  test('as a table has its rows and columns only', () => {
    const { stdout } = write(`out(...table([[forged, paint('red', 'down'), 'a'], ['b', 'unhealthy', 'c']]))`);
    const pad = (text: string, length: number) => text + ' '.repeat(length - text.length);
    expect(stdout.split('\n')).toEqual([
      `${HARMLESS}  \u001b[31mdown\u001b[39m       a`,
      `${pad('b', HARMLESS.length)}  unhealthy  c`,
      '',
    ]);
  });

  test('as JSON is the same value', () => {
    const { stdout } = write('out(JSON.stringify({ forged }))');
    expect(stdout).not.toMatch(/[\u0080-\u009f\u202e\u2066\u2028]/);
    expect(JSON.parse(stdout)).toEqual({ forged: FORGED });
  });
});
