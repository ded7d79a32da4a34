import * as ec2 from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byValue } from '../../../local/wire/by-value.ts';
import { AwsError } from '../../../local/wire/errors.ts';
import type { Subnet, SubnetsWorld } from '../../../shared/subnets/world.ts';
import { ACCOUNT, given, testNatGateway, testSubnet, testTable } from '../../support/cloud.ts';
import { CIDRS, endEndpoint, faults, forgiving, from, ignoring, RANGE, RESOLVER, random } from './deeds.ts';
import { stage } from './stage.ts';

/** Values of the tag, and what they ask for; nothing if they are refused. */
const WISHES: Record<string, string[]> = {
  '10.20.0.0/16': ['10.20.0.0/16'],
  'takeover 10.30.0.0/16': ['10.30.0.0/16'],
  default: CIDRS,
  '10.20.0.0/16 oops': [],
};
const PLACES = ['alone', 'shared1', 'shared2', 'main'] as const;
const TABLES = ['own', 'shared', 'main'] as const;

/** The first is the routers' own. */
const vpc = fc.nat(3);
const subnet = { vpc, subnet: from(...PLACES) };
const route = { vpc, table: from(...TABLES), cidr: from(...CIDRS, RANGE) };

/** What people, AWS and bad luck do between passes and during them. */
const deed = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: from('tag' as const), ...subnet, value: from(...Object.keys(WISHES)) }),
  },
  { weight: 2, arbitrary: fc.record({ do: from('untag' as const), ...subnet }) },
  fc.record({ do: from('route elsewhere' as const), ...route }),
  fc.record({ do: from('delete route' as const), ...route }),
  fc.record({ do: from('delete endpoint' as const, 'reject endpoint' as const), which: fc.nat(4) }),
  fc.record({ do: from('health' as const), healthy: fc.boolean() }),
  { weight: 2, arbitrary: fc.record({ do: from('range' as const), given: from(true, true, false) }) },
  fc.record({ do: from('deny' as const, 'allow' as const), vpc }),
  fc.record({ do: from('delete VPC' as const), vpc, meanwhile: fc.boolean() }),
  fc.record({ do: from('wait' as const), ms: from(1_000, 30_000, 200_000) }),
  { weight: 8, arbitrary: fc.record({ do: from('pass' as const), ms: from(10_000, 300_000), faults }) },
  { weight: 2, arbitrary: fc.record({ do: from('two passes' as const), ms: from(20_000, 200_000) }) },
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

const kinds = fc.record({
  endpoints: from('subnet' as const, 'zone' as const),
  mainTableAllowed: fc.boolean(),
  withoutRouter: from('keep' as const, 'withdraw' as const),
  clientVpcs: from('all' as const, 'ids' as const),
  clients: fc.array(
    fc.record({
      /** The routers' own VPC has 10.0.0.0/16. */
      network: from(0, 0, 40),
      /** The account that shares it, if it is not the stack's own. */
      owner: from(undefined, undefined, undefined, '444455556666'),
      /** Where VPCs count by their ids. */
      named: from(true, true, true, false),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});
type Kind = typeof kinds extends fc.Arbitrary<infer T> ? T : never;

/** A VPC with clients in two zones: one of them with a table of its own, two with one table, and one that follows the main table. */
async function furnish({ cloud, vpc: own }: Awaited<ReturnType<typeof stage>>, client?: Kind['clients'][number]) {
  const people = client?.owner ? byValue(cloud.ec2Of(client.owner), cloud.wire) : cloud.ec2;
  const made = client && (await people.send(new ec2.CreateVpcCommand({ CidrBlock: `10.${client.network}.0.0/16` })));
  const id = made ? given(made.Vpc?.VpcId) : own.vpc;
  if (client?.owner) cloud.cloud.share(id, ACCOUNT);
  const add = (third: number, zone: string) =>
    testSubnet({ ec2: people }, id, `10.${client?.network ?? 0}.${third}.0/24`, zone);
  const subnets: Record<string, string> = client
    ? { alone: await add(0, 'a'), shared1: await add(1, 'b'), shared2: await add(2, 'a'), main: await add(3, 'b') }
    : { alone: own.a1, shared1: own.b1, shared2: await add(30, 'a'), main: own.b0 };
  const { alone = '', shared1 = '', shared2 = '' } = subnets;
  const tables: Record<string, string> = {
    own: await testTable({ ec2: people }, id, alone),
    shared: await testTable({ ec2: people }, id, shared1, shared2),
  };
  const Filters = [
    { Name: 'vpc-id', Values: [id] },
    { Name: 'association.main', Values: ['true'] },
  ];
  const { RouteTables } = await people.send(new ec2.DescribeRouteTablesCommand({ Filters }));
  tables.main = given(RouteTables?.[0]?.RouteTableId);
  return {
    ...{ id, people, subnets, tables },
    nat: await testNatGateway({ ec2: people }, alone),
    owner: client?.owner,
    named: client?.named ?? true,
    /** Destinations in tables that people routed elsewhere. */
    foreign: new Set<string>(),
    state: { denied: false, deleted: false },
  };
}
type Vpc = Awaited<ReturnType<typeof furnish>>;

async function scene({ clientVpcs, clients, ...kind }: Kind) {
  const here = await stage({ ...kind, defaultCidrs: CIDRS, throttled: true });
  const { cloud } = here;
  const vpcs = [await furnish(here)];
  for (const client of clients) vpcs.push(await furnish(here, client));
  here.settings.clientVpcs =
    clientVpcs === 'all' ? 'all' : vpcs.slice(1).flatMap(({ id, named }) => (named ? [id] : []));
  let deletionAttempted: string | undefined;
  let seed = 1;

  /** The VPC that a call changes something in; undefined if it is none's. */
  async function home(input: Readonly<Record<string, unknown>>): Promise<Vpc | undefined> {
    const ids = Object.values(input).flat().map(String);
    const { VpcEndpoints = [] } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({}));
    const endpoints = VpcEndpoints.filter(({ VpcEndpointId = '' }) => ids.includes(VpcEndpointId));
    return vpcs.find(
      ({ id, subnets, tables }) =>
        endpoints.some(({ VpcId }) => VpcId === id) ||
        [id, ...Object.values(subnets), ...Object.values(tables)].some((each) => ids.includes(each)),
    );
  }
  const trespasses: string[] = [];
  here.guard(async (operation, input) => {
    const vpc = await home(input);
    if (vpc && (!counts(vpc) || vpc.owner)) {
      // What its subnets are told is said to their own account.
      const isStatus = counts(vpc) && JSON.stringify(input.Tags).includes(here.settings.statusKey);
      if (!isStatus) trespasses.push(`${operation} ${JSON.stringify(input)}`);
    }
    if (vpc?.state.denied) throw new AwsError('UnauthorizedOperation', 'You are not authorized.', 403);
  });
  const counts = ({ named }: Vpc) => clientVpcs === 'all' || named;

  async function leadElsewhere({ people, tables, nat, foreign }: Vpc, table: string, DestinationCidrBlock: string) {
    const to = { RouteTableId: given(tables[table]), DestinationCidrBlock, NatGatewayId: nat };
    await people
      .send(new ec2.CreateRouteCommand(to))
      .catch(() => people.send(new ec2.ReplaceRouteCommand(to) as never));
    foreign.add(`${to.RouteTableId} ${DestinationCidrBlock}`);
  }

  /** As a person does it who takes a VPC down: what has something in it stays, and is tried again. */
  async function deleteVpc(vpc: Vpc): Promise<void> {
    const { people, id, subnets, tables } = vpc;
    const Filters = [{ Name: 'vpc-id', Values: [id] }];
    await ignoring(people.send(new ec2.DeleteNatGatewayCommand({ NatGatewayId: vpc.nat })));
    for (let attempt = 0; attempt < 20; attempt++) {
      const { RouteTables = [] } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ Filters }));
      for (const { RouteTableId, Routes = [] } of RouteTables)
        for (const { DestinationCidrBlock, GatewayId } of Routes)
          if (GatewayId !== 'local')
            await ignoring(people.send(new ec2.DeleteRouteCommand({ RouteTableId, DestinationCidrBlock })));
      const { VpcEndpoints = [] } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({ Filters }));
      const VpcEndpointIds = VpcEndpoints.flatMap(({ VpcEndpointId, State }) =>
        State?.toLowerCase() === 'deleted' ? [] : (VpcEndpointId ?? []),
      );
      if (VpcEndpointIds.length > 0)
        await ignoring(cloud.ec2.send(new ec2.DeleteVpcEndpointsCommand({ VpcEndpointIds })));
      await cloud.clock.sleep(15_000);
      for (const SubnetId of Object.values(subnets))
        await people.send(new ec2.DeleteSubnetCommand({ SubnetId })).catch(({ name }) => {
          if (name === 'DependencyViolation') deletionAttempted = SubnetId;
        });
      for (const RouteTableId of [tables.own, tables.shared])
        await ignoring(people.send(new ec2.DeleteRouteTableCommand({ RouteTableId })));
      vpc.state.deleted = await people.send(new ec2.DeleteVpcCommand({ VpcId: id })).then(
        () => true,
        () => false,
      );
      if (vpc.state.deleted) return;
    }
  }

  async function perform(now: Deed): Promise<void> {
    const vpc = 'vpc' in now ? vpcs[now.vpc % vpcs.length] : undefined;
    switch (now.do) {
      case 'tag':
        await ignoring(here.tag(given(vpc?.subnets[now.subnet]), now.value));
        return;
      case 'untag':
        await ignoring(here.untag(given(vpc?.subnets[now.subnet])));
        return;
      case 'route elsewhere':
        await ignoring(leadElsewhere(given(vpc), now.table, now.cidr));
        return;
      case 'delete route': {
        const { people, tables, foreign } = given(vpc);
        const route = { RouteTableId: tables[now.table], DestinationCidrBlock: now.cidr };
        await ignoring(people.send(new ec2.DeleteRouteCommand(route)));
        foreign.delete(`${route.RouteTableId} ${now.cidr}`);
        return;
      }
      case 'delete endpoint':
      case 'reject endpoint':
        await endEndpoint(here, now.do, now.which);
        return;
      case 'health':
        await here.heal(now.healthy);
        return;
      case 'range':
        if (now.given) await here.note(here.routers.a, RANGE, 'ziti-glb:dns-range');
        else await here.untag(here.routers.a, 'ziti-glb:dns-range');
        return;
      case 'deny':
      case 'allow':
        given(vpc).state.denied = now.do === 'deny';
        return;
      case 'delete VPC': {
        // Not that of the routers.
        if (!vpc || vpc === vpcs[0] || vpc.state.deleted) return;
        const passes = now.meanwhile ? here.pass(120_000).catch(forgiving) : Promise.resolve();
        await cloud.clock.run(Promise.all([deleteVpc(vpc), passes]));
        return;
      }
      case 'wait':
        await cloud.clock.run(now.ms);
        return;
      case 'pass': {
        const hint = deletionAttempted === undefined ? {} : { deletionAttempted };
        deletionAttempted = undefined;
        await here.pass(now.ms, { with: now.faults, hint }).catch(forgiving);
        return;
      }
      case 'two passes':
        await here.twoPasses(now.ms, random(seed++)).catch(forgiving);
    }
  }

  async function mend(): Promise<void> {
    for (const { state } of vpcs) state.denied = false;
    await here.heal(true);
  }

  return { ...here, vpcs, counts, perform, mend, trespasses };
}
type Scene = Awaited<ReturnType<typeof scene>>;

/** What must be so at rest in a VPC that counts, derived from the tags and from what people did, and not by the rules under test. */
function checkRest(rest: SubnetsWorld, { subnets, tables, foreign, owner }: Vpc, kind: Kind, isOwn: boolean): void {
  const present = PLACES.flatMap((name) => rest.subnets.find(({ id }) => id === subnets[name]) ?? []);
  const tableOf = (id: string) => rest.routeTables.find((table) => table.subnetIds.includes(id))?.id ?? tables.main;
  const asks = ({ id, tagValue }: Subnet) => {
    if (tagValue === undefined || owner || (tableOf(id) === tables.main && !kind.mainTableAllowed)) return [];
    return WISHES[tagValue] ?? [];
  };
  const isRefused = (subnet: Subnet) => subnet.tagValue !== undefined && asks(subnet).length === 0;
  const ranged = rest.routers.some(({ dnsRange }) => dnsRange !== undefined);
  const held = new Set<string>();

  for (const table of rest.routeTables.filter(({ id }) => Object.values(tables).includes(id))) {
    const users = present.filter(({ id }) => tableOf(id) === table.id);
    const asking = users.filter((subnet) => asks(subnet).length > 0);
    const wanted = new Set(asking.flatMap(asks));
    // Of another VPC nobody reaches the one router where an address of its range means something.
    if (asking.length > 0 && (isOwn || !ranged)) wanted.add(RESOLVER);
    if (asking.length > 0 && isOwn && ranged) wanted.add(RANGE);
    const takenOver = (cidr: string) =>
      asking.some((user) => user.tagValue?.startsWith('takeover') && asks(user).includes(cidr));
    for (const { destination, target, local, blackhole } of table.routes) {
      if (local) continue;
      const endpoint = rest.endpoints.find(({ id }) => id === target);
      const isOurs = endpoint !== undefined || table.directRouteNotes.get(destination)?.target === target;
      if (!isOurs) {
        expect([destination, foreign.has(`${table.id} ${destination}`)]).toEqual([destination, true]);
        expect(wanted.has(destination) && takenOver(destination)).toBe(false);
        continue;
      }
      if (!wanted.has(destination)) held.add(target);
      expect([destination, wanted.has(destination) || users.some(isRefused)]).toEqual([destination, true]);
      if (endpoint) expect(endpoint.state).toBe('available');
      expect(blackhole).toBe(false);
    }
    const destinations = table.routes.map(({ destination }) => destination);
    for (const destination of wanted) expect(destinations).toContain(destination);
  }

  const slots =
    kind.endpoints === 'subnet'
      ? present.map((each) => [each])
      : [...Map.groupBy(present, ({ zone }) => zone).values()];
  for (const slot of slots) {
    const mine = rest.endpoints.filter(({ subnetId }) => slot.some(({ id }) => id === subnetId));
    const spare = mine.filter(({ id }) => !held.has(id)).map(({ state }) => state);
    if (owner) expect(mine).toEqual([]);
    else if (slot.some((each) => asks(each).length > 0)) {
      expect(mine.map(({ state }) => state)).toContain('available');
      expect(spare.length).toBeLessThanOrEqual(1);
    } else if (slot.some(isRefused)) expect(spare.length).toBeLessThanOrEqual(1);
    else expect(spare).toEqual([]);
  }
  for (const each of present) {
    const [status] = /^\w+/.exec(each.status ?? '') ?? [];
    if (each.tagValue === undefined) expect(status).toBeUndefined();
    else if (isRefused(each)) expect(status).toBe('refused');
    else expect(['ready', 'conflict', 'blocked']).toContain(status);
  }
}

/** Nothing in a VPC that does not count is ours. */
async function checkUntouched({ cloud, settings }: Scene, vpc: Vpc): Promise<void> {
  const Filters = [{ Name: 'vpc-id', Values: [vpc.id] }];
  const { VpcEndpoints } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({ Filters }));
  expect(VpcEndpoints?.filter(({ State }) => State?.toLowerCase() !== 'deleted')).toEqual([]);
  const { Subnets = [] } = await cloud.ec2.send(new ec2.DescribeSubnetsCommand({ Filters }));
  expect(Subnets.flatMap(({ Tags = [] }) => Tags).filter(({ Key }) => Key !== settings.tagKey)).toEqual([]);
}

const RUNS = Number(process.env.RUNS ?? 15);

test(
  'subnets of one to three other VPCs, from any state, with faults over, come to rest at what their tags ask',
  async () => {
    await fc.assert(
      fc.asyncProperty(kinds, fc.array(deed, { minLength: 5, maxLength: 20 }), async (kind, deeds) => {
        const here = await scene(kind);
        for (const one of deeds) await here.perform(one);
        await here.mend();
        for (let tick = 0; tick < 9; tick++) {
          await here.pass();
          await here.cloud.clock.run(600_000);
        }
        const { vpcs: looks, missing } = await here.newProcess().observe();
        expect(here.trespasses).toEqual([]);
        for (const [index, vpc] of here.vpcs.entries()) {
          const rest = looks.find(({ vpcId }) => vpcId === vpc.id);
          if (vpc.state.deleted || !here.counts(vpc)) {
            expect(rest).toBeUndefined();
            expect(missing.includes(vpc.id)).toBe(kind.clientVpcs === 'ids' && here.counts(vpc));
            await checkUntouched(here, vpc);
          } else checkRest(given(rest), vpc, kind, index === 0);
        }
        here.calls();
        expect(await here.pass()).toMatchObject({ settled: true, changes: 0 });
        expect(here.changes()).toEqual([]);
        await here.close();
      }),
      // A world takes too long to be made smaller by hundreds.
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  600_000 + RUNS * 5_000,
);
