import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packages } from '../resources/diverter.js';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Benchmarks of the control plane compare with this commit, unless told otherwise. */
export const EARLIER = '9461a04';

/** A shallow clone has no earlier commits: a benchmark then measures this build alone, and says so. */
export function isHere(commit: string): boolean {
  const here = spawnSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT }).status === 0;
  if (!here) console.log(`Commit ${commit} is not in this clone: this build alone. git fetch --unshallow gets it.\n`);
  return here;
}

/**
 * Checks an earlier commit of this clone out, in a folder of its own with the packages of this one, until the process ends.
 * @returns the folder, with a slash at its end
 */
export function checkOut(commit: string): string {
  const temporary = mkdtempSync(join(tmpdir(), 'bench-'));
  const root = join(temporary, 'earlier/');
  process.on('exit', () => {
    if (existsSync(root)) execFileSync('git', ['worktree', 'remove', '--force', root], { cwd: ROOT });
    rmSync(temporary, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  execFileSync('git', ['worktree', 'add', '--quiet', '--detach', root, commit], { cwd: ROOT, stdio: 'inherit' });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  // A Gateway Load Balancer's targets are checked for 200-399: neither AWS nor the cloud in a box takes other codes.
  const template = join(root, 'resources/load-balancer.yml');
  writeFileSync(template, readFileSync(template, 'utf8').replace('HttpCode: "200" }', 'HttpCode: "200-399" }'));
  return root;
}

/** Builds a checkout's diverter for this machine, unless it is built. Returns the path of its package. */
export function diverterOf(root: string): string {
  execFileSync('make', ['--silent', '-C', join(root, 'bpf'), 'deb']);
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const built = packages(join(root, 'bpf/build/')).find((each) => each.architecture === architecture);
  if (!built) throw new Error(`make -C ${root}bpf deb made no package for ${architecture}`);
  return built.path;
}
