import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { scaledClock, VirtualClock } from '../../local/clock.ts';

describe('a virtual clock', () => {
  test('stands still by itself, and moves to where it is told', async () => {
    const clock = new VirtualClock(1000);
    expect(clock.now()).toBe(1000);
    await clock.run(250);
    expect(clock.now()).toBe(1250);
  });

  test('fires timers in order of time, then of when they were set, each at its own moment', async () => {
    const clock = new VirtualClock(0);
    const fired: [string, number][] = [];
    const note = (name: string) => () => void fired.push([name, clock.now()]);
    clock.after(30, note('c'));
    clock.after(10, note('a'));
    clock.after(10, note('b'));
    clock.after(31, note('late'));
    await clock.run(30);
    expect(fired).toEqual([
      ['a', 10],
      ['b', 10],
      ['c', 30],
    ]);
  });

  test('a timer set by a timer fires in the same run', async () => {
    const clock = new VirtualClock(0);
    let at = 0;
    clock.after(10, () => clock.after(10, () => (at = clock.now())));
    await clock.run(100);
    expect(at).toBe(20);
    expect(clock.now()).toBe(100);
  });

  test('a delay below zero is due at once, not in the past', async () => {
    const clock = new VirtualClock(50);
    let at = 0;
    clock.after(-10, () => (at = clock.now()));
    await clock.run(0);
    expect(at).toBe(50);
  });

  test('a cancelled timer does not fire', async () => {
    const clock = new VirtualClock();
    let fired = false;
    const cancel = clock.after(10, () => (fired = true));
    cancel();
    await clock.run(20);
    expect(fired).toBe(false);
  });

  test('runs until work settles, and no further', async () => {
    const clock = new VirtualClock(0);
    clock.after(1_000_000, () => {
      throw new Error('too far');
    });
    const work = async () => {
      for (let step = 0; step < 5; step++) await clock.sleep(60_000);
      return clock.now();
    };
    expect(await clock.run(work())).toBe(300_000);
  });

  test('work that fails fails the run', async () => {
    const clock = new VirtualClock();
    const work = clock.sleep(10).then(() => Promise.reject(new Error('failed')));
    await expect(clock.run(work)).rejects.toThrow('failed');
  });

  test('work that nothing will wake is an error, not a hang', async () => {
    await expect(new VirtualClock().run(new Promise(() => {}))).rejects.toThrow('no timer will wake');
  });

  test.each<[string, number, (clock: VirtualClock) => Promise<unknown> | number]>([
    ['at one moment, in a run of some time', 0, () => 10],
    ['at one moment, while work goes on', 0, (clock) => clock.sleep(10)],
    ['for ever, while work waits for none of them', 10_000, () => new Promise(() => {})],
  ])('timers that set each other %s are an error, which says where', async (_, ms, work) => {
    const clock = new VirtualClock(0, 1_000);
    const again = () => void clock.after(ms, again);
    again();
    await expect(clock.run(work(clock))).rejects.toThrow(
      /^1100 timers have fired in one run, now at 1970-\S+, and \d others are set; the last were set (99|100) times at again \(.*clock\.test\.ts:\d+/,
    );
  });

  test('so does a loop that sleeps', async () => {
    const clock = new VirtualClock(0, 1_000);
    const forever = async () => {
      for (;;) await clock.sleep(5_000);
    };
    await expect(clock.run(forever())).rejects.toThrow(
      /the last were set 100 times at forever \(.*clock\.test\.ts:\d+/,
    );
  });

  test('each run may fire as many timers as the one before', async () => {
    const clock = new VirtualClock(0, 1_000);
    const again = () => void clock.after(1_000, again);
    again();
    for (let run = 0; run < 4; run++) await clock.run(600_000);
    expect(clock.now()).toBe(2_400_000);
  });

  test('waits for what a timer woke, files included, before the next one fires', async () => {
    const clock = new VirtualClock(0);
    const order: string[] = [];
    clock.after(1, async () => {
      for (let turn = 0; turn < 5; turn++) await readFile(new URL(import.meta.url));
      order.push('read');
    });
    clock.after(2, () => order.push('next'));
    await clock.run(2);
    expect(order).toEqual(['read', 'next']);
  });

  test('what waits on the wall waits as long', () => {
    expect(new VirtualClock().wall(5000)).toBe(5000);
  });
});

describe('a scaled clock', () => {
  test('runs faster than the wall by its rate', async () => {
    const clock = scaledClock(100, 0);
    const began = performance.now();
    await clock.sleep(5000);
    const wall = performance.now() - began;
    expect(wall).toBeGreaterThanOrEqual(49);
    expect(wall).toBeLessThan(1000);
    expect(clock.now()).toBeGreaterThanOrEqual(4900);
  });

  test('says how long the wall takes', () => {
    expect(scaledClock(20).wall(5000)).toBe(250);
  });

  test('a cancelled timer does not fire', async () => {
    const clock = scaledClock(1000);
    let fired = false;
    clock.after(1000, () => (fired = true))();
    await clock.sleep(5000);
    expect(fired).toBe(false);
  });
});
