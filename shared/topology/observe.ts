import type { HubConfig, RoutersConfig, SpokeConfig } from '../config.ts';
import { observe as observeRouters, type Reads as RoutersReads, readTargetType } from '../routers/observe.ts';
import { plan as planRouters } from '../routers/plan.ts';
import { unverified } from '../seal.ts';
import { observe as observeSubnets } from '../subnets/observe.ts';
import { planVpcs } from '../subnets/plan.ts';
import { observeSpoke, type SpokeClients } from '../subnets/spoke.ts';
import { routerInReach } from '../subnets/world.ts';
import type { Look } from './model.ts';

/** Looks at what the two reconcilers look at, and plans what they would do. Changes nothing, and takes notes with a seal for the reconcilers' own: only they can verify it. @param now milliseconds since the epoch */
export async function look(clients: RoutersReads, config: { subnets: HubConfig; routers: RoutersConfig }, now: number) {
  const [subnets, routers] = await Promise.all([
    observeSubnets(clients, config.subnets, unverified, now),
    readTargetType(clients, config.routers).then((targetType) =>
      observeRouters(clients, config.routers, unverified, now, { targetType }),
    ),
  ]);
  const { stack, account, vpcId, tagKey, spokeAccounts, sealing } = config.subnets;
  return {
    place: { partition: sealing.partition, region: sealing.region, stack },
    ...{ account, vpcId, tagKey, spokeAccounts },
    subnets: { ...subnets, world: subnets.vpcs[0], plan: planVpcs(subnets, new Map(), config.subnets) },
    routers: { world: routers, plan: planRouters(routers, config.routers) },
  } satisfies Look;
}

/** The same of a spoke, which sees no router and no load balancer. @param observe remembers what the hub told it before, if it has looked before */
export async function lookFromSpoke(
  clients: SpokeClients,
  config: SpokeConfig,
  now: number,
  observe = observeSpoke(clients, config),
) {
  const seen = await observe(unverified, now);
  const { stack, account, tagKey, sealing } = config;
  const [any] = seen.vpcs;
  return {
    place: { partition: sealing.partition, region: sealing.region, stack },
    ...{ account, vpcId: '', tagKey },
    subnets: {
      ...seen,
      world: { now, crossZone: false, paused: any?.paused },
      plan: planVpcs(seen, new Map(), config),
    },
    routers: { world: { nodes: [] }, plan: { summaries: [], conditions: [] } },
    // What is not known is no fault.
    reaches: (zone: string) => any !== undefined && (any.blind !== undefined || routerInReach(zone, any)),
  } satisfies Look;
}
