import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

type Defaults = Readonly<Record<string, string | number>>;

function defaultsIn(file: string): Defaults {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  return (parse(text, { logLevel: 'silent' }) as { params: { default: Defaults } }).params.default;
}

/** Every parameter of a stack by its name, with what it is where nobody gives another. release/cli.ts writes them into the one file. */
export const defaults = defaultsIn('serverless.yml');
/** The same of a spoke. */
export const spokeDefaults = defaultsIn('spoke.yml');
