import { describe, expect, test } from '@jest/globals';
import { UNKNOWN_TARGET } from '../../../shared/aws/route-target.ts';
import type { HubConfig } from '../../../shared/config.ts';
import { plan } from '../../../shared/subnets/plan.ts';
import type { SubnetsWorld } from '../../../shared/subnets/world.ts';
import { notesOf } from '../../support/notes.ts';
import {
  brief,
  CIDR,
  config,
  endpoint,
  main,
  NOW,
  note,
  RESOLVER,
  route,
  router,
  routes,
  subnet,
  table,
  world,
} from './fixtures.ts';

const steps = (seen: Partial<SubnetsWorld>, chosen: Partial<HubConfig> = {}) =>
  brief(plan(world(seen), config(chosen)).steps);
const refused = (seen: Partial<SubnetsWorld>) => notesOf(plan(world(seen), config())).refused.map((each) => each.for);

const ready = { subnets: [subnet({ status: 'ready' })], endpoints: [endpoint()] };
const out = { subnets: [subnet({ tagValue: undefined })], endpoints: [endpoint()] };
const asks = (spec: string) => ({ subnets: [subnet({ tagValue: spec, status: 'ready' })], endpoints: [endpoint()] });
const resolver = route('vpce-a', RESOLVER);
const one = (fields: Parameters<typeof table>[0]) => ({ routeTables: [main, table(fields)] });
const former = (target: string, fields = {}) =>
  new Map([note('ziti-glb:former:10.20.0.0/16', target, { at: NOW - 3_600_000, ...fields })]);
const copies = (target: string) => {
  const copied = former(target, { onTable: false }).get(CIDR);
  const key = `ziti-glb:former:rtb-a:${CIDR}`;
  return new Map(copied ? [[CIDR, [{ endpointId: 'vpce-a', key, value: copied.value, note: copied }]]] : []);
};

describe('a route', () => {
  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    [
      'that was removed by hand comes back',
      { ...ready, ...one({ routes: [resolver] }) },
      ['create-route rtb-a 10.20.0.0/16 vpce-a'],
    ],
    [
      'of the VPC itself that was led to the endpoint is led to local again, for it cannot be deleted',
      { ...ready, ...one({ routes: [...routes('vpce-a'), route('vpce-a', '10.0.0.0/16', { local: true })] }) },
      ['reset-route rtb-a 10.0.0.0/16'],
    ],
    [
      'of the VPC itself that was led to somebody else’s stays',
      { ...out, endpoints: [], ...one({ routes: [route('nat-1', '10.0.0.0/16', { local: true })] }) },
      [],
    ],
    [
      'that is a blackhole is replaced',
      { ...ready, ...one({ routes: [resolver, route('vpce-a', CIDR, { blackhole: true })] }) },
      ['replace-route rtb-a 10.20.0.0/16 vpce-a'],
    ],
    [
      'that is a blackhole is led to another endpoint, if there is one',
      {
        subnets: [subnet({ status: 'ready' }), subnet({ id: 'subnet-b', status: 'ready' })],
        endpoints: [endpoint(), endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })],
        ...one({
          subnetIds: ['subnet-a', 'subnet-b'],
          routes: [resolver, route('vpce-a', CIDR, { blackhole: true })],
        }),
      },
      ['replace-route rtb-a 10.20.0.0/16 vpce-b'],
    ],
    [
      'to an endpoint that does not carry any more goes, for the former way or none',
      {
        subnets: [subnet({ status: 'waiting: its endpoint to be available' })],
        endpoints: [endpoint({ state: 'pending' })],
        ...one({ routes: [resolver, route('vpce-a')] }),
      },
      ['delete-route rtb-a 10.20.0.0/16'],
    ],
    [
      'that nobody asks for goes, whoever wrote it',
      { ...ready, ...one({ routes: [...routes('vpce-a'), route('vpce-a', '10.90.0.0/16')] }) },
      ['delete-route rtb-a 10.90.0.0/16'],
    ],
    [
      'to an endpoint of ours that is no more is ours',
      {
        ...ready,
        gone: [{ id: 'vpce-0', subnetId: 'subnet-a', createdAt: 0 }],
        ...one({ routes: [resolver, route('vpce-0', CIDR, { blackhole: true })] }),
      },
      ['replace-route rtb-a 10.20.0.0/16 vpce-a'],
    ],
    [
      'of a gateway’s table is its owner’s',
      { ...out, ...one({ edge: true, subnetIds: [], routes: routes('vpce-a') }) },
      [],
    ],
    [
      'to an endpoint of somebody else’s is not ours',
      { ...out, endpoints: [], ...one({ routes: [route('vpce-other')] }) },
      [],
    ],
  ])('%s', (_, seen, expected) => expect(steps(seen)).toEqual(expected));
});

describe('a table without room for what is new and what goes', () => {
  const left = ['10.40.0.0/16', '10.41.0.0/16', '2001:db9::/32'];
  const seen = { ...asks(`${CIDR} 10.30.0.0/16`), ...one({ routes: routes('vpce-a', ...left) }) };
  const created = [CIDR, '10.30.0.0/16'].map((cidr) => `create-route rtb-a ${cidr} vpce-a`);
  const deleted = left.map((cidr) => `delete-route rtb-a ${cidr}`);

  test.each<[string, number, string[]]>([
    ['gets what is new first, if there is room after all', 5, [...created, ...deleted]],
    ['loses as many as that takes before', 4, [...deleted.slice(0, 1), ...created, ...deleted.slice(1)]],
    ['or all', 3, [...deleted.slice(0, 2), ...created, ...deleted.slice(2)]],
  ])('%s', (_, routesPerTable, expected) => expect(steps(seen, { routesPerTable })).toEqual(expected));
});

describe('a table that two subnets share', () => {
  const two = [subnet({ status: 'ready' }), subnet({ id: 'subnet-b', status: 'ready' })];
  const both = [endpoint(), endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })];
  const shared = (...there: ReturnType<typeof routes>) => one({ subnetIds: ['subnet-a', 'subnet-b'], routes: there });

  test('has one route for both, and keeps it', () => {
    expect(steps({ subnets: two, endpoints: both, ...shared(...routes('vpce-b')) })).toEqual([]);
  });
  test('takes the same one in every look at the same world', () => {
    const expected = ['create-route rtb-a 10.20.0.0/16 vpce-a'];
    expect(steps({ subnets: two, endpoints: both, ...shared() })).toEqual(expected);
    expect(steps({ subnets: two.toReversed(), endpoints: both.toReversed(), ...shared() })).toEqual(expected);
  });
  test('keeps its route for the one that stays when the other leaves', () => {
    const subnets = [subnet({ tagValue: undefined }), ...two.slice(1)];
    expect(steps({ subnets, endpoints: both, ...shared(...routes('vpce-b')) })).toEqual(['delete-endpoints vpce-a']);
    expect(steps({ subnets, endpoints: both, ...shared(...routes('vpce-a')) })).toEqual([
      'replace-route rtb-a 10.20.0.0/16 vpce-b',
    ]);
  });
  test('has the routes of both where they ask for different things', () => {
    const subnets = [subnet(), subnet({ id: 'subnet-b', tagValue: '10.30.0.0/16' })];
    expect(steps({ subnets, endpoints: both, ...shared() })).toEqual([
      'create-route rtb-a 10.20.0.0/16 vpce-a',
      'create-route rtb-a 10.30.0.0/16 vpce-b',
    ]);
  });
});

const FOREIGN = ['igw-1', 'vgw-1', 'nat-1', 'tgw-1', 'pcx-1', 'eni-9', 'vpce-other', 'eigw-1', 'lgw-1', 'cagw-1'];

describe('a route of somebody else’s', () => {
  test.each(FOREIGN)('to %s stays, and is said to be in the way', (target) => {
    const seen = { ...ready, ...one({ routes: [resolver, route(target)] }) };
    expect(steps(seen)).toEqual([`subnet-a: conflict: 10.20.0.0/16 in rtb-a leads to ${target} which is not ours`]);
    expect(refused(seen)).toEqual([`10.20.0.0/16 in rtb-a leads to ${target}, which is not ours`]);
  });

  test.each(FOREIGN)('to %s is taken over in one call if that is asked for, and noted before', (target) => {
    expect(steps({ ...asks(`takeover ${CIDR}`), ...one({ routes: [resolver, route(target)] }) })).toEqual([
      `write-note rtb-a ziti-glb:former:10.20.0.0/16 ${target}`,
      `copy-note vpce-a rtb-a 10.20.0.0/16 ${target}`,
      'replace-route rtb-a 10.20.0.0/16 vpce-a',
    ]);
  });

  test.each(FOREIGN)('to %s is given back at the end', (target) => {
    expect(steps({ ...out, ...one({ routes: routes('vpce-a'), takeoverNotes: former(target) }) })).toEqual([
      `restore-route rtb-a 10.20.0.0/16 ${target}`,
    ]);
  });

  test.each<[string, Partial<SubnetsWorld>, string[], Partial<HubConfig>?]>([
    [
      'is not taken over before there is somewhere to lead it',
      {
        ...asks(`takeover ${CIDR}`),
        endpoints: [endpoint({ state: 'pending' })],
        ...one({ routes: [route('nat-1')] }),
      },
      ['subnet-a: waiting: its endpoint to be available'],
    ],
    [
      'that was taken over stays so',
      {
        subnets: [subnet({ tagValue: `takeover ${CIDR}`, status: `ready. Taken over in rtb-a: ${CIDR}` })],
        endpoints: [endpoint()],
        ...one({ routes: routes('vpce-a'), takeoverNotes: former('nat-1'), copies: copies('nat-1') }),
      },
      [],
    ],
    [
      'that was put back by hand is taken over again, and noted anew',
      { ...asks(`takeover ${CIDR}`), ...one({ routes: [resolver, route('nat-2')], takeoverNotes: former('nat-1') }) },
      [
        'write-note rtb-a ziti-glb:former:10.20.0.0/16 nat-2',
        'copy-note vpce-a rtb-a 10.20.0.0/16 nat-2',
        'replace-route rtb-a 10.20.0.0/16 vpce-a',
      ],
    ],
    [
      'that leads to an endpoint which lost our tag is taken back, and what is noted stays',
      {
        ...asks(`takeover ${CIDR}`),
        connected: new Set(['vpce-lost']),
        ...one({ routes: [resolver, route('vpce-lost')], takeoverNotes: former('nat-1') }),
      },
      ['replace-route rtb-a 10.20.0.0/16 vpce-a'],
    ],
    [
      'that was led to an endpoint of another service is noted anew: it may be a firewall',
      {
        ...asks(`takeover ${CIDR}`),
        ...one({ routes: [resolver, route('vpce-firewall')], takeoverNotes: former('igw-1') }),
      },
      [
        'write-note rtb-a ziti-glb:former:10.20.0.0/16 vpce-firewall',
        'copy-note vpce-a rtb-a 10.20.0.0/16 vpce-firewall',
        'replace-route rtb-a 10.20.0.0/16 vpce-a',
      ],
    ],
    [
      'is not taken over if nobody could give it back',
      { ...asks(`takeover ${CIDR}`), ...one({ routes: [resolver, route(UNKNOWN_TARGET)] }) },
      ['subnet-a: conflict: 10.20.0.0/16 in rtb-a leads to an unknown target which is not ours'],
    ],
    [
      'is given back before the endpoint dies under it',
      {
        ...asks(`takeover ${CIDR}`),
        endpoints: [endpoint({ state: 'rejected' })],
        ...one({ routes: routes('vpce-a'), takeoverNotes: former('nat-1') }),
      },
      [
        `write-memory subnet-a ziti-glb:taken-over rtb-a ${CIDR}`,
        'create-endpoint subnet-a',
        'restore-route rtb-a 10.20.0.0/16 nat-1',
        'subnet-a: waiting: its endpoint to be available a new one for vpce-a is rejected',
      ],
    ],
    [
      'is given back when no router is healthy, if that is the policy',
      {
        ...asks(`takeover ${CIDR}`),
        targets: [],
        ...one({ routes: [route('vpce-a')], takeoverNotes: former('nat-1') }),
      },
      [
        `write-memory subnet-a ziti-glb:taken-over rtb-a ${CIDR}`,
        'restore-route rtb-a 10.20.0.0/16 nat-1',
        'subnet-a: waiting: a healthy router without which a route would lead nowhere',
      ],
      { withoutRouter: 'withdraw' },
    ],
    [
      'its note is kept meanwhile',
      {
        subnets: [
          subnet({
            tagValue: `takeover ${CIDR}`,
            status: 'waiting: a healthy router without which a route would lead nowhere',
          }),
        ],
        endpoints: [endpoint()],
        targets: [],
        ...one({ routes: [route('nat-1')], takeoverNotes: former('nat-1') }),
      },
      [],
      { withoutRouter: 'withdraw' },
    ],
    [
      'once it is given back, the note goes',
      { ...out, endpoints: [], ...one({ routes: [route('nat-1')], takeoverNotes: former('nat-1') }) },
      ['erase-note rtb-a ziti-glb:former:10.20.0.0/16'],
    ],
    [
      'but not in the minute in which reads may still show the time before it was taken over',
      {
        ...out,
        endpoints: [],
        ...one({ routes: [route('nat-1')], takeoverNotes: former('nat-1', { at: NOW - 59_000 }) }),
      },
      [],
    ],
    [
      'a propagated one is only overlaid',
      { ...asks(`takeover ${CIDR}`), ...one({ routes: [resolver, route('vgw-1', CIDR, { propagated: true })] }) },
      ['create-route rtb-a 10.20.0.0/16 vpce-a'],
    ],
    [
      'also one whose target is not known: it is left in its place, and need not be given back',
      {
        ...asks(`takeover ${CIDR}`),
        ...one({ routes: [resolver, route(UNKNOWN_TARGET, CIDR, { propagated: true })] }),
      },
      ['create-route rtb-a 10.20.0.0/16 vpce-a'],
    ],
    [
      'and comes to light again',
      { ...out, ...one({ routes: [route('vgw-1', CIDR, { propagated: true }), route('vpce-a')] }) },
      ['delete-route rtb-a 10.20.0.0/16'],
    ],
    [
      'cannot be noted where a table has all the tags that AWS allows',
      { ...asks(`takeover ${CIDR}`), ...one({ routes: [resolver, route('nat-1')], tagCount: 50 }) },
      ['subnet-a: conflict: rtb-a has 50 tags and no room for the one that 10.20.0.0/16 needs'],
    ],
  ])('%s', (...[, seen, expected, chosen]) => expect(steps(seen, chosen)).toEqual(expected));
});

describe('the note of a route that was taken over', () => {
  const status = `ready. Taken over in rtb-a: ${CIDR}`;
  const asked = { subnets: [subnet({ tagValue: `takeover ${CIDR}`, status })], endpoints: [endpoint()] };
  const taken = {
    ...asked,
    ...one({ routes: routes('vpce-a'), takeoverNotes: former('nat-1'), copies: copies('nat-1') }),
  };
  const lost = {
    routes: routes('vpce-a'),
    takeoverNotes: former('nat-1', { onTable: false }),
    copies: copies('nat-1'),
  };
  const gone = { routes: [route('vpce-a')], takeoverNotes: former('nat-1', { gone: true }), copies: copies('nat-1') };
  const told =
    'conflict: where 10.20.0.0/16 in rtb-a led before it was taken over is lost with its notes: opted out it is deleted';
  const full = endpoint({ tagCount: 50 });

  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    ['stands in two places', taken, []],
    [
      'is written on the table again, as its copy has it',
      { ...asked, ...one(lost) },
      ['write-note rtb-a ziti-glb:former:10.20.0.0/16 nat-1'],
    ],
    [
      'is what the copy says, when the route is given back',
      { ...out, ...one(lost) },
      ['restore-route rtb-a 10.20.0.0/16 nat-1'],
    ],
    [
      'is copied to the endpoint again',
      { ...asked, ...one({ routes: routes('vpce-a'), takeoverNotes: former('nat-1') }) },
      ['copy-note vpce-a rtb-a 10.20.0.0/16 nat-1'],
    ],
    [
      'is copied to another endpoint, where that has all the tags that AWS allows',
      {
        ...asked,
        ...one({ routes: routes('vpce-a'), takeoverNotes: former('nat-1') }),
        subnets: [...asked.subnets, subnet({ id: 'subnet-b', zone: 'b', cidrs: ['10.0.2.0/24'], status })],
        endpoints: [full, endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })],
        routeTables: [
          table({ subnetIds: ['subnet-a', 'subnet-b'], routes: routes('vpce-a'), takeoverNotes: former('nat-1') }),
        ],
      },
      ['copy-note vpce-b rtb-a 10.20.0.0/16 nat-1'],
    ],
    [
      'has no copy once it says that its target is gone: a person may delete it',
      { ...asked, subnets: [subnet({ status: 'ready' })], ...one({ ...gone, routes: routes('vpce-a') }) },
      ['erase-copy vpce-a ziti-glb:former:rtb-a:10.20.0.0/16'],
    ],
    [
      'goes from both places when the route is somebody else’s',
      { ...out, ...one({ routes: [route('nat-1')], takeoverNotes: former('nat-1'), copies: copies('nat-1') }) },
      [
        'erase-note rtb-a ziti-glb:former:10.20.0.0/16',
        'erase-copy vpce-a ziti-glb:former:rtb-a:10.20.0.0/16',
        'delete-endpoints vpce-a',
      ],
    ],
    [
      'that is lost in both is told in the status',
      { ...asked, ...one({ routes: routes('vpce-a') }) },
      [`subnet-a: ${told}`],
    ],
    [
      'is told as lost from then on',
      {
        ...asked,
        subnets: [subnet({ tagValue: `takeover ${CIDR}`, status: told })],
        ...one({ routes: routes('vpce-a') }),
      },
      [],
    ],
  ])('%s', (_, seen, expected) => expect(steps(seen)).toEqual(expected));

  test('without room for a copy is said, and stays', () => {
    const seen = { ...asked, endpoints: [full], ...one({ routes: routes('vpce-a'), takeoverNotes: former('nat-1') }) };
    expect(steps(seen)).toEqual([]);
    expect(refused(seen)).toEqual([
      'its tag ziti-glb:former:10.20.0.0/16 has no copy, for every endpoint has 50 tags: if that is lost, so is the way back',
    ]);
  });
});

describe('a route whose former target is gone', () => {
  const gone = former('nat-1', { gone: true });
  const why =
    '10.20.0.0/16 in rtb-a cannot be given back to nat-1, which is gone: lead it elsewhere or delete the tag ziti-glb:former:10.20.0.0/16';

  test('stays, and with it the endpoint: blocked', () => {
    const seen = { ...out, ...one({ routes: [route('vpce-a')], takeoverNotes: gone }) };
    expect(steps(seen)).toEqual([]);
    expect(refused(seen)).toEqual([why]);
    expect(plan(world(seen), config()).gauges).toMatchObject({ Blocked: 1 });
  });
  test('says so on the subnet that left', () => {
    const seen = {
      ...out,
      subnets: [subnet({ tagValue: undefined, status: 'ready' })],
      ...one({ routes: [route('vpce-a')], takeoverNotes: gone }),
    };
    expect(steps(seen)).toEqual([`subnet-a: blocked: ${why.replace(',', '')}`]);
  });
  test('goes with the endpoint if that does not carry either', () => {
    const seen = {
      ...out,
      endpoints: [endpoint({ state: 'rejected' })],
      ...one({ routes: [route('vpce-a')], takeoverNotes: gone }),
    };
    expect(steps(seen)).toEqual(['delete-route rtb-a 10.20.0.0/16']);
  });
  test('goes once its tag is deleted, or names another', () => {
    expect(steps({ ...out, ...one({ routes: [route('vpce-a')] }) })).toEqual(['delete-route rtb-a 10.20.0.0/16']);
    expect(steps({ ...out, ...one({ routes: [route('vpce-a')], takeoverNotes: former('nat-2', { at: 0 }) }) })).toEqual(
      ['restore-route rtb-a 10.20.0.0/16 nat-2'],
    );
  });
});

test('a route that is noted under another tagKey stays, for what it led to would be lost', () => {
  const strays = new Map([[CIDR, `former-key:former:${CIDR}`]]);
  const seen = { ...out, ...one({ routes: routes('vpce-a'), foreignNotes: strays }) };
  expect(steps(seen)).toEqual([]);
  expect(refused(seen)).toEqual([
    `${CIDR} in rtb-a is noted by former-key:former:${CIDR}, which is not of this stack's tagKey: give that tag its key, or delete it`,
  ]);
  expect(
    steps({ ...out, ...one({ routes: routes('vpce-a'), foreignNotes: strays, takeoverNotes: former('nat-1') }) }),
  ).toEqual([`restore-route rtb-a ${CIDR} nat-1`]);
});

describe('the DNS range of a router', () => {
  const RANGE = '100.64.0.0/13';
  const ranged = (fields = {}) => ({ routers: [router({ dnsRange: RANGE, ...fields })] });
  const direct = new Map([note(`ziti-glb:direct:${RANGE}`, 'eni-1', { at: NOW - 3_600_000 })]);
  const there = routes('vpce-a');

  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    [
      'is routed straight to it, and noted to be ours',
      { ...ready, ...ranged(), ...one({ routes: there }) },
      [`write-note rtb-a ziti-glb:direct:${RANGE} eni-1`, `create-route rtb-a ${RANGE} eni-1`],
    ],
    [
      'and then left alone',
      { ...ready, ...ranged(), ...one({ routes: [...there, route('eni-1', RANGE)], directRouteNotes: direct }) },
      [],
    ],
    ['but not before it is healthy', { ...ready, ...ranged({ healthy: false }), ...one({ routes: there }) }, []],
    [
      'stays while the router runs',
      {
        ...ready,
        ...ranged({ healthy: false }),
        ...one({ routes: [...there, route('eni-1', RANGE)], directRouteNotes: direct }),
      },
      [],
    ],
    [
      'goes with the router',
      {
        ...ready,
        ...ranged({ running: false }),
        ...one({ routes: [...there, route('eni-1', RANGE)], directRouteNotes: direct }),
      },
      [`delete-route rtb-a ${RANGE}`],
    ],
    [
      'goes with a router that nothing is known of any more',
      {
        ...ready,
        routers: [],
        ...one({ routes: [...there, route('eni-1', RANGE, { blackhole: true })], directRouteNotes: direct }),
      },
      [`delete-route rtb-a ${RANGE}`],
    ],
    [
      'and then its note',
      { ...ready, routers: [], ...one({ routes: there, directRouteNotes: direct }) },
      [`erase-note rtb-a ziti-glb:direct:${RANGE}`],
    ],
    [
      'leaves a router for one that has it next',
      {
        ...ready,
        ...ranged({ id: 'i-2', interfaceId: 'eni-2' }),
        ...one({ routes: [...there, route('eni-1', RANGE)], directRouteNotes: direct }),
      },
      [`delete-route rtb-a ${RANGE}`],
    ],
    [
      'and then goes to that one, with another note',
      { ...ready, ...ranged({ id: 'i-2', interfaceId: 'eni-2' }), ...one({ routes: there, directRouteNotes: direct }) },
      [`write-note rtb-a ziti-glb:direct:${RANGE} eni-2`, `create-route rtb-a ${RANGE} eni-2`],
    ],
    [
      'is another’s once somebody has led it elsewhere, and no more is noted',
      { ...ready, ...ranged(), ...one({ routes: [...there, route('nat-1', RANGE)], directRouteNotes: direct }) },
      [
        `erase-note rtb-a ziti-glb:direct:${RANGE}`,
        `subnet-a: conflict: ${RANGE} in rtb-a leads to nat-1 which is not ours`,
      ],
    ],
    [
      'also if that is another interface',
      { ...ready, routers: [], ...one({ routes: [...there, route('eni-9', RANGE)], directRouteNotes: direct }) },
      [`erase-note rtb-a ziti-glb:direct:${RANGE}`],
    ],
    ['is not routed where nobody is opted in', { ...out, endpoints: [], ...ranged() }, []],
    [
      'goes with the last that is opted in',
      { ...out, endpoints: [], ...ranged(), ...one({ routes: [route('eni-1', RANGE)], directRouteNotes: direct }) },
      [`delete-route rtb-a ${RANGE}`],
    ],
    [
      'does not take a route of somebody else’s, even if that is to the router',
      { ...asks(`takeover ${CIDR}`), ...ranged(), ...one({ routes: [...there, route('eni-1', RANGE)] }) },
      [`subnet-a: conflict: ${RANGE} in rtb-a leads to eni-1 which is not ours`],
    ],
  ])('%s', (_, seen, expected) => expect(steps(seen)).toEqual(expected));

  test.each([
    ['oops', 'its DNS range oops is not a CIDR'],
    ['10.0.64.0/20', 'its DNS range 10.0.64.0/20 overlaps 10.0.0.0/16 of the VPC'],
  ])('%s is refused', (dnsRange, why) => expect(refused({ ...ready, ...ranged({ dnsRange }) })).toEqual([why]));

  test('that overlaps another’s is refused, and the other’s stays', () => {
    const routers = [
      router({ id: 'i-2', interfaceId: 'eni-2', dnsRange: '100.64.0.0/14' }),
      router({ dnsRange: RANGE }),
    ];
    const seen = { ...ready, routers, ...one({ routes: there }) };
    expect(refused(seen)).toEqual([`its DNS range 100.64.0.0/14 overlaps ${RANGE} of i-1`]);
    expect(steps(seen).at(-1)).toBe(`create-route rtb-a ${RANGE} eni-1`);
  });
});
