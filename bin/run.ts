import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { NoCredentials } from '../local/credentials.ts';
import { watchCalls } from '../shared/aws/calls.ts';
import { type Access, type Clients, isLocal } from './clients.ts';
import { closest } from './closest.ts';
import { type Command, EXIT, isOptional, type Precommand, type RoutersCommand, UsageError } from './command.ts';
import { bundle } from './commands/bundle.ts';
import { config } from './commands/config.ts';
import { doctor } from './commands/doctor.ts';
import { drain } from './commands/drain.ts';
import { explain } from './commands/explain.ts';
import { log } from './commands/log.ts';
import { pause, resume } from './commands/pause.ts';
import { plan } from './commands/plan.ts';
import { precheck } from './commands/precheck.ts';
import { redrive } from './commands/redrive.ts';
import { router } from './commands/router.ts';
import { status } from './commands/status.ts';
import { test } from './commands/test.ts';
import { versions } from './commands/versions.ts';
import { completion, SHELLS, type Shell, type Words } from './completion.ts';
import { awsClock, findStack, hasRouters, hubsRouters, type Place } from './deployed.ts';
import { answering, formatOf } from './formats.ts';
import { explain as explainError } from './person.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

export const COMMANDS: Readonly<Record<string, Command | RoutersCommand | Precommand>> = {
  status,
  plan,
  explain,
  test,
  doctor,
  router,
  log,
  versions,
  config,
  precheck,
  bundle,
  pause,
  resume,
  drain,
  redrive,
};

const COMMON = {
  stack: { type: 'string', short: 's' },
  region: { type: 'string' },
  profile: { type: 'string' },
  endpoint: { type: 'string' },
  'request-timeout': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

const OPTIONS = [
  ['  --stack NAME', 'the stack that was deployed (default ziti-glb-dev; ziti-glb-demo with a local endpoint)'],
  ['  --region NAME', 'where it was deployed; else as for the AWS command line'],
  ['  --profile NAME', 'whose credentials to use; else as for the AWS command line'],
  ['  --endpoint URL', "another AWS, as the demo's: http://127.0.0.1:4780"],
  ['  --request-timeout SECONDS', 'in which AWS has to answer each call (60)'],
  ['  completion SHELL', 'prints a script for bash, zsh or fish that completes all this'],
  ['  --version', 'which version of ziti-glb this is'],
];
const OPTIONS_OF_ONE = [
  ['  status', '--watch', 'go on showing it, until Ctrl-C'],
  ['', '--for=ready', 'wait until all is, --timeout SECONDS (900); 2 if it does not get so'],
  ['  plan', '--with SUBNET=CIDRS', 'if it were tagged so'],
  ['  precheck', '--param NAME=VALUE (-p)', 'as they are to be deployed'],
  ['', '--parameters FILE', 'the same, in a file'],
  ['  log, bundle', '--since 10m', 'how far back (1h)'],
  ['  log', '--follow (-f)', 'go on, until Ctrl-C'],
  ['  all that show', '--output FORM (-o)', 'json (--json) or yaml, for programs; wide'],
  ['  drain, redrive', '--yes (-y)', 'do not ask'],
];

function help(columns: number | undefined): string[] {
  const commands = Object.entries(COMMANDS).map(([name, { args, summary }]) => [
    `  ${[name, ...args.map((arg) => (isOptional(arg) ? arg : `<${arg}>`))].join(' ')}`,
    summary,
  ]);
  const tables = [commands, OPTIONS, OPTIONS_OF_ONE].flatMap((rows) => ['', ...table(rows, { columns })]);
  return [
    'npm run -s ziti-glb -- COMMAND [OPTION ...]',
    ...tables,
    '',
    'All but pause, resume, drain and redrive only read; doctor, router, test and explain with a destination have programs run on routers and clients, which change nothing.',
    'Exit codes: 0 in order, 1 failed, 2 something is to be done, 64 wrong use; status, which only shows, has no 2 without --for.',
  ];
}

const WORDS: Words = {
  commands: [
    ...Object.entries(COMMANDS).map(([name, { summary, options }]) => ({
      ...{ name, summary },
      options: Object.keys(options),
    })),
    { name: 'completion', summary: 'a script that completes all this in a shell', options: [] },
  ],
  options: Object.keys(COMMON),
};

const isUrl = (text: string) => {
  const { protocol = '', username = '', password = '' } = URL.canParse(text) ? new URL(text) : {};
  return /^https?:$/.test(protocol) && username + password === '';
};
/** An option's value has one of these forms, where it is not any text. */
const FORMS = {
  // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
  stack: { is: (text: string) => /^[a-z][a-z0-9-]{0,127}$/i.test(text), wanted: "a stack's name" },
  region: { is: (text: string) => /^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/.test(text), wanted: 'a region like eu-central-1' },
  profile: { is: (text: string) => text !== '', wanted: 'a profile' },
  endpoint: { is: isUrl, wanted: 'a URL like http://127.0.0.1:4780, without a user' },
} as const;

/** Runs one command line. Resolves to the exit code; never rejects. */
export async function run(
  argv: readonly string[],
  terminal: Terminal,
  clientsOf: (access: Access) => Clients,
): Promise<number> {
  let access: Access = {};
  let failing = '';
  try {
    const parsed = parse(argv);
    if (parsed === 'help') {
      terminal.out(...help(terminal.columns));
      return EXIT.ok;
    }
    if (parsed === 'version') {
      terminal.out(`ziti-glb ${version}`);
      return EXIT.ok;
    }
    if ('shell' in parsed) {
      terminal.out(...completion(parsed.shell, WORDS));
      return EXIT.ok;
    }
    const { name, command, args, options, format, stack } = parsed;
    access = parsed.access;
    const clients = clientsOf(access);
    let calls = 0;
    for (const client of Object.values(clients)) {
      watchCalls(client, ({ action, error }) => {
        if (error) failing = action;
        calls += 1;
        terminal.progress(`asking AWS: ${action} (${calls})`);
      });
    }
    const answers = await answering(format, options, terminal);
    const place: Place = { name: stack, clients, now: awsClock(clients) };
    if (command.of === 'place') return await command.run({ args, ...answers, stack: place });
    const found = await findStack(place);
    if (command.of === undefined) return await command.run({ args, ...answers, stack: found });
    if (hasRouters(found)) return await command.run({ args, ...answers, stack: found });
    throw new UsageError(`${name} is of routers, and ${stack} has none: ${hubsRouters(found)}`);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(error.message, '', 'See: npm run -s ziti-glb -- --help');
      return EXIT.usage;
    }
    // The SDK looks for one only when it is about to ask.
    if (error instanceof Error && error.message === 'Region is missing') {
      terminal.err('It is not said where the stack is: add --region, as in --region eu-central-1, or set AWS_REGION.');
      return EXIT.usage;
    }
    if (error instanceof NoCredentials) {
      terminal.err(terminal.paint('red', error.message));
      return EXIT.failed;
    }
    const { endpoint, profile } = access;
    const nobody = isLocal(endpoint) && Object(error).code === 'ECONNREFUSED';
    const text = nobody
      ? `Nobody listens at ${endpoint}. Start a demo that stays: npm run demo -- --keep`
      : explainError(error, profile ?? process.env.AWS_PROFILE);
    const waiting = Object(error).name === 'TimeoutError' ? `${failing} was not answered in time. ` : '';
    terminal.err(terminal.paint('red', waiting + text));
    return EXIT.failed;
  }
}

function parse(argv: readonly string[]) {
  const loose = parseArgs({ args: [...argv], options: COMMON, strict: false, allowPositionals: true });
  const [name] = loose.positionals;
  // A value like -1h would be the options -1 and -h to it.
  const end = argv.indexOf('--');
  const says = (...words: string[]) => argv.slice(0, end < 0 ? undefined : end).some((arg) => words.includes(arg));
  if (says('--help', '-h') || name === 'help') return 'help';
  if (says('--version')) return 'version';
  if (name === undefined) {
    const all = Object.assign({}, COMMON, ...Object.values(COMMANDS).map(({ options }) => options));
    if (strictly(argv, all).values.help) return 'help';
    throw new UsageError(`no command is given: ${Object.keys(COMMANDS).join(', ')}`);
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (name === 'completion') return completionOf(loose.positionals.slice(1));
  if (!command) {
    const meant = closest(
      name,
      WORDS.commands.map((each) => each.name),
    );
    const others = `there is no command ${name}: ${Object.keys(COMMANDS).join(', ')}`;
    throw new UsageError(meant ? `${others}. Did you mean ${meant}?` : others);
  }

  const { values, positionals } = strictly(argv, { ...COMMON, ...command.options });
  // It may stand among other letters behind one hyphen.
  if (values.help) return 'help';
  const args = positionals.slice(1);
  const required = command.args.filter((arg) => !isOptional(arg));
  if (args.length < required.length || args.length > command.args.length) {
    const wanted = command.args.map((arg) => `${isOptional(arg) ? 'at most ' : ''}one ${arg}`).join(', ');
    const more = args.slice(command.args.length);
    throw new UsageError(
      `${name} takes ${wanted || 'nothing more'}${more.length > 0 ? `, and is given more: ${more.join(' ')}` : ''}`,
    );
  }
  if (args.includes('')) throw new UsageError(`${name} was given an empty text: is a variable empty?`);
  const format = formatOf(values);
  command.check?.({ args, options: values });
  const given = (option: keyof typeof FORMS | 'request-timeout') => {
    const value = values[option];
    return typeof value === 'string' ? value : undefined;
  };
  for (const [option, { is, wanted }] of Object.entries(FORMS)) {
    const value = given(option as keyof typeof FORMS);
    // A user in a URL may have a password.
    if (value !== undefined && !is(value))
      throw new UsageError(`--${option}${value.includes('@') ? '' : `=${value}`} is not ${wanted}`);
  }
  const endpoint = given('endpoint') ?? (process.env.AWS_ENDPOINT_URL || undefined);
  if (endpoint !== undefined && !isUrl(endpoint))
    throw new UsageError(`AWS_ENDPOINT_URL is not ${FORMS.endpoint.wanted}`);
  const timeout = given('request-timeout') ?? '60';
  if (!/^\d{1,3}$/.test(timeout) || Number(timeout) < 1 || Number(timeout) > 600)
    throw new UsageError(`--request-timeout=${timeout} is no number of seconds from 1 to 600`);
  return {
    name,
    command,
    args,
    options: values,
    format,
    stack: given('stack') ?? (isLocal(endpoint) ? 'ziti-glb-demo' : 'ziti-glb-dev'),
    access: { region: given('region'), profile: given('profile'), endpoint, timeout: Number(timeout) } satisfies Access,
  };
}

function completionOf([name = '', ...more]: string[]): { shell: Shell } {
  const shell = SHELLS.find((each) => each === name);
  if (!shell || more.length > 0) throw new UsageError(`completion takes one shell: ${SHELLS.join(', ')}`);
  return { shell };
}

function strictly(argv: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    const { values, positionals, tokens } = parseArgs({
      args: [...argv],
      options,
      allowPositionals: true,
      tokens: true,
    });
    checkOnce(tokens, options);
    checkHyphens(positionals);
    return {
      positionals,
      values: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, one(value, options[key])])),
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { message = String(error) } = Object(error);
    const [, unknown = ''] = /^Unknown option '--([^']+)'/.exec(message) ?? [];
    const meant = closest(unknown, Object.keys(options));
    const says = message.replace(/\.\s.*/s, '');
    throw new UsageError(meant ? `${says}. Did you mean --${meant}?` : says);
  }
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

/** `parseArgs` would take the last of two values, which may be another region than was meant. */
function checkOnce(tokens: readonly Token[], options: ParseArgsOptionsConfig): void {
  const given = tokens.flatMap((token) =>
    token.kind === 'option' && token.value !== undefined && !options[token.name]?.multiple ? [token] : [],
  );
  const twice = given.find(({ name }, at) => given.findIndex((other) => other.name === name) < at);
  if (!twice) return;
  const values = given.filter(({ name }) => name === twice.name).map(({ value }) => value);
  // A user in a URL may have a password.
  const shown = values.some((value) => value?.includes('@')) ? '' : `: ${values.join(', ')}`;
  throw new UsageError(`--${twice.name} is given more than once${shown}`);
}

/** Word processors make dashes of hyphens, which are in no option. */
function checkHyphens(positionals: readonly string[]): void {
  const dashed = positionals.find((arg) => /^[-\u2010-\u2015\u2212]*[\u2010-\u2015\u2212]/.test(arg));
  if (dashed === undefined) return;
  const name = dashed.replace(/^[-\u2010-\u2015\u2212]+/, '');
  const meant = `${name.length > 1 ? '--' : '-'}${name}`;
  throw new UsageError(`${dashed} begins with a dash, and options with hyphens: ${meant}`);
}

type Value = string | boolean | (string | boolean)[] | undefined;

/** All of an option that may be given more than once. */
const one = (value: Value, declared: ParseArgsOptionsConfig[string] | undefined) =>
  !Array.isArray(value) ? value : declared?.multiple ? value.map(String) : value[0];
