import { type Condition, isWaiting, type Reason } from '../../shared/conditions/condition.ts';
import { reasonText } from '../../shared/conditions/sentences.ts';
import type { Part } from '../../shared/reconcile/plan.ts';

/** Tests read a condition so. */
interface Note extends Partial<Pick<Condition, 'until' | 'since' | 'warn'>> {
  subject: string;
  for: string;
}

/** A plan waits for these, and leaves those to a person. */
export function notesOf({ conditions }: Pick<Part<unknown>, 'conditions'>): { waiting: Note[]; refused: Note[] } {
  const notes = (some: Condition[]) =>
    some.map(({ about, reason, until, since, warn }) => ({
      ...{ subject: about.label, for: reasonText(reason) },
      ...{ until, since, warn },
    }));
  return {
    waiting: notes(conditions.filter(isWaiting)),
    refused: notes(conditions.filter((each) => !isWaiting(each))),
  };
}

/** A condition as tests write it down, where it matters little for what reason. */
export interface Given extends Partial<Omit<Condition, 'about' | 'kind'>> {
  subject: string;
}

export interface Givens {
  waiting?: Given[];
  refused?: Given[];
}

const SOME: Reason = { code: 'healthy-router' };

export function conditionsOf({ waiting = [], refused = [] }: Givens): Condition[] {
  const of = (kind: Condition['kind'], all: Given[]) =>
    all.map(({ subject, reason = SOME, ...rest }) => {
      return { about: { label: subject, ids: [subject] }, kind, reason, ...rest };
    });
  return [...of('waiting', waiting), ...of('refused', refused)];
}
