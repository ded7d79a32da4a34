import { describe, expect, test } from '@jest/globals';
import { age, isDead, routersOfHub, spokesOf, stateOf } from '../../../shared/topology/accounts.ts';
import { topology } from '../../../shared/topology/model.ts';
import { given } from '../../support/cloud.ts';
import { BLIND, HUB, id, world } from './worlds.ts';

const connection = (name: string, owner: string, state: string) => ({ id: id('vpce', name), owner, state });

describe('the accounts of spokes', () => {
  test('are told by their numbers, each with its endpoints and the state that most asks for somebody', () => {
    const spokes = [
      connection('c', '333344445555', 'available'),
      connection('b', '222233334444', 'pendingacceptance'),
      connection('a', '222233334444', 'available'),
      connection('d', '444455556666', 'deleting'),
      connection('e', '555566667777', 'available'),
      connection('f', '555566667777', 'rejected'),
      connection('g', '555566667777', 'pending'),
    ];
    const spokeAccounts = ['222233334444', '111144447777'];
    const told = spokesOf({ spokes, spokeAccounts });
    expect(told.map(({ owner, endpoints, state }) => [owner, endpoints.length, state])).toEqual([
      // It may connect, and has not.
      ['111144447777', 0, 'waiting'],
      ['222233334444', 2, 'waiting'],
      ['333344445555', 1, 'ready'],
      ['444455556666', 1, 'leaving'],
      ['555566667777', 3, 'refused'],
    ]);
    expect(spokesOf({ spokes: [], spokeAccounts: [] })).toEqual([]);
  });

  // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpointConnection.html
  test.each([
    ['available', 'ready'],
    ['pendingacceptance', 'waiting'],
    ['pending', 'waiting'],
    ['deleting', 'leaving'],
    ['deleted', 'leaving'],
    ['rejected', 'refused'],
    ['failed', 'refused'],
    ['expired', 'refused'],
    ['partial', 'refused'],
  ])('whose connection is %s are %s', (connected, state) => {
    expect(stateOf(connected)).toBe(state);
  });
});

describe('a hub, as its spoke sees it', () => {
  test.each([
    [HUB, 'healthy routers for 2 of 3 zones', false],
    [{ ...HUB, zones: HUB.zones.map((zone) => ({ ...zone, routers: 0 })) }, 'healthy routers for 0 of 3 zones', true],
    [BLIND, 'routers not known', false],
  ])('%#: %s', (hub, says, dead) => {
    const shown = given(topology(world({ hub })).hub);
    expect([routersOfHub(shown), isDead(shown)]).toEqual([says, dead]);
  });

  test('has a band for each zone of its service, in which this account may have no subnet', () => {
    const { zones } = topology(world({ hub: HUB, subnets: { a: { wish: '10.20.0.0/16', vpc: 'far' } } }));
    expect(zones.map(({ name, subnets }) => [name, subnets.length])).toEqual([
      ['eu-central-1a', 1],
      ['eu-central-1b', 0],
      ['euc1-az1', 0],
    ]);
  });
});

test.each([
  [-5_000, '0 seconds ago'],
  [1_000, '1 second ago'],
  [119_000, '119 seconds ago'],
  [120_000, '2 minutes ago'],
  [299_000, '5 minutes ago'],
  [7_200_000, '2 hours ago'],
])('%i milliseconds are %s', (ms, says) => {
  expect(age(ms)).toBe(says);
});
