import type { UnsuccessfulItem } from '@aws-sdk/client-ec2';

/** AWS's code of an error, e.g. `RouteAlreadyExists`; empty for what is no AWS error. */
export function code(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** An error of AWS in facts. */
export interface AwsError {
  /** AWS's code. */
  name: string;
  message: string;
  /** Node's word for what happened to a connection, which is in the name of none. */
  code?: string | undefined;
}

/** What is no error is all words. */
export function factsOf(error: unknown): AwsError {
  if (!(error instanceof Error)) return { name: '', message: String(error) };
  const { name, message, code } = error as AwsError;
  return { name, message, ...(code !== undefined && { code }) };
}

/** Waits for a call whose goal may have been reached already: an error with one of these codes says that it was. */
export async function absorb(call: Promise<unknown>, ...codes: string[]): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!codes.includes(code(error))) throw error;
  }
}

/** EC2's calls on several resources list what failed: throws the first code, unless all are among `harmless`. */
export function refuseUnsuccessful(items: UnsuccessfulItem[] | undefined, ...harmless: string[]): void {
  const failed = items?.filter((item) => !harmless.includes(item.Error?.Code ?? '')) ?? [];
  if (failed.length === 0) return;
  const error = new Error(failed.map((item) => `${item.ResourceId}: ${item.Error?.Message}`).join('; '));
  error.name = failed[0]?.Error?.Code ?? 'Unsuccessful';
  throw error;
}
