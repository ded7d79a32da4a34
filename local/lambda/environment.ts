import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FunctionError, Init, Invocation, Report } from './protocol.ts';

const BOOTSTRAP = new URL('./bootstrap.ts', import.meta.url);
/** Lambda gives a cold start 10 s. This is of the wall's time, and this machine may be busier than Lambda's. */
const INIT_LIMIT_MS = 30_000;

export interface Start extends Init {
  env: Record<string, string>;
  memorySize: number;
  onLine(line: string): void;
}

export type Answer = { json: string } | { error: FunctionError };

/** One execution environment: a process that has a function's bundle loaded and runs one invocation at a time. */
export interface Environment {
  /** Resolves when the bundle is loaded, or with the error of loading it. */
  loaded: Promise<Answer>;
  /** Never rejects: a process that died is an error of the function. */
  invoke(invocation: Invocation): Promise<Answer>;
  /** False once the process has ended: the next invocation needs another one. */
  isAlive(): boolean;
  /** Ends it at once. Resolves when it is gone. */
  kill(): Promise<void>;
}

export function startEnvironment({ env, memorySize, onLine, ...init }: Start): Environment {
  const child = fork(BOOTSTRAP, {
    cwd: init.taskRoot,
    env,
    // The kernel ends it when we end, however that is and whatever it is busy with.
    execPath: '/usr/bin/setpriv',
    execArgv: [
      '--pdeathsig=KILL',
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      `--max-old-space-size=${memorySize}`,
    ],
    // Ctrl-C is for us: we end it in our own order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface(stream).on('line', onLine);
  let alive = true;
  const gone = exitOf(child).then((how): Answer => {
    alive = false;
    return { error: { errorType: 'Runtime.ExitError', errorMessage: `Runtime exited with error: ${how}` } };
  });

  /** Sends a message and waits for what comes of it: a report, or the end of the process. */
  function ask(message: Init | Invocation): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      child.once('message', (report: Report) => resolve(answerOf(report)));
    });
    // It fails only if the process has ended, which `gone` tells.
    child.send(message, () => {});
    return Promise.race([answer, gone]);
  }

  async function kill(): Promise<void> {
    child.kill('SIGKILL');
    await gone;
  }

  async function load(): Promise<Answer> {
    const limit = setTimeout(kill, INIT_LIMIT_MS);
    const loaded = await ask(init);
    clearTimeout(limit);
    if ('error' in loaded) await kill();
    return loaded;
  }

  return { loaded: load(), invoke: ask, isAlive: () => alive, kill };
}

function answerOf(report: Report): Answer {
  if (report.kind === 'answered') return { json: report.json };
  return report.kind === 'loaded' ? { json: 'null' } : { error: report.error };
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit status ${code}`));
  });
}
