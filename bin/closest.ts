/** A mistyped word is at most this many keystrokes from the right one. */
const FARTHEST = 2;

/** The one of `words` that was meant by `typed`; undefined if none is near. */
export function closest(typed: string, words: readonly string[]): string | undefined {
  const [nearest] = words
    .map((word) => ({ word, away: distance(typed, word) }))
    .filter(({ word, away }) => away <= FARTHEST && away < word.length / 2)
    .toSorted((a, b) => a.away - b.away);
  return nearest?.word;
}

/** Characters inserted, deleted, replaced, or exchanged with their neighbour: optimal string alignment. */
function distance(a: string, b: string): number {
  let [before, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, exchanged ? at(before, j - 2) + 1 : replaced));
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

const at = (row: readonly number[] | undefined, index: number) => row?.[index] ?? Number.POSITIVE_INFINITY;
