import { isDeepStrictEqual } from 'node:util';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';

/**
 * A create call with a `ClientToken` is safe to repeat: the same token and parameters give the first call's resource again.
 * How long AWS remembers a token is not documented for every call; here it is never forgotten, even if the resource is gone.
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
 */
export function idempotency<T>(cloud: CloudContext, operation: string) {
  return function once(input: { ClientToken?: string | undefined }, create: () => T): T {
    if (!input.ClientToken) return create();
    if (!/^[\x21-\x7e]{1,64}$/.test(input.ClientToken))
      throw new AwsError(
        'InvalidParameterValue',
        `Value (${input.ClientToken}) for parameter clientToken is invalid. It must not exceed 64 ASCII characters.`,
      );
    const key = `${cloud.account} ${operation} ${input.ClientToken}`;
    const before = cloud.tokenUses.get(key);
    if (before && !isDeepStrictEqual(before.input, input))
      throw new AwsError(
        'IdempotentParameterMismatch',
        `The client token ${input.ClientToken} was used before with other parameters.`,
      );
    if (before) return before.created as T;
    const created = create();
    cloud.tokenUses.set(key, { input, created });
    return created;
  };
}
