import {
  CompleteLifecycleActionCommand,
  CreateAutoScalingGroupCommand,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeInstanceRefreshesCommand,
  DescribeLifecycleHooksCommand,
  DescribeWarmPoolCommand,
  type LifecycleHookSpecification,
  PutWarmPoolCommand,
  RecordLifecycleActionHeartbeatCommand,
  SetDesiredCapacityCommand,
  StartInstanceRefreshCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeTagsCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { given, testCloud, testVpc } from '../../../support/cloud.ts';

const NAME = { AutoScalingGroupName: 'routers' };

const LAUNCH: LifecycleHookSpecification = {
  LifecycleHookName: 'launch',
  LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
  HeartbeatTimeout: 300,
};
const END: LifecycleHookSpecification = {
  LifecycleHookName: 'end',
  LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
  HeartbeatTimeout: 300,
  DefaultResult: 'CONTINUE',
};

/** A group of routers, by their tag `ziti-glb=router`, stands in zones a and b. */
async function groupOf(hooks: LifecycleHookSpecification[], size = { MinSize: 0, MaxSize: 6, DesiredCapacity: 1 }) {
  const cloud = testCloud();
  const { a0, b0 } = await testVpc(cloud);
  await cloud.ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'router',
      LaunchTemplateData: { ImageId: 'ami-router', InstanceType: 't3.small' },
    }),
  );
  await cloud.autoScaling.send(
    new CreateAutoScalingGroupCommand({
      ...NAME,
      ...size,
      LaunchTemplate: { LaunchTemplateName: 'router' },
      VPCZoneIdentifier: `${a0},${b0}`,
      LifecycleHookSpecificationList: hooks,
      Tags: [{ Key: 'ziti-glb', Value: 'router', PropagateAtLaunch: true }],
    }),
  );
  const members = async () => {
    const { AutoScalingInstances } = await cloud.autoScaling.send(new DescribeAutoScalingInstancesCommand({}));
    return (AutoScalingInstances ?? []).map(({ InstanceId, LifecycleState }) => ({
      id: given(InstanceId),
      state: given(LifecycleState),
    }));
  };
  const states = async () => (await members()).map(({ state }) => state).sort();
  const complete = (id: string, hook: string, result = 'CONTINUE') =>
    cloud.autoScaling.send(
      new CompleteLifecycleActionCommand({
        ...NAME,
        LifecycleHookName: hook,
        InstanceId: id,
        LifecycleActionResult: result,
      }),
    );
  const desire = (DesiredCapacity: number) =>
    cloud.autoScaling.send(new SetDesiredCapacityCommand({ ...NAME, DesiredCapacity }));
  const eventsOf = (type: string) => cloud.events.filter((event) => event['detail-type'] === type);
  return { ...cloud, members, states, complete, desire, eventsOf };
}

describe('a group', () => {
  test('launches over its zones, tags what it launches, and is full', async () => {
    const { clock, states, ec2, eventsOf } = await groupOf([], { MinSize: 4, MaxSize: 4, DesiredCapacity: 4 });
    await clock.run(60_000);
    expect(await states()).toEqual(['InService', 'InService', 'InService', 'InService']);
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({}));
    const instances = given(Reservations).flatMap(({ Instances }) => given(Instances));
    expect(instances.map(({ Placement }) => Placement?.AvailabilityZone).sort()).toEqual([
      'eu-central-1a',
      'eu-central-1a',
      'eu-central-1b',
      'eu-central-1b',
    ]);
    expect(instances[0]?.Tags).toEqual(
      expect.arrayContaining([
        { Key: 'ziti-glb', Value: 'router' },
        { Key: 'aws:autoscaling:groupName', Value: 'routers' },
      ]),
    );
    expect(eventsOf('EC2 Instance Launch Successful')).toHaveLength(4);
  });

  test('tags its instances with keys of AWS, which neither count nor go with the others', async () => {
    const { clock, members, ec2 } = await groupOf([], { MinSize: 1, MaxSize: 1, DesiredCapacity: 1 });
    await clock.run(60_000);
    const Resources = [given((await members())[0]?.id)];
    const keys = async () => {
      const { Tags } = await ec2.send(
        new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: Resources }] }),
      );
      return given(Tags).map(({ Key = '' }) => Key);
    };
    const own = (await keys()).filter((key) => !key.startsWith('aws:'));
    const Tags = Array.from({ length: 50 - own.length }, (_, index) => ({ Key: `own-${index}`, Value: '' }));
    await ec2.send(new CreateTagsCommand({ Resources, Tags }));
    const oneMore = new CreateTagsCommand({ Resources, Tags: [{ Key: 'one-more', Value: '' }] });
    await expect(ec2.send(oneMore)).rejects.toMatchObject({ name: 'TagLimitExceeded' });
    await ec2.send(new DeleteTagsCommand({ Resources }));
    expect(await keys()).toEqual(['aws:autoscaling:groupName', 'aws:ec2launchtemplate:id']);
  });

  test('ends the oldest of the fuller zone, and replaces what ended behind its back', async () => {
    const { clock, states, members, desire, ec2 } = await groupOf([], { MinSize: 0, MaxSize: 4, DesiredCapacity: 3 });
    await clock.run(60_000);
    const before = (await members()).map(({ id }) => id);
    await desire(2);
    await clock.run(60_000);
    expect((await members()).map(({ id }) => id)).toEqual(before.slice(1));

    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [given(before[1])] }));
    await clock.run(240_000);
    expect(await states()).toEqual(['InService', 'InService']);
    expect((await members()).map(({ id }) => id)).not.toContain(before[1]);
  });

  test('refuses what is not there, sizes out of bounds, and a name twice', async () => {
    const { autoScaling, desire } = await groupOf([]);
    await expect(desire(7)).rejects.toThrow('Desired capacity:7 must be between');
    await expect(
      autoScaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: 'nobody', DesiredCapacity: 1 })),
    ).rejects.toThrow('AutoScalingGroup nobody not found');
    await expect(
      autoScaling.send(new DescribeLifecycleHooksCommand({ AutoScalingGroupName: 'nobody' })),
    ).rejects.toMatchObject({ name: 'ValidationError' });
    await expect(autoScaling.send(new DeleteAutoScalingGroupCommand(NAME))).rejects.toMatchObject({
      name: 'ResourceInUseFault',
    });
  });

  test('deleted by force takes its instances along, whatever its hooks', async () => {
    const { clock, autoScaling, ec2 } = await groupOf([LAUNCH, END]);
    await clock.run(30_000);
    await autoScaling.send(new DeleteAutoScalingGroupCommand({ ...NAME, ForceDelete: true }));
    await clock.run(60_000);
    const { AutoScalingGroups } = await autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
    expect(AutoScalingGroups).toEqual([]);
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({}));
    expect(Reservations?.[0]?.Instances?.[0]?.State?.Name).toBe('terminated');
  });
});

describe('a launch hook', () => {
  test('holds the instance, which runs, until CONTINUE; and says so in an event', async () => {
    const { clock, states, members, complete, eventsOf } = await groupOf([LAUNCH]);
    await clock.run(60_000);
    const [member] = await members();
    expect(member?.state).toBe('Pending:Wait');
    expect(eventsOf('EC2 Instance-launch Lifecycle Action').map(({ detail }) => detail)).toEqual([
      {
        LifecycleActionToken: expect.any(String),
        AutoScalingGroupName: 'routers',
        LifecycleHookName: 'launch',
        EC2InstanceId: member?.id,
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
      },
    ]);
    await complete(given(member).id, 'launch');
    expect(await states()).toEqual(['Pending:Proceed']);
    await clock.run(10_000);
    expect(await states()).toEqual(['InService']);
    await expect(complete(given(member).id, 'launch')).rejects.toThrow('No active Lifecycle Action found');
  });

  test.each<[string, LifecycleHookSpecification, string]>([
    ['by default, abandons', LAUNCH, 'Terminating'],
    ['if so set, continues', { ...LAUNCH, DefaultResult: 'CONTINUE' }, 'InService'],
  ])('that is not answered in time, %s', async (_, hook, state) => {
    const { clock, members } = await groupOf([hook]);
    await clock.run(20_000 + 299_000);
    const [member] = await members();
    expect(member?.state).toBe('Pending:Wait');
    await clock.run(5_000);
    expect((await members()).find(({ id }) => id === member?.id)?.state).toBe(state);
  });

  test('waits on for each heartbeat, but not for ever', async () => {
    const { clock, members, autoScaling } = await groupOf([{ ...LAUNCH, HeartbeatTimeout: 30 }]);
    await clock.run(25_000);
    const [first] = await members();
    const beat = () =>
      autoScaling.send(
        new RecordLifecycleActionHeartbeatCommand({ ...NAME, LifecycleHookName: 'launch', InstanceId: first?.id }),
      );
    for (let beats = 0; beats < 148; beats++) {
      await beat();
      await clock.run(20_000);
    }
    expect((await members())[0]).toEqual({ id: first?.id, state: 'Pending:Wait' });
    await clock.run(60_000);
    await expect(beat()).rejects.toThrow('No active Lifecycle Action found');
  });

  test('abandoned: the instance is ended, and another one launched', async () => {
    const { clock, members, complete, eventsOf } = await groupOf([LAUNCH, { ...LAUNCH, LifecycleHookName: 'other' }]);
    await clock.run(30_000);
    const [first] = await members();
    await complete(given(first).id, 'other', 'ABANDON');
    await clock.run(120_000);
    const [second] = await members();
    expect(second?.id).not.toBe(first?.id);
    expect(second?.state).toBe('Pending:Wait');
    expect(eventsOf('EC2 Instance Launch Unsuccessful')).toHaveLength(1);
  });

  test('of two, both must continue', async () => {
    const { clock, states, members, complete } = await groupOf([LAUNCH, { ...LAUNCH, LifecycleHookName: 'other' }]);
    await clock.run(30_000);
    const [member] = await members();
    await complete(given(member).id, 'launch');
    await clock.run(10_000);
    expect(await states()).toEqual(['Pending:Wait']);
    await complete(given(member).id, 'other');
    await clock.run(10_000);
    expect(await states()).toEqual(['InService']);
  });
});

describe('a terminate hook', () => {
  test('holds back the end, and nothing but the end follows', async () => {
    const { clock, members, complete, autoScaling, ec2, eventsOf } = await groupOf([END]);
    await clock.run(60_000);
    const [member] = await members();
    const id = given(member).id;
    await autoScaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({ InstanceId: id, ShouldDecrementDesiredCapacity: true }),
    );
    expect(await members()).toEqual([{ id, state: 'Terminating:Wait' }]);
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
    expect(Reservations?.[0]?.Instances?.[0]?.State?.Name).toBe('running');
    expect(eventsOf('EC2 Instance-terminate Lifecycle Action')).toHaveLength(1);
    await complete(id, 'end', 'ABANDON');
    await clock.run(60_000);
    expect(await members()).toEqual([]);
    expect(eventsOf('EC2 Instance Terminate Successful')).toHaveLength(1);
  });
});

describe('a warm pool', () => {
  test('prepares instances through the launch hook, stops them, and gives them to the group through it again', async () => {
    const { clock, states, members, complete, desire, autoScaling, eventsOf } = await groupOf([LAUNCH]);
    await clock.run(30_000);
    await complete(given((await members())[0]).id, 'launch');
    await autoScaling.send(new PutWarmPoolCommand({ ...NAME, MinSize: 1, MaxGroupPreparedCapacity: 2 }));
    await clock.run(30_000);
    expect(await states()).toEqual(['InService', 'Warmed:Pending:Wait']);

    const warm = given((await members()).find(({ state }) => state.startsWith('Warmed'))).id;
    await complete(warm, 'launch');
    await clock.run(60_000);
    expect(await states()).toEqual(['InService', 'Warmed:Stopped']);
    const { AutoScalingGroups } = await autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
    expect(AutoScalingGroups?.[0]?.Instances).toHaveLength(1);
    const pool = await autoScaling.send(new DescribeWarmPoolCommand(NAME));
    expect(pool.Instances?.map(({ InstanceId }) => InstanceId)).toEqual([warm]);

    await desire(2);
    await clock.run(30_000);
    expect((await members()).find(({ id }) => id === warm)?.state).toBe('Pending:Wait');
    await complete(warm, 'launch');
    await clock.run(10_000);
    expect((await members()).find(({ id }) => id === warm)?.state).toBe('InService');
    const ways = eventsOf('EC2 Instance-launch Lifecycle Action').map(({ detail }) => [
      detail.Origin,
      detail.Destination,
    ]);
    expect(ways.slice(1, 3)).toEqual([
      ['EC2', 'WarmPool'],
      ['WarmPool', 'AutoScalingGroup'],
    ]);
  });
});

test('a warm pool that reuses: what goes back on scale-in is held by the terminate hook in the state of what is launched into it', async () => {
  const { clock, states, members, complete, desire, autoScaling, eventsOf } = await groupOf([END]);
  await clock.run(30_000);
  const InstanceReusePolicy = { ReuseOnScaleIn: true };
  await autoScaling.send(new PutWarmPoolCommand({ ...NAME, MaxGroupPreparedCapacity: 1, InstanceReusePolicy }));
  const { WarmPoolConfiguration } = await autoScaling.send(new DescribeWarmPoolCommand(NAME));
  expect(WarmPoolConfiguration).toMatchObject({ InstanceReusePolicy });
  const [member] = await members();
  await desire(0);
  expect(await members()).toEqual([{ id: member?.id, state: 'Warmed:Pending:Wait' }]);
  expect(eventsOf('EC2 Instance-terminate Lifecycle Action').map(({ detail }) => detail)).toMatchObject([
    { LifecycleHookName: 'end', Origin: 'AutoScalingGroup', Destination: 'WarmPool' },
  ]);

  await complete(given(member).id, 'end');
  await clock.run(60_000);
  expect(await members()).toEqual([{ id: member?.id, state: 'Warmed:Stopped' }]);
  await desire(1);
  await clock.run(30_000);
  expect(await states()).toEqual(['InService']);
});

describe('an instance refresh by root volume', () => {
  const Overrides = [{ InstanceType: 't3.small', ImageId: 'ami-new' }];
  const start = (overrides = Overrides): StartInstanceRefreshCommand =>
    new StartInstanceRefreshCommand({
      ...NAME,
      Strategy: 'ReplaceRootVolume',
      DesiredConfiguration: {
        MixedInstancesPolicy: {
          LaunchTemplate: {
            LaunchTemplateSpecification: { LaunchTemplateName: 'router', Version: '1' },
            Overrides: overrides,
          },
        },
      },
    });

  test('holds one instance after the other by its terminate hook, and then by its launch hook', async () => {
    const { clock, members, complete, autoScaling, ec2, eventsOf } = await groupOf([LAUNCH, END], {
      MinSize: 0,
      MaxSize: 4,
      DesiredCapacity: 2,
    });
    await clock.run(30_000);
    for (const { id } of await members()) await complete(id, 'launch');
    await clock.run(10_000);
    const [first, second] = (await members()).map(({ id }) => id);
    await autoScaling.send(start());
    expect(await members()).toEqual([
      { id: first, state: 'ReplacingRootVolume:Wait' },
      { id: second, state: 'InService' },
    ]);
    await complete(given(first), 'end');
    expect((await members())[0]?.state).toBe('ReplacingRootVolume:Proceed');
    await clock.run(60_000);
    expect((await members())[0]?.state).toBe('Pending:Wait');
    const Action = 'ReplaceRootVolume';
    expect(eventsOf('EC2 Instance-terminate Lifecycle Action').map(({ detail }) => detail)).toMatchObject([
      { LifecycleHookName: 'end', EC2InstanceId: first, Action },
    ]);
    expect(eventsOf('EC2 Instance-launch Lifecycle Action').at(-1)?.detail).toMatchObject({
      LifecycleHookName: 'launch',
      EC2InstanceId: first,
      Action,
    });
    await complete(given(first), 'launch');
    await clock.run(2_000);
    expect((await members())[0]?.state).toBe('RootVolumeReplaced');
    await clock.run(10_000);
    expect(await members()).toEqual([
      { id: first, state: 'InService' },
      { id: second, state: 'ReplacingRootVolume:Wait' },
    ]);
    await complete(given(second), 'end');
    await clock.run(60_000);
    await complete(given(second), 'launch');
    await clock.run(20_000);

    const { InstanceRefreshes } = await autoScaling.send(new DescribeInstanceRefreshesCommand(NAME));
    expect(InstanceRefreshes).toMatchObject([{ Status: 'Successful', InstancesToUpdate: 0 }]);
    expect(eventsOf('EC2 Auto Scaling Instance Refresh Succeeded')).toHaveLength(1);
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({}));
    expect(Reservations?.flatMap(({ Instances }) => Instances?.map(({ ImageId }) => ImageId))).toEqual([
      'ami-new',
      'ami-new',
    ]);
  });

  test('needs an image in every override, no warm pool, and no other one under way', async () => {
    const { autoScaling, clock } = await groupOf([]);
    await clock.run(30_000);
    await expect(autoScaling.send(start([]))).rejects.toThrow('must specify an ImageId');
    await autoScaling.send(start());
    await expect(autoScaling.send(start())).rejects.toMatchObject({ name: 'InstanceRefreshInProgressFault' });
    await clock.run(120_000);
    await autoScaling.send(new PutWarmPoolCommand({ ...NAME, MinSize: 0 }));
    await expect(autoScaling.send(start())).rejects.toThrow('warm pool');
  });
});

test('groups are asked for by fifty names at most', async () => {
  const { autoScaling } = await groupOf([]);
  const AutoScalingGroupNames = Array.from({ length: 51 }, (_, number) => `group-${number}`);
  const ask = (fields: object) =>
    autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames, ...fields }));
  await expect(ask({})).rejects.toMatchObject({ name: 'ValidationError' });
  expect((await ask({ MaxRecords: 51 })).AutoScalingGroups).toEqual([]);
});
