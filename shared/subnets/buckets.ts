import type { Bucket } from '../reconcile/rate-limit.ts';
import type { SubnetsStep } from './steps.ts';

/** Each action has one, per account and region: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html */
export const CREATES: Bucket = { name: 'CreateVpcEndpoint', size: 4, refill: 0.3 };
const REPLACES: Bucket = { name: 'ReplaceRoute', size: 50, refill: 5 };
const TAGS: Bucket = { name: 'CreateTags', size: 100, refill: 10 };
const UNTAGS: Bucket = { name: 'DeleteTags', size: 100, refill: 10 };
const ACCEPTS: Bucket = { name: 'AcceptVpcEndpointConnections', size: 10, refill: 1 };

const BUCKETS: Record<SubnetsStep['kind'], Bucket> = {
  'create-endpoint': CREATES,
  'publish-zones': { name: 'ModifyVpcEndpointServiceConfiguration', size: 10, refill: 1 },
  'accept-endpoints': ACCEPTS,
  'accept-attachments': ACCEPTS,
  'delete-endpoints': { name: 'DeleteVpcEndpoints', size: 4, refill: 0.3 },
  'tag-endpoint': TAGS,
  'create-route': { name: 'CreateRoute', size: 50, refill: 5 },
  'replace-route': REPLACES,
  'restore-route': REPLACES,
  'reset-route': REPLACES,
  'delete-route': { name: 'DeleteRoute', size: 50, refill: 5 },
  'write-note': TAGS,
  'erase-note': UNTAGS,
  'copy-note': TAGS,
  'erase-copy': UNTAGS,
  'write-memory': TAGS,
  'erase-memory': UNTAGS,
  'set-status': TAGS,
  'clear-status': UNTAGS,
};

export const bucketOf = ({ kind }: SubnetsStep) => BUCKETS[kind];
