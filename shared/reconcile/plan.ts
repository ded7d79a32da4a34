import type { Condition } from '../conditions/condition.ts';
import type { Timed } from '../latency.ts';
import type { Ref } from '../ref.ts';

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

/** Part of a plan: what it would do, and what stands in its way. */
export interface Part<S> {
  steps: S[];
  conditions: Condition[];
}

export const joined = <S>(...parts: Partial<Part<S>>[]): Part<S> => ({
  steps: parts.flatMap(({ steps = [] }) => steps),
  conditions: parts.flatMap(({ conditions = [] }) => conditions),
});

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
