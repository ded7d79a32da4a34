import * as z from 'zod';
import type { Sealing } from './aws/sealer.ts';
import { formatCidr, overlap, parseCidr, subdivide } from './cidr.ts';

const text = z.string().min(1);
const words = z.string().transform((list) => list.split(/\s+/).filter(Boolean));
const networks = z.array(z.cidrv4().or(z.cidrv6()));
const cidrs = words.pipe(networks.min(1, 'no CIDR'));
const tags = z.string().transform((list) =>
  list
    .split(',')
    .filter(Boolean)
    .map((tag) => ({ Key: tag.slice(0, tag.indexOf('=')), Value: tag.slice(tag.indexOf('=') + 1) })),
);
const subnetIds = words.pipe(z.array(z.string().startsWith('subnet-', 'not subnet, zone, or subnet ids')).min(1));

const account = z.string().regex(/^\d{12}$/, 'not the id of an account');
const vpcIds = words.pipe(z.array(z.string().startsWith('vpc-', 'not own, all, or ids of VPCs')).min(1));

const common = z.object({
  STACK: text,
  /** Stacks from before versions were told have none. */
  VERSION: z.string().default(''),
  TAG_KEY: text,
  SEAL_KEY: z.string().default(''),
  SEAL_VERSION: z.coerce.number().int().positive().default(1),
});

/** Routers stand there, and this is in front of them. */
const fleet = {
  VPC_ID: z.string().startsWith('vpc-'),
  TARGET_GROUP_ARN: z.string().startsWith('arn:'),
  LOAD_BALANCER_ARN: z.string().regex(/:loadbalancer\/gwy\/[^/]+\/[^/]+$/, 'not the ARN of a Gateway Load Balancer'),
};
const fleetOf = (env: z.infer<z.ZodObject<typeof fleet>>) => ({
  vpcId: env.VPC_ID,
  targetGroupArn: env.TARGET_GROUP_ARN,
  loadBalancerArn: env.LOAD_BALANCER_ARN,
});

/** All functions that change something know this. @param arn of something of their partition and region */
function stackOf(env: z.infer<typeof common>, arn: string, account = arn.split(':')[4] ?? '') {
  const { STACK: stack, VERSION: version, TAG_KEY: tagKey } = env;
  const [, partition = '', , region = ''] = arn.split(':');
  const scope = { partition, region, account, stack, tagKey };
  return {
    ...{ stack, version, tagKey },
    /** A router's tag: its DNS range. */
    rangeKey: `${tagKey}:dns-range`,
    /** A subnet's tag: someone tried to delete it. A router's: AWS has said that it will have to go. */
    leavingKey: `${tagKey}:leaving`,
    /** The VPC's tag: a person has paused the stack. */
    pauseKey: `${tagKey}:paused`,
    /** The stack's notes are sealed by it, see shared/seal.ts. */
    sealing: { keyArn: env.SEAL_KEY, version: env.SEAL_VERSION, ...scope } satisfies Sealing,
  };
}

const subnets = common.extend({
  ACCOUNT: account,
  CLIENT_VPCS: z.enum(['own', 'all']).or(vpcIds).default('own'),
  DEFAULT_CIDRS: cidrs,
  ENDPOINTS: z.enum(['subnet', 'zone']).or(subnetIds),
  MAIN_ROUTE_TABLE: z.enum(['refuse', 'allow']),
  WITHOUT_ROUTER: z.enum(['keep', 'withdraw']),
  DNS_RESOLVER: z.ipv4(),
  SYSTEMS_MANAGER_CIDRS: words.pipe(networks).default([]),
  ENDPOINTS_PER_VPC: z.coerce.number().int().positive(),
  ROUTES_PER_TABLE: z.coerce.number().int().positive(),
  TAGS: tags.default([]),
});

/** Clients' subnets are looked after by this. */
function ofClients(env: z.infer<typeof subnets>, serviceId: string) {
  return {
    account: env.ACCOUNT,
    /** Endpoints connect to it. */
    serviceId,
    /** VPCs whose subnets count beside those of the load balancer's own VPC, by id; `all` of the account and region. */
    clientVpcs: env.CLIENT_VPCS === 'own' ? [] : env.CLIENT_VPCS,
    /** A subnet tagged `default` reaches these. */
    defaultCidrs: env.DEFAULT_CIDRS,
    /** Endpoints stand in each tagged subnet, in one tagged subnet a zone, or in these subnets. */
    endpoints: env.ENDPOINTS,
    /** Subnets that follow the VPC's main route table can be opted in: its routes serve all that follow it. */
    mainTableAllowed: env.MAIN_ROUTE_TABLE === 'allow',
    /** Routes that are there when the last healthy router goes stay, or go too. */
    withoutRouter: env.WITHOUT_ROUTER,
    /** CIDR block that every opted-in subnet reaches beside its own. */
    resolver: `${env.DNS_RESOLVER}/32`,
    /** The VPC's machines reach Systems Manager there, if not by endpoints of the VPC itself; empty if nowhere that is known. */
    systemsManagerCidrs: env.SYSTEMS_MANAGER_CIDRS,
    endpointsPerVpc: env.ENDPOINTS_PER_VPC,
    /** A route table takes so many of each family, the VPC's own apart. */
    routesPerTable: env.ROUTES_PER_TABLE,
    /** Every endpoint carries these besides our own tags: the account demands them of all that is made in it. */
    tags: env.TAGS,
    /** A subnet's tag: how its spec stands, for the person who tagged it. */
    statusKey: `${env.TAG_KEY}:status`,
    /** A subnet's tag: the endpoint of another one that serves it, since AWS refused one of its own. */
    servedByKey: `${env.TAG_KEY}:served-by`,
    /** A subnet's tag: the destinations in its route table that were taken over. */
    takenOverKey: `${env.TAG_KEY}:taken-over`,
    /** A route table's tag, before a destination: what its route led to until it was taken over. */
    formerKey: `${env.TAG_KEY}:former`,
    /** An endpoint's tag, before a table and a destination: a copy of that. */
    copyKey: 'ziti-glb:former',
    /** A route table's tag, before a destination: the router's interface that its route leads to is our doing. */
    directKey: `${env.TAG_KEY}:direct`,
    /** An endpoint's tag: it is ours. */
    stackTag: { Key: 'ziti-glb:stack', Value: env.STACK },
    /** An endpoint's other tag: the seal of that, for its subnet and service. */
    sealKey: 'ziti-glb:seal',
  };
}
export type SubnetsConfig = ReturnType<typeof ofClients> & ReturnType<typeof stackOf>;

const hub = subnets
  .extend({
    ...fleet,
    SERVICE_ID: z.string().startsWith('vpce-svc-'),
    SPOKE_ACCOUNTS: words.pipe(z.array(account)).default([]),
    GATEWAY_OWNERS: words.pipe(z.array(account)).default([]),
  })
  .transform((env) => ({
    ...stackOf(env, env.LOAD_BALANCER_ARN),
    ...fleetOf(env),
    ...ofClients(env, env.SERVICE_ID),
    /** Other accounts' endpoints may connect to the service. */
    spokeAccounts: env.SPOKE_ACCOUNTS,
    /** Transit gateways of these accounts may connect to the service. */
    gatewayOwners: env.GATEWAY_OWNERS,
  }));
/** Of an account that has the load balancer. */
export type HubConfig = z.infer<typeof hub>;

const HUB_SERVICE = /^([a-z]+\.)*com\.amazonaws\.vpce\.[a-z0-9-]+\.(vpce-svc-[0-9a-f]+)$/;

const spoke = subnets
  .extend({
    HUB_SERVICE: z.string().regex(HUB_SERVICE, 'not the name of an endpoint service'),
    HUB_HEALTH: z.string().regex(/^arn:[^:]+:lambda:[^:]+:\d{12}:function:[^:]+$/, 'not the ARN of a function'),
    CLIENT_VPCS: z.literal('all').or(vpcIds),
  })
  .transform((env) => ({
    ...stackOf(env, env.HUB_HEALTH, env.ACCOUNT),
    ...ofClients(env, HUB_SERVICE.exec(env.HUB_SERVICE)?.[2] ?? ''),
    /** The hub's endpoint service, by its name. */
    hubService: env.HUB_SERVICE,
    /** The hub's function that tells which routers are healthy. */
    hubHealth: env.HUB_HEALTH,
  }));
/** Of an account whose subnets reach the routers of another one. */
export type SpokeConfig = z.infer<typeof spoke>;

const health = z
  .object({
    ...fleet,
    TAG_KEY: text,
    VERSION: z.string().default(''),
    SERVICE_ID: z.string().startsWith('vpce-svc-'),
    DNS_RANGES: z.enum(['true', 'false']),
  })
  .transform((env) => ({
    ...fleetOf(env),
    version: env.VERSION,
    tagKey: env.TAG_KEY,
    serviceId: env.SERVICE_ID,
    dnsRanges: env.DNS_RANGES === 'true',
  }));
export type HealthConfig = z.infer<typeof health>;

const flag = z.enum(['true', 'false']).transform((word) => word === 'true');
const builds = z
  .string()
  .regex(/^((amd64|arm64)=[0-9a-f]{64}( |$))*$/, 'not a list of architecture=sha256')
  .transform((words) => new Map(words.split(' ').map((word): [string, string] => [word.slice(0, 5), word.slice(6)])));

const routers = common
  .extend({
    ...fleet,
    DOCUMENT: text,
    DIVERTER: z.enum(['own', 'netfoundry']),
    REPLY: z.enum(['direct', 'geneve']),
    TUNE_ROUTER: flag,
    DIVERTER_BUCKET: text,
    DIVERTER_PREFIX: text,
    DIVERTER_BUILDS: builds,
    HEALTH_PORT: z.string().regex(/^\d{0,5}$/),
    HEALTH_OPTIONS: z.string().default(''),
    LAUNCH_DEADLINE: z.coerce.number().int().min(60),
    ROUTER_SUBNETS: words.default([]),
    ROUTER_PROFILE: z.string().default(''),
    DNS_RANGES: flag,
    DNS_RESOLVER: z.ipv4(),
    DNS_POOL: z.cidrv4(),
    DNS_PREFIX: z.coerce.number().int().max(30),
    REGISTRATION_KEY: z.string(),
  })
  .transform((env, context) => {
    const slices = dnsSlices(env.DNS_POOL, env.DNS_PREFIX, env.DNS_RESOLVER);
    if (slices.length === 0)
      context.addIssue(`DNS_POOL ${env.DNS_POOL} has no /${env.DNS_PREFIX} beside that of ${env.DNS_RESOLVER}`);
    return {
      ...stackOf(env, env.LOAD_BALANCER_ARN),
      ...fleetOf(env),
      document: env.DOCUMENT,
      /** `own` is ours, from the bucket; `netfoundry` what the image of the router brings along. */
      diverter: env.DIVERTER,
      /** Our diverter has answers go straight to the client, or back through the load balancer. */
      reply: env.REPLY,
      /** Ziti-router's garbage collector is set by the machine's memory. */
      tuneRouter: env.TUNE_ROUTER,
      bucket: env.DIVERTER_BUCKET,
      /** The diverter's keys in the bucket begin so: each is named by what it hashes to. */
      prefix: env.DIVERTER_PREFIX,
      /** SHA-256 of our diverter's package, by the architecture as Debian calls it. */
      builds: env.DIVERTER_BUILDS,
      /** The diverter answers health checks at this port; empty if the target group checks ziti-router. */
      healthPort: env.HEALTH_PORT,
      /** The diverter is to look at these besides itself: options of `diverter health`. */
      healthOptions: env.HEALTH_OPTIONS,
      /** A launch may take so long before its hook is told ABANDON, in milliseconds. */
      launchDeadline: env.LAUNCH_DEADLINE * 1000,
      /** Routers may stand in these subnets; empty if anywhere in the VPC. */
      routerSubnets: env.ROUTER_SUBNETS,
      /** ARN of the instance profile that routers have; empty if any will do. */
      routerProfile: env.ROUTER_PROFILE,
      /** Ranges for wildcard services, of which each router gets one of its own. */
      dns: env.DNS_RANGES ? { resolver: env.DNS_RESOLVER, slices } : undefined,
      /** A router of NetFoundry finds the key to register again with there. */
      registrationKey: env.REGISTRATION_KEY,
      /** An instance's tag: the diverter it has, and since when. */
      diverterKey: `${env.TAG_KEY}:diverter`,
      /** An instance's tag: the interfaces whose source/dest check was turned off for it. */
      checkKey: `${env.TAG_KEY}:source-dest-check`,
    };
  });
export type RoutersConfig = z.infer<typeof routers>;

/** The ranges that routers can have: all of the pool's but that which holds the resolver. */
function dnsSlices(pool: string, prefix: number, resolver: string): string[] {
  const [range, address] = [parseCidr(pool), parseCidr(`${resolver}/32`)];
  if (!range || !address || prefix < range.prefix || prefix > range.prefix + 10) return [];
  return subdivide(range, prefix)
    .filter((slice) => !overlap(slice, address))
    .map(formatCidr);
}

type Environment = Record<string, string | undefined>;

/** Reads a function's configuration; throws one sentence that names every variable that is wrong. */
export const hubConfig = (env: Environment): HubConfig => read(hub, env);
export const spokeConfig = (env: Environment): SpokeConfig => read(spoke, env);
export const healthConfig = (env: Environment): HealthConfig => read(health, env);
export const routersConfig = (env: Environment): RoutersConfig => read(routers, env);

function read<T>(schema: z.ZodType<T>, env: Environment): T {
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  throw new Error(`The function is deployed with a wrong environment. ${z.prettifyError(result.error)}`);
}
