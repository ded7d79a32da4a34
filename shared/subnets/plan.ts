import type { HubConfig, SubnetsConfig } from '../config.ts';
import { type Condition, joined, keyOf, type Part, type Plan } from '../reconcile/plan.ts';
import type { Attempts } from '../reconcile/refused-steps.ts';
import { type Account, accountsOf, countStates, timedOf } from './accounts.ts';
import { planConnections } from './connections.ts';
import { planEndpointTags } from './endpoint-tags.ts';
import { planEndpoints, removeEndpoints } from './endpoints.ts';
import { planMemory } from './memory.ts';
import { findOptedIn, type OptedInSubnet } from './opted-in.ts';
import { planRoutes } from './routes.ts';
import { planStatus } from './status.ts';
import type { SubnetsStep } from './steps.ts';
import type { SubnetsLook, SubnetsWorld } from './world.ts';

export interface SubnetsPlan extends Plan<SubnetsStep> {
  accounts: Account[];
}

/** VPC by VPC, each judged by itself: what AWS refuses in one stands in no other's way. */
export function planVpcs(
  { vpcs, missing, spokes, refused }: SubnetsLook,
  attempts: Attempts<SubnetsStep>,
  config: SubnetsConfig & Partial<Pick<HubConfig, 'spokeAccounts'>>,
) {
  const plans = vpcs.map((world) => plan({ ...world, attempts }, config));
  const gone = missing.map(
    (id): Condition => ({
      about: { label: id, ids: [id] },
      kind: 'refused',
      message: 'AWS lists no such VPC in this account and region: take it out of clientVpcs',
    }),
  );
  const connections = planConnections(spokes, config);
  const steps = [...connections.steps, ...plans.flatMap((each) => each.steps)];
  const no: Condition[] =
    refused === undefined ? [] : [{ about: { label: config.stack, ids: [] }, kind: 'refused', message: refused }];
  return {
    // The service's zones are the same for all.
    steps: [...new Map(steps.map((step) => [keyOf(step), step])).values()],
    gauges: summed(plans.map(({ gauges = {} }) => gauges)),
    timed: plans.flatMap(({ timed = [] }) => timed),
    accounts: plans.flatMap(({ accounts }) => accounts),
    conditions: [...no, ...plans.flatMap(({ conditions }) => conditions), ...gone, ...connections.conditions],
  } satisfies SubnetsPlan;
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
  const optedInSubnets = findOptedIn(world, config);
  const endpoints = planEndpoints(world, optedInSubnets, config);
  const routes = planRoutes(world, optedInSubnets, endpoints.serving, config);
  const removals = removeEndpoints(world, endpoints.leaving, config);
  const tags = planEndpointTags(world, endpoints.leaving, config);
  const work = joined(refusedSpecs(optedInSubnets), endpoints, routes, removals, tags);
  const accounts = accountsOf(world, optedInSubnets, endpoints.serving, routes, work);
  const memory = planMemory(world, optedInSubnets, endpoints.serving, routes, config);
  const status = planStatus(accounts, world, config);
  const theirs = new Set(optedInSubnets.map(({ about }) => about));
  const others = joined(work, status, strangers(world, config)).conditions.filter(({ about }) => !theirs.has(about));
  const ofOptedIn = accounts.flatMap((account) => (account.optedIn ? account.conditions : []));
  return {
    // What is to be remembered goes first: by the end of a pass that is cut short nobody knows it.
    steps: [...memory, ...work.steps, ...status.steps],
    // Of a subnet that is opted in the worst first.
    conditions: [...others, ...ofOptedIn],
    gauges: { ...countStates(accounts), Blocked: routes.held.length },
    timed: timedOf(accounts),
    accounts,
  };
}

const refusedSpecs = (optedInSubnets: readonly OptedInSubnet[]): Part<SubnetsStep> => ({
  steps: [],
  conditions: optedInSubnets.flatMap(({ about, spec }): Condition[] =>
    'refused' in spec ? [{ about, kind: 'refused', message: spec.refused }] : [],
  ),
});

/** Endpoints that carry our tag, and connections that ask for our acceptance, though they are none of ours. */
function strangers({ impostors, unaccepted }: SubnetsWorld, { stackTag, serviceId }: SubnetsConfig): Part<SubnetsStep> {
  const refused = (id: string, message: string): Condition => ({
    about: { label: id, ids: [id] },
    kind: 'refused',
    message,
  });
  return {
    steps: [],
    conditions: [
      ...impostors.map(({ id, serviceName }) =>
        refused(
          id,
          `it carries the tag ${stackTag.Key} of this stack, and belongs to ${serviceName}: it is left alone; take that tag away`,
        ),
      ),
      ...unaccepted.map((id) =>
        refused(
          id,
          `it is connected to ${serviceId} and waits for acceptance, and is no endpoint's but a transit gateway's: accept or reject its attachment, see docs/deploying.md`,
        ),
      ),
    ],
  };
}
