import type { Style } from '../../shared/plain.ts';
import { healthSentence } from '../../shared/routers/sentences.ts';
import { pauseSentence } from '../../shared/sentences.ts';
import { spokesOf } from '../../shared/topology/accounts.ts';
import { byVpc, type Hub, type State, type Topology, topology, worded } from '../../shared/topology/model.ts';
import { NO_ENDPOINT } from '../../shared/topology/sentences.ts';
import { type Command, EXIT, type Given, json, UsageError } from '../command.ts';
import { see } from '../deployed.ts';
import { toldAgo } from '../hub-findings.ts';
import { explain } from '../person.ts';
import { nameOf, RESUME, readiness } from '../standing.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const REFRESH_MS = 2_000;
/** Seconds: a router is launched and joins in some minutes, an endpoint takes two. */
const PATIENCE_S = 900;
const LONGEST_S = 86_400;

const STYLES: Record<State, Style> = {
  ready: 'green',
  waiting: 'yellow',
  leaving: 'dim',
  conflict: 'magenta',
  blocked: 'red',
  refused: 'red',
  down: 'red',
};

export const status: Command = {
  args: [],
  summary: 'subnets and routers, how they stand, and why not all is ready',
  options: {
    ...json,
    watch: { type: 'boolean', short: 'w' },
    for: { type: 'string' },
    timeout: { type: 'string' },
  },
  check: ({ options }) => void patience(options),
  async run(given) {
    const { options, stack, terminal } = given;
    const seconds = patience(options);
    if (seconds !== undefined) return waitUntilReady(given, stack.now() + seconds * 1000);
    let shown = false;
    do {
      try {
        const seen = topology(await see(stack));
        if (options.watch && !options.json) terminal.clear();
        show(seen, given);
        shown = true;
      } catch (error) {
        // What was shown once is shown again, when AWS answers again.
        if (!shown) throw error;
        terminal.err(explain(error));
      }
      if (options.watch) await terminal.sleep(REFRESH_MS);
    } while (options.watch);
    return EXIT.ok;
  },
};

/** Seconds that are given for `--for=ready`; undefined if nothing is to be waited for. */
function patience({ for: condition, timeout, watch }: Given['options']): number | undefined {
  if (condition === undefined) {
    if (timeout !== undefined) throw new UsageError('--timeout is for --for=ready: nothing else waits');
    return undefined;
  }
  if (condition !== 'ready') throw new UsageError(`--for=${condition} is nothing to wait for: it takes ready`);
  if (watch) throw new UsageError('--for=ready ends, and --watch does not: give one of them');
  if (timeout === undefined) return PATIENCE_S;
  if (typeof timeout !== 'string' || !/^\d{1,5}$/.test(timeout) || Number(timeout) > LONGEST_S)
    throw new UsageError(`--timeout=${timeout} is no number of seconds from 0 to ${LONGEST_S}`);
  return Number(timeout);
}

/** Shows how all stands when nothing is left to wait for, or no time. */
async function waitUntilReady(given: Given, deadline: number): Promise<number> {
  const { stack, terminal } = given;
  for (;;) {
    const seen = topology(await see(stack));
    const is = readiness(seen);
    if (is !== 'waiting' || stack.now() >= deadline) {
      show(seen, given);
      return is === 'ready' ? EXIT.ok : EXIT.todo;
    }
    terminal.progress('waiting until all is ready');
    await terminal.sleep(Math.min(REFRESH_MS, deadline - stack.now()));
  }
}

function show(seen: Topology, { options, terminal, document }: Given): void {
  if (options.json) document(seen);
  else terminal.out(...picture(seen, options.wide === true, terminal));
}

/** A hub tells a spoke this: all that there is to see of what is behind its endpoints. */
function hubSays({ account, service, visible, toldAt, blind }: Hub, at: number): string {
  const there = visible ? '' : ', which is not there for this account';
  const told =
    toldAt === undefined
      ? 'which routers are healthy is not known'
      : `healthy routers as it ${toldAgo({ toldAt }, at)}`;
  return `of account ${account}: ${service}${there}; ${told}${blind ? `: ${blind}` : ''}`;
}

function picture(seen: Topology, wide: boolean, { paint, columns }: Pick<Terminal, 'paint' | 'columns'>): string[] {
  const { place, account, vpcId, at, zones, crossZone, gateways, hub, notes } = seen;
  const spokes = spokesOf(seen);
  const subnets = zones.flatMap((zone) => zone.subnets);
  const routers = zones.flatMap((zone) => zone.routers);
  const room = (...names: string[]) => ({ columns, heading: names.map((name) => paint('bold', name)) });
  const state = (word: State) => paint(STYLES[word], word);
  const nodes = zones.flatMap((zone) =>
    zone.nodes.map(({ address, carries }) => [
      zone.name,
      address,
      carries ? state('ready') : `${state('down')}: no healthy router ${crossZone ? 'anywhere' : 'in this zone'}`,
    ]),
  );
  const flow = ({ flow: is }: { flow?: string }) => is ?? 'none';
  // A VPC without any is nothing to see, but that of routers whose clients are elsewhere.
  const own: [string, typeof subnets][] = subnets.length === 0 && vpcId ? [[vpcId, []]] : [];
  const groups = [...own, ...byVpc(subnets, vpcId)];
  const several = hub !== undefined || spokes.length > 0;
  const ofAccount = several ? ` of account ${account}` : '';
  const ofVpc = (some: typeof subnets) =>
    table(
      some.map((subnet) => [
        nameOf(subnet),
        ...(wide ? [...(several ? [account] : []), subnet.vpcId ?? vpcId] : []),
        subnet.zone,
        state(subnet.state),
        subnet.endpoint ? `${subnet.endpoint.id} ${subnet.endpoint.state}` : 'none',
        subnet.destinations.map(({ cidr, routed }) => (routed ? cidr : `(${cidr})`)).join(' ') || 'none',
        ...(wide ? [subnet.cidrs.join(' '), subnet.tagValue ?? 'none', subnet.tableId ?? 'none', flow(subnet)] : []),
      ]),
      room(
        ...['SUBNET', ...(wide ? [...(several ? ['ACCOUNT'] : []), 'VPC'] : []), 'ZONE', 'STATE', 'ENDPOINT', 'ROUTES'],
        ...(wide ? ['ADDRESSES', 'TAG', 'ROUTE TABLE', 'PACKETS'] : []),
      ),
    );
  const why = [
    ...[...subnets, ...routers].flatMap((subject) => subject.why.map((text) => [nameOf(subject), text])),
    ...notes.map((note) => [note.subject, note.why]),
  ];
  const parts = [
    [
      `${paint('bold', place.stack)}  ${vpcId || 'a spoke'}  ${place.region}  ${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      ...(seen.paused
        ? [paint('yellow', `${pauseSentence(seen.paused)}. Nothing is changed until: ${RESUME} --stack ${place.stack}`)]
        : []),
    ],
    // Where all are of the load balancer's VPC, the first line names it.
    ...(subnets.every((subnet) => subnet.vpcId === undefined) && spokes.length === 0
      ? [ofVpc(subnets)]
      : groups.map(([id, some]) => [
          `${paint('bold', 'VPC')} ${id}${ofAccount}${id === vpcId ? ", the routers'" : ''}`,
          ...ofVpc(some),
        ])),
    // Of accounts with more than one a reader is told by headings, as of VPCs.
    ...spokes.map(({ owner, endpoints }) => [
      `${paint('bold', 'Endpoints')} of account ${owner}`,
      ...(endpoints.length > 0
        ? table(
            endpoints.map((each) => [each.id, ...(wide ? [owner] : []), worded(each.state)]),
            room('ENDPOINT', ...(wide ? ['ACCOUNT'] : []), 'CONNECTION'),
          )
        : table([[NO_ENDPOINT]], { columns })),
    ]),
    // A spoke has neither.
    ...(hub
      ? [
          [
            `${paint('bold', 'Hub')} ${hubSays(hub, at)}`,
            ...table(
              hub.zones.map((zone) => [zone.name, zone.id, zone.routers === undefined ? 'unknown' : `${zone.routers}`]),
              room('ZONE', 'ID', 'HEALTHY ROUTERS'),
            ),
          ],
        ]
      : [
          table(nodes, room('LOAD BALANCER', 'ADDRESS', 'STATE')),
          table(
            routers.map((router) => [
              nameOf(router),
              router.zone,
              state(router.state),
              router.address,
              router.instanceState,
              healthSentence(router),
              ...(wide ? [flow(router)] : []),
            ]),
            room('ROUTER', 'ZONE', 'STATE', 'ADDRESS', 'INSTANCE', 'HEALTH', ...(wide ? ['PACKETS'] : [])),
          ),
        ]),
    ...(gateways.length > 0
      ? [
          table(
            gateways.map((each) => [each.attachmentId ?? each.id, each.owner ?? 'not told', worded(each.state)]),
            room('TRANSIT GATEWAY', 'OWNER', 'STATE'),
          ),
        ]
      : []),
    ...(why.length > 0 ? [[paint('bold', 'WHY'), ...table(why, { columns })]] : []),
  ];
  return parts.flatMap((part, at) => (at === 0 ? part : ['', ...part]));
}
