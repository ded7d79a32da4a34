import { INTERRUPTION, REBALANCE } from '../../../shared/routers/router.ts';
import { hook, inGroup, instance, MINUTE, made, now, type Row, rows, running, target, world } from './fixtures.ts';

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
    'taken back by AWS by an event, which is noted first',
    world([{ ...made(), warned: { text: INTERRUPTION, at: now } }], [target('healthy')]),
    ['note-warning', 'deregister'],
    [],
  ],
  [
    'once its advice is noted, for another process is to follow that too',
    world(
      [{ ...made(), warned: { text: REBALANCE, at: now } }, made({ id: 'i-2' })],
      [target('healthy'), target('healthy', 'i-2')],
    ),
    ['note-warning'],
    [],
  ],
  [
    'and advice takes nothing from what is certain',
    world(
      [{ ...made(), leaving: { text: INTERRUPTION, at: now - 1 }, warned: { text: REBALANCE, at: now } }],
      [target('healthy')],
    ),
    ['deregister'],
    [],
  ],
  [
    'nor an older warning from a newer one',
    world(
      [{ ...made(), leaving: { text: INTERRUPTION, at: now }, warned: { text: INTERRUPTION, at: now - 1 } }],
      [target('healthy')],
    ),
    ['deregister'],
    [],
  ],
  [
    'but a machine that is no router of ours gets no note',
    world([instance({ role: undefined, warned: { text: INTERRUPTION, at: now } })]),
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
