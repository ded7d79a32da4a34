import type { Condition, Plan, Step } from './reconcile/plan.ts';

/** A condition for people who know what it is about. */
export const sentence = ({ kind, message }: Condition) => (kind === 'waiting' ? `waits for ${message}` : message);

/** Why something is not as it should be: what stands in its way, what a person has to see to first; else what is about to be done. */
export function sentences(conditions: readonly Condition[], next: readonly Step[]): string[] {
  const isWaiting = ({ kind }: Condition) => kind === 'waiting';
  const all = [...conditions.filter((each) => !isWaiting(each)), ...conditions.filter(isWaiting)];
  if (all.length > 0) return all.map(sentence);
  return next.map(({ subject, says }) => `next: ${says.replace(`${subject}: `, '')}`);
}

export function told(conditions: readonly Condition[]): Pick<Plan<Step>, 'waiting' | 'refused'> {
  const notes = (some: readonly Condition[]) =>
    some.map(({ about, message, until, since, warn }) => ({
      subject: about.label,
      for: message,
      until,
      since,
      warn,
    }));
  return {
    waiting: notes(conditions.filter(({ kind }) => kind === 'waiting')),
    refused: notes(conditions.filter(({ kind }) => kind !== 'waiting')),
  };
}
