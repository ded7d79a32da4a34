import type { NormalizedSchema } from '@smithy/core/schema';
import fc from 'fast-check';
import { isRequired } from '../../../local/wire/schema.ts';

/** A protocol cannot say these, which so are not generated. */
export interface Limits {
  /** Query parameters cannot tell an empty structure, list or map from none. */
  emptyContainers: boolean;
  text: fc.Arbitrary<string>;
}

/** A schema has any such value. Members more than four deep are left out unless they must be given. */
export function anyOf(schema: NormalizedSchema, limits: Limits, depth = 0): fc.Arbitrary<unknown> {
  if (schema.isUnitSchema()) return fc.constant({});
  const size = { minLength: limits.emptyContainers ? 0 : 1, maxLength: 3 };
  if (schema.isStructSchema()) return structOf(schema, limits, depth);
  if (schema.isListSchema()) return fc.array(anyOf(schema.getValueSchema(), limits, depth + 1), size);
  if (schema.isMapSchema())
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), anyOf(schema.getValueSchema(), limits, depth + 1), {
      minKeys: size.minLength,
      maxKeys: 3,
      noNullPrototype: true,
    });
  if (schema.isBooleanSchema()) return fc.boolean();
  if (schema.isNumericSchema()) return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  if (schema.isTimestampSchema())
    return fc.date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true });
  if (schema.isBlobSchema()) return fc.uint8Array({ maxLength: 8 });
  if (schema.isStringSchema()) return limits.text;
  throw new Error(`the test has no values for ${schema.getName(true)}`);
}

function structOf(schema: NormalizedSchema, limits: Limits, depth: number): fc.Arbitrary<object> {
  const members = [...schema.structIterator()];
  // The SDK fills a token in by itself, so it counts as one that must be given.
  const needed = (name: string, member: NormalizedSchema) => isRequired(schema, name) || member.isIdempotencyToken();
  const shallow = members.filter(([name, member]) => needed(name, member) || depth < 4 || isScalar(member));
  // A structure with nothing scalar in it would be empty for being deep, and that cannot always be said.
  const possible = shallow.length > 0 ? shallow : members;
  const keys = possible.map(([name]) => name);
  const requiredKeys = possible.filter(([name, member]) => needed(name, member)).map(([name]) => name);
  const least = schema.isUnionSchema() || !limits.emptyContainers ? 1 : 0;
  const most = schema.isUnionSchema() ? 1 : Math.max(6, requiredKeys.length);
  return fc
    .subarray(keys, { minLength: Math.min(least, keys.length), maxLength: Math.min(keys.length, most) })
    .chain((chosen) => {
      const names = new Set([...chosen, ...requiredKeys]);
      return fc.record(
        Object.fromEntries(
          possible
            .filter(([name]) => names.has(name))
            .map(([name, member]) => [name, anyOf(member, limits, depth + 1)]),
        ),
      );
    });
}

const isScalar = (schema: NormalizedSchema) =>
  !schema.isStructSchema() && !schema.isListSchema() && !schema.isMapSchema();
