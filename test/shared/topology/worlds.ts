import { createHash } from 'node:crypto';
import type { Look } from '../../../shared/topology/model.ts';

/** What a world of the picture is written as: subnets by name, routers by name, and what the reconcilers say of each. */
export interface Scene {
  crossZone?: boolean;
  /** Letters of the zones that have a node. */
  nodes?: string[];
  subnets?: Record<string, SubnetScene>;
  routers?: Record<string, RouterScene>;
  /** What the reconciler of subnets says beside that. */
  plan?: Partial<Plan>;
}

interface SubnetScene {
  zone?: string;
  wish?: string;
  /** State of its endpoint; null if it has none. */
  endpoint?: string | null;
  /** Destinations its table leads to its endpoint; those of the wish, if not given. */
  routes?: string[];
  blackhole?: boolean;
  status?: string;
  waits?: string;
  refused?: string;
  next?: { kind: string; says: string; status?: string };
}

interface RouterScene {
  zone?: string;
  instance?: string;
  /** State of its target; null if it is none. */
  health?: string | null;
  waits?: string;
  refused?: string;
}

const REGION = 'eu-central-1';
const zoned = (letter = 'a') => `${REGION}${letter}`;

/** An id as AWS makes it, and always the same for the same name. */
export const id = (kind: string, name: string) =>
  `${kind}-${createHash('sha256').update(name).digest('hex').slice(0, 17)}`;

export function world({ crossZone = true, nodes = ['a', 'b'], subnets = {}, routers = {}, plan }: Scene): Look {
  const named = Object.entries(subnets);
  const members = Object.entries(routers);
  return {
    place: { partition: 'aws', region: REGION, stack: 'ziti-glb-prod' },
    vpcId: 'vpc-0a1b2c3d4e5f60718',
    tagKey: 'ziti-glb',
    subnets: {
      world: {
        now: Date.UTC(2026, 0, 15, 14, 3, 22),
        crossZone,
        subnets: named.map(([name, { zone, wish, status }], index) => ({
          id: id('subnet', name),
          name,
          zone: zoned(zone),
          cidrs: [`10.0.${10 + index}.0/24`],
          wish,
          status,
        })),
        endpoints: named.flatMap(([name, { endpoint = 'available' }]) =>
          endpoint ? [{ id: id('vpce', name), subnetId: id('subnet', name), state: endpoint }] : [],
        ),
        routeTables: named.map(([name, { wish = '', endpoint, routes = wish.split(' '), blackhole = false }]) => ({
          id: id('rtb', name),
          main: false,
          subnetIds: [id('subnet', name)],
          routes: [
            { destination: '10.0.0.0/16', target: 'local', blackhole: false },
            ...(endpoint === null ? [] : routes)
              .filter(Boolean)
              .map((destination) => ({ destination, target: id('vpce', name), blackhole })),
          ],
        })),
      },
      plan: said('subnet', named, plan),
    },
    routers: {
      world: {
        nodes: nodes.map((letter, index) => ({ address: `10.0.${index}.12`, zone: zoned(letter) })),
        instances: members.map(([name, { zone, instance = 'running' }], index) => ({
          id: id('i', name),
          name,
          state: instance,
          address: `10.0.${zone === 'b' ? 1 : 0}.${31 + index}`,
          zone: zoned(zone),
        })),
        targets: members.flatMap(([name, { health = 'healthy' }]) =>
          health ? [{ id: id('i', name), state: health }] : [],
        ),
      },
      plan: said('i', members),
    },
  };
}

type Plan = Look['subnets']['plan'];

function said(
  kind: string,
  scenes: [string, Pick<SubnetScene, 'waits' | 'refused' | 'next'>][],
  more: Partial<Plan> = {},
): Plan {
  const plan: Plan = { steps: more.steps ?? [], waiting: more.waiting ?? [], refused: more.refused ?? [] };
  for (const [name, { waits, refused, next }] of scenes) {
    const subject = `${id(kind, name)} (${name})`;
    if (waits) plan.waiting.push({ subject, for: waits });
    if (refused) plan.refused.push({ subject, for: refused });
    if (next) plan.steps.push({ ...next, subject, subnetIds: [id(kind, name)], says: `${subject}: ${next.says}` });
  }
  return plan;
}

const PENDING = { endpoint: 'pending', routes: [], waits: 'its endpoint to be available' };
const pair = { 'router-1': {}, 'router-2': { zone: 'b' } };

/** The six that the picture is judged by. */
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
    routers: { 'router-1': {}, 'router-2': { zone: 'b', health: null, waits: 'its SSM agent to come online' } },
  }),
  conflict: world({
    subnets: {
      'app-a': { wish: '10.20.0.0/16' },
      'batch-a': {
        wish: '10.20.0.0/16 10.30.0.0/16',
        routes: ['10.20.0.0/16'],
        status: 'conflict: 10.30.0.0/16 in rtb-0e leads to nat-0e8c1a2b3c4d5e6f7 which is not ours',
        refused: '10.30.0.0/16 in rtb-0e1d2c3b4a5968778 leads to nat-0e8c1a2b3c4d5e6f7, which is not ours',
      },
      'app-b': { zone: 'b', wish: '10.20.0.0/16' },
    },
    routers: {
      'router-1': {},
      'router-2': {
        zone: 'b',
        health: 'unhealthy',
        waits: 'its health checks to pass, it is unhealthy (Target.Timeout)',
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
        status: 'refused: 0.0.0.0/0 would route the endpoint s own traffic back into it',
        refused: "0.0.0.0/0 would route the endpoint's own traffic back into it",
      },
    },
    routers: { ...pair, 'router-3': { zone: 'b', health: null, refused: 'its tag ziti-glb is ruoter, not router' } },
  }),
  'no router': world({
    subnets: {
      'app-a': { wish: '10.20.0.0/16' },
      'app-b': {
        zone: 'b',
        wish: '10.20.0.0/16',
        routes: [],
        waits: 'a healthy router, without which a route would lead nowhere',
      },
    },
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
