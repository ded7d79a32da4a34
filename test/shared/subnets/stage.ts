import {
  AssociateRouteTableCommand,
  CreateNatGatewayCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  ElasticLoadBalancingV2Client,
  ModifyLoadBalancerAttributesCommand,
  ModifyTargetGroupCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { CloudEvent } from '../../../local/services/cloud.ts';
import { AWS_DELAYS } from '../../../local/services/delays.ts';
import { AwsError, ConnectionLost } from '../../../local/wire/errors.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { throttle } from '../../../local/wire/throttle.ts';
import type { Middleware } from '../../../local/wire/wire.ts';
import type { SubnetsConfig } from '../../../shared/config.ts';
import type { Hint } from '../../../shared/events.ts';
import { type Outcome, reconcile } from '../../../shared/reconcile/loop.ts';
import { subnetsReconciler } from '../../../shared/subnets/reconciler.ts';
import { given, launch, REGION, testCloud, testLoadBalancer, testVpc } from '../../support/cloud.ts';
import { frozen } from '../../support/frozen.ts';
import { testSeal } from '../../support/seal.ts';
import { config } from './support.ts';

/** What may go wrong with one call. A stale read answers what the one before it answered. */
export type Fault = 'none' | 'throttled' | 'refused' | 'lost reply' | 'crash' | 'stale';

/** The process ends after a call: its pass is over, and what it knew is lost. */
class Crash extends Error {}

export interface StageOptions extends Partial<SubnetsConfig> {
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

const OURS = 'AKIDRECONCILER';
const isRead = (operation: string) => operation.startsWith('Describe');

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
  const faults: Fault[] = [];
  const calls: { operation: string; input: Readonly<Record<string, unknown>>; at: number; error?: string }[] = [];
  const answers = new Map<string, unknown>();
  let crashed = false;
  let latency = () => 0;

  const watched: Middleware = async ({ operation, accessKeyId }, input, next) => {
    if (accessKeyId !== OURS) return next();
    const call: (typeof calls)[number] = { operation, input, at: cloud.clock.now() };
    calls.push(call);
    if (latency() > 0) await cloud.clock.sleep(latency());
    try {
      return await (isRead(operation) ? read(operation, input, next) : change(next));
    } catch (error) {
      call.error = error instanceof AwsError ? error.code : String(error);
      throw error;
    }
  };
  async function read<T>(operation: string, input: unknown, next: () => Promise<T>): Promise<T> {
    const key = JSON.stringify([operation, input]);
    const before = answers.get(key) as T | undefined;
    const answer = await next();
    answers.set(key, answer);
    return faults[0] === 'stale' && faults.shift() && before ? before : answer;
  }
  async function change<T>(next: () => Promise<T>): Promise<T> {
    const fault = faults.shift() ?? 'none';
    if (fault === 'throttled') throw new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
    if (fault === 'refused') throw new AwsError('IncorrectState', 'It is just changing.');
    const answer = await next();
    if (fault === 'lost reply') throw new ConnectionLost();
    crashed ||= fault === 'crash';
    return answer;
  }

  const middleware: Middleware[] = [watched];
  // Longer than AWS, so that a world at rest still has it.
  const delays = { endpointAvailable: becomesAvailable, endpointExpired, cidrBlockForgotten: 86_400_000 };
  const quota = chosen.endpointsPerVpc === undefined ? {} : { endpointsPerVpc: Math.max(50, chosen.endpointsPerVpc) };
  const cloud = testCloud({ middleware, emit, endpointPerZone, ...quota, delays });
  const limit = throttle(cloud.clock);
  if (throttled)
    middleware.push((call, input, next) => (call.accessKeyId === OURS ? limit(call, input, next) : next()));
  const vpc = await testVpc(owner === undefined ? cloud : { ec2: cloud.ec2Of(owner) });
  const subnet = async (CidrBlock: string, zone: string) => {
    const AvailabilityZone = `${REGION}${zone}`;
    const { Subnet } = await cloud.ec2.send(new CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock, AvailabilityZone }));
    return given(Subnet?.SubnetId);
  };
  const table = async (...subnetIds: string[]) => {
    const { RouteTable } = await cloud.ec2.send(new CreateRouteTableCommand({ VpcId: vpc.vpc }));
    const RouteTableId = given(RouteTable?.RouteTableId);
    for (const SubnetId of subnetIds) await cloud.ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));
    return RouteTableId;
  };
  const routerSubnets = { a: await subnet('10.0.200.0/24', 'a'), b: await subnet('10.0.201.0/24', 'b') };
  const routersTable = await table(routerSubnets.a, routerSubnets.b);
  const service = await testLoadBalancer(cloud, { vpc });
  await cloud.elb.send(
    new ModifyLoadBalancerAttributesCommand({
      LoadBalancerArn: service.loadBalancer,
      Attributes: [{ Key: 'load_balancing.cross_zone.enabled', Value: String(crossZone) }],
    }),
  );
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
  const client = {
    region: REGION,
    credentials: { accessKeyId: OURS, secretAccessKey: 'secret' },
    requestHandler: inProcess(cloud.wire),
    maxAttempts: 1,
  };
  const ec2 = new EC2Client(client);
  let seal = testSeal();
  const clients = { ec2, elb: new ElasticLoadBalancingV2Client(client), changer: ec2 };
  const newProcess = () => subnetsReconciler(clients, settings, async () => seal, cloud.clock.now);
  let ours = newProcess();
  const look = async () => (await newProcess().observe()).vpcs[0];

  /** One pass of a process; undefined if it crashed or could not look. */
  async function passOf(process: ReturnType<typeof newProcess>, ms: number, hint?: Pick<Hint, 'deletionAttempted'>) {
    const log: string[] = [];
    const outcome = await reconcile(
      {
        observe: () => process.observe(hint),
        // What a look found is a plan's to read, never to change.
        plan: (world) => process.plan(frozen(world)),
        async act(step) {
          await process.act(step);
          if (crashed) throw new Crash();
        },
      },
      { now: cloud.clock.now, sleep: cloud.clock.sleep, deadline: cloud.clock.now() + ms },
      {
        acted: ({ says }) => void log.push(says),
        failed: (_, error) => {
          if (error instanceof Crash) throw error;
        },
        waits: (waiting) => void log.push(`${waiting.subject} waits for ${waiting.for}`),
        refuses: (attempt) => void log.push(`${attempt.subject}: ${attempt.for}`),
      },
    );
    return { ...outcome, log };
  }

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
    newProcess,
    look,
    /** One pass, of at most `ms` of the cloud's time. Rejects with what no pass survives: a crash, a look that failed. */
    async pass(ms = 300_000, { with: planned = [] as Fault[], hint = {} as Pick<Hint, 'deletionAttempted'> } = {}) {
      faults.splice(0, faults.length, ...planned);
      try {
        return given(await cloud.clock.run(passOf(ours, ms, hint)));
      } finally {
        if (crashed) ours = newProcess();
        crashed = false;
        faults.length = 0;
      }
    },
    /** Two processes at once, whose calls interleave: each takes as long as `random` says, up to a second. */
    async twoPasses(ms: number, random: () => number): Promise<Outcome[]> {
      latency = () => Math.ceil(random() * 1000);
      try {
        return given(await cloud.clock.run(Promise.all([passOf(ours, ms), passOf(newProcess(), ms)])));
      } finally {
        latency = () => 0;
      }
    },
    /** Calls since this was last asked. */
    calls: () => calls.splice(0),
    changes: () => calls.splice(0).filter(({ operation }) => !isRead(operation)),
    /** Called with each changing call before it is done. */
    guard(check: (operation: string, input: Readonly<Record<string, unknown>>) => void | Promise<void>) {
      middleware.push(async (call, input, next) => {
        if (call.accessKeyId === OURS && !isRead(call.operation)) await check(call.operation, input);
        return next();
      });
    },
    tag: (id: string, Value: string, Key = 'ziti-glb') =>
      cloud.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] })),
    /** A tag with the seal of the stack: as the functions write it. */
    note: (id: string, text: string, Key: string) =>
      cloud.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value: seal.sign(id, Key, text) }] })),
    /** The stack gets a key, or another one, at this moment. */
    exchangeKey: (...versions: number[]) => {
      seal = testSeal(cloud.clock.now(), versions);
      ours = newProcess();
    },
    untag: (id: string, Key = 'ziti-glb') =>
      cloud.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key }] })),
    async natGateway() {
      const { NatGateway } = await cloud.ec2.send(
        new CreateNatGatewayCommand({ SubnetId: routerSubnets.a, ConnectivityType: 'private' }),
      );
      return given(NatGateway?.NatGatewayId);
    },
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

/** Whether an error is one that a Lambda's next invocation gets over. */
export const endsPass = (error: unknown): boolean =>
  error instanceof Crash || (error instanceof Error && error.name === 'RequestLimitExceeded');
