import { canonicalCidr } from '../cidr.ts';
import type { Plan, Step } from '../reconcile.ts';
import type { Place } from './links.ts';

/** How something stands. Each has a shape and a word of its own in the picture. */
export type State = 'ready' | 'leaving' | 'waiting' | 'conflict' | 'blocked' | 'refused' | 'down';

/** What happens to packets on a stretch of their way: they pass, they will, or they are lost. */
export type Flow = 'carries' | 'pending' | 'lost';

/** Whatever has a state: a subnet or a router. */
interface Subject {
  id: string;
  /** Its Name tag, else its id. */
  name: string;
  zone: string;
  state: State;
  /** Why it is not ready, in the reconcilers' sentences. */
  why: string[];
}

export interface Subnet extends Subject {
  /** Its addresses. */
  cidrs: string[];
  /** The opt-in tag's value; undefined once it is untagged. */
  wish?: string;
  /** What that asks for, as far as it can be read, and what else its table sends to an endpoint of ours. */
  destinations: { cidr: string; asked: boolean; routed: boolean }[];
  tableId?: string;
  endpoint?: { id: string; state: string };
  /** From its clients into the load balancer; undefined if nothing leads there. */
  flow?: Flow;
}

export interface Router extends Subject {
  address: string;
  /** EC2's word. */
  instanceState: string;
  /** Its target's, or `not registered`. */
  health: string;
  /** From the load balancer to it; undefined if none leads there. */
  flow?: Flow;
}

/** One network interface of the load balancer. */
export interface Node {
  address: string;
  /** Whether a healthy router is in its reach. */
  carries: boolean;
}

export interface Zone {
  name: string;
  subnets: Subnet[];
  nodes: Node[];
  routers: Router[];
  /** Subnets of the VPC that have nothing to do with it. */
  others: number;
}

/** What the picture shows. */
export interface Topology {
  place: Place;
  vpcId: string;
  tagKey: string;
  /** When it was looked at, in milliseconds since the epoch. */
  at: number;
  crossZone: boolean;
  zones: Zone[];
  /** What the reconcilers say of things that are neither a subnet nor a router. */
  notes: { subject: string; state: State; why: string }[];
}

type AnyPlan = Plan<Step & { kind: string; subnetIds?: string[]; status?: string }>;

/** What is needed of the two reconcilers' worlds and plans. */
export interface Look {
  place: Place;
  vpcId: string;
  tagKey: string;
  subnets: {
    world: {
      now: number;
      /** Every subnet of the VPC. */
      subnets: {
        id: string;
        name: string;
        zone: string;
        cidrs: string[];
        wish: string | undefined;
        status: string | undefined;
      }[];
      /** Those of ours. */
      endpoints: { id: string; subnetId: string; state: string }[];
      routeTables: RouteTable[];
      crossZone: boolean;
    };
    plan: AnyPlan;
  };
  routers: {
    world: {
      nodes: { address: string; zone: string }[];
      instances: { id: string; name: string; state: string; address: string; zone: string | undefined }[];
      targets: { id: string; state: string }[];
    };
    plan: AnyPlan;
  };
}

interface RouteTable {
  id: string;
  main: boolean;
  subnetIds: string[];
  routes: { destination: string; target: string; blackhole: boolean }[];
}

/** What is to be seen of a look. Pure. */
export function topology(look: Look): Topology {
  const { place, vpcId, tagKey } = look;
  const { now: at, crossZone, endpoints, subnets: ground } = look.subnets.world;
  const { nodes } = look.routers.world;
  const routers = routersOf(look);
  const reaches = (zone: string) =>
    routers.some((router) => router.flow === 'carries' && (crossZone || router.zone === zone));
  const subnets = subnetsOf(look, reaches);
  const names = new Set([...nodes, ...subnets, ...routers].map(({ zone }) => zone));
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
  const notes = [...unsaid(look.subnets.plan, [...subnets, ...endpoints]), ...unsaid(look.routers.plan, routers)];
  return { place, vpcId, tagKey, at, crossZone, zones, notes };
}

function inZone<T extends Subject>(subjects: T[], name: string): T[] {
  return subjects.filter(({ zone }) => zone === name).sort(byName);
}

/** As a person counts: 9 before 10. */
export const byName = (a: Subject, b: Subject) => a.name.localeCompare(b.name, 'en', { numeric: true });

/** What the reconcilers have nothing to say of, since there is nothing that they would do. */
const NO_ROUTER = 'its routes stand, but no healthy router is in reach';
const DEAD_END = 'its routes stand, but lead to an endpoint that carries nothing';

/** Those that are opted in, and those that something of ours is left in. */
function subnetsOf({ subnets: { world, plan } }: Look, reaches: (zone: string) => boolean): Subnet[] {
  const occupied = new Set(world.endpoints.map(({ subnetId }) => subnetId));
  const concerned = world.subnets.filter(
    ({ id, wish, status }) => wish !== undefined || status !== undefined || occupied.has(id),
  );
  return concerned.map(({ id, name, zone, cidrs, wish, status: written }) => {
    const table = tableOf(id, world.routeTables);
    const ours = (table?.routes ?? []).flatMap((route) => {
      const endpoint = world.endpoints.find((candidate) => candidate.id === route.target);
      return endpoint ? [{ ...route, endpoint }] : [];
    });
    const endpoint = ours[0]?.endpoint ?? world.endpoints.find(({ subnetId }) => subnetId === id);
    const whole = ours.every((route) => route.endpoint.state === 'available' && !route.blackhole);
    const said = wordsAbout(plan, endpoint ? [id, endpoint.id] : [id]);
    const status = plannedStatus(plan, id) ?? written ?? '';
    const state = subnetState(wish, status, said);
    const from = world.subnets.find((place) => place.id === endpoint?.subnetId)?.zone ?? zone;
    const flow = ours.length === 0 ? comes(state) : whole && reaches(from) ? 'carries' : 'lost';
    const lost = state === 'ready' && flow === 'lost';
    return {
      id,
      name: name || id,
      zone,
      state: lost ? 'down' : state,
      why: lost ? [reaches(from) ? DEAD_END : NO_ROUTER] : whyOf(state, status, said),
      cidrs,
      wish,
      destinations: destinationsOf(
        wish,
        ours.map(({ destination }) => destination),
      ),
      tableId: table?.id,
      endpoint: endpoint && {
        id: endpoint.id,
        state: endpoint.state.replace('pendingacceptance', 'pending acceptance'),
      },
      flow,
    };
  });
}

function destinationsOf(wish = '', routed: string[]): Subnet['destinations'] {
  const asked = wish.split(/\s+/).flatMap((word) => canonicalCidr(word) ?? []);
  return [...new Set([...asked, ...routed])].map((cidr) => ({
    cidr,
    asked: asked.includes(cidr),
    routed: routed.includes(cidr),
  }));
}

const comes = (state: State): Flow | undefined => (state === 'waiting' ? 'pending' : undefined);

/** @param status as its status tag has it: the state's name first */
function subnetState(wish: string | undefined, status: string, { refused, why }: Said): State {
  const [word] = status.split(/\W/, 1);
  if (word === 'leaving' || word === 'blocked') return word;
  if (refused) return word === 'conflict' ? word : 'refused';
  if (wish === undefined) return 'leaving';
  return why.length > 0 ? 'waiting' : 'ready';
}

/** Of what no note is made, since it is not opted in, its status tells. */
function whyOf(state: State, status: string, { why }: Said): string[] {
  if (why.length > 0) return why;
  return status.startsWith(state) && state !== 'ready' ? [status] : [];
}

/** Those that run or are about to, and those that the load balancer still knows. */
function routersOf({ routers: { world, plan } }: Look): Router[] {
  return world.instances.flatMap(({ id, name, state: instanceState, address, zone = 'elsewhere' }) => {
    const target = world.targets.find((candidate) => candidate.id === id);
    const isUp = instanceState === 'pending' || instanceState === 'running';
    if (!target && !isUp) return [];
    const health = target?.state ?? 'not registered';
    const said = wordsAbout(plan, [id]);
    const state = routerState(isUp, health, said);
    const flow = FLOW_OF[health] ?? (state === 'refused' ? undefined : 'pending');
    return [{ id, name: name || id, zone, state, why: said.why, address, instanceState, health, flow }];
  });
}

const FLOW_OF: Partial<Record<string, Flow>> = { healthy: 'carries', unhealthy: 'lost' };

function routerState(isUp: boolean, health: string, { refused, why }: Said): State {
  if (refused) return 'refused';
  if (!isUp || health === 'draining') return 'leaving';
  if (health === 'unhealthy') return 'down';
  return why.length > 0 ? 'waiting' : 'ready';
}

interface Said {
  refused: boolean;
  why: string[];
}

/** What a plan says of a thing by any of its ids: what is refused and waited for, else what is about to be done. */
function wordsAbout(plan: AnyPlan, ids: string[]): Said {
  const about = (note: { subject: string }) => ids.some((id) => mentions(note.subject, id));
  const refused = plan.refused.filter(about).map((note) => note.for);
  const waiting = plan.waiting.filter(about).map((note) => `waits for ${note.for}`);
  const steps = plan.steps
    .filter(({ kind, says }) => !kind.endsWith('-status') && ids.some((id) => mentions(says, id)))
    .map(({ subject, says }) => `next: ${says.replace(`${subject}: `, '')}`);
  const notes = [...refused, ...waiting];
  return { refused: refused.length > 0, why: notes.length > 0 ? notes : steps };
}

/** Whether an id stands in a sentence, and not just the beginning of it. */
const mentions = (sentence: string, id: string) => sentence.split(/[^\w-]+/).includes(id);

/** What the tag is about to say. */
function plannedStatus(plan: AnyPlan, id: string): string | undefined {
  return plan.steps.find(({ kind, subnetIds }) => kind === 'set-status' && subnetIds?.includes(id))?.status;
}

/** What a plan says of none of these. */
function unsaid(plan: AnyPlan, shown: { id: string }[]): Topology['notes'] {
  const of = (notes: AnyPlan['waiting'], state: State, lead: string) =>
    notes
      .filter(({ subject }) => !shown.some(({ id }) => mentions(subject, id)))
      .map((note) => ({ subject: note.subject, state, why: `${lead}${note.for}` }));
  return [...of(plan.refused, 'refused', ''), ...of(plan.waiting, 'waiting', 'waits for ')];
}

/** VPC user guide, "Subnet route tables": the explicit association, else the main table. */
function tableOf(subnetId: string, tables: RouteTable[]) {
  return tables.find((table) => table.subnetIds.includes(subnetId)) ?? tables.find((table) => table.main);
}
