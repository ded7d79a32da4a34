import { retry } from '../aws/patience.ts';
import { contains, isIpv6 } from '../cidr.ts';
import type { SubnetsConfig } from '../config.ts';
import { type Condition, keyOf, type Reason, type Ref } from '../reconcile.ts';
import { directRanges } from './direct.ts';
import { judge } from './judge.ts';
import type { SubnetsStep } from './steps.ts';
import type { Wish } from './wish.ts';
import {
  isCounted,
  isLeaving,
  isOurs,
  label,
  type RouteTable,
  type Subnet,
  type SubnetsWorld,
  tableOf,
} from './world.ts';

/** An opted-in subnet, and what it asks for. */
export interface Asker {
  subnet: Subnet;
  about: Ref;
  table: RouteTable | undefined;
  wish: Wish;
  /** What it is to reach; empty if its wish is refused. Then it keeps what it has. */
  destinations: string[];
  takeover: boolean;
}

/** Reports a step that AWS refused at least twice: a single refusal mends itself more often than not. */
export function refusalOf(step: SubnetsStep, { refusals, now }: SubnetsWorld): Reason[] {
  const refusal = refusals.get(keyOf(step));
  if (!refusal || refusal.times < 2) return [];
  const { for: message, until } = retry(refusal, now);
  return [{ kind: 'waiting', message, until }];
}

export const isRefused = ({ destinations }: Asker) => destinations.length === 0;

/** The same condition of each of these. */
export const toAll = (askers: readonly Asker[], reason: Reason): Condition[] =>
  askers.map(({ about }) => ({ about, ...reason }));

/** The subnets that are opted in, with their wishes judged. */
export function readAskers(world: SubnetsWorld, config: SubnetsConfig): Asker[] {
  const resolver = world.vpcCidrs.some((own) => contains(own, config.resolver)) ? [] : [config.resolver];
  const askers = world.subnets.flatMap((subnet): Asker[] => {
    if (subnet.wish === undefined || isLeaving(subnet, world)) return [];
    const wish = judge(subnet, subnet.wish, world, config);
    const about = { label: label(subnet), ids: [subnet.id] };
    const asks =
      'refused' in wish
        ? { destinations: [], takeover: false }
        : { destinations: [...new Set([...wish.cidrs, ...resolver])], takeover: wish.takeover };
    return [{ subnet, about, table: tableOf(subnet.id, world), wish, ...asks }];
  });
  const refused = new Map(
    [...Map.groupBy(askers, ({ table }) => table)].flatMap(([table, users]) =>
      table ? [...overfull(table, users, new Map(), world, config)] : [],
    ),
  );
  return askers.map((asker) => {
    const why = refused.get(asker);
    return why === undefined ? asker : { ...asker, wish: { refused: why }, destinations: [] };
  });
}

/** Those for whose wishes a table has no room, and why, the newest first: those that are fulfilled stay so. */
function overfull(
  table: RouteTable,
  users: Asker[],
  before: ReadonlyMap<Asker, string>,
  world: SubnetsWorld,
  config: SubnetsConfig,
): ReadonlyMap<Asker, string> {
  const refused = new Map(before);
  const askers = users.filter((asker) => !isRefused(asker) && !before.has(asker));
  // Where a wish is refused, what is there stays.
  const kept = askers.length < users.length;
  const there = new Set(table.routes.map(({ destination }) => destination));
  const missing = ({ destinations }: Asker) => destinations.filter((destination) => !there.has(destination)).length;
  const others = table.routes
    .filter((route) => isCounted(route) && (kept || !isOurs(route, table, world)))
    .map(({ destination }) => destination);
  const wanted = new Set([...others, ...directRanges(world).routers.keys()]);
  for (const each of askers.toSorted((a, b) => missing(a) - missing(b) || (a.subnet.id < b.subnet.id ? -1 : 1))) {
    const all = [...wanted, ...each.destinations.filter((destination) => !wanted.has(destination))];
    const most = Math.max(all.filter(isIpv6).length, all.filter((destination) => !isIpv6(destination)).length);
    if (most <= config.routesPerTable) {
      for (const destination of each.destinations) wanted.add(destination);
      continue;
    }
    const text = `${table.id} would need ${most} routes, and takes ${config.routesPerTable}`;
    refused.set(each, text);
    if (!kept) return overfull(table, users, refused, world, config);
  }
  return refused;
}
