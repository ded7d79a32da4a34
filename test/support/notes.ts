import { type Condition, isWaiting, type Part } from '../../shared/reconcile/plan.ts';

/** Tests write a condition down so. */
export interface Note extends Partial<Pick<Condition, 'until' | 'since' | 'warn'>> {
  subject: string;
  for: string;
}

/** A plan says this of what is not as it should be. */
export interface Notes {
  waiting?: Note[];
  refused?: Note[];
}

/** A plan waits for these, and leaves those to a person. */
export function notesOf({ conditions }: Pick<Part<unknown>, 'conditions'>): Required<Notes> {
  const notes = (some: Condition[]) =>
    some.map(({ about, message, until, since, warn }) => ({ subject: about.label, for: message, until, since, warn }));
  return {
    waiting: notes(conditions.filter(isWaiting)),
    refused: notes(conditions.filter((each) => !isWaiting(each))),
  };
}

/** Conditions are made of notes, the other way round. */
export function conditionsOf({ waiting = [], refused = [] }: Notes): Condition[] {
  const of = (kind: Condition['kind']) => (note: Note) => {
    const { subject, for: message, ...rest } = note;
    return { about: { label: subject, ids: [subject] }, kind, message, ...rest };
  };
  return [...waiting.map(of('waiting')), ...refused.map(of('refused'))];
}
