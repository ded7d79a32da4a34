import type { Logger } from '@aws-lambda-powertools/logger';
import { explain } from './aws/advice.ts';
import { type Call, isChange } from './aws/calls.ts';
import { code } from './aws/errors.ts';
import { errorFields } from './log.ts';
import type { Outcome, Report } from './reconcile/loop.ts';
import { keyOf, type Step, type Waiting } from './reconcile/plan.ts';

/** What a pass tells of itself, and of the step that it has just done. */
export interface PassLog<S extends Step> extends Report<S> {
  /** Before each step. */
  begins(): void;
  /** At the end of the pass: the one line that is written even if nothing was to do. */
  ends(outcome: Outcome): void;
}

/**
 * Tells passes to the log, a line a decision. What is waited for is told in each pass, with since when, as a warning only when
 * it is new; what is refused is told only then, for it may stay for weeks.
 * @param calls what was called so far in the pass
 */
export function createPassLog(log: Logger, now: () => number, calls: readonly Call[]): () => PassLog<Step> {
  let waited = new Map<string, number>();
  let refused = new Set<string>();
  const key = (note: Waiting) => `${note.subject} ${note.for}`;

  return function beginPass() {
    const began = now();
    const waits = new Map<string, number>();
    const refusals = new Set<string>();
    const failures = new Set<string>();
    let stepBegan = began;
    let earlier = 0;
    const stepFields = ({ says: _, warn: __, subject, before, after, ...step }: Step) => {
      const requestIds = calls
        .slice(earlier)
        .filter(isChange)
        .flatMap(({ requestId }) => requestId ?? []);
      return { subject, step, before, after, took: now() - stepBegan, requestIds };
    };

    return {
      begins() {
        stepBegan = now();
        earlier = calls.length;
      },
      acted: (step) => (step.warn ? log.warn : log.info).call(log, step.says, stepFields(step)),
      failed(step, error) {
        const text = `${step.says}: did not succeed. ${explain(error)}`;
        // It is tried again every few seconds.
        const key = `${keyOf(step)} ${code(error)}`;
        const tell = failures.has(key) ? log.debug : log.error;
        failures.add(key);
        tell.call(log, text, { ...stepFields(step), error: errorFields(error) });
      },
      waits(waiting) {
        const since = waiting.since ?? waited.get(key(waiting)) ?? now();
        waits.set(key(waiting), since);
        const { subject, until } = waiting;
        const waitsFor = {
          subject,
          waitsFor: waiting.for,
          since: iso(since),
          ...(until && Number.isFinite(until) && { until: iso(until) }),
        };
        const tell = waiting.warn && !waited.has(key(waiting)) ? log.warn : log.info;
        tell.call(log, `${subject} waits for ${waiting.for}, since ${iso(since).slice(11, 19)} UTC`, waitsFor);
      },
      refuses(refusal) {
        refusals.add(key(refusal));
        const tell = refused.has(key(refusal)) ? log.debug : log.warn;
        tell.call(log, `${refusal.subject}: ${refusal.for}`, { subject: refusal.subject, refused: refusal.for });
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

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
