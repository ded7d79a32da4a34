import * as ec2 from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { given, type TestCloud, testCloud, testTable, testVpc } from '../../../support/cloud.ts';

const OTHER = '222233334444';
let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
let gateway: string;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
  const { TransitGateway } = await cloud.ec2.send(new ec2.CreateTransitGatewayCommand({}));
  gateway = given(TransitGateway?.TransitGatewayId);
});

async function attach(
  client = cloud.ec2,
  VpcId = vpc.vpc,
  SubnetIds = [vpc.a0],
  more: Partial<ec2.CreateTransitGatewayVpcAttachmentCommandInput> = {},
) {
  const command = { TransitGatewayId: gateway, VpcId, SubnetIds, ...more };
  const { TransitGatewayVpcAttachment } = await client.send(new ec2.CreateTransitGatewayVpcAttachmentCommand(command));
  return given(TransitGatewayVpcAttachment?.TransitGatewayAttachmentId);
}
const described = async (client = cloud.ec2) =>
  (await client.send(new ec2.DescribeTransitGatewayVpcAttachmentsCommand({}))).TransitGatewayVpcAttachments ?? [];
const tables = async (client = cloud.ec2) =>
  (await client.send(new ec2.DescribeTransitGatewayRouteTablesCommand({}))).TransitGatewayRouteTables ?? [];
async function routes(TransitGatewayRouteTableId: string, ...more: ec2.Filter[]) {
  const Filters = [{ Name: 'state', Values: ['active', 'blackhole'] }, ...more];
  const command = new ec2.SearchTransitGatewayRoutesCommand({ TransitGatewayRouteTableId, Filters });
  const { Routes = [] } = await cloud.ec2.send(command);
  return Routes.map(({ DestinationCidrBlock, Type, State }) => `${DestinationCidrBlock} ${Type} ${State}`);
}
const available = () => cloud.clock.run(60_000);

describe('an attachment of a VPC', () => {
  test('becomes available, has an interface in each of its subnets, and is without appliance mode until it is asked for', async () => {
    const id = await attach(cloud.ec2, vpc.vpc, [vpc.a0, vpc.b0]);
    expect(await described()).toMatchObject([{ State: 'pending', Options: { ApplianceModeSupport: 'disable' } }]);
    await available();
    const modify = { TransitGatewayAttachmentId: id, Options: { ApplianceModeSupport: 'enable' as const } };
    await cloud.ec2.send(new ec2.ModifyTransitGatewayVpcAttachmentCommand({ ...modify, RemoveSubnetIds: [vpc.b0] }));
    expect(await described()).toMatchObject([
      { State: 'available', SubnetIds: [vpc.a0], VpcId: vpc.vpc, Options: { ApplianceModeSupport: 'enable' } },
    ]);
    const Filters = [{ Name: 'interface-type', Values: ['transit_gateway'] }];
    const { NetworkInterfaces } = await cloud.ec2.send(new ec2.DescribeNetworkInterfacesCommand({ Filters }));
    expect(NetworkInterfaces?.map(({ SubnetId }) => SubnetId)).toEqual([vpc.a0]);
    await expect(cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: vpc.a0 }))).rejects.toMatchObject({
      name: 'DependencyViolation',
    });
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['two subnets of a zone', () => attach(cloud.ec2, vpc.vpc, [vpc.a0, vpc.a1]), 'DuplicateSubnetsInSameZone'],
    ['a second one', () => attach().then(() => attach()), 'DuplicateTransitGatewayAttachment'],
    ['a gateway that nobody shares', () => attach(cloud.ec2Of(OTHER)), 'InvalidTransitGatewayID.NotFound'],
    [
      'a change before it is available',
      async () => {
        const TransitGatewayAttachmentId = await attach();
        await cloud.ec2.send(new ec2.ModifyTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId }));
      },
      'IncorrectState',
    ],
  ])('is refused with %s', async (_, work, name) => {
    await expect(work()).rejects.toMatchObject({ name });
  });

  test('is what a route of its VPC may lead to, and a blackhole once it has gone', async () => {
    const RouteTableId = await testTable(cloud, vpc.vpc, vpc.a1);
    const create = { RouteTableId, DestinationCidrBlock: '10.99.0.0/16', TransitGatewayId: gateway };
    await expect(cloud.ec2.send(new ec2.CreateRouteCommand(create))).rejects.toMatchObject({
      name: 'InvalidTransitGatewayID.NotFound',
    });
    const TransitGatewayAttachmentId = await attach();
    await available();
    await cloud.ec2.send(new ec2.CreateRouteCommand(create));
    const route = async () => {
      const { RouteTables } = await cloud.ec2.send(
        new ec2.DescribeRouteTablesCommand({ RouteTableIds: [RouteTableId] }),
      );
      return RouteTables?.[0]?.Routes?.find(({ TransitGatewayId }) => TransitGatewayId === gateway);
    };
    expect(await route()).toMatchObject({ DestinationCidrBlock: '10.99.0.0/16', State: 'active' });
    await cloud.ec2.send(new ec2.DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId }));
    expect(await route()).toMatchObject({ State: 'blackhole' });
  });
});

describe("a gateway's route table", () => {
  test('has the blocks of what is attached, and static routes before them', async () => {
    const id = await attach();
    const [table] = await tables();
    const TransitGatewayRouteTableId = given(table?.TransitGatewayRouteTableId);
    expect(await routes(TransitGatewayRouteTableId)).toEqual([]);
    await available();
    const route = { TransitGatewayRouteTableId, TransitGatewayAttachmentId: id };
    const create = (DestinationCidrBlock: string) =>
      cloud.ec2.send(new ec2.CreateTransitGatewayRouteCommand({ ...route, DestinationCidrBlock }));
    await create('10.20.0.0/16');
    await expect(create('10.20.0.0/16')).rejects.toMatchObject({ name: 'RouteAlreadyExists' });
    expect(await routes(TransitGatewayRouteTableId)).toEqual([
      '10.20.0.0/16 static active',
      '10.0.0.0/16 propagated active',
    ]);
    const ofNobody = { Name: 'attachment.transit-gateway-attachment-id', Values: ['tgw-attach-0'] };
    expect(await routes(TransitGatewayRouteTableId, ofNobody)).toEqual([]);
    const { TransitGatewayAttachments } = await cloud.ec2.send(new ec2.DescribeTransitGatewayAttachmentsCommand({}));
    expect(TransitGatewayAttachments).toMatchObject([{ Association: { TransitGatewayRouteTableId } }]);
    const other = await cloud.ec2.send(new ec2.CreateTransitGatewayRouteTableCommand({ TransitGatewayId: gateway }));
    const another = given(other.TransitGatewayRouteTable?.TransitGatewayRouteTableId);
    const associate = new ec2.AssociateTransitGatewayRouteTableCommand({
      ...route,
      TransitGatewayRouteTableId: another,
    });
    await expect(cloud.ec2.send(associate)).rejects.toMatchObject({ name: 'Resource.AlreadyAssociated' });
    await cloud.ec2.send(new ec2.DisassociateTransitGatewayRouteTableCommand(route));
    await cloud.ec2.send(associate);
    expect(
      (await cloud.ec2.send(new ec2.DescribeTransitGatewayAttachmentsCommand({}))).TransitGatewayAttachments,
    ).toMatchObject([{ Association: { TransitGatewayRouteTableId: another } }]);
    await cloud.ec2.send(new ec2.DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: id }));
    expect(await routes(TransitGatewayRouteTableId)).toEqual(['10.20.0.0/16 static blackhole']);
  });
});

test('a route table that is deleted is still told of, by another state, and is searched no more', async () => {
  const [TransitGatewayId, id] = [gateway, await attach()];
  await available();
  const { TransitGatewayRouteTable } = await cloud.ec2.send(
    new ec2.CreateTransitGatewayRouteTableCommand({ TransitGatewayId }),
  );
  const TransitGatewayRouteTableId = given(TransitGatewayRouteTable?.TransitGatewayRouteTableId);
  const [ofAttachment] = await tables();
  const remove = (TransitGatewayRouteTableId = '') =>
    cloud.ec2.send(new ec2.DeleteTransitGatewayRouteTableCommand({ TransitGatewayRouteTableId }));
  await expect(remove(ofAttachment?.TransitGatewayRouteTableId)).rejects.toMatchObject({ name: 'IncorrectState' });
  const route = { TransitGatewayRouteTableId, TransitGatewayAttachmentId: id };
  await cloud.ec2.send(new ec2.CreateTransitGatewayRouteCommand({ ...route, DestinationCidrBlock: '10.20.0.0/16' }));
  await remove(TransitGatewayRouteTableId);
  const states = async (...Values: string[]) => {
    const Filters = [{ Name: 'state', Values }];
    const asked = new ec2.DescribeTransitGatewayRouteTablesCommand({ Filters });
    return (await cloud.ec2.send(asked)).TransitGatewayRouteTables?.map((each) => each.TransitGatewayRouteTableId);
  };
  expect(await states('deleting')).toEqual([TransitGatewayRouteTableId]);
  expect(await states('available')).toEqual([ofAttachment?.TransitGatewayRouteTableId]);
  await expect(routes(TransitGatewayRouteTableId)).rejects.toMatchObject({ name: 'IncorrectState' });
  await available();
  expect(await states('deleted')).toEqual([TransitGatewayRouteTableId]);
});

test('one that is shared is attached to by another account once its owner accepts, who alone sees its tables', async () => {
  const theirs = cloud.ec2Of(OTHER);
  cloud.cloud.shareGateway(gateway, OTHER);
  const far = await testVpc({ ec2: theirs });
  const id = await attach(theirs, far.vpc, [far.a0]);
  await available();
  expect(await described(theirs)).toMatchObject([{ State: 'pendingAcceptance', VpcOwnerId: OTHER }]);
  const accept = new ec2.AcceptTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: id });
  await expect(theirs.send(accept)).rejects.toMatchObject({ name: 'InvalidTransitGatewayAttachmentID.NotFound' });
  await cloud.ec2.send(accept);
  await available();
  for (const seen of [await described(), await described(theirs)]) expect(seen).toMatchObject([{ State: 'available' }]);
  expect([(await tables()).length, await tables(theirs)]).toEqual([1, []]);
  const { TransitGatewayAttachments } = await theirs.send(new ec2.DescribeTransitGatewayAttachmentsCommand({}));
  expect(TransitGatewayAttachments).toMatchObject([{ TransitGatewayOwnerId: '111122223333', ResourceOwnerId: OTHER }]);
  expect(TransitGatewayAttachments?.[0]).not.toHaveProperty('Association');
});
