import { CreateRouteCommand, CreateTagsCommand, DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AwsError } from '../../local/wire/errors.ts';
import type { Reason } from '../../shared/conditions/condition.ts';
import { reconcilerHandler } from '../../shared/handler.ts';
import { VPCS_MEASURED } from '../../shared/metrics.ts';
import type { Plan, Step } from '../../shared/reconcile/plan.ts';
import { captureLines } from '../support/capture-lines.ts';
import { testCloud, testVpc } from '../support/cloud.ts';
import { conditionsOf, type Given, type Givens } from '../support/notes.ts';

type Move = Step & { kind: string; link?: string; context: { says: string } };

/** What the looks of a test find, one after the other; the last goes on for ever. */
type Looks = { plan: Partial<Plan<Move>> & Givens; here?: boolean }[];

const SECRET = 'X-Amz-Signature=0123456789abcdef';
let out: ReturnType<typeof captureLines>;
beforeEach(() => {
  out = captureLines();
});
afterEach(() => out.stop());

async function fixture(looks: Looks, act?: (step: Move) => Promise<unknown>, unseen?: AwsError) {
  let throttles = 0;
  const cloud = testCloud({
    middleware: [
      async ({ operation }, _, next) => {
        if (operation === 'DescribeSubnets' && unseen) throw unseen;
        if (operation === 'CreateTags' && throttles-- > 0)
          throw new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
        return next();
      },
    ],
  });
  const vpc = await testVpc(cloud);
  const handler = reconcilerHandler(
    'tester',
    {
      async observe() {
        await cloud.ec2.send(new DescribeSubnetsCommand({}));
        return looks.length > 1 ? looks.shift() : looks[0];
      },
      plan: (look) => ({
        ...{ steps: [], conditions: conditionsOf(look?.plan ?? {}) },
        timed: [{ id: 'subnet-0ab', arrived: look?.here ?? false }],
        ...look?.plan,
      }),
      sentence: (step: Move) => step.context.says,
      act: async (step: Move) => {
        await act?.(step);
        await cloud.ec2.send(new CreateTagsCommand({ Resources: [vpc.a0], Tags: [{ Key: 'k', Value: 'v' }] }));
      },
    },
    {
      stack: 'ziti-glb-test',
      version: '1.2.3',
      clients: [cloud.ec2],
      latencyMetric: 'SecondsToRoute',
    },
    cloud.clock,
  );
  const pass = (event: object = {}, awsRequestId = 'pass-1') =>
    cloud.clock.run(
      Promise.resolve(
        handler(
          { time: new Date(cloud.clock.now()).toISOString(), 'detail-type': 'Scheduled Event', detail: {}, ...event },
          // What of Lambda's context is used.
          Object.assign(Object.create(null), { awsRequestId, getRemainingTimeInMillis: () => 60_000 }),
          { signal: new AbortController().signal },
        ),
      ),
    );
  return { cloud, vpc, pass, throttle: (times: number) => (throttles = times) };
}

const move: Move = {
  kind: 'create-route',
  about: { label: 'rtb-0cd 10.20.0.0/16', ids: ['rtb-0cd'] },
  context: { says: 'subnet-0ab (app-a): route 10.20.0.0/16 in rtb-0cd now leads to vpce-0ef, was missing' },
  before: 'missing',
  after: 'vpce-0ef',
};
const logLines = () => out.lines().filter((line) => !('_aws' in line));
const metricLine = () => out.lines().find((line) => '_aws' in line) ?? {};

describe('the log', () => {
  test('of a pass that finds everything in order is one line', async () => {
    const { pass } = await fixture([{ plan: {} }]);
    await pass();
    expect(logLines()).toMatchObject([{ message: 'Everything is in order', level: 'INFO', settled: true }]);
  });

  test('has one line a decision, the sentence first, its facts after', async () => {
    const { pass } = await fixture([{ plan: { steps: [move] } }, { plan: {} }]);
    await pass();
    const [line] = logLines();
    expect(Object.keys(line ?? {})[0]).toBe('message');
    expect(line).toEqual({
      message: move.context.says,
      level: 'INFO',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      service: 'tester',
      version: '1.2.3',
      pass: 'pass-1',
      cause: 'the minute',
      subject: move.about.label,
      step: { kind: 'create-route' },
      before: 'missing',
      after: 'vpce-0ef',
      took: expect.any(Number),
      requestIds: [expect.stringMatching(/^[0-9a-f-]{36}$/)],
    });
    expect(logLines()[1]?.message).toBe('In order after 1 change');
  });

  test('says what is waited for and since when, in each pass, however long', async () => {
    const since = Date.UTC(2026, 0, 15, 10, 0, 5);
    const waiting: Given[] = [
      { subject: 'subnet-0ab', reason: { code: 'endpoint-available' }, since },
      { subject: 'i-0c' },
    ];
    const { pass, cloud } = await fixture([{ plan: { waiting } }]);
    const began = new Date(cloud.clock.now()).toISOString();
    await pass();
    await pass({}, 'pass-2');
    const waits = logLines().filter((line) => line.waitsFor);
    expect(waits).toHaveLength(4);
    expect(waits[2]).toMatchObject({
      message: 'subnet-0ab waits for its endpoint to be available, since 10:00:05 UTC',
      subject: 'subnet-0ab',
      code: 'endpoint-available',
      since: '2026-01-15T10:00:05.000Z',
      pass: 'pass-2',
    });
    expect(waits[3]?.since).toBe(began);
  });

  test('counts at its end what it has told, however often a plan has the same', async () => {
    const wait = (subject: string, until?: number): Given => ({ subject, until });
    const waiting = [wait('i-0c'), wait('i-0c', Number.POSITIVE_INFINITY), wait('i-0d')];
    const { pass } = await fixture([{ plan: { waiting } }]);
    await pass();
    const lines = logLines();
    expect(lines.filter((line) => line.waitsFor)).toHaveLength(2);
    expect(lines.at(-1)).toMatchObject({ message: 'Not done yet, after 0 changes: 2 things waited for', waiting: 2 });
  });

  test('warns of what is refused once, and counts it from then on', async () => {
    const refused: Given[] = [{ subject: 'subnet-0ab', reason: { code: 'not-a-cidr', word: 'oops' } }];
    const { pass } = await fixture([{ plan: { refused } }]);
    await pass();
    await pass({}, 'pass-2');
    const warnings = logLines().filter(({ level }) => level === 'WARN');
    expect(warnings).toMatchObject([{ message: 'subnet-0ab: oops is not a CIDR', code: 'not-a-cidr', pass: 'pass-1' }]);
    expect(logLines().at(-1)).toMatchObject({
      message: 'Everything is in order, but for 1 thing that only a person can change',
      refused: 1,
    });
  });

  test('warns of what a person may have to see to: of what is waited for once', async () => {
    const waiting = [{ subject: 'i-0c', warn: true }];
    const { pass } = await fixture([{ plan: { steps: [{ ...move, warn: true }], waiting } }, { plan: { waiting } }]);
    await pass();
    await pass({}, 'pass-2');
    const told = logLines().map(({ level, message }) => `${level} ${message}`);
    expect(told.filter((line) => line.startsWith('WARN'))).toEqual([
      `WARN ${move.context.says}`,
      expect.stringMatching(/^WARN i-0c waits for a healthy router, .*, since /),
    ]);
    expect(told).toContainEqual(expect.stringMatching(/^INFO i-0c waits for a healthy router, .*, since /));
  });

  test('says what an error of AWS means here and what to do, with its request id', async () => {
    const { pass, cloud } = await fixture([{ plan: { steps: [move] } }], () =>
      cloud.ec2.send(
        new CreateRouteCommand({
          RouteTableId: 'rtb-0123456789abcdef0',
          DestinationCidrBlock: '10.20.0.0/16',
          VpcEndpointId: 'vpce-0123456789abcdef0',
        }),
      ),
    );
    await expect(pass()).rejects.toThrow('1 steps did not succeed, the first: subnet-0ab');
    const [line, ...more] = logLines().filter(({ level }) => level === 'ERROR');
    expect(more).toEqual([]);
    expect(line?.message).toMatch(
      /: did not succeed\. InvalidRouteTableID\.NotFound: .+ Usually: .+ What to do: .+\.$/,
    );
    expect(line?.error).toEqual({
      code: 'InvalidRouteTableID.NotFound',
      message: expect.any(String),
      means: expect.any(String),
      remedy: expect.any(String),
      requestId: expect.any(String),
    });
  });

  test('of an error that is not of AWS says where it was thrown', async () => {
    const { pass } = await fixture([{ plan: { steps: [move] } }], () => Promise.reject(new TypeError('oops')));
    await expect(pass()).rejects.toThrow();
    const [line] = logLines().filter(({ level }) => level === 'ERROR');
    expect(line?.error).toMatchObject({ code: 'TypeError', stack: expect.stringContaining('handler.test.ts') });
  });

  test('holds no secret, wherever one may come from', async () => {
    const link = `https://b.s3.amazonaws.com/diverter?${SECRET}`;
    const leaky: Move = { ...move, link, context: { says: `gets ${link}` }, after: link };
    const reason: Reason = { code: 'not-a-cidr', word: `curl ${link}` };
    const waiting = [{ subject: link, reason }];
    const refused = [{ subject: 'it', reason }];
    const { pass } = await fixture([{ plan: { steps: [leaky], waiting, refused } }], async (step) => {
      throw Object.assign(new Error(`no ${step.link}`), { cause: new Error(link), input: { link } });
    });
    const thrown = await pass().catch((error: unknown) => error);
    await pass({ 'detail-type': 'never heard of', detail: { link } });
    expect(out.lines()).toHaveLength(6);
    expect(out.raw()).toContain('https://b.s3.amazonaws.com/diverter');
    expect(
      `${out.raw()} ${String(thrown)} ${JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))}`,
    ).not.toContain('0123456789abcdef');
  });
});

describe('the metrics', () => {
  test('of a pass are one line of the embedded metric format, by stack and function', async () => {
    const looks = [{ plan: { steps: [move] } }, { plan: { steps: [move] } }, { plan: {} }];
    const { pass, throttle } = await fixture(looks);
    throttle(1);
    await pass();
    expect(metricLine()).toMatchObject({
      _aws: { CloudWatchMetrics: [{ Namespace: 'ziti-glb', Dimensions: [['service', 'stack']] }] },
      service: 'tester',
      stack: 'ziti-glb-test',
      version: '1.2.3',
      ChangingCalls: 1,
      Throttles: 1,
      Errors: 0,
      PassSeconds: expect.any(Number),
    });
  });

  test('have what the last plan counted, of what the table has', async () => {
    const { pass } = await fixture([{ plan: { gauges: { OptedIn: 3, Ready: 1, Unheard: 7 } } }]);
    await pass();
    expect(metricLine()).toMatchObject({ OptedIn: 3, Ready: 1 });
    expect(metricLine()).not.toHaveProperty('Unheard');
  });

  test('of a VPC are those few, for the first of those with opted-in subnets', async () => {
    const name = (at: number) => `vpc-${String(at).padStart(2, '0')}`;
    const gaugesOf = new Map<string, Record<string, number>>([
      ...Array.from(
        { length: VPCS_MEASURED + 5 },
        (_, at) => [name(at), { OptedIn: 3, Ready: 1, Waiting: 2 }] as const,
      ),
      ['vpc-000', { OptedIn: 0, Ready: 0 }],
    ]);
    const arrival = { id: 'subnet-0ab', vpcId: name(1) };
    const { pass } = await fixture([
      { plan: { gaugesOf, timed: [{ ...arrival, arrived: false }], waiting: [{ subject: 'subnet-0ab' }] } },
      { plan: { gaugesOf, timed: [{ ...arrival, arrived: true }] } },
    ]);
    await pass({
      'detail-type': 'Tag Change on Resource',
      resources: ['arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-0ab'],
      detail: { 'changed-tag-keys': ['ziti-glb'] },
    });
    const [all, ...ofVpcs] = out.lines().filter((line) => '_aws' in line);
    expect(all).not.toHaveProperty('vpc');
    expect(ofVpcs.map(({ vpc }) => vpc)).toEqual(Array.from({ length: VPCS_MEASURED }, (_, at) => name(at)));
    expect(ofVpcs[1]).toMatchObject({
      _aws: { CloudWatchMetrics: [{ Dimensions: [['service', 'stack', 'vpc']], Metrics: [{}, {}, {}] }] },
      ...{ stack: 'ziti-glb-test', version: '1.2.3', OptedIn: 3, Ready: 1, SecondsToRoute: 5 },
    });
    expect(ofVpcs[2]).not.toHaveProperty('SecondsToRoute');
  });

  test('have the seconds from the event of a tag to the look that saw its route', async () => {
    const { pass } = await fixture([{ plan: { waiting: [{ subject: 'subnet-0ab' }] } }, { plan: {}, here: true }]);
    await pass({
      'detail-type': 'Tag Change on Resource',
      resources: ['arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-0ab'],
      detail: { 'changed-tag-keys': ['ziti-glb'] },
    });
    expect(metricLine()).toMatchObject({ SecondsToRoute: 5 });
  });

  test('count what did not succeed', async () => {
    const { pass } = await fixture([{ plan: { steps: [move] } }], () => Promise.reject(new TypeError('oops')));
    await expect(pass()).rejects.toThrow();
    expect(metricLine()).toMatchObject({ Errors: 1, ChangingCalls: 0 });
  });

  test('count a look that failed, which the log says in words', async () => {
    const { pass } = await fixture(
      [{ plan: {} }],
      undefined,
      new AwsError('UnauthorizedOperation', 'You may not.', 403),
    );
    await expect(pass()).rejects.toThrow(/^It could not look at AWS\. UnauthorizedOperation: You may not\. Usually: /);
    expect(metricLine()).toMatchObject({ Errors: 1 });
    expect(logLines()).toMatchObject([{ level: 'ERROR', error: { code: 'UnauthorizedOperation' } }]);
  });
});
