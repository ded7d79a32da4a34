import { paginateDescribeSubnets } from '@aws-sdk/client-ec2';
import * as z from 'zod';
import { collect, where } from '../aws/read.ts';
import type { HealthConfig } from '../config.ts';
import { type FleetClients, lookAtFleet } from './observe.ts';
import { readTargets } from './read.ts';

/** A hub tells this to its spokes, which cannot see its targets. */
export const healthAnswer = z.object({
  /** When the hub looked, in milliseconds since the epoch. */
  at: z.number().min(0).max(8.64e15),
  /** Id of the endpoint service that is meant. Hubs of earlier versions do not tell. */
  serviceId: z.string().optional(),
  /** By the id of each zone of the service: how many healthy routers an endpoint there reaches. */
  zones: z.record(z.string(), z.number()),
  /** Routers answer for names with addresses that mean something on one of them alone. */
  dnsRanges: z.boolean(),
});
export type Health = z.infer<typeof healthAnswer>;

/** Looks at the load balancer's targets. Zones are told by their ids, for their names are other ones in each account. */
export async function healthOf(clients: FleetClients, config: HealthConfig, now: number): Promise<Health> {
  const [{ service, instances, targets, crossZone }, subnets] = await Promise.all([
    lookAtFleet(clients, config),
    collect(paginateDescribeSubnets({ client: clients.ec2 }, where({ 'vpc-id': [config.vpcId] })), 'Subnets'),
  ]);
  const routers = instances.map(({ InstanceId: id = '', Placement }) => ({
    id,
    zone: Placement?.AvailabilityZone ?? '',
  }));
  const healthy = readTargets(targets, routers).filter(({ state }) => state === 'healthy');
  const idOf = new Map(
    subnets.map(({ AvailabilityZone, AvailabilityZoneId = '' }) => [AvailabilityZone, AvailabilityZoneId]),
  );
  const zones = (service?.AvailabilityZones ?? []).map((name): [string, number] => [
    idOf.get(name) ?? name,
    healthy.filter(({ zone }) => crossZone || zone === name).length,
  ]);
  return { at: now, serviceId: config.serviceId, zones: Object.fromEntries(zones), dnsRanges: config.dnsRanges };
}
