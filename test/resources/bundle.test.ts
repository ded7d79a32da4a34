import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { build, type Metafile } from 'esbuild';
import { zipSync } from 'fflate';
import { bundle, options, withPlainKeys } from '../../resources/bundle.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

describe('a function is bundled', () => {
  let inputs: Record<string, string[]>;
  let code: Record<string, Uint8Array>;
  beforeAll(async () => {
    const { metafile, outputFiles } = await bundle(ROOT, ['routers', 'subnets'], { write: false });
    const outputs = Object.entries(metafile?.outputs ?? {}).filter(([path]) => path.endsWith('.mjs'));
    inputs = Object.fromEntries(outputs.map(([path, output]) => [basename(path, '.mjs'), inputsOf(output)]));
    code = Object.fromEntries(outputFiles?.map(({ path, contents }) => [basename(path), contents]) ?? []);
  });

  test.each(['routers', 'subnets'])('%s with the clients that it uses and no other', (name) => {
    const source = readFileSync(`${ROOT}functions/${name}.ts`, 'utf8');
    const bundled = new Set(inputs[name]?.flatMap((path) => /@aws-sdk\/(client-[\w-]+)/.exec(path)?.[1] ?? []));
    const imported = source.matchAll(/from '@aws-sdk\/(client-[\w-]+)'/g);
    expect([...bundled].sort()).toEqual([...imported].map(([, client]) => client).sort());
  });

  test.each(['routers', 'subnets'])(
    '%s with one provider of credentials: what Lambda has in the environment',
    (name) => {
      const providers = inputs[name]?.flatMap((path) => /@aws-sdk\/(credential-provider-[\w-]+)/.exec(path)?.[1] ?? []);
      expect([...new Set(providers)]).toEqual(['credential-provider-env']);
    },
  );

  test.each(['routers', 'subnets'])('%s small, its source map beside it', (name) => {
    const zip = zipSync({ [`${name}.mjs`]: code[`${name}.mjs`] ?? new Uint8Array() }, { level: 9 });
    // Bundles have half of what they may have: one that grows beyond has brought something along that nobody uses.
    expect(zip.length).toBeLessThan(210_000);
    const map = JSON.parse(Buffer.from(code[`${name}.mjs.map`] ?? []).toString());
    expect(map.sources).toContainEqual(expect.stringContaining('shared/reconcile/loop.ts'));
    expect(Buffer.from(code[`${name}.mjs`] ?? []).toString()).not.toContain('sourceMappingURL');
  });
});

describe('the schemas of a client stay what they are with plain keys', () => {
  test.each(['client-ec2', 'client-elastic-load-balancing-v2', 'client-ssm', 'client-s3', 'client-kms'])(
    '%s',
    async (client) => {
      const path = `${dirname(require.resolve(`@aws-sdk/${client}/package.json`))}/dist-es/schemas/schemas_0.js`;
      const source = readFileSync(path, 'utf8');
      const plain = withPlainKeys(source);
      expect(plain).not.toBe(source);
      expect(plain).not.toMatch(/[{ ]\[_\w+\]: /);
      expect(await exportsOf(plain, path)).toBe(await exportsOf(source, path));
    },
  );
});

function inputsOf({ inputs }: Metafile['outputs'][string]): string[] {
  return Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));
}

/** A module's exports are told as text; shapes refer to each other by functions, which are compared as they are written. */
async function exportsOf(contents: string, path: string): Promise<string> {
  const { outputFiles } = await build({
    ...options,
    ...{ minify: false, sourcemap: false, write: false, logLevel: 'silent' },
    stdin: { contents, resolveDir: dirname(path) },
  });
  const module = join(mkdtempSync(join(tmpdir(), 'schemas-')), 'schemas.mjs');
  writeFileSync(module, outputFiles?.[0]?.contents ?? '');
  const all: unknown = await import(module);
  rmSync(dirname(module), { recursive: true });
  return JSON.stringify({ ...Object(all) }, (_, value) => (typeof value === 'function' ? String(value) : value));
}
