import { type Condition, isWaiting, type Step } from './reconcile/plan.ts';

export const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** A condition for people who know what it is about. */
export const sentence = (condition: Condition) =>
  isWaiting(condition) ? `waits for ${condition.message}` : condition.message;

/** As people read a time who are asked to look at one. */
export const minuteOf = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** The same, and since when, where AWS remembers. Things that are alike but for that are told one by one then. */
export const lasting = (condition: Condition) =>
  `${sentence(condition)}${condition.since === undefined ? '' : `, since ${minuteOf(condition.since)}`}`;

/** A condition for people who do not. */
export const aboutIt = (condition: Condition) =>
  `${condition.about.label}${isWaiting(condition) ? ' ' : ': '}${sentence(condition)}`;

/** A step's deed for people who do not know what it is about. */
export const labelled = ({ about }: Step, deed: string) => `${about.label}: ${deed}`;

/**
 * A subnet or router is not as it should be for these reasons: its conditions, those first that a person has to see to; else the next steps.
 * @param deed a step for people who know what it is about
 */
export function sentences<S extends Step>(
  conditions: readonly Condition[],
  next: readonly S[],
  deed: (step: S) => string,
): string[] {
  const all = [...conditions.filter((each) => !isWaiting(each)), ...conditions.filter(isWaiting)];
  if (all.length > 0) return all.map(sentence);
  return next.map((step) => `next: ${deed(step)}`);
}
