import type { SubnetsConfig } from '../config.ts';
import { type Condition, joined, type Part, type Plan } from '../reconcile/plan.ts';
import { told } from '../sentences.ts';
import { type Account, accountsOf, countStates, timedOf } from './accounts.ts';
import { planEndpointTags } from './endpoint-tags.ts';
import { planEndpoints, removeEndpoints } from './endpoints.ts';
import { findOptedIn, type OptedInSubnet } from './opted-in.ts';
import { planRoutes } from './routes.ts';
import { planStatus } from './status.ts';
import type { SubnetsStep } from './steps.ts';
import type { SubnetsWorld } from './world.ts';

export interface SubnetsPlan extends Plan<SubnetsStep> {
  accounts: Account[];
  /** What stands in the way of anything but the subnets that are opted in: theirs are in their accounts. */
  conditions: Condition[];
}

/**
 * What would make the routes and endpoints of the VPC what its subnets' tags ask for. The order is AWS's: a route
 * needs an available endpoint, an endpoint can only go once no route leads to it.
 */
export function plan(world: SubnetsWorld, config: SubnetsConfig): SubnetsPlan {
  const optedInSubnets = findOptedIn(world, config);
  const endpoints = planEndpoints(world, optedInSubnets, config);
  const routes = planRoutes(world, optedInSubnets, endpoints.serving, config);
  const removals = removeEndpoints(world, endpoints.leaving, config);
  const tags = planEndpointTags(world, endpoints.leaving, config);
  const work = joined(attempts(optedInSubnets), endpoints, routes, removals, tags);
  const accounts = accountsOf(world, optedInSubnets, endpoints.serving, routes, work);
  const status = planStatus(accounts, world, config);
  const theirs = new Set(optedInSubnets.map(({ about }) => about));
  const conditions = joined(work, status, strangers(world, config)).conditions.filter(
    ({ about }) => !theirs.has(about),
  );
  const ofOptedIn = accounts.flatMap((account) => (account.optedIn ? account.conditions : []));
  return {
    steps: [...work.steps, ...status.steps],
    ...told([...conditions, ...ofOptedIn]),
    gauges: { ...countStates(accounts), Blocked: routes.held.length },
    timed: timedOf(accounts),
    accounts,
    conditions,
  };
}

const attempts = (optedInSubnets: readonly OptedInSubnet[]): Part<SubnetsStep> => ({
  steps: [],
  conditions: optedInSubnets.flatMap(({ about, spec }): Condition[] =>
    'refused' in spec ? [{ about, kind: 'refused', message: spec.refused }] : [],
  ),
});

/** What carries our tag, or asks for our acceptance, and is none of ours. */
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
