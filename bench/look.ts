import { parseArgs } from 'node:util';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { HubConfig } from '../shared/config.ts';
import { unverified } from '../shared/seal.ts';
import { observe } from '../shared/subnets/observe.ts';
import { planVpcs } from '../shared/subnets/plan.ts';

/** A process of its own looks at a cloud once and plans, as a function does: `control.ts` starts it, and prints what it took. */
const {
  endpoint = '',
  region = '',
  settings = '',
  now = '',
} = parseArgs({
  options: Object.fromEntries(['endpoint', 'region', 'settings', 'now'].map((name) => [name, { type: 'string' }])),
}).values as Record<string, string>;
const config = JSON.parse(settings) as HubConfig;
const client = { endpoint, region, credentials: { accessKeyId: 'AKIDBENCH', secretAccessKey: 'secret' } };

const before = process.resourceUsage().maxRSS;
const began = performance.now();
const world = await observe(
  { ec2: new EC2Client(client), elb: new ElasticLoadBalancingV2Client(client), ssm: new SSMClient(client) },
  config,
  unverified,
  Number(now),
);
const looked = performance.now();
planVpcs(world, new Map(), config);
const planned = performance.now();
console.log(
  JSON.stringify({
    look: looked - began,
    plan: planned - looked,
    megabytes: process.resourceUsage().maxRSS / 1e3,
    before: before / 1e3,
  }),
);
