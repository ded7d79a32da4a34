import { fileURLToPath } from 'node:url';
import {
  AssociateRouteTableCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  type EC2Client,
  type ResourceType,
  RunInstancesCommand,
  type Tag,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { Fabric } from '../fabric/fabric.ts';

/** A client's try came to this: the answer's text, or why there was none. */
export type Answer = { text: string } | { failed: string; timedOut: boolean };

/** `curl` ends with this when nothing came in time. */
const CURL_TIMED_OUT = 28;

/** One of a client's connections: what it heard, and between which milliseconds since the epoch it was open. */
export interface Talk {
  port: number;
  answer: string;
  echo: string;
  from: number;
  until: number;
}

export const inVpc = (vpcId: string) => [{ Name: 'vpc-id', Values: [vpcId] }];
export const nameOf = (tags: Tag[] | undefined) => tags?.find(({ Key }) => Key === 'Name')?.Value ?? '';

const named = (ResourceType: ResourceType, name: string) => [{ ResourceType, Tags: [{ Key: 'Name', Value: name }] }];

export type Tenant = ReturnType<typeof createTenant>;

/** A person with an account's key at work in one of its VPCs: tags, looks, and tries things from the clients. */
export function createTenant(ec2: EC2Client, vpcId: string, fabric: Fabric) {
  const Filters = inVpc(vpcId);

  const subnets = async () => (await ec2.send(new DescribeSubnetsCommand({ Filters }))).Subnets ?? [];
  async function instances() {
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ Filters }));
    return (Reservations ?? [])
      .flatMap(({ Instances }) => Instances ?? [])
      .filter(({ State }) => State?.Name !== 'terminated')
      .map((instance) => ({ ...instance, id: instance.InstanceId ?? '', name: nameOf(instance.Tags) }));
  }
  const subnetId = async (name: string) => {
    const named = subnets().then((all) =>
      all.map(({ SubnetId, Tags }) => ({ id: SubnetId ?? '', name: nameOf(Tags) })),
    );
    return (await find(named, name)).id;
  };

  return {
    ec2,
    fabric,
    vpcId,
    subnets,
    instances,
    instanceId: async (name: string) => (await find(instances(), name)).id,

    /** A machine or a subnet here is called so, or none is. */
    async has(name: string): Promise<boolean> {
      const all = [...(await instances()), ...(await subnets())];
      return all.some(({ Tags }) => nameOf(Tags) === name);
    },

    async tag(subnet: string, value: string): Promise<void> {
      const tags = { Resources: [await subnetId(subnet)], Tags: [{ Key: 'ziti-glb', Value: value }] };
      await ec2.send(new CreateTagsCommand(tags));
    },

    async untag(subnet: string): Promise<void> {
      await ec2.send(new DeleteTagsCommand({ Resources: [await subnetId(subnet)], Tags: [{ Key: 'ziti-glb' }] }));
    },

    /** Ends a machine as a power failure would: EC2 goes on to call it running. */
    async kill(name: string): Promise<void> {
      await fabric.crash((await find(instances(), name)).id);
    },

    async terminate(name: string): Promise<void> {
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [(await find(instances(), name)).id] }));
    },

    /** Programs can be run on it by now, or not. */
    isUp: async (name: string) => {
      const { id } = await find(instances(), name);
      return fabric.exec(id, ['true']).then(
        ({ code }) => code === 0,
        () => false,
      );
    },

    /** One HTTP request from a client machine. `patience` is in seconds of the wall's time. */
    async ask(client: string, url: string, patience = 2): Promise<Answer> {
      const argv = ['curl', '--silent', '--show-error', '--max-time', String(patience), url];
      const { code, stdout, stderr } = await fabric.exec((await find(instances(), client)).id, argv);
      if (code === 0) return { text: stdout.trim() };
      return { failed: stderr.trim() || `curl ended with ${code}`, timedOut: code === CURL_TIMED_OUT };
    },

    /**
     * Connections of one client machine at once, one from each of these ports of its own: each asks, and says the word when it has had
     * its answer and a second more.
     */
    async talk(
      client: string,
      to: { address: string; port: number },
      ports: readonly number[],
      word: string,
    ): Promise<Talk[]> {
      const program = fileURLToPath(new URL('talk.ts', import.meta.url));
      const argv = [process.execPath, '--disable-warning=ExperimentalWarning', program];
      const words = [to.address, String(to.port), word, ...ports.map(String)];
      const { code, stdout, stderr } = await fabric.exec((await find(instances(), client)).id, [...argv, ...words], {
        timeout: 20_000,
      });
      if (code !== 0) throw new Error(`${client} of ${vpcId}: ${stderr.trim() || `no answer within 20 s`}`);
      return JSON.parse(stdout);
    },

    async status(subnet: string): Promise<string | undefined> {
      const id = await subnetId(subnet);
      const tags = (await subnets()).find(({ SubnetId }) => SubnetId === id)?.Tags;
      return tags?.find(({ Key }) => Key === 'ziti-glb:status')?.Value;
    },

    async endpointInterfaces(): Promise<string[]> {
      const ofEndpoints = [...Filters, { Name: 'interface-type', Values: ['gateway_load_balancer_endpoint'] }];
      const { NetworkInterfaces } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters: ofEndpoints }));
      return (NetworkInterfaces ?? []).map(({ NetworkInterfaceId }) => NetworkInterfaceId ?? '');
    },

    /** Endpoints of the VPC. EC2 goes on to list those that are gone for a while: they are left out. */
    async endpoints() {
      const { VpcEndpoints } = await ec2.send(new DescribeVpcEndpointsCommand({ Filters }));
      return (VpcEndpoints ?? []).filter(({ State }) => State?.toLowerCase() !== 'deleted');
    },

    /** Routes that lead to an endpoint, of the whole VPC. */
    async endpointRoutes() {
      const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ Filters }));
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
  };
}

export async function find<T extends { name: string }>(list: Promise<T[]>, name: string): Promise<T> {
  const items = await list;
  const item = items.find((candidate) => candidate.name === name);
  if (!item) throw new Error(`There is no ${name}; there are ${items.map((other) => other.name).join(', ')}`);
  return item;
}

/** A VPC is made so: names, blocks and addresses. */
export interface VpcPlan {
  name: string;
  block: string;
  /** Its zone by id, which is the same in every account. */
  subnet: { name: string; cidr: string; zoneId: string };
  client: { name: string; address: string };
}

/** Makes a VPC, and in it a subnet with a table of its own and a client. */
export async function openVpc(
  ec2: EC2Client,
  fabric: Fabric,
  { name, block, subnet, client }: VpcPlan,
): Promise<Tenant> {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: block, TagSpecifications: named('vpc', name) }));
  const VpcId = Vpc?.VpcId ?? '';
  const { Subnet } = await ec2.send(
    new CreateSubnetCommand({
      VpcId,
      CidrBlock: subnet.cidr,
      AvailabilityZoneId: subnet.zoneId,
      TagSpecifications: named('subnet', subnet.name),
    }),
  );
  const { RouteTable } = await ec2.send(
    new CreateRouteTableCommand({ VpcId, TagSpecifications: named('route-table', subnet.name) }),
  );
  const [SubnetId, RouteTableId] = [Subnet?.SubnetId, RouteTable?.RouteTableId];
  await ec2.send(new AssociateRouteTableCommand({ SubnetId, RouteTableId }));
  await ec2.send(
    new RunInstancesCommand({
      ImageId: 'ami-client',
      InstanceType: 't4g.nano',
      MinCount: 1,
      MaxCount: 1,
      SubnetId,
      PrivateIpAddress: client.address,
      TagSpecifications: named('instance', client.name),
    }),
  );
  return createTenant(ec2, VpcId, fabric);
}
