import type { Clock } from '../clock.ts';
import type { FlowPolicy, Network, NodeTarget, RouteTarget } from '../fabric/fabric.ts';
import type { CloudContext } from './context.ts';
import { isIpv6 } from './ec2/cidr.ts';
import { blocksOf } from './ec2/cidr-blocks.ts';
import type { Route } from './ec2/records.ts';
import { isMain } from './ec2/route-tables.ts';
import { isBlackhole } from './ec2/routes.ts';
import { addressOf, stateOf, zoneOf } from './elbv2/health.ts';
import type { LoadBalancer, TargetGroup } from './elbv2/records.ts';

/** The data plane follows from the state of the cloud. */
export function networkOf(cloud: CloudContext): Network {
  const running = [...cloud.instances.values()].filter(({ state, restarting }) => state === 'running' && !restarting);
  const active = [...cloud.loadBalancers.values()].filter((each) => each.active);
  const nodeIds = new Set(active.flatMap((each) => readyNodes(cloud, each)).map(({ interfaceId }) => interfaceId));
  const runningIds = new Set(running.map(({ id }) => id));
  const tables = servingTables(cloud);
  return {
    vpcs: [...cloud.vpcs.values()].map((vpc) => ({ id: vpc.id, cidrs: blocksOf(vpc).filter((cidr) => !isIpv6(cidr)) })),
    subnets: [...cloud.subnets.values()].map(({ id, vpcId, zone, cidr }) => ({
      ...{ id, vpcId, zone, cidr },
      routeTableId: tables.get(id) ?? tables.get(vpcId) ?? '',
    })),
    routeTables: [...cloud.routeTables.values()].map(({ id, vpcId, routes }) => ({
      id,
      vpcId,
      // The fabric carries IPv4, and has nothing beyond a gateway.
      routes: routes
        .flatMap((route) => destinationsOf(cloud, route, routes))
        .filter(({ destination }) => !isIpv6(destination))
        .map(({ destination, target }) => ({ destination, target: leadsOn(cloud, target) })),
    })),
    instances: running.map(({ id, image }) => ({ id, image, name: cloud.tags.get(id)?.get('Name') ?? id })),
    interfaces: [...cloud.interfaces.values()]
      .filter(({ id, attachment }) => (attachment ? runningIds.has(attachment.instanceId) : nodeIds.has(id)))
      .map(({ id, attachment, subnetId, ip, sourceDestCheck }) => ({
        id,
        ...(attachment && { instanceId: attachment.instanceId }),
        deviceIndex: attachment?.deviceIndex ?? 0,
        subnetId,
        ip,
        sourceDestCheck,
      })),
    endpoints: [...cloud.endpoints.values()]
      .filter(({ type, state }) => type === 'GatewayLoadBalancer' && state === 'available')
      .map(({ id, interfaceId, subnetId, nodeId }) => ({ id, interfaceId, subnetId, nodeId })),
    nodes: active.flatMap((loadBalancer) => nodesOf(cloud, loadBalancer)),
  };
}

/**
 * A static route goes before a prefix list's to the same block, and that before a propagated one.
 * https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html#route-tables-priority
 */
function destinationsOf(
  { prefixLists }: CloudContext,
  route: Route,
  all: Route[],
): Pick<Route, 'destination' | 'target'>[] {
  const entries = prefixLists.get(route.destination)?.entries;
  if (!entries && route.origin !== 'Advertisement') return [route];
  const before = all.filter(
    (each) => each.origin !== 'Advertisement' && (!entries || !prefixLists.has(each.destination)),
  );
  const taken = new Set(before.flatMap(({ destination }) => prefixLists.get(destination)?.entries ?? destination));
  return (entries ?? [route.destination])
    .filter((destination) => !taken.has(destination))
    .map((destination) => ({ destination, target: route.target }));
}

function leadsOn(cloud: CloudContext, target: Route['target']): RouteTarget {
  if (
    target.kind === 'internet' ||
    target.kind === 'nat' ||
    target.kind === 'transit' ||
    target.kind === 'address' ||
    isBlackhole(cloud, target)
  )
    return { kind: 'blackhole' };
  return target.kind === 'local' ? target : { kind: target.kind, id: target.id };
}

/** A route table serves the subnets that are associated with it, by whose ids it stands here; a main one, by its VPC's, serves all others. */
function servingTables({ routeTables }: CloudContext): Map<string, string> {
  return new Map(
    [...routeTables.values()].flatMap(({ id, vpcId, associations }) =>
      associations.map((each): [string, string] => [isMain(each) ? vpcId : (each.subnetId ?? ''), id]),
    ),
  );
}

function nodesOf(cloud: CloudContext, loadBalancer: LoadBalancer): Network['nodes'] {
  const listener = [...cloud.listeners.values()].find(({ loadBalancerArn }) => loadBalancerArn === loadBalancer.arn);
  const group = listener && cloud.targetGroups.get(listener.targetGroupArn);
  const crossZone = loadBalancer.attributes.get('load_balancing.cross_zone.enabled') === 'true';
  const idle = Number(listener?.attributes.get('tcp.idle_timeout.seconds') ?? 350);
  return readyNodes(cloud, loadBalancer).map(({ interfaceId, zone }) => ({
    id: interfaceId,
    interfaceId,
    targets: group ? targetsOf(cloud, group, crossZone ? undefined : zone) : [],
    flows: flowPolicy(cloud.clock, group, idle),
  }));
}

const readyNodes = ({ clock }: CloudContext, { nodes }: LoadBalancer) =>
  nodes.filter(({ readyAt }) => readyAt <= clock.now());

function targetsOf(cloud: CloudContext, group: TargetGroup, zone: string | undefined): NodeTarget[] {
  return [...group.targets.values()].flatMap((target) => {
    const { state } = stateOf(cloud, group, target);
    const ip = addressOf(cloud, target.id);
    const standsIn = zoneOf(cloud, group, target.id);
    if (ip === undefined || state === 'unused') return [];
    if (zone !== undefined && standsIn !== undefined && standsIn !== zone) return [];
    return [{ id: target.id, ip, state: state === 'initial' ? 'unhealthy' : state }];
  });
}

/** Flows other than TCP idle out after 120 seconds, which cannot be set. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/gateway-load-balancers.html */
function flowPolicy(clock: Clock, group: TargetGroup | undefined, tcpIdleSeconds: number): FlowPolicy {
  const attribute = (key: string) => group?.attributes.get(key);
  const sticky = attribute('stickiness.enabled') === 'true';
  const rebalance = attribute('target_failover.on_unhealthy') === 'rebalance';
  const resets = !rebalance && !sticky;
  const type = attribute('stickiness.type') === 'source_ip_dest_ip' ? 'source_ip_dest_ip' : 'source_ip_dest_ip_proto';
  return {
    stickiness: sticky ? type : 'source_ip_dest_ip_proto_ports',
    rebalance,
    // "Does not apply when target_failover is rebalance", and needs the default stickiness.
    resetUnhealthy: resets && attribute('send_tcp_reset.on_unhealthy.enabled') === 'true',
    resetDeregistered: resets && attribute('send_tcp_reset.on_deregistration.enabled') === 'true',
    tcpIdle: clock.wall(tcpIdleSeconds * 1000),
    otherIdle: clock.wall(120_000),
  };
}
