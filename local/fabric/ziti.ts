import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Older ones have other configurations, and no quickstart without a router. */
const NEEDED = 2;

/**
 * OpenZiti's own program: what `ZITI` names, or the first `ziti` of the PATH.
 * @throws Error that says in a sentence what is missing
 */
export function findZiti({ ZITI, PATH = '' }: NodeJS.ProcessEnv = process.env): string {
  const found = ZITI ? [ZITI] : PATH.split(delimiter).map((folder) => join(folder, 'ziti'));
  const program = found.find((path) => existsSync(path));
  const get = `Get OpenZiti ${NEEDED}.0 or later, and name it: ZITI=/path/to/ziti`;
  if (!program) throw new Error(`There is no ${ZITI ?? 'ziti on the PATH'}. ${get}`);
  const { status, stdout, stderr, error } = spawnSync(program, ['version'], { encoding: 'utf8', timeout: 20_000 });
  const version = /^v?(\d+)\.\d+\.\d+\S*/m.exec(stdout ?? '');
  if (status !== 0 || !version)
    throw new Error(`${program} does not tell its version: ${(stderr || error?.message || stdout).trim()}. ${get}`);
  if (Number(version[1]) < NEEDED) throw new Error(`${program} is ${version[0]}, which is too old. ${get}`);
  return realpathSync(program);
}

/** The reason why there is no router of OpenZiti's own here, or undefined if there can be. */
export function zitiUnavailable(): string | undefined {
  try {
    findZiti();
    return undefined;
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  }
}
