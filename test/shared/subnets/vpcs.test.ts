import {
  AssociateRouteTableCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteSubnetCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
} from '@aws-sdk/client-ec2';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterEach, describe, expect, test } from '@jest/globals';
import { clientsClaim } from '../../../resources/parameters.js';
import { reasonText } from '../../../shared/conditions/sentences.ts';
import type { HubConfig } from '../../../shared/config.ts';
import { readClaims } from '../../../shared/subnets/claims.ts';
import { planVpcs } from '../../../shared/subnets/plan.ts';
import { given, REGION } from '../../support/cloud.ts';
import { CIDR } from './fixtures.ts';
import { type Stage, type StageOptions, stage } from './stage.ts';

let here: Stage;
afterEach(async () => here?.close());

/** A VPC that has the same addresses as the routers' own, and a tagged subnet with a table of its own in each of two zones. */
async function anotherVpc(tagValue: string | undefined = CIDR) {
  const { ec2 } = here.cloud;
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  const VpcId = given(Vpc?.VpcId);
  const subnets: string[] = [];
  for (const zone of ['a', 'b']) {
    const CidrBlock = zone === 'a' ? '10.0.0.0/24' : '10.0.1.0/24';
    const { Subnet } = await ec2.send(
      new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone: `${REGION}${zone}` }),
    );
    const SubnetId = given(Subnet?.SubnetId);
    const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
    await ec2.send(new AssociateRouteTableCommand({ SubnetId, RouteTableId: given(RouteTable?.RouteTableId) }));
    if (tagValue !== undefined) await here.tag(SubnetId, tagValue);
    subnets.push(SubnetId);
  }
  return { vpc: VpcId, subnets };
}

const setUp = async (chosen: StageOptions = {}) => {
  here = await stage(chosen);
};
const settle = async () => {
  for (let tick = 0; tick < 4; tick++) {
    await here.pass();
    await here.cloud.clock.run(60_000);
  }
  return here.pass();
};
const statusOf = async (id: string) => {
  const { Subnets } = await here.cloud.ec2.send(new DescribeSubnetsCommand({ SubnetIds: [id] }));
  return Subnets?.[0]?.Tags?.find(({ Key }) => Key === 'ziti-glb:status')?.Value;
};
/** Destinations that tables of a VPC lead to endpoints. */
const routed = async (vpc: string) => {
  const Filters = [{ Name: 'vpc-id', Values: [vpc] }];
  const { RouteTables } = await here.cloud.ec2.send(new DescribeRouteTablesCommand({ Filters }));
  return (RouteTables ?? [])
    .flatMap(({ Routes }) => Routes ?? [])
    .flatMap(({ GatewayId, DestinationCidrBlock }) => (GatewayId?.startsWith('vpce-') ? DestinationCidrBlock : []));
};
const vpcsOfEndpoints = async () => (await here.endpoints()).map(({ VpcId }) => VpcId).sort();

describe('a subnet of another VPC', () => {
  test('is nothing to a stack that serves its own VPC', async () => {
    await setUp();
    const { vpc, subnets } = await anotherVpc();
    await settle();
    expect([await routed(vpc), await vpcsOfEndpoints(), await statusOf(given(subnets[0]))]).toEqual([
      [],
      [],
      undefined,
    ]);
  });

  test.each<[string, (vpc: string) => HubConfig['clientVpcs']]>([
    ['of those that are named', (vpc) => [vpc]],
    ['of all', () => 'all'],
  ])(
    '%s is routed by an endpoint in its own VPC, and given back what it had when it is opted out',
    async (_, chosen) => {
      await setUp();
      const { vpc, subnets } = await anotherVpc();
      const own = await here.subnet('10.0.150.0/24', 'a');
      await here.table(own);
      await here.tag(own, CIDR);
      here.settings.clientVpcs = chosen(vpc);
      expect(await settle()).toMatchObject({ settled: true, changes: 0 });
      expect(await vpcsOfEndpoints()).toEqual([here.vpc.vpc, vpc, vpc].sort());
      expect((await routed(vpc)).filter((destination) => destination === CIDR)).toHaveLength(2);
      expect(await Promise.all([own, ...subnets].map(statusOf))).toEqual(['ready', 'ready', 'ready']);
      for (const id of subnets) await here.untag(id);
      await settle();
      expect([await routed(vpc), await vpcsOfEndpoints()]).toEqual([[], [here.vpc.vpc]]);
      expect(await statusOf(given(subnets[0]))).toBeUndefined();
    },
  );

  test('is no concern of a subnet elsewhere: what is refused in one VPC stands in no other’s way', async () => {
    await setUp({ endpointsPerVpc: 1 });
    const [crowded, free] = [await anotherVpc(), await anotherVpc()];
    await here.untag(given(free.subnets[1]));
    here.settings.clientVpcs = 'all';
    await settle();
    const states = await Promise.all([...crowded.subnets, given(free.subnets[0])].map(statusOf));
    expect(states.toSorted()).toEqual([
      'ready',
      'ready',
      "refused: the VPC has all the 1 endpoints that AWS's quota allows".replaceAll(/[^\p{L}\p{N} _.:/=+@-]/gu, ' '),
    ]);
  });

  test('gets no way to addresses that mean something on one router alone, nor to the resolver that gives them', async () => {
    await setUp();
    await here.note(here.routers.a, '100.72.0.0/13', 'ziti-glb:dns-range');
    const { vpc, subnets } = await anotherVpc();
    await here.tag(given(subnets[1]), '100.72.1.0/24');
    here.settings.clientVpcs = [vpc];
    await settle();
    expect(await routed(vpc)).toEqual([CIDR]);
    expect(await statusOf(given(subnets[1]))).toMatch(
      /^refused: 100\.72\.1\.0\/24 is inside 100\.72\.0\.0\/13 the DNS range of i-\w+ to which no route of another VPC leads$/,
    );
  });
});

test('a VPC that is named and not there is told, and stands in no other’s way', async () => {
  await setUp();
  const { vpc, subnets } = await anotherVpc();
  here.settings.clientVpcs = ['vpc-0gone', vpc];
  const { log } = await settle();
  expect(log).toEqual(['vpc-0gone: AWS lists no such VPC in this account and region: take it out of clientVpcs']);
  expect(await statusOf(given(subnets[0]))).toBe('ready');
});

describe('a VPC that another stack has claimed', () => {
  const claim = (vpcId: string, tag: string, Value: string) =>
    here.cloud.ssm.send(new PutParameterCommand({ Name: `/ziti-glb/${vpcId}/${tag}`, Value, Type: 'String' }));

  const CLAIMED = 'the stack ziti-glb-other opts its subnets in by the tag ziti-glb, and so this one does not';

  test.each<[string, (vpcIds: string[]) => HubConfig['clientVpcs'], object]>([
    [
      'that names it, which a person is to change',
      (vpcIds) => vpcIds,
      { for: `${CLAIMED}: take it out of clientVpcs, or give one of the two another tagKey` },
    ],
    ['that serves all, whose affair it is not', () => 'all', { for: CLAIMED, foreign: true }],
  ])('for the same tag is left to that one by a stack %s, and said; no other VPC is', async (_, chosen, told) => {
    await setUp();
    const [theirs, free] = [await anotherVpc(), await anotherVpc()];
    here.settings.clientVpcs = chosen([theirs.vpc, free.vpc]);
    await claim(theirs.vpc, 'ziti-glb', 'ziti-glb-other');
    // It is its own, another key's, of no VPC, and of more VPCs than one page of answers has.
    await claim(here.vpc.vpc, 'ziti-glb', here.settings.stack);
    await claim(free.vpc, 'another', 'ziti-glb-another');
    await claim('clients', 'ziti-glb', here.settings.stack);
    for (let more = 0; more < 10; more++) await claim(`vpc-${more}`, 'ziti-glb', 'ziti-glb-other');

    await settle();
    const { claims, vpcs } = await here.newProcess().observe();
    expect(claims).toEqual([{ vpcId: theirs.vpc, stack: 'ziti-glb-other' }]);
    expect(vpcs.map(({ vpcId }) => vpcId)).toEqual([here.vpc.vpc, free.vpc]);
    expect(await statusOf(given(theirs.subnets[0]))).toBeUndefined();
    expect(await vpcsOfEndpoints()).toEqual([free.vpc, free.vpc]);
    const { conditions, steps } = planVpcs(await here.newProcess().observe(), new Map(), here.settings);
    expect(steps).toEqual([]);
    expect(conditions.map(({ reason, ...rest }) => ({ ...rest, for: reasonText(reason) }))).toContainEqual({
      about: { label: theirs.vpc, ids: [theirs.vpc] },
      kind: 'refused',
      ...told,
    });
  });

  test('in the place of the stack of its routers is served by that as before, which says nothing else', async () => {
    await setUp({ clientVpcs: 'all' });
    const subnet = await here.subnet('10.0.150.0/24', 'a');
    await here.table(subnet);
    await here.tag(subnet, CIDR);
    await claim(here.vpc.vpc, 'ziti-glb', 'ziti-glb-other');
    expect((await settle()).log).toEqual([]);
    expect(await statusOf(subnet)).toBe('ready');
    expect((await here.newProcess().observe()).claims).toEqual([]);
  });

  test.each<[string, (vpcId: string) => HubConfig['clientVpcs']]>([
    ['names', (vpcId) => [vpcId]],
    ['serves among all', () => 'all'],
  ])(
    'is not known while AWS does not tell: one that a stack %s stays as it is, its own is served',
    async (_, chosen) => {
      await setUp();
      const far = await anotherVpc();
      const own = await here.subnet('10.0.150.0/24', 'a');
      await here.table(own);
      await here.tag(given(far.subnets[1]), '');
      here.settings.clientVpcs = chosen(far.vpc);
      await settle();
      const before = [await routed(far.vpc), await vpcsOfEndpoints(), await Promise.all(far.subnets.map(statusOf))];
      expect(before).toEqual([expect.arrayContaining([CIDR]), [far.vpc], ['ready', expect.any(String)]]);

      here.denied.add('GetParametersByPath');
      // It would lose its endpoint, and the other get one.
      await here.untag(given(far.subnets[0]));
      await here.tag(given(far.subnets[1]), CIDR);
      await here.tag(own, CIDR);
      const { log } = await settle();
      expect(log).toEqual([
        'ziti-glb-test: AWS does not tell which VPCs other stacks have claimed, and so all that have no routers are left as they are: allow ssm:GetParametersByPath beneath /ziti-glb, of which a permissions boundary or a policy of the organisation (SCP) may be in the way. AWS says: You are not authorized.',
      ]);
      expect(await statusOf(own)).toBe('ready');
      const endpoints = (await vpcsOfEndpoints()).filter((vpc) => vpc !== here.vpc.vpc);
      expect([await routed(far.vpc), endpoints, await Promise.all(far.subnets.map(statusOf))]).toEqual(before);

      here.denied.clear();
      expect((await settle()).log).toEqual([]);
      expect(await Promise.all(far.subnets.map(statusOf))).toEqual([undefined, 'ready']);
    },
  );

  test('is asked for again where AWS is only too busy to tell', async () => {
    await setUp({ clientVpcs: 'all' });
    const { ssm } = here.clientsOf();
    const busy = Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
    await expect(readClaims(Object.assign(ssm, { send: () => Promise.reject(busy) }), here.settings)).rejects.toBe(
      busy,
    );
  });

  test('is nothing to a stack that serves the VPC of its routers, which asks for no claims', async () => {
    await setUp();
    await here.pass();
    expect(here.calls().map(({ operation }) => operation)).not.toContain('GetParametersByPath');
  });

  test.each([
    ['ziti-glb', 'ziti-glb'],
    ['net:team/Routers', 'net_3ateam_2fRouters'],
    ['ü@=+.-_', '_fc_40_3d_2b.-_'],
  ])('is told by the tag %s as the deployment writes it', async (tagKey, written) => {
    expect(await clientsClaim({ resolveVariable: async () => tagKey })).toBe(`/ziti-glb/clients/${written}`);
    const Parameters = [{ Name: `/ziti-glb/vpc-1/${written}`, Value: 'another' }];
    const ssm = Object.assign(new SSMClient(), { send: async () => ({ Parameters }) });
    const claims = await readClaims(ssm, { clientVpcs: 'all', tagKey, stack: 'ours' });
    expect(claims).toEqual([{ vpcId: 'vpc-1', stack: 'another' }]);
  });
});

test('an endpoint gets out of the way of who deletes a subnet, in whichever VPC', async () => {
  await setUp();
  const { vpc, subnets } = await anotherVpc();
  here.settings.clientVpcs = [vpc];
  await settle();
  const SubnetId = given(subnets[0]);
  const deleting = () => here.cloud.ec2.send(new DeleteSubnetCommand({ SubnetId }));
  await expect(deleting()).rejects.toThrow('has dependencies');
  await here.pass(300_000, { hint: { deletionAttempted: SubnetId } });
  await settle();
  await expect(deleting()).resolves.toBeDefined();
});
