import type { Tag } from '@aws-sdk/client-ec2';
import { tag } from './aws/read.ts';
import { isWaiting, LATER, waiting } from './conditions/condition.ts';
import { formatNote, readNote } from './note.ts';
import type { Part, Plan, Step } from './reconcile/plan.ts';

/** A person has said that a stack is to change nothing, by a tag of its VPC; of any of its VPCs, where the routers are another account's. */
export interface Pause {
  /** In milliseconds since the epoch; undefined if somebody has written the tag by hand. */
  since?: number | undefined;
  /** In that person's words; empty if there are none. */
  why: string;
}

export const formatPause = (why: string, at: number) => formatNote({ text: why, at }).trimStart();

/** @param tags of the VPC */
export function readPause(tags: Tag[] | undefined, { pauseKey }: { pauseKey: string }): Pause | undefined {
  const value = tag(tags, pauseKey);
  if (value === undefined) return undefined;
  const note = readNote(` ${value}`);
  return note ? { since: note.at, why: note.text.trim() } : { since: undefined, why: value };
}

/** Any one of a stack's VPCs pauses it by its tag; of several the one that did so first is told. */
export function pauseOf(
  vpcs: readonly { Tags?: Tag[] | undefined }[],
  config: { pauseKey: string },
): Pause | undefined {
  const all = vpcs.flatMap(({ Tags }) => readPause(Tags, config) ?? []);
  return all.toSorted((a, b) => (a.since ?? 0) - (b.since ?? 0))[0];
}

/** Gauges of what stays as it is only because nothing is changed: without them no alarm calls a person for a person's own doing. */
const STALLED = ['Waiting', 'JoiningRouters', 'OutdatedRouters'];

/**
 * A paused stack's plan: nothing, but for what keeps things as they are.
 * @param keeping steps that do, and what has to be looked at again for that
 */
export function paused<S extends Step>(
  plan: Plan<S>,
  pause: Pause,
  { stack, vpcId }: { stack: string; vpcId: string },
  keeping: Part<S> = { steps: [], conditions: [] },
): Plan<S> {
  const idle = plan.steps.every((step) => keeping.steps.includes(step));
  const reason = { code: 'paused', ...pause, idle } as const;
  const wait = { ...waiting({ label: stack, ids: [vpcId] }, reason, LATER), warn: true };
  return {
    ...plan,
    steps: keeping.steps,
    conditions: [wait, ...keeping.conditions, ...plan.conditions.filter((each) => !isWaiting(each))],
    gauges: Object.fromEntries(Object.entries(plan.gauges ?? {}).filter(([name]) => !STALLED.includes(name))),
  };
}
