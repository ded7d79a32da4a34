import { describe, expect, test } from '@jest/globals';
import { COMMON } from '../../../shared/conditions/common.ts';
import { distinct, identity, refused, waiting } from '../../../shared/conditions/condition.ts';
import { ROUTERS } from '../../../shared/conditions/routers.ts';
import { aboutIt, advised, reasonText } from '../../../shared/conditions/sentences.ts';
import { SUBNETS } from '../../../shared/conditions/subnets.ts';
import { aboutId } from '../../../shared/ref.ts';
import { isPlain } from '../../support/plain-facts.ts';
import { REASONS } from './reasons.ts';

test('no two tables have a row of the same code', () => {
  const codes = [COMMON, SUBNETS, ROUTERS].flatMap((table) => Object.keys(table));
  expect(codes.toSorted()).toEqual([...new Set(codes)].toSorted());
});

describe('a reason', () => {
  test.each(REASONS)('$code is one sentence, in which what to do comes last', (reason) => {
    const { says, todo } = advised(refused(aboutId('subnet-1'), reason));
    const text = reasonText(reason);
    expect(text).toMatch(/^\S.*[^\s:;.,]\.?$/);
    expect(text).not.toMatch(/undefined|null|NaN|\[object|\n/);
    expect([says, `${says}: ${todo}`, `${says}; ${todo}`].indexOf(text)).toBe(
      todo === '' ? 0 : text.at(says.length) === ':' ? 1 : 2,
    );
  });

  test.each<[string, unknown, boolean]>([
    ['text, numbers, and lists and objects of them are', { a: 'b', c: [1, true, undefined, { d: '' }] }, true],
    ['what has a function is not', { a: [() => 'b'] }, false],
    ['an error is not', { error: new Error('no') }, false],
    ['a map is not', { a: new Map() }, false],
    ['what JSON has no number for is not', { until: Number.POSITIVE_INFINITY }, false],
  ])('is made of plain values: %s', (_, facts, plain) => expect(isPlain(facts)).toBe(plain));

  test('says apart what a person can do', () => {
    const about = aboutId('vpc-1');
    expect(advised(refused(about, { code: 'vpc-missing' }))).toEqual({
      says: 'AWS lists no such VPC in this account and region',
      todo: 'take it out of clientVpcs',
    });
    const error = { name: 'IncorrectState', message: '' };
    expect(advised(waiting(about, { code: 'another-try', error }))).toEqual({
      says: 'waits for another try, for AWS says IncorrectState',
      todo: expect.stringMatching(/^nothing, the next look tries again/),
    });
    expect(advised(refused(about, { code: 'no-cidr' }))).toEqual({ says: 'the tag names no CIDR', todo: '' });
  });
});

describe('a condition', () => {
  const about = aboutId('subnet-1');
  const missing = refused(about, { code: 'zone-without-node', zone: 'a' });

  test('is told of its thing, or to whom knows that', () => {
    const wait = waiting(about, { code: 'endpoint-available' });
    expect([aboutIt(wait), aboutIt(missing)]).toEqual([
      'subnet-1 waits for its endpoint to be available',
      'subnet-1: the load balancer has no node in a',
    ]);
  });

  test('is another one by its thing, its code or its facts', () => {
    const others = [
      refused(aboutId('subnet-2'), missing.reason),
      refused(about, { code: 'zone-enabled', zone: 'a' }),
      refused(about, { code: 'zone-without-node', zone: 'b' }),
    ];
    expect(new Set([missing, ...others].map(identity)).size).toBe(4);
    expect(distinct([missing, ...others, missing])).toHaveLength(4);
  });

  test('is the same whatever its thing is called, and whatever of it passes', () => {
    const renamed = { ...missing, about: { ...about, label: 'subnet-1 (app)' }, since: 1, until: 2 };
    expect(identity(renamed)).toBe(identity(missing));
    const failed = (message: string) =>
      identity(waiting(about, { code: 'another-try', error: { name: 'UnauthorizedOperation', message } }));
    expect(failed('Encoded authorization failure message: a')).toBe(failed('Encoded authorization failure message: b'));
    const lost = (heardAt: number) => identity(waiting(about, { code: 'agent-lost', heardAt }));
    expect(lost(1)).toBe(lost(2));
    const paused = (since: number) => identity(waiting(about, { code: 'paused', since, why: '', idle: true }));
    expect(paused(1)).toBe(paused(2));
  });

  test('is another one where AWS means another thing by the same code', () => {
    const refusedRoute = (message: string) =>
      waiting(about, { code: 'another-try', error: { name: 'RouteNotSupported', message } });
    const two = [refusedRoute('no such destination here'), refusedRoute('the endpoint is pending')];
    expect(new Set(two.map(identity)).size).toBe(2);
    expect(new Set(two.map(({ reason }) => advised(waiting(about, reason)).todo)).size).toBe(2);
  });
});
