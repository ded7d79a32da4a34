import { type Reason, refused, waiting } from '../conditions/condition.ts';
import type { Part } from '../reconcile/plan.ts';
import { isUnproven } from './join.ts';
import { aboutRouters, isForeign, type Router, whyNoTarget } from './router.ts';
import { chunks, type RoutersStep } from './steps.ts';
import type { RoutersWorld } from './world.ts';

/** Targets in one call. */
export const PER_REGISTRATION = 100;
export const DRAINING: Reason = { code: 'connections-drained' };

/** Takes out the targets that are to be none, and those of instances that are gone; leaves alone whom somebody else registered. */
export function leave(routers: Router[], { targets }: RoutersWorld): Part<RoutersStep> {
  const known = new Map(routers.map((router) => [router.instance.id, router]));
  const foreign = routers.filter((router) => router.target && isForeign(router));
  const going = targets.flatMap(({ id, state }) => {
    const router = known.get(id);
    if (router && foreign.includes(router)) return [];
    const reason = router ? whyToLeave(router) : ({ code: 'instance-gone' } as const);
    return reason ? [{ id, state, label: router?.label ?? id, reason }] : [];
  });
  const [draining, rest] = [going.filter(isDraining), going.filter((each) => !isDraining(each))];
  return {
    steps: chunks(rest, PER_REGISTRATION).map((some) => ({
      kind: 'deregister',
      instanceIds: some.map(({ id }) => id),
      about: { label: some.map(({ label }) => label).join(', '), ids: some.map(({ id }) => id) },
      context: { leaving: some.map(({ label, reason }) => ({ label, reason })) },
    })),
    conditions: [
      ...draining.map(({ id, label }) => waiting({ label, ids: [id] }, DRAINING)),
      ...foreign.map((router) => refused(aboutRouters(router), { code: 'foreign-target' })),
    ],
  };
}

const whyToLeave = (router: Router): Reason | undefined =>
  whyNoTarget(router) ?? (isUnproven(router) ? { code: 'install-unproven' } : undefined);

const isDraining = ({ state }: { state: string }) => state === 'draining';
