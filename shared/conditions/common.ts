import { advice } from '../aws/advice.ts';
import type { AwsError } from '../aws/errors.ts';
import { pauseSentence } from '../sentences.ts';
import type { Table } from './words.ts';

const REFUSED = 'another try, for AWS says';
const NO_EFFECT = 'another try, for the last one had no effect';
/** What AWS refused only its caller knows, and says it so. */
export const ONLY_THE_CALLER_KNOWS = [REFUSED, NO_EFFECT];

/** AWS refused a call, or took it and it had no effect. */
export function anotherTry({ error }: { error?: AwsError | undefined }): { says: string; todo?: string } {
  if (!error) return { says: NO_EFFECT };
  const says = `${REFUSED} ${error.name}`;
  const { remedy: todo } = advice(error) ?? {};
  return todo === undefined ? { says: `${says}: ${error.message}` } : { says, todo };
}

/** Reasons that subnets and routers have in common. */
export const COMMON = {
  'another-try': anotherTry,
  turn: 'its turn: AWS takes {size} calls at once, then {refill} a second',
  paused: ({ idle, ...pause }: { since?: number | undefined; why: string; idle: boolean }) =>
    `a person to resume it (npm run -s ziti-glb -- resume), for it is ${pauseSentence(pause)}; ${idle ? 'there is nothing to do' : 'what is to be done is left undone'}`,
} as const satisfies Table;
