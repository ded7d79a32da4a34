import { expect, test } from '@jest/globals';
import { plan } from '../../../shared/routers/plan.ts';
import { config, failed, instance, made, now, running, target, wantedBy, world } from './fixtures.ts';

test('300 routers take as few calls as AWS allows', () => {
  const many = Array.from({ length: 300 }, (_, index) =>
    instance({ id: `i-${1000 + index}`, address: `10.0.1.${index}` }),
  );
  const { steps } = plan(world(many), config);
  expect(steps.map((step) => step.kind === 'install' && step.instances.length)).toEqual([50, 50, 50, 50, 50, 50]);
  const joined = many.map((one) => ({ ...one, diverter: { text: wantedBy(one), at: now } }));
  expect(plan(world(joined), config).steps.map(({ kind }) => kind)).toEqual(['register', 'register', 'register']);
});

test.each([
  ['is tried again', [failed({ requestedAt: now - 1_000 })], ['unhealthy: Target.Timeout', /^waits for another try/]],
  ['runs', [running], ['unhealthy: Target.Timeout', /^waits for command c-1/]],
  ['is not due', [], ['unhealthy: Target.Timeout']],
])('of an unhealthy router the cause is told first, and once, while a repair %s', (_, installs, why) => {
  const one = { ...made({ launchedAt: now - 1_000 }), installs };
  const { summaries } = plan(world([one], [target('unhealthy', 'i-1', 'Target.Timeout')]), config);
  expect(summaries).toMatchObject([{ state: 'down', reason: 'Target.Timeout' }]);
  expect(summaries[0]?.why).toEqual(why.map((text) => (text instanceof RegExp ? expect.stringMatching(text) : text)));
});
