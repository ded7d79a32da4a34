import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AccessKey } from './iam/keys.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A cloud on this machine whose key cannot be had: the message says what to do. */
export class NoCredentials extends Error {}

/** Where the operator's access key of the cloud at this address is, for who may read it: the user who has started it. */
export const credentialsFile = (endpoint: string) => `${ROOT}build/credentials-${new URL(endpoint).port || '80'}`;

/**
 * Writes the key as the AWS command line reads one (`AWS_SHARED_CREDENTIALS_FILE`), for this user only.
 * @param others keys of other accounts, by the names of their profiles
 * @returns what removes it
 */
export function writeCredentials(
  endpoint: string,
  key: AccessKey,
  others: Readonly<Record<string, AccessKey>> = {},
): () => void {
  const file = credentialsFile(endpoint);
  const remove = () => rmSync(file, { force: true });
  mkdirSync(dirname(file), { recursive: true });
  // A new file: one that is there may be somebody's who has it open.
  remove();
  const text = Object.entries({ default: key, ...others }).map(
    ([profile, { accessKeyId, secretAccessKey, sessionToken }]) =>
      [
        `[${profile}]`,
        `aws_access_key_id = ${accessKeyId}`,
        `aws_secret_access_key = ${secretAccessKey}`,
        ...(sessionToken ? [`aws_session_token = ${sessionToken}`] : []),
        '',
      ].join('\n'),
  );
  writeFileSync(file, text.join(''), { flag: 'wx', mode: 0o600 });
  return remove;
}

/** The same, as a command finds it that is typed elsewhere: what the demo has its reader export. Another cloud's file is no demo's. */
function fileFor(endpoint: string): string {
  const own = credentialsFile(endpoint);
  const { AWS_SHARED_CREDENTIALS_FILE: told = '' } = process.env;
  return basename(told) === basename(own) ? told : own;
}

/** @throws NoCredentials if there is no such cloud, it is another user's, or it has no such profile */
export function readCredentials(endpoint: string, profile = 'default'): AccessKey {
  const file = fileFor(endpoint);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new NoCredentials(why(Object(error).code, endpoint, file), { cause: error });
  }
  const profiles = new Map(text.split(/^\[/m).map((part) => [part.slice(0, part.indexOf(']')), part]));
  const section = profiles.get(profile);
  if (section === undefined) {
    const there = [...profiles.keys()].filter(Boolean).join(', ');
    throw new NoCredentials(`The demo at ${endpoint} has no profile ${profile}. It has: ${there}`);
  }
  const value = (name: string) => new RegExp(`^${name} = (.+)$`, 'm').exec(section)?.[1] ?? '';
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
