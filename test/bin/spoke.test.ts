import { GetFunctionConfigurationCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Clients } from '../../bin/clients.ts';
import { run } from '../../bin/run.ts';
import type { Terminal } from '../../bin/terminal.ts';
import { byValue } from '../../local/wire/by-value.ts';
import { CIDR } from '../shared/subnets/fixtures.ts';
import { SPOKE, type SpokeStage, spokeStage } from '../shared/subnets/spoke-stage.ts';

let here: SpokeStage;
beforeEach(async () => {
  here = await spokeStage();
  await here.tagFar(here.far.a1, CIDR);
  await here.tagFar(here.far.b1, CIDR);
  await here.minutes(4);
  jest.spyOn(Date, 'now').mockImplementation(here.cloud.clock.now);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await here?.close();
});

/** Runs a command in the spoke's account. Resolves to its exit code and what it said. */
async function say(...argv: string[]) {
  const { spoke } = here;
  const Variables = {
    ...{ STACK: spoke.stack, TAG_KEY: 'ziti-glb', ACCOUNT: spoke.account, CLIENT_VPCS: 'all' },
    ...{ HUB_SERVICE: spoke.hubService, HUB_HEALTH: spoke.hubHealth, DEFAULT_CIDRS: '100.64.0.0/10' },
    ...{ ENDPOINTS: 'subnet', MAIN_ROUTE_TABLE: 'refuse', WITHOUT_ROUTER: 'keep', DNS_RESOLVER: '100.127.255.254' },
    ...{ ENDPOINTS_PER_VPC: '50', ROUTES_PER_TABLE: '500' },
  };
  const lambda = {
    middlewareStack: { add() {} },
    send: (command: object) =>
      command instanceof GetFunctionConfigurationCommand
        ? Promise.resolve({ Environment: { Variables } })
        : here.lambda.send(command as never),
  } as unknown as LambdaClient;
  const said: string[] = [];
  const terminal: Terminal = {
    out: (...lines: string[]) => void said.push(...lines),
    err: (...lines: string[]) => void said.push(...lines),
    progress() {},
    paint: (_, text) => text,
    confirm: async () => true,
    clear() {},
    sleep: async (ms) => {
      await here.farPass();
      await here.cloud.clock.run(ms);
    },
    atInterrupt() {},
  };
  const clients = { ec2: byValue(here.cloud.ec2Of(SPOKE), here.cloud.wire), lambda } as unknown as Clients;
  const code = await run([...argv, '--stack', 'ziti-glb-spoke-test'], terminal, () => clients);
  return { code, said: said.join('\n') };
}

test('status shows a spoke’s subnets by VPC and zone, and why one is refused', async () => {
  const { code, said } = await say('status');
  expect(code).toBe(0);
  expect(said).toMatch(/^ziti-glb-spoke +a spoke +eu-central-1/);
  expect(said).toMatch(
    new RegExp(`VPC ${here.far.vpc}\nSUBNET .*\n${here.far.a1} +eu-central-1a +ready +vpce-\\S+ available`),
  );
  expect(said).toMatch(/the service of account 111122223333 is not in eu-central-1b, which is euc1-az1/);
  expect(said).not.toMatch(/ROUTER|LOAD BALANCER/);
});

test('status waits for a spoke that is ready, which has no routers to wait for', async () => {
  expect(await say('status', '--for=ready', '--timeout=0')).toMatchObject({ code: 2 });
  await here.untagFar(here.far.b1);
  await here.minutes(2);
  expect(await say('status', '--for=ready', '--timeout=0')).toMatchObject({ code: 0 });
});

test('plan says what a tag would do there', async () => {
  expect(await say('plan')).toMatchObject({ code: 0 });
  const { code, said } = await say('plan', '--with', `${here.far.a1}=10.40.0.0/16`);
  expect([code, said]).toEqual([2, expect.stringContaining('10.40.0.0/16')]);
});

test('drain opts all out, and waits until nothing is left', async () => {
  const { code, said } = await say('drain', '--yes');
  expect([code, said]).toEqual([0, expect.stringContaining('Drained: no route and no endpoint is left.')]);
  expect(await here.farEndpoints()).toEqual([]);
});

test('what is about routers is refused, with where to ask', async () => {
  const { code, said } = await say('router', 'router-1');
  expect([code, said]).toEqual([
    64,
    expect.stringMatching(/is a spoke, which has no routers: there are status, plan, drain/),
  ]);
});
