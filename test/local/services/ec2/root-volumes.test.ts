import {
  CreateReplaceRootVolumeTaskCommand,
  DescribeInstancesCommand,
  DescribeReplaceRootVolumeTasksCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DescribeInstanceInformationCommand } from '@aws-sdk/client-ssm';
import { beforeEach, expect, test } from '@jest/globals';
import { given, launch, type TestCloud, testCloud, testVpc } from '../../../support/cloud.ts';

let cloud: TestCloud;
let InstanceId: string;
beforeEach(async () => {
  cloud = testCloud();
  const { a0 } = await testVpc(cloud);
  [InstanceId = ''] = await launch(cloud, a0, { tags: { role: 'router' } });
});

const described = async () => {
  const { Reservations } = await cloud.ec2.send(new DescribeInstancesCommand({ InstanceIds: [InstanceId] }));
  return given(Reservations?.[0]?.Instances?.[0]);
};
const replace = (ImageId?: string) =>
  cloud.ec2.send(new CreateReplaceRootVolumeTaskCommand({ InstanceId, ...(ImageId && { ImageId }) }));
const isUp = async () => {
  await cloud.cloud.idle();
  return cloud.fake.synced.at(-1)?.instances.some(({ id }) => id === InstanceId);
};

test('an instance on a new root volume has been down, and is the same but for the time of its attachment', async () => {
  const before = await described();
  const events = cloud.events.length;
  const { ReplaceRootVolumeTask } = await replace('ami-new');
  expect(ReplaceRootVolumeTask).toMatchObject({ InstanceId, ImageId: 'ami-new', TaskState: 'pending' });

  await cloud.clock.run(31_000);
  expect(await isUp()).toBe(false);
  expect((await described()).State?.Name).toBe('running');
  await cloud.clock.run(20_000);
  expect(await isUp()).toBe(true);
  expect(cloud.fake.synced.at(-1)?.instances).toMatchObject([{ image: 'ami-new' }]);
  const tasks = await cloud.ec2.send(new DescribeReplaceRootVolumeTasksCommand({}));
  expect(tasks.ReplaceRootVolumeTasks).toMatchObject([{ InstanceId, TaskState: 'succeeded' }]);

  const after = await described();
  const root = (of: typeof after) => given(of.BlockDeviceMappings?.[0]?.Ebs);
  expect(root(before).AttachTime).toEqual(before.LaunchTime);
  expect(Number(root(after).AttachTime) - Number(before.LaunchTime)).toBe(90_000);
  expect(root(after).VolumeId).not.toBe(root(before).VolumeId);
  for (const member of ['LaunchTime', 'PrivateIpAddress', 'Tags', 'NetworkInterfaces', 'RootDeviceName'] as const)
    expect(after[member]).toEqual(before[member]);
  expect(cloud.events).toHaveLength(events);
});

test('its agent counts as online all the while', async () => {
  await replace();
  for (let second = 0; second < 100; second += 10) {
    await cloud.clock.run(10_000);
    const { InstanceInformationList } = await cloud.ssm.send(new DescribeInstanceInformationCommand({}));
    expect(InstanceInformationList).toMatchObject([{ InstanceId, PingStatus: 'Online' }]);
  }
});

test('one that does not run is refused, and one that stops meanwhile keeps its volume', async () => {
  const before = await described();
  await replace();
  await cloud.ec2.send(new StopInstancesCommand({ InstanceIds: [InstanceId] }));
  await cloud.clock.run(60_000);
  const { ReplaceRootVolumeTasks } = await cloud.ec2.send(new DescribeReplaceRootVolumeTasksCommand({}));
  expect(ReplaceRootVolumeTasks).toMatchObject([{ TaskState: 'failed' }]);
  expect((await described()).BlockDeviceMappings).toEqual(before.BlockDeviceMappings);
  await expect(replace()).rejects.toMatchObject({ name: 'IncorrectInstanceState' });
});
