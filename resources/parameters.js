import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { claimedTag } from './claimed-tag.js';

// CloudWatch Logs takes no other number of days: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
const RETENTIONS = '1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653'.split(' ');

/** A pattern has this between its `^` and `$`. */
const inner = (pattern) => pattern.slice(1, -1);
const id = (prefix) => new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`);
// Schemas say in their metadata what CloudFormation can check of a parameter: release/parameters.ts declares it so.
const mustBe = (whatItIs) => ({ ConstraintDescription: `must be ${whatItIs}` });
const text = (pattern, whatItIs) =>
  z
    .string()
    .regex(pattern, `is not ${whatItIs}`)
    .meta({ cloudFormation: { AllowedPattern: pattern.source, ...mustBe(whatItIs) } });
const oneOf = (...words) => {
  const whatItIs = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return text(new RegExp(`^(${words.join('|')})$`), whatItIs).meta({
    cloudFormation: { AllowedValues: words, ...mustBe(whatItIs) },
  });
};
const optional = (schema) => {
  const { AllowedPattern, ConstraintDescription } = schema.meta()?.cloudFormation ?? {};
  return z
    .string()
    .superRefine((value, context) => {
      const issue = value === '' ? undefined : schema.safeParse(value).error?.issues[0];
      if (issue) context.addIssue(issue.message);
    })
    .meta({
      cloudFormation: AllowedPattern && {
        AllowedPattern: `^(${inner(AllowedPattern)})?$`,
        ConstraintDescription: `${ConstraintDescription}, or empty`,
      },
    });
};
const flag = oneOf('true', 'false');
const arn = (pattern, whatItIs) => optional(text(new RegExp(`^arn:aws[a-z-]*:${pattern}$`), whatItIs));
const list = (separator, whatItIs, isOne) =>
  z.string().superRefine((all, context) => {
    const items = all.split(separator);
    const wrong = items.find((one) => !isOne(one, items));
    if (wrong !== undefined) context.addIssue(`has '${wrong}', which is not ${whatItIs}`);
    else if (new Set(items).size < items.length) context.addIssue('names one twice');
  });
/** A whole number may be given as a text or not. */
const whole = (least, greatest) =>
  z
    .union([z.string(), z.number()])
    .refine(
      (value) => /^(0|[1-9]\d*)$/.test(value) && Number(value) >= least && Number(value) <= greatest,
      `is not a whole number from ${least} to ${greatest}`,
    )
    .meta({ cloudFormation: { MinValue: least, MaxValue: greatest } });

const SUBNET = id('subnet');
const subnetIds = list(',', 'the id of a subnet', (one) => SUBNET.test(one));

/** A pool is an IPv4 network that is large enough to be divided. */
const isPool = (cidr) => isNetwork(cidr) && ipaddr.IPv4.isValidCIDR(cidr) && ipaddr.IPv4.parseCIDR(cidr)[1] < 30;
const overlap = ([a, aPrefix], [b, bPrefix]) => a.kind() === b.kind() && a.match(b, Math.min(aPrefix, bPrefix));

function isNetwork(cidr) {
  const family = [ipaddr.IPv4, ipaddr.IPv6].find((each) => each.isValidCIDR(cidr));
  return family !== undefined && cidr === `${family.networkAddressFromCIDR(cidr)}/${family.parseCIDR(cidr)[1]}`;
}

// Principals with a path are not supported: https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html
const PRINCIPAL = /^(\*|\d{12}|arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)\/[\w+=,.@-]+))$/;

/** AWS takes such a tag, and its key is none of the stack's own. A comma stands between two. */
const TAG = /^(?!aws:|ziti-glb:|Name=|STAGE=)[\p{L}\p{Z}\p{N}_.:/+@-]{1,128}=[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/iu;
// AWS allows 50 tags on a resource, the stack's own and AWS's apart: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
const MOST_TAGS = 40;
const keyOf = (tag) => tag.slice(0, tag.indexOf('='));

/** IAM has 10,240 characters for all policies of a role, in which each VPC is named twice. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
export const MOST_VPCS = 50;

/** Each has a statement in the policy of the function that tells of health, whose size Lambda limits to 20 KB. */
export const MOST_SPOKES = 20;

const isAccount = (one) => /^\d{12}$/.test(one);

/**
 * The stack's parameters may be given so: serverless.yml says what each is for, and its default. The plain template takes
 * what CloudFormation can check from here; what cannot be said there alike stands in release/parameters.ts.
 */
export const parameters = z.strictObject({
  vpcId: text(id('vpc'), 'the id of a VPC'),
  subnetIds: optional(subnetIds),
  clientVpcs: list(
    ',',
    'own, all, or the ids of VPCs',
    (one, { length }) => id('vpc').test(one) || (length === 1 && /^(own|all)$/.test(one)),
  ).refine(
    (ids) => ids.split(',').length <= MOST_VPCS,
    `has more than ${MOST_VPCS} VPCs, for which IAM has no room in the policies of a role: say all`,
  ),
  defaultCidrs: list(/\s+/, 'a network like 100.64.0.0/10', isNetwork),
  tagKey: text(/^(?!aws:)[\w.:/=+@-]{1,75}$/i, "a tag's key of at most 75 letters, digits and _.:/=+@-"),
  endpoints: list(
    /\s+/,
    'subnet, zone, or the ids of subnets',
    (one, { length }) => id('subnet').test(one) || (length === 1 && /^(subnet|zone)$/.test(one)),
  ),
  mainRouteTable: oneOf('refuse', 'allow'),
  withoutRouter: oneOf('keep', 'withdraw'),
  systemsManagerCidrs: optional(list(/\s+/, 'a network like 10.100.0.0/24', isNetwork)),
  dnsResolver: z
    .ipv4('is not an IPv4 address')
    .regex(/^(?!(0|127|169\.254|22[4-9]|2[345]\d)\.)/, 'is not an address that a route can lead to'),
  endpointsPerVpc: whole(1, 1000),
  routesPerTable: whole(1, 1000),
  crossZone: flag,
  failover: oneOf('reset', 'rebalance'),
  idleTimeout: whole(60, 6000),
  deregistrationDelay: whole(0, 3600),
  // https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
  healthCheckInterval: whole(5, 300),
  healthyThreshold: whole(2, 10),
  unhealthyThreshold: whole(2, 10),
  dnsRanges: flag,
  dnsPool: z.string().refine(isPool, 'is not an IPv4 network like 100.64.0.0/10'),
  dnsPrefix: whole(1, 30),
  diverter: oneOf('own', 'netfoundry'),
  reply: oneOf('direct', 'geneve'),
  tuneRouter: flag,
  registrationKey: text(/^[\w.:/{}+=@-]*$/, 'the name of a parameter or the ARN of a secret'),
  healthCheck: oneOf('both', 'diverter', 'router'),
  servicesRequired: flag,
  launchDeadline: whole(60, 7200),
  routerSubnets: optional(subnetIds),
  routerProfile: arn('iam::\\d{12}:instance-profile/[\\w+=,.@/-]+', 'the ARN of an instance profile'),
  sealVersion: whole(1, 999),
  allowedPrincipals: optional(list(',', 'an account, or a root, role or user of IAM', (one) => PRINCIPAL.test(one))),
  gatewayOwners: optional(list(',', 'the id of an account', isAccount)),
  spokeAccounts: optional(list(',', 'the id of an account', isAccount)).refine(
    (ids) => ids.split(',').length <= MOST_SPOKES,
    `has more than ${MOST_SPOKES} accounts`,
  ),
  spokeOrganization: optional(text(/^o-[a-z0-9]{10,32}$/, 'the id of an organisation, like o-a1b2c3d4e5')),
  loadBalancerArn: arn(
    'elasticloadbalancing:[a-z0-9-]+:\\d{12}:loadbalancer/gwy/[\\w-]+/[0-9a-f]{16}',
    'the ARN of a Gateway Load Balancer',
  ),
  targetGroupArn: arn(
    'elasticloadbalancing:[a-z0-9-]+:\\d{12}:targetgroup/[\\w-]+/[0-9a-f]{16}',
    'the ARN of a target group',
  ),
  serviceId: optional(text(id('vpce-svc'), 'the id of an endpoint service')),
  autoScalingGroup: optional(text(/^[^\p{Cc}:]{1,255}$/u, 'the name of an Auto Scaling group')),
  permissionsBoundary: arn('iam::(\\d{12}|aws):policy/[\\w+=,.@/-]+', 'the ARN of a policy of IAM'),
  tags: optional(
    list(
      ',',
      'a tag like Team=network, or has its key twice',
      (one, all) => TAG.test(one) && all.filter((each) => keyOf(each) === keyOf(one)).length === 1,
    ),
  ).refine((tags) => tags.split(',').length <= MOST_TAGS, `has more than ${MOST_TAGS} tags`),
  architecture: oneOf('arm64', 'x86_64'),
  reserveConcurrency: flag,
  alarmTopicArn: arn('sns:[a-z0-9-]+:\\d{12}:[\\w-]+', 'the ARN of an SNS topic'),
  alarmEmail: optional(z.email('is not an e-mail address')),
  runbook: text(/^\S+$/, 'an address without spaces'),
  logRetention: z
    .union([z.string(), z.number()])
    .refine((days) => RETENTIONS.includes(String(days)), `is not one of ${RETENTIONS.join(', ')}`)
    .meta({ cloudFormation: { AllowedValues: RETENTIONS, ...mustBe(`one of ${RETENTIONS.join(', ')}`) } }),
});

const HUB_SERVICE = /^([a-z]+\.)*com\.amazonaws\.vpce\.([a-z0-9-]+)\.vpce-svc-[0-9a-f]{17}$/;

const { vpcId: _vpcId, ...shared } = parameters.pick({
  vpcId: true,
  clientVpcs: true,
  defaultCidrs: true,
  tagKey: true,
  endpoints: true,
  mainRouteTable: true,
  withoutRouter: true,
  systemsManagerCidrs: true,
  dnsResolver: true,
  endpointsPerVpc: true,
  routesPerTable: true,
  sealVersion: true,
  permissionsBoundary: true,
  tags: true,
  architecture: true,
  reserveConcurrency: true,
  alarmTopicArn: true,
  alarmEmail: true,
  runbook: true,
  logRetention: true,
}).shape;

/** A spoke's parameters may be given so: it is for an account that reaches the routers of another one. */
export const spokeParameters = z.strictObject({
  hubService: text(HUB_SERVICE, 'the name of an endpoint service'),
  hubHealth: text(
    /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+$/,
    'the ARN of the function that the hub has for its spokes',
  ),
  ...shared,
  clientVpcs: list(
    ',',
    'all, or the ids of VPCs',
    (one, { length }) => id('vpc').test(one) || (length === 1 && one === 'all'),
  ).refine(
    (ids) => ids.split(',').length <= MOST_VPCS,
    `has more than ${MOST_VPCS} VPCs, for which IAM has no room in the policies of a role: say all`,
  ),
});

/**
 * Checks all parameters of a spoke.
 * @param given by name, as spoke.yml and the command line have them
 * @param place.region where the stack is to be
 * @param place.account where it is to be, if that is known
 * @throws Error of one sentence
 */
export function checkSpoke(given, { region, account }) {
  const result = spokeParameters.safeParse(given);
  const wrong = result.success
    ? spokeCombination(result.data, region, account)
    : describe(result.error.issues[0], given, spokeParameters);
  if (wrong) throw new Error(wrong);
}

function spokeCombination({ hubService, hubHealth, alarmTopicArn, alarmEmail, defaultCidrs }, region, account) {
  const [, , , healthRegion, hub] = hubHealth.split(':');
  const serviceRegion = HUB_SERVICE.exec(hubService)?.[2];
  if (serviceRegion !== region)
    return `The parameter hubService is in another region than the stack, ${region}, and no endpoint reaches it from there: ${hubService}`;
  if (healthRegion !== region)
    return `The parameter hubHealth is in another region than the stack, ${region}: ${hubHealth}`;
  if (hub === account)
    return `The hub is of this account, ${account}, and needs no spoke here: name the VPCs in its parameter clientVpcs`;
  if (alarmTopicArn !== '' && alarmEmail !== '')
    return 'The parameters alarmTopicArn and alarmEmail exclude each other: subscribe the address to the topic yourself.';
  if (alarmTopicArn !== '' && alarmTopicArn.split(':')[3] !== region)
    return `The parameter alarmTopicArn is in another region than the stack, ${region}: ${alarmTopicArn}`;
  return overlapping(defaultCidrs);
}

/**
 * Checks all parameters, and each with the others.
 * @param given by name, as serverless.yml and the command line have them
 * @param place.region where the stack is to be
 * @param place.defaults what serverless.yml has for those that nobody gave
 * @throws Error of one sentence
 */
export function checkParameters(given, { region, defaults }) {
  const result = parameters.safeParse(given);
  const wrong = result.success
    ? combination(result.data, region) || superfluous(result.data, defaults) || addresses(result.data)
    : describe(result.error.issues[0], given, parameters);
  if (wrong) throw new Error(wrong);
}

/**
 * The command line gives parameters as `--param NAME=VALUE`, each once: the framework would take the last of two, and complains of one without
 * a value once for every place where a parameter is used.
 * @param {readonly string[]} given
 * @returns {[name: string, value: string][]}
 * @throws Error of one sentence
 */
export function givenParameters(given) {
  const pairs = given.map((text) => {
    const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name !== undefined) return [name, value.trimEnd()];
    const says = /^[^=]+=$/.test(text) ? `gives no value; for an empty one: --param ${text}' '` : 'is not NAME=VALUE';
    throw new Error(`--param ${text} ${says}`);
  });
  const twice = pairs.find(([name], at) => pairs.findIndex(([other]) => other === name) < at);
  if (twice)
    throw new Error(
      `The parameter ${twice[0]} is given twice. Give it once: of a list, all in one, as its default has it`,
    );
  return pairs;
}

/**
 * The framework would take us-east-1, where nobody has meant the stack to be.
 * @param {{ region?: string }} options of the command line
 * @param {Record<string, string | undefined>} [environment]
 * @throws Error of one sentence if neither they nor the environment say where the stack is to be
 */
export function checkRegion({ region }, { AWS_REGION, AWS_DEFAULT_REGION } = process.env) {
  if (!region && !AWS_REGION && !AWS_DEFAULT_REGION)
    throw new Error(
      'It is not said where the stack is to be: add --region, as in --region eu-central-1, or set AWS_REGION.',
    );
}

/**
 * `ziti-glb-STAGE-topology` must be a function's name: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
 * @throws Error of one sentence if Lambda would not take the names of the functions of this stage
 */
export function checkStage(stage, service = 'ziti-glb') {
  const longest = 64 - `${service}--topology`.length;
  if (stage.length > longest)
    throw new Error(
      `The stage has ${stage.length} characters, and the names of functions leave room for ${longest}: choose a shorter --stage than ${stage}`,
    );
}

function describe({ code, keys, path: [name], message }, given, { shape }) {
  if (code === 'unrecognized_keys')
    return `There is no parameter ${keys[0]}; there are ${Object.keys(shape).join(', ')}.`;
  if (!given[name]) return `The parameter ${name} must be given: add --param ${name}=…`;
  return `The parameter ${name} ${message}: ${given[name]}`;
}

const TAKEN = ['loadBalancerArn', 'targetGroupArn', 'serviceId'];

function combination(given, region) {
  const missing = TAKEN.filter((name) => given[name] === '');
  if (missing.length === TAKEN.length && given.subnetIds === '')
    return 'The parameter subnetIds must be given, one subnet for each zone: add --param subnetIds=subnet-…,subnet-…';
  if (missing.length > 0 && missing.length < TAKEN.length)
    return `To take a load balancer that is there, the parameters ${TAKEN.join(', ')} must all be given; ${missing.join(' and ')} is missing.`;
  if (missing.length === 0 && given.subnetIds !== '')
    return 'The parameter subnetIds is for a load balancer that is to be made; with loadBalancerArn it must not be given.';
  if (given.diverter === 'netfoundry' && given.healthCheck === 'diverter')
    return 'The parameter healthCheck cannot be diverter where diverter is netfoundry, whose diverter answers no health checks.';
  if (given.diverter === 'netfoundry' && given.reply === 'geneve')
    return 'The parameter reply cannot be geneve where diverter is netfoundry, whose diverter answers clients directly only.';
  if (given.gatewayOwners !== '' && given.reply !== 'geneve')
    return `The parameter gatewayOwners needs reply to be geneve: a router has no way straight back to a client behind a transit gateway. Add --param reply=geneve, or leave gatewayOwners out.`;
  if (given.clientVpcs !== 'own' && given.reply !== 'geneve')
    return `The parameter clientVpcs needs reply to be geneve: a router has no way straight back to a client of another VPC. Add --param reply=geneve, or leave clientVpcs out.`;
  if (given.spokeAccounts !== '' && given.reply !== 'geneve')
    return `The parameter spokeAccounts needs reply to be geneve: a router has no way straight back to a client of another account. Add --param reply=geneve, or leave spokeAccounts out.`;
  if (given.spokeOrganization !== '' && given.reply !== 'geneve')
    return `The parameter spokeOrganization needs reply to be geneve: a router has no way straight back to a client of another account. Add --param reply=geneve, or leave spokeOrganization out.`;
  if (given.alarmTopicArn !== '' && given.alarmEmail !== '')
    return 'The parameters alarmTopicArn and alarmEmail exclude each other: subscribe the address to the topic yourself.';
  if (given.diverter === 'netfoundry' && given.dnsRanges === 'true' && given.registrationKey === '')
    return 'The parameter registrationKey must be given where diverter is netfoundry and dnsRanges is true: each router registers again with it, for its range.';
  const elsewhere = ['loadBalancerArn', 'targetGroupArn', 'alarmTopicArn'].find(
    (name) => given[name] !== '' && given[name].split(':')[3] !== region,
  );
  return elsewhere && `The parameter ${elsewhere} is in another region than the stack, ${region}: ${given[elsewhere]}`;
}

/** A load balancer that the stack makes takes these. One that is there is as its owner made it. */
export const OF_LOAD_BALANCER = [
  'crossZone',
  'failover',
  'idleTimeout',
  'deregistrationDelay',
  'healthCheckInterval',
  'healthyThreshold',
  'unhealthyThreshold',
  'allowedPrincipals',
];

function superfluous(given, defaults) {
  const ignored = given.loadBalancerArn && OF_LOAD_BALANCER.find((name) => `${given[name]}` !== `${defaults[name]}`);
  return (
    ignored &&
    `The parameter ${ignored} is for a load balancer that is to be made: leave it out, and set it on that of loadBalancerArn.`
  );
}

/** The functions, or routes, could not work with some addresses. */
function addresses({ defaultCidrs, dnsPool, dnsPrefix, dnsResolver }) {
  const twice = overlapping(defaultCidrs);
  if (twice) return twice;
  // shared/config.ts counts the same: the resolver's own slice is no router's, and there are 1024 at the most.
  const pool = ipaddr.parseCIDR(dnsPool);
  const least = overlap(pool, [ipaddr.parse(dnsResolver), 32]) ? pool[1] + 1 : pool[1];
  const greatest = Math.min(30, pool[1] + 10);
  if (dnsPrefix < least || dnsPrefix > greatest)
    return `The parameter dnsPrefix must be from ${least} to ${greatest}, for slices of dnsPool ${dnsPool} apart from that of dnsResolver ${dnsResolver}: ${dnsPrefix}`;
}

function overlapping(defaultCidrs) {
  const networks = defaultCidrs.split(/\s+/).map((cidr) => ipaddr.parseCIDR(cidr));
  for (const [index, one] of networks.entries()) {
    const other = networks.slice(0, index).find((each) => overlap(each, one));
    if (other)
      return `The parameter defaultCidrs has networks that overlap, ${other.join('/')} and ${one.join('/')}: ${defaultCidrs}`;
  }
}

// serverless.yml takes what follows from the parameters, where a text will not do.

/** A condition's key cannot hold a variable of serverless.yml: made here, it can hold the tag that was chosen. */
export const isRouter = async ({ resolveVariable }) => ({
  [`aws:ResourceTag/${await resolveVariable('param:tagKey')}`]: 'router',
});

/** A policy's `Null` takes this for what carries our note of the source/dest checks that were turned off. */
export const isNoted = async ({ resolveVariable }) => ({
  [`aws:ResourceTag/${await resolveVariable('param:tagKey')}:source-dest-check`]: 'false',
});

/** Systems Manager has a claim by VPC and tag. */
export const claim = async ({ resolveVariable }) =>
  `/ziti-glb/${await resolveVariable('param:vpcId')}/${claimedTag(await resolveVariable('param:tagKey'))}`;

/** One stack claims all VPCs that it names and that have no routers: two spokes would be two hubs for the same subnets. */
export const clientsClaim = async ({ resolveVariable }) =>
  `/ziti-glb/clients/${claimedTag(await resolveVariable('param:tagKey'))}`;

/** The diverter answers health checks on this port, if these are for it, and ziti-router. */
const DIVERTER_PORT = '8082';
const ROUTER_PORT = '8081';

/** Health checks are for ziti-router alone, or not: NetFoundry's diverter answers none. */
const asksRouterAlone = async (resolveVariable) =>
  (await resolveVariable('param:healthCheck')) === 'router' ||
  (await resolveVariable('param:diverter')) === 'netfoundry';

/** The target group checks this, and the install what routers answer there. */
export const healthCheck = async ({ resolveVariable }) =>
  (await asksRouterAlone(resolveVariable))
    ? { protocol: 'HTTPS', port: ROUTER_PORT, path: '/health-checks' }
    : { protocol: 'HTTP', port: DIVERTER_PORT, path: '/' };

export const healthPort = async ({ resolveVariable }) =>
  (await asksRouterAlone(resolveVariable)) ? '' : DIVERTER_PORT;

/** The diverter looks at these beside itself when it is asked: options of `diverter health`. */
export const healthOptions = async ({ resolveVariable }) => {
  if (await asksRouterAlone(resolveVariable)) return '';
  const both = (await resolveVariable('param:healthCheck')) === 'both';
  const idle = String(await resolveVariable('param:servicesRequired')) === 'false';
  return [both && `--router ${ROUTER_PORT}`, idle && '--idle'].filter(Boolean).join(' ');
};

const NOTHING = { Ref: 'AWS::NoValue' };

/** Every role has this boundary. */
export const permissionsBoundary = async ({ resolveVariable }) =>
  (await resolveVariable('param:permissionsBoundary')) || NOTHING;

/** CloudFormation hands the stack's tags on to whatever it makes that takes tags. */
export const stackTags = async (variables) => ({
  ...(await tags(variables)),
  'ziti-glb:version': await variables.resolveVariable('self:custom.version'),
});

const tags = async (variables) =>
  Object.fromEntries(
    (await rightful('tags', variables, ''))
      .split(',')
      .filter(Boolean)
      .map((tag) => [keyOf(tag), tag.slice(keyOf(tag).length + 1)]),
  );

export const tagKeys = async (variables) => Object.keys(await tags(variables));

export const architecture = (variables) => rightful('architecture', variables, 'arm64');

export const logRetention = async (variables) => Number(await rightful('logRetention', variables, 30));

/** The framework would refuse one that cannot be, in its own words, before the parameters are checked. */
async function rightful(name, { resolveVariable }, otherwise) {
  const value = String(await resolveVariable(`param:${name}`));
  return parameters.shape[name].safeParse(value).success ? value : otherwise;
}

/** Each function that changes something reserves this. */
export const reservedConcurrency = async ({ resolveVariable }) =>
  String(await resolveVariable('param:reserveConcurrency')) === 'true' ? 1 : NOTHING;

/** The function that spokes ask reserves this, where there are any: one account that asks in a loop can take the answer from others, and nothing else from anybody. */
export const healthConcurrency = async (variables) => {
  const { resolveVariable } = variables;
  const asked =
    (await named('spokeAccounts', resolveVariable)).length > 0 ||
    (await resolveVariable('param:spokeOrganization')) !== '';
  return asked ? reservedConcurrency(variables) : NOTHING;
};

/** Policies name the VPCs whose subnets count by these ARNs. */
export const clientVpcs = async ({ resolveVariable }) => {
  const given = String(await resolveVariable('param:clientVpcs'));
  const others = given === 'own' ? [] : given === 'all' ? ['*'] : given.split(',');
  const ids = others.includes('*') ? others : [...new Set([await resolveVariable('param:vpcId'), ...others])];
  return vpcArns(ids);
};

/** A spoke's policies name no VPC of routers. */
export const spokeVpcs = async ({ resolveVariable }) => {
  const given = String(await resolveVariable('param:clientVpcs'));
  return vpcArns(given === 'all' ? ['*'] : given.split(','));
};

/** The first is named in full, and the others as short as can be: a VPC's id says where it is. */
const vpcArns = ([first, ...others]) => [vpcArn(first), ...others.map((id) => `arn:*:ec2:*:*:vpc/${id}`)];
const vpcArn = (id) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:ec2:\${AWS::Region}:\${AWS::AccountId}:vpc/${id}` });

/** A function's variables have lists with blanks. */
export const clientVpcIds = async ({ resolveVariable }) =>
  String(await resolveVariable('param:clientVpcs')).replaceAll(',', ' ');

export const gatewayOwners = async ({ resolveVariable }) =>
  String(await resolveVariable('param:gatewayOwners')).replaceAll(',', ' ');

export const routerSubnets = async ({ resolveVariable }) =>
  String(await resolveVariable('param:routerSubnets')).replaceAll(',', ' ');

const named = async (name, resolveVariable) =>
  String(await resolveVariable(`param:${name}`))
    .split(',')
    .filter(Boolean);

/** The endpoint service lets these connect: this account, whose subnets are opted in, whoever else was named, and spokes. */
export const allowedPrincipals = async ({ resolveVariable }) => {
  const others = await named('allowedPrincipals', resolveVariable);
  // A spoke that is allowed already is allowed once.
  const spokes = (await named('spokeAccounts', resolveVariable)).filter(
    (account) => !others.some((one) => one === account || one.endsWith(`::${account}:root`)),
  );
  const root = (account) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:iam::${account}:root` });
  return [root(`\${AWS::AccountId}`), ...[...others, ...spokes].map((one) => (isAccount(one) ? root(one) : one))];
};

/** A function's variables have lists with blanks. */
export const spokeAccountIds = async ({ resolveVariable }) => (await named('spokeAccounts', resolveVariable)).join(' ');

/** Lambda lets others ask which routers are healthy by these permissions, one for each account and one for an organisation. */
export const healthPermissions = async ({ resolveVariable }) => {
  const organization = await resolveVariable('param:spokeOrganization');
  return Object.fromEntries([
    ...(await named('spokeAccounts', resolveVariable)).map((account, at) => [
      `HealthPermission${at + 1}`,
      healthPermission(account),
    ]),
    ...(organization ? [['HealthPermissionOfOrganization', organizationPermission(organization)]] : []),
  ]);
};

export const healthPermission = (Principal, more = {}) => ({
  Type: 'AWS::Lambda::Permission',
  Properties: {
    FunctionName: { 'Fn::GetAtt': ['HealthLambdaFunction', 'Arn'] },
    Action: 'lambda:InvokeFunction',
    Principal,
    ...more,
  },
});

/** https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-organization.html */
export const organizationPermission = (PrincipalOrgID) => healthPermission('*', { PrincipalOrgID });

/**
 * The load balancer does one of two things with the flows of a router that goes: they are reset, so that clients connect again at once, or moved to
 * another router, which knows nothing of a TCP connection that it did not see begin. The two exclude each other:
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/edit-target-group-attributes.html
 */
export const failover = async ({ resolveVariable }) => {
  const rebalance = (await resolveVariable('param:failover')) === 'rebalance';
  const attribute = (Key, Value) => ({ Key, Value: String(Value) });
  return [
    attribute('deregistration_delay.timeout_seconds', await resolveVariable('param:deregistrationDelay')),
    ...['on_deregistration', 'on_unhealthy'].flatMap((when) => [
      attribute(`target_failover.${when}`, rebalance ? 'rebalance' : 'no_rebalance'),
      attribute(`send_tcp_reset.${when}.enabled`, !rebalance),
    ]),
  ];
};
