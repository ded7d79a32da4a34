import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { servePage } from '../../local/demo/page/server.ts';
import { type Server, serve } from '../../local/wire/server.ts';
import { describeBrowser, openBrowser } from '../support/browser.ts';

describeBrowser('a page of another origin', () => {
  /** What got through to the cloud or to the demo's page. */
  const reached: string[] = [];
  let api: Server;
  let picture: Awaited<ReturnType<typeof servePage>>;
  let elsewhere: HttpServer;
  let opened: Awaited<ReturnType<typeof openBrowser>>;
  let page: Page;

  beforeAll(async () => {
    api = await serve(async ({ method, url }) => {
      reached.push(`${method} ${url}`);
      return { status: 200, headers: { 'access-control-allow-origin': '*' }, body: 'reached' };
    });
    picture = await servePage({
      widget: async (event) => {
        reached.push(`widget ${JSON.stringify(event)}`);
        return 'reached';
      },
      log: () => [],
    });
    elsewhere = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>elsewhere</title>');
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    opened = await openBrowser();
    page = await opened.browser.newPage();
    await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
  });
  afterEach(() => void reached.splice(0));
  afterAll(async () => {
    await opened?.close();
    await new Promise((resolve) => elsewhere?.close(resolve));
    await picture?.close();
    await api?.close();
  });

  const targets = (): [string, string][] => [
    ['the API', `${api.url}/`],
    ['the page, by its secret address', `${picture.url}widget`],
  ];

  test.each(['cors', 'no-cors'] as const)('reads and does nothing by fetch in mode %s', async (mode) => {
    for (const [, url] of targets()) {
      const said = await page.evaluate(
        ([url, mode]) =>
          fetch(url, { method: 'POST', mode: mode as 'cors', body: 'Action=DescribeVpcs' }).then(
            (answer) => answer.text(),
            () => 'failed',
          ),
        [url, mode] as const,
      );
      expect(said).not.toContain('reached');
    }
    expect(reached).toEqual([]);
  });

  test('does nothing by a form, a picture or a frame', async () => {
    for (const [, url] of targets()) {
      // Text, for what runs in the page is no program of this one's types.
      await page.evaluate(`document.body.innerHTML = ${JSON.stringify(`
        <iframe name="answer"></iframe><img src="${url}"><iframe src="${url}"></iframe>
        <form target="answer" action="${url}" method="post" enctype="text/plain"><input name='{"a":"' value='"}'></form>`)};
        document.forms[0].submit()`);
      // It ends there, or is stopped on its way.
      await page
        .frame('answer')
        ?.waitForURL(url)
        .catch(() => {});
      await page.waitForLoadState('networkidle');
    }
    expect(reached).toEqual([]);
  });

  test('that is rebound to this machine, does nothing either', async () => {
    const { port } = new URL(api.url);
    const rebound = await opened.browser.newPage();
    // What chromium resolves to loopback by itself stands for a name whose owner has rebound it.
    const answer = await rebound.goto(`http://rebound.localhost:${port}/`);
    expect([answer?.status(), await answer?.text()]).toEqual([
      403,
      expect.stringContaining('and not "rebound.localhost'),
    ]);
    expect(
      await rebound.evaluate(() => fetch('/', { method: 'POST', body: 'Action=DescribeVpcs' }).then((a) => a.status)),
    ).toBe(403);
    expect(reached).toEqual([]);
    await rebound.close();
  });

  test('is not what the page itself is', async () => {
    const own = await opened.browser.newPage();
    await own.goto(picture.url);
    await own.getByText('Live, as a CloudWatch dashboard shows it.').waitFor();
    expect(reached.length).toBeGreaterThan(0);
    await own.close();
  });
});
