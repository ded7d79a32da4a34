import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { healthConfig } from '../shared/config.ts';
import { createLog } from '../shared/log.ts';
import { type Health, healthOf } from '../shared/subnets/health.ts';

const config = healthConfig(process.env);
const clients = { ec2: new EC2Client(), elb: new ElasticLoadBalancingV2Client() };
const log = createLog('health', config.version);
/** An answer is good for so many milliseconds: who asks again sooner costs the account no calls. */
const KEPT_MS = 5_000;
let last: Health | undefined;

/** Answers whoever is allowed to invoke it, whatever they say. Lambda does not tell who that is. */
export async function handler() {
  if (last && Math.abs(Date.now() - last.at) < KEPT_MS) return last;
  const health = await healthOf(clients, config, Date.now());
  last = health;
  log.info('A spoke was told how many routers are healthy', { ...health });
  return health;
}
