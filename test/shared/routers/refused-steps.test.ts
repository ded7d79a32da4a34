import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterEach, describe, expect, test } from '@jest/globals';
import { launch } from '../../support/cloud.ts';
import { VERSIONS } from './fixtures.ts';
import { passesOf, routersWorld, TAGS, type TestRouters } from './stage.ts';

let world: TestRouters;
afterEach(() => world.cloud.close());

const passes = (minutes: number, process = world.process()) => passesOf(world, minutes, process);
const count = (name: string) => world.calls.filter(({ operation }) => operation === name).length;
const healthy = async () => {
  const { TargetHealthDescriptions = [] } = await world.elb.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: world.service.targetGroup }),
  );
  return TargetHealthDescriptions.filter(({ TargetHealth }) => TargetHealth?.State === 'healthy').length;
};

describe('what AWS refuses of a router', () => {
  test('is tried again after pauses that grow, counts as failed all the while, and is done once AWS takes it', async () => {
    world = await routersWorld();
    await launch(world, world.vpc.a0, { tags: TAGS });
    world.denied.add('ModifyNetworkInterfaceAttribute');
    const process = world.process();
    await passes(15, process);
    // After 5, 10, 20, 40, 80, 160 and 300 seconds.
    expect(count('ModifyNetworkInterfaceAttribute')).toBeLessThan(10);
    const outcome = await world.clock.run(process.pass(1_000));
    expect(outcome).toMatchObject({ settled: false, failures: [{ error: { name: 'UnauthorizedOperation' } }] });
    expect(process.said.at(-1)).toContain('another try, for AWS says UnauthorizedOperation');
    world.denied.clear();
    await passes(10, process);
    expect(await healthy()).toBe(1);
  });

  test('comes after what is done for others', async () => {
    world = await routersWorld();
    await launch(world, world.vpc.a0, { count: 2, tags: TAGS });
    const reconciler = world.reconciler();
    const look = await reconciler.observe({ at: world.clock.now() });
    const instances = look.instances.map((instance) => ({
      ...instance,
      role: undefined,
      unchecked: instance.interfaces.map(({ id }) => id),
      interfaces: instance.interfaces.map((face) => ({ ...face, sourceDestCheck: false })),
    }));
    const subjects = () =>
      reconciler.plan({ ...look, now: world.clock.now(), instances }).steps.map((step) => step.about.label);
    const [step, next] = reconciler.plan({ ...look, instances }).steps;
    const other = next?.about.label;
    expect(subjects()).toEqual([step?.about.label, other]);
    world.denied.add('ModifyNetworkInterfaceAttribute');
    if (step) await expect(reconciler.act(step)).rejects.toThrow();
    expect(subjects()).toEqual([other]);
    await world.clock.run(5_000);
    expect(subjects()).toEqual([other, step?.about.label]);
  });

  test('for too many calls waits for its turn, as all of its kind do', async () => {
    world = await routersWorld();
    await launch(world, world.vpc.a0, { tags: TAGS });
    const reconciler = world.reconciler();
    const look = async () => reconciler.plan(await reconciler.observe({ at: world.clock.now() }));
    const [install] = (await look()).steps.filter(({ kind }) => kind === 'install');
    world.faults.push('throttled');
    if (install) await expect(reconciler.act(install)).rejects.toThrow('Request limit exceeded');
    const { steps, conditions, failures } = await look();
    expect(steps.map(({ kind }) => kind)).not.toContain('install');
    expect(conditions).toContainEqual(
      expect.objectContaining({ about: { label: 'SendCommand', ids: ['SendCommand'] } }),
    );
    expect(failures).toEqual([]);
    await passes(5);
    expect([...world.running.values()]).toEqual([VERSIONS.one]);
  });
});
