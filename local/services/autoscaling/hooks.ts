import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { arnOf } from '../ec2/find.ts';
import type { Group, LifecycleAction, LifecycleHook, LifecycleResult, Member } from './records.ts';

/** "100 times the heartbeat timeout, or 48 hours, whichever is less." https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html */
const LONGEST_WAIT_S = 48 * 3600;
const MOST_HEARTBEATS = 100;

/** A lifecycle state has `:Wait` behind it while hooks hold a member: this is the state without. */
type Phase = 'Pending' | 'Warmed:Pending' | 'Terminating' | 'Warmed:Terminating' | 'ReplacingRootVolume';
type Place = 'EC2' | 'WarmPool' | 'AutoScalingGroup';

interface Held {
  phase: Phase;
  origin: Place;
  /** An instance refresh that keeps the instance says how. */
  action?: 'ReplaceRootVolume';
}

const DETAIL_TYPES = {
  'autoscaling:EC2_INSTANCE_LAUNCHING': 'EC2 Instance-launch Lifecycle Action',
  'autoscaling:EC2_INSTANCE_TERMINATING': 'EC2 Instance-terminate Lifecycle Action',
};

/**
 * Lets the hooks of a group hold a member until all of them have ended, one has been abandoned, or time is up.
 * @param then is told how it ended, a little later: CONTINUE at once if there is no hook
 */
export function hold(
  cloud: CloudContext,
  group: Group,
  member: Member,
  held: Held,
  then: (result: LifecycleResult) => void,
): void {
  const { phase } = held;
  const hooks = [...group.hooks.values()].filter(({ transition }) => transition === transitionOf(held));
  release(cloud, member);
  member.state = hooks.length > 0 ? `${phase}:Wait` : phase;
  if (hooks.length === 0) then('CONTINUE');
  for (const hook of hooks) {
    const action: LifecycleAction = { token: cloud.uuid(), startedAt: cloud.clock.now() };
    endings.set(action, (result) => {
      cloud.cancel(action.token);
      member.actions.delete(hook.name);
      if (result === 'ABANDON') release(cloud, member);
      if (member.actions.size > 0) return;
      member.state = `${phase}:Proceed`;
      cloud.next(proceeding(member), cloud.delays.lifecycleProceed, () => then(result));
    });
    member.actions.set(hook.name, action);
    beat(cloud, hook, action);
    announceHold(cloud, group, member, hook, action, held);
  }
}

function announceHold(
  cloud: CloudContext,
  group: Group,
  { instanceId }: Member,
  { name, transition, metadata }: LifecycleHook,
  { token }: LifecycleAction,
  { phase, origin, action }: Held,
): void {
  const own = phase.startsWith('Warmed') ? 'WarmPool' : 'AutoScalingGroup';
  cloud.emit({
    source: 'aws.autoscaling',
    type: DETAIL_TYPES[transition],
    resources: [group.arn],
    detail: {
      LifecycleActionToken: token,
      AutoScalingGroupName: group.name,
      LifecycleHookName: name,
      EC2InstanceId: instanceId,
      LifecycleTransition: transition,
      ...(metadata !== undefined && { NotificationMetadata: metadata }),
      // "Sent only by groups with a warm pool."
      ...(group.warmPool && phase.endsWith('Pending') && { Origin: origin, Destination: own }),
      ...(group.warmPool && phase.endsWith('Terminating') && { Origin: own, Destination: 'EC2' }),
      ...(action && { Action: action }),
    },
  });
}

/** An instance that returns to its warm pool is held by the terminate hooks, in the state of one that is launched into the pool. */
const transitionOf = ({ phase, origin }: Held) =>
  phase.endsWith('Pending') && origin !== 'AutoScalingGroup'
    ? 'autoscaling:EC2_INSTANCE_LAUNCHING'
    : 'autoscaling:EC2_INSTANCE_TERMINATING';

/** Lifecycle actions that are under way, and how each goes on once it is completed. */
const endings = new WeakMap<LifecycleAction, (result: LifecycleResult) => void>();

/** A lifecycle action is completed: by CompleteLifecycleAction, or when its time is up. */
export const complete = (action: LifecycleAction, result: LifecycleResult) => endings.get(action)?.(result);

/** A member's timer has this key from the end of its hooks until it proceeds. */
const proceeding = ({ instanceId }: Member) => `${instanceId} proceeds`;

/** A member is held no more, with no result: something else has happened to it. */
export function release(cloud: CloudContext, member: Member): void {
  cloud.cancel(proceeding(member));
  for (const { token } of member.actions.values()) cloud.cancel(token);
  member.actions.clear();
}

/** A heartbeat restarts the clock of an action. It never runs past the longest wait. */
export function beat(
  cloud: CloudContext,
  { heartbeatTimeout, defaultResult }: LifecycleHook,
  action: LifecycleAction,
): void {
  const longest = Math.min(LONGEST_WAIT_S, MOST_HEARTBEATS * heartbeatTimeout) * 1000;
  const left = action.startedAt + longest - cloud.clock.now();
  cloud.next(action.token, Math.min(heartbeatTimeout * 1000, left), () => complete(action, defaultResult));
}

/** A call means this action, by its hook and by token or instance. @throws AwsError if it is over, or never was */
export function actionOf(
  group: Group,
  by: { LifecycleHookName: string; LifecycleActionToken?: string | undefined; InstanceId?: string | undefined },
): { hook: LifecycleHook; action: LifecycleAction } {
  const { LifecycleHookName, LifecycleActionToken, InstanceId } = by;
  const hook = group.hooks.get(LifecycleHookName);
  const action = [...group.members.values()]
    .filter(({ instanceId }) => InstanceId === undefined || instanceId === InstanceId)
    .map(({ actions }) => actions.get(LifecycleHookName))
    .find((each) => each && (LifecycleActionToken === undefined || each.token === LifecycleActionToken));
  if (!hook || !action || (InstanceId === undefined && LifecycleActionToken === undefined))
    throw new AwsError(
      'ValidationError',
      LifecycleActionToken === undefined
        ? `No active Lifecycle Action found with instance ID ${InstanceId}`
        : `No active Lifecycle Action found with token ${LifecycleActionToken}`,
    );
  return { hook, action };
}

/** Auto Scaling says how a launch or an end came out. */
export function announceEnd(
  cloud: CloudContext,
  group: Group,
  { instanceId, zone, launchedAt }: Member,
  what: 'Launch Successful' | 'Launch Unsuccessful' | 'Terminate Successful',
): void {
  const time = (at: number) => new Date(at).toISOString();
  cloud.emit({
    source: 'aws.autoscaling',
    type: `EC2 Instance ${what}`,
    resources: [group.arn, arnOf(cloud, 'instance', instanceId)],
    detail: {
      StatusCode: what.endsWith('Unsuccessful') ? 'Failed' : 'InProgress',
      Description: `${what.startsWith('Launch') ? 'Launching a new' : 'Terminating'} EC2 instance: ${instanceId}`,
      AutoScalingGroupName: group.name,
      ActivityId: cloud.uuid(),
      Details: { 'Availability Zone': zone },
      RequestId: cloud.uuid(),
      StatusMessage: '',
      StartTime: time(launchedAt),
      EndTime: time(cloud.clock.now()),
      EC2InstanceId: instanceId,
      Cause: '',
    },
  });
}
