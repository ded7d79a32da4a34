import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import * as ec2 from '@aws-sdk/client-ec2';
import * as ssm from '@aws-sdk/client-ssm';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  ACCOUNT,
  given,
  launch,
  type TestCloud,
  testCloud,
  testDocument,
  testGroup,
  testLaunchTemplate,
  testLoadBalancer,
  testTable,
  testVpc,
} from '../../support/cloud.ts';

const OTHER = '222233334444';
const ROOT = `arn:aws:iam::${OTHER}:root`;
let cloud: TestCloud;
let other: ec2.EC2Client;
let hub: Awaited<ReturnType<typeof testLoadBalancer>>;
let far: Awaited<ReturnType<typeof testVpc>>;

beforeEach(async () => {
  cloud = testCloud();
  other = cloud.ec2Of(OTHER);
  hub = await testLoadBalancer(cloud, { vpc: await testVpc(cloud) });
  far = await testVpc({ ec2: other });
});

const permit = (change: Partial<ec2.ModifyVpcEndpointServicePermissionsCommandInput>) =>
  cloud.ec2.send(new ec2.ModifyVpcEndpointServicePermissionsCommand({ ServiceId: hub.serviceId, ...change }));
const services = () => other.send(new ec2.DescribeVpcEndpointServicesCommand({ ServiceNames: [hub.serviceName] }));
const create = async (SubnetId = far.a0) => {
  const { VpcEndpoint } = await other.send(
    new ec2.CreateVpcEndpointCommand({
      VpcEndpointType: 'GatewayLoadBalancer',
      VpcId: far.vpc,
      ServiceName: hub.serviceName,
      SubnetIds: [SubnetId],
    }),
  );
  return given(VpcEndpoint?.VpcEndpointId);
};
const connections = async () => {
  const Filters = [{ Name: 'service-id', Values: [hub.serviceId] }];
  const { VpcEndpointConnections = [] } = await cloud.ec2.send(
    new ec2.DescribeVpcEndpointConnectionsCommand({ Filters }),
  );
  return VpcEndpointConnections.map(({ VpcEndpointId, VpcEndpointOwner, VpcEndpointState }) => [
    VpcEndpointId,
    VpcEndpointOwner,
    String(VpcEndpointState),
  ]);
};
const stateThere = async () =>
  String((await other.send(new ec2.DescribeVpcEndpointsCommand({}))).VpcEndpoints?.[0]?.State);
const decide = (Command: typeof ec2.AcceptVpcEndpointConnectionsCommand, client: ec2.EC2Client, id: string) =>
  client.send(new Command({ ServiceId: hub.serviceId, VpcEndpointIds: [id] }));

describe('an account', () => {
  test('describes what is its own, and changes nothing of another one’s', async () => {
    const { Subnets = [], $metadata: _ } = await other.send(new ec2.DescribeSubnetsCommand({}));
    expect(Subnets.map(({ SubnetId }) => SubnetId).sort()).toEqual([far.a0, far.a1, far.b0, far.b1].sort());
    expect(new Set(Subnets.map(({ OwnerId }) => OwnerId))).toEqual(new Set([OTHER]));
    const { Vpcs = [] } = await cloud.ec2.send(new ec2.DescribeVpcsCommand({}));
    expect(Vpcs.map(({ OwnerId }) => OwnerId)).toEqual([ACCOUNT]);
    await expect(
      cloud.ec2.send(new ec2.CreateTagsCommand({ Resources: [far.a0], Tags: [{ Key: 'a', Value: 'b' }] })),
    ).rejects.toMatchObject({ name: 'InvalidSubnetID.NotFound' });
    await expect(cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: far.a0 }))).rejects.toMatchObject({
      name: 'InvalidSubnetID.NotFound',
    });
    expect((await other.send(new ec2.DescribeInstancesCommand({}))).Reservations).toEqual([]);
    expect(
      (await other.send(new ec2.DescribeVpcEndpointServiceConfigurationsCommand({}))).ServiceConfigurations,
    ).toEqual([]);
  });

  test('is told of a VPC, its subnets and tables that another one shares with it, by their owner', async () => {
    const table = await testTable({ ec2: other }, far.vpc, far.a0);
    const seen = async () => {
      const Filters = [{ Name: 'owner-id', Values: [OTHER] }];
      const { Vpcs = [] } = await cloud.ec2.send(new ec2.DescribeVpcsCommand({ Filters }));
      const { RouteTables = [] } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ Filters }));
      return [...Vpcs.map(({ VpcId }) => VpcId), ...RouteTables.map(({ RouteTableId }) => RouteTableId)];
    };
    expect(await seen()).toEqual([]);
    cloud.cloud.share(far.vpc, ACCOUNT);
    expect(await seen()).toEqual(expect.arrayContaining([far.vpc, table]));
  });

  /** https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html */
  test('calls a zone by another name than the next account, and by the same id', async () => {
    const names = async (client: ec2.EC2Client) => {
      const { AvailabilityZones = [] } = await client.send(new ec2.DescribeAvailabilityZonesCommand({}));
      return new Map(AvailabilityZones.map(({ ZoneName, ZoneId }) => [ZoneId, ZoneName]));
    };
    const [here, there] = [await names(cloud.ec2), await names(other)];
    expect([...there.keys()].sort()).toEqual([...here.keys()].sort());
    for (const [id, name] of here) expect(there.get(id)).not.toBe(name);
    const { Subnets = [] } = await other.send(new ec2.DescribeSubnetsCommand({ SubnetIds: [far.a0] }));
    expect(Subnets[0]).toMatchObject({ AvailabilityZone: 'eu-central-1a' });
    expect(there.get(Subnets[0]?.AvailabilityZoneId)).toBe('eu-central-1a');
  });

  test('has its own launch templates and Auto Scaling groups, whatever another one calls its own', async () => {
    const theirs = { ec2: other, autoScaling: cloud.autoScalingOf(OTHER) };
    const here = await testVpc(cloud);
    for (const [one, vpc] of [[cloud, here] as const, [theirs, far] as const]) {
      await testLaunchTemplate(one);
      await testGroup(one, vpc, {});
      const { LaunchTemplates = [] } = await one.ec2.send(new ec2.DescribeLaunchTemplatesCommand({}));
      const { AutoScalingGroups = [] } = await one.autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
      expect(LaunchTemplates).toHaveLength(1);
      expect(AutoScalingGroups.map(({ VPCZoneIdentifier }) => VPCZoneIdentifier)).toEqual([`${vpc.a0},${vpc.b0}`]);
    }
  });

  test('has its own agents, documents, commands and tasks, and AWS’s documents as all have', async () => {
    const theirs = { ...cloud, ec2: other, ssm: cloud.ssmOf(OTHER) };
    const told: unknown[][] = [];
    for (const one of [cloud, theirs]) {
      const [InstanceId = ''] = await launch(one, one === cloud ? (await testVpc(cloud)).b0 : far.a0);
      await testDocument(one);
      const shell = { DocumentName: 'AWS-RunShellScript', Parameters: { commands: ['true'] } };
      await one.ssm.send(new ssm.SendCommandCommand({ ...shell, InstanceIds: [InstanceId] }));
      await one.ec2.send(new ec2.CreateReplaceRootVolumeTaskCommand({ InstanceId }));
    }
    for (const one of [cloud, theirs]) {
      const { InstanceInformationList = [] } = await one.ssm.send(new ssm.DescribeInstanceInformationCommand({}));
      const { DocumentIdentifiers = [] } = await one.ssm.send(new ssm.ListDocumentsCommand({}));
      const { Commands = [] } = await one.ssm.send(new ssm.ListCommandsCommand({}));
      const { ReplaceRootVolumeTasks = [] } = await one.ec2.send(new ec2.DescribeReplaceRootVolumeTasksCommand({}));
      expect(DocumentIdentifiers.map(({ Owner }) => Owner).sort()).toEqual([one === cloud ? ACCOUNT : OTHER, 'Amazon']);
      const [agent, ...more] = InstanceInformationList.map(({ InstanceId }) => InstanceId);
      expect([more, Commands.map(({ InstanceIds }) => InstanceIds)]).toEqual([[], [[agent]]]);
      expect(ReplaceRootVolumeTasks.map(({ InstanceId }) => InstanceId)).toEqual([agent]);
      told.push([agent, Commands[0]?.CommandId]);
    }
    expect(new Set(told.flat()).size).toBe(4);
  });

  test('has its own tokens and the events of its own resources', async () => {
    await other.send(new ec2.CreateTagsCommand({ Resources: [far.a0], Tags: [{ Key: 'ziti-glb', Value: 'default' }] }));
    expect(cloud.events.map(({ account, resources }) => ({ account, resources }))).toEqual([
      { account: OTHER, resources: [`arn:aws:ec2:eu-central-1:${OTHER}:subnet/${far.a0}`] },
    ]);
  });
});

describe('an endpoint service of another account', () => {
  test('is there for who is allowed only, with its owner, its zones by the caller’s names, and no tags', async () => {
    await expect(services()).rejects.toMatchObject({ name: 'InvalidServiceName' });
    await expect(create()).rejects.toMatchObject({ name: 'InvalidServiceName' });
    await permit({ AddAllowedPrincipals: [ROOT] });
    const [detail] = given((await services()).ServiceDetails);
    expect(detail).toMatchObject({ Owner: ACCOUNT, ServiceId: hub.serviceId, Tags: [] });
    // The load balancer's zones are a and b of its own account, euc1-az2 and euc1-az3.
    expect(detail?.AvailabilityZoneIds).toEqual(['euc1-az2', 'euc1-az3']);
    expect(detail?.AvailabilityZones).toEqual(['eu-central-1c', 'eu-central-1a']);
    await permit({ RemoveAllowedPrincipals: [ROOT] });
    await expect(services()).rejects.toMatchObject({ name: 'InvalidServiceName' });
  });

  test('takes an endpoint in a zone that it serves, whatever the two accounts call that', async () => {
    await permit({ AddAllowedPrincipals: [ROOT] });
    await create(far.a0);
    await expect(create(far.b0)).rejects.toMatchObject({
      name: 'InvalidParameter',
      message: expect.stringContaining('does not support the availability zone'),
    });
  });

  test('has its connections accepted by its owner alone, who is told whose they are', async () => {
    await permit({ AddAllowedPrincipals: [ROOT] });
    const id = await create();
    expect(await connections()).toEqual([[id, OTHER, 'pendingAcceptance']]);
    expect((await other.send(new ec2.DescribeVpcEndpointConnectionsCommand({}))).VpcEndpointConnections).toEqual([]);
    expect((await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({}))).VpcEndpoints).toEqual([]);
    await expect(decide(ec2.AcceptVpcEndpointConnectionsCommand, other, id)).rejects.toMatchObject({
      name: 'InvalidVpcEndpointServiceId.NotFound',
    });
    await decide(ec2.AcceptVpcEndpointConnectionsCommand, cloud.ec2, id);
    expect(await stateThere()).toBe('pending');
    await cloud.clock.run(200_000);
    expect(await stateThere()).toBe('available');
  });

  /** https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html#accept-reject-connection-requests */
  test('cuts a connection off by rejecting it, not by taking the permission back', async () => {
    await permit({ AddAllowedPrincipals: [ROOT] });
    const id = await create();
    await decide(ec2.AcceptVpcEndpointConnectionsCommand, cloud.ec2, id);
    await cloud.clock.run(200_000);
    await permit({ RemoveAllowedPrincipals: [ROOT] });
    expect(await stateThere()).toBe('available');
    await expect(
      cloud.ec2.send(new ec2.DeleteVpcEndpointServiceConfigurationsCommand({ ServiceIds: [hub.serviceId] })),
    ).resolves.toMatchObject({ Unsuccessful: [{ Error: { Code: 'ExistingVpcEndpointConnections' } }] });
    await decide(ec2.RejectVpcEndpointConnectionsCommand as never, cloud.ec2, id);
    expect(await stateThere()).toBe('rejected');
    expect(await connections()).toEqual([[id, OTHER, 'rejected']]);
    await cloud.ec2.send(new ec2.DeleteVpcEndpointServiceConfigurationsCommand({ ServiceIds: [hub.serviceId] }));
    await expect(services()).rejects.toMatchObject({ name: 'InvalidServiceName' });
    expect(await stateThere()).toBe('rejected');
  });

  test('lets a request expire that nobody decides', async () => {
    await permit({ AddAllowedPrincipals: [ROOT] });
    await create();
    await cloud.clock.run(8 * 86_400_000);
    expect(await stateThere()).toBe('expired');
  });
});
