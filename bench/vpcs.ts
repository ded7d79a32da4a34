import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AWS_DELAYS } from '../local/services/delays.ts';
import { serve } from '../local/wire/server.ts';
import { manyVpcs, settleAtOnce } from '../test/shared/subnets/many.ts';
import { stage } from '../test/shared/subnets/stage.ts';
import { REGION } from '../test/support/cloud.ts';

/**
 * Opted-in subnets, 2,000 of them, cost this in one VPC and in 200, against the cloud in a box with AWS's own limits and delays:
 * calls of a pass at rest, a look and its plan in a process of its own, and one pass in which 100 come and 100 go. Takes minutes.
 */
const CIDR = '10.20.0.0/16';
/** CreateVpcEndpoint takes 4 calls at once, then 0.3 a second. */
const bucketSeconds = (creates: number) => Math.max(0, creates - 4) / 0.3;
const round = (value: number, digits = 0) => Math.round(value * 10 ** digits) / 10 ** digits;
/** A call to AWS takes so long, as one waits for it in its region. */
const LATENCY_MS = 100;
const LAMBDA_S = 900;

/** Node's old space has as much as a function of 256 MB can have beside what Node itself takes. */
const HEAP_MB = 128;

/** A cloud has so many VPCs, with as many subnets that are opted in and ready in each. */
async function ready(vpcs: number, each: number) {
  const here = await stage({
    ...{ throttled: true, becomesAvailable: AWS_DELAYS.endpointAvailable },
    ...{ clientVpcs: 'all', endpointsPerVpc: Math.max(50, each) },
  });
  const made = await manyVpcs(here, vpcs, each, CIDR);
  await settleAtOnce(here);
  here.calls();
  return { here, subnets: made.flatMap(({ subnets }) => subnets) };
}

/** A process with nothing else to do has one look and plan. */
async function alone({ cloud, settings }: Awaited<ReturnType<typeof ready>>['here']) {
  const server = await serve(cloud.wire);
  const argv = { endpoint: server.url, region: REGION, settings: JSON.stringify(settings), now: cloud.clock.now() };
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    `--max-old-space-size=${HEAP_MB}`,
    fileURLToPath(new URL('look.ts', import.meta.url)),
    ...Object.entries(argv).map(([name, value]) => `--${name}=${value}`),
  ]);
  await server.close();
  const { look, plan, megabytes, before } = JSON.parse(stdout) as Record<string, number>;
  return {
    'look, ms': round(look ?? 0),
    'plan, ms': round(plan ?? 0),
    'memory, MB': round(megabytes ?? 0),
    'before the look': round(before ?? 0),
  };
}

async function vpcsAtRest({ here, subnets }: Awaited<ReturnType<typeof ready>>, vpcs: number) {
  const { settled, changes } = await here.pass();
  const reads = here.calls().length;
  if (!settled || changes > 0) throw new Error(`${vpcs} VPCs were not at rest`);
  return { vpcs, subnets: subnets.length, reads, ...(await alone(here)) };
}

/** So many subnets leave in 200 VPCs at rest, and as many that had left before come back, in one pass. */
async function change({ here, subnets }: Awaited<ReturnType<typeof ready>>, count: number) {
  const step = Math.floor(subnets.length / (2 * count));
  const chosen = subnets.filter((_, index) => index % step === 0);
  const [come, go] = [chosen.filter((_, index) => index % 2 === 0), chosen.filter((_, index) => index % 2 === 1)];
  for (const id of come) await here.untag(id);
  await settleAtOnce(here);
  for (const id of come) await here.tag(id, CIDR);
  for (const id of go) await here.untag(id);
  here.calls();
  here.pace.latency = () => LATENCY_MS;
  const began = here.cloud.clock.now();
  const { settled, failures } = await here.pass(LAMBDA_S * 1000);
  const seconds = (here.cloud.clock.now() - began) / 1000;
  const all = here.calls();
  if (!settled || failures.length > 0) throw new Error(`${count} changes were not done in one pass`);
  return {
    'opted in': come.length,
    'opted out': go.length,
    'seconds of one pass': round(seconds),
    "of a Lambda's": LAMBDA_S,
    'of AWS alone': round(bucketSeconds(come.length) + AWS_DELAYS.endpointAvailable / 1000),
    changes: all.filter(({ changes }) => changes).length,
    refused: all.filter(({ error }) => error !== undefined).length,
    reads: all.filter(({ changes }) => !changes).length,
  };
}

console.log(
  'A pass at rest of 2,000 subnets, in one VPC and in 200, side by side; its look and plan in a process of their own:',
);
const one = await ready(1, 2_000);
const inOne = await vpcsAtRest(one, 1);
await one.here.close();
const many = await ready(200, 10);
const inMany = await vpcsAtRest(many, 200);
console.table([inOne, inMany]);
console.log(`Calls: ${round(inMany.reads / inOne.reads, 2)} times those for one VPC.`);
console.log(`In those 200 VPCs, each call taking ${LATENCY_MS} ms:`);
console.table([await change(many, 100)]);
await many.here.close();
process.exit(0);
