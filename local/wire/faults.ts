import type { Call } from './api.ts';
import { AwsError, ConnectionLost } from './errors.ts';
import type { Middleware } from './wire.ts';

/** An error instead of the call, or the call done and its reply lost. */
export type Fault = AwsError | 'lost reply';

/** Lets calls go wrong. `choose` says how the one at hand does, if it does. */
export function faults(
  choose: (call: Call, input: Readonly<Record<string, unknown>>) => Fault | undefined,
): Middleware {
  return async (call, input, next) => {
    const fault = choose(call, input);
    if (fault instanceof AwsError) throw fault;
    const output = await next();
    if (fault === 'lost reply') throw new ConnectionLost();
    return output;
  };
}
