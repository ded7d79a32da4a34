import { TAGS_AT_MOST } from '../aws/read.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Condition, Part } from '../reconcile.ts';
import { refusalOf, toAll } from './askers.ts';
import { copyNote } from './copies.ts';
import { NOTE_AGE_MS } from './note.ts';
import { aboutSlot, type Move, type Place } from './route-slots.ts';
import type { SubnetsStep } from './steps.ts';
import type { Want } from './wants.ts';
import { type SubnetsWorld, several, subnetsOf } from './world.ts';

/** What a move takes, and what is held: a route that should go and cannot, by the ids of its table, its target and the tag that holds it. */
export interface Carried extends Part<SubnetsStep> {
  held: Condition[];
}

interface Context {
  world: SubnetsWorld;
  config: SubnetsConfig;
  /** Steps before these. */
  planned: readonly SubnetsStep[];
}

/** How a route is that is not there. */
const MISSING = 'missing';

/** The steps that a move takes, and for those who want the route what stands against it. */
export function carryOut(move: Move, place: Place, context: Context): Carried {
  const { table, destination, want, there } = place;
  const lacks =
    want?.lacksRouter && (move === 'wait' || move === 'withdraw') ? toAll(want.askers, want.lacksRouter) : [];
  if (move === 'withdraw') {
    const { steps, conditions, held } = withdraw(place, context);
    return { steps, conditions: [...lacks, ...conditions], held };
  }
  if (want && move === 'conflict') {
    const why = there?.holder ? ` of ${there.holder}, and stacks take nothing from each other` : ', which is not ours';
    const message = `${destination} in ${table.id} leads to ${there?.target}${why}`;
    return { steps: [], conditions: toAll(want.askers, { kind: 'conflict', message }), held: [] };
  }
  if (want && (move === 'create' || move === 'replace' || move === 'take over'))
    return { ...write(move, place, want, context), held: [] };
  return { steps: [], conditions: lacks, held: [] };
}

/** A note goes before the route, so that there is never a route of ours that nobody could know for ours. */
function write(move: Move, place: Place, want: Want, { world, config, planned }: Context): Part<SubnetsStep> {
  const { table, destination, there } = place;
  const [first = ''] = want.targets;
  const target = (there?.blackhole && want.targets.find((each) => each !== there.target)) || first;
  const steps: SubnetsStep[] = [];
  const step = { tableId: table.id, destination, subject: aboutSlot(place).label };
  const note = want.direct
    ? { prefix: config.directKey, of: target, present: table.direct.has(destination) }
    : { prefix: config.formerKey, of: there?.target ?? '', present: table.former.get(destination)?.onTable };
  const key = `${note.prefix}:${destination}`;
  // An endpoint of ours that lost its tag is no former way: what is noted already is.
  const former = table.former.get(destination);
  const noted = !want.direct && former && !former.gone && there && world.connected.has(there.target);
  if (!noted && (want.direct || move === 'take over')) {
    const present = note.present || table.forged.get(destination)?.includes(key);
    if (!present && table.tagCount >= TAGS_AT_MOST) {
      const message = `${table.id} has ${table.tagCount} tags, and no room for the one that ${destination} needs`;
      return { steps: [], conditions: toAll(want.askers, { kind: 'conflict', message }) };
    }
    // The time makes it another value than any before: who would erase that one does not hit this.
    const text = `${note.of} since ${new Date(world.now).toISOString()}`;
    const says = `${table.id}: a tag notes ${note.of} for ${destination}`;
    steps.push({ kind: 'write-note', tableId: table.id, key, value: text, subject: step.subject, says });
    const copy = want.direct ? undefined : copyNote(place, { key, text }, target, world, planned);
    if (copy) steps.push(copy);
  }
  steps.push({
    ...step,
    kind: move === 'create' ? 'create-route' : 'replace-route',
    target,
    before: there?.target ?? MISSING,
    after: target,
    ...(there?.blackhole && { tentative: true }),
    says: `${want.by}: route ${destination} in ${table.id} now leads to ${target}, ${there ? `led to ${there.target}` : 'was missing'}${bystanders(place, want, world)}`,
  });
  const refusals = steps.flatMap((each) => refusalOf(each, world));
  return { steps, conditions: refusals.flatMap((reason) => toAll(want.askers, reason)) };
}

/** Subnets that a route serves although they have no tag. */
function bystanders({ table }: Place, { askers }: Want, world: SubnetsWorld): string {
  const others = subnetsOf(table, world).filter((subnet) => askers.every((asker) => asker.subnet.id !== subnet.id));
  return others.length > 0 ? `; it also serves ${several(others)}` : '';
}

function withdraw(place: Place, { world, config }: Context): Carried {
  const { table, destination, there, alive } = place;
  const about = aboutSlot(place);
  const target = there?.target ?? MISSING;
  const former = table.former.get(destination);
  const stray = former ? undefined : table.strays.get(destination);
  const key = `${config.formerKey}:${destination}`;
  const forged = !former && table.forged.get(destination)?.includes(key);
  const holds = { ...about, ids: [table.id, target, key] };
  if (!there?.local && (former?.gone || stray || forged) && alive) {
    const why = forged
      ? `is noted by ${key}, which this stack did not write: lead the route where it belongs, or delete that tag`
      : stray
        ? `is noted by ${stray}, which is not of this stack's tagKey: give that tag its key, or delete it`
        : `cannot be given back to ${former?.target}, which is gone: lead it elsewhere or delete the tag ${key}`;
    const condition: Condition = { about: holds, kind: 'blocked', message: `${destination} in ${table.id} ${why}` };
    return { steps: [], conditions: [condition], held: [condition] };
  }
  const step = wayBack(place, target);
  const held = refusalOf(step, world).map(
    ({ message }): Condition => ({
      about: holds,
      kind: 'blocked',
      message: `${destination} in ${table.id} waits for ${message}`,
    }),
  );
  return { steps: [step], conditions: [], held };
}

function wayBack(place: Place, before: string): SubnetsStep {
  const { table, destination, there } = place;
  const route = { tableId: table.id, destination, subject: aboutSlot(place).label, before };
  const former = table.former.get(destination);
  const which = `route ${destination} in ${table.id}`;
  if (there?.local) {
    const says = `${which}, the VPC's own, leads to local again, led to ${before}`;
    return { ...route, kind: 'reset-route', after: 'local', says };
  }
  if (former && !former.gone) {
    const says = `${which} is given back to ${former.target}`;
    return { ...route, kind: 'restore-route', note: former, after: former.target, says };
  }
  return { ...route, kind: 'delete-route', after: MISSING, says: `${which} to ${before} is deleted` };
}

/** Erases notes on routes that are not ours, and are not to be; gives the others their seal. */
export function keepNotes(place: Place, { now }: SubnetsWorld): Part<SubnetsStep> {
  const { table, destination, want, there, ours } = place;
  const [noted, noteOfDirect] = [table.former.get(destination), table.direct.get(destination)];
  const former = ours || want?.takeover ? undefined : noted;
  const direct = ours || (want?.direct && !there) ? undefined : noteOfDirect;
  const about = aboutSlot(place);
  const { label: subject } = about;
  const tableId = table.id;
  const sealed = [noted, noteOfDirect].flatMap((note): SubnetsStep[] => {
    if (!note || note === former || note === direct || note.by === 'us') return [];
    const { key, text: value } = note;
    return [
      {
        kind: 'write-note',
        tableId,
        key,
        value,
        subject,
        says: `${tableId}: its tag ${key} gets the seal of this stack`,
      },
    ];
  });
  const over = [former, direct].flatMap((note) => (note?.onTable ? [note] : []));
  const isDue = ({ at }: { at: number }) => at + NOTE_AGE_MS <= now;
  return {
    steps: [
      ...sealed,
      ...over.filter(isDue).map(
        (note): SubnetsStep => ({
          kind: 'erase-note',
          tableId,
          note,
          subject,
          says: `${tableId}: ${note.key} is erased`,
        }),
      ),
    ],
    conditions: over
      .filter((note) => !isDue(note))
      .map(({ at }) => ({
        about,
        kind: 'waiting',
        message: 'the moment when its tag can be erased',
        until: at + NOTE_AGE_MS,
      })),
  };
}
