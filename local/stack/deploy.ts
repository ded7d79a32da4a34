import { isDeepStrictEqual } from 'node:util';
import type { ResourceStatus } from '@aws-sdk/client-cloudformation';
import { resolve, type Scope } from './intrinsics.ts';
import { planStack, type StackPlace, within } from './plan.ts';
import { type Made, physicalName, type ResourceType } from './resource-type.ts';
import type { Template } from './template.ts';

export interface Deployment {
  template: Template;
  parameters: Record<string, string>;
  place: StackPlace;
  types: Readonly<Record<string, ResourceType>>;
  tell?: Tell | undefined;
}

/** CloudFormation hears what becomes of each resource: `CREATE_IN_PROGRESS` and the like, and of a failure the reason. */
export type Tell = (event: {
  logicalId: string;
  type: string;
  ref?: string | undefined;
  status: ResourceStatus;
  reason?: string;
}) => void;

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
export async function deployStack(deployment: Deployment, before?: Stack): Promise<Stack> {
  const { place, types, tell } = deployment;
  const plan = planOf(deployment);
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
        await update(logicalId, present, { type: declaration.Type, properties }, tell);
        undo.push(() => update(logicalId, present, present, tell));
        stack.resources.set(logicalId, { ...present, properties });
      } else {
        const type = declaration.Type;
        const made = await create(types[type], { type, properties }, place, logicalId, tell);
        undo.push(() => remove(logicalId, { type, made }, tell));
        stack.resources.set(logicalId, { type, properties, made });
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
  for (const [logicalId, resource] of lost) {
    await remove(logicalId, resource, tell);
    stack.resources.delete(logicalId);
  }
  return stack;
}

const planOf = ({ template, parameters, place, types }: Deployment) =>
  planStack(template, parameters, place, (type) => types[type]?.attributes);

/** A deployment over `before` would make, change and remove these. Throws as it would before anything is made. */
export function changesOf(deployment: Deployment, before?: Stack) {
  const plan = planOf(deployment);
  const resources = before?.resources ?? new Map<string, StackResource>();
  const scope = scopeOf(plan.scope, { name: '', outputs: {}, resources });
  /** Undefined if it needs what is still to be made. */
  const resolved = (value: unknown) => {
    try {
      return resolve(value, scope);
    } catch {
      return undefined;
    }
  };
  const changes: { action: 'Add' | 'Modify' | 'Remove'; logicalId: string; type: string; ref?: string }[] = [];
  for (const { logicalId, declaration } of plan.resources) {
    const present = resources.get(logicalId);
    const type = declaration.Type;
    if (!present) changes.push({ action: 'Add', logicalId, type });
    else if (!isDeepStrictEqual(resolved(declaration.Properties), present.properties))
      changes.push({ action: 'Modify', logicalId, type, ref: present.made.ref });
  }
  const declared = new Set(plan.resources.map(({ logicalId }) => logicalId));
  for (const [logicalId, { type, made }] of resources)
    if (!declared.has(logicalId)) changes.push({ action: 'Remove', logicalId, type, ref: made.ref });
  const outputs = Object.fromEntries(plan.outputs.map(({ name, value }) => [name, String(resolved(value))]));
  return { changes, same: changes.length === 0 && isDeepStrictEqual(outputs, before?.outputs ?? {}) };
}

/** Removes what a stack has made, the last first. */
export async function deleteStack(stack: Stack, tell?: Tell): Promise<void> {
  for (const [logicalId, resource] of [...stack.resources].reverse()) {
    await remove(logicalId, resource, tell);
    stack.resources.delete(logicalId);
  }
}

async function remove(
  logicalId: string,
  { type, made }: Pick<StackResource, 'type' | 'made'>,
  tell?: Tell,
): Promise<void> {
  const about = { logicalId, type, ref: made.ref };
  tell?.({ ...about, status: 'DELETE_IN_PROGRESS' });
  try {
    await made.stable?.catch(() => {});
    await made.remove();
  } catch (error) {
    tell?.({ ...about, status: 'DELETE_FAILED', reason: messageOf(error) });
    throw error;
  }
  tell?.({ ...about, status: 'DELETE_COMPLETE' });
}

async function inTurn(steps: (() => Promise<unknown>)[]): Promise<void> {
  for (const step of steps) await step();
}

/** Gives a resource the properties of `wanted`. */
async function update(
  logicalId: string,
  { type, made }: StackResource,
  wanted: Pick<StackResource, 'type' | 'properties'>,
  tell?: Tell,
): Promise<void> {
  const about = { logicalId, type, ref: made.ref };
  tell?.({ ...about, status: 'UPDATE_IN_PROGRESS' });
  try {
    if (wanted.type !== type) throw new Error(`the local cloud cannot make a ${wanted.type} of it`);
    if (!made.update) throw new Error(`the local cloud cannot change a ${type}`);
    await made.update(wanted.properties);
    tell?.({ ...about, status: 'UPDATE_COMPLETE' });
  } catch (error) {
    tell?.({ ...about, status: 'UPDATE_FAILED', reason: messageOf(error) });
    throw new Error(`${logicalId} could not be changed: ${messageOf(error)}`, { cause: error });
  }
}

async function create(
  type: ResourceType | undefined,
  { properties, ...about }: Pick<StackResource, 'type' | 'properties'>,
  place: StackPlace,
  logicalId: string,
  tell?: Tell,
): Promise<Made> {
  const say = (status: ResourceStatus, more: { ref?: string; reason?: string } = {}) =>
    tell?.({ ...about, ...more, logicalId, status });
  say('CREATE_IN_PROGRESS');
  const naming = { logicalId, physicalName: (longest?: number) => physicalName(place, logicalId, longest) };
  const failed = (error: unknown) => {
    say('CREATE_FAILED', { reason: messageOf(error) });
    throw new Error(`${logicalId} could not be made: ${messageOf(error)}`, { cause: error });
  };
  const made = await Promise.resolve(type?.create(properties, naming)).catch(failed);
  if (!made) throw new Error(`${logicalId} is of no type that can be made`);
  const stable = made.stable?.catch(failed);
  const complete = () => say('CREATE_COMPLETE', { ref: made.ref });
  if (!stable) complete();
  // Whoever needs it is told; if nobody does any more, nobody is.
  stable?.then(complete, () => {});
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
