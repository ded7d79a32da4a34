import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { unzipSync } from 'fflate';

/** A function's code is unpacked in a directory. */
export interface Code {
  root: string;
  remove(): Promise<void>;
}

/**
 * Unpacks a deployment package into a directory of its own, which goes with `remove` or with this process, however it ends.
 * @throws Error if it is not a zip, or has a file that would land outside
 */
export function unpackCode(functionName: string, zip: Uint8Array): Code {
  const files = readZip(functionName, zip);
  const root = mkdtempSync(join(tmpdir(), `${functionName}-`));
  try {
    for (const [name, content] of files) {
      const path = join(root, name);
      if (relative(root, path).startsWith('..'))
        throw new Error(`the package of ${functionName} has a file outside of it: ${name}`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    return { root, remove: owned(root) };
  } catch (error) {
    rmSync(root, { recursive: true });
    throw error;
  }
}

/** Somebody else must outlive us to clean up after a SIGKILL: a shell that reads our pipe until it breaks. */
function owned(root: string): () => Promise<void> {
  const keeper = spawn('/bin/sh', ['-c', 'cat >/dev/null; exec rm -rf "$1"', 'sh', root], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  keeper.unref();
  const gone = once(keeper, 'exit');
  return async () => {
    keeper.ref();
    keeper.stdin.end();
    await gone;
  };
}

function readZip(functionName: string, zip: Uint8Array): [name: string, content: Uint8Array][] {
  try {
    return Object.entries(unzipSync(zip)).filter(([name]) => !name.endsWith('/'));
  } catch (error) {
    throw new Error(`the package of ${functionName} is not a zip file`, { cause: error });
  }
}
