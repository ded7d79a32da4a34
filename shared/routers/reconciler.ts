import type { RoutersConfig } from '../config.ts';
import type { Hint } from '../events.ts';
import type { Note } from '../note.ts';
import { createTurns } from '../reconcile/turns.ts';
import type { Seal } from '../seal.ts';
import { act, type RoutersClients } from './act.ts';
import { bucketOf } from './buckets.ts';
import { observe, type Reads, readTargetType } from './observe.ts';
import { plan } from './plan.ts';
import { INTERRUPTION, REBALANCE } from './router.ts';
import { stepSentence } from './sentences.ts';
import type { RoutersStep } from './steps.ts';
import type { RoutersWorld } from './world.ts';

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
      scaling = world.scaling;
      for (const { id, leaving, warned } of world.instances)
        if (leaving && warned && leaving.at >= warned.at) warnings.delete(id);
      for (const [id, note] of warnings) if (world.now - note.at > UNNOTED_MS) warnings.delete(id);
      return world;
    },
    plan: (world: RoutersWorld) => turns.keep(plan(world, config), world.now),
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
