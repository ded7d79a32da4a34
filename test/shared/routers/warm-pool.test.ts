import { PutWarmPoolCommand } from '@aws-sdk/client-auto-scaling';
import { afterEach, describe, expect, test } from '@jest/globals';
import { VERSIONS } from './fixtures.ts';
import { healthOf, passesOf, routersGroup, routersWorld, type TestRouters } from './stage.ts';

let world: TestRouters;
afterEach(() => world.cloud.close());

const passes = (minutes: number, process = world.process()) =>
  passesOf(world, minutes, process, { longest: 50_000, pause: 10_000 });
const health = () => healthOf(world);

describe('a warm pool that takes instances back on scale-in', () => {
  async function begin(PoolState: 'Stopped' | 'Running' = 'Stopped') {
    world = await routersWorld();
    const group = await routersGroup(world, { heartbeat: 900 });
    await group.desire(2);
    await passes(6);
    const InstanceReusePolicy = { ReuseOnScaleIn: true };
    await world.autoScaling.send(
      new PutWarmPoolCommand({ ...group.name, PoolState, MaxGroupPreparedCapacity: 2, InstanceReusePolicy }),
    );
    expect([...(await group.states()).values()]).toEqual(['InService', 'InService']);
    await group.desire(1);
    const [back = ''] = [...(await group.states())].find(([, state]) => state === 'Warmed:Pending:Wait') ?? [];
    return { group, back };
  }

  test('gets each when it has drained, and no sooner', async () => {
    const { group, back } = await begin();
    const process = world.process();
    await passes(3, process);
    expect([(await health())[back], (await group.states()).get(back)]).toEqual(['draining', 'Warmed:Pending:Wait']);
    await passes(5, process);
    expect([(await health())[back], (await group.states()).get(back)]).toEqual([undefined, 'Warmed:Stopped']);

    await group.desire(2);
    await passes(6, process);
    expect([(await health())[back], (await group.states()).get(back)]).toEqual(['healthy', 'InService']);
    expect(world.running.get(back)).toBe(VERSIONS.one);
  });

  test('gets it as it is: another diverter waits until it is called', async () => {
    const { group, back } = await begin();
    world.state.config = {
      ...world.state.config,
      builds: new Map([
        ['amd64', VERSIONS.two],
        ['arm64', VERSIONS.two],
      ]),
    };
    const process = world.process();
    await passes(1, process);
    world.calls.length = 0;
    await passes(7, process);
    expect((await group.states()).get(back)).toBe('Warmed:Stopped');
    const sent = world.calls.filter(({ operation }) => operation === 'SendCommand');
    expect(sent.flatMap(({ input }) => input.InstanceIds)).not.toContain(back);
    await group.desire(2);
    await passes(6, process);
    expect([(await health())[back], world.running.get(back)]).toEqual(['healthy', VERSIONS.two]);
  });

  test('of running ones: it waits there as it came, and serves when it is called', async () => {
    const { group, back } = await begin('Running');
    const process = world.process();
    await passes(8, process);
    expect([(await health())[back], (await group.states()).get(back)]).toEqual([undefined, 'Warmed:Running']);
    await group.desire(2);
    await passes(4, process);
    expect((await health())[back]).toBe('healthy');
  });

  test('and that launches into itself beside: such a launch waits for its diverter, whatever the other hook is told', async () => {
    const { group } = await begin();
    await world.autoScaling.send(new PutWarmPoolCommand({ ...group.name, MinSize: 2, MaxGroupPreparedCapacity: 2 }));
    world.fates.push('failure', 'failure');
    await passes(4);
    const waits = [...(await group.states())].filter(([, state]) => state === 'Warmed:Pending:Wait');
    for (const [id] of waits) if (!(id in (await health()))) expect(world.running.has(id)).toBe(false);
    await passes(12);
    expect([...(await group.states()).values()].sort()).toEqual(['InService', 'Warmed:Stopped', 'Warmed:Stopped']);
  });
});
