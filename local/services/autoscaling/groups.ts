import type * as sdk from '@aws-sdk/client-auto-scaling';
import type { Operations } from '../../wire/api.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { find } from '../ec2/find.ts';
import { templateOf } from '../ec2/launch-templates.ts';
import type { rootVolumes } from '../ec2/root-volumes.ts';
import { paginate } from '../paginate.ts';
import { type Capacity, isWarm } from './capacity.ts';
import { actionOf, beat, complete } from './hooks.ts';
import type { Group, LifecycleHook, LifecycleResult, Member } from './records.ts';
import { refreshes } from './refresh.ts';

type AutoScaling = Operations<typeof sdk>;
type CreateInput = Parameters<NonNullable<AutoScaling['CreateAutoScalingGroup']>>[0];
type HookInput = NonNullable<CreateInput['LifecycleHookSpecificationList']>[number];

const HOOKS_PER_GROUP = 50;
/** "By default, you can only specify up to 50 names." https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html */
const NAMES_PER_CALL = 50;

/** Auto Scaling keeps groups, with their hooks and warm pools. */
export function autoScaling(cloud: CloudContext, { fill, end }: Capacity, roots: ReturnType<typeof rootVolumes>) {
  return {
    ...refreshes(cloud, { fill, end }, roots, groupOf),

    CreateAutoScalingGroup(input) {
      const { AutoScalingGroupName: name, MinSize: min, MaxSize: max, DesiredCapacity = min } = input;
      if (named(name)) throw new AwsError('AlreadyExists', `AutoScalingGroup by this name already exists - ${name}`);
      if (!input.LaunchTemplate || !input.VPCZoneIdentifier)
        throw new AwsError('ValidationError', 'the cloud in a box needs LaunchTemplate and VPCZoneIdentifier');
      const subnetIds = input.VPCZoneIdentifier.split(',');
      for (const id of subnetIds) find(cloud.subnets, 'subnet', id);
      const arn = `arn:aws:autoscaling:${cloud.region}:${cloud.account}:autoScalingGroup:${cloud.uuid()}:autoScalingGroupName/${name}`;
      const tags = input.Tags ?? [];
      const group: Group = {
        name,
        arn,
        createdAt: cloud.clock.now(),
        ...checkedSize(min, max, DesiredCapacity),
        templateId: templateOf(cloud, input.LaunchTemplate).id,
        subnetIds,
        propagated: tagMap(tags.filter(({ PropagateAtLaunch }) => PropagateAtLaunch)),
        hooks: new Map(),
        members: new Map(),
        refreshes: [],
      };
      for (const hook of input.LifecycleHookSpecificationList ?? []) putHook(group, hook);
      cloud.groups.set(arn, group);
      cloud.tags.set(arn, tagMap(tags));
      fill(group);
      return {};
    },

    UpdateAutoScalingGroup({ AutoScalingGroupName, MinSize, MaxSize, DesiredCapacity }) {
      const group = groupOf(AutoScalingGroupName);
      const [min, max] = [MinSize ?? group.min, MaxSize ?? group.max];
      const desired = DesiredCapacity ?? Math.min(max, Math.max(min, group.desired));
      Object.assign(group, checkedSize(min, max, desired));
      fill(group);
      return {};
    },

    SetDesiredCapacity({ AutoScalingGroupName, DesiredCapacity }) {
      const group = groupOf(AutoScalingGroupName);
      Object.assign(group, checkedSize(group.min, group.max, DesiredCapacity));
      fill(group);
      return {};
    },

    /** Hooks do not hold back what is deleted by force. */
    DeleteAutoScalingGroup({ AutoScalingGroupName, ForceDelete }) {
      const group = groupOf(AutoScalingGroupName);
      if (group.members.size > 0 && !ForceDelete)
        throw new AwsError(
          'ResourceInUse',
          'You cannot delete an AutoScalingGroup while there are instances still in the group.',
        );
      group.hooks.clear();
      cloud.groups.delete(group.arn);
      cloud.tags.delete(group.arn);
      for (const member of group.members.values()) end(group, member);
      return {};
    },

    TerminateInstanceInAutoScalingGroup({ InstanceId = '', ShouldDecrementDesiredCapacity }) {
      const { group, member } = memberOf(InstanceId);
      if (ShouldDecrementDesiredCapacity) Object.assign(group, checkedSize(group.min, group.max, group.desired - 1));
      end(group, member);
      fill(group);
      return {};
    },

    DescribeAutoScalingGroups({ AutoScalingGroupNames, MaxRecords, NextToken }) {
      const most = MaxRecords ?? NAMES_PER_CALL;
      if (AutoScalingGroupNames && AutoScalingGroupNames.length > most)
        throw new AwsError('ValidationError', `The number of group names passed in may not exceed ${most}`);
      const all = [...cloud.groups.values()];
      const found = AutoScalingGroupNames?.length
        ? all.filter(({ name }) => AutoScalingGroupNames.includes(name))
        : all;
      const { page, ...next } = paginate(
        found,
        { MaxResults: MaxRecords ?? 50, NextToken },
        { least: 1, greatest: 100 },
      );
      return { AutoScalingGroups: page.map(groupShape), ...next };
    },

    DescribeAutoScalingInstances({ InstanceIds, MaxRecords = 50, NextToken }) {
      if (InstanceIds && InstanceIds.length > 50)
        throw new AwsError('ValidationError', 'The number of instance ids passed in may not exceed 50');
      const found = [...cloud.groups.values()]
        .flatMap((group) => [...group.members.values()].map((member) => ({ group, member })))
        .filter(({ member }) => !InstanceIds?.length || InstanceIds.includes(member.instanceId));
      const { page, ...next } = paginate(found, { MaxResults: MaxRecords, NextToken }, { least: 1, greatest: 50 });
      return {
        AutoScalingInstances: page.map(({ group, member }) => ({
          ...memberShape(member),
          AutoScalingGroupName: group.name,
        })),
        ...next,
      };
    },

    PutLifecycleHook({ AutoScalingGroupName, ...hook }) {
      putHook(groupOf(AutoScalingGroupName), hook);
      return {};
    },

    DeleteLifecycleHook({ AutoScalingGroupName, LifecycleHookName }) {
      const group = groupOf(AutoScalingGroupName);
      if (!group.hooks.delete(LifecycleHookName))
        throw new AwsError('ValidationError', `No Lifecycle Hook found with name: ${LifecycleHookName}`);
      for (const { actions } of group.members.values()) {
        const action = actions.get(LifecycleHookName);
        if (action) complete(action, 'CONTINUE');
      }
      return {};
    },

    DescribeLifecycleHooks({ AutoScalingGroupName, LifecycleHookNames }) {
      const group = groupOf(AutoScalingGroupName);
      const found = [...group.hooks.values()].filter(({ name }) => LifecycleHookNames?.includes(name) ?? true);
      return { LifecycleHooks: found.map((hook) => hookShape(group, hook)) };
    },

    CompleteLifecycleAction({ AutoScalingGroupName, LifecycleActionResult, ...by }) {
      const { action } = actionOf(groupOf(AutoScalingGroupName), by);
      complete(action, checkedResult(LifecycleActionResult));
      return {};
    },

    RecordLifecycleActionHeartbeat({ AutoScalingGroupName, ...by }) {
      const { hook, action } = actionOf(groupOf(AutoScalingGroupName), by);
      beat(cloud, hook, action);
      return {};
    },

    PutWarmPool({ AutoScalingGroupName, PoolState = 'Stopped', MinSize = 0, ...input }) {
      const group = groupOf(AutoScalingGroupName);
      if (PoolState !== 'Stopped' && PoolState !== 'Running')
        throw new AwsError('ValidationError', `the cloud in a box has no warm pool of ${PoolState} instances`);
      const { MaxGroupPreparedCapacity, InstanceReusePolicy } = input;
      const maxPrepared = MaxGroupPreparedCapacity === -1 ? undefined : MaxGroupPreparedCapacity;
      const reuses = InstanceReusePolicy?.ReuseOnScaleIn ?? false;
      group.warmPool = { poolState: PoolState, minSize: MinSize, maxPrepared, reuses };
      fill(group);
      return {};
    },

    DeleteWarmPool({ AutoScalingGroupName }) {
      const group = groupOf(AutoScalingGroupName);
      group.warmPool = undefined;
      fill(group);
      return {};
    },

    DescribeWarmPool({ AutoScalingGroupName }) {
      const { warmPool, members } = groupOf(AutoScalingGroupName);
      return {
        ...(warmPool && {
          WarmPoolConfiguration: {
            PoolState: warmPool.poolState,
            MinSize: warmPool.minSize,
            MaxGroupPreparedCapacity: warmPool.maxPrepared,
            InstanceReusePolicy: { ReuseOnScaleIn: warmPool.reuses },
          },
        }),
        Instances: [...members.values()].filter(isWarm).map(memberShape),
      };
    },
  } satisfies AutoScaling;

  function named(name: string): Group | undefined {
    return [...cloud.groups.values()].find((group) => group.name === name);
  }

  function groupOf(name = ''): Group {
    const group = named(name);
    if (!group)
      throw new AwsError('ValidationError', `AutoScalingGroup name not found - AutoScalingGroup ${name} not found`);
    return group;
  }

  function memberOf(instanceId: string): { group: Group; member: Member } {
    for (const group of cloud.groups.values()) {
      const member = group.members.get(instanceId);
      if (member) return { group, member };
    }
    throw new AwsError(
      'ValidationError',
      `Instance Id not found - No managed instance found for instance ID ${instanceId}`,
    );
  }

  function groupShape(group: Group) {
    return {
      AutoScalingGroupName: group.name,
      AutoScalingGroupARN: group.arn,
      LaunchTemplate: { LaunchTemplateId: group.templateId, Version: '1' },
      MinSize: group.min,
      MaxSize: group.max,
      DesiredCapacity: group.desired,
      DefaultCooldown: 300,
      AvailabilityZones: [...new Set(group.subnetIds.map((id) => find(cloud.subnets, 'subnet', id).zone))],
      LoadBalancerNames: [],
      TargetGroupARNs: [],
      HealthCheckType: 'EC2',
      CreatedTime: new Date(group.createdAt),
      VPCZoneIdentifier: group.subnetIds.join(','),
      Instances: [...group.members.values()].filter((member) => !isWarm(member)).map(memberShape),
      Tags: [...(cloud.tags.get(group.arn) ?? [])].map(([Key, Value]) => ({
        Key,
        Value,
        ResourceId: group.name,
        ResourceType: 'auto-scaling-group',
        PropagateAtLaunch: group.propagated.has(Key),
      })),
    };
  }

  function memberShape({ instanceId, zone, state }: Member) {
    const running = ['pending', 'running'].includes(cloud.instances.get(instanceId)?.state ?? '');
    return {
      InstanceId: instanceId,
      AvailabilityZone: zone,
      LifecycleState: state,
      HealthStatus: running || state.startsWith('Warmed:') ? 'HEALTHY' : 'UNHEALTHY',
      ProtectedFromScaleIn: false,
    };
  }
}

function checkedSize(min: number, max: number, desired: number): Pick<Group, 'min' | 'max' | 'desired'> {
  if (min < 0 || max < min)
    throw new AwsError('ValidationError', `Max bound, ${max}, must be greater than or equal to min bound, ${min}`);
  if (desired < min || desired > max)
    throw new AwsError(
      'ValidationError',
      `Desired capacity:${desired} must be between the specified min size:${min} and max size:${max}`,
    );
  return { min, max, desired };
}

/** https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html */
function putHook(
  group: Group,
  input: Omit<HookInput, 'LifecycleTransition'> & { LifecycleTransition?: string | undefined },
): void {
  const { LifecycleHookName: name, HeartbeatTimeout = 3600, DefaultResult = 'ABANDON' } = input;
  const transition = input.LifecycleTransition ?? group.hooks.get(name)?.transition;
  if (!/^[A-Za-z0-9\-_/]{1,255}$/.test(name)) throw new AwsError('ValidationError', `'${name}' is no name of a hook`);
  if (transition !== 'autoscaling:EC2_INSTANCE_LAUNCHING' && transition !== 'autoscaling:EC2_INSTANCE_TERMINATING')
    throw new AwsError('ValidationError', `'${transition}' is not a supported lifecycle transition`);
  if (HeartbeatTimeout < 30 || HeartbeatTimeout > 7200)
    throw new AwsError('ValidationError', `Heartbeat timeout ${HeartbeatTimeout} must be from 30 to 7200 seconds`);
  if (!group.hooks.has(name) && group.hooks.size >= HOOKS_PER_GROUP)
    throw new AwsError('LimitExceeded', `a group has ${HOOKS_PER_GROUP} hooks at most`);
  group.hooks.set(name, {
    name,
    transition,
    heartbeatTimeout: HeartbeatTimeout,
    defaultResult: checkedResult(DefaultResult),
    metadata: input.NotificationMetadata,
  });
}

function checkedResult(result: string): LifecycleResult {
  if (result !== 'CONTINUE' && result !== 'ABANDON')
    throw new AwsError('ValidationError', `The result '${result}' must be CONTINUE or ABANDON`);
  return result;
}

function hookShape(group: Group, hook: LifecycleHook) {
  return {
    AutoScalingGroupName: group.name,
    LifecycleHookName: hook.name,
    LifecycleTransition: hook.transition,
    HeartbeatTimeout: hook.heartbeatTimeout,
    GlobalTimeout: Math.min(172_800, hook.heartbeatTimeout * 100),
    DefaultResult: hook.defaultResult,
    ...(hook.metadata !== undefined && { NotificationMetadata: hook.metadata }),
  };
}

const tagMap = (tags: { Key?: string | undefined; Value?: string | undefined }[]) =>
  new Map(tags.map(({ Key = '', Value = '' }): [string, string] => [Key, Value]));
