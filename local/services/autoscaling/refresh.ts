import type * as sdk from '@aws-sdk/client-auto-scaling';
import type { Operations } from '../../wire/api.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import type { rootVolumes } from '../ec2/root-volumes.ts';
import type { Capacity } from './capacity.ts';
import { hold } from './hooks.ts';
import type { Group, Member, Refresh } from './records.ts';

/** Between two looks at the member that is under way. */
const LOOK_MS = 5_000;

/**
 * An instance refresh replaces root volumes, one member after the other: held by the terminate hooks, restarted from a new volume, held by
 * the launch hooks. https://docs.aws.amazon.com/autoscaling/ec2/userguide/replace-root-volume.html
 */
export function refreshes(
  cloud: CloudContext,
  { end, fill }: Pick<Capacity, 'end' | 'fill'>,
  { replace }: Pick<ReturnType<typeof rootVolumes>, 'replace'>,
  groupOf: (name: string | undefined) => Group,
) {
  return {
    StartInstanceRefresh({ AutoScalingGroupName, Strategy = 'Rolling', DesiredConfiguration, Preferences }) {
      const group = groupOf(AutoScalingGroupName);
      if (Strategy !== 'ReplaceRootVolume')
        throw new AwsError('ValidationError', `the cloud in a box has no instance refresh of strategy ${Strategy}`);
      const overrides = DesiredConfiguration?.MixedInstancesPolicy?.LaunchTemplate?.Overrides ?? [];
      const [image] = overrides.map(({ ImageId }) => ImageId);
      if (!image || overrides.some(({ ImageId }) => !ImageId))
        throw new AwsError('ValidationError', 'All overrides of the MixedInstancesPolicy must specify an ImageId');
      if (group.warmPool) throw new AwsError('ValidationError', 'ReplaceRootVolume does not go with a warm pool');
      if (group.refreshes.some(({ status }) => status === 'InProgress'))
        throw new AwsError('InstanceRefreshInProgress', 'An Instance Refresh is already in progress');
      const refresh: Refresh = {
        id: cloud.uuid(),
        image,
        status: 'InProgress',
        startedAt: cloud.clock.now(),
        left: [...group.members.keys()],
      };
      group.refreshes.unshift(refresh);
      announce(group, refresh, 'Started');
      next(group, refresh, (Preferences?.InstanceWarmup ?? 0) * 1000);
      return { InstanceRefreshId: refresh.id };
    },

    /** CancelInstanceRefresh lets the replacement that is under way finish. */
    CancelInstanceRefresh({ AutoScalingGroupName }) {
      const group = groupOf(AutoScalingGroupName);
      const refresh = group.refreshes.find(({ status }) => status === 'InProgress');
      if (!refresh) throw new AwsError('ActiveInstanceRefreshNotFound', 'No in progress or pending Instance Refresh');
      finish(group, refresh, 'Cancelled');
      return { InstanceRefreshId: refresh.id };
    },

    DescribeInstanceRefreshes({ AutoScalingGroupName, InstanceRefreshIds }) {
      const group = groupOf(AutoScalingGroupName);
      const found = group.refreshes.filter(({ id }) => InstanceRefreshIds?.includes(id) ?? true);
      return {
        InstanceRefreshes: found.map(({ id, status, startedAt, endedAt, left }) => ({
          InstanceRefreshId: id,
          AutoScalingGroupName: group.name,
          Status: status,
          StartTime: new Date(startedAt),
          ...(endedAt !== undefined && { EndTime: new Date(endedAt) }),
          InstancesToUpdate: left.length,
          Strategy: 'ReplaceRootVolume' as const,
        })),
      };
    },
  } satisfies Operations<typeof sdk>;

  function next(group: Group, refresh: Refresh, warmup: number): void {
    if (refresh.status !== 'InProgress' || cloud.groups.get(group.arn) !== group) return;
    const [id] = refresh.left;
    if (id === undefined) {
      finish(group, refresh, 'Successful');
      return;
    }
    const member = group.members.get(id);
    if (member?.state === 'InService') replaceRoot(group, member, refresh.image);
    cloud.after(LOOK_MS, () => follow(group, refresh, warmup, member));
  }

  /** Goes on when the member is in service again, or gone. */
  function follow(group: Group, refresh: Refresh, warmup: number, member: Member | undefined): void {
    const there = member && group.members.get(member.instanceId) === member;
    if (there && member.state !== 'InService') {
      cloud.after(LOOK_MS, () => follow(group, refresh, warmup, member));
      return;
    }
    refresh.left.shift();
    cloud.after(warmup, () => next(group, refresh, warmup));
  }

  function replaceRoot(group: Group, member: Member, image: string): void {
    const action = 'ReplaceRootVolume' as const;
    const stays = () => group.members.get(member.instanceId) === member && member.state.startsWith('ReplacingRoot');
    const fail = () => {
      end(group, member);
      fill(group);
    };
    hold(cloud, group, member, { phase: 'ReplacingRootVolume', origin: 'AutoScalingGroup', action }, () => {
      const instance = cloud.instances.get(member.instanceId);
      if (!instance) return;
      replace(instance, image, (done) => {
        if (!stays()) return;
        if (!done) {
          fail();
          return;
        }
        hold(cloud, group, member, { phase: 'Pending', origin: 'EC2', action }, (result) => {
          if (result === 'ABANDON') {
            fail();
            return;
          }
          member.state = 'RootVolumeReplaced';
          cloud.after(cloud.delays.lifecycleProceed, () => {
            if (member.state === 'RootVolumeReplaced') member.state = 'InService';
          });
        });
      });
    });
  }

  function finish(group: Group, refresh: Refresh, status: 'Successful' | 'Cancelled'): void {
    Object.assign(refresh, { status, endedAt: cloud.clock.now() });
    announce(group, refresh, status === 'Successful' ? 'Succeeded' : 'Cancelled');
  }

  /** https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-eventbridge-events.html */
  function announce({ name, arn }: Group, { id }: Refresh, what: 'Started' | 'Succeeded' | 'Cancelled'): void {
    cloud.emit({
      source: 'aws.autoscaling',
      type: `EC2 Auto Scaling Instance Refresh ${what}`,
      resources: [arn],
      detail: { InstanceRefreshId: id, AutoScalingGroupName: name },
    });
  }
}
