import * as ec2 from '@aws-sdk/client-ec2';
import { DeregisterTargetsCommand, RegisterTargetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { expect, test } from '@jest/globals';
import { compilePattern } from '../../local/events/pattern.ts';
import { createTrail } from '../../local/events/trail.ts';
import type { CloudEvent } from '../../local/services/cloud.ts';
import { resolve, type Scope } from '../../local/stack/intrinsics.ts';
import { parseHint } from '../../shared/events.ts';
import { availableEndpoint, given, launch, testCloud, testLoadBalancer, testTable, testVpc } from '../support/cloud.ts';
import { describePackaged, packagedTemplate } from '../support/packaged.ts';

const ACCOUNT = '111122223333';
const REGION = 'eu-central-1';
type Packaging = Parameters<typeof packagedTemplate>[0];
const HUB: Packaging = { parameters: { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0' } };
const SPOKE: Packaging = {
  config: 'spoke.yml',
  parameters: {
    hubService: `com.amazonaws.vpce.${REGION}.vpce-svc-0123456789abcdef0`,
    hubHealth: `arn:aws:lambda:${REGION}:222233334444:function:ziti-glb-dev-health`,
  },
};
const GROUP = `arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:targetgroup/one/0123456789abcdef`;
const arn = (resource: string) => `arn:aws:ec2:${REGION}:${ACCOUNT}:${resource}`;

/** EventBridge delivers an event so. */
const event = (source: string, type: string, resources: string[], detail: object) => ({
  ...{ version: '0', id: '0a1b2c3d-0000-4000-8000-000000000001', account: ACCOUNT, region: REGION },
  ...{ time: '2026-01-15T10:00:00Z', 'detail-type': type, source, resources, detail },
});

// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
const stateChange = (state: string) =>
  event('aws.ec2', 'EC2 Instance State-change Notification', [arn('instance/i-0aaaaaaaaaaaaaaa1')], {
    'instance-id': 'i-0aaaaaaaaaaaaaaa1',
    state,
  });

// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html, rebalance-recommendations.html
const spot = (type: string, detail: object) =>
  event('aws.ec2', type, [arn('instance/i-0aaaaaaaaaaaaaaa1')], { 'instance-id': 'i-0aaaaaaaaaaaaaaa1', ...detail });

// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
const lifecycle = (what: 'launch' | 'terminate') =>
  event('aws.autoscaling', `EC2 Instance-${what} Lifecycle Action`, ['arn:aws:autoscaling:…:autoScalingGroup:…'], {
    LifecycleActionToken: '2222bbbb-0000-4000-8000-000000000000',
    AutoScalingGroupName: 'routers',
    LifecycleHookName: 'ziti-glb-test-launch',
    EC2InstanceId: 'i-0aaaaaaaaaaaaaaa1',
    LifecycleTransition: `autoscaling:EC2_INSTANCE_${what === 'launch' ? 'LAUNCHING' : 'TERMINATING'}`,
    Origin: 'EC2',
    Destination: 'AutoScalingGroup',
  });

// https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-monitor.html
const tagChange = (type: string, id: string, keys: string[], tags: object) =>
  event('aws.tag', 'Tag Change on Resource', [arn(`${type}/${id}`)], {
    'changed-tag-keys': keys,
    service: 'ec2',
    'resource-type': type,
    version: 4,
    'version-timestamp': '1768471560000',
    tags,
  });

// https://docs.aws.amazon.com/systems-manager/latest/userguide/monitoring-systems-manager-event-examples.html
const command = (document: string, type = 'EC2 Command Invocation Status-change Notification') =>
  event('aws.ssm', type, [arn('instance/i-0aaaaaaaaaaaaaaa1')], {
    'command-id': '6666ffff-0000-4000-8000-000000000000',
    'document-name': document,
    'instance-id': 'i-0aaaaaaaaaaaaaaa1',
    'requested-date-time': '2026-01-15T10:06:55.000Z',
    status: 'Success',
  });

// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
const ROLES = `arn:aws:sts::${ACCOUNT}:assumed-role`;
const call = (source: string, eventName: string, requestParameters: object, more: object = {}) =>
  event(`aws.${source}`, 'AWS API Call via CloudTrail', [], {
    eventVersion: '1.09',
    userIdentity: { type: 'AssumedRole', arn: `${ROLES}/Admin/alice`, accountId: ACCOUNT },
    eventTime: '2026-01-15T09:59:58Z',
    eventSource: `${source}.amazonaws.com`,
    eventName,
    awsRegion: REGION,
    requestParameters,
    responseElements: { _return: true },
    readOnly: false,
    eventType: 'AwsApiCall',
    ...more,
  });
const tagged = (id: string, key: string) => ({
  resourcesSet: { items: [{ resourceId: 'vpc-0cccccccccccccc1' }, { resourceId: id }] },
  tagSet: {
    items: [
      { key: 'Name', value: 'x' },
      { key, value: 'yes' },
    ],
  },
});
const route = { routeTableId: 'rtb-0123456789abcdef1', destinationCidrBlock: '10.20.0.0/16' };
const refusedDelete = { errorCode: 'Client.DependencyViolation', errorMessage: 'The subnet has dependencies' };

type Sample = [what: string, event: ReturnType<typeof event>, wakes: ('routers' | 'subnets')[]];
const samples: Sample[] = [
  ['an instance that runs', stateChange('running'), ['routers']],
  ['an instance that stops', stateChange('stopping'), ['routers']],
  [
    'an instance that AWS takes back',
    spot('EC2 Spot Instance Interruption Warning', { 'instance-action': 'terminate' }),
    ['routers'],
  ],
  ['an instance that AWS may take back', spot('EC2 Instance Rebalance Recommendation', {}), ['routers']],
  ['a hook that holds a launch', lifecycle('launch'), ['routers']],
  ['a hook that holds a termination', lifecycle('terminate'), ['routers']],
  ['a launch without a hook', event('aws.autoscaling', 'EC2 Instance Launch Successful', [], {}), []],
  [
    'the tag on an instance',
    tagChange('instance', 'i-0aaaaaaaaaaaaaaa1', ['ziti-glb'], { 'ziti-glb': 'router' }),
    ['routers'],
  ],
  ['the tag off an instance', tagChange('instance', 'i-0aaaaaaaaaaaaaaa1', ['ziti-glb'], {}), ['routers']],
  ['another tag on an instance', tagChange('instance', 'i-0aaaaaaaaaaaaaaa1', ['Name'], { 'ziti-glb': 'router' }), []],
  [
    'the tag on a subnet',
    tagChange('subnet', 'subnet-0bbbbbbbbbbbbbbb1', ['ziti-glb', 'Name'], { 'ziti-glb': 'default' }),
    ['subnets'],
  ],
  ['the tag off a subnet', tagChange('subnet', 'subnet-0bbbbbbbbbbbbbbb1', ['ziti-glb'], {}), ['subnets']],
  [
    'its own tag on a subnet',
    tagChange('subnet', 'subnet-0bbbbbbbbbbbbbbb1', ['ziti-glb:status'], { 'ziti-glb': 'x' }),
    [],
  ],
  ['the tag on a VPC', tagChange('vpc', 'vpc-0cccccccccccccc1', ['ziti-glb'], { 'ziti-glb': 'default' }), []],
  ['its command on an instance', command('Install'), ['routers']],
  ['its command as a whole', command('Install', 'EC2 Command Status-change Notification'), []],
  ['another command', command('AWS-RunShellScript'), []],
  ['a call that tags a subnet', call('ec2', 'CreateTags', tagged('subnet-0bbbbbbbbbbbbbbb1', 'ziti-glb')), ['subnets']],
  [
    'a call that untags a subnet',
    call('ec2', 'DeleteTags', tagged('subnet-0bbbbbbbbbbbbbbb1', 'ziti-glb')),
    ['subnets'],
  ],
  ['a call that tags an instance', call('ec2', 'CreateTags', tagged('i-0aaaaaaaaaaaaaaa1', 'ziti-glb')), ['routers']],
  ['a call that tags otherwise', call('ec2', 'CreateTags', tagged('subnet-0bbbbbbbbbbbbbbb1', 'team')), []],
  ['a call that tags an image', call('ec2', 'CreateTags', tagged('ami-0bbbbbbbbbbbbbbb1', 'ziti-glb')), []],
  [
    'a call that failed',
    call('ec2', 'CreateTags', tagged('subnet-0bbbbbbbbbbbbbbb1', 'ziti-glb'), {
      errorCode: 'Client.UnauthorizedOperation',
    }),
    [],
  ],
  ['a subnet that is made', call('ec2', 'CreateSubnet', { vpcId: 'vpc-0cccccccccccccc1' }), ['subnets']],
  [
    'a subnet that cannot be deleted',
    call('ec2', 'DeleteSubnet', { subnetId: 'subnet-0bbbbbbbbbbbbbbb1' }, refusedDelete),
    ['subnets'],
  ],
  ['a subnet that is deleted', call('ec2', 'DeleteSubnet', { subnetId: 'subnet-0bbbbbbbbbbbbbbb1' }), []],
  ['a route that somebody makes', call('ec2', 'CreateRoute', route), ['subnets']],
  ['a route that somebody replaces', call('ec2', 'ReplaceRoute', route), ['subnets']],
  ['a route that somebody deletes', call('ec2', 'DeleteRoute', route), ['subnets']],
  ['a route that could not be made', call('ec2', 'CreateRoute', route, { errorCode: 'Client.RouteAlreadyExists' }), []],
  [
    'a route of its own',
    call('ec2', 'CreateRoute', route, { userIdentity: { arn: `${ROLES}/X/ziti-glb-test-subnets` } }),
    [],
  ],
  [
    // https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    'a route that a service of AWS takes away, which has no ARN',
    call('ec2', 'DeleteRoute', route, {
      userIdentity: { type: 'AWSService', invokedBy: 'transitgateway.amazonaws.com' },
    }),
    ['subnets'],
  ],
  [
    'a route of another stack',
    call('ec2', 'CreateRoute', route, { userIdentity: { arn: `${ROLES}/X/other-test-subnets` } }),
    ['subnets'],
  ],
  [
    'another table for a subnet',
    call('ec2', 'AssociateRouteTable', { subnetId: 'subnet-0bbbbbbbbbbbbbbb1' }),
    ['subnets'],
  ],
  ['no own table for a subnet', call('ec2', 'DisassociateRouteTable', { associationId: 'rtbassoc-1' }), ['subnets']],
  ['another main table', call('ec2', 'ReplaceRouteTableAssociation', { associationId: 'rtbassoc-1' }), ['subnets']],
  ['an endpoint that is deleted', call('ec2', 'DeleteVpcEndpoints', {}), ['subnets']],
  ['an endpoint that is rejected', call('ec2', 'RejectVpcEndpointConnections', {}), ['subnets']],
  ['a read', call('ec2', 'DescribeSubnets', {}), []],
  [
    'a target that is taken out',
    call('elasticloadbalancing', 'DeregisterTargets', { targetGroupArn: GROUP }),
    ['routers'],
  ],
  ['a target of another group', call('elasticloadbalancing', 'RegisterTargets', { targetGroupArn: `${GROUP}0` }), []],
];

describePackaged('an event wakes who has to do with it', () => {
  test.each(samples)('%s', (_what, sample, wakes) => {
    const woken = patterns()
      .filter(({ matches }) => matches(sample))
      .map(({ wakes }) => wakes);
    expect(woken).toEqual(wakes);
    // A function that is woken must understand why.
    if (wakes.length > 0) expect(parseHint(sample)).toMatchObject({ at: Date.parse(sample.time) });
  });

  test.each(samples)('of a spoke, which has subnets only: %s', (_what, sample, wakes) => {
    const own = JSON.parse(JSON.stringify(sample).replaceAll('ziti-glb-test', 'ziti-glb-spoke-test'));
    const woken = patterns(SPOKE).filter(({ matches }) => matches(own));
    expect(woken.map((rule) => rule.wakes)).toEqual(wakes.filter((each) => each === 'subnets'));
  });

  test.each([
    ['a hub', HUB],
    ['a spoke', SPOKE],
  ])('of %s every rule has a sample that it matches, or a schedule', (_, packaging) => {
    const idle = patterns(packaging).filter(({ matches }) => !samples.some(([, sample]) => matches(sample)));
    expect(idle).toEqual([]);
  });

  test('the minute wakes both', () => {
    const scheduled = rules().filter(({ Properties }) => Properties.ScheduleExpression === 'rate(1 minute)');
    expect(scheduled.map(targetOf).sort()).toEqual(['routers', 'subnets']);
    expect(parseHint(event('aws.events', 'Scheduled Event', [], {}))).toMatchObject({ cause: 'the minute' });
  });
});

/** A cloud with a trail: an endpoint in subnet a0, to which a route of its table leads, and a router. */
async function trailed() {
  const told: CloudEvent[] = [];
  const who = { session: 'alice' };
  const cloud = testCloud({ middleware: [(...asked) => trail.middleware(...asked)] });
  const { clock } = cloud;
  const place = { clock, account: ACCOUNT, region: REGION };
  const trail = createTrail({
    ...place,
    put: (event) => void told.push(event),
    sessionOf: () => who.session,
    random: () => 0,
  });
  const vpc = await testVpc(cloud);
  const balanced = await testLoadBalancer(cloud, { vpc });
  const endpoint = await availableEndpoint(cloud, balanced, vpc.vpc, vpc.a0);
  const table = await testTable(cloud, vpc.vpc, vpc.a0);
  const toEndpoint = { RouteTableId: table, VpcEndpointId: endpoint };
  await cloud.ec2.send(new ec2.CreateRouteCommand({ ...toEndpoint, DestinationCidrBlock: '10.20.0.0/16' }));
  const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
  const [association] = given(RouteTables?.[0]?.Associations);
  const [router = ''] = await launch(cloud, vpc.b1);
  await clock.run(600_000);
  told.length = 0;
  return { ...cloud, ...vpc, ...balanced, table, toEndpoint, told, who, association, router };
}
type Trailed = Awaited<ReturnType<typeof trailed>>;
const as = (it: Trailed, name: string) => {
  it.who.session = name;
  return it.ec2;
};
const tag = { Key: 'ziti-glb', Value: 'default' };
const cidr = { DestinationCidrBlock: '10.30.0.0/16' };

type Done = [
  name: string,
  what: string,
  call: (it: Trailed) => Promise<unknown>,
  wakes: ('routers' | 'subnets')[],
  refusal?: string,
];
const done: Done[] = [
  [
    'CreateTags',
    'tags a subnet',
    (it) => it.ec2.send(new ec2.CreateTagsCommand({ Resources: [it.vpc, it.a0], Tags: [tag] })),
    ['subnets'],
  ],
  [
    'DeleteTags',
    'untags a subnet',
    (it) => it.ec2.send(new ec2.DeleteTagsCommand({ Resources: [it.a0], Tags: [{ Key: tag.Key }] })),
    ['subnets'],
  ],
  [
    'CreateTags',
    'tags an instance',
    (it) => it.ec2.send(new ec2.CreateTagsCommand({ Resources: [it.router], Tags: [tag] })),
    ['routers'],
  ],
  [
    'CreateTags',
    'tags both',
    (it) => it.ec2.send(new ec2.CreateTagsCommand({ Resources: [it.router, it.a0], Tags: [tag] })),
    ['routers', 'subnets'],
  ],
  [
    'CreateTags',
    'tags a VPC',
    (it) => it.ec2.send(new ec2.CreateTagsCommand({ Resources: [it.vpc], Tags: [tag] })),
    [],
  ],
  [
    'CreateTags',
    'tags otherwise',
    (it) =>
      it.ec2.send(new ec2.CreateTagsCommand({ Resources: [it.a0], Tags: [{ Key: 'ziti-glb:status', Value: 'x' }] })),
    [],
  ],
  [
    'CreateTags',
    'tags what is not there',
    (it) => it.ec2.send(new ec2.CreateTagsCommand({ Resources: [it.a0, 'subnet-00000000000000000'], Tags: [tag] })),
    [],
    'Client.InvalidSubnetID.NotFound',
  ],
  [
    'CreateSubnet',
    'makes a subnet',
    (it) =>
      it.ec2.send(
        new ec2.CreateSubnetCommand({
          VpcId: it.vpc,
          CidrBlock: '10.0.7.0/24',
          TagSpecifications: [{ ResourceType: 'subnet', Tags: [tag] }],
        }),
      ),
    ['subnets'],
  ],
  [
    'DeleteSubnet',
    'cannot delete a subnet',
    (it) => it.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: it.a0 })),
    ['subnets'],
    'Client.DependencyViolation',
  ],
  ['DeleteSubnet', 'deletes a subnet', (it) => it.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId: it.a1 })), []],
  [
    'CreateRoute',
    'makes a route',
    (it) => it.ec2.send(new ec2.CreateRouteCommand({ ...it.toEndpoint, ...cidr })),
    ['subnets'],
  ],
  [
    'CreateRoute',
    'makes it again',
    (it) => it.ec2.send(new ec2.CreateRouteCommand({ ...it.toEndpoint, DestinationCidrBlock: '10.20.0.0/16' })),
    [],
    'Client.RouteAlreadyExists',
  ],
  [
    'CreateRoute',
    'is its own function',
    (it) => as(it, 'ziti-glb-test-subnets').send(new ec2.CreateRouteCommand({ ...it.toEndpoint, ...cidr })),
    [],
  ],
  [
    'CreateRoute',
    'is another stack’s function',
    (it) => as(it, 'other-test-subnets').send(new ec2.CreateRouteCommand({ ...it.toEndpoint, ...cidr })),
    ['subnets'],
  ],
  [
    'ReplaceRoute',
    'replaces a route',
    (it) => it.ec2.send(new ec2.ReplaceRouteCommand({ ...it.toEndpoint, DestinationCidrBlock: '10.20.0.0/16' })),
    ['subnets'],
  ],
  [
    'DeleteRoute',
    'deletes a route',
    (it) => it.ec2.send(new ec2.DeleteRouteCommand({ RouteTableId: it.table, DestinationCidrBlock: '10.20.0.0/16' })),
    ['subnets'],
  ],
  [
    'AssociateRouteTable',
    'associates a table',
    (it) => it.ec2.send(new ec2.AssociateRouteTableCommand({ RouteTableId: it.table, SubnetId: it.a1 })),
    ['subnets'],
  ],
  [
    'ReplaceRouteTableAssociation',
    'replaces an association',
    (it) =>
      it.ec2.send(
        new ec2.ReplaceRouteTableAssociationCommand({
          RouteTableId: it.table,
          AssociationId: it.association?.RouteTableAssociationId,
        }),
      ),
    ['subnets'],
  ],
  [
    'DisassociateRouteTable',
    'disassociates a table',
    (it) =>
      it.ec2.send(new ec2.DisassociateRouteTableCommand({ AssociationId: it.association?.RouteTableAssociationId })),
    ['subnets'],
  ],
  [
    'RejectVpcEndpointConnections',
    'rejects an endpoint',
    (it) =>
      it.ec2.send(
        new ec2.RejectVpcEndpointConnectionsCommand({
          ServiceId: it.serviceId,
          VpcEndpointIds: [it.toEndpoint.VpcEndpointId],
        }),
      ),
    ['subnets'],
  ],
  [
    'DeleteVpcEndpoints',
    'deletes an endpoint',
    async (it) => {
      await as(it, 'ziti-glb-test-subnets').send(
        new ec2.DeleteRouteCommand({ RouteTableId: it.table, DestinationCidrBlock: '10.20.0.0/16' }),
      );
      await as(it, 'alice').send(new ec2.DeleteVpcEndpointsCommand({ VpcEndpointIds: [it.toEndpoint.VpcEndpointId] }));
    },
    ['subnets'],
  ],
  [
    'RegisterTargets',
    'registers a target',
    (it) => it.elb.send(new RegisterTargetsCommand({ TargetGroupArn: it.targetGroup, Targets: [{ Id: it.router }] })),
    ['routers'],
  ],
  [
    'DeregisterTargets',
    'deregisters a target',
    (it) => it.elb.send(new DeregisterTargetsCommand({ TargetGroupArn: it.targetGroup, Targets: [{ Id: it.router }] })),
    ['routers'],
  ],
  [
    'RegisterTargets',
    'registers one nowhere',
    (it) =>
      it.elb.send(new RegisterTargetsCommand({ TargetGroupArn: `${it.targetGroup}0`, Targets: [{ Id: it.router }] })),
    [],
    'TargetGroupNotFound',
  ],
];

describePackaged('CloudTrail’s event of a call wakes who has to do with it', () => {
  test.each(done)('%s, by who %s', async (name, _what, call, wakes, refusal = '') => {
    const it = await trailed();
    const refused = await call(it).then(
      () => false,
      () => true,
    );
    await it.clock.run(600_000);
    const last = given(it.told.at(-1));
    expect([refused, last.detail.eventName, last.detail.errorCode ?? '']).toEqual([refusal !== '', name, refusal]);
    const woken = (packaging: Packaging, event: CloudEvent) =>
      patterns(packaging, it.targetGroup)
        .filter(({ matches }) => matches(event))
        .map((rule) => rule.wakes);
    expect(woken(HUB, last)).toEqual(wakes);
    const ofSpoke = JSON.parse(JSON.stringify(last).replaceAll('ziti-glb-test', 'ziti-glb-spoke-test'));
    expect(woken(SPOKE, ofSpoke)).toEqual(wakes.filter((each) => each === 'subnets'));
    if (wakes.length > 0) expect(parseHint(last)).toMatchObject({ at: Date.parse(last.time) });
  });

  test.each([
    ['a hub', HUB],
    ['a spoke', SPOKE],
  ])('and each call is made here that a rule of %s names', (_, packaging) => {
    const named = rules(packaging).flatMap(({ Properties }) => {
      const { detail }: { detail?: { eventName?: string[] } } = Object(Properties.EventPattern);
      return detail?.eventName ?? [];
    });
    const made = new Set(done.map(([name]) => name));
    expect(named.filter((name) => !made.has(name))).toEqual([]);
  });
});

const rules = (packaging = HUB) =>
  Object.values(packagedTemplate(packaging).Resources).filter(({ Type }) => Type === 'AWS::Events::Rule');

function patterns(packaging = HUB, group = GROUP) {
  const names: Record<string, string> = { InstallDocument: 'Install', TargetGroup: group };
  const scope: Scope = { ...nothing, ref: (name) => names[name] };
  return rules(packaging)
    .filter(({ Properties }) => Properties.EventPattern !== undefined)
    .map((rule) => ({ wakes: targetOf(rule), matches: compilePattern(resolve(rule.Properties.EventPattern, scope)) }));
}

const targetOf = ({ Properties }: { Properties: Record<string, unknown> }) =>
  /"(Routers|Subnets)LambdaFunction"/.exec(JSON.stringify(Properties.Targets))?.[1]?.toLowerCase();

const nothing: Scope = {
  zones: [],
  ref: () => undefined,
  getAtt: () => undefined,
  condition: (name) => name === 'MakesLoadBalancer',
};
