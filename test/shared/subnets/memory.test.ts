import { expect, test } from '@jest/globals';
import { refused } from '../../../shared/conditions/condition.ts';
import { formatNote, readNote } from '../../../shared/note.ts';
import { aboutId } from '../../../shared/ref.ts';
import { memoryOf } from '../../../shared/subnets/memory.ts';
import { plan } from '../../../shared/subnets/plan.ts';
import { statusText } from '../../../shared/subnets/status-text.ts';
import type { Subnet } from '../../../shared/subnets/world.ts';
import { config, NOW, subnet, world } from './fixtures.ts';

const NOTHING = { leavingSince: 0, servedBy: undefined, takenOver: undefined };
const cidrs = ['10.20.0.0/16', '10.30.0.0/16'];
const takenOver = { tableId: 'rtb-a', destinations: cidrs };
const served = { servedBy: { id: 'vpce-b', subnetId: 'subnet-b' }, zone: 'a' };
const condition = refused(aboutId('rtb-a'), { code: 'no-cidr' });
const leavingText = (leavingSince: number) => statusText({ leavingSince });
const notes = (tags: Record<string, string>): Subnet['notes'] =>
  new Map(Object.entries(tags).map(([key, text]) => [`ziti-glb:${key}`, { text, by: 'us' }]));

test.each([
  ['a deletion that was tried', { leaving: formatNote({ text: 'x y', at: NOW }) }, { leavingSince: NOW }],
  ['what was taken over', { 'taken-over': `rtb-a ${cidrs.join(' ')}` }, { takenOver }],
  ['whose endpoint serves it', { 'served-by': 'vpce-b' }, { servedBy: 'vpce-b' }],
  ['nothing, of a time that is none', { leaving: 'x ever' }, {}],
])('the tags of a subnet remember %s', (_, tags, remembered) => {
  expect(memoryOf(notes(tags), leavingText(1), config())).toEqual({
    ...{ ...NOTHING, leavingSince: 1 },
    ...remembered,
  });
});

test.each([
  ['a deletion that was tried', leavingText(NOW), { leavingSince: NOW }],
  ['one that is held', statusText({ leavingSince: NOW, condition }), { leavingSince: NOW }],
  ['what was taken over', statusText({ takenOver }), { takenOver }],
  ['whose endpoint serves it', statusText(served), { servedBy: 'vpce-b' }],
  ['both', statusText({ takenOver, ...served }), { takenOver, servedBy: 'vpce-b' }],
  [
    'that where a route led is lost',
    'conflict: where 10.20.0.0/16 in rtb-a led before it was taken over is lost with its notes: opted out it is deleted',
    { takenOver: { tableId: 'rtb-a', destinations: ['10.20.0.0/16'] } },
  ],
  ['nothing, of a time that is none', 'leaving since ever because someone tried to delete it', {}],
  ['nothing', 'waiting: its endpoint to be available', {}],
  ['nothing, where there is none', undefined, {}],
])('a status tag of the version before remembers %s', (_, status, remembered) => {
  expect(memoryOf(new Map(), status, config())).toEqual({ ...NOTHING, ...remembered });
});

test('what such a status remembers gets a tag of its own, whose time stays', () => {
  const before = subnet({ status: leavingText(NOW - 1000) });
  const seen = { ...world(), subnets: [{ ...before, memory: memoryOf(before.notes, before.status, config()) }] };
  expect(plan(seen, config()).steps).toMatchObject([
    {
      ...{ kind: 'write-memory', subnetId: 'subnet-a', key: 'ziti-glb:leaving' },
      value: `someone tried to delete it ${new Date(NOW - 1000).toISOString()}`,
    },
  ]);
});

test.each([
  ['nat-1 2026-01-15T10:00:00.000Z', 'nat-1'],
  ['nat-1 since 2026-01-15T10:00:00.000Z', 'nat-1'],
  ['gone nat-1 2026-01-15T10:00:00.000Z', 'gone nat-1'],
  ['AWS takes it back 2026-01-15T10:00:00.000Z', 'AWS takes it back'],
])('a note that says %j is read, in the form of the version before too', (value, text) => {
  expect(readNote(value)).toEqual({ text, at: NOW });
});

test('a note without a time is none', () => {
  for (const value of ['nat-1', 'nat-1 since ever', '', undefined]) expect(readNote(value)).toBeUndefined();
});
