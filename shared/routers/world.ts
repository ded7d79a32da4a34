import type { Note } from '../note.ts';
import type { Pause } from '../pause.ts';

/** The routers as one look at AWS found them: their plan is made from this alone. */
export interface RoutersWorld {
  /** The look began then, in milliseconds since the epoch. */
  now: number;
  /** The load balancer's nodes, one a zone. A router takes GENEVE from their addresses alone. */
  nodes: { address: string; zone: string }[];
  /** Instances of the VPC that carry the tag, those that still have a DNS range, a note of their health or something to be undone, and those that are targets; ended ones while EC2 lists them. */
  instances: Instance[];
  /** Instances, by id, of all groups that have one of these: those too that carry no tag. */
  scaling: ReadonlyMap<string, Scaling>;
  targets: Target[];
  /** IPv4 and IPv6 blocks of the VPC. */
  vpcCidrs: string[];
  /** The target group's: `instance`, or a type that no router can be registered in. */
  targetType: string;
  /** A person has paused the stack. */
  paused?: Pause | undefined;
}

export interface Instance {
  id: string;
  name: string;
  /** Value of the tag; undefined if it has none any more. */
  role: string | undefined;
  /** Its tags have these keys, AWS's own apart. */
  keys: string[];
  state: string;
  /** EC2 last started it then. */
  launchedAt: number;
  /** Its root volume was attached then: what was installed before went with the one before. */
  rootedAt: number;
  /** EC2 tells neither of one that has ended. */
  subnetId: string | undefined;
  zone: string | undefined;
  /** ARN of its instance profile. */
  profile: string | undefined;
  /** EC2's word: `x86_64`, `arm64`. */
  architecture: string;
  windows: boolean;
  /** IPv4, of the primary interface: an instance target's traffic goes there. Empty if it has none. */
  address: string;
  /** Its interfaces in the VPC of the stack. */
  interfaces: { id: string; sourceDestCheck: boolean }[];
  /** Its agent is online, so that a command would reach it. Looked up only for those that may be sent one. */
  agentOnline: boolean;
  /** Its agent gave its last sign of life then, online or lost; undefined if Systems Manager has never heard of it, or was not asked. */
  agentHeardAt: number | undefined;
  /** The diverter it has by our note. */
  diverter: Note | undefined;
  /** The diverter that a tag says it has, which is not known to be ours: of before notes were sealed, or anybody's. */
  claimed: Note | undefined;
  /** Commands of the last hour that were to install a diverter on the root volume it has, the newest first. */
  installs: Install[];
  /** CIDR block, by our note. */
  range: string | undefined;
  /** AWS says that it will have to go, by our note. */
  leaving: Note | undefined;
  /** AWS says so by an event of the last minutes: no look would show that. */
  warned: Note | undefined;
  /** Its target is unhealthy since then, by our note: Elastic Load Balancing does not remember. The text is its reason at that time. */
  unhealthy: Note | undefined;
  /** Interfaces whose source/dest check we turned off, by our note. */
  unchecked: string[] | undefined;
  /** Notes of ours that are to be sealed anew. */
  unsealed: { key: string; text: string }[];
  scaling: Scaling | undefined;
}

/** A command was sent for one of these reasons. */
export type Why = 'join' | 'upgrade' | 'repair';

export interface Install {
  commandId: string;
  /** The command installs this, see `fingerprint` in router.ts. */
  fingerprint: string;
  why: Why;
  status: 'running' | 'success' | 'failed' | 'cancelled';
  /** AWS's word for it, e.g. `ExecutionTimedOut`. */
  details: string;
  requestedAt: number;
  /** The last lines it wrote. */
  output: string;
}

/** An Auto Scaling group has its instance in this state. */
export interface Scaling {
  group: string;
  /** `Pending:Wait`, `InService`, `Warmed:Stopped`, ... */
  state: string;
  /** Hooks of the group that may hold it, as far as they are ours to answer; looked up only while one does. */
  hooks: Hook[];
  /** Names of the other hooks that may hold it. */
  others: string[];
}

export interface Hook {
  name: string;
  launching: boolean;
  /** Milliseconds. */
  heartbeatTimeout: number;
  /** This process first saw it hold its instance then. That may have been launched long before, and have waited in a warm pool. */
  heldAt: number;
  /** This process last sent a heartbeat, and the result, then. A new one knows of neither: it may say them once more. */
  heartbeatAt: number | undefined;
  completedAt: number | undefined;
}

export interface Target {
  id: string;
  state: string;
  reason: string | undefined;
}
