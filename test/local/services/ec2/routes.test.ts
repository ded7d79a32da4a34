import * as ec2 from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  ACCOUNT,
  availableEndpoint,
  given,
  launch,
  type TestCloud,
  testCloud,
  testLoadBalancer,
  testVpc,
} from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
let service: Awaited<ReturnType<typeof testLoadBalancer>>;
let table: string;
let endpoint: string;
let card: string;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
  service = await testLoadBalancer(cloud, { vpc });
  endpoint = await availableEndpoint(cloud, service, vpc.vpc, vpc.a1);
  await launch(cloud, vpc.a0);
  const { NetworkInterfaces } = await cloud.ec2.send(
    new ec2.DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'interface-type', Values: ['interface'] }] }),
  );
  card = given(NetworkInterfaces?.[0]?.NetworkInterfaceId);
  const { RouteTable } = await cloud.ec2.send(new ec2.CreateRouteTableCommand({ VpcId: vpc.vpc }));
  table = given(RouteTable?.RouteTableId);
});

/** https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html */
test('a VPC, its subnets and tables are the account’s that made it, and nobody else changes routes there', async () => {
  const owner = cloud.ec2Of('444455556666');
  const shared = await testVpc({ ec2: owner });
  cloud.cloud.share(shared.vpc, ACCOUNT);
  const Filters = [{ Name: 'vpc-id', Values: [shared.vpc] }];
  const { Vpcs } = await cloud.ec2.send(new ec2.DescribeVpcsCommand({ Filters }));
  const { Subnets } = await cloud.ec2.send(new ec2.DescribeSubnetsCommand({ Filters }));
  const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ Filters }));
  for (const { OwnerId } of [...given(Vpcs), ...given(Subnets), ...given(RouteTables)])
    expect(OwnerId).toBe('444455556666');
  const { NatGateway } = await owner.send(
    new ec2.CreateNatGatewayCommand({ SubnetId: shared.a0, ConnectivityType: 'private' }),
  );
  const to = {
    RouteTableId: given(RouteTables?.[0]?.RouteTableId),
    DestinationCidrBlock: '10.20.0.0/16',
    NatGatewayId: given(NatGateway?.NatGatewayId),
  };
  const refused = { name: 'UnauthorizedOperation' };
  await expect(cloud.ec2.send(new ec2.CreateRouteCommand(to))).rejects.toMatchObject(refused);
  await owner.send(new ec2.CreateRouteCommand(to));
  await expect(cloud.ec2.send(new ec2.ReplaceRouteCommand(to))).rejects.toMatchObject(refused);
  const { RouteTableId, DestinationCidrBlock } = to;
  await expect(
    cloud.ec2.send(new ec2.DeleteRouteCommand({ RouteTableId, DestinationCidrBlock })),
  ).rejects.toMatchObject(refused);
  await owner.send(new ec2.DeleteRouteCommand({ RouteTableId, DestinationCidrBlock }));
});

const create = (
  DestinationCidrBlock: string,
  target: Partial<ec2.CreateRouteCommandInput> = { VpcEndpointId: endpoint },
) => cloud.ec2.send(new ec2.CreateRouteCommand({ RouteTableId: table, DestinationCidrBlock, ...target }));
const replace = (DestinationCidrBlock: string, target: Partial<ec2.ReplaceRouteCommandInput>) =>
  cloud.ec2.send(new ec2.ReplaceRouteCommand({ RouteTableId: table, DestinationCidrBlock, ...target }));
const remove = (DestinationCidrBlock: string) =>
  cloud.ec2.send(new ec2.DeleteRouteCommand({ RouteTableId: table, DestinationCidrBlock }));
async function routes() {
  const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
  return given(RouteTables?.[0]?.Routes).filter(({ Origin }) => Origin === 'CreateRoute');
}

test('a route to an endpoint is answered in GatewayId, its destination normalised', async () => {
  await create('10.20.3.4/16');
  expect(await routes()).toEqual([
    { DestinationCidrBlock: '10.20.0.0/16', GatewayId: endpoint, Origin: 'CreateRoute', State: 'active' },
  ]);
  const { RouteTables } = await cloud.ec2.send(
    new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: 'route.gateway-id', Values: [endpoint] }] }),
  );
  expect(RouteTables).toHaveLength(1);
});

test('a route of IPv6 has its own member', async () => {
  await cloud.ec2.send(
    new ec2.CreateRouteCommand({
      RouteTableId: table,
      DestinationIpv6CidrBlock: '2001:db8:1::1/48',
      VpcEndpointId: endpoint,
    }),
  );
  expect(await routes()).toMatchObject([{ DestinationIpv6CidrBlock: '2001:db8:1::/48', GatewayId: endpoint }]);
});

test('a route to an interface names the instance too', async () => {
  await create('100.64.0.0/13', { NetworkInterfaceId: card });
  expect(await routes()).toMatchObject([{ NetworkInterfaceId: card, InstanceId: expect.stringMatching(/^i-/) }]);
});

describe('CreateRoute refuses', () => {
  test.each<[string, string, () => Partial<ec2.CreateRouteCommandInput>, string, string]>([
    ['a destination twice', '10.20.0.0/16', () => ({ VpcEndpointId: endpoint }), 'RouteAlreadyExists', '10.20.0.0/16'],
    [
      'a destination twice, not normalised',
      '10.20.9.9/16',
      () => ({ VpcEndpointId: endpoint }),
      'RouteAlreadyExists',
      '',
    ],
    ['no target', '10.30.0.0/16', () => ({}), 'MissingParameter', ''],
    [
      'two targets',
      '10.30.0.0/16',
      () => ({ VpcEndpointId: endpoint, NetworkInterfaceId: card }),
      'InvalidParameterCombination',
      '',
    ],
    ['no block', '10.30.0.0', () => ({ VpcEndpointId: endpoint }), 'InvalidParameterValue', 'destinationCidrBlock'],
    ['IPv6 where IPv4 goes', '2001:db8::/32', () => ({ VpcEndpointId: endpoint }), 'InvalidParameterValue', ''],
    ['local', '10.30.0.0/16', () => ({ GatewayId: 'local' }), 'InvalidGatewayID.NotFound', "'local'"],
    [
      'an endpoint that is not',
      '10.30.0.0/16',
      () => ({ VpcEndpointId: 'vpce-00000000000000000' }),
      'InvalidVpcEndpointId.NotFound',
      '',
    ],
    ['an endpoint of no shape', '10.30.0.0/16', () => ({ VpcEndpointId: 'x' }), 'InvalidVpcEndpointId.Malformed', ''],
    ['part of a subnet', '10.0.1.0/25', () => ({ VpcEndpointId: endpoint }), 'InvalidParameterValue', 'whole subnet'],
    ['the VPC', '10.0.0.0/16', () => ({ VpcEndpointId: endpoint }), 'RouteAlreadyExists', ''],
    ['the link-local services', '169.254.169.254/32', () => ({ VpcEndpointId: endpoint }), 'InvalidParameterValue', ''],
  ])('%s', async (_what, destination, target, name, message) => {
    await create('10.20.0.0/16');
    await expect(create(destination, target())).rejects.toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
    expect(await routes()).toHaveLength(1);
  });

  test('an endpoint that is not available yet, then takes it', async () => {
    const { VpcEndpoint } = await cloud.ec2.send(
      new ec2.CreateVpcEndpointCommand({
        VpcEndpointType: 'GatewayLoadBalancer',
        VpcId: vpc.vpc,
        ServiceName: service.serviceName,
        SubnetIds: [vpc.b1],
      }),
    );
    const VpcEndpointId = given(VpcEndpoint?.VpcEndpointId);
    const refused = {
      name: 'RouteNotSupported',
      message: `Route table contains unsupported route target: ${VpcEndpointId}`,
    };
    await expect(create('10.20.0.0/16', { VpcEndpointId })).rejects.toMatchObject(refused);
    const { serviceId: ServiceId } = service;
    await cloud.ec2.send(new ec2.AcceptVpcEndpointConnectionsCommand({ ServiceId, VpcEndpointIds: [VpcEndpointId] }));
    await expect(create('10.20.0.0/16', { VpcEndpointId })).rejects.toMatchObject(refused);
    await cloud.clock.run(120_000);
    await create('10.20.0.0/16', { VpcEndpointId });
  });

  test('an endpoint of another VPC', async () => {
    const { Vpc } = await cloud.ec2.send(new ec2.CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    const { RouteTable } = await cloud.ec2.send(new ec2.CreateRouteTableCommand({ VpcId: Vpc?.VpcId }));
    table = given(RouteTable?.RouteTableId);
    await expect(create('10.20.0.0/16')).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('the route that is too much, each family counted by itself', async () => {
    for (let index = 0; index < 500; index++) await create(`11.${index >> 8}.${index & 255}.0/24`);
    await expect(create('12.0.0.0/16')).rejects.toMatchObject({ name: 'RouteLimitExceeded' });
    await cloud.ec2.send(
      new ec2.CreateRouteCommand({ RouteTableId: table, DestinationIpv6CidrBlock: '::/0', VpcEndpointId: endpoint }),
    );
  });
});

test('a whole subnet may be routed within the VPC', async () => {
  await create('10.0.10.0/24');
  expect(await routes()).toHaveLength(1);
});

describe('ReplaceRoute', () => {
  test('swaps the target', async () => {
    await create('0.0.0.0/0', { NetworkInterfaceId: card });
    await replace('0.0.0.0/0', { VpcEndpointId: endpoint });
    expect(await routes()).toMatchObject([{ GatewayId: endpoint }]);
  });

  test('of nothing is refused by another code than DeleteRoute of nothing', async () => {
    await expect(replace('0.0.0.0/0', { VpcEndpointId: endpoint })).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: "There is no route defined for '0.0.0.0/0' in the route table. Use CreateRoute instead.",
    });
    await expect(remove('0.0.0.0/0')).rejects.toMatchObject({ name: 'InvalidRoute.NotFound' });
  });

  test('gives the local route another target, and back', async () => {
    const local = async () => {
      const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
      return RouteTables?.[0]?.Routes?.[0]?.GatewayId;
    };
    await replace('10.0.0.0/16', { VpcEndpointId: endpoint });
    expect(await local()).toBe(endpoint);
    await replace('10.0.0.0/16', { LocalTarget: true });
    expect(await local()).toBe('local');
  });
});

test('the local route cannot be deleted', async () => {
  await expect(remove('10.0.0.0/16')).rejects.toMatchObject({
    name: 'InvalidParameterValue',
    message: expect.stringContaining('cannot remove local route'),
  });
});

test.each<[string, () => Promise<unknown>]>([
  ['the instance of its interface stops', () => stop()],
  ['the provider rejects its endpoint', () => reject()],
])('a route is a blackhole after %s', async (_what, happen) => {
  await create('100.64.0.0/13', { NetworkInterfaceId: card });
  await create('10.20.0.0/16');
  await happen();
  const states = (await routes()).map(({ State }) => State);
  expect(states.filter((state) => state === 'blackhole')).toHaveLength(1);
  await cloud.cloud.idle();
  const synced = cloud.fake.synced.at(-1)?.routeTables.find(({ id }) => id === table)?.routes;
  expect(synced?.filter(({ target }) => target.kind === 'blackhole')).toHaveLength(1);
});

async function stop() {
  const { Reservations } = await cloud.ec2.send(new ec2.DescribeInstancesCommand({}));
  const InstanceIds = [given(Reservations?.[0]?.Instances?.[0]?.InstanceId)];
  await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds }));
}
const reject = () =>
  cloud.ec2.send(
    new ec2.RejectVpcEndpointConnectionsCommand({ ServiceId: service.serviceId, VpcEndpointIds: [endpoint] }),
  );

describe('associations', () => {
  const associate = (SubnetId: string, RouteTableId = table) =>
    cloud.ec2.send(new ec2.AssociateRouteTableCommand({ RouteTableId, SubnetId }));
  const servedBy = async (subnet: string) => {
    await cloud.cloud.idle();
    return cloud.fake.synced.at(-1)?.subnets.find(({ id }) => id === subnet)?.routeTableId;
  };

  test('a subnet has the main table until it is associated with another', async () => {
    const main = await servedBy(vpc.a1);
    expect(main).not.toBe(table);
    const { AssociationId } = await associate(vpc.a1);
    expect(await servedBy(vpc.a1)).toBe(table);
    expect(await servedBy(vpc.b1)).toBe(main);
    expect((await associate(vpc.a1)).AssociationId).toBe(AssociationId);
    await cloud.ec2.send(new ec2.DisassociateRouteTableCommand({ AssociationId }));
    expect(await servedBy(vpc.a1)).toBe(main);
  });

  test('a subnet has one table: another one only replaces it', async () => {
    const { AssociationId } = await associate(vpc.a1);
    const { RouteTable } = await cloud.ec2.send(new ec2.CreateRouteTableCommand({ VpcId: vpc.vpc }));
    const other = given(RouteTable?.RouteTableId);
    await expect(associate(vpc.a1, other)).rejects.toMatchObject({ name: 'Resource.AlreadyAssociated' });
    await cloud.ec2.send(new ec2.ReplaceRouteTableAssociationCommand({ AssociationId, RouteTableId: other }));
    expect(await servedBy(vpc.a1)).toBe(other);
    await expect(cloud.ec2.send(new ec2.DeleteRouteTableCommand({ RouteTableId: other }))).rejects.toMatchObject({
      name: 'DependencyViolation',
    });
    await cloud.ec2.send(new ec2.DeleteRouteTableCommand({ RouteTableId: table }));
  });

  test('the main association cannot be undone', async () => {
    const { RouteTables } = await cloud.ec2.send(
      new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: 'association.main', Values: ['true'] }] }),
    );
    const AssociationId = RouteTables?.[0]?.Associations?.[0]?.RouteTableAssociationId;
    await expect(cloud.ec2.send(new ec2.DisassociateRouteTableCommand({ AssociationId }))).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    });
  });
});

describe('a prefix list', () => {
  const list = async (Cidr: string, MaxEntries = 5) => {
    const { PrefixList } = await cloud.ec2.send(
      new ec2.CreateManagedPrefixListCommand({
        PrefixListName: 'partners',
        AddressFamily: 'IPv4',
        MaxEntries,
        Entries: [{ Cidr }],
      }),
    );
    return given(PrefixList?.PrefixListId);
  };
  const fabricRoutes = () => given(cloud.fake.synced.at(-1)?.routeTables.find(({ id }) => id === table)).routes;

  test('is a destination with a member of its own, and is no CIDR', async () => {
    const id = await list('192.0.2.0/24');
    const to = { RouteTableId: table, DestinationPrefixListId: id };
    await cloud.ec2.send(new ec2.CreateRouteCommand({ ...to, VpcEndpointId: endpoint }));
    expect(await routes()).toEqual([
      { DestinationPrefixListId: id, GatewayId: endpoint, Origin: 'CreateRoute', State: 'active' },
    ]);
    expect(fabricRoutes()).toContainEqual({ destination: '192.0.2.0/24', target: { kind: 'endpoint', id: endpoint } });
    await expect(remove(id)).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await cloud.ec2.send(new ec2.DeleteRouteCommand(to));
    expect(await routes()).toEqual([]);
  });

  test('counts for the most entries that it may have', async () => {
    const DestinationPrefixListId = await list('192.0.2.0/24', 500);
    await create('10.20.0.0/16');
    const added = new ec2.CreateRouteCommand({ RouteTableId: table, DestinationPrefixListId, VpcEndpointId: endpoint });
    await expect(cloud.ec2.send(added)).rejects.toMatchObject({ name: 'RouteLimitExceeded' });
  });

  test('gives way to a route for the same block', async () => {
    const DestinationPrefixListId = await list('192.0.2.0/24');
    await cloud.ec2.send(
      new ec2.CreateRouteCommand({ RouteTableId: table, DestinationPrefixListId, VpcEndpointId: endpoint }),
    );
    await create('192.0.2.0/24', { NetworkInterfaceId: card });
    expect(fabricRoutes().filter(({ destination }) => destination === '192.0.2.0/24')).toEqual([
      { destination: '192.0.2.0/24', target: { kind: 'interface', id: card } },
    ]);
  });
});

test('a route of a route server has an address as its next hop, and a static one goes before it', async () => {
  cloud.cloud.advertise(table, '10.20.0.0/16', '10.0.0.9');
  const advertised = {
    DestinationCidrBlock: '10.20.0.0/16',
    IpAddress: '10.0.0.9',
    Origin: 'Advertisement',
    State: 'active',
  };
  const all = async () =>
    given((await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }))).RouteTables)[0]
      ?.Routes;
  expect(await all()).toContainEqual(advertised);
  await expect(remove('10.20.0.0/16')).rejects.toMatchObject({ name: 'InvalidRoute.NotFound' });
  await create('10.20.0.0/16');
  expect(await all()).toContainEqual(advertised);
  expect(await routes()).toMatchObject([{ GatewayId: endpoint }]);
  await remove('10.20.0.0/16');
  expect(await all()).toContainEqual(advertised);
});
