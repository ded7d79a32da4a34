import * as ec2 from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand, SetSubnetsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byValue } from '../../../local/wire/by-value.ts';
import { TAGS_AT_MOST } from '../../../shared/aws/read.ts';
import type { Route, Subnet, SubnetsWorld } from '../../../shared/subnets/world.ts';
import { given } from '../../support/cloud.ts';
import { CIDRS, endEndpoint, faults, forgiving, from, ignoring, RANGE, RESOLVER, random } from './deeds.ts';
import { stage } from './stage.ts';

/** Of the VPC at times: no range of it is a router's. */
const BLOCK = '100.70.0.0/16';
const ALL = '0.0.0.0/0';
/** Of a VPC in the middle, which has the endpoints of Systems Manager. */
const HUB = '10.60.0.0/16';
/** Values of the tag, and what they ask for; nothing if they are refused. */
const WISHES: Record<string, string[]> = {
  '10.20.0.0/16': ['10.20.0.0/16'],
  '10.20.0.0/16 10.30.0.0/16': CIDRS,
  'takeover 10.30.0.0/16': ['10.30.0.0/16'],
  default: CIDRS,
  '10.20.0.0/16 oops': [],
  [ALL]: [ALL],
  [`takeover ${ALL}`]: [ALL],
};
const SUBNETS = ['alone', 'shared1', 'shared2', 'twozones', 'main', 'far'] as const;
const TABLES = ['own', 'shared', 'main', 'far'] as const;
/** Those that someone tries to delete. */
const DELETED = ['alone', 'shared1', 'host', 'second', 'other'] as const;

/** Tags of somebody's. */
const FILLERS = Array.from({ length: TAGS_AT_MOST }, (_, number) => `tag-${number}`);

const route = { table: from(...TABLES), cidr: from(...CIDRS, RANGE, HUB, ALL) };

/** What people, AWS and bad luck do between passes and during them. */
const deed = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: from('tag' as const), subnet: from(...SUBNETS), value: from(...Object.keys(WISHES)) }),
  },
  { weight: 2, arbitrary: fc.record({ do: from('untag' as const), subnet: from(...SUBNETS) }) },
  fc.record({ do: from('route elsewhere' as const), ...route }),
  fc.record({ do: from('delete route' as const), ...route }),
  fc.record({ do: from('lead to endpoint' as const), table: from(...TABLES), from: from('a prefix list', 'the VPC') }),
  fc.record({
    do: from('move' as const),
    subnet: from('alone' as const, 'shared1' as const),
    to: from('own' as const, 'shared' as const),
  }),
  fc.record({ do: from('advertise' as const), ...route }),
  fc.record({ do: from('delete endpoint' as const), which: fc.nat(2) }),
  fc.record({ do: from('reject endpoint' as const), which: fc.nat(2) }),
  fc.record({ do: from('fill tags' as const, 'clear tags' as const), subnet: from(...SUBNETS) }),
  fc.record({ do: from('add zone' as const) }),
  fc.record({ do: from('add tunnel' as const) }),
  fc.record({ do: from('untag endpoint' as const), which: fc.nat(2) }),
  fc.record({ do: from('delete gateway' as const) }),
  fc.record({ do: from('health' as const), healthy: fc.boolean() }),
  fc.record({ do: from('range' as const), given: fc.boolean() }),
  fc.record({ do: from('block' as const), given: fc.boolean() }),
  fc.record({ do: from('end router' as const) }),
  fc.record({ do: from('lose notes' as const), on: from<'tables' | 'endpoints'>('tables', 'endpoints') }),
  fc.record({ do: from('delete subnet' as const), subnet: from(...DELETED) }),
  fc.record({ do: from('wait' as const), ms: from(1_000, 30_000, 200_000) }),
  { weight: 7, arbitrary: fc.record({ do: from('pass' as const), ms: from(10_000, 300_000), faults }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: from('two passes' as const), ms: from(20_000, 200_000), seed: fc.nat(1000) }),
  },
);
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

const kinds = fc.record({
  endpoints: from<'subnet' | 'zone' | 'named'>('subnet', 'zone', 'named'),
  mainTableAllowed: fc.boolean(),
  withoutRouter: from<'keep' | 'withdraw'>('keep', 'withdraw'),
  crossZone: fc.boolean(),
  endpointPerZone: fc.boolean(),
  tags: from([], [{ Key: 'Team', Value: 'network' }]),
  systemsManagerCidrs: from([], [HUB], [HUB]),
  /** The account that shares its VPC, if it is not the stack's own. */
  owner: from(undefined, undefined, undefined, '444455556666'),
});
type Kind = typeof kinds extends fc.Arbitrary<infer T> ? T : never;

async function scene(kind: Kind) {
  const endpoints = kind.endpoints === 'named' ? [] : kind.endpoints;
  const { owner, ...chosen } = kind;
  const here = await stage({
    ...chosen,
    ...(owner && { owner }),
    endpoints,
    defaultCidrs: CIDRS,
    throttled: true,
    endpointExpired: 60_000,
  });
  const { cloud, vpc } = here;
  /** Whose client may write routes. */
  const people = owner ? byValue(cloud.ec2Of(owner), cloud.wire) : cloud.ec2;
  /** The subnets named for endpoints: of zone a two. */
  const hosts = {
    host: await here.subnet('10.0.40.0/28', 'a'),
    second: await here.subnet('10.0.40.16/28', 'a'),
    other: await here.subnet('10.0.40.32/28', 'b'),
  };
  if (kind.endpoints === 'named') here.settings.endpoints = Object.values(hosts);
  const tables = { own: await here.table(vpc.a1), shared: await here.table(vpc.b0, vpc.b1), main: '', far: '' };
  tables.main = given((await here.look()).routeTables.find(({ main }) => main)?.id);
  const subnets = {
    alone: vpc.a1,
    shared1: vpc.b0,
    shared2: vpc.b1,
    twozones: await here.subnet('10.0.30.0/24', 'a'),
    main: vpc.a0,
    /** Of zone c, where the load balancer has no node yet. */
    far: await here.subnet('10.0.50.0/24', 'c'),
  };
  tables.far = await here.table(subnets.far);
  const nodeInC = await here.subnet('10.0.202.0/24', 'c');
  await cloud.ec2.send(new ec2.AssociateRouteTableCommand({ RouteTableId: here.routersTable, SubnetId: nodeInC }));
  const zones = { late: false };
  const places = { ...subnets, ...hosts };
  await cloud.ec2.send(new ec2.AssociateRouteTableCommand({ RouteTableId: tables.shared, SubnetId: subnets.twozones }));
  const { PrefixList } = await cloud.ec2.send(
    new ec2.CreateManagedPrefixListCommand({ PrefixListName: 'partners', AddressFamily: 'IPv4', MaxEntries: 5 }),
  );
  const prefixList = given(PrefixList?.PrefixListId);
  let gateway = await here.natGateway();
  /** Destinations in tables that people routed elsewhere, and where to. */
  const foreign = new Map<string, string>();
  const leadElsewhere = async (RouteTableId: string, DestinationCidrBlock: string) => {
    const to = { RouteTableId, DestinationCidrBlock, NatGatewayId: gateway };
    await people
      .send(new ec2.CreateRouteCommand(to))
      .catch(() => people.send(new ec2.ReplaceRouteCommand(to) as never));
    foreign.set(`${RouteTableId} ${DestinationCidrBlock}`, gateway);
  };
  if (kind.systemsManagerCidrs.length > 0)
    for (const id of [tables.own, tables.shared, tables.far]) await leadElsewhere(id, HUB);
  const deleted = new Set<string>();
  /** The association of the block that the VPC has beside its own. */
  let block: string | undefined;
  let deletionAttempted: string | undefined;
  let changedAt = 0;

  async function perform(now: Deed): Promise<void> {
    if (!['wait', 'pass', 'two passes'].includes(now.do)) changedAt = cloud.clock.now();
    switch (now.do) {
      case 'tag':
        await ignoring(here.tag(subnets[now.subnet], now.value));
        return;
      case 'untag':
        await ignoring(here.untag(subnets[now.subnet]));
        return;
      case 'route elsewhere':
        await leadElsewhere(tables[now.table], now.cidr);
        return;
      case 'delete route': {
        const route = { RouteTableId: tables[now.table], DestinationCidrBlock: now.cidr };
        await ignoring(people.send(new ec2.DeleteRouteCommand(route)));
        foreign.delete(`${route.RouteTableId} ${now.cidr}`);
        return;
      }
      case 'lead to endpoint': {
        const VpcEndpointId = (await here.endpoints())[0]?.VpcEndpointId;
        const to = { RouteTableId: tables[now.table], VpcEndpointId };
        const added = new ec2.CreateRouteCommand({ ...to, DestinationPrefixListId: prefixList });
        const led = new ec2.ReplaceRouteCommand({ ...to, DestinationCidrBlock: '10.0.0.0/16' });
        await ignoring(now.from === 'the VPC' ? people.send(led) : people.send(added));
        return;
      }
      case 'advertise':
        cloud.cloud.advertise(tables[now.table], now.cidr, '10.0.0.9');
        return;
      case 'move': {
        const { RouteTables } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({}));
        const association = RouteTables?.flatMap(({ Associations = [] }) => Associations).find(
          ({ SubnetId }) => SubnetId === subnets[now.subnet],
        );
        if (association)
          await cloud.ec2.send(
            new ec2.ReplaceRouteTableAssociationCommand({
              AssociationId: association.RouteTableAssociationId,
              RouteTableId: tables[now.to],
            }),
          );
        return;
      }
      case 'delete endpoint':
      case 'reject endpoint':
        await endEndpoint(here, now.do, now.which);
        return;
      case 'fill tags': {
        // Its status remembers there that it shares an endpoint.
        if (kind.endpointPerZone) return;
        const [subnet] = (await here.look()).subnets.filter(({ id }) => id === subnets[now.subnet]);
        const Tags = FILLERS.slice(0, TAGS_AT_MOST - (subnet?.tagCount ?? 0)).map((Key) => ({ Key, Value: '' }));
        await ignoring(cloud.ec2.send(new ec2.CreateTagsCommand({ Resources: [subnets[now.subnet]], Tags })));
        return;
      }
      case 'clear tags': {
        const Tags = FILLERS.map((Key) => ({ Key }));
        await ignoring(cloud.ec2.send(new ec2.DeleteTagsCommand({ Resources: [subnets[now.subnet]], Tags })));
        return;
      }
      case 'add zone': {
        if (zones.late) return;
        zones.late = true;
        const LoadBalancerArn = here.service.loadBalancer;
        await cloud.elb.send(new SetSubnetsCommand({ LoadBalancerArn, Subnets: [vpc.a0, vpc.b0, nodeInC] }));
        await here.router(nodeInC);
        return;
      }
      case 'add tunnel':
        await cloud.ec2.send(
          new ec2.CreateVpcEndpointCommand({
            VpcEndpointType: 'Tunnel',
            VpcId: vpc.vpc,
            ResourceConfigurationArn: 'arn:aws:vpc-lattice:eu-central-1:111122223333:resourceconfiguration/rcfg-1',
            SubnetIds: [vpc.b1],
          }),
        );
        return;
      case 'untag endpoint': {
        const Resources = [(await here.endpoints())[now.which]?.VpcEndpointId ?? ''];
        await ignoring(cloud.ec2.send(new ec2.DeleteTagsCommand({ Resources, Tags: [{ Key: 'Team' }] })));
        return;
      }
      case 'delete gateway':
        await cloud.ec2.send(new ec2.DeleteNatGatewayCommand({ NatGatewayId: gateway }));
        deleted.add(gateway);
        gateway = await here.natGateway();
        return;
      case 'health':
        await here.heal(now.healthy);
        return;
      case 'range':
        if (now.given) await here.note(here.routers.a, RANGE, 'ziti-glb:dns-range');
        else await here.untag(here.routers.a, 'ziti-glb:dns-range');
        return;
      case 'block':
        if (block) {
          const AssociationId = block;
          block = undefined;
          await cloud.ec2.send(new ec2.DisassociateVpcCidrBlockCommand({ AssociationId }));
        }
        if (now.given) {
          const asked = new ec2.AssociateVpcCidrBlockCommand({ VpcId: vpc.vpc, CidrBlock: BLOCK });
          block = (await cloud.ec2.send(asked)).CidrBlockAssociation?.AssociationId;
        }
        return;
      // A tag cleaner, or whoever keeps the tables in code: never in both places at once.
      case 'lose notes':
        await loseNotes(now.on);
        return;
      case 'end router':
        await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [here.routers.a] }));
        return;
      case 'delete subnet': {
        const SubnetId = places[now.subnet];
        await cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId })).catch(({ name }) => {
          if (name === 'DependencyViolation') deletionAttempted = SubnetId;
        });
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
        await here.twoPasses(now.ms, random(now.seed)).catch(forgiving);
    }
  }

  async function loseNotes(on: 'tables' | 'endpoints'): Promise<void> {
    const { RouteTables = [] } = await cloud.ec2.send(new ec2.DescribeRouteTablesCommand({}));
    const live = (await here.endpoints()).filter(({ State }) => State?.toLowerCase() !== 'deleting');
    for (const { RouteTableId = '', Routes = [], Tags = [] } of RouteTables)
      for (const { Key = '', Value } of Tags) {
        const [, destination] = Key.split('ziti-glb:former:');
        const copy = `ziti-glb:former:${RouteTableId}:${destination}`;
        const target = Routes.find((route) => route.DestinationCidrBlock === destination)?.GatewayId;
        const home = live.find(
          ({ VpcEndpointId, Tags: copies }) =>
            VpcEndpointId === target && copies?.some((each) => each.Key === copy && each.Value === Value),
        );
        if (home)
          await here.untag(on === 'tables' ? RouteTableId : given(home.VpcEndpointId), on === 'tables' ? Key : copy);
      }
  }

  async function mend(): Promise<void> {
    const { Reservations } = await cloud.ec2.send(new ec2.DescribeInstancesCommand({ InstanceIds: [here.routers.a] }));
    if (Reservations?.[0]?.Instances?.[0]?.State?.Name !== 'running') await here.router(here.routerSubnets.a);
    await here.heal(true);
  }

  return {
    ...here,
    mend,
    tables,
    subnets,
    hosts,
    zones,
    foreign,
    deleted,
    perform,
    quietSince: () => changedAt,
    hasBlock: () => block !== undefined,
  };
}

const RUNS = Number(process.env.RUNS ?? 20);

test(
  'from any state, with faults over, comes to rest at exactly what the tags ask',
  async () => {
    await fc.assert(
      fc.asyncProperty(kinds, fc.array(deed, { minLength: 5, maxLength: 20 }), async (kind, deeds) => {
        const here = await scene(kind);
        const violations = watch(here, kind);
        for (const one of deeds) await here.perform(one);
        await here.mend();
        // Pauses after endpoints that ended, and the hour after somebody tried to delete a subnet, have passed then.
        for (let tick = 0; tick < 9; tick++) {
          await here.pass();
          await here.cloud.clock.run(600_000);
        }
        const rest = await here.look();
        expect(violations).toEqual([]);
        checkRest(rest, here, kind);

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

/** AWS has no change on condition and reads that trail: what a person changed this shortly before is not looked at twice. */
const RACE_MS = 10_000;

/** Holds every changing call to what must be so, whatever goes wrong around it. Returns the calls that broke it. */
function watch({ guard, cloud, settings, tables, quietSince }: Scene, kind: Kind): unknown[] {
  const violations: unknown[] = [];
  const tagged = async (ids: unknown) => {
    const { VpcEndpoints = [] } = await cloud.ec2.send(new ec2.DescribeVpcEndpointsCommand({}));
    const ours = VpcEndpoints.filter(({ Tags }) => Tags?.some(({ Key }) => Key === settings.stackTag.Key));
    return [ids].flat().every((id) => ours.some(({ VpcEndpointId }) => VpcEndpointId === id));
  };
  const notesOf = (table: ec2.RouteTable, destination: unknown) =>
    (table.Tags ?? []).filter(({ Key }) => Key?.endsWith(`:${destination}`)).map(({ Value }) => Value?.split(' '));

  guard((operation, input) => check(operation, input).catch((error) => void violations.push(error)));
  return violations;

  async function check(operation: string, input: Readonly<Record<string, unknown>>): Promise<void> {
    const raced = cloud.clock.now() - quietSince() < RACE_MS;
    // Nobody pays for what could never serve.
    if (kind.owner) expect(['DeleteVpcEndpoints', 'CreateTags', 'DeleteTags']).toContain(operation);
    switch (operation) {
      case 'DeleteVpcEndpoints':
      case 'AcceptVpcEndpointConnections':
        expect(await tagged(input.VpcEndpointIds)).toBe(true);
        return;
      case 'CreateTags':
      case 'DeleteTags': {
        const keys = (input.Tags as ec2.Tag[]).map(({ Key }) => Key);
        const [resource = ''] = input.Resources as string[];
        const [on = ''] = resource.split('-');
        const allowed: Record<string, RegExp> = {
          rtb: /^ziti-glb:(former|direct):\d/,
          vpce: /^(Team$|ziti-glb:former:rtb-\w+:\d)/,
          subnet: /^ziti-glb:(status|leaving|served-by|taken-over)$/,
        };
        expect(keys).toEqual([expect.stringMatching(given(allowed[on]))]);
        if (on === 'vpce') expect(await tagged(resource)).toBe(true);
        return;
      }
      case 'CreateRoute':
      case 'ReplaceRoute':
      case 'DeleteRoute': {
        const {
          RouteTableId = '',
          DestinationCidrBlock,
          DestinationPrefixListId,
          VpcEndpointId,
          NetworkInterfaceId,
          LocalTarget,
        } = input as Partial<ec2.CreateRouteRequest & ec2.ReplaceRouteRequest>;
        // What people led from there to an endpoint of ours goes, and that is all.
        const takesOut = operation === 'DeleteRoute' || LocalTarget;
        if (!kind.mainTableAllowed && !takesOut) expect(RouteTableId).not.toBe(tables.main);
        if (raced) return;
        const { RouteTables } = await cloud.ec2.send(
          new ec2.DescribeRouteTablesCommand({ RouteTableIds: [RouteTableId] }),
        );
        const table = given(RouteTables?.[0]);
        const there = table.Routes?.find(
          (route) =>
            route.DestinationCidrBlock === DestinationCidrBlock &&
            route.DestinationPrefixListId === DestinationPrefixListId &&
            route.Origin !== 'Advertisement',
        );
        const target = there?.GatewayId ?? there?.NatGatewayId ?? there?.NetworkInterfaceId;
        const noted = notesOf(table, DestinationCidrBlock).flat();
        // What it changes is its own, or has been noted before.
        const changes = there && !(LocalTarget && target === 'local');
        if (changes && !(await tagged(target))) expect(noted).toContain(target);
        if (operation === 'DeleteRoute') return;
        if (VpcEndpointId) expect(await tagged(VpcEndpointId)).toBe(true);
        else if (NetworkInterfaceId) expect(noted).toContain(NetworkInterfaceId);
        if (VpcEndpointId) expect(await someoneHealthy()).toBe(true);
      }
    }
  }

  async function someoneHealthy() {
    const { TargetHealthDescriptions } = await cloud.elb.send(
      new DescribeTargetHealthCommand({ TargetGroupArn: settings.targetGroupArn }),
    );
    return TargetHealthDescriptions?.some(({ TargetHealth }) => TargetHealth?.State === 'healthy') ?? false;
  }
}

type Scene = Awaited<ReturnType<typeof scene>>;

/** What must be so at rest, derived from the tags and from what people did, and not by the rules under test. */
function checkRest(
  rest: SubnetsWorld,
  { subnets, hosts, tables, zones, foreign, deleted, hasBlock }: Scene,
  kind: Kind,
): void {
  const present = SUBNETS.flatMap((name) => rest.subnets.find(({ id }) => id === subnets[name]) ?? []);
  const tableOf = (id: string) => rest.routeTables.find((table) => table.subnetIds.includes(id))?.id ?? tables.main;
  const named = rest.subnets.filter(({ id }) => kind.endpoints === 'named' && Object.values(hosts).includes(id));
  const asks = ({ id, tagValue, zone }: Subnet) => {
    if (tagValue === undefined || (tableOf(id) === tables.main && !kind.mainTableAllowed)) return [];
    if (kind.owner || (id === subnets.far && !zones.late)) return [];
    if (kind.endpoints === 'named' && named.every((host) => host.zone !== zone)) return [];
    const asked = WISHES[tagValue] ?? [];
    return asked.includes(ALL) && !mayLeadAll(tableOf(id)) ? [] : asked;
  };
  /** Endpoints must follow another table, and machines must find another way to Systems Manager. */
  const mayLeadAll = (tableId: string | undefined) => {
    const { routes = [] } = rest.routeTables.find(({ id }) => id === tableId) ?? {};
    const isWay = ({ destination, target, blackhole }: Route) =>
      destination === HUB && !blackhole && rest.endpoints.every(({ id }) => id !== target);
    return (
      kind.systemsManagerCidrs.length > 0 &&
      routes.some(isWay) &&
      named.length > 0 &&
      named.every(({ id }) => tableOf(id) !== tableId)
    );
  };
  const isRefused = (subnet: Subnet) => subnet.tagValue !== undefined && asks(subnet).length === 0;
  const router = rest.routers.find(({ dnsRange, running }) => running && dnsRange !== undefined);
  const held = new Set<string>();

  for (const table of rest.routeTables.filter(({ id }) => Object.values(tables).includes(id))) {
    const users = present.filter(({ id }) => tableOf(id) === table.id);
    const asking = users.filter((subnet) => asks(subnet).length > 0);
    const wanted = new Set(asking.flatMap(asks));
    if (asking.length > 0) wanted.add(RESOLVER);
    if (asking.length > 0 && router && !hasBlock()) wanted.add(RANGE);
    const takenOver = (cidr: string) =>
      asking.some((user) => user.tagValue?.startsWith('takeover') && asks(user).includes(cidr));
    const isOurs = ({ destination, target }: Route) =>
      rest.endpoints.some(({ id }) => id === target) || table.directRouteNotes.get(destination)?.target === target;
    const routes = table.routes.filter(({ target, propagated }) => target !== 'local' && !propagated);
    for (const { destination } of table.routes.filter(({ propagated }) => propagated))
      if (takenOver(destination)) expect(routes.map((route) => route.destination)).toContain(destination);
    const destinations = table.routes.map(({ destination }) => destination);

    for (const route of routes) {
      const { destination, target } = route;
      const former = table.takeoverNotes.get(destination);
      if (!isOurs(route)) {
        expect([target, former?.target]).toContain(foreign.get(`${table.id} ${destination}`));
        expect(wanted.has(destination) && takenOver(destination)).toBe(false);
        continue;
      }
      // Nobody's wish, and yet it stays: to what, cannot go.
      if (former?.gone || !wanted.has(destination)) held.add(target);
      expect(wanted.has(destination) || users.some(isRefused) || former?.gone).toBe(true);
      if (target.startsWith('vpce-')) expect(rest.endpoints.find(({ id }) => id === target)?.state).toBe('available');
      expect(route.blackhole).toBe(false);
    }
    for (const destination of wanted) expect(destinations).toContain(destination);
    for (const [key, target] of foreign) {
      if (!key.startsWith(table.id) || deleted.has(target)) continue;
      const route = routes.find(({ destination }) => key === `${table.id} ${destination}`);
      const former = route && table.takeoverNotes.get(route.destination);
      expect([route?.target, former?.target]).toContain(target);
    }
    for (const destination of table.takeoverNotes.keys())
      expect(takenOver(destination) || routes.some((route) => route.destination === destination && isOurs(route))).toBe(
        true,
      );
    for (const destination of table.directRouteNotes.keys())
      expect(routes.some((route) => route.destination === destination && isOurs(route))).toBe(true);
  }

  const places =
    kind.endpoints === 'subnet' && !kind.endpointPerZone
      ? present.map((subnet) => [subnet])
      : [...Map.groupBy(present, ({ zone }) => zone).values()];
  for (const slot of places) {
    const stand = kind.endpoints === 'named' ? named.filter(({ zone }) => zone === slot[0]?.zone) : slot;
    const mine = rest.endpoints.filter(({ subnetId }) => stand.some((subnet) => subnet.id === subnetId));
    const spare = mine.filter(({ id }) => !held.has(id)).map(({ state }) => state);
    if (slot.some((subnet) => asks(subnet).length > 0)) {
      expect(mine.map(({ state }) => state)).toContain('available');
      expect(spare.length).toBeLessThanOrEqual(1);
    } else if (slot.some(isRefused)) expect(spare.length).toBeLessThanOrEqual(1);
    else expect(spare).toEqual([]);
  }
  for (const { tags } of rest.endpoints.filter(({ state }) => state === 'available'))
    expect(tags.get('Team')).toBe(kind.tags[0]?.Value);
  for (const subnet of present) {
    const [status] = /^\w+/.exec(subnet.status ?? '') ?? [];
    // It has no room to say anything.
    if (status === undefined && subnet.tagCount >= TAGS_AT_MOST) continue;
    expect(subnet.status ?? '').not.toContain('is lost with its notes');
    if (subnet.tagValue === undefined) expect([undefined, 'blocked']).toContain(status);
    else if (isRefused(subnet)) expect(status).toBe('refused');
    else expect(['ready', 'conflict', 'blocked']).toContain(status);
  }
}
