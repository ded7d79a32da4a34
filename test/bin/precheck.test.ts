import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RouteTable, Subnet, VpcEndpoint } from '@aws-sdk/client-ec2';
import {
  CreateRouteCommand,
  CreateTagsCommand,
  CreateVpcEncryptionControlCommand,
  ModifyVpcEncryptionControlCommand,
} from '@aws-sdk/client-ec2';
import { CreateLoadBalancerCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, describe, expect, test } from '@jest/globals';
import {
  balancing,
  CODE,
  type Code,
  codeBucket,
  concurrency,
  names,
  ownVpc,
  reachability,
  reserved,
  taken,
  type Ways,
  zonesOf,
} from '../../bin/precheck-findings.ts';
import type { Deployment } from '../../bin/stack-deployment.ts';
import { version } from '../../bin/version.ts';
import { parametersOfTemplate } from '../../release/parameters.ts';
import { testNatGateway, testTable, testVpc } from '../support/cloud.ts';
import { deployed, type TestStack } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'precheck-'));
afterAll(() => rmSync(folder, { recursive: true }));
function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const subnet = (id: string, zone = 'a', more: Subnet = {}): Subnet => ({
  ...{ SubnetId: id, VpcId: 'vpc-1', AvailabilityZone: zone, AvailableIpAddressCount: 250 },
  ...more,
});

describe('a VPC', () => {
  test.each([
    [undefined, 'fault', 'vpc-1 is not there'],
    [{ VpcId: 'vpc-1', OwnerId: '222', CidrBlock: '10.0.0.0/16' }, 'fault', 'vpc-1 is of account 222, which shares'],
    [{ VpcId: 'vpc-1', OwnerId: '111', CidrBlock: '10.0.0.0/16' }, 'ok', 'vpc-1 is there, 10.0.0.0/16'],
  ])('%j is a %s: %s', (vpc, is, says) => {
    expect(ownVpc(vpc, 'vpc-1', '111')).toMatchObject({ is, says: expect.stringContaining(says) });
  });
});

describe('subnets for nodes', () => {
  const two = [subnet('subnet-1', 'a'), subnet('subnet-2', 'b')];
  test.each<[string[], Subnet[], string[]]>([
    [['subnet-1', 'subnet-2'], two, ['ok a: subnet-1', 'ok b: subnet-2']],
    [['subnet-1', 'subnet-3'], two, ['ok a: subnet-1', 'fault subnet-3 is not there']],
    [
      ['subnet-1', 'subnet-2'],
      [subnet('subnet-1'), subnet('subnet-2', 'b', { VpcId: 'vpc-2' })],
      ['ok a: subnet-1', 'fault subnet-2 is in vpc-2, not vpc-1'],
    ],
    [
      ['subnet-1', 'subnet-2'],
      [subnet('subnet-1'), subnet('subnet-2')],
      ['fault subnet-1 is in a, and so is subnet-2', 'fault subnet-2 is in a, and so is subnet-1'],
    ],
    [
      ['subnet-1', 'subnet-2'],
      [subnet('subnet-1', 'a', { AvailableIpAddressCount: 0 }), subnet('subnet-2', 'b')],
      ['fault subnet-1 has no address left', 'ok b: subnet-2'],
    ],
    [['subnet-1'], [subnet('subnet-1')], ['ok a: subnet-1', 'warning there is one zone']],
  ])('%j of %j', (wanted, there, expected) => {
    const found = zonesOf(wanted, there, 'vpc-1').map(({ is, says }) => `${is} ${says}`);
    expect(found).toEqual(expected.map((text) => expect.stringContaining(text)));
  });
});

describe('the account’s concurrent executions', () => {
  test.each([
    [1000, 1000, 2, 'ok'],
    [1000, 102, 2, 'ok'],
    [1000, 101, 2, 'fault'],
    [1000, 101, 0, 'ok'],
    [10, 10, 2, 'fault'],
    [12, 12, 2, 'ok'],
    [99, 11, 2, 'fault'],
  ])('of %i, %i not reserved, let %i be: %s', (all, unreserved, reserves, is) => {
    expect(concurrency({ all, unreserved }, reserves)).toMatchObject({ is });
  });
});

test.each<[parameters: Record<string, string>, number]>([
  [{ reserveConcurrency: 'true', spokeAccounts: '' }, 2],
  [{ reserveConcurrency: 'true', spokeAccounts: '222233334444' }, 3],
  [{ reserveConcurrency: 'true', spokeOrganization: 'o-a1b2c3d4e5' }, 3],
  [{ reserveConcurrency: 'false', spokeAccounts: '222233334444' }, 0],
  [{}, 0],
])('a stack with %j reserves %i executions', (parameters, number) => {
  expect(reserved(parameters)).toBe(number);
});

describe('names', () => {
  const claim = { name: '/ziti-glb/vpc-1/ziti-glb', where: 'this VPC', holder: undefined };
  const others = { name: '/ziti-glb/clients/ziti-glb', where: 'other VPCs', holder: undefined };
  const nothing = {
    stack: 'ziti-glb-dev',
    deployment: undefined,
    functions: [],
    logGroups: [],
    claims: [claim, others],
  };
  const deployment = (status: string): Deployment => ({
    ...{ name: 'own-name', status, version: '0.1.0', at: 0, parameters: {}, defaults: {} },
  });
  test.each<[string, Partial<Parameters<typeof names>[0]>, string[]]>([
    ['nothing', {}, ['ok nothing is named as']],
    ['a function', { functions: ['ziti-glb-dev-routers'] }, ['fault the function ziti-glb-dev-routers is there']],
    ['a log group', { logGroups: ['/aws/lambda/x'] }, ['fault the log group /aws/lambda/x is there']],
    [
      'another stack by the tag',
      { claims: [{ ...claim, holder: 'ziti-glb-prod' }, others] },
      ['fault /ziti-glb/vpc-1/ziti-glb says', 'ok nothing'],
    ],
    [
      'its own claim, left',
      { claims: [{ ...claim, holder: 'ziti-glb-dev' }, others] },
      ['fault the parameter /ziti-glb/vpc-1'],
    ],
    [
      'the stack',
      { deployment: deployment('UPDATE_COMPLETE'), functions: ['x'] },
      ['ok the stack own-name is there, version 0.1.0'],
    ],
    [
      'one that was rolled back',
      { deployment: deployment('ROLLBACK_COMPLETE') },
      ['fault the stack own-name is ROLLBACK_COMPLETE'],
    ],
    [
      'one that changes',
      { deployment: deployment('UPDATE_IN_PROGRESS') },
      ['fault the stack own-name is UPDATE_IN_PROGRESS'],
    ],
    ['one that went back', { deployment: deployment('UPDATE_ROLLBACK_COMPLETE') }, ['ok the stack own-name']],
    ['one that could not go back', { deployment: deployment('UPDATE_ROLLBACK_FAILED') }, ['fault the stack own-name']],
  ])('where there is %s', (_, there, expected) => {
    const found = names({ ...nothing, ...there }).map(({ is, says }) => `${is} ${says}`);
    expect(found).toEqual(expected.map((text) => expect.stringContaining(text)));
  });
});

describe('a router’s way to Systems Manager and S3', () => {
  const table = (routes: RouteTable['Routes'], association: object = { SubnetId: 'subnet-1' }): RouteTable => ({
    ...{ RouteTableId: 'rtb-1', VpcId: 'vpc-1', Associations: [association] },
    Routes: [{ DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local', State: 'active' }, ...(routes ?? [])],
  });
  const to = (target: object, DestinationCidrBlock = '0.0.0.0/0') => ({
    DestinationCidrBlock,
    State: 'active' as const,
    ...target,
  });
  const interfaceOf = (name: string): VpcEndpoint => ({
    ...{ VpcEndpointType: 'Interface', State: 'Available', ServiceName: `com.amazonaws.eu-central-1.${name}` },
  });
  const gateway: VpcEndpoint = {
    VpcEndpointType: 'Gateway',
    ServiceName: 'com.amazonaws.eu-central-1.s3',
    RouteTableIds: ['rtb-1'],
  };
  const agent = [interfaceOf('ssm'), interfaceOf('ssmmessages')];
  const none: Ways = { endpoints: [], tables: [table([])], elsewhere: [], certain: true, fetches: true };
  test.each<[string, Partial<Ways>, Subnet, [manager: string, s3?: string]]>([
    ['none', {}, {}, ['fault', 'fault']],
    ['none, where others may have one', { certain: false }, {}, ['warning', 'warning']],
    ['a NAT gateway', { tables: [table([to({ NatGatewayId: 'nat-1' })])] }, {}, ['ok', 'ok']],
    [
      'a NAT gateway that is gone',
      { tables: [table([{ ...to({ NatGatewayId: 'nat-1' }), State: 'blackhole' }])] },
      {},
      ['fault', 'fault'],
    ],
    [
      'a NAT gateway in the main table',
      { tables: [table([to({ NatGatewayId: 'nat-1' })], { Main: true })] },
      {},
      ['ok', 'ok'],
    ],
    [
      'another subnet’s',
      { tables: [table([to({ NatGatewayId: 'nat-1' })], { SubnetId: 'subnet-2' })] },
      {},
      ['fault', 'fault'],
    ],
    [
      'an internet gateway, without an address',
      { tables: [table([to({ GatewayId: 'igw-1' })])] },
      {},
      ['warning', 'warning'],
    ],
    [
      'an internet gateway',
      { tables: [table([to({ GatewayId: 'igw-1' })])] },
      { MapPublicIpOnLaunch: true },
      ['ok', 'ok'],
    ],
    ['endpoints', { endpoints: [...agent, gateway] }, {}, ['ok', 'ok']],
    ['one endpoint of two', { endpoints: [interfaceOf('ssm'), gateway] }, {}, ['fault', 'ok']],
    [
      'an endpoint that is deleted',
      { endpoints: [interfaceOf('ssm'), { ...interfaceOf('ssmmessages'), State: 'Deleting' }, gateway] },
      {},
      ['fault', 'ok'],
    ],
    [
      'a gateway endpoint of other tables',
      { endpoints: [...agent, { ...gateway, RouteTableIds: ['rtb-2'] }] },
      {},
      ['ok', 'fault'],
    ],
    [
      'endpoints elsewhere',
      { elsewhere: ['10.100.0.0/24'], tables: [table([to({ TransitGatewayId: 'tgw-1' }, '10.100.0.0/16')])] },
      {},
      ['ok', 'fault'],
    ],
    ['endpoints where no route leads', { elsewhere: ['10.100.0.0/24'] }, {}, ['fault', 'fault']],
    ['no need of S3', { endpoints: agent, fetches: false }, {}, ['ok']],
  ])('by %s', (_, ways, more, expected) => {
    expect(reachability(subnet('subnet-1', 'a', more), { ...none, ...ways }).map(({ is }) => is)).toEqual(expected);
  });
});

describe('a load balancer that is to be taken', () => {
  const right = {
    vpcId: 'vpc-1',
    type: 'gateway',
    ofVpc: 'vpc-1',
    protocol: 'GENEVE',
    targetType: 'instance',
    accepts: true,
  };
  test.each<[Partial<Parameters<typeof taken>[0]>, string]>([
    [{}, 'it can be taken'],
    [{ type: 'network' }, 'loadBalancerArn is a load balancer of type network'],
    [{ type: undefined, ofVpc: undefined }, 'loadBalancerArn is not there'],
    [{ ofVpc: 'vpc-2' }, 'loadBalancerArn is in vpc-2, not vpc-1'],
    [{ targetType: 'ip' }, 'targetGroupArn has targets of type ip, by GENEVE'],
    [{ targetType: undefined, protocol: undefined }, 'targetGroupArn is not there'],
    [{ accepts: false }, 'serviceId asks for no acceptance'],
    [{ accepts: undefined }, 'serviceId is not there'],
  ])('%j: %s', (otherwise, says) => {
    expect(taken({ ...right, ...otherwise })).toEqual([
      expect.objectContaining({ says: expect.stringContaining(says) }),
    ]);
  });
});

describe('a bucket of code', () => {
  const sum = '0123456789abcdef'.repeat(4);
  const functions = ['routers', 'subnets', 'topology', 'health'];
  const keys = functions.map((name) => `releases/1/${name}-${sum}.zip`);
  const right: Code = {
    functions,
    ...{ bucket: 'b', prefix: 'releases/1', region: 'eu-central-1', where: 'eu-central-1', fetches: true },
    ...{ keys: [...keys, `releases/1/diverter/${sum}`], denied: [] },
  };
  test.each<[string, Partial<Code>, 'ok' | 'warning' | 'fault', string]>([
    ['the diverter under a key', { encryptedBy: 'arn:k' }, 'warning', 'b has the diverter encrypted by arn:k: unless'],
    ['all', {}, 'ok', 'b has what releases/1/ is to have, in eu-central-1'],
    ['none', { where: undefined }, 'fault', 'there is no bucket b'],
    [
      'one elsewhere',
      { where: 'us-east-1' },
      'fault',
      'b is in us-east-1, and Lambda takes code of a stack in eu-central-1',
    ],
    [
      'nothing',
      { keys: [] },
      'fault',
      'b has no releases/1/ with routers-….zip, subnets-….zip, topology-….zip, health-….zip, diverter/…',
    ],
    ['no diverter', { keys }, 'fault', 'b has no releases/1/ with diverter/…'],
    ['no diverter, and needs none', { keys, fetches: false }, 'ok', 'b has what'],
    [
      'what a spoke is of',
      { functions: ['subnets', 'topology'], keys: keys.slice(1, 3), fetches: false },
      'ok',
      'b has what',
    ],
    ['another version’s', { prefix: 'releases/2' }, 'fault', 'b has no releases/2/ with routers-….zip'],
    [
      'what is named otherwise',
      { keys: keys.map((key) => key.replace('.zip', '')), fetches: false },
      'fault',
      'b has no',
    ],
    ['what may not be read', { denied: keys.slice(1) }, 'fault', `${keys[1]} in b may not be read`],
  ])('that has %s', (_, otherwise, is, says) => {
    expect(codeBucket({ ...right, ...otherwise })).toMatchObject({ is, says: expect.stringContaining(says) });
  });

  test('is named as the plain template takes it', () => {
    const { codeBucket: bucket, codePrefix: prefix } = parametersOfTemplate(version);
    expect([bucket?.AllowedPattern, prefix?.AllowedPattern]).toEqual(
      [CODE.codeBucket, CODE.codePrefix].map(({ source }) => source.replaceAll('\\/', '/')),
    );
    expect(prefix).toMatchObject({ Default: `ziti-glb/${version}` });
  });
});

test.each<[string[], groups: number, Record<string, number>, string[]]>([
  [[], 0, { 'gateway-load-balancers': 100 }, ['ok Gateway Load Balancers per Region: 0 of 100 in eu-central-1']],
  [['vpc-2', 'vpc-2'], 0, { 'gateway-load-balancers': 2 }, ['fault Gateway Load Balancers per Region: 2 of 2']],
  [
    ['vpc-2', 'vpc-1'],
    0,
    { 'gateway-load-balancers-per-vpc': 1 },
    ['fault Gateway Load Balancers per VPC: 1 of 1 in vpc-1'],
  ],
  [['vpc-2'], 0, { 'gateway-load-balancers-per-vpc': 1 }, ['ok Gateway Load Balancers per VPC: 0 of 1']],
  [[], 9, { 'geneve-target-groups': 10 }, ['warning GENEVE target groups per Region: 9 of 10']],
  [[], 3, {}, []],
])('load balancers in %j and %i groups, of %j', (balancers, groups, limits, expected) => {
  const found = balancing({
    ...{ vpcId: 'vpc-1', region: 'eu-central-1', balancers, groups },
    limits: new Map(Object.entries(limits)),
  });
  expect(found.map(({ is, says }) => `${is} ${says}`)).toEqual(expected.map((text) => expect.stringContaining(text)));
});

/** An account could have a stack deployed here without anything in the way. */
async function ground(extras: Parameters<typeof deployed>[0] = {}) {
  const stack = await deployed(extras);
  const vpc = await testVpc(stack);
  const nat = await testNatGateway(stack, vpc.a0);
  const RouteTableId = await testTable(stack, vpc.vpc, vpc.a0, vpc.b0);
  await stack.ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: nat }));
  await stack.clock.run(300_000);
  const given = [`vpcId=${vpc.vpc}`, `subnetIds=${vpc.a0},${vpc.b0}`].flatMap((one) => ['--param', one]);
  const precheck = (...more: string[]) => stack.cli(['precheck', '--stack', 'ziti-glb-new', ...given, ...more]);
  return { ...stack, ground: vpc, precheck };
}

describe('precheck', () => {
  test('finds nothing in the way, and says what it has looked at', async () => {
    const { precheck } = await ground();
    const { code, out, err } = await precheck();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const row of [
      /ok +credentials +arn:aws:sts::111122223333:assumed-role\/operator/,
      /ok +VPC +vpc-/,
      /ok +zones +eu-central-1b: subnet-/,
      /ok +Systems Manager +subnet-\S+: by its default route, to nat-/,
      /ok +S3 /,
      /ok +encryption controls/,
      /ok +quotas +Concurrent executions: 1000 /,
      /ok +quotas +Interface VPC endpoints per VPC: 0 of 50/,
      /ok +quotas +Gateway Load Balancers per Region: 1 of 100 in eu-central-1/,
      /ok +quotas +Gateway Load Balancers per VPC: 0 of 100 in vpc-/,
      /ok +quotas +GENEVE target groups per Region: 1 of 100/,
      /ok +names +nothing is named as what ziti-glb-new makes/,
    ])
      expect(out).toMatch(row);
    expect(out).not.toMatch(/^(fault|warning|unknown)/m);
  });

  test('is JSON for programs', async () => {
    const { precheck } = await ground();
    const { out } = await precheck('--json');
    expect(JSON.parse(out)[0]).toEqual({ is: 'ok', check: 'credentials', says: expect.any(String), remedy: '' });
  });

  test('changes nothing', async () => {
    const { precheck, cloud } = await ground();
    const before = JSON.stringify([...cloud.state.tags]);
    await precheck();
    expect(JSON.stringify([...cloud.state.tags])).toBe(before);
  });

  test.each<[string, (stack: Awaited<ReturnType<typeof ground>>) => Promise<unknown>, RegExp]>([
    [
      'a VPC that enforces encryption',
      async ({ ec2, ground: { vpc } }) => {
        const { VpcEncryptionControl } = await ec2.send(new CreateVpcEncryptionControlCommand({ VpcId: vpc }));
        const VpcEncryptionControlId = VpcEncryptionControl?.VpcEncryptionControlId;
        await ec2.send(new ModifyVpcEncryptionControlCommand({ VpcEncryptionControlId, Mode: 'enforce' }));
      },
      /fault +encryption controls .*enforces/,
    ],
    [
      'another stack that has the tag in this VPC',
      ({ ssm, ground: { vpc } }) =>
        ssm.send(new PutParameterCommand({ Name: `/ziti-glb/${vpc}/ziti-glb`, Value: 'ziti-glb-old', Type: 'String' })),
      /fault +names +\/ziti-glb\/vpc-\S+ says that the tag is of the stack ziti-glb-old/,
    ],
  ])('finds %s', async (_, change, row) => {
    const stack = await ground();
    await change(stack);
    const { code, out } = await stack.precheck();
    expect([code, out]).toEqual([2, expect.stringMatching(row)]);
  });

  test('finds an account that is too small, unless nothing is to be reserved in it', async () => {
    const { precheck } = await ground({ concurrency: { all: 10, unreserved: 10 } });
    const { code, out } = await precheck();
    expect([code, out]).toEqual([2, expect.stringMatching(/fault +quotas .*; 2 are to be reserved, and AWS keeps 10/)]);
    expect((await precheck('-p', 'reserveConcurrency=false')).code).toBe(0);
    const withSpokes = await precheck('-p', 'spokeAccounts=222233334444', '-p', 'reply=geneve');
    expect(withSpokes.out).toMatch(/; 3 are to be reserved, and AWS keeps 10/);
  });

  test('finds that there may be no load balancer more, unless the stack takes one', async () => {
    const stack = await ground();
    const { elb, ground: at } = stack;
    for (let index = 0; index < 99; index++)
      await elb.send(new CreateLoadBalancerCommand({ Name: `glb-${index}`, Type: 'gateway', Subnets: [at.a0] }));
    await expect(
      elb.send(new CreateLoadBalancerCommand({ Name: 'more', Type: 'gateway', Subnets: [at.a0] })),
    ).rejects.toMatchObject({ name: 'TooManyLoadBalancersException' });
    const { code, out } = await stack.precheck();
    expect([code, out]).toEqual([
      2,
      expect.stringMatching(/fault +quotas +Gateway Load Balancers per Region: 100 of 100/),
    ]);
  });

  describe('looks into the bucket of code', () => {
    const sum = '0123456789abcdef'.repeat(4);
    const names = ['routers', 'subnets', 'topology', 'health'].map((name) => `${name}-${sum}.zip`);
    const all = [...names, `diverter/${sum}`].map((name) => `ziti-glb/${version}/${name}`);
    type Stack = Awaited<ReturnType<typeof ground>>;
    const filled = (buckets: Stack['buckets'], keys: string[], region?: string) => {
      buckets.create('releases', region);
      for (const key of keys) buckets.write('releases', key, new Uint8Array(1));
    };
    test.each<[string, (buckets: Stack['buckets']) => void, code: number, row: RegExp]>([
      [
        'that has all',
        (buckets) => filled(buckets, all),
        0,
        /ok +code +releases has what ziti-glb\/\S+ is to have, in eu-/,
      ],
      ['that is not there', () => {}, 2, /fault +code +there is no bucket releases/],
      ['of another region', (buckets) => filled(buckets, all, 'us-west-2'), 2, /fault +code +releases is in us-west-2/],
      ['that is empty', (buckets) => filled(buckets, []), 2, /fault +code +releases has no ziti-glb/],
      ['that has no diverter', (buckets) => filled(buckets, all.slice(0, 4)), 2, /fault +code .* with diverter\/…/],
    ])('%s', async (_, fill, code, row) => {
      const stack = await ground();
      fill(stack.buckets);
      const answer = await stack.precheck('-p', 'codeBucket=releases');
      expect([answer.code, answer.out]).toEqual([code, expect.stringMatching(row)]);
    });

    test('and warns of a key that encrypts the diverter, which routers could not have then', async () => {
      const stack = await ground();
      filled(stack.buckets, all.slice(0, 4));
      const key = 'arn:aws:kms:eu-central-1:111122223333:key/1';
      const headers = { 'x-amz-server-side-encryption-aws-kms-key-id': key };
      stack.buckets.write('releases', all[4] ?? '', new Uint8Array(1), headers);
      const { code, out } = await stack.precheck('-p', 'codeBucket=releases');
      expect([code, out]).toEqual([0, expect.stringContaining(`the diverter encrypted by ${key}: unless`)]);
      expect(out).toContain(`aws s3 cp --recursive --sse AES256 code s3://releases/ziti-glb/${version}`);
    });

    test('and finds code below another prefix, as the file of parameters has it', async () => {
      const stack = await ground();
      filled(
        stack.buckets,
        all.map((key) => `mirror/${key}`),
      );
      const path = file('code.json', {
        Parameters: { codeBucket: 'releases', codePrefix: `mirror/ziti-glb/${version}` },
      });
      expect((await stack.precheck('--parameters', path)).out).toMatch(/ok +code +releases has what mirror\//);
    });

    test.each<[string, (action: string, resource: string) => boolean, code: number, row: RegExp]>([
      [
        'listed',
        (action) => action !== 's3:ListBucket',
        0,
        /unknown +code +it cannot be read: S3 answers 403 of releases: s3:ListBucket is lacking/,
      ],
      ['read', (action) => action !== 's3:GetObject', 2, /fault +code +ziti-glb\/\S+ in releases may not be read/],
    ])('that may not be %s', async (_, mayOfS3, code, row) => {
      const stack = await ground({ mayOfS3 });
      filled(stack.buckets, all);
      const answer = await stack.precheck('-p', 'codeBucket=releases');
      expect([answer.code, answer.out]).toEqual([code, expect.stringMatching(row)]);
    });
  });

  test('warns of a pause that a former stack has left, and is content', async () => {
    const { precheck, ec2, ground: at } = await ground();
    await ec2.send(new CreateTagsCommand({ Resources: [at.vpc], Tags: [{ Key: 'ziti-glb:paused', Value: 'x' }] }));
    const { code, out } = await precheck();
    expect([code, out]).toEqual([0, expect.stringMatching(/warning +pause +the stack would be paused: x/)]);
  });

  test('says what it may not read, and goes on', async () => {
    const { precheck } = await ground({
      middleware: [
        async (call, _input, next) => {
          if (call.operation !== 'GetTemplateSummary' && call.operation !== 'DescribeStackResources') return next();
          const { AwsError } = await import('../../local/wire/errors.ts');
          throw new AwsError(
            'AccessDenied',
            `User: me is not authorized to perform: cloudformation:${call.operation}`,
            403,
          );
        },
      ],
    });
    const { code, out } = await precheck();
    expect(code).toBe(0);
    expect(out).toMatch(/unknown +names +it cannot be read: .*cloudformation:DescribeStackResources/);
    expect(out).toMatch(/ok +VPC/);
  });

  const ids = async ({ vpc }: Pick<TestStack, 'vpc'>) => ({ vpcId: vpc.vpc, subnetIds: `${vpc.a0},${vpc.b0}` });
  test.each<[string, (given: Record<string, string>) => unknown]>([
    ['CodePipeline', (given) => ({ Parameters: { ...given, codeBucket: 'code', stage: 'production' } })],
    [
      'CloudFormation',
      (given) =>
        Object.entries({ ...given, stage: 'production' }).map(([ParameterKey, ParameterValue]) => ({
          ParameterKey,
          ParameterValue,
        })),
    ],
    ['a list', (given) => Object.entries({ ...given, stage: 'production' }).map((pair) => pair.join('='))],
  ])('takes a file of parameters, as %s has it, and those of the command line before it', async (name, of) => {
    const stack = await deployed();
    const path = file(`${name}.json`, of({ ...(await ids(stack)), idleTimeout: '1' }));
    const { code, err } = await stack.cli(['precheck', '--parameters', path]);
    expect([code, err]).toEqual([64, expect.stringContaining('The parameter idleTimeout is not a whole number')]);
    const { out } = await stack.cli(['precheck', '--parameters', path, '-p', 'idleTimeout=400']);
    expect(out).toMatch(/nothing is named as what ziti-glb-production makes/);
  });

  test.each<[string[], RegExp]>([
    [[], /^The parameter vpcId must be given/],
    [['-p', 'vpcId'], /^--param vpcId is not NAME=VALUE\n/],
    [['-p', 'vpcId='], /^--param vpcId= gives no value/],
    [['-p', 'vpcId=vpc-1', '-p', 'vpcId=vpc-2'], /^The parameter vpcId is given twice/],
    [['-p', 'vpcId=vpc-xyz'], /^The parameter vpcId is not the id of a VPC: vpc-xyz\n/],
    [['-p', 'nope=1'], /^There is no parameter nope; there are vpcId, /],
    [['-p', 'vpcId=vpc-01234567'], /^The parameter subnetIds must be given/],
    [['--parameters', '/nowhere'], /^--parameters \/nowhere cannot be read: ENOENT/],
    [['--parameters', file('text', 'vpcId=vpc-1')], /^--parameters \S+ cannot be read: .*JSON/],
    [['--parameters', file('empty.json', {})], /^--parameters \S+ is no file of parameters: it has \{"Parameters"/],
    [['--parameters', file('odd.json', { Parameters: { vpcId: ['vpc-1'] } })], /is no file of parameters/],
    [['--parameters', file('unknown.json', { Parameters: { nope: '1' } })], /^There is no parameter nope/],
    [['--parameters', file('bad-list.json', ['vpcId'])], /^--param vpcId is not NAME=VALUE/],
    [['--stack', `ziti-glb-${'s'.repeat(47)}`, '-p', 'vpcId=vpc-01234567'], /^The stage has 47 characters/],
    [
      ['--stack', `ziti-glb-spoke-${'s'.repeat(41)}`, '-p', 'hubService=h'],
      /^The stage has 41 characters.* room for 40:/,
    ],
    [['-p', `stage=${'s'.repeat(41)}`, '-p', 'hubHealth=h'], /^The stage has 41 characters.* room for 40:/],
    [['-p', 'codeBucket=My_Bucket'], /^The parameter codeBucket is not of the form \S+: My_Bucket\n/],
    [['-p', 'codeBucket=b'], /^The parameter codeBucket is not of the form/],
    [['-p', 'codePrefix=releases/'], /^The parameter codePrefix is not of the form \S+: releases\/\n/],
    [['now'], /^precheck takes nothing more/],
    [['--yes'], /Unknown option '--yes'/],
  ])('%j is refused, and nobody is asked', async (more, message) => {
    const { cli } = await deployed();
    const { code, out, err } = await cli(['precheck', ...more]);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toMatch(message);
  });
});
