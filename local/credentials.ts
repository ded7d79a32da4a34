import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AccessKey } from './wire/keys.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A cloud on this machine whose key cannot be had: the message says what to do. */
export class NoCredentials extends Error {}

/** Where the operator's access key of the cloud at this address is, for who may read it: the user who has started it. */
export const credentialsFile = (endpoint: string) => `${ROOT}build/credentials-${new URL(endpoint).port || '80'}`;

/**
 * Writes the key as the AWS command line reads one (`AWS_SHARED_CREDENTIALS_FILE`), for this user only.
 * @returns what removes it
 */
export function writeCredentials(
  endpoint: string,
  { accessKeyId, secretAccessKey, sessionToken }: AccessKey,
): () => void {
  const file = credentialsFile(endpoint);
  const remove = () => rmSync(file, { force: true });
  mkdirSync(dirname(file), { recursive: true });
  // A new file: one that is there may be somebody's who has it open.
  remove();
  const session = sessionToken ? `aws_session_token = ${sessionToken}\n` : '';
  const text = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n${session}`;
  writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  return remove;
}

/** @throws NoCredentials if there is no such cloud, or it is another user's */
export function readCredentials(endpoint: string): AccessKey {
  const file = credentialsFile(endpoint);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new NoCredentials(why(Object(error).code, endpoint, file), { cause: error });
  }
  const value = (name: string) => new RegExp(`^${name} = (.+)$`, 'm').exec(text)?.[1] ?? '';
  const sessionToken = value('aws_session_token');
  return {
    ...{ accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') },
    ...(sessionToken && { sessionToken }),
  };
}

function why(code: string, endpoint: string, file: string): string {
  if (code === 'ENOENT')
    return `No demo of this checkout runs at ${endpoint}. Start one that stays: npm run demo -- --keep`;
  if (code === 'EACCES' || code === 'EPERM')
    return `The demo at ${endpoint} is for the user who started it alone, and so is ${file}. Run this as that user.`;
  return `The key of the demo at ${endpoint} cannot be read: ${file}: ${code}. Start another: npm run demo -- --keep`;
}
