import { width } from '../shared/plain.ts';

interface Room {
  /** The terminal's width; undefined where lines may be as long as they are. */
  columns?: number | undefined;
  /** Names of the columns, painted. */
  heading?: readonly string[];
}

type Row = readonly string[];

/** So much of a line is enough for sentences in the last column. */
const ENOUGH = 24;
const INDENT = 2;

/**
 * Lines with columns as wide as they need to be. Cells may be painted. Where that is more than the terminal has, the last
 * column goes on in the next line; where that has no room, the last columns stand below the others, each row's below its own;
 * and where these have none, each row is some lines, one for each cell.
 */
export function table(rows: readonly Row[], { columns, heading }: Room = {}): string[] {
  const all = heading ? [heading, ...rows] : rows;
  const lines = laid(all, columns) ?? inTwo(all, columns ?? 0);
  if (lines) return lines.flat();
  return rows.flatMap((row, at) => [...(heading && at > 0 ? [''] : []), ...stacked(row, columns ?? 0, heading)]);
}

/** Lines of each row, the last column folded if it must be; undefined where that has no room. */
function laid(rows: readonly Row[], columns = Number.POSITIVE_INFINITY): string[][] | undefined {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) => Math.max(...rows.map((row) => width(row[at] ?? ''))));
  const indent = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0);
  const line = (row: Row) =>
    row
      .map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd();
  if (indent + (widths.at(-1) ?? 0) <= columns) return rows.map((row) => [line(row)]);
  const room = columns - indent;
  if (room < ENOUGH) return undefined;
  return rows.map((row) => {
    const [first = '', ...more] = row.length < count ? [row.at(-1) ?? ''] : wrapped(row.at(-1) ?? '', room);
    return [line([...row.slice(0, -1), first]), ...more.map((text) => ' '.repeat(indent) + text)];
  });
}

/** The same with as many columns in a row's first line as fit there, and the others below it. */
function inTwo(rows: readonly Row[], columns: number): string[][] | undefined {
  const count = Math.max(0, ...rows.map((row) => row.length));
  for (let first = count - 1; first > 0; first--) {
    const above = laid(rows.map((row) => row.slice(0, first)));
    const below = laid(
      rows.map((row) => row.slice(first)),
      columns - INDENT,
    );
    if (!above || !below || above.flat().some((line) => width(line) > columns)) continue;
    const indented = below.map((lines) => lines.map((line) => ' '.repeat(INDENT) + line));
    return above.map((lines, at) => [...lines, ...(indented[at] ?? [])].filter((line) => line.trim() !== ''));
  }
  return undefined;
}

/** A row as lines: each cell under its heading's name, or all but the first below it. */
function stacked(row: Row, columns: number, heading: Row | undefined): string[] {
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
