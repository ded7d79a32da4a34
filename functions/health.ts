import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { healthConfig } from '../shared/config.ts';
import { createLog } from '../shared/log.ts';
import { healthOf } from '../shared/subnets/health.ts';

const config = healthConfig(process.env);
const clients = { ec2: new EC2Client(), elb: new ElasticLoadBalancingV2Client() };
const log = createLog('health', config.version);

/** Answers whoever is allowed to invoke it, whatever they say. Lambda does not tell who that is. */
export async function handler() {
  const health = await healthOf(clients, config, Date.now());
  log.info('A spoke was told how many routers are healthy', { ...health });
  return health;
}
