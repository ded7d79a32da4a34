import { describe, expect, test } from '@jest/globals';
import { LATER } from '../../../shared/conditions/condition.ts';
import { keyOf, type Step } from '../../../shared/reconcile/plan.ts';
import {
  type Attempts,
  afterTry,
  retry,
  retryAt,
  unexpired,
  withoutBackedOff,
} from '../../../shared/reconcile/refused-steps.ts';
import { notesOf } from '../../support/notes.ts';

type Named = Step & { id: string };
const step = (label: string, id = label): Named => ({ about: { label, ids: [label] }, id });
const plan = (...steps: Named[]) => ({ steps, conditions: [] });
const error = Object.assign(new Error('no.'), { name: 'InsufficientFreeAddressesInSubnet' });
const NONE: Attempts<Named> = new Map();
const names = (steps: Named[]) => steps.map(({ id }) => id);

/** AWS refuses so many tries, before which there are these pauses, in seconds. */
function pauses(tries: number): number[] {
  let attempts = NONE;
  let now = 0;
  return Array.from({ length: tries }, () => {
    attempts = afterTry(step('a'), attempts, now, error);
    const [refusal = { step: step('a'), times: 0, at: 0, error }] = attempts.values();
    const pause = retryAt(refusal) - now;
    now += pause;
    return pause / 1000;
  });
}

test('a step is known again whatever is said of it', () => {
  const attempts = afterTry(step('a'), NONE, 0, error);
  const renamed = {
    ...step('a'),
    about: { label: 'another name', ids: ['a'] },
    context: { why: 'for another reason' },
  };
  expect(withoutBackedOff(plan(renamed), attempts, 0).failures).toEqual([{ step: renamed, error }]);
});

test('things depend on nothing of another that has the same name', () => {
  const endpoints = (...ids: string[]) => ({ about: { label: 'endpoints', ids }, id: ids.join() });
  const attempts = afterTry(endpoints('a'), NONE, 0, error);
  expect(names(withoutBackedOff(plan(endpoints('a'), endpoints('b')), attempts, 0).steps)).toEqual(['b']);
});

describe('a step that AWS refuses', () => {
  test('is tried again after pauses that grow', () => {
    expect(pauses(9)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test('is left out until then with what depends on it, counts as a failure, and is waited for', () => {
    const attempts = afterTry(step('a', 'a2'), NONE, 0, error);
    const { steps, failures, conditions } = withoutBackedOff(
      plan(step('a', 'a1'), step('a', 'a2'), step('b')),
      attempts,
      4_999,
    );
    expect(names(steps)).toEqual(['b']);
    expect(failures).toEqual([{ step: step('a', 'a2'), error }]);
    expect(notesOf({ conditions }).waiting).toEqual([
      { subject: 'a', until: 5_000, for: expect.stringContaining('free one, or name other') },
    ]);
  });

  test('takes no other’s turn where AWS throttled it, and counts as no failure', () => {
    const one = plan(step('a', 'a1'), step('a', 'a2'), step('b'));
    const { steps, failures } = withoutBackedOff(one, NONE, 0, new Set([keyOf(step('a', 'a1'))]));
    expect([names(steps), failures]).toEqual([['b', 'a1', 'a2'], []]);
  });

  test('is left to the next minute’s look once its pauses are long', () => {
    const untilOf = (times: number) => retry({ step: step('a'), times, at: 0, error }, 0).until;
    expect([untilOf(2), untilOf(3)]).toEqual([10_000, LATER]);
  });

  test('comes last then, in its own order', () => {
    const attempts = afterTry(step('a', 'a2'), NONE, 0, error);
    const { steps, failures } = withoutBackedOff(plan(step('a', 'a1'), step('a', 'a2'), step('b')), attempts, 5_000);
    expect([names(steps), failures]).toEqual([['b', 'a1', 'a2'], []]);
  });

  test('is forgotten once it succeeds, and after an hour, and is nothing while it is not wanted', () => {
    const attempts = afterTry(step('a'), NONE, 0, error);
    expect(afterTry(step('a'), attempts, 0)).toEqual(NONE);
    expect([unexpired(attempts, 3_599_999), unexpired(attempts, 3_600_000)]).toEqual([attempts, NONE]);
    expect(withoutBackedOff(plan(step('b')), attempts, 0)).toEqual({ ...plan(step('b')), failures: [] });
  });

  test('for there were too many calls has no other pause than all of its kind', () => {
    expect(afterTry(step('a'), NONE, 0, Object.assign(new Error(), { name: 'RequestLimitExceeded' }))).toBe(NONE);
  });

  test('says AWS’s words where nobody knows what to do', () => {
    const attempt = { step: step('a'), times: 1, at: 0, error: Object.assign(new Error('odd'), { name: 'Unheard' }) };
    expect(retry(attempt, 0)).toEqual({
      kind: 'waiting',
      reason: { code: 'another-try', error: { name: 'Unheard', message: 'odd' } },
      until: 5_000,
    });
  });
});

test('a step that may be without effect has the same pauses, for AWS takes it each time', () => {
  const attempts = afterTry({ ...step('a'), tentative: true }, NONE, 0);
  expect(notesOf(withoutBackedOff(plan(step('a')), attempts, 4_999)).waiting).toEqual([
    { subject: 'a', for: 'another try, for the last one had no effect', until: 5_000 },
  ]);
});
