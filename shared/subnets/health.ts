import {
  type EC2Client,
  paginateDescribeInstances,
  paginateDescribeSubnets,
  paginateDescribeVpcEndpointServiceConfigurations,
} from '@aws-sdk/client-ec2';
import {
  DescribeLoadBalancerAttributesCommand,
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import * as z from 'zod';
import { collect } from '../aws/read.ts';
import type { HealthConfig } from '../config.ts';
import { routersOf } from './observe.ts';
import { isCrossZone, readTargets } from './read.ts';

/** What a hub tells its spokes, which cannot see its targets. */
export const health = z.object({
  /** When the hub looked, in milliseconds since the epoch. */
  at: z.number().min(0).max(8.64e15),
  /** By the id of each zone of the service: how many healthy routers an endpoint there reaches. */
  zones: z.record(z.string(), z.number()),
  /** Whether routers answer for names with addresses that mean something on one of them alone. */
  dnsRanges: z.boolean(),
});
export type Health = z.infer<typeof health>;

/** Looks at the load balancer's targets. Zones are told by their ids, for their names are other ones in each account. */
export async function healthOf(
  { ec2, elb }: { ec2: EC2Client; elb: ElasticLoadBalancingV2Client },
  config: HealthConfig,
  now: number,
): Promise<Health> {
  const client = { client: ec2 };
  const inVpc = { Filters: [{ Name: 'vpc-id', Values: [config.vpcId] }] };
  const [services, subnets, reservations, targets, attributes] = await Promise.all([
    collect(
      paginateDescribeVpcEndpointServiceConfigurations(client, { ServiceIds: [config.serviceId] }),
      'ServiceConfigurations',
    ),
    collect(paginateDescribeSubnets(client, inVpc), 'Subnets'),
    collect(paginateDescribeInstances(client, routersOf(config)), 'Reservations'),
    elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: config.targetGroupArn })),
    elb.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: config.loadBalancerArn })),
  ]);
  const routers = reservations
    .flatMap(({ Instances }) => Instances ?? [])
    .map(({ InstanceId = '', Placement }) => ({ id: InstanceId, zone: Placement?.AvailabilityZone ?? '' }));
  const healthy = readTargets(targets.TargetHealthDescriptions ?? [], routers).filter(
    ({ state }) => state === 'healthy',
  );
  const crossZone = isCrossZone(attributes.Attributes ?? []);
  const idOf = new Map(
    subnets.map(({ AvailabilityZone, AvailabilityZoneId = '' }) => [AvailabilityZone, AvailabilityZoneId]),
  );
  const zones = (services[0]?.AvailabilityZones ?? []).map((name): [string, number] => [
    idOf.get(name) ?? name,
    healthy.filter(({ zone }) => crossZone || zone === name).length,
  ]);
  return { at: now, zones: Object.fromEntries(zones), dnsRanges: config.dnsRanges };
}
