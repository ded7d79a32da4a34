import { describe, expect, test } from '@jest/globals';
import { latencyTracker } from '../../shared/latency.ts';

/** The tracker's seconds are told alone. */
function seconds() {
  const look = latencyTracker();
  return (...given: Parameters<typeof look>) => look(...given).map((arrival) => arrival.seconds);
}

const TICK = { at: 0, ids: [] };
const away = (id: string, since?: number) => ({ id, arrived: false, ...(since !== undefined && { since }) });
const here = (id: string, since?: number) => ({ ...away(id, since), arrived: true });

describe('what a process sees set out and arrive', () => {
  test('are timed from the look that saw them begin', () => {
    const look = seconds();
    look([], 0, TICK);
    look([away('a')], 10_000, TICK);
    expect(look([here('a')], 130_000, TICK)).toEqual([120]);
  });

  test('are timed from the event that told of them, even in the first look', () => {
    const look = seconds();
    look([away('subnet-0ab')], 5_000, { at: 2_000, ids: ['subnet-0ab'] });
    expect(look([here('subnet-0ab')], 132_000, TICK)).toEqual([130]);
  });

  test('are not timed from an event of another whose id begins like theirs', () => {
    const look = seconds();
    look([away('subnet-0ab')], 5_000, { at: 2_000, ids: ['subnet-0abc'] });
    expect(look([here('subnet-0ab')], 132_000, TICK)).toEqual([]);
  });

  test('are timed from what AWS says of their last start, if it does', () => {
    const look = seconds();
    look([], 0, TICK);
    look([away('i-0', 1_000)], 60_000, TICK);
    expect(look([here('i-0', 70_000)], 90_000, TICK)).toEqual([20]);
  });

  test('are counted once, until they begin anew', () => {
    const look = seconds();
    look([], 0, TICK);
    expect(look([here('a')], 1_000, TICK)).toEqual([0]);
    expect(look([here('a')], 2_000, TICK)).toEqual([]);
    look([away('a')], 3_000, TICK);
    expect(look([here('a')], 900_000, TICK)).toEqual([]);
    look([], 910_000, TICK);
    look([away('a')], 920_000, TICK);
    expect(look([here('a')], 930_000, TICK)).toEqual([10]);
  });
});

test('what was under way before the process began is not timed', () => {
  const look = seconds();
  look([away('old'), here('older')], 0, TICK);
  expect(look([here('old'), here('older')], 60_000, TICK)).toEqual([]);
});
