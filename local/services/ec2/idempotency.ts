import { isDeepStrictEqual } from 'node:util';
import { AwsError } from '../../wire/errors.ts';

/**
 * A create call with a `ClientToken` is safe to repeat: the same token and parameters give the first call's resource again.
 * How long AWS remembers a token is not documented for every call; here it is never forgotten, even if the resource is gone.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
 */
export function idempotency<T>() {
  const done = new Map<string, { input: unknown; created: T }>();

  return function once(input: { ClientToken?: string | undefined }, create: () => T): T {
    if (!input.ClientToken) return create();
    const before = done.get(input.ClientToken);
    if (before && !isDeepStrictEqual(before.input, input))
      throw new AwsError(
        'IdempotentParameterMismatch',
        `The client token ${input.ClientToken} was used before with other parameters.`,
      );
    if (before) return before.created;
    const created = create();
    done.set(input.ClientToken, { input, created });
    return created;
  };
}
