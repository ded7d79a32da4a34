import { type Clock, timersOf } from '../clock.ts';
import type { FunctionError } from './protocol.ts';

export type InvokeResult = { payload: unknown } | { error: FunctionError };

/** A function's asynchronous invocations are retried so, and this queue or function is told of one given up. */
export interface EventInvokeConfig {
  maximumRetries: number;
  /** Seconds. */
  maximumAge: number;
  onFailureArn?: string;
}
export const DEFAULT_EVENT_INVOKE_CONFIG: EventInvokeConfig = { maximumRetries: 2, maximumAge: 6 * 3600 };

/** An on-failure destination receives this: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
export interface FailureRecord {
  version: '1.0';
  timestamp: string;
  requestContext: {
    requestId: string;
    functionArn: string;
    condition: 'RetriesExhausted' | 'EventAgeExceeded';
    approximateInvokeCount: number;
  };
  requestPayload: unknown;
  responseContext?: { statusCode: 200; executedVersion: '$LATEST'; functionError: 'Unhandled' };
  responsePayload?: FunctionError;
}

export interface QueueOptions {
  clock: Clock;
  functionArn: string;
  config(): EventInvokeConfig;
  /** Undefined if the function is at its concurrency. */
  invoke(event: unknown, requestId: string): Promise<InvokeResult> | undefined;
  onFailure(record: FailureRecord, destinationArn: string | undefined): void;
}

const SECOND = 1000;
/** After the first failure of the function itself, after the second. */
const RETRY_AFTER = [60 * SECOND, 120 * SECOND] as const;
const LONGEST_THROTTLE = 300 * SECOND;

/**
 * The queue of a function's asynchronous invocations.
 * The rules: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
export function createInvocationQueue({ clock, functionArn, config, invoke, onFailure }: QueueOptions) {
  const { after: later, end } = timersOf(clock);
  let closed = false;

  function add(event: unknown, requestId: string): void {
    const since = clock.now();
    let throttles = 0;
    let invocations = 0;
    let error: FunctionError | undefined;

    function giveUp(condition: FailureRecord['requestContext']['condition']): void {
      const { onFailureArn } = config();
      onFailure(
        {
          version: '1.0',
          timestamp: new Date(clock.now()).toISOString(),
          requestContext: { requestId, functionArn, condition, approximateInvokeCount: invocations },
          requestPayload: event,
          ...(error && {
            responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
            responsePayload: error,
          }),
        },
        onFailureArn,
      );
    }

    async function attempt(): Promise<void> {
      if (clock.now() - since > config().maximumAge * SECOND) return giveUp('EventAgeExceeded');
      const running = invoke(event, requestId);
      if (!running) {
        const wait = Math.min(SECOND * 2 ** throttles++, LONGEST_THROTTLE);
        return void later(wait, attempt);
      }
      invocations += 1;
      const result = await running;
      if (closed || !('error' in result)) return;
      error = result.error;
      const wait = RETRY_AFTER[invocations - 1];
      if (wait === undefined || invocations > config().maximumRetries) return giveUp('RetriesExhausted');
      later(wait, attempt);
    }

    later(0, attempt);
  }

  return {
    add,
    close() {
      closed = true;
      end();
    },
  };
}
