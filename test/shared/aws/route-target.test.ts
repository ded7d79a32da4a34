import { expect, test } from '@jest/globals';
import { routeTo, targetOf } from '../../../shared/aws/route-target.ts';

test.each([
  ['igw-1', 'GatewayId'],
  ['vgw-1', 'GatewayId'],
  ['local', 'GatewayId'],
  ['nat-1', 'NatGatewayId'],
  ['tgw-1', 'TransitGatewayId'],
  ['pcx-1', 'VpcPeeringConnectionId'],
  ['eni-1', 'NetworkInterfaceId'],
  ['i-1', 'InstanceId'],
  ['eigw-1', 'EgressOnlyInternetGatewayId'],
  ['lgw-1', 'LocalGatewayId'],
  ['cagw-1', 'CarrierGatewayId'],
  ['arn:aws:networkmanager::1:core-network/c', 'CoreNetworkArn'],
  ['arn:aws:odb:eu-central-1:1:odb-network/o', 'OdbNetworkArn'],
])('a route to %s is asked for, and answered, as %s', (id, member) => {
  expect(routeTo(id)).toEqual({ [member]: id });
  expect(targetOf({ [member]: id })).toBe(id);
});

test('an endpoint is asked for by its own member, and answered as a gateway', () => {
  expect(routeTo('vpce-1')).toEqual({ VpcEndpointId: 'vpce-1' });
  expect(targetOf({ GatewayId: 'vpce-1' })).toBe('vpce-1');
});

test('an interface is answered with its instance, and is meant itself', () => {
  expect(targetOf({ InstanceId: 'i-1', NetworkInterfaceId: 'eni-1' })).toBe('eni-1');
});

test('what a route server advertises is answered with the address of its next hop', () => {
  expect(targetOf({ IpAddress: '10.0.0.9' })).toBe('10.0.0.9');
});

test('what AWS may come to answer one day is not taken for nothing', () => {
  expect(targetOf({})).toBe('an unknown target');
});
