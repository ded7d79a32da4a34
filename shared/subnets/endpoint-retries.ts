import { type Endpoint, hasEnded } from './world.ts';

/**
 * An endpoint that ended is followed by the next so long after its creation, by how many have ended. So many are kept
 * until one is available: they are all that remembers the tries.
 */
const RETRY_MS = [60_000, 600_000, 3_600_000];

export const MOST_TRIES = RETRY_MS.length;

/** The next try after this endpoint, when so many have ended. In milliseconds since the epoch. */
export const triedAgainAt = ({ createdAt }: Endpoint, tries: number) => createdAt + (RETRY_MS[tries - 1] ?? 0);

/** The newest of those that ended, the newest first: as many as there are pauses. */
export function lastEnded(there: readonly Endpoint[]): Endpoint[] {
  return there
    .filter(hasEnded)
    .toSorted((a, b) => b.createdAt - a.createdAt)
    .slice(0, MOST_TRIES);
}
