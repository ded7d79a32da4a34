import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import * as ec2Sdk from '@aws-sdk/client-ec2';
import { CreateTagsCommand, DeleteTagsCommand } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client, SetSubnetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import * as quotasSdk from '@aws-sdk/client-service-quotas';
import { SQSClient } from '@aws-sdk/client-sqs';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import type { Access } from '../../bin/clients.ts';
import { run } from '../../bin/run.ts';
import type { Terminal } from '../../bin/terminal.ts';
import { version } from '../../bin/version.ts';
import { createQueues } from '../../local/events/queues.ts';
import { sqsService } from '../../local/events/sqs.ts';
import { lambdaService } from '../../local/lambda/api.ts';
import { createLogs } from '../../local/services/logs.ts';
import { createBuckets } from '../../local/services/s3.ts';
import { quotasService } from '../../local/services/service-quotas.ts';
import { identityService } from '../../local/services/sts.ts';
import { cloudFormationService } from '../../local/stack/api.ts';
import type { DeployedStack } from '../../local/stack/deployed.ts';
import { parseTemplate } from '../../local/stack/template.ts';
import type { Deploying } from '../../local/stack/work.ts';
import type { Operations } from '../../local/wire/api.ts';
import { inProcess } from '../../local/wire/in-process.ts';
import { createWire, type Middleware, type OperationService, type Wire } from '../../local/wire/wire.ts';
import { hubConfig, routersConfig } from '../../shared/config.ts';
import { drawn } from '../../shared/plain.ts';
import type { Step } from '../../shared/reconcile/plan.ts';
import { routersReconciler } from '../../shared/routers/reconciler.ts';
import { subnetsReconciler } from '../../shared/subnets/reconciler.ts';
import {
  ACCOUNT,
  given,
  launch,
  REGION,
  testDocument,
  testLoadBalancer,
  testSubnet,
  testTable,
  testVpc,
} from '../support/cloud.ts';
import { openStage } from '../support/stage.ts';

const STACK = 'ziti-glb-dev';
const SHA256 = '0123456789abcdef'.repeat(4);
const arnOf = (name: string) => `arn:aws:lambda:${REGION}:111122223333:function:${name}`;
const queueArn = (name: string) => `arn:aws:sqs:${REGION}:111122223333:${STACK}-${name}-ABC123`;

/** A test may have these otherwise than the box: what filters packets, and quotas. */
export interface Extras {
  ec2?: Pick<Operations<typeof ec2Sdk>, 'DescribeSecurityGroups' | 'DescribeNetworkAcls'>;
  quotas?: Operations<typeof quotasSdk>;
  /** CloudFormation has deployed these. */
  deployed?: DeployedStack[];
  /** The account's quota of concurrent executions, and what is not reserved. */
  concurrency?: { all: number; unreserved: number };
  /** Who asks may invoke functions, or not. */
  mayInvoke?: () => boolean;
  /** Who asks may do this to a bucket or an object, by ARN, or not. */
  mayOfS3?: (action: string, resource: string) => boolean;
  /** Middleware stands between a caller and all of AWS. */
  middleware?: Middleware[];
}

/** The box has a deployed stack, whose functions make their passes at the call of a test, and a command line asks it. */
export async function deployed(extras: Extras = {}) {
  const stage = openStage();
  const { cloud } = stage;
  const vpc = await testVpc(cloud);
  const service = await testLoadBalancer(cloud, { vpc });
  await testDocument(cloud);
  const tables = { a1: await testTable(cloud, vpc.vpc, vpc.a1), b1: await testTable(cloud, vpc.vpc, vpc.b1) };

  const common = {
    STACK,
    TAG_KEY: 'ziti-glb',
    VPC_ID: vpc.vpc,
    TARGET_GROUP_ARN: service.targetGroup,
    LOAD_BALANCER_ARN: service.loadBalancer,
    DNS_RESOLVER: '100.127.255.254',
  };
  const environments: Record<string, Record<string, string>> = {
    [`${STACK}-subnets`]: {
      ...common,
      ACCOUNT: '111122223333',
      SERVICE_ID: service.serviceId,
      DEFAULT_CIDRS: '10.20.0.0/16',
      ENDPOINTS: 'subnet',
      MAIN_ROUTE_TABLE: 'refuse',
      WITHOUT_ROUTER: 'keep',
      ENDPOINTS_PER_VPC: '50',
      ROUTES_PER_TABLE: '50',
    },
    [`${STACK}-routers`]: {
      ...common,
      DOCUMENT: 'Install',
      DIVERTER: 'own',
      DIVERTER_BUCKET: 'artefacts',
      DIVERTER_PREFIX: 'diverter',
      DIVERTER_BUILDS: `amd64=${SHA256} arm64=${SHA256}`,
      HEALTH_PORT: '',
      HEALTH_OPTIONS: '',
      REPLY: 'direct',
      TUNE_ROUTER: 'true',
      LAUNCH_DEADLINE: '900',
      DNS_RANGES: 'false',
      DNS_POOL: '100.64.0.0/10',
      DNS_PREFIX: '13',
      REGISTRATION_KEY: '',
    },
  };

  const invoked: { name: string; event: unknown }[] = [];
  const lambda = lambdaService(
    {
      has: (name) => (name.split(':').at(-1) ?? '') in environments,
      configurationOf: (name) => ({
        name,
        arn: arnOf(name),
        code: new Uint8Array(),
        handler: 'h',
        runtime: 'nodejs24.x',
        roleArn: 'arn:aws:iam::111122223333:role/r',
        memorySize: 256,
        timeout: 300,
        variables: environments[name.split(':').at(-1) ?? ''] ?? {},
      }),
      modifiedAt: () => Date.UTC(2026, 0, 15, 9),
      concurrency: () => extras.concurrency ?? { all: 1000, unreserved: 998 },
      invoke: () => Promise.reject(new Error('not asked for')),
      invokeAsync: (name, event) => void invoked.push({ name: name.split(':').at(-1) ?? '', event }),
    },
    async (_, action) => action !== 'lambda:InvokeFunction' || (extras.mayInvoke?.() ?? true),
  );
  const logs = createLogs({
    region: REGION,
    account: ACCOUNT,
    clock: cloud.clock,
    allows: async () => true,
    onLog() {},
  });
  for (const name of ['subnets', 'routers']) logs.createGroup(`/aws/lambda/${STACK}-${name}`);
  const buckets = createBuckets(cloud.clock, async (_, ...asked) => extras.mayOfS3?.(...asked) ?? true);
  const queues = createQueues();
  for (const name of ['FailedEvents', 'UndeliveredEvents']) queues.create(queueArn(name));
  const { ec2 } = cloud.cloud.services;
  const quotas: OperationService = extras.quotas
    ? { kind: 'operations', protocol: 'awsJson1_1', sdk: quotasSdk, operations: extras.quotas }
    : quotasService({ region: REGION, account: ACCOUNT });
  const wire = dated(
    cloud.clock.now,
    createWire(
      {
        ...cloud.cloud.services,
        ec2: { ...ec2, operations: { ...ec2.operations, ...extras.ec2 } },
        lambda,
        logs: logs.service,
        s3: buckets.service,
        sqs: sqsService(queues, cloud.clock),
        sts: identityService(ACCOUNT),
        cloudformation: cloudFormationService(
          () => extras.deployed ?? [],
          { region: REGION, account: ACCOUNT },
          undeployed,
        ),
        servicequotas: quotas,
      },
      { principal: () => 'arn:aws:iam::111122223333:role/operator', middleware: extras.middleware ?? [] },
    ),
  );
  const config = {
    region: REGION,
    credentials: { accessKeyId: 'OPERATOR', secretAccessKey: 'secret' },
    requestHandler: inProcess(wire),
    maxAttempts: 1,
  };
  const clients = () => ({
    autoScaling: new AutoScalingClient(config),
    cloudFormation: new CloudFormationClient(config),
    ec2: new ec2Sdk.EC2Client(config),
    elb: new ElasticLoadBalancingV2Client(config),
    lambda: new LambdaClient(config),
    logs: new CloudWatchLogsClient(config),
    quotas: new quotasSdk.ServiceQuotasClient(config),
    s3: new S3Client({
      ...config,
      endpoint: 'http://127.0.0.1:4780',
      followRegionRedirects: true,
      forcePathStyle: true,
    }),
    sqs: new SQSClient(config),
    ssm: new SSMClient(config),
    sts: new STSClient(config),
  });

  const functions = stage.clients();
  const reconcilers = {
    routers: routersReconciler(
      { ...functions, changers: functions },
      routersConfig(environments[`${STACK}-routers`] ?? {}),
      stage.seal,
      cloud.clock.now,
    ),
    subnets: subnetsReconciler(
      { ...functions, changer: functions.ec2 },
      hubConfig(environments[`${STACK}-subnets`] ?? {}),
      stage.seal,
      cloud.clock.now,
    ),
  };
  /** Functions would run as long: until settled, or five minutes are over. */
  async function pass(): Promise<void> {
    const through = <World, S extends Step>(one: Parameters<typeof stage.pass<World, S>>[0]) =>
      cloud.clock.run(stage.pass(one, 300_000));
    const { routers, subnets } = reconcilers;
    await through({ ...routers, observe: () => routers.observe({ at: cloud.clock.now() }) });
    await through({ ...subnets, observe: () => subnets.observe() });
  }

  /** Time goes on for a command that waits for what comes next. */
  const onSleep = async () => void (await cloud.clock.run(1_000));

  /** Runs a command line, by its words where one has spaces. `answer` is a person's, to the question that is asked. */
  async function cli(
    line: string | string[],
    { answer = false, onSleep: waits }: { answer?: boolean; onSleep?: () => Promise<void> } = {},
  ) {
    const [out, err, progress, questions]: string[][] = [[], [], [], []];
    const access: Access[] = [];
    const terminal: Terminal = {
      out: (...lines) => void out?.push(...lines.map(drawn)),
      err: (...lines) => void err?.push(...lines.map(drawn)),
      progress: (text) => void progress?.push(text),
      paint: (_, text) => text,
      clear: () => void out?.push('CLEAR'),
      atInterrupt: (...lines) => void progress?.push(...lines),
      async confirm(question) {
        questions?.push(question);
        return answer;
      },
      sleep: waits ?? (() => Promise.reject(new Error('nobody should wait here'))),
    };
    const code = await run(typeof line === 'string' ? line.split(' ').filter(Boolean) : line, terminal, (asked) => {
      access.push(asked);
      return clients();
    });
    return {
      code,
      out: out?.join('\n') ?? '',
      err: err?.join('\n') ?? '',
      progress: progress ?? [],
      questions: questions ?? [],
      access,
    };
  }

  return {
    ...cloud,
    /** The functions' calls. */
    calls: stage.calls,
    guard: stage.guard,
    /** All of AWS answers, and asks nobody who he is. */
    wire,
    vpc,
    tables,
    service,
    queues,
    buckets,
    queueArn,
    arnOf: (name: string) => arnOf(`${STACK}-${name}`),
    invoked,
    environments,
    /** A function writes a line, as an object or as Lambda's own. */
    async logged(name: string, line: object | string): Promise<void> {
      logs.write(
        `${STACK}-${name}`,
        typeof line === 'string' ? line : JSON.stringify(line),
        'arn:aws:iam::111122223333:role/own',
      );
      await logs.close();
    },
    pass,
    cli,
    onSleep,
    tag: (id: string, value: string) =>
      cloud.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'ziti-glb', Value: value }] })),
    untag: (id: string) => cloud.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key: 'ziti-glb' }] })),
    name: (id: string, value: string) =>
      cloud.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'Name', Value: value }] })),
    /** A router is launched and comes up, though it has not joined yet. */
    async router(subnetId: string, name: string): Promise<string> {
      const [id] = await launch(cloud, subnetId, { tags: { Name: name, 'ziti-glb': 'router' } });
      return given(id);
    },
  };
}
export type TestStack = Awaited<ReturnType<typeof deployed>>;

/** This account may connect to the service, and is in no list of the stack. */
export const STRANGER = '999900001111';

/** Another account connects an endpoint to the stack's service, which is told to let it. Returns its id. */
export async function askedBy(account: string, stack: Pick<TestStack, 'ec2' | 'ec2Of' | 'service'>): Promise<string> {
  const { serviceId: ServiceId, serviceName: ServiceName } = stack.service;
  const AddAllowedPrincipals = [`arn:aws:iam::${account}:root`];
  await stack.ec2.send(new ec2Sdk.ModifyVpcEndpointServicePermissionsCommand({ ServiceId, AddAllowedPrincipals }));
  const theirs = stack.ec2Of(account);
  const { vpc: VpcId, a1, b1 } = await testVpc({ ec2: theirs });
  // Which of them is in a zone of the service, their own names of zones do not say.
  for (const subnet of [a1, b1]) {
    const asked = { ServiceName, VpcId, SubnetIds: [subnet] };
    const command = new ec2Sdk.CreateVpcEndpointCommand({ VpcEndpointType: 'GatewayLoadBalancer', ...asked });
    const made = await theirs.send(command).catch(() => undefined);
    if (made) return given(made.VpcEndpoint?.VpcEndpointId);
  }
  throw new Error(`no subnet of ${account} is in a zone of the service`);
}

/** Another stack has claimed a VPC of the account by the same tag, and the stack serves VPCs as `named`. */
export async function claimedVpc(
  { ec2, ssm, environments }: Pick<TestStack, 'ec2' | 'ssm' | 'environments'>,
  named: (vpc: string) => string,
) {
  const { vpc } = await testVpc({ ec2 });
  await ssm.send(
    new PutParameterCommand({ Name: `/ziti-glb/${vpc}/ziti-glb`, Value: 'ziti-glb-other', Type: 'String' }),
  );
  Object.assign(given(environments[`${STACK}-subnets`]), { CLIENT_VPCS: named(vpc) });
  return { vpc };
}

export const UPDATED = Date.UTC(2026, 10, 29, 5);

const notAsked = () => Promise.reject(new Error('not asked for'));
/** CloudFormation that tells of stacks, and makes none. */
export const undeployed: Deploying = {
  ...{ clock: { now: () => UPDATED }, works: new Map() },
  ...{ changes: notAsked, deploy: notAsked, remove: notAsked, checkRole: notAsked },
  read() {
    throw new Error('not asked for');
  },
};

/** A stack of these parts in CloudFormation, with the function by which it is found. */
export function stackOf(
  name: string,
  template: object,
  parameters: Record<string, string> = {},
  outputs = {},
): DeployedStack {
  const made = { ref: `${name.startsWith('ziti-glb-') ? name : STACK}-subnets`, remove: async () => {} };
  const resources = new Map([
    ['SubnetsLambdaFunction', { type: 'AWS::Lambda::Function', properties: {}, made, needs: [] }],
  ]);
  const whole = parseTemplate(JSON.stringify({ Resources: {}, ...template }));
  return { stack: { name, outputs, resources }, template: whole, parameters, createdAt: 0, updatedAt: UPDATED };
}

/** `serverless deploy` leaves a stack so. */
export const serverless = (given: Record<string, string>, of = version) =>
  stackOf(STACK, { Metadata: { 'ziti-glb': { version: of, parameters: given } } });

/** AWS dates its answers. */
function dated(now: () => number, wire: Wire): Wire {
  return async (request) => {
    const answer = await wire(request);
    return { ...answer, headers: { ...answer.headers, date: new Date(now()).toUTCString() } };
  };
}

/** The load balancer of a stack gets a node in zone c, and a subnet there is opted in, before any pass has seen it. Returns the subnet. */
export async function inLateZone({
  ec2,
  elb,
  vpc,
  service,
  tag,
}: Pick<TestStack, 'ec2' | 'elb' | 'vpc' | 'service' | 'tag'>): Promise<string> {
  const node = await testSubnet({ ec2 }, vpc.vpc, '10.0.20.0/24', 'c');
  const id = await testSubnet({ ec2 }, vpc.vpc, '10.0.21.0/24', 'c');
  const Subnets = [vpc.a0, vpc.b0, node];
  await elb.send(new SetSubnetsCommand({ LoadBalancerArn: service.loadBalancer, Subnets }));
  await testTable({ ec2 }, vpc.vpc, id);
  await tag(id, '10.20.0.0/16');
  return id;
}
