import { afterEach, expect, test } from '@jest/globals';
import { NoCredentials, readCredentials, writeCredentials } from '../../local/credentials.ts';

/** Nothing answers there. */
const ENDPOINT = 'http://127.0.0.1:1';
const [own, other] = ['operator', 'operator-222233334444'].map((accessKeyId) => ({
  accessKeyId,
  secretAccessKey: `of ${accessKeyId}`,
}));

let forget: (() => void) | undefined;
afterEach(() => forget?.());

test('the keys of a cloud in a box are found by their profiles, and of one that is not there it is said which are', () => {
  forget = writeCredentials(ENDPOINT, { ...own, sessionToken: 'of a role' } as never, { 222233334444: other as never });
  expect(readCredentials(ENDPOINT)).toEqual({ ...own, sessionToken: 'of a role' });
  expect(readCredentials(ENDPOINT, '222233334444')).toEqual(other);
  expect(() => readCredentials(ENDPOINT, 'production')).toThrow(
    new NoCredentials(`The demo at ${ENDPOINT} has no profile production. It has: default, 222233334444`),
  );
});
