import { Logger } from '@aws-lambda-powertools/logger';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Call } from '../../shared/aws/calls.ts';
import type { Condition, Reason } from '../../shared/conditions/condition.ts';
import { createPassLog } from '../../shared/pass-log.ts';
import type { Outcome } from '../../shared/reconcile/loop.ts';
import { captureLines } from '../support/capture-lines.ts';

const TEN = Date.UTC(2026, 0, 15, 10);
const STEP = { kind: 'create-route', tableId: 'rtb-1', about: { label: 'rtb-1', ids: ['rtb-1'] } };
const SAID = 'rtb-1: 10.20.0.0/16 leads to vpce-1';
const condition = (kind: Condition['kind'], label: string, reason: Reason): Condition => ({
  about: { label, ids: [label] },
  kind,
  reason,
});
const WAITING = condition('waiting', 'subnet-a', { code: 'endpoint-available' });
const REST: Outcome = {
  settled: true,
  changes: 0,
  failures: [],
  waiting: [],
  gauges: {},
  gaugesOf: new Map(),
  lookedAt: TEN,
};
const failure = { step: STEP, error: new Error('no') };

let out: ReturnType<typeof captureLines>;
let now: number;
let calls: Call[];
let beginPass: ReturnType<typeof createPassLog>;
beforeEach(() => {
  out = captureLines();
  now = TEN;
  calls = [];
  beginPass = createPassLog(
    new Logger({ logLevel: 'DEBUG' }),
    () => now,
    () => SAID,
    calls,
  );
});
afterEach(() => out.stop());

const levels = () => out.lines().map(({ level }) => level);

test.each<[string, Partial<Outcome>, number]>([
  ['Everything is in order', {}, 0],
  ['Everything is in order, but for 1 thing that only a person can change', {}, 1],
  ['In order after 1 change', { changes: 1 }, 0],
  ['In order after 2 changes, but for 2 things that only a person can change', { changes: 2 }, 2],
  ['Not done yet, after 3 changes: 1 thing waited for', { settled: false, changes: 3, waiting: [WAITING] }, 0],
  [
    'Not done yet, after 0 changes: 2 steps did not succeed, 1 thing waited for',
    { settled: false, failures: [failure, failure], waiting: [WAITING] },
    0,
  ],
  ['Not done yet, after 1 change: AWS has not shown the last of them', { settled: false, changes: 1 }, 0],
])('a pass ends with %j', (message, outcome, refused) => {
  const log = beginPass();
  for (let each = 0; each < refused; each++) log.refuses(condition('refused', `subnet-${each}`, { code: 'no-cidr' }));
  now += 1500;
  log.ends({ ...REST, ...outcome });
  expect(out.lines().at(-1)).toMatchObject({ level: 'INFO', message, refused, took: 1500 });
});

test('a step is told with what it was done to, how long it took, and the requests that changed something for it', () => {
  const log = beginPass();
  const called = (action: string, requestId: string) => void calls.push({ action, requestId, error: undefined });
  called('CreateRoute', 'before');
  log.begins();
  now += 300;
  called('DescribeRouteTables', 'read');
  called('CreateRoute', 'r-1');
  log.acted(STEP);
  expect(out.lines()).toEqual([
    expect.objectContaining({
      level: 'INFO',
      message: SAID,
      subject: 'rtb-1',
      step: { kind: 'create-route', tableId: 'rtb-1' },
      took: 300,
      requestIds: ['r-1'],
    }),
  ]);
});

describe('of what is told again', () => {
  test('a step that fails in the same way is an error once in a pass', () => {
    const log = beginPass();
    const error = Object.assign(new Error('no'), { name: 'UnauthorizedOperation' });
    for (const each of [error, error, Object.assign(new Error('no'), { name: 'RouteLimitExceeded' })])
      log.failed(STEP, each);
    beginPass().failed(STEP, error);
    expect(levels()).toEqual(['ERROR', 'DEBUG', 'ERROR', 'ERROR']);
    expect(out.lines()[0]?.message).toMatch(/^rtb-1: 10.20.0.0\/16 leads to vpce-1: did not succeed\. /);
  });

  test('what is refused is a warning when it is new, and again once it has been away', () => {
    const refusal = condition('refused', 'subnet-a', { code: 'no-cidr' });
    for (const notes of [[refusal], [refusal], [], [refusal]]) {
      const log = beginPass();
      for (const note of notes) log.refuses(note);
      log.ends(REST);
    }
    expect(levels().filter((level) => level !== 'INFO')).toEqual(['WARN', 'DEBUG', 'WARN']);
  });

  test('what is waited for is told in each pass with since when, and is a warning once, if a person may have to see to it', () => {
    for (let minute = 0; minute < 2; minute++) {
      const log = beginPass();
      log.waits({ ...WAITING, warn: true });
      log.ends({ ...REST, settled: false });
      now += 60_000;
    }
    const told = out.lines().filter(({ subject }) => subject);
    expect(told).toEqual([
      expect.objectContaining({ level: 'WARN', since: '2026-01-15T10:00:00.000Z' }),
      expect.objectContaining({ level: 'INFO', since: '2026-01-15T10:00:00.000Z' }),
    ]);
    expect(told[1]?.message).toBe('subnet-a waits for its endpoint to be available, since 10:00:00 UTC');
  });

  test('since when comes before what a person can do', () => {
    beginPass().waits({ ...WAITING, reason: { code: 'agent-missing', minutes: 15 } });
    expect(out.lines()[0]?.message).toMatch(
      /^subnet-a waits for its SSM agent, which is not online 15 min after its start, since 10:00:00 UTC: usually its instance profile/,
    );
  });

  test('of what is waited for AWS may remember since when, and until when is told if that is known', () => {
    const log = beginPass();
    log.waits({ ...WAITING, since: TEN - 60_000, until: TEN + 5000 });
    log.waits({ ...WAITING, reason: { code: 'healthy-router' }, until: Number.POSITIVE_INFINITY });
    const [known, unknown] = out.lines();
    expect(known).toMatchObject({ since: '2026-01-15T09:59:00.000Z', until: '2026-01-15T10:00:05.000Z' });
    expect(unknown).not.toHaveProperty('until');
  });
});
