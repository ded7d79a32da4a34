import { readFileSync } from 'node:fs';
import { AutoScaling } from '@aws-sdk/client-auto-scaling';
import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetObjectCommand, S3 } from '@aws-sdk/client-s3';
import { SSM } from '@aws-sdk/client-ssm';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Clock } from './clock.ts';
import { createBus } from './events/bus.ts';
import { deadLetters, toFunctions } from './events/delivery.ts';
import { createQueues } from './events/queues.ts';
import { sqsService } from './events/sqs.ts';
import { createTrail } from './events/trail.ts';
import { createIam } from './iam/iam.ts';
import { type AccessKey, createKeys, type Keys } from './iam/keys.ts';
import { authorizedResources } from './iam/resources.ts';
import { type Role, roleName } from './iam/role.ts';
import { lambdaService } from './lambda/api.ts';
import { createLambda, type Lambda } from './lambda/runtime.ts';
import type { Cloud } from './services/cloud.ts';
import { imagesService } from './services/ecr.ts';
import { createKms } from './services/kms.ts';
import { createLogs } from './services/logs.ts';
import { type Buckets, createBuckets } from './services/s3.ts';
import { quotasService } from './services/service-quotas.ts';
import { identityService } from './services/sts.ts';
import { cloudFormationService } from './stack/api.ts';
import { changesOf, deleteStack, deployStack, type Stack, type Tell } from './stack/deploy.ts';
import type { DeployedStack } from './stack/deployed.ts';
import { deployPackage, type NetworkParameters } from './stack/package.ts';
import { permitted } from './stack/permissions.ts';
import type { Made } from './stack/resource-type.ts';
import type { Template } from './stack/template.ts';
import { resourceTypes } from './stack/types.ts';
import type { Deploying, Orders } from './stack/work.ts';
import { AwsError } from './wire/errors.ts';
import { createAuthentication } from './wire/signature.ts';
import type { Middleware } from './wire/wire.ts';
import { createWire } from './wire/wire.ts';

/** Who deploys the product's stacks by a policy of his own. */
const DEPLOYER = 'deployer';
/** A stack of this name stands before the product does. */
export const NETWORK_STACK = 'network';

export interface AccountOptions {
  region: string;
  /** Twelve digits. */
  account: string;
  /** Id of its organisation, if it is of one. */
  organization?: string | undefined;
  clock: Clock;
  rate: number;
  cloud: Pick<Cloud, 'services' | 'contextOf'>;
  /** The API's addresses: for who is outside, and for who stands in a VPC. */
  endpoints: { outside: string; inVpcs: string };
  throttle: Middleware;
  /** Names of its users: the operator, and who makes its stacks. */
  users: { operator: string; cloudFormation: string };
  demands: { concurrency?: number; boundary?: string } | undefined;
  /** The policy of who deploys the product's stacks; everything is allowed if it is not given. */
  deployer?: Record<string, unknown> | undefined;
  /** The account's own in all regions alike, if it is open in another one already. */
  global?: Global;
  /** Another account's functions, if there is such an account. */
  functionsOf(account: string): Lambda | undefined;
  onLog(source: string, line: string): void;
}

/**
 * An account has these in no region: roles and their keys, buckets by name, and dashboards.
 * https://docs.aws.amazon.com/general/latest/gr/rande.html, …/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
 */
export interface Global {
  roles: Map<string, Role>;
  keys: Keys;
  buckets: Buckets;
  dashboards: Set<string>;
}

export type Account = ReturnType<typeof createAccount>;

/** An account: who may do what in it, and all that its stacks are made of. What is EC2's, and the like, it has of the cloud. */
export function createAccount(options: AccountOptions) {
  const { region, account, clock, rate, cloud, endpoints, onLog } = options;
  const place = { region, account };
  const undo: (() => unknown)[] = [];
  const roles = options.global?.roles ?? new Map<string, Role>();
  const kms = createKms(clock, place);
  const keys = options.global?.keys ?? createKeys(Object.values(options.users), roles);
  const { organization } = options;
  const find = authorizedResources(cloud.contextOf(account));
  const iam = createIam({ ...place, organization, roles, find, policyOf: kms.policyOf });
  const logs = createLogs({ ...place, clock, allows: (role, ...asked) => iam.allows(roleName(role), ...asked), onLog });
  undo.push(logs.close);

  const queues = createQueues();
  const letters = deadLetters(queues, onLog);
  const lambda = createLambda({
    clock,
    rate,
    region,
    endpoints: { AWS_ENDPOINT_URL: endpoints.outside, AWS_ENDPOINT_URL_S3: endpoints.inVpcs },
    concurrency: options.demands?.concurrency,
    keyOf: (roleArn) => keys.ofRole(roleName(roleArn)),
    onLog: logs.write,
    onFailure: letters.ofFunction,
  });
  undo.push(lambda.close);

  const bus = createBus({ ...place, clock, deliver: toFunctions(lambda), giveUp: letters.ofRule });
  undo.push(bus.close);
  const trail = createTrail({ ...place, clock, put: bus.put, sessionOf: lambda.sessionOf });
  undo.push(trail.close);

  const deployed = new Map<string, DeployedStack>();
  const works: Deploying['works'] = new Map();
  const buckets = options.global?.buckets ?? createBuckets(clock, iam.allows, region);
  const dashboards = options.global?.dashboards ?? new Set<string>();
  const services = {
    ...cloud.services,
    s3: buckets.service,
    kms: kms.service,
    lambda: lambdaService(lambda, (key, action, resource, policy) => iam.allows(key, action, resource, {}, policy), {
      account,
      functionsOf: options.functionsOf,
      linkTo: (name, code) => linkTo(name, code),
    }),
    logs: logs.service,
    sqs: sqsService(queues, clock),
    sts: identityService(account),
    cloudformation: cloudFormationService(() => deployed.values(), place, {
      ...{ clock, works, read: buckets.read },
      // What these need is made below, before anybody can ask.
      changes: async (name, template, parameters, before, how) =>
        changesOf(await deployment(name, template, parameters, how), before),
      deploy: (...asked) => deploy(...asked),
      remove: (...asked) => removeStack(...asked),
      checkRole: (...asked) => checkRole(...asked),
    }),
    ecr: imagesService(),
    servicequotas: quotasService(place),
  };
  const principal = (accessKeyId: string) =>
    roles.get(accessKeyId)?.arn ?? `arn:aws:iam::${account}:user/${accessKeyId}`;
  const authenticate = createAuthentication(keys, clock);
  const middleware = [trail.middleware, options.throttle, iam.middleware];
  const wire = createWire(services, { principal, authenticate, middleware });

  const boundary = options.demands?.boundary;
  const common = { ...place, clock, lambda, bus, buckets, kms, queues, roles, dashboards, iam, logs, boundary };
  const makers = (credentials: AccessKey) => {
    const client = { endpoint: endpoints.outside, region, credentials };
    const clients = {
      ec2: new EC2(client),
      elb: new ElasticLoadBalancingV2(client),
      ssm: new SSM(client),
      scaling: new AutoScaling(client),
      s3: new S3(client),
    };
    undo.push(() => {
      for (const each of Object.values(clients)) each.destroy();
    });
    return { clients, types: resourceTypes({ ...common, ...clients }) };
  };
  const all = makers(keys.ofUser(options.users.cloudFormation));
  /** Lambda keeps the code of functions in a bucket of its own, and gives links to it for ten minutes. */
  const linkTo = (name: string, code: Uint8Array) => {
    const object = { Bucket: `awslambda-${region}-tasks`, Key: `snapshots/${account}/${name}` };
    if (!buckets.has(object.Bucket)) buckets.create(object.Bucket, region);
    buckets.write(object.Bucket, object.Key, code);
    return getSignedUrl(all.clients.s3, new GetObjectCommand(object), {
      expiresIn: 600,
      signingDate: new Date(clock.now()),
    });
  };
  const { deployer } = options;
  const assume = (name: string, document: Record<string, unknown>): AccessKey => {
    const arn = `arn:aws:iam::${account}:role/${name}`;
    roles.set(name, { name, arn, trust: {}, managedPolicyArns: [], policies: [{ name, document }] });
    return keys.ofRole(name);
  };
  const own = deployer ? makers(assume(DEPLOYER, deployer)) : all;
  const types = deployer ? permitted(own.types, (...asked) => iam.allows(DEPLOYER, ...asked), place) : own.types;
  const stacks = new Map<string, Stack>();
  /** By the role's name: CloudFormation has taken it on for a stack. */
  const typesOfRoles = new Map<string, typeof types>();
  function typesBy(accessKeyId: string | undefined): typeof types {
    if (accessKeyId === undefined || !roles.has(accessKeyId)) return types;
    const known =
      typesOfRoles.get(accessKeyId) ??
      permitted(makers(keys.ofRole(accessKeyId)).types, (...asked) => iam.allows(accessKeyId, ...asked), place);
    typesOfRoles.set(accessKeyId, known);
    return known;
  }
  async function checkRole(roleArn: string, accessKeyId: string): Promise<void> {
    const context = { 'iam:PassedToService': 'cloudformation.amazonaws.com' };
    if (!(await iam.allows(accessKeyId, 'iam:PassRole', roleArn, context)))
      throw new AwsError(
        'AccessDenied',
        `User: ${principal(accessKeyId)} is not authorized to perform: iam:PassRole on resource: ${roleArn}`,
        403,
      );
    const role = roles.get(roleName(roleArn));
    if (role?.arn !== roleArn || !JSON.stringify(role.trust).includes('"cloudformation.amazonaws.com"'))
      throw new AwsError('ValidationError', `Role ${roleArn} is invalid or cannot be assumed`);
  }
  const deployment = async (
    name: string,
    template: Template,
    parameters: Record<string, string>,
    { by, id = `arn:aws:cloudformation:${region}:${account}:stack/${name}/0`, ...how }: Partial<Orders> = {},
  ) => {
    const { AvailabilityZones = [] } = await all.clients.ec2.describeAvailabilityZones();
    const zones = AvailabilityZones.flatMap(({ ZoneName }) => ZoneName ?? []);
    return {
      ...how,
      template,
      parameters,
      place: { ...place, name, id, zones },
      types: name === NETWORK_STACK ? all.types : typesBy(by),
      /** CloudFormation's own tags, which nobody else may set, and which do not count. */
      made({ ref }: Made, logicalId: string) {
        const own = { 'logical-id': logicalId, 'stack-id': id, 'stack-name': name };
        const tags = cloud.contextOf(account).tags.get(ref);
        for (const [key, value] of Object.entries(own)) tags?.set(`aws:cloudformation:${key}`, value);
      },
    };
  };
  const deploy = async (
    name: string,
    template: Template,
    parameters: Record<string, string>,
    before?: Stack,
    how: Partial<Orders> = {},
  ) => {
    const stack = await deployStack(await deployment(name, template, parameters, how), before);
    stacks.set(name, stack);
    const [now, former] = [clock.now(), deployed.get(name)];
    const times = { createdAt: former?.createdAt ?? now, updatedAt: former && now };
    deployed.set(name, { stack, template, parameters, tags: how.tags, ...times });
    // CloudFormation was not asked where nobody is told.
    if (!how.tell) works.delete(name);
    return stack;
  };
  const removeStack = async (stack: Stack, tell?: Tell) => {
    await deleteStack(stack, tell);
    stacks.delete(stack.name);
    deployed.delete(stack.name);
    if (!tell) works.delete(stack.name);
  };

  return {
    account,
    region,
    global: { roles, keys, buckets, dashboards } satisfies Global,
    /** The operator's, who may do everything. */
    credentials: keys.ofUser(options.users.operator),
    /** By name: what each function may do. */
    roles: roles as ReadonlyMap<string, Role>,
    /** Makes a role with this policy, and takes it on. */
    assume,
    /** Roles allow these, and nobody has used them since the box was started. */
    unusedAccess: iam.unused,
    /** By ARN. */
    queues: queues.contents,
    lambda,
    bus,
    wire,
    /** An access key is of this account, or not. */
    knows: (accessKeyId: string) => keys.find(accessKeyId) !== undefined,
    deploy,
    deployPackage: (folder: string, diverter: string, network?: NetworkParameters) =>
      deployPackage({ folder, diverter, deploy, s3: own.clients.s3, stacks, ...(network && { network }) }),
    async deployTemplate(
      name: string,
      template: Template,
      parameters: Record<string, string>,
      files: ReadonlyMap<string, string>,
    ) {
      const { codeBucket: Bucket = '' } = parameters;
      if (!stacks.has(name)) buckets.create(Bucket, region);
      for (const [Key, path] of files) await own.clients.s3.putObject({ Bucket, Key, Body: readFileSync(path) });
      return deploy(name, template, parameters, stacks.get(name));
    },
    async remove(stack: Stack) {
      const { ServerlessDeploymentBucketName: bucket } = stack.outputs;
      if (bucket) buckets.empty(bucket);
      await removeStack(stack);
    },
    /** Steps that end the account, the last first. */
    undo,
  };
}
