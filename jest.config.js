const project = (displayName, testMatch) => ({
  displayName,
  testMatch,
  testEnvironment: 'node',
  runtime: '<rootDir>/test/support/runtime.js',
  extensionsToTreatAsEsm: ['.ts'],
  globalSetup: '<rootDir>/test/support/packages.js',
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.js' },
});

/**
 * `unit` runs anywhere, in minutes; `stack` packages the stack and runs it in a cloud without packets; `browser` needs
 * Chromium; `kernel` needs root and eBPF: namespaces, programs, packets.
 */
export default {
  projects: [
    project('unit', ['<rootDir>/test/**/!(*.stack|*.kernel|*.browser).test.ts']),
    project('stack', ['<rootDir>/test/**/*.stack.test.ts']),
    project('browser', ['<rootDir>/test/**/*.browser.test.ts']),
    project('kernel', ['<rootDir>/test/**/*.kernel.test.ts']),
  ],
  // Worlds by the dozen, and real packets, and CI has others beside them: what is slow here is never a test that hangs for less than this.
  testTimeout: 600_000,
  testSequencer: '<rootDir>/test/support/longest-first.js',
  reporters: ['default', '<rootDir>/test/support/skipped-reporter.js'],
};
