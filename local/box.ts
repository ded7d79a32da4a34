import { readFileSync } from 'node:fs';
import { type Account, type AccountOptions, createAccount, NETWORK_STACK } from './account.ts';
import { type Clock, scaledClock } from './clock.ts';
import type { Faults } from './events/bus.ts';
import type { QueueMessage } from './events/queues.ts';
import type { Fabric } from './fabric/fabric.ts';
import { noFabric } from './fabric/none.ts';
import type { Allowance } from './iam/iam.ts';
import type { AccessKey } from './iam/keys.ts';
import type { Role } from './iam/role.ts';
import { createCloud } from './services/cloud.ts';
import type { Stack } from './stack/deploy.ts';
import type { NetworkParameters } from './stack/package.ts';
import { parseTemplate, type Template } from './stack/template.ts';
import type { WireRequest } from './wire/protocol.ts';
import { serve } from './wire/server.ts';
import { readSignature } from './wire/signature.ts';
import { throttle } from './wire/throttle.ts';
import type { Wire } from './wire/wire.ts';

const REGION = 'eu-central-1';
const ACCOUNT = '111122223333';
const NETWORK = new URL('../examples/network.yml', import.meta.url);

/** The account's users: who plays with the cloud, and who makes its stacks. */
const USERS = { operator: 'operator', cloudFormation: 'cloudformation' };

/** Images by their ids, each with what a fabric boots of it. */
export const IMAGES = { 'ami-client': 'client', 'ami-router': 'router', 'ami-controller': 'controller' } as const;

/** An address in every VPC that answers as the box's API does. Presigned links bear it, for routers to follow. */
const VPC_SERVICES = { ip: '169.254.0.80', port: 80 };

export interface BoxOptions {
  /** Seconds of the cloud's time in one second of the wall's. */
  rate: number;
  /** The API's port on loopback; any free one if not given. */
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
  /** An organisation by its id, and its accounts. */
  organization?: { id: string; accounts: readonly string[] };
  /** Aborted, it ends the start. */
  signal?: AbortSignal;
  /** A line that a function wrote, under its name; or one of the box itself, about something that went wrong. */
  onLog(source: string, line: string): void;
}

/** A cloud that runs. */
export interface Box {
  /** `AWS_ENDPOINT_URL` is to be this. */
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
  /** Roles allow these, and nobody has used them since the box was started. */
  unusedAccess(): Allowance[];
  /**
   * Deploys another package: a stack beside the first if it is for another stage, a new version of it otherwise.
   * @param diverter path of the program that it is packaged with, if not the first one's
   */
  deploy(folder: string, diverter?: string): Promise<Stack>;
  /**
   * Deploys a plain template as CloudFormation does, its code in a bucket that is there beforehand, `codeBucket`: over the stack of this
   * name, if there is one.
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
  /** Another account of the region, twelve digits. It has nothing until somebody makes it. */
  inAccount(account: string): Pick<
    Box,
    'account' | 'credentials' | 'roles' | 'assume' | 'unusedAccess' | 'queues' | 'deployTemplate' | 'remove'
  > & {
    deploy(folder: string): Promise<Stack>;
  };
  /** The same account in another region: a network of its own, and no packets. */
  inRegion(region: string): Promise<
    Pick<Box, 'region' | 'credentials' | 'network' | 'roles' | 'queues' | 'deployTemplate' | 'remove'> & {
      deploy(folder: string): Promise<Stack>;
    }
  >;
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

  /** By region and id. */
  const accounts = new Map<string, Account>();
  const accountOf = (region: string, id: string) => accounts.get(`${region} ${id}`);
  const onError = (error: unknown) => onLog('cloud', String(error));
  const cloudOf = (region: string, itsFabric: Fabric) => {
    const made = createCloud({
      ...{ region, account: ACCOUNT, clock, fabric: itsFabric, images: Object.keys(IMAGES), onError },
      emit: (event) => accountOf(region, event.account)?.bus.put(event),
    });
    undo.push(made.close);
    return made;
  };
  const cloud = cloudOf(REGION, fabric);

  const open = (
    account: string,
    users: AccountOptions['users'],
    {
      region,
      cloud: its,
      throttle: everyone,
      global,
    }: Pick<AccountOptions, 'region' | 'cloud' | 'throttle' | 'global'>,
  ) => {
    const created = createAccount({
      ...{ region, account, clock, rate, cloud: its, users, throttle: everyone, onLog, ...(global && { global }) },
      endpoints: { outside: server.url, inVpcs: `http://${VPC_SERVICES.ip}` },
      demands: options.demands,
      organization: options.organization?.accounts.includes(account) ? options.organization.id : undefined,
      // Who deploys by it does so in the box's own account.
      deployer: account === ACCOUNT ? options.deployer : undefined,
      functionsOf: (other) => accountOf(region, other)?.lambda,
    });
    undo.push(() => unwind(created.undo));
    accounts.set(`${region} ${account}`, created);
    return created;
  };
  const { operator, cloudFormation } = USERS;
  const here = { region: REGION, cloud, throttle: throttle(clock) };
  const own = open(ACCOUNT, USERS, here);
  /** Whom a request is for: who signed it is of an account, and he signed it for a region. */
  const meant = (request: WireRequest) => {
    const { accessKeyId = '', scope: [, region] = [] } = readSignature(request) ?? {};
    const known = [...accounts.values()].filter(({ knows }) => knows(accessKeyId));
    return known.find((one) => one.region === region) ?? known[0] ?? own;
  };
  wire = inTimeOf(clock, (request) => meant(request).wire(request));

  const networkIn = async ({ region, deploy }: Account) => {
    const { outputs } = await deploy(NETWORK_STACK, parseTemplate(readFileSync(NETWORK, 'utf8')), {
      ImageId: 'ami-client',
    });
    return { region, vpcId: outputs.vpcId ?? '', subnetIds: outputs.subnetIds ?? '' };
  };
  const network = await networkIn(own);
  const stack = await own.deployPackage(await options.packaged(network), options.diverter, network);

  return {
    endpoint: server.url,
    credentials: own.credentials,
    ...place,
    clock,
    fabric: {
      ...fabric,
      crash: async (instanceId) => {
        await fabric.crash(instanceId);
        cloud.crash(instanceId);
      },
    },
    network,
    stack,
    roles: own.roles,
    assume: own.assume,
    unusedAccess: own.unusedAccess,
    queues: own.queues,
    deploy: (folder, diverter = options.diverter) => own.deployPackage(folder, diverter),
    deployTemplate: own.deployTemplate,
    remove: own.remove,
    inAccount(account) {
      const suffix = `-${account}`;
      const there =
        accountOf(REGION, account) ??
        open(account, { operator: `${operator}${suffix}`, cloudFormation: `${cloudFormation}${suffix}` }, here);
      const { credentials, roles, assume, unusedAccess, queues, deployTemplate, remove } = there;
      const deploy = (folder: string) => there.deployPackage(folder, options.diverter);
      return { account, credentials, roles, assume, unusedAccess, queues, deploy, deployTemplate, remove };
    },
    async inRegion(region) {
      const elsewhere = { region, cloud: cloudOf(region, noFabric(`${region} has none`)), throttle: throttle(clock) };
      const there = open(ACCOUNT, USERS, { ...elsewhere, global: own.global });
      const { credentials, roles, queues, deployTemplate, remove } = there;
      const deploy = (folder: string) => there.deployPackage(folder, options.diverter);
      return { region, credentials, network: await networkIn(there), roles, queues, deploy, deployTemplate, remove };
    },
    setFaults: own.bus.setFaults,
  };
}

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
