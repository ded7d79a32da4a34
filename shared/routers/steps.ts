import type { Reason } from '../conditions/condition.ts';
import type { Step } from '../reconcile/plan.ts';
import type { Wanted } from './router.ts';
import type { Install, Why } from './world.ts';

/** One change. Those on several instances are one call to AWS. */
export type RoutersStep = Step &
  (
    | { kind: 'source-dest-check-off' | 'source-dest-check-on'; interfaceId: string }
    | { kind: 'note-check'; instanceId: string; interfaceIds: string[] }
    | { kind: 'forget-check'; instanceId: string }
    | { kind: 'seal-note'; instanceId: string; key: string; text: string }
    | ({ kind: 'install' } & Installation)
    /** A diverter is noted by its command, or a target as having none yet. */
    | {
        kind: 'note-diverter';
        instanceId: string;
        fingerprint: string;
        at: number;
        context?: Pick<Install, 'commandId' | 'output'>;
      }
    | { kind: 'note-warning'; instanceId: string; text: string; at: number }
    | { kind: 'note-unhealthy'; instanceId: string; text: string; at: number }
    | { kind: 'forget-unhealthy'; instanceId: string }
    | { kind: 'register'; instanceIds: string[] }
    | { kind: 'deregister'; instanceIds: string[]; context: { leaving: { label: string; reason: Reason }[] } }
    | { kind: 'heartbeat'; instanceId: string; group: string; hook: string; context: { awaited: Reason } }
    | {
        kind: 'end-hook';
        instanceId: string;
        group: string;
        hook: string;
        result: 'CONTINUE' | 'ABANDON';
        context: HookContext;
      }
    | { kind: 'claim-range'; instanceId: string; range: string; context: { held: string | undefined } }
    | { kind: 'release-range'; instanceId: string; context: { held: string | undefined } }
  );

/** Notes of since when a target is unhealthy are for people alone. */
export const isForPeople = ({ kind }: Pick<RoutersStep, 'kind'>) =>
  kind === 'note-unhealthy' || kind === 'forget-unhealthy';

export type StepOf<Kind extends RoutersStep['kind']> = Extract<RoutersStep, { kind: Kind }>;

/** A hook gets its result since all is done, its launch is in vain, or it takes longer than `after` milliseconds. */
export type HookContext =
  | { why: 'done'; back: boolean }
  | { why: 'vain'; reason: Reason }
  | { why: 'late'; after: number; awaited: Reason };

/** Seconds that a command may wait for its agent: it must not outlive its link. */
export const DELIVERY_TIMEOUT = 600;
/** Seconds that the document gives it from then on: resources/install.yml. */
export const EXECUTION_TIMEOUT = 300;

export interface Installation extends Wanted {
  instances: { id: string; address: string }[];
  why: Why;
}

/** Items in chunks of at most `size`: AWS takes no more in one call. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** All that is answered to calls of at most `size` items each. */
export async function inChunks<T, Answer>(items: T[], size: number, ask: (some: T[]) => Promise<Answer[]>) {
  return (await Promise.all(chunks(items, size).map(ask))).flat();
}
