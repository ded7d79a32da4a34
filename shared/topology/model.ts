import { canonicalCidr } from '../cidr.ts';
import { type Condition, isWaiting } from '../conditions/condition.ts';
import { sentence, type Tell, whyTexts } from '../conditions/sentences.ts';
import { blindText } from '../conditions/subnets.ts';
import type { Pause } from '../pause.ts';
import type { RoutersPlan } from '../routers/plan.ts';
import type { Health } from '../routers/router.ts';
import type { RoutersWorld } from '../routers/world.ts';
import type { SubnetsPlan } from '../subnets/plan.ts';
import type { Hub as SeenHub, SubnetsLook, SubnetsWorld, Subnet as WorldSubnet } from '../subnets/world.ts';
import type { Place } from './links.ts';
import { DEAD_END, NO_ROUTER, PAUSED } from './sentences.ts';

/** A subnet's or router's state. Each has a shape and a word of its own in the picture. */
export type State = 'ready' | 'leaving' | 'waiting' | 'conflict' | 'blocked' | 'refused' | 'down';

/** Packets pass on a stretch of their way, they will, or they are lost. */
export type Flow = 'carries' | 'pending' | 'lost';

/** Whatever has a state: a subnet or a router. */
interface Subject {
  id: string;
  /** Its Name tag, else its id. */
  name: string;
  zone: string;
  state: State;
  /** The reconcilers' sentences on why it is not ready. */
  why: string[];
  /** Of the reason that a person has to see to first, if there is one. */
  code?: string | undefined;
}

export interface Subnet extends Subject {
  /** The VPC it is of, if not the load balancer's. */
  vpcId?: string | undefined;
  /** Its addresses. */
  cidrs: string[];
  /** The opt-in tag's value; undefined once it is untagged. */
  tagValue?: string;
  /** CIDRs that it asks for, as far as it can be read, and what else its table sends to an endpoint of ours. */
  destinations: { cidr: string; asked: boolean; routed: boolean }[];
  tableId?: string;
  endpoint?: { id: string; state: string };
  /** Packets from its clients into the load balancer; undefined if nothing leads there. */
  flow?: Flow;
}

export interface Router extends Subject, Health {
  address: string;
  /** EC2's word. */
  instanceState: string;
  /** Packets from the load balancer to it; undefined if none leads there. */
  flow?: Flow;
}

/** One network interface of the load balancer. */
export interface Node {
  address: string;
  /** A healthy router is in its reach. */
  carries: boolean;
}

export interface Zone {
  name: string;
  subnets: Subnet[];
  nodes: Node[];
  routers: Router[];
  /** Subnets of those VPCs that have nothing to do with it. */
  others: number;
}

/** A spoke's hub, and in words why its routers are not known, if they are not. */
export type Hub = Omit<SeenHub, 'blind'> & { blind?: string | undefined };

/** The picture shows this. */
export interface Topology extends Pick<SubnetsLook, 'spokes'> {
  /** Accounts whose endpoints are accepted, whether any asks or not. */
  spokeAccounts: string[];
  hub?: Hub;
  place: Place;
  /** The stack's own. */
  account: string;
  /** The load balancer's; empty of a spoke. */
  vpcId: string;
  tagKey: string;
  /** It was looked at then, in milliseconds since the epoch. */
  at: number;
  crossZone: boolean;
  zones: Zone[];
  /** A person has paused the stack: it stays as it is. */
  paused?: Pause | undefined;
  gateways: SubnetsLook['attachments'];
  /** Things that are neither a subnet nor a router, and what the reconcilers say of them; what is another's affair is nothing that is wrong. */
  notes: { subject: string; state: State; why: string; code: string; foreign?: boolean }[];
}

/** The picture needs this of the two reconcilers' worlds and plans. */
export interface Look {
  place: Place;
  account: string;
  vpcId: string;
  tagKey: string;
  spokeAccounts?: string[];
  subnets: Pick<SubnetsLook, 'attachments' | 'spokes' | 'hub'> & {
    world: Pick<SubnetsWorld, 'now' | 'crossZone' | 'paused'>;
    /** VPCs whose subnets count, with every subnet of theirs. */
    vpcs: { vpcId: string; subnets: Pick<WorldSubnet, 'id' | 'zone'>[] }[];
    plan: Pick<SubnetsPlan, 'summaries' | 'conditions'>;
  };
  routers: {
    world: Pick<RoutersWorld, 'nodes'>;
    plan: Pick<RoutersPlan, 'summaries' | 'conditions'>;
  };
  /** Packets from a zone find a healthy router, where no router is to be seen. */
  reaches?(zone: string): boolean;
}

/** The picture of a look. Pure. @param tell puts into words why a subnet or router is not ready */
export function topology(look: Look, tell: Tell = sentence): Topology {
  const { place, account, vpcId, tagKey, spokeAccounts = [] } = look;
  const { now: at, crossZone, paused } = look.subnets.world;
  const ground = look.subnets.vpcs.flatMap(({ subnets }) => subnets);
  const { nodes } = look.routers.world;
  const routers = routersOf(look, tell);
  const finds = (zone: string) =>
    routers.some((router) => router.flow === 'carries' && (crossZone || router.zone === zone));
  const reaches = look.reaches ?? finds;
  const subnets = subnetsOf(look, reaches, tell);
  const served = (look.subnets.hub?.zones ?? []).map(({ name }) => ({ zone: name }));
  const names = new Set([...nodes, ...subnets, ...routers, ...served].map(({ zone }) => zone));
  const zones = [...names].sort().map((name) => {
    const shown = inZone(subnets, name);
    return {
      name,
      subnets: shown,
      nodes: nodes.filter(({ zone }) => zone === name).map(({ address }) => ({ address, carries: reaches(name) })),
      routers: inZone(routers, name),
      others: ground.filter(({ zone }) => zone === name).length - shown.length,
    };
  });
  const notes = othersOf(look).map((condition) => ({
    ...{ subject: condition.about.label, state: condition.kind, why: sentence(condition) },
    code: condition.reason.code,
    ...(condition.foreign && { foreign: true }),
  }));
  const { attachments: gateways, spokes, hub } = look.subnets;
  return {
    ...{ place, account, vpcId, tagKey, at, crossZone },
    ...(paused && { paused }),
    ...{ zones, gateways, spokes, spokeAccounts },
    ...(hub && { hub: { ...hub, blind: hub.blind && blindText(hub.blind) } }),
    notes,
  };
}

/** Conditions of what is neither a subnet nor a router of the picture. */
export function othersOf({ subnets, routers }: Look): Condition[] {
  const plans = [subnets.plan, routers.plan];
  const said = new Set(plans.flatMap(({ summaries }) => summaries.flatMap(({ conditions }) => conditions)));
  return plans
    .flatMap(({ conditions }) => conditions.filter((condition) => !said.has(condition)))
    .toSorted((a, b) => rank(a) - rank(b));
}

/** Those that a person has to see to come first, those that are another's affair last. */
const rank = ({ kind, foreign }: Condition) => (foreign ? 2 : Number(isWaiting({ kind })));

/** An endpoint's state as people read it. */
export const worded = (state: string) => state.replace('pendingacceptance', 'pending acceptance');

function inZone<T extends Subject>(subjects: T[], name: string): T[] {
  return subjects.filter(({ zone }) => zone === name).sort(byName);
}

/** Subnets of one VPC after those of another: of the load balancer's own first. */
export function byVpc<T extends Pick<Subnet, 'vpcId'>>(subnets: readonly T[], own: string): [vpcId: string, T[]][] {
  const groups = [...Map.groupBy(subnets, ({ vpcId }) => vpcId ?? own)];
  return groups.sort(([a], [b]) => Number(b === own) - Number(a === own) || (a < b ? -1 : 1));
}

/** Names in the order in which a person counts: 9 before 10. */
export const byName = (a: Subject, b: Subject) => a.name.localeCompare(b.name, 'en', { numeric: true });

function subnetsOf(
  { vpcId, subnets: { world, vpcs, plan } }: Look,
  reaches: (zone: string) => boolean,
  tell: Tell,
): Subnet[] {
  const all = vpcs.flatMap((vpc) => vpc.subnets.map((subnet) => ({ ...subnet, vpcId: vpc.vpcId })));
  const zoneOf = new Map(all.map(({ id, zone }) => [id, zone]));
  const vpcOf = new Map(all.map((subnet) => [subnet.id, subnet.vpcId]));
  return plan.summaries.map(({ subnet, state, conditions, causes, table, endpoint, routes }) => {
    const { id, name, zone, cidrs, tagValue } = subnet;
    const whole = routes.every((route) => route.endpoint.state === 'available' && !route.blackhole);
    const reached = reaches(zoneOf.get((routes[0]?.endpoint ?? endpoint)?.subnetId ?? '') ?? zone);
    const flow = routes.length === 0 ? comes(state) : whole && reached ? 'carries' : 'lost';
    const lost = state === 'ready' && flow === 'lost';
    // A subnet whose endpoint is not begun waits for a person before all else.
    const held = world.paused && state === 'waiting' && !endpoint;
    return {
      id,
      name: name || id,
      zone,
      ...(vpcOf.get(id) !== vpcId && { vpcId: vpcOf.get(id) }),
      state: lost ? 'down' : state,
      why: lost ? [reached ? DEAD_END : NO_ROUTER] : [...(held ? [PAUSED] : []), ...whyTexts(causes, tell)],
      code: codeOf(conditions),
      cidrs,
      tagValue,
      destinations: destinationsOf(tagValue, routes),
      tableId: table?.id,
      endpoint: endpoint && { id: endpoint.id, state: worded(endpoint.state) },
      flow,
    };
  });
}

function destinationsOf(tagValue = '', routes: readonly { destination: string }[]): Subnet['destinations'] {
  const asked = tagValue.split(/\s+/).flatMap((word) => canonicalCidr(word) ?? []);
  const routed = routes.map(({ destination }) => destination);
  return [...new Set([...asked, ...routed])].map((cidr) => ({
    cidr,
    asked: asked.includes(cidr),
    routed: routed.includes(cidr),
  }));
}

const comes = (state: State): Flow | undefined => (state === 'waiting' ? 'pending' : undefined);

function routersOf({ routers: { plan } }: Look, tell: Tell): Router[] {
  return plan.summaries.map(({ instance, health, reason, since, state, conditions, causes }) => {
    const { id, name, state: instanceState, address, zone = 'elsewhere' } = instance;
    const flow = FLOW_OF[health] ?? (state === 'refused' ? undefined : 'pending');
    const subject = { id, name: name || id, zone, state, why: whyTexts(causes, tell), code: codeOf(conditions) };
    return { ...subject, address, instanceState, health, reason, since, flow };
  });
}

const codeOf = (conditions: readonly Condition[]) =>
  (conditions.find((each) => !isWaiting(each)) ?? conditions[0])?.reason.code;

const FLOW_OF: Partial<Record<string, Flow>> = { healthy: 'carries', unhealthy: 'lost' };
