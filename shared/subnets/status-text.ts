import type { Obstacle } from '../conditions/condition.ts';
import { reasonText } from '../conditions/sentences.ts';
import type { Subnet } from './world.ts';

/** Characters of a tag's value. */
export const LONGEST = 256;

/** A status tag tells this of a subnet. */
interface Standing {
  /** It stands for all that are in the way; if there is none, nothing is. */
  condition?: Obstacle | undefined;
  /** Someone tried to delete it then, in milliseconds since the epoch. */
  leavingSince?: number;
  /** Destinations of its table that led elsewhere before. */
  takenOver?: Subnet['memory']['takenOver'];
  /** The endpoint of another subnet that serves it. */
  servedBy?: { id: string; subnetId: string } | undefined;
  zone?: string;
}

/** The text of a subnet's status tag. */
export function statusText({ condition, leavingSince, takenOver, servedBy, zone }: Standing): string {
  const stands = condition && `${condition.kind}: ${reasonText(condition.reason)}`;
  if (leavingSince !== undefined)
    return `leaving since ${new Date(leavingSince).toISOString()} because someone tried to delete it${stands ? `. But ${stands}` : ''}`;
  const ready = takenOver ? `ready. Taken over in ${takenOver.tableId}: ${takenOver.destinations.join(' ')}` : 'ready';
  const text = stands ?? ready;
  if (!servedBy) return text;
  const how = `. Served by ${servedBy.id} of ${servedBy.subnetId}: AWS takes no second endpoint in ${zone}`;
  return `${text.slice(0, LONGEST - how.length)}${how}`;
}

/** AWS takes these characters in a tag's value everywhere, 256 at most ("Tag naming limits and requirements"). */
export function tagValue(text: string): string {
  return text
    .replace(/[^\p{L}\p{N} _.:/=+@-]/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .slice(0, LONGEST);
}
