import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parseTemplate, type Template } from '../../local/stack/template.ts';
import { localPackage } from '../../resources/diverter.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** A package refers to this diverter, as `make -C bpf deb` leaves it. */
export const DIVERTER = localPackage();

/** Suites of this run share this folder, as packages.js has made it. */
const PACKAGES = String(process.env.PACKAGES);

/** Tests of such a `describe` package the stack: skipped where the diverter is not built, a failure where CI=true. */
export function describePackaged(name: string, tests: () => void): void {
  if (existsSync(DIVERTER)) describe(name, tests);
  else if (process.env.CI === 'true') test(`${name}: the diverter is built`, () => expect(DIVERTER).toBe('built'));
  else describe.skip(`${name}, without a diverter: make -C bpf deb`, tests);
}

/** Folders stay until the tests of the file are done: `process` never tells that they are. */
const temporary: string[] = [];
afterAll(() => {
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true });
});

/** The folder goes when the tests of this file are done. */
export function temporaryFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  temporary.push(folder);
  return folder;
}

export interface Packaging {
  /** Serverless packages this file, if not serverless.yml. */
  config?: string;
  parameters: Record<string, string>;
  stage?: string;
  /** Empty if none is given. */
  region?: string;
  /** Variables beside this process's own, which say no region. */
  environment?: Record<string, string>;
  /** The diverter is there as `make -C bpf deb` leaves it, or is not built. */
  built?: boolean;
  /** Further words of the command line. */
  more?: string[];
  /** Somebody has changed serverless.yml so. */
  edit?: (text: string) => string;
}

/**
 * Runs `serverless package` in a folder of its own, so that test files can do so at the same time.
 * @param by a command that gets this one as its last arguments
 * @returns the folder of the package, what was said, and the exit status: 0 if all went well
 */
export function packageStack(
  {
    config = 'serverless.yml',
    parameters,
    stage = 'test',
    region = 'eu-central-1',
    environment,
    built = true,
    more = [],
    edit = (text) => text,
  }: Packaging,
  by: string[] = [],
) {
  const folder = temporaryFolder('packaged-');
  // The framework wants its own file to be a file; everything else it reads through a link.
  writeFileSync(join(folder, config), edit(readFileSync(join(ROOT, config), 'utf8')));
  for (const name of [
    'package.json',
    'functions',
    'shared',
    'examples',
    'node_modules',
    ...(built ? ['resources', 'bpf'] : []),
  ])
    symlinkSync(join(ROOT, name), join(folder, name));
  if (!built) {
    // A link would have the diverter looked for where it really is.
    cpSync(join(ROOT, 'resources'), join(folder, 'resources'), { recursive: true });
    mkdirSync(join(folder, 'bpf'));
  }
  const serverless = join(ROOT, 'node_modules/serverless/bin/serverless.js');
  const given = Object.entries(parameters).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
  const { AWS_REGION, AWS_DEFAULT_REGION, ...ours } = process.env;
  const compiled = { NODE_COMPILE_CACHE: join(PACKAGES, 'compiled') };
  const where = region ? ['--region', region] : [];
  const [program = '', ...args] = [...by, process.execPath, serverless, 'package', '--config', config];
  const { status, stdout, stderr } = spawnSync(program, [...args, '--stage', stage, ...where, ...given, ...more], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...ours, ...compiled, ...environment },
  });
  return { folder: join(folder, '.serverless'), status, said: stdout + stderr };
}

/**
 * Returns the folder of a package, the same one for the same packaging, in all suites of jest's run: nobody may change what is in it.
 * @throws Error with what was said, if there is none
 */
export function packaged(packaging: Omit<Packaging, 'edit'>): string {
  const parameters = Object.entries(packaging.parameters).sort();
  const key = createHash('sha256').update(JSON.stringify({ ...packaging, parameters }));
  const shared = join(PACKAGES, key.digest('hex'));
  if (existsSync(shared)) return shared;
  // Of suites that want the same, one makes it, and the others wait.
  const unlessThere = '[ -e "$0" ] || { "$@" && mv .serverless "$0"; }';
  const once = ['flock', '--close', `${shared}.lock`, 'sh', '-c', unlessThere, shared];
  const { status, said } = packageStack(packaging, once);
  if (status !== 0) throw new Error(said);
  return shared;
}

/** CloudFormation gets this to make the stack from, once its bucket is there. */
export function packagedTemplate(packaging: Parameters<typeof packaged>[0]): Template {
  return parseTemplate(readFileSync(join(packaged(packaging), 'cloudformation-template-update-stack.json'), 'utf8'));
}
