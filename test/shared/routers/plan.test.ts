import { describe, expect, test } from '@jest/globals';
import type { RoutersConfig } from '../../../shared/config.ts';
import { LATER } from '../../../shared/reconcile.ts';
import { plan } from '../../../shared/routers/plan.ts';
import { INTERRUPTION, NO_DIVERTER, REBALANCE, routersOf } from '../../../shared/routers/router.ts';
import type { Hook, Install, Instance, RoutersWorld, Target } from '../../../shared/routers/world.ts';
import { configOf, VERSIONS } from './support.ts';

const MINUTE = 60_000;
const PROFILE = 'arn:aws:iam::111122223333:instance-profile/router';
const now = Date.UTC(2026, 0, 15, 10);
const config = configOf();
const nodes = [
  { address: '10.0.1.5', zone: 'a' },
  { address: '10.0.2.5', zone: 'b' },
];

const bare: Instance = {
  id: 'i-1',
  name: 'router-1',
  role: 'router',
  keys: ['ziti-glb'],
  state: 'running',
  launchedAt: now - 5 * MINUTE,
  rootedAt: 0,
  subnetId: 'subnet-a',
  zone: 'a',
  profile: undefined,
  architecture: 'x86_64',
  windows: false,
  address: '10.0.1.10',
  interfaces: [{ id: 'eni-1', sourceDestCheck: false }],
  agentOnline: true,
  diverter: undefined,
  claimed: undefined,
  installs: [],
  range: undefined,
  leaving: undefined,
  unchecked: undefined,
  unsealed: [],
  scaling: undefined,
};
const world = (instances: Instance[], targets: Target[] = []): RoutersWorld => ({
  ...{ now, nodes, instances, targets },
  vpcCidrs: ['10.0.0.0/16'],
  targetType: 'instance',
});
/** The fingerprint of what a router is to have. */
const wantedBy = (instance: Instance, settings = config) =>
  routersOf(world([instance]), settings)[0]?.wanted.fingerprint ?? '';

const instance = (fields: Partial<Instance> = {}): Instance => ({ ...bare, ...fields });
/** One that has the diverter it is to have, since it was launched. */
const made = (fields: Partial<Instance> = {}) => {
  const one = instance(fields);
  return { ...one, diverter: { text: wantedBy(one), at: one.launchedAt } };
};
const tags = (count: number) => Array.from({ length: count }, (_, number) => `tag-${number}`);
const checked = (...ids: string[]) => ids.map((id) => ({ id, sourceDestCheck: true }));
const outdated = (fields: Partial<Instance> = {}) => ({
  ...instance(fields),
  diverter: { text: 'old.old', at: now - MINUTE },
});
const install = (fields: Partial<Install> = {}): Install => ({
  commandId: 'c-1',
  fingerprint: wantedBy(bare),
  why: 'join',
  status: 'success',
  details: 'Success',
  requestedAt: now - 10_000,
  output: '',
  ...fields,
});
const failed = (fields: Partial<Install> = {}) =>
  install({ status: 'failed', details: 'Failed', output: 'ziti-glb: no disk left', ...fields });
const running = install({ status: 'running', details: 'InProgress' });
const target = (state: string, id = 'i-1', reason?: string): Target => ({ id, state, reason });
const hook = (fields: Partial<Hook> = {}): Hook => ({
  name: 'ziti-glb-launch',
  launching: true,
  heartbeatTimeout: 300_000,
  heldAt: now - 5 * MINUTE,
  beatAt: undefined,
  endedAt: undefined,
  ...fields,
});
const inGroup = (state: string, ...hooks: Hook[]) => ({ scaling: { group: 'routers', state, hooks, others: [] } });

const outcome = (given: RoutersWorld, settings: RoutersConfig = config) => {
  const { steps, waiting, refused } = plan(given, settings);
  return {
    steps: steps.map(({ kind }) => kind),
    notes: [...waiting, ...refused].map((note) => note.for),
    says: steps.map(({ says }) => says),
  };
};

type Row = [string, RoutersWorld, string[], (string | RegExp)[]];

function rows(title: string, table: Row[], settings: RoutersConfig = config) {
  describe(title, () => {
    test.each(table)('%s', (_, given, steps, notes) => {
      const seen = outcome(given, settings);
      expect(seen.steps).toEqual(steps);
      expect(seen.notes).toEqual(notes.map((note) => (note instanceof RegExp ? expect.stringMatching(note) : note)));
    });
  });
}

const asked = configOf({ healthPort: '8082' });
/** Noted as a target that has no diverter yet. */
const without = (fields: Partial<Instance> = {}) => ({
  ...instance(fields),
  diverter: { text: NO_DIVERTER, at: now - MINUTE },
});
/** One that has the diverter which answers health checks. */
const answering = () => ({ ...instance(), diverter: { text: wantedBy(bare, asked), at: bare.launchedAt } });

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

rows(
  'where the stack names where its routers stand, one is registered as soon as it runs',
  [
    [
      'noted first',
      world([instance({ agentOnline: false })]),
      ['note-diverter'],
      ['its SSM agent to come online, within 15 min of its start'],
    ],
    [
      'then registered, while the agent is awaited',
      world([without({ agentOnline: false })]),
      ['register'],
      ['its SSM agent to come online, within 15 min of its start'],
    ],
  ],
  configOf({ healthPort: '8082', routerSubnets: ['subnet-a'] }),
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

rows('a target group whose targets are addresses is left as it is', [
  [
    'whatever is in it, and whoever would join',
    { ...world([instance(), instance({ id: 'i-2', role: undefined })], [target('healthy')]), targetType: 'ip' },
    [],
    [/^its targets are of type ip, and routers are of type instance: nothing is done/],
  ],
]);

rows('what cannot be a router is told why', [
  ['another role', world([instance({ role: 'gateway' })]), [], ['its tag ziti-glb is gateway, not router']],
  [
    'another zone',
    world([instance({ zone: 'c' })]),
    [],
    [/^it stands in zone c, and the load balancer in a, b: launch it there, or add a subnet/],
  ],
  [
    'no address that it could be a target by',
    world([instance({ address: '' })]),
    [],
    ['it has no IPv4 address, by which the load balancer reaches its targets'],
  ],
  ['Windows', world([instance({ windows: true })]), [], ['it runs Windows, where no diverter runs']],
  ['an architecture without a build', world([instance({ architecture: 'i386' })]), [], [/without a diverter for i386/]],
  [
    'with too many tags to be noted',
    world([instance({ keys: tags(49), interfaces: checked('eni-1') })]),
    [],
    ['it has 49 tags, of which AWS allows 50 beside its own, and no room for ziti-glb:source-dest-check: take 1 away'],
  ],
  [
    'with just room for its notes is none of them',
    world([instance({ keys: tags(48), interfaces: checked('eni-1') })]),
    ['install'],
    [],
  ],
  [
    'and stays as it is, if it was one',
    world([instance({ keys: tags(50), interfaces: checked('eni-1'), installs: [install()] })], [target('healthy')]),
    [],
    [/^it has 50 tags, .* take 2 away$/],
  ],
  [
    'or was one before it was untagged',
    world([{ ...instance({ keys: tags(50), installs: [install()], unchecked: ['eni-1'] }), role: undefined }]),
    ['source-dest-check-on'],
    [],
  ],
  ['and leaves, if it was one', world([instance({ zone: 'c' })], [target('unused')]), ['deregister'], [/zone c/]],
]);

rows(
  'what stands where no router may is refused, and not touched',
  [
    [
      'in another subnet',
      world([instance({ subnetId: 'subnet-b', interfaces: checked('eni-1') })]),
      [],
      ['it stands in subnet-b, and routerSubnets names subnet-a: launch it there, or name its subnet too'],
    ],
    [
      'with another instance profile',
      world([instance({ profile: 'arn:aws:iam::111122223333:instance-profile/other' })]),
      [],
      [
        /^its instance profile is arn:aws:iam::111122223333:instance-profile\/other, and routerProfile is .*\/router: give/,
      ],
    ],
    ['with none', world([instance()]), [], [/^its instance profile is none/]],
    ['as it is to be, it joins', world([instance({ profile: PROFILE })]), ['install'], []],
  ],
  configOf({ routerSubnets: ['subnet-a'], routerProfile: PROFILE }),
);

rows('a tag that we did not write', [
  [
    'that it has its diverter already: it is installed, and not before that it is a router',
    world([
      instance({
        claimed: { text: wantedBy(bare), at: now - MINUTE },
        interfaces: checked('eni-1'),
        agentOnline: false,
      }),
    ]),
    [],
    ['its SSM agent to come online, within 15 min of its start'],
  ],
  ['with its agent online', world([instance({ claimed: { text: wantedBy(bare), at: now } })]), ['install'], []],
  [
    'makes no target ours',
    world([instance({ role: undefined, claimed: { text: wantedBy(bare), at: now } })], [target('healthy')]),
    [],
    [/^it is a target and carries no tag of ours/],
  ],
  [
    'of a target makes another install of it, and no outage',
    world([instance({ claimed: { text: wantedBy(bare), at: now } })], [target('healthy')]),
    ['install'],
    [],
  ],
]);

test('notes without a seal of targets are replaced by one more install, zone by zone, and one at first', () => {
  const claiming = (id: string, zone: string) =>
    instance({ id, zone, claimed: { text: wantedBy(bare), at: now - MINUTE } });
  const all = [claiming('i-1', 'a'), claiming('i-2', 'a'), claiming('i-3', 'b')];
  const targets = ['i-1', 'i-2', 'i-3'].map((id) => target('healthy', id));
  expect(plan(world(all, targets), config).steps).toMatchObject([
    { kind: 'install', why: 'upgrade', instances: [{ id: 'i-1' }] },
  ]);
});

rows('a router that is none any more gets its source/dest check back', [
  [
    'when it has drained',
    world([{ ...made(), role: undefined, unchecked: ['eni-1'] }], [target('draining')]),
    [],
    ['the connections it still has to drain'],
  ],
  ['then', world([{ ...made(), role: undefined, unchecked: ['eni-1'] }]), ['source-dest-check-on'], []],
  [
    'and what was noted of it goes',
    world([{ ...made({ interfaces: checked('eni-1') }), role: undefined, unchecked: ['eni-1'] }]),
    ['forget-check'],
    [],
  ],
  [
    'of no interface that had it off before',
    world([
      { ...made({ interfaces: [{ id: 'eni-2', sourceDestCheck: false }] }), role: undefined, unchecked: ['eni-1'] },
    ]),
    ['forget-check'],
    [],
  ],
  ['nor of one without a note of ours', world([{ ...made(), role: undefined }]), [], []],
  ['nor on its end', world([{ ...made({ state: 'shutting-down' }), role: undefined, unchecked: ['eni-1'] }]), [], []],
  ['nor while it is one', world([made({ unchecked: ['eni-1'] })], [target('healthy')]), [], []],
]);

test('notes with the seal of before get the one of now', () => {
  const unsealed = [{ key: 'ziti-glb:diverter', text: 'a.b 2026-01-15T10:00:00.000Z' }];
  expect(plan(world([made({ unsealed })], [target('healthy')]), config).steps).toMatchObject([
    { kind: 'seal-note', instanceId: 'i-1', ...unsealed[0] },
  ]);
});

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
  ['is put right, two minutes after its install', world([made()], [target('unhealthy')]), ['install'], []],
  [
    'not before',
    world(
      [{ ...made(), launchedAt: now - MINUTE, diverter: { text: wantedBy(bare), at: now - MINUTE } }],
      [target('unhealthy', 'i-1', 'Target.Timeout')],
    ),
    [],
    ['its health checks to pass, it is unhealthy (Target.Timeout)'],
  ],
  [
    'nor again at once, if that did not help',
    world([{ ...made(), installs: [install({ requestedAt: now - MINUTE, why: 'repair' })] }], [target('unhealthy')]),
    ['note-diverter'],
    ['its health checks to pass, it is unhealthy'],
  ],
  [
    'with another diverter gets the wanted one at once: it serves nobody',
    world([outdated()], [target('unhealthy')]),
    ['install'],
    [],
  ],
]);

describe('a repair', () => {
  test('is said to be one, and counted', () => {
    expect(outcome(world([made()], [target('unhealthy')])).says).toEqual([
      expect.stringMatching(/^i-1 \(router-1\): gets the diverter .*, again, for its health checks fail$/),
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
  ['a launch that is given up', inGroup('Pending:Wait', hook({ heldAt: now - 16 * MINUTE, beatAt: now })), true],
  ['a launch that goes on', { ...inGroup('Pending:Wait', hook()), agentOnline: false }, false],
])('%s is worth a warning, or not', (_, fields, expected) => {
  const { steps, waiting } = plan(world([instance(fields)]), config);
  expect([...steps, ...waiting].some(({ grave }) => grave)).toBe(expected);
});

rows('a router leaves', [
  ['stopping', world([instance({ state: 'stopping' })], [target('healthy')]), ['deregister'], []],
  ['terminated', world([instance({ state: 'terminated' })], [target('unused')]), ['deregister'], []],
  ['gone for good', world([], [target('unused')]), ['deregister'], []],
  ['untagged', world([{ ...made(), role: undefined }], [target('healthy')]), ['deregister'], []],
  [
    'but whom somebody else has registered does not',
    world([instance({ role: undefined })], [target('healthy')]),
    [],
    [/^it is a target and carries no tag of ours/],
  ],
  ['on standby in its group', world([made(inGroup('Standby'))], [target('healthy')]), ['deregister'], []],
  ...['ReplacingRootVolume', 'ReplacingRootVolume:Wait', 'ReplacingRootVolume:Proceed'].map(
    (state): Row => [`${state} in its group`, world([made(inGroup(state))], [target('healthy')]), ['deregister'], []],
  ),
  ['draining, which is awaited', world([], [target('draining')]), [], ['the connections it still has to drain']],
  [
    'taken back by AWS, even the last one',
    world([{ ...made(), leaving: { text: INTERRUPTION, at: now } }], [target('healthy')]),
    ['deregister'],
    [],
  ],
  [
    'on advice, where another is healthy',
    world(
      [{ ...made(), leaving: { text: REBALANCE, at: now } }, made({ id: 'i-2' })],
      [target('healthy'), target('healthy', 'i-2')],
    ),
    ['deregister'],
    [],
  ],
  [
    'on advice, where another is healthy that has outlived its own',
    world(
      [
        { ...made(), leaving: { text: REBALANCE, at: now } },
        { ...made({ id: 'i-2' }), leaving: { text: REBALANCE, at: now - 6 * MINUTE } },
      ],
      [target('healthy'), target('healthy', 'i-2')],
    ),
    ['deregister'],
    [],
  ],
  [
    'but stays on advice while it is alone',
    world([{ ...made(), leaving: { text: REBALANCE, at: now } }], [target('healthy')]),
    [],
    [/and it stays until another router is healthy$/],
  ],
  [
    'one that was started again has outlived the warning',
    world([{ ...made(), leaving: { text: INTERRUPTION, at: now - 6 * MINUTE } }], [target('healthy')]),
    [],
    [],
  ],
  [
    'while it is being installed',
    world([instance({ ...inGroup('Terminating:Wait', hook({ launching: false })), installs: [running] })]),
    ['end-hook'],
    [],
  ],
]);

/** Held by a hook of this name, which is not ours. */
const heldBy = (name: string, state: string, ...hooks: Hook[]) => ({
  scaling: { group: 'routers', state, hooks, others: [name] },
});
const leftAlone = /^it is ready, and routers holds it \S+ for scan: no hook is answered here whose name/;

rows('a hook that is not ours', [
  [
    'holds a router that is ready: told',
    world([made(heldBy('scan', 'Pending:Wait'))], [target('healthy')]),
    [],
    [leftAlone],
  ],
  ['holds one that has left: told', world([made(heldBy('scan', 'Terminating:Wait'))]), [], [leftAlone]],
  ['holds what waits in a warm pool: told', world([made(heldBy('scan', 'Warmed:Pending:Wait'))]), [], [leftAlone]],
  [
    'is nobody’s business while the router is not ready',
    world([without(heldBy('scan', 'Pending:Wait'))], [target('initial')]),
    ['install'],
    [],
  ],
  [
    'nor beside one of ours, which says that its owner knows of the name',
    world([made(heldBy('scan', 'Pending:Wait', hook()))], [target('healthy')]),
    ['end-hook'],
    [],
  ],
]);

rows('a lifecycle hook', [
  [
    'gets a heartbeat while its instance joins',
    world([instance({ ...inGroup('Pending:Wait', hook()), agentOnline: false })]),
    ['heartbeat'],
    [
      'its SSM agent to come online, within 15 min of its start',
      'its SSM agent to come online, within 15 min of its start',
    ],
  ],
  [
    'not another one at once',
    world([instance({ ...inGroup('Pending:Wait', hook({ beatAt: now - 99_000 })), agentOnline: false })]),
    [],
    [
      'its SSM agent to come online, within 15 min of its start',
      'its SSM agent to come online, within 15 min of its start',
    ],
  ],
  [
    'but one each third of its timeout',
    world([instance({ ...inGroup('Pending:Wait', hook({ beatAt: now - 100_000 })), agentOnline: false })]),
    ['heartbeat'],
    [
      'its SSM agent to come online, within 15 min of its start',
      'its SSM agent to come online, within 15 min of its start',
    ],
  ],
  [
    'lets a healthy router go on',
    world([made(inGroup('Pending:Wait', hook()))], [target('healthy')]),
    ['end-hook'],
    [],
  ],
  [
    'is not told twice while another hook holds',
    world([made(inGroup('Pending:Wait', hook({ endedAt: now - 1_000 })))], [target('healthy')]),
    [],
    [],
  ],
  [
    'gives up a launch past its deadline',
    world([
      instance({
        ...inGroup('Pending:Wait', hook({ heldAt: now - 16 * MINUTE })),
        launchedAt: now - 16 * MINUTE,
        installs: [failed()],
      }),
    ]),
    ['end-hook'],
    [/^another try/],
  ],
  [
    'waits while its instance drains',
    world([made(inGroup('Terminating:Wait', hook({ launching: false })))], [target('draining')]),
    ['heartbeat'],
    ['the connections it still has to drain', 'the connections it still has to drain'],
  ],
  [
    'lets go of one that has left',
    world([made(inGroup('Terminating:Wait', hook({ launching: false })))]),
    ['end-hook'],
    [],
  ],
  ['of someone else is not ours to answer', world([made(inGroup('Pending:Wait'))], [target('healthy')]), [], []],
]);

test('ABANDON says what the launch still waited for, with the command’s last words', () => {
  const given = world([
    instance({
      ...inGroup('Pending:Wait', hook({ heldAt: now - 16 * MINUTE })),
      launchedAt: now - 16 * MINUTE,
      installs: [failed()],
    }),
  ]);
  expect(plan(given, config).steps).toMatchObject([
    {
      kind: 'end-hook',
      result: 'ABANDON',
      says: 'hook ziti-glb-launch of i-1 (router-1): gives up its launch, which after 15 min still waits for another try: command c-1 ended as Failed: ziti-glb: no disk left',
    },
  ]);
});

test('a launch that AWS takes back is given up at once: its group can launch another', () => {
  const held = instance({ ...inGroup('Pending:Wait', hook()), leaving: { text: INTERRUPTION, at: now } });
  expect(plan(world([held]), config).steps).toMatchObject([
    {
      kind: 'end-hook',
      result: 'ABANDON',
      says: 'hook ziti-glb-launch of i-1 (router-1): gives up its launch, since AWS takes it back within two minutes (Spot interruption)',
    },
  ]);
});

rows('an instance of a warm pool', [
  [
    'is prepared, and no target',
    world([instance(inGroup('Warmed:Pending:Wait', hook({ beatAt: now })))]),
    ['install'],
    ['its diverter'],
  ],
  ['prepared, may go on', world([made(inGroup('Warmed:Pending:Wait', hook()))]), ['end-hook'], []],
  ['is no target while it runs', world([made(inGroup('Warmed:Running'))], [target('healthy')]), ['deregister'], []],
  [
    'that ran there for hours joins when it is called: its launch begins only now',
    world([made({ ...inGroup('Pending:Wait', hook()), launchedAt: now - 300 * MINUTE })]),
    ['heartbeat', 'register'],
    ['its registration'],
  ],
  ['rests while it is stopped', world([made({ ...inGroup('Warmed:Stopped'), state: 'stopped' })]), [], []],
]);

const ending = (fields: Partial<Hook> = {}) => hook({ name: 'ziti-glb-terminate', launching: false, ...fields });
const entering = (fields: Partial<Instance>, ...hooks: Hook[]) => ({
  ...made(fields),
  ...inGroup('Warmed:Pending:Wait', hook(), ...hooks),
});

rows('an instance that may go back to a warm pool', [
  [
    'does if it is a target, and drains first',
    world([entering({}, ending())], [target('healthy')]),
    ['heartbeat', 'deregister'],
    ['the connections it still has to drain'],
  ],
  ['has its terminate hook answered, and nothing else yet', world([entering({}, ending())]), ['end-hook'], []],
  [
    'and no other diverter put on it meanwhile',
    world([{ ...outdated(), ...inGroup('Warmed:Pending:Wait', hook(), ending()) }]),
    ['end-hook'],
    [],
  ],
  ['does not if that has changed nothing', world([entering({}, ending({ endedAt: now }))]), ['end-hook'], []],
  [
    'is most likely launched into it if it has had no diverter yet',
    world([instance(inGroup('Warmed:Pending:Wait', hook({ beatAt: now }), ending({ endedAt: now })))]),
    ['install'],
    ['its diverter'],
  ],
  [
    'is let alone while it proceeds, either way',
    world([{ ...outdated(), ...inGroup('Warmed:Pending:Proceed') }]),
    [],
    [],
  ],
]);

test('the hook that is answered first of what enters a warm pool is the terminate hook', () => {
  const answered = (...hooks: Hook[]) => outcome(world([entering({}, ...hooks)])).says;
  expect(answered(ending())).toEqual([
    'hook ziti-glb-terminate of i-1 (router-1): lets it go back to its warm pool, if it is that which holds it',
  ]);
  expect(answered(ending({ endedAt: now }))).toEqual([
    'hook ziti-glb-launch of i-1 (router-1): lets it go on, it is ready',
  ]);
});

const four = ['i-1', 'i-2', 'i-3', 'i-4'];
const healthyFour = four.map((id) => target('healthy', id));
const zoneOf = (id: string) => (id < 'i-3' ? 'a' : 'b');
const fleet = (...fields: Partial<Instance>[]) =>
  four.map((id, index) => ({ ...outdated({ id, zone: zoneOf(id) }), ...fields[index] }));
const upgraded = { diverter: { text: wantedBy(bare), at: now } };
const upgradedBy = (given: RoutersWorld, settings = config) =>
  plan(given, settings).steps.flatMap((step) => (step.kind === 'install' ? step.instances.map(({ id }) => id) : []));

describe('an upgrade', () => {
  test.each<[string, Instance[], Target[], string[]]>([
    ['begins with one router', fleet(), healthyFour, ['i-1']],
    ['goes on with its zone', fleet(upgraded), healthyFour, ['i-2']],
    ['then with the next zone', fleet(upgraded, upgraded), healthyFour, ['i-3', 'i-4']],
    ['waits while one is at it', fleet({ installs: [{ ...running, why: 'upgrade' }] }), healthyFour, []],
    ['waits until what it did is healthy', fleet(upgraded), [target('initial'), ...healthyFour.slice(1)], []],
    ['stops at the first failure', fleet({ installs: [failed({ why: 'upgrade' })] }), healthyFour, []],
    [
      'and tries that one again, and no other',
      fleet({ installs: [failed({ requestedAt: now - MINUTE })] }),
      healthyFour,
      ['i-1'],
    ],
    [
      'stops where the new one ails',
      fleet({ ...upgraded, installs: [install()] }),
      [target('unhealthy'), ...healthyFour.slice(1)],
      [],
    ],
    [
      'stops at the first failure also where that one is unhealthy by it',
      fleet({ installs: [failed({ why: 'upgrade' })] }),
      [target('unhealthy'), ...healthyFour.slice(1)],
      [],
    ],
    [
      'and then gives it to nobody whose health checks fail for a moment',
      fleet({ installs: [failed({ why: 'upgrade' })] }),
      four.map((id) => target('unhealthy', id)),
      [],
    ],
    [
      'goes on one by one where nobody serves any more, though the new one ails',
      fleet({ ...upgraded, installs: [install()] }),
      four.map((id) => target('unhealthy', id)),
      ['i-2'],
    ],
    [
      'stops where one ails that it cannot be given to, as one that it cut off does when AWS has forgotten the command',
      fleet({ agentOnline: false }),
      [target('unhealthy'), ...healthyFour.slice(1)],
      [],
    ],
    [
      'begins with one that serves nobody',
      fleet(),
      [...healthyFour.slice(0, 2), target('unhealthy', 'i-3'), target('healthy', 'i-4')],
      ['i-3'],
    ],
    ['of a fleet that is unhealthy begins with one, too', fleet(), four.map((id) => target('unhealthy', id)), ['i-1']],
    ['of routers of whose health AWS knows nothing waits', fleet(), four.map((id) => target('unavailable', id)), []],
  ])('%s', (_, instances, targets, ids) => {
    expect(upgradedBy(world(instances, targets))).toEqual(ids);
  });

  test('is one command for those that get the same', () => {
    const [step] = plan(world(fleet(upgraded, upgraded), healthyFour), config).steps;
    expect(step).toMatchObject({ kind: 'install', why: 'upgrade', instances: [{ id: 'i-3' }, { id: 'i-4' }] });
  });

  test('of a zone is of five at a time, also where each gets its own DNS range', () => {
    const ids = Array.from({ length: 9 }, (_, index) => `i-${index}`);
    const slices = ids.map((_, index) => `10.${index}.0.0/16`);
    const ranged = configOf({ dns: { resolver: '100.127.255.254', slices } });
    const many = ids.map((id, index) => outdated({ id, range: `10.${index}.0.0/16` }));
    const [first, ...rest] = many.map((one) => ({ ...one, diverter: { text: wantedBy(one, ranged), at: now } }));
    const targets = ids.map((id) => target('healthy', id));
    const given = world(first ? [first, ...many.slice(1)] : [], targets);
    expect(upgradedBy(given, ranged)).toEqual(['i-1', 'i-2', 'i-3', 'i-4', 'i-5']);
    expect(upgradedBy(world(first ? [first, ...rest] : [], targets), ranged)).toEqual([]);
  });

  test('of what a program is told goes at once to all that serve nobody without it', () => {
    const [version] = wantedBy(bare).split('.');
    const told = fleet().map((one) => ({ ...one, diverter: { text: `${version}.other`, at: now } }));
    const all = four.map((id) => target('unhealthy', id));
    expect(upgradedBy(world(told, all))).toEqual(four);
    expect(upgradedBy(world(told, healthyFour))).toEqual(['i-1']);
  });

  test('of a lone router waits for a second one, whom it trusts may change', () => {
    const lone = outdated();
    expect(outcome(world([lone], [target('healthy')]))).toMatchObject({
      steps: [],
      notes: [expect.stringContaining('waits for another router to be healthy')],
    });
    const [version] = wantedBy(bare).split('.');
    const trusting = { ...lone, diverter: { text: `${version}.other`, at: now } };
    expect(outcome(world([trusting], [target('healthy')])).steps).toEqual(['install']);
  });

  test('is also another way for answers to go', () => {
    const settled = world(fleet(upgraded, upgraded, upgraded, upgraded), healthyFour);
    expect(plan(settled, config).steps).toEqual([]);
    expect(plan(settled, configOf({ reply: 'geneve' })).steps).toMatchObject([{ kind: 'install', why: 'upgrade' }]);
  });

  test('is also another address to ask for names, and another port for health checks', () => {
    const ranged = (resolver: string, fields: Partial<RoutersConfig> = {}) =>
      wantedBy(bare, configOf({ dns: { resolver, slices: [] }, ...fields }));
    expect(ranged('100.127.255.254')).not.toBe(ranged('100.127.255.253'));
    expect(wantedBy(bare, configOf({ healthPort: '8082' }))).not.toBe(wantedBy(bare));
    const settled = world(fleet(upgraded, upgraded, upgraded, upgraded), healthyFour);
    expect(plan(settled, configOf({ healthPort: '8082' })).steps).toMatchObject([{ kind: 'install', why: 'upgrade' }]);
  });

  test('goes by both architectures apart', () => {
    const builds = new Map([
      ['amd64', VERSIONS.one],
      ['arm64', VERSIONS.two],
    ]);
    const both = [instance(), instance({ id: 'i-2', architecture: 'arm64' })];
    const steps = plan(world(both), configOf({ builds })).steps;
    expect(steps).toMatchObject([{ sha256: VERSIONS.one }, { sha256: VERSIONS.two }]);
  });
});

describe('DNS ranges', () => {
  const dns = { resolver: '100.127.255.254', slices: ['100.64.0.0/13', '100.72.0.0/13'] };
  const ranged = configOf({ dns });
  const held = (id: string, range: string) => {
    const one = instance({ id, range });
    return { ...one, diverter: { text: wantedBy(one, ranged), at: now } };
  };
  const claims = (given: RoutersWorld, settings = ranged) =>
    plan(given, settings).steps.flatMap((step) =>
      step.kind === 'claim-range'
        ? [`${step.instanceId} ${step.range}`]
        : step.kind === 'release-range'
          ? [`${step.instanceId} gives back`]
          : [],
    );

  test.each<[string, Instance[], string[]]>([
    [
      'each gets the next that is free',
      [instance(), instance({ id: 'i-2' })],
      ['i-1 100.64.0.0/13', 'i-2 100.72.0.0/13'],
    ],
    ['one that is held is not given out', [instance(), held('i-2', '100.64.0.0/13')], ['i-1 100.72.0.0/13']],
    [
      'a stopped router keeps its own',
      [instance(), { ...held('i-2', '100.64.0.0/13'), state: 'stopped' }],
      ['i-1 100.72.0.0/13'],
    ],
    [
      'an ended one does not',
      [instance(), { ...held('i-2', '100.64.0.0/13'), state: 'terminated' }],
      ['i-1 100.64.0.0/13'],
    ],
    [
      'given out twice, it stays with the lowest id',
      [instance({ id: 'i-2', range: '100.64.0.0/13' }), instance({ range: '100.64.0.0/13' })],
      ['i-2 100.72.0.0/13'],
    ],
    [
      'one whose note is lost gets the one that it has configured again',
      [{ ...held('i-1', '100.72.0.0/13'), range: undefined }],
      ['i-1 100.72.0.0/13'],
    ],
    [
      'or with who has it configured',
      [instance({ range: '100.64.0.0/13' }), held('i-2', '100.64.0.0/13')],
      ['i-1 100.72.0.0/13'],
    ],
    [
      'configured twice, it stays with the lowest id',
      [held('i-1', '100.64.0.0/13'), held('i-2', '100.64.0.0/13')],
      ['i-2 100.72.0.0/13'],
    ],
    ['one of another pool is exchanged', [instance({ range: '10.9.0.0/16' })], ['i-1 100.64.0.0/13']],
    [
      'that of an untagged instance is taken back',
      [instance({ role: undefined, range: '100.64.0.0/13' })],
      ['i-1 gives back'],
    ],
  ])('%s', (_, instances, expected) => {
    expect(claims(world(instances))).toEqual(expected);
  });

  test('an untagged instance gives its range back when it has drained', () => {
    expect(claims(world([instance({ role: undefined, range: '100.64.0.0/13' })], [target('draining')]))).toEqual([]);
  });

  test('turned off, each is taken back when its router is configured to be without', () => {
    const one = held('i-1', '100.64.0.0/13');
    expect(claims(world([one]), config)).toEqual(['i-1 gives back']);
    expect(claims(world([one], [target('healthy')]), config)).toEqual([]);
    const without = { ...one, diverter: { text: wantedBy(one), at: now } };
    expect(claims(world([without], [target('healthy')]), config)).toEqual(['i-1 gives back']);
  });

  describe('cut otherwise, none overlaps one that a router is still configured with', () => {
    const cut = (prefix: number, ...starts: string[]) =>
      configOf({ dns: { ...dns, slices: starts.map((start) => `${start}/${prefix}`) } });
    const narrower = cut(14, '100.64.0.0', '100.68.0.0', '100.72.0.0', '100.76.0.0', '100.80.0.0');
    const wider = cut(12, '100.64.0.0', '100.80.0.0', '100.96.0.0');
    const one = held('i-1', '100.64.0.0/13');
    const other = held('i-2', '100.72.0.0/13');

    test.each<[string, RoutersConfig, Instance[], string[]]>([
      ['narrower, each has a part of its own', narrower, [one, other], ['i-1 100.64.0.0/14', 'i-2 100.72.0.0/14']],
      [
        'and nobody has the rest',
        narrower,
        [{ ...one, range: '100.64.0.0/14' }, other, instance({ id: 'i-3' })],
        ['i-2 100.72.0.0/14', 'i-3 100.80.0.0/14'],
      ],
      [
        'even while it is stopped',
        narrower,
        [{ ...one, range: '100.64.0.0/14', state: 'stopped', launchedAt: now + 1 }, instance({ id: 'i-3' })],
        ['i-3 100.72.0.0/14'],
      ],
      [
        'until it is configured anew',
        narrower,
        [held('i-1', '100.64.0.0/14'), instance({ id: 'i-3' })],
        ['i-3 100.68.0.0/14'],
      ],
      ['wider, each leaves the others theirs', wider, [one, other], ['i-1 100.80.0.0/12', 'i-2 100.96.0.0/12']],
      [
        'claimed meanwhile, it goes to who has it configured',
        narrower,
        [{ ...one, range: '100.64.0.0/14' }, instance({ id: 'i-3', range: '100.68.0.0/14' })],
        ['i-3 100.72.0.0/14'],
      ],
    ])('%s', (_, settings, instances, expected) => {
      expect(claims(world(instances), settings)).toEqual(expected);
    });
  });

  test('a router is installed with its range once it is seen to be its own', () => {
    expect(outcome(world([instance()]), ranged).steps).toEqual(['claim-range']);
    expect(plan(world([instance({ range: '100.64.0.0/13' })]), ranged).steps).toMatchObject([
      { kind: 'install', range: '100.64.0.0/13' },
    ]);
  });

  describe('one that overlaps a block of the VPC, which no route can lead away from', () => {
    const inVpc = (instances: Instance[], ...vpcCidrs: string[]) => ({ ...world(instances), vpcCidrs });

    test.each<[string, string, Instance, string[]]>([
      ['is not given out', '100.64.0.0/16', instance(), ['i-1 100.72.0.0/13']],
      ['nor where the block holds it', '100.64.0.0/12', instance(), []],
      ['is exchanged', '100.64.0.0/16', held('i-1', '100.64.0.0/13'), ['i-1 100.72.0.0/13']],
      ['and another is left alone', '100.64.0.0/16', held('i-1', '100.72.0.0/13'), []],
    ])('%s', (_, block, one, expected) => {
      expect(claims(inVpc([one], '10.0.0.0/16', '2001:db8::/56', block))).toEqual(expected);
    });

    test('is said where no other is left', () => {
      const { waiting } = plan(inVpc([instance(), held('i-2', '100.72.0.0/13')], '100.64.0.0/16'), ranged);
      const said = 'all 1 are held by others (tag ziti-glb:dns-range), and 1 overlap blocks of the VPC; give the stack';
      expect(waiting.map((each) => each.for)).toContainEqual(expect.stringContaining(said));
    });
  });

  test('out of slices, one is told so, and the others are served', () => {
    const all = [held('i-1', '100.64.0.0/13'), held('i-2', '100.72.0.0/13'), instance({ id: 'i-3' })];
    const targets = [target('healthy'), target('healthy', 'i-2')];
    const { steps, waiting } = plan(world(all, targets), ranged);
    expect(steps).toEqual([]);
    expect(waiting).toEqual([
      { subject: 'i-3 (router-1)', for: expect.stringContaining('all 2 are held by others'), until: LATER },
    ]);
  });
});

test('300 routers take as few calls as AWS allows', () => {
  const many = Array.from({ length: 300 }, (_, index) =>
    instance({ id: `i-${1000 + index}`, address: `10.0.1.${index}` }),
  );
  const { steps } = plan(world(many), config);
  expect(steps.map((step) => step.kind === 'install' && step.instances.length)).toEqual([50, 50, 50, 50, 50, 50]);
  const joined = many.map((one) => ({ ...one, diverter: { text: wantedBy(one), at: now } }));
  expect(plan(world(joined), config).steps.map(({ kind }) => kind)).toEqual(['register', 'register', 'register']);
});
