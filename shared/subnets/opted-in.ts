import { isIpv6 } from '../cidr.ts';
import type { Condition, Obstacle, Reason } from '../conditions/condition.ts';
import type { SubnetsConfig } from '../config.ts';
import { keyOf } from '../reconcile/plan.ts';
import { retry } from '../reconcile/refused-steps.ts';
import type { Ref } from '../ref.ts';
import { admit, blockOf, placeOf } from './admission.ts';
import type { DirectRanges } from './direct.ts';
import type { Spec } from './spec.ts';
import type { SubnetsStep } from './steps.ts';
import { aboutNamed, isCounted, isLeaving, isOurs, type RouteTable, type Subnet, type SubnetsWorld } from './world.ts';

/** An opted-in subnet, and what it asks for. */
export interface OptedInSubnet {
  subnet: Subnet;
  about: Ref;
  table: RouteTable | undefined;
  spec: Spec;
  /** CIDRs that it is to reach; empty if its spec is refused. Then it keeps what it has. */
  destinations: string[];
}

/** Reports a step that AWS refused at least twice: a single refusal mends itself more often than not. */
export function refusalOf(step: SubnetsStep, { attempts, now }: SubnetsWorld): ReturnType<typeof retry>[] {
  const attempt = attempts.get(keyOf(step));
  if (!attempt || attempt.times < 2) return [];
  return [retry(attempt, now)];
}

export const isRefused = ({ destinations }: OptedInSubnet) => destinations.length === 0;

/** The same condition of each of these. */
export const toAll = (optedInSubnets: readonly OptedInSubnet[], obstacle: Obstacle): Condition[] =>
  optedInSubnets.map(({ about }) => ({ about, ...obstacle }));

/** The subnets that are opted in, with their specs judged. */
export function findOptedIn(world: SubnetsWorld, { routers }: DirectRanges, config: SubnetsConfig): OptedInSubnet[] {
  const place = placeOf(world, config);
  const resolver = blockOf(config.resolver, place) || answersByRouter(world) ? [] : [config.resolver];
  const optedInSubnets = world.subnets.flatMap((subnet): OptedInSubnet[] => {
    if (subnet.tagValue === undefined || isLeaving(subnet, world)) return [];
    const spec = admit(subnet, subnet.tagValue, place);
    const destinations = 'refused' in spec ? [] : [...new Set([...spec.cidrs, ...resolver])];
    return [{ subnet, about: aboutNamed(subnet), table: place.tableOf(subnet.id), spec, destinations }];
  });
  const refused = new Map(
    [...Map.groupBy(optedInSubnets, ({ table }) => table)].flatMap(([table, users]) =>
      table ? [...overfull(table, users, routers, world, config)] : [],
    ),
  );
  return optedInSubnets.map((optedIn) => {
    const why = refused.get(optedIn);
    return why === undefined ? optedIn : { ...optedIn, spec: { refused: why }, destinations: [] };
  });
}

/**
 * Routers with DNS ranges answer for a name with an address that means something on that router alone, and the load balancer
 * chooses one for each flow: from another VPC no route leads straight to it.
 */
const answersByRouter = ({ remote, dnsRanges }: SubnetsWorld) => remote && dnsRanges;

/** A table has no room for the specs of these subnets, the newest first: those that are fulfilled stay so. */
function overfull(
  table: RouteTable,
  users: OptedInSubnet[],
  routers: DirectRanges['routers'],
  world: SubnetsWorld,
  config: SubnetsConfig,
  refused = new Map<OptedInSubnet, Reason>(),
): ReadonlyMap<OptedInSubnet, Reason> {
  const optedInSubnets = users.filter((optedIn) => !isRefused(optedIn) && !refused.has(optedIn));
  // Where a spec is refused, what is there stays.
  const kept = optedInSubnets.length < users.length;
  const there = new Set(table.routes.map(({ destination }) => destination));
  const missing = ({ destinations }: OptedInSubnet) =>
    destinations.filter((destination) => !there.has(destination)).length;
  const others = table.routes
    .filter((route) => isCounted(route) && (kept || !isOurs(route, table, world)))
    .map(({ destination }) => destination);
  const wanted = new Set([...others, ...routers.keys()]);
  for (const each of optedInSubnets.toSorted(
    (a, b) => missing(a) - missing(b) || (a.subnet.id < b.subnet.id ? -1 : 1),
  )) {
    const all = [...wanted, ...each.destinations.filter((destination) => !wanted.has(destination))];
    const most = Math.max(all.filter(isIpv6).length, all.filter((destination) => !isIpv6(destination)).length);
    if (most <= config.routesPerTable) {
      for (const destination of each.destinations) wanted.add(destination);
      continue;
    }
    refused.set(each, { code: 'route-quota', tableId: table.id, routes: most, most: config.routesPerTable });
    if (!kept) return overfull(table, users, routers, world, config, refused);
  }
  return refused;
}
