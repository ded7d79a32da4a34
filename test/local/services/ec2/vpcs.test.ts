import * as ec2 from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { given, launch, type TestCloud, testCloud, testLoadBalancer, testVpc } from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
});

test('ids look like those of AWS, and are the same in every run', async () => {
  const again = await testVpc(testCloud());
  expect(again).toEqual(vpc);
  expect(Object.values(vpc)).toEqual(
    Object.values(vpc).map(() => expect.stringMatching(/^(vpc|subnet)-0[0-9a-f]{16}$/)),
  );
  expect(new Set(Object.values(vpc)).size).toBe(5);
});

test('zone names and zone ids are not in the same order', async () => {
  const { AvailabilityZones } = await cloud.ec2.send(new ec2.DescribeAvailabilityZonesCommand({}));
  expect(AvailabilityZones?.map(({ ZoneName, ZoneId }) => [ZoneName, ZoneId])).toEqual([
    ['eu-central-1a', 'euc1-az2'],
    ['eu-central-1b', 'euc1-az3'],
    ['eu-central-1c', 'euc1-az1'],
  ]);
});

test('a VPC comes with a main route table, which holds the local route', async () => {
  const { RouteTables } = await cloud.ec2.send(
    new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: 'association.main', Values: ['true'] }] }),
  );
  expect(RouteTables).toMatchObject([
    {
      VpcId: vpc.vpc,
      Associations: [{ Main: true }],
      Routes: [
        { DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local', Origin: 'CreateRouteTable', State: 'active' },
      ],
    },
  ]);
});

describe('refusals', () => {
  const { CreateVpcCommand, CreateSubnetCommand } = ec2;
  const place = (CidrBlock: string, rest = {}) => new CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock, ...rest });
  test.each<[string, () => Promise<unknown>, string]>([
    ['a VPC of /8', () => cloud.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/8' })), 'InvalidVpc.Range'],
    ['a VPC of text', () => cloud.ec2.send(new CreateVpcCommand({ CidrBlock: 'ten' })), 'InvalidParameterValue'],
    ['a subnet beyond its VPC', () => cloud.ec2.send(place('10.1.0.0/24')), 'InvalidSubnet.Range'],
    ['a subnet that overlaps', () => cloud.ec2.send(place('10.0.0.128/25')), 'InvalidSubnet.Conflict'],
    [
      'a subnet of another region',
      () => cloud.ec2.send(place('10.0.99.0/24', { AvailabilityZone: 'us-east-1a' })),
      'InvalidParameterValue',
    ],
    [
      'a subnet of no VPC',
      () => cloud.ec2.send(new CreateSubnetCommand({ VpcId: 'vpc-00000000000000000', CidrBlock: '10.0.0.0/24' })),
      'InvalidVpcID.NotFound',
    ],
    [
      'an id of no shape',
      () => cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: 'x' })),
      'InvalidSubnetID.Malformed',
    ],
    ['a VPC in use', () => cloud.ec2.send(new ec2.DeleteVpcCommand({ VpcId: vpc.vpc })), 'DependencyViolation'],
    [
      'tags for another resource',
      () => cloud.ec2.send(place('10.0.99.0/24', { TagSpecifications: [{ ResourceType: 'vpc', Tags: [] }] })),
      'InvalidParameterValue',
    ],
    [
      'a dry run',
      () => cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: vpc.a0, DryRun: true })),
      'DryRunOperation',
    ],
  ])('%s', async (_what, attempt, name) => {
    await expect(attempt()).rejects.toMatchObject({ name });
    const { Subnets } = await cloud.ec2.send(new ec2.DescribeSubnetsCommand({}));
    expect(Subnets).toHaveLength(4);
  });
});

test('a subnet with an interface in it stays; without one it goes, and then the VPC', async () => {
  const [router = ''] = await launch(cloud, vpc.a0);
  const remove = () => cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: vpc.a0 }));
  await expect(remove()).rejects.toMatchObject({ name: 'DependencyViolation' });
  await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [router] }));
  await cloud.clock.run(60_000);
  await remove();
  for (const SubnetId of [vpc.a1, vpc.b0, vpc.b1]) await cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId }));
  await cloud.ec2.send(new ec2.DeleteVpcCommand({ VpcId: vpc.vpc }));
  expect((await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({}))).RouteTables).toEqual([]);
});

test('a subnet counts its free addresses', async () => {
  const free = async () => {
    const { Subnets } = await cloud.ec2.send(new ec2.DescribeSubnetsCommand({ SubnetIds: [vpc.a0] }));
    return Subnets?.[0]?.AvailableIpAddressCount;
  };
  expect(await free()).toBe(251);
  await launch(cloud, vpc.a0, { count: 3 });
  expect(await free()).toBe(248);
});

describe('Describe', () => {
  const subnets = async (input: ec2.DescribeSubnetsCommandInput) =>
    (await cloud.ec2.send(new ec2.DescribeSubnetsCommand(input))).Subnets?.map(({ SubnetId }) => SubnetId);
  const filter = (Name: string, ...Values: string[]) => ({ Filters: [{ Name, Values }] });

  test.each<[string, () => ec2.DescribeSubnetsCommandInput, () => string[]]>([
    ['everything', () => ({}), () => [vpc.a0, vpc.a1, vpc.b0, vpc.b1]],
    ['by id, in the order asked', () => ({ SubnetIds: [vpc.b0, vpc.a0] }), () => [vpc.b0, vpc.a0]],
    ['by zone', () => filter('availability-zone', 'eu-central-1b'), () => [vpc.b0, vpc.b1]],
    ['by zone id', () => filter('availability-zone-id', 'euc1-az2'), () => [vpc.a0, vpc.a1]],
    ['by any of the values', () => filter('cidr-block', '10.0.0.0/24', '10.0.11.0/24'), () => [vpc.a0, vpc.b1]],
    ['by a wildcard', () => filter('cidr-block', '10.0.1?.*'), () => [vpc.b0, vpc.b1]],
    ['by an escaped wildcard', () => filter('cidr-block', '10.0.1\\?.*'), () => []],
    ['by a tag', () => filter('tag:app', 'web'), () => [vpc.a1]],
    ['by the presence of a tag', () => filter('tag-key', 'app'), () => [vpc.a1, vpc.b1]],
    [
      'by all of the filters',
      () => ({
        Filters: [
          { Name: 'tag-key', Values: ['app'] },
          { Name: 'availability-zone', Values: ['eu-central-1b'] },
        ],
      }),
      () => [vpc.b1],
    ],
  ])('%s', async (_what, input, expected) => {
    const tag = (Resources: string[], Value: string) =>
      cloud.ec2.send(new ec2.CreateTagsCommand({ Resources, Tags: [{ Key: 'app', Value }] }));
    await tag([vpc.a1], 'web');
    await tag([vpc.b1], 'db');
    expect(await subnets(input())).toEqual(expected());
  });

  test.each<[string, () => ec2.DescribeSubnetsCommandInput, string]>([
    ['an unknown filter', () => filter('colour', 'red'), 'InvalidParameterValue'],
    ['a filter of Object.prototype', () => filter('constructor', 'x'), 'InvalidParameterValue'],
    ['an unknown id', () => ({ SubnetIds: ['subnet-00000000000000000'] }), 'InvalidSubnetID.NotFound'],
    ['a page of four', () => ({ MaxResults: 4 }), 'InvalidParameterValue'],
    ['a page of ids', () => ({ MaxResults: 5, SubnetIds: [vpc.a0] }), 'InvalidParameterCombination'],
    ['a token of ours it is not', () => ({ NextToken: 'x' }), 'InvalidNextToken'],
  ])('refuses %s', async (_what, input, name) => {
    await expect(subnets(input())).rejects.toMatchObject({ name });
  });

  test('pages hold everything once', async () => {
    for (let third = 20; third < 28; third++)
      await cloud.ec2.send(new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: `10.0.${third}.0/24` }));
    const pages: number[] = [];
    const ids = new Set<string>();
    for await (const { Subnets = [] } of ec2.paginateDescribeSubnets({ client: cloud.ec2, pageSize: 5 }, {})) {
      pages.push(Subnets.length);
      for (const { SubnetId } of Subnets) ids.add(given(SubnetId));
    }
    expect(pages).toEqual([5, 5, 2]);
    expect(ids.size).toBe(12);
  });
});

describe('an encryption control', () => {
  const control = async (Mode: ec2.VpcEncryptionControlMode) => {
    const { VpcEncryptionControl } = await cloud.ec2.send(
      new ec2.CreateVpcEncryptionControlCommand({ VpcId: vpc.vpc }),
    );
    const VpcEncryptionControlId = VpcEncryptionControl?.VpcEncryptionControlId;
    await cloud.ec2.send(new ec2.ModifyVpcEncryptionControlCommand({ VpcEncryptionControlId, Mode }));
    const { VpcEncryptionControls } = await cloud.ec2.send(
      new ec2.DescribeVpcEncryptionControlsCommand({ VpcIds: [vpc.vpc] }),
    );
    return VpcEncryptionControls;
  };

  test('that enforces excludes Gateway Load Balancers and their endpoints', async () => {
    const other = await testVpc(cloud);
    const { serviceName } = await testLoadBalancer(cloud, { vpc: other });
    expect(await control('enforce')).toMatchObject([{ Mode: 'enforce', State: 'available' }]);
    await expect(testLoadBalancer(cloud, { vpc })).rejects.toThrow(/encryption control is in enforce mode/);
    const endpoint = {
      VpcEndpointType: 'GatewayLoadBalancer' as const,
      ServiceName: serviceName,
      SubnetIds: [vpc.a0],
      VpcId: vpc.vpc,
    };
    await expect(cloud.ec2.send(new ec2.CreateVpcEndpointCommand(endpoint))).rejects.toThrow(/encryption control/);
  });

  test('does not come to enforce where one is', async () => {
    await testLoadBalancer(cloud, { vpc });
    expect(await control('enforce')).toMatchObject([{ Mode: 'monitor', State: 'enforce-failed' }]);
  });
});

describe('a block that a VPC gets later', () => {
  const associate = async (CidrBlock: string) => {
    const command = new ec2.AssociateVpcCidrBlockCommand({ VpcId: vpc.vpc, CidrBlock });
    return given((await cloud.ec2.send(command)).CidrBlockAssociation?.AssociationId);
  };
  const disassociate = (AssociationId: string) =>
    cloud.ec2.send(new ec2.DisassociateVpcCidrBlockCommand({ AssociationId }));
  const states = async () => {
    const { Vpcs } = await cloud.ec2.send(new ec2.DescribeVpcsCommand({}));
    return given(Vpcs?.[0]?.CidrBlockAssociationSet).map((each) => [each.CidrBlock, each.CidrBlockState?.State]);
  };
  const local = async () => {
    const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({}));
    return given(RouteTables?.[0]?.Routes).map(({ DestinationCidrBlock }) => DestinationCidrBlock);
  };

  test('is associating, and associated with a local route; then disassociated, and still listed for a while', async () => {
    const id = await associate('100.64.0.0/16');
    expect(await states()).toEqual([
      ['10.0.0.0/16', 'associated'],
      ['100.64.0.0/16', 'associating'],
    ]);
    await cloud.clock.run(60_000);
    expect([await states(), await local()]).toEqual([
      [
        ['10.0.0.0/16', 'associated'],
        ['100.64.0.0/16', 'associated'],
      ],
      ['10.0.0.0/16', '100.64.0.0/16'],
    ]);
    await disassociate(id);
    await cloud.clock.run(30 * 60_000);
    expect([await states(), await local()]).toEqual([
      [
        ['10.0.0.0/16', 'associated'],
        ['100.64.0.0/16', 'disassociated'],
      ],
      ['10.0.0.0/16'],
    ]);
    await cloud.clock.run(30 * 60_000);
    expect(await states()).toEqual([['10.0.0.0/16', 'associated']]);
  });

  test('takes subnets, and stays while it has some', async () => {
    const id = await associate('100.64.0.0/16');
    await cloud.clock.run(60_000);
    const { Subnet } = await cloud.ec2.send(
      new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: '100.64.0.0/24' }),
    );
    await expect(disassociate(id)).rejects.toMatchObject({ name: 'DependencyViolation' });
    await cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: Subnet?.SubnetId }));
    await disassociate(id);
  });

  test('overlaps no other, and holds no destination of a route', async () => {
    await expect(associate('10.0.0.0/20')).rejects.toMatchObject({ name: 'CidrConflict' });
    const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({}));
    const { NatGateway } = await cloud.ec2.send(
      new ec2.CreateNatGatewayCommand({ SubnetId: vpc.a0, ConnectivityType: 'private' }),
    );
    await cloud.ec2.send(
      new ec2.CreateRouteCommand({
        RouteTableId: RouteTables?.[0]?.RouteTableId,
        DestinationCidrBlock: '100.64.9.0/24',
        NatGatewayId: NatGateway?.NatGatewayId,
      }),
    );
    await expect(associate('100.64.0.0/16')).rejects.toMatchObject({ name: 'CidrConflict' });
  });
});
