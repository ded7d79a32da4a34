import type { Ref } from './ref.ts';

export const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** A time for people, to the minute. */
export const minuteOf = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** A step's deed for people who do not know what it is about. */
export const labelled = ({ about }: { about: Ref }, deed: string) => `${about.label}: ${deed}`;

/** The first few by name, the others by their number. */
export function several(labels: readonly string[]): string {
  const more = labels.length - 3;
  return [...labels.slice(0, 3), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** A pause: since when, and why. */
export function pauseSentence({ since, why }: { since?: number | undefined; why: string }): string {
  const from = since === undefined ? '' : ` since ${minuteOf(since)}`;
  return `paused${from}${why ? `: ${why}` : ''}`;
}
