import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { describe } from './describe.ts';
import { type Ec2, find } from './find.ts';
import { addInterface, removeInterface } from './interfaces.ts';
import type { InternetGateway, NatGateway } from './records.ts';
import { refuseOtherTags, tagList, tagsAtCreation } from './tags.ts';

/** Internet and NAT gateways stand at the edge of a VPC: what routes lead to before anybody takes them over. Nothing is beyond them here. */
export function gateways(cloud: CloudContext) {
  return {
    CreateInternetGateway({ TagSpecifications }) {
      refuseOtherTags(['internetGateway'], TagSpecifications);
      const gateway: InternetGateway = { id: cloud.id('igw') };
      cloud.internetGateways.set(gateway.id, gateway);
      cloud.tags.set(gateway.id, tagsAtCreation('internetGateway', TagSpecifications));
      return { InternetGateway: internetShape(gateway) };
    },

    AttachInternetGateway({ InternetGatewayId, VpcId }) {
      const gateway = find(cloud.internetGateways, 'internetGateway', InternetGatewayId);
      find(cloud.vpcs, 'vpc', VpcId);
      if (gateway.vpcId)
        throw new AwsError('Resource.AlreadyAssociated', `resource ${gateway.id} is already attached to network`);
      if ([...cloud.internetGateways.values()].some(({ vpcId }) => vpcId === VpcId))
        throw new AwsError('InvalidParameterValue', `Network ${VpcId} already has an internet gateway attached`);
      gateway.vpcId = VpcId;
      return {};
    },

    DetachInternetGateway({ InternetGatewayId, VpcId }) {
      const gateway = find(cloud.internetGateways, 'internetGateway', InternetGatewayId);
      if (gateway.vpcId !== VpcId)
        throw new AwsError('Gateway.NotAttached', `resource ${gateway.id} is not attached to network ${VpcId}`);
      gateway.vpcId = undefined;
      return {};
    },

    DeleteInternetGateway({ InternetGatewayId }) {
      const gateway = find(cloud.internetGateways, 'internetGateway', InternetGatewayId);
      if (gateway.vpcId)
        throw new AwsError(
          'DependencyViolation',
          `The internetGateway '${gateway.id}' has dependencies and cannot be deleted.`,
        );
      cloud.internetGateways.delete(gateway.id);
      cloud.tags.delete(gateway.id);
      return {};
    },

    DescribeInternetGateways({ InternetGatewayIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.internetGateways, {
        kind: 'internetGateway',
        ids: InternetGatewayIds,
        query,
        by: {
          'internet-gateway-id': ({ id }) => id,
          'attachment.vpc-id': ({ vpcId }) => vpcId,
          'attachment.state': ({ vpcId }) => vpcId && 'available',
        },
      });
      return { InternetGateways: page.map(internetShape), ...next };
    },

    CreateNatGateway({ SubnetId = '', ConnectivityType, TagSpecifications }) {
      const subnet = find(cloud.subnets, 'subnet', SubnetId);
      if (ConnectivityType !== 'private')
        throw new AwsError('MissingParameter', 'a public NAT gateway needs an Elastic IP, which the box has none of');
      refuseOtherTags(['natGateway'], TagSpecifications);
      const { id: interfaceId } = addInterface(cloud, subnet, {
        type: 'natGateway',
        description: 'Interface for NAT Gateway',
        sourceDestCheck: false,
      });
      const gateway: NatGateway = {
        id: cloud.id('nat'),
        vpcId: subnet.vpcId,
        subnetId: subnet.id,
        interfaceId,
        state: 'available',
      };
      cloud.natGateways.set(gateway.id, gateway);
      cloud.tags.set(gateway.id, tagsAtCreation('natGateway', TagSpecifications));
      return { NatGateway: natShape(gateway) };
    },

    /** A deleted one is listed for about an hour. https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html */
    DeleteNatGateway({ NatGatewayId }) {
      const gateway = find(cloud.natGateways, 'natGateway', NatGatewayId);
      if (gateway.state === 'deleted') return { NatGatewayId };
      gateway.state = 'deleted';
      removeInterface(cloud, gateway.interfaceId);
      cloud.after(3_600_000, () => {
        cloud.natGateways.delete(NatGatewayId);
        cloud.tags.delete(NatGatewayId);
      });
      return { NatGatewayId };
    },

    DescribeNatGateways({ NatGatewayIds, Filter: Filters, ...page }) {
      const { page: found, ...next } = describe(cloud, cloud.natGateways, {
        kind: 'natGateway',
        ids: NatGatewayIds,
        query: { Filters, ...page },
        by: {
          'nat-gateway-id': ({ id }) => id,
          'subnet-id': ({ subnetId }) => subnetId,
          'vpc-id': ({ vpcId }) => vpcId,
          state: ({ state }) => state,
        },
      });
      return { NatGateways: found.map(natShape), ...next };
    },
  } satisfies Ec2;

  function internetShape({ id, vpcId }: InternetGateway) {
    return {
      InternetGatewayId: id,
      OwnerId: cloud.account,
      Attachments: vpcId ? [{ VpcId: vpcId, State: 'attached' as const }] : [],
      Tags: tagList(cloud, id),
    };
  }

  function natShape({ id, vpcId, subnetId, interfaceId, state }: NatGateway) {
    return {
      NatGatewayId: id,
      VpcId: vpcId,
      SubnetId: subnetId,
      State: state,
      ConnectivityType: 'private' as const,
      NatGatewayAddresses: [{ NetworkInterfaceId: interfaceId }],
      Tags: tagList(cloud, id),
    };
  }
}
