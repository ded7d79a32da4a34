import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Document, isPair, isScalar, type Pair, parse, type Scalar, visit } from 'yaml';

const DIVERTER = new URL('../../bpf/build/diverter', import.meta.url).pathname;
const MODE = 'tproxy:/usr/sbin/diverter';
const [SET, WITH_NAMES, WITHOUT_NAMES] = [
  { mode: MODE },
  { mode: MODE, resolver: 'udp://100.127.255.254:53', dnsSvcIpRange: '100.64.0.0/13' },
  { mode: MODE, resolver: '', dnsSvcIpRange: '' },
];

const folder = mkdtempSync(join(tmpdir(), 'configure-'));
const file = join(folder, 'config.yml');
afterAll(() => rmSync(folder, { recursive: true }));

function run(text: string | Buffer, ...args: string[]) {
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(DIVERTER, ['configure', file, ...args], { encoding: 'utf8' });
  return { status, text: stdout, said: stderr.replaceAll(file, 'FILE') };
}

const configure = (text: string, options: Record<string, string>) =>
  run(text, ...Object.entries(options).map(([key, value]) => `${key}=${value}`));

/** ziti-router is to read this afterwards. */
function wantedOf(text: string, options: Record<string, string>) {
  const wanted = parse(text, { uniqueKeys: false });
  const tunnel = wanted.listeners.find((listener: { binding?: string } | null) => listener?.binding === 'tunnel');
  if (Object.values(options).some(Boolean)) tunnel.options ??= {};
  for (const [key, value] of Object.entries(options))
    if (value) tunnel.options[key] = value;
    else delete tunnel.options?.[key];
  return wanted;
}

const middleware = (listeners: string) =>
  `# kept\nv: 3\nlisteners:\n${listeners}\nweb: # kept too\n  - name: health-check\n`;
const tunnel = (options: string) =>
  middleware(`  - binding: tunnel # it\n    options:\n${options}      other: kept # too\n`);

describe('the options of the tunnel listener are set, and nothing else', () => {
  test.each<[string, string]>([
    [
      'indented',
      '  - binding: edge\n    options: {}\n  - binding: tunnel\n    options:\n      mode: tproxy #tproxy|host\n      lanIf: ens5\n',
    ],
    ['not indented', '- binding: tunnel\n  options:\n    mode: host\n- binding: edge\n  options:\n    mode: x\n'],
    [
      'by four',
      '    - binding: tunnel\n      options:\n          lanIf: ens5\n          # why\n          mode: "tproxy"   # a comment\n',
    ],
    [
      'with comments and blank lines between',
      '# bindings\n\n  - binding: tunnel # it\n\n    # of it\n    options: # here\n\n      # how\n      mode: tproxy\n',
    ],
    ['of a quoted binding', '  - binding: "tunnel"\n    options:\n      mode: tproxy\n'],
    ['of a binding in other quotes', "  - 'binding': 'tunnel'\n    'options':\n      mode: tproxy\n"],
    ['with quoted keys', '  - binding: tunnel\n    "options":\n      "mode": tproxy # how\n      \'resolver\': x\n'],
    ['options first', '  - options:\n      mode: tproxy\n    binding: tunnel\n'],
    ['without options', '  - binding: tunnel\n  - binding: edge\n    options:\n      mode: x\n'],
    [
      'without options, before a comment',
      '  - binding: tunnel # it\n    # of it\n  # of the next\n  - binding: edge\n',
    ],
    ['with empty options', '  - binding: tunnel\n    options:\n  - binding: edge\n'],
    ['with empty options in braces', '  - binding: tunnel\n    options: {} # none\n'],
    ['with options that are null', '  - binding: tunnel\n    options: ~ # none\n    more: 1\n'],
    [
      'with a map among them',
      '  - binding: tunnel\n    options:\n      nested:\n        mode: not this\n      mode: tproxy\n',
    ],
    ['in braces', '  - binding: tunnel\n    options: { mode: tproxy, lanIf: ens5 } # all\n'],
    ['in braces, without one', '  - binding: tunnel\n    options: {lanIf: ens5}\n'],
    [
      'in braces over several lines',
      '  - binding: tunnel\n    options: {\n      "mode": "host", # how\n      lanIf: ens5\n    }\n',
    ],
    ['of a listener in braces', '  - {binding: tunnel, options: {mode: host}}\n'],
    ['of a listener in braces that has none', '  - {binding: tunnel} # it\n'],
    ['of a listener in braces whose are empty', '  - {binding: tunnel, options: , more: [1, 2]}\n'],
    [
      'with a resolver that is a list',
      '  - binding: tunnel\n    options:\n      resolver:\n        - a\n        - b\n',
    ],
    [
      'with a list at its key',
      '  - binding: tunnel\n    options:\n      resolver: # two\n      - a\n      - b # the second\n      mode: x\n',
    ],
    [
      'with a list in brackets',
      '  - binding: tunnel\n    options:\n      resolver: [a,\n        b] # two\n      mode: x\n',
    ],
    [
      'with a text over lines',
      '  - binding: tunnel\n    options:\n      mode: >-\n        tproxy\n\n      x: |+\n        y\n\n',
    ],
    [
      'with a value in the next line',
      '  - binding: tunnel\n    options:\n      mode: # how\n        tproxy\n      x: 1\n',
    ],
    [
      'with a key twice',
      '  - binding: tunnel\n    options:\n      mode: tproxy\n      x: 1\n      "mode": host # this one\n',
    ],
    [
      'with letters that are long',
      '  - name: "Zür\\u0069ch – 😀" # ü😀\n    binding: tunnel\n    options: {x: "😀", mode: 1}\n',
    ],
    ['set already', `  - binding: tunnel\n    options:\n      mode: ${MODE}\n      dnsSvcIpRange: 100.64.0.0/13\n`],
    [
      'of which another listener is an alias',
      '  - binding: tunnel\n    options:\n      mode: x\nother: &o 1\nmore: *o\n',
    ],
  ])('%s', (_, listeners) => {
    for (const before of [
      middleware(listeners),
      middleware(listeners).replaceAll('\n', '\r\n'),
      `\ufeff${middleware(listeners)}`,
    ]) {
      for (const options of [SET, WITH_NAMES]) {
        const { status, text, said } = configure(before, options);
        expect([status, said]).toEqual([0, '']);
        expect(parse(text, { uniqueKeys: false })).toEqual(wantedOf(before, options));
        const comments = (yaml: string) => yaml.match(/# [^#\r\n]*\b/g);
        expect(comments(text)).toEqual(comments(before));
        expect(text.match(/(?<!\r)\n/g)?.length).toBe(before.includes('\r') ? undefined : text.split('\n').length - 1);
        expect(configure(text, options).text).toBe(text);
      }
      expect(parse(configure(before, WITHOUT_NAMES).text, { uniqueKeys: false })).toEqual(
        wantedOf(before, WITHOUT_NAMES),
      );
    }
  });

  test('all else stays, byte for byte', () => {
    const before =
      `v:   3\t# odd \n\n---\n`.replace('---\n', '') + tunnel('      mode: host #how\n').replace('web', "'web' ");
    expect(configure(before, SET).text).toBe(before.replace('host', MODE));
    expect(configure(before.trimEnd(), SET).text).toBe(before.trimEnd().replace('host', MODE));
  });

  test('what is not there stands first, and as a string whatever it looks like', () => {
    const { text } = configure(tunnel(''), { a: 'yes', b: '3', c: 'say "\\"', d: 'x/y: z', e: '1/2' });
    expect(text).toBe(
      tunnel('      a: "yes"\n      b: "3"\n      c: "say \\"\\\\\\""\n      d: "x/y: z"\n      e: 1/2\n'),
    );
  });

  test('one that is to have no value goes, and is not missed', () => {
    const had = tunnel(
      '      dnsSvcIpRange: 100.64.0.0/13 # ours\n      # why\n      "resolver":\n      - a\n      - b # last\n',
    );
    expect(configure(had, WITHOUT_NAMES).text).toBe(tunnel(`      mode: ${MODE}\n      # why\n`));
    expect(configure(tunnel(''), { resolver: '' }).text).toBe(tunnel(''));
  });

  test.each<[string, string]>([
    ['{resolver: x, mode: a, y: 1}', '{mode: a, y: 1}'],
    ['{mode: a, resolver: [x, z], y: 1}', '{mode: a, y: 1}'],
    ['{mode: a, resolver: x}', '{mode: a}'],
    ['{ "resolver": "x" }', '{  }'],
  ])('of %s too', (before, after) => {
    const listener = (options: string) => middleware(`  - binding: tunnel\n    options: ${options}\n`);
    expect(configure(listener(before), { resolver: '' }).text).toBe(listener(after));
  });
});

describe('what is not read here as ziti-router reads it is refused, with the lines to write', () => {
  const shared = 'is, or holds, an anchor, an alias or a merge key';
  test.each<[string, string, string]>([
    [
      'no tunnel listener',
      middleware('  - binding: edge\n    options:\n      mode: tproxy\n'),
      'it has no tunnel listener',
    ],
    ['no listeners at all', middleware(''), 'it has no tunnel listener'],
    ['nothing', '', 'it has no tunnel listener'],
    ['no mapping', '- listeners\n', 'it has no tunnel listener'],
    [
      'one of another section',
      'dialers:\n  - binding: tunnel\n    options:\n      mode: host\nlisteners:\n  - binding: edge\n',
      'it has no tunnel listener',
    ],
    ['two of them', middleware('  - binding: tunnel\n  - binding: "tunnel"\n'), 'it has several tunnel listeners'],
    ['several documents', `${tunnel('')}---\n${tunnel('')}`, 'it has several documents'],
    ['no YAML', tunnel('      mode: "host\n'), 'it is no YAML in line 11: found unexpected end of stream'],
    ['tabs', tunnel('\tmode: host\n'), 'it is no YAML in line 6: found character that cannot start any token'],
    ['UTF-16', Buffer.from(`\ufeff${tunnel('')}`, 'utf16le') as unknown as string, 'it is not in UTF-8'],
    [
      'options twice',
      middleware('  - binding: tunnel\n    options: {mode: x}\n    options:\n      a: 1\n'),
      'options stands in it twice',
    ],
    ['listeners twice', `${tunnel('')}listeners: []\n`, 'listeners stands in it twice'],
    ['options that are a list', middleware('  - binding: tunnel\n    options: [mode]\n'), 'are no mapping'],
    ['options that are text', middleware('  - binding: tunnel\n    options: mode\n'), 'are no mapping'],
    ['options that are an alias', `o: &o {mode: x}\n${middleware('  - binding: tunnel\n    options: *o\n')}`, shared],
    [
      'options that others repeat',
      `${middleware('  - binding: tunnel\n    options: &o\n      mode: x\n')}o: *o\n`,
      shared,
    ],
    ['a value that others repeat', `${tunnel('      mode: &m host\n')}o: *m\n`, shared],
    ['a value that is an alias', `m: &m host\n${tunnel('      mode: *m\n')}`, shared],
    ['a merge key', `o: &o {mode: x}\n${tunnel('      <<: *o\n')}`, shared],
    ['a listener that is an alias', `o: &o {binding: tunnel}\n${middleware('  - *o\n')}`, 'have aliases or merge keys'],
    [
      'a listener that is merged',
      `o: &o {binding: tunnel}\n${middleware('  - <<: *o\n')}`,
      'have aliases or merge keys',
    ],
    ['a key in a form of its own', tunnel('      ? mode\n      : host\n'), 'in a form that is not'],
    [
      'one after such',
      middleware('  - binding: tunnel\n    options:\n      ? x\n      : 1\n'),
      'in a form that is not',
    ],
  ])('%s', (_, before, says) => {
    const { status, text, said } = run(before, `mode=${MODE}`, 'resolver=');
    expect([status, text]).toEqual([1, '']);
    expect(said).toContain(`diverter: FILE: `);
    expect(said).toContain(says);
    expect(said).toMatch(
      /\. Have it say, by hand:\nlisteners:\n {2}- binding: tunnel\n {4}options:\n {6}mode: tproxy:\/usr\/sbin\/diverter\n {6}# no resolver\n$/,
    );
  });

  test.each([
    [['mode'], 'not of the form KEY=VALUE'],
    [['=x'], 'not of the form KEY=VALUE'],
    [['mode=a\nb: c'], 'not of the form KEY=VALUE'],
    [[], 'it takes a FILE and KEY=VALUE'],
  ])('and %j is no option', (args, says) => {
    const { status, said } = run(tunnel(''), ...args);
    expect([status, said]).toEqual([1, expect.stringContaining(says)]);
  });
});

describe('whether ziti-router answers health checks', () => {
  const web = (at: string, binding = 'health-checks') =>
    `web:\n  - name: any\n    bindPoints:\n      - interface: ${at}\n        address: x:1\n    apis:\n      - binding: edge\n      - binding: ${binding}\n`;
  const lines = (interfaces: string) =>
    `  - name: health-checks\n    bindPoints:\n      - interface: ${interfaces}:8081\n        address: 127.0.0.1:8081\n    apis:\n      - binding: health-checks\n`;

  test('on that port, there or from outside', () => {
    const found = (text: string) => ['--router', '--balancer'].map((asked) => run(text, asked, '8081').status);
    expect(run(web('0.0.0.0:8081'), '--router', '8081')).toEqual({ status: 0, text: '', said: '' });
    expect(found(web('0.0.0.0:8081'))).toEqual([0, 0]);
    expect(found(web('127.0.0.1:8081'))).toEqual([0, 1]);
    expect(found(web('0.0.0.0:18081'))).toEqual([1, 1]);
    expect(found("web: [{'apis': [{binding: \"health-checks\"}], bindPoints: [{interface: '[::]:8081'}]}]")).toEqual([
      0, 0,
    ]);
    expect(run(web('x:8081'), '--router', 'x').said).toContain('it takes a port');
  });

  test.each([
    ['no web section', 'v: 3\n', ', and', 'web:\n'],
    ['another port', web('0.0.0.0:8080'), ' below its web:, and', ''],
    ['another API', web('0.0.0.0:8081', 'edge'), ' below its web:, and', ''],
  ])('with %s, says which lines are missing, and they are right', (_, text, where, head) => {
    for (const [asked, by, at] of [
      ['--router', '', '127.0.0.1'],
      ['--balancer', ' for a load balancer', '0.0.0.0'],
    ] as const) {
      const { status, said } = run(text, asked, '8081');
      expect([status, said]).toEqual([
        1,
        `diverter: FILE: it has no health checks on port 8081${by}. Add these lines${where} start ziti-router again:\n${head}${lines(at)}`,
      ]);
      expect(run(`${text}${head}${lines(at)}`, asked, '8081').status).toBe(0);
    }
  });
});

describe('of any document, in any style', () => {
  const STYLES: Scalar.Type[] = ['PLAIN', 'QUOTE_DOUBLE', 'QUOTE_SINGLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED'];
  const OURS = ['mode', 'resolver', 'dnsSvcIpRange'];
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom(
      'a: b',
      '- x',
      '{',
      '# no comment',
      "it's",
      '"',
      'multi\nline',
      'no',
      '0x1f',
      ' ',
      'x/y',
      'tproxy',
      MODE,
      '~',
    ),
  );
  const scalar = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie('value'), { maxLength: 3 }), tie('record')),
    record: fc.dictionary(fc.oneof(fc.stringMatching(/^[a-z]{1,6}$/), text), tie('value'), { maxKeys: 3 }),
  }));
  const others = fc.dictionary(fc.oneof(fc.constantFrom('lanIf', 'mtu', 'Mode'), text), value, { maxKeys: 3 });
  const ours = fc.record(
    {
      mode: fc.oneof(text, fc.constant(null)),
      resolver: fc.oneof(text, fc.array(text, { maxLength: 3 })),
      dnsSvcIpRange: text,
    },
    { requiredKeys: [] },
  );
  const shuffled = <T>(entries: [string, T][]) =>
    fc.shuffledSubarray(entries, { minLength: entries.length }).map((all) => Object.fromEntries(all));
  const options = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(others, ours).chain(([a, b]) => shuffled(Object.entries({ ...a, ...b }))) },
    fc.constant(null),
  );
  const listener = fc
    .record({ binding: fc.constant('tunnel'), options, more: value }, { requiredKeys: ['binding'] })
    .chain((fields) => shuffled(Object.entries(fields)));
  const configuration = fc
    .record({
      listeners: fc
        .tuple(
          fc.array(fc.record({ binding: fc.constantFrom('edge', 'x'), options: others })),
          listener,
          fc.array(others),
        )
        .map(([before, it, after]) => [...before, it, ...after.map((fields) => ({ ...fields, binding: 'y' }))]),
      v: fc.constant(3),
      web: value,
    })
    .chain((fields) => shuffled(Object.entries(fields)));
  const change = fc.constantFrom<Record<string, string>[]>(SET, WITH_NAMES, WITHOUT_NAMES);
  const layout = fc.record({
    indent: fc.constantFrom(1, 2, 4, 7),
    indentSeq: fc.boolean(),
    lineWidth: fc.constantFrom(0, 40),
    flowCollectionPadding: fc.boolean(),
  });

  /** Every node in a style, and with comments, of a choice. Comments of what may go, an option's own value, are `#?`. */
  function render(content: unknown, choices: number[], how: { indent: number }) {
    const document = new Document(content);
    let turn = 0;
    const choose = (count: number) => (choices[turn++ % choices.length] ?? 0) % count;
    const comment = (kind: string) => `${kind} c${turn}`;
    const isOurs = (path: readonly unknown[]) =>
      path.some((node) => isPair(node) && isScalar(node.key) && OURS.includes(String(node.key.value)));
    visit(document, {
      Pair(_, pair: Pair) {
        if (isScalar(pair.key) && choose(4) === 0) pair.key.type = 'QUOTE_DOUBLE';
      },
      Collection(_, node, path) {
        node.flow = choose(3) === 0;
        if (choose(5) === 0) node.commentBefore = comment(isOurs(path) ? '?' : '');
      },
      Scalar(at, node, path) {
        if (at === 'key') {
          if (choose(4) === 0 && !isOurs(path.slice(0, -1))) node.commentBefore = comment('');
          return;
        }
        if (typeof node.value === 'string') node.type = STYLES[choose(STYLES.length)];
        if (choose(4) === 0) node.comment = comment(isOurs(path) ? '?' : '');
      },
    });
    return document.toString(how);
  }

  test('the options are as wanted, all else is as it was, and no comment is lost', () => {
    fc.assert(
      fc.property(
        configuration,
        change,
        fc.array(fc.nat(59), { minLength: 7, maxLength: 97 }),
        layout,
        fc.boolean(),
        (content, wanted, choices, how, windows) => {
          const lines = render(content, choices, how);
          const before = windows ? lines.replaceAll('\n', '\r\n') : lines;
          const { status, text: after, said } = configure(before, wanted);
          // Some of what this library writes is no YAML to libyaml, nor to ziti-router, some means another thing to itself, and some,
          // folded between the halves of a character, is no UTF-8.
          const written = Buffer.from(before).toString();
          fc.pre(!said.includes('it is no YAML') && JSON.stringify(parse(written)) === JSON.stringify(content));
          expect([status, said]).toEqual([0, '']);
          expect(parse(after)).toEqual(wantedOf(before, wanted));
          const comments = (yaml: string) => yaml.match(/# c\d+/g);
          expect(comments(after)).toEqual(comments(before));
        },
      ),
      { numRuns: 300 },
    );
  });
});
