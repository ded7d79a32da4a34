import { relative } from 'node:path';
import { fabricUnavailable } from '../../local/fabric/available.ts';
import { zitiUnavailable } from '../../local/fabric/ziti.ts';
import { chromiumUnavailable } from './chromium.ts';

/** Jest names what was not run, and why: a green line must not hide it. What `-t` leaves out is not asked for. */
export default class SkippedReporter {
  constructor({ testNamePattern }) {
    this.asked = new RegExp(testNamePattern ?? '', 'i');
  }

  onRunComplete(_contexts, { testResults }) {
    const files = testResults
      .map((file) => ({
        path: file.testFilePath,
        skipped: file.testResults.filter(({ status, fullName }) => status === 'pending' && this.asked.test(fullName)),
      }))
      .filter(({ skipped }) => skipped.length > 0);
    if (files.length === 0) return;
    const reasons = [fabricUnavailable(), chromiumUnavailable(), zitiUnavailable()].filter(Boolean).join('; ');
    const all = files.flatMap(({ skipped }) => skipped);
    console.log(`\nSkipped ${all.length} tests: ${reasons || 'marked so in their files'}. They are in:`);
    for (const { path, skipped } of files) console.log(`  ${relative(process.cwd(), path)} (${skipped.length})`);
  }
}
