import { TAGS_AT_MOST } from '../aws/read.ts';
import { type Condition, type Reason, waiting } from '../conditions/condition.ts';
import type { SubnetsConfig } from '../config.ts';
import { formatNote } from '../note.ts';
import type { Part } from '../reconcile/plan.ts';
import { copyNote } from './copies.ts';
import type { DesiredRoute } from './desired-routes.ts';
import { refusalOf, toAll } from './opted-in.ts';
import { NOTE_AGE_MS } from './route-note.ts';
import { aboutSlot, type RouteAction, type RouteSlot } from './route-slots.ts';
import type { SubnetsStep } from './steps.ts';
import { MISSING, type SubnetsWorld, subnetsOf } from './world.ts';

/** Steps of routes, and routes that are held: they should go and cannot. Each names its table, its target and the tag that holds it. */
export interface RouteSteps extends Part<SubnetsStep> {
  held: Condition[];
}

interface Context {
  world: SubnetsWorld;
  config: SubnetsConfig;
  /** Steps before these. */
  planned: readonly SubnetsStep[];
}

/** The steps that an action takes, and for those who want the route what stands against it. */
export function stepsFor(action: RouteAction, slot: RouteSlot, context: Context): Partial<RouteSteps> {
  const { table, destination, desired, actual } = slot;
  const isNone = action === 'wait' || action === 'withdraw';
  const lacks = isNone && desired?.lacksRouter ? toAll(desired.subnets, desired.lacksRouter) : [];
  if (action === 'withdraw') {
    const { conditions = [], ...rest } = withdraw(slot, context);
    return { ...rest, conditions: [...lacks, ...conditions] };
  }
  if (!desired || action === 'nothing' || action === 'wait') return { conditions: lacks };
  if (action !== 'conflict') return write(action, slot, desired, context);
  const { target = '', holder } = actual ?? {};
  const route = { destination, tableId: table.id, target };
  const reason: Reason = holder ? { code: 'route-of-stack', ...route, holder } : { code: 'route-conflict', ...route };
  return { conditions: toAll(desired.subnets, { kind: 'conflict', reason }) };
}

/** A note goes before the route, so that there is never a route of ours that nobody could know for ours. */
function write(
  action: RouteAction,
  slot: RouteSlot,
  desired: DesiredRoute,
  { world, config, planned }: Context,
): Partial<Part<SubnetsStep>> {
  const { table, destination, actual } = slot;
  const [first = ''] = desired.targets;
  const target = (actual?.blackhole && desired.targets.find((each) => each !== actual.target)) || first;
  const steps: SubnetsStep[] = [];
  const about = aboutSlot(slot);
  const note = desired.direct
    ? { prefix: config.directKey, of: target, present: table.directRouteNotes.has(destination) }
    : { prefix: config.formerKey, of: actual?.target ?? '', present: table.takeoverNotes.get(destination)?.onTable };
  const key = `${note.prefix}:${destination}`;
  // An endpoint of ours that lost its tag is no former way: what is noted already is.
  const former = table.takeoverNotes.get(destination);
  const noted = !desired.direct && former && !former.gone && actual && world.connected.has(actual.target);
  if (!noted && (desired.direct || action === 'take over')) {
    const present = note.present || table.forged.get(destination)?.includes(key);
    if (!present && table.tagCount >= TAGS_AT_MOST) {
      const reason = { code: 'no-room-for-note', destination, tableId: table.id, tags: table.tagCount } as const;
      return { conditions: toAll(desired.subnets, { kind: 'conflict', reason }) };
    }
    // The time makes it another value than any before: who would erase that one does not hit this.
    const text = formatNote({ text: note.of, at: world.now });
    const context = { why: 'route', destination, target: note.of } as const;
    steps.push({ kind: 'write-note', tableId: table.id, key, value: text, about, context });
    const copy = desired.direct ? undefined : copyNote(slot, { key, text }, target, world, planned);
    if (copy) steps.push(copy);
  }
  steps.push({
    kind: action === 'create' ? 'create-route' : 'replace-route',
    tableId: table.id,
    destination,
    target,
    about,
    before: actual?.target ?? MISSING,
    after: target,
    ...(actual?.blackhole && { tentative: true }),
    context: {
      asking: desired.subnets.map((optedIn) => optedIn.about.label),
      router: desired.router,
      bystanders: bystanders(slot, desired, world),
    },
  });
  const reasons = steps.flatMap((each) => refusalOf(each, world));
  return { steps, conditions: reasons.flatMap((reason) => toAll(desired.subnets, reason)) };
}

/** Subnets that a route serves although they have no tag. */
const bystanders = ({ table }: RouteSlot, { subnets: optedInSubnets }: DesiredRoute, world: SubnetsWorld) =>
  subnetsOf(table, world).filter(({ id }) => optedInSubnets.every(({ subnet }) => subnet.id !== id));

function withdraw(slot: RouteSlot, { world, config }: Context): Partial<RouteSteps> {
  const { table, destination, actual, alive } = slot;
  const about = aboutSlot(slot);
  const target = actual?.target ?? MISSING;
  const route = { destination, tableId: table.id };
  const former = table.takeoverNotes.get(destination);
  const foreign = former ? undefined : table.foreignNotes.get(destination);
  const key = `${config.formerKey}:${destination}`;
  const forged = !former && table.forged.get(destination)?.includes(key);
  const holds = { ...about, ids: [table.id, target, key] };
  if (!actual?.local && (former?.gone || foreign || forged) && alive) {
    const reason: Reason = forged
      ? { code: 'noted-by-nobody', ...route, key }
      : foreign
        ? { code: 'noted-by-another-key', ...route, key: foreign }
        : { code: 'former-target-gone', ...route, target: former?.target ?? '', key };
    const condition: Condition = { about: holds, kind: 'blocked', reason };
    return { conditions: [condition], held: [condition] };
  }
  const step = wayBack(slot, target);
  const held = refusalOf(step, world).map(({ reason }): Condition => {
    return { about: holds, kind: 'blocked', reason: { ...reason, code: 'route-stays', ...route } };
  });
  return { steps: [step], held };
}

function wayBack(slot: RouteSlot, before: string): SubnetsStep {
  const { table, destination, actual } = slot;
  const route = { tableId: table.id, destination, about: aboutSlot(slot), before };
  const former = table.takeoverNotes.get(destination);
  if (actual?.local) return { ...route, kind: 'reset-route', after: 'local' };
  if (former && !former.gone) return { ...route, kind: 'restore-route', note: former, after: former.target };
  return { ...route, kind: 'delete-route', after: MISSING };
}

/** Erases notes on routes that are not ours, and are not to be; gives the others their seal. */
export function keepNotes(slot: RouteSlot, { now }: SubnetsWorld): Part<SubnetsStep> {
  const { table, destination, desired, actual, ours } = slot;
  const [noted, noteOfDirect] = [table.takeoverNotes.get(destination), table.directRouteNotes.get(destination)];
  const former = ours || desired?.takeover ? undefined : noted;
  const direct = ours || (desired?.direct && !actual) ? undefined : noteOfDirect;
  const about = aboutSlot(slot);
  const tableId = table.id;
  const sealed = [noted, noteOfDirect].flatMap((note): SubnetsStep[] => {
    if (!note || note === former || note === direct || note.by === 'us') return [];
    const { key, text: value } = note;
    return [{ kind: 'write-note', tableId, key, value, about, context: { why: 'unsealed' } }];
  });
  const over = [former, direct].flatMap((note) => (note?.onTable ? [note] : []));
  const isDue = ({ at }: { at: number }) => at + NOTE_AGE_MS <= now;
  return {
    steps: [
      ...sealed,
      ...over.filter(isDue).map((note): SubnetsStep => ({ kind: 'erase-note', tableId, note, about })),
    ],
    conditions: over
      .filter((note) => !isDue(note))
      .map(({ at }) => waiting(about, { code: 'note-erasable' }, at + NOTE_AGE_MS)),
  };
}
