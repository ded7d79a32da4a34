import type { Reason } from '../conditions/condition.ts';
import type { Blind } from '../conditions/subnets.ts';
import type { Pause } from '../pause.ts';
import type { Attempts } from '../reconcile/refused-steps.ts';
import type { Ref } from '../ref.ts';
import type { Author } from '../seal.ts';
import type { Attachment } from './attachments.ts';
import type { Copy, RouteNote } from './route-note.ts';
import type { SubnetsStep } from './steps.ts';

/** A VPC as one look at AWS found it: the plan for its subnets is made from this alone. */
export interface SubnetsWorld {
  vpcId: string;
  /** The load balancer and its routers stand in another VPC. */
  remote: boolean;
  /** The look began then, in milliseconds since the epoch. */
  now: number;
  /** IPv4 and IPv6. */
  vpcCidrs: string[];
  service: Service;
  /** Why nobody knows which routers are healthy: nothing new is made then, and nothing taken away. Undefined if it is known. */
  blind: Blind | undefined;
  /** Routers answer for names with addresses that mean something on one of them alone. */
  dnsRanges: boolean;
  /** Every subnet of the VPC. */
  subnets: Subnet[];
  routeTables: RouteTable[];
  /** Endpoints of ours, by the tag they were created with and by their service, or by the seal of that tag; none that is gone but still listed. */
  endpoints: Endpoint[];
  /** Endpoints that carry our tag and are of another service, which nobody knows for ours. */
  impostors: Pick<Endpoint, 'id' | 'serviceName'>[];
  /** Endpoints of ours that are gone but still listed. */
  gone: Pick<Endpoint, 'id' | 'subnetId' | 'createdAt'>[];
  /** Ids of the endpoints that our service has, whosever they are and whatever their tags. */
  connected: ReadonlySet<string>;
  /** Interface and Gateway Load Balancer endpoints of the VPC, whosever they are: they share a quota. */
  endpointCount: number;
  systemsManager: SystemsManager;
  routers: Router[];
  /** Targets of the load balancer. The zone is not known of an instance that is no router by its tag. */
  targets: { state: string; zone: string | undefined }[];
  /** The load balancer has nodes there. */
  nodeZones: string[];
  /** Load balancer nodes hand packets to routers of other zones too. */
  crossZone: boolean;
  /** A subnet that someone tries to delete and in which nothing but endpoints of ours is left. */
  deletionAttempted: string | undefined;
  /** Steps that AWS refused before this look. */
  attempts: Attempts<SubnetsStep>;
  /** A person has paused the stack: the same in all VPCs of a look. */
  paused?: Pause | undefined;
}

/** All VPCs whose subnets count, as one look at AWS found them. */
export interface SubnetsLook {
  now: number;
  vpcs: SubnetsWorld[];
  /** Ids of VPCs that the stack names and AWS does not list. */
  missing: string[];
  /** VPCs that other stacks judge by the same tag. While nobody knows which, any that has no routers is left as it is. */
  claims: Claim[] | Denied;
  /** Transit gateways that are connected to the service, or ask to be. */
  attachments: Attachment[];
  /** Connections of other accounts to the stack's service. */
  spokes: Connection[];
  /** A spoke's endpoints lead there. */
  hub?: Hub | undefined;
  /** Why the stack may do nothing at all. */
  refused: Reason | undefined;
}

/** Where the load balancer is, its own VPC is the first. */
export type HubLook = SubnetsLook & { vpcs: [own: SubnetsWorld, ...others: SubnetsWorld[]] };

/** A spoke knows this of the stack whose routers it reaches. */
export interface Hub {
  /** Its account; empty if nobody says. */
  account: string;
  /** Its endpoint service, by its name, and whether that is there for this account. */
  service: string;
  visible: boolean;
  /** Zones of the service: ids that are the same in every account, the name that this one has for it, and how many healthy routers it reaches, if that is known. */
  zones: { id: string; name: string; routers?: number | undefined }[];
  /** It told of its routers then, in milliseconds since the epoch; undefined if it has told nothing that can be believed. */
  toldAt?: number | undefined;
  /** Why its routers are not known; undefined if they are. */
  blind?: Blind | undefined;
}

/** A stack has said at its deployment that a VPC's subnets are its to judge, by the tag that another one has too. */
export interface Claim {
  vpcId: string;
  stack: string;
}

/** AWS does not let who looks read something, in its words. */
export interface Denied {
  denied: string;
}

/** An endpoint of another account, as the owner of the service sees it. */
export interface Connection {
  /** The endpoint's id. */
  id: string;
  /** Its account. */
  owner: string;
  /** Lower case, as of an endpoint. */
  state: string;
}

export interface Service {
  name: string;
  /** Its account; empty if nobody says. */
  owner: string;
  /** It is there for this account: another's may be gone, or not let this account connect. */
  visible: boolean;
  /** The service is in these. AWS adds none by itself that the load balancer got later. */
  zones: string[];
  /** The same by their ids, which are the same in every account. */
  zoneIds: string[];
  ipv6: boolean;
  /** The stack made it. */
  ours: boolean;
}

export interface Subnet {
  id: string;
  name: string;
  zone: string;
  /** The zone's id is the same in every account. */
  zoneId: string;
  /** The account whose it is; empty if EC2 does not say. */
  owner: string;
  /** IPv4 and IPv6. */
  cidrs: string[];
  /** The tag's value, or undefined if it has none. */
  tagValue: string | undefined;
  /** Its status tag, as we last wrote it. */
  status: string | undefined;
  /** Tags by which the next look knows what nothing else tells, by key, without their seals. */
  notes: ReadonlyMap<string, { text: string; by: Author }>;
  memory: Memory;
  /** AWS's own apart. */
  tagCount: number;
}

/** A subnet's tags of that kind say this. */
export interface Memory {
  /** Someone last tried to delete it then, in milliseconds since the epoch; long ago if it does not say. */
  leavingSince: number;
  /** Id of the endpoint that serves it besides another subnet, since AWS refused one of its own. */
  servedBy: string | undefined;
  /** Destinations of a table whose routes led elsewhere before, or of which that is said to be lost. */
  takenOver: { tableId: string; destinations: string[] } | undefined;
}

export interface Endpoint {
  id: string;
  subnetId: string;
  serviceName: string;
  /** Lower case: EC2 answers `pendingAcceptance`, its SDK's type says `PendingAcceptance`. */
  state: string;
  /** AWS's word on why it failed. */
  error: string | undefined;
  createdAt: number;
  ipv6: boolean;
  /** Its tags, by key. */
  tags: ReadonlyMap<string, string>;
  /** The endpoint service asks for our acceptance of it. */
  acceptable: boolean;
  tagCount: number;
}

/** The VPC's machines reach Systems Manager by these endpoints without leaving the VPC. */
export interface SystemsManager {
  /** The VPC has an endpoint for each service that an agent needs. */
  reachable: boolean;
  subnetIds: string[];
}

export interface RouteTable {
  id: string;
  /** The account whose it is, as of a subnet. Nobody else may write routes there. */
  owner: string;
  main: boolean;
  /** Associated with a gateway: it is for what comes into the VPC, and never ours to change. */
  edge: boolean;
  /** Subnets explicitly associated with it; all others of the VPC follow the main table. */
  subnetIds: string[];
  routes: Route[];
  /** Its routes led to these before they were taken over, by destination: as its own tags say, else their copies. */
  takeoverNotes: ReadonlyMap<string, RouteNote>;
  /** Copies of those on endpoints, the newest first. */
  copies: ReadonlyMap<string, Copy[]>;
  /** The keys of such notes under another `tagKey`, by destination: of another stack, or of this one before. */
  foreignNotes: ReadonlyMap<string, string>;
  /** Routes to routers' interfaces that are ours, by destination. */
  directRouteNotes: ReadonlyMap<string, RouteNote>;
  /** The keys of notes that are not ours, by destination: somebody else wrote them, or copied them here. */
  forged: ReadonlyMap<string, string[]>;
  /** AWS's own apart. */
  tagCount: number;
}

export interface Route {
  /** CIDR block, or the id of a prefix list. */
  destination: string;
  /** The id of what it leads to. An endpoint comes back as a gateway id. */
  target: string;
  blackhole: boolean;
  /** A virtual private gateway or a route server put it there. A static route to the same destination goes before it. */
  propagated: boolean;
  /** It is the VPC's own, which every table has for each block: it may lead elsewhere than `local`, and cannot be deleted. */
  local: boolean;
  /** Another stack like this one that has it, in words. */
  holder: string | undefined;
}

/** Stands for a target where there is no route. */
export const MISSING = 'missing';

/** AWS's quota of routes in a table counts neither the VPC's own nor propagated ones. https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html */
export const isCounted = ({ local, propagated }: Pick<Route, 'local' | 'propagated'>) => !local && !propagated;

export interface Router {
  id: string;
  name: string;
  zone: string;
  subnetId: string;
  /** Its primary interface: the one that is a target, and that its DNS range is on. */
  interfaceId: string;
  running: boolean;
  healthy: boolean;
  /** CIDR block of the addresses that it gives to wildcard services, by the note of the function that keeps routers. */
  dnsRange: string | undefined;
}

/** A subnet that someone tries to delete stays out for so long, in case nobody does after all. */
const LEAVING_MS = 3_600_000;

/** A subnet leaves for an hour after a DeleteSubnet that failed: our endpoint goes, so that the delete can succeed. */
export function isLeaving({ id, memory }: Subnet, { deletionAttempted, now }: SubnetsWorld): boolean {
  return id === deletionAttempted || now - memory.leavingSince < LEAVING_MS;
}

export function label({ id, name }: { id: string; name: string }): string {
  return name ? `${id} (${name})` : id;
}

export const aboutNamed = (thing: { id: string; name: string }): Ref => ({ label: label(thing), ids: [thing.id] });

/** A subnet or a table is another account's in a VPC which that one shares. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html */
export const isShared = ({ owner }: { owner: string }, account: string) => owner !== '' && owner !== account;

/** VPC user guide, "Subnet route tables": the explicit association, else the main table. Tells the table of each subnet by its id. */
export function tablesOf({
  routeTables,
}: Pick<SubnetsWorld, 'routeTables'>): (subnetId: string) => RouteTable | undefined {
  const main = routeTables.find((table) => table.main);
  const associated = new Map<string, RouteTable>();
  // EC2 may list a subnet twice while it goes from one table to another.
  for (const table of routeTables) for (const id of table.subnetIds) if (!associated.has(id)) associated.set(id, table);
  return (subnetId) => associated.get(subnetId) ?? main;
}

export const tableOf = (subnetId: string, world: Pick<SubnetsWorld, 'routeTables'>) => tablesOf(world)(subnetId);

export function subnetsOf(
  table: RouteTable,
  { subnets, routeTables }: Pick<SubnetsWorld, 'routeTables' | 'subnets'>,
): Subnet[] {
  const here = new Set(table.subnetIds);
  if (!table.main) return subnets.filter(({ id }) => here.has(id));
  const elsewhere = new Set(routeTables.flatMap((other) => (other === table ? [] : other.subnetIds)));
  return subnets.filter(({ id }) => !elsewhere.has(id));
}

/** A route is ours if it leads to an endpoint with our tag, or to the interface that our note on its table names. */
export function isOurs({ destination, target }: Route, table: RouteTable, { endpoints, gone }: SubnetsWorld): boolean {
  if (target.startsWith('eni-')) return table.directRouteNotes.get(destination)?.target === target;
  const is = ({ id }: { id: string }) => id === target;
  return endpoints.some(is) || gone.some(is);
}

/** Nothing in a table is ours, or says that it is. */
export const isUntouched = (table: RouteTable, world: SubnetsWorld) =>
  table.takeoverNotes.size + table.directRouteNotes.size + table.forged.size === 0 &&
  !table.routes.some((route) => route.target !== 'local' && isOurs(route, table, world));

/** Packets of an endpoint in this zone find a healthy router. */
export function routerInReach(zone: string | undefined, { targets, crossZone }: SubnetsWorld): boolean {
  return targets.some((target) => target.state === 'healthy' && (crossZone || target.zone === zone));
}

/** An endpoint does not come back from these states: only another one helps. */
const ENDED = new Set(['rejected', 'failed', 'expired']);

export const hasEnded = ({ state }: Endpoint) => ENDED.has(state);
export const isLive = (endpoint: Endpoint) => !hasEnded(endpoint) && endpoint.state !== 'deleting';
