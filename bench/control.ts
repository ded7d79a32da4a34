import { CreateRouteCommand, DescribeRouteTablesCommand } from '@aws-sdk/client-ec2';
import { AWS_DELAYS } from '../local/services/delays.ts';
import { type Reconciler, reconcile } from '../shared/reconcile/loop.ts';
import { unverified } from '../shared/seal.ts';
import type { SubnetsStep } from '../shared/subnets/steps.ts';
import type { HubLook } from '../shared/subnets/world.ts';
import { type Stage, type StageOptions, stage } from '../test/shared/subnets/stage.ts';
import { checkOut, EARLIER, isHere } from './earlier.ts';

/**
 * Subnets cost these calls and seconds, counted against the cloud in a box with AWS's own limits and delays: the calls, and the seconds
 * of the cloud's time from the tags to the last route; by this build and by an earlier one, each in a cloud of its own.
 * Milliseconds are of this machine's processor, for one look and its plan.
 */

/** A pass in a cloud of a test, of at most so many milliseconds, by a process that remembers what it did there before. */
type Pass = (ms?: number) => Promise<{ settled: boolean; changes: number }>;
type Build = (here: Stage) => Pass;

/** CreateVpcEndpoint takes 4 calls at once, then 0.3 a second. */
const bucketSeconds = (creates: number) => Math.max(0, creates - 4) / 0.3;
const CIDR = '10.20.0.0/16';
const TURNS = 31;
const round = (value: number) => Math.round(value * 10) / 10;
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
/** The processor's time counts, in milliseconds: what else runs on the machine takes turns, and none of these. */
const spent = () => Object.values(process.cpuUsage()).reduce((sum, each) => sum + each / 1000, 0);

const silent = { acted() {}, failed() {}, waits() {}, refuses() {} };
/** A process runs as a function does, with nothing of a test around it that would be measured too. */
const passes =
  (run: typeof reconcile, process: Reconciler<HubLook, SubnetsStep>, { clock }: Stage['cloud']): Pass =>
  (ms = 300_000) =>
    clock.run(run(process, { now: clock.now, sleep: clock.sleep, deadline: clock.now() + ms }, silent)) as never;

const now: Build = ({ newProcess, seal, cloud }) => passes(reconcile, newProcess(seal), cloud);
const builds: Record<string, Build> = {
  ...(isHere(EARLIER) && { [`at ${EARLIER}`]: await earlierBuild() }),
  'this build': now,
};

/** The earlier build's functions ask for no seal, and have their loop in another place. It takes no notice of settings that it does not know. */
async function earlierBuild(): Promise<Build> {
  const root = checkOut(EARLIER);
  const { subnetsReconciler } = await import(`${root}shared/subnets/reconciler.ts`);
  const { reconcile: run } = await import(`${root}shared/reconcile.ts`);
  return ({ clients, settings, cloud }) =>
    passes(run, subnetsReconciler({ ...clients, changer: clients.ec2 }, settings, cloud.clock.now), cloud);
}

async function begin(
  build: Build,
  subnets: number,
  { tables = subnets, ...options }: StageOptions & { tables?: number } = {},
) {
  const here = await stage({ throttled: true, becomesAvailable: AWS_DELAYS.endpointAvailable, ...options });
  return { ...here, pass: build(here), ids: await here.manySubnets(subnets, tables) };
}

async function optIn(build: Build, subnets: number, tables = subnets) {
  const endpointsPerVpc = Math.max(50, subnets);
  const { ids, tag, pass, calls, cloud, close } = await begin(build, subnets, { tables, endpointsPerVpc });
  for (const id of ids) await tag(id, CIDR);
  const began = cloud.clock.now();
  const { settled } = await pass(10_000_000);
  const all = calls();
  const of = (name: RegExp) => all.filter(({ operation }) => name.test(operation)).length;
  await close();
  if (!settled) throw new Error(`${subnets} subnets did not come to rest`);
  return {
    subnets,
    tables,
    'of AWS alone': round(bucketSeconds(subnets) + AWS_DELAYS.endpointAvailable / 1000),
    seconds: round((cloud.clock.now() - began) / 1000),
    creates: of(/^CreateVpcEndpoint$/),
    accepts: of(/^Accept/),
    routes: of(/Route$/),
    tags: of(/Tags$/),
    refused: all.filter(({ error }) => error !== undefined).length,
    reads: of(/^Describe/),
  };
}

/** AWS's quota of endpoints lets so many of the subnets be opted in. */
async function settled(build: Build, subnets: number) {
  const here = await begin(build, subnets, { throttled: false });
  for (const id of here.ids.slice(0, 50)) await here.tag(id, CIDR);
  await here.pass(1_000_000);
  return here;
}

/** Builds have passes at rest in turns, each in a cloud of its own, and this one's share is told of what the earlier one takes. */
async function atRest(subnets: number) {
  const each = await inTurn(Object.entries(builds), async ([name, build]) => [
    { name, ...(await settled(build, subnets)), milliseconds: [] as number[] },
  ]);
  const turn = async ({ pass, milliseconds }: (typeof each)[number]) => {
    const began = spent();
    const { settled, changes } = await pass();
    milliseconds.push(spent() - began);
    if (!settled || changes > 0) throw new Error(`${subnets} subnets were not at rest`);
  };
  for (const here of each) here.calls();
  for (let at = 0; at < TURNS; at++) for (const here of at % 2 ? each.toReversed() : each) await turn(here);
  const base = median(each[0]?.milliseconds ?? []);
  const rows = each.map(({ name, ids, calls, milliseconds }) => {
    const ms = median(milliseconds);
    const row = { build: name, subnets, 'opted in': Math.min(50, ids.length), reads: calls().length / TURNS };
    return { ...row, ms: round(ms), ratio: (ms / base).toFixed(2) };
  });
  for (const { close } of each) await close();
  return rows;
}

/** Seals of notes cost a look and its plan this, each subnet's route taken over: with their MACs, and with all believed unseen, in turns. */
async function sealed(subnets: number) {
  const { ids, tag, pass, seal, newProcess, natGateway, cloud, close } = await begin(now, subnets, {
    throttled: false,
  });
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
  const [ms, bare] = [median(milliseconds.with), median(milliseconds.without)];
  return {
    subnets,
    notes: notes.size,
    'ms with MACs': round(ms),
    without: round(bare),
    ratio: (ms / bare).toFixed(2),
  };
}

/** Each build is measured by the same, and this one's share told of what the earlier one takes. */
async function compared<Row extends object>(figure: keyof Row, measure: (build: Build) => Promise<Row>) {
  const rows: object[] = [];
  let base: number | undefined;
  for (const [name, build] of Object.entries(builds)) {
    const row = await measure(build);
    base ??= Number(row[figure]);
    rows.push({ build: name, ...row, ratio: Math.round((Number(row[figure]) / base) * 100) / 100 });
  }
  return rows;
}

const optedIn: [subnets: number, tables?: number][] = [[1], [10], [50], [50, 4], [200, 4]];
console.log('Opting in, all tagged at once, and the ratio of seconds:');
console.table(await inTurn(optedIn, (of) => compared('seconds', (build) => optIn(build, ...of))));
console.log(`A pass at rest, its processor's time, medians of ${TURNS} in turns, and the ratio of these:`);
console.table(await inTurn([1, 50, 500], atRest));
console.log(`The same, with the seals of its notes verified and not:`);
console.table([await sealed(1), await sealed(50), await sealed(500)]);
process.exit(0);

async function inTurn<T, Row>(things: T[], measure: (thing: T) => Promise<Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const thing of things) rows.push(...(await measure(thing)));
  return rows;
}
