import type { Condition } from '../conditions/condition.ts';
import { type Explained, explained, whyOf } from '../conditions/sentences.ts';
import type { Part } from '../reconcile/plan.ts';
import type { Router } from './router.ts';
import { deed } from './sentences.ts';
import type { RoutersStep } from './steps.ts';
import type { Instance } from './world.ts';

/** An instance that runs or is about to, or that the load balancer still knows. Whoever tells of it tells this. */
export interface RouterSummary extends Explained {
  instance: Pick<Instance, 'id' | 'name' | 'state' | 'address' | 'zone'>;
  /** Its target's state, or `not registered`. */
  health: string;
  /** Elastic Load Balancing's word on why its target is not healthy, e.g. `Target.Timeout`. */
  reason: string | undefined;
  state: 'ready' | 'leaving' | 'waiting' | 'refused' | 'down';
  conditions: Condition[];
}

type Known = Pick<Router, 'target'> & Pick<RouterSummary, 'instance'>;

export function summariesOf(routers: readonly Known[], { steps, conditions }: Part<RoutersStep>): RouterSummary[] {
  return routers.flatMap(({ instance, target }): RouterSummary[] => {
    const isUp = instance.state === 'pending' || instance.state === 'running';
    if (!target && !isUp) return [];
    const health = target?.state ?? 'not registered';
    const mine = conditions.filter(({ about }) => about.ids.includes(instance.id));
    const next = steps.filter(({ about }) => about.ids.includes(instance.id));
    const cause = target?.state === 'unhealthy' && target.reason ? [`unhealthy: ${target.reason}`] : [];
    const isSaid = mine.some(({ reason }) => reason.code === 'health-checks' && reason.why === target?.reason);
    // The cause before what is done about it.
    const causes = [...(isSaid ? [] : cause), ...whyOf(mine, next, deed)];
    const state = mine.some(({ kind }) => kind !== 'waiting')
      ? 'refused'
      : !isUp || health === 'draining'
        ? 'leaving'
        : health === 'unhealthy'
          ? 'down'
          : causes.length > 0
            ? 'waiting'
            : 'ready';
    return [{ instance, health, reason: target?.reason, state, conditions: mine, ...explained(causes) }];
  });
}
