import { canonicalCidr, overlaps } from '../cidr.ts';
import { type Condition, type Reason, refused } from '../conditions/condition.ts';
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
    const { dnsRange: range } = router;
    const refuse = (reason: Reason) => ranges.conditions.push(refused(aboutNamed(router), reason));
    const cidr = canonicalCidr(range);
    const other = cidr && taken.find((each) => overlaps(each.cidr, cidr));
    if (!cidr) refuse({ code: 'range-not-a-cidr', range });
    else if (other) refuse({ code: 'range-overlaps', range, block: other.cidr, whose: other.whose });
    else {
      taken.push({ cidr, whose: label(router) });
      ranges.routers.set(cidr, router);
    }
  }
  return ranges;
}
