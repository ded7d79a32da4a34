import { isThrottle } from '../aws/advice.ts';
import type { Plan, Step } from './plan.ts';
import { type Bucket, empty, limited, spend, type TokenLevels } from './rate-limit.ts';
import { type Attempts, afterTry, unexpired, withoutBackedOff } from './refused-steps.ts';

/** Steps have their turns by what AWS took and refused before. */
export interface Turns<S extends Step> {
  /** Steps that AWS refused within the last hour. */
  attempts(now: number): Attempts<S>;
  /** Keeps of a plan what is to be tried now. @param seen corrects the levels by what a look at AWS tells of them */
  keep(plan: Plan<S>, now: number, seen?: (levels: TokenLevels) => TokenLevels): Plan<S>;
  /** Does a step, and remembers how that went. `change` must not repeat a call by itself: what was refused is planned anew. */
  take(step: S, change: () => Promise<unknown>): Promise<void>;
}

export function createTurns<S extends Step>(bucketOf: (step: S) => Bucket, now: () => number): Turns<S> {
  let levels: TokenLevels = new Map();
  let attempts: Attempts<S> = new Map();

  return {
    attempts(at) {
      attempts = unexpired(attempts, at);
      return attempts;
    },

    keep: (plan, at, seen = (known) => known) =>
      limited(withoutBackedOff(plan, attempts, at), bucketOf, seen(levels), at),

    async take(step, change) {
      const bucket = bucketOf(step);
      try {
        await change();
        levels = spend(bucket, levels, now());
        attempts = afterTry(step, attempts, now());
      } catch (error) {
        levels = (isThrottle(error) ? empty : spend)(bucket, levels, now());
        attempts = afterTry(step, attempts, now(), error);
        throw error;
      }
    },
  };
}
