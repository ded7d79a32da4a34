import type { Clock } from '../clock.ts';
import { accountOf, type Call } from './api.ts';
import { AwsError } from './errors.ts';
import type { Middleware } from './wire.ts';

/** `size` calls at once, then `refill` a second. */
interface Bucket {
  size: number;
  refill: number;
}

/** EC2's buckets that are not as most are: each action has one of its own. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html */
const EC2: Readonly<Record<string, Bucket>> = {
  CreateVpcEndpoint: { size: 4, refill: 0.3 },
  DeleteVpcEndpoints: { size: 4, refill: 0.3 },
  ModifyVpcEndpoint: { size: 4, refill: 0.3 },
  AcceptVpcEndpointConnections: { size: 10, refill: 1 },
  RejectVpcEndpointConnections: { size: 10, refill: 1 },
  CreateVpcEndpointServiceConfiguration: { size: 10, refill: 1 },
  ModifyVpcEndpointServiceConfiguration: { size: 10, refill: 1 },
  DeleteVpcEndpointServiceConfigurations: { size: 10, refill: 1 },
  CreateTags: { size: 100, refill: 10 },
  DeleteTags: { size: 100, refill: 10 },
  ModifyNetworkInterfaceAttribute: { size: 100, refill: 5 },
  CreateNetworkInterface: { size: 100, refill: 5 },
  ModifyInstanceMetadataOptions: { size: 100, refill: 5 },
  AssociateIamInstanceProfile: { size: 100, refill: 5 },
  RunInstances: { size: 5, refill: 2 },
  StartInstances: { size: 5, refill: 2 },
};
const EC2_READ = { size: 100, refill: 20 };
const EC2_READ_ALL = { size: 50, refill: 10 };
const EC2_CHANGE = { size: 50, refill: 5 };
/** Reads that cost more when neither filtered nor paged. */
const HEAVY = new Set([
  'DescribeInstances',
  'DescribeInstanceStatus',
  'DescribeNetworkInterfaces',
  'DescribeSecurityGroups',
  'DescribeSnapshots',
  'DescribeSpotInstanceRequests',
  'DescribeVolumes',
]);

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html */
const ELB_ALL = { size: 40, refill: 10 };
const ELB_READ = { size: 40, refill: 10 };
const ELB_REGISTER = { size: 20, refill: 4 };
const ELB_CREATE = { size: 10, refill: 0.2 };
const ELB_CHANGE = { size: 20, refill: 3 };

/** AWS refuses calls so, for each account of the one region there is: a call takes a token from each of its buckets or is refused. */
export function throttle(clock: Clock): Middleware {
  const levels = new Map<string, { tokens: number; at: number }>();

  return async ({ service, operation, principal }, input, next) => {
    for (const [kind, bucket] of bucketsOf(service, operation, input)) {
      const name = `${accountOf(principal)} ${kind}`;
      const now = clock.now();
      const { tokens, at } = levels.get(name) ?? { tokens: bucket.size, at: now };
      const level = Math.min(bucket.size, tokens + ((now - at) / 1000) * bucket.refill);
      // Refills of less than a whole token add up in floating point.
      const taken = level > 1 - 1e-9;
      levels.set(name, { tokens: taken ? level - 1 : level, at: now });
      if (!taken) throw refused(service);
    }
    return next();
  };
}

type Input = Readonly<Record<string, unknown>>;

function bucketsOf(service: string, operation: Call['operation'], input: Input): [string, Bucket][] {
  // AWS tells the two apart by these words too.
  const reads = /^(Describe|Get|List|Search)/.test(operation);
  if (service === 'ec2') {
    const { Filters, MaxResults, NextToken } = input;
    const narrowed = (Array.isArray(Filters) && Filters.length > 0) || MaxResults || NextToken;
    if (HEAVY.has(operation) && !narrowed) return [[`${operation} of all`, EC2_READ_ALL]];
    return [[operation, EC2[operation] ?? (reads ? EC2_READ : EC2_CHANGE)]];
  }
  if (service === 'elasticloadbalancing') {
    const own: [string, Bucket] = reads
      ? ['elb reads', ELB_READ]
      : /^(Register|Deregister)Targets$/.test(operation)
        ? ['elb registration', ELB_REGISTER]
        : /^(CreateLoadBalancer|SetSubnets)$/.test(operation)
          ? ['elb creation', ELB_CREATE]
          : ['elb changes', ELB_CHANGE];
    return [['elb', ELB_ALL], own];
  }
  return [];
}

function refused(service: string): AwsError {
  if (service === 'ec2') return new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
  return new AwsError('Throttling', 'Rate exceeded');
}
