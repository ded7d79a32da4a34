import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { parseTemplate } from '../../local/stack/template.ts';
import { release } from '../../release/release.ts';
import { packages } from '../../resources/diverter.js';
import { read } from '../support/documents.ts';
import { describePackaged, temporaryFolder } from '../support/packaged.ts';

const { version } = JSON.parse(read('package.json'));
const TARBALL = `ziti-glb-${version}.tgz`;

describePackaged('a release', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await release(join(temporaryFolder('release-'), 'of'));
  });
  const run = (cwd: string, file: string, ...args: string[]) => {
    const path = { PATH: `${join(cwd, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`, HOME: cwd };
    const { status, stdout, stderr } = spawnSync(file, args, { cwd, env: path, encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  test('has the command line, its package, each diverter, and what is in them, checked by hash', () => {
    const debs = packages().map(({ path }) => path.replace(/.*\//, ''));
    const { status, stdout } = run(folder, 'sha256sum', '--check', '--strict', 'SHA256SUMS');
    expect(status).toBe(0);
    const files = stdout.split('\n').flatMap((line) => /(.*): OK$/.exec(line)?.[1] ?? []);
    expect(files).toEqual(expect.arrayContaining([...debs, TARBALL, 'ziti-glb.mjs', 'sbom/ziti-glb.cdx.json']));
    const all = globSync('**', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(all).toHaveLength(files.length + 1);
  });

  test('is installed in a folder that has nothing, without a registry, and runs there', () => {
    const bare = temporaryFolder('bare-');
    mkdirSync(join(bare, 'lib'));
    const npm = ['install', '--global', '--offline', '--no-audit', '--prefix', bare, join(folder, TARBALL)];
    expect(run(bare, 'npm', ...npm)).toMatchObject({ status: 0 });
    expect(run(bare, 'ziti-glb', '--version')).toEqual({ status: 0, stdout: `ziti-glb ${version}\n`, stderr: '' });
    const installed = join(bare, 'lib/node_modules/ziti-glb');
    expect(globSync('**/node_modules', { cwd: installed })).toEqual([]);
    expect(readFileSync(join(installed, 'json.d.ts'), 'utf8')).toBe(read('bin/json.ts'));
    expect(readFileSync(join(installed, 'ziti-glb.mjs'))).toEqual(readFileSync(join(folder, 'ziti-glb.mjs')));
    // What deploys is in it as well: the template, and the code that it names.
    const { Resources } = parseTemplate(readFileSync(join(installed, 'template.json'), 'utf8'));
    const keys = [...JSON.stringify(Resources).matchAll(/\{codePrefix\}\/(\w+-[0-9a-f]{64}\.zip)/g)].map(
      ([, key]) => key,
    );
    const code = [...keys, ...packages().map(({ sha256 }) => `diverter/${sha256}`)];
    expect(globSync('**/*', { cwd: join(installed, 'code') }).sort()).toEqual(['diverter', ...code].sort());
    for (const key of code)
      expect(key).toContain(run(join(installed, 'code'), 'sha256sum', key ?? '').stdout.split(' ')[0]);
  });
});
