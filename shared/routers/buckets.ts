import type { Bucket } from '../reconcile/rate-limit.ts';
import type { RoutersStep } from './steps.ts';

/** AWS takes so many calls at once, and so many a second. It publishes no figures for Run Command and lifecycle actions: those are modest guesses. */
const BUCKETS: Record<RoutersStep['kind'], Bucket> = {
  'source-dest-check-off': { name: 'ModifyNetworkInterfaceAttribute', size: 100, refill: 5 },
  'source-dest-check-on': { name: 'ModifyNetworkInterfaceAttribute', size: 100, refill: 5 },
  'note-check': { name: 'CreateTags', size: 100, refill: 10 },
  'forget-check': { name: 'DeleteTags', size: 100, refill: 10 },
  'seal-note': { name: 'CreateTags', size: 100, refill: 10 },
  install: { name: 'SendCommand', size: 10, refill: 1 },
  register: { name: 'RegisterTargets', size: 20, refill: 4 },
  deregister: { name: 'RegisterTargets', size: 20, refill: 4 },
  'note-diverter': { name: 'CreateTags', size: 100, refill: 10 },
  'note-warning': { name: 'CreateTags', size: 100, refill: 10 },
  'note-unhealthy': { name: 'CreateTags', size: 100, refill: 10 },
  'forget-unhealthy': { name: 'DeleteTags', size: 100, refill: 10 },
  'claim-range': { name: 'CreateTags', size: 100, refill: 10 },
  'release-range': { name: 'DeleteTags', size: 100, refill: 10 },
  heartbeat: { name: 'RecordLifecycleActionHeartbeat', size: 50, refill: 5 },
  'end-hook': { name: 'CompleteLifecycleAction', size: 50, refill: 5 },
};

export const bucketOf = ({ kind }: RoutersStep) => BUCKETS[kind];
