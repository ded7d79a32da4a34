import { CreateTagsCommand, DeleteTagsCommand, DescribeVpcEndpointsCommand } from '@aws-sdk/client-ec2';
import { ModifyTargetGroupCommand, RegisterTargetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { CloudEvent } from '../../../local/services/cloud.ts';
import { AWS_DELAYS } from '../../../local/services/delays.ts';
import type { HubConfig } from '../../../shared/config.ts';
import type { Hint } from '../../../shared/events.ts';
import type { Outcome } from '../../../shared/reconcile/loop.ts';
import { subnetsReconciler } from '../../../shared/subnets/reconciler.ts';
import {
  ACCOUNT,
  given,
  launch,
  testLoadBalancer,
  testNatGateway,
  testSubnet,
  testTable,
  testVpc,
} from '../../support/cloud.ts';
import { Crash, type Fault, openStage } from '../../support/stage.ts';
import { config } from './fixtures.ts';

export interface StageOptions extends Partial<HubConfig> {
  crossZone?: boolean;
  /** Whether AWS's buckets refuse what is too much. */
  throttled?: boolean;
  /** The account that has the VPC, if it is another one and shares it. */
  owner?: string;
  /** Milliseconds until an accepted endpoint is available. */
  becomesAvailable?: number;
  /** Milliseconds until an endpoint that nobody accepted is of no use any more. */
  endpointExpired?: number;
  /** Whether AWS takes one endpoint a zone only. */
  endpointPerZone?: boolean;
  /** Gets the events of the cloud. */
  emit?(event: CloudEvent): void;
}

/** Shorter than AWS takes, for tests look every few seconds until then. */
export const BECOMES_AVAILABLE = 30_000;

/**
 * A VPC with a load balancer, a healthy router in each of its two zones, and the reconciler that a test lets pass over
 * it. Its calls are counted, and go wrong as the test says; those of people do not.
 */
export async function stage({
  crossZone = true,
  throttled = false,
  becomesAvailable = BECOMES_AVAILABLE,
  endpointPerZone = false,
  endpointExpired = AWS_DELAYS.endpointExpired,
  emit = () => {},
  owner,
  ...chosen
}: StageOptions = {}) {
  // Longer than AWS, so that a world at rest still has it.
  const delays = { endpointAvailable: becomesAvailable, endpointExpired, cidrBlockForgotten: 86_400_000 };
  const quota = chosen.endpointsPerVpc === undefined ? {} : { endpointsPerVpc: Math.max(50, chosen.endpointsPerVpc) };
  const stage = openStage({ throttled, emit, endpointPerZone, ...quota, delays });
  const { cloud, calls } = stage;
  const vpc = await testVpc(owner === undefined ? cloud : { ec2: cloud.ec2Of(owner) });
  if (owner !== undefined) cloud.cloud.share(vpc.vpc, ACCOUNT);
  const subnet = (cidr: string, zone: string) => testSubnet(cloud, vpc.vpc, cidr, zone);
  const table = (...subnetIds: string[]) => testTable(cloud, vpc.vpc, ...subnetIds);
  const routerSubnets = { a: await subnet('10.0.200.0/24', 'a'), b: await subnet('10.0.201.0/24', 'b') };
  const routersTable = await table(routerSubnets.a, routerSubnets.b);
  const service = await testLoadBalancer(cloud, { vpc, crossZone });
  // Rarely, for tests let hours pass.
  const interval = { TargetGroupArn: service.targetGroup, HealthCheckIntervalSeconds: 30 };
  await cloud.elb.send(new ModifyTargetGroupCommand(interval));
  const router = async (subnetId: string) => {
    const [Id] = await launch(cloud, subnetId, { tags: { 'ziti-glb': 'router' } });
    await cloud.elb.send(new RegisterTargetsCommand({ TargetGroupArn: service.targetGroup, Targets: [{ Id }] }));
    return given(Id);
  };
  const routers = { a: await router(routerSubnets.a), b: await router(routerSubnets.b) };
  await cloud.clock.run(120_000);

  const settings = config({
    vpcId: vpc.vpc,
    targetGroupArn: service.targetGroup,
    loadBalancerArn: service.loadBalancer,
    serviceId: service.serviceId,
    ...chosen,
  });
  const clients = stage.clients();
  const newProcess = (seal = stage.seal) =>
    subnetsReconciler({ ...clients, changer: clients.ec2 }, settings, seal, cloud.clock.now);
  let ours = newProcess();
  const look = async () => (await newProcess().observe()).vpcs[0];
  const passOf = (process: typeof ours, ms: number, hint?: Pick<Hint, 'deletionAttempted'>) =>
    stage.pass({ ...process, observe: () => process.observe(hint) }, ms);

  return {
    cloud,
    vpc,
    service,
    router,
    routers,
    routerSubnets,
    routersTable,
    settings,
    subnet,
    table,
    /** So many small subnets, in both zones by turns, over so many tables. */
    async manySubnets(count: number, tables = count): Promise<string[]> {
      const ids: string[] = [];
      for (let index = 0; index < count; index++) {
        const cidr = `10.0.${100 + Math.floor(index / 16)}.${(index % 16) * 16}/28`;
        const id = await subnet(cidr, index % 2 ? 'b' : 'a');
        ids.push(id);
      }
      for (let index = 0; index < tables; index++) await table(...ids.filter((_, each) => each % tables === index));
      return ids;
    },
    clients,
    newProcess,
    seal: stage.seal,
    look,
    /** One pass, of at most `ms` of the cloud's time. Rejects with what no pass survives: a crash, a look that failed. */
    async pass(ms = 300_000, { with: planned = [] as Fault[], hint = {} as Pick<Hint, 'deletionAttempted'> } = {}) {
      stage.faults.push(...planned);
      try {
        return given(await cloud.clock.run(passOf(ours, ms, hint)));
      } catch (error) {
        if (error instanceof Crash) ours = newProcess();
        throw error;
      } finally {
        stage.recover();
      }
    },
    /** Two processes at once, whose calls interleave: each takes as long as `random` says, up to a second. */
    async twoPasses(ms: number, random: () => number): Promise<Outcome[]> {
      stage.pace.latency = () => Math.ceil(random() * 1000);
      try {
        return given(await cloud.clock.run(Promise.all([passOf(ours, ms), passOf(newProcess(), ms)])));
      } finally {
        stage.pace.latency = () => 0;
      }
    },
    /** Calls since this was last asked. */
    calls: () => calls.splice(0),
    changes: () => calls.splice(0).filter((call) => call.changes),
    guard: stage.guard,
    denied: stage.denied,
    pace: stage.pace,
    /** Clients of another function, and a pass of it. */
    clientsOf: stage.clients,
    passOf: stage.pass,
    faults: stage.faults,
    recover: stage.recover,
    tag: (id: string, Value: string, Key = 'ziti-glb') =>
      cloud.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] })),
    /** A tag with the seal of the stack: as the functions write it. */
    note: (id: string, text: string, Key: string) =>
      cloud.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value: stage.sign(id, Key, text) }] })),
    /** The stack gets a key, or another one, at this moment. */
    exchangeKey: (...versions: number[]) => {
      stage.exchangeKey(...versions);
      ours = newProcess();
    },
    untag: (id: string, Key = 'ziti-glb') =>
      cloud.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key }] })),
    natGateway: () => testNatGateway(cloud, routerSubnets.a),
    /** Those that AWS lists, but for what is gone. */
    async endpoints() {
      const { VpcEndpoints } = await cloud.ec2.send(new DescribeVpcEndpointsCommand({}));
      return (VpcEndpoints ?? []).filter(({ State }) => State?.toLowerCase() !== 'deleted');
    },
    /** Lets the routers pass or fail their health checks, and waits until the load balancer knows. */
    async heal(healthy: boolean) {
      cloud.fake.onProbe = () => (healthy ? { healthy } : { healthy, reason: 'Target.Timeout' });
      await cloud.clock.run(120_000);
    },
    close: () => cloud.cloud.close(),
  };
}

export type Stage = Awaited<ReturnType<typeof stage>>;
