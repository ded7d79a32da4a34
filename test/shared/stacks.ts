import { AutoScalingClient, CreateAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import * as ec2 from '@aws-sdk/client-ec2';
import {
  ElasticLoadBalancingV2Client,
  ModifyLoadBalancerAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3Client } from '@aws-sdk/client-s3';
import { CreateDocumentCommand, SSMClient } from '@aws-sdk/client-ssm';
import { inProcess } from '../../local/wire/in-process.ts';
import type { Middleware } from '../../local/wire/wire.ts';
import { type Reconciler, reconcile } from '../../shared/reconcile/loop.ts';
import type { Step } from '../../shared/reconcile/plan.ts';
import { routersReconciler } from '../../shared/routers/reconciler.ts';
import { subnetsReconciler } from '../../shared/subnets/reconciler.ts';
import { given, REGION, type TestCloud, testCloud, testLoadBalancer, testVpc } from '../support/cloud.ts';
import { installDocument } from '../support/install-document.ts';
import { testSeal } from '../support/seal.ts';
import { configOf } from './routers/support.ts';
import { config } from './subnets/support.ts';

/** Where a stack stands: its tag's key, and the number of its VPC. */
export interface Place {
  key: string;
  vpc: number;
}

type Check = (of: TestStack, operation: string, input: Readonly<Record<string, unknown>>) => Promise<void>;

const isRead = (operation: string) => /^(Describe|Get|List)/.test(operation);

/**
 * Stacks in one account, each with a load balancer, a group of routers with hooks, and both reconcilers. A router is
 * healthy once a command has reached it.
 */
export async function testStacks(places: Place[]) {
  const checks: Check[] = [];
  const running = new Set<string>();
  const watched: Middleware = async ({ operation, accessKeyId }, input, next) => {
    const of = stacks.find(({ name }) => name === accessKeyId);
    if (of && !isRead(operation)) for (const check of checks) await check(of, operation, input);
    return next();
  };
  const stacks: TestStack[] = [];
  const cloud = testCloud({ middleware: [watched], delays: { endpointAvailable: 10_000 } });
  const network = () => cloud.fake.synced.at(-1);
  cloud.fake.onExec = async (id) => {
    running.add(id);
    return { code: 0, stdout: 'attached\n', stderr: '' };
  };
  cloud.fake.onProbe = ({ ip }) =>
    network()?.interfaces.some((face) => face.ip === ip && running.has(face.instanceId ?? ''))
      ? { healthy: true }
      : { healthy: false, reason: 'Target.Timeout' };
  await cloud.ec2.send(
    new ec2.CreateLaunchTemplateCommand({
      LaunchTemplateName: 'router',
      LaunchTemplateData: { ImageId: 'ami-router', InstanceType: 't3.small' },
    }),
  );
  const vpcs: TestVpc[] = [];
  for (const [index, place] of places.entries()) {
    vpcs[place.vpc] ??= await vpcWithTables(cloud);
    stacks.push(await testStack(cloud, `stack-${index}`, place.key, given(vpcs[place.vpc])));
  }
  await cloud.clock.run(60_000);
  return {
    ...cloud,
    stacks,
    tag: (id: string, Key: string, Value: string) =>
      cloud.ec2.send(new ec2.CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] })),
    untag: (id: string, Key: string) => cloud.ec2.send(new ec2.DeleteTagsCommand({ Resources: [id], Tags: [{ Key }] })),
    /** Called with each changing call of a stack before it is done. */
    guard: (check: Check) => void checks.push(check),
  };
}

/** Clients stand in `a1` and `own` of zone a and `b1` of zone b, the last two with one table. */
async function vpcWithTables(cloud: TestCloud) {
  const vpc = await testVpc(cloud);
  const { Subnet } = await cloud.ec2.send(
    new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: '10.0.30.0/24', AvailabilityZone: `${REGION}a` }),
  );
  const own = given(Subnet?.SubnetId);
  const tables: Record<string, string> = {};
  for (const subnetIds of [[vpc.a1], [vpc.b1, own]]) {
    const { RouteTable } = await cloud.ec2.send(new ec2.CreateRouteTableCommand({ VpcId: vpc.vpc }));
    const RouteTableId = given(RouteTable?.RouteTableId);
    for (const SubnetId of subnetIds) {
      await cloud.ec2.send(new ec2.AssociateRouteTableCommand({ RouteTableId, SubnetId }));
      tables[SubnetId] = RouteTableId;
    }
  }
  const { NatGateway } = await cloud.ec2.send(
    new ec2.CreateNatGatewayCommand({ SubnetId: vpc.a0, ConnectivityType: 'private' }),
  );
  return { ...vpc, own, tables, nat: given(NatGateway?.NatGatewayId) };
}
type TestVpc = Awaited<ReturnType<typeof vpcWithTables>>;

async function testStack(cloud: TestCloud, name: string, key: string, vpc: TestVpc) {
  const service = await testLoadBalancer(cloud, { vpc, interval: 30, name: `-${name}` });
  await cloud.elb.send(
    new ModifyLoadBalancerAttributesCommand({
      LoadBalancerArn: service.loadBalancer,
      Attributes: [{ Key: 'load_balancing.cross_zone.enabled', Value: 'true' }],
    }),
  );
  const document = { Name: `Install-${name}`, DocumentType: 'Command', Content: installDocument() } as const;
  await cloud.ssm.send(new CreateDocumentCommand(document));
  const hook = (word: string, DefaultResult: string) => ({
    LifecycleHookName: `ziti-glb-${word.toLowerCase()}`,
    LifecycleTransition: `autoscaling:EC2_INSTANCE_${word}`,
    HeartbeatTimeout: 300,
    DefaultResult,
  });
  await cloud.autoScaling.send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: name,
      MinSize: 0,
      MaxSize: 10,
      LaunchTemplate: { LaunchTemplateName: 'router' },
      VPCZoneIdentifier: `${vpc.a0},${vpc.b0}`,
      Tags: [{ Key: key, Value: 'router', PropagateAtLaunch: true }],
      LifecycleHookSpecificationList: [hook('LAUNCHING', 'ABANDON'), hook('TERMINATING', 'CONTINUE')],
    }),
  );
  const client = {
    region: REGION,
    credentials: { accessKeyId: name, secretAccessKey: 'secret' },
    requestHandler: inProcess(cloud.wire),
    maxAttempts: 1,
  };
  const clients = {
    ec2: new ec2.EC2Client(client),
    elb: new ElasticLoadBalancingV2Client(client),
    ssm: new SSMClient(client),
    autoScaling: new AutoScalingClient(client),
    s3: new S3Client({ region: REGION, credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }),
  };
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
      document: document.Name,
      diverterKey: `${key}:diverter`,
      leavingKey: `${key}:leaving`,
      checkKey: `${key}:source-dest-check`,
      dns: {
        resolver: '100.127.255.254',
        slices: ['100.64.0.0/13', '100.72.0.0/13', '100.80.0.0/13', '100.88.0.0/13'],
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
      formerKey: `${key}:former`,
      directKey: `${key}:direct`,
      stackTag: { Key: 'ziti-glb:stack', Value: name },
    }),
    async () => seal,
    cloud.clock.now,
  );
  const through = async <World, S extends Step>(one: Reconciler<World, S>, ms: number) => {
    const pace = { now: cloud.clock.now, sleep: cloud.clock.sleep, deadline: cloud.clock.now() + ms };
    const silent = { acted() {}, failed() {}, waits() {}, refuses() {} };
    return given(await cloud.clock.run(reconcile(one, pace, silent))).changes;
  };
  return {
    name,
    key,
    vpc,
    service,
    /** Whether an endpoint is connected to its service. */
    async owns(id: string): Promise<boolean> {
      const { VpcEndpoints = [] } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({}));
      return VpcEndpoints.some((each) => each.VpcEndpointId === id && each.ServiceName === service.serviceName);
    },
    /** A pass of each function, of at most `ms` of the cloud's time. Returns how many changes they made. */
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
