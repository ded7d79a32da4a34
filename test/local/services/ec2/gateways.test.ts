import * as ec2 from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { given, REGION, type TestCloud, testCloud, testLoadBalancer, testVpc } from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
let table: string;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
  const { RouteTable } = await cloud.ec2.send(new ec2.CreateRouteTableCommand({ VpcId: vpc.vpc }));
  table = given(RouteTable?.RouteTableId);
});

const route = { DestinationCidrBlock: '0.0.0.0/0' };
const create = (target: Partial<ec2.CreateRouteCommandInput>) =>
  cloud.ec2.send(new ec2.CreateRouteCommand({ RouteTableId: table, ...route, ...target }));
async function found() {
  const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
  return given(RouteTables?.[0]?.Routes).filter(({ Origin }) => Origin === 'CreateRoute');
}
async function internetGateway({ attached = true } = {}) {
  const { InternetGateway } = await cloud.ec2.send(new ec2.CreateInternetGatewayCommand());
  const InternetGatewayId = given(InternetGateway?.InternetGatewayId);
  if (attached) await cloud.ec2.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId, VpcId: vpc.vpc }));
  return InternetGatewayId;
}
async function natGateway() {
  const { NatGateway } = await cloud.ec2.send(
    new ec2.CreateNatGatewayCommand({ SubnetId: vpc.a0, ConnectivityType: 'private' }),
  );
  return given(NatGateway?.NatGatewayId);
}

describe('an internet gateway', () => {
  test('is a target while it is attached, and a blackhole after', async () => {
    const InternetGatewayId = await internetGateway();
    await create({ GatewayId: InternetGatewayId });
    expect(await found()).toMatchObject([{ ...route, GatewayId: InternetGatewayId, State: 'active' }]);
    await expect(cloud.ec2.send(new ec2.DeleteInternetGatewayCommand({ InternetGatewayId }))).rejects.toMatchObject({
      name: 'DependencyViolation',
    });
    await cloud.ec2.send(new ec2.DetachInternetGatewayCommand({ InternetGatewayId, VpcId: vpc.vpc }));
    expect(await found()).toMatchObject([{ State: 'blackhole' }]);
    await cloud.ec2.send(new ec2.DeleteInternetGatewayCommand({ InternetGatewayId }));
    const { InternetGateways } = await cloud.ec2.send(new ec2.DescribeInternetGatewaysCommand({}));
    expect(InternetGateways).toEqual([]);
  });

  test('that is attached elsewhere is refused', async () => {
    const GatewayId = await internetGateway({ attached: false });
    await expect(create({ GatewayId })).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: expect.stringContaining('different networks'),
    });
    await expect(create({ GatewayId: 'igw-00000000000000000' })).rejects.toMatchObject({
      name: 'InvalidGatewayID.NotFound',
    });
  });

  test('is one a VPC', async () => {
    await internetGateway();
    await expect(internetGateway()).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });
});

describe('a NAT gateway', () => {
  test('stands in a subnet, is a target, and a blackhole once it is deleted', async () => {
    const NatGatewayId = await natGateway();
    await create({ NatGatewayId });
    expect(await found()).toMatchObject([{ ...route, NatGatewayId, State: 'active' }]);
    await cloud.ec2.send(new ec2.DeleteNatGatewayCommand({ NatGatewayId }));
    expect(await found()).toMatchObject([{ NatGatewayId, State: 'blackhole' }]);
    await expect(
      cloud.ec2.send(new ec2.ReplaceRouteCommand({ RouteTableId: table, ...route, NatGatewayId })),
    ).rejects.toMatchObject({ name: 'InvalidNatGatewayID.NotFound' });
    const listed = async () =>
      (await cloud.ec2.send(new ec2.DescribeNatGatewaysCommand({}))).NatGateways?.map(({ State }) => State);
    expect(await listed()).toEqual(['deleted']);
    await cloud.clock.run(3_600_000);
    expect(await listed()).toEqual([]);
  });

  test('holds its subnet', async () => {
    await natGateway();
    await expect(cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: vpc.a0 }))).rejects.toMatchObject({
      name: 'DependencyViolation',
    });
  });
});

describe('a table for an internet gateway', () => {
  test('is known by its association, and is not the main one', async () => {
    const GatewayId = await internetGateway();
    await cloud.ec2.send(new ec2.AssociateRouteTableCommand({ RouteTableId: table, GatewayId }));
    const { RouteTables } = await cloud.ec2.send(
      new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: 'association.gateway-id', Values: [GatewayId] }] }),
    );
    expect(RouteTables).toMatchObject([{ RouteTableId: table, Associations: [{ Main: false, GatewayId }] }]);
  });

  test('takes whole subnets only', async () => {
    const GatewayId = await internetGateway();
    const NetworkInterfaceId = given(
      (await cloud.ec2.send(new ec2.DescribeNatGatewaysCommand({ NatGatewayIds: [await natGateway()] })))
        .NatGateways?.[0]?.NatGatewayAddresses?.[0]?.NetworkInterfaceId,
    );
    await cloud.ec2.send(new ec2.AssociateRouteTableCommand({ RouteTableId: table, GatewayId }));
    await expect(create({ NetworkInterfaceId })).rejects.toMatchObject({ name: 'RouteNotSupported' });
    await create({ NetworkInterfaceId, DestinationCidrBlock: '10.0.1.0/24' });
  });
});

describe('IPv6', () => {
  async function dualStack() {
    const { Vpc } = await cloud.ec2.send(
      new ec2.CreateVpcCommand({ CidrBlock: '10.1.0.0/16', AmazonProvidedIpv6CidrBlock: true }),
    );
    return given(Vpc);
  }
  const blockOf = ({ Ipv6CidrBlockAssociationSet }: ec2.Vpc) => given(Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock);

  test('a VPC has a /56 if it asks for one, with a local route in each table', async () => {
    const Vpc = await dualStack();
    expect(blockOf(Vpc)).toMatch(/\/56$/);
    const { RouteTables } = await cloud.ec2.send(
      new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: 'vpc-id', Values: [given(Vpc.VpcId)] }] }),
    );
    expect(RouteTables?.[0]?.Routes).toMatchObject([
      { DestinationCidrBlock: '10.1.0.0/16', GatewayId: 'local' },
      { DestinationIpv6CidrBlock: blockOf(Vpc), GatewayId: 'local' },
    ]);
  });

  test('a subnet has a /64 of it that no other has', async () => {
    const Vpc = await dualStack();
    const VpcId = given(Vpc.VpcId);
    const subnet = (CidrBlock: string, Ipv6CidrBlock: string) =>
      cloud.ec2.send(new ec2.CreateSubnetCommand({ VpcId, CidrBlock, Ipv6CidrBlock, AvailabilityZone: `${REGION}a` }));
    const block = blockOf(Vpc).replace('/56', '/64');
    const { Subnet } = await subnet('10.1.0.0/24', block);
    expect(Subnet?.Ipv6CidrBlockAssociationSet).toMatchObject([{ Ipv6CidrBlock: block }]);
    await expect(subnet('10.1.1.0/24', block)).rejects.toMatchObject({ name: 'InvalidSubnet.Conflict' });
    await expect(subnet('10.1.2.0/24', blockOf(Vpc))).rejects.toMatchObject({ name: 'InvalidSubnet.Range' });
    await expect(subnet('10.1.3.0/24', '2001:db8:ffff::/64')).rejects.toMatchObject({ name: 'InvalidSubnet.Range' });
  });

  test('an endpoint is dual-stack where its service and its subnet are', async () => {
    const Vpc = await dualStack();
    const VpcId = given(Vpc.VpcId);
    const subnet = async (CidrBlock: string, Ipv6CidrBlock?: string) => {
      const { Subnet } = await cloud.ec2.send(
        new ec2.CreateSubnetCommand({ VpcId, CidrBlock, Ipv6CidrBlock, AvailabilityZone: `${REGION}a` }),
      );
      return given(Subnet?.SubnetId);
    };
    const [plain, dual] = [
      await subnet('10.1.0.0/24'),
      await subnet('10.1.1.0/24', blockOf(Vpc).replace('/56', '/64')),
    ];
    const { serviceName, loadBalancer } = await testLoadBalancer(cloud, { vpc });
    const { ServiceConfiguration } = await cloud.ec2.send(
      new ec2.CreateVpcEndpointServiceConfigurationCommand({
        GatewayLoadBalancerArns: [loadBalancer],
        SupportedIpAddressTypes: ['ipv4', 'ipv6'],
      }),
    );
    expect(ServiceConfiguration?.SupportedIpAddressTypes).toEqual(['ipv4', 'ipv6']);
    await cloud.ec2.send(
      new ec2.ModifyVpcEndpointServicePermissionsCommand({
        ServiceId: given(ServiceConfiguration?.ServiceId),
        AddAllowedPrincipals: ['*'],
      }),
    );
    const endpoint = (ServiceName: string | undefined, SubnetId: string) =>
      cloud.ec2.send(
        new ec2.CreateVpcEndpointCommand({
          VpcEndpointType: 'GatewayLoadBalancer',
          IpAddressType: 'dualstack',
          VpcId,
          ServiceName,
          SubnetIds: [SubnetId],
        }),
      );
    await expect(endpoint(serviceName, dual)).rejects.toMatchObject({ name: 'InvalidParameter' });
    await expect(endpoint(ServiceConfiguration?.ServiceName, plain)).rejects.toMatchObject({
      name: 'InvalidParameter',
    });
    expect((await endpoint(ServiceConfiguration?.ServiceName, dual)).VpcEndpoint?.IpAddressType).toBe('dualstack');
  });
});

test('a subnet with a gateway in it is not deleted', async () => {
  const NatGatewayId = await natGateway();
  const remove = () => cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: vpc.a0 }));
  await expect(remove()).rejects.toMatchObject({ name: 'DependencyViolation' });
  await cloud.ec2.send(new ec2.DeleteNatGatewayCommand({ NatGatewayId }));
  await remove();
});

test('an interface endpoint is a service of AWS’s own: available by itself, and no target of routes', async () => {
  const { VpcEndpoint } = await cloud.ec2.send(
    new ec2.CreateVpcEndpointCommand({
      VpcEndpointType: 'Interface',
      VpcId: vpc.vpc,
      ServiceName: `com.amazonaws.${REGION}.ssm`,
      SubnetIds: [vpc.a1],
    }),
  );
  const VpcEndpointId = given(VpcEndpoint?.VpcEndpointId);
  await cloud.clock.run(200_000);
  const { VpcEndpoints } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({}));
  expect(VpcEndpoints).toMatchObject([{ VpcEndpointId, VpcEndpointType: 'Interface', State: 'available' }]);
  const { VpcEndpointConnections } = await cloud.ec2.send(new ec2.DescribeVpcEndpointConnectionsCommand({}));
  expect(VpcEndpointConnections).toEqual([]);
  await expect(create({ VpcEndpointId })).rejects.toMatchObject({ name: 'RouteNotSupported' });
});
