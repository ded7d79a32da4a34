import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { AWS_DELAYS } from '../../../../local/services/delays.ts';
import {
  ACCOUNT,
  availableEndpoint,
  given,
  REGION,
  type TestCloud,
  testCloud,
  testLoadBalancer,
  testVpc,
} from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
let service: Awaited<ReturnType<typeof testLoadBalancer>>;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
  service = await testLoadBalancer(cloud, { vpc });
});

const input = (rest: Partial<ec2.CreateVpcEndpointCommandInput> = {}): ec2.CreateVpcEndpointCommandInput => ({
  VpcEndpointType: 'GatewayLoadBalancer',
  VpcId: vpc.vpc,
  ServiceName: service.serviceName,
  SubnetIds: [vpc.a1],
  ...rest,
});
async function create(rest?: Partial<ec2.CreateVpcEndpointCommandInput>) {
  const { VpcEndpoint } = await cloud.ec2.send(new ec2.CreateVpcEndpointCommand(input(rest)));
  return given(VpcEndpoint);
}
/** EC2 spells states on the wire as the SDK's type does not have them: so they are strings here. */
async function stateOf(id: string): Promise<string | undefined> {
  const { VpcEndpoints } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({ VpcEndpointIds: [id] }));
  return VpcEndpoints?.[0]?.State;
}
const accept = (...VpcEndpointIds: string[]) =>
  cloud.ec2.send(new ec2.AcceptVpcEndpointConnectionsCommand({ ServiceId: service.serviceId, VpcEndpointIds }));
const reject = (...VpcEndpointIds: string[]) =>
  cloud.ec2.send(new ec2.RejectVpcEndpointConnectionsCommand({ ServiceId: service.serviceId, VpcEndpointIds }));
const remove = (...VpcEndpointIds: string[]) => cloud.ec2.send(new ec2.DeleteVpcEndpointsCommand({ VpcEndpointIds }));

test('an endpoint as it is answered, and its interface', async () => {
  const endpoint = await create({
    TagSpecifications: [{ ResourceType: 'vpc-endpoint', Tags: [{ Key: 'owner', Value: 'me' }] }],
  });
  expect(endpoint).toMatchObject({
    VpcEndpointId: expect.stringMatching(/^vpce-0[0-9a-f]{16}$/),
    VpcEndpointType: 'GatewayLoadBalancer',
    State: 'pendingAcceptance',
    SubnetIds: [vpc.a1],
    RequesterManaged: false,
    CreationTimestamp: new Date(cloud.clock.now()),
    OwnerId: ACCOUNT,
    Tags: [{ Key: 'owner', Value: 'me' }],
  });
  const NetworkInterfaceIds = given(endpoint.NetworkInterfaceIds);
  const { NetworkInterfaces } = await cloud.ec2.send(new ec2.DescribeNetworkInterfacesCommand({ NetworkInterfaceIds }));
  expect(NetworkInterfaces).toMatchObject([
    {
      InterfaceType: 'gateway_load_balancer_endpoint',
      Description: `VPC Endpoint Interface ${endpoint.VpcEndpointId}`,
      RequesterManaged: true,
      SubnetId: vpc.a1,
    },
  ]);
  const NetworkInterfaceId = given(NetworkInterfaceIds[0]);
  await expect(
    cloud.ec2.send(
      new ec2.ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId, SourceDestCheck: { Value: true } }),
    ),
  ).rejects.toMatchObject({ name: 'OperationNotPermitted' });
});

describe('states', () => {
  test('pendingAcceptance, then pending, then available: and only then the fabric has it', async () => {
    const { VpcEndpointId: id = '' } = await create();
    await cloud.clock.run(600_000);
    expect(await stateOf(id)).toBe('pendingAcceptance');
    expect(await accept(id)).toMatchObject({ Unsuccessful: [] });
    expect(await stateOf(id)).toBe('pending');
    await cloud.clock.run(119_999);
    expect(await stateOf(id)).toBe('pending');
    expect(cloud.fake.synced.at(-1)?.endpoints).toEqual([]);
    await cloud.clock.run(1);
    expect(await stateOf(id)).toBe('available');
    await cloud.cloud.idle();
    const node = cloud.fake.synced.at(-1)?.interfaces.find(({ subnetId }) => subnetId === vpc.a0);
    expect(cloud.fake.synced.at(-1)?.endpoints).toEqual([
      { id, interfaceId: expect.stringMatching(/^eni-/), subnetId: vpc.a1, nodeId: node?.id },
    ]);
  });

  test('no acceptance required: pending at once', async () => {
    cloud = testCloud();
    vpc = await testVpc(cloud);
    service = await testLoadBalancer(cloud, { vpc, acceptance: false });
    const { VpcEndpointId: id = '' } = await create();
    expect(await stateOf(id)).toBe('pending');
    await cloud.clock.run(120_000);
    expect(await stateOf(id)).toBe('available');
  });

  test('accepted by nobody for a week: expired, and taken by nobody any more', async () => {
    const { VpcEndpointId: id = '' } = await create();
    const { VpcEndpointId: accepted = '' } = await create();
    await accept(accepted);
    await cloud.clock.run(7 * 24 * 3_600_000);
    expect([await stateOf(id), await stateOf(accepted)]).toEqual(['expired', 'available']);
    expect((await accept(id)).Unsuccessful).toMatchObject([{ ResourceId: id, Error: { Code: 'InvalidState' } }]);
  });

  test('rejected while it was becoming available: it does not', async () => {
    const { VpcEndpointId: id = '' } = await create();
    await accept(id);
    expect(await reject(id)).toMatchObject({ Unsuccessful: [] });
    await cloud.clock.run(600_000);
    expect(await stateOf(id)).toBe('rejected');
  });

  test('deleting, then deleted but still listed, then forgotten', async () => {
    const { VpcEndpointId: id = '' } = await create();
    await remove(id);
    expect(await stateOf(id)).toBe('deleting');
    expect(await remove(id)).toMatchObject({ Unsuccessful: [] });
    await cloud.clock.run(60_000);
    expect(await stateOf(id)).toBe('deleted');
    expect(await remove(id)).toMatchObject({
      Unsuccessful: [{ ResourceId: id, Error: { Code: 'InvalidVpcEndpointId.NotFound' } }],
    });
    await cloud.clock.run(300_000);
    await expect(stateOf(id)).rejects.toMatchObject({ name: 'InvalidVpcEndpointId.NotFound' });
  });

  test('deleted while it was becoming available: it does not', async () => {
    const { VpcEndpointId: id = '' } = await create();
    await accept(id);
    await remove(id);
    await cloud.clock.run(120_000);
    expect(await stateOf(id)).toBe('deleted');
  });
});

test('a zone that the load balancer gets later is the service’s when it is asked to look, and the zone is ready', async () => {
  const { Subnet } = await cloud.ec2.send(
    new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: '10.0.20.0/24', AvailabilityZone: `${REGION}c` }),
  );
  const SubnetIds = [given(Subnet?.SubnetId)];
  await cloud.elb.send(
    new elb.SetSubnetsCommand({ LoadBalancerArn: service.loadBalancer, Subnets: [vpc.a0, vpc.b0, ...SubnetIds] }),
  );
  const zones = async () => {
    const { ServiceConfigurations } = await cloud.ec2.send(new ec2.DescribeVpcEndpointServiceConfigurationsCommand({}));
    return ServiceConfigurations?.[0]?.AvailabilityZones?.map((zone) => zone.slice(-1)).join('');
  };
  const modify = () =>
    cloud.ec2.send(new ec2.ModifyVpcEndpointServiceConfigurationCommand({ ServiceId: service.serviceId }));
  const refused = { name: 'InvalidParameter', message: expect.stringContaining('availability zone') };
  await modify();
  expect(await zones()).toBe('ab');
  await cloud.clock.run(90_000);
  expect(await zones()).toBe('ab');
  await expect(create({ SubnetIds })).rejects.toMatchObject(refused);
  await modify();
  await modify();
  expect(await zones()).toBe('abc');
  await create({ SubnetIds });
});

test('one endpoint of a service in a zone of a VPC, where that is the rule', async () => {
  await create();
  await create({ SubnetIds: [vpc.a0] });
  cloud = testCloud({ endpointPerZone: true });
  vpc = await testVpc(cloud);
  service = await testLoadBalancer(cloud, { vpc });
  const { VpcEndpointId: id = '' } = await create();
  await expect(create({ SubnetIds: [vpc.a0] })).rejects.toMatchObject({ name: 'InvalidParameter' });
  await create({ SubnetIds: [vpc.b0] });
  await remove(id);
  await cloud.clock.run(60_000);
  await create({ SubnetIds: [vpc.a0] });
});

test('what a list call could not do is in an answer that is a success', async () => {
  const { VpcEndpointId: good = '' } = await create();
  const { VpcEndpointId: available = '' } = await create({ SubnetIds: [vpc.b1] });
  await accept(available);
  const unknown = 'vpce-00000000000000000';
  const { Unsuccessful } = await accept(unknown, good, available, 'x');
  expect(Unsuccessful?.map((item) => [item.ResourceId, item.Error?.Code])).toEqual([
    [unknown, 'InvalidVpcEndpointId.NotFound'],
    [available, 'InvalidState'],
    ['x', 'InvalidVpcEndpointId.Malformed'],
  ]);
  expect(await stateOf(good)).toBe('pending');
});

test('an endpoint that a route points at cannot be deleted', async () => {
  const id = await availableEndpoint(cloud, service, vpc.vpc, vpc.a1);
  const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({}));
  const route = { RouteTableId: given(RouteTables?.[0]?.RouteTableId), DestinationCidrBlock: '10.20.0.0/16' };
  await cloud.ec2.send(new ec2.CreateRouteCommand({ ...route, VpcEndpointId: id }));
  expect((await remove(id)).Unsuccessful).toEqual([
    {
      ResourceId: id,
      Error: { Code: 'InvalidParameter', Message: 'Endpoint must be removed from route table before deletion' },
    },
  ]);
  expect(await stateOf(id)).toBe('available');
  await cloud.ec2.send(new ec2.DeleteRouteCommand(route));
  expect((await remove(id)).Unsuccessful).toEqual([]);
});

test('of a load balancer that does not forward yet, an endpoint fails, and another one after that does not', async () => {
  const arn = { LoadBalancerArn: service.loadBalancer };
  const { Listeners } = await cloud.elb.send(new elb.DescribeListenersCommand(arn));
  await cloud.elb.send(new elb.DeleteListenerCommand({ ListenerArn: Listeners?.[0]?.ListenerArn }));
  const failed = given((await create()).VpcEndpointId);
  await accept(failed);
  await cloud.clock.run(AWS_DELAYS.endpointAvailable);
  const { VpcEndpoints } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({ VpcEndpointIds: [failed] }));
  expect(VpcEndpoints).toMatchObject([{ State: 'failed', LastError: { Code: expect.any(String) } }]);
  const DefaultActions = Listeners?.[0]?.DefaultActions;
  await cloud.elb.send(new elb.CreateListenerCommand({ ...arn, DefaultActions }));
  const other = given((await create()).VpcEndpointId);
  await accept(other);
  await cloud.clock.run(AWS_DELAYS.endpointAvailable);
  expect([await stateOf(failed), await stateOf(other)]).toEqual(['failed', 'available']);
});

describe('a client token', () => {
  test('with the same parameters: the same endpoint, as it is by now', async () => {
    const first = await create({ ClientToken: 'one' });
    await accept(given(first.VpcEndpointId));
    const second = await create({ ClientToken: 'one' });
    expect(second).toMatchObject({ VpcEndpointId: first.VpcEndpointId, State: 'pending' });
  });

  test('of more than 64 characters', async () => {
    await create({ ClientToken: 'x'.repeat(64) });
    await expect(create({ ClientToken: 'x'.repeat(65) })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('with other parameters', async () => {
    await create({ ClientToken: 'one' });
    await expect(create({ ClientToken: 'one', SubnetIds: [vpc.b1] })).rejects.toMatchObject({
      name: 'IdempotentParameterMismatch',
    });
  });

  test('of an endpoint that is gone: still that one, so a new one needs a new token', async () => {
    const first = await create({ ClientToken: 'one' });
    await remove(given(first.VpcEndpointId));
    await cloud.clock.run(600_000);
    expect(await create({ ClientToken: 'one' })).toMatchObject({
      VpcEndpointId: first.VpcEndpointId,
      State: 'deleted',
    });
    expect((await create({ ClientToken: 'two' })).VpcEndpointId).not.toBe(first.VpcEndpointId);
  });

  test('none: a second endpoint', async () => {
    expect((await create()).VpcEndpointId).not.toBe((await create()).VpcEndpointId);
  });

  test('a refused call does not use it up', async () => {
    await expect(create({ ClientToken: 'one', SubnetIds: [] })).rejects.toMatchObject({ name: 'InvalidParameter' });
    await create({ ClientToken: 'one' });
  });
});

describe('CreateVpcEndpoint refuses', () => {
  const unknownService = 'com.amazonaws.vpce.eu-central-1.vpce-svc-00000000000000000';
  test.each<[string, () => Partial<ec2.CreateVpcEndpointCommandInput>, string, string]>([
    [
      'no type, which is Gateway',
      () => ({ VpcEndpointType: undefined }),
      'InvalidParameter',
      'Subnet IDs are only supported',
    ],
    [
      'another type',
      () => ({ VpcEndpointType: 'Interface' }),
      'InvalidParameter',
      'does not match available service types',
    ],
    ['no subnet', () => ({ SubnetIds: [] }), 'InvalidParameter', 'exactly one subnet'],
    ['two subnets', () => ({ SubnetIds: [vpc.a1, vpc.b1] }), 'InvalidParameter', 'exactly one subnet'],
    ['an unknown subnet', () => ({ SubnetIds: ['subnet-00000000000000000'] }), 'InvalidSubnetID.NotFound', ''],
    ['an unknown VPC', () => ({ VpcId: 'vpc-00000000000000000' }), 'InvalidVpcID.NotFound', ''],
    ['an unknown service', () => ({ ServiceName: unknownService }), 'InvalidServiceName', unknownService],
    ['a policy', () => ({ PolicyDocument: '{}' }), 'InvalidParameter', 'PolicyDocument'],
    ['security groups', () => ({ SecurityGroupIds: ['sg-1'] }), 'InvalidParameter', 'SecurityGroupIds'],
  ])('%s', async (_what, rest, name, message) => {
    await expect(create(rest())).rejects.toMatchObject({ name, message: expect.stringContaining(message) });
    expect((await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({}))).VpcEndpoints).toEqual([]);
  });

  test('a zone without a node', async () => {
    const { Subnet } = await cloud.ec2.send(
      new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: '10.0.20.0/24', AvailabilityZone: 'eu-central-1c' }),
    );
    const subnet = given(Subnet?.SubnetId);
    await expect(create({ SubnetIds: [subnet] })).rejects.toMatchObject({
      name: 'InvalidParameter',
      message: `The VPC endpoint service ${service.serviceName} does not support the availability zone of the subnet: ${subnet}.`,
    });
  });

  test('the fifty-first of a VPC', async () => {
    for (let count = 0; count < 50; count++) await create();
    await expect(create()).rejects.toMatchObject({ name: 'VpcEndpointLimitExceeded' });
  });

  test('no other because of endpoints that have a quota of their own', async () => {
    const Arn = 'arn:aws:vpc-lattice:eu-central-1:111122223333:servicenetwork/sn-1';
    const network = { VpcEndpointType: 'ServiceNetwork' as const, ServiceName: undefined, ServiceNetworkArn: Arn };
    for (let count = 0; count < 50; count++) await create(network);
    await expect(create(network)).rejects.toMatchObject({ name: 'VpcEndpointLimitExceeded' });
    await create();
    for (const VpcEndpointType of ['Resource', 'Tunnel'] as const)
      await create({
        VpcEndpointType,
        ServiceName: undefined,
        ResourceConfigurationArn: 'arn:aws:vpc-lattice:eu-central-1:111122223333:resourceconfiguration/rcfg-1',
      });
  });
});

test('the provider sees connections, with neither VPC nor subnet', async () => {
  const { VpcEndpointId: id = '' } = await create();
  const connections = async (Name: string, ...Values: string[]) => {
    const { VpcEndpointConnections } = await cloud.ec2.send(
      new ec2.DescribeVpcEndpointConnectionsCommand({ Filters: [{ Name, Values }] }),
    );
    return given(VpcEndpointConnections);
  };
  const [connection] = await connections('service-id', service.serviceId);
  expect(connection).toMatchObject({
    ServiceId: service.serviceId,
    VpcEndpointId: id,
    VpcEndpointOwner: ACCOUNT,
    VpcEndpointState: 'pendingAcceptance',
    GatewayLoadBalancerArns: [service.loadBalancer],
  });
  expect(connection).not.toHaveProperty('SubnetIds');
  expect(await connections('vpc-endpoint-state', 'available')).toEqual([]);
  expect(await connections('vpc-endpoint-state', 'pendingAcceptance')).toHaveLength(1);
});

describe('the service', () => {
  const details = async () =>
    (await cloud.ec2.send(new ec2.DescribeVpcEndpointServicesCommand({ ServiceNames: [service.serviceName] })))
      .ServiceDetails;
  const permit = (change: Partial<ec2.ModifyVpcEndpointServicePermissionsCommandInput>) =>
    cloud.ec2.send(new ec2.ModifyVpcEndpointServicePermissionsCommand({ ServiceId: service.serviceId, ...change }));

  test('is named after its id, and has the zones of its nodes', async () => {
    expect(service.serviceName).toBe(`com.amazonaws.vpce.eu-central-1.${service.serviceId}`);
    expect(await details()).toMatchObject([
      { AvailabilityZones: ['eu-central-1a', 'eu-central-1b'], AcceptanceRequired: true, Owner: ACCOUNT },
    ]);
  });

  test.each([
    ['*', true],
    [`arn:aws:iam::${ACCOUNT}:root`, true],
    [`arn:aws:iam::${ACCOUNT}:role/admin`, true],
    [`arn:aws:iam::${ACCOUNT}:role/other`, false],
    ['arn:aws:iam::999999999999:root', false],
  ])('is seen and used by who is allowed: %s %s', async (principal, allowed) => {
    await permit({ RemoveAllowedPrincipals: [`arn:aws:iam::${ACCOUNT}:root`] });
    const hidden = { name: 'InvalidServiceName' };
    await expect(details()).rejects.toMatchObject(hidden);
    await expect(create()).rejects.toMatchObject(hidden);
    await permit({ AddAllowedPrincipals: [principal] });
    if (allowed) {
      expect(await details()).toHaveLength(1);
      await create();
    } else await expect(create()).rejects.toMatchObject(hidden);
  });

  test('an ARN with a path is not a principal', async () => {
    const AddAllowedPrincipals = [`arn:aws:iam::${ACCOUNT}:role/path/admin`];
    await expect(permit({ AddAllowedPrincipals })).rejects.toMatchObject({ name: 'InvalidPrincipal' });
  });

  test('taking a permission back does not cut who is connected', async () => {
    const id = await availableEndpoint(cloud, service, vpc.vpc, vpc.a1);
    await permit({ RemoveAllowedPrincipals: [`arn:aws:iam::${ACCOUNT}:root`] });
    expect(await stateOf(id)).toBe('available');
  });

  test('stays while endpoints are connected to it', async () => {
    const drop = () =>
      cloud.ec2.send(new ec2.DeleteVpcEndpointServiceConfigurationsCommand({ ServiceIds: [service.serviceId] }));
    const { VpcEndpointId: id = '' } = await create();
    expect((await drop()).Unsuccessful).toMatchObject([
      { ResourceId: service.serviceId, Error: { Code: 'ExistingVpcEndpointConnections' } },
    ]);
    await reject(id);
    expect((await drop()).Unsuccessful).toEqual([]);
    expect((await drop()).Unsuccessful).toMatchObject([{ Error: { Code: 'InvalidVpcEndpointServiceId.NotFound' } }]);
  });
});
