import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SSMClient } from '@aws-sdk/client-ssm';
import { sealer } from '../shared/aws/sealer.ts';
import { spokeConfig } from '../shared/config.ts';
import { reconcilerHandler } from '../shared/handler.ts';
import { spokeReconciler } from '../shared/subnets/reconciler.ts';

const config = spokeConfig(process.env);
const clients = {
  ec2: new EC2Client(),
  lambda: new LambdaClient(),
  ssm: new SSMClient(),
  changer: new EC2Client({ maxAttempts: 1 }),
};
const seal = sealer(new KMSClient(), config.sealing);

export const handler = reconcilerHandler('subnets', spokeReconciler(clients, config, seal, Date.now), {
  ...config,
  clients: Object.values(clients),
  latencyMetric: 'SecondsToRoute',
});
