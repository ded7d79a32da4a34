import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildCli } from '../release/cli.ts';

/** The command line takes so long to say what it can, by the one file and by the sources, in turns. */

const ROUNDS = Number(process.env.ROUNDS ?? 8);
const sources = [
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL('../bin/ziti-glb.ts', import.meta.url)),
];

/** A start takes so many milliseconds on the wall, and of the processor. */
function start(argv: string[]): { wall: number; cpu: number } {
  const began = performance.now();
  // The processor's time of children that have ended is told by `times` of a shell that waits for them.
  const { status, stdout } = spawnSync(
    'bash',
    ['-c', '"$@" >/dev/null; code=$?; times; exit $code', 'bash', process.execPath, ...argv, '--help'],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`${argv.at(-1)} ended with ${status}`);
  const [, children = ''] = stdout.trim().split('\n');
  const cpu = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60_000 + Number(s) * 1000,
    0,
  );
  return { wall: performance.now() - began, cpu };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const span = (values: number[]) =>
  `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;

const folder = mkdtempSync(join(tmpdir(), 'bench-cli-'));
try {
  const file = join(folder, 'ziti-glb.mjs');
  await buildCli(file);
  const [one, all]: ReturnType<typeof start>[][] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    one?.push(start([file]));
    all?.push(start(sources));
  }
  for (const what of ['wall', 'cpu'] as const) {
    const [a, b] = [one ?? [], all ?? []].map((each) => each.map((run) => run[what]));
    console.log(
      `${what}: one file ${span(a ?? [])} ms, sources ${span(b ?? [])} ms, ratio ${(median(a ?? []) / median(b ?? [])).toFixed(2)}`,
    );
  }
  console.log(`the file has ${(statSync(file).size / 1e6).toFixed(1)} MB`);
} finally {
  rmSync(folder, { recursive: true });
}
