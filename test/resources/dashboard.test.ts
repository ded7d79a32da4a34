import { describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { body, spokeBody } from '../../resources/dashboard.js';
import { METRICS, METRICS_OF_VPC } from '../../shared/metrics.ts';

const text = z.string().min(1);
const size = { width: z.int().min(1).max(24), height: z.int().min(1).max(1000) };
/** A metric is a list: an expression alone, or namespace, name and pairs of dimensions, with options at its end. */
const expression = z.tuple([z.strictObject({ expression: text, label: text })]);
const metric = z
  .array(z.unknown())
  .refine((all) => all.length % 2 === 1 && all.slice(0, -1).every((one) => typeof one === 'string'), 'no pairs')
  .refine((all) => z.strictObject({ stat: text, label: text }).safeParse(all.at(-1)).success, 'no options');
/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
const dashboard = z.strictObject({
  start: text,
  widgets: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('metric'),
        ...size,
        properties: z.looseObject({ title: text, region: text, metrics: z.array(expression.or(metric)).min(1) }),
      }),
      z.strictObject({ type: z.literal('log'), ...size, properties: z.looseObject({ query: text, region: text }) }),
      z.strictObject({ type: z.literal('custom'), ...size, properties: z.looseObject({ endpoint: text }) }),
    ]),
  ),
});

describe.each([
  ['a hub', body],
  ['a spoke', spokeBody],
])('the dashboard of %s', (_, written) => {
  const { widgets } = dashboard.parse(JSON.parse(written()));
  const metrics = widgets.flatMap((widget) => (widget.type === 'metric' ? widget.properties.metrics : []));
  const searches = metrics.flatMap(([first]) => (typeof first === 'object' ? [Object(first).expression] : []));

  test('has the picture at its top, and graphs that fill their rows', () => {
    expect(widgets[0]).toMatchObject({ type: 'custom', width: 24 });
    const graphs = widgets.filter(({ type }) => type === 'metric');
    expect(graphs.length % (24 / 8)).toBe(0);
  });

  test('shows what there is of all subnets, and the metrics of VPCs by one search each, however many they are', () => {
    const plain = metrics.filter(([namespace]) => namespace === 'ziti-glb').map(([, name]) => String(name));
    expect(plain).toEqual(expect.arrayContaining(['OptedIn', 'Ready', 'Waiting', 'SecondsToRoute']));
    for (const name of plain) expect(METRICS).toHaveProperty(name);
    const ofVpcs = searches.filter((search) => search.includes('{ziti-glb,service,stack,vpc}'));
    expect(ofVpcs.map((search) => /MetricName="(\w+)"/.exec(search)?.[1])).toEqual([...METRICS_OF_VPC]);
    expect(metrics.filter((one: unknown[]) => one.includes('vpc'))).toEqual([]);
  });
});

test('a spoke’s asks for nothing that only the hub’s account has', () => {
  expect(spokeBody()).not.toMatch(/GatewayELB|loadBalancerId|-routers|"routers"/);
});
