import * as autoScaling from '@aws-sdk/client-auto-scaling';
import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import type { Network } from '../../../local/fabric/fabric.ts';
import { syncer } from '../../../local/services/sync.ts';
import { throttle } from '../../../local/wire/throttle.ts';
import { availableEndpoint, given, launch, testCloud, testLoadBalancer, testVpc } from '../../support/cloud.ts';

test('the network that a fabric is given: a router behind a load balancer, an endpoint, and the route to it', async () => {
  const cloud = testCloud();
  const vpc = await testVpc(cloud);
  const lb = await testLoadBalancer(cloud, { vpc });
  const [router = ''] = await launch(cloud, vpc.a0, { tags: { Name: 'router-1' } });
  await cloud.elb.send(new elb.RegisterTargetsCommand({ TargetGroupArn: lb.targetGroup, Targets: [{ Id: router }] }));
  const endpoint = await availableEndpoint(cloud, lb, vpc.vpc, vpc.a1);
  const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({}));
  const table = given(RouteTables?.[0]?.RouteTableId);
  await cloud.ec2.send(
    new ec2.CreateRouteCommand({ RouteTableId: table, DestinationCidrBlock: '10.20.0.0/16', VpcEndpointId: endpoint }),
  );
  await cloud.cloud.idle();

  const network = given(cloud.fake.synced.at(-1));
  expect(network).toEqual(cloud.cloud.network());
  const [nodeA, nodeB] = network.nodes;
  const flows = {
    stickiness: 'source_ip_dest_ip_proto_ports',
    rebalance: false,
    resetUnhealthy: false,
    resetDeregistered: false,
    tcpIdle: 350_000,
    otherIdle: 120_000,
  };
  const subnet = (id: string, cidr: string, zone: string) => ({
    id,
    vpcId: vpc.vpc,
    zone: `eu-central-1${zone}`,
    cidr,
    routeTableId: table,
  });
  expect(network).toEqual({
    vpcs: [{ id: vpc.vpc, cidrs: ['10.0.0.0/16'] }],
    subnets: [
      subnet(vpc.a0, '10.0.0.0/24', 'a'),
      subnet(vpc.a1, '10.0.1.0/24', 'a'),
      subnet(vpc.b0, '10.0.10.0/24', 'b'),
      subnet(vpc.b1, '10.0.11.0/24', 'b'),
    ],
    routeTables: [
      {
        id: table,
        vpcId: vpc.vpc,
        routes: [
          { destination: '10.0.0.0/16', target: { kind: 'local' } },
          { destination: '10.20.0.0/16', target: { kind: 'endpoint', id: endpoint } },
        ],
      },
    ],
    instances: [{ id: router, name: 'router-1', image: 'ami-router' }],
    interfaces: [
      { id: nodeA?.id, deviceIndex: 0, subnetId: vpc.a0, ip: '10.0.0.4', sourceDestCheck: false },
      { id: nodeB?.id, deviceIndex: 0, subnetId: vpc.b0, ip: '10.0.10.4', sourceDestCheck: false },
      {
        id: expect.stringMatching(/^eni-/),
        instanceId: router,
        deviceIndex: 0,
        subnetId: vpc.a0,
        ip: '10.0.0.5',
        sourceDestCheck: true,
      },
    ],
    endpoints: [{ id: endpoint, interfaceId: expect.stringMatching(/^eni-/), subnetId: vpc.a1, nodeId: nodeA?.id }],
    nodes: [
      { id: nodeA?.id, interfaceId: nodeA?.id, targets: [{ id: router, ip: '10.0.0.5', state: 'healthy' }], flows },
      { id: nodeB?.id, interfaceId: nodeB?.id, targets: [], flows },
    ],
  });
  expect(cloud.errors).toEqual([]);
});

test('reading changes nothing, and gives the fabric nothing to do', async () => {
  const cloud = testCloud();
  await testVpc(cloud);
  await cloud.cloud.idle();
  const before = cloud.fake.synced.length;
  await cloud.ec2.send(new ec2.DescribeSubnetsCommand({}));
  await cloud.cloud.idle();
  expect(cloud.fake.synced).toHaveLength(before);
});

test('two runs of the same calls are the same, events and all', async () => {
  const life = async () => {
    const cloud = testCloud();
    const vpc = await testVpc(cloud);
    await launch(cloud, vpc.a0, { count: 2 });
    await cloud.ec2.send(new ec2.CreateTagsCommand({ Resources: [vpc.a1], Tags: [{ Key: 'a', Value: 'b' }] }));
    return [cloud.events, cloud.cloud.network()];
  };
  expect(await life()).toEqual(await life());
});

test('nothing happens any more in a closed cloud', async () => {
  const cloud = testCloud();
  const vpc = await testVpc(cloud);
  await launch(cloud, vpc.a0);
  const Filters = [{ Name: 'instance-state-name', Values: ['running'] }];
  const { Reservations } = await cloud.ec2.send(new ec2.DescribeInstancesCommand({ Filters }));
  const id = given(Reservations?.[0]?.Instances?.[0]?.InstanceId);
  await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [id] }));
  await cloud.cloud.close();
  const [events, syncs] = [cloud.events.length, cloud.fake.synced.length];
  await cloud.ec2.send(new ec2.CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
  await cloud.clock.run(600_000);
  await cloud.cloud.idle();
  expect([cloud.events.length, cloud.fake.synced.length]).toEqual([events, syncs]);
});

test('with the buckets of AWS around it, the fifth endpoint in a second is refused', async () => {
  const cloud = testCloud();
  const vpc = await testVpc(cloud);
  const lb = await testLoadBalancer(cloud, { vpc });
  const throttled = testCloud({ middleware: [throttle(cloud.clock)] });
  const create = () =>
    throttled.ec2.send(
      new ec2.CreateVpcEndpointCommand({
        VpcEndpointType: 'GatewayLoadBalancer',
        VpcId: vpc.vpc,
        ServiceName: lb.serviceName,
      }),
    );
  for (let call = 0; call < 4; call++) await expect(create()).rejects.toMatchObject({ name: 'InvalidVpcID.NotFound' });
  await expect(create()).rejects.toMatchObject({
    name: 'RequestLimitExceeded',
    $metadata: { httpStatusCode: 503 },
    $retryable: undefined,
  });
});

test('an account without a group: Auto Scaling has nothing to say', async () => {
  const { autoScaling: client } = testCloud();
  const { AutoScalingInstances } = await client.send(new autoScaling.DescribeAutoScalingInstancesCommand({}));
  expect(AutoScalingInstances).toEqual([]);
  await expect(
    client.send(
      new autoScaling.CompleteLifecycleActionCommand({
        AutoScalingGroupName: 'routers',
        LifecycleHookName: 'launch',
        LifecycleActionResult: 'CONTINUE',
      }),
    ),
  ).rejects.toMatchObject({ name: 'ValidationError' });
});

describe('the syncing of a fabric', () => {
  const network = (id: string): Network => ({
    vpcs: [{ id, cidrs: [] }],
    subnets: [],
    routeTables: [],
    instances: [],
    interfaces: [],
    endpoints: [],
    nodes: [],
  });

  function setup() {
    const state = { wanted: 'a', synced: [] as string[], running: 0, most: 0, fail: false };
    const errors: unknown[] = [];
    const sync = async ({ vpcs }: Network) => {
      state.most = Math.max(state.most, ++state.running);
      await new Promise(setImmediate);
      state.running--;
      if (state.fail) throw new Error('cannot');
      state.synced.push(vpcs[0]?.id ?? '');
    };
    return {
      state,
      errors,
      ...syncer(
        { sync },
        () => network(state.wanted),
        (error) => void errors.push(error),
      ),
    };
  }

  test('many changes at once make one', async () => {
    const { state, changed, idle } = setup();
    for (const wanted of ['a', 'b', 'c']) {
      state.wanted = wanted;
      changed();
    }
    await idle();
    expect(state.synced).toEqual(['c']);
  });

  test('a change during a sync makes another after it, never beside it', async () => {
    const { state, changed, idle } = setup();
    changed();
    await Promise.resolve();
    await Promise.resolve();
    state.wanted = 'b';
    changed();
    await idle();
    expect(state.synced).toEqual(['a', 'b']);
    expect(state.most).toBe(1);
  });

  test('no difference, no sync', async () => {
    const { state, changed, idle } = setup();
    changed();
    await idle();
    changed();
    await idle();
    expect(state.synced).toEqual(['a']);
  });

  test('one that failed is reported, and made again with the next change', async () => {
    const { state, errors, changed, idle } = setup();
    state.fail = true;
    changed();
    await idle();
    expect(errors).toEqual([new Error('cannot')]);
    state.fail = false;
    changed();
    await idle();
    expect(state.synced).toEqual(['a']);
  });
});
