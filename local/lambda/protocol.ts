/** The runtime and an execution environment, two processes, tell each other this. */
import type { CloudTime } from './time.ts';

/** The first message: what to load, and what time it is. */
export interface Init {
  time: CloudTime;
  taskRoot: string;
  /** `functions/routers.handler`: a module of the bundle and an export of it. */
  handler: string;
}

export interface Invocation {
  event: unknown;
  /** Milliseconds since the epoch, in the cloud's time. */
  deadline: number;
  context: InvocationContext;
}

/** The plain values of a handler's context object. */
export interface InvocationContext {
  functionName: string;
  functionVersion: string;
  invokedFunctionArn: string;
  memoryLimitInMB: string;
  awsRequestId: string;
  logGroupName: string;
  logStreamName: string;
}

/** `loaded` once, or `failed` to load; then `answered` for each invocation. */
export type Report =
  | { kind: 'loaded' }
  | { kind: 'failed'; error: FunctionError }
  | { kind: 'answered'; json: string }
  | { kind: 'threw'; error: FunctionError };

/** The payload of an invocation that ended in an error. */
export interface FunctionError {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}
