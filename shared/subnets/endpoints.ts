import { isIpv6 } from '../cidr.ts';
import { type Condition, LATER, type Obstacle, type Reason, refused } from '../conditions/condition.ts';
import type { Blind } from '../conditions/subnets.ts';
import type { SubnetsConfig } from '../config.ts';
import { joined, type Part } from '../reconcile/plan.ts';
import { aboutId } from '../ref.ts';
import { lastEnded, MOST_TRIES, triedAgainAt } from './endpoint-retries.ts';
import { isRefused, type OptedInSubnet, refusalOf, toAll } from './opted-in.ts';
import { crowdedZones, zonesEndpoints } from './sharing.ts';
import type { SubnetsStep } from './steps.ts';
import { aboutNamed, type Endpoint, isLeaving, isLive, isShared, type Subnet, type SubnetsWorld } from './world.ts';

/** An endpoint that is not available after so long is not expected to be within minutes. */
const SLOW_MS = 900_000;

/**
 * A create that is repeated within one generation makes no second endpoint. It is as long as AWS may take to list the
 * first one, and short for the case that AWS remembers the token of one that it lists no more.
 */
const GENERATION_MS = 60_000;

/** A place that needs an endpoint, and who needs it. */
interface Site {
  subnets: OptedInSubnet[];
  /** The subnet in which a new endpoint would be made. */
  host: Subnet | undefined;
  /** Endpoints in any state that stand where this site's may. */
  there: Endpoint[];
}

/** The endpoint that each opted-in subnet is served by, or will be, and whether that stands where its own would, were there one. */
export type Serving = ReadonlyMap<OptedInSubnet, { endpoint: Endpoint; shares: boolean }>;

export interface Endpoints extends Part<SubnetsStep> {
  serving: Serving;
  /** Endpoints that nobody wants any more, or never should have been. */
  leaving: Endpoint[];
}

/** Gives each opted-in subnet its endpoint. */
export function planEndpoints(world: SubnetsWorld, optedInSubnets: OptedInSubnet[], config: SubnetsConfig): Endpoints {
  const steps: SubnetsStep[] = publishZones(world, optedInSubnets);
  const conditions: Condition[] = [];
  const serving = new Map<OptedInSubnet, { endpoint: Endpoint; shares: boolean }>();
  const spare = new Set(world.endpoints);
  let room = config.endpointsPerVpc - world.endpointCount;
  let soon = world.endpoints.filter(({ state }) => state === 'deleting').length;
  const sites = sitesOf(world, optedInSubnets, config);
  const hosts = sites.flatMap(({ host }) => host ?? []);
  const crowded = crowdedZones(hosts, (host) => createEndpoint(host, world), world);
  for (const site of sites) {
    const asking = site.subnets.filter((optedIn) => !isRefused(optedIn));
    const tell = (obstacle: Obstacle) => void conditions.push(...toAll(asking, obstacle));
    const wait = (reason: Reason, until?: number) => tell({ kind: 'waiting', reason, until });
    const { host } = site;
    const own = chosen(site, world);
    const shares = !own && host !== undefined && crowded.has(host.zone);
    const endpoint = shares ? chosen({ ...site, there: zonesEndpoints(host.zone, site.subnets, world) }, world) : own;
    const ended = endpoint?.state === 'available' ? [] : lastEnded(site.there);
    for (const each of ended) spare.delete(each);
    if (endpoint) {
      spare.delete(endpoint);
      for (const optedIn of site.subnets) serving.set(optedIn, { endpoint, shares });
      if (endpoint.state !== 'available') tell({ ...awaited(endpoint, world, config), since: endpoint.createdAt });
      continue;
    }
    if (!host) continue;
    const hold = holdsBack(host, world, config);
    if (hold) {
      tell(hold);
      continue;
    }
    const [newest] = ended;
    // To make room one is deleted, and with it what it remembers: as if as many had ended as are kept.
    const tries = room > 0 ? ended.length : MOST_TRIES;
    const retryAt = newest ? triedAgainAt(newest, tries) : 0;
    if (newest && retryAt > world.now) {
      wait({ code: 'endpoint-retry', ended: endedOf(newest, world, config) }, retryAt);
    } else if (room <= 0 && newest) {
      const oldest = ended.at(-1) ?? newest;
      if (soon > 0) soon -= 1;
      else spare.add(oldest);
      wait({ code: 'room-in-vpc' });
    } else if (shares && newest) {
      // It may be one that ended that stands in the way.
      for (const each of ended) spare.add(each);
      wait({ code: 'room-in-zone', zone: host.zone });
    } else if (room <= 0) {
      tell({ kind: 'refused', reason: { code: 'endpoint-quota', most: config.endpointsPerVpc } });
    } else {
      room -= 1;
      const step = createEndpoint(host, world);
      steps.push(step);
      const [refusal] = refusalOf(step, world);
      if (refusal) tell(refusal);
      else if (newest) wait({ code: 'endpoint-anew', ended: endedOf(newest, world, config) });
      else wait({ code: 'endpoint-available' });
    }
  }
  const accepted = acceptance(serving, world, config);
  // That it is not accepted says more than that it is not available.
  return { ...joined({ steps }, accepted, { conditions }), serving, leaving: [...spare] };
}

function acceptance(serving: Serving, world: SubnetsWorld, { serviceId }: SubnetsConfig): Part<SubnetsStep> {
  const asking = [...serving].filter(([, { endpoint }]) => endpoint.acceptable);
  if (asking.length === 0) return joined();
  const endpointIds = [...new Set(asking.map(([, { endpoint }]) => endpoint.id))];
  // Of one VPC, so that what is refused there stands in no other's way.
  const label = world.remote ? `the endpoint service for ${world.vpcId}` : 'the endpoint service';
  const about = { label, ids: [serviceId, ...endpointIds] };
  const step: SubnetsStep = { kind: 'accept-endpoints', endpointIds, about };
  const reasons = refusalOf(step, world);
  const those = asking.map(([optedIn]) => optedIn);
  return { steps: [step], conditions: reasons.flatMap((reason) => toAll(those, reason)) };
}

/**
 * Zones that the load balancer got later are not the service's before it is told to look.
 * https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html
 * A service that the stack did not make is told only for a subnet there.
 */
function publishZones({ service, nodeZones }: SubnetsWorld, optedInSubnets: OptedInSubnet[]): SubnetsStep[] {
  const lacking = nodeZones.filter((zone) => !service.zones.includes(zone));
  const asked = lacking.filter((zone) =>
    optedInSubnets.some((optedIn) => !isRefused(optedIn) && optedIn.subnet.zone === zone),
  );
  const zones = service.ours ? lacking : asked;
  if (zones.length === 0) return [];
  // AWS takes it also while the zone is not ready, which is "a few minutes".
  const about = { label: 'zones of the endpoint service', ids: [] };
  return [{ kind: 'publish-zones', about, tentative: true, context: { zones } }];
}

/** Whose service is another account's, that accepts, rejects, and is asked about its routers. */
const isAnothers = ({ service }: SubnetsWorld, { account }: SubnetsConfig) => service.owner !== account;

function awaited(endpoint: Endpoint, world: SubnetsWorld, config: SubnetsConfig): Obstacle {
  if (endpoint.state === 'pendingacceptance' && isAnothers(world, config))
    return {
      kind: 'waiting',
      reason: { code: 'endpoint-accepted', id: endpoint.id, owner: world.service.owner },
      until: LATER,
    };
  const until = world.now - endpoint.createdAt > SLOW_MS ? LATER : undefined;
  return { kind: 'waiting', reason: { code: 'endpoint-available' }, until };
}

const endedOf = ({ id, state, error }: Endpoint, world: SubnetsWorld, config: SubnetsConfig) => ({
  ...{ id, state, error },
  ...(isAnothers(world, config) && { owner: world.service.owner }),
});

/** Nothing new is made, and nothing taken away. */
export const blindness = (blind: Blind): Obstacle => ({
  kind: 'waiting',
  reason: { code: 'news-of-hub', blind },
  until: LATER,
});

/** No endpoint is made to a service that is not there, nor before routers, nor in a zone that the service does not have yet. */
function holdsBack(
  { zone }: Subnet,
  { service, blind }: SubnetsWorld,
  { account }: SubnetsConfig,
): Obstacle | undefined {
  if (blind !== undefined && service.visible) return blindness(blind);
  if (service.visible && service.zones.includes(zone)) return undefined;
  const reason: Reason = service.visible
    ? { code: 'zone-enabled', zone }
    : { code: 'service-there', service: service.name, account };
  return { kind: 'waiting', reason, until: LATER };
}

/** A subnet each, or a zone each: then an endpoint stands in the subnet named for it, or in any of the zone. */
function sitesOf(world: SubnetsWorld, optedInSubnets: OptedInSubnet[], { endpoints }: SubnetsConfig): Site[] {
  if (endpoints === 'subnet') {
    const endpointsIn = Map.groupBy(world.endpoints, ({ subnetId }) => subnetId);
    return optedInSubnets.map((optedIn) => ({
      subnets: [optedIn],
      host: isRefused(optedIn) ? undefined : optedIn.subnet,
      there: endpointsIn.get(optedIn.subnet.id) ?? [],
    }));
  }
  return [...Map.groupBy(optedInSubnets, ({ subnet }) => subnet.zone)].map(([zone, inZone]) => {
    const asking = inZone.filter((optedIn) => !isRefused(optedIn));
    const fits = (subnet: Subnet) =>
      subnet.zone === zone && (endpoints === 'zone' || endpoints.includes(subnet.id)) && !isLeaving(subnet, world);
    const named = asking.length > 0 ? world.subnets.find(fits) : undefined;
    // An endpoint needs IPv4, which not every subnet has that may use one.
    const able = asking.filter(({ subnet }) => !subnet.cidrs.every(isIpv6));
    const any = able.find(asksForIpv6) ?? able[0] ?? asking[0];
    const host = endpoints === 'zone' ? any?.subnet : named;
    const ids = new Set(world.subnets.filter(fits).map(({ id }) => id));
    return { subnets: inZone, host, there: world.endpoints.filter(({ subnetId }) => ids.has(subnetId)) };
  });
}

const asksForIpv6 = ({ destinations }: OptedInSubnet) => destinations.some(isIpv6);

/** The oldest endpoint that will do serves: two creates that crossed leave two. Where all specs are refused, any live one will do. */
function chosen({ subnets: optedInSubnets, there, host }: Site, { service }: SubnetsWorld): Endpoint | undefined {
  const ipv6 = optedInSubnets.some(asksForIpv6);
  return there
    .filter(isLive)
    .filter((endpoint) => !host || (endpoint.serviceName === service.name && (endpoint.ipv6 || !ipv6)))
    .toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))[0];
}

function createEndpoint(host: Subnet, world: SubnetsWorld): SubnetsStep {
  const before = [...world.endpoints, ...world.gone]
    .filter(({ subnetId }) => subnetId === host.id)
    .toSorted((a, b) => b.createdAt - a.createdAt)[0];
  return {
    kind: 'create-endpoint',
    vpcId: world.vpcId,
    subnetId: host.id,
    serviceName: world.service.name,
    ipv6: world.service.ipv6 && host.cidrs.some(isIpv6),
    generation: `${Math.floor(world.now / GENERATION_MS)} ${before?.id ?? 'first'}`,
    about: aboutNamed(host),
  };
}

/** Deletes the endpoints that leave, once no route leads to them: AWS would refuse before. */
export function removeEndpoints(
  { routeTables }: SubnetsWorld,
  leaving: Endpoint[],
  { account }: SubnetsConfig,
): Part<SubnetsStep> {
  const present = leaving
    .filter(({ state }) => state !== 'deleting')
    .map(({ id }) => ({ id, table: routeTables.find(({ routes }) => routes.some(({ target }) => target === id)) }));
  const endpointIds = present.filter(({ table }) => !table).map(({ id }) => id);
  const about = { label: 'endpoints', ids: endpointIds };
  return {
    steps: endpointIds.length > 0 ? [{ kind: 'delete-endpoints', endpointIds, about }] : [],
    conditions: present.flatMap(({ id, table }): Condition[] => {
      if (!table || (!table.edge && !isShared(table, account))) return [];
      const reason: Reason = isShared(table, account)
        ? { code: 'endpoint-held-by-account', tableId: table.id, owner: table.owner }
        : { code: 'endpoint-held-by-gateway', tableId: table.id };
      return [refused(aboutId(id), reason)];
    }),
  };
}
