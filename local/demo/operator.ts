import {
  CreateSubnetCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVpcEndpointConnectionsCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand, ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Fabric } from '../fabric/fabric.ts';
import type { NamespaceFabric } from '../fabric/namespaces.ts';
import type { AccessKey } from '../iam/keys.ts';
import type { Topology } from './picture.ts';
import { createTenant, find, inVpc, nameOf, type Tenant } from './tenant.ts';

/** The demo knows as much of the cloud as an operator who has its account, its ids, and a shell on its machines. */
export interface Place {
  endpoint: string;
  credentials: AccessKey;
  region: string;
  vpcId: string;
  targetGroupArn: string;
  routerSubnetIds: string[];
  fabric: Fabric;
  /** Where packets flow: counters of a load balancer node, by the id of its network interface, and of an endpoint. */
  packets?: Pick<NamespaceFabric, 'nodeStats' | 'endpointStats'> | undefined;
}

export type Operator = ReturnType<typeof createOperator>;

/** A router's diverter says this of itself. */
export interface Diverter {
  attached: { interface: string }[];
  counters: Record<string, number>;
}

/** Where every fabric has OpenZiti's controller: a subnet of its own, into which no client is opted. */
const CONTROLLER = { name: 'controller', cidr: '10.0.100.0/24', address: '10.0.100.10' };

/** The person whose the routers are: a tenant of their VPC, who launches them and looks at the load balancer. */
export function createOperator({ vpcId, targetGroupArn, routerSubnetIds, fabric, packets, ...place }: Place) {
  const client = { endpoint: place.endpoint, region: place.region, credentials: place.credentials };
  const ec2 = new EC2Client(client);
  const elb = new ElasticLoadBalancingV2Client(client);
  const tenant = createTenant(ec2, vpcId, fabric);
  const { instances } = tenant;

  return {
    ...tenant,

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
      if (!packets) return undefined;
      const argv = ['/usr/sbin/diverter', 'status', '--json'];
      const result = await fabric.exec((await find(instances(), router)).id, argv).catch(() => undefined);
      return result?.code === 0 ? JSON.parse(result.stdout) : undefined;
    },

    /** Packets that all nodes of the load balancer have forwarded to routers, and that came back through them. */
    async traffic(): Promise<{ forwarded: number; returned: number }> {
      const Filters = [...inVpc(vpcId), { Name: 'interface-type', Values: ['gateway_load_balancer'] }];
      const { NetworkInterfaces } = await ec2.send(new DescribeNetworkInterfacesCommand({ Filters }));
      const stats = await Promise.all(
        (NetworkInterfaces ?? []).map(({ NetworkInterfaceId }) => packets?.nodeStats(NetworkInterfaceId ?? '')),
      );
      const sum = (name: string) => stats.reduce((total, node) => total + (node?.[name] ?? 0), 0);
      return { forwarded: sum('forwarded'), returned: sum('returned') };
    },

    /** The same of one endpoint, whoever's it is. */
    async carried(endpointId: string): Promise<{ forwarded: number; returned: number }> {
      return (await packets?.endpointStats(endpointId)) ?? { forwarded: 0, returned: 0 };
    },

    /** Whose endpoints are connected to the endpoint service, by id, and how, as its owner is told. */
    async connections(): Promise<Map<string, { owner: string; state: string }>> {
      const { VpcEndpointConnections } = await ec2.send(new DescribeVpcEndpointConnectionsCommand());
      return new Map(
        VpcEndpointConnections?.map(({ VpcEndpointId, VpcEndpointOwner, VpcEndpointState }) => [
          VpcEndpointId ?? '',
          { owner: VpcEndpointOwner ?? '', state: VpcEndpointState ?? '' },
        ]),
      );
    },

    /** @param others tenants of other VPCs that are to be in the picture too */
    async topology(others: readonly { where: string; tenant: Tenant }[] = []): Promise<Topology> {
      const [allInstances, health] = await Promise.all([instances(), this.health()]);
      const routers = allInstances.filter(({ Tags }) => Tags?.some(({ Key }) => Key === 'ziti-glb'));
      const own = await subnetsOf(tenant);
      return {
        vpc: vpcId,
        subnets: own.filter(({ id }) => !routerSubnetIds.includes(id)),
        others: await Promise.all(
          others.map(async ({ where, tenant: other }) => ({
            vpc: other.vpcId,
            where,
            subnets: await subnetsOf(other),
          })),
        ),
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

async function subnetsOf(tenant: Tenant) {
  const [subnets, endpoints, routes] = await Promise.all([
    tenant.subnets(),
    tenant.endpoints(),
    tenant.endpointRoutes(),
  ]);
  return subnets.map((subnet) => {
    const endpoint = endpoints.find(({ SubnetIds }) => SubnetIds?.includes(subnet.SubnetId ?? ''));
    return {
      id: subnet.SubnetId ?? '',
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
  });
}

/** Packets that went to a socket. */
export function delivered(diverter: Diverter | undefined): number | undefined {
  if (!diverter) return undefined;
  const counted = Object.entries(diverter.counters).filter(([name]) => name.startsWith('delivered'));
  return counted.reduce((sum, [, count]) => sum + count, 0);
}
