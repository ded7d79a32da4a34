import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  DescribeTagsCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { expect, test } from '@jest/globals';
import type { Explanation, Finding, Router, Status, Versions } from '../../bin/json.ts';
import { minuteOf } from '../../shared/sentences.ts';
import { given } from '../support/cloud.ts';
import { answering } from './diverters.ts';
import { deployed } from './stage.ts';

const MINUTE = 60_000;

/** Two routers that serve, and then the machine of one hangs. */
async function died({ paused = false } = {}) {
  const stack = await deployed();
  answering(stack);
  const dead = await stack.router(stack.vpc.a0, 'router-1');
  await stack.router(stack.vpc.b0, 'router-2');
  for (let minute = 0; minute < 3; minute++) await stack.pass();
  if (paused) await stack.cli('pause');
  const at = stack.clock.now();
  const hangs = new Set([dead]);
  stack.cloud.crash(dead);
  stack.fake.onProbe = (_, id = '') =>
    hangs.has(id) ? { healthy: false, reason: 'Target.Timeout' } : { healthy: true };
  await stack.clock.run(MINUTE);
  for (let pass = 0; pass < 5; pass++) await stack.pass();
  const ask = (line: string) => stack.cli(line, { onSleep: stack.onSleep });
  const status = async () => JSON.parse((await ask('status --json')).out) as Status;
  const router = async () =>
    given((await status()).zones.flatMap(({ routers }) => routers).find(({ id }) => id === dead));
  const note = async () => {
    const Filters = [
      { Name: 'resource-id', Values: [dead] },
      { Name: 'key', Values: ['ziti-glb:unhealthy'] },
    ];
    return (await stack.ec2.send(new DescribeTagsCommand({ Filters }))).Tags?.[0]?.Value;
  };
  return { ...stack, dead, at, hangs, ask, router, note };
}

test('of a machine that hangs all commands say why, since when, and what to do', async () => {
  const { dead, at, ask, router, note } = await died();
  const { since = 0, why, health, reason } = await router();
  // The look that saw it first, a minute after.
  expect(Math.round((since - at) / MINUTE)).toBe(1);
  expect(await note()).toMatch(new RegExp(`^Target\\.Timeout ${new Date(since).toISOString()} v1\\.`));
  const cause = `unhealthy: Target.Timeout since ${minuteOf(since)}`;
  const lost = expect.stringMatching(
    /^waits for its SSM agent, which was last heard of at 2026-\S+ \d\d:\d\d UTC: the machine is down or cut off; look at its status checks/,
  );
  expect({ health, reason, why }).toEqual({ health: 'unhealthy', reason: 'Target.Timeout', why: [cause, lost] });
  const heardAt = given(/last heard of at (\S+ \S+) UTC/.exec(why.join()))[1];
  const lag = at - Date.parse(`${heardAt}Z`);
  expect(lag).toBeGreaterThanOrEqual(0);
  expect(lag).toBeLessThan(6 * MINUTE);

  const { out } = await ask('status');
  expect(out).toMatch(new RegExp(`^${dead} \\(router-1\\) .* ${cause}$`, 'm'));
  expect(out).toMatch(new RegExp(`^${dead} \\(router-1\\) +${cause}$`, 'm'));
  expect(out).not.toContain('AmazonSSMManagedInstanceCore');

  const { out: chain } = await ask('explain router-1');
  expect(chain).toMatch(new RegExp(`BROKEN +agent +${given(why[1])}\n`));
  expect(chain).toMatch(new RegExp(`BROKEN +health +${cause}`));
  const { broken } = JSON.parse((await ask('explain router-1 --json')).out) as Explanation;
  expect(broken).toEqual({ name: 'agent', holds: false, says: why[1], code: 'agent-lost' });
  // The first broken link says it, and nobody says it again.
  expect(chain.match(/was last heard of at/g)).toHaveLength(2);

  const findings = JSON.parse((await ask('doctor --json')).out) as Finding[];
  const of = (check: string) => findings.filter((each) => each.check === check && each.is !== 'ok');
  expect(of('routers')).toEqual([
    expect.objectContaining({
      is: 'fault',
      says: expect.stringContaining(`(router-1) is down: ${cause}: waits for its SSM`),
    }),
  ]);
  expect(of('agent')).toEqual([
    {
      ...{ is: 'fault', check: 'agent', code: 'agent-lost' },
      says: `${dead} (router-1) waits for its SSM agent, which was last heard of at ${heardAt} UTC`,
      remedy: expect.stringMatching(/^the machine is down or cut off; look at its status checks in EC2/),
    },
  ]);

  const { routers } = JSON.parse((await ask('versions --json')).out) as Versions;
  expect(routers.find(({ id }) => id === dead)?.unknown).toBe('its SSM agent is not online, see explain');

  const asked = await ask('router router-1');
  expect(asked.code).toBe(1);
  expect(asked.out.split('\n')).toEqual([`${dead} (router-1)`, cause, lost]);
  expect(asked.err).toMatch(/^InvalidInstanceId: /);
});

test('a router that serves again is as if nothing had been', async () => {
  const { hangs, clock, pass, ask, router, note } = await died();
  hangs.clear();
  await clock.run(MINUTE);
  await pass();
  expect(await router()).toMatchObject({ health: 'healthy', state: 'ready', why: [] });
  expect(await router()).not.toHaveProperty('since');
  expect(await note()).toBeUndefined();
  expect((await ask('status')).out).not.toContain('WHY');
});

test('a stack that is paused notes it all the same, and changes nothing else', async () => {
  const { at, router, calls } = await died({ paused: true });
  const { since = 0, why } = await router();
  expect([Math.round((since - at) / MINUTE), why[0]]).toEqual([
    1,
    `unhealthy: Target.Timeout since ${minuteOf(since)}`,
  ]);
  const changes = calls.filter((call) => call.changes && call.at > at).map(({ operation }) => operation);
  expect(changes).toEqual(['CreateTags']);
});

test('a note that is left on what is no router any more is taken away, and one that nobody sealed is nothing to see', async () => {
  const { dead, ec2, untag, pass, ask, note } = await died();
  const left = await note();
  await untag(dead);
  for (let minute = 0; minute < 10; minute++) await pass();
  expect(await note()).toBeUndefined();
  const write = (Value: string) =>
    ec2.send(new CreateTagsCommand({ Resources: [dead], Tags: [{ Key: 'ziti-glb:unhealthy', Value }] }));
  await write(given(left));
  expect((await ask('status')).out).not.toContain(dead);
  await pass();
  expect(await note()).toBeUndefined();
  await write('Target.Timeout 2026-01-15T10:00:00.000Z');
  await pass();
  expect(await note()).toBe('Target.Timeout 2026-01-15T10:00:00.000Z');
  expect((await ask('status')).out).not.toContain(dead);
});

test('JSON of a router tells its health beside what its diverter says', async () => {
  const { ask, dead } = await died();
  const { id, health, why } = JSON.parse((await ask('router router-2 --json')).out) as Router;
  expect([id === dead, health, why]).toEqual([false, 'healthy', []]);
});

/** An instance is stopped and started, and its agent does not come up again. */
async function startedWithoutAgent(id: string, { ec2, clock, cloud }: Awaited<ReturnType<typeof deployed>>) {
  const InstanceIds = [id];
  await ec2.send(new StopInstancesCommand({ InstanceIds }));
  await clock.run(5 * MINUTE);
  await ec2.send(new StartInstancesCommand({ InstanceIds }));
  for (;;) {
    await clock.run(1000);
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds }));
    const { State, LaunchTime } = given(Reservations?.[0]?.Instances?.[0]);
    if (State?.Name !== 'running') continue;
    cloud.crash(id);
    return { launched: minuteOf(given(LaunchTime).getTime()) };
  }
}

test('of an agent that has not come all commands say so, since when, and what is usually missing', async () => {
  const stack = await deployed();
  const id = await stack.router(stack.vpc.a0, 'router-1');
  const { launched } = await startedWithoutAgent(id, stack);
  const ask = async () => {
    const findings = JSON.parse((await stack.cli('doctor --json')).out) as Finding[];
    const { broken } = JSON.parse((await stack.cli('explain router-1 --json')).out) as Explanation;
    return { finding: findings.find(({ check }) => check === 'agent'), broken };
  };
  await stack.clock.run(MINUTE);
  const coming = `waits for its SSM agent to come online, within 15 min of its start`;
  expect(await ask()).toEqual({
    finding: {
      ...{ is: 'warning', check: 'agent', says: `${id} (router-1) ${coming}`, code: 'agent-online' },
      remedy: 'nothing yet: agents register within minutes',
    },
    broken: { name: 'agent', holds: false, says: `${coming}, since ${launched}`, code: 'agent-online' },
  });
  await stack.clock.run(15 * MINUTE);
  const missing = 'waits for its SSM agent, which is not online 15 min after its start';
  const usually = expect.stringMatching(/^usually its instance profile lacks AmazonSSMManagedInstanceCore/);
  const { finding, broken } = await ask();
  expect(finding).toEqual({
    ...{ is: 'fault', check: 'agent', says: `${id} (router-1) ${missing}`, code: 'agent-missing', remedy: usually },
  });
  expect(broken?.says).toMatch(`${missing}, since ${launched}: usually its instance profile lacks`);
});
