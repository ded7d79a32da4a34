import { describe, expect, test } from '@jest/globals';
import type { HubConfig } from '../../../shared/config.ts';
import { keyOf } from '../../../shared/reconcile/plan.ts';
import { plan } from '../../../shared/subnets/plan.ts';
import { stepSentence } from '../../../shared/subnets/sentences.ts';
import type { SubnetsWorld } from '../../../shared/subnets/world.ts';
import { given } from '../../support/cloud.ts';
import { notesOf } from '../../support/notes.ts';
import {
  brief,
  CIDR,
  config,
  endpoint,
  main,
  NOW,
  note,
  route,
  router,
  routes,
  subnet,
  table,
  world,
} from './fixtures.ts';

const steps = (seen: Partial<SubnetsWorld>, chosen: Partial<HubConfig> = {}) =>
  brief(plan(world(seen), config(chosen)).steps);
const notes = (seen: Partial<SubnetsWorld>, chosen: Partial<HubConfig> = {}) => {
  const { waiting, refused } = notesOf(plan(world(seen), config(chosen)));
  return { waiting: waiting.map((note) => note.for), refused: refused.map((note) => note.for) };
};
const tables = (...there: ReturnType<typeof routes>) => [main, table({ routes: there })];
const WAITS = 'subnet-a: waiting: its endpoint to be available';

describe('opting in', () => {
  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    ['a tag gets an endpoint', {}, ['create-endpoint subnet-a', WAITS]],
    [
      'an endpoint that asks is accepted',
      { endpoints: [endpoint({ state: 'pendingacceptance', acceptable: true })] },
      ['accept-endpoints vpce-a', WAITS],
    ],
    [
      'one that is not ours to accept is not',
      { endpoints: [endpoint({ state: 'pendingacceptance', acceptable: false })] },
      [WAITS],
    ],
    [
      'several are accepted, and said to wait, in one call',
      {
        subnets: [subnet(), subnet({ id: 'subnet-b' })],
        endpoints: [
          endpoint({ state: 'pendingacceptance', acceptable: true }),
          endpoint({ id: 'vpce-b', subnetId: 'subnet-b', state: 'pendingacceptance', acceptable: true }),
        ],
        routeTables: [main, table({ subnetIds: ['subnet-a', 'subnet-b'] })],
      },
      ['accept-endpoints vpce-a,vpce-b', 'subnet-a,subnet-b: waiting: its endpoint to be available'],
    ],
    ['a pending endpoint is waited for', { endpoints: [endpoint({ state: 'pending' })] }, [WAITS]],
    ['an available one is routed to', { endpoints: [endpoint()] }, ['create-route rtb-a 10.20.0.0/16 vpce-a']],
    [
      'what is there is left alone, and said',
      { endpoints: [endpoint()], routeTables: tables(...routes('vpce-a')) },
      ['subnet-a: ready'],
    ],
    [
      'at rest nothing is done',
      { subnets: [subnet({ status: 'ready' })], endpoints: [endpoint()], routeTables: tables(...routes('vpce-a')) },
      [],
    ],
    [
      'the default list stands for its CIDRs',
      { subnets: [subnet({ tagValue: 'default' })], endpoints: [endpoint()] },
      ['create-route rtb-a 100.64.0.0/10 vpce-a'],
    ],
    [
      'only what changed of a wish is touched',
      {
        subnets: [subnet({ tagValue: '10.20.0.0/16 10.30.0.0/16', status: 'ready' })],
        endpoints: [endpoint()],
        routeTables: tables(...routes('vpce-a', CIDR, '10.40.0.0/16')),
      },
      ['create-route rtb-a 10.30.0.0/16 vpce-a', 'delete-route rtb-a 10.40.0.0/16'],
    ],
  ])('%s', (_, seen, expected) => expect(steps(seen)).toEqual(expected));

  test('the resolver is routed to the endpoint beside what was asked for', () => {
    const all = plan(world({ endpoints: [endpoint()] }), config()).steps;
    expect(all.map(stepSentence)).toEqual([
      'subnet-a: route 10.20.0.0/16 in rtb-a now leads to vpce-a, was missing',
      'subnet-a: route 100.127.255.254/32 in rtb-a now leads to vpce-a, was missing',
    ]);
  });

  test('unless it is inside the VPC, where no route can lead away', () => {
    const vpcCidrs = ['10.0.0.0/16', '100.127.0.0/16'];
    const all = plan(world({ vpcCidrs, endpoints: [endpoint()] }), config()).steps;
    expect(all).toHaveLength(1);
  });

  test('who else a route will serve is said', () => {
    const subnets = [
      subnet(),
      ...['b', 'c', 'd', 'e'].map((id) => subnet({ id: `subnet-${id}`, tagValue: undefined })),
    ];
    const [first] = plan(
      world({ subnets, endpoints: [endpoint()], routeTables: [{ ...main, subnetIds: [] }] }),
      config({ mainTableAllowed: true }),
    ).steps;
    expect(stepSentence(given(first))).toBe(
      'subnet-a: route 10.20.0.0/16 in rtb-main now leads to vpce-a, was missing; it also serves subnet-b, subnet-c, subnet-d, 1 more',
    );
  });
});

describe('opting out', () => {
  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    [
      'routes go before their endpoint',
      {
        subnets: [subnet({ tagValue: undefined, status: 'ready' })],
        endpoints: [endpoint()],
        routeTables: tables(...routes('vpce-a')),
      },
      ['delete-route rtb-a 10.20.0.0/16'],
    ],
    [
      'then the endpoint, and what was said of it',
      { subnets: [subnet({ tagValue: undefined, status: 'ready' })], endpoints: [endpoint()] },
      ['delete-endpoints vpce-a', 'clear-status subnet-a'],
    ],
    [
      'even one still pending',
      { subnets: [], endpoints: [endpoint({ state: 'pending' })] },
      ['delete-endpoints vpce-a'],
    ],
    ['what AWS is deleting needs nothing', { subnets: [], endpoints: [endpoint({ state: 'deleting' })] }, []],
    [
      'opted in again meanwhile it gets another',
      { endpoints: [endpoint({ state: 'deleting' })] },
      ['create-endpoint subnet-a', WAITS],
    ],
    [
      'a subnet that moved to another table leaves nothing in the former one',
      {
        endpoints: [endpoint()],
        routeTables: [main, table(), table({ id: 'rtb-old', subnetIds: [], routes: routes('vpce-a') })],
      },
      ['create-route rtb-a 10.20.0.0/16 vpce-a', 'delete-route rtb-old 10.20.0.0/16'],
    ],
  ])('%s', (_, seen, expected) => expect(steps(seen)).toEqual(expected));
});

describe('what worked before a wish is refused stays as it was', () => {
  const bad = { subnets: [subnet({ tagValue: 'oops', status: 'refused: oops is not a CIDR' })] };
  const shared = {
    subnets: [...bad.subnets, subnet({ id: 'subnet-b', tagValue: undefined })],
    endpoints: [endpoint(), endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })],
    routeTables: [main, table({ subnetIds: ['subnet-a', 'subnet-b'], routes: routes('vpce-b') })],
  };
  const NOTED = `write-memory subnet-b ziti-glb:leaving someone tried to delete it ${new Date(NOW).toISOString()}`;
  const LEAVES = `subnet-b: leaving since ${new Date(NOW).toISOString()} because someone tried to delete it`;
  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    ['its routes and its endpoint', { ...bad, endpoints: [endpoint()], routeTables: tables(...routes('vpce-a')) }, []],
    ['nothing new is made for it', bad, []],
    [
      'but not a route to an endpoint that does not carry any more',
      { ...bad, endpoints: [endpoint({ state: 'rejected' })], routeTables: tables(route('vpce-a')) },
      ['delete-route rtb-a 10.20.0.0/16'],
    ],
    [
      'for the others of its table too, who lose nothing',
      {
        subnets: [...bad.subnets, subnet({ id: 'subnet-b', tagValue: '10.30.0.0/16', status: 'ready' })],
        endpoints: [endpoint(), endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })],
        routeTables: [
          main,
          table({
            subnetIds: ['subnet-a', 'subnet-b'],
            routes: [...routes('vpce-a'), route('vpce-b', '10.30.0.0/16'), route('vpce-b', '10.40.0.0/16')],
          }),
        ],
      },
      [],
    ],
    [
      'but for an endpoint that gets out of the way of someone who deletes its subnet, if there is another',
      { ...shared, deletionAttempted: 'subnet-b' },
      [NOTED, 'replace-route rtb-a 10.20.0.0/16 vpce-a', LEAVES],
    ],
    [
      'or none',
      { ...shared, deletionAttempted: 'subnet-b', endpoints: shared.endpoints.slice(1) },
      [NOTED, 'delete-route rtb-a 10.20.0.0/16', LEAVES],
    ],
  ])('%s', (_, seen, expected) => expect(steps({ ...seen })).toEqual(expected));

  test('unless no router is healthy, and routes are to go then', () => {
    const seen = { ...bad, endpoints: [endpoint()], routeTables: tables(...routes('vpce-a')), targets: [] };
    expect(steps(seen)).toEqual([]);
    expect(steps(seen, { withoutRouter: 'withdraw' })).toEqual(['delete-route rtb-a 10.20.0.0/16']);
  });
});

describe('where no router is healthy', () => {
  const lacks = 'a healthy router, without which a route would lead nowhere';
  const sick = { targets: [{ state: 'unhealthy', zone: 'a' }], routers: [router({ healthy: false })] };
  const working = { endpoints: [endpoint()], routeTables: tables(...routes('vpce-a')) };

  test('no route is written', () => {
    expect(steps({ ...sick, endpoints: [endpoint()] })).toEqual([
      'subnet-a: waiting: a healthy router without which a route would lead nowhere',
    ]);
  });

  test('routes that are there stay, by default', () => {
    expect(steps({ ...sick, ...working })).toEqual([`subnet-a: waiting: ${lacks.replace(',', '')}`]);
    expect(notes({ ...sick, ...working }).waiting).toEqual([lacks, lacks]);
  });

  test('or go, if they are to', () => {
    expect(steps({ ...sick, ...working }, { withoutRouter: 'withdraw' })).toEqual([
      'delete-route rtb-a 10.20.0.0/16',
      `subnet-a: waiting: ${lacks.replace(',', '')}`,
    ]);
  });

  test('one that is on its way is waited for, else the next minute looks again', () => {
    const until = (seen: Partial<SubnetsWorld>) =>
      notesOf(plan(world({ ...sick, ...seen, endpoints: [endpoint()] }), config())).waiting.map((note) => note.until);
    expect(until({})).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(until({ targets: [{ state: 'initial', zone: 'a' }] })).toEqual([undefined, undefined]);
  });

  test.each<[string, string | undefined, boolean, boolean]>([
    ['in the zone of the endpoint', 'a', false, true],
    ['in another zone', 'b', false, false],
    ['in another zone, which cross-zone balancing reaches', 'b', true, true],
    ['in a zone that is not known', undefined, false, false],
  ])('is for an endpoint to say: one %s', (_, zone, crossZone, routed) => {
    const seen = { endpoints: [endpoint()], targets: [{ state: 'healthy', zone }], crossZone };
    expect(steps(seen).some((step) => step.startsWith('create-route'))).toBe(routed);
  });

  test('a table that serves two zones uses the endpoint that reaches one', () => {
    const seen = {
      subnets: [subnet({ status: 'ready' }), subnet({ id: 'subnet-b', zone: 'b', status: 'ready' })],
      endpoints: [endpoint(), endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })],
      routeTables: [main, table({ subnetIds: ['subnet-a', 'subnet-b'], routes: routes('vpce-a') })],
      targets: [{ state: 'healthy', zone: 'b' }],
      crossZone: false,
    };
    expect(steps(seen)).toEqual(['replace-route rtb-a 10.20.0.0/16 vpce-b']);
  });
});

describe('a subnet that someone tries to delete', () => {
  const since = new Date(NOW).toISOString();
  const leaving = `leaving since ${since} because someone tried to delete it`;
  const working = { endpoints: [endpoint()], routeTables: tables(...routes('vpce-a')) };

  test('is left, and says so', () => {
    expect(steps({ ...working, deletionAttempted: 'subnet-a' })).toEqual([
      `write-memory subnet-a ziti-glb:leaving someone tried to delete it ${since}`,
      'delete-route rtb-a 10.20.0.0/16',
      `subnet-a: ${leaving}`,
    ]);
  });

  test('says so once, whatever is looked at meanwhile, and for another hour if it is tried again', () => {
    const seen = { subnets: [subnet({ status: leaving })], deletionAttempted: 'subnet-a' };
    expect(steps({ ...seen, now: NOW + 300_000 })).toEqual([]);
    const later = NOW + 1_800_000;
    expect(steps({ ...seen, now: later })).toEqual([
      `write-memory subnet-a ziti-glb:leaving someone tried to delete it ${new Date(later).toISOString()}`,
      `subnet-a: leaving since ${new Date(later).toISOString()} because someone tried to delete it`,
    ]);
  });

  test('also says what it cannot get out of', () => {
    const key = `ziti-glb:former:${CIDR}`;
    const former = new Map([note(key, 'nat-1', { gone: true })]);
    const seen = {
      ...working,
      subnets: [subnet({ status: leaving })],
      routeTables: [main, table({ routes: [route('vpce-a')], takeoverNotes: former })],
    };
    const said = `subnet-a: ${leaving}. But blocked: ${CIDR} in rtb-a cannot be given back to nat-1 which is gone: lead it elsewhere or delete the tag ${key}`;
    expect(steps(seen)).toEqual([said]);
    expect(steps({ ...seen, subnets: [subnet({ status: said.slice('subnet-a: '.length) })] })).toEqual([]);
  });

  test('stays left for the hour that it says so', () => {
    const subnets = [subnet({ status: leaving })];
    expect(steps({ subnets, endpoints: [endpoint()] })).toEqual(['delete-endpoints vpce-a']);
    expect(steps({ subnets, now: NOW + 3_599_000 })).toEqual([]);
    expect(steps({ subnets, now: NOW + 3_600_000 })).toEqual([
      'erase-memory subnet-a ziti-glb:leaving',
      'create-endpoint subnet-a',
      WAITS,
    ]);
  });

  test('does not take the zone’s endpoint with it before there is another', () => {
    const seen = {
      subnets: [subnet({ status: leaving }), subnet({ id: 'subnet-b', status: 'ready' })],
      endpoints: [endpoint()],
      routeTables: [main, table({ subnetIds: ['subnet-b'], routes: routes('vpce-a') })],
    };
    const zonal = { endpoints: 'zone' } as const;
    expect(steps(seen, zonal)).toEqual(['create-endpoint subnet-b', 'subnet-b: waiting: its endpoint to be available']);
    const next = endpoint({ id: 'vpce-b', subnetId: 'subnet-b' });
    expect(steps({ ...seen, endpoints: [endpoint(), next] }, zonal)).toEqual([
      'replace-route rtb-a 10.20.0.0/16 vpce-b',
    ]);
  });
});

describe('what AWS refuses more than once', () => {
  const error = Object.assign(new Error('no'), { name: 'InsufficientFreeAddressesInSubnet' });
  const said =
    'another try for AWS says InsufficientFreeAddressesInSubnet: free one or name other subnets in the parameter endpoints';
  const refusing = (seen: Partial<SubnetsWorld>, times = 2) => {
    const step = given(plan(world(seen), config()).steps[0]);
    return steps({ ...seen, attempts: new Map([[keyOf(step), { step, times, at: NOW, error }]]) }).at(-1);
  };

  test.each<[string, Partial<SubnetsWorld>, string]>([
    ['an endpoint', {}, `subnet-a: waiting: ${said}`],
    [
      'its acceptance',
      { endpoints: [endpoint({ state: 'pendingacceptance', acceptable: true })] },
      `subnet-a: waiting: ${said}`,
    ],
    ['a route', { endpoints: [endpoint()] }, `subnet-a: waiting: ${said}`],
    [
      'that a route goes',
      {
        subnets: [subnet({ tagValue: undefined, status: 'ready' })],
        endpoints: [endpoint()],
        routeTables: tables(...routes('vpce-a')),
      },
      `subnet-a: blocked: 10.20.0.0/16 in rtb-a waits for ${said}`,
    ],
  ])('is said on the subnet, with what to do: %s', (_, seen, expected) => {
    expect(refusing(seen)).toBe(expected);
    expect(refusing(seen, 1)).not.toContain('another try');
  });
});

test('the states of subnets are counted for the metrics', () => {
  const subnets = [
    subnet(),
    subnet({ id: 'subnet-b', tagValue: 'oops' }),
    subnet({ id: 'subnet-c' }),
    subnet({ id: 'subnet-d', tagValue: undefined }),
  ];
  const routeTables = [
    main,
    table({ routes: routes('vpce-a') }),
    table({ id: 'rtb-c', subnetIds: ['subnet-c'], routes: [route('nat-1')] }),
  ];
  const endpoints = [endpoint(), endpoint({ id: 'vpce-c', subnetId: 'subnet-c' })];
  expect(plan(world({ subnets, endpoints, routeTables }), config()).gauges).toEqual({
    OptedIn: 3,
    Ready: 1,
    Waiting: 0,
    Conflicts: 1,
    Refused: 1,
    Blocked: 0,
  });
});
