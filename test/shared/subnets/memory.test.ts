import { expect, test } from '@jest/globals';
import { leavingText, memoryOf, sharing, takenOverText } from '../../../shared/subnets/memory.ts';
import { NOW } from './fixtures.ts';

const NOTHING = { leavingSince: 0, servedBy: undefined, takenOver: undefined };
const cidrs = ['10.20.0.0/16', '10.30.0.0/16'];
const takenOver = { tableId: 'rtb-a', destinations: cidrs };
const served = sharing({ id: 'vpce-b', subnetId: 'subnet-b' }, 'a');

test.each([
  ['a deletion that was tried', leavingText(NOW), { leavingSince: NOW }],
  ['one that is held', `${leavingText(NOW)}. But blocked: 10.20.0.0/16 in rtb-a`, { leavingSince: NOW }],
  ['what was taken over', takenOverText('rtb-a', cidrs), { takenOver }],
  ['whose endpoint serves it', `ready${served}`, { servedBy: 'vpce-b' }],
  ['both', `${takenOverText('rtb-a', cidrs)}${served}`, { takenOver, servedBy: 'vpce-b' }],
  [
    'that where a route led is lost',
    'conflict: where 10.20.0.0/16 in rtb-a led before it was taken over is lost with its notes: opted out it is deleted',
    { takenOver: { tableId: 'rtb-a', destinations: ['10.20.0.0/16'] } },
  ],
  ['nothing, of a time that is none', 'leaving since ever because someone tried to delete it', {}],
  ['nothing', 'waiting: its endpoint to be available', {}],
  ['nothing, where there is none', undefined, {}],
])('a status tag remembers %s', (_, status, remembered) => {
  expect(memoryOf(status)).toEqual({ ...NOTHING, ...remembered });
});
