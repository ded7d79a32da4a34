import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { documents, read } from '../support/documents.ts';

const chapter = documents.get('docs/routers.md') ?? '';
const blocks = (language: string) =>
  [...chapter.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].flatMap(([, of, text = '']) => (of === language ? [text] : []));
const typed = blocks('sh').flatMap((block) => block.trim().split('\n'));

/** The box makes routers of OpenZiti's own so, which the demo and the table of behaviours then run. */
const made = read('local/fabric/images/ziti.sh');
/** A command's words say what is done, without those that are somebody's own. */
const verbs = (line: string) =>
  line.split(' ').filter((word) => /^(ziti|[a-z-]+|--[\w-]+)$/i.test(word) && !/^router-1/.test(word));

describe('a router is made as the one in the box', () => {
  // zero.kernel.test.ts runs the others against a real one, where there is one.
  const commands = typed.filter((line) => /^ziti (edge create edge-router router-1|create|router)/.test(line));
  test.each(commands)('%s', (command) => {
    const [subcommand = ''] = command.split(/ (?:--|router-1|\/)/);
    const same = made.split('\n').filter((line) => line.trim().startsWith(subcommand));
    expect(same).toHaveLength(1);
    for (const flag of verbs(command).filter((word) => word.startsWith('--'))) expect(same[0]).toContain(flag);
  });

  test('by the same variables', () => {
    const variables = typed.flatMap((line) => [...line.matchAll(/\b(ZITI_\w+)=/g)].map(([, name = '']) => name));
    expect(commands).toHaveLength(3);
    expect(variables).toHaveLength(4);
    for (const name of variables) expect(made).toContain(`${name}=`);
  });

  test('with the same health check, here on an address of its own', () => {
    const [, lines = ''] = /^cat >>\S+ <<'END'\n([\s\S]*?)^END$/m.exec(chapter) ?? [];
    const here = JSON.parse(JSON.stringify(parse(lines)).replaceAll('127.0.0.1', '0.0.0.0'));
    expect(here).toEqual(parse(read('local/fabric/images/router/web.yml')));
  });
});

test('what the package adds to the unit is what the page says', () => {
  const settings = read('bpf/deb/ziti-router.conf');
  const [, table = ''] = chapter.split("## What the diverter's package adds\n");
  const rows = [...(table.split('\n## ')[0] ?? '').matchAll(/^\| `([A-Za-z]+)=([^`]+)` \|/gm)];
  expect(rows.map(([, name]) => name)).toEqual([
    'SupplementaryGroups',
    'AmbientCapabilities',
    'ExecStartPre',
    'EnvironmentFile',
    'ExecStartPre',
  ]);
  for (const [, name, value] of rows) expect(settings).toContain(`${name}=${value}`);
  expect(settings).toContain(' CAP_NET_BIND_SERVICE\n');
});

test('what the collector is set to is what the page says', () => {
  const script = read('bpf/deb/collector.sh');
  const [, growth] = /`GOGC=(\d+)`/.exec(chapter) ?? [];
  expect(script).toContain(`\ngrowth=${growth}\n`);
  expect(chapter).toContain('`GOMEMLIMIT` of half the memory');
  expect(script).toContain('memory / 2');
});

test('what a tunnel listener is given is the same on the page, in the example and in the benchmark', () => {
  const typedIn = (text: string) =>
    /^ *sed -i '\/\^ {6}mode: \/a\\(.*)' \S*config\.yml$/m.exec(text)?.[1]?.split('\\n');
  const lines = typedIn(chapter) ?? [];
  expect(lines.map((line) => /^ {6}(\w+): (\d+)$/.exec(line)?.[1])).toEqual([
    'retxAddMs',
    'txPortalStartSize',
    'txPortalMaxSize',
  ]);
  expect(typedIn(read('examples/routers.yml'))).toEqual(lines);
  const [, added, window] = /ADVISED = \['(.*)', \.\.\.windows\((\d+)\)\]/.exec(read('bench/router.ts')) ?? [];
  expect(lines.map((line) => line.trim())).toEqual([
    added,
    `txPortalStartSize: ${window}`,
    `txPortalMaxSize: ${window}`,
  ]);
  const [, table = ''] = chapter.split('## What it sends again\n');
  for (const line of lines.slice(0, 2)) expect(table.split('\n## ')[0]).toContain(`\`${line.trim()}\``);
});

test('what else is typed is the diverter’s, or finds what it says', () => {
  const others = blocks('sh').filter(
    (block) => !/^(ziti edge|export ZITI_)/m.test(block) || /^ziti edge list services/.test(block),
  );
  const rest = others
    .flatMap((block) => block.trim().split('\n'))
    .filter((line) => !/^(ziti|sudo diverter) /.test(line));
  expect(rest).toEqual(['journalctl -t diverter']);
  expect(read('bpf/cli/contract.c')).toContain('openlog("diverter"');
});
