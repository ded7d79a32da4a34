import type { CloudContext } from '../context.ts';
import { describe } from './describe.ts';
import type { Ec2 } from './find.ts';
import { defaultGroupOf } from './interfaces.ts';
import type { Vpc } from './records.ts';
import { tagList } from './tags.ts';

/** A VPC has a security group and a network ACL from the start: the box filters no packets, and they allow everything. */
export function securityGroups(cloud: CloudContext) {
  return {
    DescribeSecurityGroups({ GroupIds, GroupNames, ...query }) {
      const groups = new Map([...cloud.vpcs.values()].map((vpc) => [defaultGroupOf(vpc.id).GroupId, groupOf(vpc)]));
      const { page, ...next } = describe(cloud, groups, {
        kind: 'securityGroup',
        ids: GroupIds,
        query,
        by: {
          'group-id': ({ id }) => id,
          'group-name': () => 'default',
          description: ({ description }) => description,
          'vpc-id': ({ vpcId }) => vpcId,
          'ip-permission.protocol': () => '-1',
          'ip-permission.cidr': () => EVERYWHERE,
          'egress.ip-permission.protocol': () => '-1',
          'egress.ip-permission.cidr': () => EVERYWHERE,
        },
      });
      const all = { IpProtocol: '-1', IpRanges: [{ CidrIp: EVERYWHERE }], UserIdGroupPairs: [] };
      return {
        SecurityGroups: page
          .filter(() => !GroupNames?.length || GroupNames.includes('default'))
          .map(({ id, vpcId, description }) => ({
            GroupId: id,
            GroupName: 'default',
            Description: description,
            VpcId: vpcId,
            OwnerId: cloud.account,
            IpPermissions: [all],
            IpPermissionsEgress: [all],
            Tags: tagList(cloud, id),
          })),
        ...next,
      };
    },

    /** The list that a VPC has from the start, and all of its subnets are associated with. */
    DescribeNetworkAcls({ NetworkAclIds, ...query }) {
      const lists = new Map([...cloud.vpcs.values()].map((vpc) => [listId(vpc), { id: listId(vpc), vpcId: vpc.id }]));
      const subnetsOf = (vpcId: string) =>
        [...cloud.subnets.values()].filter((each) => each.vpcId === vpcId).map(({ id }) => id);
      const { page, ...next } = describe(cloud, lists, {
        kind: 'networkAcl',
        ids: NetworkAclIds,
        query,
        by: {
          'network-acl-id': ({ id }) => id,
          'vpc-id': ({ vpcId }) => vpcId,
          default: () => 'true',
          'association.network-acl-id': ({ id }) => id,
          'association.subnet-id': ({ vpcId }) => subnetsOf(vpcId),
        },
      });
      const entries = [false, true].flatMap((Egress) =>
        (
          [
            [100, 'allow'],
            [32767, 'deny'],
          ] as const
        ).map(([RuleNumber, RuleAction]) => ({
          ...{ Egress, RuleNumber, RuleAction, Protocol: '-1', CidrBlock: EVERYWHERE },
        })),
      );
      return {
        NetworkAcls: page.map(({ id, vpcId }) => ({
          NetworkAclId: id,
          VpcId: vpcId,
          IsDefault: true,
          OwnerId: cloud.account,
          Entries: entries,
          Associations: subnetsOf(vpcId).map((SubnetId) => ({
            NetworkAclAssociationId: SubnetId.replace('subnet-', 'aclassoc-'),
            NetworkAclId: id,
            SubnetId,
          })),
          Tags: tagList(cloud, id),
        })),
        ...next,
      };
    },
  } satisfies Ec2;
}

const EVERYWHERE = '0.0.0.0/0';
const listId = ({ id }: Vpc) => id.replace('vpc-', 'acl-');
const groupOf = ({ id }: Vpc) => ({
  id: defaultGroupOf(id).GroupId,
  vpcId: id,
  description: 'The cloud in a box filters nothing',
});
