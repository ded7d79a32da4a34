import {
  type EC2Client,
  paginateDescribeInstances,
  paginateDescribeNetworkInterfaces,
  paginateDescribeRouteTables,
  paginateDescribeSubnets,
  paginateDescribeVpcEndpointConnections,
  paginateDescribeVpcEndpointServiceConfigurations,
  paginateDescribeVpcEndpoints,
  paginateDescribeVpcs,
} from '@aws-sdk/client-ec2';
import {
  DescribeLoadBalancerAttributesCommand,
  DescribeLoadBalancersCommand,
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { collect } from '../aws/read.ts';
import type { HubConfig } from '../config.ts';
import type { Notary } from '../seal.ts';
import { type ClientAnswers, readLook } from './read.ts';
import type { HubLook } from './world.ts';

export interface Clients {
  ec2: EC2Client;
  elb: ElasticLoadBalancingV2Client;
}

/**
 * Looks at everything once, with a number of calls that does not grow with the number of subnets or VPCs, but for pages.
 * @param deletionAttempted a subnet that someone tried to delete: what stands in it is looked up too
 * @throws Error if AWS does not list the load balancer's VPC or the endpoint service, as may be shortly after they were made
 */
export async function observe(
  { ec2, elb }: Clients,
  config: HubConfig,
  seal: Notary,
  now: number,
  deletionAttempted?: string,
): Promise<HubLook> {
  const client = { client: ec2 };
  const vpcs = config.clientVpcs === 'all' ? config.clientVpcs : [config.vpcId, ...config.clientVpcs];

  const [clients, services, connections, reservations, targets, attributes, nodes] = await Promise.all([
    lookAtClients(ec2, vpcs, deletionAttempted),
    collect(
      paginateDescribeVpcEndpointServiceConfigurations(client, { ServiceIds: [config.serviceId] }),
      (page) => page.ServiceConfigurations,
    ),
    collect(
      paginateDescribeVpcEndpointConnections(client, where('service-id', config.serviceId)),
      (page) => page.VpcEndpointConnections,
    ),
    collect(paginateDescribeInstances(client, routersOf(config)), (page) => page.Reservations),
    elb
      .send(new DescribeTargetHealthCommand({ TargetGroupArn: config.targetGroupArn }))
      .then(({ TargetHealthDescriptions = [] }) => TargetHealthDescriptions),
    elb
      .send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: config.loadBalancerArn }))
      .then(({ Attributes = [] }) => Attributes),
    elb
      .send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [config.loadBalancerArn] }))
      .then(({ LoadBalancers }) => LoadBalancers?.[0]?.AvailabilityZones ?? []),
  ]);
  const [service] = services;
  if (!service) throw new Error(`AWS does not list ${config.serviceId}`);
  const answers = { ...clients, service, connections, reservations, targets, attributes, nodes };
  return readLook(answers, config, seal, { now, deletionAttempted });
}

const where = (Name: string, ...Values: string[]) => ({ Filters: [{ Name, Values }] });

/** A filter of instances, for those that are routers by their tag. */
export const routersOf = ({ vpcId, tagKey }: Pick<HubConfig, 'vpcId' | 'tagKey'>) => ({
  Filters: [...where('vpc-id', vpcId).Filters, ...where(`tag:${tagKey}`, 'router').Filters],
});

/** What there is in these VPCs, in any of the account and region if they are `all`. */
export async function lookAtClients(
  ec2: EC2Client,
  ids: string[] | 'all',
  deletionAttempted: string | undefined,
): Promise<ClientAnswers> {
  const client = { client: ec2 };
  const inVpcs = ids === 'all' ? {} : where('vpc-id', ...ids);
  const [vpcs, subnets, routeTables, endpoints, interfaces] = await Promise.all([
    collect(paginateDescribeVpcs(client, inVpcs), (page) => page.Vpcs),
    collect(paginateDescribeSubnets(client, inVpcs), (page) => page.Subnets),
    collect(paginateDescribeRouteTables(client, inVpcs), (page) => page.RouteTables),
    collect(paginateDescribeVpcEndpoints(client, inVpcs), (page) => page.VpcEndpoints),
    deletionAttempted === undefined
      ? []
      : collect(
          paginateDescribeNetworkInterfaces(client, where('subnet-id', deletionAttempted)),
          (page) => page.NetworkInterfaces,
        ),
  ]);
  return { vpcs, subnets, routeTables, endpoints, interfaces };
}
