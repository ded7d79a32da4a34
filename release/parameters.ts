import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { ZodType } from 'zod';
import { MOST_VPCS, parameters, spokeParameters } from '../resources/parameters.js';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** CloudFormation checks a parameter by these: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html */
interface Constraint {
  AllowedPattern?: string;
  AllowedValues?: (string | number)[];
  MinValue?: number;
  MaxValue?: number;
}

const ID = '([0-9a-f]{8}|[0-9a-f]{17})';
const CIDR = '[0-9a-fA-F.:]+/[0-9]{1,3}';
const IPV4 = '([0-9]{1,3}\\.){3}[0-9]{1,3}';
const pattern = (text: string): Constraint => ({ AllowedPattern: `^${text}$` });
const optional = (text: string) => pattern(`(${text})?`);
const list = (one: string, separator = ',') => `${one}(${separator}${one})*`;
const VPCS = `vpc-${ID}(,vpc-${ID}){0,${MOST_VPCS - 1}}`;

/** These stand in place of what the schema in resources/parameters.js says, which has no pattern, or allows more than a plain template can. The functions refuse what these leave. */
const CONSTRAINTS: Readonly<Record<string, Constraint>> = {
  clientVpcs: pattern(`(own|all|${VPCS})`),
  defaultCidrs: pattern(list(CIDR, ' +')),
  // A parameter of Systems Manager is named by it, in which others of a tag's characters would have to be written by their codes.
  tagKey: pattern('(?!aws:)[A-Za-z0-9_.-]{1,75}'),
  endpoints: pattern(`(subnet|zone|${list(`subnet-${ID}`, ' +')})`),
  systemsManagerCidrs: optional(list(CIDR, ' +')),
  dnsResolver: pattern(IPV4),
  dnsPool: pattern(`${IPV4}/[0-9]{1,2}`),
  allowedPrincipals: optional(list('(\\*|arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9_+=.@-]+))')),
  gatewayOwners: optional(list('[0-9]{12}')),
  spokeAccounts: optional('[0-9]{12}(,[0-9]{12}){0,19}'),
  // The group's name stands in a policy that is written as text.
  autoScalingGroup: pattern('[^:"\\\\\\x00-\\x1f]{0,255}'),
  tags: optional(list('[^=,"\\\\]{1,128}=[^,"\\\\]{0,256}')),
  alarmEmail: optional('[^@ ]+@[^@ ]+'),
};

/** A stack that a plain template is made of. */
export interface PlainStack {
  /** Serverless packages it from this file. */
  config: string;
  /** Each parameter may be this, by its name. */
  schemas: Readonly<Record<string, ZodType>>;
  constraints: Readonly<Record<string, Constraint>>;
}
export const HUB: PlainStack = { config: 'serverless.yml', schemas: parameters.shape, constraints: CONSTRAINTS };
export const SPOKE: PlainStack = {
  config: 'spoke.yml',
  schemas: spokeParameters.shape,
  constraints: { ...CONSTRAINTS, clientVpcs: pattern(`(all|${VPCS})`) },
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
  },
  codePrefix: {
    Description: 'Where in the bucket: what stands before subnets-….zip, without a slash at its end.',
    Default: `ziti-glb/${version}`,
    AllowedPattern: '^[A-Za-z0-9_./-]*[A-Za-z0-9_.-]$',
  },
  stage: {
    Description: `The functions, and what else may not be shared with another stack, are named ${service}-STAGE.`,
    Default: 'dev',
    // The longest name of a function is that of topology: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    AllowedPattern: `^[A-Za-z][A-Za-z0-9-]{0,${63 - `${service}--topology`.length}}$`,
  },
  tagKeys: {
    Description: 'The keys of the parameter tags, with commas: given if that is.',
    Default: '',
    AllowedPattern: '^[^"\\\\]*$',
  },
});

/** CloudFormation declares every parameter of the stack, by name, with the default of its file and the meaning of the reference. */
export function parametersOfTemplate(version: string, stack = HUB): Record<string, Record<string, unknown>> {
  const { service, defaults } = declarationOf(stack);
  const all = Object.entries(defaults).map(([name, value]) => {
    const meaning = meaningOf(name, stack);
    const constraint =
      stack.constraints[name] ?? (stack.schemas[name]?.meta()?.cloudFormation as Constraint | undefined);
    if (meaning === undefined || !constraint)
      throw new Error(
        `The parameter ${name} has no ${constraint ? 'row in docs/reference.md' : 'constraint in resources/parameters.js or release/parameters.ts'}`,
      );
    const declaration = {
      Type: constraint.MinValue === undefined ? 'String' : 'Number',
      Description: meaning
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll('`', '')
        .trim(),
      ...(!mustBeGiven(value, constraint) && { Default: value }),
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
  value === '' && AllowedPattern !== undefined && !new RegExp(AllowedPattern).test('');

type Assertion = [assert: unknown, says: string];
const is = (name: string, value: string) => ({ 'Fn::Equals': [{ Ref: name }, value] });
const not = (condition: unknown) => ({ 'Fn::Not': [condition] });
const and = (...all: unknown[]) => ({ 'Fn::And': all });
const or = (...all: unknown[]) => ({ 'Fn::Or': all });
const given = (name: string) => not(is(name, ''));
const TAKEN = ['loadBalancerArn', 'targetGroupArn', 'serviceId'];

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

/** Rules apply that are about parameters which the template has. */
export function rulesFor(names: readonly string[]): Record<string, unknown> {
  const asked = (rule: unknown) => [...JSON.stringify(rule).matchAll(/"Ref":"(\w+)"/g)].map(([, name = '']) => name);
  return Object.fromEntries(
    Object.entries(RULES).filter(([, rule]) => asked(rule).every((name) => names.includes(name))),
  );
}
