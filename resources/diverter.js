import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };

const BPF = fileURLToPath(new URL('../bpf/', import.meta.url));
const BUILT = join(BPF, 'build/');
const ARCHITECTURES = ['amd64', 'arm64'];
/** A package is made from these folders of bpf/: the program, its command line, and what is packed with them. */
const SOURCES = ['.', 'cli', 'deb'];

/** Returns the diverter's packages as `make -C bpf deb` leaves them, the newest of each architecture as Debian calls it. */
export function packages(built = BUILT) {
  const names = existsSync(built) ? readdirSync(built) : [];
  return ARCHITECTURES.flatMap((architecture) => {
    const [path] = names
      .filter((name) => name.startsWith('ziti-glb-diverter_') && name.endsWith(`_${architecture}.deb`))
      .map((name) => join(built, name))
      .sort((a, b) => changedAt(b) - changedAt(a));
    if (!path) return [];
    return [{ architecture, path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') }];
  });
}

/** Returns the path of the package for this machine, whether it is built or not. */
export function localPackage() {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  return (
    packages().find((each) => each.architecture === architecture)?.path ?? `${BUILT}the package for ${architecture}`
  );
}

/** A deployment brings these along: none where the routers' images have a diverter. */
const brought = async (resolveVariable) => ((await resolveVariable('param:diverter')) === 'own' ? packages() : []);

/** Routers of this deployment install these: `amd64=SHA256 arm64=SHA256`. */
export const builds = async ({ resolveVariable }) =>
  (await brought(resolveVariable)).map(({ architecture, sha256 }) => `${architecture}=${sha256}`).join(' ');

/** A regular expression takes the hashes of these, and no others. */
export const hashes = async ({ resolveVariable }) =>
  (await brought(resolveVariable)).map(({ sha256 }) => sha256).join('|');

/**
 * Makes sure that what is in bpf/ is what routers would get.
 * @param bpf the folder
 * @param version which it must be of
 * @throws Error of one sentence
 */
export function checkDiverter(bpf = BPF, version = manifest.version) {
  const all = packages(join(bpf, 'build/'));
  if (all.length === 0) throw new Error('There is no package of the diverter in bpf/build; run: make -C bpf deb');
  const other = all.find(({ path }) => basename(path).split('_')[1] !== version);
  if (other)
    throw new Error(
      `${basename(other.path)} is of another version than package.json, ${version}; run: make -C bpf deb`,
    );
  const [newest = bpf] = SOURCES.flatMap((folder) =>
    readdirSync(join(bpf, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => join(bpf, folder, name)),
  ).sort((a, b) => changedAt(b) - changedAt(a));
  const old = all.find(({ path }) => changedAt(path) < changedAt(newest));
  if (old)
    throw new Error(
      `The diverter's package for ${old.architecture} is older than bpf/${relative(bpf, newest)}, which it is made from; run: make -C bpf deb (or remove ${old.path}, if no router is ${old.architecture})`,
    );
}

const changedAt = (path) => statSync(path).mtimeMs;
