import type { NormalizedSchema } from '@smithy/core/schema';

type Copy = (value: unknown) => unknown;

/** Copiers by the static form of a schema, which is the SDK's own and lives as long. */
const copiers = new WeakMap<object, Copy>();

/** A client reads this of a value that is written by its schema: members that the schema has not, and those undefined, are left out. */
export function copyOf(schema: NormalizedSchema, value: unknown): unknown {
  return copierOf(schema)(value);
}

function copierOf(schema: NormalizedSchema): Copy {
  if (schema.isUnitSchema()) return () => ({});
  const form: unknown = schema.getSchema();
  if (typeof form !== 'object' || form === null) return scalar;
  const known = copiers.get(form);
  if (known) return known;
  // A shape may be a member of itself.
  const copy: Copy = (value) => made(value);
  copiers.set(form, copy);
  const made = copierFor(schema);
  return copy;
}

function copierFor(schema: NormalizedSchema): Copy {
  if (schema.isListSchema()) {
    const copy = copierOf(schema.getValueSchema());
    return (value) => (Array.isArray(value) ? value.map(copy) : []);
  }
  if (schema.isMapSchema()) {
    const copy = copierOf(schema.getValueSchema());
    return (value) => Object.fromEntries(Object.entries(Object(value)).map(([key, each]) => [key, copy(each)]));
  }
  if (!schema.isStructSchema()) return scalar;
  const members = [...schema.structIterator()].map(([name, member]): [string, Copy] => [name, copierOf(member)]);
  return (value) => {
    const given = Object(value);
    const copied: Record<string, unknown> = {};
    for (const [name, copy] of members) if (given[name] !== undefined) copied[name] = copy(given[name]);
    return copied;
  };
}

const scalar: Copy = (value) => {
  if (value instanceof Date) return new Date(value);
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
};
