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
// The client is taught what it does not know.
import '../aws/attachments.ts';
import { answersTo, collect } from '../aws/read.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Notary } from '../seal.ts';
import { readLook } from './read.ts';
import type { SubnetsLook } from './world.ts';

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
  config: SubnetsConfig,
  seal: Notary,
  now: number,
  deletionAttempted?: string,
): Promise<SubnetsLook> {
  const client = { client: ec2 };
  const where = (Name: string, ...Values: string[]) => ({ Filters: [{ Name, Values }] });
  // A paginator keeps its token in the input that it is given: each needs one of its own.
  const inVpcs = () => (config.clientVpcs === 'all' ? {} : where('vpc-id', config.vpcId, ...config.clientVpcs));
  const routers = {
    Filters: [...where('vpc-id', config.vpcId).Filters, ...where(`tag:${config.tagKey}`, 'router').Filters],
  };

  const { services, ...answers } = await answersTo({
    vpcs: collect(paginateDescribeVpcs(client, inVpcs()), 'Vpcs'),
    services: collect(
      paginateDescribeVpcEndpointServiceConfigurations(client, { ServiceIds: [config.serviceId] }),
      'ServiceConfigurations',
    ),
    subnets: collect(paginateDescribeSubnets(client, inVpcs()), 'Subnets'),
    routeTables: collect(paginateDescribeRouteTables(client, inVpcs()), 'RouteTables'),
    endpoints: collect(paginateDescribeVpcEndpoints(client, inVpcs()), 'VpcEndpoints'),
    connections: collect(
      paginateDescribeVpcEndpointConnections(client, where('service-id', config.serviceId)),
      'VpcEndpointConnections',
    ),
    reservations: collect(paginateDescribeInstances(client, routers), 'Reservations'),
    interfaces:
      deletionAttempted === undefined
        ? []
        : collect(
            paginateDescribeNetworkInterfaces(client, where('subnet-id', deletionAttempted)),
            'NetworkInterfaces',
          ),
    targets: elb
      .send(new DescribeTargetHealthCommand({ TargetGroupArn: config.targetGroupArn }))
      .then(({ TargetHealthDescriptions = [] }) => TargetHealthDescriptions),
    attributes: elb
      .send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: config.loadBalancerArn }))
      .then(({ Attributes = [] }) => Attributes),
    nodes: elb
      .send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [config.loadBalancerArn] }))
      .then(({ LoadBalancers }) => LoadBalancers?.[0]?.AvailabilityZones ?? []),
  });
  const [service] = services;
  if (!service) throw new Error(`AWS does not list ${config.serviceId}`);
  return readLook({ ...answers, service }, config, seal, { now, deletionAttempted });
}
