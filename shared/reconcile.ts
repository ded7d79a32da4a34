import type { Journey } from './journeys.ts';

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
  grave?: boolean | undefined;
}

/** Members of steps that are words, or tell when one was planned. */
const PASSING = new Set(['says', 'before', 'after', 'tentative', 'grave', 'generation', 'value', 'note', 'at']);

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
      grave: warn,
    }));
  return {
    waiting: notes(conditions.filter(({ kind }) => kind === 'waiting')),
    refused: notes(conditions.filter(({ kind }) => kind !== 'waiting')),
  };
}

/** A condition as the loop and the log take it. */
export interface Waiting extends Pick<Condition, 'until' | 'since'> {
  subject: string;
  for: string;
  /** As of a step. */
  grave?: boolean | undefined;
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
  journeys?: Journey[];
  /** Steps that AWS refused before, and that are not tried again yet. */
  failures?: Failure[];
}

export interface Reconciler<World, S extends Step> {
  observe(): Promise<World>;
  /** Pure: what is wanted and what is there, to ordered steps. */
  plan(world: World): Plan<S>;
  act(step: S): Promise<void>;
}

export interface Pace {
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Milliseconds since the epoch after which no new look may begin. */
  deadline: number;
}

/** What a pass tells of itself while it runs. */
export interface Report<S extends Step> {
  acted(step: S): void;
  failed(step: S, error: unknown): void;
  waits(waiting: Waiting): void;
  refuses(refusal: Waiting): void;
}

export interface Outcome {
  /** True if the last look found nothing to do and nothing to wait for. */
  settled: boolean;
  /** Changing calls that succeeded. */
  changes: number;
  /** Steps of the last look that AWS refused, then or before. */
  failures: Failure[];
  /** What the last look waited for, each once. */
  waiting: Waiting[];
  gauges: Readonly<Record<string, number>>;
  /** When the last look began: a hint older than this was seen by it. */
  lookedAt: number;
}

/** Between two looks that wait: an endpoint or an install takes minutes, a health check seconds. */
const WAIT_MS = 5_000;
/** After a change: AWS's reads trail its writes, and a look too soon would plan the same change again. */
const SETTLE_MS = 1_000;
/** AWS has no change on condition: what was seen longer ago than this may be another's by now, so it is looked at again. */
const FRESH_MS = 5_000;

/** Observes, plans and acts until nothing is left to do or to wait for, or the time is up. */
export async function reconcile<World, S extends Step>(
  { observe, plan, act }: Reconciler<World, S>,
  pace: Pace,
  report: Report<S>,
): Promise<Outcome> {
  const said = new Set<string>();
  const once = (notes: Waiting[], tell: (note: Waiting) => void) => {
    for (const note of notes) {
      const key = identity(note);
      if (!said.has(key)) tell(note);
      said.add(key);
    }
  };
  let changes = 0;
  for (;;) {
    const lookedAt = pace.now();
    const { steps, waiting, refused, gauges = {}, failures: held = [] } = plan(await observe());
    const seenAt = pace.now();
    const failures = [...held];
    once(refused, report.refuses);
    for (const step of steps) {
      if (pace.now() - seenAt > FRESH_MS) break;
      // The rest of a chain would act on what its failed link did not do.
      if (failures.some((failure) => failure.step.subject === step.subject)) continue;
      try {
        await act(step);
        changes += 1;
        report.acted(step);
      } catch (error) {
        failures.push({ step, error });
        report.failed(step, error);
      }
    }
    once(waiting, report.waits);
    const settled = steps.length === 0 && waiting.length === 0;
    const outcome = { settled, changes, failures, waiting: distinct(waiting), gauges, lookedAt };
    if (settled) return outcome;
    const now = pace.now();
    const next = nextLook(steps.length, failures.length - held.length, waiting, now);
    if (next >= pace.deadline) return outcome;
    await pace.sleep(next - now);
  }
}

const identity = (note: Waiting) => `${note.subject} ${note.for}`;

/** Several steps may wait for the same: a person is told of it once. */
export const distinct = (notes: Waiting[]) => [...new Map(notes.map((note) => [identity(note), note])).values()];

function nextLook(steps: number, failures: number, waiting: Waiting[], now: number): number {
  if (failures > 0) return now + WAIT_MS;
  if (steps > 0) return now + SETTLE_MS;
  return Math.max(now + SETTLE_MS, Math.min(...waiting.map(({ until }) => until ?? now + WAIT_MS)));
}
