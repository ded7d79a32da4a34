import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Packages the stack as a deployment would, for a network of these ids. Resolves to the folder; rejects with what was said,
 * or when `signal` aborts it.
 * @param root the checkout
 */
export async function packageStack(
  network: { vpcId: string; subnetIds: string; region: string },
  signal?: AbortSignal,
  root = ROOT,
): Promise<string> {
  const folder = `${root}build/demo-package`;
  const args = ['package', '--package', folder, '--stage', 'demo', '--region', network.region];
  for (const name of ['vpcId', 'subnetIds'] as const) args.push('--param', `${name}=${network[name]}`);
  const child = spawn(`${root}node_modules/.bin/serverless`, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`serverless ${args.join(' ')} failed:\n${said}`);
  return folder;
}
