import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { servePage } from '../../local/demo/page/server.ts';
import { type Look, topology } from '../../shared/topology/model.ts';
import { answer } from '../../shared/topology/widget.ts';
import { HUB, id, world, worlds } from '../shared/topology/worlds.ts';
import { describeBrowser, openBrowser } from '../support/browser.ts';

const ARN = 'arn:aws:lambda:eu-central-1:111122223333:function:ziti-glb-prod-topology';

describeBrowser('the picture in a browser', () => {
  let shown: Look;
  let opened: Awaited<ReturnType<typeof openBrowser>>;
  let server: Awaited<ReturnType<typeof servePage>>;
  let page: Page;

  beforeAll(async () => {
    server = await servePage({
      widget: (event) => answer(event, ARN, async () => topology(shown)),
      log: (subject) => [`10:00:00 subnets INFO ${subject}: what was done`],
    });
    opened = await openBrowser();
    page = await opened.browser.newPage();
    await page.addInitScript({ content: axe.source });
  });
  afterAll(async () => {
    await opened?.close();
    await server?.close();
  });

  async function show(look: Look, { width = 1200, colorScheme = 'light' as 'light' | 'dark' } = {}) {
    shown = look;
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await page.goto(server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
  }
  /** The page's texts are as they are rendered: what has been drawn anew meanwhile is no part of the page any more, and asked again. */
  async function texts(selector: ReturnType<Page['getByRole']>): Promise<string[]> {
    const all = await selector.evaluateAll((some) => some.map((one) => ({ text: one.innerText, is: one.isConnected })));
    return all.every(({ is }) => is) ? all.map(({ text }) => text.replace(/\s+/g, ' ').trim()) : texts(selector);
  }
  const zone = (letter: string) => page.getByRole('region', { name: `Zone eu-central-1${letter}` });
  const rows = (letter: string, what: 'Subnets' | 'Routers') =>
    zone(letter)
      .getByRole('list', { name: `${what} in eu-central-1${letter}` })
      .getByRole('listitem');
  /** A screen reader says what happens on each stretch of a zone's way. */
  const flows = async (letter: string, what: 'Subnets' | 'Routers') => {
    const lines = await rows(letter, what).getByRole('img').all();
    return Promise.all(lines.map((line) => line.getAttribute('aria-label')));
  };
  const why = () => texts(page.getByRole('list', { name: 'Why not everything is ready' }).getByRole('listitem'));
  const headline = async () => (await texts(page.locator('main').getByRole('heading', { level: 2 })))[0];
  const vpce = (name: string) => `${id('vpce', name).slice(0, 13)}…`;

  test('healthy', async () => {
    await show(worlds.healthy);
    expect(await headline()).toBe('3 of 3 subnets ready, 2 of 2 routers healthy');
    expect(await texts(rows('a', 'Subnets'))).toEqual([
      `app-a ready to 10.20.0.0/16 ${vpce('app-a')} available`,
      `batch-a ready to 10.20.0.0/16 10.30.0.0/16 ${vpce('batch-a')} available`,
    ]);
    expect(await texts(rows('b', 'Subnets'))).toEqual([`app-b ready to 100.64.0.0/10 ${vpce('app-b')} available`]);
    expect(await texts(rows('b', 'Routers'))).toEqual(['router-2 ready 10.0.1.32 healthy']);
    expect(await flows('a', 'Subnets')).toEqual(['carries packets', 'carries packets']);
    expect(await flows('a', 'Routers')).toEqual(['carries packets']);
    expect(await zone('a').innerText()).toContain('1 other subnet not opted in');
    expect(await why()).toEqual([]);
  });

  test('waiting', async () => {
    await show(worlds.waiting);
    expect(await headline()).toBe('1 of 3 subnets ready, 1 of 2 routers healthy');
    expect(await why()).toEqual([
      'waiting app-b, batch-a: waits for its endpoint to be available',
      'waiting router-2: waits for its SSM agent to come online, within 15 min of its start log lines',
    ]);
    expect(await texts(rows('a', 'Subnets'))).toContain(`batch-a waiting to 10.20.0.0/16 ${vpce('batch-a')} pending`);
    expect(await texts(rows('b', 'Subnets'))).toEqual([
      `app-b waiting to 10.20.0.0/16 ${vpce('app-b')} pending acceptance`,
    ]);
    expect(await texts(rows('b', 'Routers'))).toEqual(['router-2 waiting 10.0.1.32 not registered']);
    expect(await flows('a', 'Subnets')).toEqual(['carries packets', 'will carry packets']);
    expect(await flows('b', 'Routers')).toEqual(['will carry packets']);
  });

  test('conflict, and a router that died', async () => {
    await show(worlds.conflict);
    expect(await headline()).toBe('2 of 3 subnets ready, 1 of 2 routers healthy');
    expect(await why()).toEqual([
      'down router-2: unhealthy: Target.Timeout since 2026-01-15 13:21 UTC log lines',
      'conflict batch-a: 10.30.0.0/16 in rtb-0e1d2c3b4a5968778 leads to nat-0e8c1a2b3c4d5e6f7, which is not ours log lines',
    ]);
    expect(await rows('a', 'Subnets').locator('s').allInnerTexts()).toEqual(['10.30.0.0/16']);
    expect(await flows('a', 'Subnets')).toEqual(['carries packets', 'carries packets']);
    expect(await flows('b', 'Routers')).toEqual(['packets are lost here']);
  });

  test('refused', async () => {
    await show(worlds.refused);
    expect(await headline()).toBe('1 of 2 subnets ready, 2 of 3 routers healthy');
    expect(await why()).toEqual([
      'refused app-b: 0.0.0.0/0 would lead back into the endpoint, for rtb-0b also serves app-b log lines',
      'refused router-3: its tag ziti-glb is ruoter, not router log lines',
    ]);
    expect(await texts(rows('b', 'Subnets'))).toEqual(['app-b refused to 0.0.0.0/0 no endpoint']);
    expect(await flows('b', 'Subnets')).toEqual([]);
    expect(await flows('b', 'Routers')).toEqual(['carries packets']);
  });

  test('no router', async () => {
    await show(worlds['no router']);
    expect(await headline()).toBe('0 of 2 subnets ready, no router');
    expect(await why()).toEqual([
      'down app-a: its routes stand, but no healthy router is in reach log lines',
      'waiting app-b: waits for a healthy router, without which a route would lead nowhere log lines',
    ]);
    expect(await zone('a').innerText()).toContain('No router in this zone');
    expect(await zone('a').innerText()).toContain('no healthy router in reach');
    expect(await flows('a', 'Subnets')).toEqual(['packets are lost here']);
    expect(await flows('b', 'Subnets')).toEqual(['will carry packets']);
  });

  test('a hub and its spokes', async () => {
    await show(worlds['a hub and its spokes']);
    expect(await headline()).toBe('3 of 3 subnets ready, 2 of 2 routers healthy');
    const others = page.getByRole('region', { name: 'Other accounts' });
    const spokes = others.getByRole('list', { name: 'Spokes' }).getByRole('listitem');
    expect(await texts(spokes)).toEqual([
      '222233334444 waiting 2 endpoints: 1 pending acceptance, 1 available',
      '333344445555 refused 1 endpoint: 1 rejected',
      '444455556666 waiting no endpoint yet',
    ]);
    const ways = await spokes.getByRole('img').all();
    expect(await Promise.all(ways.map((way) => way.getAttribute('aria-label')))).toEqual(['carries packets']);
    expect(await texts(page.locator('.zg-titles p'))).toEqual([
      'Subnets of account 111122223333 and their endpoints',
      'Gateway Load Balancer',
      'Routers',
    ]);
    expect(await texts(zone('a').locator('.zg-vpc'))).toEqual([
      "vpc-0a1b2c3d4e5f60718, the routers'",
      id('vpc', 'far'),
    ]);
    await spokes.getByRole('button', { name: '222233334444' }).click();
    const endpoints = page.getByRole('dialog', { name: '222233334444' }).getByRole('list', { name: 'Endpoints' });
    // A dialog opens when the server has answered what it is about.
    await endpoints.waitFor();
    expect((await texts(endpoints.getByRole('listitem'))).toSorted()).toEqual(
      [`${id('vpce', 'one')} available log lines`, `${id('vpce', 'two')} pending acceptance log lines`].toSorted(),
    );
  });

  const hub = () => texts(page.locator('.zg-hub'));
  const fleet = (zoneName: string) =>
    texts(page.getByRole('region', { name: `Zone ${zoneName}` }).locator('.zg-out .zg-card, .zg-out .zg-none'));

  test('a spoke', async () => {
    await show(worlds['a spoke']);
    expect(await headline()).toBe('1 of 3 subnets ready, healthy routers for 2 of 3 zones');
    expect(await hub()).toEqual([
      `Hub: account 111122223333 · ${HUB.service} · 3 endpoints: 2 available, 1 pending acceptance · it told of its routers 12 seconds ago`,
    ]);
    expect(await texts(page.locator('.zg-titles p'))).toEqual([
      'Subnets of account 222233334444 and their endpoints',
      'Endpoint service',
      'Routers of account 111122223333',
    ]);
    expect(await texts(zone('a').locator('.zg-vpc'))).toEqual([id('vpc', 'data'), id('vpc', 'shop')].toSorted());
    expect(await texts(zone('a').locator('.zg-node'))).toEqual(['service euc1-az2']);
    expect(await fleet('eu-central-1a')).toEqual(['2 healthy routers ready told 12 seconds ago']);
    expect(await fleet('eu-central-1b')).toEqual(['No healthy router down told 12 seconds ago']);
    expect(await fleet('euc1-az1')).toEqual(['1 healthy router ready told 12 seconds ago']);
    expect(await page.getByText('Other accounts').count()).toBe(0);
  });

  test('a spoke that hears nothing: what is not known is no fault, and no health', async () => {
    await show(worlds['a spoke that hears nothing']);
    expect(await headline()).toBe('2 of 3 subnets ready, routers not known');
    expect((await hub())[0]).toContain('it has told nothing of its routers: arn:aws:lambda:eu-central-1:111122223333:');
    expect(await fleet('eu-central-1b')).toEqual(['Routers not known waiting not told']);
  });

  test('a spoke without a service', async () => {
    await show(worlds['a spoke without a service']);
    expect((await hub())[0]).toContain(`${HUB.service}, which is not there for this account · 1 endpoint`);
    expect(await texts(zone('a').locator('.zg-pillar'))).toEqual(['not there']);
    expect(await fleet('eu-central-1a')).toEqual(['Not known while the service is not there']);
  });

  test('50 subnets', async () => {
    await show(worlds['50 subnets']);
    expect(await headline()).toBe('44 of 50 subnets ready, 6 of 6 routers healthy');
    expect(await why()).toEqual([
      'waiting team-05, team-14, team-23, team-32, team-41, team-50: waits for its endpoint to be available',
    ]);
    const counts = await Promise.all(['a', 'b', 'c'].map((letter) => rows(letter, 'Subnets').count()));
    expect(counts).toEqual([17, 17, 16]);
    const heights = await rows('a', 'Subnets').evaluateAll((all) => all.map((row) => row.clientHeight));
    expect(Math.max(...heights)).toBeLessThanOrEqual(32);
  });

  const everyWorld = Object.entries(worlds);

  test.each(everyWorld)('%s: nobody is shut out, in light or dark', async (_, look) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await show(look, { colorScheme });
      expect(await violations(page)).toEqual([]);
      await page.getByRole('button').first().click();
      await page.getByRole('dialog').waitFor();
      expect(await violations(page)).toEqual([]);
    }
  });

  test.each(everyWorld)('%s: fits 390, 600, 1200 and 2400 pixels', async (_, look) => {
    for (const width of [390, 600, 1200, 2400]) {
      await show(look, { width });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      const cut = await page
        .locator(
          '.zg-title button, .zg-title span, .zg-title b, .zg-side p, .zg-node p, .zg-titles p, .zg-vpc, .zg-hub p, .zg-pillar p',
        )
        .evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent));
      expect(cut).toEqual([]);
    }
  });

  test('it moves while one looks, and the keyboard stays where it was', async () => {
    const subnets = { 'app-a': { wish: '10.20.0.0/16' }, 'app-b': { wish: '10.20.0.0/16' } };
    await show(world({ subnets, routers: { 'router-1': {} } }));
    await rows('a', 'Subnets').getByRole('button', { name: 'app-b' }).focus();
    shown = world({
      subnets,
      routers: {
        'router-1': {
          health: 'unhealthy',
          waits: { code: 'health-checks', state: 'unhealthy', why: 'Target.Timeout' },
        },
      },
    });
    await page.getByRole('heading', { name: '0 of 2 subnets ready, 0 of 1 router healthy' }).waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('app-b');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('heading', { name: 'app-b down' }).waitFor();
    await page.keyboard.press('Escape');
    await page.waitForFunction("document.activeElement.textContent === 'app-b'");
  });

  test('the keyboard is where the dialog was opened from, though that was drawn anew meanwhile', async () => {
    await show(worlds.conflict);
    const links = page.getByRole('link', { name: 'log lines' });
    await links.nth(1).focus();
    const place = 'document.activeElement.dataset.log';
    const second = await page.evaluate(place);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'log lines' }).waitFor();
    await page.evaluate('document.querySelector("main a").dataset.old = "yes"');
    await page.locator('main a[data-old]').first().waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
    await page.waitForFunction(`${place} === ${JSON.stringify(second)}`);
    await page.evaluate('document.querySelector("main a").dataset.old = "yes"');
    await page.locator('main a[data-old]').first().waitFor({ state: 'detached' });
    await page.waitForFunction(`${place} === ${JSON.stringify(second)}`);
  });

  test('a dialog has the name of what it is about', async () => {
    await show(worlds.conflict);
    await rows('a', 'Subnets').getByRole('button', { name: 'batch-a' }).click();
    await page.getByRole('dialog', { name: 'batch-a' }).waitFor();
  });

  test('a name leads to what is known of it, and that to the log and the console', async () => {
    await show(worlds.conflict);
    await rows('a', 'Subnets').getByRole('button', { name: 'batch-a' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('heading', { name: 'batch-a conflict' }).waitFor();
    const facts = Object.fromEntries(
      await dialog
        .locator('dt')
        .evaluateAll((terms) => terms.map((term) => [term.textContent, term.nextElementSibling?.textContent])),
    );
    expect(facts).toMatchObject({
      Subnet: id('subnet', 'batch-a'),
      'Tag ziti-glb': '10.20.0.0/16 10.30.0.0/16',
      Routes: '10.20.0.0/1610.30.0.0/16: not to an endpoint of ours',
      Endpoint: `${id('vpce', 'batch-a')} available`,
      Packets: 'pass',
    });
    await dialog.getByRole('link', { name: 'log lines' }).click();
    await dialog.getByText(`subnets INFO ${id('subnet', 'batch-a')}: what was done`).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await rows('a', 'Subnets')
      .getByRole('link', { name: vpce('app-a') })
      .click();
    await dialog.getByText(`EndpointDetails:vpcEndpointId=${id('vpce', 'app-a')}`).waitFor();
  });

  test('a picture that cannot be drawn is said to be old', async () => {
    await show(worlds.healthy);
    shown = {
      ...worlds.healthy,
      routers: { ...worlds.healthy.routers, world: { ...worlds.healthy.routers.world, nodes: Object(null) } },
    };
    await page.getByRole('status').getByText('The picture is as it was last seen').waitFor();
    expect(await headline()).toBe('3 of 3 subnets ready, 2 of 2 routers healthy');
  });
});

/** axe finds this wrong with the page, best practices included. */
async function violations(page: Page): Promise<string[]> {
  const { violations: found } = (await page.evaluate('axe.run()')) as axe.AxeResults;
  return found.flatMap(({ id: rule, nodes }) => nodes.map(({ html }) => `${rule}: ${html}`));
}
