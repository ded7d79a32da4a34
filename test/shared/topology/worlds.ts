import { createHash } from 'node:crypto';
import type { Condition, Reason } from '../../../shared/conditions/condition.ts';
import { joined, type Part } from '../../../shared/reconcile/plan.ts';
import { summariesOf as routerSummaries } from '../../../shared/routers/summaries.ts';
import type { OptedInSubnet } from '../../../shared/subnets/opted-in.ts';
import type { SubnetsStep } from '../../../shared/subnets/steps.ts';
import { summariesOf } from '../../../shared/subnets/summaries.ts';
import { type Connection, type Hub, isLeaving, isLive, label } from '../../../shared/subnets/world.ts';
import type { Look } from '../../../shared/topology/model.ts';
import {
  endpoint as anEndpoint,
  subnet as aSubnet,
  table as aTable,
  route,
  world as seen,
} from '../subnets/fixtures.ts';

/** A world of the picture is written so: subnets by name, routers by name, and what the reconcilers say of each. */
export interface Scene {
  crossZone?: boolean;
  /** Zones that have a node, by their letters. */
  nodes?: string[];
  subnets?: Record<string, SubnetScene>;
  routers?: Record<string, RouterScene>;
  /** Conditions about other things. */
  conditions?: Condition[];
  /** Endpoints of other accounts. */
  spokes?: Connection[];
  spokeAccounts?: string[];
  /** A spoke's picture has a hub, and neither nodes nor routers. */
  hub?: Hub;
}

interface SubnetScene extends Said {
  zone?: string;
  /** The VPC's name, if it is another one than the load balancer's. */
  vpc?: string;
  wish?: string;
  /** The endpoint's state; null if it has none. */
  endpoint?: string | null;
  /** The table leads these destinations to its endpoint; those that its tag asks for, if not given. */
  routes?: string[];
  /** Routes lead to the endpoint of the subnet of this name; to its own, if not given. */
  leadTo?: string;
  /** The table is the main one of the VPC. */
  main?: boolean;
  blackhole?: boolean;
  status?: string;
  /** A route of its table to its endpoint is held by this. */
  held?: Reason;
  /** The plan has a step on its table. */
  next?: boolean;
}

interface RouterScene extends Said {
  zone?: string;
  instance?: string;
  /** The target's state; null if it is none. */
  health?: string | null;
  reason?: string;
  /** Our note says that it is unhealthy since then. */
  since?: number;
}

interface Said {
  waits?: Reason;
  refused?: Reason;
  conflict?: Reason;
}

const REGION = 'eu-central-1';
const zoned = (letter = 'a') => `${REGION}${letter}`;

/** AWS makes such ids; this one is always the same for the same name. */
export const id = (kind: string, name: string) =>
  `${kind}-${createHash('sha256').update(name).digest('hex').slice(0, 17)}`;

const OWN_VPC = 'vpc-0a1b2c3d4e5f60718';

export function world({
  hub,
  crossZone = !hub,
  nodes = ['a', 'b'],
  subnets = {},
  routers = {},
  conditions = [],
  spokes = [],
  spokeAccounts = [],
}: Scene): Look {
  return {
    place: { partition: 'aws', region: REGION, stack: hub ? 'ziti-glb-spoke-prod' : 'ziti-glb-prod' },
    account: hub ? '222233334444' : '111122223333',
    vpcId: hub ? '' : OWN_VPC,
    tagKey: 'ziti-glb',
    spokeAccounts,
    subnets: { ...subnetsSide(Object.entries(subnets), conditions, crossZone), spokes, ...(hub && { hub }) },
    routers: routersSide(Object.entries(routers), hub ? [] : nodes),
    ...(hub && {
      reaches: (zone: string) =>
        hub.blind !== undefined || hub.zones.some(({ name, routers = 0 }) => name === zone && routers > 0),
    }),
  };
}

function subnetsSide(named: [string, SubnetScene][], conditions: Condition[], crossZone: boolean): Look['subnets'] {
  const ground = seen({
    now: Date.UTC(2026, 0, 15, 14, 3, 22),
    crossZone,
    subnets: named.map(([name, { zone, wish, status }], index) =>
      aSubnet({
        ...{ id: id('subnet', name), name, zone: zoned(zone), cidrs: [`10.0.${10 + index}.0/24`] },
        ...{ tagValue: wish, status },
      }),
    ),
    endpoints: named.flatMap(([name, { endpoint = 'available' }]) =>
      endpoint ? [anEndpoint({ id: id('vpce', name), subnetId: id('subnet', name), state: endpoint })] : [],
    ),
    routeTables: named.map(([name, { wish = '', endpoint, leadTo, blackhole = false, main = false, ...scene }]) => {
      const { routes = endpoint === null && leadTo === undefined ? [] : wish.split(' ') } = scene;
      const target = id('vpce', leadTo ?? name);
      return aTable({
        id: id('rtb', name),
        main,
        subnetIds: main ? [] : [id('subnet', name)],
        routes: [
          route('local', '10.0.0.0/16'),
          ...routes.filter(Boolean).map((destination) => route(target, destination, { blackhole })),
        ],
      });
    }),
  });
  const optedInSubnets = ground.subnets.flatMap((subnet, index): OptedInSubnet[] => {
    const { tagValue } = subnet;
    const [name, { refused }] = named[index] ?? ['', {}];
    if (tagValue === undefined || isLeaving(subnet, ground)) return [];
    const destinations = refused === undefined ? tagValue.split(' ') : [];
    return [
      {
        subnet,
        about: { label: label(subnet), ids: [subnet.id] },
        table: ground.routeTables.find((table) => table.id === id('rtb', name)),
        spec: refused === undefined ? { cidrs: destinations, takeover: false } : { refused },
        destinations,
      },
    ];
  });
  const own = ({ subnet }: OptedInSubnet) =>
    ground.endpoints.find((each) => isLive(each) && each.subnetId === subnet.id);
  const serving = new Map(
    optedInSubnets.flatMap((optedIn) => {
      const endpoint = own(optedIn);
      return endpoint ? [[optedIn, { endpoint, shares: false }] as const] : [];
    }),
  );
  const held = named.flatMap(([name, { held: reason }]): Condition[] =>
    reason === undefined
      ? []
      : [
          {
            about: { label: id('rtb', name), ids: [id('rtb', name), id('vpce', name)] },
            kind: 'blocked',
            reason,
          },
        ],
  );
  const steps = named.flatMap(([name, { next }]): SubnetsStep[] => {
    const route = { tableId: id('rtb', name), destination: '10.20.0.0/16', target: id('vpce', name) };
    const about = { label: `${route.tableId} ${route.destination}`, ids: [route.tableId] };
    const context = { asking: [name], router: undefined, bystanders: [] };
    return next ? [{ kind: 'create-route', ...route, about, before: 'missing', context }] : [];
  });
  const work: Part<SubnetsStep> = { steps, conditions: saidOf('subnet', named) };
  return {
    world: ground,
    vpcs: [...Map.groupBy(named, ([, { vpc }]) => vpc)].map(([vpc, some]) => ({
      vpcId: vpc === undefined ? OWN_VPC : id('vpc', vpc),
      subnets: ground.subnets.filter(({ name }) => some.some(([its]) => its === name)),
    })),
    attachments: [],
    spokes: [],
    plan: {
      summaries: summariesOf(ground, optedInSubnets, serving, { held, takenOver: new Map() }, work),
      conditions,
    },
  };
}

function routersSide(named: [string, RouterScene][], nodes: string[]): Look['routers'] {
  const routers = named.map(([name, { zone, instance = 'running', health = 'healthy', reason, since }], index) => ({
    instance: {
      id: id('i', name),
      name,
      role: 'router',
      state: instance,
      address: `10.0.${zone === 'b' ? 1 : 0}.${31 + index}`,
      zone: zoned(zone),
      launchedAt: 0,
      rootedAt: 0,
      unhealthy: since === undefined ? undefined : { text: reason ?? '', at: since },
    },
    target: health ? { id: id('i', name), state: health, reason } : undefined,
  }));
  const conditions = saidOf('i', named);
  return {
    world: { nodes: nodes.map((letter, index) => ({ address: `10.0.${index}.12`, zone: zoned(letter) })) },
    plan: { summaries: routerSummaries(routers, { ...joined(), conditions }), conditions },
  };
}

function saidOf(kind: string, scenes: [string, Said][]): Condition[] {
  return scenes.flatMap(([name, { waits, refused, conflict }]) => {
    const about = { label: `${id(kind, name)} (${name})`, ids: [id(kind, name)] };
    const one = (kind: Condition['kind'], reason: Reason | undefined): Condition[] =>
      reason === undefined ? [] : [{ about, kind, reason }];
    return [...one('waiting', waits), ...one('refused', refused), ...one('conflict', conflict)];
  });
}

const PENDING: SubnetScene = { endpoint: 'pending', routes: [], waits: { code: 'endpoint-available' } };
const pair = { 'router-1': {}, 'router-2': { zone: 'b' } };

/** Another account's stack tells a spoke this. */
export const HUB: Hub = {
  account: '111122223333',
  service: 'com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0',
  visible: true,
  zones: [
    { id: 'euc1-az2', name: zoned('a'), routers: 2 },
    { id: 'euc1-az3', name: zoned('b'), routers: 0 },
    { id: 'euc1-az1', name: 'euc1-az1', routers: 1 },
  ],
  toldAt: Date.UTC(2026, 0, 15, 14, 3, 10),
};
/** A spoke knows this of it while its function does not answer. */
export const BLIND: Hub = {
  ...HUB,
  zones: HUB.zones.map(({ id, name }) => ({ id, name })),
  toldAt: undefined,
  blind: {
    ...{ code: 'silent', error: 'AccessDeniedException' },
    health: 'arn:aws:lambda:eu-central-1:111122223333:function:ziti-glb-prod-health',
  },
};

const OF_SPOKE = {
  'web-a': { vpc: 'shop', wish: '10.20.0.0/16' },
  'batch-a': {
    vpc: 'data',
    wish: '10.20.0.0/16',
    ...PENDING,
    endpoint: 'pendingacceptance',
    waits: { code: 'endpoint-accepted', id: id('vpce', 'batch-a'), owner: '111122223333' },
  },
  'web-b': { vpc: 'shop', zone: 'b', wish: '10.20.0.0/16' },
} satisfies Record<string, SubnetScene>;

/** The picture is judged by these. */
export const worlds = {
  healthy: world({
    subnets: {
      'app-a': { wish: '10.20.0.0/16' },
      'batch-a': { wish: '10.20.0.0/16 10.30.0.0/16' },
      'app-b': { zone: 'b', wish: 'default', routes: ['100.64.0.0/10'] },
      'routers-a': { endpoint: null },
    },
    routers: pair,
  }),
  waiting: world({
    subnets: {
      'app-a': { wish: '10.20.0.0/16' },
      'batch-a': { wish: '10.20.0.0/16', ...PENDING },
      'app-b': { zone: 'b', wish: '10.20.0.0/16', ...PENDING, endpoint: 'pendingacceptance' },
    },
    routers: { 'router-1': {}, 'router-2': { zone: 'b', health: null, waits: { code: 'agent-online', minutes: 15 } } },
  }),
  conflict: world({
    subnets: {
      'app-a': { wish: '10.20.0.0/16' },
      'batch-a': {
        wish: '10.20.0.0/16 10.30.0.0/16',
        routes: ['10.20.0.0/16'],
        status: 'conflict: 10.30.0.0/16 in rtb-0e leads to nat-0e8c1a2b3c4d5e6f7 which is not ours',
        conflict: {
          ...{ code: 'route-conflict', destination: '10.30.0.0/16', tableId: 'rtb-0e1d2c3b4a5968778' },
          ...{ target: 'nat-0e8c1a2b3c4d5e6f7' },
        },
      },
      'app-b': { zone: 'b', wish: '10.20.0.0/16' },
    },
    routers: {
      'router-1': {},
      'router-2': {
        zone: 'b',
        health: 'unhealthy',
        reason: 'Target.Timeout',
        since: Date.UTC(2026, 0, 15, 13, 21, 40),
        waits: { code: 'health-checks', state: 'unhealthy', why: 'Target.Timeout' },
      },
    },
  }),
  refused: world({
    subnets: {
      'app-a': { wish: '10.20.0.0/16' },
      'app-b': {
        zone: 'b',
        wish: '0.0.0.0/0',
        endpoint: null,
        status: 'refused: 0.0.0.0/0 would lead back into the endpoint for rtb-0b also serves app-b',
        refused: { code: 'loop', cidr: '0.0.0.0/0', tableId: 'rtb-0b', subnets: ['app-b'] },
      },
    },
    routers: {
      ...pair,
      'router-3': {
        zone: 'b',
        health: null,
        refused: { code: 'other-role', tagKey: 'ziti-glb', role: 'ruoter', wanted: 'router' },
      },
    },
  }),
  'no router': world({
    subnets: {
      'app-a': { wish: '10.20.0.0/16' },
      'app-b': {
        zone: 'b',
        wish: '10.20.0.0/16',
        routes: [],
        waits: { code: 'healthy-router' },
      },
    },
  }),
  'a hub and its spokes': world({
    subnets: {
      'app-a': { wish: '10.20.0.0/16' },
      'far-a': { vpc: 'far', wish: '10.20.0.0/16' },
      'app-b': { zone: 'b', wish: '10.20.0.0/16' },
    },
    routers: pair,
    spokes: [
      { id: id('vpce', 'one'), owner: '222233334444', state: 'available' },
      { id: id('vpce', 'two'), owner: '222233334444', state: 'pendingacceptance' },
      { id: id('vpce', 'three'), owner: '333344445555', state: 'rejected' },
    ],
    spokeAccounts: ['222233334444', '444455556666'],
  }),
  'a spoke': world({ subnets: OF_SPOKE, hub: HUB }),
  'a spoke that hears nothing': world({ subnets: OF_SPOKE, hub: BLIND }),
  'a spoke without a service': world({
    subnets: { 'web-a': OF_SPOKE['batch-a'] },
    hub: { ...BLIND, visible: false, zones: [] },
  }),
  '50 subnets': world({
    nodes: ['a', 'b', 'c'],
    subnets: Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => {
        const subnet = { zone: 'abc'[index % 3] ?? 'a', wish: '10.20.0.0/16' };
        return [`team-${String(index + 1).padStart(2, '0')}`, index % 9 === 4 ? { ...subnet, ...PENDING } : subnet];
      }),
    ),
    routers: Object.fromEntries(
      Array.from({ length: 6 }, (_, index) => [`router-${index + 1}`, { zone: 'abc'[index % 3] ?? 'a' }]),
    ),
  }),
} satisfies Record<string, Look>;
