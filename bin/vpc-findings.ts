import type { VpcEncryptionControl } from '@aws-sdk/client-ec2';
import type { RoutersConfig } from '../shared/config.ts';
import { divided } from '../shared/routers/ranges.ts';
import type { Router } from '../shared/routers/router.ts';
import { isShared, type SubnetsWorld } from '../shared/subnets/world.ts';
import { type Finding, finding } from './finding.ts';

/** The stack may write routes, but not in a VPC that another account shares with its own. */
export function sharing({ subnets, routeTables }: SubnetsWorld, account: string): Finding[] {
  const shared = [...routeTables, ...subnets].find((each) => isShared(each, account));
  if (!shared) return [];
  return [
    finding(
      'fault',
      'VPC',
      `${shared.id} is of account ${shared.owner}, which shares the VPC with ${account}: no route may be written from here`,
      `deploy the stack in ${shared.owner}`,
    ),
  ];
}

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

/** A Gateway Load Balancer cannot be excluded from it: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-encryption-controls.html */
export function encryption(controls: readonly VpcEncryptionControl[], vpcId: string): Finding {
  const check = 'encryption controls';
  const present = controls.find(({ VpcId, State }) => VpcId === vpcId && State !== 'deleted');
  if (present?.Mode === 'enforce' || present?.State === 'enforce-in-progress')
    return finding(
      'fault',
      check,
      `${vpcId} enforces encryption in transit, and AWS allows no Gateway Load Balancer and no endpoint of one there`,
      `aws ec2 modify-vpc-encryption-control --vpc-encryption-control-id ${present.VpcEncryptionControlId} --mode monitor; or deploy for another VPC`,
    );
  return finding('ok', check, present ? `${vpcId} monitors, and enforces nothing` : `${vpcId} has none`);
}
