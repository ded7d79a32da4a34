import { LATER, type Obstacle } from '../conditions/condition.ts';
import { grouped } from '../grouped.ts';
import { blindness, type Serving } from './endpoints.ts';
import { isRefused, type OptedInSubnet } from './opted-in.ts';
import {
  type Endpoint,
  isLeaving,
  isOurs,
  type Route,
  type Router,
  type RouteTable,
  routerInReach,
  type SubnetsWorld,
} from './world.ts';

/** A destination that a table is to have a route to. */
export interface DesiredRoute {
  destination: string;
  /** The route may lead to any of these as things are. The first is taken, if it leads to none of them. */
  targets: string[];
  takeover: boolean;
  /** It leads to a router's own interface, rather than to an endpoint. */
  direct: boolean;
  /** Id of that router, where it is known. */
  router?: string;
  /** Said if all that is missing is a healthy router. */
  lacksRouter: Obstacle | undefined;
  /** Routers' health is not known, of any of them. */
  blind?: boolean;
  /** Subnets that want it, and are told what stands against it. */
  subnets: OptedInSubnet[];
}

/** A table is to have these routes for the subnets that follow it, one for each destination. */
export function desiredRoutesOf(
  table: RouteTable,
  users: OptedInSubnet[],
  ranges: Map<string, Router>,
  serving: Serving,
  world: SubnetsWorld,
): DesiredRoute[] {
  const [refused, asking] = [users.filter(isRefused), users.filter((optedIn) => !isRefused(optedIn))];
  const asked = asking.length > 0 ? askedFor(asking, ranges, serving, world) : [];
  if (refused.length === 0) return asked;
  const destinations = new Set(asked.map(({ destination }) => destination));
  const kept = table.routes
    .filter((route) => !destinations.has(route.destination) && isOurs(route, table, world))
    .flatMap((route) => keeping(route, refused, users, serving, world));
  return [...asked, ...kept];
}

function askedFor(
  asking: OptedInSubnet[],
  ranges: Map<string, Router>,
  serving: Serving,
  world: SubnetsWorld,
): DesiredRoute[] {
  const byDestination = grouped(
    asking.flatMap((optedIn) => optedIn.destinations.map((destination) => [destination, optedIn] as const)),
  );
  const endpointsOf = (users: OptedInSubnet[]) => users.flatMap((optedIn) => serving.get(optedIn)?.endpoint ?? []);
  return [
    ...[...byDestination].map(([destination, all]) => throughEndpoint(destination, all, endpointsOf(all), world)),
    ...[...ranges].map(([destination, { id: router, interfaceId, healthy }]) => ({
      ...straight(destination, healthy ? [interfaceId] : [], asking),
      router,
    })),
  ];
}

/** A subnet whose spec is refused keeps what is there, whosever spec that was, as long as there is a way for it. */
function keeping(
  { destination, target, blackhole }: Route,
  refused: OptedInSubnet[],
  users: OptedInSubnet[],
  serving: Serving,
  world: SubnetsWorld,
): DesiredRoute[] {
  if (target.startsWith('eni-')) return blackhole ? [] : [straight(destination, [target], refused)];
  const leaving = new Set(world.subnets.filter((subnet) => isLeaving(subnet, world)).map(({ id }) => id));
  const carries = ({ state, subnetId }: Endpoint) => state === 'available' && !leaving.has(subnetId);
  const present = world.endpoints.filter((endpoint) => endpoint.id === target && carries(endpoint));
  const others = users.flatMap((optedIn) => serving.get(optedIn)?.endpoint ?? []).filter(carries);
  const endpoints = present.length > 0 ? present : others;
  return endpoints.length > 0 ? [throughEndpoint(destination, refused, endpoints, world)] : [];
}

function throughEndpoint(
  destination: string,
  optedInSubnets: OptedInSubnet[],
  endpoints: Endpoint[],
  world: SubnetsWorld,
): DesiredRoute {
  const zoneOf = (id: string) => world.subnets.find((subnet) => subnet.id === id)?.zone;
  const available = endpoints.filter(({ state }) => state === 'available');
  const inReach =
    world.blind === undefined ? available.filter(({ subnetId }) => routerInReach(zoneOf(subnetId), world)) : [];
  return {
    destination,
    // Sorted, so that every look at the same world chooses the same one.
    targets: [...new Set(inReach.map(({ id }) => id))].sort(),
    takeover: optedInSubnets.some(({ spec }) => 'takeover' in spec && spec.takeover),
    direct: false,
    lacksRouter: available.length > 0 && inReach.length === 0 ? healthyRouter(world) : undefined,
    blind: world.blind !== undefined,
    subnets: optedInSubnets,
  };
}

/** A route to a router's interface. To one that is not healthy it is not written, but stays while the router runs. */
const straight = (destination: string, targets: string[], subnets: OptedInSubnet[]): DesiredRoute => ({
  ...{ destination, targets, subnets },
  ...{ takeover: false, direct: true, lacksRouter: undefined },
});

/** Worth waiting for if one is on its way. */
function healthyRouter({ targets, blind }: SubnetsWorld): Obstacle {
  if (blind !== undefined) return blindness(blind);
  const until = targets.some(({ state }) => state === 'initial') ? undefined : LATER;
  return { kind: 'waiting', reason: { code: 'healthy-router' }, until };
}
