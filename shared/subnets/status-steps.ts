import { code } from '../aws/errors.ts';
import { TAGS_AT_MOST } from '../aws/read.ts';
import { refused } from '../conditions/condition.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Part } from '../reconcile/plan.ts';
import { tagValue } from './status-text.ts';
import type { SubnetsStep } from './steps.ts';
import type { SubnetSummary } from './summaries.ts';
import { label, type Subnet, type SubnetsWorld } from './world.ts';

/**
 * A subnet's status tag says how its spec stands, to the person who tagged it. A call for all that stand alike; for each alone of those
 * of whom one that AWS did not name had such a call refused.
 */
export function planStatus(
  summaries: readonly SubnetSummary[],
  world: SubnetsWorld,
  { statusKey }: SubnetsConfig,
): Part<SubnetsStep> {
  const changed = summaries.filter(
    ({ subnet, status }) => subnet.status !== status && subnet.status !== (status && tagValue(status)),
  );
  const full = changed.filter(({ subnet, status }) => status !== undefined && isFull(subnet, world));
  const suspects = new Set(callsRefused(world).flat());
  const able = changed.filter((each) => !full.includes(each));
  const steps = [...Map.groupBy(able, ({ status }) => status)].flatMap(([text, entries]) => {
    const together = entries.filter(({ subnet }) => !suspects.has(subnet.id));
    const alone = entries.filter(({ subnet }) => suspects.has(subnet.id)).map((each) => [each]);
    return (together.length > 0 ? [together, ...alone] : alone).map((some) => statusStep(text, some, statusKey));
  });
  return {
    steps,
    conditions: full.map(({ subnet }) =>
      refused(
        // Not of the subnet: that is as it should be, and has no room to say so.
        { label: statusKey, ids: [] },
        { code: 'no-room-for-status', subnet: label(subnet), most: TAGS_AT_MOST },
      ),
    ),
  };
}

function statusStep(text: string | undefined, summaries: readonly SubnetSummary[], statusKey: string): SubnetsStep {
  const subnetIds = summaries.map(({ subnet }) => subnet.id);
  const subnets = summaries.map(({ subnet }) => label(subnet)).join(', ');
  const about = { label: `the status of ${subnets}`, ids: [...subnetIds, statusKey] };
  return text === undefined
    ? { kind: 'clear-status', subnetIds, about, context: { subnets } }
    : { kind: 'set-status', subnetIds, status: tagValue(text), about, context: { subnets, text } };
}

/** A subnet has no room for a status by its tags, or by AWS's word alone. */
function isFull({ id, status, tagCount }: Subnet, world: SubnetsWorld): boolean {
  if (status !== undefined) return false;
  return tagCount >= TAGS_AT_MOST || callsRefused(world, 'TagLimitExceeded').some((ids) => String(ids) === id);
}

/** The subnets of each call for a status that AWS refused. */
function callsRefused({ attempts }: SubnetsWorld, by?: string): string[][] {
  return [...attempts.values()].flatMap(({ step, error }) =>
    'subnetIds' in step && (by === undefined || code(error) === by) ? [step.subnetIds] : [],
  );
}
