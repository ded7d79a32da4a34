import { DeleteWarmPoolCommand, PutWarmPoolCommand } from '@aws-sdk/client-auto-scaling';
import {
  AssociateVpcCidrBlockCommand,
  CreateReplaceRootVolumeTaskCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeNetworkInterfacesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateTargetGroupCommand,
  DeregisterTargetsCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TAGS_AT_MOST } from '../../../shared/aws/read.ts';
import { contains } from '../../../shared/cidr.ts';
import type { RoutersConfig } from '../../../shared/config.ts';
import { given, launch, testVpc } from '../../support/cloud.ts';
import { Crash } from '../../support/stage.ts';
import { VERSIONS } from './fixtures.ts';
import { healthOf, refreshCommand, routersGroup, routersWorld, TAGS, type TestRouters } from './stage.ts';

const which = fc.nat(3);
/** Tags of somebody's. */
const FILLERS = Array.from({ length: TAGS_AT_MOST }, (_, number) => `tag-${number}`);
const kinds = <T extends string>(...names: T[]) => fc.constantFrom(...names);

/** What people, AWS and bad luck do between passes and during them. */
const deed = fc.oneof(
  fc.record({ do: kinds('launch'), zone: kinds('a0', 'b0', 'a1'), tagged: fc.boolean(), across: fc.boolean() }),
  fc.record({ do: kinds('scale'), to: fc.nat(3) }),
  fc.record({
    do: kinds(
      'tag',
      'untag',
      'stop',
      'start',
      'terminate',
      'deregister',
      'lose diverter',
      'new root',
      'fill tags',
      'clear tags',
    ),
    which,
  }),
  fc.record({ do: kinds('interruption', 'rebalance'), which }),
  fc.record({ do: kinds('cool', 'release') }),
  { weight: 2, arbitrary: fc.record({ do: kinds('refresh') }) },
  fc.record({ do: kinds('warm'), reuses: fc.boolean(), prepared: fc.constantFrom(1, 3) }),
  { weight: 2, arbitrary: fc.record({ do: kinds('wait'), ms: fc.constantFrom(1_000, 30_000, 200_000) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: kinds('pass'),
      ms: fc.constantFrom(10_000, 280_000),
      twice: fc.boolean(),
      faults: fc.array(kinds('none', 'throttled', 'refused', 'lost reply', 'crash'), { maxLength: 6 }),
      fates: fc.array(kinds('success', 'failure', 'timeout', 'lost', 'stale link'), { maxLength: 3 }),
    }),
  },
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

const PASS: Deed = { do: 'pass', ms: 10_000, twice: false, faults: [], fates: [] };

/** Of the VPC beside its own: no range of it can be routed to a router. */
const BLOCK = '100.72.0.0/16';

async function stage(fields: Partial<RoutersConfig>, heartbeat: number) {
  const world = await routersWorld(fields);
  const other = await testVpc(world);
  const block = { VpcId: world.vpc.vpc, CidrBlock: BLOCK };
  await world.ec2.send(new AssociateVpcCidrBlockCommand(block));
  const group = await routersGroup(world, { heartbeat });
  let process = world.process();
  const instances = async () => (await world.look()).instances.filter(({ state }) => state !== 'terminated');
  const known: string[] = [];
  const chosen = (index: number) => known[index % known.length];

  /** Whether the last pass found nothing to do or to wait for. */
  let idle = false;
  async function passes(ms: number, twice: boolean) {
    const both = [process.pass(ms), ...(twice ? [world.process().pass(ms)] : [])];
    const results = await world.clock.run(Promise.allSettled(both));
    idle = (results ?? []).every(
      (result) => result.status === 'fulfilled' && result.value.settled && result.value.changes === 0,
    );
    for (const result of results ?? [])
      if (result.status === 'rejected') {
        if (!(result.reason instanceof Crash)) throw result.reason;
        process = world.process();
      }
  }

  async function perform(now: Deed): Promise<void> {
    const { ec2, elb, autoScaling, clock, vpc, service } = world;
    switch (now.do) {
      case 'launch':
        known.push(
          ...(await launch(world, vpc[now.zone], {
            tags: now.tagged ? TAGS : {},
            others: now.across ? [now.zone === 'b0' ? other.b0 : other.a0] : [],
          })),
        );
        return;
      case 'scale':
        await group.desire(now.to);
        return;
      case 'warm':
        await autoScaling.send(
          new PutWarmPoolCommand({
            ...group.name,
            MinSize: 1,
            MaxGroupPreparedCapacity: now.prepared,
            InstanceReusePolicy: { ReuseOnScaleIn: now.reuses },
          }),
        );
        return;
      case 'cool':
        await autoScaling.send(new DeleteWarmPoolCommand(group.name));
        return;
      case 'refresh':
        // Not beside another one, nor beside a warm pool.
        await autoScaling.send(refreshCommand(group.name)).catch(() => {});
        return;
      case 'release':
        world.state.config = {
          ...world.state.config,
          builds: new Map([...world.state.config.builds.keys()].map((key) => [key, VERSIONS.two])),
        };
        process = world.process();
        return;
      case 'wait':
        await clock.run(now.ms);
        return;
      case 'pass':
        world.faults.push(...now.faults);
        world.fates.push(...now.fates);
        await passes(now.ms, now.twice);
        world.recover();
        return;
    }
    for (const id of (await instances()).map((instance) => instance.id)) if (!known.includes(id)) known.push(id);
    const id = chosen(now.which);
    if (!id) return;
    const one = { InstanceIds: [id] };
    const ignore = () => {};
    const done: Record<typeof now.do, () => Promise<unknown>> = {
      tag: () => ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'ziti-glb', Value: 'router' }] })),
      untag: () => ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'ziti-glb' }] })),
      stop: () => ec2.send(new StopInstancesCommand(one)),
      start: () => ec2.send(new StartInstancesCommand(one)),
      terminate: () => ec2.send(new TerminateInstancesCommand(one)),
      deregister: () =>
        elb.send(new DeregisterTargetsCommand({ TargetGroupArn: service.targetGroup, Targets: [{ Id: id }] })),
      'new root': () => ec2.send(new CreateReplaceRootVolumeTaskCommand({ InstanceId: id })),
      'lose diverter': async () => world.running.delete(id),
      'fill tags': async () => {
        const keys = (await instances()).find((instance) => instance.id === id)?.keys ?? [];
        const Tags = FILLERS.slice(0, TAGS_AT_MOST - keys.length).map((Key) => ({ Key, Value: '' }));
        await ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
      },
      'clear tags': () => ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: FILLERS.map((Key) => ({ Key })) })),
      interruption: () => warn(id, 'interruption'),
      rebalance: () => warn(id, 'rebalance'),
    };
    await done[now.do]().catch(ignore);
  }

  /** Whether the last pass found nothing to do or to wait for, and nothing else is under way either. */
  async function atRest() {
    const phases = [...(await group.states()).values()];
    const states = (await instances()).map(({ state }) => state);
    return (
      idle &&
      !(await group.refreshes()) &&
      phases.every((phase) => phase === 'InService' || phase === 'Warmed:Stopped') &&
      states.every((state) => state === 'running' || state === 'stopped')
    );
  }

  const warn = async (instanceId: string, kind: 'interruption' | 'rebalance') => {
    await world.clock.run(process.pass(1_000, { instanceId, kind }));
  };

  /** Interfaces in the other VPC whose source/dest check is off. */
  async function unchecked() {
    const Filters = [
      { Name: 'vpc-id', Values: [other.vpc] },
      { Name: 'source-dest-check', Values: ['false'] },
    ];
    return (await world.ec2.send(new DescribeNetworkInterfacesCommand({ Filters }))).NetworkInterfaces;
  }

  /** A process that reads the stack's settings anew. */
  const restart = () => {
    process = world.process();
  };

  return { ...world, group, perform, passes, atRest, unchecked, restart, told: () => process.said };
}

const RUNS = Number(process.env.RUNS ?? 20);

test.each<[string, Partial<RoutersConfig>]>([
  ['', {}],
  [' whose diverter answers the health checks', { healthPort: '8082' }],
  [
    ' with DNS ranges',
    {
      dns: {
        resolver: '100.127.255.254',
        slices: [
          '100.64.0.0/13',
          '100.72.0.0/13',
          '100.80.0.0/13',
          '100.88.0.0/13',
          '100.96.0.0/13',
          '100.104.0.0/13',
          '100.112.0.0/13',
          '10.64.0.0/13',
        ],
      },
    },
  ],
])(
  'from any state, with faults over, every router that can be serves, and nothing else does%s',
  async (_, fields) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(deed, { minLength: 4, maxLength: 12 }),
        fc.constantFrom(30, 300),
        fc.nat(2),
        async (deeds, heartbeat, size) => {
          const world = await stage(fields, heartbeat);
          await world.group.desire(size);
          for (const one of deeds) await world.perform(one);
          world.fates.length = 0;
          // Twice, a minute apart: health checks notice within half of one, a command ends when it does.
          let rest = 0;
          for (let tick = 0; rest < 2 && tick < 60; tick++) {
            await world.passes(280_000, false);
            await world.clock.run(60_000);
            rest = (await world.atRest()) ? rest + 1 : 0;
          }
          await expectSettled(world);

          world.calls.length = 0;
          await world.passes(280_000, false);
          expect(world.calls.filter(({ changes }) => changes).map(({ operation }) => operation)).toEqual([]);
          expect(await world.unchecked()).toEqual([]);
          for (const { others } of world.upgrades) expect(others).toBeGreaterThan(0);
          await world.cloud.close();
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  600_000 + RUNS * 5_000,
);

test(
  'no pass changes anything for a group of IP targets, whatever is done around it',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 4, maxLength: 12 }), fc.nat(2), async (deeds, size) => {
        const world = await stage({}, 300);
        const { TargetGroups } = await world.elb.send(
          new CreateTargetGroupCommand({
            Name: 'addresses',
            Protocol: 'GENEVE',
            Port: 6081,
            VpcId: world.vpc.vpc,
            TargetType: 'ip',
          }),
        );
        const TargetGroupArn = given(TargetGroups?.[0]?.TargetGroupArn);
        const Targets = [{ Id: '10.0.0.50' }, { Id: '10.0.10.50' }];
        await world.elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets }));
        world.state.config = { ...world.state.config, targetGroupArn: TargetGroupArn };
        world.restart();
        await world.group.desire(size);
        for (const one of [...deeds, PASS]) {
          world.calls.length = 0;
          await world.perform(one);
          const changed = world.calls.filter(({ changes }) => changes).map(({ operation }) => operation);
          if (one.do === 'pass') expect(changed).toEqual([]);
          // What AWS says once is noted all the same.
          if (one.do === 'interruption' || one.do === 'rebalance')
            expect(changed.filter((operation) => operation !== 'CreateTags')).toEqual([]);
        }
        expect(world.told().join('\n')).toContain('its targets are of type ip, and routers are of type instance');
        expect(Object.keys(await healthOf(world)).sort()).toEqual(Targets.map(({ Id }) => Id));
        await world.cloud.close();
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  600_000 + RUNS * 5_000,
);

async function expectSettled(world: TestRouters & { group: Awaited<ReturnType<typeof routersGroup>> }) {
  const seen = await world.look();
  const instances = seen.instances.filter(({ state }) => state !== 'terminated');
  const { targets } = seen;
  const states = await world.group.states();
  const [sha256] = world.state.config.builds.values();
  // One that was started again has outlived what it was warned of.
  const isWarned = ({ leaving, launchedAt }: (typeof instances)[number]) =>
    leaving !== undefined && leaving.at >= launchedAt;
  // There is no room for the notes that it would be known by: it stays what it is, a target or none.
  const isStuck = ({ keys, interfaces }: (typeof instances)[number]) => {
    const { diverterKey, checkKey, rangeKey, dns } = world.state.config;
    const checked = interfaces.some(({ sourceDestCheck }) => sourceDestCheck);
    const needed = [diverterKey, ...(checked ? [checkKey] : []), ...(dns ? [rangeKey] : [])];
    return keys.length + needed.filter((key) => !keys.includes(key)).length > TAGS_AT_MOST;
  };
  const stuck = instances.filter(isStuck).map(({ id }) => id);
  const serving = instances.filter((instance) => {
    const { id, role, state, zone } = instance;
    const phase = states.get(id) ?? 'InService';
    expect(['InService', 'Warmed:Stopped', 'Terminated', 'Terminating']).toContain(phase);
    return (
      !isStuck(instance) &&
      role === 'router' &&
      state === 'running' &&
      phase === 'InService' &&
      zone !== undefined &&
      !isWarned(instance)
    );
  });
  const healthy = targets.filter(({ state }) => state === 'healthy').map(({ id }) => id);
  const advised = instances.filter(isWarned).map(({ id }) => id);
  expect(targets.map(({ state }) => state).filter((state) => state !== 'healthy')).toEqual([]);
  expect(healthy.filter((id) => !advised.includes(id) && !stuck.includes(id)).sort()).toEqual(
    serving.map(({ id }) => id).sort(),
  );
  // One that AWS advised to replace stays only where no other is.
  if (healthy.some((id) => advised.includes(id))) expect(serving).toEqual([]);
  for (const { id, interfaces } of serving) {
    expect(interfaces.map(({ sourceDestCheck }) => sourceDestCheck)).toEqual([false]);
    // A lone router is never upgraded.
    if (serving.length > 1) expect([id, world.running.get(id)]).toEqual([id, sha256]);
  }
  const ranges = instances.filter(({ role }) => role).flatMap(({ range }) => range ?? []);
  expect(new Set(ranges).size).toBe(ranges.length);
  expect(ranges.filter((range) => contains(range, BLOCK))).toEqual([]);
  // No note says of one that it is unhealthy.
  expect(instances.filter(({ unhealthy }) => unhealthy).map(({ id }) => id)).toEqual([]);
  if (world.state.config.dns) for (const { range } of serving) expect(range).toBeDefined();
}
