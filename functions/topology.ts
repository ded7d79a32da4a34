import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from 'aws-lambda';
import { hubConfig, routersConfig } from '../shared/config.ts';
import { topology } from '../shared/topology/model.ts';
import { look } from '../shared/topology/observe.ts';
import { answer } from '../shared/topology/widget.ts';

const config = { subnets: hubConfig(process.env), routers: routersConfig(process.env) };
const clients = {
  autoScaling: new AutoScalingClient(),
  ec2: new EC2Client(),
  elb: new ElasticLoadBalancingV2Client(),
  ssm: new SSMClient(),
};

export const handler = (event: unknown, { invokedFunctionArn }: Context) =>
  answer(event, invokedFunctionArn, async () => topology(await look(clients, config, Date.now())));
