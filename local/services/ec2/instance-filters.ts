import type { ArchitectureValues } from '@aws-sdk/client-ec2';
import type { CloudContext } from '../context.ts';
import { zoneName } from '../zones.ts';
import type { FilterValues } from './describe.ts';
import { defaultGroupOf, interfacesOf } from './interfaces.ts';
import type { Instance, InstanceState, Subnet } from './records.ts';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html */
export const STATE_CODES: Record<InstanceState, number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** DescribeInstances filters by these, of what the box knows of instances. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html */
export function instanceFilters(cloud: CloudContext) {
  const interfaces = (instance: Instance) => interfacesOf(cloud, instance);
  const subnet = (instance: Instance) => subnetOf(cloud, instance);
  const group = (instance: Instance) => {
    const vpcId = subnet(instance)?.vpcId;
    return vpcId === undefined ? undefined : defaultGroupOf(vpcId).GroupId;
  };
  return {
    'instance-id': ({ id }) => id,
    'instance-state-name': ({ state }) => state,
    'instance-state-code': ({ state }) => String(STATE_CODES[state]),
    'image-id': ({ image }) => image,
    'instance-type': ({ type }) => type,
    'reservation-id': ({ reservationId }) => reservationId,
    'launch-time': ({ launchedAt }) => new Date(launchedAt).toISOString(),
    'iam-instance-profile.arn': ({ profileArn }) => profileArn,
    architecture: () => ARCHITECTURE,
    'root-device-type': () => 'ebs',
    tenancy: () => 'default',
    'vpc-id': (instance) => subnet(instance)?.vpcId,
    'subnet-id': (instance) => subnet(instance)?.id,
    'availability-zone': (instance) => zoneName(cloud, subnet(instance)?.zone ?? ''),
    'private-ip-address': (instance) => interfaces(instance)[0]?.ip,
    'source-dest-check': (instance) => interfaces(instance).map(({ sourceDestCheck }) => String(sourceDestCheck)),
    'instance.group-id': group,
    'instance.group-name': () => 'default',
    'network-interface.network-interface-id': ({ interfaceIds }) => interfaceIds,
    'network-interface.subnet-id': (instance) => interfaces(instance).map(({ subnetId }) => subnetId),
    'network-interface.vpc-id': (instance) => subnet(instance)?.vpcId,
    'network-interface.addresses.private-ip-address': (instance) => interfaces(instance).map(({ ip }) => ip),
    'network-interface.private-ip-address': (instance) => interfaces(instance).map(({ ip }) => ip),
    'network-interface.group-id': group,
    'network-interface.source-dest-check': (instance) =>
      interfaces(instance).map(({ sourceDestCheck }) => String(sourceDestCheck)),
    'network-interface.description': (instance) => interfaces(instance).map(({ description }) => description),
    'network-interface.attachment.attachment-id': (instance) =>
      interfaces(instance).flatMap(({ attachment }) => attachment?.id ?? []),
    'network-interface.attachment.device-index': (instance) =>
      interfaces(instance).flatMap(({ attachment }) => (attachment ? String(attachment.deviceIndex) : [])),
  } satisfies FilterValues<Instance>;
}

/** An instance's architecture is this machine's: its programs run here. */
export const ARCHITECTURE: ArchitectureValues = process.arch === 'arm64' ? 'arm64' : 'x86_64';

export function subnetOf(cloud: CloudContext, instance: Instance): Subnet | undefined {
  const primary = interfacesOf(cloud, instance)[0];
  return primary && cloud.subnets.get(primary.subnetId);
}
