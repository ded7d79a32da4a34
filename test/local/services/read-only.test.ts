import { PutWarmPoolCommand, SetDesiredCapacityCommand } from '@aws-sdk/client-auto-scaling';
import {
  CreateInternetGatewayCommand,
  CreateManagedPrefixListCommand,
  CreateReplaceRootVolumeTaskCommand,
  CreateTagsCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayVpcAttachmentCommand,
} from '@aws-sdk/client-ec2';
import { RegisterTargetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { PutParameterCommand, SendCommandCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Cloud } from '../../../local/services/cloud.ts';
import { READ_ONLY } from '../../../local/services/read-only.ts';
import {
  ADMIN,
  availableEndpoint,
  given,
  launch,
  type TestCloud,
  testCloud,
  testDocument,
  testGroup,
  testLaunchTemplate,
  testLoadBalancer,
  testNatGateway,
  testVpc,
} from '../../support/cloud.ts';

const PARAMETER = '/one';

let cloud: TestCloud;
let ids: Record<string, string>;

/** The cloud has one of everything, and much of it is on its way to something else. */
beforeAll(async () => {
  cloud = testCloud();
  const vpc = await testVpc(cloud);
  const service = await testLoadBalancer(cloud, { vpc });
  await cloud.ec2.send(new CreateInternetGatewayCommand({}));
  await testNatGateway(cloud, vpc.b0);
  cloud.cloud.attach(service.serviceId);
  await availableEndpoint(cloud, service, vpc.vpc, vpc.a1);
  await testLaunchTemplate(cloud);
  await testGroup(cloud, vpc, {});
  const AutoScalingGroupName = 'routers';
  await cloud.autoScaling.send(new PutWarmPoolCommand({ AutoScalingGroupName, MinSize: 1 }));
  const [InstanceId = ''] = await launch(cloud, vpc.a0);
  await cloud.ec2.send(new CreateReplaceRootVolumeTaskCommand({ InstanceId }));
  await cloud.ec2.send(new CreateTagsCommand({ Resources: [InstanceId], Tags: [{ Key: 'app', Value: 'one' }] }));
  const Targets = [{ Id: InstanceId }];
  await cloud.elb.send(new RegisterTargetsCommand({ TargetGroupArn: service.targetGroup, Targets }));
  await testDocument(cloud, 'Empty');
  await cloud.ssm.send(new PutParameterCommand({ Name: PARAMETER, Value: 'one', Type: 'String' }));
  const AWS_SHELL = { DocumentName: 'AWS-RunShellScript', Parameters: { commands: ['true'] } };
  const { Command } = await cloud.ssm.send(new SendCommandCommand({ ...AWS_SHELL, InstanceIds: [InstanceId] }));
  await cloud.autoScaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity: 1 }));
  const { PrefixList } = await cloud.ec2.send(
    new CreateManagedPrefixListCommand({ PrefixListName: 'partners', AddressFamily: 'IPv4', MaxEntries: 5 }),
  );
  const { TransitGateway } = await cloud.ec2.send(new CreateTransitGatewayCommand({}));
  const TransitGatewayId = given(TransitGateway?.TransitGatewayId);
  const attachment = { TransitGatewayId, VpcId: vpc.vpc, SubnetIds: [vpc.b1] };
  await cloud.ec2.send(new CreateTransitGatewayVpcAttachmentCommand(attachment));
  await cloud.clock.run(20_000);
  ids = {
    AutoScalingGroupName,
    InstanceId,
    CommandId: given(Command?.CommandId),
    ListenerArn: given([...cloud.cloud.state.listeners.keys()][0]),
    LoadBalancerArn: service.loadBalancer,
    Name: 'Empty',
    PrefixListId: given(PrefixList?.PrefixListId),
    ServiceId: service.serviceId,
    TargetGroupArn: service.targetGroup,
    TransitGatewayRouteTableId: given([...cloud.cloud.state.transitGatewayTables.keys()][0]),
  };
});
afterAll(() => cloud.cloud.close());

/** An operation tells nothing without these members. */
const NEEDED: Record<string, string[]> = {
  DescribeDocument: ['Name'],
  DescribeInstanceRefreshes: ['AutoScalingGroupName'],
  DescribeLifecycleHooks: ['AutoScalingGroupName'],
  DescribeListenerAttributes: ['ListenerArn'],
  DescribeListeners: ['LoadBalancerArn'],
  DescribeLoadBalancerAttributes: ['LoadBalancerArn'],
  DescribeTargetGroupAttributes: ['TargetGroupArn'],
  DescribeTargetHealth: ['TargetGroupArn'],
  DescribeVpcEndpointServicePermissions: ['ServiceId'],
  DescribeWarmPool: ['AutoScalingGroupName'],
  GetCommandInvocation: ['CommandId', 'InstanceId'],
  GetDocument: ['Name'],
  GetManagedPrefixListEntries: ['PrefixListId'],
  SearchTransitGatewayRoutes: ['TransitGatewayRouteTableId'],
};

/** Returns what there is before and after a call. */
async function around(service: keyof Cloud['services'], operation: string, input: object) {
  const call = { service, operation, accessKeyId: '', principal: ADMIN, requestId: '' };
  const now = () => ({ state: structuredClone(cloud.cloud.state), network: cloud.cloud.network() });
  const before = now();
  await given(cloud.cloud.services[service].operations[operation], operation)(input as never, call);
  return { before, after: now() };
}

describe.each(Object.entries(READ_ONLY))('of %s', (service, operations) => {
  test.each(operations)('%s changes nothing, as it is declared', async (operation) => {
    const input = Object.fromEntries((NEEDED[operation] ?? []).map((name) => [name, ids[name]]));
    if (operation === 'GetParameter') Object.assign(input, { Name: PARAMETER });
    if (operation === 'GetParametersByPath') Object.assign(input, { Path: '/' });
    if (operation === 'SearchTransitGatewayRoutes')
      Object.assign(input, { Filters: [{ Name: 'state', Values: ['active'] }] });
    // Load balancing's tags are asked for by resource.
    if (service === 'elasticloadbalancing' && operation === 'DescribeTags')
      Object.assign(input, { ResourceArns: [ids.LoadBalancerArn] });
    const { before, after } = await around(service as keyof Cloud['services'], operation, input);
    expect(after).toEqual(before);
  });
});

test('one that changes something would be found', async () => {
  const { before, after } = await around('ec2', 'CreateVpc', { CidrBlock: '10.9.0.0/16' });
  expect(after).not.toEqual(before);
});

test('what is so in the cloud is data: it can be copied, and what is yet to come stands beside it', () => {
  const { state } = cloud.cloud;
  // Each kind has one, and so has what waits: a hook's action, a target, instances on their way up.
  for (const [name, records] of Object.entries(state)) expect([name, records.size]).not.toEqual([name, 0]);
  const members = [...state.groups.values()].flatMap((group) => [...group.members.values()]);
  expect(members.flatMap(({ actions }) => [...actions])).not.toEqual([]);
  // A record with a function in it cannot be copied.
  expect(() => structuredClone(state)).not.toThrow();
});
