import type { HubConfig } from '../../../shared/config.ts';
import { formatNote } from '../../../shared/note.ts';
import { memoryOf } from '../../../shared/subnets/memory.ts';
import type { RouteNote } from '../../../shared/subnets/route-note.ts';
import type { SubnetsStep } from '../../../shared/subnets/steps.ts';
import type {
  Endpoint,
  Route,
  Router,
  RouteTable,
  Service,
  Subnet,
  SubnetsWorld,
} from '../../../shared/subnets/world.ts';

/** As `serverless deploy` without parameters has it. */
export const config = (fields: Partial<HubConfig> = {}): HubConfig => ({
  stack: 'ziti-glb-test',
  version: '1.2.3',
  account: '111122223333',
  tagKey: 'ziti-glb',
  vpcId: 'vpc-1',
  targetGroupArn: 'arn:targetgroup',
  loadBalancerArn: 'arn:loadbalancer',
  serviceId: 'vpce-svc-1',
  clientVpcs: [],
  gatewayOwners: [],
  spokeAccounts: [],
  defaultCidrs: ['100.64.0.0/10'],
  endpoints: 'subnet',
  mainTableAllowed: false,
  withoutRouter: 'keep',
  resolver: '100.127.255.254/32',
  systemsManagerCidrs: [],
  endpointsPerVpc: 50,
  routesPerTable: 500,
  tags: [],
  pauseKey: 'ziti-glb:paused',
  statusKey: 'ziti-glb:status',
  leavingKey: 'ziti-glb:leaving',
  servedByKey: 'ziti-glb:served-by',
  takenOverKey: 'ziti-glb:taken-over',
  rangeKey: 'ziti-glb:dns-range',
  formerKey: 'ziti-glb:former',
  copyKey: 'ziti-glb:former',
  directKey: 'ziti-glb:direct',
  stackTag: { Key: 'ziti-glb:stack', Value: 'ziti-glb-test' },
  sealKey: 'ziti-glb:seal',
  sealing: { keyArn: '', version: 1, partition: '', region: '', account: '', stack: '', tagKey: '' },
  ...fields,
});

/** A time that is long after everything that worlds are made of. */
export const NOW = Date.UTC(2026, 0, 15, 10);
export const SERVICE = 'com.amazonaws.vpce.eu-central-1.vpce-svc-1';
export const RESOLVER = '100.127.255.254/32';
export const CIDR = '10.20.0.0/16';

export const subnet = (fields: Partial<Subnet> = {}): Subnet => ({
  id: 'subnet-a',
  name: '',
  zone: 'a',
  zoneId: 'euc1-az2',
  owner: '111122223333',
  cidrs: ['10.0.1.0/24'],
  tagValue: CIDR,
  status: undefined,
  notes: new Map(),
  memory: memoryOf(new Map(), undefined, config()),
  tagCount: 1,
  ...fields,
});

export const endpoint = (fields: Partial<Endpoint> = {}): Endpoint => ({
  id: 'vpce-a',
  subnetId: 'subnet-a',
  serviceName: SERVICE,
  state: 'available',
  error: undefined,
  createdAt: NOW - 3_600_000,
  ipv6: false,
  tags: new Map(),
  acceptable: false,
  tagCount: 3,
  ...fields,
});

export const route = (target: string, destination = CIDR, fields: Partial<Route> = {}): Route => ({
  destination,
  target,
  blackhole: false,
  propagated: false,
  local: false,
  holder: undefined,
  ...fields,
});

/** Routes to one target: the CIDR's and, as everybody has one, the resolver's. */
export const routes = (target: string, ...destinations: string[]): Route[] =>
  [...(destinations.length > 0 ? destinations : [CIDR]), RESOLVER].map((destination) => route(target, destination));

export const note = (key: string, target: string, fields: Partial<RouteNote> = {}): [string, RouteNote] => {
  const destination = key.slice(key.indexOf(':', 'ziti-glb:'.length) + 1);
  const text = `${target} since 1970`;
  return [
    destination,
    { target, gone: false, at: 0, key, value: `${text} v1.its-seal`, text, by: 'us', onTable: true, ...fields },
  ];
};

export const table = (fields: Partial<RouteTable> = {}): RouteTable => ({
  id: 'rtb-a',
  owner: '111122223333',
  main: false,
  edge: false,
  subnetIds: ['subnet-a'],
  routes: [],
  takeoverNotes: new Map(),
  copies: new Map(),
  foreignNotes: new Map(),
  directRouteNotes: new Map(),
  forged: new Map(),
  tagCount: 0,
  ...fields,
});
export const main = table({ id: 'rtb-main', main: true, subnetIds: [] });

export const router = (fields: Partial<Router> = {}): Router => ({
  id: 'i-1',
  name: '',
  zone: 'a',
  subnetId: 'subnet-routers',
  interfaceId: 'eni-1',
  running: true,
  healthy: true,
  dnsRange: undefined,
  ...fields,
});

/** A subnet as a look reads it: with the tags that stand beside a status which says the same. */
export function remembering(each: Subnet): Subnet {
  const memory = memoryOf(each.notes, each.status, config());
  const { leavingSince: at, servedBy, takenOver } = memory;
  const { leavingKey, servedByKey, takenOverKey } = config();
  const texts: [string, string | undefined][] = [
    [leavingKey, at > 0 ? formatNote({ text: 'someone tried to delete it', at }) : undefined],
    [servedByKey, servedBy],
    [takenOverKey, takenOver && [takenOver.tableId, ...takenOver.destinations].join(' ')],
  ];
  const notes = texts.flatMap(([key, text]) => (text === undefined ? [] : [[key, { text, by: 'us' }] as const]));
  return { ...each, notes: new Map(notes), memory };
}

export const service = (fields: Partial<Service> = {}): Service => ({
  name: SERVICE,
  owner: '111122223333',
  visible: true,
  zones: ['a', 'b'],
  zoneIds: ['euc1-az2', 'euc1-az3'],
  ipv6: false,
  ours: true,
  ...fields,
});

/** One tagged subnet with a table of its own, and a healthy router. */
export const world = ({ subnets = [subnet()], ...fields }: Partial<SubnetsWorld> = {}): SubnetsWorld => ({
  vpcId: 'vpc-1',
  remote: false,
  now: NOW,
  vpcCidrs: ['10.0.0.0/16'],
  service: service(),
  blind: undefined,
  dnsRanges: false,
  subnets: subnets.map(remembering),
  routeTables: [main, table()],
  endpoints: [],
  gone: [],
  impostors: [],
  connected: new Set(),
  endpointCount: 0,
  systemsManager: { reachable: false, subnetIds: [] },
  routers: [router()],
  targets: [{ state: 'healthy', zone: 'a' }],
  nodeZones: ['a', 'b'],
  crossZone: true,
  deletionAttempted: undefined,
  attempts: new Map(),
  ...fields,
});

/** A step in few words. The resolver's route goes with every other, and is left out. */
export function brief(steps: SubnetsStep[]): string[] {
  return steps.filter((step) => !('destination' in step) || step.destination !== RESOLVER).map(words);
}

function words(step: SubnetsStep): string {
  switch (step.kind) {
    case 'create-endpoint':
      return `${step.kind} ${step.subnetId}${step.ipv6 ? ' ipv6' : ''}`;
    case 'publish-zones':
      return step.kind;
    case 'accept-endpoints':
    case 'delete-endpoints':
      return `${step.kind} ${step.endpointIds}`;
    case 'accept-attachments':
      return `${step.kind} ${step.attachmentIds}`;
    case 'tag-endpoint':
      return `${step.kind} ${step.endpointId} ${step.tags.map(({ Key, Value }) => `${Key}=${Value}`)}`;
    case 'create-route':
    case 'replace-route':
      return `${step.kind} ${step.tableId} ${step.destination} ${step.target}`;
    case 'restore-route':
      return `${step.kind} ${step.tableId} ${step.destination} ${step.note.target}`;
    case 'reset-route':
    case 'delete-route':
      return `${step.kind} ${step.tableId} ${step.destination}`;
    case 'write-note':
      return `${step.kind} ${step.tableId} ${step.key} ${step.value.split(' ')[0]}`;
    case 'erase-note':
      return `${step.kind} ${step.tableId} ${step.note.key}`;
    case 'copy-note':
      return `${step.kind} ${step.endpointId} ${step.tableId} ${step.destination} ${step.value.split(' ')[0]}`;
    case 'erase-copy':
      return `${step.kind} ${step.endpointId} ${step.key}`;
    case 'write-memory':
      return `${step.kind} ${step.subnetId} ${step.key} ${step.value}`;
    case 'erase-memory':
      return `${step.kind} ${step.subnetId} ${step.key}`;
    case 'set-status':
      return `${step.subnetIds}: ${step.status}`;
    case 'clear-status':
      return `${step.kind} ${step.subnetIds}`;
  }
}
