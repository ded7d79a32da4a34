import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';

/** Another user gets to /tmp: TMPDIR may be root's own. */
const checkout = mkdtempSync('/tmp/foreign-');
afterAll(() => {
  for (const name of readdirSync(checkout)) chmodSync(join(checkout, name), 0o755);
  rmSync(checkout, { recursive: true });
});
mkdirSync(join(checkout, 'local'));
copyFileSync(fileURLToPath(new URL('../../local/setup.ts', import.meta.url)), join(checkout, 'local/setup.ts'));
chmodSync(checkout, 0o755);

const READABLE = 0o555;
const WRITABLE = 0o777;

/** A folder's owner left it so, and its `build/` if it has one. Root may write into any: who asks is somebody else then. */
function folder(name: string, mode: number, build?: number): string {
  const path = join(checkout, name);
  mkdirSync(build === undefined ? path : join(path, 'build'), { recursive: true });
  if (build !== undefined) chmodSync(join(path, 'build'), build);
  chmodSync(path, mode);
  return path;
}

/** Setting up says this of a folder to a user who is not root. */
function said(path: string): string {
  const program = `
    if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534); }
    const { refuseForeign } = await import(process.argv[1]);
    try { refuseForeign(process.argv[2]); } catch (error) { console.log(error.message); }`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      program,
      join(checkout, 'local/setup.ts'),
      path,
    ],
    { encoding: 'utf8' },
  );
  expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
  return stdout;
}

const copy = (path: string) =>
  `${path} is not yours to build in (EACCES). Run this, then try again there: cp -r '${checkout}' ~/ziti-glb && cd ~/ziti-glb\n`;
const remove = (path: string) =>
  `${path}/build was built by another user. Run this, then try again: sudo rm -r '${path}/build'\n`;

test.each<[string, number, number | undefined, (path: string) => string]>([
  ['another’s, never built', READABLE, undefined, copy],
  ['another’s, and built', READABLE, READABLE, copy],
  ['one’s own, where another has built', WRITABLE, READABLE, remove],
  ['one’s own, never built', WRITABLE, undefined, () => ''],
  ['one’s own, and built', WRITABLE, WRITABLE, () => ''],
  ['another’s, where one may build', READABLE, WRITABLE, () => ''],
])('nobody is left with what make says of a checkout that is %s', (name, mode, build, says) => {
  const path = folder(name.replaceAll(/\W/g, '-'), mode, build);
  expect(said(path)).toBe(says(path));
});
