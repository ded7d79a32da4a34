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
import type { SSMClient } from '@aws-sdk/client-ssm';
// The client is taught what it does not know.
import '../aws/attachments.ts';
import { answersTo, collect } from '../aws/read.ts';
import type { HubConfig } from '../config.ts';
import type { Notary } from '../seal.ts';
import { readClaims } from './claims.ts';
import { type ClientAnswers, readLook } from './read.ts';
import type { HubLook } from './world.ts';

export interface Clients {
  ec2: EC2Client;
  elb: ElasticLoadBalancingV2Client;
  ssm: SSMClient;
}

/**
 * Looks at everything once, with a number of calls that does not grow with the number of subnets or VPCs, but for pages.
 * @param deletionAttempted a subnet that someone tried to delete: what stands in it is looked up too
 * @throws Error if AWS does not list the load balancer's VPC or the endpoint service, as may be shortly after they were made
 */
export async function observe(
  { ec2, elb, ssm }: Clients,
  config: HubConfig,
  seal: Notary,
  now: number,
  deletionAttempted?: string,
): Promise<HubLook> {
  const client = { client: ec2 };
  const vpcs = config.clientVpcs === 'all' ? config.clientVpcs : [config.vpcId, ...config.clientVpcs];

  const { clients, services, ...answers } = await answersTo({
    clients: lookAtClients(ec2, vpcs, deletionAttempted),
    claims: readClaims(ssm, config),
    services: collect(
      paginateDescribeVpcEndpointServiceConfigurations(client, { ServiceIds: [config.serviceId] }),
      'ServiceConfigurations',
    ),
    connections: collect(
      paginateDescribeVpcEndpointConnections(client, where('service-id', config.serviceId)),
      'VpcEndpointConnections',
    ),
    reservations: collect(paginateDescribeInstances(client, routersOf(config)), 'Reservations'),
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
  return readLook({ ...clients, ...answers, service }, config, seal, { now, deletionAttempted });
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
  // A paginator keeps its token in the input that it is given: each needs one of its own.
  const inVpcs = () => (ids === 'all' ? {} : where('vpc-id', ...ids));
  return answersTo({
    vpcs: collect(paginateDescribeVpcs(client, inVpcs()), 'Vpcs'),
    subnets: collect(paginateDescribeSubnets(client, inVpcs()), 'Subnets'),
    routeTables: collect(paginateDescribeRouteTables(client, inVpcs()), 'RouteTables'),
    endpoints: collect(paginateDescribeVpcEndpoints(client, inVpcs()), 'VpcEndpoints'),
    interfaces:
      deletionAttempted === undefined
        ? []
        : collect(
            paginateDescribeNetworkInterfaces(client, where('subnet-id', deletionAttempted)),
            'NetworkInterfaces',
          ),
  });
}
