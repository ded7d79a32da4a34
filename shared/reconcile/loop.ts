import { type Condition, distinct, identity, isWaiting } from '../conditions/condition.ts';
import { idOf } from '../ref.ts';
import type { Failure, Plan, Step } from './plan.ts';

export interface Reconciler<World, S extends Step> {
  observe(): Promise<World>;
  /** Pure: what is wanted and what is there, to ordered steps. */
  plan(world: World): Plan<S>;
  act(step: S): Promise<unknown>;
}

export interface Timing {
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Milliseconds since the epoch after which no new look may begin: of Lambda's time the handler keeps a reserve. */
  deadline: number;
}

/** A pass reports each step and each condition while it runs. */
export interface Report<S extends Step> {
  acted(step: S): void;
  failed(step: S, error: unknown): void;
  waits(condition: Condition): void;
  refuses(condition: Condition): void;
}

export interface Outcome<S extends Step = Step> {
  /** True if the last look found nothing to do and nothing to wait for. */
  settled: boolean;
  /** Changing calls that succeeded. */
  changes: number;
  /** Steps of the last look that AWS refused, then or before. */
  failures: Failure<S>[];
  /** The last look waited for these, each named once. */
  waiting: Condition[];
  gauges: Readonly<Record<string, number>>;
  /** The same by VPC, where there are several. */
  gaugesOf: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** The last look began then, in milliseconds since the epoch: it has seen what an older hint tells. */
  lookedAt: number;
}

/** Between two looks that wait: an endpoint or an install takes minutes, a health check seconds. */
const WAIT_MS = 5_000;
/** After a change: AWS's reads trail its writes, and a look too soon would plan the same change again. */
const SETTLE_MS = 1_000;
/** AWS has no change on condition: what was seen longer ago than this may be another's by now, so it is looked at again. */
const FRESH_MS = 5_000;

/** Observes, plans and acts until nothing is left to do or to wait for, or the time is up. */
export async function reconcile<World, S extends Step>(
  { observe, plan, act }: Reconciler<World, S>,
  timing: Timing,
  report: Report<S>,
): Promise<Outcome<S>> {
  const said = new Set<string>();
  const once = (conditions: Condition[], tell: (condition: Condition) => void) => {
    for (const condition of conditions) {
      const key = identity(condition);
      if (!said.has(key)) tell(condition);
      said.add(key);
    }
  };
  let changes = 0;
  for (;;) {
    const lookedAt = timing.now();
    const { steps, conditions, gauges = {}, gaugesOf = new Map(), failures: held = [] } = plan(await observe());
    const waiting = conditions.filter(isWaiting);
    const refusals = conditions.filter((each) => !isWaiting(each));
    const seenAt = timing.now();
    const failures = [...held];
    once(refusals, report.refuses);
    for (const step of steps) {
      if (timing.now() - seenAt > FRESH_MS) break;
      // The rest of a chain would act on what its failed link did not do.
      if (failures.some((failure) => idOf(failure.step.about) === idOf(step.about))) continue;
      try {
        await act(step);
        changes += 1;
        report.acted(step);
      } catch (error) {
        failures.push({ step, error });
        report.failed(step, error);
      }
    }
    once(waiting, report.waits);
    const settled = steps.length === 0 && waiting.length === 0;
    const outcome = { settled, changes, failures, waiting: distinct(waiting), gauges, gaugesOf, lookedAt };
    if (settled) return outcome;
    const now = timing.now();
    const next = nextLook(steps.length, failures.length - held.length, waiting, now);
    if (next >= timing.deadline) return outcome;
    await timing.sleep(next - now);
  }
}

function nextLook(steps: number, failures: number, waiting: Condition[], now: number): number {
  if (failures > 0) return now + WAIT_MS;
  if (steps > 0) return now + SETTLE_MS;
  return Math.max(now + SETTLE_MS, Math.min(...waiting.map(({ until }) => until ?? now + WAIT_MS)));
}
