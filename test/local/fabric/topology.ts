import type { FlowPolicy, Network, NodeTarget, RouteTarget } from '../../../local/fabric/fabric.ts';

export const VPC = 'vpc-0aaaaaaaaaaaaaaa1';
export const ENDPOINT = 'vpce-0123456789abcdef0';
export const NODE = 'node-a';
export const NODE_IP = '10.0.9.200';
export const ROUTERS = ['10.0.9.11', '10.0.9.12'] as const;
const CONTROLLER = '10.0.100.10';
export const IMAGES = { 'ami-client': 'client', 'ami-router': 'router', 'ami-controller': 'controller' } as const;

const FLOWS: FlowPolicy = {
  stickiness: 'source_ip_dest_ip_proto_ports',
  rebalance: false,
  resetUnhealthy: false,
  resetDeregistered: false,
  tcpIdle: 350_000,
  otherIdle: 120_000,
};

export interface Choices {
  /** The first client's table has these routes, besides `local`. */
  routes?: Record<string, RouteTarget>;
  states?: (NodeTarget['state'] | undefined)[];
  flows?: Partial<FlowPolicy>;
  /** The routers' interfaces have the check on, or off. */
  sourceDestCheck?: boolean;
  clients?: number;
  /** OpenZiti's controller is there, and so is what its services lead to. */
  controller?: boolean;
}

/** The network has clients, each in a subnet with a table of its own; two routers; a load balancer with an endpoint in the first subnet. */
export function topology({ routes = {}, states = ['healthy', 'healthy'], ...choices }: Choices = {}): Network {
  const { clients = 1, sourceDestCheck = false, flows = {}, controller = false } = choices;
  const subnets = [...Array(clients).keys()].map((i) => ({ id: `subnet-${i + 1}`, cidr: `10.0.${i + 1}.0/24` }));
  const local = { destination: '10.0.0.0/16', target: { kind: 'local' } as const };
  const added = Object.entries(routes).map(([destination, target]) => ({ destination, target }));
  return {
    vpcs: [{ id: VPC, cidrs: ['10.0.0.0/16'] }],
    subnets: [...subnets, { id: 'subnet-9', cidr: '10.0.9.0/24' }, { id: 'subnet-100', cidr: '10.0.100.0/24' }].map(
      (subnet) => ({
        ...subnet,
        vpcId: VPC,
        zone: 'a',
        routeTableId: subnet.id.replace('subnet', 'rtb'),
      }),
    ),
    routeTables: [...subnets, { id: 'subnet-9' }, { id: 'subnet-100' }].map(({ id }) => ({
      id: id.replace('subnet', 'rtb'),
      vpcId: VPC,
      routes: id === 'subnet-1' ? [local, ...added] : [local],
    })),
    instances: [
      ...subnets.map((_, i) => ({ id: `i-client-${i + 1}`, name: `client-${i + 1}`, image: 'ami-client' })),
      ...ROUTERS.map((_, i) => ({ id: `i-router-${i + 1}`, name: `router-${i + 1}`, image: 'ami-router' })),
      ...(controller ? [{ id: 'i-controller', name: 'controller', image: 'ami-controller' }] : []),
    ],
    interfaces: [
      ...subnets.map(({ id }, i) => face(`eni-client-${i + 1}`, id, `10.0.${i + 1}.10`, `i-client-${i + 1}`)),
      ...ROUTERS.map((ip, i) => ({
        ...face(`eni-router-${i + 1}`, 'subnet-9', ip, `i-router-${i + 1}`),
        sourceDestCheck,
      })),
      ...(controller ? [face('eni-controller', 'subnet-100', CONTROLLER, 'i-controller')] : []),
      face('eni-0000000000000node', 'subnet-9', NODE_IP),
    ],
    endpoints: [{ id: ENDPOINT, interfaceId: 'eni-endpoint', subnetId: 'subnet-1', nodeId: NODE }],
    nodes: [
      {
        id: NODE,
        interfaceId: 'eni-0000000000000node',
        targets: states.flatMap((state, i) =>
          state ? [{ id: `i-router-${i + 1}`, ip: ROUTERS[i] ?? '', state }] : [],
        ),
        flows: { ...FLOWS, ...flows },
      },
    ],
  };
}

function face(id: string, subnetId: string, ip: string, instanceId?: string): Network['interfaces'][number] {
  return { id, subnetId, ip, deviceIndex: 0, sourceDestCheck: true, ...(instanceId ? { instanceId } : {}) };
}
