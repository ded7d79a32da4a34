import { isThrottle } from '../aws/advice.ts';
import { keyOf, type Plan, type Step } from './plan.ts';
import { type Bucket, empty, limited, spend, type TokenLevels } from './rate-limit.ts';
import { type Attempts, afterTry, unexpired, withoutBackedOff } from './refused-steps.ts';

/** Steps have their turns by what AWS took and refused before. */
export function createTurns<S extends Step>(bucketOf: (step: S) => Bucket, now: () => number) {
  let levels: TokenLevels = new Map();
  let attempts: Attempts<S> = new Map();
  const throttled = new Set<string>();

  return {
    /** Steps that AWS refused within the last hour. */
    attempts(at: number): Attempts<S> {
      attempts = unexpired(attempts, at);
      return attempts;
    },

    /** Keeps of a plan what is to be tried now. @param seen corrects the levels by what a look at AWS tells of them */
    keep: (plan: Plan<S>, at: number, seen = (known: TokenLevels) => known): Plan<S> =>
      limited(withoutBackedOff(plan, attempts, at, throttled), bucketOf, seen(levels), at),

    /** Does a step, and remembers how that went. `change` must not repeat a call by itself: what was refused is planned anew. */
    async take(step: S, change: () => Promise<unknown>): Promise<void> {
      const ended = (error?: unknown) => {
        const isThrottled = isThrottle(error);
        levels = (isThrottled ? empty : spend)(bucketOf(step), levels, now());
        attempts = afterTry(step, attempts, now(), error);
        if (isThrottled) throttled.add(keyOf(step));
        else throttled.delete(keyOf(step));
      };
      try {
        await change();
      } catch (error) {
        ended(error);
        throw error;
      }
      ended();
    },
  };
}
