import { afterEach, describe, expect, test } from '@jest/globals';
import { AwsError } from '../../../local/wire/errors.ts';
import { BECOMES_AVAILABLE, type Stage, type StageOptions, stage } from './stage.ts';

let here: Stage;
afterEach(() => here.close());

async function withSubnets(count: number, options: StageOptions = {}): Promise<string[]> {
  here = await stage({ throttled: true, ...options });
  return here.manySubnets(count);
}
const count = (calls: ReturnType<Stage['calls']>) =>
  Object.fromEntries([...Map.groupBy(calls, ({ operation }) => operation)].map(([name, all]) => [name, all.length]));

describe('fifty subnets tagged in one second', () => {
  /** What AWS's bucket of four, refilled by 0.3 a second, takes for fifty creates. */
  const BUCKET_MS = ((50 - 4) / 0.3) * 1000;

  test('are served in the time that AWS’s bucket takes, without one call that it refuses', async () => {
    const subnets = await withSubnets(50);
    const began = here.cloud.clock.now();
    for (const id of subnets) await here.tag(id, '10.20.0.0/16 10.30.0.0/16');

    const outcome = await here.pass(600_000);
    const took = here.cloud.clock.now() - began;
    const calls = here.calls();

    expect(outcome.settled).toBe(true);
    expect(calls.flatMap(({ error }) => error ?? [])).toEqual([]);
    const lastCreate = calls.findLast(({ operation }) => operation === 'CreateVpcEndpoint')?.at ?? 0;
    expect(lastCreate - began).toBeLessThan(BUCKET_MS * 1.05);
    expect(took).toBeLessThan((BUCKET_MS + BECOMES_AVAILABLE) * 1.05);

    const { CreateVpcEndpoint, AcceptVpcEndpointConnections = 0, CreateRoute, CreateTags = 0, ...rest } = count(calls);
    // One create each, and one route call for each CIDR and table: the two of the tag, and the resolver.
    expect([CreateVpcEndpoint, CreateRoute]).toEqual([50, 150]);
    expect(AcceptVpcEndpointConnections).toBeLessThanOrEqual(50);
    // A status each while it waits, and one when it is ready.
    expect(CreateTags).toBeLessThanOrEqual(100);
    expect(Object.keys(rest).filter((operation) => !operation.startsWith('Describe'))).toEqual([]);

    for (const id of subnets) await here.untag(id);
    const out = await here.pass(600_000);
    expect(out.settled).toBe(true);
    const undone = here.changes();
    expect(undone.flatMap(({ error }) => error ?? [])).toEqual([]);
    const counted = count(undone);
    expect(counted.DeleteRoute).toBe(150);
    expect(counted.DeleteVpcEndpoints).toBeLessThanOrEqual(10);
    await here.cloud.clock.run(120_000);
    expect(await here.endpoints()).toEqual([]);
  });

  test('go on where a process ended, and the next one knows what is left of the bucket', async () => {
    const subnets = await withSubnets(8);
    for (const id of subnets) await here.tag(id, '10.20.0.0/16');
    await expect(here.pass(60_000, { with: ['none', 'none', 'none', 'crash'] })).rejects.toThrow();
    expect((await here.pass(600_000)).settled).toBe(true);
    expect(here.calls().flatMap(({ error }) => error ?? [])).toEqual([]);
  });

  test('one endpoint a zone is two creates, whatever their number', async () => {
    const subnets = await withSubnets(20, { endpoints: 'zone' });
    for (const id of subnets) await here.tag(id, '10.20.0.0/16');
    expect((await here.pass(600_000)).settled).toBe(true);
    expect(count(here.changes())).toMatchObject({ CreateVpcEndpoint: 2, CreateRoute: 40 });
  });
});

test('four subnets without a free address take no other’s turn, are tried rarely, and say so', async () => {
  const subnets = await withSubnets(10);
  const full = subnets.toSorted().slice(0, 4);
  here.guard((operation, { SubnetIds }) => {
    if (operation === 'CreateVpcEndpoint' && full.includes(String(SubnetIds)))
      throw new AwsError('InsufficientFreeAddressesInSubnet', 'The subnet has no free addresses');
  });
  for (const id of subnets) await here.tag(id, '10.20.0.0/16');
  for (let minute = 0; minute < 20; minute++) {
    expect((await here.pass()).failures).toHaveLength(4);
    await here.cloud.clock.run(60_000);
  }
  const { subnets: seen } = await here.look();
  const statuses = Object.groupBy(
    seen.filter(({ id }) => subnets.includes(id)),
    ({ status = '' }) => status,
  );
  const said =
    'waiting: another try for AWS says InsufficientFreeAddressesInSubnet: free one or name other subnets in the parameter endpoints';
  expect(statuses[said]?.map(({ id }) => id).toSorted()).toEqual(full);
  expect(statuses.ready).toHaveLength(6);
  expect(count(here.changes()).CreateVpcEndpoint).toBeLessThan(6 + 4 * 15);
});

describe('of subnets that stand alike, one whose status cannot be written', () => {
  const statusOf = async (ids: string[]) =>
    (await here.look()).subnets.filter(({ id }) => ids.includes(id)).map(({ status }) => status);

  test('for it has fifty tags, is told of, keeps no other’s back, and is no failure', async () => {
    const [full = '', ...others] = await withSubnets(4);
    for (let number = 0; number < 49; number++) await here.tag(full, 'x', `tag-${number}`);
    for (const id of [full, ...others]) await here.tag(id, '10.20.0.0/16');

    const outcome = await here.pass(600_000);

    expect(await statusOf(others)).toEqual(['ready', 'ready', 'ready']);
    expect(outcome).toMatchObject({ settled: true, failures: [] });
    expect(outcome.log).toContain(
      `ziti-glb:status: ${full} has 50 tags, which are all that AWS allows, and no room for it: take one away`,
    );
    expect(here.changes().flatMap(({ error }) => error ?? [])).toEqual([]);

    await here.untag(full, 'tag-0');
    await here.pass();
    expect(await statusOf([full])).toEqual(['ready']);
  });

  test.each(['TagLimitExceeded', 'UnauthorizedOperation'])('for AWS says %s, keeps no other’s back', async (says) => {
    const ids = await withSubnets(4);
    const [full = '', ...others] = ids;
    here.guard((operation, { Resources = [] }) => {
      if (operation === 'CreateTags' && [Resources].flat().includes(full)) throw new AwsError(says, 'Not this one.');
    });
    for (const id of ids) await here.tag(id, '10.20.0.0/16');
    await here.pass(600_000);
    await here.cloud.clock.run(60_000);
    here.calls();
    const outcome = await here.pass();

    expect(await statusOf(others)).toEqual(['ready', 'ready', 'ready']);
    expect(await statusOf([full])).toEqual([undefined]);
    expect(outcome.failures).toHaveLength(says === 'TagLimitExceeded' ? 0 : 1);
    // Whoever is alike next is not refused with it.
    for (const id of others) await here.tag(id, '10.20.0.0/16 oops');
    await here.pass();
    expect((await statusOf(others)).map((status) => status?.split(':')[0])).toEqual(['refused', 'refused', 'refused']);
    expect(count(here.calls().filter(({ error }) => error)).CreateTags ?? 0).toBeLessThanOrEqual(1);
  });
});

test('a route that stays a blackhole is not written at each look, and says so', async () => {
  const [id = ''] = await withSubnets(1);
  const clock = here.cloud.clock;
  let routeCalls = 0;
  const ours = here.newProcess();
  await here.tag(id, '10.20.0.0/16');
  await here.pass();
  for (let second = 0; second < 600; second += 5) {
    const seen = await ours.observe();
    for (const table of seen.vpcs[0].routeTables)
      for (const route of table.routes) route.blackhole = route.target !== 'local';
    for (const step of ours.plan(seen).steps) {
      if (step.kind === 'replace-route') routeCalls += 1;
      await ours.act(step);
    }
    await clock.run(5_000);
  }
  expect(routeCalls).toBeLessThan(2 * 10);
  expect((await here.look()).subnets.find((each) => each.id === id)?.status).toBe(
    'waiting: another try for the last one had no effect',
  );
});

describe('a look', () => {
  const READS = {
    DescribeVpcs: 1,
    DescribeVpcEndpointServiceConfigurations: 1,
    DescribeSubnets: 1,
    DescribeRouteTables: 1,
    DescribeVpcEndpoints: 1,
    DescribeVpcEndpointConnections: 1,
    DescribeInstances: 1,
    DescribeTargetHealth: 1,
    DescribeLoadBalancerAttributes: 1,
    DescribeLoadBalancers: 1,
  };

  test.each([0, 1, 30])('costs the same ten reads for %d subnets, and at rest nothing else', async (number) => {
    const subnets = await withSubnets(number, { endpoints: 'zone' });
    for (const id of subnets) await here.tag(id, '10.20.0.0/16');
    await here.pass(600_000);
    here.calls();
    expect(await here.pass()).toMatchObject({ settled: true, changes: 0 });
    expect(count(here.calls())).toEqual(READS);
  });
});

test('AWS that refuses everything for ten minutes delays, and breaks nothing', async () => {
  const [subnet = ''] = await withSubnets(1);
  await here.tag(subnet, '10.20.0.0/16');
  const always = Array.from({ length: 1000 }, () => 'throttled' as const);
  for (let minute = 0; minute < 10; minute++) {
    expect((await here.pass(60_000, { with: always })).failures).not.toEqual([]);
    expect(here.changes().length).toBeLessThan(30);
  }
  expect((await here.pass()).settled).toBe(true);
});
