import type { AutoScaling } from '@aws-sdk/client-auto-scaling';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeKernel } from '../../support/kernel.ts';
import { GROUP, routerGroup } from '../../support/router-group.ts';
import type { StackInBox } from '../../support/stack.ts';
import type { Talk } from '../../support/talkers.ts';
import { talking } from '../../support/talking.ts';

const RATE = 10;
const SERVICE: [string, number] = ['10.20.0.5', 443];
/** Seconds of the cloud's time. */
const DRAIN = 60;
/** How long a router stays in use after it died: two missed checks, 10 s apart, of 5 s each, and the check it died in. */
const FAILOVER_BOUND = 35;

describeKernel('a group of routers that grows and shrinks under load', () => {
  let stack: StackInBox;
  let client: string;
  let autoScaling: AutoScaling;

  beforeAll(async () => {
    ({ stack, autoScaling } = await routerGroup(RATE, 6, () => ({ deregistrationDelay: String(DRAIN) })));
    const { operator } = stack;
    client = await operator.instanceId('client-a');
    await inService(2);
    await stack.until('answer', async () => 'text' in (await operator.ask('client-a', 'http://10.20.0.5:443/', 0.5)));
  });
  afterAll(() => stack?.box.close());

  const states = async () => {
    const { AutoScalingGroups } = await autoScaling.describeAutoScalingGroups({});
    return AutoScalingGroups?.[0]?.Instances?.map(({ LifecycleState }) => LifecycleState) ?? [];
  };
  const inService = (count: number) =>
    stack.until(`group of ${count}`, async () => {
      const all = await states();
      return all.length === count && all.every((state) => state === 'InService');
    });
  const scaleTo = async (DesiredCapacity: number) => {
    const began = stack.box.clock.now();
    await autoScaling.setDesiredCapacity({ ...GROUP, DesiredCapacity });
    await inService(DesiredCapacity);
    return Math.round((stack.box.clock.now() - began) / 1000);
  };

  test('from 2 to 6 to 2: who stays loses no connection, who goes loses them by a reset, and new ones are made all the time', async () => {
    const { fabric } = stack.box;
    const endFirst = await talking(fabric, client, SERVICE, { long: 100, fresh: 2, pause: 250 });
    const up = await scaleTo(6);
    // To another port: the load balancer would keep a flow whose ports are used again on its router.
    const endSecond = await talking(fabric, client, ['10.20.0.5', 8443], { long: 100, pause: 250 });
    const down = await scaleTo(2);
    const left = (await stack.operator.instances()).flatMap(({ State, name, id, Tags }) =>
      State?.Name === 'running' && Tags?.some(({ Key }) => Key === 'ziti-glb') ? [name || id] : [],
    );
    const [first, second] = [await endFirst(), await endSecond()];
    const long = [...first.long, ...second.long];
    const stayed = long.filter(({ router }) => left.includes(router));
    const gone = long.filter(({ router }) => !left.includes(router));
    console.log(figures({ up, down, stayed: stayed.length, gone: gone.length, fresh: first.fresh }));

    expect(left).toHaveLength(2);
    expect(new Set(second.long.map(({ router }) => router)).size).toBe(6);
    expect(stayed.length).toBeGreaterThan(10);
    expect(stayed.filter(({ failed }) => failed)).toEqual([]);
    expect(stayed.filter(({ said, heard }) => said !== heard)).toEqual([]);
    expect(gone.map(({ failed }) => failed).filter((failed) => failed && failed !== 'read ECONNRESET')).toEqual([]);
    expect(first.fresh.failed).toEqual([]);
    expect(first.fresh.done).toBeGreaterThan(500);
  });

  test('one that dies: new connections fail no longer than the health check’s bound', async () => {
    const { fabric } = stack.box;
    const end = await talking(fabric, client, SERVICE, { long: 20, fresh: 4, pause: 100 });
    const [victim] = (await stack.operator.instances()).filter(
      ({ State, Tags }) => State?.Name === 'running' && Tags?.some(({ Key }) => Key === 'ziti-glb'),
    );
    const died = Date.now();
    await fabric.crash(victim?.id ?? '');
    await new Promise((resolve) => setTimeout(resolve, (2 * FAILOVER_BOUND * 1000) / RATE));
    const { fresh } = await end();
    const last = Math.max(0, ...fresh.failed.map(({ at }) => at - died)) / 1000;
    console.log(
      `a router died: ${fresh.failed.length} of ${fresh.done} new connections failed, the last ${(last * RATE).toFixed(0)} s of the cloud's time after it, at most ${FAILOVER_BOUND}; the slowest took ${fresh.slowest} ms of the wall's`,
    );
    expect(fresh.slowest).toBeGreaterThan(500);
    expect(last * RATE).toBeLessThanOrEqual(FAILOVER_BOUND);
    expect(fresh.done).toBeGreaterThan(100);
  });
});

interface Figures {
  up: number;
  down: number;
  stayed: number;
  gone: number;
  fresh: Talk['fresh'];
}

const figures = ({ up, down, stayed, gone, fresh }: Figures) =>
  [
    `2 to 6 routers in ${up} s, 6 to 2 in ${down} s of the cloud's time, ${DRAIN} of them to drain`,
    `${stayed} long connections on routers that stayed: none broke`,
    `${gone} on routers that went: drained, then reset`,
    `${fresh.done} new connections in ${fresh.seconds.toFixed(0)} s of the wall's time (${(fresh.done / fresh.seconds).toFixed(0)} a second): ${fresh.failed.length} failed`,
  ].join('\n');
