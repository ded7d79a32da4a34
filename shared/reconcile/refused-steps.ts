import { isThrottle } from '../aws/advice.ts';
import { factsOf } from '../aws/errors.ts';
import { LATER, type Obstacle, type Reason } from '../conditions/condition.ts';
import { idOf } from '../ref.ts';
import { keyOf, type Plan, type Step } from './plan.ts';

/** AWS refused a step so many times, one after the other. */
export interface Attempt<S extends Step = Step> {
  step: S;
  times: number;
  /** The time of the last try, in milliseconds since the epoch. */
  at: number;
  /** Undefined if AWS took the step and is not believed that it had an effect. */
  error: unknown;
}

/** Attempts stand under the keys of their steps, see `keyOf`. */
export type Attempts<S extends Step = Step> = ReadonlyMap<string, Attempt<S>>;

/** A step waits so long for its second try, twice as long after each, and never longer than the other. */
const FIRST_MS = 5_000;
const LONGEST_MS = 300_000;

/** A refusal that is older says nothing of the next try. */
const FORGOTTEN_MS = 3_600_000;
/** No pass sleeps for longer on account of this: it would not see what people tag meanwhile. */
const STAY_MS = 15_000;

export const retryAt = ({ times, at }: Pick<Attempt, 'times' | 'at'>) =>
  at + Math.min(LONGEST_MS, FIRST_MS * 2 ** (times - 1));

/** A step that AWS refused waits for another try. */
export function retry(attempt: Attempt, now: number): Obstacle & { reason: Reason<'another-try'> } {
  const { error } = attempt;
  const until = retryAt(attempt) - now > STAY_MS ? LATER : retryAt(attempt);
  const reason = { code: 'another-try', ...(error !== undefined && { error: factsOf(error) }) } as const;
  return { kind: 'waiting', reason, until };
}

/** A try that AWS refused is counted, one that succeeded is forgotten. A throttle counts for no step: it is the fault of all calls together. */
export function afterTry<S extends Step>(step: S, attempts: Attempts<S>, at: number, error?: unknown): Attempts<S> {
  if (isThrottle(error)) return attempts;
  const next = new Map(attempts);
  const key = keyOf(step);
  if (error === undefined && !step.tentative) next.delete(key);
  else next.set(key, { times: (attempts.get(key)?.times ?? 0) + 1, at, error, step });
  return next;
}

export function unexpired<S extends Step>(attempts: Attempts<S>, now: number): Attempts<S> {
  return new Map([...attempts].filter(([, { at }]) => now - at < FORGOTTEN_MS));
}

/**
 * Keeps of a plan what is to be tried now. What AWS refused before comes last: it must take no other's turn.
 * @param throttled keys of the steps that a throttle befell last
 */
export function withoutBackedOff<S extends Step>(
  plan: Plan<S>,
  attempts: Attempts<S>,
  now: number,
  throttled: ReadonlySet<string> = new Set(),
): Plan<S> {
  const held = plan.steps.flatMap((step) => {
    const attempt = attempts.get(keyOf(step));
    return attempt && retryAt(attempt) > now ? [{ step, attempt }] : [];
  });
  const things = (steps: readonly S[]) => new Set(steps.map(({ about }) => idOf(about)));
  const later = things(held.map(({ step }) => step));
  const last = things(plan.steps.filter((step) => attempts.has(keyOf(step)) || throttled.has(keyOf(step))));
  const isLast = ({ about }: S) => Number(last.has(idOf(about)));
  return {
    ...plan,
    steps: plan.steps.filter(({ about }) => !later.has(idOf(about))).toSorted((a, b) => isLast(a) - isLast(b)),
    conditions: [
      ...plan.conditions,
      ...held.map(({ step, attempt }) => ({ about: step.about, ...retry(attempt, now) })),
    ],
    // One that was taken and has no effect yet was not refused.
    failures: held.flatMap(({ step, attempt: { error } }) => (error === undefined ? [] : [{ step, error }])),
  };
}
