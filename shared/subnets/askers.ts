import { retry } from '../aws/patience.ts';
import { contains, isIpv6 } from '../cidr.ts';
import type { SubnetsConfig } from '../config.ts';
import { keyOf } from '../reconcile.ts';
import { directRanges } from './direct.ts';
import { judge } from './judge.ts';
import type { SubnetsStep } from './steps.ts';
import type { Wish } from './wish.ts';
import {
  type Endpoint,
  isCounted,
  isLeaving,
  isOurs,
  label,
  type RouteTable,
  type Subnet,
  type SubnetsWorld,
  tableOf,
} from './world.ts';

/** An opted-in subnet, and what stands between it and its wish. */
export interface Asker {
  subnet: Subnet;
  subject: string;
  table: RouteTable | undefined;
  /** What it is to reach; empty if its wish is refused. Then it keeps what it has. */
  destinations: string[];
  takeover: boolean;
  endpoint: Endpoint | undefined;
  /** Whether that stands where its own would, were there one. */
  shares: boolean;
  /** Of its destinations, those that led elsewhere before, and can be given back. */
  takenOver: string[];
  problems: Problem[];
}

export interface Problem {
  kind: 'blocked' | 'refused' | 'conflict' | 'waiting';
  text: string;
  until?: number | undefined;
  /** When it began, if AWS remembers. */
  since?: number;
}

/** Said of a step that AWS refused. Not the first time: that mends itself more often than not. */
export function refusalOf(step: SubnetsStep, { refusals, now }: SubnetsWorld): Problem[] {
  const refusal = refusals.get(keyOf(step));
  if (!refusal || refusal.times < 2) return [];
  const { for: text, until } = retry(refusal, now);
  return [{ kind: 'waiting', text, until }];
}

export const isRefused = ({ destinations }: Asker) => destinations.length === 0;

/** The subnets that are opted in, with their wishes judged. */
export function readAskers(world: SubnetsWorld, config: SubnetsConfig): Asker[] {
  const askers = world.subnets.flatMap((subnet) => {
    if (subnet.wish === undefined || isLeaving(subnet, world)) return [];
    return [asker(subnet, judge(subnet, subnet.wish, world, config), world, config)];
  });
  for (const table of world.routeTables) {
    const users = askers.filter((each) => each.table === table);
    refuseOverfull(table, users, world, config);
  }
  return askers;
}

function asker(subnet: Subnet, wish: Wish, world: SubnetsWorld, config: SubnetsConfig): Asker {
  const entry = {
    subnet,
    subject: label(subnet),
    table: tableOf(subnet.id, world),
    endpoint: undefined,
    shares: false,
    takenOver: [],
  };
  if ('refused' in wish)
    return { ...entry, destinations: [], takeover: false, problems: [{ kind: 'refused', text: wish.refused }] };
  const resolver = world.vpcCidrs.some((own) => contains(own, config.resolver)) ? [] : [config.resolver];
  return {
    ...entry,
    destinations: [...new Set([...wish.cidrs, ...resolver])],
    takeover: wish.takeover,
    problems: [],
  };
}

/** Refuses the wishes for which a table has no room, the newest first: those that are fulfilled stay so. */
function refuseOverfull(table: RouteTable, users: Asker[], world: SubnetsWorld, config: SubnetsConfig): void {
  const askers = users.filter((asker) => !isRefused(asker));
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
    each.problems.push({ kind: 'refused', text });
    each.destinations = [];
    if (!kept) {
      refuseOverfull(table, users, world, config);
      return;
    }
  }
}
