import { DescribeAutoScalingInstancesCommand, SetDesiredCapacityCommand } from '@aws-sdk/client-auto-scaling';
import * as ec2 from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { given, launch } from '../support/cloud.ts';
import { type Place, type TestStack, testStacks } from './stacks.ts';

const KEYS = { one: 'ziti-glb', two: 'glb-two' };
const VALUES = ['10.20.0.0/16', 'takeover 10.20.0.0/16 10.30.0.0/16', 'takeover 10.30.0.0/16', 'oops'];

const from = <T>(...values: T[]) => fc.constantFrom(...values);
const stack = fc.nat(2);
const subnet = fc.nat(2);
const deed = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: from('tag' as const), stack, subnet, value: from(...VALUES) }) },
  { weight: 2, arbitrary: fc.record({ do: from('untag' as const), stack, subnet }) },
  fc.record({ do: from('route elsewhere' as const), stack, subnet }),
  { weight: 2, arbitrary: fc.record({ do: from('launch' as const), stack, zone: from<'a' | 'b'>('a', 'b') }) },
  fc.record({ do: from('terminate' as const, 'untag router' as const), stack, which: fc.nat(2) }),
  { weight: 2, arbitrary: fc.record({ do: from('scale' as const), stack, to: fc.nat(2) }) },
  fc.record({ do: from('wait' as const), ms: from(1_000, 30_000, 200_000) }),
  { weight: 7, arbitrary: fc.record({ do: from('pass' as const), stack, ms: from(10_000, 120_000) }) },
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

type World = Awaited<ReturnType<typeof testStacks>>;

async function perform(world: World, now: Deed): Promise<void> {
  if (now.do === 'wait') {
    await world.clock.run(now.ms);
    return;
  }
  const of = given(world.stacks[now.stack % world.stacks.length]);
  const { vpc, key } = of;
  const places = 'subnet' in now ? given([vpc.a1, vpc.b1, vpc.own][now.subnet]) : '';
  switch (now.do) {
    case 'tag':
      await world.tag(places, key, now.value);
      return;
    case 'untag':
      await world.untag(places, key);
      return;
    case 'route elsewhere': {
      const to = {
        RouteTableId: given(vpc.tables[places]),
        DestinationCidrBlock: '10.30.0.0/16',
        NatGatewayId: vpc.nat,
      };
      await world.ec2
        .send(new ec2.CreateRouteCommand(to))
        .catch(() => world.ec2.send(new ec2.ReplaceRouteCommand(to) as never));
      return;
    }
    case 'launch':
      await launch(world, now.zone === 'a' ? vpc.a0 : vpc.b0, { tags: { [key]: 'router' } });
      return;
    case 'scale':
      await world.autoScaling.send(
        new SetDesiredCapacityCommand({ AutoScalingGroupName: of.name, DesiredCapacity: now.to }),
      );
      return;
    case 'pass':
      await of.pass(now.ms);
      return;
    case 'terminate':
    case 'untag router': {
      const routers = await routersOf(world, of);
      const id = routers[now.which % Math.max(1, routers.length)];
      if (id === undefined) return;
      if (now.do === 'terminate') await world.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [id] }));
      else await world.untag(id, key);
    }
  }
}

async function routersOf({ ec2: client }: World, { key, vpc }: TestStack): Promise<string[]> {
  const Filters = [
    { Name: `tag:${key}`, Values: ['router'] },
    { Name: 'vpc-id', Values: [vpc.vpc] },
    { Name: 'instance-state-name', Values: ['running'] },
  ];
  const { Reservations = [] } = await client.send(new ec2.DescribeInstancesCommand({ Filters }));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => given(InstanceId)));
}

/** Holds every changing call of a stack to what is the stack's own. Returns the calls that are not. */
function watch(world: World): string[] {
  const trespasses: string[] = [];
  const instanceOf = async (id: unknown) => {
    const { Reservations } = await world.ec2.send(new ec2.DescribeInstancesCommand({ InstanceIds: [String(id)] }));
    return Reservations?.[0]?.Instances?.[0];
  };
  const keysOf = (input: Readonly<Record<string, unknown>>) => (input.Tags as ec2.Tag[]).map(({ Key = '' }) => Key);
  async function isOwn(of: TestStack, operation: string, input: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { vpc, key } = of;
    switch (operation) {
      case 'CompleteLifecycleAction':
      case 'RecordLifecycleActionHeartbeat':
        // EC2 tells no VPC of an instance that has ended since it was looked at.
        return (
          [undefined, vpc.vpc].includes((await instanceOf(input.InstanceId))?.VpcId) &&
          input.AutoScalingGroupName === of.name
        );
      case 'CreateTags':
      case 'DeleteTags': {
        const prefix = String((input.Resources as string[])[0]).startsWith('vpce-') ? 'ziti-glb:former' : key;
        if (!keysOf(input).every((each) => each.startsWith(`${prefix}:`))) return false;
        const homes = (input.Resources as string[]).map(async (id) => {
          if (id.startsWith('i-')) return (await instanceOf(id))?.VpcId;
          if (id.startsWith('vpce-')) return (await of.owns(id)) ? vpc.vpc : undefined;
          return Object.entries(vpc.tables).flat().includes(id) ? vpc.vpc : undefined;
        });
        return (await Promise.all(homes)).every((home) => home === vpc.vpc);
      }
      case 'CreateRoute':
      case 'ReplaceRoute':
      case 'DeleteRoute': {
        const { RouteTables } = await world.ec2.send(
          new ec2.DescribeRouteTablesCommand({ RouteTableIds: [String(input.RouteTableId)] }),
        );
        const { VpcId, Routes = [], Tags = [] } = given(RouteTables?.[0]);
        const there = Routes.find((route) => route.DestinationCidrBlock === input.DestinationCidrBlock);
        const led = there?.GatewayId;
        const direct = Tags.some(
          ({ Key = '', Value }) =>
            Key.endsWith(`:direct:${input.DestinationCidrBlock}`) &&
            !Key.startsWith(`${key}:`) &&
            there?.NetworkInterfaceId !== undefined &&
            Value?.startsWith(there.NetworkInterfaceId),
        );
        return VpcId === vpc.vpc && !direct && (!led?.startsWith('vpce-') || (await of.owns(led)));
      }
      case 'DeleteVpcEndpoints':
      case 'AcceptVpcEndpointConnections':
        return (await Promise.all((input.VpcEndpointIds as string[]).map(of.owns))).every(Boolean);
      case 'RegisterTargets':
      case 'DeregisterTargets':
        return input.TargetGroupArn === of.service.targetGroup;
      case 'SendCommand': {
        const all = await Promise.all((input.InstanceIds as string[]).map(instanceOf));
        return all.every((each) => each?.VpcId === vpc.vpc && each.Tags?.some(({ Key }) => Key === key));
      }
    }
    return true;
  }
  world.guard(async (of, operation, input) => {
    if (!(await isOwn(of, operation, input)))
      trespasses.push(`${of.name} (${of.key}, ${of.vpc.vpc}): ${operation} ${JSON.stringify(input)}`);
  });
  return trespasses;
}

/** All stacks have passes a minute after each other: for longer than a hook holds an instance that nobody answers for. */
async function comeToRest(world: World): Promise<void> {
  for (let minute = 0; minute < 7; minute++) {
    for (const of of world.stacks) await of.pass();
    await world.clock.run(60_000);
  }
}

/** A stack is to be so at rest, by its own tags alone. */
async function checkRest(world: World, of: TestStack): Promise<void> {
  const { TargetHealthDescriptions = [] } = await world.elb.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: of.service.targetGroup }),
  );
  const healthy = TargetHealthDescriptions.map(({ Target, TargetHealth }) => [Target?.Id, TargetHealth?.State]);
  expect(healthy.sort()).toEqual((await routersOf(world, of)).map((id) => [id, 'healthy']).sort());
  const { AutoScalingInstances = [] } = await world.autoScaling.send(new DescribeAutoScalingInstancesCommand({}));
  expect(
    AutoScalingInstances.map(({ LifecycleState }) => LifecycleState).filter((state) => state !== 'InService'),
  ).toEqual([]);
  const { Subnets = [] } = await world.ec2.send(
    new ec2.DescribeSubnetsCommand({ Filters: [{ Name: 'vpc-id', Values: [of.vpc.vpc] }] }),
  );
  for (const { Tags = [] } of Subnets) {
    const value = (key: string) => Tags.find(({ Key }) => Key === key)?.Value;
    const [asked, status] = [value(of.key), /^\w+/.exec(value(`${of.key}:status`) ?? '')?.[0]];
    if (asked === undefined) expect([undefined, 'blocked']).toContain(status);
    else if (asked === 'oops') expect(status).toBe('refused');
    else expect(['ready', 'conflict', 'waiting']).toContain(status);
  }
}

test('a stack takes no route over that another one has, to its endpoint or to its router’s interface', async () => {
  const [one, two] = ['takeover 10.20.0.0/16', 'takeover 10.20.0.0/16 100.72.0.0/13'];
  const world = await testStacks([
    { key: KEYS.one, vpc: 0 },
    { key: KEYS.two, vpc: 0 },
  ]);
  const trespasses = watch(world);
  const [first, second] = [given(world.stacks[0]), given(world.stacks[1])];
  const { vpc } = first;
  // Routers have two DNS ranges, of which the other stack's router has the first one too.
  await launch(world, vpc.a0, { tags: { [KEYS.one]: 'router' }, count: 2 });
  await launch(world, vpc.b0, { tags: { [KEYS.two]: 'router' } });
  for (let minute = 0; minute < 3; minute++) for (const of of world.stacks) await of.pass();
  await world.tag(vpc.a1, KEYS.one, one);
  await first.pass();
  await world.tag(vpc.a1, KEYS.two, two);
  for (let minute = 0; minute < 3; minute++) {
    await second.pass();
    await first.pass();
    await world.clock.run(60_000);
  }
  expect([await first.pass(), await second.pass()]).toEqual([0, 0]);
  expect(trespasses).toEqual([]);
  const { Subnets } = await world.ec2.send(new ec2.DescribeSubnetsCommand({ SubnetIds: [vpc.a1] }));
  const status = (key: string) => Subnets?.[0]?.Tags?.find(({ Key }) => Key === `${key}:status`)?.Value;
  expect(status(KEYS.one)).toBe('ready');
  expect(status(KEYS.two)).toMatch(
    /^conflict: 10.20.0.0\/16 in rtb-\w+ leads to vpce-\w+ of stack-0 and stacks take nothing from each other$/,
  );
  await world.cloud.close();
});

test('a stack answers no hook of a group in another VPC, though its instances have the same tag', async () => {
  const world = await testStacks([
    { key: KEYS.one, vpc: 0 },
    { key: KEYS.one, vpc: 1 },
  ]);
  const trespasses = watch(world);
  const [first, second] = [given(world.stacks[0]), given(world.stacks[1])];
  const scale = (DesiredCapacity: number) =>
    world.autoScaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: second.name, DesiredCapacity }));
  const states = async () => {
    const { AutoScalingInstances } = await world.autoScaling.send(new DescribeAutoScalingInstancesCommand({}));
    return AutoScalingInstances?.map(({ LifecycleState }) => LifecycleState);
  };
  await scale(1);
  await world.clock.run(60_000);
  expect([await first.pass(), await states()]).toEqual([0, ['Pending:Wait']]);
  await second.pass();
  await world.clock.run(10_000);
  expect(await states()).toEqual(['InService']);
  await scale(0);
  await world.clock.run(10_000);
  expect([await first.pass(60_000), await states()]).toEqual([0, ['Terminating:Wait']]);
  expect(trespasses).toEqual([]);
  await world.cloud.close();
});

test('a router that is untagged in its launch does not keep its group waiting: another one serves within minutes', async () => {
  const world = await testStacks([
    { key: KEYS.one, vpc: 0 },
    { key: KEYS.one, vpc: 1 },
  ]);
  await perform(world, { do: 'scale', stack: 0, to: 1 });
  await perform(world, { do: 'pass', stack: 0, ms: 120_000 });
  await perform(world, { do: 'untag router', stack: 0, which: 0 });
  await comeToRest(world);
  expect(await routersOf(world, given(world.stacks[0]))).toHaveLength(1);
  for (const of of world.stacks) await checkRest(world, of);
  await world.cloud.close();
});

const RUNS = Number(process.env.RUNS ?? 3);

test.each<[string, Place[]]>([
  [
    'one key in two VPCs',
    [
      { key: KEYS.one, vpc: 0 },
      { key: KEYS.one, vpc: 1 },
    ],
  ],
  [
    'two keys in one VPC',
    [
      { key: KEYS.one, vpc: 0 },
      { key: KEYS.two, vpc: 0 },
    ],
  ],
  [
    'two of three with one key, and two of them in one VPC',
    [
      { key: KEYS.one, vpc: 0 },
      { key: KEYS.two, vpc: 0 },
      { key: KEYS.one, vpc: 1 },
    ],
  ],
])(
  'stacks of one account, %s, change nothing that is another’s, and all come to rest',
  async (_, places) => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 16 }), async (deeds) => {
        const world = await testStacks(places);
        const trespasses = watch(world);
        for (const one of deeds) await perform(world, one);
        await comeToRest(world);
        expect(trespasses).toEqual([]);
        for (const of of world.stacks) await checkRest(world, of);
        for (const of of world.stacks) expect([of.name, await of.pass()]).toEqual([of.name, 0]);
        await world.cloud.close();
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  600_000 + RUNS * 10_000,
);
