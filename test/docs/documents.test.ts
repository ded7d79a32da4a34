import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import jest from '../../jest.config.js';
import manifest from '../../package.json' with { type: 'json' };
import { parameters, spokeParameters } from '../../resources/parameters.js';
import { reasonText } from '../../shared/conditions/sentences.ts';
import { METRICS } from '../../shared/metrics.ts';
import { REASONS } from '../shared/conditions/reasons.ts';
import { documents, read } from '../support/documents.ts';

const reference = documents.get('docs/reference.md') ?? '';
const runbook = documents.get('docs/runbook.md') ?? '';
const row = (name: string) => reference.split('\n').find((line) => line.startsWith(`| \`${name}`));

/** GitHub makes anchors of headings so. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

test.each([...documents].map(([path, text]) => ({ path, text })))(
  '$path has no link that leads nowhere',
  ({ path, text }) => {
    const links = [...text.matchAll(/(?:\]\(|src(?:set)?=")([^)"\s]+)/g)].map(([, target = '']) => target);
    for (const [file = '', anchor] of links.filter((link) => !/^https?:/.test(link)).map((link) => link.split('#'))) {
      const target = file === '' ? path : join(dirname(path), file);
      expect([target, existsSync(new URL(`../../${target}`, import.meta.url))]).toEqual([target, true]);
      if (anchor !== undefined) expect(anchors(documents.get(target) ?? '')).toContain(anchor);
    }
  },
);

test('the reference has every parameter with its default', () => {
  const { params } = parse(read('serverless.yml'), { logLevel: 'silent' }) as {
    params: { default: Record<string, unknown> };
  };
  expect(Object.keys(params.default).sort()).toEqual(Object.keys(parameters.shape).sort());
  for (const [name, value] of Object.entries(params.default))
    expect(row(`${name}\``)).toContain(value === '' ? `| \`${name}\` |  |` : `| \`${name}\` | \`${value}\` |`);
});

test('the reference has what a spoke is given, and what it is given as a hub has the same default', () => {
  const defaultsOf = (path: string) =>
    (parse(read(path), { logLevel: 'silent' }) as { params: { default: Record<string, unknown> } }).params.default;
  const [hub, spoke] = [defaultsOf('serverless.yml'), defaultsOf('spoke.yml')];
  expect(Object.keys(spoke).sort()).toEqual(Object.keys(spokeParameters.shape).sort());
  const own = reference.split('### Parameters of a spoke')[1]?.split('## Commands')[0] ?? '';
  for (const [name, value] of Object.entries(spoke)) {
    expect(own).toContain(`\`${name}\``);
    if (!['hubService', 'hubHealth', 'clientVpcs'].includes(name)) expect([name, value]).toEqual([name, hub[name]]);
  }
});

test.each(Object.keys(METRICS))('the reference has the metric %s', (name) => expect(row(`${name}\``)).toBeDefined());

test.each(['ready', 'waiting', 'conflict', 'refused', 'blocked', 'leaving'])(
  'the reference has the status %s',
  (status) => expect(row(status)).toBeDefined(),
);

test('the reference has every tag that is written', () => {
  const written = [...read('shared/config.ts').matchAll(/\$\{(?:env\.)?tagKey\}:([a-z-]+)/g)].map(([, name]) => name);
  expect(written.length).toBeGreaterThan(5);
  for (const name of written) expect(row(`KEY:${name}`)).toBeDefined();
});

test('the security page has every tag of the reference, every function, and every parameter that a stack claims', () => {
  const security = documents.get('docs/security.md') ?? '';
  const tags = reference.split('## Tags')[1]?.split('\n## ')[0] ?? '';
  const keys = [...tags.matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key);
  expect(keys.length).toBeGreaterThan(15);
  const functions = ['serverless.yml', 'spoke.yml'].flatMap((path) =>
    Object.keys((parse(read(path), { logLevel: 'silent' }) as { functions: object }).functions),
  );
  expect(functions.length).toBeGreaterThan(5);
  for (const name of [...keys, ...functions, '/ziti-glb/VPC/KEY', '/ziti-glb/clients/KEY'])
    expect([name, security.includes(`\`${name}\``)]).toEqual([name, true]);
});

/** Phrases of a line in code, each in the parts between what stands for facts. */
const phrases = (line: string) =>
  [...line.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text.split('…').map((part) => part.trim()));

test.each(REASONS)('the reference has the code $code, and beside it what its sentence says', (reason) => {
  const text = reasonText(reason);
  const lines = reference.split('\n').filter((line) => line.startsWith('| `') && line.includes(`\`${reason.code}\``));
  const told = lines.flatMap(phrases).filter((parts) => parts.join('').length >= 8 && / /.test(parts.join(' ')));
  expect([text, told.some((parts) => parts.every((part) => text.includes(part)))]).toEqual([text, true]);
});

/** Alarms stand here, each with its text. */
const alarms = ['resources/alarms.yml', 'resources/spoke-alarms.yml', 'resources/subnets-alarms.yml'].flatMap((path) =>
  read(path)
    .split(/^ {2}(?=\w)/m)
    .flatMap((text) => {
      const [, name] = /^(\w+):\n {4}Type: AWS::CloudWatch::Alarm$/m.exec(text) ?? [];
      return name === undefined ? [] : { name, text, path };
    }),
);
const declared = read('resources/alarms.yml') + read('resources/subnets-alarms.yml');
/** Some alarms there are whatever was chosen. */
const always = [...declared.matchAll(/Type: AWS::CloudWatch::Alarm\n {4}Properties/g)];

test.each(alarms)(
  'the runbook says of $name of $path what it means, where to look and what to do, and the alarm leads there',
  ({ name, text }) => {
    const entry = new RegExp(`^## ${name}\n(.*?)(?=^## )`, 'ms').exec(runbook)?.[1];
    for (const part of ['means', 'look', 'do']) expect(entry).toMatch(new RegExp(`\\*\\*${part}:?\\*\\*`, 'i'));
    expect(text).toContain(`Runbook: \${param:runbook}#${name.toLowerCase()}\n`);
  },
);

test('the README counts alarms and metrics as they are', () => {
  // Alarms of both functions count twice.
  const shared = ['ChangingCalls', 'Throttles', 'Errors', 'PassSeconds'];
  const metrics = Object.keys(METRICS).length + shared.filter((name) => name in METRICS).length;
  expect(documents.get('README.md')).toContain(`${always.length} alarms, ${metrics} metrics`);
});

test('to deploy, and to deploy again, the diverter is built', () => {
  const deploying = documents.get('docs/deploying.md') ?? '';
  const built = 'npm ci && make -C bpf deb';
  for (const text of [documents.get('README.md') ?? '', deploying, deploying.split('## Upgrade')[1] ?? ''])
    expect(text).toContain(built);
});

test('how to remove it has every tag that stays on a router', () => {
  const removal = documents.get('docs/deploying.md')?.split('## Remove')[1] ?? '';
  const tags = [...reference.matchAll(/^\| `(KEY[^`]*)` \| an instance/gm)].map(([, key = '']) => key);
  expect(tags.length).toBeGreaterThan(3);
  for (const key of tags) expect(removal).toContain(`\`${key}\``);
});

test('what is to be typed on a router is in the diverter’s own words', () => {
  const usage = read('bpf/cli/main.c');
  const typed = [...documents.values()].flatMap((text) => [...text.matchAll(/`(?:sudo )?diverter ([a-z]+)/g)]);
  expect(typed.length).toBeGreaterThan(5);
  for (const [, command] of typed) expect(usage).toContain(`"  diverter ${command}`);
});

test('CI runs each part of npm test', () => {
  const scripts: Record<string, string> = manifest.scripts;
  const parts = (name: string): string[] => {
    const called = [...(scripts[name] ?? '').matchAll(/npm run (test:[\w:]+)/g)].flatMap(([, part = '']) =>
      parts(part),
    );
    return called.length > 0 ? called : [name];
  };
  expect(parts('test').length).toBeGreaterThan(3);
  const ran = [...read('.ci/run').matchAll(/^(?:beside \S+ )?npm run ([\w:]+)(?: \|\| code=\$\?)?$/gm)].map(
    ([, name]) => name,
  );
  expect(ran).toEqual(expect.arrayContaining(parts('test')));
  expect(read('.ci/run')).toContain('node local/setup.ts\n');
});

// Jest takes all words up to the next flag for names, and runs whole projects where one of them was to be a file.
test('a path never follows --selectProjects of Jest', () => {
  const projects = jest.projects.map(({ displayName }) => displayName);
  const texts = [...documents.values(), ...Object.values(manifest.scripts), read('.ci/run')];
  const selected = texts.flatMap((text) => [...text.matchAll(/--selectProjects((?: (?!-)[\w./-]+)+)/g)]);
  expect(selected.length).toBeGreaterThan(2);
  for (const [call, words = ''] of selected)
    for (const word of words.trim().split(' '))
      expect([call, projects]).toEqual([call, expect.arrayContaining([word])]);
});
