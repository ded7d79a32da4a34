import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  allowedPrincipals,
  checkParameters,
  checkRegion,
  checkStage,
  givenParameters,
  healthCheck,
  healthOptions,
  healthPort,
  parameters,
} from '../../resources/parameters.js';
import { checkWords } from '../../resources/words.js';
import { routersConfig } from '../../shared/config.ts';
import { describePackaged, packageStack } from '../support/packaged.ts';

const REGION = 'eu-central-1';
const ENVIRONMENT = {
  STACK: 'ziti-glb-test',
  TAG_KEY: 'ziti-glb',
  VPC_ID: 'vpc-0123456789abcdef0',
  TARGET_GROUP_ARN: 'arn:aws',
  LOAD_BALANCER_ARN: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/gwy/one/0123456789abcdef',
  DOCUMENT: 'Install',
  DIVERTER: 'own',
  REPLY: 'direct',
  TUNE_ROUTER: 'true',
  DIVERTER_BUCKET: 'bucket',
  DIVERTER_PREFIX: 'diverter',
  DIVERTER_BUILDS: `amd64=${'0'.repeat(64)}`,
  HEALTH_PORT: '',
  HEALTH_OPTIONS: '',
  LAUNCH_DEADLINE: '900',
  DNS_RANGES: 'false',
  DNS_RESOLVER: '100.127.255.254',
  DNS_POOL: '100.64.0.0/10',
  REGISTRATION_KEY: '',
};
const serverless = z
  .object({ params: z.object({ default: z.record(z.string(), z.union([z.string(), z.number()])) }) })
  .parse(parse(readFileSync('serverless.yml', 'utf8'), { logLevel: 'silent' }));
const defaults = serverless.params.default;

const required = { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-01234567,subnet-0123456789abcdef1' };
const arn = (service: string, rest: string, region = REGION) => `arn:aws:${service}:${region}:111122223333:${rest}`;
const taken = {
  subnetIds: '',
  loadBalancerArn: arn('elasticloadbalancing', 'loadbalancer/gwy/one/0123456789abcdef'),
  targetGroupArn: arn('elasticloadbalancing', 'targetgroup/one/0123456789abcdef'),
  serviceId: 'vpce-svc-0123456789abcdef0',
};
const topic = arn('sns', 'alarms');

const check = (change: Record<string, string | number>) =>
  checkParameters({ ...defaults, ...required, ...change }, { region: REGION, defaults });

/** Serverless resolves variables so, with these parameters given. */
const variablesOf = (given: Record<string, string>) => {
  const all: Record<string, unknown> = { ...defaults, ...given };
  return { resolveVariable: async (name: string) => all[name.replace('param:', '')] };
};

test('every parameter has a default, and every default is of a parameter', () => {
  expect(Object.keys(defaults).sort()).toEqual(Object.keys(parameters.shape).sort());
});

describe('parameters are taken', () => {
  test.each<Record<string, string | number>>([
    {},
    taken,
    { vpcId: 'vpc-01234567' },
    { defaultCidrs: '100.64.0.0/10' },
    { defaultCidrs: '10.0.0.0/16 192.168.4.0/22 10.1.2.3/32' },
    { tagKey: 'net:team/Routers' },
    { crossZone: 'false', failover: 'rebalance', idleTimeout: '6000', deregistrationDelay: 0 },
    { healthCheckInterval: 5, healthyThreshold: 10, unhealthyThreshold: '2' },
    { allowedPrincipals: '444455556666,arn:aws:iam::777788889999:role/network,arn:aws-cn:iam::777788889999:root' },
    { allowedPrincipals: '*' },
    { reply: 'geneve' },
    { reply: 'geneve', clientVpcs: 'all' },
    { reply: 'geneve', gatewayOwners: '444455556666,777788889999' },
    { reply: 'geneve', spokeAccounts: '222233334444,333344445555' },
    { reply: 'geneve', spokeOrganization: 'o-a1b2c3d4e5' },
    { reply: 'geneve', clientVpcs: 'vpc-01234567,vpc-0123456789abcdef1' },
    { ...taken, crossZone: 'true', idleTimeout: '350', healthCheck: 'diverter' },
    { systemsManagerCidrs: '10.100.0.0/24 2001:db8:1::/64' },
    { dnsResolver: '10.0.0.2' },
    { dnsResolver: '223.1.0.127' },
    { dnsPrefix: 11 },
    { dnsPrefix: '20' },
    { dnsPool: '10.64.0.0/12', dnsPrefix: '12' },
    { diverter: 'netfoundry', dnsRanges: 'true', registrationKey: '/routers/{instanceId}' },
    { autoScalingGroup: 'routers of team a' },
    { alarmTopicArn: topic },
    { routerSubnets: 'subnet-01234567,subnet-0123456789abcdef1' },
    { routerProfile: 'arn:aws:iam::111122223333:instance-profile/path/routers-1A2B' },
    { sealVersion: '2' },
    { alarmTopicArn: topic.replace(':aws:', ':aws-us-gov:') },
    { alarmEmail: 'on-call@example.org' },
    { logRetention: '3653' },
    { permissionsBoundary: 'arn:aws:iam::111122223333:policy/boundaries/network' },
    { permissionsBoundary: 'arn:aws-us-gov:iam::aws:policy/PowerUserAccess' },
    { tags: 'Team=network' },
    { tags: 'Cost Center=42,Owner=a@b.example,Formula=x=y,Empty=' },
    { architecture: 'x86_64', reserveConcurrency: 'false' },
  ])('%j', (change) => {
    expect(check(change)).toBeUndefined();
  });
});

describe('parameters are refused, with one sentence', () => {
  const notId = 'which is not the id of a subnet';
  const many = Array.from({ length: 51 }, (_, index) => `vpc-0000${1000 + index}`).join();
  const manySpokes = Array.from({ length: 21 }, (_, index) => `2222333344${10 + index}`).join();
  type Refusal = [change: Record<string, string | number>, sentence: string];
  test.each<Refusal>([
    [{ vpcId: '' }, 'The parameter vpcId must be given: add --param vpcId=…'],
    [
      { spokeAccounts: '222233334444' },
      'The parameter spokeAccounts needs reply to be geneve: a router has no way straight back to a client of another account. Add --param reply=geneve, or leave spokeAccounts out.',
    ],
    [
      { spokeAccounts: '222233334444,2222', reply: 'geneve' },
      "The parameter spokeAccounts has '2222', which is not the id of an account: 222233334444,2222",
    ],
    [
      { spokeOrganization: 'o-a1b2c3d4e5' },
      'The parameter spokeOrganization needs reply to be geneve: a router has no way straight back to a client of another account. Add --param reply=geneve, or leave spokeOrganization out.',
    ],
    [
      { spokeOrganization: '111122223333', reply: 'geneve' },
      'The parameter spokeOrganization is not the id of an organisation, like o-a1b2c3d4e5: 111122223333',
    ],
    [
      { spokeAccounts: manySpokes, reply: 'geneve' },
      `The parameter spokeAccounts has more than 20 accounts: ${manySpokes}`,
    ],
    [{ vpcId: 'vpc-xyz' }, 'The parameter vpcId is not the id of a VPC: vpc-xyz'],
    [{ vpcId: 'subnet-01234567' }, 'The parameter vpcId is not the id of a VPC: subnet-01234567'],
    ...['all', 'vpc-01234567'].map(
      (clientVpcs): Refusal => [
        { clientVpcs },
        'The parameter clientVpcs needs reply to be geneve: a router has no way straight back to a client of another VPC. Add --param reply=geneve, or leave clientVpcs out.',
      ],
    ),
    [
      { clientVpcs: 'all,vpc-01234567', reply: 'geneve' },
      "The parameter clientVpcs has 'all', which is not own, all, or the ids of VPCs: all,vpc-01234567",
    ],
    [
      { clientVpcs: many, reply: 'geneve' },
      `The parameter clientVpcs has more than 50 VPCs, for which IAM has no room in the policies of a role: say all: ${many}`,
    ],
    [
      { subnetIds: '' },
      'The parameter subnetIds must be given, one subnet for each zone: add --param subnetIds=subnet-…,subnet-…',
    ],
    [
      { subnetIds: 'subnet-01234567, subnet-89abcdef' },
      `The parameter subnetIds has ' subnet-89abcdef', ${notId}: subnet-01234567, subnet-89abcdef`,
    ],
    [{ subnetIds: 'subnet-01234567,' }, `The parameter subnetIds has '', ${notId}: subnet-01234567,`],
    [
      { subnetIds: 'subnet-01234567,subnet-01234567' },
      'The parameter subnetIds names one twice: subnet-01234567,subnet-01234567',
    ],
    [
      { defaultCidrs: '10.0.0.0' },
      "The parameter defaultCidrs has '10.0.0.0', which is not a network like 100.64.0.0/10: 10.0.0.0",
    ],
    [
      { defaultCidrs: '10.0.0.1/8' },
      "The parameter defaultCidrs has '10.0.0.1/8', which is not a network like 100.64.0.0/10: 10.0.0.1/8",
    ],
    [
      { defaultCidrs: '10.0.0.0/33' },
      "The parameter defaultCidrs has '10.0.0.0/33', which is not a network like 100.64.0.0/10: 10.0.0.0/33",
    ],
    [
      { defaultCidrs: '10.0.0.0/8,10.0.0.0/9' },
      "The parameter defaultCidrs has '10.0.0.0/8,10.0.0.0/9', which is not a network like 100.64.0.0/10: 10.0.0.0/8,10.0.0.0/9",
    ],
    [{ tagKey: 'aws:x' }, "The parameter tagKey is not a tag's key of at most 75 letters, digits and _.:/=+@-: aws:x"],
    [{ tagKey: '' }, 'The parameter tagKey must be given: add --param tagKey=…'],
    [{ crossZone: 'yes' }, 'The parameter crossZone is not true or false: yes'],
    [{ failover: 'move' }, 'The parameter failover is not reset or rebalance: move'],
    [
      { gatewayOwners: '444455556666' },
      'The parameter gatewayOwners needs reply to be geneve: a router has no way straight back to a client behind a transit gateway. Add --param reply=geneve, or leave gatewayOwners out.',
    ],
    [
      { reply: 'geneve', gatewayOwners: 'own' },
      "The parameter gatewayOwners has 'own', which is not the id of an account: own",
    ],
    [{ idleTimeout: '59' }, 'The parameter idleTimeout is not a whole number from 60 to 6000: 59'],
    [{ idleTimeout: '0350' }, 'The parameter idleTimeout is not a whole number from 60 to 6000: 0350'],
    [{ dnsPool: '100.64.0.0/010' }, 'The parameter dnsPool is not an IPv4 network like 100.64.0.0/10: 100.64.0.0/010'],
    [{ idleTimeout: '1e3' }, 'The parameter idleTimeout is not a whole number from 60 to 6000: 1e3'],
    [{ deregistrationDelay: 3601 }, 'The parameter deregistrationDelay is not a whole number from 0 to 3600: 3601'],
    [
      { allowedPrincipals: 'arn:aws:iam::111122223333:role/a/b' },
      "The parameter allowedPrincipals has 'arn:aws:iam::111122223333:role/a/b', which is not an account, or a root, role or user of IAM: arn:aws:iam::111122223333:role/a/b",
    ],
    [
      { loadBalancerArn: arn('elasticloadbalancing', 'loadbalancer/net/a/0123456789abcdef') },
      `The parameter loadBalancerArn is not the ARN of a Gateway Load Balancer: ${arn('elasticloadbalancing', 'loadbalancer/net/a/0123456789abcdef')}`,
    ],
    [
      { ...taken, serviceId: '' },
      'To take a load balancer that is there, the parameters loadBalancerArn, targetGroupArn, serviceId must all be given; serviceId is missing.',
    ],
    [
      { ...taken, subnetIds: required.subnetIds },
      'The parameter subnetIds is for a load balancer that is to be made; with loadBalancerArn it must not be given.',
    ],
    [
      { alarmTopicArn: arn('sns', 'alarms', 'eu-west-1') },
      `The parameter alarmTopicArn is in another region than the stack, eu-central-1: ${arn('sns', 'alarms', 'eu-west-1')}`,
    ],
    [
      { defaultCidrs: '10.0.0.0/8 fd00::/8 10.1.0.0/16' },
      'The parameter defaultCidrs has networks that overlap, 10.0.0.0/8 and 10.1.0.0/16: 10.0.0.0/8 fd00::/8 10.1.0.0/16',
    ],
    [{ healthCheckInterval: 4 }, 'The parameter healthCheckInterval is not a whole number from 5 to 300: 4'],
    [{ routerSubnets: 'here' }, `The parameter routerSubnets has 'here', ${notId}: here`],
    [{ routerProfile: 'routers' }, 'The parameter routerProfile is not the ARN of an instance profile: routers'],
    [{ sealVersion: '0' }, 'The parameter sealVersion is not a whole number from 1 to 999: 0'],
    [{ servicesRequired: 'no' }, 'The parameter servicesRequired is not true or false: no'],
    [{ tuneRouter: 'yes' }, 'The parameter tuneRouter is not true or false: yes'],
    [
      { systemsManagerCidrs: '10.100.0.1/24' },
      "The parameter systemsManagerCidrs has '10.100.0.1/24', which is not a network like 10.100.0.0/24: 10.100.0.1/24",
    ],
    [{ dnsResolver: 'resolver' }, 'The parameter dnsResolver is not an IPv4 address: resolver'],
    ...['127.0.0.1', '0.0.0.0', '169.254.169.253', '224.0.0.1', '255.255.255.255'].map(
      (dnsResolver): Refusal => [
        { dnsResolver },
        `The parameter dnsResolver is not an address that a route can lead to: ${dnsResolver}`,
      ],
    ),
    ...['fd00::/8', '100.64.0.0/30', '100.64.0.1/10', 'all'].map(
      (dnsPool): Refusal => [
        { dnsPool },
        `The parameter dnsPool is not an IPv4 network like 100.64.0.0/10: ${dnsPool}`,
      ],
    ),
    ...[8, 10, 21].map(
      (dnsPrefix): Refusal => [
        { dnsPrefix },
        `The parameter dnsPrefix must be from 11 to 20, for slices of dnsPool 100.64.0.0/10 apart from that of dnsResolver 100.127.255.254: ${dnsPrefix}`,
      ],
    ),
    [
      { diverter: 'netfoundry', dnsRanges: 'true' },
      'The parameter registrationKey must be given where diverter is netfoundry and dnsRanges is true: each router registers again with it, for its range.',
    ],
    ...Object.entries({ crossZone: 'false', healthyThreshold: 3, allowedPrincipals: '444455556666' }).map(
      ([name, value]): Refusal => [
        { ...taken, [name]: value },
        `The parameter ${name} is for a load balancer that is to be made: leave it out, and set it on that of loadBalancerArn.`,
      ],
    ),
    [{ reply: 'both' }, 'The parameter reply is not direct or geneve: both'],
    [
      { diverter: 'netfoundry', reply: 'geneve' },
      'The parameter reply cannot be geneve where diverter is netfoundry, whose diverter answers clients directly only.',
    ],
    [
      { alarmTopicArn: topic, alarmEmail: 'a@b.example' },
      'The parameters alarmTopicArn and alarmEmail exclude each other: subscribe the address to the topic yourself.',
    ],
    [{ alarmEmail: 'someone' }, 'The parameter alarmEmail is not an e-mail address: someone'],
    [
      { logRetention: 31 },
      'The parameter logRetention is not one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653: 31',
    ],
    [
      { permissionsBoundary: 'arn:aws:iam::111122223333:role/a' },
      'The parameter permissionsBoundary is not the ARN of a policy of IAM: arn:aws:iam::111122223333:role/a',
    ],
    ...['network', 'aws:x=1', 'ziti-glb:stack=other', 'Name=x', '=x', 'Team=a,', 'Team=a,Team=b'].map(
      (tags): Refusal => {
        const one = tags === 'Team=a,' ? '' : tags.split(',')[0];
        return [
          { tags },
          `The parameter tags has '${one}', which is not a tag like Team=network, or has its key twice: ${tags}`,
        ];
      },
    ),
    [
      { tags: Array.from({ length: 41 }, (_, index) => `k${index}=v`).join(',') },
      `The parameter tags has more than 40 tags: ${Array.from({ length: 41 }, (_, index) => `k${index}=v`).join(',')}`,
    ],
    [{ architecture: 'amd64' }, 'The parameter architecture is not arm64 or x86_64: amd64'],
    [{ reserveConcurrency: '1' }, 'The parameter reserveConcurrency is not true or false: 1'],
    [{ subnetId: 'x' }, `There is no parameter subnetId; there are ${Object.keys(parameters.shape).join(', ')}.`],
  ])('%j', (change, sentence) => {
    expect(() => check(change)).toThrow(new Error(sentence));
  });
});

test('every prefix that is taken is one that the function takes, and no other', () => {
  const reads = (dnsPrefix: number) => {
    try {
      routersConfig({ ...ENVIRONMENT, DNS_PREFIX: `${dnsPrefix}` });
      return true;
    } catch {
      return false;
    }
  };
  const takes = (dnsPrefix: number) => {
    try {
      check({ dnsPrefix });
      return true;
    } catch {
      return false;
    }
  };
  const prefixes = Array.from({ length: 30 }, (_, index) => index + 1);
  expect(prefixes.filter(takes)).toEqual(prefixes.filter(reads));
});

test.each([
  [{}, { protocol: 'HTTP', port: '8082', path: '/' }, '8082', '--router 8081'],
  [{ servicesRequired: 'false' }, { protocol: 'HTTP', port: '8082', path: '/' }, '8082', '--router 8081 --idle'],
  [{ healthCheck: 'diverter' }, { protocol: 'HTTP', port: '8082', path: '/' }, '8082', ''],
  [
    { healthCheck: 'diverter', servicesRequired: 'false' },
    { protocol: 'HTTP', port: '8082', path: '/' },
    '8082',
    '--idle',
  ],
  [{ healthCheck: 'router' }, { protocol: 'HTTPS', port: '8081', path: '/health-checks' }, '', ''],
  [{ diverter: 'netfoundry' }, { protocol: 'HTTPS', port: '8081', path: '/health-checks' }, '', ''],
])('of %j the target group checks %j', async (given, checked, port, options) => {
  const variables = variablesOf(given);
  expect(await healthCheck(variables)).toEqual(checked);
  expect(await healthPort(variables)).toBe(port);
  expect(await healthOptions(variables)).toBe(options);
});

test.each([
  ['222233334444', '222233334444,333344445555', ['222233334444', '333344445555']],
  ['arn:aws:iam::222233334444:root', '222233334444', ['222233334444']],
  ['arn:aws:iam::222233334444:role/network', '222233334444', ['222233334444:role/network', '222233334444']],
])('with allowedPrincipals %s and spokeAccounts %s each may connect once', async (others, spokeAccounts, may) => {
  const all = await allowedPrincipals(variablesOf({ allowedPrincipals: others, spokeAccounts }));
  const principals = all.map((one) => JSON.stringify(one).replace(/.*:iam::|:root.*|"/g, ''));
  expect(principals.slice(1)).toEqual(may);
});

describe('what is given by the command line', () => {
  test('is each parameter once, with its value', () => {
    expect(givenParameters(['vpcId=vpc-1', 'tags=A=b ', 'alarmEmail= '])).toEqual([
      ['vpcId', 'vpc-1'],
      ['tags', 'A=b'],
      ['alarmEmail', ''],
    ]);
  });

  test.each([
    [['tagKey'], '--param tagKey is not NAME=VALUE'],
    [['=x'], '--param =x is not NAME=VALUE'],
    [['alarmEmail='], "--param alarmEmail= gives no value; for an empty one: --param alarmEmail=' '"],
    [
      ['subnetIds=subnet-1', 'vpcId=vpc-1', 'subnetIds=subnet-2'],
      'The parameter subnetIds is given twice. Give it once: of a list, all in one, as its default has it',
    ],
  ])('%j is refused', (given, sentence) => {
    expect(() => givenParameters(given)).toThrow(new Error(sentence));
  });
});

describe('a word of the command line that the framework would drop is refused', () => {
  const commands: Map<string, { options: object }> = createRequire(import.meta.url)(
    'serverless/lib/cli/commands-schema/aws-service.js',
  );
  const optionsOf = (line: string) => ({ ...commands.get(/^[a-z ]*?(?=$| -)/.exec(line)?.[0] ?? '')?.options });

  test.each([
    ['deploy --param a=b c=d', 'c=d'],
    ['deploy --param=a=b c=d', 'c=d'],
    ['deploy -p a=b --region eu-central-1 –-param c=d', '–-param'],
    ['deploy --verbose —param c=d', '—param'],
    ['deploy --force reply=geneve', 'reply=geneve'],
    ['deploy --verbose c=d', 'c=d'],
    ['deploy --param a=b --force c=d', 'c=d'],
    ['deploy -v c=d', 'c=d'],
    ['deploy --no-force c=d', 'c=d'],
    ['deploy --param a=b -- c=d', 'c=d'],
    ['remove --region eu-central-1 now', 'now'],
  ])('%s', (line, dropped) => {
    const sentence = `${dropped} belongs to no option: each parameter has its own --param NAME=VALUE, with two hyphens`;
    expect(() => checkWords(line.split(' '), optionsOf(line))).toThrow(new Error(sentence));
  });

  test.each(['', 'deploy', 'deploy function -f routers', 'deploy --param a=b -p c=d --region=eu-central-1 --force'])(
    'and none of: %s',
    (line) => {
      expect(checkWords(line.split(' '), optionsOf(line))).toBeUndefined();
    },
  );
});

test('a region is given by the command line or the environment', () => {
  expect(checkRegion({ region: 'eu-west-1' }, {})).toBeUndefined();
  expect(checkRegion({}, { AWS_REGION: 'eu-west-1' })).toBeUndefined();
  expect(checkRegion({}, { AWS_DEFAULT_REGION: 'eu-west-1' })).toBeUndefined();
  for (const environment of [{}, { AWS_REGION: '' }])
    expect(() => checkRegion({}, environment)).toThrow(
      new Error(
        'It is not said where the stack is to be: add --region, as in --region eu-central-1, or set AWS_REGION.',
      ),
    );
});

test('a stage is as long as the names of functions allow', () => {
  expect(checkStage('s'.repeat(46))).toBeUndefined();
  expect(() => checkStage('s'.repeat(47))).toThrow(
    new Error(
      `The stage has 47 characters, and the names of functions leave room for 46: choose a shorter --stage than ${'s'.repeat(47)}`,
    ),
  );
});

describePackaged('serverless package', () => {
  test('takes no stage that Lambda would not', () => {
    const { status, said } = packageStack({ parameters: required, stage: 's'.repeat(63) });
    expect(status).toBe(64);
    expect(said).toMatch(/^The stage has 63 characters/m);
  });

  test.each([
    [{ tags: 'network' }, "The parameter tags has 'network', which is not a tag like Team=network"],
    [{ architecture: 'arm' }, 'The parameter architecture is not arm64 or x86_64: arm'],
    [{ logRetention: '31' }, 'The parameter logRetention is not one of 1, 3, 5'],
    [{ tags: '' }, "--param tags= gives no value; for an empty one: --param tags=' '"],
  ])('%j is refused in our words, though the framework looks at it first', (given, sentence) => {
    const { status, said } = packageStack({ parameters: { ...required, ...given } });
    expect([status, said]).toEqual([64, expect.stringContaining(`Error:\n${sentence}`)]);
  });

  test('deploys nothing where no region is given, and where the environment gives one, there', () => {
    const { status, said } = packageStack({ parameters: required, region: '' });
    expect([status, said]).toEqual([64, expect.stringContaining('Error:\nIt is not said where the stack is to be: ')]);
    const there = packageStack({ parameters: required, region: '', environment: { AWS_REGION: 'eu-north-1' } });
    expect([there.status, there.said]).toEqual([0, expect.stringContaining('(eu-north-1)')]);
  });

  test.each([
    ['a second parameter after one --param', ['reply=geneve']],
    ['a parameter after an option that has no value', ['--verbose', 'reply=geneve']],
  ])('does not take %s', (_, more) => {
    const { status, said } = packageStack({ parameters: required, more });
    expect([status, said]).toEqual([64, expect.stringContaining('Error:\nreply=geneve belongs to no option: ')]);
  });

  test('says what is wrong with the parameters before anything is made', () => {
    const { status, said, folder } = packageStack({ parameters: { vpcId: 'vpc-xyz' } });
    expect(status).toBe(64);
    expect(said).toMatch(/^Error:\nThe parameter vpcId is not the id of a VPC: vpc-xyz$/m);
    expect(said).not.toContain('    at ');
    expect(() => readFileSync(`${folder}/serverless-state.json`)).toThrow('ENOENT');
  });

  test('takes numbers and lists as they are given', () => {
    const chosen = {
      tagKey: 'net:team/Routers',
      allowedPrincipals: '444455556666',
      idleTimeout: '120',
      failover: 'rebalance',
      sealVersion: '2',
    };
    const parameters = { ...required, ...chosen, routerSubnets: 'subnet-01234567,subnet-89abcdef' };
    const { folder, status } = packageStack({ parameters });
    expect(status).toBe(0);
    const { Resources } = JSON.parse(readFileSync(`${folder}/cloudformation-template-update-stack.json`, 'utf8'));
    expect(Resources.EndpointServicePermissions.Properties.AllowedPrincipals).toEqual([
      { 'Fn::Sub': `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:root` },
      { 'Fn::Sub': `arn:\${AWS::Partition}:iam::444455556666:root` },
    ]);
    // Systems Manager takes letters, digits and _.-/ in a name.
    expect(Resources.Claim.Properties.Name).toBe(`/ziti-glb/${required.vpcId}/net_3ateam_2fRouters`);
    expect(Resources.RoutersLambdaFunction.Properties.Environment.Variables).toMatchObject({
      ROUTER_SUBNETS: 'subnet-01234567 subnet-89abcdef',
      ROUTER_PROFILE: '',
      SEAL_KEY: { 'Fn::GetAtt': ['SealKey', 'Arn'] },
      SEAL_VERSION: '2',
    });
    expect(Resources.Listener.Properties.ListenerAttributes).toContainEqual({
      Key: 'tcp.idle_timeout.seconds',
      Value: '120',
    });
    expect(Resources.TargetGroup.Properties.TargetGroupAttributes).toEqual([
      { Key: 'deregistration_delay.timeout_seconds', Value: '120' },
      { Key: 'target_failover.on_deregistration', Value: 'rebalance' },
      { Key: 'send_tcp_reset.on_deregistration.enabled', Value: 'false' },
      { Key: 'target_failover.on_unhealthy', Value: 'rebalance' },
      { Key: 'send_tcp_reset.on_unhealthy.enabled', Value: 'false' },
    ]);
  });
});
