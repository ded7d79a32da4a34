import { TAGS_AT_MOST } from '../aws/read.ts';
import type { Plan } from '../reconcile.ts';
import { type Copy, NOTE_AGE_MS, type Note } from './note.ts';
import type { Place } from './route-slots.ts';
import type { SubnetsStep } from './steps.ts';
import { isLive, type Subnet, type SubnetsWorld } from './world.ts';

/**
 * A note on a table is lost when whoever keeps the table takes away what tags he does not know; its copy on an endpoint, which
 * nobody but us makes, is not. What is missing in one of the two places is written again from the other.
 */
export function keepCopies(place: Place, world: SubnetsWorld, plan: Plan<SubnetsStep>): void {
  const { table, destination, want, there, ours } = place;
  const note = table.former.get(destination);
  const copies = table.copies.get(destination) ?? [];
  // A note that says `gone` is a person's to delete: it has no second place that would bring it back.
  if (note?.gone || (!ours && !want?.takeover)) {
    for (const copy of copies) erase(copy, place, world, plan);
    return;
  }
  if (!ours || !note) return;
  const subject = `${table.id} ${destination}`;
  const { key, text } = note;
  const [source] = copies;
  if (!note.onTable && (table.tagCount < TAGS_AT_MOST || table.forged.get(destination)?.includes(key))) {
    const says = `${table.id}: its tag ${key} was lost, and is written again as ${source?.endpointId} has it`;
    plan.steps.push({ kind: 'write-note', tableId: table.id, key, value: text, subject, says });
  }
  const step = copyNote(place, note, there?.target, world, plan);
  if (!step) {
    const says = `its tag ${key} has no copy, for every endpoint has ${TAGS_AT_MOST} tags: if that is lost, so is the way back`;
    plan.refused.push({ subject, for: says });
    return;
  }
  const isThere = (copy: Copy) =>
    copy.endpointId === step.endpointId && copy.note.text === text && copy.note.by === 'us';
  if (!copies.some(isThere)) plan.steps.push(step);
}

/** Tells those who want a route what it was taken over from; and that this is lost, if only their status knows of it. */
export function tellFormer({ table, destination, want, ours }: Place): void {
  if (!ours || !want || want.direct) return;
  const note = table.former.get(destination);
  for (const asker of want.askers) {
    if (note && !note.gone) asker.takenOver.push(destination);
    if (note || !saysTakenOver(asker.subnet, table.id, destination)) continue;
    const text = `where ${destination} in ${table.id} led before it was taken over is lost with its notes: opted out, it is deleted`;
    asker.problems.push({ kind: 'conflict', text });
  }
}

/** Whether a subnet's status does, or says that very loss. */
function saysTakenOver({ memory: { takenOver } }: Subnet, tableId: string, destination: string): boolean {
  return takenOver?.tableId === tableId && takenOver.destinations.includes(destination);
}

/** Onto the endpoint that the route leads to, if that has room for one more tag, else onto any other. */
export function copyNote(
  { table, destination }: Place,
  { key, text }: Pick<Note, 'key' | 'text'>,
  preferred: string | undefined,
  { endpoints }: SubnetsWorld,
  { steps }: Plan<SubnetsStep>,
): Extract<SubnetsStep, { kind: 'copy-note' }> | undefined {
  const pending = (id: string) => steps.filter((step) => step.kind === 'copy-note' && step.endpointId === id).length;
  const holds = (id: string) => table.copies.get(destination)?.some(({ endpointId }) => endpointId === id) ?? false;
  const able = endpoints.filter(
    (each) => isLive(each) && (holds(each.id) || each.tagCount + pending(each.id) < TAGS_AT_MOST),
  );
  const endpointId = (able.find(({ id }) => id === preferred) ?? able.toSorted((a, b) => (a.id < b.id ? -1 : 1))[0])
    ?.id;
  if (endpointId === undefined) return undefined;
  const subject = `${table.id} ${destination}`;
  const says = `${endpointId}: a tag copies what ${table.id} notes for ${destination}`;
  return { kind: 'copy-note', endpointId, tableId: table.id, destination, key, value: text, subject, says };
}

/** What stands on an endpoint that goes, goes with it. */
function erase(
  copy: Copy,
  { table, destination, ours }: Place,
  { endpoints, now }: SubnetsWorld,
  { steps, waiting }: Plan<SubnetsStep>,
): void {
  const { endpointId, key, value, note } = copy;
  if (!endpoints.some(({ id, state }) => id === endpointId && state !== 'deleting')) return;
  const subject = `${table.id} ${destination}`;
  const until = ours ? 0 : note.at + NOTE_AGE_MS;
  if (until > now) waiting.push({ subject, for: 'the moment when the copy of its tag can be erased', until });
  else steps.push({ kind: 'erase-copy', endpointId, key, value, subject, says: `${endpointId}: ${key} is erased` });
}
