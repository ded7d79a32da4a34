import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildCli } from '../../release/cli.ts';
import { read } from '../support/documents.ts';
import { objections } from '../support/licences.ts';

/** Node has these since 20, of which TypeScript's es2024 and a careless hand make use. */
const LATER =
  "delete Map.groupBy; delete Object.groupBy; delete Promise.withResolvers; delete Promise.try; delete RegExp.escape; delete Array.fromAsync; delete globalThis.Iterator; for (const name of ['union', 'intersection', 'difference', 'symmetricDifference', 'isSubsetOf', 'isSupersetOf', 'isDisjointFrom']) delete Set.prototype[name]; const iterator = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())); for (const name of ['map', 'filter', 'take', 'drop', 'flatMap', 'reduce', 'toArray', 'forEach', 'some', 'every', 'find']) delete iterator[name];";

describe('the command line in one file', () => {
  let folder: string;
  let inputs: string[];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cli-'));
    const { metafile } = await buildCli(join(folder, 'ziti-glb.mjs'));
    inputs = Object.values(metafile?.outputs ?? {}).flatMap((output) => Object.keys(output.inputs));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The one file runs where nothing else is, and without what Node 20 lacks. */
  function alone(...args: string[]) {
    const node20 = ['--import', `data:text/javascript,${encodeURIComponent(LATER)}`];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...node20, 'ziti-glb.mjs', ...args], {
      cwd: folder,
      env: { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'nothing', HOME: folder },
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  }

  test('runs alone, and says how it is typed where it is installed', () => {
    const { version } = JSON.parse(read('package.json'));
    expect(alone('--version')).toEqual({ status: 0, stdout: `ziti-glb ${version}\n`, stderr: '' });
    const { status, stdout, stderr } = alone('--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ziti-glb COMMAND/);
    expect(readFileSync(join(folder, 'ziti-glb.mjs'), 'utf8')).not.toContain('npm run -s ziti-glb');
  });

  test('asks AWS, by its own client', () => {
    const { status, stdout, stderr } = alone('status', '--region', 'eu-central-1', '--endpoint', 'http://127.0.0.2:9');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Error: connect ECONNREFUSED 127\.0\.0\.2:9\. Usually: /);
  });

  test('groups as Node does where Node cannot', () => {
    const [polyfill = ''] = readFileSync(join(folder, 'ziti-glb.mjs'), 'utf8').match(/^Map\.groupBy \?\?= .*$/m) ?? [];
    const script = `${LATER} ${polyfill} console.log(JSON.stringify([...Map.groupBy(new Set([1, 2, 3, 4]), (n, at) => (n % 2) + at * 0)]))`;
    const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([...Map.groupBy([1, 2, 3, 4], (n) => n % 2)]);
  });

  test('is the same for the same sources', async () => {
    await buildCli(join(folder, 'again.mjs'));
    expect(readFileSync(join(folder, 'again.mjs')).equals(readFileSync(join(folder, 'ziti-glb.mjs')))).toBe(true);
  });

  test('gives on nothing that may not be given on', () => {
    const { packages } = JSON.parse(read('package-lock.json'));
    const names = new Set(inputs.flatMap((path) => /(.*node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
    expect(names.size).toBeGreaterThan(20);
    const given = [...names].map((name) => [name, { ...packages[name], dev: false }]);
    expect(objections(Object.fromEntries(given))).toEqual([]);
  });
});
