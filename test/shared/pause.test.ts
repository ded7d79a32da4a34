import { expect, test } from '@jest/globals';
import { type Condition, identity } from '../../shared/conditions/condition.ts';
import { aboutIt } from '../../shared/conditions/sentences.ts';
import { METRICS } from '../../shared/metrics.ts';
import { formatPause, paused, readPause } from '../../shared/pause.ts';
import type { Step } from '../../shared/reconcile/plan.ts';
import { pauseSentence } from '../../shared/sentences.ts';
import { topology } from '../../shared/topology/model.ts';
import { render } from '../../shared/topology/render.ts';
import { world } from './topology/worlds.ts';

const at = Date.UTC(2026, 10, 29, 5);
const key = { pauseKey: 'ziti-glb:paused' };
const about = { label: 'router-1', ids: ['i-1'] };
const step: Step = { about };
const waiting: Condition = { about, kind: 'waiting', reason: { code: 'healthy-router' } };
const refused: Condition = { about, kind: 'refused', reason: { code: 'no-route-table' } };
const pause = { since: at, why: 'change 4711' };
const stack = { stack: 'ziti-glb-dev', vpcId: 'vpc-1' };

test.each(['', 'change 4711', 'moved since Monday'])('the tag of a pause says why, %j, and since when', (why) => {
  const Tags = [{ Key: key.pauseKey, Value: formatPause(why, at) }];
  expect(readPause(Tags, key)).toEqual({ since: at, why });
});

test('a VPC without the tag is not paused', () => {
  expect(readPause([{ Key: 'ziti-glb', Value: 'x' }], key)).toBeUndefined();
  expect(readPause(undefined, key)).toBeUndefined();
});

test('of a plan stays what keeps things as they are, and what a person has to see to', () => {
  const held = paused({ steps: [step, { about }], conditions: [waiting, refused] }, pause, stack, {
    steps: [step],
    conditions: [{ ...waiting, until: 1 }],
  });
  expect(held.conditions.map(({ until }) => until)).toContain(1);
  expect(held.steps).toEqual([step]);
  expect(held.conditions.map((each) => aboutIt(each))).toEqual([
    'ziti-glb-dev waits for a person to resume it (npm run -s ziti-glb -- resume), for it is paused since 2026-11-29 05:00 UTC: change 4711; what is to be done is left undone',
    'router-1 waits for a healthy router, without which a route would lead nowhere',
    'router-1: it has no route table',
  ]);
});

test('a plan of nothing but what keeps things as they are leaves nothing undone, and the pause is told once', () => {
  const keeps = paused({ steps: [step], conditions: [] }, pause, stack, { steps: [step], conditions: [] });
  const rests = paused({ steps: [], conditions: [] }, pause, stack);
  expect(keeps.conditions.map((each) => aboutIt(each))).toEqual([expect.stringMatching(/; there is nothing to do$/)]);
  expect(keeps.conditions.map(identity)).toEqual(rests.conditions.map(identity));
});

test('no look is made again before the next minute', () => {
  const [wait] = paused({ steps: [], conditions: [] }, pause, stack).conditions;
  expect(wait?.until).toBe(Number.POSITIVE_INFINITY);
});

test('gauges of what only waits for the functions are not told, and those of what carries packets are', () => {
  const gauges = Object.fromEntries(Object.keys(METRICS).map((name) => [name, 1]));
  const told = Object.keys(paused({ steps: [], conditions: [], gauges }, pause, stack).gauges ?? {});
  const left = Object.keys(METRICS).filter((name) => !told.includes(name));
  expect(left).toEqual(['Waiting', 'JoiningRouters', 'OutdatedRouters']);
});

test('who has written the tag by hand may have said nothing', () => {
  expect(pauseSentence({ since: undefined, why: '' })).toBe('paused');
});

test('the picture leads with it', () => {
  const look = world({ subnets: { app: { wish: '10.20.0.0/16' } }, routers: { r: {} } });
  const shown = topology({ ...look, subnets: { ...look.subnets, world: { ...look.subnets.world, paused: pause } } });
  const picture = render(shown, { theme: 'light', width: 1200, height: 600, functionArn: 'arn' });
  expect(picture).toMatch(/1 of 1 router healthy, paused/);
  expect(picture).toContain('ziti-glb-prod: paused since 2026-11-29 05:00 UTC: change 4711');
  expect(render(topology(look), { theme: 'light', width: 1200, height: 600, functionArn: 'arn' })).not.toMatch(
    /paused/,
  );
});
