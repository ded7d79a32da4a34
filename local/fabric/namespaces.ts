import type { Server } from 'node:net';
import type { Fabric, Network } from './fabric.ts';
import { type EndpointStats, type Gwlb, startGwlb } from './gwlb.ts';
import { type Instance, openInstance } from './instance.ts';
import { ip, type Netns, openNetns } from './netns.ts';
import { type Prober, startProber } from './prober.ts';
import { kill } from './process.ts';
import { relay } from './relay.ts';
import { changes, type Item, ownCommands, ownDevice, routing } from './routing.ts';

export interface FabricOptions {
  /** Ids of images, and what boots in their instances: a folder of `images/`. */
  images: Record<string, 'client' | 'router' | 'controller'>;
  /** OpenZiti's program, where its own routers are to run and not their stand-in. They look for an instance `controller`. */
  ziti?: string;
  /** An address in every VPC that answers as an HTTP server on our loopback does. */
  services?: { ip: string; port: number; upstream: string };
}

/** A fabric whose packets a person can look at. */
export interface NamespaceFabric extends Fabric {
  /** The start of a command line that runs a program in an instance. */
  enter(instanceId: string): string[];
  /** The start of a command line that runs a program in a VPC's network namespace: `tcpdump -i vpce-…`, `ip rule`. */
  enterVpc(vpcId: string): string[];
  /** A load balancer node's counters, by name. */
  nodeStats(nodeId: string): Promise<Record<string, number>>;
  /** A node's counts of one endpoint. */
  endpointStats(endpointId: string): Promise<EndpointStats>;
}

type Interface = Network['interfaces'][number];
type Vpc = Netns & { items: Map<string, Item>; services?: Server };
type Node = Gwlb & { prober: Prober };

const VPC_SETUP = `
cd /proc/sys/net/ipv4
echo 1 >ip_forward
for conf in conf/all conf/default; do
  echo 0 >$conf/rp_filter
  echo 0 >$conf/send_redirects
  echo 1 >$conf/proxy_arp
done
ip -batch - <<.
link set lo up
rule delete preference 32766
rule delete preference 32767
rule add iif lo lookup main preference 300
rule add blackhole preference 400
.`;

/** Carries packets with network namespaces. Needs root. What it makes belongs to processes that end with ours. */
export async function namespaceFabric({ images, services, ziti }: FabricOptions): Promise<NamespaceFabric> {
  const vpcs = new Map<string, Vpc>();
  const instances = new Map<string, Instance>();
  const nodes = new Map<string, Node>();
  let applying: Promise<void> = Promise.resolve();
  let have: Network = {
    vpcs: [],
    subnets: [],
    routeTables: [],
    instances: [],
    interfaces: [],
    endpoints: [],
    nodes: [],
  };

  async function openVpc(id: string): Promise<void> {
    const address = services ? `\nip address add ${services.ip}/32 dev lo` : '';
    const vpc: Vpc = { ...(await openNetns(VPC_SETUP + address)), items: new Map() };
    vpcs.set(id, vpc);
    if (services) vpc.services = await relay(vpc, services, new URL(services.upstream));
  }

  async function openNode(id: string): Promise<void> {
    const gwlb = await startGwlb();
    nodes.set(id, { ...gwlb, prober: startProber(gwlb) });
  }

  function bootOf(image: string): string {
    const folder = images[image];
    if (!folder) throw new Error(`Nothing boots from ${image}. Images: ${Object.keys(images).join(', ')}`);
    return folder;
  }

  /** Makes what is new before anything points to it, and ends what is gone after nothing does. */
  async function apply(want: Network): Promise<void> {
    const instanceDiff = diff(have.instances, want.instances);
    const nodeDiff = diff(have.nodes, want.nodes);
    const vpcDiff = diff(have.vpcs, want.vpcs);
    const endpointDiff = diff(have.endpoints, want.endpoints);
    const subnets = new Map(want.subnets.map((subnet) => [subnet.id, subnet]));
    const nodeIds = new Map(want.nodes.map(({ id, interfaceId }) => [interfaceId, id]));
    const ownerOf = ({ id, instanceId }: Interface): Netns =>
      instanceId === undefined ? get(nodes, nodeIds.get(id) ?? id) : get(instances, instanceId);

    // A sync that failed half-way has made some of them already: another in its place would never be ended.
    const unmade = <T extends { id: string }>(items: T[], made: Map<string, unknown>) =>
      items.filter(({ id }) => !made.has(id));
    await settle([
      ...unmade(vpcDiff.added, vpcs).map(({ id }) => openVpc(id)),
      ...unmade(instanceDiff.added, instances).map(async ({ id }) => instances.set(id, await openInstance(id, ziti))),
      ...unmade(nodeDiff.added, nodes).map(({ id }) => openNode(id)),
    ]);
    await each(endpointDiff.added, ({ id, nodeId, subnetId }) =>
      get(nodes, nodeId).addEndpoint(id, get(vpcs, subnets.get(subnetId)?.vpcId ?? subnetId)),
    );
    await each(want.nodes, (node) => get(nodes, node.id).configure(node));
    await each(vpcs, async ([id, vpc]) => {
      const items = routing(want, id, (face) => ownerOf(face).pid);
      await ip(vpc.pid, changes(vpc.items, items));
      vpc.items = items;
    });
    await each(Map.groupBy(diff(have.interfaces, want.interfaces).added, ownerOf), ([owner, faces]) =>
      ip(
        owner.pid,
        faces.flatMap((face) => ownCommands(face, subnets.get(face.subnetId)?.cidr ?? '')),
      ),
    );
    await each(instanceDiff.added, ({ id, name, image }) => get(instances, id).boot(name, bootOf(image)));

    await each(endpointDiff.removed, ({ id, nodeId }) => get(nodes, nodeId).removeEndpoint(id));
    await settle([
      ...instanceDiff.removed.map(({ id }) => take(instances, id).close()),
      ...nodeDiff.removed.map(({ id }) => closeNode(take(nodes, id))),
      ...vpcDiff.removed.map(({ id }) => closeVpc(take(vpcs, id))),
    ]);
    have = structuredClone(want);
  }

  return {
    description: 'Packets flow through network namespaces of this machine, over real GENEVE and eBPF.',
    sync: (want) => {
      applying = apply(want);
      return applying;
    },
    exec: async (instanceId, argv, options) => get(instances, instanceId).exec(argv, options),
    probe: async (nodeId, check) => get(nodes, nodeId).prober.probe(check),
    crash: async (instanceId) => {
      const faces = have.interfaces.filter((face) => face.instanceId === instanceId);
      await get(instances, instanceId).crash(faces.map(ownDevice));
    },
    close: async () => {
      // What is being made can be ended only once it is there.
      await applying.catch(() => {});
      await settle([
        ...[...instances.values()].map((instance) => instance.close()),
        ...[...nodes.values()].map(closeNode),
        ...[...vpcs.values()].map(closeVpc),
      ]);
    },
    enter: (instanceId) => get(instances, instanceId).enter(),
    enterVpc: (vpcId) => ['nsenter', '--target', String(get(vpcs, vpcId).pid), '--net'],
    nodeStats: (nodeId) => get(nodes, nodeId).stats(),
    endpointStats: async (endpointId) => {
      const nodeId = have.endpoints.find(({ id }) => id === endpointId)?.nodeId ?? endpointId;
      return get(nodes, nodeId).endpointStats(endpointId);
    },
  };
}

async function closeVpc(vpc: Vpc): Promise<void> {
  vpc.services?.close();
  await kill(vpc.process);
}

async function closeNode(node: Node): Promise<void> {
  await Promise.all([kill(node.prober.process), kill(node.process)]);
}

function diff<T extends { id: string }>(have: T[], want: T[]): { added: T[]; removed: T[] } {
  const missing = (from: T[]) => {
    const ids = new Set(from.map(({ id }) => id));
    return ({ id }: T) => !ids.has(id);
  };
  return { added: want.filter(missing(have)), removed: have.filter(missing(want)) };
}

function get<T>(from: Map<string, T>, id: string): T {
  const found = from.get(id);
  if (found === undefined) throw new Error(`The fabric has no ${id || 'such thing'}`);
  return found;
}

function take<T>(from: Map<string, T>, id: string): T {
  const found = get(from, id);
  from.delete(id);
  return found;
}

/** Also what throws at once is waited beside the others. */
const each = <T>(items: Iterable<T>, action: (item: T) => Promise<unknown>) =>
  settle([...items].map(async (item) => action(item)));

/** Waits for all, also when one fails: what is still being made could not be ended. */
async function settle(work: Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
