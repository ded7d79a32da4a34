import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { VirtualClock } from '../../../local/clock.ts';
import { throttle } from '../../../local/wire/throttle.ts';
import type { Step } from '../../../shared/reconcile/plan.ts';
import { type Bucket, empty, limited, spend, type TokenLevels, tokens } from '../../../shared/reconcile/rate-limit.ts';
import { conditionsOf, notesOf } from '../../support/notes.ts';

const CREATES: Bucket = { name: 'CreateVpcEndpoint', size: 4, refill: 0.3 };
const ROUTES: Bucket = { name: 'Routes', size: 50, refill: 5 };
type Kind = Step & { kind: string };
const bucketOf = ({ kind }: Kind) => (kind === 'create' ? CREATES : ROUTES);
const step = (id: string, kind = 'create'): Kind => ({ about: { label: 'one of many', ids: [id] }, kind });
const planOf = (...steps: Kind[]) => ({ steps, conditions: [] });
const subjects = (count: number) => Array.from({ length: count }, (_, index) => step(`s${index}`));
const FULL: TokenLevels = new Map();

describe('a bucket', () => {
  test('is full if it was never used, gives its tokens, and fills again', () => {
    const empty = [1, 2, 3, 4].reduce((levels) => spend(CREATES, levels, 0), FULL);
    expect([0, 1000, 10_000, 60_000].map((now) => tokens(CREATES, empty, now))).toEqual([0, 0.3, 3, 4]);
  });
  test('is empty once AWS has said so', () => {
    expect(tokens(CREATES, empty(CREATES, FULL, 1000), 1000)).toBe(0);
  });
  test('knows no time before its last call', () => {
    expect(tokens(CREATES, empty(CREATES, FULL, 1000), 0)).toBe(0);
  });
});

describe('a plan', () => {
  test('keeps what there are tokens for; the rest waits until there is one', () => {
    const plan = limited(planOf(...subjects(6)), bucketOf, FULL, 10_000);
    expect(plan.steps).toEqual(subjects(4));
    expect(notesOf(plan).waiting).toEqual([
      {
        subject: 'CreateVpcEndpoint',
        for: 'its turn: AWS takes 4 calls at once, then 0.3 a second',
        until: 10_000 + 3334,
      },
    ]);
  });
  test('has a bucket for each kind of step', () => {
    const plan = limited(planOf(...subjects(5), step('r', 'route')), bucketOf, FULL, 0);
    expect(plan.steps).toEqual([...subjects(4), step('r', 'route')]);
  });
  test('holds the steps that depend on one that is held', () => {
    const plan = limited(planOf(...subjects(5), step('s4', 'route')), bucketOf, FULL, 0);
    expect(plan.steps).toEqual(subjects(4));
  });
  test('keeps what it waited for and refused before', () => {
    const before = {
      steps: [],
      conditions: conditionsOf({ waiting: [{ subject: 'w' }] }),
      gauges: { A: 1 },
    };
    expect(limited(before, bucketOf, FULL, 0)).toEqual(before);
  });
});

test('AWS never refuses a call that was paced, however looks and calls are spread', async () => {
  const looks = fc.array(fc.record({ pause: fc.nat(20_000), wants: fc.nat(8), latency: fc.nat(900) }), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(looks, async (all) => {
      const clock = new VirtualClock();
      const limit = throttle(clock);
      const call = { service: 'ec2', operation: 'CreateVpcEndpoint', accessKeyId: '', principal: '', requestId: '' };
      let levels: TokenLevels = new Map();
      const run = async () => {
        for (const { pause, wants, latency } of all) {
          await clock.sleep(pause);
          for (const _ of limited(planOf(...subjects(wants)), bucketOf, levels, clock.now()).steps) {
            await clock.sleep(latency);
            await limit(call, {}, async () => ({}));
            await clock.sleep(latency / 3);
            levels = spend(CREATES, levels, clock.now());
          }
        }
      };
      await clock.run(run());
    }),
    { numRuns: 50 },
  );
});
