/**
 * Commands print these with `--json`, one document on standard output. It stands alone: the package gives it on as json.d.ts, and
 * test/bin/json.test.ts holds it, and the schema that release/json-schema.ts makes, to what the commands print. Times are milliseconds
 * since the epoch.
 */

/** Documents have this, but for lists. Whoever leaves out, renames or retypes something makes it another; who only adds does not. */
export interface Versioned {
  schemaVersion: number;
}

/** `ziti-glb status --json` prints this. */
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
  /** Other accounts whose endpoints are accepted, whether any asks or not. */
  spokeAccounts: string[];
  /** A spoke reaches the routers of this stack. */
  hub?: StatusHub;
  /** Things that are neither a subnet nor a router, and what there is to say of them; `foreign` if it is another's affair, which is no fault of the stack: an account that nobody has named asks for it, or another stack opts in a VPC's subnets. */
  notes: { subject: string; state: State; why: string; code: string; foreign?: boolean }[];
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
  /** The code of the reason that a person has to see to first, if there is one. */
  code?: string | undefined;
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
  /** Since when it is unhealthy, by the functions' note: Elastic Load Balancing does not remember. */
  since?: number | undefined;
  flow?: Flow;
}

/** `ziti-glb plan --json` prints this. */
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
  /** The reason's. */
  code: string;
  until?: number | undefined;
  since?: number | undefined;
  /** A person may have to see to it. */
  warn?: boolean | undefined;
}

/** `ziti-glb explain … --json` and `ziti-glb test … --json` print this. */
export interface Explanation extends Versioned {
  subject: string;
  chain: Link[];
  /** The first that does not hold. */
  broken?: Link | undefined;
  /** The functions say this of it. */
  said: string[];
}

/** A link of the chain from a tag to a packet. */
export interface Link {
  name: string;
  holds: boolean;
  says: string;
  /** Of the functions' reason why it does not hold, if they have one. */
  code?: string | undefined;
}

/** `ziti-glb doctor --json` prints this. */
export type Findings = Finding[];

/** A finding says how one thing is. `unknown`: it could not be read; `note`: somebody may see to it, and nothing is wrong with the stack. */
export interface Finding {
  is: 'fault' | 'warning' | 'unknown' | 'note' | 'ok';
  check: string;
  says: string;
  /** The thing to do; empty if nothing. */
  remedy: string;
  /** The reason's, of what the functions say. */
  code?: string | undefined;
}

/** `ziti-glb precheck --json` prints this. */
export type Precheck = Finding[];

/** `ziti-glb config --json` prints this. */
export interface Config extends Versioned {
  /** CloudFormation's own name for the stack: that of the functions unless somebody has chosen another. */
  name: string;
  /** CloudFormation's word, as `UPDATE_COMPLETE`. */
  status: string;
  version?: string | undefined;
  /** When it was last made or changed. */
  at: number;
  /** By name: all that it has, given or not; those that it was made from when they had other names, too. */
  parameters: Record<string, string>;
  /** By name. */
  defaults: Record<string, string>;
}

/** `ziti-glb router INSTANCE --json` prints this. */
export interface Router extends Versioned, Pick<StatusRouter, 'health' | 'reason' | 'since' | 'why'> {
  id: string;
  label: string;
  /** Each program that was run on it. */
  said: { command: string; code: number; lines: string[] }[];
  /** `diverter status --json` prints this there; missing if the diverter is not the stack's own, or does not tell. */
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

/** `ziti-glb versions --json` prints this. */
export interface Versions extends Versioned {
  /** The version of `ziti-glb` itself. */
  command: string;
  /** When each was deployed is a time of ISO 8601, and `code` the beginning of what its code hashes to. */
  functions: { name: string; version: string; runtime: string; deployed: string; code: string }[];
  routers: RouterVersions[];
}

export interface RouterVersions {
  id: string;
  label: string;
  /** Its diverter is as it is to be. */
  isWanted: boolean;
  diverter?: string | undefined;
  kernel?: string | undefined;
  ziti?: string | undefined;
  agent?: string | undefined;
  /** Why it does not tell. */
  unknown?: string | undefined;
}

/** `ziti-glb log --json` prints this in each line. */
export interface LogLine extends Versioned {
  id: string;
  at: number;
  /** `routers` or `subnets`. */
  function: string;
  level: string;
  message: string;
}

/** `ziti-glb bundle` writes what each of these prints, a list of its documents, or why it could not. */
export interface Bundle extends Versioned {
  stack: string;
  /** A time of ISO 8601. */
  at: string;
  /** The functions' configuration as deployed, without what may be a key. */
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
