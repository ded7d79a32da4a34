import { describe, expect, test } from '@jest/globals';
import { plan } from '../../../shared/routers/plan.ts';
import type { Instance } from '../../../shared/routers/world.ts';
import {
  answering,
  asked,
  bare,
  checked,
  config,
  failed,
  hook,
  inGroup,
  install,
  instance,
  MINUTE,
  made,
  now,
  outcome,
  outdated,
  rows,
  running,
  target,
  wantedBy,
  without,
  world,
} from './fixtures.ts';

rows(
  'a router whose diverter answers the health checks is registered while it is installed',
  [
    ['noted first, so that it is known for ours', world([instance()]), ['note-diverter', 'install'], []],
    [
      'not before its agent is there to answer for it: its health check could be answered by anything',
      world([instance({ agentOnline: false })]),
      [],
      ['its SSM agent to come online, within 15 min of its start'],
    ],
    [
      'nor while it is noted, by us',
      world([without({ agentOnline: false })]),
      [],
      ['its SSM agent to come online, within 15 min of its start'],
    ],
    ['then, with the install beside it', world([without()]), ['register', 'install'], []],
    [
      'with its source/dest check on: it cannot be healthy before that goes off',
      world([without({ interfaces: [{ id: 'eni-1', sourceDestCheck: true }] })]),
      ['register', 'install'],
      [],
    ],
    [
      'which it does as soon as the install has succeeded',
      world(
        [
          without({
            interfaces: [{ id: 'eni-1', sourceDestCheck: true }],
            installs: [install({ fingerprint: wantedBy(bare, asked) })],
          }),
        ],
        [target('initial')],
      ),
      ['note-check', 'source-dest-check-off', 'note-diverter'],
      ['its source/dest check to be off'],
    ],
    [
      'not once an install has failed',
      world([without({ installs: [failed({ fingerprint: wantedBy(bare, asked) })] })]),
      [],
      [/^another try/],
    ],
    [
      'and is taken out until one succeeds: what answers health checks there is no diverter',
      world([without({ installs: [failed({ fingerprint: wantedBy(bare, asked) })] })], [target('healthy')]),
      ['deregister'],
      [/^another try/],
    ],
    [
      'its health check fails until then: it is installed, and not repaired',
      world([without()], [target('unhealthy')]),
      ['install'],
      [],
    ],
    [
      'what came of the install is noted',
      world([without({ installs: [install({ fingerprint: wantedBy(bare, asked) })] })], [target('initial')]),
      ['note-diverter'],
      ['its health checks to pass, it is initial'],
    ],
    [
      'noted as having none only where no install is known of',
      world([instance({ installs: [install({ fingerprint: wantedBy(bare, asked) })] })]),
      ['note-diverter'],
      ['its tag ziti-glb:diverter'],
    ],
    ['healthy, it is done', world([answering()], [target('healthy')]), [], []],
    ['not before EC2 has started it', world([without({ state: 'pending' })]), [], ['EC2 to start it']],
    ['not in a warm pool', world([{ ...without(), ...inGroup('Warmed:Running') }]), ['install'], []],
    [
      'and taken out when its tag goes, before it ever had a diverter',
      world([{ ...without(), role: undefined }], [target('unhealthy')]),
      ['deregister'],
      [],
    ],
  ],
  asked,
);

test('a target that has no diverter yet is joining, and not unhealthy', () => {
  const { gauges } = plan(world([without()], [target('unhealthy')]), asked);
  expect(gauges).toMatchObject({ Routers: 1, JoiningRouters: 1, UnhealthyRouters: 0, HealthyRouters: 0 });
});

rows('a router joins', [
  [
    'source/dest check stays on while nothing has shown that it is a router',
    world([instance({ agentOnline: false, interfaces: [{ id: 'eni-1', sourceDestCheck: true }] })]),
    [],
    ['its SSM agent to come online, within 15 min of its start'],
  ],
  [
    'and goes off at every interface once its install has succeeded',
    world([instance({ installs: [install()], interfaces: checked('eni-1', 'eni-2') })]),
    ['note-check', 'source-dest-check-off', 'source-dest-check-off', 'note-diverter'],
    ['its source/dest check to be off'],
  ],
  [
    'noted once',
    world([made({ interfaces: checked('eni-1'), unchecked: ['eni-1'] })], [target('healthy')]),
    ['source-dest-check-off'],
    ['its source/dest check to be off'],
  ],
  ['with its agent online it is installed', world([instance()]), ['install'], []],
  ['while that runs it waits', world([instance({ installs: [running] })]), [], ['command c-1, which is InProgress']],
  [
    'what came of it is noted',
    world([instance({ installs: [install()] })]),
    ['note-diverter'],
    ['its tag ziti-glb:diverter'],
  ],
  [
    'and once that is seen, it is registered',
    world([made({ installs: [install()] })]),
    ['note-diverter', 'register'],
    [],
  ],
  [
    'not while answers would be dropped',
    world([made({ interfaces: [{ id: 'eni-1', sourceDestCheck: true }] })]),
    ['note-check', 'source-dest-check-off'],
    ['its source/dest check to be off'],
  ],
  [
    'its health is awaited',
    world([made()], [target('initial', 'i-1', 'Elb.RegistrationInProgress')]),
    [],
    ['its health checks to pass, it is initial (Elb.RegistrationInProgress)'],
  ],
  ['healthy, it is done', world([made()], [target('healthy')]), [], []],
  [
    'back while it drains, it waits to join again',
    world([made()], [target('draining')]),
    [],
    ['its draining to end, to join again'],
  ],
  [
    'with another diverter, it keeps that until then',
    world([outdated()], [target('draining')]),
    [],
    ['its draining to end, to join again'],
  ],
  ['removed behind our back, it joins again', world([made()]), ['register'], []],
  [
    'started again, it is installed again, whatever it had before',
    world([
      {
        ...instance({ launchedAt: now - MINUTE, installs: [install({ requestedAt: now - 2 * MINUTE })] }),
        diverter: { text: wantedBy(bare), at: now - 2 * MINUTE },
      },
    ]),
    ['install'],
    [],
  ],
  ['not yet up, it waits for EC2', world([instance({ state: 'pending' })]), [], ['EC2 to start it']],
  [
    'before the load balancer has addresses, it waits',
    { ...world([instance()]), nodes: [] },
    [],
    ['the load balancer to have addresses'],
  ],
  [
    'without an agent for long, it says what is usually wrong',
    world([instance({ agentOnline: false, launchedAt: now - 16 * MINUTE })]),
    [],
    [
      /^its SSM agent, which is not online 15 min after its start: usually its instance profile lacks AmazonSSMManagedInstanceCore, or port 443/,
    ],
  ],
]);

rows('a failed install', [
  [
    'is tried again after a while, and its last words are told',
    world([instance({ installs: [failed()] })]),
    [],
    ['another try: command c-1 ended as Failed: ziti-glb: no disk left'],
  ],
  ['a minute later', world([instance({ installs: [failed({ requestedAt: now - MINUTE })] })]), ['install'], []],
  [
    'after two, two minutes later',
    world([instance({ installs: [failed({ requestedAt: now - MINUTE }), failed({ requestedAt: now - 3 * MINUTE })] })]),
    [],
    [/^another try/],
  ],
  [
    'of another version does not count',
    world([instance({ installs: [failed({ fingerprint: 'old.old' })] })]),
    ['install'],
    [],
  ],
  [
    'of before it was started again does not count',
    world([instance({ launchedAt: now - 5_000, installs: [failed()] })]),
    ['install'],
    [],
  ],
]);

rows('a router that is not healthy', [
  [
    'is put right, two minutes after its install',
    world([made()], [target('unhealthy')]),
    ['install', 'note-unhealthy'],
    [],
  ],
  [
    'not before',
    world(
      [{ ...made(), launchedAt: now - MINUTE, diverter: { text: wantedBy(bare), at: now - MINUTE } }],
      [target('unhealthy', 'i-1', 'Target.Timeout')],
    ),
    ['note-unhealthy'],
    ['its health checks to pass, it is unhealthy (Target.Timeout)'],
  ],
  [
    'nor again at once, if that did not help',
    world([{ ...made(), installs: [install({ requestedAt: now - MINUTE, why: 'repair' })] }], [target('unhealthy')]),
    ['note-diverter', 'note-unhealthy'],
    ['its health checks to pass, it is unhealthy'],
  ],
  [
    'with another diverter gets the wanted one at once: it serves nobody',
    world([outdated()], [target('unhealthy')]),
    ['install', 'note-unhealthy'],
    [],
  ],
]);

describe('a repair', () => {
  test('is said to be one, and counted', () => {
    expect(outcome(world([made()], [target('unhealthy')])).says).toEqual([
      expect.stringMatching(/^i-1 \(router-1\): gets the diverter .*, again, for its health checks fail$/),
      'the tag ziti-glb:unhealthy of i-1 (router-1) notes: unhealthy',
    ]);
    const repaired = { ...made(), installs: [install({ why: 'repair' })] };
    expect(plan(world([repaired], [target('healthy')]), config).gauges).toEqual({
      Routers: 1,
      HealthyRouters: 1,
      UnhealthyRouters: 0,
      JoiningRouters: 0,
      DrainingRouters: 0,
      RefusedRouters: 0,
      OutdatedRouters: 0,
      RepairsOfLastHour: 1,
    });
  });
});

test('one that starts joins, unless it does for a warm pool', () => {
  const gauges = (fields: Partial<Instance>) => plan(world([instance({ state: 'pending', ...fields })]), config).gauges;
  expect(gauges({})).toMatchObject({ Routers: 1, JoiningRouters: 1 });
  expect(gauges(inGroup('Warmed:Pending'))).toMatchObject({ Routers: 0, JoiningRouters: 0 });
});

test.each<[string, Partial<Instance>, boolean]>([
  ['an install that failed', { installs: [failed()] }, true],
  ['an agent that does not come', { agentOnline: false, launchedAt: now - 16 * MINUTE }, true],
  ['an agent that may still come', { agentOnline: false }, false],
  ['a launch that is given up', inGroup('Pending:Wait', hook({ heldAt: now - 16 * MINUTE, heartbeatAt: now })), true],
  ['a launch that goes on', { ...inGroup('Pending:Wait', hook()), agentOnline: false }, false],
])('%s is worth a warning, or not', (_, fields, expected) => {
  const { steps, conditions } = plan(world([instance(fields)]), config);
  expect([...steps, ...conditions].some(({ warn }) => warn)).toBe(expected);
});
