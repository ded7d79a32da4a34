/** A tag of ours that says something, and since when: `TEXT TIME`, then its seal. */
export interface Note {
  text: string;
  /** Milliseconds since the epoch. */
  at: number;
}

export const formatNote = ({ text, at }: Note) => `${text} ${new Date(at).toISOString()}`;

/** A note's text, without its seal; undefined if it has no time. Route tables had `TEXT since TIME` until the version before this. */
export function readNote(value: string | undefined): Note | undefined {
  const [, text = '', time] = value === undefined ? [] : (/^(.*?)(?: since)? (\S+)$/.exec(value) ?? []);
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? undefined : { text, at };
}
