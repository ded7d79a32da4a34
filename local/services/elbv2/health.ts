import type { ProbeResult } from '../../fabric/fabric.ts';
import type { CloudContext } from '../context.ts';
import { contains } from '../ec2/cidr.ts';
import { listenerTo } from './find.ts';
import type { LoadBalancer, Target, TargetGroup, TargetHealthReason } from './records.ts';

export interface TargetState {
  state: 'initial' | 'healthy' | 'unhealthy' | 'unused' | 'draining';
  reason?: TargetHealthReason | undefined;
  description?: string | undefined;
}

export interface Health {
  /** Begins to check a target. Harmless if it is registered. */
  register(group: TargetGroup, id: string): void;
  /** Drains a target, then forgets it. */
  deregister(group: TargetGroup, target: Target): void;
}

/** The checks of targets, and the states that follow from them. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html */
export function targetHealth(cloud: CloudContext): Health {
  return {
    register(group, id) {
      const present = group.targets.get(id);
      if (present && !present.draining) return;
      const target: Target = {
        id,
        health: 'initial',
        reason: 'Elb.RegistrationInProgress',
        draining: false,
        streak: { passed: true, count: 0 },
      };
      group.targets.set(id, target);
      cloud.next(timerOf(group, target), cloud.delays.targetRegistration, () => check(group, target));
    },

    deregister(group, target) {
      if (target.draining) return;
      cloud.cancel(timerOf(group, target));
      const forget = () => void group.targets.delete(target.id);
      if (stateOf(cloud, group, target).state === 'unused') return forget();
      target.draining = true;
      cloud.next(
        timerOf(group, target),
        Number(group.attributes.get('deregistration_delay.timeout_seconds')) * 1000,
        forget,
      );
    },
  };

  /** One check, and the next an interval after it began. */
  function check(group: TargetGroup, target: Target): void {
    const began = cloud.clock.now();
    const next = () => {
      if (target.draining || group.targets.get(target.id) !== target) return;
      const due = began + group.healthCheck.interval * 1000;
      cloud.next(timerOf(group, target), Math.max(0, due - cloud.clock.now()), () => check(group, target));
    };
    const node = nodeFor(cloud, group, target);
    if (stateOf(cloud, group, target).state === 'unused' || !node) {
      become(target, 'initial', 'Elb.InitialHealthChecking');
      target.streak = { passed: true, count: 0 };
      next();
      return;
    }
    if (target.reason === 'Elb.RegistrationInProgress') target.reason = 'Elb.InitialHealthChecking';
    void probe(group, target, node).then((result) => {
      count(group, target, result);
      next();
    });
  }

  async function probe(group: TargetGroup, target: Target, nodeId: string): Promise<ProbeResult | Error> {
    const { protocol, port, path, timeout, matcher } = group.healthCheck;
    const ip = addressOf(cloud, target.id) ?? '';
    try {
      const wallTimeout = cloud.clock.wall(timeout * 1000);
      return await cloud.fabric.probe(nodeId, { protocol, ip, port, path, matcher, timeout: wallTimeout });
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  function count(group: TargetGroup, target: Target, result: ProbeResult | Error): void {
    const passed = !(result instanceof Error) && result.healthy;
    target.streak = { passed, count: passed === target.streak.passed ? target.streak.count + 1 : 1 };
    if (passed) {
      if (target.streak.count >= group.healthCheck.healthyThreshold) become(target, 'healthy');
    } else if (target.streak.count >= group.healthCheck.unhealthyThreshold) {
      if (result instanceof Error) become(target, 'unhealthy', 'Elb.InternalError', result.message);
      else become(target, 'unhealthy', result.healthy ? undefined : result.reason);
    }
  }

  function become(target: Target, health: Target['health'], reason?: TargetHealthReason, description?: string): void {
    const changed = target.health !== health;
    Object.assign(target, { health, reason, description });
    if (changed) cloud.changed();
  }
}

/** A target's timer has this key: its next check, or the end of its draining. */
export const timerOf = ({ arn }: TargetGroup, { id }: Target) => `${arn} ${id}`;

export const NOT_REGISTERED: TargetState = {
  state: 'unused',
  reason: 'Target.NotRegistered',
  description: 'Target is not registered to the target group',
};

/** DescribeTargetHealth gives this state, reason and description of a target. */
export function stateOf(cloud: CloudContext, group: TargetGroup, target: Target): TargetState {
  if (target.draining)
    return {
      state: 'draining',
      reason: 'Target.DeregistrationInProgress',
      description: 'Target deregistration is in progress',
    };
  if (group.targetType === 'instance') {
    const state = cloud.instances.get(target.id)?.state ?? 'terminated';
    if (state === 'stopped' || state === 'terminated')
      return { state: 'unused', reason: 'Target.InvalidState', description: `Target is in the ${state} state` };
  }
  const loadBalancer = loadBalancerFor(cloud, group);
  if (!loadBalancer)
    return {
      state: 'unused',
      reason: 'Target.NotInUse',
      description: 'Target group is not configured to receive traffic from the load balancer',
    };
  const zone = zoneOf(cloud, group, target.id);
  if (zone !== undefined && !loadBalancer.nodes.some((node) => node.zone === zone))
    return {
      state: 'unused',
      reason: 'Target.NotInUse',
      description: 'Target is in an Availability Zone that is not enabled for the load balancer',
    };
  const { health, reason, description } = target;
  return { state: health, reason, description };
}

export function loadBalancerFor(cloud: CloudContext, group: TargetGroup): LoadBalancer | undefined {
  const listener = listenerTo(cloud, group);
  return listener && cloud.loadBalancers.get(listener.loadBalancerArn);
}

/** A target has this private address: an instance's is that of its primary interface. */
export function addressOf(cloud: CloudContext, id: string): string | undefined {
  if (!id.startsWith('i-')) return id;
  const primary = cloud.instances.get(id)?.interfaceIds[0];
  return primary === undefined ? undefined : cloud.interfaces.get(primary)?.ip;
}

/** A target stands in a subnet of this zone; undefined if it stands in none of the group's VPC. */
export function zoneOf(cloud: CloudContext, { vpcId }: TargetGroup, id: string): string | undefined {
  const primary = cloud.interfaces.get(cloud.instances.get(id)?.interfaceIds[0] ?? '');
  const subnet = id.startsWith('i-')
    ? cloud.subnets.get(primary?.subnetId ?? '')
    : [...cloud.subnets.values()].find((each) => each.vpcId === vpcId && contains(each.cidr, `${id}/32`));
  return subnet?.vpcId === vpcId ? subnet.zone : undefined;
}

/** A node checks a target: that of its own zone. Nodes of a load balancer that is not yet active do not. */
function nodeFor(cloud: CloudContext, group: TargetGroup, target: Target): string | undefined {
  const loadBalancer = loadBalancerFor(cloud, group);
  if (!loadBalancer?.active) return undefined;
  const zone = zoneOf(cloud, group, target.id);
  return loadBalancer.nodes.find((node) => zone === undefined || node.zone === zone)?.interfaceId;
}
