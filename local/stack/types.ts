import type { AutoScaling } from '@aws-sdk/client-auto-scaling';
import type { EC2 } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { SSM } from '@aws-sdk/client-ssm';
import type { Clock } from '../clock.ts';
import type { Bus } from '../events/bus.ts';
import type { Queues } from '../events/queues.ts';
import type { Iam } from '../iam/iam.ts';
import type { Role } from '../iam/role.ts';
import type { Lambda } from '../lambda/runtime.ts';
import type { Kms } from '../services/kms.ts';
import type { Logs } from '../services/logs.ts';
import type { Buckets } from '../services/s3.ts';
import { autoScalingTypes } from './auto-scaling.ts';
import { endpointServiceTypes, networkTypes } from './ec2.ts';
import { ruleTypes } from './events.ts';
import { roleTypes } from './iam.ts';
import { keyTypes } from './kms.ts';
import { functionTypes } from './lambda.ts';
import { loadBalancingTypes } from './load-balancing.ts';
import { logGroupTypes } from './logs.ts';
import { queueTypes } from './queues.ts';
import { recordedTypes } from './recorded.ts';
import type { ResourceType } from './resource-type.ts';
import { documentTypes } from './ssm.ts';
import { bucketTypes } from './storage.ts';

/** A stack's resources are made by these: AWS's API where the box has it, else the part of the box itself. */
export interface Makers {
  region: string;
  account: string;
  clock: Clock;
  ec2: EC2;
  elb: ElasticLoadBalancingV2;
  ssm: SSM;
  scaling: AutoScaling;
  lambda: Lambda;
  bus: Bus;
  buckets: Buckets;
  kms: Kms;
  queues: Queues;
  roles: Map<string, Role>;
  /** Names of the account's dashboards, in whatever region. */
  dashboards: Set<string>;
  iam: Pick<Iam, 'allows'>;
  logs: Logs;
  /** ARN of the policy that the account's roles must be bounded by. */
  boundary?: string | undefined;
}

/** Every CloudFormation type that a stack of the box can have. */
export function resourceTypes({
  clock,
  ec2,
  elb,
  ssm,
  scaling,
  lambda,
  bus,
  buckets,
  kms,
  queues,
  roles,
  dashboards,
  iam,
  logs,
  boundary,
  ...place
}: Makers): Record<string, ResourceType> {
  return {
    ...networkTypes(ec2, clock),
    ...endpointServiceTypes(ec2),
    ...loadBalancingTypes(elb, clock),
    ...autoScalingTypes(scaling, ec2, clock),
    ...documentTypes(ssm, clock),
    ...functionTypes(lambda, { ...place, code: buckets.read, allows: iam.allows }),
    ...ruleTypes(bus, place),
    ...roleTypes(roles, place.account, boundary),
    ...keyTypes(kms),
    ...logGroupTypes(logs, place),
    ...bucketTypes(buckets, place),
    ...queueTypes(queues, place),
    ...recordedTypes(place, dashboards),
  };
}
