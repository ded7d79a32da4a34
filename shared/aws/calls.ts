import type { MetadataBearer, MiddlewareStack } from '@smithy/types';

/** One call to AWS as it went over the wire. Each retry is another one. */
export interface Call {
  /** `CreateRoute`, `DescribeSubnets`, ... */
  action: string;
  /** AWS's id of it, if AWS answered. */
  requestId: string | undefined;
  /** Undefined if it succeeded. */
  error: unknown;
}

/** An SDK client, as far as its calls can be watched. */
export interface Watchable {
  middlewareStack: Pick<MiddlewareStack<object, MetadataBearer>, 'add'>;
}

/** Tells of the headers of every answer, names in lower case. */
export function watchAnswers(client: Watchable, tell: (headers: Readonly<Record<string, string>>) => void): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const { headers = {} } = Object(answer.response);
      tell(headers);
      return answer;
    },
    { step: 'deserialize', priority: 'low', name: 'watchAnswers' },
  );
}

/** Tells of every call that the client makes from now on, as soon as it has ended. */
export function watchCalls(client: Watchable, tell: (call: Call) => void): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const action = commandName.replace(/Command$/, '');
        try {
          const answer = await next(args);
          tell({ action, requestId: answer.output.$metadata.requestId, error: undefined });
          return answer;
        } catch (error) {
          tell({ action, requestId: requestIdOf(error), error });
          throw error;
        }
      },
    // Low: nearer to the wire than the middleware that retries.
    { step: 'finalizeRequest', priority: 'low', name: 'watchCalls' },
  );
}

/** An action may change something unless its name begins so: AWS names all that only read in one of these ways, and `Invoke` asks a function. */
export const isChange = ({ action }: Call) => !/^(Describe|Get|List|Search|Invoke)/.test(action);

/** AWS's id of the call that an error is the answer to: its support asks for it. */
export function requestIdOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  const { requestId } = Object(error.$metadata);
  return typeof requestId === 'string' ? requestId : undefined;
}
