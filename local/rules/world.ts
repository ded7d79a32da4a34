import type { LifecycleState } from '@aws-sdk/client-auto-scaling';
import type { RequestLaunchTemplateData } from '@aws-sdk/client-ec2';
import type { Clock } from '../clock.ts';
import type { Fabric } from '../fabric/fabric.ts';
import type { Delays } from './delays.ts';

/** Everything that is so in the cloud, and what its rules need to change it. Records keep the order of their creation. */
export interface World {
  readonly clock: Clock;
  readonly fabric: Pick<Fabric, 'exec' | 'probe'>;
  readonly region: string;
  readonly account: string;
  /** Interface and Gateway Load Balancer endpoints together. https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html */
  readonly endpointsPerVpc: number;
  /** Ids of the images that there are; any, if undefined. */
  readonly images: readonly string[] | undefined;
  readonly delays: Delays;
  /** Whether a second endpoint of a service in a zone of a VPC is refused. */
  readonly endpointPerZone: boolean;

  /** A new id of 17 hexadecimal digits, the same one in every run: `vpc-0d1c…`. */
  id(prefix: string): string;
  /** A new UUID, the same one in every run. */
  uuid(): string;
  /** Runs `task` after `ms` of the cloud's time, unless the cloud is closed by then. The returned function cancels it. */
  after(ms: number, task: () => void): () => void;
  /** Lets work go on after the operation has answered. Its failure is the cloud's own. */
  run(work: Promise<void>): void;
  /** To be called when the network may have changed outside an operation and outside `after`. */
  changed(): void;
  emit(event: { source: string; type: string; resources: string[]; detail: Record<string, unknown> }): void;

  /** By resource id or, for load balancing, ARN. */
  readonly tags: Map<string, Map<string, string>>;
  readonly vpcs: Map<string, Vpc>;
  readonly subnets: Map<string, Subnet>;
  readonly routeTables: Map<string, RouteTable>;
  readonly prefixLists: Map<string, PrefixList>;
  readonly internetGateways: Map<string, InternetGateway>;
  readonly natGateways: Map<string, NatGateway>;
  readonly interfaces: Map<string, Interface>;
  readonly instances: Map<string, Instance>;
  readonly endpointServices: Map<string, EndpointService>;
  readonly endpoints: Map<string, Endpoint>;
  /** Connections of transit gateways' network function attachments. */
  readonly attachments: Map<string, Attachment>;
  /** By ARN, as the next two. */
  readonly loadBalancers: Map<string, LoadBalancer>;
  readonly listeners: Map<string, Listener>;
  readonly targetGroups: Map<string, TargetGroup>;
  /** SSM agents that have registered, by instance. */
  readonly agents: Map<string, Agent>;
  readonly launchTemplates: Map<string, LaunchTemplate>;
  /** Auto Scaling groups, by name. */
  readonly groups: Map<string, Group>;
}

export interface Vpc {
  id: string;
  /** The account that made it, and has all its subnets and route tables; others know them by what it shares. */
  owner: string;
  /** The primary one. */
  cidr: string;
  /** All others, of both families: those of IPv6 are a /56. */
  blocks: CidrBlock[];
  encryption?: { id: string; mode: 'monitor' | 'enforce'; state: 'available' | 'enforce-failed' };
}

/** Of a VPC or a subnet, by its association. */
export interface CidrBlock {
  id: string;
  cidr: string;
  state: 'associating' | 'associated' | 'disassociating' | 'disassociated';
}

export interface Subnet {
  id: string;
  vpcId: string;
  zone: string;
  cidr: string;
  /** Of IPv6: a /64 of its VPC's. */
  blocks: CidrBlock[];
}

export interface RouteTable {
  id: string;
  vpcId: string;
  /** With a subnet, with a gateway, or with neither: that is the main table's. */
  associations: { id: string; subnetId?: string; gatewayId?: string }[];
  routes: Route[];
}

export interface Route {
  /** CIDR block, normalised, or the id of a prefix list. */
  destination: string;
  /** That of what a route server advertises is an address. */
  target: { kind: 'local' } | { kind: 'endpoint' | 'interface' | 'internet' | 'nat' | 'address'; id: string };
  origin: 'CreateRouteTable' | 'CreateRoute' | 'Advertisement';
}

export interface PrefixList {
  id: string;
  name: string;
  family: 'IPv4' | 'IPv6';
  maxEntries: number;
  /** CIDR blocks, normalised. */
  entries: string[];
}

export interface InternetGateway {
  id: string;
  /** That it is attached to. */
  vpcId?: string | undefined;
}

export interface NatGateway {
  id: string;
  vpcId: string;
  subnetId: string;
  interfaceId: string;
  state: 'available' | 'deleted';
}

export interface Interface {
  id: string;
  type: 'interface' | 'gateway_load_balancer' | 'gateway_load_balancer_endpoint' | 'natGateway' | 'vpc_endpoint';
  subnetId: string;
  ip: string;
  description: string;
  sourceDestCheck: boolean;
  attachment?: { id: string; instanceId: string; deviceIndex: number; at: number };
}

export type InstanceState = 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';

export interface Instance {
  id: string;
  reservationId: string;
  image: string;
  type: string;
  state: InstanceState;
  launchedAt: number;
  /** Its root volume, which may be replaced while it runs. */
  root: { volumeId: string; attachedAt: number };
  /** It is down for a moment, and EC2 calls it running. */
  restarting: boolean;
  /** The primary one first; none once it is terminated. */
  interfaceIds: string[];
  /** Cancels the transition that is under way. */
  cancel(): void;
}

export interface EndpointService {
  id: string;
  name: string;
  acceptanceRequired: boolean;
  ipAddressTypes: ('ipv4' | 'ipv6')[];
  loadBalancerArns: string[];
  /** Those that its load balancers had when it was made, and when it was last modified. */
  zones: Set<string>;
  /** ARNs, or `*`. */
  allowedPrincipals: Set<string>;
}

/** As EC2 spells them on the wire, which is not as the SDK's types do. */
export type EndpointState =
  | 'pendingAcceptance'
  | 'pending'
  | 'available'
  | 'deleting'
  | 'deleted'
  | 'rejected'
  | 'failed'
  | 'expired';

export interface Endpoint {
  id: string;
  /** One of another type than ours leads to AWS's own services or to resources, and has no connection and no node. */
  type: 'GatewayLoadBalancer' | 'Interface' | 'Resource' | 'ServiceNetwork';
  connectionId: string;
  serviceId: string;
  serviceName: string;
  vpcId: string;
  subnetId: string;
  interfaceId: string;
  ipAddressType: 'ipv4' | 'dualstack';
  state: EndpointState;
  createdAt: number;
  /** The node that serves it: the one of its service and zone. */
  nodeId: string;
  /** Cancels the transition that is under way. */
  cancel(): void;
}

/**
 * A transit gateway's connection to an endpoint service. Its owner accepts it by members that the SDK here does not know.
 * https://docs.aws.amazon.com/vpc/latest/tgw/manage-nf-attachment-gwlb.html
 */
export interface Attachment {
  id: string;
  connectionId: string;
  serviceId: string;
  state: EndpointState;
  createdAt: number;
}

export interface LoadBalancer {
  arn: string;
  name: string;
  vpcId: string;
  createdAt: number;
  active: boolean;
  /** One for each zone. A node is known by its network interface. */
  nodes: Node[];
  attributes: Map<string, string>;
}

export interface Node {
  interfaceId: string;
  subnetId: string;
  zone: string;
  /** From when on it takes packets, in milliseconds since the epoch. */
  readyAt: number;
}

export interface Listener {
  arn: string;
  loadBalancerArn: string;
  targetGroupArn: string;
  attributes: Map<string, string>;
}

export interface TargetGroup {
  arn: string;
  name: string;
  vpcId: string;
  targetType: 'instance' | 'ip';
  healthCheck: HealthCheckSettings;
  attributes: Map<string, string>;
  targets: Map<string, Target>;
}

export interface HealthCheckSettings {
  protocol: 'TCP' | 'HTTP' | 'HTTPS';
  port: number;
  path: string;
  /** Seconds, as the next one. */
  interval: number;
  timeout: number;
  healthyThreshold: number;
  unhealthyThreshold: number;
  /** `200-399` */
  matcher: string;
}

export interface Target {
  /** Instance id or address. */
  id: string;
  /** What the health checks say. Whether it is in use at all is decided when it is asked for. */
  health: 'initial' | 'healthy' | 'unhealthy';
  reason?: TargetHealthReason | undefined;
  description?: string | undefined;
  draining: boolean;
  /** Results in a row that were the same. */
  streak: { passed: boolean; count: number };
  /** Cancels its next check, or the end of its draining. */
  cancel(): void;
}

export type TargetHealthReason =
  | 'Elb.InitialHealthChecking'
  | 'Elb.InternalError'
  | 'Elb.RegistrationInProgress'
  | 'Target.DeregistrationInProgress'
  | 'Target.FailedHealthChecks'
  | 'Target.InvalidState'
  | 'Target.NotInUse'
  | 'Target.NotRegistered'
  | 'Target.ResponseCodeMismatch'
  | 'Target.Timeout';

export interface Agent {
  instanceId: string;
  registeredAt: number;
  /** Whether it can take a command. */
  up: boolean;
  /** Whether SSM believes so. */
  online: boolean;
  /** When it gave its last sign of life, if it is not online. */
  lostAt: number;
}

export interface LaunchTemplate {
  id: string;
  name: string;
  createdAt: number;
  data: RequestLaunchTemplateData;
}

/** An Auto Scaling group. */
export interface Group {
  name: string;
  arn: string;
  createdAt: number;
  min: number;
  max: number;
  desired: number;
  templateId: string;
  subnetIds: string[];
  /** What its instances get too. */
  propagated: Map<string, string>;
  hooks: Map<string, LifecycleHook>;
  /** By instance, those of the warm pool too. */
  members: Map<string, Member>;
  warmPool?: WarmPool | undefined;
  refreshes: Refresh[];
}

export interface WarmPool {
  poolState: 'Stopped' | 'Running';
  minSize: number;
  maxPrepared: number | undefined;
  /** Whether instances go back to it on scale-in, rather than to their end. */
  reuses: boolean;
}

/** An instance refresh by root volume. */
export interface Refresh {
  id: string;
  image: string;
  status: 'InProgress' | 'Successful' | 'Cancelled';
  startedAt: number;
  endedAt?: number;
  /** Instances that are still to be refreshed, the first being under way. */
  left: string[];
}

export interface LifecycleHook {
  name: string;
  transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' | 'autoscaling:EC2_INSTANCE_TERMINATING';
  /** Seconds. */
  heartbeatTimeout: number;
  defaultResult: LifecycleResult;
  metadata: string | undefined;
}

export type LifecycleResult = 'CONTINUE' | 'ABANDON';

/** An instance of an Auto Scaling group. */
export interface Member {
  instanceId: string;
  zone: string;
  state: LifecycleState;
  launchedAt: number;
  /** By the hook that holds it. */
  actions: Map<string, LifecycleAction>;
}

/** A lifecycle action under way: what a hook holds an instance for. */
export interface LifecycleAction {
  token: string;
  startedAt: number;
  end(result: LifecycleResult): void;
  /** Stops the clock that ends it. */
  cancel(): void;
}
