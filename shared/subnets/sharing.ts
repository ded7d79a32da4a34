import { advice } from '../aws/advice.ts';
import { keyOf } from '../reconcile/plan.ts';
import type { Attempt } from '../reconcile/refused-steps.ts';
import { isWide } from './admission.ts';
import type { OptedInSubnet } from './opted-in.ts';
import type { SubnetsStep } from './steps.ts';
import { type Endpoint, isLeaving, isLive, type Subnet, type SubnetsWorld, tablesOf } from './world.ts';

/**
 * AWS's guide has one endpoint of a service in a zone, and public stacks have several: whether a second one is refused, and by
 * which code, nobody has reported. https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-load-balancer-endpoints.html
 * So it is taken for that where it was refused twice for no reason that is known, and once a subnet's tag says so.
 */
export function crowdedZones(
  hosts: Subnet[],
  creates: (host: Subnet) => SubnetsStep,
  world: SubnetsWorld,
): Set<string> {
  const isRefused = ({ times, error }: Attempt) => times > 1 && error !== undefined && !advice(error);
  const keys = new Set([...world.attempts].flatMap(([key, attempt]) => (isRefused(attempt) ? key : [])));
  const refused = keys.size > 0 ? hosts.filter((host) => keys.has(keyOf(creates(host)))) : [];
  const serving = new Set(world.endpoints.filter(isLive).map(({ id }) => id));
  const shared = world.subnets.filter((subnet) => serving.has(subnet.memory.servedBy ?? ''));
  return new Set([...refused, ...shared].map(({ zone }) => zone));
}

/** Endpoints of the zone that may serve these as well: not one that their own routes would lead back into. */
export function zonesEndpoints(zone: string, optedInSubnets: OptedInSubnet[], world: SubnetsWorld): Endpoint[] {
  const stands = new Set(
    world.subnets.filter((subnet) => subnet.zone === zone && !isLeaving(subnet, world)).map(({ id }) => id),
  );
  const wide = optedInSubnets.filter(({ destinations }) => destinations.some(isWide)).map(({ table }) => table);
  const tableOf = tablesOf(world);
  return world.endpoints.filter(({ subnetId }) => stands.has(subnetId) && !wide.includes(tableOf(subnetId)));
}
