import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { promisify } from 'node:util';

/** The cloud's time as a line over the wall's: at `wall` it was `cloud`, both in milliseconds since the epoch. */
export interface CloudTime {
  cloud: number;
  wall: number;
  /** Seconds of the cloud's time in one second of the wall's. */
  rate: number;
}

/**
 * Puts this process into the cloud's time for good: dates, timers and `performance.now`. A handler that sleeps five
 * seconds then sleeps five seconds of the cloud's time, and what it signs and logs bears the cloud's date.
 */
export function enterCloudTime({ cloud, wall, rate }: CloudTime): void {
  const wallNow = Date.now;
  const now = () => Math.floor(cloud + (wallNow() - wall) * rate);
  patchDate(now);
  patchPerformance(now(), rate);
  patchTimers((ms) => Number(ms) / rate);
  syncBuiltinESMExports();
}

function patchDate(now: () => number): void {
  const WallDate = Date;
  WallDate.now = now;
  const CloudDate = new Proxy(WallDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new WallDate(now()).toString(),
  });
  WallDate.prototype.constructor = CloudDate;
  globalThis.Date = CloudDate;
}

function patchPerformance(timeOrigin: number, rate: number): void {
  const startedAt = performance.now();
  const wallNow = performance.now.bind(performance);
  Object.defineProperty(performance, 'now', { value: () => (wallNow() - startedAt) * rate });
  Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin });
}

type Task = (...args: unknown[]) => void;

function patchTimers(wallMs: (ms: unknown) => number): void {
  const { setTimeout, setInterval } = timers;
  const { setTimeout: sleep, setInterval: ticks, scheduler } = timersPromises;
  const wait = scheduler.wait.bind(scheduler);

  const cloudSleep = (ms: unknown, ...rest: [unknown?, object?]) => sleep(wallMs(ms), ...rest);
  const cloudSetTimeout = (task: Task, ms: unknown, ...args: unknown[]) => setTimeout(task, wallMs(ms), ...args);
  const cloudSetInterval = (task: Task, ms: unknown, ...args: unknown[]) => setInterval(task, wallMs(ms), ...args);
  Object.defineProperty(cloudSetTimeout, promisify.custom, { value: cloudSleep });

  const patched = { setTimeout: cloudSetTimeout, setInterval: cloudSetInterval };
  Object.assign(globalThis, patched);
  Object.assign(timers, patched);
  Object.assign(scheduler, { wait: (ms: unknown, options?: object) => wait(wallMs(ms), options) });
  Object.assign(timersPromises, {
    setTimeout: cloudSleep,
    setInterval: (ms: unknown, ...rest: [unknown?, object?]) => ticks(wallMs(ms), ...rest),
  });
}
