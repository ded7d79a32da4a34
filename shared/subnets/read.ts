import type * as ec2 from '@aws-sdk/client-ec2';
import type { AvailabilityZone, TargetHealthDescription } from '@aws-sdk/client-elastic-load-balancing-v2';
import { countedKeys, ipv6Blocks, tag, vpcBlocks } from '../aws/read.ts';
import { targetOf } from '../aws/route-target.ts';
import { canonicalCidr } from '../cidr.ts';
import type { HubConfig, SubnetsConfig } from '../config.ts';
import { grouped } from '../grouped.ts';
import { readNote } from '../note.ts';
import { pauseOf } from '../pause.ts';
import { adopts, isOwn, type Notary } from '../seal.ts';
import { readAttachments } from './attachments.ts';
import { memoryOf } from './memory.ts';
import { type Copy, GONE, type RouteNote } from './route-note.ts';
import type {
  Claim,
  Connection,
  Denied,
  Endpoint,
  HubLook,
  Route,
  Router,
  RouteTable,
  Subnet,
  SubnetsWorld,
} from './world.ts';

/** AWS answered this of the VPCs whose subnets count. */
export interface ClientAnswers {
  vpcs: ec2.Vpc[];
  subnets: ec2.Subnet[];
  routeTables: ec2.RouteTable[];
  endpoints: ec2.VpcEndpoint[];
  /** Interfaces in the subnet that someone tried to delete. */
  interfaces: ec2.NetworkInterface[];
}

/** And this is known of whose they are. */
export type ClientsLook = ClientAnswers & { claims: Claim[] | Denied };

/** AWS answered this of the endpoint service, and of the routers behind it. */
export interface FleetAnswers {
  service: ec2.ServiceConfiguration | undefined;
  instances: ec2.Instance[];
  targets: TargetHealthDescription[];
  crossZone: boolean;
}

/** AWS answered this to one look of the account that has the load balancer. */
export interface Answers extends ClientsLook, FleetAnswers {
  service: ec2.ServiceConfiguration;
  connections: ec2.VpcEndpointConnection[];
  /** The load balancer's nodes. */
  nodes: AvailabilityZone[];
}

/** PrivateLink's provider: the service that endpoints connect to, and what stands behind it. */
export interface Provider
  extends Pick<SubnetsWorld, 'service' | 'blind' | 'dnsRanges' | 'routers' | 'targets' | 'nodeZones' | 'crossZone'> {
  /** EC2 lists them to the service's owner alone. */
  connections: ec2.VpcEndpointConnection[];
}

/** The same in the plan's words. @throws Error if the load balancer's VPC is not among them */
export function readLook(answers: Answers, config: HubConfig, seal: Notary, at: At): HubLook {
  const provider = readProvider(answers, config, seal, at.now);
  const worlds = readWorlds(answers, provider, config, seal, at, config.vpcId);
  const own = worlds.find(({ vpcId }) => vpcId === config.vpcId);
  if (!own) throw new Error(`AWS does not list ${config.vpcId}`);
  return {
    now: at.now,
    vpcs: [own, ...worlds.filter((world) => world !== own)],
    missing: missingFrom(answers, config),
    claims: claimsAmong(answers, config.vpcId),
    spokes: answers.connections.flatMap(
      ({ VpcEndpointId: id, VpcEndpointOwner: owner, VpcEndpointState }): Connection[] => {
        const state = VpcEndpointState?.toLowerCase() ?? '';
        const isSpokes = id && owner && owner !== config.account && state !== 'deleted';
        return isSpokes ? [{ id, owner, state }] : [];
      },
    ),
    attachments: readAttachments(answers.connections),
    refused: undefined,
  };
}

/** VPCs that are there, and other stacks' by their claims. @param own the load balancer's, which no parameter takes from its stack */
export function claimsAmong({ vpcs, claims }: ClientsLook, own?: string): Claim[] | Denied {
  if ('denied' in claims) return claims;
  const listed = new Set(vpcs.map(({ VpcId }) => VpcId));
  return claims.filter(({ vpcId }) => vpcId !== own && listed.has(vpcId));
}

export function missingFrom({ vpcs }: ClientAnswers, { clientVpcs }: SubnetsConfig): string[] {
  const listed = new Set(vpcs.map(({ VpcId }) => VpcId));
  return clientVpcs === 'all' ? [] : clientVpcs.filter((id) => !listed.has(id));
}

function readProvider(answers: Answers, config: HubConfig, seal: Notary, now: number): Provider {
  const { service, connections, targets } = answers;
  const adopting = adopts(seal, now);
  const routers = answers.instances
    .filter(({ State }) => State?.Name !== 'shutting-down' && State?.Name !== 'terminated')
    .map((instance) => readRouter(instance, targets, config, seal, adopting));
  return {
    service: {
      name: service.ServiceName ?? '',
      owner: config.account,
      visible: true,
      zones: service.AvailabilityZones ?? [],
      zoneIds: service.AvailabilityZoneIds ?? [],
      ipv6: service.SupportedIpAddressTypes?.includes('ipv6') ?? false,
      ours: tag(service.Tags, config.stackTag.Key) === config.stackTag.Value,
    },
    blind: undefined,
    dnsRanges: routers.some(({ dnsRange }) => dnsRange !== undefined),
    routers,
    targets: readTargets(targets, routers),
    nodeZones: answers.nodes.flatMap(({ ZoneName }) => ZoneName ?? []),
    crossZone: answers.crossZone,
    connections,
  };
}

/** Targets with their states and zones. One by its address is no router. */
export const readTargets = (
  targets: readonly TargetHealthDescription[],
  routers: readonly Pick<Router, 'id' | 'zone'>[],
) =>
  targets
    .filter(({ Target }) => Target?.Id?.startsWith('i-'))
    .map(({ Target, TargetHealth }) => ({
      state: TargetHealth?.State ?? '',
      zone: Target?.AvailabilityZone ?? routers.find(({ id }) => id === Target?.Id)?.zone,
    }));

/** VPC by VPC, but for those of other stacks, or that may be. @param own the load balancer's, if it is in this account */
export function readWorlds(
  answers: ClientsLook,
  provider: Provider,
  config: SubnetsConfig,
  seal: Notary,
  at: At,
  own?: string,
): SubnetsWorld[] {
  const subnetsIn = byVpc(answers.subnets);
  const tablesIn = byVpc(answers.routeTables);
  const endpointsIn = byVpc(answers.endpoints);
  const claims = claimsAmong(answers, own);
  const theirs = 'denied' in claims ? undefined : new Set(claims.map(({ vpcId }) => vpcId));
  const vpcs = answers.vpcs.filter(({ VpcId = '' }) => (theirs ? !theirs.has(VpcId) : VpcId === own));
  // The load balancer's VPC says it of all. Where that is another account's, any VPC does: one that was tagged may be gone.
  const paused = pauseOf(own === undefined ? vpcs : vpcs.filter(({ VpcId }) => VpcId === own), config);
  return vpcs.map((vpc) => {
    const [subnets, routeTables, endpoints] = [subnetsIn(vpc), tablesIn(vpc), endpointsIn(vpc)];
    const there = { ...answers, vpc, subnets, routeTables, endpoints, remote: vpc.VpcId !== own };
    return { ...readWorld(there, provider, config, seal, at), paused };
  });
}

function byVpc<T extends { VpcId?: string | undefined }>(things: T[]): (vpc: ec2.Vpc) => T[] {
  const groups = Map.groupBy(things, ({ VpcId }) => VpcId);
  return ({ VpcId }) => groups.get(VpcId) ?? [];
}

/** It was looked at this time, and a person had tried to delete this. */
type At = Pick<SubnetsWorld, 'now' | 'deletionAttempted'>;

function readWorld(
  answers: Omit<ClientAnswers, 'vpcs'> & { vpc: ec2.Vpc; remote: boolean },
  { connections, ...provider }: Provider,
  config: SubnetsConfig,
  seal: Notary,
  { now, deletionAttempted }: At,
): Omit<SubnetsWorld, 'paused'> {
  const { vpc, endpoints, remote } = answers;
  const { routers } = provider;
  const adopting = adopts(seal, now);
  const isOfService = ({ ServiceName }: ec2.VpcEndpoint) => ServiceName === provider.service.name;
  const byStack = Map.groupBy(
    endpoints.filter(({ VpcEndpointType }) => VpcEndpointType === 'GatewayLoadBalancer'),
    ({ Tags }) => tag(Tags, config.stackTag.Key),
  );
  const isGenuine = (each: ec2.VpcEndpoint) => isOfService(each) || isSealed(each, config, seal);
  const tagged = Map.groupBy(byStack.get(config.stackTag.Value) ?? [], isGenuine);
  const [ours, forged] = [tagged.get(true) ?? [], tagged.get(false) ?? []];
  // What they led to before they were taken over, while nothing had a seal yet.
  const old = new Set(
    ours.flatMap(({ VpcEndpointId, CreationTimestamp }) =>
      adopting && VpcEndpointId && CreationTimestamp && CreationTimestamp.getTime() < seal.since ? VpcEndpointId : [],
    ),
  );
  const holders = new Map(
    [...byStack].flatMap(([stack, theirs]) =>
      stack && stack !== config.stackTag.Value ? theirs.map(({ VpcEndpointId = '' }) => [VpcEndpointId, stack]) : [],
    ),
  );
  const connectionOf = new Map(connections.map((connection) => [connection.VpcEndpointId, connection]));
  const copiesOf = copyTags(endpoints, config);
  const known = ours.map((endpoint) => readEndpoint(endpoint, connectionOf.get(endpoint.VpcEndpointId), config));
  const vpcCidrs = vpcBlocks(vpc);
  return {
    vpcId: vpc.VpcId ?? '',
    ...provider,
    remote,
    now,
    vpcCidrs,
    subnets: answers.subnets.map((subnet) => readSubnet(subnet, config, seal)),
    routeTables: answers.routeTables.map((table) => {
      const copies = copiesOf.get(table.RouteTableId ?? '') ?? [];
      return readTable(table, config, seal, { old, routers, vpcCidrs, holders, copies });
    }),
    endpoints: known.filter(({ state }) => state !== 'deleted'),
    gone: known.filter(({ state }) => state === 'deleted'),
    impostors: forged
      .filter((each) => stateOf(each) !== 'deleted')
      .map(({ VpcEndpointId: id = '', ServiceName: serviceName = '' }) => ({ id, serviceName })),
    connected: new Set(
      [...connections, ...endpoints.filter(isOfService)].flatMap(({ VpcEndpointId }) => VpcEndpointId ?? []),
    ),
    endpointCount: endpoints.filter((each) => sharesQuota(each) && stateOf(each) !== 'deleted').length,
    systemsManager: readSystemsManager(endpoints),
    deletionAttempted: onlyHolds(answers.interfaces, ours) ? deletionAttempted : undefined,
    attempts: new Map(),
  };
}

/** An endpoint's id is not known when it is tagged. Where it stands and whose service it is, is: nobody can change either. */
export const endpointNote = (subnetId: string, serviceName: string, { stackTag }: SubnetsConfig) => ({
  resource: `${subnetId} ${serviceName}`,
  key: stackTag.Key,
  text: stackTag.Value,
});

function isSealed({ SubnetIds, ServiceName, Tags }: ec2.VpcEndpoint, config: SubnetsConfig, { read }: Notary): boolean {
  const { resource, key, text } = endpointNote(SubnetIds?.[0] ?? '', ServiceName ?? '', config);
  return isOwn(read(resource, key, `${text} ${tag(Tags, config.sealKey)}`).by);
}

function readSubnet(subnet: ec2.Subnet, config: SubnetsConfig, { read }: Notary): Subnet {
  const { SubnetId: id = '', Tags = [] } = subnet;
  const status = tag(Tags, config.statusKey);
  const notes: Subnet['notes'] = new Map(
    [config.leavingKey, config.servedByKey, config.takenOverKey].flatMap((key) => {
      const value = tag(Tags, key);
      const note = value === undefined ? undefined : read(id, key, value);
      return note && isOwn(note.by) ? [[key, note] as const] : [];
    }),
  );
  return {
    id,
    name: tag(subnet.Tags, 'Name') ?? '',
    zone: subnet.AvailabilityZone ?? '',
    zoneId: subnet.AvailabilityZoneId ?? '',
    owner: subnet.OwnerId ?? '',
    cidrs: [...(subnet.CidrBlock ? [subnet.CidrBlock] : []), ...ipv6Blocks(subnet.Ipv6CidrBlockAssociationSet)],
    tagValue: tag(subnet.Tags, config.tagKey),
    status,
    notes,
    memory: memoryOf(notes, status, config),
    tagCount: countedKeys(subnet.Tags).length,
  };
}

/** A connection is ours to accept if its endpoint carries our tag and is of our account, whatever its owner calls it. */
function readEndpoint(
  endpoint: ec2.VpcEndpoint,
  connection: ec2.VpcEndpointConnection | undefined,
  config: SubnetsConfig,
): Endpoint {
  const asks = connection?.VpcEndpointState?.toLowerCase() === 'pendingacceptance';
  return {
    id: endpoint.VpcEndpointId ?? '',
    subnetId: endpoint.SubnetIds?.[0] ?? '',
    serviceName: endpoint.ServiceName ?? '',
    state: stateOf(endpoint),
    error: endpoint.LastError?.Message,
    createdAt: endpoint.CreationTimestamp?.getTime() ?? 0,
    ipv6: endpoint.IpAddressType === 'dualstack' || endpoint.IpAddressType === 'ipv6',
    tags: new Map((endpoint.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
    acceptable: asks && connection?.VpcEndpointOwner === config.account,
    tagCount: countedKeys(endpoint.Tags).length,
  };
}

/** Endpoints of other types have quotas of their own. https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html */
function sharesQuota({ VpcEndpointType: type }: ec2.VpcEndpoint): boolean {
  return type === 'Interface' || type === 'GatewayLoadBalancer';
}

/** EC2 answers `pendingAcceptance`, its SDK's type says `PendingAcceptance`. */
function stateOf({ State }: ec2.VpcEndpoint): string {
  return State?.toLowerCase() ?? '';
}

function readRouter(
  instance: ec2.Instance,
  targets: TargetHealthDescription[],
  config: SubnetsConfig,
  { read }: Notary,
  adopting: boolean,
): Router {
  const state = instance.State?.Name ?? '';
  const primary = instance.NetworkInterfaces?.find(({ Attachment }) => Attachment?.DeviceIndex === 0);
  const target = targets.find(({ Target }) => Target?.Id === instance.InstanceId);
  const id = instance.InstanceId ?? '';
  const note = tag(instance.Tags, config.rangeKey);
  const range = note === undefined ? undefined : read(id, config.rangeKey, note);
  const isRange = range && (isOwn(range.by) || (adopting && target !== undefined));
  return {
    id,
    name: tag(instance.Tags, 'Name') ?? '',
    zone: instance.Placement?.AvailabilityZone ?? '',
    subnetId: instance.SubnetId ?? '',
    interfaceId: primary?.NetworkInterfaceId ?? '',
    running: state === 'pending' || state === 'running',
    healthy: target?.TargetHealth?.State === 'healthy',
    dnsRange: (isRange && range.text) || undefined,
  };
}

/** An association in these states serves nobody. */
const ENDED = /^(failed|disassociated)$/;

/** A table is read against these. */
interface Surroundings extends Pick<SubnetsWorld, 'routers' | 'vpcCidrs'> {
  old: ReadonlySet<string>;
  holders: ReadonlyMap<string, string>;
  copies: CopyTag[];
}

function readTable(table: ec2.RouteTable, config: SubnetsConfig, seal: Notary, around: Surroundings): RouteTable {
  const { RouteTableId: id = '', Associations = [], Routes: routes = [] } = table;
  const associations = Associations.filter(({ AssociationState }) => !ENDED.test(AssociationState?.State ?? ''));
  const notes = (table.Tags ?? []).filter(({ Key = '' }) => NOTES.test(Key));
  return {
    id,
    owner: table.OwnerId ?? '',
    main: associations.some(({ Main }) => Main),
    edge: associations.some(({ GatewayId }) => GatewayId),
    subnetIds: associations.flatMap(({ SubnetId }) => SubnetId ?? []),
    routes: routes.map((route) => {
      const read = readRoute(route, around.vpcCidrs);
      const holder = around.holders.get(read.target) ?? directHolder(notes, config.directKey, read);
      return { ...read, holder };
    }),
    ...(notes.length + around.copies.length > 0 ? readTableNotes(table, notes, config, seal, around) : NO_NOTES),
    tagCount: countedKeys(table.Tags).length,
  };
}

/** Keys of notes of this stack and of others. */
const NOTES = /:(former|direct):/;

type TableNotes = Pick<RouteTable, 'takeoverNotes' | 'copies' | 'foreignNotes' | 'directRouteNotes' | 'forged'>;
const none = new Map();
const NO_NOTES = { takeoverNotes: none, copies: none, foreignNotes: none, directRouteNotes: none, forged: none };

function readTableNotes(
  { RouteTableId: id = '', Routes: routes = [] }: ec2.RouteTable,
  tags: ec2.Tag[],
  config: SubnetsConfig,
  seal: Notary,
  { old, routers, copies: copyTags }: Surroundings,
): TableNotes {
  type Entry = [destination: string, note: RouteNote];
  const leadsToOld = ([destination]: Entry) =>
    routes.some((route) => destinationOf(route) === destination && old.has(route.GatewayId ?? ''));
  const isRoutersRange = ([destination, { target }]: Entry) =>
    routers.some(({ dnsRange, interfaceId }) => dnsRange === destination && interfaceId === target);
  const notes = (prefix: string, isBelieved: (entry: Entry) => boolean) =>
    Map.groupBy(readNotes(id, tags, prefix, seal), (entry) => isOwn(entry[1].by) || isBelieved(entry));
  const [former, direct] = [notes(config.formerKey, leadsToOld), notes(config.directKey, isRoutersRange)];
  const forged = [former, direct].flatMap((all) => all.get(false) ?? []);
  const copies = readCopies(id, copyTags, config, seal);
  return {
    takeoverNotes: new Map([
      ...[...copies].flatMap(([destination, [newest]]): Entry[] => (newest ? [[destination, newest.note]] : [])),
      ...(former.get(true) ?? []),
    ]),
    copies,
    foreignNotes: readForeignNotes(tags, config.formerKey),
    directRouteNotes: new Map(direct.get(true)),
    forged: grouped(forged.map(([destination, { key }]) => [destination, key])),
  };
}

/** A note under another `tagKey` says that a route to a router's interface is another stack's: its holder. */
type Leads = Pick<Route, 'destination' | 'target'>;
function directHolder(tags: ec2.Tag[], own: string, { destination, target }: Leads) {
  const note = tags.find(
    ({ Key = '', Value = '' }) =>
      Key.endsWith(`:direct:${destination}`) && Key !== `${own}:${destination}` && Value.startsWith(`${target} `),
  );
  return note && `the stack that wrote ${note.Key}`;
}

function readForeignNotes(tags: ec2.Tag[], prefix: string): Map<string, string> {
  const keys = tags.flatMap(({ Key = '' }) => (Key.startsWith(`${prefix}:`) ? [] : Key));
  return new Map(
    keys.flatMap((key): [string, string][] => {
      const [, destination] = key.split(':former:');
      return destination ? [[destination, key]] : [];
    }),
  );
}

/** AWS drops the host bits of all; how it shortens IPv6 it does not say. */
const destinationOf = (route: ec2.Route) =>
  route.DestinationCidrBlock ??
  canonicalCidr(route.DestinationIpv6CidrBlock ?? '') ??
  route.DestinationPrefixListId ??
  '';

function readRoute(route: ec2.Route, vpcCidrs: string[]): Omit<Route, 'holder'> {
  const destination = destinationOf(route);
  const propagated = route.Origin === 'EnableVgwRoutePropagation' || route.Origin === 'Advertisement';
  return {
    destination,
    target: targetOf(route),
    blackhole: route.State === 'blackhole',
    propagated,
    // Which origin AWS shows once it leads elsewhere is not documented. No other static route can have a block of the VPC.
    local: !propagated && (route.Origin === 'CreateRouteTable' || vpcCidrs.includes(destination)),
  };
}

/** Notes have keys of the form `PREFIX:DESTINATION`. */
function readNotes(id: string, tags: ec2.Tag[], prefix: string, { read }: Notary): [string, RouteNote][] {
  const notes = tags.filter(({ Key }) => Key?.startsWith(`${prefix}:`));
  return notes.map(({ Key: key = '', Value: value = '' }): [string, RouteNote] => {
    const { text, by } = read(id, key, value);
    const [first = '', second = ''] = text.split(' ');
    const gone = first === GONE;
    const target = gone ? second : first;
    const at = readNote(text)?.at ?? 0;
    return [key.slice(prefix.length + 1), { target, gone, at, key, value, text, by, onTable: true }];
  });
}

type CopyTag = Pick<Copy, 'endpointId' | 'key' | 'value'> & { destination: string };

/** Endpoints' tags that copy notes of route tables, by the tables' ids. */
function copyTags(endpoints: ec2.VpcEndpoint[], { copyKey }: SubnetsConfig): Map<string, CopyTag[]> {
  const prefix = `${copyKey}:`;
  return grouped(
    endpoints.flatMap(({ VpcEndpointId: endpointId = '', Tags = [] }) =>
      Tags.flatMap(({ Key: key = '', Value: value = '' }): [string, CopyTag][] => {
        if (!key.startsWith(prefix)) return [];
        const [tableId = '', ...destination] = key.slice(prefix.length).split(':');
        return [[tableId, { endpointId, key, value, destination: destination.join(':') }]];
      }),
    ),
  );
}

/** Copies of a table's notes, by destination, the newest first: those with our seal for that table, whichever endpoint they are on. */
function readCopies(tableId: string, tags: CopyTag[], config: SubnetsConfig, seal: Notary) {
  const copies = tags.flatMap(({ destination: noted, ...tag }): [string, Copy][] => {
    const Key = `${config.formerKey}:${noted}`;
    const [[destination, note] = []] = readNotes(tableId, [{ Key, Value: tag.value }], config.formerKey, seal);
    if (destination === undefined || !note || !isOwn(note.by)) return [];
    return [[destination, { ...tag, note: { ...note, onTable: false } }]];
  });
  return grouped(copies.sort(([, a], [, b]) => b.note.at - a.note.at));
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

/** A subnet holds something, and all of it is endpoints of ours. */
function onlyHolds(interfaces: ec2.NetworkInterface[], ours: ec2.VpcEndpoint[]): boolean {
  if (interfaces.length === 0) return false;
  const own = new Set(ours.flatMap(({ NetworkInterfaceIds = [] }) => NetworkInterfaceIds));
  return interfaces.every(({ NetworkInterfaceId = '' }) => own.has(NetworkInterfaceId));
}
