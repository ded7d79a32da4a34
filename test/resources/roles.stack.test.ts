import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { createIam } from '../../local/iam/iam.ts';
import { LARGEST_BYTES } from '../../local/lambda/variables.ts';
import { LARGEST_POLICIES } from '../../local/stack/iam.ts';
import { holds, NO_VALUE, resolve, type Scope } from '../../local/stack/intrinsics.ts';
import { MOST_SPOKES, MOST_VPCS } from '../../resources/parameters.js';
import { describePackaged, packagedTemplate } from '../support/packaged.ts';

const place = { region: 'eu-central-1', account: '111122223333' };
const vpcId = 'vpc-0123456789abcdef0';
const subnetIds = 'subnet-0123456789abcdef0';
const arnOf = (service: string, rest: string) => `arn:aws:${service}:${place.region}:${place.account}:${rest}`;
const vpcArn = (id: string) => ({ 'ec2:Vpc': arnOf('ec2', `vpc/${id}`) });

const policies = z.array(
  z
    .object({ PolicyName: z.string(), PolicyDocument: z.record(z.string(), z.unknown()) })
    .transform(({ PolicyName: name, PolicyDocument: document }) => ({ name, document })),
);

const roleArn = (logicalId: string) => `arn:aws:iam::${place.account}:role/${logicalId}`;
const KEY = arnOf('kms', 'key/0');

/** CloudFormation would resolve a property of a resource so. */
function resolved(logicalId: string, property: string, parameters: Record<string, string>) {
  const { Conditions, Resources } = packagedTemplate({ parameters: { vpcId, subnetIds, ...parameters } });
  const pseudo = new Map<string, unknown>([
    ['AWS::NoValue', NO_VALUE],
    ['AWS::Partition', 'aws'],
    ['AWS::Region', place.region],
    ['AWS::AccountId', place.account],
  ]);
  const scope: Scope = {
    ref: (name) => pseudo.get(name) ?? name,
    getAtt: (id) => (id.endsWith('Role') ? roleArn(id) : arnOf('sqs', id)),
    condition: (name) => holds(Conditions[name], scope),
    zones: [],
  };
  return resolve(Resources[logicalId]?.Properties[property], scope);
}

const roleOf = (logicalId: string, parameters: Record<string, string>) => ({
  ...{ name: logicalId, arn: roleArn(logicalId), trust: {}, managedPolicyArns: [] },
  policies: policies.parse(resolved(logicalId, 'Policies', parameters)),
});

/** Requests name what there is by these ids. */
const things = new Map(
  Object.entries({
    'i-0': { arn: arnOf('ec2', 'instance/i-0'), tags: new Map<string, string>(), keys: {} },
    'subnet-0': { arn: arnOf('ec2', 'subnet/subnet-0'), tags: new Map(), keys: vpcArn(vpcId) },
    'rtb-far': { arn: arnOf('ec2', 'route-table/rtb-far'), tags: new Map(), keys: vpcArn('vpc-01234567') },
    'rtb-0': { arn: arnOf('ec2', 'route-table/rtb-0'), tags: new Map(), keys: vpcArn(vpcId) },
    'vpce-svc-own': { arn: arnOf('ec2', 'vpc-endpoint-service/EndpointService'), tags: new Map(), keys: {} },
    'vpce-svc-other': { arn: arnOf('ec2', 'vpc-endpoint-service/vpce-svc-1'), tags: new Map(), keys: {} },
    ...Object.fromEntries(
      ['ziti-glb-test', 'ziti-glb-prod'].map((stack) => {
        const tags = new Map([['ziti-glb:stack', stack]]);
        return [`vpce-of-${stack}`, { arn: arnOf('ec2', `vpc-endpoint/vpce-of-${stack}`), tags, keys: {} }];
      }),
    ),
    'eni-here': { arn: arnOf('ec2', 'network-interface/eni-here'), tags: new Map(), keys: vpcArn(vpcId) },
    ...Object.fromEntries(
      Object.entries({ 'ziti-glb': 'router', 'ziti-glb:source-dest-check': 'eni-1 seal', Name: 'client' }).map(
        ([key, value]) => {
          const instance = { arn: arnOf('ec2', 'instance/i-1'), tags: new Map([[key, value]]), keys: {} };
          const keys = vpcArn(vpcId);
          return [
            `eni of ${key}`,
            { ...{ arn: arnOf('ec2', 'network-interface/eni-1'), tags: new Map() }, keys, attachedTo: instance },
          ];
        },
      ),
    ),
    'eni-elsewhere': { arn: arnOf('ec2', 'network-interface/eni-elsewhere'), tags: new Map(), keys: vpcArn('vpc-0') },
    ...Object.fromEntries(
      ['tagged', 'named group', 'neither'].map((name) => {
        const tags = new Map(name === 'tagged' ? [['ziti-glb', 'router']] : []);
        const arn = arnOf('autoscaling', `autoScalingGroup:0-0:autoScalingGroupName/${name}`);
        return [name, { arn, tags, keys: {} }];
      }),
    ),
  }),
);

async function may(
  [logicalId, parameters]: [string, Record<string, string>],
  service: string,
  operation: string,
  input: Record<string, unknown>,
) {
  const role = roleOf(logicalId, parameters);
  const iam = createIam({ ...place, roles: new Map([['worker', role]]), find: (_member, value) => things.get(value) });
  const call = { service, operation, accessKeyId: 'worker', principal: role.arn, requestId: '0' };
  return iam.middleware(call, input, async () => true).catch(() => false);
}

describePackaged('the key that notes are sealed by', () => {
  const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  const policy = () => z.record(z.string(), z.unknown()).parse(resolved('SealKey', 'KeyPolicy', {}));

  /** This role may, or not, which IAM lets do everything if `all`. */
  async function mayUse(name: string, operation: string, all: boolean) {
    const policies = all ? [{ name: 'all', document: everything }] : [];
    const role = { name, arn: roleArn(name), trust: {}, managedPolicyArns: [], policies };
    const roles = new Map([[name, role]]);
    const find = (_member: string, value: string) =>
      value === KEY ? { arn: KEY, tags: new Map(), keys: {} } : undefined;
    const iam = createIam({ ...place, roles, find, policyOf: () => policy() });
    const call = { service: 'kms', operation, accessKeyId: name, principal: role.arn, requestId: '0' };
    return iam.middleware(call, { KeyId: KEY }, async () => true).catch(() => false);
  }

  test.each([
    ['RoutersRole', false, true],
    ['SubnetsRole', false, true],
    ['TopologyRole', true, false],
    ['administrator', true, false],
  ])('%s, with all of IAM or not (%s), makes a MAC by it: %s', async (name, all, allowed) => {
    expect(await mayUse(name, 'GenerateMac', all)).toBe(allowed);
  });

  test('nobody hands on the use of it, or verifies by trial', async () => {
    for (const operation of ['CreateGrant', 'VerifyMac', 'ReplicateKey'])
      for (const name of ['RoutersRole', 'administrator']) expect(await mayUse(name, operation, true)).toBe(false);
  });

  test('the account looks after it', async () => {
    for (const operation of ['PutKeyPolicy', 'ScheduleKeyDeletion', 'DescribeKey'])
      expect([await mayUse('administrator', operation, true), await mayUse('nobody', operation, false)]).toEqual([
        true,
        false,
      ]);
  });
});

describePackaged('a role', () => {
  test.each(['serverless.yml', 'spoke.yml'])(
    'of %s has room for as many VPCs as may be given, beside twenty tags, and so have variables',
    (config) => {
      const region = 'us-gov-west-1';
      const place = `aws-us-gov:ec2:${region}:${'1'.repeat(12)}`;
      const id = (prefix: string, number: number) => `${prefix}-${`${number}`.padStart(17, '0')}`;
      const hub = {
        ...{ vpcId: id('vpc', 999), subnetIds: id('subnet', 0), reply: 'geneve', autoScalingGroup: 'g'.repeat(64) },
        ...{ spokeAccounts: Array.from({ length: MOST_SPOKES }, (_, number) => 100_000_000_000 + number).join() },
      };
      const spoke = {
        hubService: `com.amazonaws.vpce.${region}.${id('vpce-svc', 0)}`,
        hubHealth: `arn:aws-us-gov:lambda:${region}:222233334444:function:ziti-glb-dev-health`,
      };
      const { Resources, Conditions } = packagedTemplate({
        ...{ config, region, stage: 's'.repeat(40) },
        parameters: {
          ...(config === 'spoke.yml' ? spoke : hub),
          clientVpcs: Array.from({ length: MOST_VPCS }, (_, number) => id('vpc', number)).join(),
          tagKey: 'k'.repeat(75),
          tags: Array.from({ length: 20 }, (_, number) => `a-tag-of-the-account-${number}=v`).join(),
        },
      });
      const pseudo = new Map<string, unknown>([
        ['AWS::NoValue', NO_VALUE],
        ...['Partition', 'Region', 'AccountId'].map((name): [string, string] => [`AWS::${name}`, '1'.repeat(13)]),
      ]);
      const scope: Scope = {
        ref: (name) => pseudo.get(name) ?? name,
        getAtt: (name, attribute) => `arn:${place}:${name}-${attribute}`,
        condition: (name) => holds(Conditions[name], scope),
        zones: [],
      };
      const all = Object.values(Resources).map(({ Type, Properties }) => ({ Type, ...Properties }));
      const sizes = (type: string, property: (resource: Record<string, unknown>) => unknown) =>
        all.filter(({ Type }) => Type === type).map((one) => JSON.stringify(resolve(property(one), scope)).length);
      const roles = sizes('AWS::IAM::Role', ({ Policies }) => policies.parse(Policies).map(({ document }) => document));
      const variables = sizes('AWS::Lambda::Function', ({ Environment }) => Object(Environment).Variables ?? {});
      expect(Math.max(...roles)).toBeLessThanOrEqual(LARGEST_POLICIES);
      expect(Math.max(...variables)).toBeLessThanOrEqual(LARGEST_BYTES);
    },
  );

  test('of subnets may no more in a spoke than in a hub, but see the hub’s service and ask its one function', () => {
    const hubHealth = 'arn:aws:lambda:eu-central-1:222233334444:function:ziti-glb-dev-health';
    const hubService = 'com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0';
    const statement = z.object({ Action: z.string().or(z.array(z.string())), Resource: z.unknown() });
    const allowed = (packaging: Parameters<typeof packagedTemplate>[0]) =>
      z
        .array(z.object({ PolicyDocument: z.object({ Statement: z.array(statement) }) }))
        .parse(packagedTemplate(packaging).Resources.SubnetsRole?.Properties.Policies)
        .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
        .flatMap(({ Action, Resource }) => [Action].flat().map((action) => ({ action, Resource })));
    const hub = allowed({ parameters: { vpcId, subnetIds, reply: 'geneve', clientVpcs: 'all' } });
    const known = new Set(hub.map(({ action }) => action));
    const more = allowed({ config: 'spoke.yml', parameters: { hubService, hubHealth } }).filter(
      ({ action }) => !known.has(action),
    );
    expect(more).toEqual([
      { action: 'ec2:DescribeVpcEndpointServices', Resource: '*' },
      { action: 'lambda:InvokeFunction', Resource: hubHealth },
    ]);
  });

  test.each([
    ['RoutersRole', 'i-0', ['ziti-glb:diverter'], true],
    ['RoutersRole', 'i-0', ['ziti-glb:source-dest-check'], true],
    ['RoutersRole', 'i-0', ['ziti-glb:unhealthy'], true],
    ['RoutersRole', 'i-0', ['ziti-glb'], false],
    ['RoutersRole', 'i-0', ['ziti-glb:diverter', 'Name'], false],
    ['RoutersRole', 'i-0', [], false],
    ['SubnetsRole', 'subnet-0', ['ziti-glb:status'], true],
    ['SubnetsRole', 'subnet-0', ['ziti-glb:leaving'], true],
    ['SubnetsRole', 'subnet-0', ['ziti-glb'], false],
    ['SubnetsRole', 'subnet-0', [], false],
    ['SubnetsRole', 'rtb-0', ['ziti-glb:former:10.0.0.0/8'], true],
    ['SubnetsRole', 'rtb-0', [], false],
    ['SubnetsRole', 'vpce-of-ziti-glb-test', ['ziti-glb:former:rtb-0:10.0.0.0/8'], true],
    ['SubnetsRole', 'vpce-of-ziti-glb-test', ['ziti-glb:stack'], false],
    ['SubnetsRole', 'vpce-of-ziti-glb-test', [], false],
    ['SubnetsRole', 'vpce-of-ziti-glb-prod', ['ziti-glb:former:rtb-0:10.0.0.0/8'], false],
  ])('%s takes from %s the tags %j: %s', async (role, id, keys, allowed) => {
    // EC2 takes all tags away where none is named.
    const input = { Resources: [id], ...(keys.length > 0 && { Tags: keys.map((Key) => ({ Key })) }) };
    expect(await may([role, {}], 'ec2', 'DeleteTags', input)).toBe(allowed);
  });

  test.each([
    ['own', 'rtb-0', true],
    ['own', 'rtb-far', false],
    ['vpc-01234567', 'rtb-0', true],
    ['vpc-01234567', 'rtb-far', true],
    ['vpc-89abcdef', 'rtb-far', false],
    ['all', 'rtb-far', true],
  ])(
    'of subnets, with the parameter clientVpcs=%s, writes routes into %s: %s',
    async (clientVpcs, RouteTableId, allowed) => {
      const input = { RouteTableId, DestinationCidrBlock: '10.20.0.0/16', VpcEndpointId: 'vpce-0' };
      const role: [string, Record<string, string>] = ['SubnetsRole', { clientVpcs, reply: 'geneve' }];
      for (const operation of ['CreateRoute', 'ReplaceRoute'])
        expect(await may(role, 'ec2', operation, input)).toBe(allowed);
    },
  );

  test.each([
    ['vpce-svc-own', true],
    ['vpce-svc-other', false],
  ])('of subnets has the zones of %s looked at anew: %s', async (ServiceId, allowed) => {
    const operation = 'ModifyVpcEndpointServiceConfiguration';
    expect(await may(['SubnetsRole', {}], 'ec2', operation, { ServiceId })).toBe(allowed);
  });

  test.each([
    ['eni-here', { SourceDestCheck: { Value: false } }, true],
    ['eni-here', { Groups: ['sg-0'] }, false],
    ['eni of ziti-glb', { SourceDestCheck: { Value: false } }, true],
    ['eni of ziti-glb:source-dest-check', { SourceDestCheck: { Value: true } }, true],
    ['eni of Name', { SourceDestCheck: { Value: false } }, false],
    ['eni-elsewhere', { SourceDestCheck: { Value: false } }, false],
  ])('of routers sets of the interface %s %j: %s', async (NetworkInterfaceId, set, allowed) => {
    const input = { NetworkInterfaceId, ...set };
    expect(await may(['RoutersRole', {}], 'ec2', 'ModifyNetworkInterfaceAttribute', input)).toBe(allowed);
  });

  test.each([
    [undefined, 'tagged', true],
    [undefined, 'named group', false],
    ['named group', 'tagged', true],
    ['named group', 'named group', true],
    ['named group', 'neither', false],
  ])(
    'of routers, with the parameter autoScalingGroup=%s, answers the hooks of the group %s: %s',
    async (autoScalingGroup, AutoScalingGroupName, allowed) => {
      for (const operation of ['CompleteLifecycleAction', 'RecordLifecycleActionHeartbeat'])
        expect(
          await may(['RoutersRole', autoScalingGroup ? { autoScalingGroup } : {}], 'autoscaling', operation, {
            AutoScalingGroupName,
          }),
        ).toBe(allowed);
    },
  );
});
