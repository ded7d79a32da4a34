import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Bus, createBus, type Faults } from '../../../local/events/bus.ts';
import type { CloudEvent } from '../../../local/services/cloud.ts';
import { reconcilerHandler } from '../../../shared/handler.ts';
import { captureLines } from '../../support/capture-lines.ts';
import { ACCOUNT, REGION } from '../../support/cloud.ts';
import { random } from './deeds.ts';
import { type Stage, stage } from './stage.ts';

const CIDR = '10.20.0.0/16';
const TIMEOUT_MS = 300_000;
const MINUTE = 60_000;

let out: ReturnType<typeof captureLines>;
let here: Stage;
let bus: Bus;
let busy: Promise<void>;
beforeEach(() => {
  out = captureLines();
});
afterEach(async () => {
  bus.close();
  await here.cloud.clock.run(busy);
  out.stop();
  await here.close();
});

/** The function behind EventBridge, one invocation at a time as its reserved concurrency has it. */
async function deploy(faults: Partial<Faults>, seed = 1) {
  here = await stage({ throttled: true, emit: (event) => bus?.put(event) });
  const { clock } = here.cloud;
  const answers: unknown[] = [];
  const handler = reconcilerHandler(
    'subnets',
    here.newProcess(),
    { stack: 'ziti-glb-test', version: '1.2.3', clients: [], latencyMetric: 'SecondsToRoute' },
    clock,
  );
  busy = Promise.resolve();
  const invoke = async (event: CloudEvent) => {
    const deadline = clock.now() + TIMEOUT_MS;
    const context = Object.assign(Object.create(null), { getRemainingTimeInMillis: () => deadline - clock.now() });
    answers.push(await handler(event, context, { signal: new AbortController().signal }));
  };
  bus = createBus({
    clock,
    region: REGION,
    account: ACCOUNT,
    random: random(seed - 1),
    giveUp() {},
    async deliver(_target, event) {
      busy = busy.then(() => invoke(event)).catch(() => {});
      return undefined;
    },
  });
  bus.setFaults(faults);
  const target = { id: 't', arn: 'arn:aws:lambda:x:function:subnets', maximumRetries: 185, maximumAge: 3600 };
  const rule = { arn: 'arn:aws:events:x:rule/r', enabled: true, targets: [target] };
  bus.putRule({ ...rule, name: 'tick', schedule: 'rate(1 minute)' });
  bus.putRule({
    ...rule,
    name: 'tags',
    pattern: { source: ['aws.tag'], detail: { 'resource-type': ['subnet'], 'changed-tag-keys': ['ziti-glb'] } },
  });
  return { clock, answers };
}

const passes = (answers: unknown[]) => answers.filter((answer) => !(answer as { covered?: boolean }).covered).length;

test.each([1, 2, 3])(
  'three subnets tagged in a second are served, whatever becomes of their events (%d)',
  async (seed) => {
    const { clock } = await deploy({ lose: 0.5, double: 0.5, lag: [0, 90_000] }, seed);
    const subnets = [here.vpc.a1, here.vpc.b0, here.vpc.b1];
    await here.table(...subnets);
    for (const id of subnets) await here.tag(id, CIDR);
    await clock.run(5 * MINUTE);
    const { subnets: seen } = await here.look();
    expect(seen.filter(({ tagValue }) => tagValue !== undefined).map(({ status }) => status)).toEqual([
      'ready',
      'ready',
      'ready',
    ]);
    expect(await here.endpoints()).toHaveLength(3);
  },
);

test('all events lost cost a minute', async () => {
  const { clock } = await deploy({ lose: 1 });
  await here.table(here.vpc.a1);
  await here.tag(here.vpc.a1, CIDR);
  await clock.run(MINUTE + 1000);
  expect(await here.endpoints()).toHaveLength(1);
});

test('a storm of a thousand tag changes is a few passes', async () => {
  const { clock, answers } = await deploy({ lag: [0, 5_000] });
  await here.table(here.vpc.a1);
  for (let change = 0; change < 1000; change++) await here.tag(here.vpc.a1, change % 2 ? CIDR : '10.30.0.0/16');
  await clock.run(4 * MINUTE);
  expect(answers.length).toBeGreaterThan(1000);
  // Ticks, and what came too soon after the first look to have been in it.
  expect(passes(answers)).toBeLessThan(12);
  expect((await here.look()).subnets.map(({ status }) => status)).toContain('ready');
});

test('its own status tags wake nobody', async () => {
  const { clock, answers } = await deploy({});
  await here.table(here.vpc.a1);
  await here.tag(here.vpc.a1, CIDR);
  await clock.run(10 * MINUTE);
  // The tag's event and the ticks; three status tags were written meanwhile.
  expect(answers.length).toBeLessThanOrEqual(11);
});
