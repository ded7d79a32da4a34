import { type Condition, waiting } from '../conditions/condition.ts';
import { aboutId, idOf } from '../ref.ts';
import type { Plan, Step } from './plan.ts';

/** AWS's limit on an action: `size` calls at once, then `refill` a second. */
export interface Bucket {
  /** The action; where AWS has one bucket for several, as Elastic Load Balancing has, one of them. */
  name: string;
  size: number;
  refill: number;
}

/** Each bucket has tokens left, by its name. One that was never used is full. */
export type TokenLevels = ReadonlyMap<string, { tokens: number; at: number }>;

/** A bucket has so many tokens at `now`, in milliseconds since the epoch. */
export function tokens({ name, size, refill }: Bucket, levels: TokenLevels, now: number): number {
  const level = levels.get(name);
  if (!level) return size;
  return Math.min(size, level.tokens + (Math.max(0, now - level.at) / 1000) * refill);
}

/** The levels after a call at `at`. */
export function spend(bucket: Bucket, levels: TokenLevels, at: number): TokenLevels {
  return new Map(levels).set(bucket.name, { tokens: Math.max(0, tokens(bucket, levels, at) - 1), at });
}

/** The levels after AWS has said that the bucket is empty. */
export function empty(bucket: Bucket, levels: TokenLevels, at: number): TokenLevels {
  return new Map(levels).set(bucket.name, { tokens: 0, at });
}

/** Keeps of a plan what AWS will take now. The rest waits for its turn, and with it the steps that depend on it. */
export function limited<S extends Step>(
  plan: Plan<S>,
  bucketOf: (step: S) => Bucket,
  levels: TokenLevels,
  now: number,
): Plan<S> {
  const steps: S[] = [];
  const held = new Set<string>();
  const turns = new Map<string, Condition>();
  let left = levels;
  for (const step of plan.steps) {
    const bucket = bucketOf(step);
    const there = tokens(bucket, left, now);
    // Refills of less than a whole token add up in floating point.
    if (there > 1 - 1e-9 && !held.has(idOf(step.about))) {
      left = spend(bucket, left, now);
      steps.push(step);
      continue;
    }
    held.add(idOf(step.about));
    const until = now + Math.max(1, Math.ceil(((1 - there) / bucket.refill) * 1000));
    turns.set(bucket.name, turns.get(bucket.name) ?? turn(bucket, until));
  }
  return { ...plan, steps, conditions: [...plan.conditions, ...turns.values()] };
}

const turn = ({ name, size, refill }: Bucket, until: number) =>
  waiting(aboutId(name), { code: 'turn', size, refill }, until);
