import { type Condition, refused } from '../conditions/condition.ts';
import type { HubConfig, SubnetsConfig } from '../config.ts';
import { joined, keyOf, type Plan } from '../reconcile/plan.ts';
import type { Attempts } from '../reconcile/refused-steps.ts';
import { aboutId } from '../ref.ts';
import { planAttachments } from './attachments.ts';
import { planConnections } from './connections.ts';
import { directRanges } from './direct.ts';
import { planEndpointTags } from './endpoint-tags.ts';
import { planEndpoints, removeEndpoints } from './endpoints.ts';
import { planMemory } from './memory.ts';
import { findOptedIn, type OptedInSubnet } from './opted-in.ts';
import { planRoutes } from './routes.ts';
import { planStatus } from './status-steps.ts';
import type { SubnetsStep } from './steps.ts';
import { countStates, type SubnetSummary, summariesOf, timedOf } from './summaries.ts';
import type { SubnetsLook, SubnetsWorld } from './world.ts';

export interface SubnetsPlan extends Plan<SubnetsStep> {
  summaries: SubnetSummary[];
}

/** VPC by VPC, each judged by itself: what AWS refuses in one stands in no other's way. */
export function planVpcs(
  { vpcs, missing, claims, attachments, spokes, refused: whole }: SubnetsLook,
  attempts: Attempts<SubnetsStep>,
  config: SubnetsConfig & Partial<Pick<HubConfig, 'spokeAccounts' | 'gatewayOwners'>>,
) {
  const plans = vpcs.map((world) => plan({ ...world, attempts }, config));
  const gone = missing.map((id) => refused(aboutId(id), { code: 'vpc-missing' }));
  const about = { label: config.stack, ids: [] };
  const theirs =
    'denied' in claims
      ? [refused(about, { code: 'claims-unread', message: claims.denied })]
      : claims.map(({ vpcId, stack }) => claimedBy(stack, vpcId, config));
  const service = joined(planConnections(spokes, config), planAttachments(attachments, config));
  const steps = [...service.steps, ...plans.flatMap((each) => each.steps)];
  const no = whole === undefined ? [] : [refused(about, whole)];
  return {
    // The service's zones are the same for all.
    steps: [...new Map(steps.map((step) => [keyOf(step), step])).values()],
    gauges: summed(plans.map(({ gauges = {} }) => gauges)),
    gaugesOf: new Map(vpcs.length > 1 ? vpcs.map(({ vpcId }, at) => [vpcId, plans[at]?.gauges ?? {}]) : []),
    timed: plans.flatMap(({ timed = [] }, at) => timed.map((each) => ({ ...each, vpcId: vpcs[at]?.vpcId }))),
    summaries: plans.flatMap(({ summaries }) => summaries),
    conditions: [...no, ...plans.flatMap(({ conditions }) => conditions), ...gone, ...theirs, ...service.conditions],
  } satisfies SubnetsPlan;
}

/** Among all VPCs those of another stack are none of this one's. Who has named one wants it served. */
function claimedBy(stack: string, vpcId: string, { clientVpcs, tagKey }: SubnetsConfig): Condition {
  const about = aboutId(vpcId);
  return clientVpcs === 'all'
    ? { ...refused(about, { code: 'vpc-claimed', stack, tagKey }), foreign: true }
    : refused(about, { code: 'named-vpc-claimed', stack, tagKey });
}

function summed(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = [...new Set(all.flatMap((each) => Object.keys(each)))];
  return Object.fromEntries(names.map((name) => [name, all.reduce((sum, each) => sum + (each[name] ?? 0), 0)]));
}

/**
 * A VPC's routes and endpoints become by these steps what its subnets' tags ask for. The order is AWS's: a route
 * needs an available endpoint, an endpoint can only go once no route leads to it.
 */
export function plan(world: SubnetsWorld, config: SubnetsConfig): SubnetsPlan {
  const ranges = directRanges(world);
  const optedInSubnets = findOptedIn(world, ranges, config);
  const endpoints = planEndpoints(world, optedInSubnets, config);
  const routes = planRoutes(world, optedInSubnets, endpoints.serving, ranges, config);
  const removals = removeEndpoints(world, endpoints.leaving, config);
  const tags = planEndpointTags(world, endpoints.leaving, config);
  const work = joined({ conditions: refusedSpecs(optedInSubnets) }, endpoints, routes, removals, { steps: tags });
  const summaries = summariesOf(world, optedInSubnets, endpoints.serving, routes, work);
  const memory = planMemory(world, optedInSubnets, endpoints.serving, routes, config);
  const status = planStatus(summaries, world, config);
  const theirs = new Set(optedInSubnets.map(({ about }) => about));
  const others = [...work.conditions, ...status.conditions, ...impostorsOf(world, config)].filter(
    ({ about }) => !theirs.has(about),
  );
  const ofOptedIn = summaries.flatMap((summary) => (summary.optedIn ? summary.conditions : []));
  return {
    // What is to be remembered goes first: by the end of a pass that is cut short nobody knows it.
    steps: [...memory, ...work.steps, ...status.steps],
    // Of a subnet that is opted in the worst first.
    conditions: [...others, ...ofOptedIn],
    gauges: { ...countStates(summaries), Blocked: routes.held.length },
    timed: timedOf(summaries),
    summaries,
  };
}

const refusedSpecs = (optedInSubnets: readonly OptedInSubnet[]) =>
  optedInSubnets.flatMap(({ about, spec }) => ('refused' in spec ? [refused(about, spec.refused)] : []));

/** Endpoints that carry our tag, though they are none of ours. */
const impostorsOf = ({ impostors }: SubnetsWorld, { stackTag }: SubnetsConfig) =>
  impostors.map(({ id, serviceName }) => refused(aboutId(id), { code: 'impostor', key: stackTag.Key, serviceName }));
