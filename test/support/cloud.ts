import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { SSMClient } from '@aws-sdk/client-ssm';
import { VirtualClock } from '../../local/clock.ts';
import type { ExecOptions, ExecResult, HealthCheck, Network, ProbeResult } from '../../local/fabric/fabric.ts';
import { type CloudEvent, type CloudOptions, createCloud } from '../../local/services/cloud.ts';
import { inProcess } from '../../local/wire/in-process.ts';
import { createWire, type Middleware } from '../../local/wire/wire.ts';

export const REGION = 'eu-central-1';
export const ACCOUNT = '111122223333';
export const ADMIN = `arn:aws:iam::${ACCOUNT}:role/admin`;

/** A fabric that carries no packets, and answers probes and programs as the test says. */
export interface FakeFabric {
  synced: Network[];
  probes: { nodeId: string; check: HealthCheck }[];
  execs: { instanceId: string; argv: string[]; options: ExecOptions | undefined }[];
  onSync(network: Network): void;
  onProbe(check: HealthCheck): ProbeResult;
  onExec(instanceId: string, argv: string[], options: ExecOptions | undefined): Promise<ExecResult>;
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
        fake.synced.push(network);
        fake.onSync(network);
      },
      exec(instanceId, argv, given) {
        fake.execs.push({ instanceId, argv, options: given });
        return fake.onExec(instanceId, argv, given);
      },
      async probe(nodeId, check) {
        fake.probes.push({ nodeId, check });
        return fake.onProbe(check);
      },
      crash: async () => {},
      close: async () => {},
    },
    ...options,
  });
  const wire = createWire(cloud.services, {
    // A key of twelve digits is of that account's administrator.
    principal: (key) => (/^\d{12}$/.test(key) ? ADMIN.replace(ACCOUNT, key) : ADMIN),
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
    /** Of the administrator of another account. */
    ec2Of: (account: string) =>
      new ec2.EC2Client({ ...config, credentials: { accessKeyId: account, secretAccessKey: 'secret' } }),
    ec2: new ec2.EC2Client(config),
    elb: new elb.ElasticLoadBalancingV2Client(config),
    ssm: new SSMClient(config),
    autoScaling: new AutoScalingClient(config),
  };
}
export type TestCloud = ReturnType<typeof testCloud>;

/** Fails the test, with what was missing, rather than carry an undefined along. */
export function given<T>(value: T | undefined | null, what = 'a value'): T {
  if (value === undefined || value === null) throw new Error(`${what} is missing`);
  return value;
}

/** A VPC 10.0.0.0/16 with two subnets in each of zones a and b: 10.0.0.0/24, 10.0.1.0/24 in a, 10.0.10.0/24, 10.0.11.0/24 in b. */
export async function testVpc({ ec2: client }: Pick<TestCloud, 'ec2'>) {
  const { Vpc } = await client.send(new ec2.CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  const VpcId = given(Vpc?.VpcId);
  const subnet = async (CidrBlock: string, zone: string) => {
    const { Subnet } = await client.send(
      new ec2.CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone: `${REGION}${zone}` }),
    );
    return given(Subnet?.SubnetId);
  };
  return {
    vpc: VpcId,
    a0: await subnet('10.0.0.0/24', 'a'),
    a1: await subnet('10.0.1.0/24', 'a'),
    b0: await subnet('10.0.10.0/24', 'b'),
    b1: await subnet('10.0.11.0/24', 'b'),
  };
}

/**
 * Instances, after they have come up.
 * @param others of a second interface, and so on
 */
export async function launch(
  { ec2: client, clock }: TestCloud,
  SubnetId: string,
  { count = 1, tags = {}, others = [] as string[] } = {},
) {
  const { Instances } = await client.send(
    new ec2.RunInstancesCommand({
      ImageId: 'ami-router',
      MinCount: count,
      MaxCount: count,
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

/** A Gateway Load Balancer with a node in zones a and b, its target group and listener, and an endpoint service open to the account. */
export async function testLoadBalancer(
  cloud: TestCloud,
  {
    acceptance = true,
    interval = 10,
    vpc,
    name = '',
  }: { acceptance?: boolean; interval?: number; vpc: Awaited<ReturnType<typeof testVpc>>; name?: string },
) {
  const { LoadBalancers } = await cloud.elb.send(
    new elb.CreateLoadBalancerCommand({ Name: `gwlb${name}`, Type: 'gateway', Subnets: [vpc.a0, vpc.b0] }),
  );
  const loadBalancer = given(LoadBalancers?.[0]?.LoadBalancerArn);
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

/** An endpoint, accepted and available. */
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
