import { describe, expect, test } from '@jest/globals';

/** Not every machine can run the tests of such a `describe`: skipped where there is a reason, a failure where CI=true. */
export function describeUnless(reason: string | undefined, name: string, tests: () => void): void {
  if (reason === undefined) {
    describe(name, tests);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      test('runs in CI', () => expect(reason).toBeUndefined());
    });
  } else {
    describe.skip(name, tests);
  }
}
