import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { checkDiverter, packages } from '../../resources/diverter.js';
import { describePackaged, packageStack, temporaryFolder } from '../support/packaged.ts';

const parameters = { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0' };
const PACKAGE = 'build/ziti-glb-diverter_1_amd64.deb';

/** A folder bpf/ has these files, each changed at this second. */
function bpf(files: Record<string, number>): string {
  const folder = temporaryFolder('bpf-');
  for (const name of ['build', 'cli', 'deb', 'bench']) mkdirSync(join(folder, name));
  for (const [name, seconds] of Object.entries(files)) {
    writeFileSync(join(folder, name), name);
    utimesSync(join(folder, name), seconds, seconds);
  }
  return folder;
}

describePackaged('the diverter that is deployed', () => {
  test('may be newer than its sources', () => {
    expect(() =>
      checkDiverter(bpf({ 'parse.h': 1, 'cli/main.c': 2, 'deb/postinst': 2, [PACKAGE]: 3 }), '1'),
    ).not.toThrow();
    expect(() => checkDiverter(bpf({ 'parse.h': 1, 'bench/bench.c': 9, [PACKAGE]: 3 }), '1')).not.toThrow();
  });

  test.each(['parse.h', 'cli/main.c', 'deb/postinst'])('may not be older than bpf/%s', (changed) => {
    const folder = bpf({ [changed]: 4, [PACKAGE]: 3, 'build/ziti-glb-diverter_1_arm64.deb': 5 });
    expect(() => checkDiverter(folder, '1')).toThrow(
      new Error(
        `The diverter's package for amd64 is older than bpf/${changed}, which it is made from; run: make -C bpf deb (or remove ${folder}/${PACKAGE}, if no router is amd64)`,
      ),
    );
  });

  test('is of the version of all else', () => {
    expect(() => checkDiverter(bpf({ 'parse.h': 1, [PACKAGE]: 3 }), '2')).toThrow(
      new Error('ziti-glb-diverter_1_amd64.deb is of another version than package.json, 2; run: make -C bpf deb'),
    );
  });

  test('is there, or one sentence says how to build it', () => {
    const { status, said } = packageStack({ parameters, built: false });
    expect(status).toBe(1);
    expect(said).toMatch(/^Error:\nThere is no package of the diverter in bpf\/build; run: make -C bpf deb$/m);
    expect(said).not.toContain('    at ');
  });

  test.each(packages())('says whose work is linked into it, for $architecture', ({ architecture, path }) => {
    const unpacked = temporaryFolder('deb-');
    expect(spawnSync('dpkg-deb', ['--extract', path, unpacked]).status).toBe(0);
    const copyright = readFileSync(join(unpacked, 'usr/share/doc/ziti-glb-diverter/copyright'), 'utf8');
    const map = path.replace(/[^/]*$/, architecture === 'arm64' ? 'arm64/diverter.map' : 'diverter.map');
    const linked = readFileSync(map, 'utf8').matchAll(/^\/\S*\/(lib[\w-]+\.a)\(/gm);
    const libraries = new Set([...linked].map(([, library = '']) => library));
    expect([...libraries]).toEqual(expect.arrayContaining(['libbpf.a', 'libelf.a', 'libz.a', 'libyaml.a', 'libc.a']));
    for (const library of libraries) {
      const [, of] = new RegExp(`^ ${library} of (\\S+)$`, 'm').exec(copyright) ?? [];
      expect([library, copyright]).toEqual([
        library,
        expect.stringMatching(new RegExp(`^License: ${of}\\n .*\\n .*`, 'm')),
      ]);
    }
    for (const words of [
      'Alexei Starovoitov',
      'Red Hat, Inc.',
      'Jean-loup Gailly',
      'Kirill Simonov',
      'the GNU C Library',
    ])
      expect(copyright).toContain(words);
    // Debian's format has no line but a field's, or what goes on from it, or an empty one between paragraphs.
    expect(copyright.replace(/^( .*|[A-Z][\w-]*: .*|)\n/gm, '')).toBe('');
  });

  test('is the same package, whenever it is built of the same', () => {
    const build = fileURLToPath(new URL('../../bpf/deb/build.sh', import.meta.url));
    const folder = temporaryFolder('deb-');
    const linked = fileURLToPath(new URL('../../bpf/build/linked', import.meta.url));
    const [first, second] = ['first', 'second'].map((name) => {
      const output = join(folder, name);
      expect(spawnSync(build, ['/bin/true', 'amd64', '1', output, linked]).status).toBe(0);
      spawnSync('sleep', ['1.1']);
      return readFileSync(output).toString('base64');
    });
    expect(first === second).toBe(true);
  });
});
