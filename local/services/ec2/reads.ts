import type { Filter } from '@aws-sdk/client-ec2';
import type { Instance, Vpc } from '../../state/ec2.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { zoneName } from '../zones.ts';
import { describe } from './describe.ts';
import type { Ec2 } from './find.ts';
import { instanceFilters, STATE_CODES, subnetOf } from './instance-filters.ts';
import { defaultGroupOf } from './interfaces.ts';
import { tagList } from './tags.ts';

/** Describe calls that people make with the AWS CLI, with the answers of a box that filters no packets: its security groups and network ACLs allow everything. */
export function reads(cloud: CloudContext) {
  return {
    DescribeRegions({ RegionNames, Filters }) {
      const unknown = RegionNames?.find((name) => name !== cloud.region);
      if (unknown) throw new AwsError('InvalidParameterValue', `Invalid region name : [${unknown}]`);
      const regions = new Map([[cloud.region, { id: cloud.region }]]);
      const endpoint = `ec2.${cloud.region}.amazonaws.com`;
      const { page } = describe(cloud, regions, {
        kind: 'vpc',
        query: { Filters },
        by: { 'region-name': ({ id }) => id, endpoint: () => endpoint, 'opt-in-status': () => 'opt-in-not-required' },
      });
      return {
        Regions: page.map(({ id }) => ({ RegionName: id, Endpoint: endpoint, OptInStatus: 'opt-in-not-required' })),
      };
    },

    /** DescribeInstanceStatus tells of instances that run, or with `IncludeAllInstances` of all. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html */
    DescribeInstanceStatus({ InstanceIds, IncludeAllInstances, Filters, ...paging }) {
      const running: Filter = { Name: 'instance-state-name', Values: ['running'] };
      const checks = (of: Instance) => (of.state === 'running' ? 'ok' : 'not-applicable');
      const reachability = (of: Instance) => (of.state === 'running' ? 'passed' : undefined);
      const own = instanceFilters(cloud);
      const { page, ...next } = describe(cloud, cloud.instances, {
        kind: 'instance',
        ids: InstanceIds,
        query: { ...paging, Filters: [...(Filters ?? []), ...(IncludeAllInstances ? [] : [running])] },
        by: {
          'availability-zone': own['availability-zone'],
          'instance-state-name': own['instance-state-name'],
          'instance-state-code': own['instance-state-code'],
          'instance-status.status': checks,
          'instance-status.reachability': reachability,
          'system-status.status': checks,
          'system-status.reachability': reachability,
        },
      });
      return {
        InstanceStatuses: page.map((instance) => {
          const status = {
            Status: checks(instance) as 'ok' | 'not-applicable',
            Details: instance.state === 'running' ? [{ Name: 'reachability' as const, Status: 'passed' as const }] : [],
          };
          return {
            InstanceId: instance.id,
            AvailabilityZone: zoneName(cloud, subnetOf(cloud, instance)?.zone ?? ''),
            InstanceState: { Code: STATE_CODES[instance.state], Name: instance.state },
            InstanceStatus: status,
            SystemStatus: status,
          };
        }),
        ...next,
      };
    },

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
