import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { bundle } from '../../resources/bundle.js';
import { packages } from '../../resources/diverter.js';
import { describePackaged, packaged } from '../support/packaged.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const parameters = { vpcId: 'vpc-0123456789abcdef0', subnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1' };
/** NOTICE calls who publishes under a scope so. */
const AUTHORS: Record<string, string> = {
  '@aws': 'aws sdk for javascript',
  '@aws-lambda-powertools': 'powertools for aws lambda',
  '@aws-sdk': 'aws sdk for javascript',
  '@middy': 'middy',
  '@smithy': 'aws sdk for javascript',
};
const component = z.object({ group: z.string().optional(), name: z.string(), version: z.string(), purl: z.string() });
const sbom = z.object({ bomFormat: z.literal('CycloneDX'), components: z.array(component) });

describePackaged('beside a packaged stack stands', () => {
  let folder: string;
  beforeAll(() => {
    folder = join(packaged({ parameters }), 'sbom');
  });
  const componentsOf = (name: string) => sbom.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))).components;

  test('documents that are valid by their schema', async () => {
    const names = readdirSync(folder);
    expect(names).toHaveLength(1 + packages().length);
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    for (const name of names)
      expect([name, await validator.validate(readFileSync(join(folder, name), 'utf8'))]).toEqual([name, null]);
  });

  test('what is bundled into the functions: all of it, in the version that was locked, and NOTICE names its authors', async () => {
    const { metafile } = await bundle(ROOT, ['routers', 'subnets', 'topology', 'health'], { write: false });
    const inputs = Object.values(metafile?.outputs ?? {}).flatMap(({ inputs }) => Object.keys(inputs));
    const bundled = inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
    // The product is a component of its own where it is packaged elsewhere than its sources are.
    const listed = componentsOf('functions.cdx.json')
      .map(({ group, name, version }) => [group ? `${group}/${name}` : name, version])
      .filter(([name]) => name !== 'ziti-glb');
    const names = [...new Set(bundled)].sort();
    expect(names).toContain('@aws-sdk/client-ec2');
    expect(listed.sort()).toEqual(names.map((name) => [name, lock[`node_modules/${name}`].version]));
    const notice = readFileSync(join(ROOT, 'NOTICE'), 'utf8').toLowerCase();
    const scopes = new Set(names.map((name) => name.split('/')[0] ?? ''));
    for (const scope of scopes) expect(notice).toContain(AUTHORS[scope] ?? scope);
  });

  test.each(packages())('what is linked into the diverter, for $architecture', ({ architecture, path }) => {
    const map = join(dirname(path), architecture === 'arm64' ? 'arm64/diverter.map' : 'diverter.map');
    const linked = readFileSync(map, 'utf8').matchAll(/^\/\S*\/(lib[\w-]+\.a)\(/gm);
    const sources: Record<string, RegExp> = {
      'libbpf.a': /^libbpf$/,
      'libc.a': /^glibc$/,
      'libelf.a': /^elfutils$/,
      'libgcc.a': /^gcc-/,
      'libgcc_eh.a': /^gcc-/,
      'libyaml.a': /^libyaml$/,
      'libz.a': /^zlib$/,
      'libzstd.a': /^libzstd$/,
    };
    const listed = componentsOf(basename(path).replace(/deb$/, 'cdx.json'));
    for (const library of new Set([...linked].map(([, name = '']) => name)))
      expect([library, listed.map(({ name }) => name)]).toEqual([
        library,
        expect.arrayContaining([expect.stringMatching(sources[library] ?? /$./)]),
      ]);
    for (const { name, version, purl } of listed)
      expect(decodeURIComponent(purl)).toBe(`pkg:deb/debian/${name}@${version}?arch=source`);
  });
});
