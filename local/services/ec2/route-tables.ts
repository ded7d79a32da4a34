import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { isIpv6 } from './cidr.ts';
import { blocksOf, localRoute } from './cidr-blocks.ts';
import { describe } from './describe.ts';
import { type Ec2, find, ownerOf } from './find.ts';
import type { Route, RouteTable, Vpc } from './records.ts';
import { isBlackhole } from './routes.ts';
import { refuseOtherTags, tagList, tagsAtCreation } from './tags.ts';

/** Route tables and their associations. */
export function routeTables(cloud: CloudContext) {
  return {
    CreateRouteTable({ VpcId, TagSpecifications }) {
      const vpc = find(cloud.vpcs, 'vpc', VpcId);
      refuseOtherTags(['routeTable'], TagSpecifications);
      const tags = tagsAtCreation('routeTable', TagSpecifications);
      const table: RouteTable = {
        id: cloud.id('rtb'),
        vpcId: VpcId,
        associations: [],
        routes: localRoutes(vpc),
      };
      cloud.routeTables.set(table.id, table);
      cloud.tags.set(table.id, tags);
      return { RouteTable: tableShape(table) };
    },

    DeleteRouteTable({ RouteTableId }) {
      const table = find(cloud.routeTables, 'routeTable', RouteTableId);
      if (table.associations.length)
        throw new AwsError(
          'DependencyViolation',
          `The routeTable '${RouteTableId}' has dependencies and cannot be deleted.`,
        );
      cloud.routeTables.delete(RouteTableId);
      cloud.tags.delete(RouteTableId);
      return {};
    },

    AssociateRouteTable({ RouteTableId, SubnetId, GatewayId }) {
      const table = find(cloud.routeTables, 'routeTable', RouteTableId);
      if (GatewayId) return associateGateway(table, GatewayId);
      if (!SubnetId)
        throw new AwsError('MissingParameter', 'The request must contain the parameter subnetId or gatewayId');
      const subnet = find(cloud.subnets, 'subnet', SubnetId);
      if (subnet.vpcId !== table.vpcId)
        throw new AwsError(
          'InvalidParameterValue',
          `Route table ${RouteTableId} and subnet ${SubnetId} belong to different networks`,
        );
      const present = associations().find(({ association }) => association.subnetId === SubnetId);
      if (present && present.table !== table)
        throw new AwsError(
          'Resource.AlreadyAssociated',
          `the specified association for route table ${RouteTableId} conflicts with an existing association`,
        );
      const id = present?.association.id ?? cloud.id('rtbassoc');
      if (!present) table.associations.push({ id, subnetId: SubnetId });
      return { AssociationId: id, AssociationState: { State: 'associated' as const } };
    },

    ReplaceRouteTableAssociation({ AssociationId, RouteTableId }) {
      const { table: from, association } = associationOf(AssociationId);
      const to = find(cloud.routeTables, 'routeTable', RouteTableId);
      if (to.vpcId !== from.vpcId)
        throw new AwsError(
          'InvalidParameterValue',
          `Route tables ${from.id} and ${to.id} belong to different networks`,
        );
      from.associations = from.associations.filter((each) => each !== association);
      const id = cloud.id('rtbassoc');
      to.associations.push({ ...association, id });
      return { NewAssociationId: id, AssociationState: { State: 'associated' as const } };
    },

    DisassociateRouteTable({ AssociationId }) {
      const { table, association } = associationOf(AssociationId);
      if (isMain(association))
        throw new AwsError('InvalidParameterValue', 'cannot disassociate the main route table association');
      table.associations = table.associations.filter((each) => each !== association);
      return {};
    },

    DescribeRouteTables({ RouteTableIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.routeTables, {
        kind: 'routeTable',
        ids: RouteTableIds,
        query,
        maxResults: 100,
        by: {
          'route-table-id': ({ id }) => id,
          'vpc-id': ({ vpcId }) => vpcId,
          'owner-id': ({ vpcId }) => ownerOf(cloud, vpcId),
          'association.route-table-id': ({ id, associations }) => associations.map(() => id),
          'association.route-table-association-id': ({ associations }) => associations.map(({ id }) => id),
          'association.subnet-id': ({ associations }) => associations.flatMap(({ subnetId }) => subnetId ?? []),
          'association.main': ({ associations }) => associations.map((each) => String(isMain(each))),
          'association.gateway-id': ({ associations }) => associations.flatMap(({ gatewayId }) => gatewayId ?? []),
          'route.destination-cidr-block': ({ routes }) => routes.map(({ destination }) => destination),
          'route.destination-prefix-list-id': ({ routes }) =>
            routes.flatMap(({ destination }) => (cloud.prefixLists.has(destination) ? destination : [])),
          'route.transit-gateway-id': ({ routes }) =>
            routes.flatMap((route) => routeShape(route).TransitGatewayId ?? []),
          'route.nat-gateway-id': ({ routes }) => routes.flatMap((route) => routeShape(route).NatGatewayId ?? []),
          'route.gateway-id': ({ routes }) => routes.flatMap((route) => routeShape(route).GatewayId ?? []),
          'route.state': ({ routes }) => routes.map((route) => routeShape(route).State),
          'route.origin': ({ routes }) => routes.map(({ origin }) => origin),
        },
      });
      return { RouteTables: page.map(tableShape), ...next };
    },
  } satisfies Ec2;

  /** https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html#gateway-route-tables */
  function associateGateway(table: RouteTable, gatewayId: string) {
    if (cloud.internetGateways.get(gatewayId)?.vpcId !== table.vpcId)
      throw new AwsError('InvalidGatewayID.NotFound', `The gateway ID '${gatewayId}' does not exist`);
    if (table.associations.some((each) => each.gatewayId === undefined && each.subnetId === undefined))
      throw new AwsError('InvalidParameterValue', `The main route table ${table.id} cannot be a gateway's`);
    const id = cloud.id('rtbassoc');
    table.associations.push({ id, gatewayId });
    return { AssociationId: id, AssociationState: { State: 'associated' as const } };
  }

  function associations() {
    return [...cloud.routeTables.values()].flatMap((table) =>
      table.associations.map((association) => ({ table, association })),
    );
  }

  function associationOf(id: string) {
    const found = associations().find(({ association }) => association.id === id);
    if (!found) throw new AwsError('InvalidAssociationID.NotFound', `The association ID '${id}' does not exist`);
    return found;
  }

  function tableShape({ id, vpcId, associations, routes }: RouteTable) {
    return {
      RouteTableId: id,
      VpcId: vpcId,
      OwnerId: ownerOf(cloud, vpcId),
      Associations: associations.map((association) => ({
        Main: isMain(association),
        RouteTableAssociationId: association.id,
        RouteTableId: id,
        ...(association.subnetId !== undefined && { SubnetId: association.subnetId }),
        ...(association.gatewayId !== undefined && { GatewayId: association.gatewayId }),
        AssociationState: { State: 'associated' as const },
      })),
      PropagatingVgws: [],
      Routes: routes.map(routeShape),
      Tags: tagList(cloud, id),
    };
  }

  function routeShape({ destination, target, origin }: Route) {
    const family = isIpv6(destination) ? 'DestinationIpv6CidrBlock' : 'DestinationCidrBlock';
    return {
      [cloud.prefixLists.has(destination) ? 'DestinationPrefixListId' : family]: destination,
      ...targetShape(target),
      Origin: origin,
      State: isBlackhole(cloud, target) ? ('blackhole' as const) : ('active' as const),
    };
  }

  function targetShape(target: Route['target']): {
    GatewayId?: string;
    NatGatewayId?: string;
    TransitGatewayId?: string;
    IpAddress?: string;
    NetworkInterfaceId?: string;
    InstanceId?: string;
    InstanceOwnerId?: string;
  } {
    if (target.kind === 'local') return { GatewayId: 'local' };
    // A route has no member for an endpoint: EC2 answers with its id in GatewayId.
    if (target.kind === 'endpoint' || target.kind === 'internet') return { GatewayId: target.id };
    if (target.kind === 'nat') return { NatGatewayId: target.id };
    if (target.kind === 'transit') return { TransitGatewayId: target.id };
    if (target.kind === 'address') return { IpAddress: target.id };
    const attachment = cloud.interfaces.get(target.id)?.attachment;
    return {
      NetworkInterfaceId: target.id,
      ...(attachment && { InstanceId: attachment.instanceId, InstanceOwnerId: cloud.account }),
    };
  }
}

export function localRoutes(vpc: Vpc): Route[] {
  return blocksOf(vpc).map(localRoute);
}

export function isMain({ subnetId, gatewayId }: RouteTable['associations'][number]): boolean {
  return subnetId === undefined && gatewayId === undefined;
}
