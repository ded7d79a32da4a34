import { CreateRouteCommand, DescribeRouteTablesCommand } from '@aws-sdk/client-ec2';
import { AWS_DELAYS } from '../local/services/delays.ts';
import { unverified } from '../shared/seal.ts';
import { type StageOptions, stage } from '../test/shared/subnets/stage.ts';

/**
 * What the subnets cost, counted against the cloud in a box with AWS's own limits and delays: the calls, and the seconds
 * of the cloud's time from the tags to the last route. Milliseconds are this machine's, for one look and its plan.
 */

/** CreateVpcEndpoint: 4 at once, then 0.3 a second. */
const bucketSeconds = (creates: number) => Math.max(0, creates - 4) / 0.3;
const CIDR = '10.20.0.0/16';
const TURNS = 31;

async function begin(subnets: number, { tables = subnets, ...options }: StageOptions & { tables?: number } = {}) {
  const here = await stage({ throttled: true, becomesAvailable: AWS_DELAYS.endpointAvailable, ...options });
  return { ...here, ids: await here.manySubnets(subnets, tables) };
}

async function optIn(subnets: number, tables = subnets) {
  const endpointsPerVpc = Math.max(50, subnets);
  const { ids, tag, pass, calls, cloud, close } = await begin(subnets, { tables, endpointsPerVpc });
  for (const id of ids) await tag(id, CIDR);
  const began = cloud.clock.now();
  const { settled } = await pass(1_000_000);
  const all = calls();
  const of = (name: RegExp) => all.filter(({ operation }) => name.test(operation)).length;
  await close();
  if (!settled) throw new Error(`${subnets} subnets did not come to rest`);
  return {
    subnets,
    tables,
    seconds: Math.round((cloud.clock.now() - began) / 100) / 10,
    'of AWS alone': Math.round((bucketSeconds(subnets) + AWS_DELAYS.endpointAvailable / 1000) * 10) / 10,
    creates: of(/^CreateVpcEndpoint$/),
    accepts: of(/^Accept/),
    routes: of(/Route$/),
    tags: of(/Tags$/),
    refused: all.filter(({ error }) => error !== undefined).length,
    reads: of(/^Describe/),
  };
}

/** Of so many subnets as many are opted in as AWS's quota of endpoints lets. */
async function atRest(subnets: number) {
  const { ids, tag, pass, calls, close } = await begin(subnets);
  const tagged = ids.slice(0, 50);
  for (const id of tagged) await tag(id, CIDR);
  await pass(1_000_000);
  calls();
  const began = performance.now();
  const { settled, changes } = await pass();
  const milliseconds = Math.round(performance.now() - began);
  const all = calls();
  await close();
  if (!settled) throw new Error(`${subnets} subnets were not at rest`);
  return { subnets, 'opted in': tagged.length, reads: all.length, changes, milliseconds };
}

/** What the seals of notes cost a look and its plan, each subnet's route taken over: with their MACs, and with all believed unseen, in turns. */
async function sealed(subnets: number) {
  const { ids, tag, pass, seal, newProcess, natGateway, cloud, close } = await begin(subnets, { throttled: false });
  const tagged = ids.slice(0, 50);
  const [NatGatewayId, { RouteTables = [] }] = await Promise.all([
    natGateway(),
    cloud.ec2.send(new DescribeRouteTablesCommand({ Filters: [{ Name: 'association.subnet-id', Values: tagged }] })),
  ]);
  for (const { RouteTableId } of RouteTables)
    await cloud.ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: CIDR, NatGatewayId }));
  for (const id of tagged) await tag(id, `takeover ${CIDR}`);
  await pass(1_000_000);
  const { read, ...own } = await seal();
  const notes = new Set<string>();
  const counting: typeof read = (...note) => {
    notes.add(note.join());
    return read(...note);
  };
  const ways = {
    with: newProcess(seal),
    without: newProcess(async () => ({ ...own, read: unverified.read })),
  };
  await newProcess(async () => ({ ...own, read: counting })).observe();
  // The processor's: what else runs on the machine takes turns, and none of these.
  const spent = () => Object.values(process.cpuUsage()).reduce((sum, each) => sum + each / 1000, 0);
  const milliseconds: Record<keyof typeof ways, number[]> = { with: [], without: [] };
  for (let turn = 0; turn < TURNS; turn++)
    for (const way of turn % 2 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
      const began = spent();
      const { steps } = ways[way].plan(await ways[way].observe());
      milliseconds[way].push(spent() - began);
      if (steps.length > 0) throw new Error(`${subnets} subnets were not at rest`);
    }
  await cloud.cloud.idle();
  await close();
  const median = (way: keyof typeof ways) => milliseconds[way].toSorted((a, b) => a - b)[Math.floor(TURNS / 2)] ?? 0;
  const [ms, bare] = [median('with'), median('without')];
  const tenths = (value: number) => Math.round(value * 10) / 10;
  return {
    subnets,
    notes: notes.size,
    'ms with MACs': tenths(ms),
    without: tenths(bare),
    ratio: (ms / bare).toFixed(2),
  };
}

console.log('Opting in, all tagged at once:');
console.table([await optIn(1), await optIn(10), await optIn(50), await optIn(50, 4), await optIn(200, 4)]);
console.log('A pass at rest:');
console.table([await atRest(1), await atRest(50), await atRest(500)]);
console.log(
  `The same, its processor's time, medians of ${TURNS} in turns, with the seals of its notes verified and not:`,
);
console.table([await sealed(1), await sealed(50), await sealed(500)]);
process.exit(0);
