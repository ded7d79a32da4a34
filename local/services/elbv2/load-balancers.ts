import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { refuseUnencrypted } from '../ec2/encryption-controls.ts';
import { addInterface, removeInterface } from '../ec2/interfaces.ts';
import type { Subnet } from '../ec2/records.ts';
import {
  attributeList,
  defaultAttributes,
  LISTENER_ATTRIBUTES,
  LOAD_BALANCER_ATTRIBUTES,
  modifiedAttributes,
} from './attributes.ts';
import {
  checkName,
  type Elb,
  listenerArn,
  listenerOf,
  listenerTo,
  loadBalancerOf,
  markedPage,
  newArn,
  targetGroupOf,
} from './find.ts';
import { LIMITS } from './limits.ts';
import type { Listener, LoadBalancer, Node } from './records.ts';
import { setTags } from './tags.ts';

/** Gateway Load Balancers have a node in each zone, and a listener. */
export function loadBalancers(cloud: CloudContext) {
  return {
    DescribeAccountLimits: () => ({
      Limits: Object.entries(LIMITS).map(([Name, max]) => ({ Name, Max: String(max) })),
    }),

    CreateLoadBalancer({ Name, Type = 'application', Subnets, SubnetMappings, SecurityGroups, Scheme, Tags }) {
      checkName(Name);
      if (Type !== 'gateway')
        throw new AwsError(
          'InvalidConfigurationRequest',
          `the cloud in a box has gateway load balancers only, not '${Type}'`,
        );
      if (SecurityGroups?.length || Scheme)
        throw new AwsError(
          'InvalidConfigurationRequest',
          'A gateway load balancer has no security groups and no scheme',
        );
      const subnets = zonalSubnets(Subnets ?? SubnetMappings?.map(({ SubnetId = '' }) => SubnetId) ?? []);
      refuseUnencrypted(cloud, subnets[0]?.vpcId ?? '');
      const present = [...cloud.loadBalancers.values()].find(({ name }) => name === Name);
      if (present) {
        if (present.nodes.map(({ subnetId }) => subnetId).join() === subnets.map(({ id }) => id).join())
          return { LoadBalancers: [loadBalancerShape(present)] };
        throw new AwsError(
          'DuplicateLoadBalancerName',
          `A load balancer with the name '${Name}' exists, with other settings`,
        );
      }
      const there = [...cloud.loadBalancers.values()];
      const vpcId = subnets[0]?.vpcId;
      if (
        there.length >= LIMITS['gateway-load-balancers'] ||
        there.filter((one) => one.vpcId === vpcId).length >= LIMITS['gateway-load-balancers-per-vpc']
      )
        throw new AwsError('TooManyLoadBalancers', 'The maximum number of load balancers has been reached');
      const created = build(Name, subnets);
      setTags(cloud, created.arn, Tags);
      return { LoadBalancers: [loadBalancerShape(created)] };
    },

    /** Succeeds for one that is not there. https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html */
    DeleteLoadBalancer({ LoadBalancerArn }) {
      const found = cloud.loadBalancers.get(LoadBalancerArn);
      if (!found) return {};
      if (found.attributes.get('deletion_protection.enabled') === 'true')
        throw new AwsError(
          'OperationNotPermitted',
          `Load balancer '${LoadBalancerArn}' cannot be deleted because deletion protection is enabled`,
        );
      if (
        [...cloud.endpointServices.values()].some(({ loadBalancerArns }) => loadBalancerArns.includes(LoadBalancerArn))
      )
        throw new AwsError(
          'ResourceInUse',
          `Load balancer '${LoadBalancerArn}' is currently associated with another service`,
        );
      for (const listener of [...cloud.listeners.values()])
        if (listener.loadBalancerArn === LoadBalancerArn) removeListener(listener);
      for (const { interfaceId } of found.nodes) removeInterface(cloud, interfaceId);
      cloud.loadBalancers.delete(LoadBalancerArn);
      cloud.tags.delete(LoadBalancerArn);
      return {};
    },

    DescribeLoadBalancers({ LoadBalancerArns, Names, ...query }) {
      const chosen = LoadBalancerArns?.map((arn) => loadBalancerOf(cloud, arn)) ?? Names?.map(loadBalancerNamed);
      const { page, next } = markedPage(chosen ?? [...cloud.loadBalancers.values()], query);
      return { LoadBalancers: page.map(loadBalancerShape), ...next };
    },

    /** A node more for each zone more; none is ever taken out. https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html */
    SetSubnets({ LoadBalancerArn, Subnets, SubnetMappings }) {
      const found = loadBalancerOf(cloud, LoadBalancerArn);
      const subnets = zonalSubnets(Subnets ?? SubnetMappings?.map(({ SubnetId = '' }) => SubnetId) ?? []);
      const ids = subnets.map(({ id }) => id);
      if (subnets.some(({ vpcId }) => vpcId !== found.vpcId))
        throw new AwsError('InvalidSubnet', `The subnets must be of ${found.vpcId}`);
      if (found.nodes.some(({ subnetId }) => !ids.includes(subnetId)))
        throw new AwsError(
          'InvalidConfigurationRequest',
          'Subnets of a gateway load balancer that were enabled before must be among those given',
        );
      const present = found.nodes.map(({ subnetId }) => subnetId);
      for (const subnet of subnets) if (!present.includes(subnet.id)) found.nodes.push(addNode(found.arn, subnet));
      return { AvailabilityZones: loadBalancerShape(found).AvailabilityZones };
    },

    ModifyLoadBalancerAttributes({ LoadBalancerArn, Attributes }) {
      const found = loadBalancerOf(cloud, LoadBalancerArn);
      found.attributes = modifiedAttributes(LOAD_BALANCER_ATTRIBUTES, found.attributes, Attributes);
      return { Attributes: attributeList(found.attributes) };
    },

    DescribeLoadBalancerAttributes({ LoadBalancerArn }) {
      return { Attributes: attributeList(loadBalancerOf(cloud, LoadBalancerArn).attributes) };
    },

    CreateListener({ LoadBalancerArn, DefaultActions, Port, Protocol, Tags }) {
      loadBalancerOf(cloud, LoadBalancerArn);
      if (Port !== undefined || Protocol !== undefined)
        throw new AwsError('ValidationError', 'A listener of a gateway load balancer has no port and no protocol');
      const [action, another] = DefaultActions;
      const targetGroupArn = action?.TargetGroupArn ?? action?.ForwardConfig?.TargetGroups?.[0]?.TargetGroupArn;
      if (another || action?.Type !== 'forward' || !targetGroupArn)
        throw new AwsError(
          'InvalidLoadBalancerAction',
          'A listener of a gateway load balancer forwards to one target group',
        );
      const group = targetGroupOf(cloud, targetGroupArn);
      // "This operation is idempotent": https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
      const present = listenerTo(cloud, group);
      if (present?.loadBalancerArn === LoadBalancerArn) return { Listeners: [listenerShape(present)] };
      if ([...cloud.listeners.values()].some((each) => each.loadBalancerArn === LoadBalancerArn))
        throw new AwsError(
          'TooManyListeners',
          `Load balancer '${LoadBalancerArn}' has a listener; a gateway load balancer has one`,
        );
      if (present)
        throw new AwsError(
          'TargetGroupAssociationLimit',
          `Target group '${group.arn}' is used by another load balancer`,
        );
      const listener: Listener = {
        arn: listenerArn(cloud, LoadBalancerArn),
        loadBalancerArn: LoadBalancerArn,
        targetGroupArn,
        attributes: defaultAttributes(LISTENER_ATTRIBUTES),
      };
      cloud.listeners.set(listener.arn, listener);
      setTags(cloud, listener.arn, Tags);
      return { Listeners: [listenerShape(listener)] };
    },

    DeleteListener({ ListenerArn }) {
      removeListener(listenerOf(cloud, ListenerArn));
      return {};
    },

    DescribeListeners({ LoadBalancerArn, ListenerArns, ...query }) {
      // "You must specify either a load balancer or one or more listeners."
      // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeListeners.html
      if (LoadBalancerArn === undefined && !ListenerArns?.length)
        throw new AwsError('ValidationError', 'You must specify either listener ARNs or a load balancer ARN');
      if (LoadBalancerArn !== undefined) loadBalancerOf(cloud, LoadBalancerArn);
      const chosen =
        ListenerArns?.map((arn) => listenerOf(cloud, arn)) ??
        [...cloud.listeners.values()].filter((each) => each.loadBalancerArn === LoadBalancerArn);
      const { page, next } = markedPage(chosen, query);
      return { Listeners: page.map(listenerShape), ...next };
    },

    ModifyListenerAttributes({ ListenerArn, Attributes }) {
      const listener = listenerOf(cloud, ListenerArn);
      listener.attributes = modifiedAttributes(LISTENER_ATTRIBUTES, listener.attributes, Attributes);
      return { Attributes: attributeList(listener.attributes) };
    },

    DescribeListenerAttributes({ ListenerArn }) {
      return { Attributes: attributeList(listenerOf(cloud, ListenerArn).attributes) };
    },
  } satisfies Elb;

  function build(name: string, subnets: Subnet[]): LoadBalancer {
    const arn = newArn(cloud, 'loadbalancer/gwy', name);
    const created: LoadBalancer = {
      arn,
      name,
      vpcId: subnets[0]?.vpcId ?? '',
      createdAt: cloud.clock.now(),
      active: false,
      nodes: subnets.map((subnet) => addNode(arn, subnet)),
      attributes: defaultAttributes(LOAD_BALANCER_ATTRIBUTES),
    };
    cloud.loadBalancers.set(arn, created);
    cloud.after(cloud.delays.loadBalancerActive, () => {
      created.active = true;
    });
    return created;
  }

  function addNode(arn: string, subnet: Subnet): Node {
    const { id } = addInterface(cloud, subnet, {
      type: 'gateway_load_balancer',
      description: `ELB ${arn.slice(arn.indexOf('gwy/'))}`,
      sourceDestCheck: false,
    });
    const readyAt = cloud.clock.now() + cloud.delays.loadBalancerActive;
    cloud.after(cloud.delays.loadBalancerActive, () => {});
    return { interfaceId: id, subnetId: subnet.id, zone: subnet.zone, readyAt };
  }

  function zonalSubnets(ids: string[]): Subnet[] {
    const subnets = ids.map((id) => {
      const subnet = cloud.subnets.get(id);
      if (!subnet) throw new AwsError('SubnetNotFound', `The subnet ID '${id}' does not exist`);
      return subnet;
    });
    if (!subnets.length) throw new AwsError('ValidationError', 'At least one subnet must be specified');
    if (subnets.some(({ vpcId }) => vpcId !== subnets[0]?.vpcId))
      throw new AwsError('InvalidSubnet', 'The subnets must be of one VPC');
    if (new Set(subnets.map(({ zone }) => zone)).size < subnets.length)
      throw new AwsError(
        'InvalidConfigurationRequest',
        'A load balancer cannot be attached to multiple subnets in the same Availability Zone',
      );
    return subnets;
  }

  function removeListener({ arn }: Listener): void {
    cloud.listeners.delete(arn);
    cloud.tags.delete(arn);
  }

  function loadBalancerNamed(name: string): LoadBalancer {
    const found = [...cloud.loadBalancers.values()].find((each) => each.name === name);
    if (!found) throw new AwsError('LoadBalancerNotFound', `Load balancers '[${name}]' not found`);
    return found;
  }

  function loadBalancerShape({ arn, name, vpcId, createdAt, active, nodes }: LoadBalancer) {
    return {
      LoadBalancerArn: arn,
      LoadBalancerName: name,
      Type: 'gateway' as const,
      VpcId: vpcId,
      IpAddressType: 'ipv4' as const,
      CreatedTime: new Date(createdAt),
      State: { Code: active ? ('active' as const) : ('provisioning' as const) },
      AvailabilityZones: nodes.map(({ zone, subnetId }) => ({
        ZoneName: zone,
        SubnetId: subnetId,
        LoadBalancerAddresses: [],
      })),
    };
  }

  function listenerShape({ arn, loadBalancerArn, targetGroupArn }: Listener) {
    return {
      ListenerArn: arn,
      LoadBalancerArn: loadBalancerArn,
      DefaultActions: [
        {
          Type: 'forward' as const,
          TargetGroupArn: targetGroupArn,
          ForwardConfig: { TargetGroups: [{ TargetGroupArn: targetGroupArn }] },
        },
      ],
    };
  }
}
