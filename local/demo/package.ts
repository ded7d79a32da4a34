import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The box's stacks are of this stage: `ziti-glb-demo`, `ziti-glb-spoke-demo`. */
export const STAGE = 'demo';

/**
 * Packages the stack as a deployment would, with these parameters. Resolves to the folder; rejects with what was said, or when
 * `signal` aborts it.
 * @param config what is packaged: the stack, or a spoke
 * @param root the checkout
 */
export async function packageStack(
  region: string,
  parameters: Record<string, string>,
  {
    config = 'serverless.yml',
    signal,
    root = ROOT,
  }: { config?: 'serverless.yml' | 'spoke.yml'; signal?: AbortSignal; root?: string } = {},
): Promise<string> {
  const folder = `${root}build/demo-${config.replace(/\.yml$/, '')}`;
  const args = ['package', '--config', config, '--package', folder, '--stage', STAGE, '--region', region];
  for (const [name, value] of Object.entries(parameters)) args.push('--param', `${name}=${value}`);
  const child = spawn(`${root}node_modules/.bin/serverless`, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal && { signal }),
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`serverless ${args.join(' ')} failed:\n${said}`);
  return folder;
}
