import { describe, expect, test } from '@jest/globals';

/** A `describe` for tests that not every machine can run: skipped where there is a reason, a failure where CI=true. */
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
