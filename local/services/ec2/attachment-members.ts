import { AcceptVpcEndpointConnectionsRequest$, VpcEndpointConnection$ } from '@aws-sdk/client-ec2';

/** EC2 takes and gives these members since November 2026, and the SDK's schemas may not have them yet: here stands what crosses the wire, whatever the functions make of it. */
export interface ByAttachment {
  VpcEndpointIds?: string[] | undefined;
  TransitGatewayAttachmentIds?: string[] | undefined;
}

/** Smithy's static form of a structure. Those of its members come first that must be given, as many as its last item says. */
type Structure = [3, string, string, unknown, string[], unknown[], number?];

function add(schema: unknown, name: string, member: unknown): void {
  const [, , , , names, members] = schema as Structure;
  if (names.includes(name)) return;
  names.push(name);
  members.push(member);
}

const text = (query: string, xml: string) => [0, { ec2QueryName: query, xmlName: xml }];
const ids = [1, 'com.amazonaws.ec2', 'TransitGatewayAttachmentIdList', 0, [0, { xmlName: 'item' }]];

add(
  VpcEndpointConnection$,
  'TransitGatewayAttachmentId',
  text('TransitGatewayAttachmentId', 'transitGatewayAttachmentId'),
);
add(
  VpcEndpointConnection$,
  'TransitGatewayAttachmentOwner',
  text('TransitGatewayAttachmentOwner', 'transitGatewayAttachmentOwner'),
);
add(AcceptVpcEndpointConnectionsRequest$, 'TransitGatewayAttachmentIds', [
  () => ids,
  { xmlName: 'TransitGatewayAttachmentId' },
]);
// One of the two lists has to be given, and not this one.
(AcceptVpcEndpointConnectionsRequest$ as unknown as Structure)[6] = 1;
