/**
 * What commands print with `--json`, one document on standard output. It stands alone: the package gives it on as json.d.ts, and
 * test/bin/json.test.ts holds it to what the commands make. Times are milliseconds since the epoch.
 */

/** Of `ziti-glb status --json`. */
export interface Status {
  place: { partition: string; region: string; stack: string };
  vpcId: string;
  tagKey: string;
  /** When it was looked at. */
  at: number;
  crossZone: boolean;
  zones: StatusZone[];
  /** Endpoints of other accounts, their `owner`, that are connected to the endpoint service or ask to be; `state` is EC2's, in lower case. */
  spokes: { id: string; owner: string; state: string }[];
  /** What there is to say of things that are neither a subnet nor a router. */
  notes: { subject: string; state: State; why: string }[];
}

export type State = 'ready' | 'leaving' | 'waiting' | 'conflict' | 'blocked' | 'refused' | 'down';
export type Flow = 'carries' | 'pending' | 'lost';

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
export interface Plan {
  subnets: PlanPart;
  routers: PlanPart;
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
export interface Explanation {
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
  is: 'fault' | 'warning' | 'unknown' | 'ok';
  check: string;
  says: string;
  /** What to do; empty if nothing. */
  remedy: string;
}
