import { AutoScalingClient, CreateAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateDocumentCommand, SSMClient } from '@aws-sdk/client-ssm';
import { VirtualClock } from '../../local/clock.ts';
import type { ExecOptions, ExecResult, HealthCheck, Network, ProbeResult } from '../../local/fabric/fabric.ts';
import { type CloudEvent, type CloudOptions, createCloud } from '../../local/services/cloud.ts';
import { byValue } from '../../local/wire/by-value.ts';
import { inProcess } from '../../local/wire/in-process.ts';
import { createWire, type Middleware } from '../../local/wire/wire.ts';
import { installDocument } from './install-document.ts';

export const REGION = 'eu-central-1';
export const ACCOUNT = '111122223333';
export const ADMIN = `arn:aws:iam::${ACCOUNT}:role/admin`;

/** The fabric carries no packets, and answers probes and programs as the test says. */
export interface FakeFabric {
  /** The last network that it was given, if any. */
  synced: Network[];
  probes: { nodeId: string; check: HealthCheck }[];
  execs: { instanceId: string; argv: string[]; options: ExecOptions | undefined }[];
  onSync(network: Network): void;
  /** @param instanceId whose primary or other interface has the address in the load balancer's VPC; undefined if none runs */
  onProbe(check: HealthCheck, instanceId: string | undefined): ProbeResult;
  onExec(instanceId: string, argv: string[], options: ExecOptions | undefined): Promise<ExecResult>;
}

/** VPCs may have the same addresses: a node reaches those of its own. */
function instanceAt(ip: string, nodeId: string, network: Network | undefined): string | undefined {
  const vpcOf = (subnetId: string) => network?.subnets.find(({ id }) => id === subnetId)?.vpcId;
  const node = network?.nodes.find(({ id }) => id === nodeId);
  const own = network?.interfaces.find(({ id }) => id === node?.interfaceId);
  const there = network?.interfaces.find(
    (face) => face.ip === ip && vpcOf(face.subnetId) === vpcOf(own?.subnetId ?? ''),
  );
  return there?.instanceId;
}

export function testCloud({ middleware, ...options }: Partial<CloudOptions> & { middleware?: Middleware[] } = {}) {
  const clock = new VirtualClock();
  const events: CloudEvent[] = [];
  const errors: unknown[] = [];
  const fake: FakeFabric = {
    synced: [],
    probes: [],
    execs: [],
    onSync: () => {},
    onProbe: () => ({ healthy: true }),
    onExec: async () => ({ code: 0, stdout: '', stderr: '' }),
  };
  const cloud = createCloud({
    clock,
    region: REGION,
    account: ACCOUNT,
    emit: (event) => void events.push(event),
    onError: (error) => void errors.push(error),
    fabric: {
      description: 'a fake',
      async sync(network) {
        fake.synced.splice(0, 1, network);
        fake.onSync(network);
      },
      exec(instanceId, argv, given) {
        fake.execs.push({ instanceId, argv, options: given });
        return fake.onExec(instanceId, argv, given);
      },
      async probe(nodeId, check) {
        fake.probes.push({ nodeId, check });
        return fake.onProbe(check, instanceAt(check.ip, nodeId, fake.synced.at(-1)));
      },
      crash: async () => {},
      close: async () => {},
    },
    ...options,
  });
  const wire = createWire(cloud.services, {
    // A key that begins with twelve digits is of that account's administrator.
    principal: (key) => ADMIN.replace(ACCOUNT, /^\d{12}/.exec(key)?.[0] ?? ACCOUNT),
    middleware: middleware ?? [],
  });
  const config = {
    region: REGION,
    credentials: { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' },
    requestHandler: inProcess(wire),
    maxAttempts: 1,
  };
  return {
    clock,
    cloud,
    events,
    errors,
    fake,
    wire,
    /** The administrator of another account has this client. */
    ec2Of: (account: string) =>
      new ec2.EC2Client({ ...config, credentials: { accessKeyId: account, secretAccessKey: 'secret' } }),
    ssmOf: (account: string) =>
      new SSMClient({ ...config, credentials: { accessKeyId: account, secretAccessKey: 'secret' } }),
    autoScalingOf: (account: string) =>
      new AutoScalingClient({ ...config, credentials: { accessKeyId: account, secretAccessKey: 'secret' } }),
    ec2: new ec2.EC2Client(config),
    elb: new elb.ElasticLoadBalancingV2Client(config),
    ssm: new SSMClient(config),
    autoScaling: new AutoScalingClient(config),
  };
}
export type TestCloud = ReturnType<typeof testCloud>;

/** Clients of this cloud take answers by value: for worlds of very many calls, and none about how they cross. */
export function quickCloud(options?: Parameters<typeof testCloud>[0]): TestCloud {
  const cloud = testCloud(options);
  for (const client of [cloud.ec2, cloud.elb, cloud.ssm, cloud.autoScaling]) byValue(client, cloud.wire);
  return cloud;
}

/** A value that is missing fails the test, which says what it was, rather than be carried along undefined. */
export function given<T>(value: T | undefined | null, what = 'a value'): T {
  if (value === undefined || value === null) throw new Error(`${what} is missing`);
  return value;
}

/** The VPC 10.0.0.0/16 has two subnets in each of zones a and b: 10.0.0.0/24, 10.0.1.0/24 in a, 10.0.10.0/24, 10.0.11.0/24 in b. */
export async function testVpc({ ec2: client }: Pick<TestCloud, 'ec2'>) {
  const { Vpc } = await client.send(new ec2.CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  const vpc = given(Vpc?.VpcId);
  const subnet = (cidr: string, zone: string) => testSubnet({ ec2: client }, vpc, cidr, zone);
  return {
    vpc,
    a0: await subnet('10.0.0.0/24', 'a'),
    a1: await subnet('10.0.1.0/24', 'a'),
    b0: await subnet('10.0.10.0/24', 'b'),
    b1: await subnet('10.0.11.0/24', 'b'),
  };
}

/** @param zone a letter */
export async function testSubnet(
  { ec2: client }: Pick<TestCloud, 'ec2'>,
  VpcId: string,
  CidrBlock: string,
  zone: string,
): Promise<string> {
  const AvailabilityZone = `${REGION}${zone}`;
  const { Subnet } = await client.send(new ec2.CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone }));
  return given(Subnet?.SubnetId);
}

/** The route table is associated with these subnets. */
export async function testTable({ ec2: client }: Pick<TestCloud, 'ec2'>, VpcId: string, ...subnetIds: string[]) {
  const { RouteTable } = await client.send(new ec2.CreateRouteTableCommand({ VpcId }));
  const RouteTableId = given(RouteTable?.RouteTableId);
  for (const SubnetId of subnetIds) await client.send(new ec2.AssociateRouteTableCommand({ RouteTableId, SubnetId }));
  return RouteTableId;
}

/** The NAT gateway is for routes that lead elsewhere. */
export async function testNatGateway({ ec2: client }: Pick<TestCloud, 'ec2'>, SubnetId: string): Promise<string> {
  const command = new ec2.CreateNatGatewayCommand({ SubnetId, ConnectivityType: 'private' });
  return given((await client.send(command)).NatGateway?.NatGatewayId);
}

/** A stack's install command has this document. */
export const testDocument = ({ ssm }: Pick<TestCloud, 'ssm'>, Name = 'Install') =>
  ssm.send(new CreateDocumentCommand({ Name, DocumentType: 'Command', Content: installDocument() }));

/** The launch template is called `router`. */
export const testLaunchTemplate = ({ ec2: client }: Pick<TestCloud, 'ec2'>) =>
  client.send(
    new ec2.CreateLaunchTemplateCommand({
      LaunchTemplateName: 'router',
      LaunchTemplateData: { ImageId: 'ami-router', InstanceType: 't3.small' },
    }),
  );

/** An Auto Scaling group launches routers over the load balancer's zones, by the launch template, with our hooks unless told otherwise. */
export async function testGroup(
  { autoScaling }: Pick<TestCloud, 'autoScaling'>,
  { a0, b0 }: Awaited<ReturnType<typeof testVpc>>,
  { name = 'routers', key = 'ziti-glb', heartbeat = 300, hooks = true },
) {
  const hook = (word: string, DefaultResult: string) => ({
    LifecycleHookName: `ziti-glb-${word === 'LAUNCHING' ? 'launch' : 'terminate'}`,
    LifecycleTransition: `autoscaling:EC2_INSTANCE_${word}`,
    HeartbeatTimeout: heartbeat,
    DefaultResult,
  });
  await autoScaling.send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: name,
      MinSize: 0,
      MaxSize: 10,
      LaunchTemplate: { LaunchTemplateName: 'router' },
      VPCZoneIdentifier: `${a0},${b0}`,
      Tags: [{ Key: key, Value: 'router', PropagateAtLaunch: true }],
      LifecycleHookSpecificationList: hooks ? [hook('LAUNCHING', 'ABANDON'), hook('TERMINATING', 'CONTINUE')] : [],
    }),
  );
}

/**
 * Instances are launched, and have come up.
 * @param others of a second interface, and so on
 */
export async function launch(
  { ec2: client, clock }: TestCloud,
  SubnetId: string,
  { count = 1, tags = {}, others = [] as string[], profile = '' } = {},
) {
  const { Instances } = await client.send(
    new ec2.RunInstancesCommand({
      ImageId: 'ami-router',
      MinCount: count,
      MaxCount: count,
      ...(profile && { IamInstanceProfile: { Arn: profile } }),
      ...(others.length === 0
        ? { SubnetId }
        : { NetworkInterfaces: [SubnetId, ...others].map((each, DeviceIndex) => ({ SubnetId: each, DeviceIndex })) }),
      TagSpecifications: [
        { ResourceType: 'instance', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value: String(Value) })) },
      ],
    }),
  );
  await clock.run(60_000);
  return given(Instances).map(({ InstanceId }) => given(InstanceId));
}

/** A Gateway Load Balancer has a node in zones a and b, its target group and listener, and an endpoint service open to the account. */
export async function testLoadBalancer(
  cloud: TestCloud,
  {
    acceptance = true,
    crossZone = false,
    interval = 10,
    vpc,
    name = '',
  }: {
    acceptance?: boolean;
    crossZone?: boolean;
    interval?: number;
    vpc: Awaited<ReturnType<typeof testVpc>>;
    name?: string;
  },
) {
  const { LoadBalancers } = await cloud.elb.send(
    new elb.CreateLoadBalancerCommand({ Name: `gwlb${name}`, Type: 'gateway', Subnets: [vpc.a0, vpc.b0] }),
  );
  const loadBalancer = given(LoadBalancers?.[0]?.LoadBalancerArn);
  if (crossZone)
    await cloud.elb.send(
      new elb.ModifyLoadBalancerAttributesCommand({
        LoadBalancerArn: loadBalancer,
        Attributes: [{ Key: 'load_balancing.cross_zone.enabled', Value: 'true' }],
      }),
    );
  const { TargetGroups } = await cloud.elb.send(
    new elb.CreateTargetGroupCommand({
      Name: `routers${name}`,
      Protocol: 'GENEVE',
      Port: 6081,
      VpcId: vpc.vpc,
      HealthCheckProtocol: 'HTTPS',
      HealthCheckPort: '8081',
      HealthCheckPath: '/health-checks',
      HealthCheckIntervalSeconds: interval,
      HealthyThresholdCount: 3,
      UnhealthyThresholdCount: 2,
    }),
  );
  const targetGroup = given(TargetGroups?.[0]?.TargetGroupArn);
  const { Listeners } = await cloud.elb.send(
    new elb.CreateListenerCommand({
      LoadBalancerArn: loadBalancer,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: targetGroup }],
    }),
  );
  const { ServiceConfiguration } = await cloud.ec2.send(
    new ec2.CreateVpcEndpointServiceConfigurationCommand({
      GatewayLoadBalancerArns: [loadBalancer],
      AcceptanceRequired: acceptance,
    }),
  );
  const serviceId = given(ServiceConfiguration?.ServiceId);
  await cloud.ec2.send(
    new ec2.ModifyVpcEndpointServicePermissionsCommand({
      ServiceId: serviceId,
      AddAllowedPrincipals: [`arn:aws:iam::${ACCOUNT}:root`],
    }),
  );
  await cloud.clock.run(100_000);
  return {
    loadBalancer,
    targetGroup,
    listener: given(Listeners?.[0]?.ListenerArn),
    serviceId,
    serviceName: given(ServiceConfiguration?.ServiceName),
  };
}

/** The endpoint is accepted and available. */
export async function availableEndpoint(
  cloud: TestCloud,
  { serviceId, serviceName }: { serviceId: string; serviceName: string },
  VpcId: string,
  SubnetId: string,
) {
  const { VpcEndpoint } = await cloud.ec2.send(
    new ec2.CreateVpcEndpointCommand({
      VpcEndpointType: 'GatewayLoadBalancer',
      VpcId,
      ServiceName: serviceName,
      SubnetIds: [SubnetId],
    }),
  );
  const id = given(VpcEndpoint?.VpcEndpointId);
  if (VpcEndpoint?.State?.toString() === 'pendingAcceptance')
    await cloud.ec2.send(new ec2.AcceptVpcEndpointConnectionsCommand({ ServiceId: serviceId, VpcEndpointIds: [id] }));
  await cloud.clock.run(120_000);
  return id;
}
