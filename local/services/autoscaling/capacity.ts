import type { CloudContext } from '../context.ts';
import { find } from '../ec2/find.ts';
import type { instances } from '../ec2/instances.ts';
import type { Instance } from '../ec2/records.ts';
import { announceEnd, hold, release } from './hooks.ts';
import type { Group, Member } from './records.ts';

type Machines = Pick<
  ReturnType<typeof instances>,
  'RunInstances' | 'StartInstances' | 'StopInstances' | 'TerminateInstances'
>;

export interface Capacity {
  /** Launches, takes from the warm pool, and ends instances until there are as many as wanted. */
  fill(group: Group): void;
  /** Ends a member, through its hooks. Another one takes its place, if the group still wants as many. */
  end(group: Group, member: Member): void;
  /** The group is told of each change of an instance's state. */
  follow(instance: Instance): void;
}

export const isWarm = ({ state }: Member) => state.startsWith('Warmed:');
const isEnding = ({ state }: Member) => state.includes('Terminat');

/** The instances of Auto Scaling groups, from launch to end. https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html */
export function capacity(cloud: CloudContext, machines: Machines): Capacity {
  return { fill, end, follow };

  function fill(group: Group): void {
    const all = [...group.members.values()].filter((member) => !isEnding(member));
    const serving = all.filter((member) => !isWarm(member));
    for (let missing = group.desired - serving.length; missing > 0; missing--)
      if (!takeWarm(group)) launch(group, 'Pending');
    const { warmPool } = group;
    const warm = () => [...group.members.values()].filter((member) => isWarm(member) && !isEnding(member));
    const prepared = (warmPool?.maxPrepared ?? group.max) - group.desired;
    const wanted = warmPool ? Math.max(warmPool.minSize, prepared, 0) : 0;
    for (const member of excess(serving, serving.length - group.desired))
      if (warmPool?.reuses && member.state === 'InService' && warm().length < wanted) goBack(group, member);
      else end(group, member);

    const pool = warm();
    for (let missing = wanted - pool.length; missing > 0; missing--) launch(group, 'Warmed:Pending');
    for (const member of excess(pool, pool.length - wanted)) end(group, member);
  }

  function launch(group: Group, state: 'Pending' | 'Warmed:Pending'): void {
    const template = find(cloud.launchTemplates, 'launchTemplate', group.templateId);
    const subnetId = emptiest(group);
    const { ImageId, InstanceType, IamInstanceProfile, TagSpecifications } = template.data;
    const { Instances } = machines.RunInstances({
      ImageId,
      InstanceType,
      IamInstanceProfile,
      TagSpecifications,
      MinCount: 1,
      MaxCount: 1,
      SubnetId: subnetId,
    });
    const instanceId = Instances[0]?.InstanceId ?? '';
    const tags = cloud.tags.get(instanceId);
    for (const [key, value] of group.propagated) tags?.set(key, value);
    tags?.set('aws:autoscaling:groupName', group.name);
    tags?.set('aws:ec2launchtemplate:id', template.id);
    group.members.set(instanceId, {
      instanceId,
      zone: zoneOf(subnetId),
      state,
      launchedAt: cloud.clock.now(),
      actions: new Map(),
    });
  }

  function takeWarm(group: Group): boolean {
    const ready = [...group.members.values()].find(
      ({ state }) => state === 'Warmed:Stopped' || state === 'Warmed:Running',
    );
    if (!ready) return false;
    const running = ready.state === 'Warmed:Running';
    ready.state = 'Pending';
    if (running) enterService(group, ready, 'WarmPool');
    else machines.StartInstances({ InstanceIds: [ready.instanceId] });
    return true;
  }

  function enterService(group: Group, member: Member, origin: 'EC2' | 'WarmPool'): void {
    hold(cloud, group, member, { phase: 'Pending', origin }, (result) => {
      if (result === 'ABANDON') return abandon(group, member);
      member.state = 'InService';
      announceEnd(cloud, group, member, 'Launch Successful');
    });
  }

  function enterPool(group: Group, member: Member): void {
    hold(cloud, group, member, { phase: 'Warmed:Pending', origin: 'EC2' }, (result) => {
      if (result === 'ABANDON') abandon(group, member);
      else rest(group, member);
    });
  }

  /** "Instances can be returned to the warm pool on scale in." https://docs.aws.amazon.com/autoscaling/ec2/userguide/warm-pools-eventbridge-events.html, example 4 */
  function goBack(group: Group, member: Member): void {
    hold(cloud, group, member, { phase: 'Warmed:Pending', origin: 'AutoScalingGroup' }, () => rest(group, member));
  }

  function rest(group: Group, member: Member): void {
    const state = cloud.instances.get(member.instanceId)?.state;
    if (group.warmPool?.poolState === 'Running') member.state = 'Warmed:Running';
    else if (state === 'stopped') member.state = 'Warmed:Stopped';
    else if (state === 'running') machines.StopInstances({ InstanceIds: [member.instanceId] });
  }

  /** A launch that a hook has given up. */
  function abandon(group: Group, member: Member): void {
    announceEnd(cloud, group, member, 'Launch Unsuccessful');
    member.state = isWarm(member) ? 'Warmed:Terminating' : 'Terminating';
    terminate(group, member);
  }

  function end(group: Group, member: Member): void {
    const phase = isWarm(member) ? 'Warmed:Terminating' : 'Terminating';
    hold(cloud, group, member, { phase, origin: 'EC2' }, () => terminate(group, member));
  }

  function terminate(group: Group, member: Member): void {
    const { instanceId } = member;
    const state = cloud.instances.get(instanceId)?.state ?? 'terminated';
    if (state === 'terminated') gone(group, member);
    else machines.TerminateInstances({ InstanceIds: [instanceId] });
  }

  function gone(group: Group, member: Member): void {
    release(cloud, member);
    group.members.delete(member.instanceId);
    announceEnd(cloud, group, member, 'Terminate Successful');
    if (cloud.groups.get(group.arn) === group) fill(group);
  }

  function follow({ id, state }: Instance): void {
    const group = [...cloud.groups.values()].find(({ members }) => members.has(id));
    const member = group?.members.get(id);
    if (!group || !member) return;
    if (state === 'running' && member.state === 'Pending')
      enterService(group, member, member.launchedAt < startedAt(id) ? 'WarmPool' : 'EC2');
    else if (state === 'running' && member.state === 'Warmed:Pending') enterPool(group, member);
    else if (state === 'stopped' && member.state.startsWith('Warmed:Pending')) member.state = 'Warmed:Stopped';
    else if (state === 'terminated' && isEnding(member) && member.actions.size === 0) gone(group, member);
    else if (state === 'terminated' && isWarm(member)) gone(group, member);
    else if (state !== 'running' && state !== 'pending' && !isEnding(member) && !isWarm(member))
      cloud.after(cloud.delays.groupHealthCheck, () => replace(group, member));
  }

  /** "An instance that is not running is unhealthy." https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html */
  function replace(group: Group, member: Member): void {
    const state = cloud.instances.get(member.instanceId)?.state;
    if (state === 'running' || state === 'pending') return;
    if (group.members.get(member.instanceId) !== member || isEnding(member) || isWarm(member)) return;
    end(group, member);
    fill(group);
  }

  function startedAt(instanceId: string): number {
    return cloud.instances.get(instanceId)?.launchedAt ?? 0;
  }

  /** The subnet in whose zone the group has the fewest instances. */
  function emptiest({ subnetIds, members }: Group): string {
    const count = (id: string) => [...members.values()].filter(({ zone }) => zone === zoneOf(id)).length;
    return subnetIds.toSorted((a, b) => count(a) - count(b))[0] ?? '';
  }

  function zoneOf(subnetId: string): string {
    return find(cloud.subnets, 'subnet', subnetId).zone;
  }
}

/** Auto Scaling ends the oldest members of the zone that has the most. */
function excess(members: Member[], count: number): Member[] {
  const left = [...members];
  const going: Member[] = [];
  while (going.length < count) {
    const zones = Map.groupBy(left, ({ zone }) => zone);
    const [oldest] = [...zones.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
    if (!oldest) break;
    left.splice(left.indexOf(oldest), 1);
    going.push(oldest);
  }
  return going;
}
