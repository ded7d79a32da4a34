import { code } from '../aws/errors.ts';
import { TAGS_AT_MOST } from '../aws/read.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Plan } from '../reconcile.ts';
import type { Asker, Problem } from './askers.ts';
import { leavingText, sharing, takenOverText } from './memory.ts';
import type { Blocked } from './moves.ts';
import type { SubnetsStep } from './steps.ts';
import { isLeaving, label, type RouteTable, type Subnet, type SubnetsWorld, tableOf } from './world.ts';

/** What it says of that is not written anew in every look of the pass that the attempt caused. */
const RENEW_MS = 600_000;

/** Characters of a tag's value. */
const LONGEST = 256;

const WORST_FIRST: readonly Problem['kind'][] = ['blocked', 'refused', 'conflict', 'waiting'];

/** On each subnet, for the person who tagged it: how its wish stands. Subnets that stand alike are one call. */
export function planStatus(
  world: SubnetsWorld,
  askers: Asker[],
  blocked: Blocked[],
  config: SubnetsConfig,
  plan: Plan<SubnetsStep>,
): void {
  const unfinished = new Set(plan.steps.map((step) => ('tableId' in step ? step.tableId : undefined)));
  const wanted = new Map<Subnet, string | undefined>();
  for (const { subnet, table, problems, endpoint, shares, takenOver } of askers) {
    const worst = worstOf(problems);
    // A route that this look has written, or taken out, is not yet seen to be so.
    if (!worst && unfinished.has(table?.id)) wanted.set(subnet, subnet.status);
    else {
      const how = endpoint && shares ? sharing(endpoint, subnet.zone) : '';
      const text = worst ? `${worst.kind}: ${worst.text}` : ready(table, takenOver);
      wanted.set(subnet, `${text.slice(0, LONGEST - how.length)}${how}`);
    }
  }
  for (const subnet of world.subnets) {
    if (wanted.has(subnet)) continue;
    if (isLeaving(subnet, world)) wanted.set(subnet, leaving(subnet, blocked, world));
    else if (subnet.status !== undefined) {
      const text = blockedIn(subnet, blocked, world);
      if (text || !unfinished.has(tableOf(subnet.id, world)?.id)) wanted.set(subnet, text);
    }
  }
  write(wanted, world, config, plan);
}

function ready(table: RouteTable | undefined, takenOver: string[]): string {
  return table && takenOver.length > 0 ? takenOverText(table.id, takenOver) : 'ready';
}

/** How many subnets stand how. */
export function countStates(askers: Asker[]): Record<string, number> {
  const worst = askers.map(({ problems }) => worstOf(problems)?.kind);
  const count = (kind: Problem['kind'] | undefined) => worst.filter((each) => each === kind).length;
  return {
    OptedIn: askers.length,
    Ready: count(undefined),
    Waiting: count('waiting'),
    Conflicts: count('conflict'),
    Refused: count('refused'),
  };
}

function worstOf(problems: Problem[]): Problem | undefined {
  return WORST_FIRST.flatMap((kind) => problems.filter((problem) => problem.kind === kind))[0];
}

function leaving(subnet: Subnet, blocked: Blocked[], world: SubnetsWorld): string {
  const before = subnet.memory.leavingSince;
  const since = subnet.id === world.undeletable && world.now - before > RENEW_MS ? world.now : before;
  const text = leavingText(since);
  const held = blocked.find(({ target }) =>
    world.endpoints.some(({ id, subnetId }) => id === target && subnetId === subnet.id),
  );
  return held ? `${text}. But blocked: ${held.text}` : text;
}

function blockedIn(subnet: Subnet, blocked: Blocked[], world: SubnetsWorld): string | undefined {
  const mine = blocked.find(({ table }) => table === tableOf(subnet.id, world));
  return mine && `blocked: ${mine.text}`;
}

/** A call for all that stand alike; for each alone of those of whom one that AWS did not name had such a call refused. */
function write(
  wanted: Map<Subnet, string | undefined>,
  world: SubnetsWorld,
  config: SubnetsConfig,
  { steps, refused }: Plan<SubnetsStep>,
): void {
  const changed = [...wanted].filter(([{ status }, text]) => status !== (text && tagValue(text)));
  const full = changed.filter(([subnet, text]) => text !== undefined && isFull(subnet, world));
  for (const [subnet] of full)
    refused.push({
      // Not of the subnet: that is as it should be, and has no room to say so.
      subject: config.statusKey,
      for: `${label(subnet)} has ${TAGS_AT_MOST} tags, which are all that AWS allows, and no room for it: take one away`,
    });
  const suspects = new Set(callsRefused(world).flat());
  const able = changed.filter((each) => !full.includes(each));
  for (const [text, entries] of Map.groupBy(able, ([, status]) => status)) {
    const together = entries.filter(([{ id }]) => !suspects.has(id));
    const alone = entries.filter(([{ id }]) => suspects.has(id)).map((each) => [each]);
    for (const some of together.length > 0 ? [together, ...alone] : alone) {
      const subnetIds = some.map(([{ id }]) => id);
      const whose = some.map(([subnet]) => label(subnet)).join(', ');
      const subject = `the status of ${whose}`;
      if (text === undefined) steps.push({ kind: 'clear-status', subnetIds, subject, says: `${whose}: is opted out` });
      else steps.push({ kind: 'set-status', subnetIds, status: tagValue(text), subject, says: `${whose}: ${text}` });
    }
  }
}

/** By what it has, or by AWS's word of it alone. */
function isFull({ id, status, tagCount }: Subnet, world: SubnetsWorld): boolean {
  if (status !== undefined) return false;
  return tagCount >= TAGS_AT_MOST || callsRefused(world, 'TagLimitExceeded').some((ids) => String(ids) === id);
}

/** The subnets of each call for a status that AWS refused. */
function callsRefused({ refusals }: SubnetsWorld, by?: string): string[][] {
  return [...refusals.values()].flatMap(({ step, error }) =>
    'subnetIds' in step && (by === undefined || code(error) === by) ? [step.subnetIds] : [],
  );
}

/** What AWS takes in a tag's value everywhere: these characters, 256 at most ("Tag naming limits and requirements"). */
function tagValue(text: string): string {
  return text
    .replace(/[^\p{L}\p{N} _.:/=+@-]/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .slice(0, LONGEST);
}
