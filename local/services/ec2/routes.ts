import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { contains, isIpv6, normalCidr } from './cidr.ts';
import { blocksOf } from './cidr-blocks.ts';
import { type Ec2, find, noSuch, ownerOf } from './find.ts';
import { soleInterface } from './interfaces.ts';
import type { Route, RouteTable } from './records.ts';

/** Routes of one table and family, apart from the local ones. https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html */
const ROUTES_PER_TABLE = 500;

/** Reserved for services on the link. https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html */
const LINK_LOCAL_SERVICES = '169.254.168.0/22';

interface RouteInput {
  RouteTableId: string;
  DestinationCidrBlock?: string | undefined;
  DestinationIpv6CidrBlock?: string | undefined;
  DestinationPrefixListId?: string | undefined;
  VpcEndpointId?: string | undefined;
  NetworkInterfaceId?: string | undefined;
  InstanceId?: string | undefined;
  GatewayId?: string | undefined;
  NatGatewayId?: string | undefined;
  TransitGatewayId?: string | undefined;
  LocalTarget?: boolean | undefined;
}

/** Routes. */
export function routes(cloud: CloudContext) {
  return {
    CreateRoute(input) {
      const table = ownTable(input.RouteTableId);
      const destination = destinationOf(cloud, input);
      if (routeTo(table, destination))
        throw new AwsError('RouteAlreadyExists', `The route identified by ${destination} already exists.`);
      const target = targetOf(table, input);
      refuseDestination(table, destination, target);
      if (routesOf(table, isIpv6To(destination)) + weightOf(destination) > ROUTES_PER_TABLE)
        throw new AwsError(
          'RouteLimitExceeded',
          `The maximum number of routes (${ROUTES_PER_TABLE}) has been reached.`,
        );
      table.routes.push({ destination, target, origin: 'CreateRoute' });
      return { Return: true };
    },

    ReplaceRoute(input) {
      const table = ownTable(input.RouteTableId);
      const destination = destinationOf(cloud, input);
      const route = routeTo(table, destination);
      // Another code than DeleteRoute has for the same thing.
      if (!route)
        throw new AwsError(
          'InvalidParameterValue',
          `There is no route defined for '${destination}' in the route table. Use CreateRoute instead.`,
        );
      if (input.LocalTarget && route.origin !== 'CreateRouteTable')
        throw new AwsError('InvalidParameterValue', `The route ${destination} cannot be set to local`);
      const target = input.LocalTarget ? { kind: 'local' as const } : targetOf(table, input);
      if (route.origin === 'CreateRoute') refuseDestination(table, destination, target);
      route.target = target;
      return {};
    },

    DeleteRoute(input) {
      const table = ownTable(input.RouteTableId);
      const destination = destinationOf(cloud, input);
      const route = routeTo(table, destination);
      if (!route)
        throw new AwsError(
          'InvalidRoute.NotFound',
          `no route with destination-cidr-block ${destination} in route table ${table.id}`,
        );
      if (route.origin === 'CreateRouteTable')
        throw new AwsError(
          'InvalidParameterValue',
          `cannot remove local route ${destination} in route table ${table.id}`,
        );
      table.routes = table.routes.filter((each) => each !== route);
      return {};
    },
  } satisfies Ec2;

  /** Static routes of one family, as the quota counts them. */
  function routesOf(table: RouteTable, ipv6: boolean): number {
    return table.routes
      .filter(({ origin, destination }) => origin === 'CreateRoute' && isIpv6To(destination) === ipv6)
      .reduce((sum, { destination }) => sum + weightOf(destination), 0);
  }

  /** A prefix list counts for the most entries that it may have. https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html */
  function weightOf(destination: string): number {
    return cloud.prefixLists.get(destination)?.maxEntries ?? 1;
  }

  function isIpv6To(destination: string): boolean {
    return (cloud.prefixLists.get(destination)?.family ?? (isIpv6(destination) ? 'IPv6' : 'IPv4')) === 'IPv6';
  }

  /** Participants of a shared VPC see its route tables, and change none. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html */
  function ownTable(id: string): RouteTable {
    const table = find(cloud.routeTables, 'routeTable', id);
    if (ownerOf(cloud, table.vpcId) !== cloud.account)
      throw new AwsError('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
    return table;
  }

  function targetOf(table: RouteTable, input: RouteInput): Route['target'] {
    const { VpcEndpointId, NetworkInterfaceId, InstanceId, GatewayId, NatGatewayId, TransitGatewayId } = input;
    const given = [VpcEndpointId, NetworkInterfaceId, InstanceId, GatewayId, NatGatewayId, TransitGatewayId].filter(
      Boolean,
    );
    if (given.length !== 1)
      throw new AwsError(
        given.length ? 'InvalidParameterCombination' : 'MissingParameter',
        'The request must contain exactly one of: vpcEndpointId, networkInterfaceId, instanceId, gatewayId, natGatewayId, transitGatewayId',
      );
    if (VpcEndpointId) return endpointTarget(table, VpcEndpointId);
    if (GatewayId) return internetTarget(table, GatewayId);
    if (NatGatewayId) return natTarget(table, NatGatewayId);
    if (TransitGatewayId) return transitTarget(table, TransitGatewayId);
    const id = InstanceId
      ? soleInterface(cloud, find(cloud.instances, 'instance', InstanceId)).id
      : (NetworkInterfaceId ?? '');
    const { subnetId } = find(cloud.interfaces, 'interface', id);
    if (cloud.subnets.get(subnetId)?.vpcId !== table.vpcId)
      throw new AwsError(
        'InvalidParameterValue',
        `route table ${table.id} and interface ${id} belong to different networks`,
      );
    return { kind: 'interface', id };
  }

  function endpointTarget(table: RouteTable, id: string): Route['target'] {
    const endpoint = cloud.endpoints.get(id);
    if (!endpoint || endpoint.state === 'deleted') throw noSuch('endpoint', id);
    // AWS's code for this is not documented; this is the one it has for gateways of another VPC.
    refuseOtherNetwork(table, id, endpoint.vpcId);
    // Seen by everyone who did not wait: https://github.com/hashicorp/terraform-provider-aws/issues/32774
    if (endpoint.state !== 'available' || endpoint.type !== 'GatewayLoadBalancer')
      throw new AwsError('RouteNotSupported', `Route table contains unsupported route target: ${id}`);
    return { kind: 'endpoint', id };
  }

  function internetTarget(table: RouteTable, id: string): Route['target'] {
    const gateway = cloud.internetGateways.get(id);
    if (!gateway) throw new AwsError('InvalidGatewayID.NotFound', `The gateway ID '${id}' does not exist`);
    refuseOtherNetwork(table, id, gateway.vpcId);
    return { kind: 'internet', id };
  }

  /** The VPC must be attached to it. */
  function transitTarget(table: RouteTable, id: string): Route['target'] {
    if (!isAttached(cloud, id, table.vpcId)) throw noSuch('transitGateway', id);
    return { kind: 'transit', id };
  }

  function natTarget(table: RouteTable, id: string): Route['target'] {
    const gateway = find(cloud.natGateways, 'natGateway', id);
    if (gateway.state === 'deleted') throw noSuch('natGateway', id);
    refuseOtherNetwork(table, id, gateway.vpcId);
    return { kind: 'nat', id };
  }

  function refuseOtherNetwork(table: RouteTable, id: string, vpcId: string | undefined): void {
    if (vpcId === table.vpcId) return;
    throw new AwsError(
      'InvalidParameterValue',
      `route table ${table.id} and network gateway ${id} belong to different networks`,
    );
  }

  /** https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html: within the VPC, only to a whole subnet. */
  function refuseDestination(table: RouteTable, destination: string, target: Route['target']): void {
    if (contains(LINK_LOCAL_SERVICES, destination))
      throw new AwsError('InvalidParameterValue', `The destination CIDR block ${destination} is reserved.`);
    const vpc = find(cloud.vpcs, 'vpc', table.vpcId);
    if (target.kind === 'local') return;
    const subnets = [...cloud.subnets.values()].filter(({ vpcId }) => vpcId === vpc.id);
    if (subnets.some((subnet) => blocksOf(subnet).includes(destination))) return;
    if (table.associations.some(({ gatewayId }) => gatewayId))
      throw new AwsError('RouteNotSupported', 'Route table contains unsupported route destination');
    if (!blocksOf(vpc).some((own) => contains(own, destination))) return;
    throw new AwsError(
      'InvalidParameterValue',
      `The destination CIDR block ${destination} is equal to or more specific than one of this VPC's CIDR blocks, and is not that of a whole subnet.`,
    );
  }
}

const isAttached = (cloud: CloudContext, gatewayId: string, vpcId?: string) =>
  [...cloud.everywhere.vpcAttachments.values()].some(
    (each) =>
      each.gatewayId === gatewayId && each.state === 'available' && (vpcId === undefined || each.vpcId === vpcId),
  );

/** "The route's target isn't available": gone, not available any more, or attached to an instance that does not run. */
export function isBlackhole(cloud: CloudContext, target: Route['target']): boolean {
  if (target.kind === 'local' || target.kind === 'address') return false;
  if (target.kind === 'endpoint') return cloud.endpoints.get(target.id)?.state !== 'available';
  if (target.kind === 'internet') return cloud.internetGateways.get(target.id)?.vpcId === undefined;
  if (target.kind === 'nat') return cloud.natGateways.get(target.id)?.state !== 'available';
  if (target.kind === 'transit') return !isAttached(cloud, target.id);
  const attachment = cloud.interfaces.get(target.id)?.attachment;
  return !attachment || cloud.instances.get(attachment.instanceId)?.state !== 'running';
}

function destinationOf(
  cloud: CloudContext,
  { DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId }: RouteInput,
): string {
  const text = DestinationCidrBlock ?? DestinationIpv6CidrBlock;
  const given = [DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId].filter(Boolean);
  if (given.length === 1 && DestinationPrefixListId)
    return find(cloud.prefixLists, 'prefixList', DestinationPrefixListId).id;
  if (text === undefined || given.length !== 1)
    throw new AwsError(
      'MissingParameter',
      'The request must contain exactly one of: destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId',
    );
  const cidr = normalCidr(text);
  const name = DestinationCidrBlock === undefined ? 'destinationIpv6CidrBlock' : 'destinationCidrBlock';
  if (!cidr || isIpv6(cidr) !== (DestinationCidrBlock === undefined))
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${text}) for parameter ${name} is invalid. This is not a valid CIDR block.`,
    );
  return cidr;
}

/** Static routes, which calls create and change. No call changes a propagated route, and a static one to the same destination can stand beside it. */
const routeTo = (table: RouteTable, destination: string) =>
  table.routes.find((route) => route.destination === destination && route.origin !== 'Advertisement');

/**
 * A route server's peers speak BGP, which the box does not: this puts into a table what they would advertise.
 * https://docs.aws.amazon.com/vpc/latest/userguide/dynamic-routing-route-server.html
 */
export function advertise(cloud: CloudContext, tableId: string, destination: string, nextHop: string): void {
  const table = find(cloud.routeTables, 'routeTable', tableId);
  table.routes = table.routes.filter((each) => each.destination !== destination || each.origin !== 'Advertisement');
  table.routes.push({ destination, target: { kind: 'address', id: nextHop }, origin: 'Advertisement' });
}
