import * as ec2 from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AwsError } from '../../local/wire/errors.ts';
import { given, testVpc } from '../support/cloud.ts';
import { deployed, type Extras, type TestStack } from './stage.ts';

const CIDR = '10.20.0.0/16';
const CLIENTS = '10.99.0.0/16';
const OTHER = '222233334444';

let stack: TestStack;
afterEach(() => stack.cloud.close());

/** The attachment's subnet is opted in, and its endpoint in the same one. @param owner the gateway's account */
async function behind(owner?: string) {
  const client = owner === undefined ? stack.ec2 : stack.ec2Of(owner);
  const { TransitGateway } = await client.send(new ec2.CreateTransitGatewayCommand({}));
  const TransitGatewayId = given(TransitGateway?.TransitGatewayId);
  if (owner !== undefined) stack.cloud.shareGateway(TransitGatewayId, '111122223333');
  const attach = async (of: typeof client, VpcId: string, ...SubnetIds: string[]) => {
    const asked = new ec2.CreateTransitGatewayVpcAttachmentCommand({ TransitGatewayId, VpcId, SubnetIds });
    const { TransitGatewayVpcAttachment } = await of.send(asked);
    const TransitGatewayAttachmentId = given(TransitGatewayVpcAttachment?.TransitGatewayAttachmentId);
    if (owner !== undefined)
      await client.send(new ec2.AcceptTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId }));
    await stack.clock.run(60_000);
    return TransitGatewayAttachmentId;
  };
  const attachment = await attach(stack.ec2, stack.vpc.vpc, stack.vpc.a1);
  const { TransitGatewayRouteTables } = await client.send(new ec2.DescribeTransitGatewayRouteTablesCommand({}));
  const table = given(TransitGatewayRouteTables?.[0]?.TransitGatewayRouteTableId);
  /** The gateway's table leads to the attachment. */
  const lead = (DestinationCidrBlock: string) =>
    client.send(
      new ec2.CreateTransitGatewayRouteCommand({
        ...{ TransitGatewayRouteTableId: table, TransitGatewayAttachmentId: attachment, DestinationCidrBlock },
      }),
    );
  return {
    ...{ gateway: TransitGatewayId, attachment, table, lead },
    applianceMode: () =>
      stack.ec2.send(
        new ec2.ModifyTransitGatewayVpcAttachmentCommand({
          ...{ TransitGatewayAttachmentId: attachment, Options: { ApplianceModeSupport: 'enable' } },
        }),
      ),
    /** The VPC, the gateway's table, and another VPC with clients get their routes. */
    async routes(cidr = '10.16.0.0/12') {
      const far = await testVpc(stack);
      await attach(stack.ec2, far.vpc, far.a0);
      await stack.ec2.send(
        new ec2.CreateRouteCommand({ RouteTableId: stack.tables.a1, DestinationCidrBlock: CLIENTS, TransitGatewayId }),
      );
      await lead(cidr);
    },
  };
}

async function found(): Promise<string[]> {
  const { out } = await stack.cli('doctor --json');
  const findings: { is: string; check: string; says: string }[] = JSON.parse(out);
  return findings.flatMap(({ is, check, says }) => (check === 'transit gateways' ? `${is} ${says}` : []));
}
const explained = async () => JSON.parse((await stack.cli(`explain ${stack.vpc.a1} --json`)).out);

async function begin(extras: Extras = {}) {
  stack = await deployed(extras);
  await stack.router(stack.vpc.a0, 'router-1');
  await stack.tag(stack.vpc.a1, CIDR);
  for (let minute = 0; minute < 4; minute++) await stack.pass();
}
beforeEach(() => begin());

describe('a subnet that holds an attachment of a transit gateway', () => {
  test('is told what stays by hand, by doctor and by explain, until it is so', async () => {
    const { gateway, attachment, table, applianceMode, routes } = await behind();
    const missing = [
      `${attachment}: appliance mode is off, and ${gateway} may take the two directions of a flow to different zones`,
      `${stack.vpc.a1}: ${stack.tables.a1}, the table of its endpoint's subnet, has no route to ${gateway}: answers do not get to clients behind it`,
      `${attachment}: no route table of ${gateway} leads ${CIDR} here, and so no client behind it gets to a service`,
      `${attachment}: ${table}, by which ${gateway} sends on what comes out of the VPC, leads to no other attachment: no answer gets back`,
    ];
    expect(await found()).toEqual(missing.map((says) => `note ${says}`));
    const { chain, said } = await explained();
    expect(said).toEqual(
      missing.map((says) =>
        expect.stringContaining(`${says}. What to do: if clients behind it are to reach services: aws ec2 `),
      ),
    );
    // For clients of the VPC itself nothing of that matters.
    expect(chain.every(({ holds }: { holds: boolean }) => holds)).toBe(true);

    await applianceMode();
    expect(await found()).toEqual(missing.slice(1).map((says) => `note ${says}`));
    await routes();
    expect(await found()).toEqual([`ok ${attachment}: ${gateway} leads here and back, in appliance mode`]);
    expect((await explained()).said).toEqual([]);
  });

  test('is told that an attachment of no table leads nowhere', async () => {
    const { gateway, attachment, table, applianceMode, routes } = await behind();
    await applianceMode();
    await routes();
    const TransitGatewayRouteTableId = table;
    await stack.ec2.send(
      new ec2.DisassociateTransitGatewayRouteTableCommand({
        ...{ TransitGatewayRouteTableId, TransitGatewayAttachmentId: attachment },
      }),
    );
    expect(await found()).toEqual([
      `note ${attachment}: it is associated with no route table of ${gateway}: what comes out of the VPC goes nowhere`,
    ]);
  });

  test('is told of no network that several routes lead there together', async () => {
    const { attachment, applianceMode, routes, lead } = await behind();
    await applianceMode();
    await routes('10.20.0.0/17');
    await lead('10.20.128.0/18');
    expect(await found()).toEqual([
      expect.stringMatching(`^note ${attachment}: no route table of .* leads ${CIDR} here`),
    ]);
    await lead('10.20.192.0/18');
    expect(await found()).toEqual([expect.stringMatching(`^ok ${attachment}`)]);
  });

  test('is told of the gateway’s other tables while one is deleted, which has no routes to search', async () => {
    const { gateway: TransitGatewayId, attachment, applianceMode, routes } = await behind();
    await applianceMode();
    await routes();
    const { TransitGatewayRouteTable } = await stack.ec2.send(
      new ec2.CreateTransitGatewayRouteTableCommand({ TransitGatewayId }),
    );
    const TransitGatewayRouteTableId = given(TransitGatewayRouteTable?.TransitGatewayRouteTableId);
    await stack.ec2.send(new ec2.DeleteTransitGatewayRouteTableCommand({ TransitGatewayRouteTableId }));
    expect(await found()).toEqual([expect.stringMatching(`^ok ${attachment}`)]);
    await stack.clock.run(60_000);
    expect(await found()).toEqual([expect.stringMatching(`^ok ${attachment}`)]);
  });

  test('of another account’s gateway is told that its tables are not known here', async () => {
    const { gateway, attachment } = await behind(OTHER);
    expect(await found()).toEqual([
      expect.stringContaining('note'),
      expect.stringContaining(`has no route to ${gateway}`),
      `unknown ${attachment}: ${gateway} is of account ${OTHER}, which alone sees whether its route tables lead here and back`,
    ]);
    expect((await explained()).said).toContainEqual(expect.stringContaining('alone sees'));
  });
});

test('an attachment in a subnet that is not opted in is nobody’s concern', async () => {
  await behind();
  await stack.untag(stack.vpc.a1);
  for (let minute = 0; minute < 4; minute++) await stack.pass();
  expect(await found()).toEqual([]);
});

test('what one may not read is not known, and says nothing about the rest', async () => {
  await begin({
    middleware: [
      async (call, _, next) => {
        if (!/TransitGateway/.test(call.operation)) return next();
        throw new AwsError('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
      },
    ],
  });
  await behind();
  expect(await found()).toEqual([expect.stringMatching(/^unknown it cannot be read: UnauthorizedOperation/)]);
  expect((await explained()).said).toEqual([
    expect.stringMatching(/^Whether a transit gateway's attachment stands there could not be read\. Unauthorized/),
  ]);
});
