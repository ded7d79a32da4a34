import * as ec2 from '@aws-sdk/client-ec2';
import type { Step } from '../../shared/reconcile/plan.ts';
import { routersReconciler } from '../../shared/routers/reconciler.ts';
import { subnetsReconciler } from '../../shared/subnets/reconciler.ts';
import {
  given,
  type TestCloud,
  testDocument,
  testGroup,
  testLaunchTemplate,
  testLoadBalancer,
  testNatGateway,
  testSubnet,
  testTable,
  testVpc,
} from '../support/cloud.ts';
import { testSeal } from '../support/seal.ts';
import { openStage } from '../support/stage.ts';
import { configOf } from './routers/fixtures.ts';
import { config } from './subnets/fixtures.ts';

/** A stack stands there: its tag's key, and the number of its VPC. */
export interface Place {
  key: string;
  vpc: number;
}

type Check = (of: TestStack, operation: string, input: Readonly<Record<string, unknown>>) => Promise<void>;

/**
 * One account has several stacks, each with a load balancer, a group of routers with hooks, and both reconcilers. A router is
 * healthy once a command has reached it.
 */
export async function testStacks(places: Place[]) {
  const running = new Set<string>();
  const stacks: TestStack[] = [];
  const stage = openStage({ delays: { endpointAvailable: 10_000 } });
  const { cloud } = stage;
  cloud.fake.onExec = async (id) => {
    running.add(id);
    return { code: 0, stdout: 'attached\n', stderr: '' };
  };
  cloud.fake.onProbe = (_, instanceId = '') =>
    running.has(instanceId) ? { healthy: true } : { healthy: false, reason: 'Target.Timeout' };
  await testLaunchTemplate(cloud);
  const vpcs: TestVpc[] = [];
  for (const [index, place] of places.entries()) {
    vpcs[place.vpc] ??= await vpcWithTables(cloud);
    stacks.push(await testStack(stage, `stack-${index}`, place.key, given(vpcs[place.vpc])));
  }
  await cloud.clock.run(60_000);
  return {
    ...cloud,
    stacks,
    tag: (id: string, Key: string, Value: string) =>
      cloud.ec2.send(new ec2.CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] })),
    untag: (id: string, Key: string) => cloud.ec2.send(new ec2.DeleteTagsCommand({ Resources: [id], Tags: [{ Key }] })),
    /** `check` is called with each changing call of a stack before it is done. */
    guard: (check: Check) =>
      stage.guard((operation, input, caller) =>
        check(given(stacks.find(({ name }) => name === caller)), operation, input),
      ),
  };
}

/** Clients stand in `a1` and `own` of zone a and `b1` of zone b, the last two with one table. */
async function vpcWithTables(cloud: TestCloud) {
  const vpc = await testVpc(cloud);
  const own = await testSubnet(cloud, vpc.vpc, '10.0.30.0/24', 'a');
  const [one, two] = [await testTable(cloud, vpc.vpc, vpc.a1), await testTable(cloud, vpc.vpc, vpc.b1, own)];
  const tables: Record<string, string> = { [vpc.a1]: one, [vpc.b1]: two, [own]: two };
  return { ...vpc, own, tables, nat: await testNatGateway(cloud, vpc.a0) };
}
type TestVpc = Awaited<ReturnType<typeof vpcWithTables>>;

async function testStack(stage: ReturnType<typeof openStage>, name: string, key: string, vpc: TestVpc) {
  const { cloud } = stage;
  const service = await testLoadBalancer(cloud, { vpc, crossZone: true, interval: 30, name: `-${name}` });
  const document = `Install-${name}`;
  await testDocument(cloud, document);
  await testGroup(cloud, vpc, { name, key });
  const clients = stage.clients(name);
  const of = {
    stack: name,
    tagKey: key,
    vpcId: vpc.vpc,
    targetGroupArn: service.targetGroup,
    loadBalancerArn: service.loadBalancer,
    rangeKey: `${key}:dns-range`,
  };
  const seal = testSeal(0, [1], { stack: name, tagKey: key });
  const routers = routersReconciler(
    { ...clients, changers: clients },
    configOf({
      ...of,
      document,
      diverterKey: `${key}:diverter`,
      leavingKey: `${key}:leaving`,
      checkKey: `${key}:source-dest-check`,
      unhealthyKey: `${key}:unhealthy`,
      dns: {
        resolver: '100.127.255.254',
        // Slices are as many as a world can have routers: one without a range of its own serves nobody.
        slices: [
          ...['100.64.0.0/13', '100.72.0.0/13', '100.80.0.0/13', '100.88.0.0/13'],
          ...Array.from({ length: 16 }, (_, number) => `10.${64 + number}.0.0/16`),
        ],
      },
    }),
    async () => seal,
    cloud.clock.now,
  );
  const subnets = subnetsReconciler(
    { ...clients, changer: clients.ec2 },
    config({
      ...of,
      serviceId: service.serviceId,
      statusKey: `${key}:status`,
      leavingKey: `${key}:leaving`,
      servedByKey: `${key}:served-by`,
      takenOverKey: `${key}:taken-over`,
      formerKey: `${key}:former`,
      directKey: `${key}:direct`,
      stackTag: { Key: 'ziti-glb:stack', Value: name },
    }),
    async () => seal,
    cloud.clock.now,
  );
  const through = async <World, S extends Step>(one: Parameters<typeof stage.pass<World, S>>[0], ms: number) =>
    given(await cloud.clock.run(stage.pass(one, ms))).changes;
  return {
    name,
    key,
    vpc,
    service,
    /** An endpoint is connected to the stack's service, or not. */
    async owns(id: string): Promise<boolean> {
      const { VpcEndpoints = [] } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({}));
      return VpcEndpoints.some((each) => each.VpcEndpointId === id && each.ServiceName === service.serviceName);
    },
    /** Each function makes a pass, of at most `ms` of the cloud's time. Resolves to how many changes they made. */
    async pass(ms = 280_000): Promise<number> {
      const observe = () => routers.observe({ at: cloud.clock.now() });
      return (
        (await through({ ...routers, observe }, ms)) +
        (await through({ ...subnets, observe: () => subnets.observe() }, ms))
      );
    },
  };
}
export type TestStack = Awaited<ReturnType<typeof testStack>>;
