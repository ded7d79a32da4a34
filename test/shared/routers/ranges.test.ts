import { describe, expect, test } from '@jest/globals';
import { LATER } from '../../../shared/conditions/condition.ts';
import type { RoutersConfig } from '../../../shared/config.ts';
import { plan } from '../../../shared/routers/plan.ts';
import type { Instance, RoutersWorld } from '../../../shared/routers/world.ts';
import { notesOf } from '../../support/notes.ts';
import { config, configOf, instance, now, outcome, target, wantedBy, world } from './fixtures.ts';

describe('DNS ranges', () => {
  const dns = { resolver: '100.127.255.254', slices: ['100.64.0.0/13', '100.72.0.0/13'] };
  const ranged = configOf({ dns });
  const held = (id: string, range: string) => {
    const one = instance({ id, range });
    return { ...one, diverter: { text: wantedBy(one, ranged), at: now } };
  };
  const claims = (given: RoutersWorld, settings = ranged) =>
    plan(given, settings).steps.flatMap((step) =>
      step.kind === 'claim-range'
        ? [`${step.instanceId} ${step.range}`]
        : step.kind === 'release-range'
          ? [`${step.instanceId} gives back`]
          : [],
    );

  test.each<[string, Instance[], string[]]>([
    [
      'each gets the next that is free',
      [instance(), instance({ id: 'i-2' })],
      ['i-1 100.64.0.0/13', 'i-2 100.72.0.0/13'],
    ],
    ['one that is held is not given out', [instance(), held('i-2', '100.64.0.0/13')], ['i-1 100.72.0.0/13']],
    [
      'a stopped router keeps its own',
      [instance(), { ...held('i-2', '100.64.0.0/13'), state: 'stopped' }],
      ['i-1 100.72.0.0/13'],
    ],
    [
      'an ended one does not',
      [instance(), { ...held('i-2', '100.64.0.0/13'), state: 'terminated' }],
      ['i-1 100.64.0.0/13'],
    ],
    [
      'given out twice, it stays with the lowest id',
      [instance({ id: 'i-2', range: '100.64.0.0/13' }), instance({ range: '100.64.0.0/13' })],
      ['i-2 100.72.0.0/13'],
    ],
    [
      'one whose note is lost gets the one that it has configured again',
      [{ ...held('i-1', '100.72.0.0/13'), range: undefined }],
      ['i-1 100.72.0.0/13'],
    ],
    [
      'or with who has it configured',
      [instance({ range: '100.64.0.0/13' }), held('i-2', '100.64.0.0/13')],
      ['i-1 100.72.0.0/13'],
    ],
    [
      'configured twice, it stays with the lowest id',
      [held('i-1', '100.64.0.0/13'), held('i-2', '100.64.0.0/13')],
      ['i-2 100.72.0.0/13'],
    ],
    ['one of another pool is exchanged', [instance({ range: '10.9.0.0/16' })], ['i-1 100.64.0.0/13']],
    [
      'that of an untagged instance is taken back',
      [instance({ role: undefined, range: '100.64.0.0/13' })],
      ['i-1 gives back'],
    ],
  ])('%s', (_, instances, expected) => {
    expect(claims(world(instances))).toEqual(expected);
  });

  test('an untagged instance gives its range back when it has drained', () => {
    expect(claims(world([instance({ role: undefined, range: '100.64.0.0/13' })], [target('draining')]))).toEqual([]);
  });

  test('turned off, each is taken back when its router is configured to be without', () => {
    const one = held('i-1', '100.64.0.0/13');
    expect(claims(world([one]), config)).toEqual(['i-1 gives back']);
    expect(claims(world([one], [target('healthy')]), config)).toEqual([]);
    const without = { ...one, diverter: { text: wantedBy(one), at: now } };
    expect(claims(world([without], [target('healthy')]), config)).toEqual(['i-1 gives back']);
  });

  describe('cut otherwise, none overlaps one that a router is still configured with', () => {
    const cut = (prefix: number, ...starts: string[]) =>
      configOf({ dns: { ...dns, slices: starts.map((start) => `${start}/${prefix}`) } });
    const narrower = cut(14, '100.64.0.0', '100.68.0.0', '100.72.0.0', '100.76.0.0', '100.80.0.0');
    const wider = cut(12, '100.64.0.0', '100.80.0.0', '100.96.0.0');
    const one = held('i-1', '100.64.0.0/13');
    const other = held('i-2', '100.72.0.0/13');

    test.each<[string, RoutersConfig, Instance[], string[]]>([
      ['narrower, each has a part of its own', narrower, [one, other], ['i-1 100.64.0.0/14', 'i-2 100.72.0.0/14']],
      [
        'and nobody has the rest',
        narrower,
        [{ ...one, range: '100.64.0.0/14' }, other, instance({ id: 'i-3' })],
        ['i-2 100.72.0.0/14', 'i-3 100.80.0.0/14'],
      ],
      [
        'even while it is stopped',
        narrower,
        [{ ...one, range: '100.64.0.0/14', state: 'stopped', launchedAt: now + 1 }, instance({ id: 'i-3' })],
        ['i-3 100.72.0.0/14'],
      ],
      [
        'until it is configured anew',
        narrower,
        [held('i-1', '100.64.0.0/14'), instance({ id: 'i-3' })],
        ['i-3 100.68.0.0/14'],
      ],
      ['wider, each leaves the others theirs', wider, [one, other], ['i-1 100.80.0.0/12', 'i-2 100.96.0.0/12']],
      [
        'claimed meanwhile, it goes to who has it configured',
        narrower,
        [{ ...one, range: '100.64.0.0/14' }, instance({ id: 'i-3', range: '100.68.0.0/14' })],
        ['i-3 100.72.0.0/14'],
      ],
    ])('%s', (_, settings, instances, expected) => {
      expect(claims(world(instances), settings)).toEqual(expected);
    });
  });

  test('a router is installed with its range once it is seen to be its own', () => {
    expect(outcome(world([instance()]), ranged).steps).toEqual(['claim-range']);
    expect(plan(world([instance({ range: '100.64.0.0/13' })]), ranged).steps).toMatchObject([
      { kind: 'install', range: '100.64.0.0/13' },
    ]);
  });

  describe('one that overlaps a block of the VPC, which no route can lead away from', () => {
    const inVpc = (instances: Instance[], ...vpcCidrs: string[]) => ({ ...world(instances), vpcCidrs });

    test.each<[string, string, Instance, string[]]>([
      ['is not given out', '100.64.0.0/16', instance(), ['i-1 100.72.0.0/13']],
      ['nor where the block holds it', '100.64.0.0/12', instance(), []],
      ['is exchanged', '100.64.0.0/16', held('i-1', '100.64.0.0/13'), ['i-1 100.72.0.0/13']],
      ['and another is left alone', '100.64.0.0/16', held('i-1', '100.72.0.0/13'), []],
    ])('%s', (_, block, one, expected) => {
      expect(claims(inVpc([one], '10.0.0.0/16', '2001:db8::/56', block))).toEqual(expected);
    });

    test('is said where no other is left', () => {
      const { waiting } = notesOf(plan(inVpc([instance(), held('i-2', '100.72.0.0/13')], '100.64.0.0/16'), ranged));
      const said = 'all 1 are held by others (tag ziti-glb:dns-range), and 1 overlap blocks of the VPC; give the stack';
      expect(waiting.map((each) => each.for)).toContainEqual(expect.stringContaining(said));
    });
  });

  test('out of slices, one is told so, and the others are served', () => {
    const all = [held('i-1', '100.64.0.0/13'), held('i-2', '100.72.0.0/13'), instance({ id: 'i-3' })];
    const targets = [target('healthy'), target('healthy', 'i-2')];
    const { steps, conditions } = plan(world(all, targets), ranged);
    const { waiting } = notesOf({ conditions });
    expect(steps).toEqual([]);
    expect(waiting).toEqual([
      { subject: 'i-3 (router-1)', for: expect.stringContaining('all 2 are held by others'), until: LATER },
    ]);
  });
});
