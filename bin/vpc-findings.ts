import type { RoutersConfig } from '../shared/config.ts';
import { divided } from '../shared/routers/ranges.ts';
import type { Router } from '../shared/routers/router.ts';
import type { SubnetsWorld } from '../shared/subnets/world.ts';
import { type Finding, finding } from './findings.ts';

/** A range that overlaps a block of the VPC is no router's: no route can lead away from the VPC's own. */
export function dnsRanges(
  { dns }: Pick<RoutersConfig, 'dns'>,
  { vpcCidrs }: Pick<SubnetsWorld, 'vpcCidrs'>,
  routers: readonly Router[],
): Finding[] {
  if (!dns) return [];
  const { usable, ofVpc } = divided(dns.slices, vpcCidrs);
  const says = `${usable.length} that routers can have, for ${routers.length} routers`;
  if (ofVpc.length === 0 && usable.length >= routers.length) return [finding('ok', 'DNS ranges', says)];
  return [
    finding(
      usable.length < routers.length ? 'fault' : 'warning',
      'DNS ranges',
      ofVpc.length > 0 ? `${says}; ${ofVpc.length} overlap blocks of the VPC, and are left out` : says,
      'deploy with another or a larger dnsPool, or with a longer dnsPrefix',
    ),
  ];
}
