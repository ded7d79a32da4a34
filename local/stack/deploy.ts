import { isDeepStrictEqual } from 'node:util';
import { resolve, type Scope } from './intrinsics.ts';
import { planStack, type StackPlace, within } from './plan.ts';
import { type Made, physicalName, type ResourceType } from './resource-type.ts';
import type { Template } from './template.ts';

export interface Deployment {
  template: Template;
  parameters: Record<string, string>;
  place: StackPlace;
  types: Readonly<Record<string, ResourceType>>;
}

export interface Stack {
  name: string;
  outputs: Record<string, string>;
  /** Resources by logical id, in the order they were made in. */
  resources: Map<string, StackResource>;
}

export interface StackResource {
  type: string;
  properties: unknown;
  made: Made;
}

/**
 * Makes what a template declares, each resource when those it needs are stable. Over `before`, an earlier deployment of
 * the stack, it changes what is declared otherwise, and at the end removes what no longer is. If something cannot be
 * made or changed, all of it is undone.
 * @throws Error that says which resource could not be made or changed, and why; or, before anything is made, what the
 * template has wrong
 */
export async function deployStack({ template, parameters, place, types }: Deployment, before?: Stack): Promise<Stack> {
  const plan = planStack(template, parameters, place, (type) => types[type]?.attributes);
  const stack: Stack = { name: place.name, outputs: {}, resources: new Map(before?.resources) };
  const scope = scopeOf(plan.scope, stack);
  const undo: (() => Promise<unknown>)[] = [];
  try {
    for (const { logicalId, declaration, needs } of plan.resources) {
      await Promise.all(needs.map((need) => stack.resources.get(need)?.made.stable));
      const properties = within(logicalId, () => resolve(declaration.Properties, scope));
      const present = stack.resources.get(logicalId);
      if (present) {
        if (isDeepStrictEqual(present.properties, properties)) continue;
        await update(logicalId, present, { type: declaration.Type, properties });
        undo.push(() => update(logicalId, present, present));
        stack.resources.set(logicalId, { ...present, properties });
      } else {
        const made = await create(types[declaration.Type], properties, place, logicalId);
        undo.push(() => remove(made));
        stack.resources.set(logicalId, { type: declaration.Type, properties, made });
      }
    }
    await Promise.all([...stack.resources.values()].map(({ made }) => made.stable));
    for (const { name, value } of plan.outputs) stack.outputs[name] = String(within(name, () => resolve(value, scope)));
  } catch (error) {
    await inTurn(undo.reverse()).catch((another) => {
      throw new AggregateError(
        [error, another],
        `${messageOf(error)}; and not all of it could be undone: ${messageOf(another)}`,
      );
    });
    throw error;
  }
  const declared = new Set(plan.resources.map(({ logicalId }) => logicalId));
  const lost = [...stack.resources].filter(([logicalId]) => !declared.has(logicalId)).reverse();
  for (const [logicalId, { made }] of lost) {
    await remove(made);
    stack.resources.delete(logicalId);
  }
  return stack;
}

/** Removes what a stack has made, the last first. */
export async function deleteStack(stack: Stack): Promise<void> {
  for (const [logicalId, { made }] of [...stack.resources].reverse()) {
    await remove(made);
    stack.resources.delete(logicalId);
  }
}

async function remove(made: Made): Promise<void> {
  await made.stable?.catch(() => {});
  await made.remove();
}

async function inTurn(steps: (() => Promise<unknown>)[]): Promise<void> {
  for (const step of steps) await step();
}

/** Gives a resource the properties of `wanted`. */
async function update(
  logicalId: string,
  { type, made }: StackResource,
  wanted: Pick<StackResource, 'type' | 'properties'>,
): Promise<void> {
  try {
    if (wanted.type !== type) throw new Error(`the local cloud cannot make a ${wanted.type} of it`);
    if (!made.update) throw new Error(`the local cloud cannot change a ${type}`);
    await made.update(wanted.properties);
  } catch (error) {
    throw new Error(`${logicalId} could not be changed: ${messageOf(error)}`, { cause: error });
  }
}

async function create(
  type: ResourceType | undefined,
  properties: unknown,
  place: StackPlace,
  logicalId: string,
): Promise<Made> {
  const naming = { logicalId, physicalName: (longest?: number) => physicalName(place, logicalId, longest) };
  const failed = (error: unknown) => {
    throw new Error(`${logicalId} could not be made: ${messageOf(error)}`, { cause: error });
  };
  const made = await Promise.resolve(type?.create(properties, naming)).catch(failed);
  if (!made) throw new Error(`${logicalId} is of no type that can be made`);
  const stable = made.stable?.catch(failed);
  // Whoever needs it is told; if nobody does any more, nobody is.
  stable?.catch(() => {});
  return { ...made, ...(stable && { stable }) };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function scopeOf(beforehand: Scope, { resources }: Stack): Scope {
  return {
    ...beforehand,
    ref: (name) => resources.get(name)?.made.ref ?? beforehand.ref(name),
    getAtt: (logicalId, attribute) =>
      resources.get(logicalId)?.made.attributes?.[attribute] ?? beforehand.getAtt(logicalId, attribute),
  };
}
