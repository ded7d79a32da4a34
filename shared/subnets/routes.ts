import { isIpv6 } from '../cidr.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Condition, Part } from '../reconcile/plan.ts';
import { isTakenOver, keepCopies, rememberedBy } from './copies.ts';
import { directRanges } from './direct.ts';
import type { Serving } from './endpoints.ts';
import { type OptedInSubnet, toAll } from './opted-in.ts';
import { decide, type RouteAction, type RouteSlot, routeSlots } from './route-slots.ts';
import { keepNotes, type RouteSteps, stepsFor } from './route-steps.ts';
import type { SubnetsStep } from './steps.ts';
import { isCounted, type RouteTable, type SubnetsWorld } from './world.ts';

/** Routes of all tables become what is wanted by these steps, as far as no condition stands in their way. */
export interface Routes extends RouteSteps {
  /** Destinations of each whose routes led elsewhere before, and can be given back. */
  takenOver: ReadonlyMap<OptedInSubnet, string[]>;
  /** Destinations of each that were taken over, and where they led is lost. */
  lost: ReadonlyMap<OptedInSubnet, string[]>;
}

/** Per table, not per subnet: a table may serve many subnets, and has one route for all of them. */
export function planRoutes(
  world: SubnetsWorld,
  optedInSubnets: OptedInSubnet[],
  serving: Serving,
  config: SubnetsConfig,
): Routes {
  const ranges = directRanges(world);
  const steps: SubnetsStep[] = [];
  const conditions: Condition[] = [...ranges.conditions];
  const held: Condition[] = [];
  const takenOver = new Map<OptedInSubnet, string[]>();
  const lost = new Map<OptedInSubnet, string[]>();
  const add = (part: Part<SubnetsStep>) => {
    steps.push(...part.steps);
    conditions.push(...part.conditions);
  };
  for (const table of world.routeTables) {
    const decided = routeSlots(table, optedInSubnets, ranges.routers, serving, world, config).map((slot) => ({
      place: slot,
      move: decide(slot, config.withoutRouter),
    }));
    for (const { place, move } of decided) {
      add(keepNotes(place, world));
      if (move !== 'withdraw') add(keepCopies(place, world, steps));
      const { destination } = place;
      const lostTo = rememberedBy(place);
      const message = `where ${destination} in ${table.id} led before it was taken over is lost with its notes: opted out, it is deleted`;
      conditions.push(...toAll(lostTo, { kind: 'conflict', message }));
      for (const optedIn of lostTo) append(lost, optedIn, destination);
      for (const optedIn of isTakenOver(place) ? (place.desired?.subnets ?? []) : [])
        append(takenOver, optedIn, destination);
    }
    const inTable: Condition[] = [];
    for (const ipv6 of [false, true]) {
      const family = decided.filter(({ place }) => isIpv6(place.destination) === ipv6);
      for (const { place, move } of inOrder(family, config)) {
        const carried = stepsFor(move, place, { world, config, planned: steps });
        add(carried);
        inTable.push(...carried.held);
      }
    }
    conditions.push(...forgeriesIn(table, inTable));
    held.push(...inTable);
  }
  return { steps, conditions, held, takenOver, lost };
}

const append = (lists: Map<OptedInSubnet, string[]>, of: OptedInSubnet, item: string) =>
  lists.set(of, [...(lists.get(of) ?? []), item]);

/**
 * A new route comes before one that goes: a client that has both never has neither. But where a table has no room for it,
 * as many routes as it takes go before.
 */
function inOrder<D extends { place: RouteSlot; move: RouteAction }>(
  family: D[],
  { routesPerTable }: SubnetsConfig,
): D[] {
  const there = family.filter(({ place }) => place.actual && isCounted(place.actual));
  const created = family.filter(({ move }) => move === 'create');
  const going = there.filter(
    ({ place: { table, destination }, move }) =>
      move === 'withdraw' &&
      !table.takeoverNotes.has(destination) &&
      !table.foreignNotes.has(destination) &&
      !table.forged.has(destination),
  );
  const first = going.slice(0, Math.max(0, there.length + created.length - routesPerTable));
  return [...first, ...family.filter((each) => !first.includes(each))];
}

/** Notes that are nobody's, as far as nothing else has told of them. */
function forgeriesIn({ id, forged }: RouteTable, held: Condition[]): Condition[] {
  const keys = [...forged.values()].flat().filter((key) => !held.some(({ about }) => about.ids.includes(key)));
  return keys.map((key) => ({
    about: { label: id, ids: [id] },
    kind: 'refused',
    message: `its tag ${key} is not followed, for this stack did not write it there: delete it`,
  }));
}
