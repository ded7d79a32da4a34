import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { pageOf } from '../../local/demo/page/page.ts';
import { describeBrowser, openBrowser } from '../support/browser.ts';
import { describePackaged } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

describeBrowser('the page of the demo', () => {
  describePackaged('with the packaged stack', () => {
    let stack: StackInBox;
    let served: Awaited<ReturnType<typeof pageOf>>;
    let opened: Awaited<ReturnType<typeof openBrowser>>;
    let page: Page;

    beforeAll(async () => {
      // What passes by is there for long enough to be seen on a busy machine.
      stack = await stackInBox({ rate: 20 });
      served = await pageOf(stack.box, stack.log);
      opened = await openBrowser();
      page = await opened.browser.newPage();
      page.setDefaultTimeout(150_000);
    });
    afterAll(async () => {
      await opened?.close();
      await served?.close();
      await stack?.box.close();
    });

    const headline = (name: string) => page.getByRole('heading', { level: 2, name }).waitFor();
    const row = (...words: string[]) =>
      words
        .reduce((found, hasText) => found.filter({ hasText }), page.getByRole('region').getByRole('listitem'))
        .waitFor();

    test('moves while subnets are tagged and routers launched and killed', async () => {
      const { operator, log } = stack;
      await page.goto(served.url);
      await headline('No subnet opted in, no router');

      await operator.launch('router-1', 0);
      await row('router-1', 'waiting');
      await headline('No subnet opted in, 1 of 1 router healthy');

      await operator.tag('app-a', '10.20.0.0/16');
      await row('app-a', 'waiting', 'pending');
      await row('app-a', 'ready', 'available');
      await headline('1 of 1 subnet ready, 1 of 1 router healthy');

      await page.getByRole('button', { name: 'app-a' }).click();
      await page.getByRole('dialog').getByRole('link', { name: 'log lines' }).click();
      await page.getByRole('dialog').getByText('route 10.20.0.0/16').first().waitFor();
      await page.keyboard.press('Escape');

      await operator.tag('app-b', '0.0.0.0/0');
      await row('app-b', 'refused');
      await page.getByRole('list', { name: 'Why not everything is ready' }).getByText('0.0.0.0/0').waitFor();

      await operator.kill('router-1');
      await row('router-1', 'down', 'unhealthy');
      await headline('0 of 2 subnets ready, 0 of 1 router healthy');

      await operator.untag('app-a');
      await operator.untag('app-b');
      await headline('No subnet opted in, 0 of 1 router healthy');
      expect(log.filter((line) => /not authorized|UnauthorizedOperation|AccessDenied/.test(line))).toEqual([]);
    });
  });
});
