import { type Condition, isWaiting, type Part } from '../../shared/reconcile/plan.ts';

/** A condition as tests write it down. */
export interface Note extends Partial<Pick<Condition, 'until' | 'since' | 'warn'>> {
  subject: string;
  for: string;
}

/** What a plan says of what is not as it should be. */
export interface Notes {
  waiting?: Note[];
  refused?: Note[];
}

/** What a plan waits for, and what it leaves to a person. */
export function notesOf({ conditions }: Pick<Part<unknown>, 'conditions'>): Required<Notes> {
  const notes = (some: Condition[]) =>
    some.map(({ about, message, until, since, warn }) => ({ subject: about.label, for: message, until, since, warn }));
  return {
    waiting: notes(conditions.filter(isWaiting)),
    refused: notes(conditions.filter((each) => !isWaiting(each))),
  };
}

/** The other way round. */
export function conditionsOf({ waiting = [], refused = [] }: Notes): Condition[] {
  const of = (kind: Condition['kind']) => (note: Note) => {
    const { subject, for: message, ...rest } = note;
    return { about: { label: subject, ids: [subject] }, kind, message, ...rest };
  };
  return [...waiting.map(of('waiting')), ...refused.map(of('refused'))];
}
