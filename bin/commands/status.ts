import { explain } from '../../shared/aws/advice.ts';
import type { Style } from '../../shared/plain.ts';
import { type State, type Topology, topology } from '../../shared/topology/model.ts';
import { look } from '../../shared/topology/observe.ts';
import { type Command, EXIT, json } from '../command.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const REFRESH_MS = 2_000;

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
  options: { ...json, watch: { type: 'boolean', short: 'w' } },
  async run({ options, stack, terminal }) {
    let shown = false;
    do {
      try {
        const seen = topology(await look(stack.clients, stack.config, stack.now()));
        if (options.watch && !options.json) terminal.clear();
        terminal.out(...(options.json ? [JSON.stringify(seen)] : picture(seen, terminal)));
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

function picture(seen: Topology, { paint }: Pick<Terminal, 'paint'>): string[] {
  const { place, vpcId, at, zones, crossZone, notes } = seen;
  const subnets = zones.flatMap((zone) => zone.subnets);
  const routers = zones.flatMap((zone) => zone.routers);
  const heading = (...cells: string[]) => cells.map((cell) => paint('bold', cell));
  const state = (word: State) => paint(STYLES[word], word);
  const nodes = zones.flatMap((zone) =>
    zone.nodes.map(({ address, carries }) => [
      zone.name,
      address,
      carries ? state('ready') : `${state('down')}: no healthy router ${crossZone ? 'anywhere' : 'in this zone'}`,
    ]),
  );
  // Where all are of one VPC, the first line names it.
  const spread = subnets.some((subnet) => subnet.vpcId !== undefined);
  const why = [
    ...[...subnets, ...routers].flatMap((subject) => subject.why.map((text) => [nameOf(subject), text])),
    ...notes.map((note) => [note.subject, note.why]),
  ];
  const parts = [
    [
      `${paint('bold', place.stack)}  ${vpcId}  ${place.region}  ${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    ],
    table([
      heading('SUBNET', ...(spread ? ['VPC'] : []), 'ZONE', 'STATE', 'ENDPOINT', 'ROUTES'),
      ...subnets.map((subnet) => [
        nameOf(subnet),
        ...(spread ? [subnet.vpcId ?? vpcId] : []),
        subnet.zone,
        state(subnet.state),
        subnet.endpoint ? `${subnet.endpoint.id} ${subnet.endpoint.state}` : 'none',
        subnet.destinations.map(({ cidr, routed }) => (routed ? cidr : `(${cidr})`)).join(' ') || 'none',
      ]),
    ]),
    table([heading('LOAD BALANCER', 'ADDRESS', 'STATE'), ...nodes]),
    table([
      heading('ROUTER', 'ZONE', 'STATE', 'ADDRESS', 'INSTANCE', 'HEALTH'),
      ...routers.map((router) => [
        nameOf(router),
        router.zone,
        state(router.state),
        router.address,
        router.instanceState,
        router.health,
      ]),
    ]),
    ...(why.length > 0 ? [[paint('bold', 'WHY'), ...table(why)]] : []),
  ];
  return parts.flatMap((part, at) => (at === 0 ? part : ['', ...part]));
}

const nameOf = ({ id, name }: { id: string; name: string }) => (name === id ? id : `${id} (${name})`);
