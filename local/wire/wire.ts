import { uuid } from '../ids.ts';
import type { Call } from './api.ts';
import { copyOf } from './copy.ts';
import { AwsError, ConnectionLost } from './errors.ts';
import { awsJson } from './json.ts';
import type { WireRequest, WireResponse } from './protocol.ts';
import { awsQuery, ec2Query } from './query.ts';
import { operationSchema, type SdkModule } from './schema.ts';
import { type Authenticate, readSignature } from './signature.ts';

/** Services speak these protocols, by name: those whose shapes an SDK module has. */
const PROTOCOLS = { ec2Query, awsQuery, awsJson1_1: awsJson };

export type Service = OperationService | RawService;

/** A service whose shapes come from its SDK module. */
export interface OperationService {
  kind: 'operations';
  protocol: keyof typeof PROTOCOLS;
  sdk: SdkModule;
  operations: Readonly<Record<string, (input: never, call: Call) => unknown>>;
}

/** A service that speaks HTTP itself, as S3, or has no SDK module here. */
export interface RawService {
  kind: 'raw';
  protocol: 'restJson1' | 'restXml' | 'awsJson1_1';
  handle(request: WireRequest, caller: Caller): Promise<WireResponse>;
  fail(error: AwsError): WireResponse;
}

export type Caller = Pick<Call, 'accessKeyId' | 'principal'>;

/**
 * Something that stands between the wire and the operation: throttling, IAM, a fault. It may throw an `AwsError` instead of calling
 * `next`, or `ConnectionLost` before or after it. The first of a list is the outermost.
 */
export type Middleware = (
  call: Call,
  input: Readonly<Record<string, unknown>>,
  next: () => Promise<unknown>,
) => Promise<unknown>;

export interface WireOptions {
  /** ARN of the identity that an access key belongs to. */
  principal(accessKeyId: string): string;
  /** Without it, whoever asks is whom they say they are. */
  authenticate?: Authenticate;
  middleware?: readonly Middleware[];
}

/** Rejects only with `ConnectionLost`: the client is to see its connection break. */
export type Wire = (request: WireRequest) => Promise<WireResponse>;

/** Answers signed AWS requests. Services are keyed by signing name, the one in the credential scope of the signature. */
export function createWire(services: Readonly<Record<string, Service>>, options: WireOptions): Wire {
  let requests = 0;

  return async function respond(request) {
    const requestId = uuid(`request ${requests++}`);
    const signature = readSignature(request);
    if (!signature)
      return refusal(
        request,
        requestId,
        new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403),
      );
    const { accessKeyId, service: name } = signature;
    const service = Object.hasOwn(services, name) ? services[name] : undefined;
    if (!service)
      return refusal(
        request,
        requestId,
        new AwsError('UnknownService', `the cloud in a box has no service '${name}'`, 404),
      );
    try {
      options.authenticate?.(request, signature, service);
    } catch (error) {
      const refused = asAwsError(error, `the signature for ${name}`);
      return service.kind === 'raw' ? service.fail(refused) : failed(service, refused, request, requestId);
    }
    const caller = { accessKeyId, principal: options.principal(accessKeyId) };
    if (service.kind === 'raw')
      return service.handle(request, caller).catch((error) => {
        if (error instanceof AwsError) return service.fail(error);
        throw error;
      });
    return operate(name, service, caller, request, requestId);
  };

  async function operate(
    name: string,
    service: OperationService,
    caller: Caller,
    request: WireRequest,
    requestId: string,
  ) {
    const protocol = PROTOCOLS[service.protocol];
    const operation = protocol.operation(request) ?? '';
    const context = { operation, sdk: service.sdk, requestId };
    try {
      const schema = operationSchema(service.sdk, operation);
      if (!schema)
        throw new AwsError('InvalidAction', `The action ${operation || '(none)'} is not valid for this web service.`);
      const run = Object.hasOwn(service.operations, operation) ? service.operations[operation] : undefined;
      if (!run)
        throw new AwsError('InvalidAction', `the cloud in a box does not have the action ${operation} of ${name}`);
      const input = protocol.read(schema.input, request);
      const call = { ...caller, service: name, operation, requestId };
      let next = async (): Promise<unknown> => run(input as never, call);
      for (const middleware of (options.middleware ?? []).toReversed()) {
        const inner = next;
        next = () => middleware(call, input as Readonly<Record<string, unknown>>, inner);
      }
      const output = (await next()) ?? {};
      if (!request.byValue) return protocol.write(schema.output, output, context);
      return {
        status: 200,
        headers: { 'x-amzn-requestid': requestId },
        body: '',
        value: copyOf(schema.output, output),
      };
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      return protocol.fail(asAwsError(error, `${name}:${operation}`), context);
    }
  }
}

/** A fault of the box itself: the client sees a 500, and the error is not lost. */
function asAwsError(error: unknown, what: string): AwsError {
  if (error instanceof AwsError) return error;
  console.error(`the cloud in a box failed in ${what}:`, error);
  return new AwsError('InternalError', `the cloud in a box failed in ${what}: ${String(error)}`, 500);
}

function failed({ protocol, sdk }: OperationService, error: AwsError, request: WireRequest, requestId: string) {
  const { operation, fail } = PROTOCOLS[protocol];
  return fail(error, { operation: operation(request) ?? '', sdk, requestId });
}

/** An answer for a request whose service, and so protocol, is not known. */
function refusal(request: WireRequest, requestId: string, error: AwsError): WireResponse {
  const protocol = request.headers['content-type']?.includes('json') ? awsJson : awsQuery;
  return protocol.fail(error, { operation: '', sdk: {}, requestId });
}
