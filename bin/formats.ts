import { type Given, UsageError } from './command.ts';
import type { Terminal } from './terminal.ts';

/** The schema's version: whoever leaves out, renames or retypes something in bin/json.ts makes it another. */
export const SCHEMA_VERSION = 1;

const FORMATS = ['json', 'yaml', 'wide'] as const;
type Format = (typeof FORMATS)[number];

/** `--output` and `--json` ask for this format; undefined for what people read. @throws UsageError */
export function formatOf({ json, output }: Given['options']): Format | undefined {
  if (output === undefined) return json ? 'json' : undefined;
  const format = FORMATS.find((each) => each === output);
  if (!format) throw new UsageError(`--output=${output} is no form of an answer: it takes ${FORMATS.join(', ')}`);
  if (json && format !== 'json') throw new UsageError(`--json and --output=${output} are two forms: give one of them`);
  return format;
}

/** A command answers in a format by these: its options, its terminal, and what becomes of documents. */
export async function answering(
  format: Format | undefined,
  options: Given['options'],
  terminal: Terminal,
): Promise<Pick<Given, 'options' | 'terminal' | 'document'>> {
  const write = format === 'yaml' ? await yaml() : (value: object) => [JSON.stringify(value)];
  const wide = format === 'wide';
  return {
    options: { ...options, json: format === 'json' || format === 'yaml', wide },
    // What is asked for wide is not folded.
    terminal: wide ? { ...terminal, columns: undefined } : terminal,
    document: (value) => terminal.out(...write(versioned(value))),
  };
}

/** A document says which version of the schema it is of; a list has no place for that. */
export const versioned = (value: object): object =>
  Array.isArray(value) ? value : { schemaVersion: SCHEMA_VERSION, ...value };

/** Each document begins with its mark. In quotes, what a line must not have is escaped as it is in JSON. */
async function yaml(): Promise<(value: object) => string[]> {
  const { stringify } = await import('yaml');
  const options = { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 } as const;
  return (value) => [
    '---',
    ...stringify(value, { ...options, aliasDuplicateObjects: false })
      .trimEnd()
      .split('\n'),
  ];
}
