import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ExecResult } from './fabric.ts';

/** A program spoken with by lines. What it has to complain of goes to our stderr. */
export type Owned = ChildProcessByStdio<Writable, Readable, null>;

// A user's path often lacks the folders of iproute2.
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/**
 * Starts a program that ends with this process, however that ends: the kernel kills it when its parent dies, and its
 * stdin closes should the parent have died before the kernel was told so. A Ctrl-C in our terminal is not for it.
 */
export function spawnOwned(argv: string[], environment: NodeJS.ProcessEnv = env): Owned {
  return spawn('setpriv', dieWithUs(argv), { stdio: ['pipe', 'pipe', 'inherit'], env: environment, detached: true });
}

/** The same as `spawnOwned`, for a Node program spoken with by messages. */
export function spawnOwnedNode(enter: string[], args: string[]): ChildProcess {
  const argv = [...enter, process.execPath, '--disable-warning=ExperimentalWarning', ...args];
  return spawn('setpriv', dieWithUs(argv), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env, detached: true });
}

const dieWithUs = (argv: string[]): string[] => ['--pdeathsig', 'KILL', ...argv];

/** Ends a program at once and resolves when it has ended. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/**
 * Runs a program to its end. Programs it leaves behind may keep its output open: they are not waited for.
 * @param timeout milliseconds, after which it and what it started are killed and `code` is null.
 */
export function run(
  argv: string[],
  {
    stdin = '',
    timeout,
    environment = env,
  }: { stdin?: string; timeout?: number; environment?: NodeJS.ProcessEnv } = {},
): Promise<ExecResult> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    // Detached: a process group of its own, so that a timeout ends all of it.
    const child = spawn(program, args, { env: environment, detached: true });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let code: number | null = null;
    const { pid } = child;
    // Without a pid nothing was started, and 0 would be our own group.
    const timer = timeout && pid ? setTimeout(() => process.kill(-pid, 'SIGKILL'), timeout) : undefined;
    const done = () => {
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
      child.stdout.destroy();
      child.stderr.destroy();
    };
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => err.push(data));
    child.stdin.on('error', () => {}); // It need not read what it is given.
    child.stdin.end(stdin);
    child.on('error', reject);
    child.on('exit', (status) => {
      code = status;
      clearTimeout(timer);
      // What it has said may still be in the pipes: timers come before they are read, and an immediate after.
      const grace = setTimeout(() => setImmediate(done), 100);
      child.once('close', () => {
        clearTimeout(grace);
        done();
      });
    });
  });
}

/** Resolves with the first line the program writes; rejects if it ends before. */
export function firstLine(child: Owned, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const read = (data: Buffer) => {
      text += data;
      const end = text.indexOf('\n');
      if (end < 0) return;
      child.stdout.off('data', read);
      resolve(text.slice(0, end));
    };
    child.stdout.on('data', read);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${name} ended before it was up: ${text.trim()}`)));
  });
}
