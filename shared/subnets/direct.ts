import { canonicalCidr, overlaps } from '../cidr.ts';
import { type Condition, refused } from '../reconcile/plan.ts';
import { aboutNamed, label, type Router, type SubnetsWorld } from './world.ts';

export interface DirectRanges {
  /** Routers by the range that is routed straight to them: its addresses mean something there alone. */
  routers: Map<string, Router>;
  conditions: Condition[];
}

/** The DNS ranges of running routers. Of two that overlap the router with the lower id has it. */
export function directRanges({ routers, vpcCidrs, remote }: SubnetsWorld): DirectRanges {
  const ranges: DirectRanges = { routers: new Map(), conditions: [] };
  // A route leads to interfaces of its own VPC alone.
  if (remote) return ranges;
  const taken = vpcCidrs.map((cidr) => ({ cidr, whose: 'the VPC' }));
  for (const router of routers.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    if (!router.running || router.dnsRange === undefined) continue;
    const refuse = (why: string) =>
      ranges.conditions.push(refused(aboutNamed(router), `its DNS range ${router.dnsRange} ${why}`));
    const cidr = canonicalCidr(router.dnsRange);
    const other = cidr && taken.find((each) => overlaps(each.cidr, cidr));
    if (!cidr) refuse('is not a CIDR');
    else if (other) refuse(`overlaps ${other.cidr} of ${other.whose}`);
    else {
      taken.push({ cidr, whose: label(router) });
      ranges.routers.set(cidr, router);
    }
  }
  return ranges;
}
