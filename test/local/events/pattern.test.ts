import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern } from '../../../local/events/pattern.ts';
import { anyEvent, MATCHES, patternOf, REFUSED, scalar } from './patterns.ts';

describe('a pattern matches', () => {
  test.each(MATCHES)('%s', (_name, pattern, event, matches) => {
    expect(compilePattern(pattern)(event)).toBe(matches);
  });
});

describe('a pattern is refused', () => {
  test.each(REFUSED)('%s', (_name, pattern, message) => {
    expect(() => compilePattern(pattern)).toThrow(message);
  });
});

describe('every', () => {
  test('event matches the pattern made of its own values', () => {
    fc.assert(fc.property(anyEvent, (event) => compilePattern(patternOf(event))(event)));
  });

  test('match outlives more fields', () => {
    fc.assert(
      fc.property(anyEvent, anyEvent, (event, more) =>
        compilePattern(patternOf(event))({ ...(more as object), ...(event as object) }),
      ),
    );
  });

  test('scalar matches exactly one of a match type and its anything-but', () => {
    const types = fc.constantFrom('prefix', 'suffix', 'equals-ignore-case');
    fc.assert(
      fc.property(types, fc.string(), scalar, (type, text, value) => {
        const matches = compilePattern({ a: [{ [type]: text }] })({ a: value });
        const matchesBut = compilePattern({ a: [{ 'anything-but': { [type]: text } }] })({ a: value });
        expect(matchesBut).toBe(!matches);
      }),
    );
  });

  test('wildcard matches what fills its stars', () => {
    const literally = (text: string) => text.replace(/[\\*]/g, '\\$&');
    const pieces = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(pieces, fc.string(), (parts, filling) => {
        const wildcard = parts.map(literally).join('*');
        expect(compilePattern({ a: [{ wildcard }] })({ a: parts.join(filling) })).toBe(true);
      }),
    );
  });

  test('JSON value is either a pattern that answers or refused as one', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (pattern, event) => {
        try {
          expect(typeof compilePattern(pattern)(event)).toBe('boolean');
        } catch (error) {
          expect(error).toHaveProperty('name', 'InvalidEventPatternException');
        }
      }),
    );
  });
});
