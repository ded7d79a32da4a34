import type { RouteOrigin, RouteTable, RouteTableAssociationStateCode } from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import { readWorld } from '../../../shared/subnets/read.ts';
import { testSeal } from '../../support/seal.ts';
import { config, NOW } from './support.ts';

/** A route table in the plan's words. */
function read(table: RouteTable) {
  const none = { subnets: [], taggedSubnets: [], endpoints: [], connections: [], reservations: [], interfaces: [] };
  const answers = { ...none, vpc: {}, service: {}, routeTables: [table], targets: [], attributes: [] };
  return readWorld(answers, config(), testSeal(), { now: NOW, undeletable: undefined }).routeTables[0];
}

test.each<[RouteOrigin, boolean]>([
  ['CreateRoute', false],
  ['EnableVgwRoutePropagation', true],
  ['Advertisement', true],
])('a static route goes before one whose origin is %s: %s', (Origin, propagated) => {
  expect(read({ Routes: [{ DestinationCidrBlock: '10.20.0.0/16', GatewayId: 'x', Origin }] })?.routes).toEqual([
    expect.objectContaining({ propagated }),
  ]);
});

test.each<[RouteTableAssociationStateCode, string[]]>([
  ['associated', ['subnet-a']],
  ['associating', ['subnet-a']],
  ['disassociating', ['subnet-a']],
  ['disassociated', []],
  ['failed', []],
])('an association that is %s serves %j', (State, subnetIds) => {
  expect(read({ Associations: [{ SubnetId: 'subnet-a', AssociationState: { State } }] })?.subnetIds).toEqual(subnetIds);
});
