import { describe, expect, test } from '@jest/globals';
import { plan } from '../../../shared/routers/plan.ts';
import { REBALANCE } from '../../../shared/routers/router.ts';
import type { Instance, Target } from '../../../shared/routers/world.ts';
import {
  asked,
  checked,
  config,
  failed,
  instance,
  MINUTE,
  made,
  now,
  outcome,
  rows,
  tags,
  target,
  without,
  world,
} from './fixtures.ts';

/** AWS would rather have it replaced. */
const advised = { text: REBALANCE, at: now - MINUTE };
const unhealthy = { text: 'Target.Timeout', at: now - 42 * MINUTE };
const timeout = target('unhealthy', 'i-1', 'Target.Timeout');
/** One whose last install is not long enough ago to be tried again. */
const ailing = (fields: Partial<Instance> = {}) => ({
  ...made({ launchedAt: now - 60 * MINUTE, ...fields }),
  installs: [failed({ requestedAt: now - 1_000 })],
});
const WAITS = /^another try/;

rows('since when a router is unhealthy', [
  ['is noted when it is seen first', world([ailing()], [timeout]), ['note-unhealthy'], [WAITS]],
  ['is noted once', world([ailing({ unhealthy })], [timeout]), [], [WAITS]],
  ['is noted once, whatever reason comes later', world([ailing({ unhealthy })], [target('unhealthy')]), [], [WAITS]],
  [
    'is noted anew after a start',
    world([ailing({ unhealthy, launchedAt: now - MINUTE })], [timeout]),
    ['note-unhealthy'],
    [WAITS],
  ],
  [
    'is nothing to note of one that joins',
    world([ailing()], [target('initial')]),
    [],
    ['its health checks to pass, it is initial'],
  ],
  ['is forgotten when it is healthy', world([made({ unhealthy })], [target('healthy')]), ['forget-unhealthy'], []],
  [
    'is forgotten when it is begun anew',
    world([made({ unhealthy })], [target('initial')]),
    ['forget-unhealthy'],
    ['its health checks to pass, it is initial'],
  ],
  ['is forgotten when it is no target', world([made({ unhealthy })]), ['register', 'forget-unhealthy'], []],
  [
    'is forgotten when it is no router any more',
    world([{ ...made({ unhealthy }), role: undefined }], [timeout]),
    ['deregister', 'forget-unhealthy'],
    [],
  ],
  [
    'is nobody’s to forget once it has ended',
    world([made({ unhealthy, state: 'terminated' })], [timeout]),
    ['deregister'],
    [],
  ],
  ['is not noted where there is no room', world([ailing({ keys: tags(50) })], [timeout]), [], [/no room for/]],
  [
    'is not noted where only a warning of AWS has room',
    world([ailing({ keys: [...tags(48), config.diverterKey] })], [timeout]),
    [],
    [WAITS],
  ],
  [
    'leaves its room to a warning of AWS',
    world(
      [ailing({ unhealthy, warned: advised, keys: [...tags(48), config.diverterKey, config.unhealthyKey] })],
      [timeout],
    ),
    ['forget-unhealthy'],
    [WAITS, /no room for ziti-glb:leaving/],
  ],
  [
    'which is noted then',
    world([ailing({ warned: advised, keys: [...tags(48), config.diverterKey] })], [timeout]),
    ['note-warning'],
    [WAITS],
  ],
  [
    'leaves its room to a note without which nothing can be done',
    world([ailing({ unhealthy, keys: [...tags(48), config.unhealthyKey], interfaces: checked('eni-1') })], [timeout]),
    ['forget-unhealthy'],
    [/no room for ziti-glb:source-dest-check/],
  ],
  [
    'and does not take it again',
    world(
      [ailing({ keys: [...tags(48), config.diverterKey], interfaces: checked('eni-1'), unchecked: ['eni-1'] })],
      [timeout],
    ),
    ['source-dest-check-off'],
    [WAITS],
  ],
]);

rows(
  'a target that has no diverter yet',
  [
    ['is not noted as unhealthy', world([without()], [timeout]), ['install'], []],
    ['stays noted if it had one', world([without({ unhealthy })], [timeout]), ['install'], []],
  ],
  asked,
);

test('the notes are told with the tag that they are', () => {
  const told = (one: Instance, its: Target) => outcome(world([one], [its])).says;
  expect(told(ailing(), timeout)).toEqual(['the tag ziti-glb:unhealthy of i-1 (router-1) notes: Target.Timeout']);
  expect(told(made({ unhealthy }), target('healthy'))).toEqual([
    'the tag ziti-glb:unhealthy of i-1 (router-1) is erased',
  ]);
});

describe('a summary of a router', () => {
  const summary = (one: Instance, its: Target) => plan(world([one], [its]), config).summaries[0];

  test('leads with the cause, then since when, then what is done', () => {
    expect(summary(ailing({ unhealthy }), timeout)).toMatchObject({
      ...{ state: 'down', health: 'unhealthy', reason: 'Target.Timeout', since: unhealthy.at },
      why: ['unhealthy: Target.Timeout since 2026-01-15 09:18 UTC', expect.stringMatching(/^waits for another try/)],
    });
  });

  test('says so of the reason that there is now', () => {
    const why = ['unhealthy: Target.FailedHealthChecks since 2026-01-15 09:18 UTC', expect.anything()];
    expect(summary(ailing({ unhealthy }), target('unhealthy', 'i-1', 'Target.FailedHealthChecks'))).toMatchObject({
      why,
    });
  });

  test('says nothing of a note that is over, and does not wait for it to go', () => {
    expect(summary(made({ unhealthy }), target('healthy'))).toMatchObject({
      ...{ state: 'ready', health: 'healthy', reason: undefined, since: undefined, why: [] },
    });
  });

  test('does not have it from a note of before a start', () => {
    const seen = summary(ailing({ unhealthy, launchedAt: now - MINUTE }), timeout);
    expect(seen).toMatchObject({ health: 'unhealthy', since: undefined });
  });

  test('of an agent that is lost says when it was heard last, and not what one lacks that never came', () => {
    const one = { ...made({ launchedAt: now - 60 * MINUTE, unhealthy }), agentOnline: false };
    const { why = [] } = summary({ ...one, agentHeardAt: now - 44 * MINUTE }, timeout) ?? {};
    expect(why).toEqual([
      'unhealthy: Target.Timeout since 2026-01-15 09:18 UTC',
      'waits for its SSM agent, which was last heard of at 2026-01-15 09:16 UTC: the machine is down or cut off; look at its status checks in EC2, and reboot or terminate it, or open port 443 to ssm and ssmmessages again',
    ]);
  });
});

test('what has no tag but one that is left, or forged, is no router, and nobody is told of it', () => {
  const left = { ...instance({ unhealthy }), role: undefined };
  expect(plan(world([left]), config)).toMatchObject({ summaries: [], steps: [{ kind: 'forget-unhealthy' }] });
  const forged = { ...instance(), role: undefined };
  expect(plan(world([forged]), config)).toMatchObject({ summaries: [], steps: [], conditions: [] });
});

rows('an agent that is not online', [
  [
    'is late where it was heard before its machine was started',
    world([instance({ agentOnline: false, agentHeardAt: now - 6 * MINUTE })]),
    [],
    ['its SSM agent to come online, within 15 min of its start'],
  ],
  [
    'is missing when that is long ago',
    world([instance({ launchedAt: now - 20 * MINUTE, agentOnline: false, agentHeardAt: now - 21 * MINUTE })]),
    [],
    [/^its SSM agent, which is not online 15 min after its start: usually its instance profile lacks/],
  ],
  [
    'is lost where it was heard since, at once',
    world([instance({ agentOnline: false, agentHeardAt: now - 4 * MINUTE })]),
    [],
    [/^its SSM agent, which was last heard of at 2026-01-15 09:56 UTC: the machine is down or cut off/],
  ],
  [
    'is lost whatever command it has not answered',
    world([
      instance({
        launchedAt: now - 20 * MINUTE,
        agentOnline: false,
        agentHeardAt: now - 9 * MINUTE,
        installs: [failed({ status: 'running', details: 'Pending' })],
      }),
    ]),
    [],
    [/^its SSM agent, which was last heard of/],
  ],
]);
