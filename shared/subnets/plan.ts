import type { SubnetsConfig } from '../config.ts';
import type { Plan } from '../reconcile.ts';
import { readAskers } from './askers.ts';
import { planEndpointTags } from './endpoint-tags.ts';
import { planEndpoints, removeEndpoints } from './endpoints.ts';
import { planRoutes } from './routes.ts';
import { countStates, planStatus } from './status.ts';
import type { SubnetsStep } from './steps.ts';
import type { SubnetsWorld } from './world.ts';

/**
 * What would make the routes and endpoints of the VPC what its subnets' tags ask for. The order is AWS's: a route
 * needs an available endpoint, an endpoint can only go once no route leads to it.
 */
export function plan(world: SubnetsWorld, config: SubnetsConfig): Plan<SubnetsStep> {
  const result: Plan<SubnetsStep> = { steps: [], waiting: [], refused: [] };
  const askers = readAskers(world, config);
  const leaving = planEndpoints(world, askers, config, result);
  const blocked = planRoutes(world, askers, config, result);
  removeEndpoints(world, leaving, config, result);
  planEndpointTags(world, leaving, config, result);
  planStatus(world, askers, blocked, config, result);
  for (const { id, serviceName } of world.impostors)
    result.refused.push({
      subject: id,
      for: `it carries the tag ${config.stackTag.Key} of this stack, and belongs to ${serviceName}: it is left alone; take that tag away`,
    });
  for (const subject of world.unaccepted)
    result.refused.push({
      subject,
      for: `it is connected to ${config.serviceId} and waits for acceptance, and is no endpoint's but a transit gateway's: accept or reject its attachment, see docs/deploying.md`,
    });
  for (const { subject, problems } of askers) {
    for (const { kind, text, until, since } of problems) {
      const note = { subject, for: text, until, since };
      if (kind === 'waiting') result.waiting.push(note);
      else result.refused.push(note);
    }
  }
  return { ...result, gauges: { ...countStates(askers), Blocked: blocked.length } };
}
