import { crc32 } from 'node:zlib';
import ipaddr from 'ipaddr.js';
import type { Network, RouteTarget } from './fabric.ts';

/** Something in a VPC's namespace: how to make it and how to take it away, in iproute2's words. */
export interface Item {
  make: string[];
  remove: string;
  /** `make` also changes an older one of this name. Otherwise that is removed first. */
  replaces?: boolean;
  /** The item whose removal takes this one with it. */
  device?: string;
}

type Interface = Network['interfaces'][number];

/** AWS's own, within a VPC. */
export const MTU = 9001;

/** The device's name in the VPC's namespace: kind and end of the id, since Linux allows 15 characters. */
export function deviceName(id: string): string {
  const kind = id.slice(0, id.indexOf('-') + 1);
  return id.length <= 15 ? id : kind + id.slice(kind.length - 15);
}

/**
 * All there is in the namespace of one VPC, by name, in the order to make it.
 *
 * A packet that comes from an interface is looked up in the route table of its subnet. There `local` is a `throw`: on
 * to the main table, which has the address of each interface. What nothing matches is dropped in silence, as AWS does.
 * @param ownerOf the process that holds the namespace at the other end of an interface.
 */
export function routing(network: Network, vpcId: string, ownerOf: (face: Interface) => number): Map<string, Item> {
  const subnets = new Map(network.subnets.filter((subnet) => subnet.vpcId === vpcId).map((s) => [s.id, s]));
  const faces = new Map(network.interfaces.flatMap((f) => (subnets.has(f.subnetId) ? [[f.id, f]] : [])));
  const endpoints = new Set(network.endpoints.flatMap((e) => (subnets.has(e.subnetId) ? [e.id] : [])));
  const items = new Map<string, Item>();

  for (const face of faces.values()) {
    const device = deviceName(face.id);
    const mac = macOf(face.ip);
    const subnet = subnets.get(face.subnetId);
    items.set(device, {
      make: [
        `link add ${device} mtu ${MTU} type veth peer ${ownDevice(face)} mtu ${MTU} address ${mac} netns ${ownerOf(face)}`,
        `address add ${routerAddress(subnet?.cidr ?? '')}/32 dev ${device}`,
        // Linux puts off, by up to 0.8 s, what it answers on behalf of a neighbour.
        `ntable change name arp_cache dev ${device} proxy_delay 0`,
        `link set ${device} up`,
        // A VPC knows where each address is: it asks nobody, and so does not notice who is dead.
        `neighbour replace ${face.ip} lladdr ${mac} dev ${device} nud permanent`,
        `route replace ${face.ip}/32 dev ${device}`,
      ],
      remove: `link delete ${device}`,
    });
    // A source that is not its own meets no rule, and so no route: the source check.
    obey(device, face.sourceDestCheck ? face.ip : 'all', subnet?.routeTableId ?? '');
  }
  for (const { id, subnetId } of network.endpoints) {
    if (!endpoints.has(id)) continue;
    const device = deviceName(id);
    items.set(device, {
      make: [`link set ${device} mtu ${MTU} addrgenmode none up`],
      remove: `link set ${device} down`,
    });
    obey(device, 'all', subnets.get(subnetId)?.routeTableId ?? '');
  }
  for (const table of network.routeTables) {
    if (table.vpcId !== vpcId) continue;
    for (const { destination, target } of table.routes) {
      const route = `${destination} table ${tableNumber(table.id)}`;
      items.set(`route ${route}`, { remove: `route delete ${route}`, replaces: true, ...towards(route, target) });
    }
  }
  return items;

  function obey(device: string, source: string, routeTableId: string) {
    // Deleting a rule `from all` would take any source's rule of the same preference.
    const order = source === 'all' ? 1 : 0;
    for (const lookup of [`${tableNumber(routeTableId)} preference ${100 + order}`, `main preference ${200 + order}`]) {
      const rule = `from ${source} iif ${device} lookup ${lookup}`;
      items.set(`rule ${rule}`, { make: [`rule add ${rule}`], remove: `rule delete ${rule}` });
    }
  }

  function towards(route: string, target: RouteTarget): Pick<Item, 'make' | 'device'> {
    if (target.kind === 'local') return { make: [`route replace throw ${route}`] };
    if (target.kind === 'endpoint' && endpoints.has(target.id)) {
      const device = deviceName(target.id);
      return { make: [`route replace ${route} dev ${device}`], device };
    }
    const face = target.kind === 'interface' ? faces.get(target.id) : undefined;
    // What is routed to an interface is for another address than its own: the destination check.
    if (face && !face.sourceDestCheck) {
      const device = deviceName(face.id);
      return { make: [`route replace ${route} via ${face.ip} dev ${device} onlink`], device };
    }
    return { make: [`route replace blackhole ${route}`] };
  }
}

/** Commands that turn what there is into what is wanted, and touch nothing else. */
export function changes(have: Map<string, Item>, want: Map<string, Item>): string[] {
  const commands: string[] = [];
  const remade = new Set<string>();
  for (const [name, item] of want) {
    const old = have.get(name);
    const lost = item.device !== undefined && remade.has(item.device);
    if (old && !lost && old.make.join() === item.make.join()) continue;
    if (old && !item.replaces) {
      commands.push(old.remove);
      remade.add(name);
    }
    commands.push(...item.make);
  }
  for (const [name, item] of [...have].reverse()) if (!want.has(name)) commands.push(item.remove);
  return commands;
}

/** The namespace of the instance or load balancer node that owns the interface is to have these. */
export function ownCommands(face: Interface, cidr: string): string[] {
  const device = ownDevice(face);
  return [
    `address add ${face.ip}/${cidr.split('/')[1]} dev ${device}`,
    `link set ${device} up`,
    ...(face.deviceIndex === 0 ? [`route add default via ${routerAddress(cidr)} dev ${device}`] : []),
  ];
}

/** The name that Nitro instances have for it. */
export const ownDevice = (face: { deviceIndex: number }): string => `ens${5 + face.deviceIndex}`;

/** The implied router: a subnet's first host address. */
function routerAddress(cidr: string): string {
  const [a, b, c, last = 0] = ipaddr.IPv4.networkAddressFromCIDR(cidr).octets;
  return `${a}.${b}.${c}.${last + 1}`;
}

/** A locally administered MAC address that says whose it is. */
function macOf(ip: string): string {
  return `02:00:${Buffer.from(ipaddr.IPv4.parse(ip).octets).toString('hex').match(/../g)?.join(':')}`;
}

/** Linux numbers its tables, and has three of its own below 256. */
const tableNumber = (routeTableId: string): number => (crc32(routeTableId) | 256) >>> 0;
