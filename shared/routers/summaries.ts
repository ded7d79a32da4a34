import type { Condition } from '../conditions/condition.ts';
import { type Explained, explained, whyOf } from '../conditions/sentences.ts';
import type { Part } from '../reconcile/plan.ts';
import { type Health, healthOf, type Router } from './router.ts';
import { deed, healthSentence } from './sentences.ts';
import { isForPeople, type RoutersStep } from './steps.ts';
import type { Instance } from './world.ts';

/** An instance that runs or is about to, or that the load balancer still knows. Whoever tells of it tells this. */
export interface RouterSummary extends Health, Explained {
  instance: Pick<
    Instance,
    'id' | 'name' | 'role' | 'state' | 'address' | 'zone' | 'unhealthy' | 'launchedAt' | 'rootedAt'
  >;
  state: 'ready' | 'leaving' | 'waiting' | 'refused' | 'down';
  conditions: Condition[];
}

type Known = Pick<Router, 'target'> & Pick<RouterSummary, 'instance'>;

export function summariesOf(routers: readonly Known[], { steps, conditions }: Part<RoutersStep>): RouterSummary[] {
  return routers.flatMap(({ instance, target }): RouterSummary[] => {
    const isUp = instance.state === 'pending' || instance.state === 'running';
    if (!target && !isUp) return [];
    const standing = healthOf({ instance, target });
    const { health, reason } = standing;
    const mine = conditions.filter(({ about }) => about.ids.includes(instance.id));
    const next = steps.filter((step) => !isForPeople(step) && step.about.ids.includes(instance.id));
    // A tag of ours is left there, or anybody's that is called so.
    if (!target && instance.role === undefined && mine.length === 0 && next.length === 0) return [];
    const isCaused = health === 'unhealthy' && reason !== undefined;
    // The cause says more than that it is waited for.
    const others = isCaused ? mine.filter((each) => each.reason.code !== 'health-checks') : mine;
    const causes = [...(isCaused ? [healthSentence(standing)] : []), ...whyOf(others, next, deed)];
    const state = mine.some(({ kind }) => kind !== 'waiting')
      ? 'refused'
      : !isUp || health === 'draining'
        ? 'leaving'
        : health === 'unhealthy'
          ? 'down'
          : causes.length > 0
            ? 'waiting'
            : 'ready';
    return [{ instance, ...standing, state, conditions: mine, ...explained(causes) }];
  });
}
