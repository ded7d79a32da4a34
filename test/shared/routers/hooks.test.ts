import { expect, test } from '@jest/globals';
import { holdHooks } from '../../../shared/routers/hooks.ts';
import { plan } from '../../../shared/routers/plan.ts';
import { INTERRUPTION, routersOf } from '../../../shared/routers/router.ts';
import type { Hook, Instance } from '../../../shared/routers/world.ts';
import {
  config,
  failed,
  hook,
  inGroup,
  instance,
  MINUTE,
  made,
  now,
  outcome,
  outdated,
  rows,
  target,
  without,
  world,
} from './fixtures.ts';

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
    world([instance({ ...inGroup('Pending:Wait', hook({ heartbeatAt: now - 99_000 })), agentOnline: false })]),
    [],
    [
      'its SSM agent to come online, within 15 min of its start',
      'its SSM agent to come online, within 15 min of its start',
    ],
  ],
  [
    'but one each third of its timeout',
    world([instance({ ...inGroup('Pending:Wait', hook({ heartbeatAt: now - 100_000 })), agentOnline: false })]),
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
    world([made(inGroup('Pending:Wait', hook({ completedAt: now - 1_000 })))], [target('healthy')]),
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
    'waits while an instance that was untagged in its launch drains',
    world([made({ ...inGroup('Pending:Wait', hook()), role: undefined })], [target('initial')]),
    ['heartbeat', 'deregister'],
    ['the connections it still has to drain'],
  ],
  [
    'gives up the launch of an untagged one that has drained',
    world([made({ ...inGroup('Pending:Wait', hook()), role: undefined })]),
    ['end-hook'],
    [],
  ],
  [
    'waits for a person to mend the tag’s value',
    world([made({ ...inGroup('Pending:Wait', hook()), role: 'oops' })]),
    ['heartbeat'],
    ['its tag ziti-glb is oops, not router', 'its tag ziti-glb is oops, not router'],
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
  expect(plan(given, config).steps).toMatchObject([{ kind: 'end-hook', result: 'ABANDON' }]);
  expect(outcome(given).says).toEqual([
    'hook ziti-glb-launch of i-1 (router-1): gives up its launch, which after 15 min still waits for another try: command c-1 ended as Failed: ziti-glb: no disk left',
  ]);
});

test('a launch that AWS takes back is given up at once: its group can launch another', () => {
  const held = instance({ ...inGroup('Pending:Wait', hook()), leaving: { text: INTERRUPTION, at: now } });
  expect(plan(world([held]), config).steps).toMatchObject([{ kind: 'end-hook', result: 'ABANDON' }]);
  expect(outcome(world([held])).says).toEqual([
    'hook ziti-glb-launch of i-1 (router-1): gives up its launch, since AWS takes it back within two minutes (Spot interruption)',
  ]);
});

test('a launch whose instance is untagged meanwhile is given up: its group can launch another', () => {
  const held = made({ ...inGroup('Pending:Wait', hook()), role: undefined });
  expect(plan(world([held]), config).steps).toMatchObject([{ kind: 'end-hook', result: 'ABANDON' }]);
  expect(outcome(world([held])).says).toEqual([
    'hook ziti-glb-launch of i-1 (router-1): gives up its launch, since it is no router by its tag',
  ]);
});

rows('an instance of a warm pool', [
  [
    'is prepared, and no target',
    world([instance(inGroup('Warmed:Pending:Wait', hook({ heartbeatAt: now })))]),
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
  ['does not if that has changed nothing', world([entering({}, ending({ completedAt: now }))]), ['end-hook'], []],
  [
    'is most likely launched into it if it has had no diverter yet',
    world([instance(inGroup('Warmed:Pending:Wait', hook({ heartbeatAt: now }), ending({ completedAt: now })))]),
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
  expect(answered(ending({ completedAt: now }))).toEqual([
    'hook ziti-glb-launch of i-1 (router-1): lets it go on, it is ready',
  ]);
});

test('a paused stack looks again before the shortest hook that holds a router runs out', () => {
  const held = world([instance(inGroup('Pending:Wait', hook({ heartbeatTimeout: 30_000, heartbeatAt: now })))]);
  const [router] = routersOf(held, config);
  const { steps, conditions } = holdHooks(router as NonNullable<typeof router>, now);
  expect([steps, conditions.map(({ until }) => until)]).toEqual([[], [now + 10_000]]);
});
