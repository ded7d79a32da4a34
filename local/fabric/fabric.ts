/**
 * A fabric is what the cloud in a box needs below it: somewhere packets go. The cloud hands over the whole wanted network each time
 * anything in it changed; a fabric makes it so. `namespaces.ts` does it with the kernel, `none.ts` where that cannot be.
 */
export interface Fabric {
  /** A person should know this of the fabric, e.g. why no packets flow. */
  readonly description: string;
  /** Makes the network so. Calls never overlap; a call with an unchanged network does nothing. */
  sync(network: Network): Promise<void>;
  /** Runs a program as root inside an instance, as its SSM agent would. Rejects if the instance is not up. */
  exec(instanceId: string, argv: string[], options?: ExecOptions): Promise<ExecResult>;
  /** One health check from a load balancer node to a target, as it would be answered now. */
  probe(nodeId: string, check: HealthCheck): Promise<ProbeResult>;
  /** Ends what runs in the instance at once, as a kernel panic would; EC2 still calls it running. */
  crash(instanceId: string): Promise<void>;
  /** Takes everything down. Nothing may be left behind: no process, namespace, interface or mount. */
  close(): Promise<void>;
}

export interface ExecOptions {
  stdin?: string;
  /** Milliseconds of the wall's time, after which it is killed; its `code` is then null. */
  timeout?: number;
}
export interface ExecResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface HealthCheck {
  protocol: 'TCP' | 'HTTP' | 'HTTPS';
  ip: string;
  port: number;
  path: string;
  /** Milliseconds of the wall's time. */
  timeout: number;
  /** The target group's `HttpCode`: codes and ranges, e.g. `200,301-399`. Without it, `200-399`. */
  matcher?: string;
}
export type ProbeResult =
  | { healthy: true }
  | { healthy: false; reason: 'Target.Timeout' | 'Target.FailedHealthChecks' | 'Target.ResponseCodeMismatch' };

/** The whole data plane, as EC2 and ELB would have it at one moment. Only what is up: an endpoint not yet available is not here. */
export interface Network {
  vpcs: { id: string; cidrs: string[] }[];
  subnets: { id: string; vpcId: string; zone: string; cidr: string; routeTableId: string }[];
  routeTables: { id: string; vpcId: string; routes: { destination: string; target: RouteTarget }[] }[];
  /** Running instances. `image` selects what boots in them. */
  instances: { id: string; name: string; image: string }[];
  /** Elastic network interfaces of running instances and of load balancer nodes (`nodes[].interfaceId`). */
  interfaces: {
    id: string;
    instanceId?: string;
    deviceIndex: number;
    subnetId: string;
    ip: string;
    sourceDestCheck: boolean;
  }[];
  /** Available Gateway Load Balancer endpoints. Each hands its packets to the node of its own zone. */
  endpoints: { id: string; interfaceId: string; subnetId: string; nodeId: string }[];
  /** One node for each zone of a Gateway Load Balancer. */
  nodes: { id: string; interfaceId: string; targets: NodeTarget[]; flows: FlowPolicy }[];
}

/** A `blackhole` route drops. `local` reaches any interface of the VPC. */
export type RouteTarget = { kind: 'local' | 'blackhole' } | { kind: 'endpoint' | 'interface'; id: string };

/** A target this node may use (its zone, or any zone when cross-zone is on). New flows go to `healthy` ones, or to any if there are none. */
export interface NodeTarget {
  id: string;
  ip: string;
  state: 'healthy' | 'unhealthy' | 'draining';
}

export interface FlowPolicy {
  /** Fields of the flow key: 5-, 3- or 2-tuple. */
  stickiness: 'source_ip_dest_ip_proto_ports' | 'source_ip_dest_ip_proto' | 'source_ip_dest_ip';
  /** Flows of an unhealthy or deregistered target move to another one. */
  rebalance: boolean;
  /** A TCP flow of an unhealthy, or of a deregistered and drained, target is reset at its next packet. */
  resetUnhealthy: boolean;
  resetDeregistered: boolean;
  /** Milliseconds of the wall's time. */
  tcpIdle: number;
  otherIdle: number;
}
