import { contains, formatCidr, holds, isIpv6, overlaps, parseCidr, prefixOf, type Range } from '../cidr.ts';
import type { Reason } from '../conditions/condition.ts';
import type { SubnetsConfig } from '../config.ts';
import { parseSpec, type Spec } from './spec.ts';
import {
  isLeaving,
  isLive,
  isOurs,
  isShared,
  label,
  type Route,
  type RouteTable,
  type Subnet,
  type SubnetsWorld,
  subnetsOf,
  tablesOf,
} from './world.ts';

/** Specs are judged by the VPC they would be fulfilled in. */
interface Place {
  world: SubnetsWorld;
  config: SubnetsConfig;
  tableOf: ReturnType<typeof tablesOf>;
  /** The VPC's CIDR blocks. */
  blocks: Range[];
  /** Subnets by their CIDR blocks. */
  wholes: ReadonlyMap<string, Subnet>;
  /** Subnets that have routers, by their tables. */
  homes: ReadonlyMap<RouteTable | undefined, Subnet[]>;
}

interface Request extends Place {
  subnet: Subnet;
  table: RouteTable | undefined;
}

/** A rule gives the reason why something cannot be; undefined if it can. */
type Rule<Extra extends unknown[] = []> = (given: Request, ...extra: Extra) => Reason | undefined;

/** What all specs of a VPC are judged by. */
export function placeOf(world: SubnetsWorld, config: SubnetsConfig): Place {
  const tableOf = tablesOf(world);
  const routers = new Set(world.routers.map(({ subnetId }) => subnetId));
  return {
    ...{ world, config, tableOf },
    blocks: world.vpcCidrs.flatMap((cidr) => parseCidr(cidr) ?? []),
    wholes: new Map(world.subnets.flatMap((subnet) => subnet.cidrs.map((cidr) => [cidr, subnet] as const))),
    homes: Map.groupBy(
      world.subnets.filter(({ id }) => routers.has(id)),
      ({ id }) => tableOf(id),
    ),
  };
}

/** The VPC's block that holds all of a CIDR. */
export function blockOf(cidr: string, { blocks }: Pick<Place, 'blocks'>): Range | undefined {
  const range = parseCidr(cidr);
  return range && blocks.find((each) => holds(each, range));
}

/** A subnet with this tag's value asks for this, or is refused for the first reason that speaks against it. */
export function admit(subnet: Subnet, value: string, place: Place): Spec {
  const given = { ...place, subnet, table: place.tableOf(subnet.id) };
  for (const rule of PLACE_RULES) {
    const refused = rule(given);
    if (refused) return { refused };
  }
  const spec = parseSpec(value, place.config.defaultCidrs);
  if ('refused' in spec) return spec;
  for (const cidr of spec.cidrs) {
    for (const rule of CIDR_RULES) {
      const refused = rule(given, cidr);
      if (refused) return { refused };
    }
  }
  return spec;
}

const PLACE_RULES: Rule[] = [
  function tableIsOfThisAccount({ subnet, table, config }) {
    const { account } = config;
    const shared = [table, subnet].find((each) => each && isShared(each, account));
    if (shared) return { code: 'shared-vpc', table: table?.id ?? 'its route table', owner: shared.owner, account };
  },

  function zoneIsServed({ subnet: { zone, zoneId }, world: { service, nodeZones }, config }) {
    if (!service.visible || service.zones.includes(zone) || nodeZones.includes(zone)) return;
    if (service.owner === config.account) return { code: 'zone-without-node', zone };
    return { code: 'zone-not-served', owner: service.owner, zone, zoneId, zoneIds: service.zoneIds.join(', ') };
  },

  function tableIsItsOwn({ subnet, table, world, config }) {
    if (!table) return { code: 'no-route-table' };
    if (!table.main || config.mainTableAllowed) return;
    const others = subnetsOf(table, world).filter(({ id }) => id !== subnet.id);
    return { code: 'main-route-table', tableId: table.id, subnets: others.map(label) };
  },

  /** Routers' own packets would be led back to the routers. */
  function routersAreElsewhere({ subnet, table, homes, world }) {
    if (world.routers.some(({ subnetId }) => subnetId === subnet.id)) return { code: 'routers-in-subnet' };
    const shared = homes.get(table);
    if (table && shared) return { code: 'table-of-routers', tableId: table.id, subnets: shared.map(label) };
  },

  function endpointHasAPlace(given) {
    const host = hostOf(given);
    // https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-load-balancer-endpoints.html: `dualstack` needs both.
    if (host?.cidrs.every(isIpv6) && !hasNeighboursEndpoint(given))
      return { code: 'no-ipv4-for-endpoint', subnet: label(host) };
    if (host) return;
    const leaving = endpointSubnets(given).find(({ zone }) => zone === given.subnet.zone);
    return { code: 'no-subnet-for-endpoint', zone: given.subnet.zone, leaving: leaving && label(leaving) };
  },
];

const CIDR_RULES: Rule<[cidr: string]>[] = [
  /** A route within the VPC may lead away from exactly a whole subnet. https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html */
  function isRoutable(given, cidr) {
    const own = blockOf(cidr, given);
    if (!own) return;
    const block = formatCidr(own);
    if (!given.wholes.has(cidr)) return { code: 'part-of-vpc', cidr, block };
    if (block === cidr) return { code: 'block-of-vpc', cidr };
  },

  function leavesNeededSubnetsAlone(given, cidr) {
    const { subnet, world } = given;
    const whole = given.wholes.get(cidr);
    if (!whole) return;
    if (whole.id === subnet.id) return { code: 'subnet-itself', cidr };
    const holds = (subnetIds: string[]) => subnetIds.includes(whole.id);
    const cutsOff = (what: string): Reason => ({ code: 'cuts-off', cidr, subnet: label(whole), what });
    if (holds(world.routers.map(({ subnetId }) => subnetId))) return cutsOff('routers');
    if (holds(world.systemsManager.subnetIds)) return cutsOff('endpoints of Systems Manager');
    if (holds([...endpointSubnets(given).map(({ id }) => id), ...world.endpoints.map(({ subnetId }) => subnetId)]))
      return cutsOff('endpoint');
  },

  /** The addresses of a router's range mean something on that router alone. */
  function leavesDnsRangesAlone({ world }, cidr) {
    const router = world.routers.find(({ dnsRange }) => dnsRange !== undefined && contains(dnsRange, cidr));
    if (router?.dnsRange === undefined) return;
    const code = world.remote ? 'in-far-dns-range' : 'in-dns-range';
    return { code, cidr, range: router.dnsRange, router: label(router) };
  },

  function isCarried(given, cidr) {
    if (!isIpv6(cidr) || !given.world.service.visible) return;
    if (!given.world.service.ipv6) return { code: 'service-without-ipv6', cidr };
    const host = hostOf(given);
    if (host && !host.cidrs.some(isIpv6)) return { code: 'no-ipv6-for-endpoint', cidr, subnet: label(host) };
  },

  /** An endpoint obeys the table of its subnet: what a router sends on unchanged must find another way from there. */
  function doesNotLoop(given, cidr) {
    if (!isWide(cidr)) return;
    const { table } = given;
    const hosts = endpointSubnets(given);
    if (hosts.length === 0) return { code: 'too-wide', cidr };
    const served = hosts.filter(({ id }) => given.tableOf(id) === table);
    if (table && served.length > 0) return { code: 'loop', cidr, tableId: table.id, subnets: served.map(label) };
  },

  function leavesSystemsManager(given, cidr) {
    const elsewhere = given.config.systemsManagerCidrs;
    if (given.world.systemsManager.reachable) return;
    if (isWide(cidr) && elsewhere.length === 0) return { code: 'no-systems-manager', cidr };
    const lost = elsewhere.find((each) => overlaps(cidr, each) && !hasWay(given, each, cidr));
    if (lost) return { code: 'no-way-to-systems-manager', cidr, lost, tableId: given.table?.id ?? '' };
  },
];

/** A CIDR is as good as a default route that is shorter than the shortest private range, 10.0.0.0/8 or fc00::/7. */
export function isWide(cidr: string): boolean {
  return prefixOf(cidr) < (isIpv6(cidr) ? 7 : 8);
}

/** Packets to all of `cidr` have another way than a route to `wished` would be. */
function hasWay({ table, world }: Request, cidr: string, wished: string): boolean {
  const leads = (route: Route) => !route.blackhole && table !== undefined && !isOurs(route, table, world);
  return (table?.routes ?? []).some(
    (route) => leads(route) && contains(route.destination, cidr) && prefixOf(route.destination) > prefixOf(wished),
  );
}

function endpointSubnets({ world, config }: Request): Subnet[] {
  return world.subnets.filter(({ id }) => Array.isArray(config.endpoints) && config.endpoints.includes(id));
}

/** An endpoint stands already for all subnets of its zone. */
function hasNeighboursEndpoint({ subnet, world, config }: Request): boolean {
  const inZone = world.subnets.filter(({ zone }) => zone === subnet.zone).map(({ id }) => id);
  return config.endpoints === 'zone' && world.endpoints.some((each) => isLive(each) && inZone.includes(each.subnetId));
}

/** The subnet where its endpoint stands or could stand. */
function hostOf(given: Request): Subnet | undefined {
  const { subnet, config } = given;
  if (!Array.isArray(config.endpoints)) return subnet;
  return endpointSubnets(given).find((each) => each.zone === subnet.zone && !isLeaving(each, given.world));
}
