import type { Condition, Part } from '../reconcile/plan.ts';
import { sentences } from '../sentences.ts';
import type { Router } from './router.ts';
import { stepSentence } from './sentences.ts';
import type { RoutersStep } from './steps.ts';
import type { Instance } from './world.ts';

/** An instance that runs or is about to, or that the load balancer still knows. Whoever tells of it tells this. */
export interface Account {
  instance: Pick<Instance, 'id' | 'name' | 'state' | 'address' | 'zone'>;
  /** Of its target, or `not registered`. */
  health: string;
  state: 'ready' | 'leaving' | 'waiting' | 'refused' | 'down';
  conditions: Condition[];
  /** Why it is not ready, for people. */
  why: string[];
}

type Known = Pick<Router, 'target'> & Pick<Account, 'instance'>;

export function accountsOf(routers: readonly Known[], { steps, conditions }: Part<RoutersStep>): Account[] {
  return routers.flatMap(({ instance, target }): Account[] => {
    const isUp = instance.state === 'pending' || instance.state === 'running';
    if (!target && !isUp) return [];
    const health = target?.state ?? 'not registered';
    const mine = conditions.filter(({ about }) => about.ids.includes(instance.id));
    const next = steps.filter(({ about }) => about.ids.includes(instance.id));
    const why = sentences(mine, next, stepSentence);
    const state = mine.some(({ kind }) => kind !== 'waiting')
      ? 'refused'
      : !isUp || health === 'draining'
        ? 'leaving'
        : health === 'unhealthy'
          ? 'down'
          : why.length > 0
            ? 'waiting'
            : 'ready';
    return [{ instance, health, state, conditions: mine, why }];
  });
}
