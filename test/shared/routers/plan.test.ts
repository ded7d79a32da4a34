import { expect, test } from '@jest/globals';
import { plan } from '../../../shared/routers/plan.ts';
import { config, instance, now, wantedBy, world } from './fixtures.ts';

test('300 routers take as few calls as AWS allows', () => {
  const many = Array.from({ length: 300 }, (_, index) =>
    instance({ id: `i-${1000 + index}`, address: `10.0.1.${index}` }),
  );
  const { steps } = plan(world(many), config);
  expect(steps.map((step) => step.kind === 'install' && step.instances.length)).toEqual([50, 50, 50, 50, 50, 50]);
  const joined = many.map((one) => ({ ...one, diverter: { text: wantedBy(one), at: now } }));
  expect(plan(world(joined), config).steps.map(({ kind }) => kind)).toEqual(['register', 'register', 'register']);
});
