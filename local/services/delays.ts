/**
 * AWS takes these times, in milliseconds of the cloud's time. It publishes few of these figures: they are what people report of it,
 * and can be set one by one.
 */
export interface Delays {
  /** RunInstances or StartInstances to `running`. */
  instanceRunning: number;
  instanceStopped: number;
  instanceTerminated: number;
  /** EC2 describes a terminated instance for this long. */
  instanceForgotten: number;
  /** From CreateReplaceRootVolumeTask until the new volume is attached, and the restart from it. */
  rootVolumeReplaced: number;
  instanceRestarted: number;
  /** From `running` until the SSM agent has registered. */
  agentOnline: number;
  /** From the stop or the crash of an instance until its agent counts as lost: it gives a sign of life every five minutes. */
  agentLost: number;
  /** From SendCommand until its invocations can be read. */
  invocationVisible: number;
  /** From SendCommand until the agent starts on it. */
  commandDelivery: number;
  /** From acceptance, or from creation if none is required, to `available`. */
  endpointAvailable: number;
  /** From creation until nobody accepts any more. AWS has no figure for it: a week is what it gives a peering connection. */
  endpointExpired: number;
  endpointDeleted: number;
  /** EC2 describes a deleted endpoint for this long. */
  endpointForgotten: number;
  /** Until a block is a VPC's or a subnet's, or is not any more. */
  cidrBlockChanged: number;
  /** EC2 describes a disassociated CIDR block for this long: 30 to 60 minutes by those who waited. */
  cidrBlockForgotten: number;
  /** From the creation of a VPC's attachment to a transit gateway, or its acceptance, to `available`. */
  gatewayAttached: number;
  /** A transit gateway's route table is `deleting` for this long, and then `deleted`. */
  gatewayTableDeleted: number;
  loadBalancerActive: number;
  /**
   * From RegisterTargets to the first health check: "a few minutes" by the guide, two by those who measured it for the network load
   * balancer, which is made of the same. https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-group-register-targets.html,
   * https://github.com/aws/containers-roadmap/issues/469
   */
  targetRegistration: number;
  /** From the last hook's result, `…:Proceed`, to what follows. */
  lifecycleProceed: number;
  /** Until an Auto Scaling group notices that an instance of its own is not running. */
  groupHealthCheck: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const AWS_DELAYS: Delays = {
  instanceRunning: 20 * SECOND,
  instanceStopped: 30 * SECOND,
  instanceTerminated: 30 * SECOND,
  instanceForgotten: 60 * MINUTE,
  rootVolumeReplaced: 30 * SECOND,
  instanceRestarted: 20 * SECOND,
  agentOnline: 30 * SECOND,
  agentLost: 5 * MINUTE,
  invocationVisible: 1 * SECOND,
  commandDelivery: 2 * SECOND,
  endpointAvailable: 120 * SECOND,
  endpointExpired: 7 * 24 * 60 * MINUTE,
  endpointDeleted: 60 * SECOND,
  endpointForgotten: 5 * MINUTE,
  cidrBlockChanged: 10 * SECOND,
  cidrBlockForgotten: 45 * MINUTE,
  gatewayAttached: 60 * SECOND,
  gatewayTableDeleted: 30 * SECOND,
  loadBalancerActive: 90 * SECOND,
  targetRegistration: 90 * SECOND,
  lifecycleProceed: 2 * SECOND,
  groupHealthCheck: 1 * MINUTE,
};
