import type { Plan, Step } from '../reconcile.ts';
import { isThrottle } from './advice.ts';
import { type Bucket, drain, type Levels, paced, spend } from './pace.ts';
import { patient, type Refusals, remembered, tried } from './patience.ts';

/** When each step of a reconciler has its turn, by what AWS took and refused before. */
export interface Turns<S extends Step> {
  /** What AWS refused within the last hour. */
  refusals(now: number): Refusals<S>;
  /** Keeps of a plan what is to be tried now. @param seen corrects the levels by what a look at AWS tells of them */
  keep(plan: Plan<S>, now: number, seen?: (levels: Levels) => Levels): Plan<S>;
  /** Does a step, and remembers how that went. `change` must not repeat a call by itself: what was refused is planned anew. */
  take(step: S, change: () => Promise<void>): Promise<void>;
}

export function createTurns<S extends Step>(bucketOf: (step: S) => Bucket, now: () => number): Turns<S> {
  let levels: Levels = new Map();
  let refusals: Refusals<S> = new Map();

  return {
    refusals(at) {
      refusals = remembered(refusals, at);
      return refusals;
    },

    keep: (plan, at, seen = (known) => known) => paced(patient(plan, refusals, at), bucketOf, seen(levels), at),

    async take(step, change) {
      const bucket = bucketOf(step);
      try {
        await change();
        levels = spend(bucket, levels, now());
        refusals = tried(step, refusals, now());
      } catch (error) {
        levels = (isThrottle(error) ? drain : spend)(bucket, levels, now());
        refusals = tried(step, refusals, now(), error);
        throw error;
      }
    },
  };
}
