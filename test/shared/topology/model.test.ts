import { describe, expect, test } from '@jest/globals';
import type { Condition, Reason } from '../../../shared/conditions/condition.ts';
import { reasonText } from '../../../shared/conditions/sentences.ts';
import { type Router, type Subnet, topology } from '../../../shared/topology/model.ts';
import { id, type Scene, world, worlds } from './worlds.ts';

type Scenes<Key extends 'subnets' | 'routers'> = NonNullable<Scene[Key]>[string];

const seen = (scene: Scene) => topology(world(scene));
const subnetsOf = (scene: Scene) => seen(scene).zones.flatMap((zone) => zone.subnets);
const routersOf = (scene: Scene) => seen(scene).zones.flatMap((zone) => zone.routers);

describe('a subnet', () => {
  const wish = '10.20.0.0/16';
  const waits: Reason = { code: 'endpoint-available' };
  const conflict: Reason = {
    ...{ code: 'route-conflict', destination: wish, tableId: 'rtb-0e' },
    ...{ target: 'nat-0e' },
  };
  const held: Reason = { code: 'former-target-gone', destination: wish, tableId: 'rtb-0e', target: 'nat-0e', key: 'k' };
  const waiting = 'waits for its endpoint to be available';
  test.each<[string, Scenes<'subnets'>, Partial<Subnet>]>([
    ['whose routes stand carries', { wish }, { state: 'ready', flow: 'carries', why: [] }],
    [
      'whose endpoint is awaited will carry',
      { wish, endpoint: 'pending', routes: [], waits },
      { state: 'waiting', flow: 'pending', why: [waiting] },
    ],
    [
      'that is about to be served says what is next',
      { wish, routes: [], next: true },
      {
        state: 'waiting',
        flow: 'pending',
        why: [`next: app: route ${wish} in ${id('rtb', 'app')} is to lead to ${id('vpce', 'app')}, and is missing`],
      },
    ],
    [
      'in conflict on one of its routes carries the other',
      { wish: `${wish} 10.30.0.0/16`, routes: [wish], status: 'conflict: theirs', conflict },
      {
        state: 'conflict',
        flow: 'carries',
        why: [`${wish} in rtb-0e leads to nat-0e, which is not ours`],
        destinations: [
          { cidr: wish, asked: true, routed: true },
          { cidr: '10.30.0.0/16', asked: true, routed: false },
        ],
      },
    ],
    ['in conflict, whatever its tag says', { wish, endpoint: null, status: 'ready', conflict }, { state: 'conflict' }],
    [
      'that is refused leads nowhere',
      { wish: 'oops', endpoint: null, status: 'refused: oops', refused: { code: 'not-a-cidr', word: 'oops' } },
      { state: 'refused', flow: undefined, why: ['oops is not a CIDR'], destinations: [] },
    ],
    [
      'whose tag is empty is refused',
      { wish: '', endpoint: null, refused: { code: 'no-cidr' } },
      { state: 'refused', why: ['the tag names no CIDR'] },
    ],
    ['that is ready but for what its tag says is ready', { wish, status: 'waiting: x' }, { state: 'ready', why: [] }],
    [
      'whose endpoint has failed loses packets',
      { wish, endpoint: 'failed', waits },
      { state: 'waiting', flow: 'lost' },
    ],
    [
      'with a blackhole is down',
      { wish, blackhole: true },
      { state: 'down', flow: 'lost', why: ['its routes stand, but lead to an endpoint that carries nothing'] },
    ],
    [
      'that was opted out while its former way is gone is blocked',
      { endpoint: null, status: 'blocked: nat-0e is gone', held },
      { state: 'blocked', why: [`blocked: ${reasonText(held)}`] },
    ],
    [
      'that someone tries to delete is leaving, whatever its tag asks',
      {
        wish,
        endpoint: 'deleting',
        routes: [],
        status: 'leaving since 2026-01-15T14:00:00.000Z because someone tried to delete it',
      },
      { state: 'leaving', why: ['leaving since 2026-01-15T14:00:00.000Z because someone tried to delete it'] },
    ],
    [
      'that was opted out is leaving',
      { routes: [wish], status: 'ready' },
      { state: 'leaving', flow: 'carries', tagValue: undefined, why: [] },
    ],
    [
      'asks in the form AWS has for it',
      { wish: '10.20.5.1/16', routes: [wish] },
      { destinations: [{ cidr: wish, asked: true, routed: true }] },
    ],
    [
      'reaches what default stands for',
      { wish: 'default', routes: [wish] },
      { destinations: [{ cidr: wish, asked: false, routed: true }] },
    ],
  ])('%s', (_, subnet, expected) => {
    expect(subnetsOf({ subnets: { app: subnet }, routers: { r: {} } })).toMatchObject([expected]);
  });

  test('of a paused stack waits for a person first, but where it has its endpoint', () => {
    const look = world({ subnets: { a: { wish, endpoint: null, waits }, b: { wish, endpoint: 'pending', waits } } });
    Object.assign(look.subnets.world, { paused: { since: 0, why: '' } });
    const why = topology(look).zones.flatMap(({ subnets }) => subnets.map((subnet) => subnet.why));
    expect(why).toEqual([['waits for a person to resume the stack, which is paused', waiting], [waiting]]);
  });

  test('is not shown if it never asked', () => {
    expect(seen({ subnets: { other: { endpoint: null }, app: { wish } } }).zones[0]).toMatchObject({
      subnets: [{ name: 'app' }],
      others: 1,
    });
  });

  test('goes by the main route table if it is in no other, and by its endpoint wherever that stands', () => {
    const subnets = { app: { wish, endpoint: null, leadTo: 'hub', main: true }, hub: {} };
    expect(seen({ subnets, routers: { r: {} } }).zones[0]?.subnets[0]).toMatchObject({
      tableId: id('rtb', 'app'),
      endpoint: { id: id('vpce', 'hub') },
      flow: 'carries',
    });
  });

  test('is told from another whose id begins like its own', () => {
    const look = world({ subnets: { app: { wish } }, routers: { r: {} } });
    const another = `${id('subnet', 'app')}0`;
    look.subnets.plan.conditions.push({
      about: { label: `${another} (another)`, ids: [another] },
      kind: 'waiting',
      reason: { code: 'healthy-router' },
    });
    expect(topology(look)).toMatchObject({
      zones: [{ subnets: [{ state: 'ready' }] }, {}],
      notes: [
        {
          subject: `${id('subnet', 'app')}0 (another)`,
          state: 'waiting',
          why: 'waits for a healthy router, without which a route would lead nowhere',
        },
      ],
    });
  });
});

describe('a router', () => {
  const checks: Reason = { code: 'health-checks', state: 'unhealthy', why: undefined };
  test.each<[string, Scenes<'routers'>, Partial<Router> | undefined]>([
    ['that is healthy carries', {}, { state: 'ready', flow: 'carries', health: 'healthy' }],
    [
      'that joins will carry',
      { health: null, waits: { code: 'registration' } },
      { state: 'waiting', flow: 'pending', health: 'not registered', why: ['waits for its registration'] },
    ],
    ['that is healthy and still wants something carries', { waits: checks }, { state: 'waiting', flow: 'carries' }],
    ['that is unhealthy loses packets', { health: 'unhealthy', waits: checks }, { state: 'down', flow: 'lost' }],
    [
      'says why, and since when',
      { health: 'unhealthy', reason: 'Target.Timeout', since: Date.UTC(2026, 0, 15, 13, 21, 40), waits: checks },
      {
        since: Date.UTC(2026, 0, 15, 13, 21, 40),
        why: ['unhealthy: Target.Timeout since 2026-01-15 13:21 UTC'],
      },
    ],
    [
      'that drains is leaving',
      { instance: 'shutting-down', health: 'draining' },
      { state: 'leaving', flow: 'pending' },
    ],
    ['that was stopped is leaving as long as it is a target', { instance: 'stopped' }, { state: 'leaving' }],
    ['that was stopped and is no target is gone', { instance: 'stopped', health: null }, undefined],
    [
      'that is none by its tag is refused',
      { health: null, refused: { code: 'windows' } },
      { state: 'refused', flow: undefined },
    ],
  ])('%s', (_, router, expected) => {
    expect(routersOf({ routers: { r: router } })).toMatchObject(expected ? [expected] : []);
  });
});

describe('the load balancer', () => {
  const scene = {
    subnets: { a: { wish: '10.20.0.0/16' }, b: { zone: 'b', wish: '10.20.0.0/16' } },
    routers: { r: {} },
  };
  const flows = (crossZone: boolean) =>
    seen({ ...scene, crossZone }).zones.map(({ subnets, nodes }) => [subnets[0]?.flow, nodes[0]?.carries]);

  test("hands packets to any zone's routers if it is cross-zone", () => {
    expect(flows(true)).toEqual([
      ['carries', true],
      ['carries', true],
    ]);
  });

  test("hands packets to its zone's routers alone if it is not", () => {
    expect(flows(false)).toEqual([
      ['carries', true],
      ['lost', false],
    ]);
  });

  test("hands packets to the routers of an endpoint's zone, not of the subnet's that shares it", () => {
    const subnets = { ...scene.subnets, b: { ...scene.subnets.b, leadTo: 'a' } };
    const { zones } = seen({ ...scene, subnets, crossZone: false });
    expect(zones.map(({ subnets }) => subnets[0]?.flow)).toEqual(['carries', 'carries']);
  });

  test('leaves a subnet with routes down when its last router is', () => {
    expect(topology(worlds['no router']).zones[0]?.subnets[0]).toMatchObject({
      state: 'down',
      why: ['its routes stand, but no healthy router is in reach'],
    });
  });
});

test('zones are those of anything in the picture, subnets in the order a person counts', () => {
  const { zones } = seen({ nodes: ['b'], subnets: { 'app-10': { wish: 'default' }, 'app-9': { wish: 'default' } } });
  expect(zones.map(({ name, subnets, nodes }) => [name, subnets.map((subnet) => subnet.name), nodes.length])).toEqual([
    ['eu-central-1a', ['app-9', 'app-10'], 0],
    ['eu-central-1b', [], 1],
  ]);
});

test('what is said of neither a subnet nor a router is said too', () => {
  const conditions: Condition[] = [
    { about: { label: 'the quota', ids: [] }, kind: 'waiting', reason: { code: 'room-in-vpc' } },
    {
      about: { label: 'subnet-0f of another VPC', ids: ['subnet-0f'] },
      kind: 'refused',
      reason: { code: 'no-route-table' },
    },
  ];
  expect(seen({ conditions }).notes).toEqual([
    { subject: 'subnet-0f of another VPC', state: 'refused', why: 'it has no route table', code: 'no-route-table' },
    {
      subject: 'the quota',
      state: 'waiting',
      why: "waits for room for another try: the VPC has all the endpoints that AWS's quota allows",
      code: 'room-in-vpc',
    },
  ]);
});
