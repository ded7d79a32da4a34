import { expect, test } from '@jest/globals';
import { AwsError } from '../../local/wire/errors.ts';
import { faults } from '../../local/wire/faults.ts';
import { answering, STATUS } from './diverters.ts';
import { deployed, type Extras } from './stage.ts';

async function joined(extras: Extras = {}) {
  const stack = await deployed(extras);
  answering(stack);
  const id = await stack.router(stack.vpc.a0, 'router-1');
  for (let minute = 0; minute < 3; minute++) await stack.pass();
  return { ...stack, id, ask: (line: string) => stack.cli(line, { onSleep: stack.onSleep }) };
}

test('versions names what runs where', async () => {
  const { ask, id, environments } = await joined();
  Object.assign(environments['ziti-glb-dev-routers'] ?? {}, { VERSION: '0.0.9' });
  const { code, out } = await ask('versions');
  expect([code, out]).toEqual([0, expect.stringMatching(/^this command: \d+\.\d+\.\d+, on Node \d+/)]);
  expect(out).toMatch(new RegExp(`${id} \\(router-1\\) +${STATUS.version} +yes +unknown +\\d+\\.\\d+\\S* +\\d+\\.`));
  expect(out).toMatch(/ziti-glb-dev-routers +0\.0\.9 +nodejs24\.x +2026-01-15T09:00:00 +\S{12}\n/);
});

test('versions says what it could not ask, and tells the rest', async () => {
  const denied = new AwsError('AccessDeniedException', 'User: ann is not authorized to perform: ssm:SendCommand', 400);
  let refusing = false;
  const middleware = [faults(({ operation }) => (refusing && operation === 'SendCommand' ? denied : undefined))];
  const { ask } = await joined({ middleware });
  refusing = true;
  expect(JSON.parse((await ask('versions --json')).out).routers).toMatchObject([
    { isWanted: true, unknown: expect.stringContaining('ann lacks ssm:SendCommand') },
  ]);
  const { out } = await ask('versions');
  expect(out).toMatch(/\(router-1\) +unknown +yes +unknown +unknown +\d+\./);
  expect(out).toMatch(/\n\ni-\S+ \(router-1\) does not tell: .*ann lacks ssm:SendCommand/);
});

test('bundle has all in one JSON, and no secret', async () => {
  const { ask, logged, environments, id } = await joined();
  Object.assign(environments['ziti-glb-dev-routers'] ?? {}, { REGISTRATION_KEY: 'parameter-of-the-key' });
  const link = 'https://b.s3.amazonaws.com/d?X-Amz-Signature=0123abc&X-Amz-Credential=AKIAABCDEFGHIJKLMNOP%2F2026';
  await logged('routers', { message: `${id}: is installed from ${link}`, level: 'INFO' });
  const { code, out } = await ask('bundle');
  expect(code).toBe(0);
  const { config, ...parts } = JSON.parse(out);
  expect(parts).toMatchObject({
    stack: 'ziti-glb-dev',
    versions: [{ routers: [{ label: `${id} (router-1)` }] }],
    status: [{ zones: expect.any(Array) }],
    plan: [{ routers: { steps: [] } }],
    doctor: [expect.any(Array)],
    log: [{ message: expect.stringContaining('is installed from') }],
  });
  expect(config).toMatchObject({ subnets: { tagKey: 'ziti-glb', endpoints: 'subnet' }, routers: { reply: 'direct' } });
  expect(out).toContain('X-Amz-Signature=[secret]');
  expect(out).not.toMatch(/parameter-of-the-key|0123abc|AKIA/);
});

test('bundle has the other parts, where one may not be read', async () => {
  const denied = new AwsError(
    'AccessDeniedException',
    'User: ann is not authorized to perform: logs:FilterLogEvents',
    400,
  );
  const middleware = [faults(({ operation }) => (operation === 'FilterLogEvents' ? denied : undefined))];
  const { ask } = await joined({ middleware });
  const { code, out } = await ask('bundle');
  expect([code, JSON.parse(out)]).toEqual([
    2,
    expect.objectContaining({ status: expect.any(Array), log: { failed: expect.stringContaining('ann lacks logs:') } }),
  ]);
});
