import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

const SCRIPT = readFileSync(new URL('../../resources/install.sh', import.meta.url), 'utf8');
/** The install's own function, which edits ziti-router's configuration. */
const FUNCTION = /^set_options\(\) \{[\s\S]*?^\}/m.exec(SCRIPT)?.[0] ?? '';
const OPTIONS = ['mode', 'tproxy:/usr/sbin/diverter', 'dnsSvcIpRange', '100.64.0.0/13'];

const folder = mkdtempSync(join(tmpdir(), 'options-'));
afterAll(() => rmSync(folder, { recursive: true }));

function setOptions(text: string, options = OPTIONS) {
  const file = join(folder, 'config.yml');
  writeFileSync(file, text);
  const { status, stdout } = spawnSync('bash', ['-c', `${FUNCTION}\nset_options "$@"`, 'bash', file, ...options], {
    encoding: 'utf8',
  });
  return { status, text: stdout };
}

const around = (listeners: string) =>
  `# kept\nv: 3\nlisteners:\n${listeners}\nweb: # kept too\n  - name: health-check\n`;

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
      '# bindings\n\n  - binding: tunnel # it\n\n    # of it\n    options:\n\n      # how\n      mode: tproxy\n',
    ],
    ['quoted', '  - binding: "tunnel"\n    options:\n      mode: tproxy\n'],
    ['options first', '  - options:\n      mode: tproxy\n    binding: tunnel\n'],
    ['without options', '  - binding: tunnel\n  - binding: edge\n    options:\n      mode: x\n'],
    ['with empty options', '  - binding: tunnel\n    options:\n  - binding: edge\n'],
    [
      'with a map among them',
      '  - binding: tunnel\n    options:\n      nested:\n        mode: not this\n      mode: tproxy\n',
    ],
    [
      'set already',
      '  - binding: tunnel\n    options:\n      mode: tproxy:/usr/sbin/diverter\n      dnsSvcIpRange: 100.64.0.0/13\n',
    ],
  ])('%s', (_, listeners) => {
    const before = around(listeners);
    const { status, text } = setOptions(before);
    expect(status).toBe(0);
    const wanted = parse(before);
    const tunnel = wanted.listeners.find(({ binding }: { binding: string }) => binding === 'tunnel');
    tunnel.options = { ...tunnel.options, mode: OPTIONS[1], dnsSvcIpRange: OPTIONS[3] };
    expect(parse(text)).toEqual(wanted);
    const comments = (yaml: string) => yaml.match(/#.*$/gm);
    expect(comments(text)).toEqual(comments(before));
    expect(setOptions(text).text).toBe(text);
  });

  test('one that is to have no value goes, and is not missed', () => {
    const tunnel = (options: string) =>
      around(`  - binding: tunnel # it\n    options:\n${options}      mode: host # how\n      other: kept\n`);
    const without = ['resolver', '', 'mode', 'tproxy', 'dnsSvcIpRange', ''];
    const wanted = tunnel('').replace('host', 'tproxy');
    const had = tunnel(
      '      dnsSvcIpRange: 100.64.0.0/13 # ours\n      # why\n      resolver: udp://100.127.255.254:53\n',
    );
    expect(setOptions(had, without).text).toBe(wanted.replace('    options:\n', '    options:\n      # why\n'));
    expect(setOptions(wanted, without).text).toBe(wanted);
  });

  test.each([
    ['no tunnel listener', '  - binding: edge\n    options:\n      mode: tproxy\n'],
    ['no listeners at all', ''],
  ])('%s: refused', (_, listeners) => {
    expect(setOptions(around(listeners)).status).not.toBe(0);
  });

  test('one of another section is not touched', () => {
    const text = 'dialers:\n  - binding: tunnel\n    options:\n      mode: host\nlisteners:\n  - binding: edge\n';
    expect(setOptions(text).status).not.toBe(0);
  });
});
