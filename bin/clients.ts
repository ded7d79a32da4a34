import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { readCredentials } from '../local/credentials.ts';

/** Where AWS is, and as whom to ask it. What is not given, the SDK finds as it always does. */
export interface Access {
  region?: string | undefined;
  profile?: string | undefined;
  endpoint?: string | undefined;
  /** Seconds in which each call has to be answered. */
  timeout?: number | undefined;
}

export type Clients = ReturnType<typeof awsClients>;

/** A local cloud has keys of its own, and nobody else's should be sent to it. */
const local = (endpoint: string, profile?: string) => ({
  region: 'eu-central-1',
  credentials: async () => readCredentials(endpoint, profile),
});

export const isLocal = (endpoint: string | undefined): endpoint is string =>
  endpoint !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(endpoint).hostname);

/** A connection comes about within so many milliseconds, or not at all. */
const CONNECT_MS = 10_000;

export function awsClients({ region, profile, endpoint, timeout }: Access) {
  const config = {
    ...(isLocal(endpoint) && local(endpoint, profile)),
    ...(region && { region }),
    ...(profile && { profile }),
    ...(endpoint && { endpoint }),
    ...(timeout && {
      requestHandler: {
        requestTimeout: timeout * 1000,
        throwOnRequestTimeout: true,
        connectionTimeout: Math.min(CONNECT_MS, timeout * 1000),
      },
    }),
  };
  return {
    autoScaling: new AutoScalingClient(config),
    cloudFormation: new CloudFormationClient(config),
    ec2: new EC2Client(config),
    elb: new ElasticLoadBalancingV2Client(config),
    lambda: new LambdaClient(config),
    logs: new CloudWatchLogsClient(config),
    quotas: new ServiceQuotasClient(config),
    // A bucket is found in whatever region it is: that is to be told.
    s3: new S3Client({ ...config, followRegionRedirects: true, forcePathStyle: endpoint !== undefined }),
    sqs: new SQSClient(config),
    ssm: new SSMClient(config),
    sts: new STSClient(config),
  };
}
