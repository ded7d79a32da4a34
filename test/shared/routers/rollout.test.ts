import { describe, expect, test } from '@jest/globals';
import type { RoutersConfig } from '../../../shared/config.ts';
import { plan } from '../../../shared/routers/plan.ts';
import type { Instance, RoutersWorld, Target } from '../../../shared/routers/world.ts';
import {
  bare,
  config,
  configOf,
  failed,
  install,
  instance,
  MINUTE,
  now,
  outcome,
  outdated,
  running,
  target,
  VERSIONS,
  wantedBy,
  world,
} from './fixtures.ts';

const four = ['i-1', 'i-2', 'i-3', 'i-4'];
const healthyFour = four.map((id) => target('healthy', id));
const zoneOf = (id: string) => (id < 'i-3' ? 'a' : 'b');
const fleet = (...fields: Partial<Instance>[]) =>
  four.map((id, index) => ({ ...outdated({ id, zone: zoneOf(id) }), ...fields[index] }));
const upgraded = { diverter: { text: wantedBy(bare), at: now } };
const upgradedBy = (given: RoutersWorld, settings = config) =>
  plan(given, settings).steps.flatMap((step) => (step.kind === 'install' ? step.instances.map(({ id }) => id) : []));

describe('an upgrade', () => {
  test.each<[string, Instance[], Target[], string[]]>([
    ['begins with one router', fleet(), healthyFour, ['i-1']],
    ['goes on with its zone', fleet(upgraded), healthyFour, ['i-2']],
    ['then with the next zone', fleet(upgraded, upgraded), healthyFour, ['i-3', 'i-4']],
    ['waits while one is at it', fleet({ installs: [{ ...running, why: 'upgrade' }] }), healthyFour, []],
    ['waits until what it did is healthy', fleet(upgraded), [target('initial'), ...healthyFour.slice(1)], []],
    ['stops at the first failure', fleet({ installs: [failed({ why: 'upgrade' })] }), healthyFour, []],
    [
      'and tries that one again, and no other',
      fleet({ installs: [failed({ requestedAt: now - MINUTE })] }),
      healthyFour,
      ['i-1'],
    ],
    [
      'stops where the new one ails',
      fleet({ ...upgraded, installs: [install()] }),
      [target('unhealthy'), ...healthyFour.slice(1)],
      [],
    ],
    [
      'stops at the first failure also where that one is unhealthy by it',
      fleet({ installs: [failed({ why: 'upgrade' })] }),
      [target('unhealthy'), ...healthyFour.slice(1)],
      [],
    ],
    [
      'and then gives it to nobody whose health checks fail for a moment',
      fleet({ installs: [failed({ why: 'upgrade' })] }),
      four.map((id) => target('unhealthy', id)),
      [],
    ],
    [
      'goes on one by one where nobody serves any more, though the new one ails',
      fleet({ ...upgraded, installs: [install()] }),
      four.map((id) => target('unhealthy', id)),
      ['i-2'],
    ],
    [
      'stops where one ails that it cannot be given to, as one that it cut off does when AWS has forgotten the command',
      fleet({ agentOnline: false }),
      [target('unhealthy'), ...healthyFour.slice(1)],
      [],
    ],
    [
      'begins with one that serves nobody',
      fleet(),
      [...healthyFour.slice(0, 2), target('unhealthy', 'i-3'), target('healthy', 'i-4')],
      ['i-3'],
    ],
    ['of a fleet that is unhealthy begins with one, too', fleet(), four.map((id) => target('unhealthy', id)), ['i-1']],
    ['of routers of whose health AWS knows nothing waits', fleet(), four.map((id) => target('unavailable', id)), []],
  ])('%s', (_, instances, targets, ids) => {
    expect(upgradedBy(world(instances, targets))).toEqual(ids);
  });

  test('is one command for those that get the same', () => {
    const [step] = plan(world(fleet(upgraded, upgraded), healthyFour), config).steps;
    expect(step).toMatchObject({ kind: 'install', why: 'upgrade', instances: [{ id: 'i-3' }, { id: 'i-4' }] });
  });

  test('of a zone is of five at a time, also where each gets its own DNS range', () => {
    const ids = Array.from({ length: 9 }, (_, index) => `i-${index}`);
    const slices = ids.map((_, index) => `10.${index}.0.0/16`);
    const ranged = configOf({ dns: { resolver: '100.127.255.254', slices } });
    const many = ids.map((id, index) => outdated({ id, range: `10.${index}.0.0/16` }));
    const [first, ...rest] = many.map((one) => ({ ...one, diverter: { text: wantedBy(one, ranged), at: now } }));
    const targets = ids.map((id) => target('healthy', id));
    const given = world(first ? [first, ...many.slice(1)] : [], targets);
    expect(upgradedBy(given, ranged)).toEqual(['i-1', 'i-2', 'i-3', 'i-4', 'i-5']);
    expect(upgradedBy(world(first ? [first, ...rest] : [], targets), ranged)).toEqual([]);
  });

  test('of what a program is told goes at once to all that serve nobody without it', () => {
    const [version] = wantedBy(bare).split('.');
    const told = fleet().map((one) => ({ ...one, diverter: { text: `${version}.other`, at: now } }));
    const all = four.map((id) => target('unhealthy', id));
    expect(upgradedBy(world(told, all))).toEqual(four);
    expect(upgradedBy(world(told, healthyFour))).toEqual(['i-1']);
    // One that is dead for good holds nobody up.
    const dead = told.map((one, index) => (index === 0 ? { ...one, agentOnline: false } : one));
    expect(upgradedBy(world(dead, [target('unhealthy'), ...healthyFour.slice(1)]))).toEqual(['i-2']);
  });

  test('of a lone router waits for a second one, whom it trusts may change', () => {
    const lone = outdated();
    expect(outcome(world([lone], [target('healthy')]))).toMatchObject({
      steps: [],
      notes: [expect.stringContaining('waits for another router to be healthy')],
    });
    const [version] = wantedBy(bare).split('.');
    const trusting = { ...lone, diverter: { text: `${version}.other`, at: now } };
    expect(outcome(world([trusting], [target('healthy')])).steps).toEqual(['install']);
  });

  test('is also another way for answers to go', () => {
    const settled = world(fleet(upgraded, upgraded, upgraded, upgraded), healthyFour);
    expect(plan(settled, config).steps).toEqual([]);
    expect(plan(settled, configOf({ reply: 'geneve' })).steps).toMatchObject([{ kind: 'install', why: 'upgrade' }]);
  });

  test('is also another address to ask for names, and another port for health checks', () => {
    const ranged = (resolver: string, fields: Partial<RoutersConfig> = {}) =>
      wantedBy(bare, configOf({ dns: { resolver, slices: [] }, ...fields }));
    expect(ranged('100.127.255.254')).not.toBe(ranged('100.127.255.253'));
    expect(wantedBy(bare, configOf({ healthPort: '8082' }))).not.toBe(wantedBy(bare));
    const settled = world(fleet(upgraded, upgraded, upgraded, upgraded), healthyFour);
    expect(plan(settled, configOf({ healthPort: '8082' })).steps).toMatchObject([{ kind: 'install', why: 'upgrade' }]);
  });

  test('goes by both architectures apart', () => {
    const builds = new Map([
      ['amd64', VERSIONS.one],
      ['arm64', VERSIONS.two],
    ]);
    const both = [instance(), instance({ id: 'i-2', architecture: 'arm64' })];
    const steps = plan(world(both), configOf({ builds })).steps;
    expect(steps).toMatchObject([{ sha256: VERSIONS.one }, { sha256: VERSIONS.two }]);
  });
});
