import type { Step } from '../reconcile/plan.ts';
import type { Why } from './world.ts';

/** One change. Those on several instances are one call to AWS. */
export type RoutersStep = Step &
  (
    | { kind: 'source-dest-check-off' | 'source-dest-check-on'; interfaceId: string }
    | { kind: 'note-check'; instanceId: string; interfaceIds: string[] }
    | { kind: 'forget-check'; instanceId: string }
    | { kind: 'seal-note'; instanceId: string; key: string; text: string }
    | ({ kind: 'install' } & Installation)
    | { kind: 'note-diverter'; instanceId: string; fingerprint: string; at: number }
    | { kind: 'register'; instanceIds: string[] }
    | { kind: 'deregister'; instanceIds: string[] }
    | { kind: 'heartbeat'; instanceId: string; group: string; hook: string }
    | { kind: 'end-hook'; instanceId: string; group: string; hook: string; result: 'CONTINUE' | 'ABANDON' }
    | { kind: 'claim-range'; instanceId: string; range: string }
    | { kind: 'release-range'; instanceId: string }
  );

/** Seconds that a command may wait for its agent: it must not outlive its link. */
export const DELIVERY_TIMEOUT = 600;
/** Seconds that the document gives it from then on: resources/install.yml. */
export const EXECUTION_TIMEOUT = 300;

export interface Installation {
  instances: { id: string; address: string }[];
  sha256: string;
  sources: string[];
  range: string | undefined;
  fingerprint: string;
  why: Why;
}

/** At most `size` in one: what AWS takes in one call. */
export function chunks<T>(items: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
