import { expect, test } from '@jest/globals';
import { plan } from '../../shared/subnets/plan.ts';
import { config, endpoint, main, routes, subnet, table, world } from '../shared/subnets/fixtures.ts';

/** The subnet's endpoint is available, its routes lead there: all that it lacks is a router. */
const served = {
  subnets: [subnet({ status: 'ready' })],
  endpoints: [endpoint()],
  routeTables: [main, table({ routes: routes('vpce-a') })],
};

test.each([
  ['its zone, that is enough', 'a', false, 0],
  ['another zone only, it waits', 'b', false, 1],
  ['another zone only, but crossZone is on, that is enough', 'b', true, 0],
])('SubnetsWaiting tells of a dark zone: where a router is healthy in %s', (_, zone, crossZone, Waiting) => {
  const seen = world({ ...served, targets: [{ state: 'healthy', zone }], crossZone });
  expect(plan(seen, config()).gauges).toMatchObject({ Waiting });
});
