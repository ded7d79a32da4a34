import { DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AwsError } from '../../../local/wire/errors.ts';
import { given } from '../../support/cloud.ts';
import { CIDR } from './fixtures.ts';
import { manyVpcs, settleAtOnce } from './many.ts';
import { type Stage, stage } from './stage.ts';

const RUNS = Number(process.env.RUNS ?? 3);

let here: Stage;
afterEach(async () => here?.close());

const statusOf = async (...ids: string[]) => {
  const { Subnets = [] } = await here.cloud.ec2.send(new DescribeSubnetsCommand({ SubnetIds: ids }));
  const status = new Map(
    Subnets.map(({ SubnetId, Tags }) => [SubnetId, Tags?.find(({ Key }) => Key === 'ziti-glb:status')?.Value]),
  );
  return ids.map((id) => status.get(id) ?? 'none');
};

/** Until all is at rest but for those VPCs, as by a function that is woken each minute. */
const minutes = async (count: number) => {
  for (let minute = 0; minute < count; minute++) {
    await here.pass(280_000);
    await here.cloud.clock.run(60_000);
  }
};

describe('a pass at rest', () => {
  const atRest = async (vpcs: number, each: number) => {
    here = await stage({ clientVpcs: 'all', endpointsPerVpc: Math.max(50, each) });
    const made = await manyVpcs(here, vpcs, each, CIDR);
    await settleAtOnce(here);
    here.calls();
    expect(await here.pass()).toMatchObject({ settled: true, changes: 0 });
    const calls = here.calls();
    const ids = made.flatMap(({ subnets }) => subnets);
    expect(new Set(await statusOf(...ids))).toEqual(new Set(['ready']));
    const { vpcs: worlds } = await here.newProcess().observe();
    const tables = worlds.flatMap(({ routeTables }) => routeTables.map(({ id }) => id));
    expect(tables).toHaveLength(new Set(tables).size);
    await here.close();
    return calls.map(({ operation }) => operation);
  };

  test('takes at most 1.2 times the calls for 200 VPCs that it takes for one with as many subnets', async () => {
    const [one, many] = [await atRest(1, 200), await atRest(200, 1)];
    expect(many.length).toBeLessThanOrEqual(one.length * 1.2 + 1);
    // But for pages, of which AWS takes a hundred route tables at a time.
    expect(new Set(many)).toEqual(new Set(one));
    const pages = many.filter((operation) => operation === 'DescribeRouteTables').length;
    expect(pages).toBe(Math.ceil((200 * 2 + 2) / 100));
  });
});

/** The VPCs whose changes AWS refuses, by which word, and which calls. */
const trouble = fc.record({
  vpcs: fc.integer({ min: 2, max: 6 }),
  which: fc.array(fc.nat(5), { minLength: 1, maxLength: 2 }),
  by: fc.constantFrom('RequestLimitExceeded', 'UnauthorizedOperation'),
  of: fc.constantFrom<'endpoints' | 'routes'>('endpoints', 'routes'),
});

test('a VPC whose calls AWS throttles or denies stands in no other’s way, says so, and goes on when that ends', async () => {
  await fc.assert(
    fc.asyncProperty(trouble, async ({ vpcs, which, by, of }) => {
      here = await stage({ clientVpcs: 'all', throttled: true });
      const made = await manyVpcs(here, vpcs, 2, CIDR);
      const stopped = made.filter((_, index) => which.some((each) => each % vpcs === index));
      const free = made.filter((each) => !stopped.includes(each));
      const tables = (await here.newProcess().observe()).vpcs.flatMap(({ vpcId, routeTables }) =>
        stopped.some(({ vpc }) => vpc === vpcId) ? routeTables.map(({ id }) => id) : [],
      );
      let refuses = true;
      here.guard((operation, { VpcId, RouteTableId }) => {
        const theirs =
          of === 'endpoints'
            ? operation === 'CreateVpcEndpoint' && stopped.some(({ vpc }) => vpc === VpcId)
            : operation === 'CreateRoute' && tables.includes(String(RouteTableId));
        if (refuses && theirs) throw new AwsError(by, 'You are not authorized.', 503);
      });
      await minutes(4);
      const idsOf = (some: typeof made) => some.flatMap(({ subnets }) => subnets);
      expect(new Set([...(await statusOf(...idsOf(free))), 'ready'])).toEqual(new Set(['ready']));
      for (const status of await statusOf(...idsOf(stopped))) {
        expect(status).toMatch(/^waiting: /);
        if (by === 'UnauthorizedOperation') expect(status).toMatch(/another try for AWS says UnauthorizedOperation/);
      }
      refuses = false;
      await minutes(8);
      expect(new Set(await statusOf(...idsOf(made)))).toEqual(new Set(['ready']));
      await here.close();
    }),
    // The first of all in each look's list, and as many of its steps as AWS takes at once.
    { numRuns: RUNS, examples: [[{ vpcs: 3, which: [0, 1], by: 'RequestLimitExceeded', of: 'endpoints' }]] },
  );
});

test('a VPC that is deleted between two calls is told of once, and no other waits', async () => {
  here = await stage({ clientVpcs: 'all' });
  const [gone, stays] = await manyVpcs(here, 2, 2, CIDR);
  here.guard((operation, { VpcId }) => {
    if (operation === 'CreateVpcEndpoint' && VpcId === gone?.vpc)
      throw new AwsError('InvalidVpcID.NotFound', `The vpc ID '${VpcId}' does not exist`);
  });
  await minutes(2);
  expect(await statusOf(...given(stays).subnets)).toEqual(['ready', 'ready']);
});
