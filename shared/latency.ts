import type { Hint } from './events.ts';

/** Something on its way, from a beginning that is timed to an end that is: from tag to route, from launch to health. */
export interface Timed {
  id: string;
  /** It began then, in milliseconds since the epoch, if AWS remembers. */
  since?: number;
  arrived: boolean;
  /** The VPC that it is of, where there are several. */
  vpcId?: string | undefined;
}

export type Arrival = Timed & { seconds: number };

/**
 * Times what is on its way from look to look. AWS does not keep when it arrived, so only that is timed that this process saw
 * begin: what was there at its first look, unless that look was woken for it, and what arrived before are not.
 */
export function latencyTracker() {
  /** Subnets or routers on their way, by id, and since when; undefined for one that is not timed, or not any more. */
  const begun = new Map<string, number | undefined>();
  let looked = false;

  /** Takes in one look. Returns what it saw arrive, with its seconds. */
  return function look(timed: readonly Timed[], now: number, woken: Pick<Hint, 'at' | 'ids'>): Arrival[] {
    const arrived: Arrival[] = [];
    for (const each of timed) {
      const { id, since, arrived: here } = each;
      const mine = woken.ids.includes(id);
      if (!begun.has(id)) begun.set(id, mine ? woken.at : looked ? now : undefined);
      const start = begun.get(id);
      if (!here || start === undefined) continue;
      arrived.push({ ...each, seconds: Math.max(0, now - (since ?? start)) / 1000 });
      begun.set(id, undefined);
    }
    for (const id of begun.keys()) if (!timed.some((each) => each.id === id)) begun.delete(id);
    looked = true;
    return arrived;
  };
}
