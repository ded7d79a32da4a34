import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { healthConfig } from '../shared/config.ts';
import { healthOf } from '../shared/subnets/health.ts';

const config = healthConfig(process.env);
const clients = { ec2: new EC2Client(), elb: new ElasticLoadBalancingV2Client() };

/** Answers whoever is allowed to invoke it, whatever they say. */
export const handler = () => healthOf(clients, config, Date.now());
