import type { Group } from './autoscaling.ts';
import type {
  Attachment,
  Endpoint,
  EndpointService,
  Instance,
  Interface,
  InternetGateway,
  LaunchTemplate,
  NatGateway,
  PrefixList,
  RouteTable,
  Subnet,
  TransitGateway,
  TransitGatewayTable,
  Vpc,
  VpcAttachment,
} from './ec2.ts';
import type { Listener, LoadBalancer, TargetGroup } from './elbv2.ts';
import type { Agent, Parameter } from './ssm.ts';

/** Everything that is so in the cloud, as data. Records keep the order of their creation. */
export interface CloudState {
  /** Tags by resource id or, for load balancing, ARN. */
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
  readonly transitGateways: Map<string, TransitGateway>;
  readonly transitGatewayTables: Map<string, TransitGatewayTable>;
  /** VPCs' attachments to transit gateways. */
  readonly vpcAttachments: Map<string, VpcAttachment>;
  /** Load balancers by ARN, as the next two. */
  readonly loadBalancers: Map<string, LoadBalancer>;
  readonly listeners: Map<string, Listener>;
  readonly targetGroups: Map<string, TargetGroup>;
  /** SSM agents that have registered, by instance. */
  readonly agents: Map<string, Agent>;
  /** Parameters of SSM's Parameter Store, by ARN. */
  readonly parameters: Map<string, Parameter>;
  readonly launchTemplates: Map<string, LaunchTemplate>;
  /** Auto Scaling groups, by name. */
  readonly groups: Map<string, Group>;
}

/** A cloud in which nothing is yet. */
export const emptyState = (): CloudState => ({
  tags: new Map(),
  vpcs: new Map(),
  subnets: new Map(),
  routeTables: new Map(),
  prefixLists: new Map(),
  internetGateways: new Map(),
  natGateways: new Map(),
  interfaces: new Map(),
  instances: new Map(),
  endpointServices: new Map(),
  endpoints: new Map(),
  attachments: new Map(),
  transitGateways: new Map(),
  transitGatewayTables: new Map(),
  vpcAttachments: new Map(),
  loadBalancers: new Map(),
  listeners: new Map(),
  targetGroups: new Map(),
  agents: new Map(),
  parameters: new Map(),
  launchTemplates: new Map(),
  groups: new Map(),
});
