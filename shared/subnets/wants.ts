import { LATER, type Reason } from '../reconcile.ts';
import { type Asker, isRefused } from './askers.ts';
import type { Serving } from './endpoints.ts';
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
export interface Want {
  destination: string;
  /** For whom, in words. */
  by: string;
  /** What the route may lead to as things are. The first is taken, if it leads to none of them. */
  targets: string[];
  takeover: boolean;
  /** Whether it leads to a router's own interface, rather than to an endpoint. */
  direct: boolean;
  /** Said if all that is missing is a healthy router. */
  lacksRouter: Reason | undefined;
  /** Those who want it, to be told what stands against it. */
  askers: Asker[];
}

/** What the users of one table want of it, one of a kind for each destination. */
export function wantsOf(
  table: RouteTable,
  users: Asker[],
  ranges: Map<string, Router>,
  serving: Serving,
  world: SubnetsWorld,
): Want[] {
  const asked = askedFor(users, ranges, serving, world);
  const destinations = new Set(asked.map(({ destination }) => destination));
  const kept = table.routes
    .filter((route) => !destinations.has(route.destination) && isOurs(route, table, world))
    .flatMap((route) => keeping(route, users, serving, world));
  return [...asked, ...kept];
}

function askedFor(users: Asker[], ranges: Map<string, Router>, serving: Serving, world: SubnetsWorld): Want[] {
  const asking = users.filter((asker) => !isRefused(asker));
  if (asking.length === 0) return [];
  const byDestination = Map.groupBy(
    asking.flatMap((asker) => asker.destinations.map((destination) => ({ destination, asker }))),
    ({ destination }) => destination,
  );
  return [
    ...[...byDestination].map(([destination, wishes]) =>
      throughEndpoint(
        destination,
        wishes.map(({ asker }) => asker),
        wishes.flatMap(({ asker }) => serving.get(asker)?.endpoint ?? []),
        world,
      ),
    ),
    ...[...ranges].map(([destination, router]) => straightTo(router, destination, asking)),
  ];
}

/** A subnet whose wish is refused keeps what is there, whosever wish that was, as long as there is a way for it. */
function keeping(
  { destination, target, blackhole }: Route,
  users: Asker[],
  serving: Serving,
  world: SubnetsWorld,
): Want[] {
  const askers = users.filter(isRefused);
  if (askers.length === 0) return [];
  if (target.startsWith('eni-')) {
    const by = 'what was there before';
    const want = { destination, by, targets: [target], takeover: false, direct: true, lacksRouter: undefined, askers };
    return blackhole ? [] : [want];
  }
  const leaving = new Set(world.subnets.filter((subnet) => isLeaving(subnet, world)).map(({ id }) => id));
  const carries = ({ state, subnetId }: Endpoint) => state === 'available' && !leaving.has(subnetId);
  const present = world.endpoints.filter((endpoint) => endpoint.id === target && carries(endpoint));
  const others = users.flatMap((asker) => serving.get(asker)?.endpoint ?? []).filter(carries);
  const endpoints = present.length > 0 ? present : others;
  return endpoints.length > 0 ? [throughEndpoint(destination, askers, endpoints, world)] : [];
}

function throughEndpoint(destination: string, askers: Asker[], endpoints: Endpoint[], world: SubnetsWorld): Want {
  const zoneOf = (id: string) => world.subnets.find((subnet) => subnet.id === id)?.zone;
  const available = endpoints.filter(({ state }) => state === 'available');
  const inReach = available.filter(({ subnetId }) => routerInReach(zoneOf(subnetId), world));
  return {
    destination,
    by: askers.map(({ about }) => about.label).join(', '),
    // Sorted, so that every look at the same world chooses the same one.
    targets: [...new Set(inReach.map(({ id }) => id))].sort(),
    takeover: askers.some(({ takeover }) => takeover),
    direct: false,
    lacksRouter: available.length > 0 && inReach.length === 0 ? healthyRouter(world) : undefined,
    askers,
  };
}

/** A route to a router that is not healthy is not written, but stays while the router runs. */
function straightTo(router: Router, destination: string, askers: Asker[]): Want {
  return {
    destination,
    by: `the DNS range of ${router.id}`,
    targets: router.healthy ? [router.interfaceId] : [],
    takeover: false,
    direct: true,
    lacksRouter: undefined,
    askers,
  };
}

/** Worth waiting for if one is on its way. */
function healthyRouter({ targets }: SubnetsWorld): Reason {
  const until = targets.some(({ state }) => state === 'initial') ? undefined : LATER;
  return { kind: 'waiting', message: 'a healthy router, without which a route would lead nowhere', until };
}
