import { describe, expect, test } from '@jest/globals';
import { LATER } from '../../../shared/conditions/condition.ts';
import { reconcile } from '../../../shared/reconcile/loop.ts';
import type { Plan, Step } from '../../../shared/reconcile/plan.ts';
import { conditionsOf, type Givens } from '../../support/notes.ts';

type Move = Step & { to: number };
const move = (label: string, to: number): Move => ({ about: { label, ids: [label] }, to });
const says = ({ about, to }: Move) => `${about.label} to ${to}`;

/** A world has counters that must all reach their goals, one step at a time. */
function world(
  plan: (looks: number) => Partial<Plan<Move>> & Givens,
  fail: (step: Move) => boolean = () => false,
  /** A step takes so many milliseconds. */
  takes = 0,
) {
  let looks = 0;
  let now = 0;
  const log: string[] = [];
  const run = (deadline: number) =>
    reconcile<number, Move>(
      {
        observe: async () => looks++,
        plan: (look) => ({ steps: [], conditions: conditionsOf(plan(look)), ...plan(look) }),
        act: async (step) => {
          now += takes;
          if (fail(step)) throw new Error('refused');
        },
      },
      {
        now: () => now,
        sleep: async (ms) => {
          now += ms;
        },
        deadline,
      },
      {
        acted: (step) => void log.push(says(step)),
        failed: (step) => void log.push(`failed: ${says(step)}`),
        waits: ({ about }) => void log.push(`waits: ${about.label}`),
        refuses: ({ about }) => void log.push(`refused: ${about.label}`),
      },
    );
  return { run, log, looks: () => looks, time: () => now };
}

describe('the loop', () => {
  test('ends at once where nothing is to do, with one look', async () => {
    const { run, looks, time } = world(() => ({}));
    expect(await run(60_000)).toMatchObject({ settled: true, changes: 0, lookedAt: 0 });
    expect([looks(), time()]).toEqual([1, 0]);
  });

  test('acts and looks again until settled', async () => {
    const { run, log } = world((look) => ({ steps: look < 2 ? [move('a', look)] : [] }));
    expect(await run(60_000)).toMatchObject({ settled: true, changes: 2 });
    expect(log).toEqual(['a to 0', 'a to 1']);
  });

  test('says once what it waits for, and stays while there is time', async () => {
    const { run, log, time } = world((look) => ({ waiting: look < 4 ? [{ subject: 'e' }] : [] }));
    expect(await run(60_000)).toMatchObject({ settled: true });
    expect(log).toEqual(['waits: e']);
    expect(time()).toBe(20_000);
  });

  test('leaves what still waits to the next pass when its time is up', async () => {
    const { run, time } = world(() => ({ waiting: [{ subject: 'e' }] }));
    expect(await run(12_000)).toMatchObject({ settled: false, waiting: [{ about: { label: 'e' } }] });
    expect(time()).toBeLessThan(12_000);
  });

  test('waits until the moment that is known, and no longer', async () => {
    const { run, time, looks } = world((look) => ({
      waiting: look < 1 ? [{ subject: 'e', until: 33_000 }] : [],
    }));
    expect(await run(60_000)).toMatchObject({ settled: true });
    expect([time(), looks()]).toEqual([33_000, 2]);
  });

  test('looks every few seconds where one of several may change at any moment', async () => {
    const waiting = [{ subject: 'e', until: 33_000 }, { subject: 'f' }];
    const { run, time } = world((look) => ({ waiting: look < 1 ? waiting : [] }));
    await run(60_000);
    expect(time()).toBe(5_000);
  });

  test('looks once a second at most, however soon it could go on', async () => {
    const { run, looks } = world(() => ({ waiting: [{ subject: 'e', until: 1 }] }));
    await run(10_000);
    expect(looks()).toBe(10);
  });

  test.each([70_000, LATER])('leaves what cannot go on before its time is up to the next pass (%d)', async (until) => {
    const { run, time, looks } = world(() => ({ waiting: [{ subject: 'e', until }] }));
    expect(await run(60_000)).toMatchObject({ settled: false, waiting: [{ about: { label: 'e' } }] });
    expect([time(), looks()]).toEqual([0, 1]);
  });

  test('does not act on what it saw too long ago: it looks again', async () => {
    const steps = ['a', 'b', 'c', 'd'].map((subject, index) => move(subject, index));
    const { run, log, looks } = world((look) => ({ steps: look < 1 ? steps : [] }), undefined, 3_000);
    expect(await run(60_000)).toMatchObject({ settled: true, changes: 2 });
    expect(log).toEqual(['a to 0', 'b to 1']);
    expect(looks()).toBe(2);
  });

  test('gives the last look’s gauges', async () => {
    const { run } = world((look) => ({
      gauges: { Ready: look },
      waiting: look < 2 ? [{ subject: 'e' }] : [],
    }));
    expect((await run(60_000)).gauges).toEqual({ Ready: 2 });
  });

  test('does not wait for what it refused', async () => {
    const { run, log, looks } = world(() => ({ refused: [{ subject: 's' }] }));
    expect(await run(60_000)).toMatchObject({ settled: true });
    expect([log, looks()]).toEqual([['refused: s'], 1]);
  });

  test('one that fails stops the rest of its own chain and no other', async () => {
    const steps = [move('a', 1), move('b', 1), move('a', 2), move('b', 2)];
    const { run, log } = world(
      () => ({ steps }),
      (step) => step.about.label === 'a',
    );
    expect(await run(3_000)).toMatchObject({ settled: false, changes: 2, failures: [{ step: move('a', 1) }] });
    expect(log).toEqual(['failed: a to 1', 'b to 1', 'b to 2']);
  });

  test('a chain is of what has the same ids, whatever its name', async () => {
    const named = (label: string, id: string, to: number): Move => ({ about: { label, ids: [id] }, to });
    const { run, log } = world(
      () => ({ steps: [named('endpoints', 'a', 1), named('endpoints', 'b', 2), named('renamed', 'a', 3)] }),
      ({ to }) => to === 1,
    );
    await run(3_000);
    expect(log).toEqual(['failed: endpoints to 1', 'endpoints to 2']);
  });

  test('counts what is not tried again yet among its failures, and waits for it as for all', async () => {
    const failure = { step: move('a', 1), error: new Error('refused') };
    const held = { waiting: [{ subject: 'a', until: 20_000 }], failures: [failure] };
    const { run, time, looks } = world((look) => (look < 1 ? held : {}));
    expect(await run(10_000)).toMatchObject({ settled: false, failures: [failure] });
    expect([time(), looks()]).toEqual([0, 1]);
    const longer = world((look) => (look < 1 ? held : {}));
    expect(await longer.run(60_000)).toMatchObject({ settled: true, failures: [] });
    expect([longer.time(), longer.looks()]).toEqual([20_000, 2]);
  });

  test('a failure that goes away is forgotten', async () => {
    let tries = 0;
    const { run } = world(
      () => ({ steps: tries < 3 ? [move('a', 1)] : [] }),
      () => ++tries < 3,
    );
    expect(await run(60_000)).toMatchObject({ settled: true, changes: 1, failures: [] });
  });
});
