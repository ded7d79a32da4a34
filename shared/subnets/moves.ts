import { TAGS_AT_MOST } from '../aws/read.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Plan } from '../reconcile.ts';
import { type Problem, refusalOf } from './askers.ts';
import { copyNote } from './copies.ts';
import { NOTE_AGE_MS } from './note.ts';
import type { Move, Place } from './route-slots.ts';
import type { SubnetsStep } from './steps.ts';
import type { Want } from './wants.ts';
import { type RouteTable, type SubnetsWorld, several, subnetsOf } from './world.ts';

/** A route that should go and cannot, and why. */
export interface Blocked {
  table: RouteTable;
  /** Where it leads. */
  target: string;
  text: string;
}

interface Context {
  world: SubnetsWorld;
  config: SubnetsConfig;
  plan: Plan<SubnetsStep>;
}

/** How a route is that is not there. */
const MISSING = 'missing';

/** Adds the steps that a move takes to the plan, and tells those who want the route what stands against it. */
export function carryOut(move: Move, place: Place, context: Context): Blocked[] {
  const { table, destination, want, there } = place;
  if (want?.lacksRouter && (move === 'wait' || move === 'withdraw')) tell(want, want.lacksRouter);
  if (move === 'withdraw') return withdraw(place, context);
  if (want && move === 'conflict') {
    const why = there?.holder ? ` of ${there.holder}, and stacks take nothing from each other` : ', which is not ours';
    const text = `${destination} in ${table.id} leads to ${there?.target}${why}`;
    tell(want, { kind: 'conflict', text });
  }
  if (want && (move === 'create' || move === 'replace' || move === 'take over')) write(move, place, want, context);
  return [];
}

/** A note goes before the route, so that there is never a route of ours that nobody could know for ours. */
function write(move: Move, place: Place, want: Want, { world, config, plan }: Context): void {
  const { table, destination, there } = place;
  const [first = ''] = want.targets;
  const target = (there?.blackhole && want.targets.find((each) => each !== there.target)) || first;
  const steps: SubnetsStep[] = [];
  const step = { tableId: table.id, destination, subject: subjectOf(place) };
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
      const text = `${table.id} has ${table.tagCount} tags, and no room for the one that ${destination} needs`;
      tell(want, { kind: 'conflict', text });
      return;
    }
    // The time makes it another value than any before: who would erase that one does not hit this.
    const text = `${note.of} since ${new Date(world.now).toISOString()}`;
    const says = `${table.id}: a tag notes ${note.of} for ${destination}`;
    steps.push({ kind: 'write-note', tableId: table.id, key, value: text, subject: step.subject, says });
    const copy = want.direct ? undefined : copyNote(place, { key, text }, target, world, plan);
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
  plan.steps.push(...steps);
  for (const problem of steps.flatMap((each) => refusalOf(each, world))) tell(want, problem);
}

/** Subnets that a route serves although they have no tag. */
function bystanders({ table }: Place, { askers }: Want, world: SubnetsWorld): string {
  const others = subnetsOf(table, world).filter((subnet) => askers.every((asker) => asker.subnet.id !== subnet.id));
  return others.length > 0 ? `; it also serves ${several(others)}` : '';
}

function withdraw(place: Place, { world, config, plan: { steps, refused } }: Context): Blocked[] {
  const { table, destination, there, alive } = place;
  const subject = subjectOf(place);
  const target = there?.target ?? MISSING;
  const former = table.former.get(destination);
  const stray = former ? undefined : table.strays.get(destination);
  const key = `${config.formerKey}:${destination}`;
  const forged = !former && table.forged.get(destination)?.includes(key);
  if (there?.local) {
    const says = `route ${destination} in ${table.id}, the VPC's own, leads to local again, led to ${target}`;
    return attempt({
      kind: 'reset-route',
      tableId: table.id,
      destination,
      subject,
      before: target,
      after: 'local',
      says,
    });
  }
  if ((former?.gone || stray || forged) && alive) {
    const why = forged
      ? `is noted by ${key}, which this stack did not write: lead the route where it belongs, or delete that tag`
      : stray
        ? `is noted by ${stray}, which is not of this stack's tagKey: give that tag its key, or delete it`
        : `cannot be given back to ${former?.target}, which is gone: lead it elsewhere or delete the tag ${key}`;
    const text = `${destination} in ${table.id} ${why}`;
    refused.push({ subject, for: text });
    return [{ table, target, text }];
  }
  const route = { tableId: table.id, destination, subject, before: target };
  const step: SubnetsStep =
    former && !former.gone
      ? {
          ...route,
          kind: 'restore-route',
          note: former,
          after: former.target,
          says: `route ${destination} in ${table.id} is given back to ${former.target}`,
        }
      : {
          ...route,
          kind: 'delete-route',
          after: MISSING,
          says: `route ${destination} in ${table.id} to ${target} is deleted`,
        };
  return attempt(step);

  function attempt(step: SubnetsStep): Blocked[] {
    steps.push(step);
    return refusalOf(step, world).map(({ text }) => ({
      table,
      target,
      text: `${destination} in ${table.id} waits for ${text}`,
    }));
  }
}

/** Erases notes on routes that are not ours, and are not to be; gives the others their seal. */
export function keepNotes(place: Place, { now }: SubnetsWorld, { steps, waiting }: Plan<SubnetsStep>): void {
  const { table, destination, want, there, ours } = place;
  const former = ours || want?.takeover ? undefined : table.former.get(destination);
  const direct = ours || (want?.direct && !there) ? undefined : table.direct.get(destination);
  const subject = subjectOf(place);
  for (const note of [table.former.get(destination), table.direct.get(destination)]) {
    if (!note || note === former || note === direct || note.by === 'us') continue;
    const { key, text: value } = note;
    const says = `${table.id}: its tag ${key} gets the seal of this stack`;
    steps.push({ kind: 'write-note', tableId: table.id, key, value, subject, says });
  }
  for (const note of [former, direct]) {
    if (!note?.onTable) continue;
    const until = note.at + NOTE_AGE_MS;
    if (until > now) waiting.push({ subject, for: 'the moment when its tag can be erased', until });
    else
      steps.push({ kind: 'erase-note', tableId: table.id, note, subject, says: `${table.id}: ${note.key} is erased` });
  }
}

function tell({ askers }: Want, problem: Problem): void {
  for (const asker of askers) asker.problems.push(problem);
}

/** Steps on one destination of one table depend on each other. */
const subjectOf = ({ table, destination }: Place) => `${table.id} ${destination}`;
