import { expect, test } from '@jest/globals';
import { NormalizedSchema } from '@smithy/core/schema';
import { addMember, isRequired, makeOptional } from '../../../local/wire/schema.ts';

/** A structure `Shape` as the SDK has one, with members that must be given, and others. */
const sdk = (required = 2) => ({ Shape$: [3, 'ns', 'Shape', 0, ['A', 'B', 'C'], [0, 0, 0], required] });
const requiredOf = (shape: unknown) => {
  const schema = NormalizedSchema.of(shape as Parameters<typeof NormalizedSchema.of>[0]);
  return [...schema.structIterator()].map(([name]) => [name, isRequired(schema, name)]);
};

test.each(['A', 'B'])('the member %s need not be given any more, whatever its place, and the other must', (name) => {
  const { Shape$ } = sdk();
  makeOptional({ Shape$ }, 'Shape', name);
  makeOptional({ Shape$ }, 'Shape', name);
  expect(Object.fromEntries(requiredOf(Shape$))).toEqual({ A: name === 'B', B: name === 'A', C: false });
});

test('a member is added once, and must not be given', () => {
  const { Shape$ } = sdk();
  addMember({ Shape$ }, 'Shape', 'D', 0);
  addMember({ Shape$ }, 'Shape', 'D', 0);
  expect(requiredOf(Shape$).slice(-2)).toEqual([
    ['C', false],
    ['D', false],
  ]);
});

test.each<[what: string, shape: unknown]>([
  ['is gone', undefined],
  ['is an object', { memberNames: ['A'], memberList: [0] }],
  ['has another kind', [1, 'ns', 'Shape', 0, ['A'], [0]]],
  ['has names and members that are no pairs', [3, 'ns', 'Shape', 0, ['A'], []]],
  ['requires more members than it has', [3, 'ns', 'Shape', 0, ['A'], [0], 2]],
])('a structure that %s in a later SDK is said, and not written to', (_, Shape$) => {
  const before = structuredClone(Shape$);
  const sentence = "the SDK's schema of Shape has not the form that local/wire/schema.ts knows a structure by";
  expect(() => addMember({ Shape$ }, 'Shape', 'D', 0)).toThrow(sentence);
  expect(() => makeOptional({ Shape$ }, 'Shape', 'A')).toThrow(sentence);
  expect(Shape$).toEqual(before);
});

test('a member that a later SDK has not is said', () => {
  expect(() => makeOptional(sdk(), 'Shape', 'X')).toThrow("the SDK's schema of Shape has no member X");
});
