import type { Journey } from '../journeys.ts';
import { ROUTER } from './router.ts';
import type { RoutersWorld } from './world.ts';

/** From each router's launch to its first good health. */
export function journeys({ instances, targets }: RoutersWorld): Journey[] {
  const healthy = new Set(targets.filter(({ state }) => state === 'healthy').map(({ id }) => id));
  return instances
    .filter(({ role }) => role === ROUTER)
    .map(({ id, launchedAt }) => ({ id, since: launchedAt, arrived: healthy.has(id) }));
}
