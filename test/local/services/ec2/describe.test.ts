import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  ACCOUNT,
  given,
  launch,
  REGION,
  type TestCloud,
  testCloud,
  testLoadBalancer,
  testVpc,
} from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
});

test('regions: the one there is', async () => {
  const { Regions } = await cloud.ec2.send(new ec2.DescribeRegionsCommand({}));
  expect(Regions).toEqual([
    { RegionName: REGION, Endpoint: `ec2.${REGION}.amazonaws.com`, OptInStatus: 'opt-in-not-required' },
  ]);
  await expect(cloud.ec2.send(new ec2.DescribeRegionsCommand({ RegionNames: ['eu-nowhere-1'] }))).rejects.toThrow(
    'Invalid region name : [eu-nowhere-1]',
  );
});

test('the status of instances: of those that run, unless all are asked for', async () => {
  const [id = ''] = await launch(cloud, vpc.a0);
  const statuses = async (input: ec2.DescribeInstanceStatusCommandInput = {}) =>
    (await cloud.ec2.send(new ec2.DescribeInstanceStatusCommand(input))).InstanceStatuses;
  const running = {
    InstanceId: id,
    AvailabilityZone: `${REGION}a`,
    InstanceState: { Code: 16, Name: 'running' },
    InstanceStatus: { Status: 'ok', Details: [{ Name: 'reachability', Status: 'passed' }] },
    SystemStatus: { Status: 'ok', Details: [{ Name: 'reachability', Status: 'passed' }] },
  };
  expect(await statuses()).toEqual([running]);
  expect(await statuses({ Filters: [{ Name: 'instance-status.status', Values: ['impaired'] }] })).toEqual([]);
  await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [id] }));
  expect(await statuses({ InstanceIds: [id] })).toEqual([]);
  expect(await statuses({ InstanceIds: [id], IncludeAllInstances: true })).toMatchObject([
    { InstanceState: { Name: 'stopping' }, SystemStatus: { Status: 'not-applicable' } },
  ]);
});

test('security groups and network ACLs: those a VPC has from the start, and that an instance and its interface are in', async () => {
  const { SecurityGroups } = await cloud.ec2.send(
    new ec2.DescribeSecurityGroupsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc.vpc] }] }),
  );
  const all = [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }];
  expect(SecurityGroups).toMatchObject([
    { GroupName: 'default', VpcId: vpc.vpc, OwnerId: ACCOUNT, IpPermissions: all, IpPermissionsEgress: all },
  ]);
  const { NetworkAcls } = await cloud.ec2.send(
    new ec2.DescribeNetworkAclsCommand({ Filters: [{ Name: 'association.subnet-id', Values: [vpc.b0] }] }),
  );
  expect(NetworkAcls).toMatchObject([{ VpcId: vpc.vpc, IsDefault: true }]);
  expect(NetworkAcls?.[0]?.Associations?.map(({ SubnetId }) => SubnetId)).toEqual(
    expect.arrayContaining([vpc.a0, vpc.b0]),
  );
  expect(
    NetworkAcls?.[0]?.Entries?.map(({ Egress, RuleNumber, RuleAction }) => [Egress, RuleNumber, RuleAction]),
  ).toEqual([
    [false, 100, 'allow'],
    [false, 32767, 'deny'],
    [true, 100, 'allow'],
    [true, 32767, 'deny'],
  ]);

  const GroupId = given(SecurityGroups?.[0]?.GroupId);
  const [id = ''] = await launch(cloud, vpc.a0);
  const byGroup = { Filters: [{ Name: 'group-id', Values: [GroupId] }] };
  const { NetworkInterfaces } = await cloud.ec2.send(new ec2.DescribeNetworkInterfacesCommand(byGroup));
  expect(NetworkInterfaces).toMatchObject([{ Attachment: { InstanceId: id }, Groups: [{ GroupId }] }]);
  await expect(
    cloud.ec2.send(new ec2.DescribeSecurityGroupsCommand({ GroupIds: ['sg-0123456789abcdef0'] })),
  ).rejects.toMatchObject({ name: 'InvalidGroup.NotFound' });
});

describe('instances are found by the documented filter', () => {
  test.each<[name: string, value: (id: string) => string, none: string]>([
    ['architecture', () => (process.arch === 'arm64' ? 'arm64' : 'x86_64'), 'i386'],
    ['root-device-type', () => 'ebs', 'instance-store'],
    ['tenancy', () => 'default', 'host'],
    ['source-dest-check', () => 'true', 'false'],
    ['instance.group-name', () => 'default', 'other'],
    ['network-interface.subnet-id', () => vpc.a0, 'subnet-0'],
    ['network-interface.vpc-id', () => vpc.vpc, 'vpc-0'],
    ['network-interface.addresses.private-ip-address', () => '10.0.0.*', '10.9.*'],
    ['network-interface.private-ip-address', () => '10.0.0.*', '10.9.*'],
    ['network-interface.source-dest-check', () => 'true', 'false'],
    ['network-interface.attachment.device-index', () => '0', '1'],
    ['launch-time', () => '20*', '19*'],
    ['owner-id', () => ACCOUNT, '444455556666'],
    ['instance-id', (id) => id, 'i-0'],
  ])('%s', async (Name, value, none) => {
    const [id = ''] = await launch(cloud, vpc.a0);
    const found = async (wanted: string) => {
      const { Reservations } = await cloud.ec2.send(
        new ec2.DescribeInstancesCommand({ Filters: [{ Name, Values: [wanted] }] }),
      );
      return Reservations?.flatMap(({ Instances }) => Instances?.map(({ InstanceId }) => InstanceId));
    };
    expect(await found(value(id))).toEqual([id]);
    expect(await found(none)).toEqual([]);
  });
});

test('filters of one call have 200 values at most, together', async () => {
  const find = (...counts: number[]) => {
    const Filters = counts.map((count, at) => ({
      Name: ['vpc-id', 'tag-key'][at],
      Values: Array.from({ length: count }, (_, number) => `${number}`),
    }));
    return cloud.ec2.send(new ec2.DescribeSubnetsCommand({ Filters }));
  };
  expect((await find(199, 1)).Subnets).toEqual([]);
  for (const counts of [[201], [199, 2]])
    await expect(find(...counts)).rejects.toMatchObject({ name: 'FilterLimitExceeded' });
});

test.each<[name: string, value: string, zones: number]>([
  ['zone-name', `${REGION}b`, 1],
  ['zone-id', 'euc1-az1', 1],
  ['state', 'available', 3],
  ['zone-type', 'local-zone', 0],
])('availability zones are filtered by %s=%s', async (Name, value, zones) => {
  const { AvailabilityZones } = await cloud.ec2.send(
    new ec2.DescribeAvailabilityZonesCommand({ Filters: [{ Name, Values: [value] }] }),
  );
  expect(AvailabilityZones).toHaveLength(zones);
});

test.each<[name: string, value: () => string]>([
  ['cidr-block', () => '10.0.0.0/24'],
  ['cidrBlock', () => '10.0.0.0/24'],
  ['subnet-arn', () => `arn:aws:ec2:${REGION}:${ACCOUNT}:subnet/${vpc.a0}`],
  ['tag:nothing', () => '*'],
])('subnets are filtered by %s', async (Name, value) => {
  const { Subnets } = await cloud.ec2.send(new ec2.DescribeSubnetsCommand({ Filters: [{ Name, Values: [value()] }] }));
  expect(Subnets?.map(({ SubnetId }) => SubnetId)).toEqual(Name.startsWith('tag:') ? [] : [vpc.a0]);
});

test('an image that is not there boots nothing', async () => {
  const few = testCloud({ images: ['ami-router'] });
  const { a0: SubnetId } = await testVpc(few);
  const run = (ImageId: string) =>
    few.ec2.send(new ec2.RunInstancesCommand({ ImageId, MinCount: 1, MaxCount: 1, SubnetId }));
  await expect(run('ami-0123456789abcdef0')).rejects.toMatchObject({
    name: 'InvalidAMIID.NotFound',
    message: "The image id '[ami-0123456789abcdef0]' does not exist",
  });
  await expect(run('debian')).rejects.toMatchObject({ name: 'InvalidAMIID.Malformed' });
  expect((await run('ami-router')).Instances).toHaveLength(1);
});

describe('made again', () => {
  const group = (changes: Partial<elb.CreateTargetGroupCommandInput> = {}) =>
    cloud.elb.send(
      new elb.CreateTargetGroupCommand({ Name: 'again', Protocol: 'GENEVE', Port: 6081, VpcId: vpc.vpc, ...changes }),
    );

  test('as it is, a target group is the one that is there; otherwise it is refused', async () => {
    const [first, second] = [await group(), await group()];
    expect(given(second.TargetGroups?.[0]?.TargetGroupArn)).toBe(first.TargetGroups?.[0]?.TargetGroupArn);
    await expect(group({ HealthCheckIntervalSeconds: 30 })).rejects.toMatchObject({
      name: 'DuplicateTargetGroupNameException',
      message: "A target group with the same name 'again' exists, but with different settings",
    });
  });

  test('as it is, a listener is the one that is there; to another group it is refused', async () => {
    const { loadBalancer: LoadBalancerArn, targetGroup } = await testLoadBalancer(cloud, { vpc });
    const listener = (TargetGroupArn: string) =>
      cloud.elb.send(
        new elb.CreateListenerCommand({ LoadBalancerArn, DefaultActions: [{ Type: 'forward', TargetGroupArn }] }),
      );
    const { Listeners } = await cloud.elb.send(new elb.DescribeListenersCommand({ LoadBalancerArn }));
    expect((await listener(targetGroup)).Listeners).toEqual(Listeners);
    const other = given((await group()).TargetGroups?.[0]?.TargetGroupArn);
    await expect(listener(other)).rejects.toMatchObject({ name: 'TooManyListenersException' });
  });

  test('listeners are of a load balancer or by name, and not all there are', async () => {
    await expect(cloud.elb.send(new elb.DescribeListenersCommand({}))).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'You must specify either listener ARNs or a load balancer ARN',
    });
  });
});
