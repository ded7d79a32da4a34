import { TAGS_AT_MOST } from '../aws/read.ts';
import { refused, waiting } from '../conditions/condition.ts';
import { joined, type Part } from '../reconcile/plan.ts';
import type { OptedInSubnet } from './opted-in.ts';
import { type Copy, NOTE_AGE_MS, type RouteNote } from './route-note.ts';
import { aboutSlot, type RouteSlot } from './route-slots.ts';
import type { StepOf, SubnetsStep } from './steps.ts';
import { isLive, type SubnetsWorld } from './world.ts';

/**
 * A note on a table is lost when whoever keeps the table takes away what tags he does not know; its copy on an endpoint, which
 * nobody but us makes, is not. What is missing in one of the two places is written again from the other.
 * @param planned steps before these, which may take room on endpoints
 */
export function keepCopies(
  slot: RouteSlot,
  world: SubnetsWorld,
  planned: readonly SubnetsStep[],
): Partial<Part<SubnetsStep>> {
  const { table, destination, desired, actual, ours } = slot;
  const note = table.takeoverNotes.get(destination);
  const copies = table.copies.get(destination) ?? [];
  // A note that says `gone` is a person's to delete: it has no second place that would bring it back.
  if (note?.gone || (!ours && !desired?.takeover)) return joined(...copies.map((copy) => erase(copy, slot, world)));
  if (!ours || !note) return {};
  const about = aboutSlot(slot);
  const { key, text } = note;
  const [source] = copies;
  const isLost = !note.onTable && (table.tagCount < TAGS_AT_MOST || table.forged.get(destination)?.includes(key));
  const context = { why: 'lost', endpointId: source?.endpointId } as const;
  const rewritten: SubnetsStep[] = isLost
    ? [{ kind: 'write-note', tableId: table.id, key, value: text, about, context }]
    : [];
  const step = copyNote(slot, note, actual?.target, world, planned);
  if (!step)
    return { steps: rewritten, conditions: [refused(about, { code: 'no-room-for-copy', key, most: TAGS_AT_MOST })] };
  const isThere = (copy: Copy) =>
    copy.endpointId === step.endpointId && copy.note.text === text && copy.note.by === 'us';
  return { steps: copies.some(isThere) ? rewritten : [...rewritten, step] };
}

/** A route of ours was taken over, and can be given back. */
export const isTakenOver = ({ table, destination, desired, ours }: RouteSlot) =>
  ours && desired !== undefined && !desired.direct && table.takeoverNotes.get(destination)?.gone === false;

/** Subnets that alone remember that a route was taken over: where it led before is lost with its notes. */
export function rememberedBy({ table, destination, desired, ours }: RouteSlot): OptedInSubnet[] {
  if (!ours || !desired || desired.direct || table.takeoverNotes.has(destination)) return [];
  return desired.subnets.filter(({ subnet: { memory } }) => {
    const { tableId, destinations = [] } = memory.takenOver ?? {};
    return tableId === table.id && destinations.includes(destination);
  });
}

/** Onto the endpoint that the route leads to, if that has room for one more tag, else onto any other. */
export function copyNote(
  slot: RouteSlot,
  { key, text }: Pick<RouteNote, 'key' | 'text'>,
  preferred: string | undefined,
  { endpoints }: SubnetsWorld,
  planned: readonly SubnetsStep[],
): StepOf<'copy-note'> | undefined {
  const { table, destination } = slot;
  const pending = (id: string) => planned.filter((step) => step.kind === 'copy-note' && step.endpointId === id).length;
  const holds = (id: string) => table.copies.get(destination)?.some(({ endpointId }) => endpointId === id) ?? false;
  const able = endpoints.filter(
    (each) => isLive(each) && (holds(each.id) || each.tagCount + pending(each.id) < TAGS_AT_MOST),
  );
  const endpointId = (able.find(({ id }) => id === preferred) ?? able.toSorted((a, b) => (a.id < b.id ? -1 : 1))[0])
    ?.id;
  if (endpointId === undefined) return undefined;
  const about = aboutSlot(slot);
  return { kind: 'copy-note', endpointId, tableId: table.id, destination, key, value: text, about };
}

/** Copies on an endpoint that goes, go with it. */
function erase(copy: Copy, slot: RouteSlot, { endpoints, now }: SubnetsWorld): Partial<Part<SubnetsStep>> {
  const { endpointId, key, value, note } = copy;
  if (!endpoints.some(({ id, state }) => id === endpointId && state !== 'deleting')) return {};
  const until = slot.ours ? 0 : note.at + NOTE_AGE_MS;
  if (until > now) return { conditions: [waiting(aboutSlot(slot), { code: 'copy-erasable' }, until)] };
  return { steps: [{ kind: 'erase-copy', endpointId, key, value, about: aboutSlot(slot) }] };
}
