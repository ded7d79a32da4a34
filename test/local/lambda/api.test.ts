import {
  GetAccountSettingsCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { afterEach, describe, expect, test } from '@jest/globals';
import { strToU8, zipSync } from 'fflate';
import { scaledClock } from '../../../local/clock.ts';
import { createIam } from '../../../local/iam/iam.ts';
import { lambdaService } from '../../../local/lambda/api.ts';
import { createLambda, type Lambda } from '../../../local/lambda/runtime.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { createWire } from '../../../local/wire/wire.ts';

const ARN = 'arn:aws:lambda:eu-central-1:111122223333:function:f';
const open: Lambda[] = [];
afterEach(() => Promise.all(open.splice(0).map((lambda) => lambda.close())));

/** @param from the caller's account */
function world(allowed = true, from = '111122223333', organization?: string) {
  const log: string[] = [];
  const lambda = createLambda({
    clock: scaledClock(20),
    rate: 20,
    region: 'eu-central-1',
    endpoints: { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' },
    keyOf: () => ({ accessKeyId: 'role', secretAccessKey: 'secret', sessionToken: 'token' }),
    onLog: (_, line) => void log.push(line),
    onFailure() {},
  });
  open.push(lambda);
  const source = `export const handler = async (event) => {
    console.log('got ' + JSON.stringify(event));
    if (event.fail) throw new Error('cannot');
    return { twice: event.n * 2 };
  };`;
  lambda.createFunction({
    name: 'f',
    arn: ARN,
    code: zipSync({ 'f.mjs': strToU8(source) }),
    handler: 'f.handler',
    runtime: 'nodejs24.x',
    roleArn: 'arn:aws:iam::111122223333:role/f-role',
    memorySize: 256,
    timeout: 30,
    reservedConcurrency: 3,
    variables: { STACK: 'ziti-glb-test' },
  });
  const asked: string[] = [];
  const Statement = allowed ? [{ Effect: 'Allow', Action: 'lambda:*', Resource: '*' }] : [];
  const policies = [{ name: 'p', document: { Version: '2012-10-17', Statement } }];
  const role = { name: 'r', arn: `arn:aws:iam::${from}:role/r`, trust: {}, managedPolicyArns: [], policies };
  const iam = createIam({
    ...{ region: 'eu-central-1', account: from, organization, find: () => undefined },
    roles: new Map([['KEY', role]]),
  });
  const service = lambdaService(
    lambda,
    async (key, action, resource, policy) => {
      asked.push(`${key} ${action} ${resource}`);
      return iam.allows(key, action, resource, {}, policy);
    },
    {
      account: from,
      functionsOf: (account) => (account === '111122223333' ? lambda : undefined),
      linkTo: async (name, code) => `http://127.0.0.1/code-of-${name}?${code.length}`,
    },
  );
  const client = new LambdaClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'KEY', secretAccessKey: 's' },
    requestHandler: inProcess(createWire({ lambda: service }, { principal: () => 'arn:aws:iam::1:role/r' })),
    maxAttempts: 1,
  });
  return { client, lambda, log, asked };
}
const payload = (event: unknown) => new TextEncoder().encode(JSON.stringify(event));

test('tells what a function is, by its name or ARN', async () => {
  const { client, asked } = world();
  for (const FunctionName of ['f', ARN]) {
    const configuration = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
    expect(configuration).toMatchObject({
      FunctionName: 'f',
      FunctionArn: ARN,
      Timeout: 30,
      Environment: { Variables: { STACK: 'ziti-glb-test' } },
      CodeSha256: expect.stringMatching(/^[\w+/]{43}=$/),
      LastModified: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/),
    });
  }
  expect(asked).toEqual(Array(2).fill(`KEY lambda:GetFunctionConfiguration ${ARN}`));
});

test('tells beside it where the code is, and what it has reserved', async () => {
  const { client, asked, lambda } = world();
  const { Configuration, Code, Concurrency } = await client.send(new GetFunctionCommand({ FunctionName: 'f' }));
  expect(Configuration).toEqual(
    expect.objectContaining({ FunctionArn: ARN, State: 'Active', LastUpdateStatus: 'Successful' }),
  );
  const { length } = lambda.configurationOf('f').code;
  expect(Code).toEqual({ RepositoryType: 'S3', Location: `http://127.0.0.1/code-of-f?${length}` });
  expect(Concurrency).toEqual({ ReservedConcurrentExecutions: 3 });
  expect(asked).toEqual([`KEY lambda:GetFunction ${ARN}`]);
  const waited = await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 10 }, { FunctionName: ARN });
  expect(waited.state).toBe('SUCCESS');
});

test('runs a function, and gives back its answer or its error', async () => {
  const { client } = world();
  const run = (event: unknown) => client.send(new InvokeCommand({ FunctionName: 'f', Payload: payload(event) }));
  const good = await run({ n: 21 });
  expect(JSON.parse(new TextDecoder().decode(good.Payload))).toEqual({ twice: 42 });
  expect(good.FunctionError).toBeUndefined();
  const bad = await run({ fail: true });
  expect(bad.FunctionError).toBe('Unhandled');
  expect(JSON.parse(new TextDecoder().decode(bad.Payload))).toMatchObject({ errorMessage: 'cannot' });
});

test('refuses what is more at a time than the function has reserved', async () => {
  const { client } = world();
  const run = () => client.send(new InvokeCommand({ FunctionName: 'f', Payload: payload({ n: 1 }) }));
  const ends = await Promise.allSettled([run(), run(), run(), run()]);
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { name: 'TooManyRequestsException', message: 'Rate Exceeded.', $metadata: { httpStatusCode: 429 } },
  });
});

test('takes an event and runs the function later', async () => {
  const { client, log } = world();
  const event = new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event', Payload: payload({ n: 1 }) });
  expect(await client.send(event)).toMatchObject({ StatusCode: 202 });
  for (const end = Date.now() + 10_000; log.length === 0 && Date.now() < end; )
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(log[0]).toContain('got {"n":1}');
});

test.each([
  [
    'a function that is not there',
    true,
    new GetFunctionConfigurationCommand({ FunctionName: 'g' }),
    'ResourceNotFoundException',
  ],
  [
    'what the role does not allow',
    false,
    new GetFunctionConfigurationCommand({ FunctionName: 'f' }),
    'AccessDeniedException',
  ],
])('refuses %s', async (_, allowed, command, name) => {
  await expect(world(allowed).client.send(command)).rejects.toMatchObject({ name });
});

test('tells how many executions the account may have at a time, and how many no function has for itself', async () => {
  const settings = new GetAccountSettingsCommand({});
  const { client, asked } = world();
  const { AccountLimit } = await client.send(settings);
  expect(AccountLimit).toEqual({ ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 997 });
  expect(asked).toEqual(['KEY lambda:GetAccountSettings *']);
  await expect(world(false).client.send(settings)).rejects.toMatchObject({ name: 'AccessDeniedException' });
});

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html */
describe('from another account', () => {
  const invoke = { FunctionName: ARN, Payload: payload({ n: 4 }) };
  const denied = { name: 'AccessDeniedException' };

  test('a function is invoked where its own policy and the caller’s both allow it', async () => {
    const { client, lambda } = world(true, '222233334444');
    await expect(client.send(new InvokeCommand(invoke))).rejects.toMatchObject(denied);
    lambda.addPermission('f', { principal: '333344445555' });
    await expect(client.send(new InvokeCommand(invoke))).rejects.toMatchObject(denied);
    const takeBack = lambda.addPermission('f', { principal: '222233334444' });
    const { Payload } = await client.send(new InvokeCommand(invoke));
    expect(JSON.parse(new TextDecoder().decode(Payload))).toEqual({ twice: 8 });
    await expect(client.send(new GetFunctionConfigurationCommand({ FunctionName: ARN }))).rejects.toMatchObject(denied);
    takeBack();
    await expect(client.send(new InvokeCommand(invoke))).rejects.toMatchObject(denied);
  });

  test('its own policy is not enough where the caller’s role may not', async () => {
    const { client, lambda } = world(false, '222233334444');
    lambda.addPermission('f', { principal: '222233334444' });
    await expect(client.send(new InvokeCommand(invoke))).rejects.toMatchObject(denied);
  });

  test.each([
    ['a member of the organisation', 'o-a1b2c3d4e5', true, true],
    ['a member whose role may not', 'o-a1b2c3d4e5', false, false],
    ['a member of another one', 'o-z9y8x7w6v5', true, false],
    ['who is of none', undefined, true, false],
  ])('where its policy names an organisation, %s may invoke it as it should', async (_, of, allowed, may) => {
    const { client, lambda } = world(allowed, '222233334444', of);
    lambda.addPermission('f', { principal: '*', organization: 'o-a1b2c3d4e5' });
    const answer = client.send(new InvokeCommand(invoke));
    if (may) expect((await answer).StatusCode).toBe(200);
    else await expect(answer).rejects.toMatchObject(denied);
  });

  test('one of an account that is not there is refused in the same words', async () => {
    const { client } = world(true, '222233334444');
    const FunctionName = ARN.replace('111122223333', '999988887777');
    await expect(client.send(new InvokeCommand({ ...invoke, FunctionName }))).rejects.toMatchObject(denied);
  });
});
