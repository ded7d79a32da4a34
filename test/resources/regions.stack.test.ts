import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Box } from '../../local/box.ts';
import { createOperator, type Operator } from '../../local/demo/operator.ts';
import { noFabric } from '../../local/fabric/none.ts';
import type { Stack } from '../../local/stack/deploy.ts';
import { describePackaged, packaged } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

const REGION = 'eu-west-1';

/** An account knows what has no region by these names, by what declares it. */
const global = ({ resources }: Stack) =>
  new Map(
    [...resources].flatMap(([id, { type, made }]) =>
      /^AWS::(IAM::Role|S3::Bucket|CloudWatch::Dashboard)$/.test(type) ? [[id, made.ref] as const] : [],
    ),
  );

describePackaged('a stack of one name in each of two regions of an account', () => {
  let here: StackInBox;
  let there: Awaited<ReturnType<Box['inRegion']>>;
  let second: Stack;
  let operator: Operator;
  beforeAll(async () => {
    here = await stackInBox();
    there = await here.box.inRegion(REGION);
    const { vpcId, subnetIds } = there.network;
    second = await there.deploy(packaged({ parameters: { vpcId, subnetIds }, region: REGION }));
    operator = createOperator({
      ...{ endpoint: here.box.endpoint, credentials: there.credentials, region: REGION, vpcId },
      targetGroupArn: second.resources.get('TargetGroup')?.made.ref ?? '',
      ...{ routerSubnetIds: subnetIds.split(','), fabric: noFabric('this is a test') },
    });
  });
  afterAll(() => here?.box.close());

  test('shares no name of what has no region, and all others', () => {
    const { box } = here;
    expect(second.name).toBe(box.stack.name);
    const [names, others] = [global(box.stack), global(second)];
    expect([...others.keys()]).toEqual([...names.keys()]);
    expect(names.size).toBeGreaterThanOrEqual(6);
    expect([...names].filter(([id, name]) => others.get(id) === name)).toEqual([]);
    expect(second.outputs.RoutersFunction).toBe(box.stack.outputs.RoutersFunction);
    expect(second.resources.get('TargetGroup')?.made.ref).toContain(`:${REGION}:`);
    expect([...box.roles.keys()].sort()).toEqual(
      [...names, ...others].flatMap(([id, name]) => (/Role$/.test(id) ? [name] : [])).sort(),
    );
  });

  test('serves the subnets of its own region, and no others', async () => {
    const { until, operator: first, routed } = here;
    await operator.launch('router-1', 0);
    await operator.tag('app-a', '10.30.0.0/16');
    await until('route there', async () => (await operator.endpointRoutes()).length === 2);
    expect(await first.endpointRoutes()).toEqual([]);
    await first.launch('router-1', 0);
    await first.tag('app-a', '10.20.0.0/16');
    await routed('10.20.0.0/16');
    // The resolver has a route where any subnet is opted in.
    const routes = async (of: Operator) => (await of.endpointRoutes()).map(({ destination }) => destination).sort();
    await until('resolver', async () => (await routes(first)).length === 2);
    expect(await routes(first)).toEqual(['10.20.0.0/16', '100.127.255.254/32']);
    expect(await routes(operator)).toEqual(['10.30.0.0/16', '100.127.255.254/32']);
  });

  test('is removed without the other', async () => {
    const { box, operator: first, until, routed } = here;
    await operator.untag('app-a');
    await until('end of the route there', async () => (await operator.endpointRoutes()).length === 0);
    await until('end of the endpoint there', async () => (await operator.endpoints()).length === 0);
    await there.remove(second);
    expect([...box.roles.keys()].sort()).toEqual(
      [...global(box.stack)].flatMap(([id, name]) => (/Role$/.test(id) ? [name] : [])).sort(),
    );
    await first.tag('app-b', '10.40.0.0/16');
    await routed('10.40.0.0/16');
  });
});
