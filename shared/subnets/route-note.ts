import type { Author } from '../seal.ts';

/** A note is older than this before it is believed that its route is another's: AWS's reads trail its writes. */
export const NOTE_AGE_MS = 60_000;

/** First word of a note whose target is no more. */
export const GONE = 'gone';

/** A tag of ours on a route table: `TARGET TIME`, or `gone TARGET …` once AWS has said that there is no such thing; then its seal. */
export interface RouteNote {
  target: string;
  gone: boolean;
  /** It was written then, in milliseconds since the epoch; 0 if it does not say. */
  at: number;
  /** The tag as it stands. */
  key: string;
  value: string;
  /** Its value without the seal, and whose that is. */
  text: string;
  by: Author;
  /** It stands on the table, and not in a copy alone. */
  onTable: boolean;
}

/** An endpoint's tag copies a table's note. */
export interface Copy {
  endpointId: string;
  /** The tag as it stands. */
  key: string;
  value: string;
  note: RouteNote;
}
