import { UNKNOWN_TARGET } from '../aws/route-target.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Ref } from '../ref.ts';
import { type DesiredRoute, desiredRoutesOf } from './desired-routes.ts';
import type { Serving } from './endpoints.ts';
import type { OptedInSubnet } from './opted-in.ts';
import { hasEnded, isOurs, isShared, type Route, type Router, type RouteTable, type SubnetsWorld } from './world.ts';

/** A route table has one slot for each destination: the route that is there, and the one that is wanted. */
export interface RouteSlot {
  table: RouteTable;
  destination: string;
  desired: DesiredRoute | undefined;
  actual: Route | undefined;
  ours: boolean;
  /** The route that is there is ours, and leads to something that carries. */
  alive: boolean;
  /** The route that is there is ours, and leads to an endpoint that the service's owner in another account took back. */
  cutOff: boolean;
}

/** A route's slot needs one of these. */
export type RouteAction = 'nothing' | 'create' | 'replace' | 'take over' | 'withdraw' | 'conflict' | 'wait';

export function routeSlots(
  table: RouteTable,
  users: OptedInSubnet[],
  ranges: Map<string, Router>,
  serving: Serving,
  world: SubnetsWorld,
  { account }: SubnetsConfig,
): RouteSlot[] {
  // A gateway's table is for what comes into the VPC, and its routes are its owner's; so are those of another account's.
  if (table.edge || isShared(table, account)) return [];
  const desiredRoutes = new Map(
    desiredRoutesOf(table, users, ranges, serving, world).map((desired) => [desired.destination, desired]),
  );
  const routes = Map.groupBy(
    table.routes.filter(({ target }) => target !== 'local'),
    ({ destination }) => destination,
  );
  const destinations = new Set([
    ...desiredRoutes.keys(),
    ...routes.keys(),
    ...table.takeoverNotes.keys(),
    ...table.directRouteNotes.keys(),
  ]);
  return [...destinations].map((destination) => {
    const same = routes.get(destination) ?? [];
    const actual = same.find(({ propagated }) => !propagated) ?? same[0];
    const ours = actual !== undefined && isOurs(actual, table, world);
    const alive = ours && carries(actual, world);
    const cutOff = ours && world.service.owner !== account && endsIn(actual, world);
    return { table, destination, desired: desiredRoutes.get(destination), actual, ours, alive, cutOff };
  });
}

function carries({ target, blackhole }: Route, { endpoints }: SubnetsWorld): boolean {
  if (blackhole) return false;
  return target.startsWith('eni-') || endpoints.some(({ id, state }) => id === target && state === 'available');
}

const endsIn = ({ target }: Route, { endpoints }: SubnetsWorld) =>
  endpoints.some((endpoint) => endpoint.id === target && hasEnded(endpoint));

/** The rules, in their order. */
export function decide(
  { desired, actual, ours, alive, cutOff }: RouteSlot,
  withoutRouter: SubnetsConfig['withoutRouter'],
): RouteAction {
  if (!desired) return ours ? 'withdraw' : 'nothing';
  if (actual && !ours) {
    // A static route goes before a propagated one, and leaves it in its place. What could not be given back is not taken; nor
    // what another stack would take back, for ever.
    if (!desired.takeover || actual.holder || (actual.target === UNKNOWN_TARGET && !actual.propagated))
      return 'conflict';
    if (desired.targets.length === 0) return 'wait';
    return actual.propagated ? 'create' : 'take over';
  }
  if (desired.targets.length > 0) {
    if (!actual) return 'create';
    if (!actual.blackhole && desired.targets.includes(actual.target)) return 'nothing';
    // Its note names one target: that route goes before the note changes, or nobody could know it for ours.
    return desired.direct ? 'withdraw' : 'replace';
  }
  // Better the former way, or none, than one that ends at an endpoint that does not carry.
  if (actual && !alive && !(cutOff && withoutRouter === 'keep')) return 'withdraw';
  return actual && desired.lacksRouter && !desired.blind && withoutRouter === 'withdraw' ? 'withdraw' : 'wait';
}

/** AWS knows a route by its table and its destination. Steps on one depend on each other. */
export const aboutSlot = ({ table, destination }: Pick<RouteSlot, 'table' | 'destination'>): Ref => ({
  label: `${table.id} ${destination}`,
  ids: [table.id, destination],
});
