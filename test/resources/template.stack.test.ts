import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { holds, resolve, type Scope } from '../../local/stack/intrinsics.ts';
import { parseTemplate, type Template } from '../../local/stack/template.ts';
import { packages } from '../../resources/diverter.js';
import { healthCheck } from '../../resources/parameters.js';
import { METRICS } from '../../shared/metrics.ts';
import { describePackaged, packaged, packagedTemplate } from '../support/packaged.ts';
import { flaws } from '../support/resource-schemas.ts';

const vpcId = 'vpc-0123456789abcdef0';
const subnetIds = 'subnet-0123456789abcdef0,subnet-0123456789abcdef1';
const taken = {
  loadBalancerArn: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/gwy/one/0123456789abcdef',
  targetGroupArn: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/one/0123456789abcdef',
  serviceId: 'vpce-svc-0123456789abcdef0',
};

describePackaged('a packaged template', () => {
  const bucketTemplate = (parameters: Record<string, string>) =>
    parseTemplate(readFileSync(`${packaged({ parameters })}/cloudformation-template-create-stack.json`, 'utf8'));
  const all = () => packagedTemplate({ parameters: { vpcId, subnetIds } });

  test.each<[name: string, parameters: Record<string, string>]>([
    ['as it is by default', { subnetIds }],
    [
      'with everything chosen',
      { subnetIds, failover: 'rebalance', autoScalingGroup: 'routers', alarmEmail: 'a@b.example' },
    ],
    ['over a load balancer that is there', { ...taken }],
  ])('is what CloudFormation takes, %s', (_name, parameters) => {
    const given = { vpcId, ...parameters };
    expect(flaws(bucketTemplate(given))).toEqual([]);
    const template = packagedTemplate({ parameters: given });
    expect(flaws(template)).toEqual([]);
    // A name that is not resolved would be deployed as it stands.
    expect(JSON.stringify(template)).not.toMatch(/\$\{(param|self|sls|file|opt|env):/);
  });

  test.each<[name: string, parameters: Record<string, string>]>([
    ['by default', { subnetIds }],
    ['over a load balancer that is there', { ...taken, autoScalingGroup: 'routers', alarmEmail: 'a@b.example' }],
  ])('has nothing left to decide, and no empty text where CloudFormation wants one, %s', (_name, parameters) => {
    const { Conditions, Resources } = packagedTemplate({ parameters: { vpcId, ...parameters } });
    expect(Conditions).toEqual({});
    const empty = Object.entries(Resources).flatMap(([name, { Properties }]) =>
      [...textsOf(Properties, name)].filter(([, text]) => text === '').map(([path]) => path),
    );
    expect(JSON.stringify(Resources)).not.toContain('Fn::If');
    // A function's variable may be empty, and so may what is put between the parts of an ARN.
    expect(empty.filter((path) => !/\.Environment\.Variables\.|\.Fn::Join\.0$/.test(path))).toEqual([]);
  });

  test('names no account, region or partition', () => {
    const fixed = JSON.stringify(all()).match(/arn:aws[^"]*|\b(us|eu|ap)-(east|west|central)-\d[^"]*/g);
    // The zip files' keys have the time, not the place.
    expect(fixed).toBeNull();
  });

  test.each(['us-gov-west-1', 'cn-north-1'])('is the same one in %s', (region) => {
    // The keys of what is uploaded have the time of the packaging.
    const timeless = (template: Template) => JSON.stringify(template).replace(/\d{13}-[\d-]+T[\d:.]+Z/g, 'T');
    const there = packagedTemplate({ region, parameters: { vpcId, subnetIds } });
    expect(timeless(there)).toBe(timeless(all()));
  });

  describe('has a document that installs', () => {
    const HASH = '0123456789abcdef'.repeat(4);
    const parameters = () => {
      const { Url, Sha256 } = JSON.parse(JSON.stringify(all().Resources.InstallDocument?.Properties)).Content
        .parameters;
      const url: string = Url.allowedPattern['Fn::Sub'];
      const placed = url
        .replaceAll(/\$\{ServerlessDeploymentBucket\}/g, 'bucket-1')
        .replaceAll(/\$\{AWS::Region\}/g, 'eu-west-1');
      return { url: new RegExp(placed), sha256: new RegExp(Sha256.allowedPattern) };
    };
    const key = `serverless/ziti-glb/test/diverter/${HASH}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F1&x-id=GetObject`;

    test.each([
      'bucket-1.s3.eu-west-1.amazonaws.com',
      'bucket-1.s3.amazonaws.com',
      'bucket-1.s3.dualstack.eu-west-1.amazonaws.com',
      'bucket-1.s3-fips.dualstack.eu-west-1.amazonaws.com',
      'bucket-1.s3.eu-west-1.amazonaws.com.cn',
      'bucket-1.s3.eu-west-1.amazonaws.eu',
    ])("from the stack's bucket at %s", (host) => {
      expect(`https://${host}/${key}`).toMatch(parameters().url);
      expect(`http://${host}/${key}`).not.toMatch(parameters().url);
    });

    test("from the local cloud's, or from nowhere", () => {
      expect(`http://169.254.0.80/bucket-1/${key}`).toMatch(parameters().url);
      expect('').toMatch(parameters().url);
    });

    test.each([
      `https://bucket-2.s3.eu-west-1.amazonaws.com/${key}`,
      `https://x-bucket-1.s3.eu-west-1.amazonaws.com/${key}`,
      `https://bucket-1.s3.us-east-1.amazonaws.com/${key}`,
      `https://bucket-1.s3.eu-west-1.amazonaws.com.example/${key}`,
      `https://bucket-1.s3.eu-west-1.amazonaws-com.cn/${key}`,
      `https://bucket-1.s3.eu-west-1.amazonaws.eu.cn/${key}`,
      `https://bucket-1.s3.eu-west-1.amazonaws.com:8443/${key}`,
      `https://bucket-1.s3.eu-west-1.amazonaws.com/${HASH}?x`,
      `https://bucket-1.s3.eu-west-1.amazonaws.com/${key.replace('/diverter/', '/diverter/../')}`,
      `https://s3.eu-west-1.amazonaws.com/bucket-1/${key}`,
      `http://169.254.0.80/bucket-2/${key}`,
      `http://169.254.0.81/bucket-1/${key}`,
      `https://bucket-1.s3.eu-west-1.amazonaws.com/${key}'; id; '`,
    ])('nothing from %s', (url) => {
      expect(url).not.toMatch(parameters().url);
    });

    test('nothing but the packages that were deployed', () => {
      const { sha256 } = parameters();
      const built = packages();
      expect(built.length).toBeGreaterThan(0);
      for (const one of built) {
        expect(one.sha256).toMatch(sha256);
        expect(`${one.sha256}0`).not.toMatch(sha256);
      }
      expect('').toMatch(sha256);
      expect(HASH).not.toMatch(sha256);
    });
  });

  test('takes for healthy what AWS lets a Gateway Load Balancer take for it', () => {
    const [group] = ofType(all(), 'AWS::ElasticLoadBalancingV2::TargetGroup');
    expect(group?.Properties).toMatchObject({ Protocol: 'GENEVE', Matcher: { HttpCode: '200-399' } });
  });

  test('keeps what it uploads private, encrypted, and behind TLS', () => {
    const { Resources } = bucketTemplate({ vpcId, subnetIds });
    expect(Resources.ServerlessDeploymentBucket?.Properties).toMatchObject({
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: expect.anything() }] },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    expect(Resources.ServerlessDeploymentBucketPolicy?.Properties).toMatchObject({
      PolicyDocument: {
        Statement: [
          { Effect: 'Deny', Principal: '*', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': false } } },
        ],
      },
    });
  });

  test('loses no event: every rule tries again, and has a queue for what it gives up', () => {
    const rules = ofType(all(), 'AWS::Events::Rule');
    expect(rules.length).toBeGreaterThan(8);
    for (const { Properties } of rules)
      expect(Properties.Targets).toMatchObject([
        {
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['UndeliveredEvents', 'Arn'] } },
          RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 185 },
        },
      ]);
    for (const { Properties } of ofType(all(), 'AWS::Lambda::EventInvokeConfig'))
      expect(Properties).toMatchObject({
        DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['FailedEvents', 'Arn'] } } },
      });
  });

  test('tells of every alarm, and of its end, in one place', () => {
    const alarms = ofType(all(), 'AWS::CloudWatch::Alarm');
    expect(alarms.length).toBeGreaterThan(5);
    const topic = [{ Ref: 'AlarmTopic' }];
    for (const { Properties } of alarms) expect(Properties).toMatchObject({ AlarmActions: topic, OKActions: topic });
  });

  // https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/cloudwatch-metrics.html, where the load balancer's name is
  // `gateway/NAME/ID`, and its ARN ends with `gwy/NAME/ID`.
  test('asks AWS for metrics by either name of the load balancer, and rests no alarm on one of them', () => {
    const template = (reply: string) => packagedTemplate({ parameters: { vpcId, ...taken, reply } });
    const ofBalancer = (reply: string) =>
      Object.entries(template(reply).Resources).filter(
        ([, { Type, Properties }]) => Type.endsWith('::Alarm') && JSON.stringify(Properties).includes('AWS/GatewayELB'),
      );
    expect(ofBalancer('direct')).toEqual([]);
    const verdicts = ofBalancer('geneve').map(([, { Properties }]) => {
      const asked = z.array(
        z.object({ MetricStat: z.object({ Metric: z.record(z.string(), z.unknown()) }).optional() }),
      );
      const metrics = asked
        .parse(Properties.Metrics)
        .flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric] : []));
      const names = metrics.map(({ Dimensions }) => resolve(Dimensions, scope));
      expect(names).toEqual(
        ['gwy', 'gateway'].map((begin) => [{ Name: 'LoadBalancer', Value: `${begin}/one/0123456789abcdef` }]),
      );
      return metrics.map(({ MetricName }) => MetricName);
    });
    expect(verdicts).toEqual(
      ['InvalidGeneveTunnel', 'InvalidGwlbEndpointId', 'InvalidGwlbFlowCookie'].map((why) =>
        Array.from({ length: 2 }, () => `PacketsDroppedCount_${why}`),
      ),
    );
  });

  test('has a dashboard that asks for each metric by the dimensions that AWS has it by, whatever its name begins with', () => {
    const { DashboardBody } =
      packagedTemplate({ parameters: { vpcId, ...taken } }).Resources.Dashboard?.Properties ?? {};
    const body = String(resolve(DashboardBody, scope));
    const searches = [...body.matchAll(/SEARCH\('\{([^}]*)\} MetricName=\\"(\w+)\\" (\w+)'/g)].map(
      ([, by = '', name, of]) => [name, by.replaceAll('\\"', ''), of],
    );
    const balancer = 'AWS/GatewayELB,LoadBalancer';
    expect(searches).toEqual([
      ...['HealthyHostCount', 'UnHealthyHostCount'].map((name) => [
        name,
        `${balancer},TargetGroup`,
        '0123456789abcdef',
      ]),
      ...['NewFlowCount', 'ActiveFlowCount', 'RejectedFlowCount_TCP', 'ProcessedBytes', 'PeakBytesPerSecond'].map(
        (name) => [name, balancer, '0123456789abcdef'],
      ),
      ['PeakPacketsPerSecond', balancer, '0123456789abcdef'],
      [
        'PacketsDropped',
        'AWS/PrivateLinkEndpoints,Endpoint Type,Service Name,Subnet Id,VPC Endpoint Id,VPC Id',
        '0123456789abcdef0',
      ],
      ...['InvalidGeneveTunnel', 'InvalidGwlbEndpointId', 'InvalidGwlbFlowCookie'].map((why) => [
        `PacketsDroppedCount_${why}`,
        balancer,
        '0123456789abcdef',
      ]),
    ]);
    expect(body).toContain(`"label":"\${PROP('Dim.Subnet Id')}"`);
    expect(body).not.toMatch(/"AWS\/(GatewayELB|PrivateLinkEndpoints)",/);
  });

  test('has alarms for metrics that there are, of the functions that write them', () => {
    const own = ofType(all(), 'AWS::CloudWatch::Alarm').filter(({ Properties }) => Properties.Namespace === 'ziti-glb');
    expect(own.length).toBeGreaterThan(2);
    for (const { Properties } of own) {
      const { MetricName } = Properties;
      expect(METRICS).toHaveProperty(String(MetricName));
      expect(Properties.Dimensions).toEqual([
        { Name: 'stack', Value: 'ziti-glb-test' },
        { Name: 'service', Value: MetricName === 'Waiting' ? 'subnets' : 'routers' },
      ]);
    }
  });

  test.each([
    '2026-01-15T10:00:00.000Z 0b8c4a5e-0000-4000-8000-000000000000 Task timed out after 300.00 seconds',
    'RequestId: 0b8c4a5e-0000-4000-8000-000000000000 Error: Runtime exited with error: signal: killed Runtime.ExitError',
    '2026-01-15T10:00:00.000Z undefined ERROR Uncaught Exception {"errorType":"Error"}',
    'INIT_REPORT Init Duration: 9.1 ms Phase: init Status: error Error Type: Runtime.ImportModuleError',
  ])('has a query that finds, beside what the functions say themselves: %s', (line) => {
    const queries = [
      ofType(all(), 'AWS::Logs::QueryDefinition').find(({ Properties }) =>
        /AWS refused$/.test(String(Properties.Name)),
      ),
      all().Resources.Dashboard,
    ];
    for (const query of queries) {
      const [, pattern = '^$'] = /or @message like \/(.*?)\/ ?/.exec(JSON.stringify(query?.Properties)) ?? [];
      expect(line).toMatch(new RegExp(pattern.replace(/\\+/g, '\\')));
    }
  });

  test('keeps the log of each function for as long as was chosen', () => {
    const template = packagedTemplate({ parameters: { vpcId, subnetIds, logRetention: '90' } });
    expect(ofType(template, 'AWS::Logs::LogGroup').map(({ Properties }) => Properties)).toEqual([
      { LogGroupName: '/aws/lambda/ziti-glb-test-routers', RetentionInDays: 90 },
      { LogGroupName: '/aws/lambda/ziti-glb-test-subnets', RetentionInDays: 90 },
      { LogGroupName: '/aws/lambda/ziti-glb-test-topology', RetentionInDays: 90 },
      { LogGroupName: '/aws/lambda/ziti-glb-test-health', RetentionInDays: 90 },
    ]);
  });
});

test.each(['network', 'routers'])('examples/%s.yml is what CloudFormation takes', (name) => {
  expect(flaws(parseTemplate(readFileSync(`examples/${name}.yml`, 'utf8')))).toEqual([]);
});

test.each([
  ['aws', 'ec2.amazonaws.com'],
  ['aws-us-gov', 'ec2.amazonaws.com'],
  ['aws-cn', 'ec2.amazonaws.com.cn'],
  ['aws-eusc', 'ec2.amazonaws.com'],
])('examples/routers.yml lets EC2 of the partition %s take on the role, by the name %s', (partition, principal) => {
  const { Conditions, Resources } = parseTemplate(readFileSync('examples/routers.yml', 'utf8'));
  const scope: Scope = {
    ref: (name) => (name === 'AWS::Partition' ? partition : name),
    getAtt: (id) => id,
    condition: (name) => holds(Conditions[name], scope),
    zones: [],
  };
  expect(resolve(Resources.Role?.Properties.AssumeRolePolicyDocument, scope)).toMatchObject({
    Statement: [{ Principal: { Service: principal } }],
  });
});

test('examples/routers.yml lets in what the target group may check', async () => {
  const { Parameters } = parseTemplate(readFileSync('examples/routers.yml', 'utf8'));
  const ports = ['both', 'router'].map(async (chosen) =>
    Number((await healthCheck({ resolveVariable: async () => chosen })).port),
  );
  expect(Parameters.HealthPort?.AllowedValues).toEqual(await Promise.all(ports));
  expect(readFileSync('examples/routers.yml', 'utf8')).toContain(
    'IpProtocol: tcp, FromPort: !Ref HealthPort, ToPort: !Ref HealthPort',
  );
});

describe('a template is not what CloudFormation takes', () => {
  test.each([
    ['AWS::Lambda::Funktion', {}, 'there is no type AWS::Lambda::Funktion'],
    ['AWS::SQS::Queue', { Encrypted: true }, 'Encrypted is not known'],
    ['AWS::SQS::Queue', { DelaySeconds: 'soon' }, 'DelaySeconds is not of type integer: "soon"'],
    ['AWS::SQS::QueuePolicy', { PolicyDocument: {} }, 'Queues is missing'],
    ['AWS::SQS::QueuePolicy', { PolicyDocument: {}, Queues: { Ref: 'AWS::NoValue' } }, 'Queues is missing'],
    ['AWS::Lambda::Function', { Role: 'r', Code: { S3Bukket: 'b' } }, 'Code.S3Bukket is not known'],
    [
      'AWS::Logs::LogGroup',
      { RetentionInDays: { 'Fn::If': ['A', 1, 'b'] } },
      'RetentionInDays is not of type integer: "b"',
    ],
    ['AWS::SNS::Topic', { DisplayName: { 'Fn::GetAtt': ['A', 'Name'] } }, 'AWS::SNS::Topic has no attribute Name'],
    ['AWS::EC2::Subnet', { VpcId: 'v', Tags: [{ Name: 'x' }] }, 'Tags[0] is not of type tag: {"Name":"x"}'],
  ])('%s %j: %s', (Type, Properties, flaw) => {
    expect(flaws({ ...NOTHING, Resources: { A: { Type, Properties, DependsOn: [] } } })).toEqual([`A: ${flaw}`]);
  });
});

/** A template has these texts, each with where it stands. */
function* textsOf(value: unknown, path: string): Generator<[path: string, text: string]> {
  if (typeof value === 'string') yield [path, value];
  else if (typeof value === 'object' && value !== null)
    for (const [name, one] of Object.entries(value)) yield* textsOf(one, `${path}.${name}`);
}

const scope: Scope = {
  zones: [],
  ref: (name) => name,
  getAtt: (name, attribute) => `${name}.${attribute}`,
  condition: () => true,
};

const NOTHING: Template = { Parameters: {}, Rules: {}, Conditions: {}, Resources: {}, Outputs: {} };

function ofType({ Resources }: Template, type: string) {
  return Object.values(Resources).filter(({ Type }) => Type === type);
}
