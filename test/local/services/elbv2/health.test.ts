import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { given, launch, type TestCloud, testCloud, testLoadBalancer, testVpc } from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
let lb: Awaited<ReturnType<typeof testLoadBalancer>>;
let a: string;
let b: string;
beforeEach(async () => {
  cloud = testCloud({ delays: { targetRegistration: 5_000 } });
  vpc = await testVpc(cloud);
  lb = await testLoadBalancer(cloud, { vpc });
  [a = ''] = await launch(cloud, vpc.a1);
  [b = ''] = await launch(cloud, vpc.b1);
});

const targets = (...ids: string[]) => ({ TargetGroupArn: lb.targetGroup, Targets: ids.map((Id) => ({ Id })) });
const register = (...ids: string[]) => cloud.elb.send(new elb.RegisterTargetsCommand(targets(...ids)));
const deregister = (...ids: string[]) => cloud.elb.send(new elb.DeregisterTargetsCommand(targets(...ids)));
/** Each target has `state reason`. */
async function health(...ids: string[]): Promise<Record<string, string>> {
  const input = ids.length ? targets(...ids) : { TargetGroupArn: lb.targetGroup };
  const { TargetHealthDescriptions } = await cloud.elb.send(new elb.DescribeTargetHealthCommand(input));
  return Object.fromEntries(
    given(TargetHealthDescriptions).map(({ Target, TargetHealth }) => [
      Target?.Id,
      [TargetHealth?.State, TargetHealth?.Reason].filter(Boolean).join(' '),
    ]),
  );
}
async function nodeTargets(subnet: string) {
  await cloud.cloud.idle();
  const network = given(cloud.fake.synced.at(-1));
  const node = network.nodes.find(({ interfaceId }) =>
    network.interfaces.some(({ id, subnetId }) => id === interfaceId && subnetId === subnet),
  );
  return node?.targets.map(({ id, state }) => [id, state]);
}
const attribute = (Key: string, Value: string) =>
  cloud.elb.send(
    new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn: lb.targetGroup, Attributes: [{ Key, Value }] }),
  );

test('initial while it registers and is checked, healthy after the threshold of three', async () => {
  await register(a);
  expect(await health()).toEqual({ [a]: 'initial Elb.RegistrationInProgress' });
  await cloud.clock.run(5000);
  expect(await health()).toEqual({ [a]: 'initial Elb.InitialHealthChecking' });
  expect(await nodeTargets(vpc.a0)).toEqual([[a, 'unhealthy']]);
  await cloud.clock.run(19_999);
  expect(await health()).toEqual({ [a]: 'initial Elb.InitialHealthChecking' });
  await cloud.clock.run(1);
  expect(await health()).toEqual({ [a]: 'healthy' });
  expect(await nodeTargets(vpc.a0)).toEqual([[a, 'healthy']]);
});

test('it is the node of the zone that checks, what the group says', async () => {
  await register(a, b);
  await cloud.clock.run(5000);
  const nodes = given(cloud.fake.synced.at(-1)).nodes.map(({ id }) => id);
  expect(cloud.fake.probes.map(({ nodeId }) => nodeId)).toEqual(nodes);
  expect(cloud.fake.probes[0]?.check).toEqual({
    protocol: 'HTTPS',
    ip: '10.0.1.4',
    port: 8081,
    path: '/health-checks',
    matcher: '200-399',
    timeout: 5000,
  });
});

describe('a target that fails', () => {
  test.each(['Target.Timeout', 'Target.FailedHealthChecks', 'Target.ResponseCodeMismatch'] as const)(
    'is unhealthy after the threshold of two, by %s, and healthy again after three',
    async (reason) => {
      await register(a);
      await cloud.clock.run(30_000);
      cloud.fake.onProbe = () => ({ healthy: false, reason });
      await cloud.clock.run(10_000);
      expect(await health()).toEqual({ [a]: 'healthy' });
      await cloud.clock.run(10_000);
      expect(await health()).toEqual({ [a]: `unhealthy ${reason}` });
      expect(await nodeTargets(vpc.a0)).toEqual([[a, 'unhealthy']]);
      cloud.fake.onProbe = () => ({ healthy: true });
      await cloud.clock.run(20_000);
      expect(await health()).toEqual({ [a]: `unhealthy ${reason}` });
      await cloud.clock.run(10_000);
      expect(await health()).toEqual({ [a]: 'healthy' });
    },
  );

  test('now and then stays healthy', async () => {
    await register(a);
    await cloud.clock.run(30_000);
    let count = 0;
    cloud.fake.onProbe = () => (count++ % 2 ? { healthy: true } : { healthy: false, reason: 'Target.Timeout' });
    for (let check = 0; check < 20; check++) {
      await cloud.clock.run(10_000);
      expect(await health()).toEqual({ [a]: 'healthy' });
    }
    expect(count).toBe(20);
  });

  test('a check that could not be made counts as failed, and says why', async () => {
    cloud.fake.onProbe = () => {
      throw new Error('no such node');
    };
    await register(a);
    await cloud.clock.run(30_000);
    const { TargetHealthDescriptions } = await cloud.elb.send(
      new elb.DescribeTargetHealthCommand({ TargetGroupArn: lb.targetGroup }),
    );
    expect(TargetHealthDescriptions?.[0]?.TargetHealth).toEqual({
      State: 'unhealthy',
      Reason: 'Elb.InternalError',
      Description: 'no such node',
    });
  });
});

test('a target that is asked for but not registered', async () => {
  expect(await health(a)).toEqual({ [a]: 'unused Target.NotRegistered' });
});

describe('deregistration', () => {
  test('drains for the delay, then forgets', async () => {
    await register(a);
    await cloud.clock.run(30_000);
    await deregister(a, 'i-00000000000000000');
    expect(await health()).toEqual({ [a]: 'draining Target.DeregistrationInProgress' });
    expect(await nodeTargets(vpc.a0)).toEqual([[a, 'draining']]);
    await cloud.clock.run(100_000);
    await deregister(a);
    await cloud.clock.run(199_999);
    expect(await health()).toEqual({ [a]: 'draining Target.DeregistrationInProgress' });
    await cloud.clock.run(1);
    expect(await health()).toEqual({});
    expect(await nodeTargets(vpc.a0)).toEqual([]);
  });

  test('by the delay as it is set', async () => {
    await attribute('deregistration_delay.timeout_seconds', '0');
    await register(a);
    await deregister(a);
    await cloud.clock.run(0);
    expect(await health()).toEqual({});
  });

  test('a registration while it drains begins anew, and is not forgotten', async () => {
    await register(a);
    await cloud.clock.run(30_000);
    await deregister(a);
    await cloud.clock.run(100_000);
    await register(a);
    expect(await health()).toEqual({ [a]: 'initial Elb.RegistrationInProgress' });
    await cloud.clock.run(300_000);
    expect(await health()).toEqual({ [a]: 'healthy' });
  });
});

test('registering again is harmless: it stays healthy, and is checked as often as before', async () => {
  await register(a);
  await cloud.clock.run(30_000);
  await register(a);
  expect(await health()).toEqual({ [a]: 'healthy' });
  const before = cloud.fake.probes.length;
  await cloud.clock.run(100_000);
  expect(cloud.fake.probes.length - before).toBe(10);
});

test('a stopped instance is not deregistered: it is unused until it runs, and has to become healthy again', async () => {
  await register(a);
  await cloud.clock.run(30_000);
  await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [a] }));
  await cloud.clock.run(60_000);
  expect(await health()).toEqual({ [a]: 'unused Target.InvalidState' });
  expect(await nodeTargets(vpc.a0)).toEqual([]);
  await cloud.ec2.send(new ec2.StartInstancesCommand({ InstanceIds: [a] }));
  await cloud.clock.run(20_000);
  expect(await health()).toEqual({ [a]: 'initial Elb.InitialHealthChecking' });
  await cloud.clock.run(60_000);
  expect(await health()).toEqual({ [a]: 'healthy' });
});

test('a terminated instance lingers until it is deregistered', async () => {
  await register(a);
  await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [a] }));
  await cloud.clock.run(7_200_000);
  expect(await health()).toEqual({ [a]: 'unused Target.InvalidState' });
  await deregister(a);
  expect(await health()).toEqual({});
});

test('no listener uses the group, or the zone of the target has no node: not in use', async () => {
  const { Subnet } = await cloud.ec2.send(
    new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: '10.0.20.0/24', AvailabilityZone: 'eu-central-1c' }),
  );
  const [c = ''] = await launch(cloud, given(Subnet?.SubnetId));
  await register(a, c);
  await cloud.clock.run(30_000);
  expect(await health()).toEqual({ [a]: 'healthy', [c]: 'unused Target.NotInUse' });
  await cloud.elb.send(new elb.DeleteListenerCommand({ ListenerArn: lb.listener }));
  expect(await health()).toEqual({ [a]: 'unused Target.NotInUse', [c]: 'unused Target.NotInUse' });
});

test('a node has the targets of its zone, or with cross-zone all', async () => {
  await register(a, b);
  await cloud.clock.run(30_000);
  expect(await nodeTargets(vpc.a0)).toEqual([[a, 'healthy']]);
  expect(await nodeTargets(vpc.b0)).toEqual([[b, 'healthy']]);
  await cloud.elb.send(
    new elb.ModifyLoadBalancerAttributesCommand({
      LoadBalancerArn: lb.loadBalancer,
      Attributes: [{ Key: 'load_balancing.cross_zone.enabled', Value: 'true' }],
    }),
  );
  const both = [
    [a, 'healthy'],
    [b, 'healthy'],
  ];
  expect(await nodeTargets(vpc.a0)).toEqual(both);
  expect(await nodeTargets(vpc.b0)).toEqual(both);
});

describe('RegisterTargets refuses', () => {
  const pending = async () => {
    const { Instances } = await cloud.ec2.send(
      new ec2.RunInstancesCommand({ ImageId: 'ami', MinCount: 1, MaxCount: 1, SubnetId: vpc.a1 }),
    );
    return given(Instances?.[0]?.InstanceId);
  };
  const elsewhere = async () => {
    const { Vpc } = await cloud.ec2.send(new ec2.CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    const { Subnet } = await cloud.ec2.send(
      new ec2.CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: '10.9.0.0/24' }),
    );
    return given((await launch(cloud, given(Subnet?.SubnetId)))[0]);
  };
  test.each<[string, () => Promise<string>, string]>([
    ['an instance that is still pending', pending, 'not in a running state'],
    ['an instance that is not', async () => 'i-00000000000000000', 'do not exist'],
    ['an instance of another VPC', elsewhere, 'not in the VPC'],
  ])('%s, and the others with it', async (_what, target, message) => {
    await expect(register(a, await target())).rejects.toMatchObject({
      name: 'InvalidTargetException',
      message: expect.stringContaining(message),
    });
    expect(await health()).toEqual({});
  });

  test('another port', async () => {
    const Targets = [{ Id: a, Port: 80 }];
    const sent = cloud.elb.send(new elb.RegisterTargetsCommand({ TargetGroupArn: lb.targetGroup, Targets }));
    await expect(sent).rejects.toMatchObject({ name: 'ValidationError' });
  });
});

test('targets by address: of the VPC or of a private range', async () => {
  const { TargetGroups } = await cloud.elb.send(
    new elb.CreateTargetGroupCommand({ Name: 'ips', Protocol: 'GENEVE', Port: 6081, VpcId: vpc.vpc, TargetType: 'ip' }),
  );
  const TargetGroupArn = given(TargetGroups?.[0]?.TargetGroupArn);
  const add = (Id: string) => cloud.elb.send(new elb.RegisterTargetsCommand({ TargetGroupArn, Targets: [{ Id }] }));
  await add('192.168.3.4');
  await add('10.0.1.4');
  await expect(add('8.8.8.8')).rejects.toMatchObject({ name: 'InvalidTargetException' });
});
