import {
  AssociateIamInstanceProfileCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  ModifyNetworkInterfaceAttributeCommand,
} from '@aws-sdk/client-ec2';
import { RegisterTargetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { RoutersConfig } from '../../../shared/config.ts';
import { INTERRUPTION } from '../../../shared/routers/router.ts';
import { given, launch } from '../../support/cloud.ts';
import { healthOf, passesOf, routersWorld, TAGS, type TestRouters } from './stage.ts';

let world: TestRouters;
afterEach(() => world.cloud.close());

/** A stack with a router in each of two zones, healthy. */
async function begin(fields: Partial<RoutersConfig> = {}) {
  world = await routersWorld(fields);
  const [a = ''] = await launch(world, world.vpc.a0, { tags: TAGS });
  const [b = ''] = await launch(world, world.vpc.b0, { tags: TAGS });
  await passes(5);
  expect(await health()).toEqual({ [a]: 'healthy', [b]: 'healthy' });
  world.calls.length = 0;
  return { a, b };
}

const passes = (minutes: number, process = world.process()) => passesOf(world, minutes, process);

const health = () => healthOf(world);

async function described(id: string) {
  const { Reservations } = await world.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  const { NetworkInterfaces = [], Tags = [] } = given(Reservations?.[0]?.Instances?.[0]);
  return {
    face: given(NetworkInterfaces[0]?.NetworkInterfaceId),
    check: NetworkInterfaces[0]?.SourceDestCheck,
    tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
  };
}
const tag = (id: string, tags: Record<string, string>) =>
  world.ec2.send(
    new CreateTagsCommand({ Resources: [id], Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
  );
const untag = (id: string, ...keys: string[]) =>
  world.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: keys.map((Key) => ({ Key })) }));
const changes = () => world.calls.filter((call) => call.changes).map(({ operation }) => operation);

describe('whoever may write tags', () => {
  test.each([[''], ['8082']])(
    'copies all those of a router to a machine that answers health checks (asked at port %j): it is installed, and gets no flow',
    async (healthPort) => {
      const { a } = await begin({ healthPort });
      const [machine = ''] = await launch(world, world.vpc.a1);
      world.running.set(machine, 'something of his own');
      // Whatever is sent there fails.
      world.fates.push(...Array.from({ length: 20 }, () => 'failure' as const));
      await tag(machine, (await described(a)).tags);
      let flows = 0;
      for (let minute = 0; minute < 10; minute++) {
        await passes(1);
        if ((await health())[machine] === 'healthy') flows++;
      }
      expect(world.calls.some(({ operation }) => operation === 'SendCommand')).toBe(true);
      expect([flows, (await health())[machine], (await described(machine)).check]).toEqual([0, undefined, true]);
    },
  );

  test('tags a machine without an agent: no check goes off, and it is no target, whatever it answers', async () => {
    world = await routersWorld({ healthPort: '8082' }, { agentOnline: 24 * 3_600_000 });
    const [machine = ''] = await launch(world, world.vpc.a1);
    world.running.set(machine, 'something of his own');
    await tag(machine, TAGS);
    await passes(5);
    expect([(await health())[machine], (await described(machine)).check]).toEqual([undefined, true]);
  });

  test('tags a target of somebody else’s by a router’s notes: it stays', async () => {
    const { a } = await begin();
    const [other = ''] = await launch(world, world.vpc.a1);
    const Targets = [{ Id: other }];
    await world.elb.send(new RegisterTargetsCommand({ TargetGroupArn: world.service.targetGroup, Targets }));
    const { 'ziti-glb': _, ...notes } = (await described(a)).tags;
    await tag(other, notes);
    expect(await passes(3)).toContainEqual(expect.stringContaining('it is a target and carries no tag of ours'));
    expect(Object.keys(await health())).toContain(other);
  });

  test('says that AWS takes a router back, that it is unhealthy, or that it has another range: nothing changes for it', async () => {
    const dns = { resolver: '100.127.255.254', slices: ['100.64.0.0/13', '100.72.0.0/13', '100.80.0.0/13'] };
    const { a, b } = await begin({ dns });
    const { tags } = await described(a);
    const leaving = `${INTERRUPTION} ${new Date(world.clock.now()).toISOString()}`;
    const unhealthy = `Target.Timeout ${new Date(0).toISOString()}`;
    await tag(a, {
      'ziti-glb:leaving': leaving,
      'ziti-glb:unhealthy': unhealthy,
      'ziti-glb:dns-range': '100.80.0.0/13',
    });
    world.calls.length = 0;
    await passes(3);
    expect(await health()).toEqual({ [a]: 'healthy', [b]: 'healthy' });
    expect(changes()).toEqual(['CreateTags']);
    expect((await described(a)).tags['ziti-glb:dns-range']).toBe(tags['ziti-glb:dns-range']);
  });
});

describe('where the stack names where its routers stand', () => {
  const PROFILE = 'arn:aws:iam::111122223333:instance-profile/router';
  const OTHER = 'arn:aws:iam::111122223333:instance-profile/team/router';

  /** What would join, if it might stand there. */
  async function tagged(fields: (subnets: string[]) => Partial<RoutersConfig>, profile?: string) {
    world = await routersWorld();
    Object.assign(world.state.config, fields([world.vpc.a0]));
    const [id = ''] = await launch(world, world.vpc.a1, { tags: TAGS, ...(profile && { profile }) });
    world.running.set(id, 'something of his own');
    world.calls.length = 0;
    return id;
  }

  test.each<[string, (subnets: string[]) => Partial<RoutersConfig>, string | undefined]>([
    ['another instance profile, of the same name', () => ({ routerProfile: PROFILE }), OTHER],
    ['no instance profile', () => ({ routerProfile: PROFILE }), undefined],
    ['their profile, in another subnet', (routerSubnets) => ({ routerSubnets, routerProfile: PROFILE }), PROFILE],
  ])('what has the tag and %s is refused, and nothing is done to it', async (_, fields, profile) => {
    const id = await tagged(fields, profile);
    const said = await passes(5);
    expect([changes(), (await health())[id], (await described(id)).check]).toEqual([[], undefined, true]);
    expect(said).toContainEqual(expect.stringMatching(/^i-\S+: .*(routerProfile is|routerSubnets names)/));
  });

  test('what gets their profile joins, and what was launched with it', async () => {
    const id = await tagged(() => ({ routerProfile: PROFILE }));
    const [other = ''] = await launch(world, world.vpc.b0, { tags: TAGS, profile: PROFILE });
    await passes(5);
    expect(await health()).toEqual({ [other]: 'healthy' });
    const IamInstanceProfile = { Name: 'router' };
    await world.ec2.send(new AssociateIamInstanceProfileCommand({ InstanceId: id, IamInstanceProfile }));
    await passes(5);
    expect(await health()).toEqual({ [id]: 'healthy', [other]: 'healthy' });
  });
});

describe('source/dest check', () => {
  test('goes off when the install has succeeded, and on again when the tag has gone and its connections have', async () => {
    const { a } = await begin({ healthPort: '8082' });
    expect((await described(a)).check).toBe(false);
    await untag(a, 'ziti-glb');
    await passes(1);
    // While it drains, answers still leave by it.
    expect([(await health())[a], (await described(a)).check]).toEqual(['draining', false]);
    await passes(8);
    const { check, tags } = await described(a);
    expect([(await health())[a], check, Object.keys(tags)]).toEqual([undefined, true, ['ziti-glb:diverter']]);
  });

  test('that was off before stays off', async () => {
    world = await routersWorld();
    const [id = ''] = await launch(world, world.vpc.a0);
    const { face } = await described(id);
    const off = { NetworkInterfaceId: face, SourceDestCheck: { Value: false } };
    await world.ec2.send(new ModifyNetworkInterfaceAttributeCommand(off));
    await tag(id, TAGS);
    await passes(5);
    await untag(id, 'ziti-glb');
    await passes(9);
    expect([(await health())[id], (await described(id)).check]).toEqual([undefined, false]);
  });

  test('is off before the first good health check, where the target group asks the diverter', async () => {
    world = await routersWorld({ healthPort: '8082' }, { interval: 5, targetRegistration: 5_000 });
    const [id = ''] = await launch(world, world.vpc.a0, { tags: TAGS });
    const ready = () =>
      world.cloud
        .network()
        .nodes.flatMap(({ targets }) => targets)
        .find((one) => one.id === id);
    const dropped: number[] = [];
    const watch = async () => {
      for (let second = 0; second < 240; second++) {
        await world.clock.sleep(1_000);
        const off = world.cloud.network().interfaces.find((face) => face.instanceId === id)?.sourceDestCheck === false;
        if (ready()?.state === 'healthy' && !off) dropped.push(second);
      }
    };
    await world.clock.run(Promise.all([world.process().pass(240_000), watch()]));
    expect(await health()).toEqual({ [id]: 'healthy' });
    expect(dropped).toEqual([]);
  });
});

describe('a stack that stood before notes had a seal', () => {
  const KEYS = ['ziti-glb:diverter', 'ziti-glb:dns-range', 'ziti-glb:leaving'];

  /** What the version before had written. */
  async function age(...ids: string[]) {
    for (const id of ids) {
      const { tags } = await described(id);
      for (const key of KEYS) if (tags[key]) await tag(id, { [key]: tags[key].replace(/ v\d+\.\S+$/, '') });
      await untag(id, 'ziti-glb:source-dest-check');
    }
    world.exchangeKey(1);
  }

  test('keeps its routers and their ranges: each is installed once more, one after the other, and serves throughout', async () => {
    const dns = { resolver: '100.127.255.254', slices: ['100.64.0.0/13', '100.72.0.0/13'] };
    const { a, b } = await begin({ dns });
    const before = (await described(b)).tags;
    await world.clock.run(2 * 3_600_000);
    await age(a, b);
    world.calls.length = 0;
    const outages: string[] = [];
    const process = world.process();
    for (let step = 0; step < 20; step++) {
      await world.clock.run(process.pass(15_000));
      for (const [id, state] of Object.entries(await health())) if (state !== 'healthy') outages.push(`${id} ${state}`);
    }
    expect(outages).toEqual([]);
    expect(new Set(changes())).toEqual(new Set(['CreateTags', 'SendCommand']));
    expect(world.calls.filter(({ operation }) => operation === 'SendCommand')).toHaveLength(2);
    expect((await described(b)).tags).toMatchObject({ 'ziti-glb:dns-range': before['ziti-glb:dns-range'] });
    world.calls.length = 0;
    await passes(2, process);
    expect(changes()).toEqual([]);
  });

  test('and another key later costs a tag for each note, and nothing else', async () => {
    const { a, b } = await begin();
    world.exchangeKey(2, 1);
    await passes(2);
    expect(changes()).toEqual(['CreateTags', 'CreateTags', 'CreateTags', 'CreateTags']);
    world.exchangeKey(3, 2);
    world.calls.length = 0;
    await passes(2);
    expect(new Set(changes())).toEqual(new Set(['CreateTags']));
    expect(await health()).toEqual({ [a]: 'healthy', [b]: 'healthy' });
  });
});
