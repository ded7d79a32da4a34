import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { zoneId, zoneName } from '../zones.ts';
import { contains, isIpv6, normalCidr, overlaps, prefixLength } from './cidr.ts';
import { blockOf, blocksOf, ipv6BlockOf, subnetAssociation, vpcAssociation } from './cidr-blocks.ts';
import { describe } from './describe.ts';
import { arnOf, type Ec2, find, ownerOf } from './find.ts';
import { addressesLeft } from './interfaces.ts';
import type { CidrBlock, Subnet, Vpc } from './records.ts';
import { isMain, localRoutes } from './route-tables.ts';
import { refuseOtherTags, tagList, tagsAtCreation } from './tags.ts';

/** VPCs have subnets, and a main route table from the start. */
export function vpcs(cloud: CloudContext) {
  const { zones } = cloud;

  return {
    CreateVpc({ CidrBlock = '', AmazonProvidedIpv6CidrBlock, TagSpecifications }) {
      refuseOtherTags(['vpc'], TagSpecifications);
      const tags = tagsAtCreation('vpc', TagSpecifications);
      const cidr = blockOf(CidrBlock, 'InvalidVpc.Range');
      const vpc: Vpc = { id: cloud.id('vpc'), owner: cloud.account, participants: [], cidr, blocks: [] };
      // A range for documentation, as nothing of the box is reached from outside.
      if (AmazonProvidedIpv6CidrBlock)
        vpc.blocks.push(associated(normalCidr(`2001:db8:${cloud.vpcs.size.toString(16)}:ff00::/56`) ?? '', 'vpc'));
      cloud.vpcs.set(vpc.id, vpc);
      cloud.tags.set(vpc.id, tags);
      const main = cloud.id('rtb');
      cloud.routeTables.set(main, {
        id: main,
        vpcId: vpc.id,
        associations: [{ id: cloud.id('rtbassoc') }],
        routes: localRoutes(vpc),
      });
      return { Vpc: { ...vpcShape(vpc), State: 'pending' } };
    },

    DeleteVpc({ VpcId }) {
      find(cloud.vpcs, 'vpc', VpcId);
      const tables = [...cloud.routeTables.values()].filter(({ vpcId }) => vpcId === VpcId);
      const others = [...cloud.subnets.values(), ...tables.filter(({ associations }) => !associations.some(isMain))];
      if (others.some(({ vpcId }) => vpcId === VpcId))
        throw new AwsError('DependencyViolation', `The vpc '${VpcId}' has dependencies and cannot be deleted.`);
      for (const { id } of tables) forget(cloud.routeTables, id);
      forget(cloud.vpcs, VpcId);
      return {};
    },

    DescribeVpcs({ VpcIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.vpcs, {
        kind: 'vpc',
        ids: VpcIds,
        query,
        by: {
          'vpc-id': ({ id }) => id,
          cidr: ({ cidr }) => cidr,
          'cidr-block-association.cidr-block': ({ cidr, blocks }) => [cidr, ...cidrsOf(blocks, false)],
          'cidr-block-association.state': ({ blocks }) => ['associated', ...blocks.map(({ state }) => state)],
          'ipv6-cidr-block-association.ipv6-cidr-block': ({ blocks }) => cidrsOf(blocks, true),
          state: () => 'available',
          'is-default': () => 'false',
          'owner-id': ({ owner }) => owner,
        },
      });
      return { Vpcs: page.map(vpcShape), ...next };
    },

    CreateSubnet({ VpcId, CidrBlock = '', Ipv6CidrBlock, AvailabilityZone, AvailabilityZoneId, TagSpecifications }) {
      const vpc = find(cloud.vpcs, 'vpc', VpcId);
      refuseOtherTags(['subnet'], TagSpecifications);
      const tags = tagsAtCreation('subnet', TagSpecifications);
      const cidr = blockOf(CidrBlock, 'InvalidSubnet.Range');
      if (!blocksOf(vpc).some((own) => contains(own, cidr)))
        throw new AwsError('InvalidSubnet.Range', `The CIDR '${CidrBlock}' is invalid.`);
      if ([...cloud.subnets.values()].some((other) => other.vpcId === VpcId && overlaps(other.cidr, cidr)))
        throw new AwsError('InvalidSubnet.Conflict', `The CIDR '${CidrBlock}' conflicts with another subnet`);
      const asked = AvailabilityZone ?? AvailabilityZoneId ?? zones[0]?.name;
      const zone = zones.find(({ name, id }) => asked === name || asked === id);
      if (!zone)
        throw new AwsError(
          'InvalidParameterValue',
          `Value (${asked}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ${zones.map(({ name }) => name).join(', ')}.`,
        );
      const subnet: Subnet = { id: cloud.id('subnet'), vpcId: VpcId, zone: zone.place, cidr, blocks: [] };
      if (Ipv6CidrBlock) subnet.blocks.push(associated(freeIpv6Block(vpc, Ipv6CidrBlock), 'subnet'));
      cloud.subnets.set(subnet.id, subnet);
      cloud.tags.set(subnet.id, tags);
      return { Subnet: subnetShape(subnet) };
    },

    DeleteSubnet({ SubnetId }) {
      find(cloud.subnets, 'subnet', SubnetId);
      if ([...cloud.interfaces.values()].some(({ subnetId }) => subnetId === SubnetId))
        throw new AwsError('DependencyViolation', `The subnet '${SubnetId}' has dependencies and cannot be deleted.`);
      for (const table of cloud.routeTables.values())
        table.associations = table.associations.filter(({ subnetId }) => subnetId !== SubnetId);
      forget(cloud.subnets, SubnetId);
      return {};
    },

    DescribeSubnets({ SubnetIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.subnets, {
        kind: 'subnet',
        ids: SubnetIds,
        query,
        by: {
          'subnet-id': ({ id }) => id,
          'vpc-id': ({ vpcId }) => vpcId,
          'availability-zone': ({ zone }) => zoneName(cloud, zone),
          'availability-zone-id': ({ zone }) => zoneId(cloud, zone),
          availabilityZone: ({ zone }) => zoneName(cloud, zone),
          'cidr-block': ({ cidr }) => cidr,
          cidr: ({ cidr }) => cidr,
          cidrBlock: ({ cidr }) => cidr,
          'ipv6-cidr-block-association.ipv6-cidr-block': ({ blocks }) => cidrsOf(blocks, true),
          'available-ip-address-count': ({ id, cidr }) => String(addressesLeft(cloud, id, cidr)),
          'default-for-az': () => 'false',
          'map-public-ip-on-launch': () => 'false',
          'subnet-arn': ({ id }) => arnOf(cloud, 'subnet', id),
          state: () => 'available',
        },
      });
      return { Subnets: page.map(subnetShape), ...next };
    },
  } satisfies Ec2;

  function associated(cidr: string, kind: 'vpc' | 'subnet'): CidrBlock {
    return { id: cloud.id(`${kind}-cidr-assoc`), cidr, state: 'associated' };
  }

  function freeIpv6Block(vpc: Vpc, text: string): string {
    const block = normalCidr(text);
    const own = ipv6BlockOf(vpc);
    if (!block || !own || prefixLength(block) !== 64 || !contains(own, block))
      throw new AwsError('InvalidSubnet.Range', `The CIDR '${text}' is invalid.`);
    if ([...cloud.subnets.values()].some((other) => blocksOf(other).includes(block)))
      throw new AwsError('InvalidSubnet.Conflict', `The CIDR '${text}' conflicts with another subnet`);
    return block;
  }

  function forget(records: Map<string, unknown>, id: string): void {
    records.delete(id);
    cloud.tags.delete(id);
  }

  function vpcShape({ id, owner, cidr, blocks }: Vpc) {
    return {
      VpcId: id,
      OwnerId: owner,
      State: 'available' as const,
      CidrBlock: cidr,
      CidrBlockAssociationSet: [
        { CidrBlock: cidr, CidrBlockState: { State: 'associated' as const } },
        ...blocks.filter((block) => !isIpv6(block.cidr)).map(vpcAssociation),
      ],
      Ipv6CidrBlockAssociationSet: blocks.filter((block) => isIpv6(block.cidr)).map(subnetAssociation),
      InstanceTenancy: 'default' as const,
      IsDefault: false,
      Tags: tagList(cloud, id),
    };
  }

  function subnetShape({ id, vpcId, zone, cidr, blocks }: Subnet) {
    return {
      SubnetId: id,
      SubnetArn: arnOf(cloud, 'subnet', id),
      VpcId: vpcId,
      OwnerId: ownerOf(cloud, vpcId),
      State: 'available' as const,
      AvailabilityZone: zoneName(cloud, zone),
      AvailabilityZoneId: zoneId(cloud, zone),
      CidrBlock: cidr,
      AvailableIpAddressCount: addressesLeft(cloud, id, cidr),
      DefaultForAz: false,
      MapPublicIpOnLaunch: false,
      Ipv6CidrBlockAssociationSet: blocks.map(subnetAssociation),
      Tags: tagList(cloud, id),
    };
  }
}

const cidrsOf = (blocks: readonly CidrBlock[], ipv6: boolean) =>
  blocks.flatMap(({ cidr }) => (isIpv6(cidr) === ipv6 ? cidr : []));
