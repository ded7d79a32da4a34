import { expect, test } from '@jest/globals';
import { refused } from '../../../shared/conditions/condition.ts';
import { aboutId } from '../../../shared/ref.ts';
import { LONGEST, statusText } from '../../../shared/subnets/status-text.ts';
import { NOW } from './fixtures.ts';

const condition = refused(aboutId('subnet-a'), { code: 'zone-without-node', zone: 'a' });
const takenOver = { tableId: 'rtb-a', destinations: ['10.20.0.0/16', '10.30.0.0/16'] };
const served = { servedBy: { id: 'vpce-b', subnetId: 'subnet-b' }, zone: 'a' };
const SERVED = '. Served by vpce-b of subnet-b: AWS takes no second endpoint in a';
const LEAVING = `leaving since ${new Date(NOW).toISOString()} because someone tried to delete it`;

test.each([
  ['ready', {}],
  ['refused: the load balancer has no node in a', { condition, takenOver }],
  ['ready. Taken over in rtb-a: 10.20.0.0/16 10.30.0.0/16', { takenOver }],
  [`ready${SERVED}`, served],
  [`refused: the load balancer has no node in a${SERVED}`, { condition, ...served }],
  [LEAVING, { leavingSince: NOW }],
  [`${LEAVING}. But refused: the load balancer has no node in a`, { leavingSince: NOW, condition }],
])('a status tag says %j', (text, standing) => {
  expect(statusText(standing)).toBe(text);
});

test('a status tag that has no room for all of it says whose endpoint serves the subnet', () => {
  const destinations = Array.from({ length: 20 }, (_, index) => `10.${index}.0.0/16`);
  const text = statusText({ takenOver: { ...takenOver, destinations }, ...served });
  expect(text).toHaveLength(LONGEST);
  expect(text.endsWith(SERVED)).toBe(true);
});
