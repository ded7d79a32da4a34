import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { options } from '../resources/bundle.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Node 20 lacks this of what the sources use, and esbuild adds nothing that a library could: test/release/cli.test.ts looks for more. */
const MAP_GROUP_BY =
  'Map.groupBy ??= (items, keyOf) => { const groups = new Map(); let at = 0; for (const item of items) { const key = keyOf(item, at++); groups.get(key)?.push(item) ?? groups.set(key, [item]); } return groups; };';

/** The SDK warns of versions of Node that its next version will not run on. This file holds the one it has. */
const NO_WARNING = "process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';";

/**
 * Bundles bin/ziti-glb.ts into one file that Node 20 runs without any other. The same sources give the same bytes.
 * @param outfile an absolute path
 */
export async function buildCli(outfile: string, plugins: Plugin[] = []) {
  return await build({
    ...options,
    absWorkingDir: ROOT,
    entryPoints: ['bin/ziti-glb.ts'],
    outfile,
    sourcemap: false,
    target: 'node20',
    banner: { js: [options.banner?.js, NO_WARNING, MAP_GROUP_BY].join('\n') },
    plugins: [withDefaults, typedWithoutNpm, ...plugins],
  });
}

/** There is no serverless.yml and no spoke.yml beside the one file. */
const withDefaults: Plugin = {
  name: 'with-defaults',
  setup({ onLoad }) {
    onLoad({ filter: /\/bin\/defaults\.ts$/ }, async () => {
      const all = Object.entries(await import('../bin/defaults.ts'));
      const constants = all.map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`);
      return { contents: constants.join('\n'), loader: 'js' };
    });
  },
};

/** A command that is said to be typed next is typed in a checkout by npm, and by its own name where it is installed. */
const typedWithoutNpm: Plugin = {
  name: 'typed-without-npm',
  setup({ onLoad }) {
    onLoad({ filter: /\/(bin|shared)\/.*\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll('npm run -s ziti-glb --', 'ziti-glb'),
      loader: 'ts',
    }));
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildCli(join(ROOT, 'dist/ziti-glb.mjs'));
