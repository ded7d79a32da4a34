import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const { params } = parse(readFileSync(new URL('../serverless.yml', import.meta.url), 'utf8'), {
  logLevel: 'silent',
}) as { params: { default: Record<string, string | number> } };

/** Every parameter of a stack by its name, with what it is where nobody gives another. release/cli.ts writes them into the one file. */
export const defaults: Readonly<Record<string, string | number>> = params.default;
