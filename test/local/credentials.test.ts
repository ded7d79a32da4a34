import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { credentialsFile, NoCredentials, readCredentials, writeCredentials } from '../../local/credentials.ts';

/** Nothing answers there. */
const ENDPOINT = 'http://127.0.0.1:1';
const [own, other] = ['operator', 'operator-222233334444'].map((accessKeyId) => ({
  accessKeyId,
  secretAccessKey: `of ${accessKeyId}`,
}));

let forget: (() => void) | undefined;
afterEach(() => forget?.());

test('a demo’s key is found by who was told its file, and no other file is taken for it', () => {
  forget = writeCredentials(ENDPOINT, own as never);
  const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  const moved = join(folder, basename(credentialsFile(ENDPOINT)));
  renameSync(credentialsFile(ENDPOINT), moved);
  const { AWS_SHARED_CREDENTIALS_FILE: before } = process.env;
  try {
    process.env.AWS_SHARED_CREDENTIALS_FILE = moved;
    expect(readCredentials(ENDPOINT)).toEqual(own);
    renameSync(moved, join(folder, 'credentials'));
    process.env.AWS_SHARED_CREDENTIALS_FILE = join(folder, 'credentials');
    expect(() => readCredentials(ENDPOINT)).toThrow(/^No demo of this checkout runs/);
  } finally {
    process.env.AWS_SHARED_CREDENTIALS_FILE = before;
    if (before === undefined) delete process.env.AWS_SHARED_CREDENTIALS_FILE;
    rmSync(folder, { recursive: true });
  }
});

test('the keys of a cloud in a box are found by their profiles, and of one that is not there it is said which are', () => {
  forget = writeCredentials(ENDPOINT, { ...own, sessionToken: 'of a role' } as never, { 222233334444: other as never });
  expect(readCredentials(ENDPOINT)).toEqual({ ...own, sessionToken: 'of a role' });
  expect(readCredentials(ENDPOINT, '222233334444')).toEqual(other);
  expect(() => readCredentials(ENDPOINT, 'production')).toThrow(
    new NoCredentials(`The demo at ${ENDPOINT} has no profile production. It has: default, 222233334444`),
  );
});
