import type { EC2, ResourceType as TaggableType } from '@aws-sdk/client-ec2';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { flag, type Made, type ResourceType, refuseChange, resourceType, tags, text, until } from './resource-type.ts';

type Tags = z.infer<typeof tags>;

const tagsOf = (ResourceType: TaggableType, Tags: Tags) => (Tags?.length ? [{ ResourceType, Tags }] : []);

const tagging =
  (ec2: EC2, id: string): Made['tag'] =>
  async ({ set, remove }) => {
    if (set.length > 0) await ec2.createTags({ Resources: [id], Tags: set });
    if (remove.length > 0) await ec2.deleteTags({ Resources: [id], Tags: remove.map((Key) => ({ Key })) });
  };

export function networkTypes(ec2: EC2, clock: Clock): Record<string, ResourceType> {
  return {
    'AWS::EC2::VPC': resourceType(
      z.strictObject({ CidrBlock: text, Tags: tags }),
      ['VpcId', 'CidrBlock'],
      async ({ CidrBlock, Tags }) => {
        const { Vpc } = await ec2.createVpc({ CidrBlock, TagSpecifications: tagsOf('vpc', Tags) });
        const VpcId = given(Vpc?.VpcId);
        return {
          ref: VpcId,
          attributes: { VpcId, CidrBlock },
          tag: tagging(ec2, VpcId),
          remove: () => ec2.deleteVpc({ VpcId }),
        };
      },
    ),

    'AWS::EC2::Subnet': resourceType(
      z.strictObject({ VpcId: text, CidrBlock: text, AvailabilityZone: text.optional(), Tags: tags }),
      ['SubnetId', 'VpcId', 'CidrBlock', 'AvailabilityZone'],
      async ({ Tags, ...place }) => {
        const { Subnet } = await ec2.createSubnet({ ...place, TagSpecifications: tagsOf('subnet', Tags) });
        const SubnetId = given(Subnet?.SubnetId);
        return {
          ref: SubnetId,
          attributes: { ...place, SubnetId, AvailabilityZone: Subnet?.AvailabilityZone },
          tag: tagging(ec2, SubnetId),
          remove: () => ec2.deleteSubnet({ SubnetId }),
        };
      },
    ),

    'AWS::EC2::RouteTable': resourceType(
      z.strictObject({ VpcId: text, Tags: tags }),
      ['RouteTableId'],
      async ({ VpcId, Tags }) => {
        const { RouteTable } = await ec2.createRouteTable({ VpcId, TagSpecifications: tagsOf('route-table', Tags) });
        const RouteTableId = given(RouteTable?.RouteTableId);
        return {
          ref: RouteTableId,
          attributes: { RouteTableId },
          tag: tagging(ec2, RouteTableId),
          remove: () => ec2.deleteRouteTable({ RouteTableId }),
        };
      },
    ),

    'AWS::EC2::SubnetRouteTableAssociation': resourceType(
      z.strictObject({ SubnetId: text, RouteTableId: text }),
      ['Id'],
      async (association) => {
        const AssociationId = given((await ec2.associateRouteTable(association)).AssociationId);
        const remove = () => ec2.disassociateRouteTable({ AssociationId });
        return { ref: AssociationId, attributes: { Id: AssociationId }, remove };
      },
    ),

    'AWS::EC2::Route': resourceType(
      z.strictObject({
        RouteTableId: text,
        DestinationCidrBlock: text,
        NetworkInterfaceId: text.optional(),
        VpcEndpointId: text.optional(),
      }),
      ['CidrBlock'],
      async (route) => {
        await ec2.createRoute(route);
        const { RouteTableId, DestinationCidrBlock } = route;
        return {
          ref: `${RouteTableId}|${DestinationCidrBlock}`,
          attributes: { CidrBlock: DestinationCidrBlock },
          remove: () => ec2.deleteRoute({ RouteTableId, DestinationCidrBlock }),
        };
      },
    ),

    'AWS::EC2::Instance': resourceType(
      z.strictObject({
        ImageId: text,
        InstanceType: text.optional(),
        SubnetId: text,
        PrivateIpAddress: text.optional(),
        Tags: tags,
      }),
      ['InstanceId', 'PrivateIp', 'AvailabilityZone', 'VpcId'],
      async ({ Tags, ...launch }) => {
        const TagSpecifications = tagsOf('instance', Tags);
        const { Instances } = await ec2.runInstances({
          ...launch,
          MinCount: 1,
          MaxCount: 1,
          TagSpecifications,
        } as RunInstances);
        const [instance] = Instances ?? [];
        const InstanceId = given(instance?.InstanceId);
        const isIn = (state: string) => async () => {
          const { Reservations } = await ec2.describeInstances({ InstanceIds: [InstanceId] });
          return Reservations?.[0]?.Instances?.[0]?.State?.Name === state;
        };
        return {
          ref: InstanceId,
          attributes: {
            InstanceId,
            PrivateIp: instance?.PrivateIpAddress,
            AvailabilityZone: instance?.Placement?.AvailabilityZone,
            VpcId: instance?.VpcId,
          },
          tag: tagging(ec2, InstanceId),
          stable: until(clock, `${InstanceId} in state running`, isIn('running')),
          async remove() {
            await ec2.terminateInstances({ InstanceIds: [InstanceId] });
            await until(clock, `${InstanceId} in state terminated`, isIn('terminated'));
          },
        };
      },
    ),
  };
}

/** An instance type is one of hundreds of names, which the SDK's type spells out and a template does not. */
type RunInstances = Parameters<EC2['runInstances']>[0];

export function endpointServiceTypes(ec2: EC2): Record<string, ResourceType> {
  return {
    'AWS::EC2::VPCEndpointService': resourceType(
      z.strictObject({
        GatewayLoadBalancerArns: z.array(text),
        AcceptanceRequired: flag.optional(),
        SupportedIpAddressTypes: z.array(text).optional(),
        Tags: tags,
      }),
      ['ServiceId'],
      async ({ Tags, ...service }) => {
        const TagSpecifications = tagsOf('vpc-endpoint-service', Tags);
        const { ServiceConfiguration } = await ec2.createVpcEndpointServiceConfiguration({
          ...service,
          TagSpecifications,
        });
        const ServiceId = given(ServiceConfiguration?.ServiceId);
        return {
          ref: ServiceId,
          attributes: { ServiceId },
          tag: tagging(ec2, ServiceId),
          async remove() {
            const { Unsuccessful } = await ec2.deleteVpcEndpointServiceConfigurations({ ServiceIds: [ServiceId] });
            const [refused] = Unsuccessful ?? [];
            if (refused) throw new Error(`${ServiceId} could not be removed: ${refused.Error?.Message}`);
          },
        };
      },
    ),

    'AWS::EC2::VPCEndpointServicePermissions': resourceType(
      z.strictObject({ ServiceId: text, AllowedPrincipals: z.array(text).default([]) }),
      [],
      async ({ ServiceId, AllowedPrincipals }, { physicalName }) => {
        let allowed = AllowedPrincipals;
        await ec2.modifyVpcEndpointServicePermissions({ ServiceId, AddAllowedPrincipals: allowed });
        return {
          ref: physicalName(),
          async update(changed) {
            refuseChange({ ServiceId }, { ServiceId: changed.ServiceId }, []);
            const next = changed.AllowedPrincipals;
            await ec2.modifyVpcEndpointServicePermissions({
              ServiceId,
              AddAllowedPrincipals: next.filter((one) => !allowed.includes(one)),
              RemoveAllowedPrincipals: allowed.filter((one) => !next.includes(one)),
            });
            allowed = next;
          },
          remove: () => ec2.modifyVpcEndpointServicePermissions({ ServiceId, RemoveAllowedPrincipals: allowed }),
        };
      },
    ),
  };
}

function given(id: string | undefined): string {
  if (id === undefined) throw new Error('EC2 answered without the id of what it made');
  return id;
}
