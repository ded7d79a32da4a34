import { AcceptVpcEndpointConnectionsCommand, DescribeVpcEndpointConnectionsCommand } from '@aws-sdk/client-ec2';
import { afterEach, expect, test } from '@jest/globals';
import type { Connection } from '../../../shared/aws/attachments.ts';
import { reasonText } from '../../../shared/conditions/sentences.ts';
import { planAttachments, readAttachments } from '../../../shared/subnets/attachments.ts';
import { ACCOUNT, testCloud, testLoadBalancer, testVpc } from '../../support/cloud.ts';
import { config } from './fixtures.ts';
import { type Stage, stage } from './stage.ts';

const [PARTNER, STRANGER] = ['444455556666', '777788889999'];

let here: Stage | undefined;
afterEach(async () => here?.close());

const asks = (fields: Partial<Connection> = {}): Connection => ({
  VpcEndpointConnectionId: 'vpce-con-1',
  VpcEndpointState: 'pendingAcceptance' as Connection['VpcEndpointState'],
  TransitGatewayAttachmentId: 'tgw-attach-1',
  TransitGatewayAttachmentOwner: PARTNER,
  ...fields,
});
const planned = (connections: Connection[], ...gatewayOwners: string[]) =>
  planAttachments(readAttachments(connections), config({ gatewayOwners }));

test('attachments of named accounts are accepted, in one call an account', () => {
  const connections = [
    asks(),
    asks({ TransitGatewayAttachmentId: 'tgw-attach-2' }),
    asks({ TransitGatewayAttachmentId: 'tgw-attach-3', TransitGatewayAttachmentOwner: ACCOUNT }),
  ];
  const { steps, conditions } = planned(connections, PARTNER, ACCOUNT);
  expect(steps).toMatchObject([
    { kind: 'accept-attachments', attachmentIds: ['tgw-attach-1', 'tgw-attach-2'] },
    { kind: 'accept-attachments', attachmentIds: ['tgw-attach-3'] },
  ]);
  expect(conditions).toEqual([]);
});

test.each<[string, Connection, string[], RegExp | undefined]>([
  ['of an account that was not named', asks(), [STRANGER], /^account 444455556666, which is not among gatewayOwners/],
  [
    "of the stack's own account, unless that is named",
    asks({ TransitGatewayAttachmentOwner: ACCOUNT }),
    [],
    /^account 111122223333/,
  ],
  [
    'of nobody that the client can tell',
    asks({ TransitGatewayAttachmentId: undefined, TransitGatewayAttachmentOwner: undefined }),
    [PARTNER],
    /^it is connected to vpce-svc-1 and waits for acceptance/,
  ],
  [
    'whose owner is told and its id is not',
    asks({ TransitGatewayAttachmentId: undefined }),
    [PARTNER],
    /^it is connected to vpce-svc-1 and waits for acceptance/,
  ],
  ['that is connected already', asks({ VpcEndpointState: 'Available' }), [], undefined],
  ['that was rejected', asks({ VpcEndpointState: 'Rejected' }), [PARTNER], undefined],
  ["that is an endpoint's", asks({ VpcEndpointId: 'vpce-1' }), [PARTNER], undefined],
])('one %s is not accepted', (_, connection, owners, message) => {
  const { steps, conditions } = planned([connection], ...owners);
  expect(steps).toEqual([]);
  const told = conditions.map(({ reason }) => reasonText(reason));
  expect(told).toEqual(message ? [expect.stringMatching(message)] : []);
});

test('a transit gateway of a named account is connected, one of another waits, and both are seen', async () => {
  here = await stage({ gatewayOwners: [PARTNER] });
  const { attach } = here.cloud.cloud;
  attach(here.service.serviceId, PARTNER);
  attach(here.service.serviceId, STRANGER);
  const { log } = await here.pass();
  const [accepted, waiting, ...more] = (await here.newProcess().observe()).attachments;
  expect(more).toEqual([]);
  expect([accepted, waiting]).toMatchObject([
    { owner: PARTNER, state: 'pending' },
    { owner: STRANGER, state: 'pendingacceptance' },
  ]);
  expect(log).toEqual([
    `${waiting?.attachmentId}: account ${STRANGER}, which is not among gatewayOwners, asks to connect its transit gateway to ${here.service.serviceId}: name that account there, or accept or reject the attachment by hand, see docs/deploying.md`,
    `the endpoint service accepts transit gateways by ${accepted?.attachmentId}`,
  ]);
  const [call, ...others] = here.changes();
  expect(others).toEqual([]);
  expect(call).toMatchObject({ operation: 'AcceptVpcEndpointConnections' });
  expect(call?.input).not.toHaveProperty('VpcEndpointIds');
  await here.cloud.clock.run(60_000);
  expect(await here.pass()).toMatchObject({ settled: true, changes: 0 });
  expect((await here.newProcess().observe()).attachments[0]?.state).toBe('available');
});

test('the client reads and sends those members over the wire', async () => {
  const cloud = testCloud();
  const service = await testLoadBalancer(cloud, { vpc: await testVpc(cloud) });
  cloud.cloud.attach(service.serviceId, PARTNER);
  const { VpcEndpointConnections = [] } = await cloud.ec2.send(new DescribeVpcEndpointConnectionsCommand({}));
  const [connection] = VpcEndpointConnections as Connection[];
  expect(connection).toMatchObject({ TransitGatewayAttachmentOwner: PARTNER });
  const { TransitGatewayAttachmentId: id = '' } = connection ?? {};
  const accept = (input: object) =>
    cloud.ec2.send(
      new AcceptVpcEndpointConnectionsCommand({ ServiceId: service.serviceId, ...input } as ConstructorParameters<
        typeof AcceptVpcEndpointConnectionsCommand
      >[0]),
    );
  await expect(accept({})).rejects.toMatchObject({ name: 'MissingParameter' });
  await expect(accept({ TransitGatewayAttachmentIds: [id], VpcEndpointIds: ['vpce-1'] })).rejects.toMatchObject({
    name: 'InvalidParameterCombination',
  });
  expect((await accept({ TransitGatewayAttachmentIds: [id] })).Unsuccessful ?? []).toEqual([]);
  const { Unsuccessful } = await accept({ TransitGatewayAttachmentIds: [id] });
  expect(Unsuccessful).toMatchObject([{ ResourceId: id, Error: { Code: 'InvalidState' } }]);
});
