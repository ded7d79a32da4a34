import { isIpv6 } from '../cidr.ts';
import { type Condition, refused } from '../conditions/condition.ts';
import type { SubnetsConfig } from '../config.ts';
import { grouped } from '../grouped.ts';
import type { Part } from '../reconcile/plan.ts';
import { aboutId } from '../ref.ts';
import { isTakenOver, keepCopies, rememberedBy } from './copies.ts';
import type { DirectRanges } from './direct.ts';
import type { Serving } from './endpoints.ts';
import { type OptedInSubnet, toAll } from './opted-in.ts';
import { decide, type RouteAction, type RouteSlot, routeSlots } from './route-slots.ts';
import { keepNotes, type RouteSteps, stepsFor } from './route-steps.ts';
import type { SubnetsStep } from './steps.ts';
import { isCounted, isUntouched, type RouteTable, type SubnetsWorld } from './world.ts';

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
  ranges: DirectRanges,
  config: SubnetsConfig,
): Routes {
  const steps: SubnetsStep[] = [];
  const conditions: Condition[] = [...ranges.conditions];
  const held: Condition[] = [];
  const slots: RouteSlot[] = [];
  const add = (part: Partial<Part<SubnetsStep>>) => {
    steps.push(...(part.steps ?? []));
    conditions.push(...(part.conditions ?? []));
  };
  const usersOf = Map.groupBy(optedInSubnets, ({ table }) => table);
  for (const table of world.routeTables) {
    const users = usersOf.get(table) ?? [];
    if (users.length === 0 && isUntouched(table, world)) continue;
    const decided = routeSlots(table, users, ranges.routers, serving, world, config).map((slot) => ({
      slot,
      action: decide(slot, config.withoutRouter),
    }));
    for (const { slot, action } of decided) {
      slots.push(slot);
      add(keepNotes(slot, world));
      if (action !== 'withdraw') add(keepCopies(slot, world, steps));
      const reason = { code: 'notes-lost', destination: slot.destination, tableId: table.id } as const;
      conditions.push(...toAll(rememberedBy(slot), { kind: 'conflict', reason }));
    }
    const inTable: Condition[] = [];
    for (const ipv6 of [false, true]) {
      const family = decided.filter(({ slot }) => isIpv6(slot.destination) === ipv6);
      for (const { slot, action } of inOrder(family, config)) {
        const carried = stepsFor(action, slot, { world, config, planned: steps });
        add(carried);
        inTable.push(...(carried.held ?? []));
      }
    }
    conditions.push(...forgeriesIn(table, inTable));
    held.push(...inTable);
  }
  const destinations = (of: (slot: RouteSlot) => readonly OptedInSubnet[]) =>
    grouped(slots.flatMap((slot) => of(slot).map((optedIn): [OptedInSubnet, string] => [optedIn, slot.destination])));
  const takenOver = destinations((slot) => (isTakenOver(slot) ? (slot.desired?.subnets ?? []) : []));
  return { steps, conditions, held, takenOver, lost: destinations(rememberedBy) };
}

/** A new route comes before one that goes, for a client is to have either. A full table has its room made first. */
function inOrder<D extends { slot: RouteSlot; action: RouteAction }>(
  family: D[],
  { routesPerTable }: SubnetsConfig,
): D[] {
  const there = family.filter(({ slot }) => slot.actual && isCounted(slot.actual));
  const created = family.filter(({ action }) => action === 'create');
  const going = there.filter(
    ({ slot: { table, destination }, action }) =>
      action === 'withdraw' &&
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
  return keys.map((key) => refused(aboutId(id), { code: 'forged-tag', key }));
}
