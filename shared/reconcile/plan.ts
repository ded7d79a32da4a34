import type { Timed } from '../latency.ts';

/** A thing in AWS: how people know it, and the ids it has there. */
export interface Ref {
  label: string;
  ids: readonly string[];
}

/** A thing that people know by its id alone. */
export const aboutId = (id: string): Ref => ({ label: id, ids: [id] });

/** One change, in facts: `sentences.ts` of its domain tells it to people. Steps about one thing depend on each other in their order. */
export interface Step {
  /** The thing that it changes. */
  about: Ref;
  /** Its state before and after, where that is more than there or not. */
  before?: string;
  after?: string;
  /** AWS may take the call, and all stays as it was. */
  tentative?: boolean;
  /** A person may have to see to it, though it goes on by itself: the log warns. */
  warn?: boolean | undefined;
  /** Facts that its sentence tells besides, and that its call to AWS does not need. */
  context?: object | undefined;
}

/** Members of steps that say why, or tell when one was planned. */
const PASSING = ['about', 'context', 'before', 'after', 'tentative', 'warn', 'generation', 'value', 'note', 'at'];

/** Identity of a step from look to look: its kind and the ids of what it is done to, whatever is said of it and whenever. */
export const keyOf = (step: Step) =>
  JSON.stringify([step.about.ids, ...Object.entries(step).filter(([name]) => !PASSING.includes(name))]);

/** Something stands in the way of what is wanted. */
export interface Condition {
  about: Ref;
  /** `waiting` changes by itself, the others when a person changes something. */
  kind: 'waiting' | 'refused' | 'conflict' | 'blocked';
  /** The reason, without what it is about: what is waited for, or what is wrong and what to do. */
  message: string;
  /** AWS's own word for the reason, which the message has, e.g. `Target.Timeout`. */
  code?: string | undefined;
  /** It can go on then at the earliest, in milliseconds since the epoch; if not given, at any moment. */
  until?: number | undefined;
  /** It began then, in milliseconds since the epoch, if AWS remembers. */
  since?: number | undefined;
  /** A person may have to see to it, though it goes on by itself: the log warns. */
  warn?: boolean | undefined;
  /** It is another's affair, an account's that nobody has named or another stack's: nothing of the stack's own waits for that. */
  foreign?: boolean | undefined;
}

/** The same, of whatever it may be about. */
export type Reason = Omit<Condition, 'about'>;

export const waiting = (about: Ref, message: string, until?: number): Condition => ({
  ...{ about, kind: 'waiting', message },
  ...(until !== undefined && { until }),
});
export const refused = (about: Ref, message: string): Condition => ({ about, kind: 'refused', message });

export const isWaiting = ({ kind }: Pick<Condition, 'kind'>) => kind === 'waiting';

/** Identity of a condition, for the people who are told of it once. */
export const identity = ({ about, message }: Condition) => `${about.label} ${message}`;

/** Several steps may wait for the same: a person is told of it once. */
export const distinct = (conditions: readonly Condition[]) => [
  ...new Map(conditions.map((condition) => [identity(condition), condition])).values(),
];

/** Part of a plan: what it would do, and what stands in its way. */
export interface Part<S> {
  steps: S[];
  conditions: Condition[];
}

export const joined = <S>(...parts: Partial<Part<S>>[]): Part<S> => ({
  steps: parts.flatMap(({ steps = [] }) => steps),
  conditions: parts.flatMap(({ conditions = [] }) => conditions),
});

/** Use as `until` when no event announces the change: the loop does not wait, the next scheduled run looks again. */
export const LATER = Number.POSITIVE_INFINITY;

export interface Failure<S extends Step = Step> {
  step: S;
  error: unknown;
}

/** A plan's steps are what the loop does. It stays for conditions that wait, if they can end within its time, and only tells the others. */
export interface Plan<S extends Step> extends Part<S> {
  /** Counts for metrics, by their names. */
  gauges?: Readonly<Record<string, number>>;
  /** The same by VPC, where there are several. */
  gaugesOf?: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Subnets or routers whose way is timed. */
  timed?: Timed[];
  /** Steps that AWS refused before, and that are not tried again yet. */
  failures?: Failure<S>[];
}
