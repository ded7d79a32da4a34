/**
 * What commands print with `--json`, one document on standard output. It stands alone: the package gives it on as json.d.ts, and
 * test/bin/json.test.ts holds it, and the schema that release/schema.ts makes, to what the commands print. Times are milliseconds
 * since the epoch.
 */

/** Of every document but a list. What leaves out, renames or retypes something makes it another; what only adds does not. */
export interface Versioned {
  schemaVersion: number;
}

/** Of `ziti-glb status --json`. */
export interface Status extends Versioned {
  place: { partition: string; region: string; stack: string };
  /** The stack's own account. */
  account: string;
  /** The load balancer's; empty of a spoke. */
  vpcId: string;
  tagKey: string;
  /** When it was looked at. */
  at: number;
  crossZone: boolean;
  /** A person has paused the stack: it stays as it is. */
  paused?: { since?: number | undefined; why: string } | undefined;
  zones: StatusZone[];
  /** Transit gateways that are connected to the endpoint service, or ask to be: `id` is the connection's, `owner` an account's. */
  gateways: { id: string; attachmentId?: string | undefined; owner?: string | undefined; state: string }[];
  /** Endpoints of other accounts, their `owner`, that are connected to the endpoint service or ask to be; `state` is EC2's, in lower case. */
  spokes: { id: string; owner: string; state: string }[];
  /** Of a spoke: the stack whose routers it reaches. */
  hub?: StatusHub;
  /** What there is to say of things that are neither a subnet nor a router; `foreign` if it is another's affair, which is no fault of the stack: an account that nobody has named asks for it, or another stack opts in a VPC's subnets. */
  notes: { subject: string; state: State; why: string; foreign?: boolean }[];
}

export type State = 'ready' | 'leaving' | 'waiting' | 'conflict' | 'blocked' | 'refused' | 'down';
export type Flow = 'carries' | 'pending' | 'lost';

export interface StatusHub {
  account: string;
  /** Its endpoint service by name, and whether that is there for this account. */
  service: string;
  visible: boolean;
  /** The service's zones, by ids that are the same in every account and by the names of this one; `routers` that are healthy for it, if they are known. */
  zones: { id: string; name: string; routers?: number | undefined }[];
  /** When it told of them. */
  toldAt?: number | undefined;
  /** Why they are not known. */
  blind?: string | undefined;
}

export interface StatusZone {
  name: string;
  subnets: StatusSubnet[];
  /** Network interfaces of the load balancer. */
  nodes: { address: string; carries: boolean }[];
  routers: StatusRouter[];
  /** Subnets of the VPC that are not opted in. */
  others: number;
}

interface Subject {
  id: string;
  /** Its Name tag, else its id. */
  name: string;
  zone: string;
  state: State;
  /** Why it is not ready. */
  why: string[];
}

export interface StatusSubnet extends Subject {
  /** The VPC it is of, if not the load balancer's. */
  vpcId?: string | undefined;
  cidrs: string[];
  tagValue?: string;
  destinations: { cidr: string; asked: boolean; routed: boolean }[];
  tableId?: string;
  endpoint?: { id: string; state: string };
  flow?: Flow;
}

export interface StatusRouter extends Subject {
  address: string;
  instanceState: string;
  health: string;
  /** Elastic Load Balancing's word on why it is not healthy. */
  reason?: string | undefined;
  flow?: Flow;
}

/** Of `ziti-glb plan --json`. */
export interface Plan extends Versioned {
  subnets: PlanPart;
  /** Missing of a spoke, which has none. */
  routers?: PlanPart;
  /** A person has paused the stack: this is what it would do if it were resumed. */
  paused?: Status['paused'];
  /** With `--with`: how the subnet would stand. */
  with?: { subnet: string; state: string; says: string };
}

export interface PlanPart {
  /** In the order they would be done in. Each kind has ids of its own beside these. */
  steps: { kind: string; subject: string; says: string; before?: string; after?: string }[];
  waiting: Waiting[];
  refused: Waiting[];
  gauges?: Readonly<Record<string, number>>;
}

export interface Waiting {
  subject: string;
  for: string;
  until?: number | undefined;
  since?: number | undefined;
  /** A person may have to see to it. */
  warn?: boolean | undefined;
}

/** Of `ziti-glb explain … --json` and `ziti-glb test … --json`. */
export interface Explanation extends Versioned {
  subject: string;
  chain: Link[];
  /** The first that does not hold. */
  broken?: Link | undefined;
  /** What the functions say of it. */
  said: string[];
}

export interface Link {
  name: string;
  holds: boolean;
  says: string;
}

/** Of `ziti-glb doctor --json`. */
export type Findings = Finding[];

export interface Finding {
  is: 'fault' | 'warning' | 'unknown' | 'note' | 'ok';
  check: string;
  says: string;
  /** What to do; empty if nothing. */
  remedy: string;
}

/** Of `ziti-glb precheck --json`. */
export type Precheck = Finding[];

/** Of `ziti-glb config --json`. */
export interface Config extends Versioned {
  /** CloudFormation's own name for the stack. */
  name: string;
  /** CloudFormation's word, as `UPDATE_COMPLETE`. */
  status: string;
  version?: string | undefined;
  /** When it was last made or changed. */
  at: number;
  /** By name: all that it has, given or not. */
  parameters: Record<string, string>;
  /** By name. */
  defaults: Record<string, string>;
}

/** Of `ziti-glb router INSTANCE --json`. */
export interface Router extends Versioned {
  id: string;
  label: string;
  /** Each program that was run on it. */
  said: { command: string; code: number; lines: string[] }[];
  /** Of `diverter status --json` there; missing if the diverter is not the stack's own, or does not tell. */
  status?: DiverterStatus | undefined;
  findings: Findings;
}

/** Counts are since the diverter was attached, those of the stack since the machine was started. */
export interface DiverterStatus {
  version: string;
  attached: unknown[];
  strays: unknown[];
  services: number;
  nonlocal: string[];
  refused: { count: number; last: string | null };
  counters: Record<string, number>;
  stack: Record<string, number>;
}

/** Of `ziti-glb versions --json`. */
export interface Versions extends Versioned {
  /** Of `ziti-glb` itself. */
  command: string;
  /** When each was deployed is a time of ISO 8601, and `code` the beginning of what its code hashes to. */
  functions: { name: string; version: string; runtime: string; deployed: string; code: string }[];
  routers: RouterVersions[];
}

export interface RouterVersions {
  id: string;
  label: string;
  /** Whether its diverter is as it is to be. */
  isWanted: boolean;
  diverter?: string | undefined;
  kernel?: string | undefined;
  ziti?: string | undefined;
  agent?: string | undefined;
  /** Why it does not tell. */
  unknown?: string | undefined;
}

/** Of `ziti-glb log --json`: each line of it. */
export interface LogLine extends Versioned {
  id: string;
  at: number;
  /** `routers` or `subnets`. */
  function: string;
  level: string;
  message: string;
}

/** Of `ziti-glb bundle`: what each of these prints, a list of its documents, or why it could not. */
export interface Bundle extends Versioned {
  stack: string;
  /** A time of ISO 8601. */
  at: string;
  /** As the functions are deployed, without what may be a key. */
  config: Record<string, unknown>;
  versions: Versions[] | Failed;
  status: Status[] | Failed;
  plan: Plan[] | Failed;
  doctor: Findings[] | Failed;
  log: LogLine[] | Failed;
}

export interface Failed {
  failed: string;
}
