import {
  type AutoScalingClient,
  type AutoScalingGroup,
  DescribeAutoScalingInstancesCommand,
  DescribeLifecycleHooksCommand,
  paginateDescribeAutoScalingGroups,
} from '@aws-sdk/client-auto-scaling';
import type { Instance } from '@aws-sdk/client-ec2';
import { code } from '../aws/errors.ts';
import { collect, tag } from '../aws/read.ts';
import { ENTERS_POOL, isOurHook } from './router.ts';
import { inChunks } from './steps.ts';
import type { Hook, Scaling } from './world.ts';

/** Instances in one call of DescribeAutoScalingInstances, names in one of DescribeAutoScalingGroups. */
const PER_CALL = 50;
/** Auto Scaling's own tag on what it launches. */
const GROUP_KEY = 'aws:autoscaling:groupName';

/**
 * Auto Scaling tells how each instance of a group stands in it, by its id. Those of a warm pool are not among a group's own, and are asked for apart.
 * @param before the same of the last look, with what was answered since
 */
export async function observeScaling(
  client: AutoScalingClient,
  instances: Instance[],
  before: ReadonlyMap<string, Scaling>,
  now: number,
): Promise<Map<string, Scaling>> {
  const launched = instances.filter(
    ({ State, Tags }) => State?.Name !== 'terminated' && tag(Tags, GROUP_KEY) !== undefined,
  );
  const names = [...new Set(launched.flatMap(({ Tags }) => tag(Tags, GROUP_KEY) ?? []))];
  if (names.length === 0) return new Map();

  const groups = await groupsNamed(client, names);
  const members = groups.flatMap(({ AutoScalingGroupName, Instances }) =>
    (Instances ?? []).map((member) => ({ ...member, AutoScalingGroupName })),
  );
  const listed = new Set(members.map(({ InstanceId }) => InstanceId));
  const others = launched.flatMap(({ InstanceId = '' }) => (listed.has(InstanceId) ? [] : [InstanceId]));
  const apart = await inChunks(others, PER_CALL, async (InstanceIds) => {
    const { AutoScalingInstances = [] } = await client.send(new DescribeAutoScalingInstancesCommand({ InstanceIds }));
    return AutoScalingInstances;
  });
  const all = [...members, ...apart];

  const held = all.filter(({ LifecycleState }) => LifecycleState?.endsWith(':Wait'));
  const theirs = new Set(held.map(({ AutoScalingGroupName }) => AutoScalingGroupName ?? ''));
  const hooks = new Map(await Promise.all([...theirs].map((group) => hooksOf(client, group))));
  return new Map(
    all.map(({ InstanceId: id = '', AutoScalingGroupName: group = '', LifecycleState: state = '' }) => {
      const holding = (hooks.get(group) ?? []).filter(({ launching }) => mayHold(state, launching));
      const others = holding.flatMap(({ name }) => (isOurHook(name) ? [] : [name]));
      const ours = holding.filter(({ name }) => isOurHook(name));
      const said = ours.map((hook) => ({
        ...{ heldAt: now, heartbeatAt: undefined, completedAt: undefined },
        ...before.get(id)?.hooks.find(({ name }) => name === hook.name),
        ...hook,
      }));
      return [id, { group, state, hooks: said, others }];
    }),
  );
}

/**
 * Auto Scaling holds what it launches into a warm pool and what goes back there on scale-in in one state: the one by the launch
 * hooks, the other by the terminate hooks. https://docs.aws.amazon.com/autoscaling/ec2/userguide/warm-pools-eventbridge-events.html
 */
function mayHold(state: string, launching: boolean): boolean {
  if (!state.endsWith(':Wait')) return false;
  return state === ENTERS_POOL || state.endsWith('Pending:Wait') === launching;
}

/** Groups of these names, those that are gone left out. However many: one call takes fifty. */
export const groupsNamed = (client: AutoScalingClient, names: string[]): Promise<AutoScalingGroup[]> =>
  inChunks(names, PER_CALL, (AutoScalingGroupNames) =>
    collect(paginateDescribeAutoScalingGroups({ client }, { AutoScalingGroupNames }), 'AutoScalingGroups'),
  );

type KnownHook = Omit<Hook, 'heldAt' | 'heartbeatAt' | 'completedAt'>;

async function hooksOf(client: AutoScalingClient, group: string): Promise<[group: string, KnownHook[]]> {
  const command = new DescribeLifecycleHooksCommand({ AutoScalingGroupName: group });
  const { LifecycleHooks = [] } = await client.send(command).catch((error) => {
    // Gone since it was listed.
    if (code(error) === 'ValidationError') return { LifecycleHooks: [] };
    throw error;
  });
  const hooks = LifecycleHooks.map(({ LifecycleHookName = '', LifecycleTransition, HeartbeatTimeout = 3600 }) => ({
    name: LifecycleHookName,
    launching: LifecycleTransition === 'autoscaling:EC2_INSTANCE_LAUNCHING',
    heartbeatTimeout: HeartbeatTimeout * 1000,
  }));
  return [group, hooks];
}
