import { expect, test } from '@jest/globals';
import { picture, type Topology } from '../../../local/demo/picture.ts';

const topology: Topology = {
  vpc: '10.0.0.0/16',
  subnets: [
    {
      name: 'app-a',
      cidr: '10.0.10.0/24',
      zone: 'eu-central-1a',
      tag: '10.20.0.0/16',
      endpoint: { id: 'vpce-0123456789abcdef0', state: 'available' },
      routes: ['10.20.0.0/16'],
    },
    {
      name: 'app-b',
      cidr: '10.0.11.0/24',
      zone: 'eu-central-1b',
      tag: '10.20.0.0/16',
      endpoint: { id: 'vpce-1123456789abcdef0', state: 'pending' },
      routes: [],
    },
    { name: 'app-c', cidr: '10.0.12.0/24', zone: 'eu-central-1a', routes: [] },
  ],
  loadBalancer: 'GWLB ziti-glb',
  routers: [
    { name: 'router-1', address: '10.0.1.4', zone: 'eu-central-1a', health: 'healthy', delivered: 42 },
    { name: 'router-2', address: '10.0.2.4', zone: 'eu-central-1b', health: 'unhealthy' },
  ],
};

test('the way of a packet, with what does not carry one left open', () => {
  expect(`\n${picture(topology)}\n`).toBe(`
 VPC 10.0.0.0/16

 app-a 10.0.10.0/24 (a)                 ┌───────────────┐    router-1 10.0.1.4 (a)
 10.20.0.0/16 → vpce-0123… available ──▶│               │──▶ healthy, 42 packets delivered
                                        │               │
 app-b 10.0.11.0/24 (b)                 │               │    router-2 10.0.2.4 (b)
 no route yet → vpce-1123… pending      │ GWLB ziti-glb │    unhealthy
                                        │               │
 app-c 10.0.12.0/24 (a)                 │               │
 not opted in                           └───────────────┘
`);
});

test('subnets of other VPCs, each under its own', () => {
  const [app] = topology.subnets;
  if (!app) throw new Error('it is there');
  const others = [{ vpc: 'vpc-2', where: 'another VPC', subnets: [app] }];
  expect(`\n${picture({ ...topology, subnets: [app], others, routers: [] })}\n`).toBe(`
 VPC 10.0.0.0/16

 app-a 10.0.10.0/24 (a)                 ┌───────────────┐
 10.20.0.0/16 → vpce-0123… available ──▶│               │
                                        │               │
 VPC vpc-2                              │               │
 another VPC                            │ GWLB ziti-glb │
                                        │               │
 app-a 10.0.10.0/24 (a)                 │               │
 10.20.0.0/16 → vpce-0123… available ──▶└───────────────┘
`);
});

test('a name that would forge a line, or tell the terminal something, is shown as what it is', () => {
  const [subnet] = topology.subnets;
  const [router] = topology.routers;
  if (!subnet || !router) throw new Error('they are there');
  const shown = picture({
    ...topology,
    loadBalancer: 'a\u009b2J',
    subnets: [{ ...subnet, name: 'app\n a' }],
    routers: [{ ...router, name: 'r\u001b]0;owned\u0007', health: 'down\u202e' }],
  });
  expect(shown).toContain('app\\u000a a 10.0.10.0/24 (a)');
  expect(shown).toContain('r\\u001b]0;owned\\u0007 10.0.1.4');
  expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
});
