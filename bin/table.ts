import { width } from '../shared/plain.ts';

interface Room {
  /** The terminal's width; undefined where lines may be as long as they are. */
  columns?: number | undefined;
  /** Names of the columns, painted. */
  heading?: readonly string[];
}

/** So much of a line is enough for sentences in the last column. */
const ENOUGH = 24;

/**
 * Lines with columns as wide as they need to be. Cells may be painted. Where that is more than the terminal has, the last
 * column goes on in the next line; and where that has no room, each row is some lines, one for each cell.
 */
export function table(rows: readonly (readonly string[])[], { columns, heading }: Room = {}): string[] {
  const all = heading ? [heading, ...rows] : rows;
  const count = Math.max(0, ...all.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) => Math.max(...all.map((row) => width(row[at] ?? ''))));
  const indent = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0);
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd();
  if (columns === undefined || indent + (widths.at(-1) ?? 0) <= columns) return all.map(line);
  const room = columns - indent;
  if (room >= ENOUGH)
    return all.flatMap((row) => {
      const [first = '', ...more] = row.length < count ? [row.at(-1) ?? ''] : wrapped(row.at(-1) ?? '', room);
      return [line([...row.slice(0, -1), first]), ...more.map((text) => ' '.repeat(indent) + text)];
    });
  return rows.flatMap((row, at) => [...(heading && at > 0 ? [''] : []), ...stacked(row, columns, heading)]);
}

/** A row as lines: each cell under its heading's name, or all but the first below it. */
function stacked(row: readonly string[], columns: number, heading: readonly string[] | undefined): string[] {
  const names = Math.max(0, ...(heading ?? []).map(width));
  return row.flatMap((cell, at) => {
    if (cell === '') return [];
    const name = heading?.[at] ?? '';
    const before = heading ? name + ' '.repeat(names - width(name) + 2) : at === 0 ? '' : '  ';
    const indent = ' '.repeat(width(before));
    return wrapped(cell, columns - indent.length).map((text, line) => (line === 0 ? before : indent) + text);
  });
}

/** Broken between words; what is one word stays whole, to be copied. */
function wrapped(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && width(`${last} ${word}`) <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
