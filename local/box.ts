import { readFileSync } from 'node:fs';
import { AutoScaling } from '@aws-sdk/client-auto-scaling';
import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3 } from '@aws-sdk/client-s3';
import { SSM } from '@aws-sdk/client-ssm';
import { type Clock, scaledClock } from './clock.ts';
import { createBus, type Faults } from './events/bus.ts';
import { deadLetters, toFunctions } from './events/delivery.ts';
import { createQueues, type QueueMessage } from './events/queues.ts';
import { sqsService } from './events/sqs.ts';
import type { Fabric } from './fabric/fabric.ts';
import { type Allowance, createIam } from './iam/iam.ts';
import { type Role, roleName } from './iam/role.ts';
import { lambdaService } from './lambda/api.ts';
import { createLambda } from './lambda/runtime.ts';
import { createCloud } from './services/cloud.ts';
import { createKms } from './services/kms.ts';
import { createLogs } from './services/logs.ts';
import { createBuckets } from './services/s3.ts';
import { quotasService } from './services/service-quotas.ts';
import { identityService } from './services/sts.ts';
import { cloudFormationService, type DeployedStack } from './stack/api.ts';
import { deleteStack, deployStack, type Stack } from './stack/deploy.ts';
import { type Deploy, deployPackage, type NetworkParameters } from './stack/package.ts';
import { permitted } from './stack/permissions.ts';
import { parseTemplate, type Template } from './stack/template.ts';
import { resourceTypes } from './stack/types.ts';
import { type AccessKey, createKeys } from './wire/keys.ts';
import { serve } from './wire/server.ts';
import { createAuthentication } from './wire/signature.ts';
import { throttle } from './wire/throttle.ts';
import { createWire, type Wire } from './wire/wire.ts';

const REGION = 'eu-central-1';
const ACCOUNT = '111122223333';
const NETWORK = new URL('../examples/network.yml', import.meta.url);

/** The account's users: who plays with the cloud, and who makes its stacks. */
const USERS = ['operator', 'cloudformation'] as const;

/** Who deploys the stack by a policy of his own. */
const DEPLOYER = 'deployer';
/** What stands before the product does. */
const NETWORK_STACK = 'network';

/** What can be booted, for a fabric: image id to what it boots. */
export const IMAGES = { 'ami-client': 'client', 'ami-router': 'router', 'ami-controller': 'controller' } as const;

/** An address in every VPC that answers as the box's API does. Presigned links bear it, for routers to follow. */
const VPC_SERVICES = { ip: '169.254.0.80', port: 80 };

export interface BoxOptions {
  /** Seconds of the cloud's time in one second of the wall's. */
  rate: number;
  /** Of the API on loopback; any free one if not given. */
  port?: number;
  fabric(services: { ip: string; port: number; upstream: string }): Promise<Fabric>;
  /** Answers with the folder in which the stack is packaged for this network. */
  packaged(network: NetworkParameters): Promise<string> | string;
  /** Path of the diverter's program. */
  diverter: string;
  /** The policy of who deploys the stack; everything is allowed if it is not given. */
  deployer?: Record<string, unknown>;
  /** Its quota of concurrent executions of functions, and the policy, by ARN, that its roles must be bounded by. */
  demands?: { concurrency?: number; boundary?: string };
  /** Aborted, it ends the start. */
  signal?: AbortSignal;
  /** A line that a function wrote, under its name; or one of the box itself, about something that went wrong. */
  onLog(source: string, line: string): void;
}

/** A cloud that runs. */
export interface Box {
  /** What `AWS_ENDPOINT_URL` is to be. */
  endpoint: string;
  /** The operator's, who may do everything, until the box is closed. */
  credentials: AccessKey;
  region: string;
  account: string;
  clock: Clock;
  fabric: Fabric;
  network: NetworkParameters;
  /** The product's stack. */
  stack: Stack;
  /** By name: what each function may do. */
  roles: ReadonlyMap<string, Role>;
  /** Makes a role with this policy, and takes it on. */
  assume(name: string, policy: Record<string, unknown>): AccessKey;
  /** What the roles allow and nobody has used since the box was started. */
  unusedAccess(): Allowance[];
  /**
   * Deploys another package: a stack beside the first if it is for another stage, a new version of it otherwise.
   * @param diverter path of the program that it is packaged with, if not the first one's
   */
  deploy(folder: string, diverter?: string): Promise<Stack>;
  /**
   * Deploys a plain template as CloudFormation does, its code in a bucket that is there beforehand, `codeBucket`.
   * @param files paths of what is to be in the bucket, by key
   */
  deployTemplate(
    name: string,
    template: Template,
    parameters: Record<string, string>,
    files: ReadonlyMap<string, string>,
  ): Promise<Stack>;
  /** Removes a stack as `serverless remove` does: empties its bucket, then has everything deleted. */
  remove(stack: Stack): Promise<void>;
  /** By ARN. */
  queues(): Record<string, readonly QueueMessage[]>;
  setFaults(faults: Partial<Faults>): void;
  /** Takes everything down, once. */
  close(): Promise<void>;
}

/**
 * Starts a cloud, makes the example network in it, and deploys the packaged stack there.
 * @throws Error that says what could not be started; nothing is left then
 */
export async function startBox(options: BoxOptions): Promise<Box> {
  const undo: (() => unknown)[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= unwind(undo);
    return closing;
  };
  const starting = start(options, undo);
  try {
    return { ...(await Promise.race([starting, aborted(options.signal)])), close };
  } catch (error) {
    await close();
    // A start that was aborted goes on until it finds its ground gone, and may have made something meanwhile.
    await starting.catch(() => {});
    await unwind(undo);
    throw error;
  }
}

function aborted(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

async function start(options: BoxOptions, undo: (() => unknown)[]): Promise<Omit<Box, 'close'>> {
  const { rate, port = 0, onLog } = options;
  const place = { region: REGION, account: ACCOUNT };
  const clock = scaledClock(rate);

  // A fabric is told where the API is, and the API needs the fabric: until the wire is made nobody knows the address.
  let wire: Wire = () => Promise.reject(new Error('the cloud in a box is not up yet'));
  const server = await serve((request) => wire(request), { port, names: [VPC_SERVICES.ip] });
  undo.push(server.close);

  const fabric = await options.fabric({ ...VPC_SERVICES, upstream: server.url });
  undo.push(fabric.close);

  const onError = (error: unknown) => onLog('cloud', String(error));
  const cloud = createCloud({
    ...{ ...place, clock, fabric, images: Object.keys(IMAGES), onError },
    emit: (event) => bus.put(event),
  });
  undo.push(cloud.close);

  const roles = new Map<string, Role>();
  const kms = createKms(clock, place);
  const keys = createKeys(USERS, roles);
  const iam = createIam({ ...place, roles, find: cloud.findResource, policyOf: kms.policyOf });
  const logs = createLogs({ ...place, clock, allows: iam.allows, onLog });
  undo.push(logs.close);

  const queues = createQueues();
  const letters = deadLetters(queues, onLog);
  const endpoints = { AWS_ENDPOINT_URL: server.url, AWS_ENDPOINT_URL_S3: `http://${VPC_SERVICES.ip}` };
  const lambda = createLambda({
    clock,
    rate,
    region: REGION,
    endpoints,
    concurrency: options.demands?.concurrency,
    keyOf: (roleArn) => keys.ofRole(roleName(roleArn)),
    onLog: logs.write,
    onFailure: letters.ofFunction,
  });
  undo.push(lambda.close);

  const bus = createBus({ ...place, clock, deliver: toFunctions(lambda), giveUp: letters.ofRule });
  undo.push(bus.close);

  const deployed = new Map<string, DeployedStack>();
  const buckets = createBuckets(clock, iam.allows);
  const services = {
    ...cloud.services,
    s3: buckets.service,
    kms: kms.service,
    lambda: lambdaService(lambda, iam.allows),
    logs: logs.service,
    sqs: sqsService(queues, clock),
    sts: identityService(ACCOUNT),
    cloudformation: cloudFormationService(() => deployed.values(), place),
    servicequotas: quotasService(place),
  };
  const principal = (accessKeyId: string) =>
    roles.get(accessKeyId)?.arn ?? `arn:aws:iam::${ACCOUNT}:user/${accessKeyId}`;
  const authenticate = createAuthentication(keys, clock);
  const middleware = [throttle(clock), iam.middleware];
  wire = inTimeOf(clock, createWire(services, { principal, authenticate, middleware }));

  const common = {
    ...place,
    clock,
    lambda,
    bus,
    buckets,
    kms,
    queues,
    roles,
    iam,
    logs,
    boundary: options.demands?.boundary,
  };
  const makers = (credentials: AccessKey) => {
    const client = { endpoint: server.url, region: REGION, credentials };
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
  const all = makers(keys.ofUser('cloudformation'));
  const { deployer } = options;
  if (deployer) roles.set(DEPLOYER, roleOf(DEPLOYER, deployer));
  const own = deployer ? makers(keys.ofRole(DEPLOYER)) : all;
  const types = deployer ? permitted(own.types, (...asked) => iam.allows(DEPLOYER, ...asked), place) : own.types;
  const { AvailabilityZones = [] } = await all.clients.ec2.describeAvailabilityZones();
  const zones = AvailabilityZones.flatMap(({ ZoneName }) => ZoneName ?? []);
  const stacks = new Map<string, Stack>();
  const deploy: Deploy = async (name, template, parameters, before) => {
    const stack = await deployStack(
      { template, parameters, place: { ...place, name, zones }, types: name === NETWORK_STACK ? all.types : types },
      before,
    );
    stacks.set(name, stack);
    const [now, former] = [clock.now(), deployed.get(name)];
    const times = { createdAt: former?.createdAt ?? now, updatedAt: former && now };
    deployed.set(name, { stack, template, parameters, ...times });
    return stack;
  };

  const { outputs } = await deploy(NETWORK_STACK, parseTemplate(readFileSync(NETWORK, 'utf8')), {
    ImageId: 'ami-client',
  });
  const network = { region: REGION, vpcId: outputs.vpcId ?? '', subnetIds: outputs.subnetIds ?? '' };
  const folder = await options.packaged(network);
  const serverless = { diverter: options.diverter, deploy, s3: own.clients.s3, stacks };
  const stack = await deployPackage({ folder, network, ...serverless });

  const { contents } = queues;
  return {
    endpoint: server.url,
    credentials: keys.ofUser('operator'),
    ...place,
    clock,
    fabric,
    network,
    stack,
    roles,
    assume(name, document) {
      roles.set(name, roleOf(name, document));
      return keys.ofRole(name);
    },
    unusedAccess: iam.unused,
    queues: contents,
    deploy: (folder, diverter = options.diverter) => deployPackage({ ...serverless, folder, diverter }),
    async deployTemplate(name, template, parameters, files) {
      const { codeBucket: Bucket = '' } = parameters;
      buckets.create(Bucket);
      for (const [Key, path] of files) await own.clients.s3.putObject({ Bucket, Key, Body: readFileSync(path) });
      return deploy(name, template, parameters);
    },
    async remove(stack) {
      const { ServerlessDeploymentBucketName: bucket } = stack.outputs;
      if (bucket) buckets.empty(bucket);
      await deleteStack(stack);
      stacks.delete(stack.name);
      deployed.delete(stack.name);
    },
    setFaults: bus.setFaults,
  };
}

const roleOf = (name: string, document: Record<string, unknown>): Role => ({
  ...{ name, arn: `arn:aws:iam::${ACCOUNT}:role/${name}`, trust: {}, managedPolicyArns: [] },
  policies: [{ name, document }],
});

/** SDK clients set their clocks by the date of an answer. */
function inTimeOf(clock: Clock, wire: Wire): Wire {
  return async (request) => {
    const answer = await wire(request);
    return { ...answer, headers: { ...answer.headers, date: new Date(clock.now()).toUTCString() } };
  };
}

/** Undoes what was done, the last first. Goes on if one fails, and then says so. */
async function unwind(undo: (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of undo.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0)
    throw new AggregateError(errors, `the cloud in a box could not be taken down: ${errors.join('; ')}`);
}
