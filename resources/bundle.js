import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';

/**
 * esbuild bundles each function with these, wherever it is.
 * @type {import('esbuild').BuildOptions}
 */
export const options = {
  bundle: true,
  minify: true,
  // The source map stands beside the bundle, not in the package: Lambda would load it at every cold start.
  sourcemap: 'external',
  metafile: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // The SDK's ES modules can be shaken; its CommonJS files cannot, and take twice as long to load.
  mainFields: ['module', 'main'],
  // CommonJS inside the bundle still asks for Node's own modules.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
};

/** A service's functions are made of these files: `build/functions/subnets.handler` of functions/subnets.ts. */
export const handlers = ({ functions }) =>
  Object.values(functions).map(({ handler }) => handler.replace(/^build\/functions\/|\.handler$/g, ''));

/**
 * Bundles functions, by name, of the project at `root`. Resolves to esbuild's result.
 * @param {string} root
 * @param {string[]} names
 * @param {import('esbuild').BuildOptions} [more]
 */
export function bundle(root, names, { plugins = [], ...more } = {}) {
  return build({
    ...options,
    absWorkingDir: root,
    entryPoints: names.map((name) => `functions/${name}.ts`),
    outdir: 'build/functions',
    outExtension: { '.js': '.mjs' },
    alias: { '@aws-sdk/credential-provider-node': './resources/credentials.js' },
    plugins: [plainKeys, ...plugins],
    ...more,
  });
}

/**
 * The SDK describes every shape of a service in one file, where keys are computed from constants: `{ [_xN]: _aA }`. To
 * compute a key may have an effect, so esbuild keeps all of them, thousands in EC2's case. Written as they are, those of
 * calls that nobody makes go.
 */
const plainKeys = {
  name: 'plain-keys',
  setup({ onLoad }) {
    onLoad({ filter: /@aws-sdk\/.*\/schemas\/schemas_\d+\.js$/ }, async ({ path }) => ({
      contents: withPlainKeys(await readFile(path, 'utf8')),
      loader: 'js',
    }));
  },
};

export function withPlainKeys(source) {
  const constants = new Map(
    [...source.matchAll(/^(?:export )?const (_\w+) = ("(?:[^"\\]|\\.)*");$/gm)].map(([, name, value]) => [name, value]),
  );
  return source.replace(/\[(_\w+)\]:/g, (computed, name) =>
    constants.has(name) ? `${constants.get(name)}:` : computed,
  );
}
