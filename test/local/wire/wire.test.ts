import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import * as ssm from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import type { Call } from '../../../local/wire/api.ts';
import { AwsError } from '../../../local/wire/errors.ts';
import { faults } from '../../../local/wire/faults.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { createWire, type Middleware, type OperationService, type Service } from '../../../local/wire/wire.ts';

const credentials = { accessKeyId: 'AKIDTEST', secretAccessKey: 'secret' };
const principal = (accessKeyId: string) => `arn:aws:iam::111122223333:user/${accessKeyId}`;

/** A wire's services all have the one operation given. */
function wireOf(operation: string, run: (input: never, call: Call) => unknown, middleware: Middleware[] = []) {
  const service = (protocol: OperationService['protocol'], sdk: OperationService['sdk']): Service => ({
    kind: 'operations',
    protocol,
    sdk,
    operations: { [operation]: run },
  });
  const services = {
    ec2: service('ec2Query', ec2),
    elasticloadbalancing: service('awsQuery', elb),
    ssm: service('awsJson1_1', ssm),
  };
  const wire = createWire(services, { principal, middleware });
  const config = { region: 'eu-central-1', credentials, requestHandler: inProcess(wire), maxAttempts: 1 };
  return {
    wire,
    ec2: new ec2.EC2Client(config),
    elb: new elb.ElasticLoadBalancingV2Client(config),
    ssm: new ssm.SSMClient(config),
  };
}

/** A client other than the SDK might send such a request. */
function request(service: string, body: string, headers: Record<string, string> = {}) {
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIDTEST/20260115/eu-central-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;
  return { method: 'POST', url: '/', headers: { authorization, ...headers }, body: Buffer.from(body) };
}

describe('an error is, to the SDK, the one that AWS gives', () => {
  const failing = (code: string, status?: number) =>
    wireOf('DescribeTags', () => {
      throw new AwsError(code, 'why & "what" <it> is', status);
    });

  test('EC2 has no error classes: the name is the code on the wire', async () => {
    const sent = failing('RouteAlreadyExists').ec2.send(new ec2.DescribeTagsCommand({}));
    await expect(sent).rejects.toMatchObject({
      name: 'RouteAlreadyExists',
      message: 'why & "what" <it> is',
      $fault: 'client',
      $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
  });

  test('Elastic Load Balancing: the class of the code, which ends in Exception', async () => {
    const sent = failing('TargetGroupNotFound').elb.send(new elb.DescribeTagsCommand({ ResourceArns: ['a'] }));
    await expect(sent).rejects.toBeInstanceOf(elb.TargetGroupNotFoundException);
    await expect(sent).rejects.toMatchObject({ name: 'TargetGroupNotFoundException', message: 'why & "what" <it> is' });
  });

  test.each(['ValidationError', 'Throttling'])('Elastic Load Balancing: %s, which has no class', async (name) => {
    const sent = failing(name).elb.send(new elb.DescribeTagsCommand({ ResourceArns: ['a'] }));
    await expect(sent).rejects.toMatchObject({ name });
  });

  test('SSM: its class', async () => {
    const { ssm: client } = wireOf('SendCommand', () => {
      throw new AwsError('InvalidInstanceId', 'not managed');
    });
    const sent = client.send(new ssm.SendCommandCommand({ DocumentName: 'x' }));
    await expect(sent).rejects.toBeInstanceOf(ssm.InvalidInstanceId);
    await expect(sent).rejects.toMatchObject({ name: 'InvalidInstanceId', message: 'not managed' });
  });

  test('a status of its own', async () => {
    const sent = failing('RequestLimitExceeded', 503).ec2.send(new ec2.DescribeTagsCommand({}));
    await expect(sent).rejects.toMatchObject({ name: 'RequestLimitExceeded', $metadata: { httpStatusCode: 503 } });
  });
});

describe('requests that are refused', () => {
  const { wire, ssm: ssmClient } = wireOf('CreateRoute', () => ({ Return: true }));
  const json = (operation: string) => ({
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `AmazonSSM.${operation}`,
  });

  test.each([
    ['a required member is missing', 'Action=CreateRoute', 'MissingParameter', 'RouteTableId'],
    ['a member is unknown', 'Action=CreateRoute&RouteTableId=a&Rout=b', 'UnknownParameter', 'Rout'],
    [
      'a member of a scalar',
      'Action=CreateRoute&RouteTableId=a&GatewayId.Value=b',
      'UnknownParameter',
      'GatewayId.Value',
    ],
    ['not a boolean', 'Action=CreateRoute&RouteTableId=a&DryRun=yes', 'InvalidParameterValue', 'DryRun'],
    ['no such action', 'Action=CreateRoot', 'InvalidAction', 'CreateRoot'],
    ['an action of Object.prototype', 'Action=constructor', 'InvalidAction', 'constructor'],
    ['no action', 'Version=2016-11-15', 'InvalidAction', '(none)'],
    ['an action that the box does not have', 'Action=CreateVpnGateway', 'InvalidAction', 'the cloud in a box'],
  ])('%s', async (_why, body, code, text) => {
    const { status, body: answer } = await wire(request('ec2', body));
    expect(status).toBe(400);
    expect(answer).toContain(`<Code>${code}</Code>`);
    expect(answer).toContain(text);
  });

  test('a service that is not there: its name, in the protocol of the request', async () => {
    expect(await wire(request('route53', 'Action=x'))).toMatchObject({
      status: 404,
      body: expect.stringContaining('route53'),
    });
    const { body } = await wire(request('kinesis', '{}', json('x')));
    expect(JSON.parse(String(body))).toMatchObject({ __type: 'UnknownService' });
  });

  test('no signature', async () => {
    const { status, body } = await wire({ ...request('ec2', 'Action=CreateRoute'), headers: {} });
    expect(status).toBe(403);
    expect(body).toContain('MissingAuthenticationToken');
  });

  test.each([
    ['{', 'SerializationException'],
    ['[]', 'SerializationException'],
    ['{"DocumentName":7}', 'SerializationException'],
    ['{}', 'ValidationException'],
    ['{"DocumentName":null}', 'ValidationException'],
    ['{"DocumentName":"a","DocumentNme":"b"}', 'ValidationException'],
  ])('JSON %s', async (body, type) => {
    const withCommand = wireOf('SendCommand', () => ({}));
    const answer = await withCommand.wire(request('ssm', body, json('SendCommand')));
    expect(answer.status).toBe(400);
    expect(JSON.parse(String(answer.body))).toMatchObject({ __type: type });
  });

  test('the box has no such action of SSM', async () => {
    const sent = ssmClient.send(new ssm.ListCommandsCommand({}));
    await expect(sent).rejects.toMatchObject({ name: 'InvalidAction' });
  });
});

test('the operation is told who asks', async () => {
  const calls: Call[] = [];
  const { ec2: client } = wireOf('CreateVpc', (_input, call) => void calls.push(call));
  const { $metadata } = await client.send(new ec2.CreateVpcCommand({}));
  const { requestId } = $metadata;
  expect(calls).toEqual([
    { service: 'ec2', operation: 'CreateVpc', accessKeyId: 'AKIDTEST', principal: principal('AKIDTEST'), requestId },
  ]);
});

test('a presigned address names its caller too, and a raw service answers for itself', async () => {
  const answer = (body: string) => ({ status: 200, headers: {}, body });
  const raw = { kind: 'raw', protocol: 'restXml', fail: ({ code }: AwsError) => answer(code) } as const;
  const wire = createWire(
    { s3: { ...raw, handle: async (_request, caller) => answer(caller.principal) } },
    { principal },
  );
  const url =
    '/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDLINK%2F20260115%2Feu-central-1%2Fs3%2Faws4_request';
  const { body } = await wire({ method: 'GET', url, headers: {}, body: new Uint8Array() });
  expect(body).toBe(principal('AKIDLINK'));
});

describe('what stands around an operation', () => {
  test('sees the input, in order, and may refuse', async () => {
    const order: unknown[] = [];
    const first: Middleware = (_call, input, next) => {
      order.push(['first', input]);
      return next();
    };
    const second: Middleware = async () => {
      order.push('second');
      throw new AwsError('UnauthorizedOperation', 'no', 403);
    };
    const { ec2: client } = wireOf('DeleteVpc', () => order.push('operation'), [first, second]);
    const sent = client.send(new ec2.DeleteVpcCommand({ VpcId: 'vpc-1' }));
    await expect(sent).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    expect(order).toEqual([['first', { VpcId: 'vpc-1' }], 'second']);
  });

  test('a reply that is lost after the effect: the SDK sees its connection break, and tries again', async () => {
    let effects = 0;
    const losesFirst = faults(() => (effects === 0 ? 'lost reply' : undefined));
    const { wire } = wireOf('DeleteVpc', () => void effects++, [losesFirst]);
    const config = { region: 'eu-central-1', credentials, requestHandler: inProcess(wire) };
    const once = new ec2.EC2Client({ ...config, maxAttempts: 1 }).send(new ec2.DeleteVpcCommand({ VpcId: 'vpc-1' }));
    await expect(once).rejects.toMatchObject({ name: 'TimeoutError', code: 'ECONNRESET' });
    expect(effects).toBe(1);
    effects = 0;
    await new ec2.EC2Client(config).send(new ec2.DeleteVpcCommand({ VpcId: 'vpc-1' }));
    expect(effects).toBe(2);
  });

  test('an error instead of the effect, for the calls that are chosen', async () => {
    let effects = 0;
    const internal = faults((_call, { VpcId }) =>
      VpcId === 'vpc-1' ? new AwsError('InternalError', 'An internal error has occurred', 500) : undefined,
    );
    const { ec2: client } = wireOf('DeleteVpc', () => void effects++, [internal]);
    await expect(client.send(new ec2.DeleteVpcCommand({ VpcId: 'vpc-1' }))).rejects.toMatchObject({
      name: 'InternalError',
      $fault: 'server',
    });
    await client.send(new ec2.DeleteVpcCommand({ VpcId: 'vpc-2' }));
    expect(effects).toBe(1);
  });
});
