import { type Clock, timersOf } from '../clock.ts';
import type { CloudEvent } from '../services/cloud.ts';
import { compilePattern } from './pattern.ts';
import { schedulePeriod } from './schedule.ts';

export interface Rule {
  name: string;
  arn: string;
  enabled: boolean;
  pattern?: unknown;
  /** `rate(5 minutes)`. */
  schedule?: string;
  targets: Target[];
}

export interface Target {
  id: string;
  arn: string;
  deadLetterArn?: string;
  /** Seconds. */
  maximumAge: number;
  maximumRetries: number;
}

/** Why a target did not take an event. `NO_PERMISSIONS` and `NO_RESOURCE` are not tried again. */
export interface Refusal {
  code: 'NO_PERMISSIONS' | 'NO_RESOURCE' | 'THROTTLING';
  message: string;
}

/** An event given up, as it goes to the dead-letter queue of its target. */
export interface DeadLetter extends Refusal {
  rule: Rule;
  target: Target;
  event: CloudEvent;
  retries: number;
  exhausted?: 'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds';
}

/** The event of a service, which AWS sends "best effort", may suffer these. Scheduled events are safe from it. */
export interface Faults {
  /** Probability that it is lost. */
  lose: number;
  /** Probability that it comes twice. */
  double: number;
  /** The shortest and longest time it takes, in milliseconds. Events overtake each other within it. */
  lag: [shortest: number, longest: number];
}

export interface BusOptions {
  clock: Clock;
  account: string;
  region: string;
  deliver(target: Target, event: CloudEvent, rule: Rule): Promise<Refusal | undefined>;
  giveUp(letter: DeadLetter): void;
  /** From 0 up to 1. */
  random?: () => number;
}

export interface Bus {
  /** Adds or replaces a rule. Throws if its pattern or schedule is not valid. */
  putRule(rule: Rule): void;
  deleteRule(name: string): void;
  put(event: CloudEvent): void;
  setFaults(faults: Partial<Faults>): void;
  close(): void;
}

const SECOND = 1000;
const LONGEST_WAIT = 600 * SECOND;

/** The default event bus of EventBridge: its rules, their schedules, and delivery with retries. */
export function createBus({ clock, account, region, deliver, giveUp, random = Math.random }: BusOptions): Bus {
  const rules = new Map<string, { rule: Rule; matches(event: unknown): boolean; stop(): void }>();
  const { after: later, end } = timersOf(clock);
  let faults: Faults = { lose: 0, double: 0, lag: [250, 750] };
  let ticks = 0;
  let closed = false;

  function scheduledEvent(rule: Rule): CloudEvent {
    ticks += 1;
    const id = `00000000-0000-4000-a000-${ticks.toString(16).padStart(12, '0')}`;
    const time = new Date(clock.now()).toISOString().replace(/\.\d+/, '');
    const resources = [rule.arn];
    return {
      version: '0',
      id,
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account,
      time,
      region,
      resources,
      detail: {},
    };
  }

  async function send(rule: Rule, target: Target, event: CloudEvent, since: number, retries: number): Promise<void> {
    const refusal = await deliver(target, event, rule);
    if (!refusal || closed) return;
    const letter = { ...refusal, rule, target, event, retries };
    if (refusal.code !== 'THROTTLING') return giveUp(letter);
    const wait = Math.min(SECOND * 2 ** retries, LONGEST_WAIT) * (0.5 + random() / 2);
    if (retries >= target.maximumRetries) return giveUp({ ...letter, exhausted: 'MaximumRetryAttempts' });
    if (clock.now() + wait - since > target.maximumAge * SECOND) {
      return giveUp({ ...letter, exhausted: 'MaximumEventAgeInSeconds' });
    }
    later(wait, () => void send(rule, target, event, since, retries + 1));
  }

  function sendToTargets(rule: Rule, event: CloudEvent): void {
    for (const target of rule.targets) void send(rule, target, event, clock.now(), 0);
  }

  function sendToRules(event: CloudEvent): void {
    for (const { rule, matches } of rules.values()) {
      if (rule.enabled && matches(event)) sendToTargets(rule, event);
    }
  }

  function tickEvery(period: number, rule: Rule): () => void {
    let cancel = later(period, tick);
    function tick(): void {
      cancel = later(period, tick);
      sendToTargets(rule, scheduledEvent(rule));
    }
    return () => cancel();
  }

  function deleteRule(name: string): void {
    rules.get(name)?.stop();
    rules.delete(name);
  }

  return {
    putRule(rule) {
      if (rule.pattern === undefined && rule.schedule === undefined) {
        throw new Error(`rule ${rule.name} has neither an event pattern nor a schedule`);
      }
      const matches = rule.pattern === undefined ? () => false : compilePattern(rule.pattern);
      const period = rule.schedule === undefined ? undefined : schedulePeriod(rule.schedule);
      deleteRule(rule.name);
      const stop = period !== undefined && rule.enabled ? tickEvery(period, rule) : () => {};
      rules.set(rule.name, { rule, matches, stop });
    },
    deleteRule,
    put(event) {
      if (closed) return;
      const { lose, double, lag } = faults;
      const times = random() < lose ? 0 : random() < double ? 2 : 1;
      for (let time = 0; time < times; time++) {
        later(lag[0] + random() * (lag[1] - lag[0]), () => sendToRules(event));
      }
    },
    setFaults(changed) {
      faults = { ...faults, ...changed };
    },
    close() {
      closed = true;
      end();
      rules.clear();
    },
  };
}
