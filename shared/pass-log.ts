import type { Logger } from '@aws-lambda-powertools/logger';
import { explain } from './aws/advice.ts';
import { type Call, isChange } from './aws/calls.ts';
import { code } from './aws/errors.ts';
import { type Condition, identity } from './conditions/condition.ts';
import { aboutIt, reasonText } from './conditions/sentences.ts';
import { errorFields } from './log.ts';
import type { Outcome, Report } from './reconcile/loop.ts';
import { keyOf, type Step } from './reconcile/plan.ts';
import { count } from './sentences.ts';

/** A pass tells of itself, and of the step that it has just done. */
export interface PassLog<S extends Step> extends Report<S> {
  /** The step that comes next is timed from now on. */
  begins(): void;
  /** The one line at the end of the pass that is written even if nothing was to do. */
  ends(outcome: Outcome): void;
}

/**
 * Tells passes to the log, a line a decision. What is waited for is told in each pass, with since when, as a warning only when
 * it is new; what is refused is told only then, for it may stay for weeks.
 * @param sentence tells a step to people
 * @param calls what was called so far in the pass
 */
export function createPassLog<S extends Step>(
  log: Logger,
  now: () => number,
  sentence: (step: S) => string,
  calls: readonly Call[],
): () => PassLog<S> {
  let waited = new Map<string, number>();
  let refused = new Set<string>();

  return function beginPass() {
    const began = now();
    const waits = new Map<string, number>();
    const refusals = new Set<string>();
    const failures = new Set<string>();
    let stepBegan = began;
    let earlier = 0;
    const stepFields = ({ context: _, warn: __, about, before, after, ...step }: S) => {
      const requestIds = calls
        .slice(earlier)
        .filter(isChange)
        .flatMap(({ requestId }) => requestId ?? []);
      return { subject: about.label, step, before, after, took: now() - stepBegan, requestIds };
    };

    return {
      begins() {
        stepBegan = now();
        earlier = calls.length;
      },
      acted: (step) => (step.warn ? log.warn : log.info).call(log, sentence(step), stepFields(step)),
      failed(step, error) {
        const text = `${sentence(step)}: did not succeed. ${explain(error)}`;
        // It is tried again every few seconds.
        const key = `${keyOf(step)} ${code(error)}`;
        const tell = failures.has(key) ? log.debug : log.error;
        failures.add(key);
        tell.call(log, text, { ...stepFields(step), error: errorFields(error) });
      },
      waits(condition) {
        const key = identity(condition);
        const { reason, until } = condition;
        const since = condition.since ?? waited.get(key) ?? now();
        waits.set(key, since);
        const fields = {
          ...fieldsOf(condition),
          waitsFor: reasonText(reason),
          since: iso(since),
          ...(until && Number.isFinite(until) && { until: iso(until) }),
        };
        const tell = condition.warn && !waited.has(key) ? log.warn : log.info;
        tell.call(log, aboutIt(condition, `${iso(since).slice(11, 19)} UTC`), fields);
      },
      refuses(condition) {
        const key = identity(condition);
        refusals.add(key);
        const tell = refused.has(key) ? log.debug : log.warn;
        tell.call(log, aboutIt(condition), { ...fieldsOf(condition), refused: reasonText(condition.reason) });
      },
      ends(outcome) {
        [waited, refused] = [waits, refusals];
        const { settled, changes, failures, waiting } = outcome;
        log.info(summary(outcome, refusals.size), {
          settled,
          changes,
          failures: failures.length,
          waiting: waiting.length,
          refused: refusals.size,
          took: now() - began,
        });
      },
    };
  };
}

const fieldsOf = ({ about, reason: { code } }: Condition) => ({ subject: about.label, code });

const iso = (ms: number) => new Date(ms).toISOString();

function summary({ settled, changes, failures, waiting }: Outcome, refused: number): string {
  const but = refused > 0 ? `, but for ${count(refused, 'thing')} that only a person can change` : '';
  if (settled)
    return changes === 0 ? `Everything is in order${but}` : `In order after ${count(changes, 'change')}${but}`;
  const left = [
    ...(failures.length > 0 ? [`${count(failures.length, 'step')} did not succeed`] : []),
    ...(waiting.length > 0 ? [`${count(waiting.length, 'thing')} waited for`] : []),
  ];
  return `Not done yet, after ${count(changes, 'change')}: ${left.join(', ') || 'AWS has not shown the last of them'}${but}`;
}
