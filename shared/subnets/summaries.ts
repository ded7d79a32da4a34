import type { Condition } from '../conditions/condition.ts';
import { type Explained, explained, whyOf } from '../conditions/sentences.ts';
import { grouped } from '../grouped.ts';
import type { Timed } from '../latency.ts';
import type { Part } from '../reconcile/plan.ts';
import type { Ref } from '../ref.ts';
import type { Serving } from './endpoints.ts';
import { leavingSince } from './memory.ts';
import type { OptedInSubnet } from './opted-in.ts';
import type { Routes } from './routes.ts';
import { nextDeed } from './sentences.ts';
import { statusText } from './status-text.ts';
import type { SubnetsStep } from './steps.ts';
import {
  type Endpoint,
  isLeaving,
  isLive,
  type Route,
  type RouteTable,
  type Subnet,
  type SubnetsWorld,
  tablesOf,
} from './world.ts';

/** A subnet, as the plan sees it: what its tag asks for, what is there, what stands in between. Whoever tells of it tells this. */
export interface SubnetSummary extends Explained {
  subnet: Subnet;
  state: 'ready' | 'leaving' | Condition['kind'];
  /** Its spec and destinations, if it is opted in; undefined too while it leaves. */
  optedIn: OptedInSubnet | undefined;
  table: RouteTable | undefined;
  /** The one that serves it, or will; else what is left of one. */
  endpoint: Endpoint | undefined;
  /** Routes of its table that lead to endpoints of ours. */
  routes: (Route & { endpoint: Endpoint })[];
  /** The worst first. */
  conditions: Condition[];
  /** Steps of the plan that change its table; if it is not opted in, those too that change its endpoint. */
  next: SubnetsStep[];
  /** The text of its status tag, as people read it; undefined if it is to have none. */
  status: string | undefined;
}

/** One condition stands for all of a subnet's: of the worst kind the one that is first on the way from tag to route. */
const WORST_FIRST: readonly Condition['kind'][] = ['blocked', 'refused', 'conflict', 'waiting'];
const worstFirst = (conditions: readonly Condition[]) =>
  WORST_FIRST.flatMap((kind) => conditions.filter((condition) => condition.kind === kind));

/** A summary of each subnet that is opted in, or has something of ours left. */
export function summariesOf(
  world: SubnetsWorld,
  optedInSubnets: OptedInSubnet[],
  serving: Serving,
  { held, takenOver }: Pick<Routes, 'held' | 'takenOver'>,
  { steps, conditions }: Part<SubnetsStep>,
): SubnetSummary[] {
  const optedInOf = new Map(optedInSubnets.map((optedIn) => [optedIn.subnet, optedIn]));
  const byId = new Map(world.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const endpointsIn = Map.groupBy(world.endpoints, ({ subnetId }) => subnetId);
  const stepsOn = byIds(steps, onEndpoint);
  const about = byIds(conditions);
  const tableOf = tablesOf(world);

  return world.subnets.flatMap((subnet): SubnetSummary[] => {
    const optedIn = optedInOf.get(subnet);
    const here = endpointsIn.get(subnet.id) ?? [];
    const isGoing = isLeaving(subnet, world);
    if (!optedIn && !isGoing && subnet.status === undefined && here.length === 0) return [];
    const table = optedIn ? optedIn.table : tableOf(subnet.id);
    const routes = (table?.routes ?? []).flatMap((route) => {
      const endpoint = byId.get(route.target);
      return endpoint ? [{ ...route, endpoint }] : [];
    });
    const served = optedIn && serving.get(optedIn);
    const left = here.toSorted((a, b) => Number(isLive(b)) - Number(isLive(a)) || b.createdAt - a.createdAt)[0];
    const endpoint = served?.endpoint ?? routes[0]?.endpoint ?? left;
    const onTable = (stepsOn.get(table?.id ?? '') ?? []).filter((step) => 'tableId' in step);
    const next = optedIn ? onTable : [...new Set([...onTable, ...(stepsOn.get(endpoint?.id ?? '') ?? [])])];
    const unfinished = onTable.length > 0;
    const summary = { subnet, optedIn, table, endpoint, routes, next };

    if (optedIn) {
      const conditions = worstFirst(about.get(subnet.id) ?? []);
      const [worst] = conditions;
      const state = worst?.kind ?? (unfinished ? 'waiting' : 'ready');
      const destinations = takenOver.get(optedIn) ?? [];
      const text = statusText({
        condition: worst,
        takenOver: table && destinations.length > 0 ? { tableId: table.id, destinations } : undefined,
        servedBy: served?.shares ? served.endpoint : undefined,
        zone: subnet.zone,
      });
      // A route that this look has written, or taken out, is not yet seen to be so.
      const status = !worst && unfinished ? subnet.status : text;
      return [{ ...summary, state, conditions, ...explained(whyOf(conditions, next, nextDeed)), status }];
    }
    if (isGoing) {
      const holding = held.filter(({ about: { ids } }) => here.some(({ id }) => ids.includes(id)));
      const [first, ...more] = holding;
      const status = statusText({ leavingSince: leavingSince(subnet, world), condition: first });
      return [{ ...summary, state: 'leaving', conditions: holding, ...explained([status, ...more]), status }];
    }
    const blocked =
      subnet.status === undefined ? [] : held.filter(({ about: { ids } }) => ids.includes(table?.id ?? ''));
    const others = (endpoint ? (about.get(endpoint.id) ?? []) : []).filter((condition) => !blocked.includes(condition));
    const [mine] = blocked;
    const status = mine ? statusText({ condition: mine }) : unfinished ? subnet.status : undefined;
    const causes = mine && status ? [status, ...others] : whyOf(others, next, nextDeed);
    const conditions = worstFirst([...blocked, ...others]);
    return [{ ...summary, state: conditions[0]?.kind ?? 'leaving', conditions, ...explained(causes), status }];
  });
}

const byIds = <T extends { about: Ref }>(things: readonly T[], more: (thing: T) => string[] = () => []) =>
  grouped(
    things.flatMap((thing) => [...new Set([...thing.about.ids, ...more(thing)])].map((id): [string, T] => [id, thing])),
  );

/** The endpoint that a step leads a route to, or writes a tag on. */
const onEndpoint = (step: SubnetsStep): string[] =>
  'target' in step ? [step.target] : 'endpointId' in step ? [step.endpointId] : [];

/** A subnet's way begins with its tag and ends with the first route for it. */
export const timedOf = (summaries: readonly SubnetSummary[]): Timed[] =>
  summaries.flatMap(({ subnet: { id, tagValue }, routes }) =>
    tagValue === undefined ? [] : [{ id, arrived: routes.length > 0 }],
  );

/** Subnets that are opted in are counted by their states. */
export function countStates(summaries: readonly SubnetSummary[]): Record<string, number> {
  const states = summaries.flatMap(({ optedIn, state }) => (optedIn ? [state] : []));
  const count = (state: SubnetSummary['state']) => states.filter((each) => each === state).length;
  return {
    OptedIn: states.length,
    Ready: count('ready'),
    Waiting: count('waiting'),
    Conflicts: count('conflict'),
    Refused: count('refused'),
  };
}
