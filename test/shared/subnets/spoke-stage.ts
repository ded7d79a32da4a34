import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  ModifyVpcEndpointServicePermissionsCommand,
} from '@aws-sdk/client-ec2';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { byValue } from '../../../local/wire/by-value.ts';
import type { SpokeConfig } from '../../../shared/config.ts';
import { healthOf } from '../../../shared/subnets/health.ts';
import { spokeReconciler } from '../../../shared/subnets/reconciler.ts';
import { given, testSubnet, testTable, testVpc } from '../../support/cloud.ts';
import { testSeal } from '../../support/seal.ts';
import { endsPass, type Fault } from '../../support/stage.ts';
import { config } from './fixtures.ts';
import { type StageOptions, stage } from './stage.ts';

export const SPOKE = '222233334444';
const HEALTH = 'arn:aws:lambda:eu-central-1:111122223333:function:ziti-glb-test-health';

/** What the hub's health function does when it is invoked. */
export type Answering = 'answers' | 'refuses' | 'fails' | 'is late' | 'babbles' | 'is another hub’s';

/**
 * A hub, as `stage` has it, and an account that reaches it: a VPC with the same addresses, in it `a1` and `b1` with a table of their
 * own each, and the function of a spoke. That account calls by `a` the zone that the hub's calls by `b`, so that one of its zones
 * is served, `a` by the hub's node in euc1-az3, and `b`, which is euc1-az1, is not.
 */
export async function spokeStage(hub: StageOptions = {}, chosen: Partial<SpokeConfig> = {}) {
  const here = await stage({ spokeAccounts: [SPOKE], ...hub });
  const { cloud, settings } = here;
  const account = chosen.account ?? SPOKE;
  const people = byValue(cloud.ec2Of(account), cloud.wire);
  const vpc = await testVpc({ ec2: people });
  const tables = {
    a1: await testTable({ ec2: people }, vpc.vpc, vpc.a1),
    b1: await testTable({ ec2: people }, vpc.vpc, vpc.b1),
  };
  const permit = (allowed: boolean) =>
    cloud.ec2.send(
      new ModifyVpcEndpointServicePermissionsCommand({
        ServiceId: here.service.serviceId,
        [allowed ? 'AddAllowedPrincipals' : 'RemoveAllowedPrincipals']: [`arn:aws:iam::${account}:root`],
      }),
    );
  await permit(true);

  const hubs = here.clientsOf();
  let answering: Answering = 'answers';
  const names = { ranges: false };
  const invoke = async () => {
    if (answering === 'refuses') throw Object.assign(new Error('no'), { name: 'AccessDeniedException' });
    if (answering === 'fails') return { FunctionError: 'Unhandled', Payload: new TextEncoder().encode('{}') };
    if (answering === 'babbles') return { Payload: new TextEncoder().encode('"healthy"') };
    const now = cloud.clock.now() - (answering === 'is late' ? 301_000 : 0);
    const health = await healthOf(hubs, { ...settings, dnsRanges: names.ranges }, now);
    const serviceId = answering === 'is another hub’s' ? 'vpce-svc-0fffffffffffffff0' : health.serviceId;
    return { Payload: new TextEncoder().encode(JSON.stringify({ ...health, serviceId })) };
  };

  const { vpcId: _, targetGroupArn: __, loadBalancerArn: ___, spokeAccounts: ____, ...base } = config();
  const spoke: SpokeConfig = {
    ...base,
    account,
    stack: 'ziti-glb-spoke',
    stackTag: { Key: 'ziti-glb:stack', Value: 'ziti-glb-spoke' },
    serviceId: here.service.serviceId,
    hubService: here.service.serviceName,
    hubHealth: HEALTH,
    clientVpcs: 'all',
    ...chosen,
  };
  const clients = here.clientsOf(`${account}-function`);
  const lambda = { send: invoke } as unknown as LambdaClient;
  const seal = testSeal(0, [1], { account, stack: 'ziti-glb-spoke' });
  const newProcess = () =>
    spokeReconciler({ ...clients, lambda, changer: clients.ec2 }, spoke, async () => seal, cloud.clock.now);
  let process = newProcess();
  const subnetOf = async (id: string) => {
    const { Subnets } = await people.send(new DescribeSubnetsCommand({ SubnetIds: [id] }));
    return given(Subnets?.[0]);
  };

  return {
    ...here,
    hub: here,
    people,
    /** Of who looks there, with the answers of the health function. */
    lookers: { ec2: people, ssm: cloud.ssmOf(account), lambda },
    far: vpc,
    tables,
    permit,
    /** Whether the hub's routers answer for names with addresses of their own. */
    names,
    spoke,
    /** Forgets what the hub told. */
    restart: () => {
      process = newProcess();
    },
    hear: (now: Answering) => {
      answering = now;
    },
    farSubnet: (cidr: string, zone: string) => testSubnet({ ec2: people }, vpc.vpc, cidr, zone),
    tagFar: (id: string, Value: string) =>
      people.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'ziti-glb', Value }] })),
    untagFar: (id: string) => people.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'ziti-glb' }] })),
    status: async (id: string) => (await subnetOf(id)).Tags?.find(({ Key }) => Key === 'ziti-glb:status')?.Value,
    tagOf: async (id: string) => (await subnetOf(id)).Tags?.find(({ Key }) => Key === 'ziti-glb')?.Value,
    /** Destinations that a table leads to endpoints, sorted. */
    async routed(tableId: string) {
      const { RouteTables } = await people.send(new DescribeRouteTablesCommand({ RouteTableIds: [tableId] }));
      return given(RouteTables?.[0]?.Routes)
        .flatMap(({ GatewayId, DestinationCidrBlock = '' }) =>
          GatewayId?.startsWith('vpce-') ? [DestinationCidrBlock] : [],
        )
        .sort();
    },
    async farEndpoints() {
      const { VpcEndpoints = [] } = await people.send(new DescribeVpcEndpointsCommand({}));
      return VpcEndpoints.filter(({ State }) => State?.toLowerCase() !== 'deleted');
    },
    farPass: async (ms = 50_000) => given(await cloud.clock.run(here.passOf(process, ms))),
    /** One pass of each function, in which `faults` befall the spoke's changes. A crash ends the spoke's process. */
    async both(faults: Fault[] = []) {
      const own = here.newProcess();
      const counts = { hub: 0, spoke: 0 };
      counts.hub = given(await cloud.clock.run(here.passOf({ ...own, observe: () => own.observe() }, 20_000))).changes;
      here.faults.push(...faults);
      try {
        const pass = here.passOf({ ...process, observe: () => process.observe() }, 50_000);
        counts.spoke = given(await cloud.clock.run(pass)).changes;
      } catch (error) {
        if (!endsPass(error)) throw error;
        process = newProcess();
      } finally {
        here.recover();
      }
      return counts;
    },
    /** Minutes in which both functions run. Returns what the last ones of them told. */
    async minutes(count: number) {
      let logs: { hub: string[]; spoke: string[] } = { hub: [], spoke: [] };
      for (let minute = 0; minute < count; minute++) {
        const next = cloud.clock.now() + 60_000;
        const own = here.newProcess();
        const hub: string[] = [];
        await cloud.clock.run(here.passOf({ ...own, observe: () => own.observe() }, 20_000, hub));
        const spoke: string[] = [];
        await cloud.clock.run(here.passOf({ ...process, observe: () => process.observe() }, 20_000, spoke));
        logs = { hub, spoke };
        await cloud.clock.run(Math.max(0, next - cloud.clock.now()));
      }
      return logs;
    },
  };
}
export type SpokeStage = Awaited<ReturnType<typeof spokeStage>>;
