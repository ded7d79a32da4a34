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
  /** It takes packets from then on, in milliseconds since the epoch. */
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
  /** The result of its health checks. An unused target keeps it: that one is unused is seen when it is asked for. */
  health: 'initial' | 'healthy' | 'unhealthy';
  reason?: TargetHealthReason | undefined;
  description?: string | undefined;
  draining: boolean;
  /** Results in a row that were the same. */
  streak: { passed: boolean; count: number };
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

/** By ARN. */
export const elbv2Records = () => ({
  loadBalancers: new Map<string, LoadBalancer>(),
  listeners: new Map<string, Listener>(),
  targetGroups: new Map<string, TargetGroup>(),
});

declare module '../state.ts' {
  interface CloudState extends Readonly<ReturnType<typeof elbv2Records>> {}
}
