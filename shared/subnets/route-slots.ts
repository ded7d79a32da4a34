import { UNKNOWN_TARGET } from '../aws/route-target.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Ref } from '../reconcile.ts';
import type { Asker } from './askers.ts';
import type { Serving } from './endpoints.ts';
import { type Want, wantsOf } from './wants.ts';
import { isOurs, isShared, type Route, type Router, type RouteTable, type SubnetsWorld } from './world.ts';

/** One destination in one table. */
export interface Place {
  table: RouteTable;
  destination: string;
  want: Want | undefined;
  there: Route | undefined;
  ours: boolean;
  /** Whether the route that is there is ours and leads to something that carries. */
  alive: boolean;
}

/** What is to become of a route. */
export type Move = 'nothing' | 'create' | 'replace' | 'take over' | 'withdraw' | 'conflict' | 'wait';

export function placesOf(
  table: RouteTable,
  askers: Asker[],
  ranges: Map<string, Router>,
  serving: Serving,
  world: SubnetsWorld,
  { account }: SubnetsConfig,
): Place[] {
  // A gateway's table is for what comes into the VPC, and its routes are its owner's; so are those of another account's.
  if (table.edge || isShared(table, account)) return [];
  const users = askers.filter((asker) => asker.table === table);
  const wants = new Map(wantsOf(table, users, ranges, serving, world).map((want) => [want.destination, want]));
  const routes = Map.groupBy(
    table.routes.filter(({ target }) => target !== 'local'),
    ({ destination }) => destination,
  );
  const destinations = new Set([...wants.keys(), ...routes.keys(), ...table.former.keys(), ...table.direct.keys()]);
  return [...destinations].map((destination) => {
    const same = routes.get(destination) ?? [];
    const there = same.find(({ propagated }) => !propagated) ?? same[0];
    const ours = there !== undefined && isOurs(there, table, world);
    const alive = ours && carries(there, world);
    return { table, destination, want: wants.get(destination), there, ours, alive };
  });
}

function carries({ target, blackhole }: Route, { endpoints }: SubnetsWorld): boolean {
  if (blackhole) return false;
  return target.startsWith('eni-') || endpoints.some(({ id, state }) => id === target && state === 'available');
}

/** The rules, in their order. */
export function decide({ want, there, ours, alive }: Place, withoutRouter: SubnetsConfig['withoutRouter']): Move {
  if (!want) return ours ? 'withdraw' : 'nothing';
  if (there && !ours) {
    // A static route goes before a propagated one, and leaves it in its place. What could not be given back is not taken; nor
    // what another stack would take back, for ever.
    if (!want.takeover || there.holder || (there.target === UNKNOWN_TARGET && !there.propagated)) return 'conflict';
    if (want.targets.length === 0) return 'wait';
    return there.propagated ? 'create' : 'take over';
  }
  if (want.targets.length > 0) {
    if (!there) return 'create';
    if (!there.blackhole && want.targets.includes(there.target)) return 'nothing';
    // Its note names one target: that route goes before the note changes, or nobody could know it for ours.
    return want.direct ? 'withdraw' : 'replace';
  }
  // Better the former way, or none, than one that ends at an endpoint that does not carry.
  if (there && !alive) return 'withdraw';
  return there && want.lacksRouter && withoutRouter === 'withdraw' ? 'withdraw' : 'wait';
}

/** Steps on one destination of one table depend on each other. */
export const aboutSlot = ({ table, destination }: Pick<Place, 'table' | 'destination'>): Ref => ({
  label: `${table.id} ${destination}`,
  ids: [table.id],
});
