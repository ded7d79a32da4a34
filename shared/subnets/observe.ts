import {
  type EC2Client,
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
import { collect, describeInstances, where } from '../aws/read.ts';
import type { HealthConfig, HubConfig } from '../config.ts';
import type { Notary } from '../seal.ts';
import { readClaims } from './claims.ts';
import { type ClientAnswers, type FleetAnswers, readLook } from './read.ts';
import type { HubLook } from './world.ts';

export interface FleetClients {
  ec2: EC2Client;
  elb: ElasticLoadBalancingV2Client;
}

export interface Clients extends FleetClients {
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
  const vpcs = config.clientVpcs === 'all' ? config.clientVpcs : [config.vpcId, ...config.clientVpcs];
  const [clients, claims, { service, ...fleet }, connections, nodes] = await Promise.all([
    lookAtClients(ec2, vpcs, deletionAttempted),
    readClaims(ssm, config),
    lookAtFleet({ ec2, elb }, config),
    collect(
      paginateDescribeVpcEndpointConnections({ client: ec2 }, where({ 'service-id': [config.serviceId] })),
      'VpcEndpointConnections',
    ),
    elb.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [config.loadBalancerArn] })),
  ]);
  if (!service) throw new Error(`AWS does not list ${config.serviceId}`);
  const answers = {
    ...clients,
    ...fleet,
    claims,
    service,
    connections,
    nodes: nodes.LoadBalancers?.[0]?.AvailabilityZones ?? [],
  };
  return readLook(answers, config, seal, { now, deletionAttempted });
}

/** The endpoint service, and its routers: the instances that are such by their tag. */
export async function lookAtFleet(
  { ec2, elb }: FleetClients,
  { serviceId, vpcId, tagKey, targetGroupArn, loadBalancerArn }: Omit<HealthConfig, 'dnsRanges'>,
): Promise<FleetAnswers> {
  const [[service], instances, health, { Attributes = [] }] = await Promise.all([
    collect(
      paginateDescribeVpcEndpointServiceConfigurations({ client: ec2 }, { ServiceIds: [serviceId] }),
      'ServiceConfigurations',
    ),
    describeInstances(ec2, { 'vpc-id': [vpcId], [`tag:${tagKey}`]: ['router'] }),
    elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroupArn })),
    elb.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: loadBalancerArn })),
  ]);
  const crossZone = Attributes.some(
    ({ Key, Value }) => Key === 'load_balancing.cross_zone.enabled' && Value === 'true',
  );
  return { service, instances, targets: health.TargetHealthDescriptions ?? [], crossZone };
}

/** Subnets, route tables and endpoints of these VPCs, or of all in the account and region. */
export async function lookAtClients(
  client: EC2Client,
  ids: string[] | 'all',
  deletionAttempted: string | undefined,
): Promise<ClientAnswers> {
  // A paginator keeps its token in the input that it is given: each needs one of its own.
  const inVpcs = () => (ids === 'all' ? {} : where({ 'vpc-id': ids }));
  const [vpcs, subnets, routeTables, endpoints, interfaces] = await Promise.all([
    collect(paginateDescribeVpcs({ client }, inVpcs()), 'Vpcs'),
    collect(paginateDescribeSubnets({ client }, inVpcs()), 'Subnets'),
    collect(paginateDescribeRouteTables({ client }, inVpcs()), 'RouteTables'),
    collect(paginateDescribeVpcEndpoints({ client }, inVpcs()), 'VpcEndpoints'),
    deletionAttempted === undefined
      ? []
      : collect(
          paginateDescribeNetworkInterfaces({ client }, where({ 'subnet-id': [deletionAttempted] })),
          'NetworkInterfaces',
        ),
  ]);
  return { vpcs, subnets, routeTables, endpoints, interfaces };
}
