import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecResult } from '../../local/fabric/fabric.ts';
import { run } from '../../local/fabric/process.ts';
import { temporaryFolder } from './packaged.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The environment says nothing of AWS: who runs the tests may be somebody there. */
export const withoutAws = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))),
  AWS_CONFIG_FILE: '/dev/null',
  ...environment,
});

/** A person types Serverless so, in a folder of its own: what it writes beside its file, other tests write too. */
export function serverless(words: string[], environment: NodeJS.ProcessEnv): Promise<ExecResult> {
  const folder = temporaryFolder('typed-');
  for (const name of ['serverless.yml', 'spoke.yml']) cpSync(join(ROOT, name), join(folder, name));
  for (const name of ['package.json', 'functions', 'shared', 'examples', 'node_modules', 'resources', 'bpf'])
    symlinkSync(join(ROOT, name), join(folder, name));
  const program = join(ROOT, 'node_modules/serverless/bin/serverless.js');
  return run(['env', '-C', folder, process.execPath, program, ...words], {
    environment: withoutAws({ SLS_AWS_MONITORING_FREQUENCY: '200', ...environment }),
  });
}
