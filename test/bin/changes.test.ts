import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateManagedPrefixListCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  ReplaceRouteCommand,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { AwsError } from '../../local/wire/errors.ts';
import { faults } from '../../local/wire/faults.ts';
import { claimedVpc, deployed, type Extras, type TestStack } from './stage.ts';

async function optedIn(extras: Extras = {}): Promise<TestStack> {
  const stack = await deployed(extras);
  await stack.router(stack.vpc.a0, 'router-1');
  await stack.tag(stack.vpc.a1, '10.20.0.0/16');
  await stack.tag(stack.vpc.b1, 'default');
  for (let minute = 0; minute < 4; minute++) await stack.pass();
  return stack;
}

const tags = async ({ ec2 }: TestStack) => {
  const { Subnets } = await ec2.send(new DescribeSubnetsCommand({}));
  return (Subnets ?? []).flatMap(({ Tags }) => Tags?.filter(({ Key }) => Key === 'ziti-glb').map(({ Value }) => Value));
};

describe('drain', () => {
  test('asks first, and changes nothing without a yes', async () => {
    const stack = await optedIn();
    const { code, out, err, questions } = await stack.cli('drain');
    expect(code).toBe(2);
    expect(questions).toEqual([expect.stringMatching(/^Take the tag ziti-glb from 2 subnets\? Their clients lose/)]);
    expect(out).toContain('ziti-glb=10.20.0.0/16');
    expect(err).toContain('Nothing was changed.');
    expect(await tags(stack)).toEqual(['10.20.0.0/16', 'default']);
  });

  test.each(['drain --yes', 'drain'])('%s opts all out, and waits until nothing is left', async (line) => {
    const stack = await optedIn();
    let waits = 0;
    const onSleep = async () => {
      waits += 1;
      await stack.pass();
      await stack.clock.run(30_000);
    };
    const { code, out, progress, questions } = await stack.cli(line, { answer: true, onSleep });
    expect(questions).toHaveLength(line.includes('--yes') ? 0 : 1);
    expect(await tags(stack)).toEqual([]);
    expect(waits).toBeGreaterThan(0);
    expect(progress.some((text) => /^\d+ routes and endpoints are left$/.test(text))).toBe(true);
    expect(progress).toContainEqual(expect.stringMatching(/^The tags are taken, and the functions go on/));
    expect(out).toMatch(/Drained: no route and no endpoint is left\.$/);
    expect(code).toBe(0);
    expect(await stack.cli('drain')).toMatchObject({ code: 0, out: 'No subnet is opted in, and nothing is left.' });
  });

  test('changes nothing, and calls nothing gone, where it may not read which VPCs other stacks have claimed', async () => {
    const denied = new AwsError('AccessDeniedException', 'ann is not authorized to perform: ssm:GetParametersByPath');
    const stack = await optedIn({
      middleware: [faults(({ operation }) => (operation === 'GetParametersByPath' ? denied : undefined))],
    });
    await claimedVpc(stack, () => 'all');
    expect(await stack.cli('drain --yes')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/AWS does not tell which VPCs .*AWS says: ann is not authorized to perform/),
    });
    expect(await tags(stack)).toEqual(['10.20.0.0/16', 'default']);
    // What is there is shown all the same.
    expect(await stack.cli('status --for=ready')).toMatchObject({
      code: 2,
      out: expect.stringMatching(/WHY\n(.*\n)*ziti-glb-dev +AWS does not tell/),
    });
  });

  test('ends though somebody led a prefix list, and a VPC itself, to an endpoint: neither is deleted as a CIDR is', async () => {
    const stack = await optedIn();
    const { ec2, tables } = stack;
    const { VpcEndpoints } = await ec2.send(new DescribeVpcEndpointsCommand({}));
    const list = { PrefixListName: 'partners', AddressFamily: 'IPv4', MaxEntries: 5 };
    const { PrefixList } = await ec2.send(new CreateManagedPrefixListCommand(list));
    const to = { RouteTableId: tables.a1, VpcEndpointId: VpcEndpoints?.[0]?.VpcEndpointId };
    await ec2.send(new CreateRouteCommand({ ...to, DestinationPrefixListId: PrefixList?.PrefixListId }));
    await ec2.send(new ReplaceRouteCommand({ ...to, DestinationCidrBlock: '10.0.0.0/16' }));
    const onSleep = async () => {
      await stack.pass();
      await stack.clock.run(30_000);
    };
    const { code, out } = await stack.cli('drain --yes', { onSleep });
    expect([code, out]).toEqual([0, expect.stringMatching(/Drained: no route and no endpoint is left\.$/)]);
    const { RouteTables } = await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [tables.a1] }));
    expect(RouteTables?.[0]?.Routes).toMatchObject([{ DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local' }]);
  });

  test('ends at once where only routes of a gateway’s table are left, and names them', async () => {
    const stack = await optedIn();
    const { ec2, vpc } = stack;
    const { VpcEndpoints } = await ec2.send(new DescribeVpcEndpointsCommand({}));
    const VpcEndpointId = VpcEndpoints?.find(({ SubnetIds }) => SubnetIds?.includes(vpc.a1))?.VpcEndpointId;
    const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId: vpc.vpc }));
    const RouteTableId = RouteTable?.RouteTableId;
    const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand());
    const GatewayId = InternetGateway?.InternetGatewayId;
    await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId: GatewayId, VpcId: vpc.vpc }));
    await ec2.send(new AssociateRouteTableCommand({ RouteTableId, GatewayId }));
    const local = { RouteTableId, DestinationCidrBlock: '10.0.0.0/16' };
    await ec2.send(new ReplaceRouteCommand({ ...local, VpcEndpointId }));
    const onSleep = async () => {
      await stack.pass();
      await stack.clock.run(30_000);
    };
    const startedAt = stack.clock.now();
    const { code, err } = await stack.cli('drain --yes', { onSleep });
    expect(code).toBe(1);
    expect(err).toContain(`10.0.0.0/16 in ${RouteTableId} to ${VpcEndpointId}`);
    expect(stack.clock.now() - startedAt).toBeLessThan(15 * 60_000);

    await ec2.send(new ReplaceRouteCommand({ ...local, LocalTarget: true }));
    expect(await stack.cli('drain --yes', { onSleep })).toMatchObject({ code: 0 });
  });

  test('gives up on what does not move, and says where to look', async () => {
    const stack = await optedIn();
    const onSleep = async () => void (await stack.clock.run(60_000));
    const { code, err } = await stack.cli('drain --yes', { onSleep });
    expect(code).toBe(1);
    expect(err).toMatch(
      /^Error: \d+ routes and endpoints are still there, and none has gone for 15 minutes\. See: npm run -s ziti-glb -- plan/,
    );
  });
});

const event = {
  version: '0',
  time: '2026-01-15T10:00:00Z',
  'detail-type': 'Tag Change on Resource',
  resources: ['arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-0ab'],
  detail: { 'changed-tag-keys': ['ziti-glb'] },
};

async function givenUp(extras: Extras = {}): Promise<TestStack> {
  const stack = await deployed(extras);
  const record = {
    version: '1.0',
    requestContext: { functionArn: stack.arnOf('subnets'), condition: 'RetriesExhausted' },
    requestPayload: event,
    responsePayload: { errorMessage: '1 steps did not succeed' },
  };
  stack.queues.send(stack.queueArn('FailedEvents'), { body: JSON.stringify(record), attributes: {} });
  stack.queues.send(stack.queueArn('UndeliveredEvents'), {
    body: JSON.stringify({ ...event, 'detail-type': 'Scheduled Event' }),
    attributes: { TARGET_ARN: stack.arnOf('routers'), ERROR_CODE: 'THROTTLING', ERROR_MESSAGE: 'Rate exceeded' },
  });
  return stack;
}
const left = ({ queues }: TestStack) => Object.values(queues.contents()).flat().length;

describe('redrive', () => {
  test('shows what was given up and why, asks, and sends nothing without a yes', async () => {
    const stack = await givenUp();
    const { code, out, questions } = await stack.cli('redrive');
    expect(code).toBe(2);
    expect(questions).toEqual(['Send 2 again?']);
    expect(out).toMatch(
      /ziti-glb-dev-subnets +2026-01-15T10:00:00 tag ziti-glb of subnet-0ab +1 steps did not succeed/,
    );
    expect(out).toMatch(/ziti-glb-dev-routers +2026-01-15T10:00:00 the minute +THROTTLING: Rate exceeded/);
    expect(stack.invoked).toEqual([]);
    expect(left(stack)).toBe(2);
    // Nor does it keep them from who comes next.
    expect((await stack.cli('redrive --yes')).out).toContain('2 sent again.');
  });

  test('sends each to its function as it was, and takes it out', async () => {
    const stack = await givenUp();
    expect(await stack.cli('redrive --yes')).toMatchObject({ code: 0, questions: [] });
    expect(stack.invoked).toEqual([
      { name: 'ziti-glb-dev-subnets', event },
      { name: 'ziti-glb-dev-routers', event: { ...event, 'detail-type': 'Scheduled Event' } },
    ]);
    expect(left(stack)).toBe(0);
    expect(await stack.cli('redrive')).toMatchObject({ code: 0, out: 'No event was given up.' });
  });

  test('keeps what it could not send, and hides it from nobody', async () => {
    let mayInvoke = false;
    const stack = await givenUp({ mayInvoke: () => mayInvoke });
    const { code, err } = await stack.cli('redrive --yes');
    expect(code).toBe(1);
    expect(err).toContain('AccessDeniedException');
    expect(left(stack)).toBe(2);
    mayInvoke = true;
    expect((await stack.cli('redrive')).questions).toEqual(['Send 2 again?']);
  });

  test.each([
    [
      'that cannot be read',
      'no event',
      {},
      /message \S+ of ziti-glb-dev-FailedEvents-ABC123 +it cannot be read: .* is not valid JSON$/,
    ],
    ['that is no record', '{}', {}, /it cannot be read: .*requestContext/],
    [
      'for another function',
      JSON.stringify(event),
      { TARGET_ARN: 'arn:aws:lambda:eu-central-1:111122223333:function:payroll' },
      /it is for arn:aws:lambda:.*:payroll, and only ziti-glb-dev-routers and ziti-glb-dev-subnets are sent anything$/,
    ],
    [
      'for one that is called like ours',
      JSON.stringify(event),
      { TARGET_ARN: 'arn:aws:sqs:eu-central-1:111122223333:ziti-glb-dev-routers' },
      /it is for arn:aws:sqs:/,
    ],
  ])('names a message %s, leaves it, and sends the rest', async (_, body, attributes, named) => {
    const stack = await givenUp();
    stack.queues.send(stack.queueArn('FailedEvents'), { body, attributes });
    const { code, err, out } = await stack.cli('redrive --yes');
    expect(err).toMatch(named);
    expect(out).toContain('2 sent again.');
    expect(stack.invoked.map(({ name }) => name)).toEqual(['ziti-glb-dev-subnets', 'ziti-glb-dev-routers']);
    expect([code, left(stack)]).toEqual([2, 1]);
    expect(await stack.cli('redrive --yes')).toMatchObject({ code: 2, out: '', questions: [] });
  });

  test('takes none that is not of this stack, and more than ten of those that are', async () => {
    const stack = await givenUp();
    const other = stack.queueArn('FailedEvents').replace('ziti-glb-dev', 'ziti-glb-development');
    stack.queues.create(other);
    stack.queues.send(other, { body: '{}', attributes: {} });
    for (let more = 0; more < 23; more++) {
      const body = JSON.stringify({ ...event, id: `${more}` });
      stack.queues.send(stack.queueArn('UndeliveredEvents'), {
        body,
        attributes: { TARGET_ARN: stack.arnOf('subnets') },
      });
    }
    expect((await stack.cli('redrive --yes')).out).toContain('25 sent again.');
    expect(left(stack)).toBe(1);
  });
});
