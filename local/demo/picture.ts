import { plain } from '../../shared/plain.ts';

/** The picture shows this; ids and words as AWS gives them. */
export interface Topology {
  /** The routers' VPC. */
  vpc: string;
  subnets: Subnet[];
  /** Other VPCs, and where they are. */
  others?: { vpc: string; where: string; subnets: Subnet[] }[];
  loadBalancer: string;
  routers: {
    name: string;
    address: string;
    zone: string;
    /** Health of the target, or why it is none. */
    health: string;
    /** Packets the diverter gave to sockets; undefined where it cannot be asked. */
    delivered?: number;
  }[];
}

interface Subnet {
  name: string;
  cidr: string;
  zone: string;
  /** The opt-in tag, if it has one, and what the status tag says of it. */
  tag?: string | undefined;
  status?: string | undefined;
  endpoint?: { id: string; state: string } | undefined;
  /** Destinations that its route table sends to the endpoint. */
  routes: string[];
}

/** A block of the picture: two lines, and whether packets pass it. */
type Block = { lines: [string, string]; open: boolean };
/** Two lines and one between blocks. */
const BLOCK = 3;

/** The way of a packet, left to right: subnets, load balancer, routers. What does not carry packets has no arrow. */
export function picture({ vpc, subnets, others = [], loadBalancer, routers }: Topology): string {
  const elsewhere = others.flatMap((other): Block[] => [
    { lines: [`VPC ${other.vpc}`, other.where], open: false },
    ...other.subnets.map(subnetBlock),
  ]);
  const left = [...subnets.map(subnetBlock), ...elsewhere].map(harmless);
  const right = routers.map(routerBlock).map(harmless);
  const width = Math.max(...left.flatMap(({ lines }) => lines.map((line) => line.length)), 0);
  const label = ` ${plain(loadBalancer)} `;
  const height = Math.max(left.length, right.length, 1) * BLOCK - 1;

  const rows = Array.from({ length: height }, (_, row) => {
    const [from, to] = [cell(left, row), cell(right, row)];
    return ` ${from.text.padEnd(width)} ${from.arrow}${side(row)}${to.arrow} ${to.text}`.trimEnd();
  });
  return [` VPC ${plain(vpc)}`, '', ...rows].join('\n');

  function side(row: number): string {
    if (row === 0) return `┌${'─'.repeat(label.length)}┐`;
    if (row === height - 1) return `└${'─'.repeat(label.length)}┘`;
    return `│${row === Math.floor(height / 2) ? label : ' '.repeat(label.length)}│`;
  }
}

/** Names and tags are anybody's. */
function harmless({ lines: [first, second], open }: Block): Block {
  return { lines: [plain(first), plain(second)], open };
}

function subnetBlock({ name, cidr, zone, tag, status, endpoint, routes }: Subnet): Block {
  const title = `${name} ${cidr} (${zone.at(-1)})`;
  if (!endpoint) return { lines: [title, tag ? (status ?? `tagged ${tag}`) : 'not opted in'], open: false };
  const to = `${endpoint.id.replace(/^(vpce-.{4}).+$/, '$1…')} ${endpoint.state}`;
  return { lines: [title, `${routes.join(' ') || 'no route yet'} → ${to}`], open: routes.length > 0 };
}

function routerBlock({ name, address, zone, health, delivered }: Topology['routers'][number]): Block {
  const counted = delivered === undefined ? '' : `, ${delivered} packets delivered`;
  return { lines: [`${name} ${address} (${zone.at(-1)})`, `${health}${counted}`], open: health === 'healthy' };
}

function cell(blocks: Block[], row: number): { text: string; arrow: string } {
  const block = blocks[Math.floor(row / BLOCK)];
  const line = row % BLOCK;
  return { text: block?.lines[line] ?? '', arrow: block?.open && line === 1 ? '──▶' : '   ' };
}
