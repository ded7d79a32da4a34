import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import toRegexRange from 'to-regex-range';
import { parse } from 'yaml';
import { type ZodType, z } from 'zod';
import { MOST_VPCS, OF_LOAD_BALANCER, parameters, spokeParameters } from '../resources/parameters.js';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** CloudFormation checks a parameter by these: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html */
interface Constraint {
  AllowedPattern?: string;
  AllowedValues?: (string | number)[];
  ConstraintDescription?: string;
}

const ID = '([0-9a-f]{8}|[0-9a-f]{17})';
const ACCOUNT = '[0-9]{12}';
const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const IPV4 = `(${OCTET}\\.){3}${OCTET}`;
const IPV6 = '[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}';
const CIDR = `(${IPV4}/(3[0-2]|[12]?[0-9])|${IPV6}/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))`;
const PRINCIPAL = `(\\*|arn:aws[a-z-]*:iam::${ACCOUNT}:(root|(role|user)/[A-Za-z0-9_+=.@-]+))`;
const TAG = '[\\p{L}\\p{Z}\\p{N}_.:/+@-]';
/** Patterns are Java's to CloudFormation, and JavaScript's to the cloud in a box: neither's flags stand in the other's pattern. */
const inAnyCase = (word: string) =>
  word.replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);

const pattern = (text: string, whatItIs: string): Constraint => ({
  AllowedPattern: `^${text}$`,
  ConstraintDescription: `must be ${whatItIs}`,
});
const optional = (text: string, whatItIs: string) => pattern(`(?:${text})?`, `${whatItIs}, or empty`);
const list = (one: string, separator = ',') => `${one}(${separator}${one})*`;
/** A list's pattern begins so where none may be in it twice: its first group. */
const onlyOnce = (one: string, separator: string) =>
  `(?!(?:.*${separator})?(${one})${separator}(?:.*${separator})?\\1(${separator}|$))`;

const subnets = (separator: string) => onlyOnce(`subnet-[0-9a-f]+`, separator) + list(`subnet-${ID}`, separator);
const vpcs = `${onlyOnce('vpc-[0-9a-f]+', ',')}vpc-${ID}(,vpc-${ID}){0,${MOST_VPCS - 1}}`;
const cidrs = onlyOnce('\\S+', '\\s+') + list(CIDR, '\\s+');
const accounts = (most: string) => `${onlyOnce(ACCOUNT, ',')}${ACCOUNT}(,${ACCOUNT})${most}`;

/** These stand in place of what the schema in resources/parameters.js says, which has no pattern, or allows more than a plain template can. The functions refuse what these leave. */
const CONSTRAINTS: Readonly<Record<string, Constraint>> = {
  subnetIds: optional(subnets(','), 'ids of subnets, each once, with commas and no blanks'),
  routerSubnets: optional(subnets(','), 'ids of subnets, each once, with commas and no blanks'),
  clientVpcs: pattern(
    `(?:own|all|${vpcs})`,
    `own, all, or ids of VPCs, each once and ${MOST_VPCS} at most, with commas and no blanks`,
  ),
  defaultCidrs: pattern(cidrs, 'networks like 100.64.0.0/10, each once, separated by spaces'),
  // A parameter of Systems Manager is named by it, in which others of a tag's characters would have to be written by their codes.
  tagKey: pattern('(?!aws:)[A-Za-z0-9_.-]{1,75}', "a tag's key of at most 75 letters, digits and _.-"),
  endpoints: pattern(
    `(?:subnet|zone|${subnets('\\s+')})`,
    'subnet, zone, or ids of subnets, each once, separated by spaces',
  ),
  systemsManagerCidrs: optional(cidrs, 'networks like 10.100.0.0/24, each once, separated by spaces'),
  dnsResolver: pattern(
    `(?!(0|127|169\\.254|22[4-9]|2[345][0-9])\\.)${IPV4}`,
    'an IPv4 address that a route can lead to, like 100.127.255.254',
  ),
  dnsPool: pattern(`${IPV4}/([12]?[0-9])`, 'an IPv4 network like 100.64.0.0/10, of at most 29 bits'),
  allowedPrincipals: optional(
    onlyOnce('[^,]+', ',') + list(PRINCIPAL),
    'ARNs of roots, roles without a path, and users of IAM, each once, with commas and no blanks; or *',
  ),
  gatewayOwners: optional(accounts('*'), 'ids of accounts, each once, with commas and no blanks'),
  spokeAccounts: optional(accounts('{0,19}'), 'ids of accounts, each once and 20 at most, with commas and no blanks'),
  // The group's name stands in a policy that is written as text.
  autoScalingGroup: optional(
    '[^:"\\\\\\x00-\\x1f\\x7f-\\x9f]{1,255}',
    'the name of an Auto Scaling group, without quotes and backslashes',
  ),
  tags: optional(
    `(?!(?:.*,)?([^=,]+)=(?:.*,)\\1=)${oneTag()}(,${oneTag()}){0,39}`,
    'tags like Team=network,Cost Center=42: at most 40, each key once, with commas, and none of AWS or of ziti-glb',
  ),
  alarmEmail: optional(z.regexes.email.source.replace(/^\^|\$$/g, ''), 'an e-mail address'),
};

function oneTag(): string {
  const own = ['aws:', 'ziti-glb:', 'Name=', 'STAGE='].map(inAnyCase).join('|');
  return `(?!${own})${TAG}{1,128}=[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}`;
}

const TAKEN = ['loadBalancerArn', 'targetGroupArn', 'serviceId'];

/** A stack that a plain template is made of. */
export interface PlainStack {
  /** Serverless packages it from this file. */
  config: string;
  /** Each parameter may be this, by its name. */
  schemas: Readonly<Record<string, ZodType>>;
  constraints: Readonly<Record<string, Constraint>>;
  /** A release has its documents here, from the folder of the stack's template. */
  documents: string;
}
export const HUB: PlainStack = {
  config: 'serverless.yml',
  schemas: parameters.shape,
  constraints: CONSTRAINTS,
  documents: 'docs',
};
export const SPOKE: PlainStack = {
  config: 'spoke.yml',
  documents: '../docs',
  schemas: spokeParameters.shape,
  constraints: {
    ...CONSTRAINTS,
    clientVpcs: pattern(
      `(?:all|${vpcs})`,
      `all, or ids of VPCs, each once and ${MOST_VPCS} at most, with commas and no blanks`,
    ),
  },
};

/** A stack has these by the file that it is packaged from: its name, the names of its functions, and each parameter by name with its default. */
export function declarationOf({ config }: PlainStack) {
  const { service, functions, params } = parse(read(config), { logLevel: 'silent' }) as {
    service: string;
    functions: Record<string, unknown>;
    params: { default: Record<string, string | number> };
  };
  return { service, functions: Object.keys(functions), defaults: params.default };
}

/** Only the plain template asks for these. */
const ownParameters = (service: string, version: string) => ({
  codeBucket: {
    Description: 'The bucket in this region into which the folder code of the release was copied.',
    AllowedPattern: '^[a-z0-9.-]{3,63}$',
    ConstraintDescription: "must be a bucket's name",
  },
  codePrefix: {
    Description: 'Where in the bucket: what stands before subnets-….zip, without a slash at its end.',
    Default: `ziti-glb/${version}`,
    AllowedPattern: '^[A-Za-z0-9_./-]*[A-Za-z0-9_.-]$',
    ConstraintDescription: 'must be letters, digits and _./-, without a slash at the end',
  },
  stage: {
    Description: `The functions, and what else may not be shared with another stack, are named ${service}-STAGE.`,
    Default: 'dev',
    // The longest name of a function is that of topology: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    AllowedPattern: `^[A-Za-z][A-Za-z0-9-]{0,${63 - `${service}--topology`.length}}$`,
    ConstraintDescription: `must be at most ${64 - `${service}--topology`.length} letters, digits and hyphens, of which the first is a letter`,
  },
  tagKeys: {
    Description: 'The keys of the parameter tags, with commas: given if that is.',
    Default: '',
    AllowedPattern: '^[^"\\\\]*$',
    ConstraintDescription: 'must be keys of tags, with commas',
  },
});

function constraintOf(schema: ZodType | undefined): Constraint | undefined {
  const { MinValue, MaxValue, ...others } = Object(schema?.meta()?.cloudFormation);
  // CloudFormation takes 1.5 for a number.
  if (MinValue !== undefined)
    return pattern(
      toRegexRange(MinValue, MaxValue, { capture: true }),
      `a whole number from ${MinValue} to ${MaxValue}`,
    );
  return Object.keys(others).length > 0 ? others : undefined;
}

/** CloudFormation declares every parameter of the stack, by name, with the default of its file and the meaning of the reference. */
export function parametersOfTemplate(version: string, stack = HUB): Record<string, Record<string, unknown>> {
  const { service, defaults } = declarationOf(stack);
  const all = Object.entries(defaults).map(([name, value]) => {
    const meaning = meaningOf(name, stack);
    const constraint = stack.constraints[name] ?? constraintOf(stack.schemas[name]);
    if (meaning === undefined || !constraint)
      throw new Error(
        `The parameter ${name} has no ${constraint ? 'row in docs/reference.md' : 'constraint in resources/parameters.js or release/parameters.ts'}`,
      );
    const declaration = {
      Type: 'String',
      Description: meaning
        .replace(/\[([^\]]*)\]\(([^)]*)\)/g, (_, text, to) => `${text} (${posix.join(stack.documents, to)})`)
        .replaceAll('`', '')
        .trim(),
      ...(!mustBeGiven(value, constraint) && { Default: `${value}` }),
      ...constraint,
    };
    return [name, declaration];
  });
  const own = Object.entries(ownParameters(service, version)).map(([name, rest]) => [
    name,
    { Type: 'String', ...rest },
  ]);
  return Object.fromEntries([...own, ...all]);
}

/** The console shows parameters in these groups, and all others behind them: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-cloudformation-interface.html */
const GROUPS: Record<string, string[]> = {
  'What must be given': ['codeBucket', 'vpcId', 'subnetIds', 'hubService', 'hubHealth'],
  'Name and code': ['stage', 'codePrefix'],
  Subnets: [
    ...['tagKey', 'defaultCidrs', 'clientVpcs', 'endpoints', 'mainRouteTable', 'withoutRouter', 'systemsManagerCidrs'],
    ...['endpointsPerVpc', 'routesPerTable'],
  ],
  Routers: [
    ...['diverter', 'reply', 'healthCheck', 'servicesRequired', 'tuneRouter', 'launchDeadline', 'autoScalingGroup'],
    ...['routerSubnets', 'routerProfile'],
  ],
  'Other accounts': ['spokeAccounts', 'spokeOrganization', 'gatewayOwners', 'allowedPrincipals'],
  'A load balancer that is to be made': OF_LOAD_BALANCER.filter((name) => name !== 'allowedPrincipals'),
  'A load balancer that is there': TAKEN,
  'DNS of wildcard services': ['dnsResolver', 'dnsRanges', 'dnsPool', 'dnsPrefix', 'registrationKey'],
  'Alarms and logs': ['alarmTopicArn', 'alarmEmail', 'runbook', 'logRetention'],
  'What the account demands': [
    ...['permissionsBoundary', 'tags', 'tagKeys', 'architecture', 'reserveConcurrency', 'sealVersion'],
  ],
};

/** The console shows the template's parameters, by these names, so. */
export const parameterGroups = (names: readonly string[]) =>
  Object.entries(GROUPS).flatMap(([label, all]) => {
    const Parameters = all.filter((name) => names.includes(name));
    return Parameters.length > 0 ? [{ Label: { default: label }, Parameters }] : [];
  });

/** The reference's row tells the meaning: a spoke's own, if it has one. */
function meaningOf(name: string, stack: PlainStack): string | undefined {
  const reference = read('docs/reference.md');
  const [ofHub = '', ofSpoke = ''] = reference.split('### Parameters of a spoke');
  const rows = stack === SPOKE ? [ofSpoke, ofHub] : [ofHub];
  return rows
    .map((part) => new RegExp(`^\\| \`${name}\` \\|[^|]*\\|(.*)\\|$`, 'm').exec(part)?.[1])
    .find((meaning) => meaning !== undefined);
}

/** A parameter must be given whose empty default its own pattern refuses. */
const mustBeGiven = (value: string | number, { AllowedPattern }: Constraint) =>
  value === '' && AllowedPattern !== undefined && !new RegExp(AllowedPattern, 'u').test('');

type Assertion = [assert: unknown, says: string];
const is = (name: string, value: string) => ({ 'Fn::Equals': [{ Ref: name }, value] });
const not = (condition: unknown) => ({ 'Fn::Not': [condition] });
const and = (...all: unknown[]) => ({ 'Fn::And': all });
const or = (...all: unknown[]) => ({ 'Fn::Or': all });
const given = (name: string) => not(is(name, ''));

const rule = (...assertions: Assertion[]) => ({
  Assertions: assertions.map(([Assert, AssertDescription]) => ({ Assert, AssertDescription })),
});

/** CloudFormation's rules say what parameters must be together: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html */
const RULES: Record<string, unknown> = {
  LoadBalancer: rule([
    or(and(...TAKEN.map((name) => is(name, '')), given('subnetIds')), and(...TAKEN.map(given), is('subnetIds', ''))),
    'Give subnetIds, one subnet for each zone; or, to take a load balancer that is there, loadBalancerArn, targetGroupArn and serviceId, and no subnetIds.',
  ]),
  NetFoundry: rule(
    [
      or(is('diverter', 'own'), not(is('healthCheck', 'diverter'))),
      'healthCheck cannot be diverter where diverter is netfoundry, whose diverter answers no health checks.',
    ],
    [
      or(is('diverter', 'own'), not(is('reply', 'geneve'))),
      'reply cannot be geneve where diverter is netfoundry, whose diverter answers clients directly only.',
    ],
    [
      or(is('diverter', 'own'), is('dnsRanges', 'false'), given('registrationKey')),
      'Give registrationKey where diverter is netfoundry and dnsRanges is true: each router registers again with it, for its range.',
    ],
  ),
  ClientVpcs: rule([
    or(is('clientVpcs', 'own'), is('reply', 'geneve')),
    'clientVpcs needs reply to be geneve: a router has no way straight back to a client of another VPC.',
  ]),
  GatewayOwners: rule([
    or(is('gatewayOwners', ''), is('reply', 'geneve')),
    'gatewayOwners needs reply to be geneve: a router has no way straight back to a client behind a transit gateway.',
  ]),
  Spokes: rule(
    ...['spokeAccounts', 'spokeOrganization'].map(
      (name): Assertion => [
        or(is(name, ''), is('reply', 'geneve')),
        `${name} needs reply to be geneve: a router has no way straight back to a client of another account.`,
      ],
    ),
  ),
  Alarms: rule([
    or(is('alarmTopicArn', ''), is('alarmEmail', '')),
    'alarmTopicArn and alarmEmail exclude each other: subscribe the address to the topic yourself.',
  ]),
  Tags: rule([
    or(and(is('tags', ''), is('tagKeys', '')), and(given('tags'), given('tagKeys'))),
    'Give tags and tagKeys, which has the keys of the former, or neither.',
  ]),
};

/** A load balancer that is there is as its owner made it. */
const superfluous = (defaults: Record<string, string | number>) =>
  rule(
    ...OF_LOAD_BALANCER.map(
      (name): Assertion => [
        or(is('loadBalancerArn', ''), is(name, `${defaults[name]}`)),
        `${name} is for a load balancer that is to be made: leave it out, and set it on that of loadBalancerArn.`,
      ],
    ),
  );

/** Rules apply that are about parameters which the template has. */
export function rulesFor(names: readonly string[]): Record<string, unknown> {
  const asked = (rule: unknown) => [...JSON.stringify(rule).matchAll(/"Ref":"(\w+)"/g)].map(([, name = '']) => name);
  return Object.fromEntries(
    Object.entries({ ...RULES, OfLoadBalancer: superfluous(declarationOf(HUB).defaults) }).filter(([, rule]) =>
      asked(rule).every((name) => names.includes(name)),
    ),
  );
}
