/** Time as the cloud in a box sees it. Everything in it that waits, waits here. */
export interface Clock {
  /** Milliseconds since the epoch, in the cloud's time. */
  now(): number;
  /** Runs `task` once, `ms` of the cloud's time from now. The returned function cancels it. */
  after(ms: number, task: () => void): () => void;
  sleep(ms: number): Promise<void>;
  /** The cloud's `ms` take so long on the wall: for what real programs and sockets wait. */
  wall(ms: number): number;
}

/** A clock for people: `rate` seconds of the cloud's time pass in one second of the wall's. */
export function scaledClock(rate: number, startedAt = Date.now()): Clock {
  const now = () => startedAt + (Date.now() - startedAt) * rate;
  const after = (ms: number, task: () => void) => {
    const timer = setTimeout(task, ms / rate);
    return () => clearTimeout(timer);
  };
  return { now, after, sleep: (ms) => new Promise((resolve) => after(ms, resolve)), wall: (ms) => ms / rate };
}

/** Timers of one owner: those that are left end with it. */
export function timersOf(clock: Clock) {
  const left = new Set<() => void>();
  return {
    after(ms: number, task: () => void): () => void {
      const stop = clock.after(ms, () => {
        left.delete(stop);
        task();
      });
      left.add(stop);
      return () => {
        left.delete(stop);
        stop();
      };
    },
    end() {
      for (const stop of left) stop();
      left.clear();
    },
  };
}

/** A clock for tests: time stands still until `run` moves it, timer by timer. */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Map<number, Timer>();
  /** Timers that the present run has fired. */
  #fired = 0;
  /** Timers were set so often where, once the present run has fired so many that they will not end. */
  #setters: Map<string, number> | undefined;

  readonly #mostTimers: number;

  /** @param mostTimers that one run fires: a day of the cloud with a health check each five seconds has fewer */
  constructor(startsAt = Date.UTC(2026, 0, 15, 10), mostTimers = 20_000) {
    this.#now = startsAt;
    this.#mostTimers = mostTimers;
  }

  now = () => this.#now;

  after = (ms: number, task: () => void) => {
    const id = this.#order++;
    if (this.#setters) {
      const where = setter();
      this.#setters.set(where, (this.#setters.get(where) ?? 0) + 1);
    }
    this.#timers.set(id, { at: this.#now + Math.max(0, ms), task });
    return () => void this.#timers.delete(id);
  };

  sleep = (ms: number) => new Promise<void>((resolve) => void this.after(ms, resolve));

  wall = (ms: number) => ms;

  /**
   * Moves time until `work` settles, or by `work` milliseconds, letting what each timer woke finish before the next one fires.
   * @throws Error if timers set each other for ever: then it says where the last of them were set
   */
  async run<T>(work: Promise<T> | number): Promise<T | undefined> {
    this.#fired = 0;
    this.#setters = undefined;
    if (typeof work === 'number') return this.#runUntil(this.#now + work);
    let settled = false;
    const done = () => {
      settled = true;
    };
    work.then(done, done);
    let stuckSince = Number.POSITIVE_INFINITY;
    for (;;) {
      await idle();
      if (settled) return work;
      if (this.#fireNext(Number.POSITIVE_INFINITY)) {
        stuckSince = Number.POSITIVE_INFINITY;
        continue;
      }
      // What waits for the wall's time (a module that loads, a thread) cannot be seen from here: it is given some.
      stuckSince = Math.min(stuckSince, Date.now());
      if (Date.now() - stuckSince > PATIENCE_MS)
        throw new Error('the work waits for something that no timer will wake');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #runUntil(end: number): Promise<undefined> {
    do await idle();
    while (this.#fireNext(end));
    this.#now = end;
  }

  #fireNext(end: number): boolean {
    let next: [number, Timer] | undefined;
    // Ids grow, and the map keeps their order: of two timers due at once, the one that was set first.
    for (const entry of this.#timers) if (!next || entry[1].at < next[1].at) next = entry;
    if (!next || next[1].at > end) return false;
    const [id, { at, task }] = next;
    this.#timers.delete(id);
    this.#now = at;
    this.#fired += 1;
    if (this.#fired === this.#mostTimers) this.#setters = new Map();
    if (this.#setters && this.#fired === this.#mostTimers + TRACED) throw new Error(this.#endless(this.#setters));
    task();
    return true;
  }

  #endless(setters: ReadonlyMap<string, number>): string {
    const places = [...setters].sort(([, a], [, b]) => b - a).map(([where, times]) => `${times} times ${where}`);
    const at = new Date(this.#now).toISOString();
    return `${this.#fired} timers have fired in one run, now at ${at}, and ${this.#timers.size} others are set; the last were set ${places.join(', ')}`;
  }
}

interface Timer {
  at: number;
  task: () => void;
}

/** Timers beyond the most are asked who set them, so many of them: a stack trace takes longer than a timer. */
const TRACED = 100;

const HERE = new URL(import.meta.url).pathname;

/** The line of code that sets a timer. */
function setter(): string {
  const [, ...frames] = new Error('').stack?.split('\n') ?? [];
  return frames.find((frame) => !/<anonymous>/.test(frame) && !frame.includes(HERE))?.trim() ?? 'somewhere';
}

/** Milliseconds of the wall's time that work may spend where no timer of the cloud's time is set. */
const PATIENCE_MS = 5_000;

/** Resolves once the promise chains that can run without a timer or a socket have run. An SDK client's first call reads files. */
async function idle(): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet++) {
    await new Promise(setImmediate);
    if (process.getActiveResourcesInfo().some((name) => name.includes('Req'))) quiet = 0;
  }
}
