import { describe, expect, test } from '@jest/globals';
import { reasonText } from '../../../shared/conditions/sentences.ts';
import type { HubConfig } from '../../../shared/config.ts';
import { admit, placeOf } from '../../../shared/subnets/admission.ts';
import { plan } from '../../../shared/subnets/plan.ts';
import type { Route, SubnetsWorld } from '../../../shared/subnets/world.ts';
import { notesOf } from '../../support/notes.ts';
import {
  brief,
  CIDR,
  config,
  endpoint,
  main,
  route,
  router,
  routes,
  service,
  subnet,
  table,
  world,
} from './fixtures.ts';

const other = subnet({ id: 'subnet-b', name: 'app-b', cidrs: ['10.0.2.0/24'], tagValue: undefined });
const home = subnet({ id: 'subnet-routers', cidrs: ['10.0.9.0/24'], tagValue: undefined });
const host = subnet({ id: 'subnet-e', cidrs: ['10.0.8.0/28'], tagValue: undefined });
const all = [subnet(), other, home, host];
const tables = [main, table()];
const dual = subnet({ cidrs: ['10.0.1.0/24', '2001:db8:0:1::/64'] });
const named = { endpoints: ['subnet-e'] };
const reachable = { reachable: true, subnetIds: ['subnet-b'] };

type Case = [what: string, value: string, seen: Partial<SubnetsWorld>, chosen: Partial<HubConfig>];

const verdict = (value: string, seen: Partial<SubnetsWorld>, chosen: Partial<HubConfig>) => {
  const given = world({ subnets: all, routeTables: tables, ...seen });
  const [asker = subnet()] = given.subnets;
  const spec = admit(asker, value, placeOf(given, config(chosen)));
  return 'refused' in spec ? { refused: reasonText(spec.refused) } : spec;
};

/** A table that leads to a VPC with Systems Manager's endpoints. */
const hub = (routes: Route[]) => ({
  routeTables: [main, table({ routes: [route('local', '10.0.0.0/16', { local: true }), ...routes] })],
});
const NEAR = route('tgw-1', '10.99.0.0/24');
const WAYS_AWAY: [what: string, value: string, seen: Partial<SubnetsWorld>][] = [
  ['no route leads there', '0.0.0.0/0', hub([NEAR])],
  ['the only route there is the one that would change', '0.0.0.0/0', hub([NEAR, route('tgw-1', '0.0.0.0/0')])],
  ['half of it has one', '0.0.0.0/0', hub([NEAR, route('tgw-1', '10.100.0.0/25')])],
  ['that is a blackhole', '0.0.0.0/0', hub([NEAR, route('tgw-1', '10.100.0.0/24', { blackhole: true })])],
  [
    'that is ours',
    '0.0.0.0/0',
    { ...hub([NEAR, route('vpce-a', '10.100.0.0/16')]), endpoints: [endpoint({ subnetId: 'subnet-e' })] },
  ],
  ['a narrow CIDR holds it', '10.100.0.0/16', hub([NEAR, route('tgw-1', '10.96.0.0/12')])],
  ['a narrow CIDR is a part of it', '10.100.0.128/25', hub([NEAR, route('tgw-1', '10.100.0.0/24')])],
];

describe('a wish is fulfilled', () => {
  test.each<Case>([
    ['for what is outside the VPC', CIDR, {}, {}],
    ['for a range that holds the VPC: its own routes are more specific', '10.0.0.0/8', {}, {}],
    ['for exactly another whole subnet', '10.0.2.0/24', {}, {}],
    [
      'in a subnet without IPv4, where its zone has an endpoint',
      '2001:db9::/32',
      {
        subnets: [subnet({ cidrs: ['2001:db8:0:1::/64'] }), other],
        endpoints: [endpoint({ subnetId: 'subnet-b', ipv6: true })],
        service: service({ zones: ['a'], ipv6: true }),
      },
      { endpoints: 'zone' },
    ],
    [
      'on the main table, where that is allowed',
      CIDR,
      { subnets: [subnet()], routeTables: [main] },
      { mainTableAllowed: true },
    ],
    [
      'with a default route, through an endpoint in another subnet, where Systems Manager stays reachable',
      '0.0.0.0/0',
      { systemsManager: reachable },
      named,
    ],
    [
      'with a default route, where the table has a more specific way to the VPC that has Systems Manager’s endpoints',
      '0.0.0.0/0',
      hub([route('tgw-1', '10.96.0.0/12')]),
      { ...named, systemsManagerCidrs: ['10.100.0.0/24'] },
    ],
    [
      'with a default route of the family that does not lead there',
      '::/0',
      {
        ...hub([]),
        subnets: [dual, { ...host, cidrs: dual.cidrs }],
        service: service({ zones: ['a'], ipv6: true }),
      },
      { ...named, systemsManagerCidrs: ['10.100.0.0/24'] },
    ],
    [
      'for a part of what is there, where the VPC has such endpoints itself',
      '10.100.0.0/24',
      { systemsManager: reachable },
      { systemsManagerCidrs: ['10.100.0.0/16'] },
    ],
    [
      'with IPv6, where service and subnet carry it',
      '2001:db9::/32',
      { subnets: [dual], service: service({ zones: ['a'], ipv6: true }) },
      {},
    ],
    [
      'with a range that holds a router’s DNS range',
      '100.64.0.0/10',
      { routers: [router({ dnsRange: '100.64.0.0/13' })] },
      {},
    ],
  ])('%s', (_, value, seen, chosen) => expect(verdict(value, seen, chosen)).not.toHaveProperty('refused'));
});

describe('a wish is refused', () => {
  test.each<[...Case, reason: string]>([
    ['malformed', 'oops', {}, {}, 'oops is not a CIDR'],
    ['in a zone without a node', CIDR, { subnets: [subnet({ zone: 'c' })] }, {}, 'the load balancer has no node in c'],
    [
      'in a VPC that another account shares, by its table',
      CIDR,
      { routeTables: [main, table({ owner: '444455556666' })] },
      {},
      'rtb-a is of account 444455556666, which shares this VPC, and 111122223333 may write no route there: deploy the stack in 444455556666',
    ],
    [
      'in a VPC that another account shares, by the subnet, if it does not even show the table',
      CIDR,
      { subnets: [subnet({ owner: '444455556666' })], routeTables: [] },
      {},
      'its route table is of account 444455556666, which shares this VPC, and 111122223333 may write no route there: deploy the stack in 444455556666',
    ],
    ['without a table', CIDR, { routeTables: [] }, {}, 'it has no route table'],
    [
      'on the main table, with those that would be hit',
      CIDR,
      { routeTables: [main] },
      {},
      'it follows rtb-main, the main route table of the VPC, whose routes would serve subnet-b (app-b), subnet-routers, subnet-e too',
    ],
    [
      'on the main table, alone: not for long',
      CIDR,
      { routeTables: [main], subnets: [subnet()] },
      {},
      'it follows rtb-main, the main route table of the VPC, whose routes would serve every new subnet too',
    ],
    [
      'where routers stand',
      CIDR,
      { routers: [router({ subnetId: 'subnet-a' })] },
      {},
      'routers stand in it, and what they send out would come back to them',
    ],
    [
      'on the routers’ table',
      CIDR,
      { routeTables: [main, table({ subnetIds: ['subnet-a', 'subnet-routers'] })] },
      {},
      'its route table rtb-a also serves the routers in subnet-routers',
    ],
    [
      'in a zone without a subnet for endpoints',
      CIDR,
      { subnets: [subnet({ zone: 'b' }), host] },
      named,
      'none of the subnets named for endpoints is in b',
    ],
    [
      'in a subnet without IPv4, which no endpoint does without',
      '2001:db9::/32',
      {
        subnets: [subnet({ cidrs: ['2001:db8:0:1::/64'] })],
        service: service({ zones: ['a'], ipv6: true }),
      },
      {},
      'subnet-a has no IPv4 addresses for an endpoint',
    ],
    [
      'for a part of the VPC',
      '10.0.5.0/25',
      {},
      {},
      '10.0.5.0/25 is inside 10.0.0.0/16 of the VPC itself, and not a whole subnet of it',
    ],
    [
      'for the VPC',
      '10.0.0.0/16',
      {},
      {},
      '10.0.0.0/16 is inside 10.0.0.0/16 of the VPC itself, and not a whole subnet of it',
    ],
    [
      'for a block of the VPC that one subnet fills: CreateRoute finds the VPC’s own route there',
      '10.1.0.0/24',
      {
        vpcCidrs: ['10.0.0.0/16', '10.1.0.0/24'],
        subnets: [subnet(), subnet({ id: 'whole', cidrs: ['10.1.0.0/24'] })],
      },
      {},
      '10.1.0.0/24 is a whole block of the VPC itself, to which its route tables have a route already',
    ],
    ['for itself', '10.0.1.0/24', {}, {}, '10.0.1.0/24 is the subnet itself'],
    [
      'for the routers’ subnet',
      '10.0.9.0/24',
      {},
      {},
      '10.0.9.0/24 is subnet-routers, and would cut its machines off from the routers there',
    ],
    [
      'for the subnet with Systems Manager’s endpoints',
      '10.0.2.0/24',
      { systemsManager: reachable },
      {},
      '10.0.2.0/24 is subnet-b (app-b), and would cut its machines off from the endpoints of Systems Manager there',
    ],
    [
      'for the subnet with the endpoint',
      '10.0.8.0/28',
      {},
      named,
      '10.0.8.0/28 is subnet-e, and would cut its machines off from the endpoint there',
    ],
    [
      'for another subnet with an endpoint of ours',
      '10.0.2.0/24',
      { endpoints: [endpoint({ subnetId: 'subnet-b' })] },
      {},
      '10.0.2.0/24 is subnet-b (app-b), and would cut its machines off from the endpoint there',
    ],
    [
      'for a part of a router’s DNS range',
      '100.64.5.0/24',
      { routers: [router({ dnsRange: '100.64.0.0/13' })] },
      {},
      '100.64.5.0/24 is inside 100.64.0.0/13, the DNS range of i-1, and would cut it off from there',
    ],
    [
      'for IPv6 without a service for it',
      '2001:db9::/32',
      { subnets: [dual] },
      {},
      '2001:db9::/32 is IPv6, which the endpoint service does not carry',
    ],
    [
      'for IPv6 from a subnet without it',
      '2001:db9::/32',
      { service: service({ zones: ['a'], ipv6: true }) },
      {},
      '2001:db9::/32 is IPv6, and subnet-a has no IPv6 addresses for an endpoint',
    ],
    [
      'for IPv6 through a named subnet without it',
      '2001:db9::/32',
      { subnets: [dual, host], service: service({ zones: ['a'], ipv6: true }) },
      named,
      '2001:db9::/32 is IPv6, and subnet-e has no IPv6 addresses for an endpoint',
    ],
    [
      'for a default route through an endpoint in the same subnet',
      '0.0.0.0/0',
      { systemsManager: reachable },
      {},
      '0.0.0.0/0 is so wide that it needs endpoints in subnets of their own, or what routers let pass would come back to them',
    ],
    [
      'for a default route through a subnet of the zone that happens to be tagged',
      '0.0.0.0/0',
      { systemsManager: reachable },
      { endpoints: 'zone' },
      '0.0.0.0/0 is so wide that it needs endpoints in subnets of their own, or what routers let pass would come back to them',
    ],
    [
      'for half of a default route, which leads as far',
      '128.0.0.0/1',
      { systemsManager: reachable },
      {},
      '128.0.0.0/1 is so wide that it needs endpoints in subnets of their own, or what routers let pass would come back to them',
    ],
    [
      'for a default route in a table that the endpoint obeys too',
      '0.0.0.0/0',
      { systemsManager: reachable, routeTables: [main, table({ subnetIds: ['subnet-a', 'subnet-e'] })] },
      named,
      '0.0.0.0/0 would lead back into the endpoint, for rtb-a also serves subnet-e',
    ],
    [
      'for a default route that cuts off Systems Manager',
      '0.0.0.0/0',
      {},
      named,
      '0.0.0.0/0 would cut its machines off from Systems Manager, for which the VPC has no endpoints (ssm and ssmmessages); where they are elsewhere, name that in systemsManagerCidrs',
    ],
    ...WAYS_AWAY.map(([what, value, seen]): [...Case, string] => [
      `where Systems Manager is reached elsewhere, and ${what}`,
      value,
      seen,
      { ...named, systemsManagerCidrs: ['10.99.0.0/24', '10.100.0.0/24'] },
      `${value} would cut its machines off from Systems Manager in 10.100.0.0/24: rtb-a has no more specific way there that is not ours`,
    ]),
  ])('%s', (_, value, seen, chosen, refused) => expect(verdict(value, seen, chosen)).toEqual({ refused }));
});

describe('a table that is full', () => {
  const foreign = Array.from({ length: 3 }, (_, index) => route('nat-1', `172.16.${index}.0/24`));
  const full = table({ subnetIds: ['subnet-a', 'subnet-b'], routes: foreign });
  const attempts = (seen: Partial<SubnetsWorld>, routesPerTable: number) =>
    notesOf(plan(world(seen), config({ routesPerTable }))).refused.map(({ subject, for: why }) => `${subject}: ${why}`);

  test('refuses the wish that is too much, the resolver’s route counted', () => {
    expect(attempts({ routeTables: [main, full] }, 5)).toEqual([]);
    expect(attempts({ routeTables: [main, full] }, 4)).toEqual(['subnet-a: rtb-a would need 5 routes, and takes 4']);
  });

  test('leaves those that are fulfilled as they are', () => {
    const seen = {
      subnets: [subnet({ tagValue: '10.30.0.0/16' }), { ...other, tagValue: CIDR, status: 'ready' }],
      endpoints: [endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })],
      routeTables: [main, { ...full, routes: [...foreign, ...routes('vpce-b')] }],
    };
    expect(attempts(seen, 5)).toEqual(['subnet-a: rtb-a would need 6 routes, and takes 5']);
    expect(brief(plan(world(seen), config({ routesPerTable: 5 })).steps)).toEqual([
      'subnet-a: refused: rtb-a would need 6 routes and takes 5',
    ]);
  });

  const spoilt = {
    subnets: [subnet({ tagValue: 'oops' }), { ...other, tagValue: '10.30.0.0/16' }],
    endpoints: [endpoint({ id: 'vpce-b', subnetId: 'subnet-b' })],
    routeTables: [main, { ...full, routes: [...foreign, ...routes('vpce-b')] }],
  };

  test('counts what stays for a wish that is refused', () => {
    expect(attempts(spoilt, 6)).toEqual(['subnet-a: oops is not a CIDR']);
    expect(attempts(spoilt, 5)).toEqual([
      'subnet-a: oops is not a CIDR',
      'subnet-b (app-b): rtb-a would need 6 routes, and takes 5',
    ]);
  });

  test('also for one that it has no room for itself', () => {
    const [spoiler = subnet(), ...rest] = spoilt.subnets;
    const seen = { ...spoilt, subnets: [{ ...spoiler, tagValue: '10.41.0.0/16 10.42.0.0/16' }, ...rest] };
    const refused = (most: number) => `subnet-a: rtb-a would need 7 routes, and takes ${most}`;
    expect(attempts(seen, 6)).toEqual([refused(6)]);
    expect(attempts(seen, 5)).toEqual([refused(5), 'subnet-b (app-b): rtb-a would need 6 routes, and takes 5']);
  });

  test('counts each family by itself, and what is propagated not at all', () => {
    const propagated = Array.from({ length: 9 }, (_, index) =>
      route('vgw-1', `192.168.${index}.0/24`, { propagated: true }),
    );
    const ipv6 = Array.from({ length: 5 }, (_, index) => route('igw-1', `2001:db8:${index}::/48`));
    const routeTables = [main, { ...full, routes: [...foreign, ...propagated, ...ipv6] }];
    expect(attempts({ routeTables }, 5)).toEqual([]);
  });
});
