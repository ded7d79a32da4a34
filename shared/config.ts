import * as z from 'zod';
import type { Sealing } from './aws/sealer.ts';
import { formatCidr, overlap, parseCidr, subdivide } from './cidr.ts';

const text = z.string().min(1);
const flag = z.enum(['true', 'false']).transform((word) => word === 'true');
const positive = z.coerce.number().int().positive();
const words = z.string().transform((list) => list.split(/\s+/).filter(Boolean));
const networks = words.pipe(z.array(z.cidrv4().or(z.cidrv6())));
const tags = z.string().transform((list) =>
  list
    .split(',')
    .filter(Boolean)
    .map((tag) => ({ Key: tag.slice(0, tag.indexOf('=')), Value: tag.slice(tag.indexOf('=') + 1) })),
);
const subnetIds = words.pipe(z.array(z.string().startsWith('subnet-', 'not subnet, zone, or subnet ids')).min(1));
const vpcIds = words.pipe(z.array(z.string().startsWith('vpc-', 'not own, all, or ids of VPCs')).min(1));
const account = z.string().regex(/^\d{12}$/, 'not the id of an account');
const accounts = words.pipe(z.array(account)).default([]);
const builds = z
  .string()
  .regex(/^((amd64|arm64)=[0-9a-f]{64}( |$))*$/, 'not a list of architecture=sha256')
  .transform((words) => new Map(words.split(' ').map((word): [string, string] => [word.slice(0, 5), word.slice(6)])));

/** All functions know this. */
const common = z.object({
  /** Stacks from before versions were told have none. */
  version: z.string().default(''),
  tagKey: text,
});

/** Routers stand there, and this is in front of them. */
const fleet = {
  vpcId: z.string().startsWith('vpc-'),
  targetGroupArn: z.string().startsWith('arn:'),
  loadBalancerArn: z.string().regex(/:loadbalancer\/gwy\/[^/]+\/[^/]+$/, 'not the ARN of a Gateway Load Balancer'),
};

/** All functions that change something know this. */
const changing = common.extend({
  stack: text,
  keyArn: z.string().default(''),
  keyVersion: positive.default(1),
});

/** @param arn of something of their partition and region */
function ofStack<Env extends z.infer<typeof changing>>(
  { keyArn, keyVersion, ...env }: Env,
  arn: string,
  account = arn.split(':')[4] ?? '',
) {
  const { stack, tagKey } = env;
  const [, partition = '', , region = ''] = arn.split(':');
  return {
    ...env,
    /** A router's tag: its DNS range. */
    rangeKey: `${tagKey}:dns-range`,
    /** A subnet's tag: someone tried to delete it. A router's: AWS has said that it will have to go. */
    leavingKey: `${tagKey}:leaving`,
    /** The VPC's tag: a person has paused the stack. */
    pauseKey: `${tagKey}:paused`,
    /** The stack's notes are sealed by it, see shared/seal.ts. */
    sealing: { keyArn, version: keyVersion, partition, region, account, stack, tagKey } satisfies Sealing,
  };
}

/** Clients' subnets are looked after by this. */
const subnets = changing.extend({
  account,
  /** VPCs whose subnets count beside those of the load balancer's own VPC, by id; `all` of the account and region. */
  clientVpcs: z.literal('all').or(vpcIds),
  /** A subnet tagged `default` reaches these. */
  defaultCidrs: networks.refine((list) => list.length > 0, 'no CIDR'),
  /** Endpoints stand in each tagged subnet, in one tagged subnet a zone, or in these subnets. */
  endpoints: z.enum(['subnet', 'zone']).or(subnetIds),
  /** Subnets that follow the VPC's main route table can be opted in: its routes serve all that follow it. */
  mainTableAllowed: z.enum(['refuse', 'allow']).transform((word) => word === 'allow'),
  /** Routes that are there when the last healthy router goes stay, or go too. */
  withoutRouter: z.enum(['keep', 'withdraw']),
  /** CIDR block that every opted-in subnet reaches beside its own. */
  resolver: z.ipv4().transform((address) => `${address}/32`),
  /** The VPC's machines reach Systems Manager there, if not by endpoints of the VPC itself; empty if nowhere that is known. */
  systemsManagerCidrs: networks.default([]),
  endpointsPerVpc: positive,
  /** A route table takes so many of each family, the VPC's own apart. */
  routesPerTable: positive,
  /** Every endpoint carries these besides our own tags: the account demands them of all that is made in it. */
  tags: tags.default([]),
});

/** @param serviceId endpoints connect to it */
function ofClients<Env extends z.infer<typeof subnets>>(env: Env, serviceId: string, arn: string, account?: string) {
  const { stack, tagKey } = env;
  return {
    ...ofStack(env, arn, account),
    serviceId,
    /** A subnet's tag: how its spec stands, for the person who tagged it. */
    statusKey: `${tagKey}:status`,
    /** A subnet's tag: the endpoint of another one that serves it, since AWS refused one of its own. */
    servedByKey: `${tagKey}:served-by`,
    /** A subnet's tag: the destinations in its route table that were taken over. */
    takenOverKey: `${tagKey}:taken-over`,
    /** A route table's tag, before a destination: what its route led to until it was taken over. */
    formerKey: `${tagKey}:former`,
    /** An endpoint's tag, before a table and a destination: a copy of that. */
    copyKey: 'ziti-glb:former',
    /** A route table's tag, before a destination: the router's interface that its route leads to is our doing. */
    directKey: `${tagKey}:direct`,
    /** An endpoint's tag: it is ours. */
    stackTag: { Key: 'ziti-glb:stack', Value: stack },
    /** An endpoint's other tag: the seal of that, for its subnet and service. */
    sealKey: 'ziti-glb:seal',
  };
}
export type SubnetsConfig = ReturnType<typeof ofClients<z.infer<typeof subnets>>>;

const serviceId = z.string().startsWith('vpce-svc-');

const hub = subnets.extend({
  ...fleet,
  serviceId,
  clientVpcs: z
    .enum(['own', 'all'])
    .or(vpcIds)
    .default('own')
    .transform((vpcs) => (vpcs === 'own' ? [] : vpcs)),
  /** Other accounts' endpoints may connect to the service. */
  spokeAccounts: accounts,
  /** Transit gateways of these accounts may connect to the service. */
  gatewayOwners: accounts,
});
/** An account that has the load balancer is configured so. */
export type HubConfig = ReturnType<typeof hubConfig>;

const HUB_SERVICE = /^([a-z]+\.)*com\.amazonaws\.vpce\.[a-z0-9-]+\.(vpce-svc-[0-9a-f]+)$/;

const spoke = subnets.extend({
  /** The hub's endpoint service, by its name. */
  hubService: z.string().regex(HUB_SERVICE, 'not the name of an endpoint service'),
  /** The hub's function that tells which routers are healthy. */
  hubHealth: z.string().regex(/^arn:[^:]+:lambda:[^:]+:\d{12}:function:[^:]+$/, 'not the ARN of a function'),
});
/** An account whose subnets reach the routers of another one is configured so. */
export type SpokeConfig = ReturnType<typeof spokeConfig>;

const health = common.extend({ ...fleet, serviceId, dnsRanges: flag });
export type HealthConfig = z.infer<typeof health>;

const routers = changing
  .extend({
    ...fleet,
    document: text,
    /** `own` is ours, from the bucket; `netfoundry` what the image of the router brings along. */
    diverter: z.enum(['own', 'netfoundry']),
    /** Our diverter has answers go straight to the client, or back through the load balancer. */
    reply: z.enum(['direct', 'geneve']),
    /** Ziti-router's garbage collector is set by the machine's memory. */
    tuneRouter: flag,
    bucket: text,
    /** The diverter's keys in the bucket begin so: each is named by what it hashes to. */
    prefix: text,
    /** SHA-256 of our diverter's package, by the architecture as Debian calls it. */
    builds,
    /** The diverter answers health checks at this port; empty if the target group checks ziti-router. */
    healthPort: z.string().regex(/^\d{0,5}$/),
    /** The diverter is to look at these besides itself: options of `diverter health`. */
    healthOptions: z.string().default(''),
    /** A launch may take so long before its hook is told ABANDON, in milliseconds. */
    launchDeadline: positive.min(60).transform((seconds) => seconds * 1000),
    /** Routers may stand in these subnets; empty if anywhere in the VPC. */
    routerSubnets: words.default([]),
    /** ARN of the instance profile that routers have; empty if any will do. */
    routerProfile: z.string().default(''),
    dnsRanges: flag,
    resolver: z.ipv4(),
    dnsPool: z.cidrv4(),
    dnsPrefix: z.coerce.number().int().max(30),
    /** A router of NetFoundry finds the key to register again with there. */
    registrationKey: z.string(),
  })
  .superRefine((env, context) => {
    if (dnsSlices(env).length === 0)
      context.addIssue(`DNS_POOL ${env.dnsPool} has no /${env.dnsPrefix} beside that of ${env.resolver}`);
  });
export type RoutersConfig = ReturnType<typeof routersConfig>;

type Dns = Record<'resolver' | 'dnsPool', string> & { dnsPrefix: number };

/** The ranges that routers can have: all of the pool's but that which holds the resolver. */
function dnsSlices({ dnsPool, dnsPrefix, resolver }: Dns): string[] {
  const [range, address] = [parseCidr(dnsPool), parseCidr(`${resolver}/32`)];
  if (!range || !address || dnsPrefix < range.prefix || dnsPrefix > range.prefix + 10) return [];
  return subdivide(range, dnsPrefix)
    .filter((slice) => !overlap(slice, address))
    .map(formatCidr);
}

type Environment = Record<string, string | undefined>;

/** Reads a function's configuration; throws one sentence that names every variable that is wrong. */
export function hubConfig(environment: Environment) {
  const env = read(hub, environment);
  return ofClients(env, env.serviceId, env.loadBalancerArn);
}

export function spokeConfig(environment: Environment) {
  const env = read(spoke, environment);
  return ofClients(env, HUB_SERVICE.exec(env.hubService)?.[2] ?? '', env.hubHealth, env.account);
}

export const healthConfig = (environment: Environment): HealthConfig => read(health, environment);

export function routersConfig(environment: Environment) {
  const { dnsRanges, resolver, dnsPool, dnsPrefix, ...env } = read(routers, environment);
  return {
    ...ofStack(env, env.loadBalancerArn),
    /** Ranges for wildcard services, of which each router gets one of its own. */
    dns: dnsRanges ? { resolver, slices: dnsSlices({ dnsPool, dnsPrefix, resolver }) } : undefined,
    /** An instance's tag: the diverter it has, and since when. */
    diverterKey: `${env.tagKey}:diverter`,
    /** An instance's tag: the interfaces whose source/dest check was turned off for it. */
    checkKey: `${env.tagKey}:source-dest-check`,
    /** An instance's tag: its target is unhealthy, and since when. */
    unhealthyKey: `${env.tagKey}:unhealthy`,
  };
}

/** A variable of the environment is called as the member that it sets, but for these. */
const VARIABLES: Record<string, string> = {
  keyArn: 'SEAL_KEY',
  keyVersion: 'SEAL_VERSION',
  mainTableAllowed: 'MAIN_ROUTE_TABLE',
  resolver: 'DNS_RESOLVER',
  bucket: 'DIVERTER_BUCKET',
  prefix: 'DIVERTER_PREFIX',
  builds: 'DIVERTER_BUILDS',
};
const variableOf = (member: string) => VARIABLES[member] ?? member.replace(/[A-Z]/g, '_$&').toUpperCase();

function read<Schema extends z.ZodObject>(schema: Schema, environment: Environment): z.infer<Schema> {
  const members = Object.keys(schema.shape);
  const result = schema.safeParse(Object.fromEntries(members.map((each) => [each, environment[variableOf(each)]])));
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path: [member, ...inside], ...issue }) => ({
    ...issue,
    path: member === undefined ? [] : [variableOf(String(member)), ...inside],
  }));
  throw new Error(`The function is deployed with a wrong environment. ${z.prettifyError({ issues })}`);
}
