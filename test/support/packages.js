import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Jest's run has a folder for all of its projects and workers: packages of the stack that several suites need. */
export default function packages() {
  const folder = mkdtempSync(join(tmpdir(), 'packages-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  process.env.PACKAGES = folder;
}
