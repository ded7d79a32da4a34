import type { ReplaceRootVolumeTaskState, RequestLaunchTemplateData } from '@aws-sdk/client-ec2';

export interface Vpc {
  id: string;
  /** The account that made it, and has all that stands in it; others know it if it is shared with them. */
  owner: string;
  /** Accounts that it is shared with. */
  participants: string[];
  /** The primary one. */
  cidr: string;
  /** All others, of both families: those of IPv6 are a /56. */
  blocks: CidrBlock[];
  encryption?: { id: string; mode: 'monitor' | 'enforce'; state: 'available' | 'enforce-failed' };
}

/** A CIDR block of a VPC or a subnet, by its association. */
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
  /** IPv6 blocks: each a /64 of its VPC's. */
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
  /** A route that a route server advertises leads to an address. */
  target:
    | { kind: 'local' }
    | { kind: 'endpoint' | 'interface' | 'internet' | 'nat' | 'transit' | 'address'; id: string };
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
  /** The VPC that it is attached to. */
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
  type:
    | 'interface'
    | 'gateway_load_balancer'
    | 'gateway_load_balancer_endpoint'
    | 'natGateway'
    | 'transit_gateway'
    | 'vpc_endpoint';
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
  /** The ARN of its instance profile, by which its programs get a role. */
  profileArn?: string | undefined;
  /** It is down for a moment, and EC2 calls it running. */
  restarting: boolean;
  /** The primary one first; none once it is terminated. */
  interfaceIds: string[];
}

export interface EndpointService {
  id: string;
  /** The account that made it. */
  owner: string;
  name: string;
  acceptanceRequired: boolean;
  ipAddressTypes: ('ipv4' | 'ipv6')[];
  loadBalancerArns: string[];
  /** Zones that its load balancers had when it was made, and when it was last modified. */
  zones: Set<string>;
  /** ARNs, or `*`. */
  allowedPrincipals: Set<string>;
}

/** EC2 spells endpoint states so on the wire, which is not as the SDK's types do. */
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
  /** The account that made it. */
  owner: string;
  /** One of another type than ours leads to AWS's own services or to resources, and has no connection and no node. */
  type: 'GatewayLoadBalancer' | 'Interface' | 'Resource' | 'ServiceNetwork' | 'Tunnel';
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
  /** Why it failed. */
  error?: { code: string; message: string };
}

/**
 * A transit gateway's connection to an endpoint service, by a network function attachment.
 * https://docs.aws.amazon.com/vpc/latest/tgw/manage-nf-attachment-gwlb.html
 */
export interface Attachment {
  id: string;
  /** Account id. */
  owner: string;
  connectionId: string;
  serviceId: string;
  state: EndpointState;
  createdAt: number;
}

export interface TransitGateway {
  id: string;
  /** The account that made it. */
  owner: string;
  /** Accounts that it is shared with. */
  participants: string[];
  /** Attachments are associated with it, and propagate their blocks to it, when they become available. */
  defaultTableId: string;
}

export interface TransitGatewayTable {
  id: string;
  gatewayId: string;
  state: 'available' | 'deleting' | 'deleted';
  /** Static routes: attachments by destination. */
  routes: Map<string, string>;
  /** Attachments whose packets it routes. */
  associations: Set<string>;
  /** Attachments whose VPCs' blocks lead there. */
  propagations: Set<string>;
}

/** A VPC's attachment to a transit gateway. */
export interface VpcAttachment {
  id: string;
  /** The VPC's. */
  owner: string;
  gatewayId: string;
  vpcId: string;
  /** Its network interfaces by the subnets that they stand in. */
  interfaces: Map<string, string>;
  /** A flow stays in one zone for its life. */
  applianceMode: boolean;
  state: 'pendingAcceptance' | 'pending' | 'available' | 'deleted';
  createdAt: number;
}

export interface LaunchTemplate {
  id: string;
  /** The account that made it. */
  owner: string;
  name: string;
  createdAt: number;
  data: RequestLaunchTemplateData;
}

/** A root volume that is replaced under its instance. */
export interface ReplaceRootVolumeTask {
  id: string;
  instanceId: string;
  image: string | undefined;
  state: ReplaceRootVolumeTaskState;
  startedAt: number;
  endedAt?: number;
}

/** A call that was made with a `ClientToken`, and what it made. */
export interface TokenUse {
  input: unknown;
  created: unknown;
}

export const ec2Records = () => ({
  vpcs: new Map<string, Vpc>(),
  subnets: new Map<string, Subnet>(),
  routeTables: new Map<string, RouteTable>(),
  prefixLists: new Map<string, PrefixList>(),
  internetGateways: new Map<string, InternetGateway>(),
  natGateways: new Map<string, NatGateway>(),
  interfaces: new Map<string, Interface>(),
  instances: new Map<string, Instance>(),
  replaceRootVolumeTasks: new Map<string, ReplaceRootVolumeTask>(),
  endpointServices: new Map<string, EndpointService>(),
  endpoints: new Map<string, Endpoint>(),
  /** Connections of transit gateways' network function attachments. */
  attachments: new Map<string, Attachment>(),
  transitGateways: new Map<string, TransitGateway>(),
  transitGatewayTables: new Map<string, TransitGatewayTable>(),
  /** VPCs' attachments to transit gateways. */
  vpcAttachments: new Map<string, VpcAttachment>(),
  launchTemplates: new Map<string, LaunchTemplate>(),
  /** Changes of each resource's tags, counted. */
  tagVersions: new Map<string, number>(),
  /** By account, operation and token. */
  tokenUses: new Map<string, TokenUse>(),
});

declare module '../state.ts' {
  interface CloudState extends Readonly<ReturnType<typeof ec2Records>> {}
}
