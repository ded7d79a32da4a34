import { expect, test } from '@jest/globals';
import type { HealthCheck } from '../../../local/fabric/fabric.ts';
import { noFabric } from '../../../local/fabric/none.ts';
import { NODE, ROUTERS, topology } from './topology.ts';

const CHECK: HealthCheck = { protocol: 'HTTPS', ip: ROUTERS[0], port: 8081, path: '/health-checks', timeout: 1000 };
const UNHEALTHY = { healthy: false, reason: 'Target.Timeout' };

test('it says why no packets flow, and that nothing is run', async () => {
  const fabric = noFabric('this is not Linux');
  await fabric.sync(topology());
  expect(fabric.description).toContain('No packets flow: this is not Linux.');
  expect(await fabric.exec('i-router-1', ['reboot', 'now'])).toEqual({
    code: 0,
    stdout: 'Not run, since this is not Linux: reboot now\n',
    stderr: '',
  });
});

test('a target is healthy while its instance is up', async () => {
  const fabric = noFabric('of this test');
  const probe = () => fabric.probe(NODE, CHECK);
  expect(await probe()).toEqual(UNHEALTHY);
  await fabric.sync(topology());
  expect(await probe()).toEqual({ healthy: true });
  await fabric.crash('i-router-1');
  expect(await probe()).toEqual(UNHEALTHY);
  await expect(fabric.exec('i-router-1', ['true'])).rejects.toThrow('i-router-1 is not up');
  await fabric.sync(topology());
  expect(await probe()).toEqual(UNHEALTHY);
});

test('an instance that has crashed is up again after it was stopped', async () => {
  const fabric = noFabric('of this test');
  await fabric.sync(topology());
  await fabric.crash('i-router-1');
  await fabric.sync({ ...topology(), instances: [] });
  await fabric.sync(topology());
  expect(await fabric.probe(NODE, CHECK)).toEqual({ healthy: true });
});

test('there is nothing where no instance was', async () => {
  const fabric = noFabric('of this test');
  await expect(fabric.exec('i-none', ['true'])).rejects.toThrow('i-none is not up');
  await expect(fabric.crash('i-none')).rejects.toThrow('i-none is not up');
});
