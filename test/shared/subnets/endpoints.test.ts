import { describe, expect, test } from '@jest/globals';
import type { HubConfig } from '../../../shared/config.ts';
import { keyOf } from '../../../shared/reconcile/plan.ts';
import { plan } from '../../../shared/subnets/plan.ts';
import type { Endpoint, SubnetsWorld } from '../../../shared/subnets/world.ts';
import { notesOf } from '../../support/notes.ts';
import { brief, config, endpoint, main, NOW, route, routes, subnet, table, world } from './fixtures.ts';

const steps = (seen: Partial<SubnetsWorld>, chosen: Partial<HubConfig> = {}) =>
  brief(plan(world(seen), config(chosen)).steps).filter((step) => !step.includes(': waiting: '));
const generation = (seen: Partial<SubnetsWorld>) => {
  const [step] = plan(world(seen), config()).steps;
  return step?.kind === 'create-endpoint' ? step.generation : undefined;
};
const MINUTE = 60_000;

describe('a zone that the load balancer got later', () => {
  const nodeZones = ['a', 'b', 'c'];
  const there = { nodeZones, subnets: [subnet({ zone: 'c' })] };
  const taken = { ...world().service, ours: false };

  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    ['is published, and a subnet there waits for that', there, ['publish-zones']],
    ['is published also without a subnet there', { nodeZones, subnets: [] }, ['publish-zones']],
    ['but in a service of others only for a subnet there', { nodeZones, subnets: [], service: taken }, []],
    ['as for this one', { ...there, service: taken }, ['publish-zones']],
    ['then has endpoints', { ...there, service: { ...taken, zones: nodeZones } }, ['create-endpoint subnet-a']],
  ])('%s', (_, seen, expected) => expect(steps(seen)).toEqual(expected));
});

describe('where AWS refuses a second endpoint in a zone', () => {
  const other = subnet({ id: 'subnet-b', status: 'ready' });
  const tables = [
    main,
    table({ subnetIds: ['subnet-a'] }),
    table({ id: 'rtb-b', subnetIds: ['subnet-b'], routes: routes('vpce-b') }),
  ];
  const seen = {
    subnets: [subnet(), other],
    routeTables: tables,
    endpoints: [endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })],
  };
  const wide = '0.0.0.0/0';
  const planned = (fields: Partial<SubnetsWorld>, name: string, times = 2, chosen: Partial<HubConfig> = {}) => {
    const given = world({ ...seen, ...fields });
    const creates = plan(given, config(chosen)).steps.filter(({ kind }) => kind === 'create-endpoint');
    const error = Object.assign(new Error('no'), { name });
    const attempts = new Map(creates.map((step) => [keyOf(step), { step, times, at: NOW, error }]));
    return brief(plan({ ...given, attempts }, config(chosen)).steps);
  };
  const served = '. Served by vpce-b of subnet-b: AWS takes no second endpoint in a';

  test('twice, and says no reason that is known, the other subnet’s serves as well', () => {
    const noted = 'write-memory subnet-a ziti-glb:served-by vpce-b';
    expect(planned({}, 'Unheard')).toEqual([noted, 'create-route rtb-a 10.20.0.0/16 vpce-b']);
    const done = [main, table({ routes: routes('vpce-b') }), ...tables.slice(2)];
    expect(planned({ routeTables: done }, 'Unheard')).toEqual([noted, `subnet-a: ready${served}`]);
    // A process that knows of no refusal has it from there.
    const known = [subnet({ status: `ready${served}` }), other];
    expect(planned({ routeTables: done, subnets: known }, 'Unheard', 0)).toEqual([]);
    expect(
      planned(
        {
          subnets: [...known, subnet({ id: 'subnet-c' })],
          routeTables: [...done, table({ id: 'rtb-c', subnetIds: ['subnet-c'] })],
        },
        'Unheard',
        0,
      ),
    ).toEqual(['write-memory subnet-c ziti-glb:served-by vpce-b', 'create-route rtb-c 10.20.0.0/16 vpce-b']);
  });

  test('that stands in a status of any length', () => {
    const foreign = route(`core-network-${'x'.repeat(250)}`);
    const routeTables = [main, table({ routes: [foreign] }), ...tables.slice(2)];
    const [status = ''] = planned({ routeTables }, 'Unheard').filter((step) => step.startsWith('subnet-a: conflict: '));
    expect(status.slice('subnet-a: '.length)).toHaveLength(256);
    expect(status.endsWith(served)).toBe(true);
  });

  test.each([
    ['once', 'Unheard', 1],
    ['for a reason that is known', 'InsufficientFreeAddressesInSubnet', 2],
  ])('%s, it is asked again', (_, name, times) => {
    expect(planned({}, name, times)[0]).toBe('create-endpoint subnet-a');
  });

  test('one that has ended goes first, for it may be what stands in the way', () => {
    const ended = endpoint({ state: 'rejected' });
    expect(planned({ endpoints: [ended], subnets: [subnet()] }, 'Unheard')[0]).toBe('delete-endpoints vpce-a');
  });

  test('one whose own routes would lead back into it does not serve', () => {
    const named = { endpoints: ['subnet-h'] } as const;
    const host = subnet({ id: 'subnet-h', tagValue: undefined });
    const shares = (subnetIds: string[]) =>
      planned(
        {
          subnets: [subnet({ tagValue: wide }), host, subnet({ id: 'subnet-b', tagValue: undefined })],
          routeTables: [main, table({ subnetIds: ['subnet-a', ...subnetIds] })],
          systemsManager: { reachable: true, subnetIds: [] },
        },
        'Unheard',
        2,
        { endpoints: [...named.endpoints] },
      ).includes(`create-route rtb-a ${wide} vpce-b`);
    expect([shares([]), shares(['subnet-b'])]).toEqual([true, false]);
  });
});

describe('the tags that an account demands', () => {
  const tags = [
    { Key: 'Team', Value: 'network' },
    { Key: 'Cost', Value: '42' },
  ];
  const served = { subnets: [subnet({ status: 'ready' })], routeTables: [main, table({ routes: routes('vpce-a') })] };
  test.each<[string, Record<string, string>, Partial<Endpoint>, string[]]>([
    ['are given to an endpoint that has none', {}, {}, ['tag-endpoint vpce-a Team=network,Cost=42']],
    ['or lacks one', { Team: 'network' }, {}, ['tag-endpoint vpce-a Cost=42']],
    ['or has another value', { Team: 'other', Cost: '42' }, {}, ['tag-endpoint vpce-a Team=network']],
    ['and not again to one that has them', { Team: 'network', Cost: '42', More: '' }, {}, []],
  ])('%s', (_name, has, fields, expected) => {
    const endpoints = [endpoint({ tags: new Map(Object.entries(has)), ...fields })];
    expect(steps({ ...served, endpoints }, { tags })).toEqual(expected);
  });
  test('but to none that goes, or has ended', () => {
    const endpoints = [endpoint({ id: 'vpce-new', createdAt: NOW - 1 }), endpoint({ id: 'vpce-a', state: 'failed' })];
    expect(steps({ endpoints, subnets: [] }, { tags })).toEqual(['delete-endpoints vpce-new,vpce-a']);
  });
});

describe('one endpoint each subnet', () => {
  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    [
      'of two the oldest stays',
      {
        endpoints: [endpoint({ id: 'vpce-new', createdAt: NOW - 1 }), endpoint({ id: 'vpce-old' })],
        routeTables: [main, table({ routes: routes('vpce-new') })],
      },
      ['replace-route rtb-a 10.20.0.0/16 vpce-old'],
    ],
    [
      'and the other goes once no route leads to it',
      {
        subnets: [subnet({ status: 'ready' })],
        endpoints: [endpoint({ id: 'vpce-new', createdAt: NOW - 1 }), endpoint({ id: 'vpce-old' })],
        routeTables: [main, table({ routes: routes('vpce-old') })],
      },
      ['delete-endpoints vpce-new'],
    ],
    [
      'one of a service that is not ours any more is replaced, and serves until then',
      {
        endpoints: [endpoint({ serviceName: 'former' })],
        routeTables: [main, table({ routes: routes('vpce-a') })],
      },
      ['create-endpoint subnet-a'],
    ],
    [
      'one without IPv6 is replaced for a wish that needs it, and serves until then',
      {
        service: { ...world().service, ipv6: true },
        subnets: [subnet({ tagValue: '2001:db9::/32', cidrs: ['10.0.1.0/24', '2001:db8::/64'] })],
        endpoints: [endpoint()],
        routeTables: [main, table({ routes: routes('vpce-a', '2001:db9::/32') })],
      },
      ['create-endpoint subnet-a ipv6'],
    ],
    [
      'a gateway’s table that leads to it is not ours, and holds it',
      {
        subnets: [],
        endpoints: [endpoint()],
        routeTables: [main, table({ id: 'rtb-edge', edge: true, subnetIds: [], routes: routes('vpce-a') })],
      },
      [],
    ],
  ])('%s', (_, seen, expected) => expect(steps(seen)).toEqual(expected));

  test('a route of another account’s table holds an endpoint, and is not touched', () => {
    const routeTables = [main, table({ owner: '444455556666', subnetIds: [], routes: routes('vpce-a') })];
    const { steps: none, conditions } = plan(world({ subnets: [], endpoints: [endpoint()], routeTables }), config());
    const { refused } = notesOf({ conditions });
    expect(none).toEqual([]);
    expect(refused).toEqual([
      {
        subject: 'vpce-a',
        for: 'a route of rtb-a, which is of account 444455556666, holds it; have it taken out there',
      },
    ]);
  });

  test('what holds an endpoint is said', () => {
    const routeTables = [main, table({ id: 'rtb-edge', edge: true, subnetIds: [], routes: routes('vpce-a') })];
    expect(notesOf(plan(world({ subnets: [], endpoints: [endpoint()], routeTables }), config())).refused).toEqual([
      { subject: 'vpce-a', for: "a route of rtb-edge, a gateway's table, holds it; lead it elsewhere, or take it out" },
    ]);
  });
});

describe('a generation', () => {
  test('is the same for a create that is repeated within the minute', () => {
    expect(generation({ now: NOW })).toBe(generation({ now: NOW + MINUTE - 1 }));
  });
  test('is another after one that is gone, and for the next minute', () => {
    const gone = [{ id: 'vpce-0', subnetId: 'subnet-a', createdAt: NOW - 1000 }];
    const all = [generation({}), generation({ gone }), generation({ now: NOW + MINUTE })];
    expect(new Set(all).size).toBe(3);
    expect(generation({ gone: [{ id: 'vpce-0', subnetId: 'subnet-b', createdAt: NOW - 1000 }] })).toBe(generation({}));
  });
});

describe('an endpoint that ended', () => {
  const ended = (minutesAgo: number, fields: Partial<Endpoint> = {}): Endpoint =>
    endpoint({ id: `vpce-${minutesAgo}`, state: 'rejected', createdAt: NOW - minutesAgo * MINUTE, ...fields });

  test.each<[string, Endpoint[], string[]]>([
    ['is replaced', [ended(100)], ['create-endpoint subnet-a']],
    ['whatever ended it', [ended(100, { state: 'failed' })], ['create-endpoint subnet-a']],
    ['but not at once, if it was young', [ended(0.5)], []],
    ['the second after ten minutes', [ended(20), ended(9)], []],
    ['then', [ended(20), ended(10)], ['create-endpoint subnet-a']],
    ['from the third on after an hour', [ended(200), ended(100), ended(59)], []],
    ['then', [ended(200), ended(100), ended(60)], ['create-endpoint subnet-a']],
    ['and no more than three are kept', [ended(400), ended(300), ended(200), ended(59)], ['delete-endpoints vpce-400']],
    [
      'none once there is one that is available',
      [ended(20), ended(9), endpoint()],
      ['create-route rtb-a 10.20.0.0/16 vpce-a', 'delete-endpoints vpce-20,vpce-9'],
    ],
  ])('%s', (_, endpoints, expected) => expect(steps({ endpoints })).toEqual(expected));

  test('is waited for until then, with AWS’s reason', () => {
    const endpoints = [ended(0.5, { id: 'vpce-x', state: 'failed', error: 'no capacity' })];
    expect(notesOf(plan(world({ endpoints }), config())).waiting).toEqual([
      { subject: 'subnet-a', for: 'another try, for vpce-x is failed no capacity', until: NOW + MINUTE / 2 },
    ]);
  });

  test('is told as what it is: another one, for the last was rejected', () => {
    const endpoints = [ended(200, { id: 'vpce-x', state: 'rejected' })];
    expect(notesOf(plan(world({ endpoints }), config())).waiting).toMatchObject([
      { subject: 'subnet-a', for: 'its endpoint to be available, a new one, for vpce-x is rejected' },
    ]);
  });
});

test('an endpoint that does not become available is left to the minute’s look', () => {
  const until = (minutes: number) =>
    notesOf(plan(world({ endpoints: [endpoint({ state: 'pending', createdAt: NOW - minutes * MINUTE })] }), config()))
      .waiting;
  expect(until(15)).toMatchObject([{ until: undefined }]);
  expect(until(16)).toMatchObject([{ until: Number.POSITIVE_INFINITY }]);
});

describe('AWS’s quota of endpoints', () => {
  const two = [subnet(), subnet({ id: 'subnet-b', cidrs: ['10.0.2.0/24'] })];
  const routeTables = [main, table({ subnetIds: ['subnet-a', 'subnet-b'] })];
  test('is not tried against: who is too much is refused', () => {
    const seen = { subnets: two, routeTables, endpointCount: 49 };
    expect(steps(seen)).toEqual([
      'create-endpoint subnet-a',
      'subnet-b: refused: the VPC has all the 50 endpoints that AWS s quota allows',
    ]);
    expect(steps(seen, { endpointsPerVpc: 51 })).toEqual(['create-endpoint subnet-a', 'create-endpoint subnet-b']);
  });

  const failed = (id: string, minutesAgo: number, fields: Partial<Endpoint> = {}): Endpoint =>
    endpoint({ id, state: 'failed', createdAt: NOW - minutesAgo * MINUTE, ...fields });
  test.each<[string, Endpoint[], string[]]>([
    [
      'the oldest goes when its next try is due',
      [failed('vpce-1', 90), failed('vpce-2', 61)],
      ['delete-endpoints vpce-1'],
    ],
    ['and no sooner than where three are remembered', [failed('vpce-1', 90), failed('vpce-2', 59)], []],
    ['one at a time', [failed('vpce-1', 90, { state: 'deleting' }), failed('vpce-2', 61)], []],
  ])('where ours that ended take all of it, %s', (_, endpoints, expected) => {
    expect(steps({ endpoints, endpointCount: 50 })).toEqual(expected);
  });
});

describe('one endpoint a zone', () => {
  const zonal = { endpoints: 'zone' } as const;
  const a2 = subnet({ id: 'subnet-a2', cidrs: ['10.0.2.0/24'] });
  const b = subnet({ id: 'subnet-b', zone: 'b', cidrs: ['10.0.3.0/24'] });
  const untagged = subnet({ id: 'subnet-u', tagValue: undefined });
  const own = table({ id: 'rtb-a', subnetIds: ['subnet-a'] });
  const second = table({ id: 'rtb-a2', subnetIds: ['subnet-a2'] });

  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    [
      'is made in a tagged subnet of each',
      {
        subnets: [untagged, subnet(), a2, b],
        routeTables: [main, own, second, table({ id: 'rtb-b', subnetIds: ['subnet-b'] })],
      },
      ['create-endpoint subnet-a', 'create-endpoint subnet-b'],
    ],
    [
      'serves all of it',
      { subnets: [subnet(), a2], routeTables: [main, own, second], endpoints: [endpoint()] },
      ['create-route rtb-a 10.20.0.0/16 vpce-a', 'create-route rtb-a2 10.20.0.0/16 vpce-a'],
    ],
    [
      'stays where it stands when that subnet leaves, for the flows it has',
      {
        subnets: [
          { ...untagged, id: 'subnet-a' },
          { ...a2, status: 'ready' },
        ],
        routeTables: [main, own, { ...second, routes: routes('vpce-a') }],
        endpoints: [endpoint()],
      },
      [],
    ],
    [
      'goes with the last',
      { subnets: [{ ...untagged, id: 'subnet-a' }], routeTables: [main, own], endpoints: [endpoint()] },
      ['delete-endpoints vpce-a'],
    ],
    [
      'takes over from one each subnet, without a gap',
      {
        subnets: [subnet({ status: 'ready' }), { ...a2, status: 'ready' }],
        endpoints: [endpoint(), endpoint({ id: 'vpce-2', subnetId: 'subnet-a2', createdAt: NOW - 1 })],
        routeTables: [main, { ...own, routes: routes('vpce-a') }, { ...second, routes: routes('vpce-2') }],
      },
      ['replace-route rtb-a2 10.20.0.0/16 vpce-a'],
    ],
    [
      'is made where IPv6 is, if that is asked for',
      {
        service: { ...world().service, ipv6: true },
        subnets: [subnet(), { ...a2, tagValue: '2001:db9::/32', cidrs: ['10.0.2.0/24', '2001:db8::/64'] }],
        routeTables: [main, own, second],
      },
      ['create-endpoint subnet-a2 ipv6'],
    ],
  ])('%s', (_, seen, expected) => expect(steps(seen, zonal)).toEqual(expected));
});

describe('endpoints in subnets of their own', () => {
  const named = { endpoints: ['subnet-e', 'subnet-f'] };
  const e = subnet({ id: 'subnet-e', tagValue: undefined, cidrs: ['10.0.8.0/28'] });
  const f = subnet({ id: 'subnet-f', tagValue: undefined, zone: 'b', cidrs: ['10.0.8.16/28'] });

  test.each<[string, Partial<SubnetsWorld>, string[]]>([
    ['are made there', { subnets: [subnet(), e, f] }, ['create-endpoint subnet-e']],
    [
      'and nowhere else',
      { subnets: [subnet(), e, f], endpoints: [endpoint()], routeTables: [main, table({ routes: routes('vpce-a') })] },
      ['create-endpoint subnet-e'],
    ],
    [
      'carry default routes',
      {
        subnets: [subnet({ tagValue: '0.0.0.0/0' }), e, f],
        endpoints: [endpoint({ subnetId: 'subnet-e' })],
        systemsManager: { reachable: true, subnetIds: [] },
      },
      ['create-route rtb-a 0.0.0.0/0 vpce-a'],
    ],
    [
      'go with the last that uses them',
      { subnets: [e, f], endpoints: [endpoint({ subnetId: 'subnet-e' })] },
      ['delete-endpoints vpce-a'],
    ],
  ])('%s', (_, seen, expected) => expect(steps(seen, named)).toEqual(expected));

  describe('of which someone tries to delete one', () => {
    const leaving = `leaving since ${new Date(NOW).toISOString()} because someone tried to delete it`;
    const seen = {
      subnets: [subnet(), { ...e, status: leaving }, f],
      endpoints: [endpoint({ subnetId: 'subnet-e' })],
      routeTables: [main, table({ routes: routes('vpce-a') })],
    };
    const refused =
      'subnet-a: refused: none of the subnets named for endpoints is in a but for subnet-e which someone tried to delete';

    test('get no other there, and it goes: the wish is refused, and says why', () => {
      expect(steps(seen, named)).toEqual(['delete-route rtb-a 10.20.0.0/16', refused]);
      expect(steps({ ...seen, routeTables: [main, table()] }, named)).toEqual(['delete-endpoints vpce-a', refused]);
      expect(steps({ ...seen, routeTables: [main, table()], endpoints: [] }, named)).toEqual([refused]);
    });

    test('are made in the other of the zone', () => {
      const subnets = [...seen.subnets, { ...f, id: 'subnet-g', zone: 'a' }];
      expect(steps({ ...seen, subnets }, { endpoints: ['subnet-e', 'subnet-g'] })).toEqual([
        'create-endpoint subnet-g',
      ]);
    });
  });
});
