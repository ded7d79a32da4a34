import * as ec2Sdk from '@aws-sdk/client-ec2';
import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { SSM } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '../../../local/clock.ts';
import { noFabric } from '../../../local/fabric/none.ts';
import { createIam } from '../../../local/iam/iam.ts';
import { accessRequests } from '../../../local/iam/requests.ts';
import { authorizedResources } from '../../../local/iam/resources.ts';
import type { Role } from '../../../local/iam/role.ts';
import { createCloud } from '../../../local/services/cloud.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { createWire } from '../../../local/wire/wire.ts';

const place = { region: 'eu-central-1', account: '111122223333' };
const arn = (service: string, resource: string) => `arn:aws:${service}:${place.region}:${place.account}:${resource}`;

interface Statement {
  Effect?: 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: object;
}

/** The operator has made a VPC with a subnet; clients are of a role with these statements. */
async function world(...statements: Statement[]) {
  const clock = new VirtualClock();
  const cloud = createCloud({ clock, ...place, fabric: noFabric('a test'), emit: () => {} });
  const roles = new Map<string, Role>();
  const iam = createIam({ ...place, roles, find: authorizedResources(cloud.contextOf(place.account)) });
  const setRole = (...given: Statement[]) =>
    roles.set('worker', {
      name: 'worker',
      arn: `arn:aws:iam::${place.account}:role/worker`,
      trust: {},
      managedPolicyArns: [],
      policies: [
        {
          name: 'own',
          document: { Version: '2012-10-17', Statement: given.map((one) => ({ Effect: 'Allow', ...one })) },
        },
      ],
    });
  setRole(...statements);
  const principal = (accessKeyId: string) => roles.get(accessKeyId)?.arn ?? 'arn:aws:iam::111122223333:user/operator';
  const wire = createWire(cloud.services, { principal, middleware: [iam.middleware] });
  const client = (accessKeyId: string) => ({
    region: place.region,
    credentials: { accessKeyId, secretAccessKey: 'x' },
    requestHandler: inProcess(wire),
    maxAttempts: 1,
  });
  const operator = new EC2(client('operator'));
  const { Vpc } = await operator.createVpc({ CidrBlock: '10.0.0.0/16' });
  const { Subnet } = await operator.createSubnet({ VpcId: Vpc?.VpcId, CidrBlock: '10.0.0.0/24' });
  const { RouteTable } = await operator.createRouteTable({ VpcId: Vpc?.VpcId });
  return {
    ...{ cloud, iam, operator, setRole },
    ec2: new EC2(client('worker')),
    elb: new ElasticLoadBalancingV2(client('worker')),
    ssm: new SSM(client('worker')),
    VpcId: Vpc?.VpcId ?? '',
    SubnetId: Subnet?.SubnetId ?? '',
    RouteTableId: RouteTable?.RouteTableId ?? '',
  };
}

async function router(operator: EC2, SubnetId: string) {
  const { Instances } = await operator.runInstances({
    ...{ ImageId: 'ami-1', MinCount: 1, MaxCount: 1, SubnetId },
    TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'ziti-glb', Value: 'router' }] }],
  });
  const { InstanceId = '', NetworkInterfaces } = Instances?.[0] ?? {};
  return { InstanceId, NetworkInterfaceId: NetworkInterfaces?.[0]?.NetworkInterfaceId ?? '' };
}

const refused = (call: Promise<unknown>) =>
  call.then(
    () => 'allowed',
    (error: Error) => error.name,
  );

test('who has no role may do everything', async () => {
  const { operator, SubnetId } = await world();
  await operator.createTags({ Resources: [SubnetId], Tags: [{ Key: 'a', Value: 'b' }] });
});

describe('a refusal says role, action and resource, as each service does', () => {
  const user = 'User: arn:aws:iam::111122223333:role/worker is not authorized to perform:';
  test('EC2', async () => {
    const { ec2, RouteTableId } = await world();
    const call = ec2.deleteRoute({ RouteTableId, DestinationCidrBlock: '10.1.0.0/16' });
    await expect(call).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
      $metadata: { httpStatusCode: 403 },
      message: `You are not authorized to perform this operation. ${user} ec2:DeleteRoute on resource: ${arn('ec2', `route-table/${RouteTableId}`)} because no identity-based policy allows the ec2:DeleteRoute action`,
    });
  });
  test('Elastic Load Balancing', async () => {
    const TargetGroupArn = arn('elasticloadbalancing', 'targetgroup/one/0123456789abcdef');
    const { elb } = await world();
    const call = elb.registerTargets({ TargetGroupArn, Targets: [{ Id: 'i-0123456789abcdef0' }] });
    await expect(call).rejects.toMatchObject({
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
      message: expect.stringContaining(
        `${user} elasticloadbalancing:RegisterTargets on resource: ${TargetGroupArn} because`,
      ),
    });
  });
  test('Systems Manager', async () => {
    const { ssm } = await world();
    const call = ssm.sendCommand({ DocumentName: 'Install', InstanceIds: ['i-0123456789abcdef0'] });
    await expect(call).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining(
        `${user} ssm:SendCommand on resource: ${arn('ssm', 'document/Install')} because`,
      ),
    });
  });
});

describe('a call is allowed if every resource of it is', () => {
  const routes = (Condition: object) => ({
    Action: 'ec2:CreateRoute',
    Resource: arn('ec2', 'route-table/*'),
    Condition,
  });
  const cases: [name: string, allowed: (ids: { VpcId: string; SubnetId: string }) => Statement[], answer: string][] = [
    ['by its VPC', ({ VpcId }) => [routes({ ArnEquals: { 'ec2:Vpc': arn('ec2', `vpc/${VpcId}`) } })], 'allowed'],
    [
      'not of another VPC',
      () => [routes({ ArnEquals: { 'ec2:Vpc': arn('ec2', 'vpc/vpc-1') } })],
      'UnauthorizedOperation',
    ],
    ['by its tag', () => [routes({ StringEquals: { 'aws:ResourceTag/team': 'net' } })], 'allowed'],
    [
      'not by another tag',
      () => [routes({ StringEquals: { 'aws:ResourceTag/team': 'app' } })],
      'UnauthorizedOperation',
    ],
    ['by its tag, as EC2 calls it', () => [routes({ StringEquals: { 'ec2:ResourceTag/team': 'net' } })], 'allowed'],
    [
      'but not if something denies it',
      () => [routes({}), { Effect: 'Deny', Action: 'ec2:*', Resource: '*' }],
      'UnauthorizedOperation',
    ],
    ['not by another action', () => [{ Action: 'ec2:DeleteRoute', Resource: '*' }], 'UnauthorizedOperation'],
  ];
  test.each(cases)('a route table %s', async (_name, allowed, answer) => {
    const { ec2, operator, setRole, RouteTableId, ...ids } = await world();
    await operator.createTags({ Resources: [RouteTableId], Tags: [{ Key: 'team', Value: 'net' }] });
    const { NetworkInterfaceId } = await router(operator, ids.SubnetId);
    setRole(...allowed(ids));
    const call = ec2.createRoute({ RouteTableId, DestinationCidrBlock: '10.9.0.0/16', NetworkInterfaceId });
    expect(await refused(call)).toBe(answer);
  });

  const setting = (Condition: object) => ({
    Action: 'ec2:ModifyNetworkInterfaceAttribute',
    Resource: arn('ec2', 'network-interface/*'),
    Condition,
  });
  test.each([
    ['the attribute', { StringEquals: { 'ec2:Attribute': 'SourceDestCheck' } }, 'allowed'],
    ['another attribute', { StringEquals: { 'ec2:Attribute': 'Description' } }, 'UnauthorizedOperation'],
    ['its value', { StringEquals: { 'ec2:Attribute/SourceDestCheck': 'false' } }, 'allowed'],
    ['another value', { StringEquals: { 'ec2:Attribute/SourceDestCheck': 'true' } }, 'UnauthorizedOperation'],
  ])('an interface by %s that is set', async (_name, condition, answer) => {
    const onInstance = { Action: 'ec2:ModifyNetworkInterfaceAttribute', Resource: arn('ec2', 'instance/*') };
    const { ec2, operator, setRole, SubnetId } = await world(setting(condition), onInstance);
    const { NetworkInterfaceId } = await router(operator, SubnetId);
    const call = () => ec2.modifyNetworkInterfaceAttribute({ NetworkInterfaceId, SourceDestCheck: { Value: false } });
    expect(await refused(call())).toBe(answer);
    setRole(setting(condition));
    expect(await refused(call())).toBe('UnauthorizedOperation');
  });

  const status = (keys: string[]) => ({
    Action: ['ec2:CreateTags', 'ec2:DeleteTags'],
    Resource: arn('ec2', 'subnet/*'),
    Condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': keys } },
  });
  test('tags by their keys', async () => {
    const { ec2, SubnetId, VpcId } = await world(status(['status']));
    const tag = (Key: string, resource = SubnetId) => ({ Resources: [resource], Tags: [{ Key, Value: 'x' }] });
    expect(await refused(ec2.createTags(tag('status')))).toBe('allowed');
    expect(await refused(ec2.deleteTags(tag('status')))).toBe('allowed');
    expect(await refused(ec2.createTags(tag('Name')))).toBe('UnauthorizedOperation');
    expect(await refused(ec2.deleteTags(tag('Name')))).toBe('UnauthorizedOperation');
    expect(await refused(ec2.createTags(tag('status', VpcId)))).toBe('UnauthorizedOperation');
  });

  test('a command on its document, and on each instance by its tag', async () => {
    const instance = { Action: 'ssm:SendCommand', Resource: arn('ec2', 'instance/*') };
    const document = { Action: 'ssm:SendCommand', Resource: arn('ssm', 'document/Install') };
    const Condition = { StringEquals: { 'aws:ResourceTag/ziti-glb': 'router' } };
    const { ssm, operator, setRole, SubnetId } = await world();
    const { InstanceId } = await router(operator, SubnetId);
    const send = (DocumentName = 'Install', id = InstanceId) =>
      refused(ssm.sendCommand({ DocumentName, InstanceIds: [id] }));
    const denied = 'AccessDeniedException';

    setRole(document, { ...instance, Condition });
    // The document is not there: what IAM lets through, Systems Manager refuses.
    expect(await send()).toBe('InvalidDocument');
    expect(await send('Other')).toBe(denied);
    expect(await send('Install', 'i-0123456789abcdef0')).toBe(denied);
    setRole(document);
    expect(await send()).toBe(denied);
    // Documents have no such tag: a condition for both is a condition that the document fails.
    setRole({
      Action: 'ssm:SendCommand',
      Resource: [arn('ssm', 'document/Install'), arn('ec2', 'instance/*')],
      Condition,
    });
    expect(await send()).toBe(denied);
  });
});

describe('what a call asks for', () => {
  const service = 'com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0';
  const endpoint = { VpcId: 'vpc-1', SubnetIds: ['subnet-2'], ServiceName: service };
  const cloud = createCloud({ clock: new VirtualClock(), ...place, fabric: noFabric(''), emit: () => {} });
  const find = authorizedResources(cloud.contextOf(place.account));
  const ask = (operation: string, input: object, name = 'ec2') =>
    accessRequests({ service: name, operation }, { ...input }, find, place);
  const asked = async (...request: Parameters<typeof ask>) =>
    (await ask(...request)).map(({ action, resource }) => `${action} ${resource}`);

  test('is every resource that the action knows, what it makes, and the tagging of that', async () => {
    const Tags = [{ Key: 'ziti-glb:stack', Value: 's' }];
    const input = { ...endpoint, TagSpecifications: [{ ResourceType: 'vpc-endpoint', Tags }] };
    expect(await asked('CreateVpcEndpoint', input)).toEqual([
      `ec2:CreateVpcEndpoint ${arn('ec2', 'subnet/subnet-2')}`,
      `ec2:CreateVpcEndpoint ${arn('ec2', 'vpc/vpc-1')}`,
      `ec2:CreateVpcEndpoint ${arn('ec2', 'vpc-endpoint/*')}`,
      `ec2:CreateTags ${arn('ec2', 'vpc-endpoint/*')}`,
    ]);
    const [, , made, tagging] = await ask('CreateVpcEndpoint', input);
    expect(made?.context).toEqual({
      'aws:RequestTag/ziti-glb:stack': 's',
      'aws:TagKeys': ['ziti-glb:stack'],
      'ec2:VpceServiceName': service,
    });
    expect(tagging?.context).toEqual({
      'aws:RequestTag/ziti-glb:stack': 's',
      'aws:TagKeys': ['ziti-glb:stack'],
      'ec2:CreateAction': 'CreateVpcEndpoint',
    });
  });

  test.each<[operation: string, input: object, requests: string[]]>([
    ['DescribeSubnets', { SubnetIds: ['subnet-2'] }, ['ec2:DescribeSubnets *']],
    [
      'CreateVpcEndpoint',
      { VpcId: 'vpc-1', TagSpecifications: [] },
      [`ec2:CreateVpcEndpoint ${arn('ec2', 'vpc/vpc-1')}`, `ec2:CreateVpcEndpoint ${arn('ec2', 'vpc-endpoint/*')}`],
    ],
    // Neither the target of a route nor a tag's value is a resource that the call acts on.
    [
      'CreateRoute',
      { RouteTableId: 'rtb-3', VpcEndpointId: 'vpce-4' },
      [`ec2:CreateRoute ${arn('ec2', 'route-table/rtb-3')}`],
    ],
    [
      'CreateTags',
      { Resources: ['subnet-2', 'vpce-4'], Tags: [{ Key: 'a', Value: 'vpc-1' }] },
      [`ec2:CreateTags ${arn('ec2', 'subnet/subnet-2')}`, `ec2:CreateTags ${arn('ec2', 'vpc-endpoint/vpce-4')}`],
    ],
    [
      'AcceptVpcEndpointConnections',
      { ServiceId: 'vpce-svc-5', VpcEndpointIds: ['vpce-4'] },
      [`ec2:AcceptVpcEndpointConnections ${arn('ec2', 'vpc-endpoint-service/vpce-svc-5')}`],
    ],
  ])('is, for %s of %j, %j', async (operation, input, requests) => {
    expect(Object.keys(ec2Sdk)).toContain(`${operation}Command`);
    expect(await asked(operation, input)).toEqual(requests);
  });

  test('is an error, if it cannot be told', async () => {
    await expect(ask('CreateRouter', {})).rejects.toThrow('IAM knows no action ec2:CreateRouter');
    await expect(ask('CreateTags', { Resources: ['thing-1'] })).rejects.toThrow(
      'this request names no resource that ec2:CreateTags is about',
    );
  });
});

test('what nobody has used is told, by statement and resource', async () => {
  const groups = [arn('ec2', 'subnet/*'), arn('ec2', 'vpc/*')];
  const { ec2, iam, SubnetId } = await world(
    { Action: ['ec2:DescribeSubnets', 'ec2:DescribeVpcs'], Resource: '*' },
    { Action: 'ec2:CreateTags', Resource: groups },
  );
  const unused = () => iam.unused().map(({ statement, action, resource }) => [statement, action, resource]);
  expect(unused()).toHaveLength(4);
  await ec2.describeSubnets();
  await ec2.createTags({ Resources: [SubnetId], Tags: [{ Key: 'a', Value: 'b' }] });
  await refused(ec2.describeInstances());
  expect(unused()).toEqual([
    [1, 'ec2:DescribeVpcs', '*'],
    [2, 'ec2:CreateTags', arn('ec2', 'vpc/*')],
  ]);
  expect(iam.unused()[0]).toMatchObject({ role: 'worker', policy: 'own' });
});
