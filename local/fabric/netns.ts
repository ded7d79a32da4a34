import type { ChildProcess } from 'node:child_process';
import { firstLine, run, spawnOwned } from './process.ts';

/** An anonymous network namespace. It is there as long as its process is. */
export interface Netns {
  pid: number;
  process: ChildProcess;
}

/** Opens a network namespace, runs `setup` (shell) in it, and resolves when that is done. */
export async function openNetns(setup: string): Promise<Netns> {
  const child = spawnOwned(['unshare', '--net', 'sh', '-ec', `${setup}\necho up\nexec cat >/dev/null`]);
  await firstLine(child, 'a network namespace');
  return { pid: child.pid ?? 0, process: child };
}

export const inNetns = (pid: number): string[] => ['nsenter', `--net=/proc/${pid}/ns/net`];

/** Runs iproute2 commands, in order, in the network namespace of a process. Stops at the first that fails. */
export async function ip(pid: number, commands: string[]): Promise<void> {
  if (commands.length === 0) return;
  const { code, stderr } = await run([...inNetns(pid), 'ip', '-batch', '-'], { stdin: `${commands.join('\n')}\n` });
  if (code === 0) return;
  const line = Number(/Command failed -:(\d+)/.exec(stderr)?.[1]);
  throw new Error(`ip ${commands[line - 1] ?? ''}: ${stderr.trim()}`);
}
