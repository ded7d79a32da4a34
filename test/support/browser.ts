import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { CHROMIUM, chromiumUnavailable } from './chromium.ts';
import { describeUnless } from './describe-unless.ts';

/** Tests of such a `describe` need a browser. */
export const describeBrowser = (name: string, tests: () => void) => describeUnless(chromiumUnavailable(), name, tests);

/** Debian's Chromium runs without a window, a past, or anything to say to anyone but the page. */
export async function openBrowser(): Promise<{ browser: BrowserContext; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'chromium-'));
  const browser = await chromium.launchPersistentContext(folder, {
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    browser,
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
