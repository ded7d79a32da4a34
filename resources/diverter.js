import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../bpf/build/', import.meta.url));
const ARCHITECTURES = ['amd64', 'arm64'];

/** The diverter's packages as `make -C bpf deb` leaves them, the newest of each architecture as Debian calls it. */
export function packages() {
  const names = existsSync(BUILT) ? readdirSync(BUILT) : [];
  return ARCHITECTURES.flatMap((architecture) => {
    const [path] = names
      .filter((name) => name.startsWith('ziti-glb-diverter_') && name.endsWith(`_${architecture}.deb`))
      .map((name) => BUILT + name)
      .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
    if (!path) return [];
    return [{ architecture, path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') }];
  });
}

/** Path of the package for this machine, whether it is built or not. */
export function localPackage() {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  return (
    packages().find((each) => each.architecture === architecture)?.path ?? `${BUILT}the package for ${architecture}`
  );
}

/** What routers of this deployment install: `amd64=SHA256 arm64=SHA256`. */
export function builds() {
  const all = packages();
  if (all.length === 0) throw new Error('there is no package of the diverter in bpf/build; run: make -C bpf deb');
  return all.map(({ architecture, sha256 }) => `${architecture}=${sha256}`).join(' ');
}
