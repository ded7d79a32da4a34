import * as sdk from '@aws-sdk/client-ec2';
import type { StaticListSchema } from '@smithy/types';
import { addMember, makeOptional } from '../../wire/schema.ts';

/** EC2 takes and gives these members since November 2026, and the SDK's schemas may not have them yet: here stands what crosses the wire, whatever the functions make of it. */
export interface ByAttachment {
  VpcEndpointIds?: string[] | undefined;
  TransitGatewayAttachmentIds?: string[] | undefined;
}

for (const name of ['TransitGatewayAttachmentId', 'TransitGatewayAttachmentOwner']) {
  const xmlName = name.replace('Transit', 'transit');
  addMember(sdk, 'VpcEndpointConnection', name, [0, { ec2QueryName: name, xmlName }]);
}
const ids: StaticListSchema = [1, 'com.amazonaws.ec2', 'TransitGatewayAttachmentIdList', 0, [0, { xmlName: 'item' }]];
addMember(sdk, 'AcceptVpcEndpointConnectionsRequest', 'TransitGatewayAttachmentIds', [
  () => ids,
  { xmlName: 'TransitGatewayAttachmentId' },
]);
// One of the two lists has to be given, and not this one.
makeOptional(sdk, 'AcceptVpcEndpointConnectionsRequest', 'VpcEndpointIds');
