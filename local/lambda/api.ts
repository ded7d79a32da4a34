import { createHash } from 'node:crypto';
import type { AwsError } from '../wire/errors.ts';
import type { WireRequest, WireResponse } from '../wire/protocol.ts';
import type { Caller, RawService } from '../wire/wire.ts';
import type { FunctionConfiguration } from './function.ts';
import type { Lambda } from './runtime.ts';

/** https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html, as far as a command line asks: what a function is, and to run it. */
const OPERATIONS = [
  ['GET', /^\/2016-08-19\/account-settings\/?$/, 'GetAccountSettings'],
  ['GET', /^\/2015-03-31\/functions\/([^/]+)$/, 'GetFunction'],
  ['GET', /^\/2015-03-31\/functions\/([^/]+)\/configuration$/, 'GetFunctionConfiguration'],
  ['POST', /^\/2015-03-31\/functions\/([^/]+)\/invocations$/, 'InvokeFunction'],
] as const;

type Functions = Pick<Lambda, 'has' | 'configurationOf' | 'modifiedAt' | 'invoke' | 'invokeAsync'>;

/**
 * A function of another account is named by its ARN, and may be invoked only if both the caller's policies and its own let the
 * caller's account: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
 * @param allows whether who has an access key may do this, by what else is said of the resource in a policy of its own
 * @param elsewhere.account the caller's
 * @param elsewhere.linkTo a link to the code of the function of this name, for who is told of it
 */
export function lambdaService(
  own: Functions & Pick<Lambda, 'concurrency'>,
  allows: (accessKeyId: string, action: string, resource: string, policy?: Record<string, unknown>) => Promise<boolean>,
  {
    account = '',
    functionsOf = () => undefined,
    linkTo,
  }: {
    account?: string;
    functionsOf?: (account: string) => (Functions & Pick<Lambda, 'policyOf'>) | undefined;
    linkTo?: (name: string, code: Uint8Array) => Promise<string>;
  } = {},
): RawService {
  async function handle(request: WireRequest, { accessKeyId, principal }: Caller): Promise<WireResponse> {
    const { pathname } = new URL(request.url, 'http://localhost');
    const found = OPERATIONS.find(([method, path]) => method === request.method && path.test(pathname));
    if (!found)
      return failure(404, 'UnknownOperationException', `the cloud in a box has no ${request.method} ${pathname}`);
    const [, path, operation] = found;
    if (operation === 'GetAccountSettings') {
      if (!(await allows(accessKeyId, `lambda:${operation}`, '*')))
        return failure(
          403,
          'AccessDeniedException',
          `User: ${principal} is not authorized to perform: lambda:${operation}`,
        );
      const { all, unreserved } = own.concurrency();
      const AccountLimit = { ConcurrentExecutions: all, UnreservedConcurrentExecutions: unreserved };
      return json(200, { AccountLimit });
    }
    const name = decodeURIComponent(path.exec(pathname)?.[1] ?? '');
    const [, , , , owner = account] = name.split(':');
    const foreign = owner === account ? undefined : functionsOf(owner);
    const lambda = owner === account ? own : foreign;
    const policy = operation === 'InvokeFunction' ? foreign?.policyOf(name) : undefined;
    if (owner !== account && !(policy && (await allows(accessKeyId, `lambda:${operation}`, name, policy))))
      return failure(
        403,
        'AccessDeniedException',
        `User: ${principal} is not authorized to perform: lambda:${operation} on resource: ${name} because no identity-based and resource-based policy both allow the lambda:${operation} action`,
      );
    if (!lambda?.has(name)) return failure(404, 'ResourceNotFoundException', `Function not found: ${name}`);
    const configuration = lambda.configurationOf(name);
    const { arn, code, reservedConcurrency } = configuration;
    if (owner === account && !(await allows(accessKeyId, `lambda:${operation}`, arn))) {
      const text = `User: ${principal} is not authorized to perform: lambda:${operation} on resource: ${arn}`;
      return failure(403, 'AccessDeniedException', text);
    }
    if (operation === 'InvokeFunction') return invoke(lambda, name, request);
    const Configuration = shape(configuration, lambda.modifiedAt(name));
    if (operation === 'GetFunctionConfiguration') return json(200, Configuration);
    return json(200, {
      Configuration,
      Code: { RepositoryType: 'S3', Location: await linkTo?.(configuration.name, code) },
      ...(reservedConcurrency !== undefined && { Concurrency: { ReservedConcurrentExecutions: reservedConcurrency } }),
    });
  }

  async function invoke(lambda: Functions, name: string, { headers, body }: WireRequest): Promise<WireResponse> {
    let event: unknown;
    try {
      event = JSON.parse(new TextDecoder().decode(body) || '{}');
    } catch {
      return failure(400, 'InvalidRequestContentException', 'Could not parse request body into json');
    }
    if (headers['x-amz-invocation-type'] === 'Event') {
      lambda.invokeAsync(name, event);
      return json(202, undefined);
    }
    const result = await lambda.invoke(name, event);
    if ('payload' in result) return json(200, result.payload);
    const answer = json(200, result.error);
    return { ...answer, headers: { ...answer.headers, 'x-amz-function-error': 'Unhandled' } };
  }

  const fail = ({ status, code, message }: AwsError) => failure(status, code, message);
  return { kind: 'raw', protocol: 'restJson1', handle, fail };
}

const shape = (configuration: FunctionConfiguration, modifiedAt: number) => ({
  FunctionName: configuration.name,
  FunctionArn: configuration.arn,
  Runtime: configuration.runtime,
  Role: configuration.roleArn,
  Handler: configuration.handler,
  Timeout: configuration.timeout,
  MemorySize: configuration.memorySize,
  PackageType: 'Zip',
  Version: '$LATEST',
  CodeSha256: createHash('sha256').update(configuration.code).digest('base64'),
  CodeSize: configuration.code.length,
  // As AWS writes it, which is not as it writes other times.
  LastModified: new Date(modifiedAt).toISOString().replace('Z', '+0000'),
  State: 'Active',
  LastUpdateStatus: 'Successful',
  Environment: { Variables: configuration.variables },
});

const json = (status: number, body: unknown): WireResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: body === undefined ? '' : JSON.stringify(body),
});

function failure(status: number, type: string, text: string): WireResponse {
  const answer = json(status, { Type: status < 500 ? 'User' : 'Service', Message: text, message: text });
  return { ...answer, headers: { ...answer.headers, 'x-amzn-errortype': type } };
}
