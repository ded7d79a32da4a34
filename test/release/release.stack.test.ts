import { execFile, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import { parseTemplate } from '../../local/stack/template.ts';
import { jsonSchema } from '../../release/json-schema.ts';
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
    const path = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: cwd };
    const { status, stdout, stderr } = spawnSync(file, args, { cwd, env: path, encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  test('has the command line, its package, each diverter, and what is in them, checked by hash', () => {
    const debs = packages().map(({ path }) => path.replace(/.*\//, ''));
    const { status, stdout } = run(folder, 'sha256sum', '--check', '--strict', 'SHA256SUMS');
    expect(status).toBe(0);
    const files = stdout.split('\n').flatMap((line) => /(.*): OK$/.exec(line)?.[1] ?? []);
    expect(files).toEqual(expect.arrayContaining([...debs, TARBALL, 'ziti-glb.mjs']));
    const functions = ['functions.cdx.json', 'spoke-functions.cdx.json'];
    const sboms = ['ziti-glb.cdx.json', ...functions, ...debs.map((deb) => deb.replace(/deb$/, 'cdx.json'))];
    for (const sbom of sboms) {
      const { bomFormat, components } = JSON.parse(readFileSync(join(folder, 'sbom', sbom), 'utf8'));
      expect([sbom, bomFormat, components.length > 2]).toEqual([sbom, 'CycloneDX', true]);
    }
    const all = globSync('**', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(all).toHaveLength(files.length + 1);
  });

  test('has the documents that alarms, templates and each other name', () => {
    const documents = globSync('**/*.md', { cwd: folder });
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/runbook.md', 'docs/deploying.md']));
    const named = (text: string) => [...text.matchAll(/\bdocs\/[\w.-]+\.md\b/g)].map(([path]) => path);
    const templates = ['template.json', 'spoke/template.json'].map((path) => readFileSync(join(folder, path), 'utf8'));
    expect(new Set(templates.flatMap(named)).size).toBeGreaterThan(2);
    for (const path of templates.flatMap(named)) expect(documents).toContain(path);
    for (const place of ['.', 'spoke']) {
      const { Parameters } = JSON.parse(readFileSync(join(folder, place, 'template.json'), 'utf8'));
      const links = [...JSON.stringify(Parameters).matchAll(/\(([^()\s]*\.md)\b/g)].map(([, path = '']) => path);
      expect(links).not.toEqual([]);
      for (const link of links)
        expect([place, link, existsSync(join(folder, place, link))]).toEqual([place, link, true]);
    }
    for (const document of documents) {
      const text = readFileSync(join(folder, document), 'utf8');
      expect([document, text.includes('npm run -s ziti-glb')]).toEqual([document, false]);
      // Of what is typed only what begins with npm needs one.
      const others = text
        .split(/(?<=[.:;])\s/)
        .filter((part) => part.includes('in a checkout'))
        .filter((part) => !/^\s*(what begins with .*`npm`|`npm run` has) /i.test(part));
      expect([document, others]).toEqual([document, []]);
      const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)|src(?:set)?="([^"]+)"/g)].map(
        ([, a, b]) => a ?? b ?? '',
      );
      for (const link of links) {
        const path = join(folder, dirname(document), link);
        expect([document, link, existsSync(path)]).toEqual([document, link, true]);
      }
    }
  });

  test('is installed in a folder that has nothing, without a registry, is not looked for there later, and runs', async () => {
    const bare = temporaryFolder('bare-');
    const asked: string[] = [];
    const registry = createServer(({ method, url }, response) => {
      asked.push(`${method} ${url}`);
      response.writeHead(404).end('{}');
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    const at = `//127.0.0.1:${(registry.address() as AddressInfo).port}/`;
    const npm = (...args: string[]) =>
      promisify(execFile)('npm', [...args, '--no-audit', '--fetch-retries=0', `--registry=http:${at}`], {
        cwd: bare,
        env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: bare, npm_config_update_notifier: 'false' },
      });
    try {
      for (const args of [['install', join(folder, TARBALL)], ['update']]) await npm(...args, '--prefix', bare);
      expect(asked).toEqual([]);
      await expect(npm('publish', join(folder, TARBALL), `--${at}:_authToken=any`)).rejects.toThrow('EPRIVATE');
      expect(asked.filter((each) => !each.startsWith('GET '))).toEqual([]);
    } finally {
      registry.closeAllConnections();
      registry.close();
    }
    const command = join(bare, 'node_modules/.bin/ziti-glb');
    expect(run(bare, command, '--version')).toEqual({ status: 0, stdout: `ziti-glb ${version}\n`, stderr: '' });
    const installed = join(bare, 'node_modules/ziti-glb');
    expect(globSync('**/node_modules', { cwd: installed })).toEqual([]);
    expect(readFileSync(join(installed, 'json.d.ts'), 'utf8')).toBe(read('bin/json.ts'));
    expect(JSON.parse(readFileSync(join(installed, 'json.schema.json'), 'utf8'))).toEqual(jsonSchema());
    // npm installs that, and what deploys: nothing of the checkout beside it.
    expect(globSync('*', { cwd: installed }).sort()).toEqual([
      ...['CHANGELOG.md', 'LICENSE', 'LICENSES', 'NOTICE', 'README.md', 'SECURITY.md', 'code', 'docs', 'examples'],
      ...['json.d.ts', 'json.schema.json', 'package.json', 'sbom', 'spoke', 'template.json', 'ziti-glb.mjs'],
    ]);
    // A program is written against the package, with no other one beside it.
    writeFileSync(
      join(bare, 'reads.mts'),
      `import type { Status, Versions } from 'ziti-glb';
       export const ready = (status: Status) => status.zones.every(({ subnets }) => subnets.every(({ state }) => state === 'ready'));
       // @ts-expect-error No such state.
       export const gone = (status: Status) => status.zones.some(({ routers }) => routers.some(({ state }) => state === 'gone'));
       export const kernels = ({ schemaVersion, routers }: Versions): (string | number | undefined)[] => [schemaVersion, ...routers.map(({ kernel }) => kernel)];`,
    );
    const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
    const strictly = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', '', 'reads.mts'];
    expect(run(bare, process.execPath, tsc, ...strictly)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(join(installed, 'ziti-glb.mjs'))).toEqual(readFileSync(join(folder, 'ziti-glb.mjs')));
    // The package has what deploys as well: the templates, each with the code that it names. A spoke has no routers.
    const diverters = packages().map(({ sha256 }) => `diverter/${sha256}`);
    for (const [of, others] of [
      [installed, diverters],
      [join(installed, 'spoke'), []],
    ] as const) {
      const { Resources } = parseTemplate(readFileSync(join(of, 'template.json'), 'utf8'));
      const keys = [...JSON.stringify(Resources).matchAll(/\{codePrefix\}\/(\w+-[0-9a-f]{64}\.zip)/g)].map(
        ([, key = '']) => key,
      );
      expect(keys.map((key) => key.split('-')[0])).toEqual(expect.arrayContaining(['subnets', 'topology']));
      const code = [...keys, ...others];
      const files = globSync('**/*', { cwd: join(of, 'code'), withFileTypes: true }).filter((entry) => entry.isFile());
      expect(files.map(({ name }) => name).sort()).toEqual(code.map((key) => basename(key)).sort());
      for (const key of code) expect(key).toContain(run(join(of, 'code'), 'sha256sum', key).stdout.split(' ')[0]);
    }
  });
});
