import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  AcceptVpcEndpointConnectionsCommand,
  type AcceptVpcEndpointConnectionsCommandInput,
  DescribeVpcEndpointConnectionsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import '../../../shared/aws/attachments.ts';
import type { Acceptance } from '../../../shared/aws/attachments.ts';

// The cloud in a box teaches the SDK's schemas too, in this same process: so a server of the test answers.
let asked: string;
let answer: string;
let server: Server;
let ec2: EC2Client;
beforeEach(async () => {
  server = createServer(async (request, response) => {
    asked = await text(request);
    response.end(answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  ec2 = new EC2Client({
    ...{ region: 'eu-central-1', endpoint: `http://127.0.0.1:${port}` },
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' },
  });
});
afterEach(async () => {
  ec2.destroy();
  server.close();
  await once(server, 'close');
});

test('attachments are accepted by the names that EC2 documents', async () => {
  answer = '<AcceptVpcEndpointConnectionsResponse/>';
  const input: Acceptance = { ServiceId: 'vpce-svc-1', TransitGatewayAttachmentIds: ['tgw-attach-1', 'tgw-attach-2'] };
  await ec2.send(new AcceptVpcEndpointConnectionsCommand(input as AcceptVpcEndpointConnectionsCommandInput));
  const { Action, Version, ...parameters } = Object.fromEntries(new URLSearchParams(asked));
  expect(parameters).toEqual({
    ServiceId: 'vpce-svc-1',
    'TransitGatewayAttachmentId.1': 'tgw-attach-1',
    'TransitGatewayAttachmentId.2': 'tgw-attach-2',
  });
});

test('a connection tells its attachment, and whose that is, by the names that EC2 documents', async () => {
  answer = `<DescribeVpcEndpointConnectionsResponse><vpcEndpointConnectionSet><item>
    <transitGatewayAttachmentId>tgw-attach-1</transitGatewayAttachmentId>
    <transitGatewayAttachmentOwner>111122223333</transitGatewayAttachmentOwner>
  </item></vpcEndpointConnectionSet></DescribeVpcEndpointConnectionsResponse>`;
  const { VpcEndpointConnections } = await ec2.send(new DescribeVpcEndpointConnectionsCommand({}));
  expect(VpcEndpointConnections).toEqual([
    { TransitGatewayAttachmentId: 'tgw-attach-1', TransitGatewayAttachmentOwner: '111122223333' },
  ]);
});
