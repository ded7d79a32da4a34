import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '../../../local/clock.ts';
import { createBus, type DeadLetter, type Refusal, type Rule } from '../../../local/events/bus.ts';
import type { CloudEvent } from '../../../local/services/cloud.ts';

const MINUTE = 60_000;
const tagChange: CloudEvent = {
  version: '0',
  id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
  account: '111122223333',
  region: 'eu-central-1',
  time: '2026-01-15T10:00:00Z',
  source: 'aws.tag',
  'detail-type': 'Tag Change on Resource',
  resources: ['arn:aws:ec2:eu-central-1:111122223333:subnet/subnet-1'],
  detail: { 'changed-tag-keys': ['ziti-glb'] },
};

function rule(change: Partial<Rule> & { retries?: number; age?: number } = {}): Rule {
  const { retries = 185, age = 86_400, ...rest } = change;
  const name = rest.name ?? 'tags';
  const target = { id: 't', arn: 'arn:aws:lambda:x:function:f', maximumRetries: retries, maximumAge: age };
  const arn = `arn:aws:events:eu-central-1:111122223333:rule/${name}`;
  return { name, arn, enabled: true, pattern: { source: ['aws.tag'] }, targets: [target], ...rest };
}

/** A bus's target answers what `answer` says, and what came of it is noted. */
function world(answer: (attempt: number) => Refusal | undefined = () => undefined, random = () => 0.5) {
  const clock = new VirtualClock();
  const startedAt = clock.now();
  const received: { at: number; event: CloudEvent }[] = [];
  const letters: DeadLetter[] = [];
  const bus = createBus({
    clock,
    account: '111122223333',
    region: 'eu-central-1',
    random,
    giveUp: (letter) => letters.push(letter),
    deliver: async (_target, event) => {
      received.push({ at: clock.now() - startedAt, event });
      return answer(received.length);
    },
  });
  return { clock, bus, received, letters };
}

describe('a rule', () => {
  test('passes on the events that fit its pattern, as they are', async () => {
    const { clock, bus, received } = world();
    bus.putRule(rule());
    bus.put(tagChange);
    bus.put({ ...tagChange, source: 'aws.ec2' });
    await clock.run(MINUTE);
    expect(received.map(({ event }) => event)).toEqual([tagChange]);
  });

  test('that is disabled passes on nothing', async () => {
    const { clock, bus, received } = world();
    bus.putRule(rule({ enabled: false }));
    bus.putRule(rule({ name: 'tick', enabled: false, pattern: undefined, schedule: 'rate(1 minute)' }));
    bus.put(tagChange);
    await clock.run(5 * MINUTE);
    expect(received).toEqual([]);
  });

  test('that is deleted or replaced passes on nothing more', async () => {
    const { clock, bus, received } = world();
    bus.putRule(rule({ schedule: 'rate(1 minute)' }));
    bus.putRule(rule({ pattern: { source: ['aws.ec2'] } }));
    bus.put(tagChange);
    await clock.run(5 * MINUTE);
    bus.putRule(rule());
    bus.deleteRule('tags');
    bus.put(tagChange);
    await clock.run(5 * MINUTE);
    expect(received).toEqual([]);
  });

  test('is refused whole if its pattern is wrong: the old one stays', async () => {
    const { clock, bus, received } = world();
    bus.putRule(rule());
    expect(() => bus.putRule(rule({ pattern: { source: [{ like: 'aws' }] } }))).toThrow('unrecognized match type like');
    expect(() => bus.putRule(rule({ pattern: undefined }))).toThrow('neither an event pattern nor a schedule');
    bus.put(tagChange);
    await clock.run(MINUTE);
    expect(received).toHaveLength(1);
  });
});

describe('a schedule', () => {
  test.each([
    ['rate(1 minute)', MINUTE],
    ['rate(5 minutes)', 5 * MINUTE],
    ['rate(1 hour)', 60 * MINUTE],
    ['rate(2 days)', 2 * 1440 * MINUTE],
  ])('%s ticks', async (schedule, period) => {
    const { clock, bus, received } = world();
    bus.putRule(rule({ name: 'tick', pattern: undefined, schedule }));
    await clock.run(3 * period);
    expect(received.map(({ at }) => at)).toEqual([period, 2 * period, 3 * period]);
    expect(received[0]?.event).toMatchObject({
      version: '0',
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      account: '111122223333',
      region: 'eu-central-1',
      time: new Date(Date.UTC(2026, 0, 15, 10) + period).toISOString().replace('.000', ''),
      resources: ['arn:aws:events:eu-central-1:111122223333:rule/tick'],
      detail: {},
    });
  });

  test.each([
    'rate(1 minutes)',
    'rate(5 minute)',
    'rate(0 minutes)',
    'rate(30 seconds)',
    'every minute',
    'cron(0 12 * * ? *)',
  ])('%s is refused', (schedule) => {
    expect(() => world().bus.putRule(rule({ schedule }))).toThrow(schedule);
  });
});

describe('delivery', () => {
  const throttled: Refusal = { code: 'THROTTLING', message: 'Rate exceeded' };

  test('is tried again, with longer and longer waits', async () => {
    const { clock, bus, received, letters } = world((attempt) => (attempt < 4 ? throttled : undefined));
    bus.putRule(rule());
    bus.put(tagChange);
    await clock.run(MINUTE);
    expect(received.map(({ at }) => at)).toEqual([500, 1250, 2750, 5750]);
    expect(letters).toEqual([]);
  });

  const policies: [policy: { retries?: number; age?: number }, attempts: number, exhausted: string][] = [
    [{ retries: 2 }, 3, 'MaximumRetryAttempts'],
    [{ age: 60 }, 7, 'MaximumEventAgeInSeconds'],
    [{}, 185 + 1, 'MaximumRetryAttempts'],
  ];
  test.each(policies)('gives up after its retry policy %j', async (policy, attempts, exhausted) => {
    const { clock, bus, received, letters } = world(() => throttled);
    bus.putRule(rule(policy));
    bus.put(tagChange);
    await clock.run(48 * 60 * MINUTE);
    expect(received).toHaveLength(attempts);
    expect(letters).toMatchObject([{ ...throttled, exhausted, retries: attempts - 1, event: tagChange }]);
  });

  test.each(['NO_PERMISSIONS', 'NO_RESOURCE'] as const)('is not tried again on %s', async (code) => {
    const { clock, bus, received, letters } = world(() => ({ code, message: 'no' }));
    bus.putRule(rule());
    bus.put(tagChange);
    await clock.run(MINUTE);
    expect(received).toHaveLength(1);
    expect(letters).toMatchObject([{ code, retries: 0 }]);
  });
});

describe('faults', () => {
  test('lose every event, but no tick', async () => {
    const { clock, bus, received } = world();
    bus.putRule(rule({ schedule: 'rate(1 minute)' }));
    bus.setFaults({ lose: 1 });
    bus.put(tagChange);
    await clock.run(MINUTE);
    expect(received.map(({ event }) => event.source)).toEqual(['aws.events']);
  });

  test('double an event under one id', async () => {
    const { clock, bus, received } = world();
    bus.putRule(rule());
    bus.setFaults({ double: 1 });
    bus.put(tagChange);
    await clock.run(MINUTE);
    expect(received.map(({ event }) => event.id)).toEqual([tagChange.id, tagChange.id]);
  });

  test('delay events, so that they overtake each other', async () => {
    const draws = [0.5, 0.5, 0.9, 0.5, 0.5, 0.1];
    const { clock, bus, received } = world(undefined, () => draws.shift() ?? 0);
    bus.putRule(rule());
    bus.setFaults({ lag: [0, 10 * MINUTE] });
    bus.put({ ...tagChange, id: '1' });
    bus.put({ ...tagChange, id: '2' });
    await clock.run(10 * MINUTE);
    expect(received.map(({ at, event }) => [at, event.id])).toEqual([
      [1 * MINUTE, '2'],
      [9 * MINUTE, '1'],
    ]);
  });
});

test('a closed bus is still', async () => {
  const { clock, bus, received } = world(() => ({ code: 'THROTTLING', message: 'Rate exceeded' }));
  bus.putRule(rule({ schedule: 'rate(1 minute)' }));
  bus.put(tagChange);
  await clock.run(1000);
  bus.close();
  bus.put(tagChange);
  await clock.run(10 * MINUTE);
  expect(received).toHaveLength(1);
});
