import type {
  RouteOrigin,
  RouteTable,
  RouteTableAssociationStateCode,
  Subnet,
  SubnetCidrBlockStateCode,
  Vpc,
  VpcCidrBlockStateCode,
  VpcEndpoint,
  VpcEndpointType,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { readLook } from '../../../shared/subnets/read.ts';
import { testSeal } from '../../support/seal.ts';
import { config, NOW, SERVICE } from './fixtures.ts';

const VpcId = config().vpcId;

/** A VPC in the plan's words. */
function readVpc(vpc: Vpc, seen: { subnets?: Subnet[]; endpoints?: VpcEndpoint[] } = {}) {
  const none = { subnets: [], endpoints: [], connections: [], instances: [], interfaces: [], claims: [] };
  const vpcs = [{ VpcId, ...vpc }];
  const answers = { ...none, vpcs, service: {}, routeTables: [], targets: [], crossZone: false, nodes: [] };
  const here = Object.fromEntries(
    Object.entries(seen).map(([of, things]) => [of, things.map((each) => ({ VpcId, ...each }))]),
  );
  return readLook({ ...answers, ...here }, config(), testSeal(), { now: NOW, deletionAttempted: undefined }).vpcs[0];
}

test.each<[VpcCidrBlockStateCode & SubnetCidrBlockStateCode, boolean]>([
  ['associated', true],
  ['associating', true],
  ['disassociating', false],
  ['disassociated', false],
  ['failing', false],
  ['failed', false],
])('a block that is %s is the VPC’s, or the subnet’s: %s', (State, counts) => {
  const Ipv6CidrBlockAssociationSet = [{ Ipv6CidrBlock: '2001:db8::/56', Ipv6CidrBlockState: { State } }];
  const CidrBlockAssociationSet = [{ CidrBlock: '100.64.0.0/16', CidrBlockState: { State } }];
  const { vpcCidrs, subnets } = readVpc(
    { CidrBlockAssociationSet, Ipv6CidrBlockAssociationSet },
    { subnets: [{ CidrBlock: '10.0.0.0/24', Ipv6CidrBlockAssociationSet }] },
  );
  expect(vpcCidrs).toEqual(counts ? ['100.64.0.0/16', '2001:db8::/56'] : []);
  expect(subnets[0]?.cidrs).toEqual(counts ? ['10.0.0.0/24', '2001:db8::/56'] : ['10.0.0.0/24']);
});

test.each<[VpcEndpointType, number]>([
  ['Interface', 1],
  ['GatewayLoadBalancer', 1],
  ['Gateway', 0],
  ['Resource', 0],
  ['ServiceNetwork', 0],
  ['Tunnel', 0],
])('an endpoint of type %s counts %d against the quota that ours share', (type, count) => {
  const endpoints = [{ VpcEndpointType: type, State: 'Available' as const }];
  expect(readVpc({}, { endpoints }).endpointCount).toBe(count);
});

test('tags that AWS sets do not count against the fifty of a table', () => {
  const Tags = ['aws:cloudformation:stack-name', 'aws:cloudformation:logical-id', 'Name'].map((Key) => ({ Key }));
  expect(read({ Tags })?.tagCount).toBe(1);
});

/** A route table in the plan's words. */
function read(table: RouteTable, vpc: Vpc = {}) {
  const none = { subnets: [], endpoints: [], connections: [], instances: [], interfaces: [], claims: [] };
  const vpcs = [{ VpcId, ...vpc }];
  const routeTables = [{ VpcId, ...table }];
  const answers = { ...none, vpcs, service: {}, routeTables, targets: [], crossZone: false, nodes: [] };
  const { vpcs: seen } = readLook(answers, config(), testSeal(), { now: NOW, deletionAttempted: undefined });
  return seen[0].routeTables[0];
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

test.each<[string, RouteOrigin, boolean]>([
  ['10.0.0.0/16', 'CreateRouteTable', true],
  ['10.0.0.0/16', 'CreateRoute', true],
  ['2001:db8:0:ff00::/56', 'CreateRoute', true],
  ['10.0.0.0/16', 'EnableVgwRoutePropagation', false],
  ['10.20.0.0/16', 'CreateRoute', false],
])('a route to %s of origin %s is the VPC’s own: %s', (destination, Origin, local) => {
  const to = destination.includes(':')
    ? { DestinationIpv6CidrBlock: destination }
    : { DestinationCidrBlock: destination };
  const associated = { State: 'associated' as const };
  const vpc = {
    CidrBlockAssociationSet: [{ CidrBlock: '10.0.0.0/16', CidrBlockState: associated }],
    Ipv6CidrBlockAssociationSet: [{ Ipv6CidrBlock: '2001:db8:0:ff00:0::/56', Ipv6CidrBlockState: associated }],
  };
  expect(read({ Routes: [{ ...to, GatewayId: 'vpce-1', Origin }] }, vpc)?.routes).toMatchObject([{ local }]);
});

describe('an endpoint that carries our tag', () => {
  const FORMER = 'com.amazonaws.vpce.eu-central-1.vpce-svc-2';
  const note = (service: string, subnet = 'subnet-a') =>
    testSeal().sign(`${subnet} ${service}`, 'ziti-glb:stack', 'ziti-glb-test').replace('ziti-glb-test ', '');
  const ours = (ServiceName: string, seal?: string, Value = 'ziti-glb-test') => {
    const Tags = [{ Key: 'ziti-glb:stack', Value }, ...(seal ? [{ Key: 'ziti-glb:seal', Value: seal }] : [])];
    const endpoint: VpcEndpoint = {
      ...{ VpcEndpointType: 'GatewayLoadBalancer', VpcEndpointId: 'vpce-1', SubnetIds: ['subnet-a'] },
      ...{ ServiceName, State: 'Available', Tags },
    };
    const none = { subnets: [], connections: [], instances: [], interfaces: [], routeTables: [] };
    const answers = {
      ...none,
      vpcs: [{ VpcId }],
      service: { ServiceName: SERVICE },
      endpoints: [{ VpcId, ...endpoint }],
      targets: [],
      crossZone: false,
      nodes: [],
      claims: [],
    };
    const {
      vpcs: [{ endpoints, impostors }],
    } = readLook(answers, config(), testSeal(), {
      now: NOW,
      deletionAttempted: undefined,
    });
    return endpoints.length > 0 ? 'ours' : impostors.length > 0 ? 'an impostor' : 'somebody else’s';
  };

  test.each([
    ['is of our service', ours(SERVICE), 'ours'],
    ['is of another', ours(FORMER), 'an impostor'],
    ['is of the service that we had before, by its seal', ours(FORMER, note(FORMER)), 'ours'],
    ['has the seal of one in another subnet', ours(FORMER, note(FORMER, 'subnet-b')), 'an impostor'],
    ['has the seal of one of our service', ours(FORMER, note(SERVICE)), 'an impostor'],
    ['is of another stack', ours(SERVICE, note(SERVICE), 'ziti-glb-prod'), 'somebody else’s'],
  ])('and %s', (_, is, expected) => expect(is).toBe(expected));
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

test('a target by its address is no router, and no route is written for it', () => {
  const none = {
    subnets: [],
    endpoints: [],
    connections: [],
    instances: [],
    interfaces: [],
    nodes: [],
    routeTables: [],
  };
  const targets = ['10.0.0.9', 'i-0'].map((Id) => ({ Target: { Id }, TargetHealth: { State: 'healthy' as const } }));
  const answers = { ...none, vpcs: [{ VpcId }], service: {}, targets, crossZone: false, claims: [] };
  const {
    vpcs: [seen],
  } = readLook(answers, config(), testSeal(), { now: NOW, deletionAttempted: undefined });
  expect(seen.targets).toEqual([{ state: 'healthy', zone: undefined }]);
});
