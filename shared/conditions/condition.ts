import { advice } from '../aws/advice.ts';
import type { Ref } from '../ref.ts';
import type { COMMON } from './common.ts';
import type { ROUTERS } from './routers.ts';
import type { SUBNETS } from './subnets.ts';
import type { ReasonOf } from './words.ts';

type AnyReason = ReasonOf<typeof COMMON> | ReasonOf<typeof SUBNETS> | ReasonOf<typeof ROUTERS>;

/** What is waited for, or what is wrong, in facts: the row of its code in a table beside this has the words. */
export type Reason<Code extends AnyReason['code'] = AnyReason['code']> = Extract<AnyReason, { code: Code }>;

/** Something stands in the way of what is wanted. */
export interface Condition extends Obstacle {
  about: Ref;
}

/** The same, of whatever it may be about. */
export interface Obstacle {
  /** `waiting` changes by itself, the others when a person changes something. */
  kind: 'waiting' | 'refused' | 'conflict' | 'blocked';
  reason: Reason;
  /** It can go on then at the earliest, in milliseconds since the epoch; if not given, at any moment. */
  until?: number | undefined;
  /** It began then, in milliseconds since the epoch, if AWS remembers. */
  since?: number | undefined;
  /** A person may have to see to it, though it goes on by itself: the log warns. */
  warn?: boolean | undefined;
  /** It is another's affair, an account's that nobody has named or another stack's: nothing of the stack's own waits for that. */
  foreign?: boolean | undefined;
}

/** Use as `until` when no event announces the change: the loop does not wait, the next scheduled run looks again. */
export const LATER = Number.POSITIVE_INFINITY;

export const waiting = (about: Ref, reason: Reason, until?: number): Condition => ({
  ...{ about, kind: 'waiting', reason },
  ...(until !== undefined && { until }),
});
export const refused = (about: Ref, reason: Reason): Condition => ({ about, kind: 'refused', reason });

export const isWaiting = ({ kind }: Pick<Condition, 'kind'>) => kind === 'waiting';

/** Facts that change while a reason stays the same: times, and AWS's words beside a code of its own. */
const PASSING = ['since', 'toldAt', 'heardAt', 'message'];

/** AWS has one code for several things: what can be done tells them apart. */
const fact = (name: string, value: unknown) => {
  if (PASSING.includes(name)) return undefined;
  return name === 'error' && value instanceof Object ? { ...value, ...advice(value) } : value;
};

/** Identity of a condition, for the people who are told of it once. */
export const identity = ({ about, reason }: Condition) => JSON.stringify([about.ids, reason], fact);

/** Several steps may wait for the same: a person is told of it once. */
export const distinct = (conditions: readonly Condition[]) => [
  ...new Map(conditions.map((condition) => [identity(condition), condition])).values(),
];
