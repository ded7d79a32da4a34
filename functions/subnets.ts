import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SSMClient } from '@aws-sdk/client-ssm';
import { sealer } from '../shared/aws/sealer.ts';
import { hubConfig } from '../shared/config.ts';
import { reconcilerHandler } from '../shared/handler.ts';
import { subnetsReconciler } from '../shared/subnets/reconciler.ts';

const config = hubConfig(process.env);
const clients = {
  ec2: new EC2Client(),
  elb: new ElasticLoadBalancingV2Client(),
  ssm: new SSMClient(),
  changer: new EC2Client({ maxAttempts: 1 }),
};
const seal = sealer(new KMSClient(), config.sealing);

export const handler = reconcilerHandler('subnets', subnetsReconciler(clients, config, seal, Date.now), {
  ...config,
  clients: Object.values(clients),
  latencyMetric: 'SecondsToRoute',
});
