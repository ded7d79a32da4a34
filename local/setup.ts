import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** Packages of Debian and Ubuntu from which the diverter and the fabric are built, or with which they run, and how to see that one is there. */
const PACKAGES: Record<string, () => boolean> = {
  clang: () => onPath('clang'),
  make: () => onPath('make'),
  'libc6-dev': () => globSync('/usr/lib/*/libc.a').length > 0,
  'libbpf-dev': () => existsSync('/usr/include/bpf/libbpf.h'),
  'libelf-dev': () => existsSync('/usr/include/libelf.h'),
  'zlib1g-dev': () => existsSync('/usr/include/zlib.h'),
  'libyaml-dev': () => existsSync('/usr/include/yaml.h'),
  ethtool: () => onPath('ethtool'),
  iproute2: () => onPath('ip') && onPath('tc'),
  'util-linux': () => onPath('unshare') && onPath('nsenter') && onPath('setpriv'),
  curl: () => onPath('curl'),
  dpkg: () => onPath('dpkg-deb'),
  openssl: () => onPath('openssl'),
};

/** Packages that only tests and benchmarks need. Not every distribution has a browser as a package: its tests then say that they were skipped. */
const TESTS: typeof PACKAGES = { iperf3: () => onPath('iperf3'), nftables: () => onPath('nft') };
const BROWSER: typeof PACKAGES = { chromium: () => onPath('chromium') };

/**
 * Installs what is missing (as root, from the distribution) and builds the diverter and the fabric's helpers.
 * Throws one sentence with the line to run if it may not, or cannot.
 */
export function setUp(): void {
  install(PACKAGES);
  for (const [name, ...goals] of [['bpf', 'deb'], ['local/fabric']] as const) {
    const folder = join(CHECKOUT, name);
    refuseForeign(folder);
    run('make', ['--silent', '-C', folder, ...goals]);
  }
}

/**
 * What root has built, nobody else can build again, and in a checkout that is root's nobody else can build at all.
 * @param folder of a Makefile, one that builds into `build/`
 * @throws Error of one sentence with the line to run
 */
export function refuseForeign(folder: string): void {
  const build = join(folder, 'build');
  const built = existsSync(build);
  const inBuild = refusal(build);
  const inFolder = refusal(folder);
  if (built && inBuild && !inFolder)
    throw new Error(`${build} was built by another user. Run this, then try again: sudo rm -r '${build}'`);
  const refused = built ? inBuild : inFolder;
  if (refused)
    throw new Error(
      `${folder} is not yours to build in (${refused}). Run this, then try again there: cp -r '${CHECKOUT}' ~/ziti-glb && cd ~/ziti-glb`,
    );
}

/** The code of the kernel's error for whoever would write into a folder, if there is one. */
function refusal(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return Object(error).code;
  }
}

function install(packages: typeof PACKAGES): void {
  const missing = Object.keys(packages).filter((name) => !packages[name]?.());
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0)
    throw new Error(`Tools are missing. Run this, then try again: sudo apt-get update && sudo ${command}`);
  if (!onPath('apt-get')) throw new Error(`Tools are missing and there is no apt-get. Install: ${missing.join(', ')}`);
  console.log(`Installing ${missing.join(', ')} …`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', [...command.split(' ').slice(1), '-qq']);
}

function onPath(program: string): boolean {
  // A user's path often lacks the folders of iproute2.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, program)));
}

function run(program: string, args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (status === 0) return;
  const said = [stdout, stderr, error?.message].filter(Boolean).join('\n').trim();
  throw new Error(`${program} ${args.join(' ')} failed:\n${said}`);
}

/** Runs it, or says why not and lets the process end as failed if it `must` succeed. */
function attempt(setUpPart: () => void, { must }: { must: boolean }): void {
  try {
    setUpPart();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    if (must) process.exitCode = 1;
  }
}

if (import.meta.main) {
  // Without root too: packages hold the diverter, and are tested where no packet can be.
  attempt(setUp, { must: true });
  if (process.getuid?.() === 0) {
    attempt(() => install(TESTS), { must: true });
    attempt(() => install(BROWSER), { must: false });
  }
}
