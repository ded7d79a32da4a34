import {
  CreateSubnetCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
  RunInstancesCommand,
  type Tag,
} from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand, ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Fabric } from '../fabric/fabric.ts';
import type { AccessKey } from '../wire/keys.ts';
import type { Topology } from './picture.ts';

/** What the demo knows of the cloud: as much as an operator who has its account, its ids, and a shell on its machines. */
export interface Place {
  endpoint: string;
  credentials: AccessKey;
  region: string;
  vpcId: string;
  targetGroupArn: string;
  routerSubnetIds: string[];
  fabric: Fabric;
  /** Where packets flow: a load balancer node's counters, by the id of its network interface. */
  nodeStats?: (interfaceId: string) => Promise<Record<string, number>>;
}

export type Operator = ReturnType<typeof createOperator>;

/** What a client's try came to: the answer's text, or why there was none. */
export type Answer = { text: string } | { failed: string; timedOut: boolean };

/** What `curl` ends with when nothing came in time. */
const CURL_TIMED_OUT = 28;

/** What a router's diverter says of itself. */
export interface Diverter {
  attached: { interface: string }[];
  counters: Record<string, number>;
}

/** Where every fabric has OpenZiti's controller: a subnet of its own, into which no client is opted. */
const CONTROLLER = { name: 'controller', cidr: '10.0.100.0/24', address: '10.0.100.10' };

const nameOf = (tags: Tag[] | undefined) => tags?.find(({ Key }) => Key === 'Name')?.Value ?? '';

/** A person at work: tags, launches, looks, and tries things from the clients. Everything through AWS's API and the machines. */
export function createOperator({ vpcId, targetGroupArn, routerSubnetIds, fabric, nodeStats, ...place }: Place) {
  const client = { endpoint: place.endpoint, region: place.region, credentials: place.credentials };
  const ec2 = new EC2Client(client);
  const elb = new ElasticLoadBalancingV2Client(client);
  const inVpc = [{ Name: 'vpc-id', Values: [vpcId] }];

  const subnets = async () => (await ec2.send(new DescribeSubnetsCommand({ Filters: inVpc }))).Subnets ?? [];
  async function instances() {
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ Filters: inVpc }));
    return (Reservations ?? [])
      .flatMap(({ Instances }) => Instances ?? [])
      .filter(({ State }) => State?.Name !== 'terminated')
      .map((instance) => ({ ...instance, id: instance.InstanceId ?? '', name: nameOf(instance.Tags) }));
  }
  async function find<T extends { name: string }>(list: Promise<T[]>, name: string): Promise<T> {
    const items = await list;
    const item = items.find((candidate) => candidate.name === name);
    if (!item) throw new Error(`There is no ${name}; there are ${items.map((other) => other.name).join(', ')}`);
    return item;
  }
  const subnetId = async (name: string) => {
    const named = subnets().then((all) =>
      all.map(({ SubnetId, Tags }) => ({ id: SubnetId ?? '', name: nameOf(Tags) })),
    );
    return (await find(named, name)).id;
  };

  return {
    instances,
    instanceId: async (name: string) => (await find(instances(), name)).id,

    async tag(subnet: string, value: string): Promise<void> {
      const tags = { Resources: [await subnetId(subnet)], Tags: [{ Key: 'ziti-glb', Value: value }] };
      await ec2.send(new CreateTagsCommand(tags));
    },

    async untag(subnet: string): Promise<void> {
      await ec2.send(new DeleteTagsCommand({ Resources: [await subnetId(subnet)], Tags: [{ Key: 'ziti-glb' }] }));
    },

    /** Launches a router in the `zone`th of the load balancer's zones. Names are what machines are asked for by: one each. */
    async launch(name: string, zone: number): Promise<void> {
      if ((await instances()).some((other) => other.name === name)) throw new Error(`There is a ${name} already`);
      await ec2.send(
        new RunInstancesCommand({
          ImageId: 'ami-router',
          InstanceType: 't3.small',
          MinCount: 1,
          MaxCount: 1,
          SubnetId: routerSubnetIds[zone % routerSubnetIds.length],
          TagSpecifications: [
            {
              ResourceType: 'instance',
              Tags: [
                { Key: 'Name', Value: name },
                { Key: 'ziti-glb', Value: 'router' },
              ],
            },
          ],
        }),
      );
    },

    /** Launches the machine with OpenZiti's controller, and what its services lead to; resolves when it serves. */
    async launchController(): Promise<void> {
      const named = (ResourceType: 'instance' | 'subnet') => [
        { ResourceType, Tags: [{ Key: 'Name', Value: CONTROLLER.name }] },
      ];
      const { Subnet } = await ec2.send(
        new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: CONTROLLER.cidr, TagSpecifications: named('subnet') }),
      );
      await ec2.send(
        new RunInstancesCommand({
          ImageId: 'ami-controller',
          InstanceType: 't3.small',
          MinCount: 1,
          MaxCount: 1,
          SubnetId: Subnet?.SubnetId,
          PrivateIpAddress: CONTROLLER.address,
          TagSpecifications: named('instance'),
        }),
      );
      const { id } = await find(instances(), CONTROLLER.name);
      const ready = ['sh', '-c', 'until [ -e /run/ready ]; do sleep 0.2; done'];
      const log = ['tail', '-n', '1', '/var/log/ziti-controller.log'];
      for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
        const result = await fabric.exec(id, ready, { timeout: 60_000 }).catch(() => undefined);
        if (result?.code === 0) return;
        if (Date.now() < end) continue;
        const said = await fabric.exec(id, log).catch(({ message }) => ({ stdout: message }));
        throw new Error(`OpenZiti's controller has not started within a minute: ${said.stdout.trim()}`);
      }
    },

    /** Ends a machine as a power failure would: EC2 goes on to call it running. */
    async kill(name: string): Promise<void> {
      await fabric.crash((await find(instances(), name)).id);
    },

    /** One HTTP request from a client machine. `patience` is in seconds of the wall's time. */
    async ask(client: string, url: string, patience = 2): Promise<Answer> {
      const argv = ['curl', '--silent', '--show-error', '--max-time', String(patience), url];
      const { code, stdout, stderr } = await fabric.exec((await find(instances(), client)).id, argv);
      if (code === 0) return { text: stdout.trim() };
      return { failed: stderr.trim() || `curl ended with ${code}`, timedOut: code === CURL_TIMED_OUT };
    },

    async health(): Promise<Map<string, string>> {
      const { TargetHealthDescriptions } = await elb.send(
        new DescribeTargetHealthCommand({ TargetGroupArn: targetGroupArn }),
      );
      return new Map(
        TargetHealthDescriptions?.map(({ Target, TargetHealth }) => [Target?.Id ?? '', TargetHealth?.State ?? '']),
      );
    },

    /** Undefined if it does not answer, or no packets flow. */
    async diverter(router: string): Promise<Diverter | undefined> {
      if (!nodeStats) return undefined;
      const argv = ['/usr/sbin/diverter', 'status', '--json'];
      const result = await fabric.exec((await find(instances(), router)).id, argv).catch(() => undefined);
      return result?.code === 0 ? JSON.parse(result.stdout) : undefined;
    },

    async status(subnet: string): Promise<string | undefined> {
      const id = await subnetId(subnet);
      const tags = (await subnets()).find(({ SubnetId }) => SubnetId === id)?.Tags;
      return tags?.find(({ Key }) => Key === 'ziti-glb:status')?.Value;
    },

    /** Packets that all nodes of the load balancer have forwarded to routers, and that came back through them. */
    async traffic(): Promise<{ forwarded: number; returned: number }> {
      const Filters = [...inVpc, { Name: 'interface-type', Values: ['gateway_load_balancer'] }];
      const { NetworkInterfaces } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters }));
      const stats = await Promise.all(
        (NetworkInterfaces ?? []).map(({ NetworkInterfaceId }) => nodeStats?.(NetworkInterfaceId ?? '')),
      );
      const sum = (name: string) => stats.reduce((total, node) => total + (node?.[name] ?? 0), 0);
      return { forwarded: sum('forwarded'), returned: sum('returned') };
    },

    async endpointInterfaces(): Promise<string[]> {
      const Filters = [...inVpc, { Name: 'interface-type', Values: ['gateway_load_balancer_endpoint'] }];
      const { NetworkInterfaces } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters }));
      return (NetworkInterfaces ?? []).map(({ NetworkInterfaceId }) => NetworkInterfaceId ?? '');
    },

    /** Endpoints of the VPC. EC2 goes on to list those that are gone for a while: they are left out. */
    async endpoints() {
      const { VpcEndpoints } = await ec2.send(new DescribeVpcEndpointsCommand({ Filters: inVpc }));
      return (VpcEndpoints ?? []).filter(({ State }) => State?.toLowerCase() !== 'deleted');
    },

    /** Routes that lead to an endpoint, of the whole VPC. */
    async endpointRoutes() {
      const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ Filters: inVpc }));
      return (RouteTables ?? []).flatMap((table) =>
        (table.Routes ?? [])
          .filter(({ GatewayId }) => GatewayId?.startsWith('vpce-'))
          .map((route) => ({
            subnetIds: table.Associations?.flatMap(({ SubnetId }) => SubnetId ?? []) ?? [],
            destination: route.DestinationCidrBlock ?? '',
            endpointId: route.GatewayId ?? '',
          })),
      );
    },

    async topology(): Promise<Topology> {
      const [allSubnets, allInstances, health, endpoints, routes] = await Promise.all([
        subnets(),
        instances(),
        this.health(),
        this.endpoints(),
        this.endpointRoutes(),
      ]);
      const routers = allInstances.filter(({ Tags }) => Tags?.some(({ Key }) => Key === 'ziti-glb'));
      return {
        vpc: vpcId,
        subnets: allSubnets
          .filter(({ SubnetId }) => !routerSubnetIds.includes(SubnetId ?? ''))
          .map((subnet) => {
            const endpoint = endpoints.find(({ SubnetIds }) => SubnetIds?.includes(subnet.SubnetId ?? ''));
            return {
              name: nameOf(subnet.Tags),
              cidr: subnet.CidrBlock ?? '',
              zone: subnet.AvailabilityZone ?? '',
              tag: subnet.Tags?.find(({ Key }) => Key === 'ziti-glb')?.Value,
              status: subnet.Tags?.find(({ Key }) => Key === 'ziti-glb:status')?.Value,
              endpoint: endpoint && { id: endpoint.VpcEndpointId ?? '', state: endpoint.State ?? '' },
              routes: routes
                .filter(({ subnetIds }) => subnetIds.includes(subnet.SubnetId ?? ''))
                .map(({ destination }) => destination),
            };
          }),
        loadBalancer: 'GWLB',
        routers: await Promise.all(
          routers.map(async ({ id, name, PrivateIpAddress, Placement }) => ({
            name,
            address: PrivateIpAddress ?? '',
            zone: Placement?.AvailabilityZone ?? '',
            health: health.get(id) ?? 'no target',
            delivered: delivered(await this.diverter(name)),
          })),
        ),
      };
    },
  };
}

/** Packets that went to a socket. */
export function delivered(diverter: Diverter | undefined): number | undefined {
  if (!diverter) return undefined;
  const counted = Object.entries(diverter.counters).filter(([name]) => name.startsWith('delivered'));
  return counted.reduce((sum, [, count]) => sum + count, 0);
}
