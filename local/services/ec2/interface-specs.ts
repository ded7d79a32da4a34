import type { InstanceNetworkInterfaceSpecification } from '@aws-sdk/client-ec2';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { find } from './find.ts';
import type { Subnet } from './records.ts';

/** The network interfaces that RunInstances asks for. */
export interface SpecInput {
  SubnetId?: string | undefined;
  PrivateIpAddress?: string | undefined;
  NetworkInterfaces?: InstanceNetworkInterfaceSpecification[] | undefined;
}

/** A network interface to be made. */
export interface InterfaceSpec {
  subnet: Subnet;
  ip: string | undefined;
  description: string;
}

/**
 * Either one interface by SubnetId, or each by its device index. They all stand in one zone, and may stand in several VPCs.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html
 */
export function interfaceSpecsOf(
  cloud: CloudContext,
  { SubnetId, PrivateIpAddress, NetworkInterfaces }: SpecInput,
): InterfaceSpec[] {
  if (NetworkInterfaces?.length && (SubnetId || PrivateIpAddress))
    throw new AwsError(
      'InvalidParameterCombination',
      'Network interfaces and an instance-level subnet ID or private IP may not be specified on the same request',
    );
  const asked = NetworkInterfaces?.length ? NetworkInterfaces : [{ DeviceIndex: 0, SubnetId, PrivateIpAddress }];
  const specs = asked
    .toSorted((a, b) => (a.DeviceIndex ?? 0) - (b.DeviceIndex ?? 0))
    .map(
      ({
        SubnetId: subnetId,
        PrivateIpAddress: ip,
        Description: description = '',
      }: InstanceNetworkInterfaceSpecification) => {
        if (!subnetId)
          throw new AwsError('VPCIdNotSpecified', 'No default VPC for this user: the request must contain SubnetId');
        return { subnet: find(cloud.subnets, 'subnet', subnetId), ip, description };
      },
    );
  if (asked.some(({ DeviceIndex }) => (DeviceIndex ?? 0) >= asked.length))
    throw new AwsError('InvalidParameterValue', 'Device indexes must be 0, 1, 2, ...');
  if (specs.some(({ subnet }) => subnet.zone !== specs[0]?.subnet.zone))
    throw new AwsError(
      'InvalidParameterCombination',
      'All network interfaces of an instance must be in one availability zone',
    );
  return specs;
}
