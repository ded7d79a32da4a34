import { relative } from 'node:path';
import { fabricUnavailable } from '../../local/fabric/available.ts';
import { zitiUnavailable } from '../../local/fabric/ziti.ts';
import { chromiumUnavailable } from './chromium.ts';

/** Jest names what was not run, and why: a green line must not hide it. */
export default class SkippedReporter {
  onRunComplete(_contexts, results) {
    if (results.numPendingTests === 0) return;
    const reasons = [fabricUnavailable(), chromiumUnavailable(), zitiUnavailable()].filter(Boolean).join('; ');
    console.log(`\nSkipped ${results.numPendingTests} tests: ${reasons || 'marked so in their files'}. They are in:`);
    for (const { testFilePath, numPendingTests } of results.testResults) {
      if (numPendingTests > 0) console.log(`  ${relative(process.cwd(), testFilePath)} (${numPendingTests})`);
    }
  }
}
