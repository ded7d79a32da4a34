import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { contains, isIpv6, normalCidr, overlaps, prefixLength } from './cidr.ts';
import { type Ec2, find } from './find.ts';
import type { CidrBlock, Route, Subnet, Vpc } from './records.ts';

/** A VPC or a subnet gets blocks later, or loses them. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html */
export function cidrBlocks(cloud: CloudContext) {
  return {
    AssociateVpcCidrBlock({ VpcId, CidrBlock, AmazonProvidedIpv6CidrBlock }) {
      const vpc = find(cloud.vpcs, 'vpc', VpcId);
      if (AmazonProvidedIpv6CidrBlock || !CidrBlock)
        throw new AwsError(
          'InvalidParameterCombination',
          'the cloud in a box gives a VPC its IPv6 block with CreateVpc',
        );
      const cidr = blockOf(CidrBlock, 'InvalidVpc.Range');
      const others = [...cloud.routeTables.values()].filter(({ vpcId }) => vpcId === VpcId);
      const taken = others.flatMap(({ routes }) => routes.map(({ destination }) => destination));
      // "Must not be the same or larger than a destination CIDR range in a route in any of the VPC route tables."
      if (blocksOf(vpc).some((own) => overlaps(own, cidr)) || taken.some((destination) => contains(cidr, destination)))
        throw new AwsError(
          'CidrConflict',
          `The CIDR '${CidrBlock}' conflicts with another of ${VpcId} or with a route`,
        );
      const block: CidrBlock = { id: cloud.id('vpc-cidr-assoc'), cidr, state: 'associating' };
      vpc.blocks.push(block);
      const added = vpcAssociation(block);
      cloud.after(cloud.delays.cidrBlockChanged, () => {
        if (block.state !== 'associating') return;
        block.state = 'associated';
        for (const table of tablesOf(vpc))
          if (table.routes.every(({ destination }) => destination !== cidr)) table.routes.push(localRoute(cidr));
      });
      return { VpcId, CidrBlockAssociation: added };
    },

    DisassociateVpcCidrBlock({ AssociationId }) {
      const vpc = [...cloud.vpcs.values()].find(({ blocks }) => blocks.some(({ id }) => id === AssociationId));
      const block = vpc?.blocks.find(({ id }) => id === AssociationId);
      if (!vpc || !block) throw noAssociation('Vpc', AssociationId);
      const subnets = [...cloud.subnets.values()].filter(({ vpcId }) => vpcId === vpc.id);
      if (subnets.some((subnet) => blocksOf(subnet).some((own) => contains(block.cidr, own))))
        throw new AwsError('DependencyViolation', `The CIDR ${block.cidr} of ${vpc.id} has subnets`);
      leave(vpc, block);
      for (const table of tablesOf(vpc))
        table.routes = table.routes.filter(
          ({ origin, destination }) => origin !== 'CreateRouteTable' || destination !== block.cidr,
        );
      return isIpv6(block.cidr)
        ? { VpcId: vpc.id, Ipv6CidrBlockAssociation: subnetAssociation(block) }
        : { VpcId: vpc.id, CidrBlockAssociation: vpcAssociation(block) };
    },

    DisassociateSubnetCidrBlock({ AssociationId }) {
      const subnet = [...cloud.subnets.values()].find(({ blocks }) => blocks.some(({ id }) => id === AssociationId));
      const block = subnet?.blocks.find(({ id }) => id === AssociationId);
      if (!subnet || !block) throw noAssociation('Subnet', AssociationId);
      leave(subnet, block);
      return { SubnetId: subnet.id, Ipv6CidrBlockAssociation: subnetAssociation(block) };
    },
  } satisfies Ec2;

  /** It stays listed as `disassociated` for a while as those report who look for it. */
  function leave(owner: Vpc | Subnet, block: CidrBlock): void {
    block.state = 'disassociating';
    cloud.after(cloud.delays.cidrBlockChanged, () => {
      block.state = 'disassociated';
      cloud.after(cloud.delays.cidrBlockForgotten, () => {
        owner.blocks = owner.blocks.filter((each) => each !== block);
      });
    });
  }

  function tablesOf({ id }: Vpc) {
    return [...cloud.routeTables.values()].filter(({ vpcId }) => vpcId === id);
  }
}

function noAssociation(whose: string, id: string | undefined): AwsError {
  return new AwsError(`Invalid${whose}CidrBlockAssociationID.NotFound`, `The association ID '${id}' does not exist`);
}

/** The blocks that a VPC or a subnet has now, the primary one first. */
export function blocksOf({ cidr, blocks }: Pick<Vpc, 'cidr' | 'blocks'>): string[] {
  return [cidr, ...blocks.filter(({ state }) => /^associat/.test(state)).map((block) => block.cidr)];
}

export const ipv6BlockOf = (owner: Vpc | Subnet) => blocksOf(owner).find(isIpv6);

export function vpcAssociation({ id, cidr, state }: CidrBlock) {
  return { AssociationId: id, CidrBlock: cidr, CidrBlockState: { State: state } };
}

export function subnetAssociation({ id, cidr, state }: CidrBlock) {
  return { AssociationId: id, Ipv6CidrBlock: cidr, Ipv6CidrBlockState: { State: state } };
}

/** Every table has one for each block of the VPC. */
export function localRoute(destination: string): Route {
  return { destination, target: { kind: 'local' }, origin: 'CreateRouteTable' };
}

/** VPCs and subnets are IPv4 blocks of /16 to /28. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html */
export function blockOf(text: string, code: string): string {
  const cidr = normalCidr(text);
  if (!cidr || isIpv6(cidr))
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.`,
    );
  const length = prefixLength(cidr);
  if (length < 16 || length > 28) throw new AwsError(code, `The CIDR '${text}' is invalid.`);
  return cidr;
}
