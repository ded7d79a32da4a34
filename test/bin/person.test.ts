import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from '@jest/globals';
import { explain } from '../../bin/person.ts';

const named = (name: string, message: string) => Object.assign(new Error(message), { name });
const ANN = 'arn:aws:sts::111122223333:assumed-role/operator/ann';

test.each<[string, Error, RegExp]>([
  [
    'who lacks which right on what',
    named(
      'AccessDeniedException',
      `User: ${ANN} is not authorized to perform: ssm:SendCommand on resource: arn:aws:ssm:eu-central-1::document/AWS-RunShellScript because no identity-based policy allows the ssm:SendCommand action`,
    ),
    /\/ann lacks ssm:SendCommand on arn:aws:ssm:eu-central-1::document\/AWS-RunShellScript\. Ask who administers/,
  ],
  [
    'that something denies it',
    named(
      'AccessDenied',
      `User: ${ANN} is not authorized to perform: ec2:DescribeSubnets with an explicit deny in a service control policy`,
    ),
    /\/ann lacks ec2:DescribeSubnets\. Ask .* allow it, and take away what denies it/,
  ],
  [
    'whom to ask where AWS does not say more',
    named('UnauthorizedOperation', 'You are not authorized to perform this operation.'),
    /ask who administers the account for the right to make this call/,
  ],
])('a person is told %s, and to deploy nothing', (_, error, says) => {
  const text = explain(error);
  expect(text).toMatch(says);
  expect(text).toContain(error.message.slice(0, 40));
  expect(text).not.toContain('deploy');
});

test('a profile that has no credentials is named', () => {
  const error = named('CredentialsProviderError', 'Could not load credentials from any providers');
  expect(explain(error, 'ops')).toMatch(/^There are no credentials for the profile ops: .*aws sso login --profile ops/);
  expect(explain(error)).toMatch(/^CredentialsProviderError: .*sign in again/);
});

test('what else there is to say of an error is what a function says', () => {
  expect(explain(named('RequestLimitExceeded', 'Request limit exceeded.'))).toMatch(/faster than AWS takes them/);
  expect(explain('text')).toBe('text.');
});

test.each([200, 403, 502])('a page of a proxy, with status %i, is not taken for AWS', async (status) => {
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
    response.end('<html><body><h1>Please sign in</h1></body></html>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new LambdaClient({
    ...{ region: 'eu-central-1', maxAttempts: 1, credentials: { accessKeyId: 'a', secretAccessKey: 'b' } },
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  const error = await client.send(new GetFunctionConfigurationCommand({ FunctionName: 'a' })).catch((error) => error);
  client.destroy();
  server.close();
  expect(explain(error)).toMatch(new RegExp(`^What answered is not AWS: it sends a page, with status ${status}\\.`));
});
