import {
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingInstancesCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
} from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { parseHint } from '../../shared/events.ts';
import { deployed, type TestStack } from './stage.ts';

const minutes = async (stack: TestStack, count: number) => {
  for (let minute = 0; minute < count; minute++) await stack.pass();
};
const tagsOf = async ({ ec2, vpc }: TestStack) =>
  (await ec2.send(new DescribeVpcsCommand({ VpcIds: [vpc.vpc] }))).Vpcs?.[0]?.Tags ?? [];
const targetsOf = async ({ elb, service }: TestStack) =>
  (await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: service.targetGroup }))).TargetHealthDescriptions;

/** A group has one router, whose launch and end are held by hooks. */
async function group({ ec2, autoScaling, vpc, clock }: TestStack) {
  const hook = (name: string, what: string) => ({
    ...{ LifecycleHookName: `ziti-glb-${name}`, LifecycleTransition: `autoscaling:EC2_INSTANCE_${what}` },
    HeartbeatTimeout: 300,
  });
  await ec2.send(
    new CreateLaunchTemplateCommand({ LaunchTemplateName: 'router', LaunchTemplateData: { ImageId: 'ami-router' } }),
  );
  await autoScaling.send(
    new CreateAutoScalingGroupCommand({
      ...{ AutoScalingGroupName: 'routers', MinSize: 1, MaxSize: 1, VPCZoneIdentifier: vpc.a0 },
      LaunchTemplate: { LaunchTemplateName: 'router' },
      LifecycleHookSpecificationList: [hook('launch', 'LAUNCHING'), hook('terminate', 'TERMINATING')],
      Tags: [{ Key: 'ziti-glb', Value: 'router', PropagateAtLaunch: true }],
    }),
  );
  await clock.run(30_000);
}

describe('a stack that is paused', () => {
  test('changes nothing, and does all of it when it is resumed', async () => {
    const stack = await deployed();
    expect(await stack.cli(['pause', 'moving the transit gateway'])).toMatchObject({ code: 0, err: '' });
    await stack.router(stack.vpc.a0, 'router-1');
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    await minutes(stack, 3);
    expect(await targetsOf(stack)).toEqual([]);
    const { Subnets } = await stack.ec2.send(new DescribeSubnetsCommand({}));
    expect(Subnets?.flatMap(({ Tags = [] }) => Tags).map(({ Key }) => Key)).not.toContain('ziti-glb:status');

    const { code, out } = await stack.cli('resume');
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('moving the transit gateway') });
    expect(await tagsOf(stack)).toEqual([]);
    await minutes(stack, 4);
    expect((await targetsOf(stack))?.map(({ TargetHealth }) => TargetHealth?.State)).toEqual(['healthy']);
    expect((await stack.cli('status')).out).not.toContain('paused');
  });

  test('wakes both functions by an event that they know when it is resumed', async () => {
    const stack = await deployed();
    await stack.cli('pause');
    await stack.cli('resume');
    expect(stack.invoked.map(({ name }) => name).sort()).toEqual(['ziti-glb-dev-routers', 'ziti-glb-dev-subnets']);
    for (const { event } of stack.invoked)
      expect(parseHint(event)?.cause).toBe(`tag ziti-glb:paused of ${stack.vpc.vpc}`);
  });

  test('is resumed by who may not wake its functions too', async () => {
    const stack = await deployed({ mayInvoke: () => false });
    await stack.cli('pause');
    const { code, err } = await stack.cli('resume');
    expect([code, await tagsOf(stack)]).toEqual([0, []]);
    expect(err).toMatch(/^Its functions look within the minute, for they could not be woken\..*lambda:InvokeFunction/);
  });

  test('says so wherever one looks', async () => {
    const stack = await deployed();
    await stack.router(stack.vpc.a0, 'router-1');
    await minutes(stack, 3);
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    await stack.cli(['pause', 'change 4711']);
    const since = String.raw`paused since \d{4}-\d\d-\d\d \d\d:\d\d UTC: change 4711`;
    expect((await stack.cli('status')).out).toMatch(new RegExp(`\n${since}\\. Nothing is changed until: .* resume`));
    expect(JSON.parse((await stack.cli('status --json')).out).paused).toEqual({
      since: expect.any(Number),
      why: 'change 4711',
    });
    const plan = await stack.cli('plan');
    expect(plan.code).toBe(2);
    expect(plan.out).toMatch(new RegExp(`^ziti-glb-dev is ${since}\\. Resumed, it would do this:\n`));
    expect(plan.out).toMatch(/create-endpoint/);
    const doctor = await stack.cli('doctor');
    expect(doctor.out).toMatch(new RegExp(`warning +pause +the stack is ${since}`));
    expect((await stack.cli(`explain ${stack.vpc.a1}`)).out).toMatch(new RegExp(`the stack is ${since}`));
    // Nothing that waits gets ready meanwhile: nobody has to wait to learn that.
    expect((await stack.cli('status --for=ready')).code).toBe(2);
  });

  test('is not drained, for nobody would take anything away', async () => {
    const stack = await deployed();
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    await stack.pass();
    await stack.cli('pause');
    const { code, err, questions } = await stack.cli('drain --yes');
    expect([code, questions]).toEqual([2, []]);
    expect(err).toMatch(
      /^ziti-glb-dev is paused since .* its functions take nothing away until .* Nothing was changed\.$/,
    );
    expect((await stack.cli('status')).out).toMatch(/waiting/);
  });

  test('keeps a router that its group ends among the targets, and lets it drain when it is resumed', async () => {
    const stack = await deployed();
    await group(stack);
    await minutes(stack, 4);
    await stack.clock.run(10_000);
    await stack.cli('pause');
    await stack.autoScaling.send(
      new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: 'routers', MinSize: 0, DesiredCapacity: 0 }),
    );
    for (let minute = 0; minute < 10; minute++) {
      await stack.clock.run(60_000);
      await stack.pass();
    }
    expect((await targetsOf(stack))?.map(({ TargetHealth }) => TargetHealth?.State)).toEqual(['healthy']);
    await stack.cli('resume');
    await minutes(stack, 4);
    expect(await targetsOf(stack)).toEqual([]);
  });

  test('is paused once, and resumed once', async () => {
    const stack = await deployed();
    expect((await stack.cli('resume')).out).toBe('ziti-glb-dev is not paused. Nothing was changed.');
    await stack.cli(['pause', 'first']);
    const before = await tagsOf(stack);
    expect((await stack.cli(['pause', 'second'])).out).toMatch(
      /is paused since .* UTC: first\. Nothing was changed\.$/,
    );
    expect(await tagsOf(stack)).toEqual(before);
  });

  test.each([
    ['', 'paused'],
    ['until Monday', 'paused: until Monday'],
  ])('by a tag that somebody has written by hand, %j, is paused too', async (Value, says) => {
    const stack = await deployed();
    const Tags = [{ Key: 'ziti-glb:paused', Value }];
    await stack.ec2.send(new CreateTagsCommand({ Resources: [stack.vpc.vpc], Tags }));
    expect((await stack.cli('status')).out).toContain(`\n${says}. Nothing is changed until`);
  });

  test('holds what its hooks hold for longer than a launch may take, and lets it join when it is resumed', async () => {
    const stack = await deployed();
    await stack.cli('pause');
    await group(stack);
    const state = async () =>
      (await stack.autoScaling.send(new DescribeAutoScalingInstancesCommand({}))).AutoScalingInstances?.map(
        ({ InstanceId, LifecycleState }) => [InstanceId, LifecycleState],
      );
    const held = await state();
    expect(held).toEqual([[expect.any(String), 'Pending:Wait']]);
    // Each pass of a paused stack looks once.
    for (let minute = 0; minute < 20; minute++) {
      await stack.pass();
      await stack.clock.run(60_000);
    }
    expect(await state()).toEqual(held);
    await stack.cli('resume');
    await minutes(stack, 4);
    await stack.clock.run(10_000);
    expect(await state()).toEqual([[held?.[0]?.[0], 'InService']]);
  });
});
