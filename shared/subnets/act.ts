import { createHash } from 'node:crypto';
import {
  AcceptVpcEndpointConnectionsCommand,
  type AcceptVpcEndpointConnectionsCommandInput,
  CreateRouteCommand,
  CreateTagsCommand,
  CreateVpcEndpointCommand,
  DeleteRouteCommand,
  DeleteVpcEndpointsCommand,
  DescribeVpcEndpointConnectionsCommand,
  type EC2Client,
  ModifyVpcEndpointServiceConfigurationCommand,
  ReplaceRouteCommand,
  type UnsuccessfulItem,
} from '@aws-sdk/client-ec2';
import '../aws/attachments.ts';
import type { Acceptance, Connection } from '../aws/attachments.ts';
import { absorb, code, refuseUnsuccessful } from '../aws/errors.ts';
import { where } from '../aws/read.ts';
import { routeTo } from '../aws/route-target.ts';
import { setTag, unsetTag } from '../aws/tags.ts';
import { isIpv6 } from '../cidr.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Seal } from '../seal.ts';
import { endpointNote } from './read.ts';
import { GONE } from './route-note.ts';
import type { StepOf, SubnetsStep } from './steps.ts';

/** Does one step. What AWS says is done already is success, for passes may cross. Rejects with AWS's own error. */
export async function act(ec2: EC2Client, config: SubnetsConfig, seal: Signer, step: SubnetsStep): Promise<unknown> {
  switch (step.kind) {
    case 'create-endpoint':
      return createEndpoint(ec2, config, seal, step);
    case 'publish-zones':
      // With nothing to change it looks at its load balancer's zones anew.
      return ec2.send(new ModifyVpcEndpointServiceConfigurationCommand({ ServiceId: config.serviceId }));
    case 'accept-endpoints':
      return accept(ec2, config, { VpcEndpointIds: step.endpointIds });
    case 'accept-attachments':
      return accept(ec2, config, { TransitGatewayAttachmentIds: step.attachmentIds });
    case 'tag-endpoint':
      return ec2.send(new CreateTagsCommand({ Resources: [step.endpointId], Tags: step.tags }));
    case 'delete-endpoints': {
      const { Unsuccessful } = await ec2.send(new DeleteVpcEndpointsCommand({ VpcEndpointIds: step.endpointIds }));
      refuseUnsuccessful(Unsuccessful, 'InvalidVpcEndpointId.NotFound', 'InvalidVpcEndpoint.NotFound');
      return;
    }
    case 'create-route':
      // Whose it is that is there already, the next look will see.
      return absorb(
        ec2.send(new CreateRouteCommand({ ...route(step), ...routeTo(step.target) })),
        'RouteAlreadyExists',
      );
    case 'replace-route':
      return ec2.send(new ReplaceRouteCommand({ ...route(step), ...routeTo(step.target) }));
    case 'restore-route':
      return restoreRoute(ec2, seal, step);
    case 'reset-route':
      return ec2.send(new ReplaceRouteCommand({ ...route(step), LocalTarget: true }));
    case 'delete-route':
      return absorb(ec2.send(new DeleteRouteCommand(route(step))), 'InvalidRoute.NotFound');
    case 'write-note':
      return setTag(ec2, [step.tableId], step.key, seal.sign(step.tableId, step.key, step.value));
    case 'erase-note':
      // With its value, so that one written since stays.
      return unsetTag(ec2, [step.tableId], step.note.key, step.note.value);
    case 'copy-note': {
      const { endpointId, tableId, key, destination, value } = step;
      return setTag(ec2, [endpointId], `${config.copyKey}:${tableId}:${destination}`, seal.sign(tableId, key, value));
    }
    case 'erase-copy':
      return unsetTag(ec2, [step.endpointId], step.key, step.value);
    case 'write-memory':
      return setTag(ec2, [step.subnetId], step.key, seal.sign(step.subnetId, step.key, step.value));
    case 'erase-memory':
      return unsetTag(ec2, [step.subnetId], step.key);
    case 'set-status':
      return setTag(ec2, step.subnetIds, config.statusKey, step.status);
    case 'clear-status':
      return unsetTag(ec2, step.subnetIds, config.statusKey);
  }
}

type Signer = Pick<Seal, 'sign'>;

async function createEndpoint(
  ec2: EC2Client,
  config: SubnetsConfig,
  { sign }: Signer,
  { vpcId, subnetId, serviceName, ipv6, generation }: StepOf<'create-endpoint'>,
): Promise<void> {
  const { stackTag, sealKey, tags } = config;
  const { resource, key, text } = endpointNote(subnetId, serviceName, config);
  const sealTag = { Key: sealKey, Value: sign(resource, key, text).slice(text.length + 1) };
  const name = { Key: 'Name', Value: `${stackTag.Value} ${subnetId}` };
  const IpAddressType = ipv6 ? 'dualstack' : 'ipv4';
  const identity = [stackTag.Value, subnetId, serviceName, IpAddressType, generation];
  await ec2.send(
    new CreateVpcEndpointCommand({
      VpcEndpointType: 'GatewayLoadBalancer',
      VpcId: vpcId,
      SubnetIds: [subnetId],
      ServiceName: serviceName,
      IpAddressType,
      ClientToken: createHash('sha256').update(JSON.stringify(identity)).digest('hex'),
      TagSpecifications: [{ ResourceType: 'vpc-endpoint', Tags: [stackTag, sealTag, name, ...tags] }],
    }),
  );
}

/** AWS does not document its answer to a second acceptance: the state decides of what it did not accept. */
async function accept(
  ec2: EC2Client,
  { serviceId: ServiceId }: SubnetsConfig,
  which: Pick<Acceptance, 'VpcEndpointIds' | 'TransitGatewayAttachmentIds'>,
): Promise<void> {
  const input = { ServiceId, ...which } as AcceptVpcEndpointConnectionsCommandInput;
  const { Unsuccessful = [] } = await ec2.send(new AcceptVpcEndpointConnectionsCommand(input));
  if (Unsuccessful.length === 0) return;
  const filter = which.VpcEndpointIds ? 'vpc-endpoint-id' : 'transit-gateway-attachment-id';
  const ids = Unsuccessful.map(({ ResourceId = '' }) => ResourceId);
  const those = where({ 'service-id': [ServiceId], [filter]: ids });
  const { VpcEndpointConnections = [] } = await ec2.send(new DescribeVpcEndpointConnectionsCommand(those));
  const stillAsks = ({ ResourceId }: UnsuccessfulItem) =>
    VpcEndpointConnections.some(
      (each: Connection) =>
        (each.VpcEndpointId ?? each.TransitGatewayAttachmentId) === ResourceId &&
        each.VpcEndpointState?.toLowerCase() === 'pendingacceptance',
    );
  refuseUnsuccessful(Unsuccessful.filter(stillAsks));
}

async function restoreRoute(ec2: EC2Client, { sign }: Signer, step: StepOf<'restore-route'>): Promise<void> {
  const { target, key, text } = step.note;
  try {
    await ec2.send(new ReplaceRouteCommand({ ...route(step), ...routeTo(target) }));
  } catch (error) {
    if (!isGone(error)) throw error;
    await setTag(ec2, [step.tableId], key, sign(step.tableId, key, `${GONE} ${text}`));
  }
}

/** Codes like `InvalidNatGatewayID.NotFound` are the target's. A gateway that is detached is no target either. */
function isGone(error: unknown): boolean {
  if (code(error) === 'InvalidParameterValue') return /belong to different networks/.test(String(error));
  return /\.(NotFound|Malformed)$/.test(code(error)) && !/^InvalidRouteTableI[dD]\./.test(code(error));
}

function route({ tableId, destination }: { tableId: string; destination: string }) {
  const family = isIpv6(destination) ? 'DestinationIpv6CidrBlock' : 'DestinationCidrBlock';
  const member = destination.startsWith('pl-') ? 'DestinationPrefixListId' : family;
  return { RouteTableId: tableId, [member]: destination };
}
