import type { Finding } from './json.ts';
import { explain } from './person.ts';

export type { Finding };

export const finding = (is: Finding['is'], check: string, says: string, remedy = ''): Finding => ({
  is,
  check,
  says,
  remedy,
});

/** These, if there are any; else this is all there is to say. */
export const elseOk = (found: Finding[], check: string, says: string): Finding[] =>
  found.length > 0 ? found : [finding('ok', check, says)];

export function unreadable(check: string, error: string): Finding {
  return finding('unknown', check, `it cannot be read: ${error}`, 'let who runs this read it, or look in the console');
}

/** A check whose reads AWS refuses says nothing about the rest. */
export async function attempt(check: string, read: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await read();
  } catch (error) {
    return [unreadable(check, explain(error))];
  }
}
