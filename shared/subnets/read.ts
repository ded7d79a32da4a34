import type * as ec2 from '@aws-sdk/client-ec2';
import type { LoadBalancerAttribute, TargetHealthDescription } from '@aws-sdk/client-elastic-load-balancing-v2';
import { tag } from '../aws/read.ts';
import { targetOf } from '../aws/route-target.ts';
import { canonicalCidr } from '../cidr.ts';
import type { SubnetsConfig } from '../config.ts';
import {
  type Endpoint,
  GONE,
  type Note,
  type Router,
  type RouteTable,
  type Subnet,
  type SubnetsWorld,
} from './world.ts';

/** What AWS answered to one look. */
export interface Answers {
  vpc: ec2.Vpc;
  service: ec2.ServiceConfiguration;
  subnets: ec2.Subnet[];
  /** Of the whole region. */
  taggedSubnets: ec2.Subnet[];
  routeTables: ec2.RouteTable[];
  endpoints: ec2.VpcEndpoint[];
  connections: ec2.VpcEndpointConnection[];
  reservations: ec2.Reservation[];
  /** In the subnet that someone tried to delete. */
  interfaces: ec2.NetworkInterface[];
  targets: TargetHealthDescription[];
  attributes: LoadBalancerAttribute[];
}

/** The same in the plan's words. */
export function readWorld(
  answers: Answers,
  config: SubnetsConfig,
  { now, undeletable }: Pick<SubnetsWorld, 'now' | 'undeletable'>,
): SubnetsWorld {
  const { vpc, service, endpoints, targets } = answers;
  const routers = answers.reservations
    .flatMap(({ Instances }) => Instances ?? [])
    .flatMap((instance) => readRouter(instance, targets, config));
  const ours = endpoints.filter(
    ({ VpcEndpointType, Tags }) =>
      VpcEndpointType === 'GatewayLoadBalancer' && tag(Tags, config.stackTag.Key) === config.stackTag.Value,
  );
  const known = ours.map((endpoint) => readEndpoint(endpoint, answers.connections, config));
  return {
    now,
    vpcCidrs: [
      ...(vpc.CidrBlockAssociationSet ?? []).flatMap(({ CidrBlock }) => CidrBlock ?? []),
      ...(vpc.Ipv6CidrBlockAssociationSet ?? []).flatMap(({ Ipv6CidrBlock }) => Ipv6CidrBlock ?? []),
    ],
    service: {
      name: service.ServiceName ?? '',
      zones: service.AvailabilityZones ?? [],
      ipv6: service.SupportedIpAddressTypes?.includes('ipv6') ?? false,
    },
    subnets: answers.subnets.map((subnet) => readSubnet(subnet, config)),
    strangers: answers.taggedSubnets
      .filter(({ VpcId }) => VpcId !== config.vpcId)
      .map((subnet) => readSubnet(subnet, config)),
    routeTables: answers.routeTables.map((table) => readTable(table, config)),
    endpoints: known.filter(({ state }) => state !== 'deleted'),
    gone: known.filter(({ state }) => state === 'deleted'),
    connected: new Set(answers.connections.flatMap(({ VpcEndpointId }) => VpcEndpointId ?? [])),
    endpointCount: endpoints.filter((each) => each.VpcEndpointType !== 'Gateway' && stateOf(each) !== 'deleted').length,
    systemsManager: readSystemsManager(endpoints),
    routers,
    targets: targets.map(({ Target, TargetHealth }) => ({
      state: TargetHealth?.State ?? '',
      zone: Target?.AvailabilityZone ?? routers.find(({ id }) => id === Target?.Id)?.zone,
    })),
    crossZone: answers.attributes.some(
      ({ Key, Value }) => Key === 'load_balancing.cross_zone.enabled' && Value === 'true',
    ),
    undeletable: onlyHolds(answers.interfaces, ours) ? undeletable : undefined,
    refusals: new Map(),
  };
}

function readSubnet(subnet: ec2.Subnet, config: SubnetsConfig): Subnet {
  const ipv6 = (subnet.Ipv6CidrBlockAssociationSet ?? []).flatMap(
    (block) => canonicalCidr(block.Ipv6CidrBlock ?? '') ?? [],
  );
  return {
    id: subnet.SubnetId ?? '',
    name: tag(subnet.Tags, 'Name') ?? '',
    vpcId: subnet.VpcId ?? '',
    zone: subnet.AvailabilityZone ?? '',
    cidrs: [...(subnet.CidrBlock ? [subnet.CidrBlock] : []), ...ipv6],
    wish: tag(subnet.Tags, config.tagKey),
    status: tag(subnet.Tags, config.statusKey),
  };
}

/** A connection is ours to accept if its endpoint carries our tag and is of our account, whatever its owner calls it. */
function readEndpoint(
  endpoint: ec2.VpcEndpoint,
  connections: ec2.VpcEndpointConnection[],
  config: SubnetsConfig,
): Endpoint {
  const connection = connections.find(({ VpcEndpointId }) => VpcEndpointId === endpoint.VpcEndpointId);
  return {
    id: endpoint.VpcEndpointId ?? '',
    subnetId: endpoint.SubnetIds?.[0] ?? '',
    serviceName: endpoint.ServiceName ?? '',
    state: stateOf(endpoint),
    error: endpoint.LastError?.Message,
    createdAt: endpoint.CreationTimestamp?.getTime() ?? 0,
    ipv6: endpoint.IpAddressType === 'dualstack' || endpoint.IpAddressType === 'ipv6',
    acceptable:
      connection?.VpcEndpointState?.toLowerCase() === 'pendingacceptance' &&
      connection.VpcEndpointOwner === config.account,
  };
}

/** EC2 answers `pendingAcceptance`, its SDK's type says `PendingAcceptance`. */
function stateOf({ State }: ec2.VpcEndpoint): string {
  return State?.toLowerCase() ?? '';
}

function readRouter(instance: ec2.Instance, targets: TargetHealthDescription[], config: SubnetsConfig): Router[] {
  const state = instance.State?.Name ?? '';
  if (state === 'shutting-down' || state === 'terminated') return [];
  const primary = instance.NetworkInterfaces?.find(({ Attachment }) => Attachment?.DeviceIndex === 0);
  const target = targets.find(({ Target }) => Target?.Id === instance.InstanceId);
  return [
    {
      id: instance.InstanceId ?? '',
      name: tag(instance.Tags, 'Name') ?? '',
      zone: instance.Placement?.AvailabilityZone ?? '',
      subnetId: instance.SubnetId ?? '',
      interfaceId: primary?.NetworkInterfaceId ?? '',
      running: state === 'pending' || state === 'running',
      healthy: target?.TargetHealth?.State === 'healthy',
      dnsRange: tag(instance.Tags, config.rangeKey),
    },
  ];
}

/** Of an association that serves nobody. */
const ENDED = /^(failed|disassociated)$/;

function readTable(table: ec2.RouteTable, config: SubnetsConfig): RouteTable {
  const { Associations = [], Routes: routes = [] } = table;
  const associations = Associations.filter(({ AssociationState }) => !ENDED.test(AssociationState?.State ?? ''));
  return {
    id: table.RouteTableId ?? '',
    main: associations.some(({ Main }) => Main),
    edge: associations.some(({ GatewayId }) => GatewayId),
    subnetIds: associations.flatMap(({ SubnetId }) => SubnetId ?? []),
    routes: routes.map((route) => ({
      // AWS drops the host bits of all; how it shortens IPv6 it does not say.
      destination:
        route.DestinationCidrBlock ??
        canonicalCidr(route.DestinationIpv6CidrBlock ?? '') ??
        route.DestinationPrefixListId ??
        '',
      target: targetOf(route),
      blackhole: route.State === 'blackhole',
      propagated: route.Origin === 'EnableVgwRoutePropagation' || route.Origin === 'Advertisement',
    })),
    former: readNotes(table.Tags, config.formerKey),
    strays: readStrays(table.Tags, config.formerKey),
    direct: readNotes(table.Tags, config.directKey),
    tagCount: table.Tags?.length ?? 0,
  };
}

function readStrays(tags: ec2.Tag[] | undefined, prefix: string): Map<string, string> {
  const keys = (tags ?? []).flatMap(({ Key = '' }) => (Key.startsWith(`${prefix}:`) ? [] : Key));
  return new Map(
    keys.flatMap((key): [string, string][] => {
      const [, destination] = key.split(':former:');
      return destination ? [[destination, key]] : [];
    }),
  );
}

/** Notes have keys of the form `PREFIX:DESTINATION`. */
function readNotes(tags: ec2.Tag[] | undefined, prefix: string): Map<string, Note> {
  const notes = (tags ?? []).filter(({ Key }) => Key?.startsWith(`${prefix}:`));
  return new Map(
    notes.map(({ Key: key = '', Value: value = '' }) => {
      const words = value.split(' ');
      const gone = words[0] === GONE;
      const [target = '', , time = ''] = gone ? words.slice(1) : words;
      const at = Date.parse(time) || 0;
      return [key.slice(prefix.length + 1), { target, gone, at, key, value }];
    }),
  );
}

/** https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html: newer agents need no ec2messages. */
function readSystemsManager(endpoints: ec2.VpcEndpoint[]): SubnetsWorld['systemsManager'] {
  const serving = ['.ssm', '.ssmmessages'].map((service) =>
    endpoints.filter(
      (each) =>
        each.VpcEndpointType === 'Interface' && each.ServiceName?.endsWith(service) && stateOf(each) === 'available',
    ),
  );
  return {
    reachable: serving.every((each) => each.length > 0),
    subnetIds: serving.flat().flatMap(({ SubnetIds = [] }) => SubnetIds),
  };
}

/** Whether there is something in a subnet, and all of it is endpoints of ours. */
function onlyHolds(interfaces: ec2.NetworkInterface[], ours: ec2.VpcEndpoint[]): boolean {
  const own = new Set(ours.flatMap(({ NetworkInterfaceIds = [] }) => NetworkInterfaceIds));
  return interfaces.length > 0 && interfaces.every(({ NetworkInterfaceId = '' }) => own.has(NetworkInterfaceId));
}
