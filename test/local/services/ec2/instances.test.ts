import * as ec2 from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ACCOUNT, given, launch, REGION, type TestCloud, testCloud, testVpc } from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
});

const run = (input: Partial<ec2.RunInstancesCommandInput>) =>
  cloud.ec2.send(new ec2.RunInstancesCommand({ ImageId: 'ami-1', MinCount: 1, MaxCount: 1, ...input }));
async function described(id: string) {
  const { Reservations } = await cloud.ec2.send(new ec2.DescribeInstancesCommand({ InstanceIds: [id] }));
  return given(Reservations?.[0]?.Instances?.[0]);
}
const states = () =>
  cloud.events
    .filter((event) => event['detail-type'] === 'EC2 Instance State-change Notification')
    .map(({ detail }) => detail.state);

test('an instance starts pending, runs later, and has one interface that checks source and destination', async () => {
  const { Instances } = await run({
    SubnetId: vpc.a0,
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'r1' }] }],
  });
  const id = given(Instances?.[0]?.InstanceId);
  expect(Instances?.[0]).toMatchObject({
    ImageId: 'ami-1',
    State: { Code: 0, Name: 'pending' },
    PrivateIpAddress: '10.0.0.4',
    VpcId: vpc.vpc,
    SourceDestCheck: true,
    Placement: { AvailabilityZone: 'eu-central-1a' },
    Tags: [{ Key: 'Name', Value: 'r1' }],
  });
  await cloud.clock.run(19_999);
  expect((await described(id)).State?.Name).toBe('pending');
  await cloud.clock.run(1);
  expect((await described(id)).State).toEqual({ Code: 16, Name: 'running' });
  await cloud.cloud.idle();
  expect(cloud.fake.synced.at(-1)).toMatchObject({
    instances: [{ id, name: 'r1', image: 'ami-1' }],
    interfaces: [{ instanceId: id, deviceIndex: 0, subnetId: vpc.a0, ip: '10.0.0.4', sourceDestCheck: true }],
  });
});

test('a life: the state after each call, and the event of each state', async () => {
  const [id = ''] = await launch(cloud, vpc.a0);
  const InstanceIds = [id];
  const stopped = await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds }));
  expect(stopped.StoppingInstances).toEqual([
    {
      InstanceId: id,
      PreviousState: { Code: 16, Name: 'running' },
      CurrentState: { Code: 64, Name: 'stopping' },
    },
  ]);
  await cloud.clock.run(60_000);
  await cloud.ec2.send(new ec2.StartInstancesCommand({ InstanceIds }));
  await cloud.clock.run(60_000);
  await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds }));
  await cloud.clock.run(60_000);
  expect(states()).toEqual([
    'pending',
    'running',
    'stopping',
    'stopped',
    'pending',
    'running',
    'shutting-down',
    'terminated',
  ]);
  expect(cloud.events.at(-1)).toMatchObject({
    version: '0',
    id: expect.stringMatching(/^[0-9a-f]{8}-/),
    'detail-type': 'EC2 Instance State-change Notification',
    source: 'aws.ec2',
    account: ACCOUNT,
    region: REGION,
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    resources: [`arn:aws:ec2:${REGION}:${ACCOUNT}:instance/${id}`],
    detail: { 'instance-id': id, state: 'terminated' },
  });
});

test('a terminated instance is described for an hour, without a place, then forgotten', async () => {
  const [id = ''] = await launch(cloud, vpc.a0);
  await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [id] }));
  await cloud.clock.run(30_000);
  expect(await described(id)).toMatchObject({ State: { Name: 'terminated' }, NetworkInterfaces: [] });
  expect(await described(id)).not.toHaveProperty('SubnetId');
  await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [id] }));
  await cloud.clock.run(3_600_000);
  await expect(described(id)).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
});

test('terminated while it was still starting: it never runs', async () => {
  const { Instances } = await run({ SubnetId: vpc.a0 });
  await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [given(Instances?.[0]?.InstanceId)] }));
  await cloud.clock.run(120_000);
  expect(states()).toEqual(['pending', 'shutting-down', 'terminated']);
});

test('addresses: the lowest that are free, or the one asked for', async () => {
  const ips = async (input: Partial<ec2.RunInstancesCommandInput>) =>
    (await run({ SubnetId: vpc.a0, ...input })).Instances?.map(({ PrivateIpAddress }) => PrivateIpAddress);
  expect(await ips({ MinCount: 2, MaxCount: 2 })).toEqual(['10.0.0.4', '10.0.0.5']);
  expect(await ips({ PrivateIpAddress: '10.0.0.7' })).toEqual(['10.0.0.7']);
  expect(await ips({ MinCount: 2, MaxCount: 2 })).toEqual(['10.0.0.6', '10.0.0.8']);
});

test('a client token makes RunInstances safe to repeat', async () => {
  const input = { SubnetId: vpc.a0, ClientToken: 'one' };
  const first = await run(input);
  const second = await run(input);
  expect(second.Instances?.[0]?.InstanceId).toBe(first.Instances?.[0]?.InstanceId);
  await expect(run({ ...input, ImageId: 'ami-2' })).rejects.toMatchObject({ name: 'IdempotentParameterMismatch' });
});

describe('refusals', () => {
  const nowhere = 'i-00000000000000000';
  test.each<[string, () => Promise<unknown>, string]>([
    ['no image', () => run({ SubnetId: vpc.a0, ImageId: undefined }), 'MissingParameter'],
    ['no subnet', () => run({}), 'VPCIdNotSpecified'],
    ['fewer than none', () => run({ SubnetId: vpc.a0, MinCount: 0 }), 'InvalidParameterValue'],
    ['an address elsewhere', () => run({ SubnetId: vpc.a0, PrivateIpAddress: '10.0.1.9' }), 'InvalidParameterValue'],
    ['an address in use', () => run({ SubnetId: vpc.a0, PrivateIpAddress: '10.0.0.4' }), 'InvalidIPAddress.InUse'],
    [
      'interfaces in two zones',
      () =>
        run({
          NetworkInterfaces: [
            { DeviceIndex: 0, SubnetId: vpc.a0 },
            { DeviceIndex: 1, SubnetId: vpc.b0 },
          ],
        }),
      'InvalidParameterCombination',
    ],
    [
      'one unknown id of two',
      () => cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [nowhere] })),
      'InvalidInstanceID.NotFound',
    ],
  ])('%s', async (_what, attempt, name) => {
    await launch(cloud, vpc.a0);
    await expect(attempt()).rejects.toMatchObject({ name });
    const { Reservations } = await cloud.ec2.send(new ec2.DescribeInstancesCommand({}));
    expect(Reservations).toHaveLength(1);
  });

  test('from a state in which it cannot be', async () => {
    const [id = ''] = await launch(cloud, vpc.a0);
    await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [id] }));
    const wrong = { name: 'IncorrectInstanceState' };
    await expect(cloud.ec2.send(new ec2.StartInstancesCommand({ InstanceIds: [id] }))).rejects.toMatchObject(wrong);
    await expect(cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [id] }))).rejects.toMatchObject(wrong);
  });

  test('a subnet with room for some only: none is launched, and no interface is left', async () => {
    const { Subnet } = await cloud.ec2.send(new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: '10.0.50.0/28' }));
    const SubnetId = Subnet?.SubnetId;
    const full = { name: 'InsufficientFreeAddressesInSubnet' };
    await expect(run({ SubnetId, MinCount: 12, MaxCount: 12 })).rejects.toMatchObject(full);
    expect(cloud.events).toEqual([]);
    await run({ SubnetId, MinCount: 11, MaxCount: 11 });
    await expect(run({ SubnetId })).rejects.toMatchObject(full);
  });
});

describe('the source/dest check', () => {
  const modify = (NetworkInterfaceId: string, attributes: Partial<ec2.ModifyNetworkInterfaceAttributeCommandInput>) =>
    cloud.ec2.send(new ec2.ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId, ...attributes }));
  const off = { SourceDestCheck: { Value: false } };

  test('goes off at an interface, at once, and again without harm', async () => {
    const [id = ''] = await launch(cloud, vpc.a0);
    const card = given((await described(id)).NetworkInterfaces?.[0]?.NetworkInterfaceId);
    await modify(card, off);
    await modify(card, off);
    expect((await described(id)).NetworkInterfaces?.[0]?.SourceDestCheck).toBe(false);
    await cloud.cloud.idle();
    expect(cloud.fake.synced.at(-1)?.interfaces).toMatchObject([{ id: card, sourceDestCheck: false }]);
  });

  test('of an instance: only if it has one interface', async () => {
    const [one = ''] = await launch(cloud, vpc.a0);
    await cloud.ec2.send(new ec2.ModifyInstanceAttributeCommand({ InstanceId: one, ...off }));
    expect((await described(one)).SourceDestCheck).toBe(false);

    const NetworkInterfaces = [
      { DeviceIndex: 0, SubnetId: vpc.a0 },
      { DeviceIndex: 1, SubnetId: vpc.a1 },
    ];
    const two = given((await run({ NetworkInterfaces })).Instances?.[0]?.InstanceId);
    await expect(
      cloud.ec2.send(new ec2.ModifyInstanceAttributeCommand({ InstanceId: two, ...off })),
    ).rejects.toMatchObject({
      name: 'InvalidInstanceID',
      message: `There are multiple interfaces attached to instance '${two}'. Please specify an interface ID for the operation instead.`,
    });
    expect((await described(two)).NetworkInterfaces?.map(({ Attachment }) => Attachment?.DeviceIndex)).toEqual([0, 1]);
  });

  test('of an interface in another VPC, as an instance may have', async () => {
    const other = await testVpc(cloud);
    const NetworkInterfaces = [
      { DeviceIndex: 0, SubnetId: vpc.a0 },
      { DeviceIndex: 1, SubnetId: other.a0 },
    ];
    const id = given((await run({ NetworkInterfaces })).Instances?.[0]?.InstanceId);
    const { VpcId, NetworkInterfaces: cards = [] } = await described(id);
    expect([VpcId, ...cards.map((card) => card.VpcId)]).toEqual([vpc.vpc, vpc.vpc, other.vpc]);
    const NetworkInterfaceId = cards[1]?.NetworkInterfaceId;
    await cloud.ec2.send(new ec2.ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId, ...off }));
    expect((await described(id)).NetworkInterfaces?.map(({ SourceDestCheck }) => SourceDestCheck)).toEqual([
      true,
      false,
    ]);
  });

  test.each<[string, Partial<ec2.ModifyNetworkInterfaceAttributeCommandInput>, string]>([
    ['no attribute', {}, 'MissingParameter'],
    ['two attributes', { ...off, Description: { Value: 'x' } }, 'InvalidParameterCombination'],
    ['an attribute the box does not have', { Groups: ['sg-1'] }, 'UnsupportedOperation'],
  ])('%s is refused', async (_what, attributes, name) => {
    const [id = ''] = await launch(cloud, vpc.a0);
    const card = given((await described(id)).NetworkInterfaces?.[0]?.NetworkInterfaceId);
    await expect(modify(card, attributes)).rejects.toMatchObject({ name });
    expect((await described(id)).SourceDestCheck).toBe(true);
  });
});

describe('an instance profile', () => {
  const arn = (name: string) => `arn:aws:iam::${ACCOUNT}:instance-profile/${name}`;
  const associate = (InstanceId: string, IamInstanceProfile: ec2.IamInstanceProfileSpecification) =>
    cloud.ec2.send(new ec2.AssociateIamInstanceProfileCommand({ InstanceId, IamInstanceProfile }));

  test.each<[string, ec2.IamInstanceProfileSpecification]>([
    ['its name', { Name: 'router' }],
    ['its ARN', { Arn: arn('router') }],
  ])('is given by %s, and told by its ARN', async (_, IamInstanceProfile) => {
    const { Instances } = await run({ SubnetId: vpc.a0, IamInstanceProfile });
    const { IamInstanceProfile: told } = await described(given(Instances?.[0]?.InstanceId));
    expect(told).toEqual({ Arn: arn('router'), Id: expect.stringMatching(/^AIPA[0-9A-F]{17}$/) });
    const Filters = [{ Name: 'iam-instance-profile.arn', Values: [arn('router')] }];
    expect((await cloud.ec2.send(new ec2.DescribeInstancesCommand({ Filters }))).Reservations).toHaveLength(1);
  });

  test('is one, and not given by both', async () => {
    const both = run({ SubnetId: vpc.a0, IamInstanceProfile: { Name: 'router', Arn: arn('router') } });
    await expect(both).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    const [id = ''] = await launch(cloud, vpc.a0);
    expect((await described(id)).IamInstanceProfile).toBeUndefined();
    await associate(id, { Name: 'router' });
    expect((await described(id)).IamInstanceProfile?.Arn).toBe(arn('router'));
    await expect(associate(id, { Name: 'other' })).rejects.toMatchObject({ name: 'IncorrectState' });
  });
});
