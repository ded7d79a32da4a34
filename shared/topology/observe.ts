import type { RoutersConfig, SubnetsConfig } from '../config.ts';
import { observe as observeRouters, type Reads as RoutersReads } from '../routers/observe.ts';
import { plan as planRouters } from '../routers/plan.ts';
import { observe as observeSubnets } from '../subnets/observe.ts';
import { plan as planSubnets } from '../subnets/plan.ts';
import type { Look } from './model.ts';

/** Looks at what the two reconcilers look at, and plans what they would do. Changes nothing. @param now milliseconds since the epoch */
export async function look(
  clients: RoutersReads,
  config: { subnets: SubnetsConfig; routers: RoutersConfig },
  now: number,
) {
  const [subnets, routers] = await Promise.all([
    observeSubnets(clients, config.subnets, now),
    observeRouters(clients, config.routers, now),
  ]);
  const { vpcId, tagKey, loadBalancerArn } = config.routers;
  const [, partition = '', , region = ''] = loadBalancerArn.split(':');
  return {
    place: { partition, region, stack: config.subnets.stack },
    vpcId,
    tagKey,
    subnets: { world: subnets, plan: planSubnets(subnets, config.subnets) },
    routers: { world: routers, plan: planRouters(routers, config.routers) },
  } satisfies Look;
}
