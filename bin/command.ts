import type { ParseArgsOptionsConfig } from 'node:util';
import type { Deployed, DeployedHub, Place } from './deployed.ts';
import type { Terminal } from './terminal.ts';

/** A command was given these. */
export interface Given {
  args: string[];
  options: Record<string, string | boolean | string[] | undefined>;
  stack: Deployed;
  terminal: Terminal;
  /** Gives a program a document, in place of what people read, where `options.json` says so. */
  document(value: object): void;
}

/** The same of a stack that has routers. */
export type GivenHub = Omit<Given, 'stack'> & { stack: DeployedHub };

export interface Command extends CommandOf<Given> {
  of?: undefined;
}

/** Commands on routers: a spoke has none. */
export interface RoutersCommand extends CommandOf<GivenHub> {
  of: 'routers';
}

/** Commands on a stack that is still to be deployed, or whose functions need not be understood: it has a name and a place. */
export interface Precommand extends CommandOf<Omit<Given, 'stack'> & { stack: Place }> {
  of: 'place';
}

interface CommandOf<G> {
  /** After the name: what must be given, and in brackets what may be. */
  args: readonly string[];
  /** One line for the help. */
  summary: string;
  /** Its own, beside those of all. */
  options: ParseArgsOptionsConfig;
  /** Looks at what was typed, before anything is asked. @throws UsageError */
  check?(typed: Pick<Given, 'args' | 'options'>): void;
  /** Resolves to the exit code. */
  run(given: G): Promise<number>;
}

export const isOptional = (arg: string) => arg.startsWith('[');

/** The command line is wrong: nothing has been asked or done. */
export class UsageError extends Error {}

export const EXIT = {
  ok: 0,
  /** Something went wrong: the message is on standard error. */
  failed: 1,
  /** It went well, and there is something to do: a plan that is not empty, a link that is broken, a finding. */
  todo: 2,
  /** The command line is wrong: EX_USAGE of sysexits.h. */
  usage: 64,
} as const;

/** Options of a command that shows: `--json`, and `--output`, which formats.ts makes `json` and `wide` of. */
export const json = {
  json: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
} as const satisfies ParseArgsOptionsConfig;
export const yes = { yes: { type: 'boolean', short: 'y' } } as const satisfies ParseArgsOptionsConfig;
