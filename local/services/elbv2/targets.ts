import { isDeepStrictEqual } from 'node:util';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { contains } from '../ec2/cidr.ts';
import { blocksOf } from '../ec2/cidr-blocks.ts';
import { attributeList, defaultAttributes, modifiedAttributes, TARGET_GROUP_ATTRIBUTES } from './attributes.ts';
import { checkName, type Elb, listenerTo, loadBalancerOf, markedPage, newArn, targetGroupOf } from './find.ts';
import { type Health, NOT_REGISTERED, stateOf, timerOf } from './health.ts';
import { LIMITS } from './limits.ts';
import type { HealthCheckSettings, Target, TargetGroup } from './records.ts';
import { setTags } from './tags.ts';

/** "Targets per target group". https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/quotas-limits.html */
const TARGETS_PER_GROUP = 1000;
const GENEVE_PORT = 6081;
/** Targets of type `ip` have addresses of the VPC or of these blocks. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-groups.html */
const PRIVATE_RANGES = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16'];

type CreateInput = Parameters<NonNullable<Elb['CreateTargetGroup']>>[0];

/** GENEVE target groups have targets, which are checked. */
export function targetGroups(cloud: CloudContext, health: Health) {
  return {
    CreateTargetGroup(input) {
      const { Name, Protocol, Port, VpcId, TargetType = 'instance', Tags } = input;
      checkName(Name);
      if (Protocol !== 'GENEVE' || Port !== GENEVE_PORT)
        throw new AwsError(
          'InvalidConfigurationRequest',
          `a target group of the cloud in a box is GENEVE on port ${GENEVE_PORT}`,
        );
      if (TargetType !== 'instance' && TargetType !== 'ip')
        throw new AwsError('InvalidConfigurationRequest', `Target type '${TargetType}' is not supported for GENEVE`);
      if (!VpcId) throw new AwsError('ValidationError', 'A VPC ID must be specified');
      if (!cloud.vpcs.has(VpcId)) throw new AwsError('ValidationError', `The VPC ID '${VpcId}' is not found`);
      const healthCheck = healthCheckOf(input);
      const present = [...cloud.targetGroups.values()].find(({ name }) => name === Name);
      // "If you attempt to create multiple target groups with the same settings, each call succeeds."
      // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
      if (present) {
        const { vpcId, targetType, healthCheck: was } = present;
        if (isDeepStrictEqual([vpcId, targetType, was], [VpcId, TargetType, healthCheck]))
          return { TargetGroups: [groupShape(present)] };
        throw new AwsError(
          'DuplicateTargetGroupName',
          `A target group with the same name '${Name}' exists, but with different settings`,
        );
      }
      if (cloud.targetGroups.size >= LIMITS['geneve-target-groups'])
        throw new AwsError('TooManyTargetGroups', 'The maximum number of target groups has been reached');
      const group: TargetGroup = {
        arn: newArn(cloud, 'targetgroup', Name),
        name: Name,
        vpcId: VpcId,
        targetType: TargetType,
        healthCheck,
        attributes: defaultAttributes(TARGET_GROUP_ATTRIBUTES),
        targets: new Map(),
      };
      cloud.targetGroups.set(group.arn, group);
      setTags(cloud, group.arn, Tags);
      return { TargetGroups: [groupShape(group)] };
    },

    DeleteTargetGroup({ TargetGroupArn }) {
      const group = cloud.targetGroups.get(TargetGroupArn);
      if (!group) return {};
      if (listenerTo(cloud, group))
        throw new AwsError(
          'ResourceInUse',
          `Target group '${TargetGroupArn}' is currently in use by a listener or a rule`,
        );
      for (const target of group.targets.values()) cloud.cancel(timerOf(group, target));
      cloud.targetGroups.delete(TargetGroupArn);
      cloud.tags.delete(TargetGroupArn);
      return {};
    },

    DescribeTargetGroups({ LoadBalancerArn, TargetGroupArns, Names, ...query }) {
      if (LoadBalancerArn !== undefined) loadBalancerOf(cloud, LoadBalancerArn);
      const all = [...cloud.targetGroups.values()];
      const chosen =
        TargetGroupArns?.map((arn) => targetGroupOf(cloud, arn)) ??
        Names?.map((name) => {
          const found = all.find((each) => each.name === name);
          if (!found) throw new AwsError('TargetGroupNotFound', `Target groups '[${name}]' not found`);
          return found;
        }) ??
        all.filter(
          (group) => LoadBalancerArn === undefined || listenerTo(cloud, group)?.loadBalancerArn === LoadBalancerArn,
        );
      const { page, next } = markedPage(chosen, query);
      return { TargetGroups: page.map(groupShape), ...next };
    },

    /** Checks that are under way go on as they were planned; the next ones are as it is now. */
    ModifyTargetGroup({ TargetGroupArn, ...changes }) {
      const group = targetGroupOf(cloud, TargetGroupArn);
      const { protocol, port, path, interval, timeout, healthyThreshold, unhealthyThreshold, matcher } =
        group.healthCheck;
      const current = {
        HealthCheckProtocol: protocol,
        HealthCheckPort: String(port),
        HealthCheckPath: path,
        HealthCheckIntervalSeconds: interval,
        HealthCheckTimeoutSeconds: timeout,
        HealthyThresholdCount: healthyThreshold,
        UnhealthyThresholdCount: unhealthyThreshold,
        Matcher: { HttpCode: matcher },
      };
      group.healthCheck = healthCheckOf({ ...current, ...changes });
      return { TargetGroups: [groupShape(group)] };
    },

    ModifyTargetGroupAttributes({ TargetGroupArn, Attributes }) {
      const group = targetGroupOf(cloud, TargetGroupArn);
      group.attributes = modifiedAttributes(TARGET_GROUP_ATTRIBUTES, group.attributes, Attributes);
      return { Attributes: attributeList(group.attributes) };
    },

    DescribeTargetGroupAttributes({ TargetGroupArn }) {
      return { Attributes: attributeList(targetGroupOf(cloud, TargetGroupArn).attributes) };
    },

    RegisterTargets({ TargetGroupArn, Targets }) {
      const group = targetGroupOf(cloud, TargetGroupArn);
      for (const { Id, Port } of Targets) checkTarget(group, Id, Port);
      if (new Set([...group.targets.keys(), ...Targets.map(({ Id }) => Id)]).size > TARGETS_PER_GROUP)
        throw new AwsError(
          'TooManyTargets',
          `The maximum number of targets (${TARGETS_PER_GROUP}) of '${TargetGroupArn}' has been reached`,
        );
      for (const { Id } of Targets) health.register(group, Id);
      return {};
    },

    /** "If the specified target does not exist, the action returns successfully." https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html */
    DeregisterTargets({ TargetGroupArn, Targets }) {
      const group = targetGroupOf(cloud, TargetGroupArn);
      for (const { Id } of Targets) {
        const target = group.targets.get(Id);
        if (target) health.deregister(group, target);
      }
      return {};
    },

    DescribeTargetHealth({ TargetGroupArn, Targets }) {
      const group = targetGroupOf(cloud, TargetGroupArn);
      const ids = Targets?.map(({ Id }) => Id) ?? [...group.targets.keys()];
      return { TargetHealthDescriptions: ids.map((id) => healthShape(group, id, group.targets.get(id))) };
    },
  } satisfies Elb;

  function checkTarget(group: TargetGroup, id: string, port: number | undefined): void {
    if (port !== undefined && port !== GENEVE_PORT)
      throw new AwsError('ValidationError', `A target of a GENEVE target group has port ${GENEVE_PORT}, not ${port}`);
    const refuse = (why: string) => new AwsError('InvalidTarget', `${why}: '${id}'`);
    if (group.targetType === 'ip') {
      const vpc = cloud.vpcs.get(group.vpcId);
      if (![...PRIVATE_RANGES, ...(vpc ? blocksOf(vpc) : [])].some((range) => contains(range, `${id}/32`)))
        throw refuse('The IP address is not within the VPC or a private range');
      return;
    }
    const instance = cloud.instances.get(id);
    if (!instance) throw refuse('The following targets do not exist');
    if (instance.state !== 'running')
      throw refuse('The following targets are not in a running state and cannot be registered');
    const primary = cloud.interfaces.get(instance.interfaceIds[0] ?? '');
    if (cloud.subnets.get(primary?.subnetId ?? '')?.vpcId !== group.vpcId)
      throw refuse('The following targets are not in the VPC of the target group');
  }

  function groupShape(group: TargetGroup) {
    const { arn, name, vpcId, targetType, healthCheck } = group;
    const listener = listenerTo(cloud, group);
    return {
      TargetGroupArn: arn,
      TargetGroupName: name,
      Protocol: 'GENEVE' as const,
      Port: GENEVE_PORT,
      VpcId: vpcId,
      TargetType: targetType,
      IpAddressType: 'ipv4' as const,
      HealthCheckEnabled: true,
      HealthCheckProtocol: healthCheck.protocol,
      HealthCheckPort: String(healthCheck.port),
      HealthCheckIntervalSeconds: healthCheck.interval,
      HealthCheckTimeoutSeconds: healthCheck.timeout,
      HealthyThresholdCount: healthCheck.healthyThreshold,
      UnhealthyThresholdCount: healthCheck.unhealthyThreshold,
      ...(healthCheck.protocol !== 'TCP' && {
        HealthCheckPath: healthCheck.path,
        Matcher: { HttpCode: healthCheck.matcher },
      }),
      LoadBalancerArns: listener ? [listener.loadBalancerArn] : [],
    };
  }

  function healthShape(group: TargetGroup, id: string, target: Target | undefined) {
    const { state, reason, description } = target ? stateOf(cloud, group, target) : NOT_REGISTERED;
    return {
      Target: { Id: id, Port: GENEVE_PORT },
      HealthCheckPort: String(group.healthCheck.port),
      TargetHealth: {
        State: state,
        ...(reason && { Reason: reason }),
        ...(description && { Description: description }),
      },
    };
  }
}

/** Defaults and ranges of GENEVE health checks. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html */
function healthCheckOf(input: Omit<CreateInput, 'Name'>): HealthCheckSettings {
  const protocol = input.HealthCheckProtocol ?? 'TCP';
  if (protocol !== 'TCP' && protocol !== 'HTTP' && protocol !== 'HTTPS')
    throw new AwsError(
      'ValidationError',
      `Health check protocol '${protocol}' is not supported for GENEVE: use TCP, HTTP or HTTPS`,
    );
  const port = Number(input.HealthCheckPort ?? 80);
  const settings: HealthCheckSettings = {
    protocol,
    port: inRange('HealthCheckPort', port, 1, 65_535),
    path: input.HealthCheckPath ?? '/',
    interval: inRange('HealthCheckIntervalSeconds', input.HealthCheckIntervalSeconds ?? 10, 5, 300),
    timeout: inRange('HealthCheckTimeoutSeconds', input.HealthCheckTimeoutSeconds ?? 5, 2, 120),
    healthyThreshold: inRange('HealthyThresholdCount', input.HealthyThresholdCount ?? 5, 2, 10),
    unhealthyThreshold: inRange('UnhealthyThresholdCount', input.UnhealthyThresholdCount ?? 2, 2, 10),
    matcher: input.Matcher?.HttpCode ?? '200-399',
  };
  if (settings.timeout > settings.interval)
    throw new AwsError('ValidationError', 'Health check interval must be greater than or equal to the timeout.');
  // "For Gateway Load Balancers, this must be 200–399". https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html
  if (settings.matcher !== '200-399')
    throw new AwsError('ValidationError', `Health check matcher '${settings.matcher}' must be 200-399 for GENEVE`);
  if (protocol === 'TCP' && (input.HealthCheckPath !== undefined || input.Matcher))
    throw new AwsError('ValidationError', 'A TCP health check has no path and no matcher');
  return settings;
}

function inRange(name: string, value: number, least: number, greatest: number): number {
  if (!Number.isInteger(value) || value < least || value > greatest)
    throw new AwsError('ValidationError', `${name} '${value}' must be a whole number from ${least} to ${greatest}`);
  return value;
}
