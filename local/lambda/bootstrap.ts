/**
 * An execution environment has this inside: a process of its own that loads a function's bundle and runs its handler, as
 * Lambda's Node runtime does. It lives no longer than the process that started it.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FunctionError, Init, Invocation, Report } from './protocol.ts';
import { enterCloudTime } from './time.ts';

type Handler = (event: unknown, context: object) => unknown;

const report = takeChannel();
process.once('message', async (init: Init) => {
  enterCloudTime(init.time);
  try {
    const handler = await loadHandler(init);
    process.on('message', (invocation: Invocation) => run(handler, invocation));
    report({ kind: 'loaded' });
  } catch (error) {
    report({ kind: 'failed', error: functionError(error) });
  }
});

/** The bundle must not find a channel that a Lambda function does not have. */
function takeChannel(): (message: Report) => void {
  const send = process.send?.bind(process);
  if (!send) throw new Error('this file is started by the Lambda runtime of the cloud in a box');
  delete process.send;
  // Without a callback, a parent that is gone would be an error of the function's.
  return (message) => void send(message, () => {});
}

async function loadHandler({ taskRoot, handler }: Init): Promise<Handler> {
  const [name = '', ...names] = basename(handler).split('.');
  const base = join(taskRoot, dirname(handler), name);
  const file = ['.js', '.mjs', '.cjs'].map((extension) => base + extension).find((path) => existsSync(path));
  if (!file)
    throw runtimeError('ImportModuleError', `Cannot find module '${join(dirname(handler), name)}' in the bundle`);
  let found: unknown = await import(pathToFileURL(file).href);
  for (const name of names) found = Object(found)[name];
  if (typeof found !== 'function') throw runtimeError('HandlerNotFound', `${handler} is undefined or not exported`);
  if (found.length > 2) {
    throw runtimeError('CallbackHandlerDeprecated', `${handler} takes a callback; since nodejs24.x a handler is async`);
  }
  return found as Handler;
}

async function run(handler: Handler, { event, deadline, context }: Invocation): Promise<void> {
  try {
    const getRemainingTimeInMillis = () => Math.max(0, deadline - Date.now());
    const result = await handler(event, { ...context, callbackWaitsForEmptyEventLoop: true, getRemainingTimeInMillis });
    report({ kind: 'answered', json: JSON.stringify(result) ?? 'null' });
  } catch (thrown) {
    const error = functionError(thrown);
    console.error(
      `${new Date().toISOString()}\t${context.awsRequestId}\tERROR\tInvoke Error\t${JSON.stringify(error)}`,
    );
    report({ kind: 'threw', error });
  }
}

function runtimeError(type: string, message: string): Error {
  return Object.assign(new Error(message), { name: `Runtime.${type}` });
}

function functionError(thrown: unknown): FunctionError {
  if (!(thrown instanceof Error)) return { errorType: typeof thrown, errorMessage: String(thrown) };
  return { errorType: thrown.name, errorMessage: thrown.message, trace: thrown.stack?.split('\n') };
}
