import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { sealer } from '../shared/aws/sealer.ts';
import { routersConfig } from '../shared/config.ts';
import { reconcilerHandler } from '../shared/handler.ts';
import { routersReconciler } from '../shared/routers/reconciler.ts';

const config = routersConfig(process.env);
const clients = {
  ec2: new EC2Client(),
  elb: new ElasticLoadBalancingV2Client(),
  ssm: new SSMClient(),
  autoScaling: new AutoScalingClient(),
};
// SendCommand has no client token: sent once more for an answer that got lost, the command runs twice.
const once = { maxAttempts: 1 };
const changers = {
  ec2: new EC2Client(once),
  elb: new ElasticLoadBalancingV2Client(once),
  ssm: new SSMClient(once),
  s3: new S3Client(),
  autoScaling: new AutoScalingClient(once),
};
const seal = sealer(new KMSClient(), config.sealing);
const reconciler = routersReconciler({ ...clients, changers }, config, seal, Date.now);

export const handler = reconcilerHandler('routers', reconciler, {
  ...config,
  clients: [...Object.values(clients), ...Object.values(changers)],
  latencyMetric: 'SecondsToHealthy',
});
