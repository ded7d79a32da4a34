import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';

/** Where AWS is, and as whom to ask it. What is not given, the SDK finds as it always does. */
export interface Access {
  region?: string | undefined;
  profile?: string | undefined;
  endpoint?: string | undefined;
}

export type Clients = ReturnType<typeof awsClients>;

/** The local cloud takes everybody, and nobody's keys should be sent to it. */
const LOCAL = {
  region: 'eu-central-1',
  credentials: { accessKeyId: 'operator', secretAccessKey: 'of the local cloud' },
};

export const isLocal = (endpoint: string | undefined) =>
  endpoint !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(endpoint).hostname);

export function awsClients({ region, profile, endpoint }: Access) {
  const config = {
    ...(isLocal(endpoint) && LOCAL),
    ...(region && { region }),
    ...(profile && { profile }),
    ...(endpoint && { endpoint }),
  };
  return {
    autoScaling: new AutoScalingClient(config),
    ec2: new EC2Client(config),
    elb: new ElasticLoadBalancingV2Client(config),
    lambda: new LambdaClient(config),
    quotas: new ServiceQuotasClient(config),
    sqs: new SQSClient(config),
    ssm: new SSMClient(config),
  };
}
