import { isIpv6 } from '../cidr.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Plan, Waiting } from '../reconcile.ts';
import type { Asker } from './askers.ts';
import { keepCopies, tellFormer } from './copies.ts';
import { directRanges } from './direct.ts';
import { type Blocked, carryOut, keepNotes } from './moves.ts';
import { decide, type Move, type Place, placesOf } from './route-slots.ts';
import type { SubnetsStep } from './steps.ts';
import { isCounted, type RouteTable, type SubnetsWorld } from './world.ts';

/**
 * Per table, not per subnet: a table may serve many subnets, and has one route for all of them.
 * Returns the routes that should go and cannot.
 */
export function planRoutes(
  world: SubnetsWorld,
  askers: Asker[],
  config: SubnetsConfig,
  plan: Plan<SubnetsStep>,
): Blocked[] {
  const ranges = directRanges(world);
  plan.refused.push(...ranges.refused);
  return world.routeTables.flatMap((table) => {
    const decided = placesOf(table, askers, ranges.routers, world, config).map((place) => {
      const move = decide(place, config.withoutRouter);
      keepNotes(place, world, plan);
      if (move !== 'withdraw') keepCopies(place, world, plan);
      tellFormer(place);
      return { place, move };
    });
    const blocked = [false, true]
      .flatMap((ipv6) =>
        inOrder(
          decided.filter(({ place }) => isIpv6(place.destination) === ipv6),
          config,
        ),
      )
      .flatMap(({ place, move }) => carryOut(move, place, { world, config, plan }));
    plan.refused.push(...forgeriesIn(table, blocked));
    return blocked;
  });
}

/**
 * What is new comes before what goes: a client that has both never has neither. But where a table has no room for it,
 * as many routes as it takes go before.
 */
function inOrder<D extends { place: Place; move: Move }>(family: D[], { routesPerTable }: SubnetsConfig): D[] {
  const there = family.filter(({ place }) => place.there && isCounted(place.there));
  const created = family.filter(({ move }) => move === 'create');
  const going = there.filter(
    ({ place: { table, destination }, move }) =>
      move === 'withdraw' &&
      !table.former.has(destination) &&
      !table.strays.has(destination) &&
      !table.forged.has(destination),
  );
  const first = going.slice(0, Math.max(0, there.length + created.length - routesPerTable));
  return [...first, ...family.filter((each) => !first.includes(each))];
}

/** Notes that are nobody's, as far as nothing else has told of them. */
function forgeriesIn({ id, forged }: RouteTable, blocked: Blocked[]): Waiting[] {
  const keys = [...forged.values()].flat().filter((key) => !blocked.some(({ text }) => text.includes(key)));
  return keys.map((key) => ({
    subject: id,
    for: `its tag ${key} is not followed, for this stack did not write it there: delete it`,
  }));
}
