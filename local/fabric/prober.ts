import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HealthCheck, ProbeResult } from './fabric.ts';
import { inNetns, type Netns } from './netns.ts';
import { spawnOwnedNode } from './process.ts';

/** Makes health checks from a network namespace. */
export interface Prober {
  process: ChildProcess;
  probe(check: HealthCheck): Promise<ProbeResult>;
}

export function startProber(from: Netns): Prober {
  const program = fileURLToPath(new URL('prober-process.ts', import.meta.url));
  const child = spawnOwnedNode(inNetns(from.pid), [program]);
  const waiting = new Map<number, (result: ProbeResult) => void>();
  let count = 0;
  const answer = (id: number, result: ProbeResult) => {
    waiting.get(id)?.(result);
    waiting.delete(id);
  };
  child.on('message', ({ id, result }: { id: number; result: ProbeResult }) => answer(id, result));
  child.once('exit', () => {
    for (const id of waiting.keys()) answer(id, { healthy: false, reason: 'Target.Timeout' });
  });
  return {
    process: child,
    probe: (check) =>
      new Promise((resolve) => {
        const id = count++;
        waiting.set(id, resolve);
        if (child.connected) child.send({ id, check });
        else answer(id, { healthy: false, reason: 'Target.Timeout' });
      }),
  };
}
