import { describe, expect, test } from '@jest/globals';
import { patient, type Refusals, remembered, retry, retryAt, tried } from '../../../shared/aws/patience.ts';
import { LATER, type Step } from '../../../shared/reconcile.ts';

const step = (subject: string, says = subject): Step & { id: string } => ({ subject, id: says, says });
const plan = (...steps: Step[]) => ({ steps, waiting: [], refused: [] });
const error = Object.assign(new Error('no.'), { name: 'InsufficientFreeAddressesInSubnet' });
const NONE: Refusals = new Map();
const names = (steps: Step[]) => steps.map(({ says }) => says);

/** The pauses, in seconds, before so many tries that AWS refuses. */
function pauses(tries: number): number[] {
  let refusals = NONE;
  let now = 0;
  return Array.from({ length: tries }, () => {
    refusals = tried(step('a'), refusals, now, error);
    const [refusal = { step: step('a'), times: 0, at: 0, error }] = refusals.values();
    const pause = retryAt(refusal) - now;
    now += pause;
    return pause / 1000;
  });
}

test('a step is known again whatever is said of it', () => {
  const refusals = tried(step('a'), NONE, 0, error);
  const renamed = { ...step('a'), says: 'in other words' };
  expect(patient(plan(renamed), refusals, 0).failures).toEqual([{ step: renamed, error }]);
});

describe('a step that AWS refuses', () => {
  test('is tried again after pauses that grow', () => {
    expect(pauses(9)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test('is left out until then with what depends on it, counts as a failure, and is waited for', () => {
    const refusals = tried(step('a', 'a2'), NONE, 0, error);
    const { steps, waiting, failures } = patient(plan(step('a', 'a1'), step('a', 'a2'), step('b')), refusals, 4_999);
    expect(names(steps)).toEqual(['b']);
    expect(failures).toEqual([{ step: step('a', 'a2'), error }]);
    expect(waiting).toEqual([{ subject: 'a', until: 5_000, for: expect.stringContaining('free one, or name other') }]);
  });

  test('is left to the next minute’s look once its pauses are long', () => {
    const untilOf = (times: number) => retry({ step: step('a'), times, at: 0, error }, 0).until;
    expect([untilOf(2), untilOf(3)]).toEqual([10_000, LATER]);
  });

  test('comes last then, in its own order', () => {
    const refusals = tried(step('a', 'a2'), NONE, 0, error);
    const { steps, failures } = patient(plan(step('a', 'a1'), step('a', 'a2'), step('b')), refusals, 5_000);
    expect([names(steps), failures]).toEqual([['b', 'a1', 'a2'], []]);
  });

  test('is forgotten once it succeeds, and after an hour, and is nothing while it is not wanted', () => {
    const refusals = tried(step('a'), NONE, 0, error);
    expect(tried(step('a'), refusals, 0)).toEqual(NONE);
    expect([remembered(refusals, 3_599_999), remembered(refusals, 3_600_000)]).toEqual([refusals, NONE]);
    expect(patient(plan(step('b')), refusals, 0)).toEqual({ ...plan(step('b')), failures: [] });
  });

  test('for there were too many calls has no other pause than all of its kind', () => {
    expect(tried(step('a'), NONE, 0, Object.assign(new Error(), { name: 'RequestLimitExceeded' }))).toBe(NONE);
  });

  test('says AWS’s words where nobody knows what to do', () => {
    const refusal = { step: step('a'), times: 1, at: 0, error: Object.assign(new Error('odd'), { name: 'Unheard' }) };
    expect(retry(refusal, 0)).toEqual({ for: 'another try, for AWS says Unheard: odd', until: 5_000 });
  });
});

test('a step that may be without effect has the same pauses, for AWS takes it each time', () => {
  const refusals = tried({ ...step('a'), tentative: true }, NONE, 0);
  expect(patient(plan(step('a')), refusals, 4_999).waiting).toEqual([
    { subject: 'a', for: 'another try, for the last one had no effect', until: 5_000 },
  ]);
});
