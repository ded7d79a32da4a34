import { isDeepStrictEqual } from 'node:util';
import type { ResourceStatus, Tag } from '@aws-sdk/client-cloudformation';
import { resolve, type Scope } from './intrinsics.ts';
import { planStack, type StackPlace, within } from './plan.ts';
import { type Made, physicalName, type ResourceType } from './resource-type.ts';
import type { Template } from './template.ts';

export interface Deployment {
  template: Template;
  parameters: Record<string, string>;
  place: StackPlace;
  types: Readonly<Record<string, ResourceType>>;
  /** What is made gets these, if it takes tags and has none of their keys of its own. */
  tags?: readonly Tag[] | undefined;
  tell?: Tell | undefined;
  /** Hears that it comes to this. */
  phase?: ((phase: Phase, why?: string) => void) | undefined;
  /** A stack that is to be made has its resources in here as far as they are made. */
  stack?: Stack | undefined;
  /** Aborted, it ends the making of a stack. */
  signal?: AbortSignal | undefined;
  /** Is given what was made. */
  made?: ((made: Made, logicalId: string) => void) | undefined;
}

/** What was made or changed is undone; or what is needed no more is removed, after a change or after one that was undone. */
export type Phase = 'rollback' | 'cleanup' | 'rollback cleanup';

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
  /** It goes before these. */
  needs: readonly string[];
}

/**
 * Makes what a template declares, each resource when those it needs are stable. Over `before`, an earlier deployment of
 * the stack, it changes what is declared otherwise, and at the end removes what no longer is: what cannot be removed is the stack's no more.
 * If something cannot be made or changed, all of it is undone.
 * @throws Error that says which resource could not be made or changed, and why; or, before anything is made, what the
 * template has wrong
 */
export async function deployStack(deployment: Deployment, before?: Stack): Promise<Stack> {
  const { place, types, tell, tags, phase, signal } = deployment;
  const plan = planOf(deployment);
  const stack: Stack = deployment.stack ?? { name: place.name, outputs: {}, resources: new Map() };
  for (const [logicalId, resource] of before?.resources ?? []) stack.resources.set(logicalId, resource);
  const scope = scopeOf(plan.scope, stack);
  const undo: (() => Promise<unknown>)[] = [];
  const added: string[] = [];
  try {
    for (const { logicalId, declaration, needs } of plan.resources) {
      await unlessAborted(Promise.all(needs.map((need) => stack.resources.get(need)?.made.stable)), signal);
      const type = declaration.Type;
      const properties = withTags(
        types[type],
        within(logicalId, () => resolve(declaration.Properties, scope)),
        tags,
      );
      const present = stack.resources.get(logicalId);
      if (present) {
        if (isDeepStrictEqual(present.properties, properties)) continue;
        await update(logicalId, present, { type, properties }, tell);
        undo.push(() => update(logicalId, present, present, tell));
        stack.resources.set(logicalId, { ...present, properties, needs });
      } else {
        const made = await create(types[type], { type, properties }, place, logicalId, tell);
        deployment.made?.(made, logicalId);
        added.push(logicalId);
        stack.resources.set(logicalId, { type, properties, made, needs });
      }
    }
    await unlessAborted(Promise.all([...stack.resources.values()].map(({ made }) => made.stable)), signal);
    for (const { name, value } of plan.outputs) stack.outputs[name] = String(within(name, () => resolve(value, scope)));
  } catch (error) {
    phase?.('rollback', messageOf(error));
    const failures = await undone(undo.reverse());
    if (before && failures.length === 0 && added.length > 0) phase?.('rollback cleanup');
    const kept = await removeAll(stack, added, tell);
    // After a change, what it added and cannot be removed is nobody's any more.
    if (!before) failures.push(...kept);
    const [first] = failures;
    if (first === undefined) throw error;
    throw new AggregateError(
      [error, ...failures],
      `${messageOf(error)}; and not all of it could be undone: ${messageOf(first)}`,
    );
  }
  const declared = new Set(plan.resources.map(({ logicalId }) => logicalId));
  const lost = [...stack.resources.keys()].filter((logicalId) => !declared.has(logicalId));
  if (lost.length > 0) phase?.('cleanup');
  await removeAll(stack, lost, tell);
  for (const logicalId of lost) stack.resources.delete(logicalId);
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
    const properties = withTags(deployment.types[type], resolved(declaration.Properties), deployment.tags);
    if (!present) changes.push({ action: 'Add', logicalId, type });
    else if (!isDeepStrictEqual(properties, present.properties))
      changes.push({ action: 'Modify', logicalId, type, ref: present.made.ref });
  }
  const declared = new Set(plan.resources.map(({ logicalId }) => logicalId));
  for (const [logicalId, { type, made }] of resources)
    if (!declared.has(logicalId)) changes.push({ action: 'Remove', logicalId, type, ref: made.ref });
  const outputs = Object.fromEntries(plan.outputs.map(({ name, value }) => [name, String(resolved(value))]));
  return { changes, same: changes.length === 0 && isDeepStrictEqual(outputs, before?.outputs ?? {}) };
}

/**
 * Removes what a stack has made, the last first. What cannot be removed stays, and what it needs, and all else goes.
 * @throws Error that says what could not be removed, and why
 */
export async function deleteStack(stack: Stack, tell?: Tell): Promise<void> {
  const failures = await removeAll(stack, [...stack.resources.keys()], tell);
  if (failures.length > 0) throw new AggregateError(failures, failures.map(messageOf).join('; '));
}

/** Removes these of a stack as far as it can. Returns the errors of those that it could not remove. */
async function removeAll(stack: Stack, logicalIds: readonly string[], tell?: Tell): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const logicalId of [...stack.resources.keys()].reverse()) {
    const resource = stack.resources.get(logicalId);
    const isNeeded = [...stack.resources.values()].some(({ needs }) => needs.includes(logicalId));
    if (!resource || !logicalIds.includes(logicalId) || (isNeeded && failures.length > 0)) continue;
    try {
      await remove(logicalId, resource, tell);
      stack.resources.delete(logicalId);
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

async function undone(steps: (() => Promise<unknown>)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error) => failures.push(error));
  return failures;
}

/** Rejects as soon as the signal is aborted, if it is. */
async function unlessAborted(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return void (await work);
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  await Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort));
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html */
function withTags(type: ResourceType | undefined, properties: unknown, tags: readonly Tag[] = []): unknown {
  if (!type?.takesTags || tags.length === 0 || properties === undefined) return properties;
  const own: Tag[] = Object(properties).Tags ?? [];
  const others = tags.filter(({ Key }) => !own.some((each) => each.Key === Key));
  return { ...Object(properties), Tags: [...own, ...others.map(({ Key, Value }) => ({ Key, Value }))] };
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
