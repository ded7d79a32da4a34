import {
  type AcceptVpcEndpointConnectionsCommandInput,
  AcceptVpcEndpointConnectionsRequest$,
  type VpcEndpointConnection,
  VpcEndpointConnection$,
} from '@aws-sdk/client-ec2';

/**
 * EC2 has these members since November 2026, for connections of transit gateways' network function attachments: they have no endpoint
 * id. The client is told of them where it does not know them; one whose schemas have another form than this goes without: then such a
 * connection is known by its own id alone.
 * https://docs.aws.amazon.com/vpc/latest/tgw/manage-nf-attachment-gwlb.html
 */
export type Connection = VpcEndpointConnection & {
  TransitGatewayAttachmentId?: string | undefined;
  /** Account id. */
  TransitGatewayAttachmentOwner?: string | undefined;
};

/** Either of the two lists, and not both. */
export type Acceptance = Omit<AcceptVpcEndpointConnectionsCommandInput, 'VpcEndpointIds'> & {
  VpcEndpointIds?: string[] | undefined;
  /** 50 at most. */
  TransitGatewayAttachmentIds?: string[] | undefined;
};

/** Smithy's static form of a structure: its members' names and schemas, those first that must be given, and how many they are. */
type Structure = [3, string, string, unknown, string[], unknown[], number?];

const isStructure = (schema: unknown): schema is Structure =>
  Array.isArray(schema) && schema[0] === 3 && Array.isArray(schema[4]) && Array.isArray(schema[5]);

function learn(schema: unknown, name: string, member: unknown): void {
  if (!isStructure(schema) || schema[4].includes(name)) return;
  schema[4].push(name);
  schema[5].push(member);
}

const text = (name: string) => [0, { ec2QueryName: name, xmlName: `${name.charAt(0).toLowerCase()}${name.slice(1)}` }];
for (const name of ['TransitGatewayAttachmentId', 'TransitGatewayAttachmentOwner'])
  learn(VpcEndpointConnection$, name, text(name));

const request: unknown = AcceptVpcEndpointConnectionsRequest$;
const ids = [1, 'com.amazonaws.ec2', 'TransitGatewayAttachmentIdList', 0, [0, { xmlName: 'item' }]];
learn(request, 'TransitGatewayAttachmentIds', [() => ids, { xmlName: 'TransitGatewayAttachmentId' }]);
// It names one of them as what must be given, which a call with the other must not have.
if (isStructure(request) && request[4][0] === 'ServiceId') request[6] = 1;
