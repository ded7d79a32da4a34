import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { COMMANDS } from '../../bin/run.ts';
import { credentialsFile, writeCredentials } from '../../local/credentials.ts';
import { type Server, serve } from '../../local/wire/server.ts';
import { buildCli } from '../../release/cli.ts';
import { describeUnless } from '../support/describe-unless.ts';
import { answering } from './diverters.ts';
import { deployed } from './stage.ts';

/** A terminal wipes from the start of the line to its end by this. */
const WIPED = '\r\u001b[K';
/** util-linux has `script`, which gives a command a terminal of its own. */
const missing = spawnSync('script', ['--version']).status === 0 ? undefined : 'there is no program script';

describe('the command line, before a stack in the box,', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'));
  const program = join(folder, 'dist/ziti-glb.mjs');
  let server: Server;
  let time: NodeJS.Timeout;
  let forget: (() => void) | undefined;
  beforeAll(async () => {
    await buildCli(program);
    const stack = await deployed();
    answering(stack);
    await stack.name(stack.vpc.a1, 'app-a');
    await stack.name(stack.vpc.b1, 'Zürich');
    await stack.router(stack.vpc.a0, 'router-1');
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    await stack.tag(stack.vpc.b1, 'oops');
    for (let minute = 0; minute < 4; minute++) await stack.pass();
    server = await serve(stack.wire);
    // A command that is run on a router takes its time.
    time = setInterval(() => void stack.clock.run(1_000), 50);
    // The key of a cloud on this machine is looked for beside the program's own folder.
    forget = writeCredentials(server.url, { accessKeyId: 'OPERATOR', secretAccessKey: 'secret' });
    const file = credentialsFile(server.url);
    mkdirSync(join(folder, 'build'));
    copyFileSync(file, join(folder, 'build', basename(file)));
  });
  afterAll(async () => {
    clearInterval(time);
    forget?.();
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  /** Runs a line of bash in which ZITI is the command line. Its environment says nothing about terminals and languages but this. */
  async function typed(line: string, environment: Record<string, string> = {}) {
    const { TERM, NO_COLOR, FORCE_COLOR, LC_ALL, LC_CTYPE, LANG, CI, COLUMNS, ...rest } = process.env;
    const child = spawn(
      'bash',
      [
        '-c',
        `set -o pipefail\nZITI() { ${JSON.stringify(process.execPath)} ${program} "$@" --endpoint ${server.url} --stack ziti-glb-dev; }\n${line}`,
      ],
      {
        env: { ...rest, TERM: 'xterm-256color', LANG: 'C.UTF-8', ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
    const [status] = await once(child, 'close');
    return { status, stdout: await stdout, stderr: await stderr };
  }
  /** A terminal of so many columns shows both outputs of a line. */
  async function shown(command: string, columns: number, environment?: Record<string, string>) {
    // SHELL, or sh, reads what script runs, and dash drops a function of bash from the environment.
    const line = `export -f ZITI; SHELL=$BASH script -qec 'stty cols ${columns}; ZITI ${command}' /dev/null`;
    const { status, stdout } = await typed(line, environment);
    expect(stdout).not.toMatch(/^ +at .*:\d+:\d+/m);
    return { status, lines: visible(stdout), raw: stdout };
  }

  describeUnless(missing, 'at a terminal', () => {
    test.each([80, 40])('of %i columns, no line of a table is longer, and all is there', async (columns) => {
      const { lines, status } = await shown('status', columns);
      expect(status).toBe(0);
      const all = lines.join('\n');
      const [whole] = (await typed('ZITI status')).stdout.split('\n\n', 1);
      for (const word of ['SUBNET', 'ready', 'refused', '10.20.0.0/16', 'router-1', 'WHY', 'Zürich'])
        expect(all).toContain(word);
      // The terminal breaks what is a sentence of its own; an id stays whole.
      const long = lines.filter((line) => line.length > columns && !line.startsWith(whole?.split(' ')[0] ?? ''));
      expect(long).toEqual([]);
      expect(all).toMatch(/\bvpce-[0-9a-f]{17}\b/);
    });

    test('of 80 columns, the help has what is typed apart from what it does', async () => {
      const { lines } = await shown('--help', 80);
      const listed = lines.filter((line) => line.startsWith('  '));
      expect(listed.filter((line) => line.length > 80)).toEqual([]);
      for (const [name, { summary }] of Object.entries(COMMANDS)) {
        const [first = ''] = summary.split(' ');
        expect(listed).toContainEqual(expect.stringMatching(new RegExp(`^  ${name}( [<[][^ ]+[>\\]])* {2,}${first}`)));
      }
    });

    test('of 0 columns, which does not know its size, shows what a pipe gets', async () => {
      const still = (text: string) => text.replace(/\d\d:\d\d:\d\d UTC/, '').trim();
      const { lines } = await shown('status', 0, { NO_COLOR: '1' });
      expect(still(lines.join('\n'))).toBe(still((await typed('ZITI status')).stdout));
    });

    test('of 40 columns, -o wide is not folded', async () => {
      const { lines } = await shown('status -o wide', 40);
      expect(lines.join('\n')).toMatch(/^SUBNET +VPC +ZONE +STATE/m);
    });

    test('what is being done fits in its line, so that it can be wiped out', async () => {
      for (const columns of [40, 12]) {
        const { raw } = await shown('status', columns);
        const drawn = stripVTControlCharacters(raw)
          .split(/[\r\n]/)
          .filter((part) => part.startsWith('asking'));
        expect(drawn.length).toBeGreaterThan(0);
        expect(drawn.filter((one) => one.length >= columns)).toEqual([]);
      }
    });

    test('has colour, and none with NO_COLOR or where it is dumb, nor anything that moves there', async () => {
      expect((await shown('doctor', 80)).raw).toContain('\u001b[3');
      expect((await shown('doctor', 80, { NO_COLOR: '1' })).raw.replaceAll(WIPED, '')).not.toContain('\u001b');
      const dumb = await shown('doctor', 80, { TERM: 'dumb' });
      expect(dumb.raw).not.toContain('\u001b');
      expect(dumb.raw).not.toContain('asking AWS');
      expect(dumb.lines.join('\n')).toContain('refused');
    });

    test('without UTF-8 gets ASCII', async () => {
      const { raw, lines } = await shown('doctor', 80, { LC_ALL: 'C' });
      expect([...raw].filter((one) => one > '\u007f')).toEqual([]);
      expect(lines.join('\n')).toContain('Z\\u00fcrich');
    });
  });

  test('without UTF-8 JSON and YAML keep their values', async () => {
    for (const format of ['json', 'yaml']) {
      const { stdout } = await typed(`ZITI status -o ${format}`, { LANG: 'POSIX' });
      expect([...stdout].filter((one) => one > '\u007f')).toEqual([]);
      expect(stdout).toContain('Z\\u00fcrich');
    }
  });

  test.each(['status', 'status --json', 'doctor -o yaml'])('%s ends quietly where nobody reads on', async (command) => {
    expect(await typed(`ZITI ${command} | true; exit \${PIPESTATUS[1]}`)).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  test.each(['status', 'status -o yaml', 'bundle'])('%s says in one line that a disk is full', async (command) => {
    const { status, stderr } = await typed(`ZITI ${command} >/dev/full`);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^The answer could not be written: ENOSPC: .*\n$/)]);
  });
});

/** A person sees this in the end: without colours, and without what was wiped out. */
const visible = (raw: string): string[] =>
  raw
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => stripVTControlCharacters(line.split(WIPED).at(-1) ?? ''));
