import { CreateReplaceRootVolumeTaskCommand } from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { RoutersConfig } from '../../../shared/config.ts';
import { routersOf } from '../../../shared/routers/router.ts';
import { launch } from '../../support/cloud.ts';
import { VERSIONS } from './fixtures.ts';
import { healthOf, passesOf, refreshCommand, routersGroup, routersWorld, TAGS, type TestRouters } from './stage.ts';

let world: TestRouters;
afterEach(() => world.cloud.close());

const passes = (minutes: number, process = world.process()) =>
  passesOf(world, minutes, process, { longest: 50_000, pause: 10_000 });
const health = () => healthOf(world);

/** The image brings ziti-router, which answers health checks without any diverter. */
const answeredByTheImage = () => {
  world.fake.onProbe = () => ({ healthy: true });
};
const replaceRoot = (InstanceId: string) =>
  world.ec2.send(new CreateReplaceRootVolumeTaskCommand({ InstanceId, ImageId: 'ami-new' }));

describe('an instance refresh by root volume', () => {
  test('drains each router before its volume is replaced, and has it in service with a diverter of its own again', async () => {
    world = await routersWorld();
    const group = await routersGroup(world);
    await group.desire(2);
    await passes(6);
    answeredByTheImage();
    const ids = [...(await group.states()).keys()];
    const process = world.process();
    const drained: string[] = [];
    await world.autoScaling.send(refreshCommand(group.name));
    let minutes = 0;
    for (; minutes < 60 && (await group.refreshes()); minutes++) {
      await passes(1, process);
      const targets = await health();
      // Whoever is down, or has no diverter yet, gets no flow.
      for (const id of ids)
        if (!world.running.has(id)) {
          drained.push(id);
          expect([id, targets[id]]).toEqual([id, undefined]);
        }
      expect(Object.values(targets)).toContain('healthy');
    }
    expect(minutes).toBeLessThan(25);
    expect([...new Set(drained)].sort()).toEqual(ids.toSorted());
    expect([...(await group.states())]).toEqual(ids.map((id) => [id, 'InService']));
    expect(await health()).toEqual(Object.fromEntries(ids.map((id) => [id, 'healthy'])));
    expect([...world.running]).toEqual(ids.map((id) => [id, VERSIONS.one]));
  });
});

describe('a root volume that is replaced under a router', () => {
  async function begin(fields: Partial<RoutersConfig> = {}) {
    world = await routersWorld(fields);
    const [id = ''] = await launch(world, world.vpc.a0, { tags: TAGS });
    await launch(world, world.vpc.b0, { tags: TAGS });
    await passes(5);
    expect(Object.values(await health())).toEqual(['healthy', 'healthy']);
    answeredByTheImage();
    return id;
  }

  test.each([[false], [true]])(
    'by nobody’s group: it gets its diverter once more, AWS remembering the old command or not (%j)',
    async (forgotten) => {
      const id = await begin();
      if (forgotten) await passes(70);
      await replaceRoot(id);
      await passes(5);
      expect(world.running.get(id)).toBe(VERSIONS.one);
      world.calls.length = 0;
      await passes(3);
      expect(world.calls.filter(({ changes }) => changes)).toEqual([]);
    },
  );

  test('while its command runs: that is lost with it, and not waited for', async () => {
    world = await routersWorld();
    const [id = ''] = await launch(world, world.vpc.a0, { tags: TAGS });
    answeredByTheImage();
    world.fates.push('timeout');
    await passes(1);
    await replaceRoot(id);
    await passes(3);
    expect(world.running.get(id)).toBe(VERSIONS.one);
  });

  test('and whose install fails then is no target any more, whatever answers its health checks, until one succeeds', async () => {
    const id = await begin();
    world.fates.push('failure', 'failure', 'failure');
    await replaceRoot(id);
    await passes(3);
    expect((await health())[id]).toBe('draining');
    await passes(10);
    expect([(await health())[id], world.running.get(id)]).toEqual(['healthy', VERSIONS.one]);
  });

  test('keeps its DNS range, which its configuration no longer has', async () => {
    const slices = ['100.64.0.0/13', '100.72.0.0/13', '100.80.0.0/13'];
    const id = await begin({ dns: { resolver: '100.127.255.254', slices } });
    const ranges = async () => {
      const [router] = routersOf(await world.look(), world.state.config).filter(({ instance }) => instance.id === id);
      return { own: router?.instance.range, configured: router?.configured };
    };
    const { own } = await ranges();
    expect(await ranges()).toEqual({ own, configured: own });
    await replaceRoot(id);
    await world.clock.run(60_000);
    expect(await ranges()).toEqual({ own, configured: undefined });
    await passes(5);
    expect([await ranges(), world.running.get(id)]).toEqual([{ own, configured: own }, VERSIONS.one]);
  });
});
