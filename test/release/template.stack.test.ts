import { spawnSync } from 'node:child_process';
import { globSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { resolve, type Scope } from '../../local/stack/intrinsics.ts';
import { planStack } from '../../local/stack/plan.ts';
import { parseTemplate, type Template } from '../../local/stack/template.ts';
import * as intrinsics from '../../release/intrinsics.js';
import {
  declarationOf,
  HUB,
  type PlainStack,
  parameterGroups,
  parametersOfTemplate,
  rulesFor,
  SPOKE,
} from '../../release/parameters.ts';
import { type Plain, plainTemplate } from '../../release/template.ts';
import { packages } from '../../resources/diverter.js';
import { checkParameters, MOST_VPCS } from '../../resources/parameters.js';
import { read } from '../support/documents.ts';
import { describePackaged, packagedTemplate, temporaryFolder } from '../support/packaged.ts';
import { flaws } from '../support/resource-schemas.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

const vpcId = 'vpc-0123456789abcdef0';
const subnetIds = 'subnet-0123456789abcdef0,subnet-0123456789abcdef1';
const arn = (service: string, rest: string) => `arn:aws:${service}:eu-central-1:111122223333:${rest}`;
const taken = {
  loadBalancerArn: arn('elasticloadbalancing', 'loadbalancer/gwy/one/0123456789abcdef'),
  targetGroupArn: arn('elasticloadbalancing', 'targetgroup/one/0123456789abcdef'),
  serviceId: 'vpce-svc-0123456789abcdef0',
};
const code = { codeBucket: 'bucket', codePrefix: 'serverless/ziti-glb/test', stage: 'test' };

/** A deployment chooses these, and the plain template asks for more beside them. */
type Choice = [name: string, given: Record<string, string>, otherwise?: Record<string, string>];
const CHOICES: Choice[] = [
  ['by default', { subnetIds }],
  [
    'with all chosen that a load balancer of its own has',
    {
      ...{ subnetIds, tagKey: 'net.team', failover: 'rebalance', autoScalingGroup: 'routers', reply: 'geneve' },
      ...{ clientVpcs: 'all', tuneRouter: 'false', gatewayOwners: '444455556666,777788889999' },
      ...{ spokeAccounts: '222233334444,333344445555', spokeOrganization: 'o-a1b2c3d4e5' },
      ...{ alarmEmail: 'a@b.example', healthCheck: 'diverter', servicesRequired: 'false', architecture: 'x86_64' },
      ...{
        reserveConcurrency: 'false',
        logRetention: '90',
        idleTimeout: '120',
        crossZone: 'false',
        dnsPrefix: '14',
      },
      ...{ permissionsBoundary: 'arn:aws:iam::111122223333:policy/b', tags: 'Team=network,Cost Center=42' },
      ...{
        allowedPrincipals: 'arn:aws:iam::777788889999:role/network',
        endpoints: 'zone',
        runbook: 'https://r.example',
      },
      ...{ routerSubnets: 'subnet-01234567,subnet-89abcdef', sealVersion: '2', withoutRouter: 'withdraw' },
      ...{ mainRouteTable: 'allow', launchDeadline: '1000', systemsManagerCidrs: '10.100.0.0/24 2001:db8:1::/64' },
      ...{ routerProfile: 'arn:aws:iam::111122223333:instance-profile/routers', healthCheckInterval: '10' },
      ...{
        unhealthyThreshold: '4',
        dnsResolver: '10.0.0.2',
        dnsPool: '100.64.0.0/11',
        defaultCidrs: '10.20.0.0/16',
      },
      ...{ endpointsPerVpc: '60', routesPerTable: '90', healthyThreshold: '3', deregistrationDelay: '0' },
    },
    { tagKeys: 'Team,Cost Center' },
  ],
  [
    "over a load balancer that is there, for NetFoundry's diverter",
    {
      ...{ ...taken, diverter: 'netfoundry', dnsRanges: 'true', registrationKey: '/routers/{instanceId}' },
      ...{ servicesRequired: 'false', alarmTopicArn: arn('sns', 'alarms') },
    },
  ],
  ['with no service asked of ziti-router', { subnetIds, servicesRequired: 'false' }],
];

const OF_SPOKE: Choice[] = [
  ['by default', {}],
  [
    'with all chosen',
    {
      ...{ clientVpcs: vpcId, defaultCidrs: '10.20.0.0/16', tagKey: 'net.team', endpoints: 'zone' },
      ...{ mainRouteTable: 'allow', withoutRouter: 'withdraw', systemsManagerCidrs: '10.100.0.0/24' },
      ...{ dnsResolver: '10.0.0.2', sealVersion: '2', endpointsPerVpc: '60', routesPerTable: '90' },
      ...{ permissionsBoundary: 'arn:aws:iam::111122223333:policy/b', tags: 'Team=network,Cost Center=42' },
      ...{ architecture: 'x86_64', reserveConcurrency: 'false', alarmEmail: 'a@b.example', logRetention: '90' },
      runbook: 'https://r.example',
    },
    { tagKeys: 'Team,Cost Center' },
  ],
  ['with a topic that is there', { alarmTopicArn: arn('sns', 'alarms') }],
];

interface Case {
  stack: PlainStack;
  /** Parameters without a default. */
  must: Record<string, string>;
  choices: Choice[];
  /** Logical ids begin with this, which the framework makes of the service's name. */
  prefix: string;
}
const STACKS: Case[] = [
  { stack: HUB, must: { vpcId }, choices: CHOICES, prefix: 'Zitiglb' },
  {
    stack: SPOKE,
    must: {
      hubService: 'com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0',
      hubHealth: 'arn:aws:lambda:eu-central-1:444455556666:function:ziti-glb-dev-health',
    },
    choices: OF_SPOKE,
    prefix: 'Zitiglbspoke',
  },
];

const plains = new Map<PlainStack, Plain>();
/** All tests of the file share one. */
function plainOf(stack: PlainStack): Plain {
  const plain = plains.get(stack) ?? plainTemplate(temporaryFolder('plain-'), stack);
  plains.set(stack, plain);
  return plain;
}

const linter = spawnSync('cfn-lint', ['--version'], { encoding: 'utf8' });
/** cfn-lint warns of a dependency that the framework declares beside a reference, and of what an optional parameter is by default. */
const IGNORED = ['W3005', 'W1033'];

describePackaged('a plain template', () => {
  describe.each(STACKS)('of $stack.config', ({ stack, must, choices, prefix }) => {
    let template: Template;
    let text: string;
    let codes: string[];
    beforeAll(() => {
      const plain = plainOf(stack);
      codes = [...plain.code.keys()];
      text = JSON.stringify(plain.template);
      template = parseTemplate(text);
    });

    test('has each parameter of the stack, with its default if it need not be given, and no marker left', () => {
      const { defaults } = declarationOf(stack);
      const own = ['codeBucket', 'codePrefix', 'stage', 'tagKeys'];
      expect(Object.keys(template.Parameters).sort()).toEqual([...own, ...Object.keys(defaults)].sort());
      for (const [name, value] of Object.entries(defaults))
        expect([name, template.Parameters[name]?.Default]).toEqual([name, name in must ? undefined : `${value}`]);
      expect(text).not.toMatch(/@@|zzstagezz|ServerlessDeploymentBucket/);
      // Each parameter and condition is asked for somewhere.
      const used = (name: string) => new RegExp(`"Ref":"${name}"|\\$\\{${name}\\}`).test(text);
      expect(Object.keys(template.Parameters).filter((name) => !used(name))).toEqual([]);
    });

    test('has each parameter in one group of the console, and says of each what it must be', () => {
      const names = Object.keys(template.Parameters);
      const shown = parameterGroups(names).flatMap(({ Parameters }) => Parameters);
      expect(shown.toSorted()).toEqual(names.toSorted());
      for (const [name, { ConstraintDescription }] of Object.entries(template.Parameters))
        expect([name, ConstraintDescription]).toEqual([name, expect.stringMatching(/^must be ./)]);
    });

    test('is what CloudFormation takes: types, properties, limits', () => {
      expect(flaws(template)).toEqual([]);
      expect(Object.keys(template.Parameters).length).toBeLessThanOrEqual(200);
      // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
      expect(Buffer.byteLength(text)).toBeLessThan(1_000_000);
      expect(text).not.toMatch(/arn:aws:|\b(us|eu|ap)-(east|west|central)-\d/);
    });

    test('wants in the bucket what it names, and no more', () => {
      const named = [...text.matchAll(/\{codePrefix\}\/(\w+-[0-9a-f]{64}\.zip)/g)].map(([, key]) => key);
      const diverters = stack === HUB ? packages().map(({ sha256 }) => `diverter/${sha256}`) : [];
      expect(named).toHaveLength(declarationOf(stack).functions.length);
      expect(codes.sort()).toEqual([...named, ...diverters].sort());
    });

    describe('makes the same as the packaged one', () => {
      test('each parameter is chosen in one of these', () => {
        const chosen = [...choices.flatMap(([, given]) => Object.keys(given)), ...Object.keys(must)];
        const all = Object.keys(template.Parameters).filter(
          (name) => !['tagKeys', ...Object.keys(code)].includes(name),
        );
        expect(all.filter((name) => !chosen.includes(name))).toEqual([]);
      });

      test.each(choices)('%s', (_name, given, otherwise = {}) => {
        const parameters = { ...must, ...given };
        const packaged = made(packagedTemplate({ config: stack.config, parameters }), {}, `${prefix}test`);
        const plain = made(template, { ...parameters, ...otherwise, ...code }, prefix);
        expect(Object.keys(plain).sort()).toEqual(Object.keys(packaged).sort());
        for (const [name, resource] of Object.entries(packaged)) expect([name, plain[name]]).toEqual([name, resource]);
      });
    });

    (linter.status === 0 ? test : test.skip)('has nothing that cfn-lint, which is installed, is against', () => {
      const path = join(temporaryFolder('lint-'), 'template.json');
      writeFileSync(path, text);
      const { status, stdout } = spawnSync('cfn-lint', ['--ignore-checks', ...IGNORED, '--', path], {
        encoding: 'utf8',
      });
      expect([status, stdout]).toEqual([0, '']);
    });
  });

  test('computes what the packaged one is computed by', async () => {
    const computing = await Promise.all(['parameters', 'diverter'].map((name) => import(`../../resources/${name}.js`)));
    const asked = ['serverless.yml', 'spoke.yml', ...globSync('resources/*.yml')].flatMap((name) =>
      [...read(name).matchAll(/file\(resources\/(?:parameters|diverter)\.js\):(\w+)/g)].map(([, one = '']) => one),
    );
    expect(asked.length).toBeGreaterThan(8);
    for (const name of asked) {
      expect(computing.some((module) => name in module)).toBe(true);
      expect(intrinsics).toHaveProperty(name);
    }
  });

  test.each<[given: Record<string, string>, says: RegExp]>([
    [{}, /rule LoadBalancer is broken: Give subnetIds/],
    [{ subnetIds, ...taken }, /rule LoadBalancer/],
    [{ loadBalancerArn: taken.loadBalancerArn }, /rule LoadBalancer/],
    [{ subnetIds, diverter: 'netfoundry', healthCheck: 'diverter' }, /rule NetFoundry is broken: healthCheck cannot/],
    [{ subnetIds, diverter: 'netfoundry', reply: 'geneve' }, /rule NetFoundry is broken: reply cannot/],
    [{ subnetIds, diverter: 'netfoundry', dnsRanges: 'true' }, /rule NetFoundry is broken: Give registrationKey/],
    [{ subnetIds, clientVpcs: 'all' }, /rule ClientVpcs is broken: clientVpcs needs reply to be geneve/],
    [{ subnetIds, gatewayOwners: '444455556666' }, /rule GatewayOwners is broken: gatewayOwners needs reply/],
    [{ subnetIds, spokeAccounts: '222233334444' }, /rule Spokes is broken: spokeAccounts needs reply to be geneve/],
    [{ subnetIds, spokeOrganization: 'o-a1b2c3d4e5' }, /rule Spokes is broken: spokeOrganization needs reply/],
    [
      { subnetIds, spokeOrganization: 'r-a1b2', reply: 'geneve' },
      /parameter spokeOrganization failed to satisfy constraint: must be the id of an organisation/,
    ],
    [{ subnetIds, spokeAccounts: '2222', reply: 'geneve' }, /constraint: must be ids of accounts, each once and 20/],
    [
      { subnetIds, clientVpcs: 'all,vpc-01234567', reply: 'geneve' },
      /parameter clientVpcs failed to satisfy constraint: must be/,
    ],
    [{ subnetIds, alarmTopicArn: arn('sns', 'a'), alarmEmail: 'a@b.example' }, /rule Alarms/],
    [{ subnetIds, tags: 'Team=a' }, /rule Tags/],
    [
      { ...taken, idleTimeout: '60' },
      /rule OfLoadBalancer is broken: idleTimeout is for a load balancer that is to be/,
    ],
    [{ subnetIds: 'subnet-01234567,subnet-01234567' }, /parameter subnetIds failed .* each once/],
    [{ subnetIds, healthCheckInterval: '5.5' }, /must be a whole number from 5 to 300$/],
    [{ subnetIds, vpcId: 'vpc-xyz' }, /parameter vpcId failed to satisfy constraint: must be the id of a VPC$/],
    [{ subnetIds: 'subnet-01234567, subnet-89abcdef' }, /parameter subnetIds failed .* with commas and no blanks/],
    [{ subnetIds, tagKey: 'aws:x' }, /parameter tagKey failed to satisfy constraint: must be a tag's key/],
    [
      { subnetIds, idleTimeout: '59' },
      /parameter idleTimeout failed to satisfy constraint: must be a whole number from 60 to 6000$/,
    ],
    [{ subnetIds, logRetention: '31' }, /parameter logRetention failed to satisfy constraint: must be one of 1, 3/],
    [{ subnetIds, autoScalingGroup: 'a"b' }, /parameter autoScalingGroup failed .* without quotes/],
    [{ subnetIds, stage: 's'.repeat(47) }, /parameter stage failed to satisfy constraint: must be at most/],
    [{ subnetIds, subnetId: 'x' }, /the template has no parameter subnetId/],
  ])('refuses %j before anything is made', (given, says) => {
    const parameters = { vpcId, codeBucket: 'bucket', ...given };
    expect(() => planStack(parseTemplate(JSON.stringify(plainOf(HUB).template)), parameters, PLACE, () => [])).toThrow(
      says,
    );
  });

  test.each<[given: Record<string, string>, says: RegExp]>([
    [
      { hubService: 'vpce-svc-0123456789abcdef0' },
      /parameter hubService failed to satisfy constraint: must be the name of an endpoint service/,
    ],
    [
      { hubHealth: 'ziti-glb-dev-health' },
      /parameter hubHealth failed to satisfy constraint: must be the ARN of the function/,
    ],
    [{ clientVpcs: 'own' }, /parameter clientVpcs failed to satisfy constraint: must be/],
    [{ alarmTopicArn: arn('sns', 'a'), alarmEmail: 'a@b.example' }, /rule Alarms/],
    [{ tags: 'Team=a' }, /rule Tags/],
    // The function topology would have a name of 64 characters of this stage.
    [{ stage: 's'.repeat(41) }, /parameter stage failed to satisfy constraint: must be at most/],
    [{ vpcId }, /the template has no parameter vpcId/],
  ])('of a spoke refuses %j before anything is made', (given, says) => {
    const parameters = { ...STACKS[1]?.must, codeBucket: 'bucket', ...given };
    expect(() =>
      planStack(parseTemplate(JSON.stringify(plainOf(SPOKE).template)), parameters, PLACE, () => []),
    ).toThrow(says);
  });

  describe('refuses what the command line refuses, and no more, but for what stands below', () => {
    const Parameters = parametersOfTemplate('0.1.0');
    const small = { Parameters, Rules: rulesFor(Object.keys(Parameters)), Conditions: intrinsics.conditions };
    const refusing = parseTemplate(JSON.stringify({ ...small, Resources: {} }));
    const { defaults } = declarationOf(HUB);
    const refuses = (check: () => unknown) => {
      try {
        check();
        return false;
      } catch {
        return true;
      }
    };

    test.each(Object.keys(defaults))('as %s', (name) => {
      const beside = name in taken ? taken : { subnetIds, ...(WITH_GENEVE.includes(name) && { reply: 'geneve' }) };
      const differs = WRONG.filter((value) => {
        const given = { vpcId, ...beside, [name]: value };
        const byPlain = refuses(() =>
          planStack(
            refusing,
            { codeBucket: 'bucket', ...given, ...(name === 'tags' && value && { tagKeys: 'Team' }) },
            PLACE,
            () => [],
          ),
        );
        const byCommand = refuses(() => checkParameters({ ...defaults, ...given }, { region: PLACE.region, defaults }));
        return byPlain !== byCommand;
      });
      expect(differs).toEqual(DIFFERENT[name] ?? []);
    });
  });

  describe('deployed into the cloud in a box', () => {
    let stack: StackInBox;
    beforeAll(async () => {
      stack = await stackInBox();
    });
    afterAll(() => stack?.box.close());

    test('gives a tagged subnet its route, as the packaged one does', async () => {
      const { box, until, operator } = stack;
      const { vpcId, subnetIds } = box.network;
      const plain = plainOf(HUB);
      const template = parseTemplate(JSON.stringify(plain.template));
      const prefixed = new Map([...plain.code].map(([key, path]) => [`releases/1/${key}`, path]));
      const parameters = {
        vpcId,
        subnetIds,
        stage: 'plain',
        tagKey: 'plain',
        codeBucket: 'code',
        codePrefix: 'releases/1',
      };
      const deployed = await box.deployTemplate('a-name', template, parameters, prefixed);
      const { version } = JSON.parse(read('package.json'));
      expect(deployed.outputs).toMatchObject({ Version: version, RoutersFunction: 'ziti-glb-plain-routers' });

      const ec2 = new EC2({ endpoint: box.endpoint, region: box.region, credentials: box.credentials });
      const tags = (Value: string) => [{ Key: 'plain', Value }];
      const { Subnets = [] } = await ec2.describeSubnets({ Filters: [{ Name: 'tag:Name', Values: ['app-a'] }] });
      await ec2.createTags({ Resources: [Subnets[0]?.SubnetId ?? ''], Tags: tags('10.20.0.0/16') });
      await ec2.runInstances({
        ...{ ImageId: 'ami-router', InstanceType: 't3.small', MinCount: 1, MaxCount: 1 },
        SubnetId: subnetIds.split(',')[0],
        TagSpecifications: [
          { ResourceType: 'instance', Tags: [...tags('router'), { Key: 'Name', Value: 'router-plain' }] },
        ],
      });
      const route = await until('route', async () => (await operator.endpointRoutes())[0]);
      expect(route.destination).toBe('10.20.0.0/16');
      const { TargetGroup } = Object.fromEntries(deployed.resources);
      const elb = new ElasticLoadBalancingV2({
        endpoint: box.endpoint,
        region: box.region,
        credentials: box.credentials,
      });
      await until('healthy router', async () => {
        const { TargetHealthDescriptions = [] } = await elb.describeTargetHealth({
          TargetGroupArn: TargetGroup?.made.ref,
        });
        return TargetHealthDescriptions.some(({ TargetHealth }) => TargetHealth?.State === 'healthy');
      });
      ec2.destroy();
      elb.destroy();
    });
  });
});

/** These need answers to go back through the load balancer. */
const WITH_GENEVE = ['clientVpcs', 'gatewayOwners', 'spokeAccounts', 'spokeOrganization'];
const many = (length: number, one: (at: number) => string) => Array.from({ length }, (_, at) => one(at)).join();
const principal = (account: string, of: string) => `arn:aws:iam::${account}:${of}`;

/** Of every parameter each of these is tried: most are wrong for most. */
const WRONG = [
  ...['', ' ', 'x ', ' x', 'a'.repeat(300), 'true', 'True', 'yes', 'null', 'é', '–', 'a\nb', 'a\tb', 'a b'],
  ...[`\${AWS::Region}`, '*', ',', 'a,', 'a,,b', 'aws:x', 'AWS:x', 'own', 'all', 'default', 'ziti-glb', 'x'.repeat(76)],
  ...[
    '0',
    '-1',
    '1',
    '1.5',
    '1e3',
    '+5',
    '5',
    '5 ',
    ' 5',
    '5.0',
    '05',
    '0x10',
    '10',
    '30',
    '31',
    '300',
    '6001',
    '7200',
  ],
  ...[
    '10.0.0.0/8',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/–8',
    '0.0.0.0/0',
    '010.0.0.0/8',
    '300.0.0.0/8',
  ],
  ...['::/0', 'fd00::/8', 'FD00::/8', 'fd00::1/8', 'fd00::/129', '::ffff:10.0.0.0/104', '10.0.0/24', ':/1', 'a/1'],
  ...['10.0.0.0/8 11.0.0.0/8', '10.0.0.0/8  11.0.0.0/8', '10.0.0.0/8,11.0.0.0/8', ' 10.0.0.0/8', '10.0.0.0/8 '],
  ...['10.0.0.0/8 10.0.0.0/8', '10.0.0.0/8 10.1.0.0/16', '100.64.0.0/30', '100.64.0.0/11'],
  ...['10.0.0.2', '127.0.0.1', '0.0.0.0', '169.254.169.253', '255.255.255.255', '256.1.1.1', '10.0.0.02', 'fd00::1'],
  ...['vpc-01234567', 'vpc-0123456789ABCDEF0', 'vpc-012345678', 'vpc-01234567,vpc-01234567', 'vpc-01234567,'],
  ...['vpc-01234567, vpc-89abcdef', 'all,vpc-01234567', many(MOST_VPCS, (at) => `vpc-0000${1000 + at}`)],
  ...[
    many(MOST_VPCS + 1, (at) => `vpc-0000${1000 + at}`),
    'vpce-svc-0123456789abcdef0',
    'vpce-svc-1',
    'subnet-01234567',
  ],
  ...['subnet-01234567,subnet-89abcdef', 'subnet-01234567,subnet-01234567', 'subnet-01234567 subnet-01234567'],
  ...['subnet-01234567,subnet-0123456789abcdef0', 'subnet-01234567 subnet-89abcdef', 'subnet-01234567,'],
  ...[
    '222233334444',
    '22223333444',
    '222233334444,222233334444',
    '222233334444,333344445555',
    '222233334444, 333344445555',
  ],
  ...[
    many(20, (at) => `2222333344${10 + at}`),
    many(21, (at) => `2222333344${10 + at}`),
    'o-a1b2c3d4e5',
    'o-A1b2c3d4e5',
  ],
  ...['root', 'role/a', 'role/a/b', 'user/a@b', 'group/a'].map((of) => principal('222233334444', of)),
  ...[
    `${principal('222233334444', 'root')},${principal('222233334444', 'root')}`,
    `*,${principal('222233334444', 'root')}`,
  ],
  ...[
    'Team=a',
    'Team=a,Team=b',
    'Team=a,team=b',
    'Team=a, Team=b',
    'Team=',
    '=a',
    'aws:x=1',
    'AWS:x=1',
    'ziti-glb:x=1',
  ],
  ...[
    'Name=x',
    'STAGE=x',
    'Names=x',
    'Team=a=b',
    'Té=é',
    'Team=a"b',
    'Team=a*b',
    `${'k'.repeat(129)}=v`,
    `k=${'v'.repeat(257)}`,
  ],
  ...[many(40, (at) => `k${at}=v`), many(41, (at) => `k${at}=v`)],
  ...['policy/a', 'instance-profile/p/x', 'instance-profile/'].map((of) => principal('111122223333', of)),
  ...[`arn:aws:sns:eu-central-1:111122223333:a`, `arn:aws:sns:eu-west-1:111122223333:a`, '/routers/{instanceId}'],
  ...['a@b', 'a@b.example', 'a b@c.example', 'a@b..example', '<a@b.example>', 'a@b.example,c@d.example', 'ä@b.example'],
  ...[
    'a"b',
    'a\\b',
    'a:b',
    'a\x7fb',
    'a\x85b',
    'https://r.example',
    'arm64',
    'x86_64',
    'geneve',
    'zone',
    'router',
    'keep',
  ],
];

/** A plain template has no way to look into networks or an ARN: the functions refuse these, or take the network as AWS does, or CloudFormation refuses them. What it takes less of than the command line, docs/deploying.md says. */
const DIFFERENT: Readonly<Record<string, string[]>> = {
  defaultCidrs: ['10.0.0.1/8', 'fd00::1/8', '10.0.0.0/8 10.1.0.0/16'],
  systemsManagerCidrs: ['10.0.0.1/8', 'fd00::1/8'],
  dnsPool: ['10.0.0.1/8', '0.0.0.0/0'],
  dnsPrefix: ['1', '5', '10', '30'],
  alarmTopicArn: ['arn:aws:sns:eu-west-1:111122223333:a'],
  autoScalingGroup: ['Team=a"b', 'a"b', 'a\\b'],
  allowedPrincipals: [
    '222233334444',
    '222233334444,333344445555',
    many(20, (at) => `2222333344${10 + at}`),
    many(21, (at) => `2222333344${10 + at}`),
  ],
  tagKey: WRONG.filter((value) => /[:/=+@]/.test(value) && /^(?!aws:)[\w.:/=+@-]{1,75}$/i.test(value)),
};

const PLACE = { name: 'ziti-glb-test', region: 'eu-central-1', account: '111122223333', zones: ['a', 'b'] };

/** CloudFormation makes this of a template, by logical id; what no template decides is left as it is: references to what is made, and where code is. */
function made(template: Template, parameters: Record<string, string>, prefix: string): Record<string, unknown> {
  const types = new Set(Object.values(template.Resources).map(({ Type }) => Type));
  const all = planStack(template, parameters, PLACE, (type) => (types.has(type) ? ANY : undefined));
  // A reference has the form of an ARN, and of a service's id: the templates take both apart.
  const scope: Scope = {
    ...all.scope,
    ref: (name) =>
      name in template.Resources
        ? name === 'ServerlessDeploymentBucket'
          ? 'bucket'
          : `<${name}>:loadbalancer/gwy/vpce-svc-${name}/1`
        : all.scope.ref(name),
    getAtt: (name, attribute) => `<${name}.${attribute}>`,
  };
  return Object.fromEntries(
    all.resources
      .filter(({ logicalId }) => !logicalId.startsWith('ServerlessDeploymentBucket'))
      .map(({ logicalId, declaration: { Type, Properties, DependsOn } }) => {
        const properties = JSON.parse(JSON.stringify(resolve(Properties, scope)), (key, value) => {
          if (key === 'S3Key') return basename(value).replace(/-[0-9a-f]{64}/, '');
          if (key === 'PolicyDocument' && typeof value === 'string')
            return JSON.parse(value, (_, one) => (typeof one === 'number' ? `${one}` : one));
          // CloudFormation takes a number for a text, and a text for a number.
          return typeof value === 'number' ? `${value}` : value;
        });
        return [logicalId.replace(prefix, ''), { Type, properties, DependsOn }];
      }),
  );
}
/** Every attribute is there. */
const ANY = Object.assign([], { includes: () => true });
