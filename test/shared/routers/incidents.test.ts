import {
  CreateAutoScalingGroupCommand,
  PutLifecycleHookCommand,
  PutWarmPoolCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateTargetGroupCommand,
  DescribeTargetHealthCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateDocumentCommand, DeleteDocumentCommand, UpdateDocumentCommand } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import { act } from '../../../shared/routers/act.ts';
import { INTERRUPTION, REBALANCE, routersOf } from '../../../shared/routers/router.ts';
import type { RoutersStep } from '../../../shared/routers/steps.ts';
import { launch, testVpc } from '../../support/cloud.ts';
import { installDocument } from '../../support/install-document.ts';
import { testSeal } from '../../support/seal.ts';
import { Crash } from '../../support/stage.ts';
import { VERSIONS } from './fixtures.ts';
import { passesOf, routersGroup, routersWorld, TAGS, type TestRouters } from './stage.ts';

const healthOf = async ({ elb, service }: TestRouters) => {
  const { TargetHealthDescriptions } = await elb.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: service.targetGroup }),
  );
  return new Map(
    (TargetHealthDescriptions ?? []).map((each) => [each.Target?.Id ?? '', each.TargetHealth?.State ?? '']),
  );
};

describe('what has gone wrong for others', () => {
  test('an agent that is late by minutes: the launch waits, by heartbeats, and goes on', async () => {
    const world = await routersWorld({}, { agentOnline: 180_000 });
    const group = await routersGroup(world, { heartbeat: 120 });
    await group.desire(1);
    const said = await passesOf(world, 7);
    expect([...(await group.states()).values()]).toEqual(['InService']);
    expect(said.filter((line) => line.includes('is to wait on')).length).toBeGreaterThan(5);
    expect(world.calls.filter(({ operation }) => operation === 'SendCommand')).toHaveLength(1);
  });

  test('a launch whose instance is untagged before anybody has looked: it is nobody’s here, its hook’s own time ends it, and the next one serves', async () => {
    const world = await routersWorld();
    const group = await routersGroup(world, { heartbeat: 300 });
    await group.desire(1);
    await world.clock.run(5_000);
    const [first = ''] = (await group.states()).keys();
    await world.ec2.send(new DeleteTagsCommand({ Resources: [first], Tags: [{ Key: 'ziti-glb' }] }));
    await passesOf(world, 4);
    expect(await group.states()).toEqual(new Map([[first, 'Pending:Wait']]));
    expect(world.calls.filter(({ changes }) => changes)).toEqual([]);
    await passesOf(world, 6);
    const [[next = '', state] = []] = await group.states();
    expect([next === first, state, await healthOf(world)]).toEqual([false, 'InService', new Map([[next, 'healthy']])]);
    expect(
      world.calls.filter(({ input }) => JSON.stringify(input).includes(first) && 'LifecycleHookName' in input),
    ).toEqual([]);
  });

  test.each([
    ['before it has any note of ours', {}, 'RecordLifecycleActionHeartbeat'],
    ['as a target that has no diverter yet', { healthPort: '8082' }, 'RegisterTargets'],
    ['as a target with a diverter', {}, 'RegisterTargets'],
  ])(
    'a launch whose instance is untagged %s: given up once it is no target, and the next one serves',
    async (_, fields, last) => {
      const world = await routersWorld(fields);
      const group = await routersGroup(world, { heartbeat: 7200 });
      await group.desire(1);
      const process = world.process();
      const has = (operation: string) => world.calls.some((call) => call.operation === operation);
      for (let second = 0; second < 300 && !has(last); second++) {
        await world.clock.run(process.pass(1_000));
        await world.clock.run(1_000);
      }
      const [first = ''] = (await group.states()).keys();
      await world.ec2.send(new DeleteTagsCommand({ Resources: [first], Tags: [{ Key: 'ziti-glb' }] }));
      const said = await passesOf(world, 15, process);
      expect(said).toContainEqual(
        `hook ziti-glb-launch of ${first}: gives up its launch, since it is no router by its tag`,
      );
      const [[next, state] = []] = await group.states();
      expect([next === first, state, await healthOf(world)]).toEqual([
        false,
        'InService',
        new Map([[next, 'healthy']]),
      ]);
    },
  );

  test('a document whose newest version did not become its default one: routers get the newest', async () => {
    const world = await routersWorld();
    const Name = 'Install';
    const { parameters, ...older } = JSON.parse(installDocument());
    const former = { ...parameters, Sha256: { ...parameters.Sha256, allowedPattern: '^$' } };
    const Content = JSON.stringify({ ...older, parameters: former });
    await world.ssm.send(new DeleteDocumentCommand({ Name }));
    await world.ssm.send(new CreateDocumentCommand({ Name, DocumentType: 'Command', Content }));
    const update = { Name, Content: installDocument(), DocumentVersion: '$LATEST' };
    await world.ssm.send(new UpdateDocumentCommand(update));
    const [router = ''] = await launch(world, world.vpc.a0, { tags: TAGS });
    await passesOf(world, 5);
    expect(await healthOf(world)).toEqual(new Map([[router, 'healthy']]));
  });

  test.each([
    ['with a target', '10.0.1.9'],
    ['that is empty', undefined],
  ])('a target group of IP targets that was taken, %s: nothing is done, and that is said', async (_, Id) => {
    const world = await routersWorld();
    const { TargetGroups } = await world.elb.send(
      new CreateTargetGroupCommand({
        ...{ Name: 'addresses', Protocol: 'GENEVE', Port: 6081, TargetType: 'ip', VpcId: world.vpc.vpc },
      }),
    );
    const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn ?? '';
    if (Id) await world.elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id }] }));
    await launch(world, world.vpc.a0, { tags: TAGS });
    world.state.config = { ...world.state.config, targetGroupArn: TargetGroupArn };
    world.calls.length = 0;
    const said = await passesOf(world, 5);
    expect(world.calls.filter(({ changes }) => changes)).toEqual([]);
    expect(said).toContainEqual(
      expect.stringMatching(
        /^targetgroup\/addresses\/\w+: its targets are of type ip, and routers are of type instance/,
      ),
    );
  });

  test.each(['failure', 'timeout'] as const)(
    'commands that end in %s: tried a few times, then the launch is given up, with their last words',
    async (fate) => {
      const world = await routersWorld();
      world.fates.push(...Array.from({ length: 20 }, () => fate));
      const group = await routersGroup(world);
      await group.desire(1);
      const said = await passesOf(world, 17);
      const [last] = said.filter((line) => line.includes('gives up its launch'));
      expect(last).toMatch(
        fate === 'failure'
          ? /which after 15 min still waits for another try: command \S+ ended as Failed: ziti-glb: it went wrong$/
          : /which after 15 min still waits for command \S+, which is InProgress$/,
      );
      expect(world.calls.filter(({ operation }) => operation === 'SendCommand').length).toBeLessThanOrEqual(5);
    },
  );

  test.each([
    ['ended on its router', 0, 7],
    ['never came to its router', Number.POSITIVE_INFINITY, 17],
  ])(
    'a command that %s, and of whose end nobody says anything: lost after its own limits, and sent anew',
    async (_, commandDelivery, minutes) => {
      const world = await routersWorld({}, { commandDelivery });
      world.fates.push('lost');
      await launch(world, world.vpc.a0, { tags: TAGS });
      const process = world.process();
      const sent = () => world.calls.filter(({ operation }) => operation === 'SendCommand').length;
      while (sent() < 1) await passesOf(world, 1, process);
      const [first] = (await world.look()).instances.flatMap(({ installs }) => installs);
      await passesOf(world, minutes + 1, process);
      expect(sent()).toBe(2);
      const installs = (await world.look()).instances.flatMap(({ installs }) => installs);
      expect(installs).toContainEqual({
        ...first,
        status: 'failed',
        details: `lost (Systems Manager shows it ${first?.details} ${minutes} min after it was sent)`,
      });
      await passesOf(world, 3, process);
      expect([...(await healthOf(world)).values()]).toEqual(commandDelivery === 0 ? ['healthy'] : []);
    },
  );

  test('a link that died with the session that signed it: a fresh one comes at once, and another not before the usual pause', async () => {
    const world = await routersWorld();
    world.fates.push('stale link', 'stale link');
    await launch(world, world.vpc.a0, { tags: TAGS });
    await passesOf(world, 6);
    const installs = (await world.look()).instances.flatMap(({ installs }) => installs).reverse();
    const [first = 0, second = 0, third = 0] = installs.map(({ requestedAt }) => requestedAt);
    expect(installs.map(({ status }) => status)).toEqual(['failed', 'failed', 'success']);
    expect(second - first).toBeLessThan(20_000);
    expect(third - second).toBeGreaterThanOrEqual(120_000);
  });

  test('a router with a second interface in another VPC: that one is left as it is', async () => {
    const world = await routersWorld();
    const other = await testVpc(world);
    const [id = ''] = await launch(world, world.vpc.a0, { tags: TAGS, others: [world.vpc.a1, other.a0] });
    const checks = async () => {
      const { Reservations } = await world.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
      return Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.map(({ SourceDestCheck }) => SourceDestCheck);
    };
    const process = world.process();
    await passesOf(world, 4, process);
    expect([...(await healthOf(world)).values(), await checks()]).toEqual(['healthy', [false, false, true]]);
    await world.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'ziti-glb' }] }));
    await passesOf(world, 8, process);
    expect([(await healthOf(world)).size, await checks()]).toEqual([0, [true, true, true]]);
    const set = world.calls.filter(({ operation }) => operation === 'ModifyNetworkInterfaceAttribute');
    expect(set).toHaveLength(4);
  });

  test('a warm pool of running instances: one that has waited there past the deadline is called, and serves', async () => {
    const world = await routersWorld();
    const group = await routersGroup(world);
    await world.autoScaling.send(new PutWarmPoolCommand({ ...group.name, PoolState: 'Running', MinSize: 1 }));
    const process = world.process();
    await passesOf(world, 20, process);
    const [waiting = ''] = [...(await group.states()).keys()];
    await group.desire(1);
    expect((await passesOf(world, 3, process)).filter((line) => line.includes('gives up'))).toEqual([]);
    expect((await group.states()).get(waiting)).toBe('InService');
  });

  test('a hook whose time ran out before it was answered: that is not an error', async () => {
    const world = await routersWorld();
    const group = await routersGroup(world, { heartbeat: 30 });
    await group.desire(1);
    await world.clock.run(20_000);
    const [id = ''] = (await group.states()).keys();
    await world.clock.run(120_000);
    const about = { label: id, ids: [id] };
    const hook = { about, instanceId: id, group: 'routers', hook: 'ziti-glb-launch' };
    await act(world, world.state.config, testSeal(), {
      kind: 'heartbeat',
      ...hook,
      context: { awaited: { code: 'diverter-installed' } },
    });
    await act(world, world.state.config, testSeal(), {
      ...{ kind: 'end-hook', result: 'CONTINUE', ...hook },
      context: { why: 'done', back: false },
    });
  });

  test('a hook of somebody else’s beside ours: ours is answered, and that one holds the router until its owner answers', async () => {
    const world = await routersWorld();
    const group = await routersGroup(world);
    const theirs = { ...group.name, LifecycleHookName: 'scan', HeartbeatTimeout: 7_200 };
    const LifecycleTransition = 'autoscaling:EC2_INSTANCE_LAUNCHING';
    await world.autoScaling.send(new PutLifecycleHookCommand({ ...theirs, LifecycleTransition }));
    await group.desire(1);
    await passesOf(world, 5);
    const answered = world.calls.flatMap(({ input }) => ('LifecycleHookName' in input ? input.LifecycleHookName : []));
    expect(new Set(answered)).toEqual(new Set(['ziti-glb-launch']));
    expect([...(await group.states()).values()]).toEqual(['Pending:Wait']);
    expect([...(await healthOf(world)).values()]).toEqual(['healthy']);
  });

  test('an instance that is ended while it is installed: lets go of it at once, and it never was a target', async () => {
    const world = await routersWorld();
    const group = await routersGroup(world);
    await group.desire(1);
    world.fates.push('timeout');
    await passesOf(world, 2);
    expect(world.calls.some(({ operation }) => operation === 'SendCommand')).toBe(true);
    await group.desire(0);
    await passesOf(world, 2);
    expect((await group.states()).size).toBe(0);
    expect(world.calls.filter(({ operation }) => /Targets$/.test(operation))).toEqual([]);
  });

  test('one target in a batch that cannot be one does not keep the others out', async () => {
    const world = await routersWorld();
    const ids = await launch(world, world.vpc.a0, { count: 3, tags: TAGS });
    await world.ec2.send(new TerminateInstancesCommand({ InstanceIds: ids.slice(1, 2) }));
    const step = { kind: 'register', instanceIds: ids, about: { label: '', ids } } as const;
    await expect(act(world, world.state.config, testSeal(), step)).rejects.toMatchObject({
      name: 'InvalidTargetException',
    });
    expect([...(await healthOf(world)).keys()]).toEqual([ids[0], ids[2]]);
  });

  test('one instance in a batch that is not managed does not keep the others from their command', async () => {
    const world = await routersWorld();
    const ids = await launch(world, world.vpc.a0, { count: 2, tags: TAGS });
    const step: RoutersStep = {
      kind: 'install',
      instances: [...ids, 'i-0123456789abcdef0'].map((id) => ({ id, address: '10.0.0.9' })),
      sha256: '1'.repeat(64),
      sources: [],
      range: undefined,
      fingerprint: 'a.b',
      why: 'join',
      about: { label: '', ids },
    };
    await expect(act(world, world.state.config, testSeal(), step)).rejects.toMatchObject({
      name: 'InvalidInstanceId',
    });
    await world.clock.run(60_000);
    expect([...world.running.keys()].sort()).toEqual([...ids].sort());
  });

  test('advice that comes after an interruption: what is certain stays, until the instance is started again', async () => {
    const world = await routersWorld();
    const ids = await launch(world, world.vpc.a0, { count: 2, tags: TAGS });
    await passesOf(world, 4);
    const [instanceId = ''] = ids;
    const { pass } = world.process();
    const warned = async (kind: 'interruption' | 'rebalance') => {
      await world.clock.run(pass(1_000, { instanceId, kind }));
      return (await world.look()).instances.find(({ id }) => id === instanceId)?.leaving?.text;
    };
    expect(await warned('rebalance')).toBe(REBALANCE);
    expect(await warned('interruption')).toBe(INTERRUPTION);
    expect(await warned('rebalance')).toBe(INTERRUPTION);
    await world.ec2.send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
    await world.clock.run(120_000);
    await world.ec2.send(new StartInstancesCommand({ InstanceIds: [instanceId] }));
    await world.clock.run(120_000);
    expect(await warned('rebalance')).toBe(REBALANCE);
  });

  test('a Spot interruption of a router with fifty tags: it leaves all the same, and what could not be noted is told', async () => {
    const world = await routersWorld();
    const [instanceId = ''] = await launch(world, world.vpc.a0, { count: 1, tags: TAGS });
    await passesOf(world, 4);
    const keys = (await world.look()).instances.find(({ id }) => id === instanceId)?.keys ?? [];
    const Tags = Array.from({ length: 50 - keys.length }, (_, number) => ({ Key: `tag-${number}`, Value: '' }));
    await world.ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags }));
    const { pass, said } = world.process();
    await world.clock.run(pass(1_000, { instanceId, kind: 'rebalance' }));
    expect([...(await healthOf(world)).values()]).toEqual(['healthy']);
    await world.clock.run(pass(1_000, { instanceId, kind: 'interruption' }));
    expect([...(await healthOf(world)).values()]).toEqual(['draining']);
    expect(said).toContain(
      `${instanceId}: ${INTERRUPTION}, and it has no room for ziti-glb:leaving, which would say so: take a tag away`,
    );
  });

  test('a router with fifty tags: it is none until there is room for its notes, and no pass fails for it', async () => {
    const world = await routersWorld();
    const [full = ''] = await launch(world, world.vpc.a0, { count: 1, tags: TAGS });
    const Tags = Array.from({ length: 49 }, (_, number) => ({ Key: `tag-${number}`, Value: '' }));
    await world.ec2.send(new CreateTagsCommand({ Resources: [full], Tags }));
    world.calls.length = 0;
    expect(await passesOf(world, 4)).not.toContainEqual(expect.stringContaining('failed'));
    expect(world.calls.filter(({ changes }) => changes)).toEqual([]);
    await world.ec2.send(
      new DeleteTagsCommand({ Resources: [full], Tags: Tags.slice(0, 2).map(({ Key }) => ({ Key })) }),
    );
    await passesOf(world, 6);
    expect((await healthOf(world)).get(full)).toBe('healthy');
  });

  test('targets of others in the group stay; a router whose tag is taken away is one of ours, and leaves', async () => {
    const world = await routersWorld();
    const [other = ''] = await launch(world, world.vpc.a0);
    const [router = ''] = await launch(world, world.vpc.b0, { tags: TAGS });
    await world.elb.send(
      new RegisterTargetsCommand({ TargetGroupArn: world.service.targetGroup, Targets: [{ Id: other }] }),
    );
    const process = world.process();
    await passesOf(world, 4, process);
    expect([...(await healthOf(world)).keys()].sort()).toEqual([other, router].sort());
    await world.ec2.send(new DeleteTagsCommand({ Resources: [router], Tags: [{ Key: 'ziti-glb' }] }));
    await passesOf(world, 8, process);
    expect([...(await healthOf(world)).keys()]).toEqual([other]);
    await world.ec2.send(new TerminateInstancesCommand({ InstanceIds: [other] }));
    await passesOf(world, 120, process);
    expect([...(await healthOf(world)).keys()]).toEqual([]);
  });

  test('a crash after any one call: the next process goes on from what it finds', async () => {
    const crashAfter = async (calls: number) => {
      const world = await routersWorld();
      const group = await routersGroup(world);
      await group.desire(2);
      await world.clock.run(60_000);
      world.calls.length = 0;
      world.faults.push(...Array.from({ length: calls }, () => 'none' as const), 'crash');
      await world.clock.run(world.process().pass(280_000)).catch((error) => {
        if (!(error instanceof Crash)) throw error;
      });
      world.recover();
      await passesOf(world, 4);
      expect([...(await healthOf(world)).values()]).toEqual(['healthy', 'healthy']);
      expect([...(await group.states()).values()]).toEqual(['InService', 'InService']);
      await world.cloud.close();
      return world.calls.filter(({ changes }) => changes).length;
    };
    const total = await crashAfter(1_000);
    for (let calls = 0; calls < total; calls++) await crashAfter(calls);
    expect(total).toBeGreaterThan(8);
  });
});

describe('a large fleet', () => {
  const launchAll = async (world: TestRouters, count: number) => {
    for (const subnet of [world.vpc.a1, world.vpc.b1]) await launch(world, subnet, { count: count / 2, tags: TAGS });
  };

  test('is installed fifty by fifty, and no call is one too many for AWS', async () => {
    const world = await routersWorld({}, { throttled: true, interval: 300 });
    await launchAll(world, 120);
    world.calls.length = 0;
    await world.clock.run(world.process().pass(120_000));
    await world.clock.run(15 * 60_000);
    expect([...(await healthOf(world)).values()].filter((state) => state === 'healthy')).toHaveLength(120);
    const calls = (name: string) => world.calls.filter(({ operation }) => operation === name).length;
    expect(world.refused).toEqual([]);
    expect([calls('SendCommand'), calls('ModifyNetworkInterfaceAttribute')]).toEqual([3, 120]);
    await world.cloud.close();
  });

  test('of a group for each router, and of more groups than one call takes: each is seen in its own', async () => {
    const world = await routersWorld();
    await routersGroup(world);
    for (let number = 0; number < 51; number++)
      await world.autoScaling.send(
        new CreateAutoScalingGroupCommand({
          AutoScalingGroupName: `routers-${number}`,
          MinSize: 1,
          MaxSize: 1,
          LaunchTemplate: { LaunchTemplateName: 'router' },
          VPCZoneIdentifier: `${world.vpc.a1},${world.vpc.b1}`,
          Tags: [{ Key: 'ziti-glb', Value: 'router', PropagateAtLaunch: true }],
        }),
      );
    await world.clock.run(60_000);
    const { instances } = await world.look();
    expect(instances.map(({ scaling }) => [scaling?.group, scaling?.state])).toEqual(
      Array.from({ length: 51 }, (_, number) => [`routers-${number}`, 'InService']),
    );
    await world.cloud.close();
  });

  test('costs as many calls at rest as one router', async () => {
    const callsAtRest = async (all: boolean) => {
      const world = await routersWorld({}, { interval: 300 });
      await launch(world, world.vpc.a0, { tags: TAGS });
      const [router] = routersOf(await world.look(), world.state.config);
      const diverter = `${router?.wanted.fingerprint} ${new Date(world.clock.now()).toISOString()}`;
      if (all) await launchAll(world, 60);
      for (const { id } of world.cloud.network().instances) {
        const Tags = [
          { Key: 'ziti-glb:diverter', Value: testSeal().sign(id, 'ziti-glb:diverter', diverter) },
          { Key: 'ziti-glb:source-dest-check', Value: testSeal().sign(id, 'ziti-glb:source-dest-check', 'eni-1') },
        ];
        await world.ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
        world.running.set(id, VERSIONS.one);
      }
      const process = world.process();
      await world.clock.run(process.pass(20_000));
      await world.clock.run(15 * 60_000);
      // A process asks once for what never changes.
      world.calls.length = 0;
      const outcome = await world.clock.run(process.pass(280_000));
      expect(outcome).toMatchObject({ settled: true, changes: 0, gauges: { HealthyRouters: all ? 61 : 1 } });
      await world.cloud.close();
      return world.calls.map(({ operation }) => operation).sort();
    };
    const one = await callsAtRest(false);
    expect(one).toEqual([
      'DescribeInstances',
      'DescribeNetworkInterfaces',
      'DescribeTargetHealth',
      'DescribeVpcs',
      'ListCommandInvocations',
    ]);
    expect(await callsAtRest(true)).toEqual(one);
  });
});
