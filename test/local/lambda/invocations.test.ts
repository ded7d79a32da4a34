import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '../../../local/clock.ts';
import {
  createInvocationQueue,
  DEFAULT_EVENT_INVOKE_CONFIG,
  type EventInvokeConfig,
  type FailureRecord,
  type InvokeResult,
} from '../../../local/lambda/invocations.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const error = { errorType: 'Error', errorMessage: 'no' };
type Turn = InvokeResult | 'throttled';

/** A function's queue takes its turns from `turns`, the last one for ever. */
function world(turns: Turn[], config: Partial<EventInvokeConfig> = {}) {
  const clock = new VirtualClock();
  const startedAt = clock.now();
  const attempts: number[] = [];
  const failures: { record: FailureRecord; destination: string | undefined }[] = [];
  const queue = createInvocationQueue({
    clock,
    functionArn: 'arn:f',
    config: () => ({ ...DEFAULT_EVENT_INVOKE_CONFIG, ...config }),
    onFailure: (record, destination) => failures.push({ record, destination }),
    invoke: () => {
      const turn = turns[Math.min(attempts.length, turns.length - 1)];
      attempts.push((clock.now() - startedAt) / SECOND);
      return turn === 'throttled' || turn === undefined ? undefined : Promise.resolve(turn);
    },
  });
  queue.add({ n: 1 }, 'request-1');
  return { clock, queue, attempts, failures };
}

describe('a queued event', () => {
  const cases: [
    name: string,
    turns: Turn[],
    config: Partial<EventInvokeConfig>,
    attempts: number[],
    gaveUp: string[],
  ][] = [
    ['that is handled is not tried again', [{ payload: 1 }], {}, [0], []],
    ['that fails is tried after one minute', [{ error }, { payload: 1 }], {}, [0, 60], []],
    ['that fails for ever is tried three times', [{ error }], {}, [0, 60, 180], ['RetriesExhausted']],
    ['that may be tried twice is', [{ error }], { maximumRetries: 1 }, [0, 60], ['RetriesExhausted']],
    ['that may be tried once is', [{ error }], { maximumRetries: 0 }, [0], ['RetriesExhausted']],
    [
      'that is throttled waits longer and longer',
      ['throttled', 'throttled', 'throttled', { payload: 1 }],
      {},
      [0, 1, 3, 7],
      [],
    ],
    [
      'that is throttled keeps its retries',
      ['throttled', { error }, { error }, { error }],
      {},
      [0, 1, 61, 181],
      ['RetriesExhausted'],
    ],
    ['that is too old is given up', ['throttled'], { maximumAge: 60 }, [0, 1, 3, 7, 15, 31], ['EventAgeExceeded']],
    ['that is too old to fail again is given up', [{ error }], { maximumAge: 90 }, [0, 60], ['EventAgeExceeded']],
  ];
  test.each(cases)('%s', async (_name, turns, config, attempts, gaveUp) => {
    const queued = world(turns, config);
    await queued.clock.run(8 * HOUR);
    expect(queued.attempts).toEqual(attempts);
    expect(queued.failures.map(({ record }) => record.requestContext.condition)).toEqual(gaveUp);
  });

  test('is tried for six hours, at most every five minutes, while it is throttled', async () => {
    const { clock, attempts, failures } = world(['throttled']);
    await clock.run(8 * HOUR);
    expect(attempts.slice(-2).reduce((a, b) => b - a)).toBe(300);
    expect(attempts.at(-1)).toBeLessThanOrEqual(6 * 3600);
    expect(failures).toHaveLength(1);
  });

  test('given up goes to its destination with its last error', async () => {
    const { clock, failures } = world([{ error }], { maximumRetries: 0, onFailureArn: 'arn:queue' });
    await clock.run(HOUR);
    expect(failures).toEqual([
      {
        destination: 'arn:queue',
        record: {
          version: '1.0',
          timestamp: '2026-01-15T10:00:00.000Z',
          requestContext: {
            requestId: 'request-1',
            functionArn: 'arn:f',
            condition: 'RetriesExhausted',
            approximateInvokeCount: 1,
          },
          requestPayload: { n: 1 },
          responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
          responsePayload: error,
        },
      },
    ]);
  });

  test('is dropped when the queue closes', async () => {
    const { clock, queue, attempts, failures } = world([{ error }]);
    await clock.run(0);
    queue.close();
    await clock.run(HOUR);
    expect(attempts).toEqual([0]);
    expect(failures).toEqual([]);
  });
});
