import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Clock } from '../clock.ts';

/** Resources of one CloudFormation type are made so. */
export interface ResourceType {
  /** `Fn::GetAtt` can ask for these. */
  attributes: readonly string[];
  /** True if it has a property `Tags`. */
  takesTags: boolean;
  /** Throws if the properties are not those of the type. */
  create(properties: unknown, naming: Naming): Promise<Made>;
}

export interface Naming {
  logicalId: string;
  /** A resource whose template gives it no name is called so: the same in every run. */
  physicalName(longest?: number): string;
}

export interface Made<Properties = unknown> {
  /** `Ref` gives this. */
  ref: string;
  attributes?: Record<string, unknown>;
  /** Resolves when others may depend on it. */
  stable?: Promise<void>;
  /**
   * Gives it other properties, where CloudFormation would without putting another resource in its place. Throws if it
   * cannot. What `Ref` and `Fn::GetAtt` give stays.
   */
  update?(properties: Properties): Promise<unknown>;
  /** Gives it tags and takes others away, where somebody reads them. */
  tag?(tags: { set: Tag[]; remove: string[] }): Promise<unknown>;
  /** Resolves when it is gone. */
  remove(): Promise<unknown>;
}

export function resourceType<Properties>(
  schema: z.ZodType<Properties>,
  attributes: readonly string[],
  create: (properties: Properties, naming: Naming) => Promise<Made<NoInfer<Properties>>>,
): ResourceType {
  function read(given: unknown): Properties {
    const result = schema.safeParse(given);
    if (result.success) return result.data;
    throw new Error(z.prettifyError(result.error).replaceAll('\n', ' '));
  }
  const takesTags = schema instanceof z.ZodObject && 'Tags' in schema.shape;
  return {
    attributes,
    takesTags,
    async create(given, naming) {
      const first = read(given);
      const { update, tag, ...made } = await create(first, naming);
      let now = first;
      /** Of these a resource is told: tags are changed apart from all else. */
      const apartFromTags = (properties: Properties) => ({
        ...properties,
        ...(takesTags && { Tags: Object(first).Tags }),
      });
      async function change(changed: unknown): Promise<void> {
        const next = read(changed);
        const [before, after] = [tagsOf(now), tagsOf(next)];
        if (!isDeepStrictEqual(apartFromTags(next), apartFromTags(now))) {
          if (!update) throw new Error('the local cloud cannot change this');
          await update(apartFromTags(next));
        }
        const set = after.filter((one) => !before.some((each) => isDeepStrictEqual(each, one)));
        const remove = before.flatMap(({ Key }) => (after.some((each) => each.Key === Key) ? [] : Key));
        if (set.length + remove.length > 0) await tag?.({ set, remove });
        now = next;
      }
      return { ...made, ...((update || takesTags) && { update: change }) };
    },
  };
}

interface Tag {
  Key: string;
  Value: string;
}
const tagsOf = (properties: unknown): Tag[] => Object(properties).Tags ?? [];

/** @throws Error that names the first property which cannot be changed after a resource is made, if it was */
export function refuseChange<Properties extends object>(
  before: Properties,
  after: Properties,
  changeable: readonly (keyof Properties)[],
): void {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const [changed] = [...names].filter(
    (name) =>
      !isDeepStrictEqual(Reflect.get(before, name), Reflect.get(after, name)) &&
      !changeable.some((one) => one === name),
  );
  if (changed !== undefined) throw new Error(`the local cloud cannot change its ${changed}`);
}

/**
 * `stack-LogicalId-1A2B3C4D5E6F`, cut to the longest that the service takes. CloudFormation's suffix is another one in each stack, so that those of
 * one name in two regions do not share the names of what has no region.
 */
export function physicalName(
  { name: stack, region }: { name: string; region: string },
  logicalId: string,
  longest = 128,
): string {
  const suffix = createHash('sha256')
    .update(`${region}/${stack}/${logicalId}`)
    .digest('hex')
    .slice(0, 12)
    .toUpperCase();
  return `${`${stack}-${logicalId}`.slice(0, longest - suffix.length - 1)}-${suffix}`;
}

// CloudFormation takes a number or a boolean for a text, and a text for a number or a boolean.
export const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
export const integer = z
  .union([z.number(), z.string().regex(/^-?\d+$/)])
  .transform(Number)
  .pipe(z.int());
export const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')]);
export const tags = z.array(z.strictObject({ Key: text, Value: text })).optional();
export const keyValues = z.array(z.strictObject({ Key: text, Value: text })).default([]);
/** A policy document, left to who evaluates it: an object, or a text that has one as JSON. */
export const document = z.preprocess(
  (given, context) => {
    if (typeof given !== 'string') return given;
    try {
      return JSON.parse(given);
    } catch (error) {
      context.addIssue(`is no JSON: ${error instanceof Error ? error.message : error}`);
      return z.NEVER;
    }
  },
  z.record(z.string(), z.unknown()),
);

/** Asks every five seconds of the cloud's time until the answer is yes, for half an hour at most. */
export async function until(clock: Clock, what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = clock.now() + 30 * 60_000;
  while (!(await isSo())) {
    if (clock.now() > end) throw new Error(`${what} did not come within half an hour`);
    await clock.sleep(5000);
  }
}
