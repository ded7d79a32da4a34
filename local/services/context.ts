import type { Clock } from '../clock.ts';
import type { Fabric } from '../fabric/fabric.ts';
import type { Delays } from './delays.ts';
import type { CloudState } from './state.ts';
import type { Zone } from './zones.ts';

/** An account has this part of the state of the cloud, and what the rules need to change it. */
export interface CloudContext extends CloudState {
  readonly clock: Clock;
  readonly fabric: Pick<Fabric, 'exec' | 'probe'>;
  readonly region: string;
  readonly account: string;
  /** Zones by the names that the account has for them. */
  readonly zones: readonly Zone[];
  /** The state of all accounts of the region, for calls that reach into another's. */
  readonly everywhere: CloudState;
  /** Interface and Gateway Load Balancer endpoints together. https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html */
  readonly endpointsPerVpc: number;
  /** Ids of the images that there are; any, if undefined. */
  readonly images: readonly string[] | undefined;
  readonly delays: Delays;
  /** True if EC2 refuses a second endpoint of a service in a zone of a VPC. */
  readonly endpointPerZone: boolean;

  /** A new id of 17 hexadecimal digits, the same one in every run: `vpc-0d1c…`. */
  id(prefix: string): string;
  /** A new UUID, the same one in every run. */
  uuid(): string;
  /** Runs `task` after `ms` of the cloud's time, unless the cloud is closed by then. */
  after(ms: number, task: () => void): void;
  /** The same for what a record becomes next. It takes the place of what the same key was still to become. */
  next(key: string, ms: number, task: () => void): void;
  /** Cancels what is still to come under a key, if anything is. */
  cancel(key: string): void;
  /** Lets work go on after the operation has answered. Its failure is the cloud's own. */
  run(work: Promise<void>): void;
  /** Gives the fabric the network anew. Operations and timers do so by themselves: work that goes on after an answer calls it. */
  changed(): void;
  emit(event: { source: string; type: string; resources: string[]; detail: Record<string, unknown> }): void;
}
