import { describe, expect, test } from '@jest/globals';
import { topology } from '../../../shared/topology/model.ts';
import { answer } from '../../../shared/topology/widget.ts';
import { id, world, worlds } from './worlds.ts';

const ARN = 'arn:aws:lambda:eu-central-1:111122223333:function:ziti-glb-prod-topology';
const ask = (event: unknown, shown = worlds.conflict) => answer(event, ARN, async () => topology(shown));

describe('the contract of a custom widget', () => {
  test('asked to describe itself, it answers Markdown without looking', async () => {
    const said = await answer({ describe: true }, ARN, () => Promise.reject(new Error('looked')));
    expect(said).toMatch(/^## /);
    const [, body = ''] = /```json\n([^`]+)```/.exec(said) ?? [];
    expect(JSON.parse(body)).toMatchObject({
      type: 'custom',
      properties: { endpoint: ARN, updateOn: { refresh: true, resize: true, timeRange: true } },
    });
  });

  test('a look that fails is an error, not a picture', async () => {
    await expect(answer({}, ARN, () => Promise.reject(new Error('denied')))).rejects.toThrow('denied');
  });

  test('each name calls the same function for a popup about itself', async () => {
    const calls = [...(await ask({})).matchAll(/<\/button><cwdb-action ([^>]+)>([^<]+)<\/cwdb-action>/g)];
    expect(new Set(calls.map(([, attributes]) => attributes))).toEqual(
      new Set([`action="call" display="popup" endpoint="${ARN}"`]),
    );
    const subjects = calls.map(([, , json = '']) => JSON.parse(json.replaceAll('&quot;', '"')).subject);
    expect(new Set(subjects)).toEqual(
      new Set(
        ['app-a', 'batch-a', 'app-b']
          .map((name) => id('subnet', name))
          .concat(id('i', 'router-1'), id('i', 'router-2')),
      ),
    );
  });

  test('the popup tells of a subnet, with ways to the console and to the log of the dashboard’s time', async () => {
    const timeRange = { mode: 'absolute', start: Date.UTC(2026, 0, 15, 14), end: Date.UTC(2026, 0, 15, 15) };
    const said = await ask({ subject: id('subnet', 'batch-a'), widgetContext: { timeRange } });
    for (const part of [
      'batch-a',
      'conflict',
      '10.30.0.0/16 in rtb-0e1d2c3b4a5968778 leads to nat-0e8c1a2b3c4d5e6f7, which is not ours',
      `#SubnetDetails:subnetId=${id('subnet', 'batch-a')}`,
      `#EndpointDetails:vpcEndpointId=${id('vpce', 'batch-a')}`,
      `#RouteTableDetails:RouteTableId=${id('rtb', 'batch-a')}`,
      'start~&#39;2026-01-15T14*3a00*3a00.000Z',
    ])
      expect(said).toContain(part);
  });

  test('the popup of a spoke’s subnet tells its VPC and account, and leads to the log of functions that a spoke has', async () => {
    const said = await ask({ subject: id('subnet', 'web-a') }, worlds['a spoke']);
    expect(said).toContain(`#VpcDetails:VpcId=${id('vpc', 'shop')}`);
    expect(said).toContain('of account 222233334444');
    expect(said).toContain('ziti-glb-spoke-prod-subnets');
    expect(said).not.toContain('-routers');
  });

  test('the popup of another account tells of each of its endpoints', async () => {
    const said = await ask({ subject: 'account-222233334444' }, worlds['a hub and its spokes']);
    for (const part of [
      'account 222233334444',
      id('vpce', 'one'),
      'available',
      id('vpce', 'two'),
      'pending acceptance',
    ])
      expect(said).toContain(part);
    expect(said).not.toContain(id('vpce', 'three'));
  });

  test('the popup of an account that may connect says that nothing of it is connected', async () => {
    const said = await ask({ subject: 'account-444455556666' }, worlds['a hub and its spokes']);
    expect(said).toContain('account 444455556666');
    expect(said).toContain('none is connected or asks to be: its spoke makes one');
  });

  test('the popup tells of a router', async () => {
    const said = await ask({ subject: id('i', 'router-2') });
    for (const part of [
      'router-2',
      'unhealthy: Target.Timeout since 2026-01-15 13:21 UTC',
      `#InstanceDetails:instanceId=${id('i', 'router-2')}`,
    ])
      expect(said).toContain(part);
  });
});

describe('what comes in and what is shown is not trusted', () => {
  test.each([
    {},
    { widgetContext: 'none' },
    { widgetContext: { theme: 'blink', width: '1e9', height: -1, timeRange: { start: 'x' } } },
  ])('a context that is not understood is left aside: %j', async (event) => {
    expect(await ask(event)).toContain('2 of 3 subnets ready');
  });

  test.each([
    undefined,
    'text',
    { describe: 'yes' },
    { subject: 7 },
    { subject: '<script>alert(1)</script>' },
    { subject: '"><img src=x onerror=alert(1)>' },
  ])('%j is refused', async (event) => {
    await expect(ask(event)).rejects.toThrow(/^This is no call of a dashboard\. ./);
  });

  test('a click on what has gone meanwhile says so', async () => {
    expect(await ask({ subject: 'subnet-0f' })).toContain('subnet-0f is not in the picture any more');
  });

  test('a tag that is markup is text', async () => {
    const evil = '"><script>alert(1)</script>';
    const shown = world({
      subnets: { [evil]: { wish: evil, refused: { code: 'not-a-cidr', word: evil } } },
      routers: { [evil]: {} },
    });
    for (const event of [{}, { subject: id('subnet', evil) }]) {
      const said = await ask(event, shown);
      expect(said).toContain('&lt;script&gt;');
      expect(said).not.toContain('<script');
    }
  });

  test('nothing runs and nothing is fetched: no script, frame, handler, image or <use>', async () => {
    for (const shown of Object.values(worlds)) {
      expect(await ask({}, shown)).not.toMatch(
        /<(script|iframe|img|use|link|object|embed)\b|\son\w+=|javascript:|url\(|@import/i,
      );
    }
  });
});

test('the theme and the room are the widget’s', async () => {
  const light = await ask({ widgetContext: { theme: 'light', width: 600, height: 400 } });
  const dark = await ask({ widgetContext: { theme: 'dark', width: 2400, height: 1600 } });
  expect(light).toContain('--ink:#16191f');
  expect(dark).toContain('--ink:#e9ebed');
  expect(light).toMatch(/class="zg zg-compact zg-narrow cwdb-no-default-styles" style="font-size:12px/);
  expect(dark).toMatch(/class="zg {2}cwdb-no-default-styles" style="font-size:20px/);
});
