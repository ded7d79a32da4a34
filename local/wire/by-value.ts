import type { HttpRequest } from '@smithy/core/protocols';
import { inProcess } from './in-process.ts';
import type { Wire } from './wire.ts';

/** An SDK client, as far as its way to the wire can be changed. */
interface Client {
  config: object;
  middlewareStack: { remove(name: string): boolean };
}

interface Config {
  credentials(): Promise<{ accessKeyId: string }>;
  defaultSigningName: string;
  protocol: SdkProtocol;
}

interface SdkProtocol {
  setSerdeContext(context: unknown): void;
  serializeRequest(...request: unknown[]): Promise<unknown>;
  deserializeResponse(operation: unknown, context: unknown, response: Response): Promise<unknown>;
}
type Response = Awaited<ReturnType<ReturnType<typeof inProcess>['handle']>>['response'];

/**
 * Has a client talk to `wire` in this process with answers that nobody writes down, signs or reads back: what tests of hundreds
 * of thousands of calls would spend most of their time on. Requests and errors cross as ever. Returns the client.
 */
export function byValue<C extends Client>(client: C, wire: Wire): C {
  const { credentials, defaultSigningName, protocol } = client.config as Config;
  const signer = {
    async sign(request: HttpRequest) {
      const { accessKeyId } = await credentials();
      request.headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/day/region/${defaultSigningName}/aws4_request`;
      return request;
    },
  };
  const read: SdkProtocol = {
    setSerdeContext: (context) => protocol.setSerdeContext(context),
    serializeRequest: (...request) => protocol.serializeRequest(...request),
    async deserializeResponse(operation, context, response) {
      if (!('value' in response)) return protocol.deserializeResponse(operation, context, response);
      const { statusCode, headers } = response;
      return Object.assign(Object(response.value), {
        $metadata: { httpStatusCode: statusCode, requestId: headers['x-amzn-requestid'] },
      });
    },
  };
  Object.assign(client.config, {
    signer: async () => signer,
    protocol: read,
    requestHandler: inProcess(wire, { byValue: true }),
  });
  // It goes through every answer by its schema, though there is no logger.
  client.middlewareStack.remove('loggerMiddleware');
  return client;
}
