import { isIpv6 } from '../shared/cidr.ts';
import { isCounted, type SubnetsWorld } from '../shared/subnets/world.ts';
import { type Finding, finding } from './finding.ts';

/** Where "near" begins: this part of a quota is used. */
const NEAR = 0.8;

type Table = Pick<SubnetsWorld['routeTables'][number], 'id'> & {
  routes: Pick<SubnetsWorld['routeTables'][number]['routes'][number], 'destination' | 'local' | 'propagated'>[];
};

/** The table with the most routes of one family: the quota is for each, and not for the VPC's own nor for propagated ones. */
export function fullest(tables: readonly Table[]): { id: string; routes: number } | undefined {
  const counted = tables.map(({ id, routes }) => {
    const counting = routes.filter(isCounted);
    const six = counting.filter(({ destination }) => isIpv6(destination)).length;
    return { id, routes: Math.max(six, counting.length - six) };
  });
  return counted.toSorted((a, b) => b.routes - a.routes)[0];
}

/** A quota that may become too small: how much of it the fullest thing uses. */
export interface Quota {
  name: string;
  /** A quota is of this: a VPC, a route table. */
  of: string;
  used: number;
  limit: number;
  adjustable: boolean;
}

export function quotas(all: readonly Quota[]): Finding[] {
  return all.map(({ name, of, used, limit, adjustable }) => {
    const says = `${name}: ${used} of ${limit} in ${of}`;
    if (used < NEAR * limit) return finding('ok', 'quotas', says);
    return finding(
      used >= limit ? 'fault' : 'warning',
      'quotas',
      says,
      adjustable ? 'ask for more in Service Quotas' : 'it cannot be raised: use fewer, larger routers',
    );
  });
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/quotas-limits.html */
export const targetQuota = (of: string, used: number) =>
  quotas([{ name: 'Targets per Gateway Load Balancer', of, used, limit: 300, adjustable: false }]);
