import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { contains, normalCidr } from './cidr.ts';
import { blocksOf } from './cidr-blocks.ts';
import { describe, type FilterValues, type Query } from './describe.ts';
import { type Ec2, find, noSuch } from './find.ts';
import { addInterface, removeInterface } from './interfaces.ts';
import type { TransitGateway, TransitGatewayTable, VpcAttachment } from './records.ts';
import { refuseOtherTags, tagList, tagsAtCreation } from './tags.ts';

interface TableRoute {
  destination: string;
  attachment: VpcAttachment;
  type: 'static' | 'propagated';
}

/**
 * Transit gateways have VPCs attached to them, and route tables. What a gateway would carry, nothing carries here.
 * https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
 */
export function transitGateways(cloud: CloudContext) {
  return {
    CreateTransitGateway({ TagSpecifications }) {
      refuseOtherTags(['transitGateway'], TagSpecifications);
      const id = cloud.id('tgw');
      const gateway: TransitGateway = { id, owner: cloud.account, participants: [], defaultTableId: addTable(id).id };
      cloud.transitGateways.set(id, gateway);
      cloud.tags.set(id, tagsAtCreation('transitGateway', TagSpecifications));
      return { TransitGateway: { ...gatewayShape(gateway), State: 'pending' as const } };
    },

    DescribeTransitGateways({ TransitGatewayIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.transitGateways, {
        kind: 'transitGateway',
        ids: TransitGatewayIds,
        query,
        by: { 'transit-gateway-id': ({ id }) => id, 'owner-id': ({ owner }) => owner, state: () => 'available' },
      });
      return { TransitGateways: page.map(gatewayShape), ...next };
    },

    /** Each zone of the VPC by one subnet, in which it gets a network interface. Who shares a gateway has its owner accept. */
    CreateTransitGatewayVpcAttachment({ TransitGatewayId, VpcId, SubnetIds, Options = {}, TagSpecifications }) {
      const gateway = find(cloud.transitGateways, 'transitGateway', TransitGatewayId);
      const vpc = find(cloud.vpcs, 'vpc', VpcId);
      refuseOtherTags(['transitGatewayAttachment'], TagSpecifications);
      const ofBoth = [...cloud.everywhere.vpcAttachments.values()].filter(
        (each) => each.gatewayId === gateway.id && each.vpcId === vpc.id && each.state !== 'deleted',
      );
      if (ofBoth.length > 0)
        throw new AwsError(
          'DuplicateTransitGatewayAttachment',
          `${gateway.id} has non-deleted Transit Gateway Attachments with same VPC ID.`,
        );
      const attachment: VpcAttachment = {
        id: cloud.id('tgw-attach'),
        owner: cloud.account,
        gatewayId: gateway.id,
        vpcId: vpc.id,
        interfaces: new Map(),
        applianceMode: Options.ApplianceModeSupport === 'enable',
        state: gateway.owner === cloud.account ? 'pending' : 'pendingAcceptance',
        createdAt: cloud.clock.now(),
      };
      enter(attachment, SubnetIds);
      cloud.vpcAttachments.set(attachment.id, attachment);
      cloud.tags.set(attachment.id, tagsAtCreation('transitGatewayAttachment', TagSpecifications));
      if (attachment.state === 'pending') connect(attachment);
      return { TransitGatewayVpcAttachment: attachmentShape(attachment) };
    },

    AcceptTransitGatewayVpcAttachment({ TransitGatewayAttachmentId }) {
      const attachment = find(cloud.vpcAttachments, 'transitGatewayAttachment', TransitGatewayAttachmentId);
      if (ownerOfGateway(attachment) !== cloud.account) throw noSuch('transitGatewayAttachment', attachment.id);
      if (attachment.state !== 'pendingAcceptance') throw inState(attachment);
      attachment.state = 'pending';
      connect(attachment);
      return { TransitGatewayVpcAttachment: attachmentShape(attachment) };
    },

    ModifyTransitGatewayVpcAttachment(input) {
      const { TransitGatewayAttachmentId, AddSubnetIds = [], RemoveSubnetIds = [], Options = {} } = input;
      const attachment = own(TransitGatewayAttachmentId);
      if (attachment.state !== 'available') throw inState(attachment);
      leave(attachment, RemoveSubnetIds);
      enter(attachment, AddSubnetIds);
      if (Options.ApplianceModeSupport) attachment.applianceMode = Options.ApplianceModeSupport === 'enable';
      return { TransitGatewayVpcAttachment: attachmentShape(attachment) };
    },

    DeleteTransitGatewayVpcAttachment({ TransitGatewayAttachmentId }) {
      const attachment = own(TransitGatewayAttachmentId);
      if (attachment.state === 'deleted') throw inState(attachment);
      leave(attachment, [...attachment.interfaces.keys()]);
      attachment.state = 'deleted';
      for (const table of cloud.everywhere.transitGatewayTables.values()) {
        table.associations.delete(attachment.id);
        table.propagations.delete(attachment.id);
      }
      return { TransitGatewayVpcAttachment: attachmentShape(attachment) };
    },

    DescribeTransitGatewayVpcAttachments({ TransitGatewayAttachmentIds, ...query }) {
      const { page, ...next } = attachments(TransitGatewayAttachmentIds, query, { 'vpc-id': ({ vpcId }) => vpcId });
      return { TransitGatewayVpcAttachments: page.map(attachmentShape), ...next };
    },

    DescribeTransitGatewayAttachments({ TransitGatewayAttachmentIds, ...query }) {
      const { page, ...next } = attachments(TransitGatewayAttachmentIds, query, {
        'transit-gateway-owner-id': ownerOfGateway,
        'resource-id': ({ vpcId }) => vpcId,
        'resource-owner-id': ({ owner }) => owner,
        'resource-type': () => 'vpc',
      });
      return { TransitGatewayAttachments: page.map(shapeForOwner), ...next };
    },

    CreateTransitGatewayRouteTable({ TransitGatewayId }) {
      const gateway = ownGateway(TransitGatewayId);
      return { TransitGatewayRouteTable: tableShape(addTable(gateway.id)) };
    },

    DescribeTransitGatewayRouteTables({ TransitGatewayRouteTableIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.transitGatewayTables, {
        kind: 'transitGatewayRouteTable',
        ids: TransitGatewayRouteTableIds,
        query,
        by: {
          'transit-gateway-route-table-id': ({ id }) => id,
          'transit-gateway-id': ({ gatewayId }) => gatewayId,
          'default-association-route-table': (each) => String(isDefault(each)),
          'default-propagation-route-table': (each) => String(isDefault(each)),
          state: ({ state }) => state,
        },
      });
      return { TransitGatewayRouteTables: page.map(tableShape), ...next };
    },

    /** A table that attachments are associated with stays. */
    DeleteTransitGatewayRouteTable({ TransitGatewayRouteTableId }) {
      const table = standing(TransitGatewayRouteTableId);
      if (table.associations.size > 0) throw new AwsError('IncorrectState', `${table.id} has associations`);
      table.state = 'deleting';
      cloud.after(cloud.delays.gatewayTableDeleted, () => {
        table.state = 'deleted';
      });
      return { TransitGatewayRouteTable: tableShape(table) };
    },

    /** An attachment is associated with one table at a time. */
    AssociateTransitGatewayRouteTable({ TransitGatewayRouteTableId, TransitGatewayAttachmentId }) {
      const table = standing(TransitGatewayRouteTableId);
      const { id, vpcId } = find(cloud.vpcAttachments, 'transitGatewayAttachment', TransitGatewayAttachmentId);
      if (tableOf(id))
        throw new AwsError('Resource.AlreadyAssociated', `Transit Gateway Attachment ${id} is already associated.`);
      table.associations.add(id);
      return { Association: association(table, id, vpcId, 'associating') };
    },

    DisassociateTransitGatewayRouteTable({ TransitGatewayRouteTableId, TransitGatewayAttachmentId }) {
      const table = standing(TransitGatewayRouteTableId);
      const { id, vpcId } = find(cloud.vpcAttachments, 'transitGatewayAttachment', TransitGatewayAttachmentId);
      if (!table.associations.delete(id))
        throw new AwsError('InvalidAssociation.NotFound', `${id} is not associated with ${table.id}.`);
      return { Association: association(table, id, vpcId, 'disassociating') };
    },

    CreateTransitGatewayRoute({ DestinationCidrBlock, TransitGatewayRouteTableId, TransitGatewayAttachmentId = '' }) {
      const table = standing(TransitGatewayRouteTableId);
      const attachment = find(cloud.vpcAttachments, 'transitGatewayAttachment', TransitGatewayAttachmentId);
      const destination = normalCidr(DestinationCidrBlock) ?? '';
      if (table.routes.has(destination))
        throw new AwsError('RouteAlreadyExists', `Route already exists for ${destination} in ${table.id}.`);
      table.routes.set(destination, attachment.id);
      return { Route: routeShape({ destination, attachment, type: 'static' }) };
    },

    DeleteTransitGatewayRoute({ DestinationCidrBlock, TransitGatewayRouteTableId }) {
      const table = standing(TransitGatewayRouteTableId);
      if (!table.routes.delete(normalCidr(DestinationCidrBlock) ?? ''))
        throw new AwsError('InvalidRoute.NotFound', `There is no static route ${DestinationCidrBlock} in ${table.id}.`);
      return {};
    },

    SearchTransitGatewayRoutes({ TransitGatewayRouteTableId, Filters = [] }) {
      const table = standing(TransitGatewayRouteTableId);
      const by: Record<string, (route: TableRoute, value: string) => boolean> = {
        'attachment.transit-gateway-attachment-id': ({ attachment }, value) => attachment.id === value,
        'attachment.resource-id': ({ attachment }, value) => attachment.vpcId === value,
        'route-search.exact-match': ({ destination }, value) => destination === value,
        'route-search.supernet-of-match': ({ destination }, value) => contains(destination, value),
        state: (route, value) => stateOf(route) === value,
        type: ({ type }, value) => type === value,
      };
      if (Filters.length === 0)
        throw new AwsError('MissingParameter', 'The request must contain the parameter filters');
      const tests = Filters.map(({ Name = '', Values = [] }) => {
        const test = by[Name];
        if (!test) throw new AwsError('InvalidParameterValue', `The filter '${Name}' is invalid`);
        return (route: TableRoute) => Values.some((value) => test(route, value));
      });
      const found = routesOf(table).filter((route) => tests.every((test) => test(route)));
      return { Routes: found.map(routeShape), AdditionalRoutesAvailable: false };
    },
  } satisfies Ec2;

  /** @param by what one of the two calls filters by and the other does not */
  function attachments(ids: string[] | undefined, query: Query, by: FilterValues<VpcAttachment>) {
    const byBoth: FilterValues<VpcAttachment> = {
      'transit-gateway-attachment-id': ({ id }) => id,
      'transit-gateway-id': ({ gatewayId }) => gatewayId,
      state: ({ state }) => state,
    };
    const kind = 'transitGatewayAttachment';
    return describe(cloud, cloud.vpcAttachments, { kind, ids, query, by: { ...byBoth, ...by } });
  }

  function addTable(gatewayId: string): TransitGatewayTable {
    const table: TransitGatewayTable = {
      ...{ id: cloud.id('tgw-rtb'), gatewayId, routes: new Map() },
      state: 'available',
      ...{ associations: new Set(), propagations: new Set() },
    };
    cloud.transitGatewayTables.set(table.id, table);
    return table;
  }

  /** A table that is deleted is still described, and of no other use. */
  function standing(id: string): TransitGatewayTable {
    const table = find(cloud.transitGatewayTables, 'transitGatewayRouteTable', id);
    if (table.state !== 'available') throw inState(table);
    return table;
  }

  function ownGateway(id: string): TransitGateway {
    const gateway = find(cloud.transitGateways, 'transitGateway', id);
    if (gateway.owner !== cloud.account)
      throw new AwsError('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
    return gateway;
  }

  /** An account is told of more attachments than it may change: those of its own VPCs. */
  function own(id: string): VpcAttachment {
    const attachment = find(cloud.vpcAttachments, 'transitGatewayAttachment', id);
    if (attachment.owner !== cloud.account) throw noSuch('transitGatewayAttachment', id);
    return attachment;
  }

  function inState({ id, state }: VpcAttachment | TransitGatewayTable): AwsError {
    return new AwsError('IncorrectState', `${id} is in invalid state: ${state}`);
  }

  function enter(attachment: VpcAttachment, subnetIds: string[] | undefined = []): void {
    const subnets = subnetIds.map((id) => find(cloud.subnets, 'subnet', id));
    const there = [...attachment.interfaces.keys()].map((id) => find(cloud.subnets, 'subnet', id));
    const zones = [...there, ...subnets].map(({ zone }) => zone);
    if (subnets.some(({ vpcId }) => vpcId !== attachment.vpcId))
      throw new AwsError('InvalidParameterValue', `Subnets are not all of ${attachment.vpcId}`);
    if (new Set(zones).size < zones.length)
      throw new AwsError('DuplicateSubnetsInSameZone', 'Duplicate Subnets for same AZ');
    for (const subnet of subnets) {
      const description = `Network Interface for Transit Gateway Attachment ${attachment.id}`;
      const { id } = addInterface(cloud, subnet, { type: 'transit_gateway', description, sourceDestCheck: false });
      attachment.interfaces.set(subnet.id, id);
    }
  }

  function leave({ interfaces }: VpcAttachment, subnetIds: string[]): void {
    for (const id of subnetIds) {
      removeInterface(cloud, interfaces.get(id) ?? '');
      interfaces.delete(id);
    }
  }

  /** A gateway's default table is each new attachment's own, and has its VPC's blocks. */
  function connect(attachment: VpcAttachment): void {
    cloud.after(cloud.delays.gatewayAttached, () => {
      if (attachment.state !== 'pending') return;
      attachment.state = 'available';
      const { everywhere } = cloud;
      const table = everywhere.transitGatewayTables.get(
        everywhere.transitGateways.get(attachment.gatewayId)?.defaultTableId ?? '',
      );
      table?.associations.add(attachment.id);
      table?.propagations.add(attachment.id);
    });
  }

  function routesOf({ routes, propagations }: TransitGatewayTable): TableRoute[] {
    const attachmentOf = (id: string) => cloud.everywhere.vpcAttachments.get(id);
    const fixed = [...routes].flatMap(([destination, id]): TableRoute[] => {
      const attachment = attachmentOf(id);
      return attachment ? [{ destination, attachment, type: 'static' }] : [];
    });
    const propagated = [...propagations].flatMap((id): TableRoute[] => {
      const attachment = attachmentOf(id);
      const vpc = attachment && cloud.everywhere.vpcs.get(attachment.vpcId);
      return vpc ? blocksOf(vpc).map((destination) => ({ destination, attachment, type: 'propagated' })) : [];
    });
    return [...fixed, ...propagated.filter(({ destination }) => !routes.has(destination))];
  }

  function stateOf({ attachment }: TableRoute) {
    return attachment.state === 'available' ? ('active' as const) : ('blackhole' as const);
  }

  function tableOf(attachmentId: string): TransitGatewayTable | undefined {
    return [...cloud.everywhere.transitGatewayTables.values()].find(({ associations }) =>
      associations.has(attachmentId),
    );
  }

  function isDefault({ id, gatewayId }: TransitGatewayTable): boolean {
    return cloud.everywhere.transitGateways.get(gatewayId)?.defaultTableId === id;
  }

  function ownerOfGateway({ gatewayId }: VpcAttachment): string {
    return cloud.everywhere.transitGateways.get(gatewayId)?.owner ?? '';
  }

  function gatewayShape({ id, owner }: TransitGateway) {
    const TransitGatewayArn = `arn:aws:ec2:${cloud.region}:${owner}:transit-gateway/${id}`;
    return {
      ...{ TransitGatewayId: id, TransitGatewayArn, OwnerId: owner },
      ...{ State: 'available' as const, Tags: tagList(cloud, id) },
    };
  }

  function attachmentShape({
    id,
    gatewayId,
    vpcId,
    owner,
    state,
    interfaces,
    applianceMode,
    createdAt,
  }: VpcAttachment) {
    return {
      ...{ TransitGatewayAttachmentId: id, TransitGatewayId: gatewayId, VpcId: vpcId, VpcOwnerId: owner, State: state },
      SubnetIds: [...interfaces.keys()],
      CreationTime: new Date(createdAt),
      Options: {
        ...{ DnsSupport: 'enable' as const, Ipv6Support: 'disable' as const },
        ApplianceModeSupport: applianceMode ? ('enable' as const) : ('disable' as const),
      },
      Tags: tagList(cloud, id),
    };
  }

  /** The gateway's owner alone is told of which table an attachment is. */
  function shapeForOwner(attachment: VpcAttachment) {
    const table = tableOf(attachment.id);
    const told = table && ownerOfGateway(attachment) === cloud.account;
    return {
      TransitGatewayAttachmentId: attachment.id,
      TransitGatewayId: attachment.gatewayId,
      TransitGatewayOwnerId: ownerOfGateway(attachment),
      ResourceOwnerId: attachment.owner,
      ResourceType: 'vpc' as const,
      ResourceId: attachment.vpcId,
      State: attachment.state,
      ...(told && { Association: { TransitGatewayRouteTableId: table.id, State: 'associated' as const } }),
      CreationTime: new Date(attachment.createdAt),
      Tags: tagList(cloud, attachment.id),
    };
  }

  function tableShape(table: TransitGatewayTable) {
    return {
      ...{ TransitGatewayRouteTableId: table.id, TransitGatewayId: table.gatewayId, State: table.state },
      DefaultAssociationRouteTable: isDefault(table),
      DefaultPropagationRouteTable: isDefault(table),
    };
  }

  function association(table: TransitGatewayTable, id: string, vpcId: string, State: 'associating' | 'disassociating') {
    return {
      ...{ TransitGatewayRouteTableId: table.id, TransitGatewayAttachmentId: id, State },
      ...{ ResourceId: vpcId, ResourceType: 'vpc' as const },
    };
  }

  function routeShape(route: TableRoute) {
    const { id, vpcId } = route.attachment;
    return {
      DestinationCidrBlock: route.destination,
      TransitGatewayAttachments: [{ TransitGatewayAttachmentId: id, ResourceId: vpcId, ResourceType: 'vpc' as const }],
      Type: route.type,
      State: stateOf(route),
    };
  }
}
