export type Scalar = string | number | boolean | null;

/** A value of an event, under the names that lead to it, and the place in each list on its way. */
export interface Field {
  path: string;
  value: Scalar;
  /** By list: which of its objects. */
  places: ReadonlyMap<unknown, number>;
}

/** A pattern wants of a path one of the values there, or that there is none. */
export interface Wanted {
  matches(value: Scalar): boolean;
  absent: boolean;
}

/**
 * An event's values, as EventBridge compares them: names are joined by dots, so that `{"a.b": 1}` and `{"a": {"b": 1}}` are one.
 * As in https://github.com/aws/event-ruler, which EventBridge is made of.
 */
export function fieldsOf(event: unknown): Map<string, Field[]> {
  const fields = new Map<string, Field[]>();
  const walk = (value: unknown, path: string | undefined, places: Field['places']): void => {
    if (Array.isArray(value)) {
      for (const [index, one] of value.entries())
        walk(one, path, isScalar(one) ? places : new Map(places).set(value, index));
    } else if (isObject(value)) {
      for (const [name, one] of Object.entries(value)) walk(one, path === undefined ? name : `${path}.${name}`, places);
    } else if (path !== undefined && isScalar(value)) {
      const there = fields.get(path);
      if (there) there.push({ path, value, places });
      else fields.set(path, [{ path, value, places }]);
    }
  };
  walk(event, undefined, new Map());
  return fields;
}

/** An event fits if a value of each path is as wanted, all of those in one list out of one of its objects. */
export function fit(
  fields: ReadonlyMap<string, Field[]>,
  [first, ...rest]: readonly [path: string, wanted: Wanted][],
  places: Field['places'] = new Map(),
): boolean {
  if (!first) return true;
  const [path, { matches, absent }] = first;
  const there = fields.get(path) ?? [];
  // Nowhere in the event, and not in one object of a list alone.
  if (absent && there.length === 0) return fit(fields, rest, places);
  return there.some(
    (field) =>
      matches(field.value) &&
      [...field.places].every(([list, place]) => (places.get(list) ?? place) === place) &&
      fit(fields, rest, new Map([...places, ...field.places])),
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}
