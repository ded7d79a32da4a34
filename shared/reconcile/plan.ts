import type { Timed } from '../latency.ts';

/** One change, and the sentence that says it to a person. Steps of one subject depend on each other in their order. */
export interface Step {
  subject: string;
  says: string;
  /** How what it changes was, and how it is then, where that is more than there or not. */
  before?: string;
  after?: string;
  /** Whether AWS may take it and all stays as it was. */
  tentative?: boolean;
  /** Whether a person may have to see to it, though it goes on by itself: it is told as a warning. */
  warn?: boolean | undefined;
}

/** Members of steps that are words, or tell when one was planned. */
const PASSING = new Set(['says', 'before', 'after', 'tentative', 'warn', 'generation', 'value', 'note', 'at']);

/** Identity of a step from look to look: its kind and the ids of what it is done to, whatever is said of it and whenever. */
export const keyOf = (step: Step) => JSON.stringify(Object.entries(step).filter(([name]) => !PASSING.has(name)));

/** Ids that a step names, of what it is done to. */
export const idsOf = (step: Step): string[] =>
  Object.entries(step).flatMap(([name, value]) => (PASSING.has(name) || name === 'subject' ? [] : strings(value)));

function strings(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(strings);
  if (value && typeof value === 'object' && 'id' in value) return strings(value.id);
  return typeof value === 'string' ? [value] : [];
}

/** A thing in AWS: how people know it, and the ids it has there. */
export interface Ref {
  label: string;
  ids: readonly string[];
}

/** Something stands in the way of what is wanted. */
export interface Condition {
  about: Ref;
  /** `waiting` changes by itself, the others when a person changes something. */
  kind: 'waiting' | 'refused' | 'conflict' | 'blocked';
  /** The reason, without what it is about: what is waited for, or what is wrong and what to do. */
  message: string;
  /** When it can go on at the earliest, in milliseconds since the epoch; if not given, at any moment. */
  until?: number | undefined;
  /** When it began, in milliseconds since the epoch, if AWS remembers. */
  since?: number | undefined;
  /** Whether a person may have to see to it, though it goes on by itself: it is told as a warning. */
  warn?: boolean | undefined;
}

/** The same, of whatever it may be about. */
export type Reason = Omit<Condition, 'about'>;

/** Part of a plan: what it would do, and what stands in its way. */
export interface Part<S> {
  steps: S[];
  conditions: Condition[];
}

export const joined = <S>(...parts: Part<S>[]): Part<S> => ({
  steps: parts.flatMap(({ steps }) => steps),
  conditions: parts.flatMap(({ conditions }) => conditions),
});

/** A condition as the loop and the log take it. */
export interface Waiting extends Pick<Condition, 'until' | 'since'> {
  subject: string;
  for: string;
  /** As of a step. */
  warn?: boolean | undefined;
}

/** Of what no event tells and what may take long: left to the next minute's look. */
export const LATER = Number.POSITIVE_INFINITY;

export interface Failure {
  step: Step;
  error: unknown;
}

export interface Plan<S extends Step> {
  steps: S[];
  /** What is expected to change by itself: the loop stays and looks again, if that can be within its time. */
  waiting: Waiting[];
  /** What stays as it is until a person changes something: said, never waited for. */
  refused: Waiting[];
  /** How many there are of what a metric counts, by its name. */
  gauges?: Readonly<Record<string, number>>;
  /** What is on its way, and is timed. */
  timed?: Timed[];
  /** Steps that AWS refused before, and that are not tried again yet. */
  failures?: Failure[];
}

export const identity = (note: Waiting) => `${note.subject} ${note.for}`;

/** Several steps may wait for the same: a person is told of it once. */
export const distinct = (notes: Waiting[]) => [...new Map(notes.map((note) => [identity(note), note])).values()];
