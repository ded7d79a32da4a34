import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  ACCOUNT,
  given,
  REGION,
  type TestCloud,
  testCloud,
  testLoadBalancer,
  testVpc,
} from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
let lb: Awaited<ReturnType<typeof testLoadBalancer>>;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
  lb = await testLoadBalancer(cloud, { vpc });
});

const balancer = (rest: Partial<elb.CreateLoadBalancerCommandInput>) =>
  cloud.elb.send(new elb.CreateLoadBalancerCommand({ Name: 'second', Type: 'gateway', Subnets: [vpc.a1], ...rest }));
const zoneC = async () => {
  const { Subnet } = await cloud.ec2.send(
    new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: '10.0.20.0/24', AvailabilityZone: `${REGION}c` }),
  );
  return given(Subnet?.SubnetId);
};
const group = (rest: Partial<elb.CreateTargetGroupCommandInput>) =>
  cloud.elb.send(
    new elb.CreateTargetGroupCommand({ Name: 'second', Protocol: 'GENEVE', Port: 6081, VpcId: vpc.vpc, ...rest }),
  );
const listener = (rest: Partial<elb.CreateListenerCommandInput>) =>
  cloud.elb.send(
    new elb.CreateListenerCommand({
      LoadBalancerArn: lb.loadBalancer,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: lb.targetGroup }],
      ...rest,
    }),
  );

test('a load balancer: provisioning, then active; a node with an interface in each zone', async () => {
  const { LoadBalancers } = await balancer({ Subnets: [vpc.a1, vpc.b1] });
  const arn = given(LoadBalancers?.[0]?.LoadBalancerArn);
  expect(arn).toMatch(
    new RegExp(`^arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:loadbalancer/gwy/second/[0-9a-f]{16}$`),
  );
  const state = async () => {
    const found = await cloud.elb.send(new elb.DescribeLoadBalancersCommand({ LoadBalancerArns: [arn] }));
    return found.LoadBalancers?.[0]?.State?.Code;
  };
  expect(await state()).toBe('provisioning');
  await cloud.clock.run(90_000);
  expect(await state()).toBe('active');
  const Description = `ELB ${arn.slice(arn.indexOf('gwy/'))}`;
  const { NetworkInterfaces } = await cloud.ec2.send(
    new ec2.DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'description', Values: [Description] }] }),
  );
  expect(NetworkInterfaces).toMatchObject([
    { InterfaceType: 'gateway_load_balancer', SubnetId: vpc.a1, RequesterManaged: true },
    { InterfaceType: 'gateway_load_balancer', SubnetId: vpc.b1, RequesterManaged: true },
  ]);
});

test('a zone more: a node there that takes packets when it is ready; those that are there stay', async () => {
  const c = await zoneC();
  const subnets = (...Subnets: string[]) =>
    cloud.elb.send(new elb.SetSubnetsCommand({ LoadBalancerArn: lb.loadBalancer, Subnets }));
  await expect(subnets(vpc.a0, c)).rejects.toMatchObject({ name: 'InvalidConfigurationRequestException' });
  await expect(subnets(vpc.a0, vpc.b0, vpc.a1)).rejects.toMatchObject({ name: 'InvalidConfigurationRequestException' });
  for (const _ of ['once', 'again'])
    expect(await subnets(vpc.a0, vpc.b0, c)).toMatchObject({
      AvailabilityZones: ['a', 'b', 'c'].map((zone) => ({ ZoneName: `${REGION}${zone}` })),
    });
  const nodes = async () => {
    await cloud.cloud.idle();
    return cloud.fake.synced.at(-1)?.nodes.length;
  };
  expect(await nodes()).toBe(2);
  await cloud.clock.run(90_000);
  expect(await nodes()).toBe(3);
});

test('creating the same load balancer again gives it again', async () => {
  const again = await balancer({ Name: 'gwlb', Subnets: [vpc.a0, vpc.b0] });
  expect(again.LoadBalancers?.[0]?.LoadBalancerArn).toBe(lb.loadBalancer);
});

describe('refusals', () => {
  const ResourceInUse = 'ResourceInUseException';
  const ValidationError = 'ValidationError';
  const Invalid = 'InvalidConfigurationRequestException';
  test.each<[string, () => Promise<unknown>, string]>([
    ['another type', () => balancer({ Type: 'network' }), Invalid],
    ['no type, which is application', () => balancer({ Type: undefined }), Invalid],
    ['security groups', () => balancer({ SecurityGroups: ['sg-1'] }), Invalid],
    ['two subnets of a zone', () => balancer({ Subnets: [vpc.a0, vpc.a1] }), Invalid],
    ['no subnet', () => balancer({ Subnets: [] }), ValidationError],
    ['an unknown subnet', () => balancer({ Subnets: ['subnet-1'] }), 'SubnetNotFoundException'],
    ['the name of another', () => balancer({ Name: 'gwlb' }), 'DuplicateLoadBalancerNameException'],
    ['a bad name', () => balancer({ Name: '-bad' }), ValidationError],
    ['a listener with a port', () => listener({ Port: 80 }), ValidationError],
    [
      'a listener to nothing',
      () => listener({ DefaultActions: [{ Type: 'redirect' }] }),
      'InvalidLoadBalancerActionException',
    ],
    ['another protocol', () => group({ Protocol: 'TCP' }), Invalid],
    ['another port', () => group({ Port: 80 }), Invalid],
    ['a group of lambdas', () => group({ TargetType: 'lambda' }), Invalid],
    ['no VPC', () => group({ VpcId: undefined }), ValidationError],
    ['a check of GENEVE', () => group({ HealthCheckProtocol: 'GENEVE' }), ValidationError],
    ['a check longer than its interval', () => group({ HealthCheckTimeoutSeconds: 20 }), ValidationError],
    ['a check a second longer than its interval', () => group({ HealthCheckTimeoutSeconds: 11 }), ValidationError],
    ['a check too often', () => group({ HealthCheckIntervalSeconds: 4 }), ValidationError],
    ['a check of the traffic port', () => group({ HealthCheckPort: 'traffic-port' }), ValidationError],
    ['a path for TCP', () => group({ HealthCheckPath: '/x' }), ValidationError],
    ['200 alone', () => group({ HealthCheckProtocol: 'HTTP', Matcher: { HttpCode: '200' } }), ValidationError],
    ['a threshold of one', () => group({ HealthyThresholdCount: 1 }), ValidationError],
    ['a name twice', () => group({ Name: 'routers' }), 'DuplicateTargetGroupNameException'],
    [
      'deleting a group in use',
      () => cloud.elb.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn: lb.targetGroup })),
      ResourceInUse,
    ],
    [
      'deleting a load balancer with a service',
      () => cloud.elb.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: lb.loadBalancer })),
      ResourceInUse,
    ],
    [
      'an unknown group',
      () => cloud.elb.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn: 'arn' })),
      'TargetGroupNotFoundException',
    ],
    [
      'an unknown load balancer',
      () => cloud.elb.send(new elb.DescribeLoadBalancersCommand({ Names: ['x'] })),
      'LoadBalancerNotFoundException',
    ],
  ])('%s', async (_what, attempt, name) => {
    await expect(attempt()).rejects.toMatchObject({ name });
    const { LoadBalancers } = await cloud.elb.send(new elb.DescribeLoadBalancersCommand({}));
    const { TargetGroups } = await cloud.elb.send(new elb.DescribeTargetGroupsCommand({}));
    expect([LoadBalancers?.length, TargetGroups?.length]).toEqual([1, 1]);
  });

  test('a group belongs to one load balancer', async () => {
    const { LoadBalancers } = await balancer({});
    const LoadBalancerArn = LoadBalancers?.[0]?.LoadBalancerArn;
    await expect(listener({ LoadBalancerArn })).rejects.toMatchObject({ name: 'TargetGroupAssociationLimitException' });
  });
});

test('what a GENEVE target group has if nothing is said', async () => {
  const { TargetGroups } = await group({});
  expect(TargetGroups?.[0]).toMatchObject({
    TargetType: 'instance',
    HealthCheckProtocol: 'TCP',
    HealthCheckPort: '80',
    HealthCheckIntervalSeconds: 10,
    HealthCheckTimeoutSeconds: 5,
    HealthyThresholdCount: 5,
    UnhealthyThresholdCount: 2,
  });
  expect(TargetGroups?.[0]).not.toHaveProperty('HealthCheckPath');
});

describe('attributes', () => {
  const modifyGroup = (attributes: Record<string, string>) =>
    cloud.elb.send(
      new elb.ModifyTargetGroupAttributesCommand({
        TargetGroupArn: lb.targetGroup,
        Attributes: Object.entries(attributes).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
  const groupAttributes = async () => {
    const { Attributes } = await cloud.elb.send(
      new elb.DescribeTargetGroupAttributesCommand({ TargetGroupArn: lb.targetGroup }),
    );
    return Object.fromEntries(Attributes?.map(({ Key, Value }) => [Key, Value]) ?? []);
  };
  const defaults = {
    'deregistration_delay.timeout_seconds': '300',
    'stickiness.enabled': 'false',
    'target_failover.on_deregistration': 'no_rebalance',
    'target_failover.on_unhealthy': 'no_rebalance',
    'send_tcp_reset.on_unhealthy.enabled': 'false',
  };

  test('of a target group, and their defaults', async () => {
    expect(await groupAttributes()).toMatchObject(defaults);
    await modifyGroup({
      'target_failover.on_deregistration': 'rebalance',
      'target_failover.on_unhealthy': 'rebalance',
      'deregistration_delay.timeout_seconds': '0',
    });
    expect(await groupAttributes()).toMatchObject({
      'target_failover.on_unhealthy': 'rebalance',
      'deregistration_delay.timeout_seconds': '0',
    });
  });

  test.each<[Record<string, string>, string]>([
    [{ 'target_failover.on_unhealthy': 'rebalance' }, 'InvalidConfigurationRequestException'],
    [{ 'deregistration_delay.timeout_seconds': '3601' }, 'ValidationError'],
    [{ 'deregistration_delay.timeout_seconds': '-1' }, 'ValidationError'],
    [{ 'stickiness.enabled': 'yes' }, 'ValidationError'],
    [{ 'stickiness.type': 'source_ip' }, 'ValidationError'],
    [{ 'deregistration_delay.timeout_seconds': '5', colour: 'red' }, 'ValidationError'],
  ])('%j is refused, and nothing is changed', async (attributes, name) => {
    await expect(modifyGroup(attributes)).rejects.toMatchObject({ name });
    expect(await groupAttributes()).toMatchObject(defaults);
  });

  test('deletion protection', async () => {
    const { LoadBalancers } = await balancer({});
    const LoadBalancerArn = given(LoadBalancers?.[0]?.LoadBalancerArn);
    const protect = (Value: string) =>
      cloud.elb.send(
        new elb.ModifyLoadBalancerAttributesCommand({
          LoadBalancerArn,
          Attributes: [{ Key: 'deletion_protection.enabled', Value }],
        }),
      );
    const remove = () => cloud.elb.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }));
    await protect('true');
    await expect(remove()).rejects.toMatchObject({ name: 'OperationNotPermittedException' });
    await protect('false');
    await remove();
    await remove();
    const { LoadBalancers: left } = await cloud.elb.send(new elb.DescribeLoadBalancersCommand({}));
    expect(left).toHaveLength(1);
  });

  test('become the flow policy of the nodes', async () => {
    const flows = async () => {
      await cloud.cloud.idle();
      return cloud.fake.synced.at(-1)?.nodes.map((node) => node.flows);
    };
    const policy = {
      stickiness: 'source_ip_dest_ip_proto_ports',
      rebalance: false,
      resetUnhealthy: false,
      resetDeregistered: false,
      tcpIdle: 350_000,
      otherIdle: 120_000,
    };
    expect(await flows()).toEqual([policy, policy]);
    await modifyGroup({ 'send_tcp_reset.on_unhealthy.enabled': 'true' });
    expect(await flows()).toEqual([policy, policy].map((one) => ({ ...one, resetUnhealthy: true })));
    await modifyGroup({ 'stickiness.enabled': 'true', 'stickiness.type': 'source_ip_dest_ip' });
    await modifyGroup({
      'target_failover.on_deregistration': 'rebalance',
      'target_failover.on_unhealthy': 'rebalance',
    });
    await cloud.elb.send(
      new elb.ModifyListenerAttributesCommand({
        ListenerArn: lb.listener,
        Attributes: [{ Key: 'tcp.idle_timeout.seconds', Value: '60' }],
      }),
    );
    // Resets are not for flows that are moved, nor for other stickiness than the default.
    const changed = { ...policy, stickiness: 'source_ip_dest_ip', rebalance: true, tcpIdle: 60_000 };
    expect(await flows()).toEqual([changed, changed]);
  });
});

test('taking it all down, in order, leaves nothing', async () => {
  await cloud.ec2.send(new ec2.DeleteVpcEndpointServiceConfigurationsCommand({ ServiceIds: [lb.serviceId] }));
  await cloud.elb.send(new elb.DeleteListenerCommand({ ListenerArn: lb.listener }));
  await cloud.elb.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn: lb.targetGroup }));
  await cloud.elb.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: lb.loadBalancer }));
  for (const SubnetId of [vpc.a0, vpc.a1, vpc.b0, vpc.b1])
    await cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId }));
  await cloud.ec2.send(new ec2.DeleteVpcCommand({ VpcId: vpc.vpc }));
  await cloud.cloud.idle();
  expect(cloud.fake.synced.at(-1)).toEqual({
    vpcs: [],
    subnets: [],
    routeTables: [],
    instances: [],
    interfaces: [],
    endpoints: [],
    nodes: [],
  });
});

test('tags, by ARN', async () => {
  const ResourceArns = [lb.targetGroup, lb.loadBalancer];
  await cloud.elb.send(new elb.AddTagsCommand({ ResourceArns, Tags: [{ Key: 'a', Value: '1' }, { Key: 'b' }] }));
  await cloud.elb.send(new elb.RemoveTagsCommand({ ResourceArns: [lb.targetGroup], TagKeys: ['a'] }));
  const { TagDescriptions } = await cloud.elb.send(new elb.DescribeTagsCommand({ ResourceArns }));
  expect(TagDescriptions).toEqual([
    { ResourceArn: lb.targetGroup, Tags: [{ Key: 'b', Value: '' }] },
    {
      ResourceArn: lb.loadBalancer,
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '' },
      ],
    },
  ]);
});

test('pages have a marker', async () => {
  for (let count = 0; count < 4; count++) await group({ Name: `group-${count}` });
  const names: string[] = [];
  for await (const page of elb.paginateDescribeTargetGroups({ client: cloud.elb }, { PageSize: 2 }))
    names.push(
      given(page.TargetGroups)
        .map(({ TargetGroupName }) => TargetGroupName)
        .join(),
    );
  expect(names).toEqual(['routers,group-0', 'group-1,group-2', 'group-3']);
});

test('an account has so many target groups and no more, as it is told', async () => {
  const cloud = testCloud();
  const { vpc } = await testVpc(cloud);
  const group = (name: string) =>
    cloud.elb.send(
      new elb.CreateTargetGroupCommand({
        Name: name,
        Protocol: 'GENEVE',
        Port: 6081,
        VpcId: vpc,
        TargetType: 'instance',
      }),
    );
  const { Limits = [] } = await cloud.elb.send(new elb.DescribeAccountLimitsCommand({}));
  const { Max } = Limits.find(({ Name }) => Name === 'geneve-target-groups') ?? {};
  for (let index = 0; index < Number(Max); index++) await group(`g-${index}`);
  await expect(group('more')).rejects.toMatchObject({ name: 'TooManyTargetGroupsException' });
});
