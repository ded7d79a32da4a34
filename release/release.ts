import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };
import { checkDiverter, packages } from '../resources/diverter.js';
import { bundleSbom, writeDiverterSboms } from '../resources/sbom.js';
import { buildCli } from './cli.ts';
import { jsonSchema } from './json-schema.ts';
import { HUB, type PlainStack, SPOKE } from './parameters.ts';
import { plainTemplate } from './template.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { name, version, description, license, engines } = manifest;
const CLI = 'ziti-glb.mjs';
const TEMPLATE = 'template.json';
/** A spoke's template has a folder of its own: its code goes into a bucket of another account. */
const OF_SPOKE = 'spoke';
const SCHEMA = 'json.schema.json';
/** Who has no checkout reads these, of which alarms and templates name some. */
const DOCUMENTS = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'NOTICE', 'LICENSES', 'docs', 'examples'];

/** A release lists its files here, each by its hash: the same sources make the same files. */
export const SUMS = 'SHA256SUMS';

/**
 * Makes a release in `dist/ziti-glb-VERSION`, new each time: the command line in one file, its package for npm, the diverter's
 * packages, the documents, the bills of materials, and the sums of all of them.
 * @returns the folder
 * @throws Error of one sentence if the diverter is not built, or is not what bpf/ has
 */
export async function release(folder = join(ROOT, `dist/${name}-${version}`)): Promise<string> {
  checkDiverter();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'sbom'), { recursive: true });

  await buildCli(join(folder, CLI), [bundleSbom(join(folder, 'sbom/ziti-glb.cdx.json'))]);
  for (const { path } of packages()) copyFileSync(path, join(folder, basename(path)));
  writeDiverterSboms(join(folder, 'sbom'));
  copyDocuments(folder);
  makeTemplate(folder, HUB, join(folder, 'sbom/functions.cdx.json'));
  makeTemplate(join(folder, OF_SPOKE), SPOKE, join(folder, 'sbom/spoke-functions.cdx.json'));
  pack(folder);

  const files = globSync('**', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  const sums = files.map((file) => `${sha256(join(folder, file))}  ${file}\n`);
  writeFileSync(join(folder, SUMS), sums.join(''));
  return folder;
}

/** Writes a stack's template, what is to be copied into a bucket for it as the folder `code`, and the bill of materials of its functions. */
function makeTemplate(folder: string, stack: PlainStack, sbom: string): void {
  const zips = mkdtempSync(join(tmpdir(), 'ziti-glb-code-'));
  try {
    const { template, code } = plainTemplate(zips, stack);
    for (const [key, path] of code) {
      mkdirSync(dirname(join(folder, 'code', key)), { recursive: true });
      copyFileSync(path, join(folder, 'code', key));
    }
    writeFileSync(join(folder, TEMPLATE), `${JSON.stringify(template, null, 2)}\n`);
    copyFileSync(join(zips, 'functions.cdx.json'), sbom);
  } finally {
    rmSync(zips, { recursive: true, force: true });
  }
}

/** Documents link to nothing but each other there, and commands are typed by their own name. */
function copyDocuments(folder: string): void {
  for (const document of DOCUMENTS) cpSync(join(ROOT, document), join(folder, document), { recursive: true });
  for (const path of globSync('**/*.md', { cwd: folder }).map((each) => join(folder, each)))
    writeFileSync(
      path,
      readFileSync(path, 'utf8')
        .replaceAll('npm run -s ziti-glb --', 'ziti-glb')
        .replaceAll(/\[([^\]]*)\]\(\.\.\/bpf\/[^)]*\)/g, '$1'),
    );
}

/** Makes the package for npm. It needs no other package: what it runs is in its one file. */
function pack(folder: string): void {
  const packed = mkdtempSync(join(tmpdir(), 'ziti-glb-package-'));
  try {
    copyFileSync(join(folder, CLI), join(packed, CLI));
    copyFileSync(join(ROOT, 'bin/json.ts'), join(packed, 'json.d.ts'));
    writeFileSync(join(packed, SCHEMA), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
    for (const part of [...DOCUMENTS, TEMPLATE, 'code', OF_SPOKE, 'sbom'])
      cpSync(join(folder, part), join(packed, part), { recursive: true });
    const own = {
      // npm publishes no private package: the name is nobody's.
      ...{ name, version, description, license, engines, type: 'module', private: true },
      bin: { [name]: CLI },
      exports: {
        '.': { types: './json.d.ts' },
        [`./${SCHEMA}`]: `./${SCHEMA}`,
        './package.json': './package.json',
      },
      types: 'json.d.ts',
      files: [CLI, 'json.d.ts', SCHEMA, TEMPLATE, 'code', OF_SPOKE, 'sbom', ...DOCUMENTS],
    };
    writeFileSync(join(packed, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
    const options: ExecFileSyncOptions = { cwd: packed, stdio: ['ignore', 'ignore', 'inherit'] };
    execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], options);
  } finally {
    rmSync(packed, { recursive: true, force: true });
  }
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const folder = await release();
    process.stdout.write(readFileSync(join(folder, SUMS), 'utf8'));
    console.log(`\n${folder}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
