import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { zoneName } from '../zones.ts';
import { contains, hostAddresses, prefixLength } from './cidr.ts';
import { describe } from './describe.ts';
import { type Ec2, find } from './find.ts';
import type { Instance, Interface, Subnet } from './records.ts';
import { tagList } from './tags.ts';

/** Network interfaces, those of instances and those that AWS's own services put into a subnet. */
export function interfaces(cloud: CloudContext) {
  return {
    DescribeNetworkInterfaces({ NetworkInterfaceIds, ...query }) {
      const { page, ...next } = describe(cloud, cloud.interfaces, {
        kind: 'interface',
        ids: NetworkInterfaceIds,
        query,
        by: {
          'network-interface-id': ({ id }) => id,
          'subnet-id': ({ subnetId }) => subnetId,
          'vpc-id': ({ subnetId }) => subnetOf(subnetId).vpcId,
          'availability-zone': ({ subnetId }) => zoneName(cloud, subnetOf(subnetId).zone),
          'interface-type': ({ type }) => type,
          description: ({ description }) => description,
          'private-ip-address': ({ ip }) => ip,
          'addresses.private-ip-address': ({ ip }) => ip,
          'source-dest-check': ({ sourceDestCheck }) => String(sourceDestCheck),
          'requester-managed': ({ type }) => String(type !== 'interface'),
          status: (each) => statusOf(each),
          'group-id': ({ type, subnetId }) =>
            type === 'interface' ? defaultGroupOf(subnetOf(subnetId).vpcId).GroupId : undefined,
          'attachment.instance-id': ({ attachment }) => attachment?.instanceId,
          'attachment.status': ({ attachment }) => attachment && 'attached',
          'attachment.device-index': ({ attachment }) => attachment && String(attachment.deviceIndex),
          'attachment.attachment-id': ({ attachment }) => attachment?.id,
        },
      });
      return { NetworkInterfaces: page.map(interfaceShape), ...next };
    },

    /** "You can specify only one attribute at a time." https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html */
    ModifyNetworkInterfaceAttribute({ NetworkInterfaceId, ...attributes }) {
      const record = find(cloud.interfaces, 'interface', NetworkInterfaceId);
      const [name, ...more] = Object.keys(attributes);
      if (!name) throw new AwsError('MissingParameter', 'The request must contain one attribute to modify');
      if (more.length)
        throw new AwsError(
          'InvalidParameterCombination',
          `Only one of ${[name, ...more].join(', ')} can be modified at a time`,
        );
      if (record.type !== 'interface')
        throw new AwsError('OperationNotPermitted', `You are not allowed to manage '${record.type}' interfaces.`);
      if (attributes.SourceDestCheck)
        record.sourceDestCheck = attributes.SourceDestCheck.Value ?? record.sourceDestCheck;
      else if (attributes.Description) record.description = attributes.Description.Value ?? '';
      else throw new AwsError('UnsupportedOperation', `the cloud in a box does not have the attribute ${name}`);
      return {};
    },
  } satisfies Ec2;

  function subnetOf(id: string): Subnet {
    return find(cloud.subnets, 'subnet', id);
  }

  function interfaceShape(record: Interface) {
    const { id, type, subnetId, ip, description, sourceDestCheck, attachment } = record;
    const { vpcId, zone } = subnetOf(subnetId);
    const instance = attachment && cloud.instances.get(attachment.instanceId);
    return {
      NetworkInterfaceId: id,
      InterfaceType: type,
      SubnetId: subnetId,
      VpcId: vpcId,
      AvailabilityZone: zone,
      OwnerId: cloud.account,
      Description: description,
      PrivateIpAddress: ip,
      PrivateIpAddresses: [{ Primary: true, PrivateIpAddress: ip }],
      RequesterManaged: type !== 'interface',
      SourceDestCheck: sourceDestCheck,
      Status: statusOf(record),
      Groups: type === 'interface' ? [defaultGroupOf(vpcId)] : [],
      TagSet: tagList(cloud, id),
      ...(attachment && {
        Attachment: {
          AttachmentId: attachment.id,
          InstanceId: attachment.instanceId,
          InstanceOwnerId: cloud.account,
          DeviceIndex: attachment.deviceIndex,
          AttachTime: new Date(attachment.at),
          DeleteOnTermination: true,
          Status: instance?.state === 'pending' ? ('attaching' as const) : ('attached' as const),
        },
      }),
    };
  }
}

const statusOf = ({ type, attachment }: Interface): 'available' | 'in-use' =>
  attachment || type !== 'interface' ? 'in-use' : 'available';

/** The security group that a VPC has from the start, with the VPC's own digits. */
export const defaultGroupOf = (vpcId: string) => ({ GroupId: vpcId.replace('vpc-', 'sg-'), GroupName: 'default' });

export function interfacesOf(cloud: CloudContext, { interfaceIds }: Instance): Interface[] {
  return interfaceIds.map((id) => find(cloud.interfaces, 'interface', id));
}

/** The interface that a call means which names the instance. @throws AwsError if there are several, or none any more */
export function soleInterface(cloud: CloudContext, instance: Instance): Interface {
  const [only, another] = interfacesOf(cloud, instance);
  if (another)
    throw new AwsError(
      'InvalidInstanceID',
      `There are multiple interfaces attached to instance '${instance.id}'. Please specify an interface ID for the operation instead.`,
    );
  if (!only) throw new AwsError('IncorrectInstanceState', `The instance '${instance.id}' is ${instance.state}.`);
  return only;
}

/**
 * Puts a new interface into a subnet.
 * @param ip the lowest free one if not given
 * @throws AwsError if the address is not free, or the subnet is full
 */
export function addInterface(
  cloud: CloudContext,
  subnet: Subnet,
  { ip, ...rest }: Omit<Interface, 'id' | 'subnetId' | 'ip'> & { ip?: string | undefined },
): Interface {
  const record = { id: cloud.id('eni'), subnetId: subnet.id, ip: addressIn(cloud, subnet, ip), ...rest };
  cloud.interfaces.set(record.id, record);
  return record;
}

export function removeInterface(cloud: CloudContext, id: string): void {
  cloud.interfaces.delete(id);
  cloud.tags.delete(id);
}

export function addressesLeft(cloud: CloudContext, subnetId: string, cidr: string): number {
  return 2 ** (32 - prefixLength(cidr)) - 5 - usedAddresses(cloud, subnetId).size;
}

function addressIn(cloud: CloudContext, { id, cidr }: Subnet, ip: string | undefined): string {
  const used = usedAddresses(cloud, id);
  if (ip === undefined) {
    for (const address of hostAddresses(cidr)) if (!used.has(address)) return address;
    throw new AwsError('InsufficientFreeAddressesInSubnet', `The subnet '${id}' has no free addresses`);
  }
  if (!contains(cidr, `${ip}/32`))
    throw new AwsError('InvalidParameterValue', `Address ${ip} does not fall within the subnet's address range`);
  if (used.has(ip)) throw new AwsError('InvalidIPAddress.InUse', `Address ${ip} is in use.`);
  return ip;
}

function usedAddresses(cloud: CloudContext, subnetId: string): Set<string> {
  return new Set([...cloud.interfaces.values()].filter((each) => each.subnetId === subnetId).map(({ ip }) => ip));
}
