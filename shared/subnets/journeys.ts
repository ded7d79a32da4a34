import type { Journey } from '../journeys.ts';
import { isOurs, type SubnetsWorld, tableOf } from './world.ts';

/** From each subnet's tag to the first route for it. */
export function journeys(world: SubnetsWorld): Journey[] {
  return world.subnets
    .filter(({ wish }) => wish !== undefined)
    .map(({ id }) => {
      const table = tableOf(id, world);
      return { id, arrived: table?.routes.some((route) => isOurs(route, table, world)) ?? false };
    });
}
