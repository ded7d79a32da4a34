import { CreateTagsCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { code } from '../aws/errors.ts';
import { tag } from '../aws/read.ts';
import type { RoutersConfig } from '../config.ts';
import type { Hint } from '../events.ts';
import { formatNote, type Note, readNote } from '../note.ts';
import type { Condition } from '../reconcile/plan.ts';
import { createTurns } from '../reconcile/turns.ts';
import { isOwn, type Seal } from '../seal.ts';
import { act, type RoutersClients } from './act.ts';
import { bucketOf } from './buckets.ts';
import { observe, type Reads, readTargetType } from './observe.ts';
import { plan } from './plan.ts';
import { INTERRUPTION, mayStandThere, REBALANCE, ROUTER, warningOf } from './router.ts';
import { type HookMemory, hookMemoryKey } from './scaling.ts';
import { stepSentence } from './sentences.ts';
import type { RoutersStep } from './steps.ts';
import type { Instance, RoutersWorld } from './world.ts';

const WARNINGS = { interruption: INTERRUPTION, rebalance: REBALANCE };

/** An instance that AWS takes back is gone long before, and another process may know nothing of it. */
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
  const hookMemory: HookMemory = new Map();
  /** What AWS warned of where there was no room for another tag: this process alone knows of it. */
  const unnoted = new Map<string, Note>();
  const turns = createTurns(bucketOf, now);
  let targetType: string | undefined;
  return {
    async observe({ warning, at }: Pick<Hint, 'warning' | 'at'>) {
      if (warning)
        await noteWarning(clients, config, await seal(), warning, at).catch((error) => {
          if (code(error) !== 'TagLimitExceeded') throw error;
          unnoted.set(warning.instanceId, { text: WARNINGS[warning.kind], at });
        });
      targetType ??= await readTargetType(clients, config);
      const world = await observe(clients, config, await seal(), now(), { hookMemory, targetType });
      for (const [id, note] of unnoted) if (world.now - note.at > UNNOTED_MS) unnoted.delete(id);
      const leavingOf = ({ id, leaving }: Instance) => {
        const note = unnoted.get(id);
        return leaving ?? (note?.text === INTERRUPTION ? note : undefined);
      };
      return { ...world, instances: world.instances.map((each) => ({ ...each, leaving: leavingOf(each) })) };
    },
    plan(world: RoutersWorld) {
      const planned = plan(world, config);
      const untold = [...unnoted].map(
        ([id, { text }]): Condition => ({
          about: { label: id, ids: [id] },
          kind: 'refused',
          message: `${text}, and it has no room for ${config.leavingKey}, which would say so: take a tag away`,
        }),
      );
      return turns.keep({ ...planned, conditions: [...planned.conditions, ...untold] }, world.now);
    },
    sentence: stepSentence,
    async act(step: RoutersStep) {
      await turns.take(step, async () => act(clients.changers, config, await seal(), step));
      if (step.kind === 'heartbeat' || step.kind === 'end-hook')
        hookMemory.set(
          hookMemoryKey(step.instanceId, step.hook, step.kind === 'heartbeat' ? 'heartbeat' : 'result'),
          now(),
        );
    },
  };
}

/** An event alone says that AWS will take an instance back. A router's tag notes it, where every look finds it. */
async function noteWarning(
  { ec2 }: Reads,
  config: RoutersConfig,
  { sign, read }: Seal,
  { instanceId, kind }: NonNullable<Hint['warning']>,
  at: number,
): Promise<void> {
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({
      Filters: [
        { Name: 'instance-id', Values: [instanceId] },
        { Name: 'vpc-id', Values: [config.vpcId] },
        { Name: `tag:${config.tagKey}`, Values: [ROUTER] },
      ],
    }),
  );
  const instance = Reservations[0]?.Instances?.[0];
  if (!instance || !mayStandThere({ subnetId: instance.SubnetId, profile: instance.IamInstanceProfile?.Arn }, config))
    return;
  const key = config.leavingKey;
  const value = sign(instanceId, key, formatNote({ text: WARNINGS[kind], at }));
  const present = tag(instance.Tags, key);
  if (present === value) return;
  // Advice takes nothing from what is certain.
  const { text, by } = read(instanceId, key, present ?? '');
  const leaving = isOwn(by) ? readNote(text) : undefined;
  const warning = warningOf({ leaving, launchedAt: instance.LaunchTime?.getTime() ?? 0 });
  if (kind === 'rebalance' && warning?.text === INTERRUPTION) return;
  await ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags: [{ Key: key, Value: value }] }));
}
