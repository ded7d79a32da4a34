import { type FilteredLogEvent, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import type { Style } from '../../shared/plain.ts';
import { type Command, EXIT, type Given, json, UsageError } from '../command.ts';
import { type Deployed, functionsOf } from '../deployed.ts';
import type { LogLine, Versioned } from '../json.ts';
import { table } from '../table.ts';

const REFRESH_MS = 2_000;
/** CloudWatch shows a line some seconds after it was written: it is looked for so far back, and told once. */
const LATE_MS = 30_000;
const HOUR_MS = 3600_000;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS };

const STYLES: Readonly<Record<string, Style>> = { WARN: 'yellow', ERROR: 'red', CRITICAL: 'red' };

type Line = Omit<LogLine, keyof Versioned>;

export const log: Command = {
  args: ['[subject]'],
  summary: 'what the functions logged, of a subnet or router alone if it is named',
  options: { ...json, since: { type: 'string' }, follow: { type: 'boolean', short: 'f' } },
  check({ args: [subject = ''], options }) {
    // CloudWatch takes a phrase in quotes, and no quotes in it.
    if (/["\\]/.test(subject)) throw new UsageError(`${subject} has a quote or backslash: give an id or a name`);
    ago(options);
  },
  async run({ args: [subject], options, stack, terminal, document }: Given) {
    const told = new Set<string>();
    const began = stack.now() - ago(options);
    for (let from = began; ; from = stack.now() - LATE_MS) {
      const lines = (await read(stack, subject, Math.max(began, from))).filter(({ id }) => !told.has(id));
      for (const { id } of lines) told.add(id);
      if (options.json) lines.forEach(document);
      else terminal.out(...shown(lines, options.wide === true, terminal));
      if (!options.follow) {
        if (lines.length === 0)
          terminal.err(`Nothing was logged${subject ? ` of ${subject}` : ''} since ${time(began)}.`);
        return EXIT.ok;
      }
      await terminal.sleep(REFRESH_MS);
    }
  },
};

/** Milliseconds for which it is looked back. */
export function ago({ since = '1h' }: Given['options']): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(String(since)) ?? [];
  const factor = UNITS[unit];
  if (!factor || Number(count) === 0)
    throw new UsageError(`--since=${since} is no time that has passed: it takes 30s, 10m, 2h, 3d`);
  return Number(count) * factor;
}

async function read(stack: Deployed, subject: string | undefined, startTime: number): Promise<Line[]> {
  const { clients, name } = stack;
  const groups = functionsOf(stack).map(async (suffix) => {
    const lines: Line[] = [];
    const query = {
      ...{ logGroupName: `/aws/lambda/${name}-${suffix}`, startTime },
      ...(subject && { filterPattern: `"${subject}"` }),
    };
    for await (const { events = [] } of paginateFilterLogEvents({ client: clients.logs }, query))
      lines.push(...events.flatMap((event) => lineOf(suffix, event)));
    return lines;
  });
  return (await Promise.all(groups)).flat().toSorted((a, b) => a.at - b.at);
}

/** Lambda's runtime writes of a failure in tabs: time, request, level, words, and the error as JSON. https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html */
const OF_RUNTIME = /^\S+Z\t\S+\t([A-Z]+)\t([^\t]*)(?:\t(.*))?$/s;

/** Metrics are lines too, and what Lambda writes of each call says nothing to a person, but of a failure. */
function lineOf(name: string, { eventId = '', timestamp: at = 0, message: text = '' }: FilteredLogEvent): Line[] {
  if (/^(\{"_aws"|(INIT_START|START|END|REPORT) )/.test(text)) return [];
  const { level, message, type } = parsed(text);
  if (typeof type === 'string' && type.startsWith('platform.')) return [];
  if (typeof message === 'string') return [{ id: eventId, at, function: name, level: String(level ?? ''), message }];
  const [, of = '', words = text, error = ''] = OF_RUNTIME.exec(text) ?? [];
  const { errorMessage = error } = parsed(error);
  const told = [words.trim(), String(errorMessage).trim()].filter(Boolean).join(': ');
  return [{ id: eventId, at, function: name, level: of, message: told }];
}

function parsed(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

const time = (at: number) => new Date(at).toISOString().slice(0, 19).replace('T', ' ');

const shown = (lines: readonly Line[], wide: boolean, { paint, columns }: Given['terminal']): string[] =>
  table(
    lines.map(({ id, at, function: name, level, message }) => [
      ...(wide ? [id] : []),
      time(at),
      name,
      STYLES[level] ? paint(STYLES[level], level) : level,
      message,
    ]),
    { columns },
  );
