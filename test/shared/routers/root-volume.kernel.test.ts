import type { AutoScaling } from '@aws-sdk/client-auto-scaling';
import type { EC2 } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readNote } from '../../../shared/note.ts';
import { NO_DIVERTER } from '../../../shared/routers/router.ts';
import { given } from '../../support/cloud.ts';
import { describeKernel } from '../../support/kernel.ts';
import { GROUP, routerGroup } from '../../support/router-group.ts';
import type { StackInBox } from '../../support/stack.ts';
import { talking } from '../../support/talking.ts';

const RATE = 10;
const SERVICE: [string, number] = ['10.20.0.5', 443];
/** Of the wall's time: installs share two processors with whatever else a machine does. */
const PATIENCE_MS = 150_000;

describeKernel('root volumes of routers that are replaced under traffic', () => {
  let stack: StackInBox;
  let autoScaling: AutoScaling;
  let ec2: EC2;

  beforeAll(async () => {
    ({ stack, autoScaling, ec2 } = await routerGroup(RATE, 2, (routerSubnets) => ({
      routerSubnets,
      deregistrationDelay: '30',
    })));
    const { operator } = stack;
    await stack.until('group of two', async () => (await routers()).length === 2 && (await areHealthy()), PATIENCE_MS);
    await stack.until('answer', async () => 'text' in (await operator.ask('client-a', 'http://10.20.0.5:443/', 0.5)));
  }, 2 * PATIENCE_MS);
  afterAll(() => stack?.box.close());

  const routers = async () => {
    const { AutoScalingGroups } = await autoScaling.describeAutoScalingGroups({});
    const all = AutoScalingGroups?.[0]?.Instances ?? [];
    return all.flatMap(({ InstanceId = '', LifecycleState }) => (LifecycleState === 'InService' ? [InstanceId] : []));
  };
  const areHealthy = async () => {
    const health = await stack.operator.health();
    return health.size === 2 && [...health.values()].every((state) => state === 'healthy');
  };
  /** When the root volume of a router was attached, and when its tag says that a diverter was installed, 0 if it says of none. */
  const times = async (id: string) => {
    const { Reservations } = await ec2.describeInstances({ InstanceIds: [id] });
    const instance = given(Reservations?.[0]?.Instances?.[0]);
    const tag = instance.Tags?.find(({ Key }) => Key === 'ziti-glb:diverter')?.Value;
    const note = readNote(tag?.replace(/ v1\.\S+$/, ''));
    return {
      rooted: given(instance.BlockDeviceMappings?.[0]?.Ebs?.AttachTime).getTime(),
      installed: note && note.text !== NO_DIVERTER ? note.at : 0,
    };
  };
  const on = async (id: string, ...argv: string[]) => (await stack.box.fabric.exec(id, argv)).code;
  const isDiverting = (id: string) => on(id, '/usr/sbin/diverter', 'status').catch(() => undefined);

  test(
    'by nobody’s group: the diverter went with the old one, whatever the tag says, and is installed again',
    async () => {
      const [id = ''] = await routers();
      expect(await isDiverting(id)).toBe(0);
      const before = await stack.until('note of a diverter', async () => {
        const now = await times(id);
        return now.installed > now.rooted && now;
      });

      const said = stack.log.length;
      await ec2.createReplaceRootVolumeTask({ InstanceId: id });
      const gone = await stack.until('new root volume', async () => {
        const now = await times(id);
        return now.rooted !== before.rooted && now;
      });
      expect(gone.installed).toBe(before.installed);
      expect(gone.installed).toBeLessThan(gone.rooted);
      // It starts from its image, which has ziti-router and no diverter.
      await stack.until('restart', () =>
        on(id, 'test', '!', '-e', '/usr/sbin/diverter').then(
          (code) => code === 0,
          () => false,
        ),
      );

      await stack.until('diverter', async () => (await isDiverting(id)) === 0, PATIENCE_MS);
      await stack.until('note of it', async () => (await times(id)).installed > gone.rooted, PATIENCE_MS);
      // The volume tells, and not the health checks, which a quick restart does not fail.
      const installs = stack.log.slice(said).filter((line) => line.includes(`${id}: gets the diverter`));
      expect(installs[0]).toContain('to join with');
      await stack.until('health', areHealthy, PATIENCE_MS);
      // Each router of the two gets some of so many.
      const end = await talking(stack.box.fabric, await stack.operator.instanceId('client-a'), SERVICE, { long: 40 });
      const { long } = await end();
      expect(long.filter(({ failed, said, heard }) => failed || said !== heard)).toEqual([]);
      expect(new Set(long.map(({ router }) => router)).size).toBe(2);
    },
    3 * PATIENCE_MS,
  );

  test(
    'by an instance refresh: each is drained before, and no new connection fails meanwhile',
    async () => {
      const ids = await routers();
      const before = await Promise.all(ids.map(times));
      const end = await talking(stack.box.fabric, await stack.operator.instanceId('client-a'), SERVICE, {
        long: 20,
        fresh: 2,
        pause: 100,
      });
      await autoScaling.startInstanceRefresh({
        ...GROUP,
        Strategy: 'ReplaceRootVolume',
        DesiredConfiguration: {
          MixedInstancesPolicy: {
            LaunchTemplate: {
              LaunchTemplateSpecification: { LaunchTemplateName: 'router', Version: '1' },
              Overrides: [{ InstanceType: 't3.small', ImageId: 'ami-router' }],
            },
          },
        },
      });
      await stack.until(
        'end of the refresh',
        async () => {
          const { InstanceRefreshes } = await autoScaling.describeInstanceRefreshes(GROUP);
          return InstanceRefreshes?.[0]?.Status === 'Successful';
        },
        PATIENCE_MS,
      );
      await stack.until('health', areHealthy, PATIENCE_MS);
      const { long, fresh } = await end();
      expect(await routers()).toEqual(ids);
      for (const [index, id] of ids.entries()) {
        const now = await stack.until('note of it', async () => {
          const now = await times(id);
          return now.installed > now.rooted && now;
        });
        expect(now.rooted).toBeGreaterThan(given(before[index]).rooted);
        expect(await isDiverting(id)).toBe(0);
      }
      expect(fresh.failed).toEqual([]);
      expect(fresh.done).toBeGreaterThan(100);
      // Those that were there outlast the delay, and end with their machine.
      expect(long.map(({ failed }) => failed).filter((failed) => failed && failed !== 'read ECONNRESET')).toEqual([]);
    },
    2 * PATIENCE_MS,
  );
});
