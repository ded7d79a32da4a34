import type * as sdk from '@aws-sdk/client-ec2';
import type { Operations } from '../../wire/api.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';

export type Ec2 = Operations<typeof sdk>;

/** EC2 names each kind of resource so: in ids, error codes, error texts, tags and ARNs. The spellings are AWS's, and are not consistent. */
export const KINDS = {
  vpc: { prefix: 'vpc', code: 'InvalidVpcID', label: 'vpc ID', type: 'vpc' },
  subnet: { prefix: 'subnet', code: 'InvalidSubnetID', label: 'subnet ID', type: 'subnet' },
  routeTable: { prefix: 'rtb', code: 'InvalidRouteTableID', label: 'routeTable ID', type: 'route-table' },
  prefixList: { prefix: 'pl', code: 'InvalidPrefixListID', label: 'prefix list ID', type: 'prefix-list' },
  internetGateway: {
    prefix: 'igw',
    code: 'InvalidInternetGatewayID',
    label: 'internetGateway ID',
    type: 'internet-gateway',
  },
  natGateway: { prefix: 'nat', code: 'InvalidNatGatewayID', label: 'NatGateway ID', type: 'natgateway' },
  transitGateway: {
    prefix: 'tgw',
    code: 'InvalidTransitGatewayID',
    label: 'Transit Gateway ID',
    type: 'transit-gateway',
  },
  transitGatewayAttachment: {
    prefix: 'tgw-attach',
    code: 'InvalidTransitGatewayAttachmentID',
    label: 'Transit Gateway Attachment ID',
    type: 'transit-gateway-attachment',
  },
  transitGatewayRouteTable: {
    prefix: 'tgw-rtb',
    code: 'InvalidRouteTableID',
    label: 'Transit Gateway Route Table ID',
    type: 'transit-gateway-route-table',
  },
  interface: {
    prefix: 'eni',
    code: 'InvalidNetworkInterfaceID',
    label: 'networkInterface ID',
    type: 'network-interface',
  },
  instance: { prefix: 'i', code: 'InvalidInstanceID', label: 'instance ID', type: 'instance' },
  endpoint: { prefix: 'vpce', code: 'InvalidVpcEndpointId', label: 'Vpc Endpoint Id', type: 'vpc-endpoint' },
  endpointService: {
    prefix: 'vpce-svc',
    code: 'InvalidVpcEndpointServiceId',
    label: 'VpcEndpointService Id',
    type: 'vpc-endpoint-service',
  },
  securityGroup: { prefix: 'sg', code: 'InvalidGroup', label: 'security group', type: 'security-group' },
  networkAcl: { prefix: 'acl', code: 'InvalidNetworkAclID', label: 'networkAcl ID', type: 'network-acl' },
  launchTemplate: {
    prefix: 'lt',
    code: 'InvalidLaunchTemplateId',
    label: 'specified launch template, with template ID',
    type: 'launch-template',
  },
} as const;
export type Kind = keyof typeof KINDS;

/** @throws AwsError `….Malformed` or `….NotFound` */
export function find<T>(records: ReadonlyMap<string, T>, kind: Kind, id: string): T {
  const record = records.get(id);
  if (record === undefined) throw noSuch(kind, id);
  return record;
}

export function noSuch(kind: Kind, id: string): AwsError {
  const { prefix, code, label } = KINDS[kind];
  if (!new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`).test(id))
    return new AwsError(`${code}.Malformed`, `Invalid id: "${id}" (expecting "${prefix}-...")`);
  return new AwsError(`${code}.NotFound`, `The ${label} '${id}' does not exist`);
}

export function arnOf(cloud: CloudContext, kind: Kind, id: string): string {
  return `arn:aws:ec2:${cloud.region}:${cloud.account}:${KINDS[kind].type}/${id}`;
}

/** A VPC is of this account, and so is each subnet and route table in it. */
export const ownerOf = (cloud: CloudContext, vpcId: string) => cloud.vpcs.get(vpcId)?.owner ?? cloud.account;

/** EC2 does the same to each of a list. What is refused is listed in an answer that is otherwise a success. */
export function eachOf(ids: string[], act: (id: string) => void) {
  const refused = ids.flatMap((id) => {
    try {
      act(id);
      return [];
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return [{ ResourceId: id, Error: { Code: error.code, Message: error.message } }];
    }
  });
  return { Unsuccessful: refused };
}
