import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Jest's run has a folder for all of its projects and workers: packages of the stack that several suites need. */
export default function packages() {
  const folder = mkdtempSync(join(tmpdir(), 'packages-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      remove();
      process.kill(process.pid, signal);
    });
  process.env.PACKAGES = folder;
}
