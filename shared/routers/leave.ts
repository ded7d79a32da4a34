import { type Router, whyNoTarget } from './router.ts';
import { chunks, type RoutersPlan } from './steps.ts';
import type { RoutersWorld } from './world.ts';

/** Targets in one call. */
export const PER_REGISTRATION = 100;
export const DRAINING = 'the connections it still has to drain';

/** Takes out the targets that are to be none; those of instances that are gone, or never were routers, too. */
export function leave(routers: Router[], { targets }: RoutersWorld): Pick<RoutersPlan, 'steps' | 'waiting'> {
  const known = new Map(routers.map((router) => [router.instance.id, router]));
  const going = targets.flatMap(({ id, state }) => {
    const router = known.get(id);
    const why = router ? whyNoTarget(router) : 'it is no router by its tag';
    return why === undefined ? [] : [{ id, state, label: router?.label ?? id, why }];
  });
  const [draining, rest] = [going.filter(isDraining), going.filter((each) => !isDraining(each))];
  return {
    steps: chunks(rest, PER_REGISTRATION).map((some) => ({
      kind: 'deregister',
      instanceIds: some.map(({ id }) => id),
      subject: some.map(({ label }) => label).join(', '),
      says: `the target group is left by ${some.map(({ label, why }) => `${label}, for ${why}`).join('; ')}`,
    })),
    waiting: draining.map(({ label: subject }) => ({ subject, for: DRAINING })),
  };
}

const isDraining = ({ state }: { state: string }) => state === 'draining';
