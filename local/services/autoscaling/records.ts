import type { LifecycleState } from '@aws-sdk/client-auto-scaling';

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
  /** Tags that its instances get too. */
  propagated: Map<string, string>;
  hooks: Map<string, LifecycleHook>;
  /** Its instances by their ids, those of the warm pool too. */
  members: Map<string, Member>;
  warmPool?: WarmPool | undefined;
  refreshes: Refresh[];
}

export interface WarmPool {
  poolState: 'Stopped' | 'Running';
  minSize: number;
  maxPrepared: number | undefined;
  /** Instances go back to it on scale-in, rather than to their end. */
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
  /** Lifecycle actions by the hook that holds it. */
  actions: Map<string, LifecycleAction>;
}

/** A lifecycle action under way: a hook holds an instance. */
export interface LifecycleAction {
  token: string;
  startedAt: number;
}

export const autoScalingRecords = () => ({
  /** By ARN. */
  groups: new Map<string, Group>(),
});

declare module '../state.ts' {
  interface CloudState extends Readonly<ReturnType<typeof autoScalingRecords>> {}
}
