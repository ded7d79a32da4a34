import { TAGS_AT_MOST } from '../aws/read.ts';
import type { SubnetsConfig } from '../config.ts';
import { formatNote, readNote } from '../note.ts';
import type { Serving } from './endpoints.ts';
import type { OptedInSubnet } from './opted-in.ts';
import type { Routes } from './routes.ts';
import type { SubnetsStep } from './steps.ts';
import { isLeaving, label, type Memory, type Subnet, type SubnetsWorld } from './world.ts';

type Keys = Pick<SubnetsConfig, 'leavingKey' | 'servedByKey' | 'takenOverKey'>;

const LEAVES = 'someone tried to delete it';
/** AWS takes 256 characters in a tag's value, and the seal some 30 of them. */
const LONGEST = 220;

const NOTHING: Memory = { leavingSince: 0, servedBy: undefined, takenOver: undefined };

/** @param status may tell the same, of the version before this one, which had no tag for it */
export function memoryOf(notes: Subnet['notes'], status: string | undefined, keys: Keys): Memory {
  const before = status === undefined ? NOTHING : toldBy(status);
  const [tableId = '', ...destinations] = notes.get(keys.takenOverKey)?.text.split(' ') ?? [];
  return {
    leavingSince: readNote(notes.get(keys.leavingKey)?.text)?.at ?? before.leavingSince,
    servedBy: notes.get(keys.servedByKey)?.text ?? before.servedBy,
    takenOver: tableId === '' ? before.takenOver : { tableId, destinations },
  };
}

/** Tags of each subnet are written with what the next look has to know, and erased when it has not any more. */
export function planMemory(
  world: SubnetsWorld,
  optedInSubnets: readonly OptedInSubnet[],
  serving: Serving,
  { takenOver, lost }: Pick<Routes, 'takenOver' | 'lost'>,
  { leavingKey, servedByKey, takenOverKey }: Keys,
): SubnetsStep[] {
  const optedIns = new Map(optedInSubnets.map((optedIn) => [optedIn.subnet, optedIn]));
  return world.subnets.flatMap((subnet) => {
    const at = isLeaving(subnet, world) ? leavingSince(subnet, world) : undefined;
    const optedIn = optedIns.get(subnet);
    const served = optedIn && serving.get(optedIn);
    const taken = optedIn ? [...(takenOver.get(optedIn) ?? []), ...(lost.get(optedIn) ?? [])] : [];
    return [
      ...remember(subnet, leavingKey, at === undefined ? undefined : formatNote({ text: LEAVES, at })),
      ...remember(subnet, servedByKey, served?.shares ? served.endpoint.id : undefined),
      ...remember(subnet, takenOverKey, taken.length > 0 ? [optedIn?.table?.id, ...taken].join(' ') : undefined),
    ];
  });
}

function remember(subnet: Subnet, key: string, text: string | undefined): SubnetsStep[] {
  const { id: subnetId, notes, tagCount } = subnet;
  const note = notes.get(key);
  if (text === undefined && !note) return [];
  const about = { label: `the tag ${key} of ${label(subnet)}`, ids: [subnetId, key] };
  if (text === undefined) return [{ kind: 'erase-memory', subnetId, key, about }];
  const value = text.length > LONGEST ? text.slice(0, text.lastIndexOf(' ', LONGEST)) : text;
  const isThere = note?.text === value && note.by === 'us';
  const isFull = !note && tagCount >= TAGS_AT_MOST;
  return isThere || isFull ? [] : [{ kind: 'write-memory', subnetId, key, value, about }];
}

/** An attempt to delete it is not written anew in every look of the pass that it caused. */
const RENEW_MS = 600_000;

/** Somebody last tried to delete the subnet then, in milliseconds since the epoch. */
export function leavingSince({ id, memory }: Subnet, { deletionAttempted, now }: SubnetsWorld): number {
  return id === deletionAttempted && now - memory.leavingSince > RENEW_MS ? now : memory.leavingSince;
}

const LEAVING = /^leaving since (\S+)/;
const SHARED = /\. Served by (vpce-\S+) of \S+: AWS takes no second endpoint in /;
const TAKEN_OVER = /^ready. Taken over in (\S+): (.*?)(?:\. Served by .*)?$/;
const LOST = /^conflict: where (\S+) in (\S+) led before/;

function toldBy(status: string): Memory {
  const [, tableId, list] = TAKEN_OVER.exec(status) ?? [];
  const [, lost, lostIn] = LOST.exec(status) ?? [];
  return {
    leavingSince: Date.parse(LEAVING.exec(status)?.[1] ?? '') || 0,
    servedBy: SHARED.exec(status)?.[1],
    takenOver:
      tableId !== undefined && list !== undefined
        ? { tableId, destinations: list.split(' ') }
        : lost !== undefined && lostIn !== undefined
          ? { tableId: lostIn, destinations: [lost] }
          : undefined,
  };
}
