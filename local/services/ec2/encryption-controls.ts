import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { type Ec2, find } from './find.ts';
import type { Vpc } from './records.ts';

/** VPC Encryption Controls monitor or enforce encryption in a VPC. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-encryption-controls.html */
export function encryptionControls(cloud: CloudContext) {
  return {
    CreateVpcEncryptionControl({ VpcId }) {
      const vpc = find(cloud.vpcs, 'vpc', VpcId);
      if (vpc.encryption) throw refusal(`The VPC ${VpcId} has an encryption control already`);
      vpc.encryption = { id: cloud.id('vpcec'), mode: 'monitor', state: 'available' };
      return { VpcEncryptionControl: { ...shape(vpc)[0], State: 'creating' as const } };
    },

    /** Enforcing fails where something is that cannot be excluded, and leaves the mode as it was. */
    ModifyVpcEncryptionControl({ VpcEncryptionControlId, Mode }) {
      const vpc = [...cloud.vpcs.values()].find(({ encryption }) => encryption?.id === VpcEncryptionControlId);
      if (!vpc?.encryption)
        throw new AwsError('InvalidVpcEncryptionControlId.NotFound', `'${VpcEncryptionControlId}' does not exist`);
      const failed = Mode === 'enforce' && hasLoadBalancing(cloud, vpc);
      vpc.encryption.state = failed ? 'enforce-failed' : 'available';
      if (Mode && !failed) vpc.encryption.mode = Mode;
      return { VpcEncryptionControl: shape(vpc)[0] };
    },

    DescribeVpcEncryptionControls({ VpcIds }) {
      const vpcs = VpcIds?.map((id) => find(cloud.vpcs, 'vpc', id)) ?? [...cloud.vpcs.values()];
      return { VpcEncryptionControls: vpcs.flatMap(shape) };
    },
  } satisfies Ec2;
}

function shape({ id: VpcId, encryption }: Vpc) {
  if (!encryption) return [];
  return [{ VpcId, VpcEncryptionControlId: encryption.id, Mode: encryption.mode, State: encryption.state }];
}

function hasLoadBalancing(cloud: CloudContext, { id }: Vpc): boolean {
  return (
    [...cloud.loadBalancers.values()].some(({ vpcId }) => vpcId === id) ||
    [...cloud.endpoints.values()].some(
      ({ vpcId, type, state }) => vpcId === id && type === 'GatewayLoadBalancer' && state !== 'deleted',
    )
  );
}

/** @throws AwsError where the VPC enforces encryption, from which a Gateway Load Balancer cannot be excluded. AWS does not document the code. */
export function refuseUnencrypted(cloud: CloudContext, vpcId: string): void {
  if (cloud.vpcs.get(vpcId)?.encryption?.mode === 'enforce')
    throw refusal(
      `A Gateway Load Balancer is not supported in ${vpcId}: its VPC encryption control is in enforce mode`,
    );
}

const refusal = (message: string) => new AwsError('OperationNotPermitted', message);
