import type { RoutersConfig } from '../config.ts';
import type { Hint } from '../events.ts';
import type { Note } from '../note.ts';
import { paused } from '../pause.ts';
import { joined } from '../reconcile/plan.ts';
import { createTurns } from '../reconcile/turns.ts';
import type { Seal } from '../seal.ts';
import { act, type RoutersClients } from './act.ts';
import { bucketOf } from './buckets.ts';
import { holdHooks } from './hooks.ts';
import { observe, type Reads, readTargetType } from './observe.ts';
import { plan } from './plan.ts';
import { INTERRUPTION, REBALANCE, routersOf } from './router.ts';
import { stepSentence } from './sentences.ts';
import { isForPeople, type RoutersStep } from './steps.ts';
import type { RoutersWorld, Scaling } from './world.ts';

const WARNINGS = { interruption: INTERRUPTION, rebalance: REBALANCE };

/** An instance that AWS takes back is gone long before. */
const UNNOTED_MS = 600_000;

/**
 * Keeps the routers of a load balancer, at the pace that AWS allows.
 * @param changers do the changes. They must not repeat a call by themselves: what was refused is planned anew.
 * @param seal rejects where there is none: then nothing is done
 * @param now milliseconds since the epoch
 */
export function routersReconciler(
  clients: Reads & { changers: RoutersClients },
  config: RoutersConfig,
  seal: () => Promise<Seal>,
  now: () => number,
) {
  /** Hooks as this process first saw and last answered them: losing that costs a call more, and another deadline. */
  let scaling: RoutersWorld['scaling'] = new Map();
  /** AWS's warnings by events, until the tags of their instances tell them. */
  const warnings = new Map<string, Note>();
  const turns = createTurns(bucketOf, now);
  let targetType: string | undefined;
  return {
    async observe({ warning, at }: Pick<Hint, 'warning' | 'at'>) {
      if (warning) warnings.set(warning.instanceId, { text: WARNINGS[warning.kind], at });
      targetType ??= await readTargetType(clients, config);
      const world = await observe(clients, config, await seal(), now(), { scaling, warnings, targetType });
      scaling = world.paused ? heldSince(world.now, world.scaling) : world.scaling;
      for (const { id, leaving, warned } of world.instances)
        if (leaving && warned && leaving.at >= warned.at) warnings.delete(id);
      for (const [id, note] of warnings) if (world.now - note.at > UNNOTED_MS) warnings.delete(id);
      return world;
    },
    plan(world: RoutersWorld) {
      const planned = plan(world, config);
      if (!world.paused) return turns.keep(planned, world.now);
      // AWS's warnings come once, and nobody else remembers since when a target is unhealthy.
      const notes = { steps: planned.steps.filter((step) => step.kind === 'note-warning' || isForPeople(step)) };
      const keeping = joined(notes, ...routersOf(world, config).map((router) => holdHooks(router, world.now)));
      return turns.keep(paused(planned, world.paused, config, keeping), world.now);
    },
    sentence: stepSentence,
    async act(step: RoutersStep) {
      await turns.take(step, async () => act(clients.changers, config, await seal(), step));
      if (step.kind !== 'heartbeat' && step.kind !== 'end-hook') return;
      const group = scaling.get(step.instanceId);
      const answered = step.kind === 'heartbeat' ? { heartbeatAt: now() } : { completedAt: now() };
      const hooks = group?.hooks.map((hook) => (hook.name === step.hook ? { ...hook, ...answered } : hook));
      if (group && hooks) scaling = new Map(scaling).set(step.instanceId, { ...group, hooks });
    },
  };
}

/** A launch that is held while its stack is paused has its time from when nobody stands in its way any more. */
function heldSince(now: number, scaling: RoutersWorld['scaling']): RoutersWorld['scaling'] {
  const held = ({ hooks, ...group }: Scaling) => ({ ...group, hooks: hooks.map((hook) => ({ ...hook, heldAt: now })) });
  return new Map([...scaling].map(([id, group]) => [id, held(group)]));
}
