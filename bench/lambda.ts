import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { unzipSync, zipSync } from 'fflate';
import { z } from 'zod';
import { startBox } from '../local/box.ts';
import { packageStack } from '../local/demo/package.ts';
import { noFabric } from '../local/fabric/none.ts';
import { options } from '../resources/bundle.js';
import { checkOut, diverterOf, EARLIER, isHere, ROOT } from './earlier.ts';

// Lambda's Node loads each function as it is deployed, in fresh processes: how long does it take, and how large is its package,
// beside a bundle that has only what every function must have, and beside an earlier build? Machines differ; these ratios do not.

/** Processes for each bundle. They take turns, so that what else the machine does hits all of them. */
const ROUNDS = 11;

const BARE = `
  import { EC2Client, DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
  import { ElasticLoadBalancingV2Client, DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
  import { SSMClient, SendCommandCommand } from '@aws-sdk/client-ssm';
  import { Logger } from '@aws-lambda-powertools/logger';
  import { z } from 'zod';
  const commands = [DescribeSubnetsCommand, DescribeTargetHealthCommand, SendCommandCommand];
  const clients = [new EC2Client(), new ElasticLoadBalancingV2Client(), new SSMClient()];
  export const handler = (event) => new Logger().info(z.string().parse(event), { commands, clients });`;

const LOAD = `
  const begun = performance.now();
  await import(process.argv[1]);
  console.log(JSON.stringify({ ms: performance.now() - begun, megabytes: process.memoryUsage.rss() / 1e6 }));`;
const loaded = z.object({ ms: z.number(), megabytes: z.number() });

interface Bundle {
  name: string;
  /** The build's name; empty for the bare bundle. */
  build: string;
  zip: Uint8Array;
  /** The module's path within the zip. */
  module: string;
  variables: Record<string, string>;
}

const folder = mkdtempSync(join(tmpdir(), 'bench-lambda-'));
try {
  const bundles = [
    await bare(),
    ...(isHere(EARLIER) ? await functions(checkOut(EARLIER), `at ${EARLIER}`) : []),
    ...(await functions(ROOT, 'this build')),
  ].sort((a, b) => a.name.localeCompare(b.name));
  const paths = bundles.map((bundle) => unpack(bundle));
  const runs = bundles.map((): z.infer<typeof loaded>[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, { variables }] of bundles.entries()) runs[index]?.push(load(paths[index] ?? '', variables));
  console.log(`Node ${process.version}, ${ROUNDS} fresh processes each:\n`);
  const ms = (bundle: Bundle) => runs[bundles.indexOf(bundle)]?.map((run) => run.ms) ?? [];
  console.table(
    bundles.map((bundle, index) => {
      const { name, build, zip, module } = bundle;
      const base = bundles.find((other) => other.name === name) ?? bundle;
      return {
        function: name,
        build,
        import: `${median(ms(bundle)).toFixed(0)} ms`,
        fastest: `${Math.min(...ms(bundle)).toFixed(0)} ms`,
        ratio: (median(ms(bundle)) / median(ms(base))).toFixed(2),
        zip: kilobytes(zip.length),
        bundle: kilobytes(unzipSync(zip)[module]?.length ?? 0),
        memory: `${median(runs[index]?.map((run) => run.megabytes)).toFixed(0)} MB`,
      };
    }),
  );
} finally {
  rmSync(folder, { recursive: true });
}

async function bare(): Promise<Bundle> {
  const { outputFiles } = await build({
    ...options,
    ...{ sourcemap: false, write: false },
    stdin: { contents: BARE, resolveDir: ROOT },
  });
  const module = 'bare.mjs';
  const zip = zipSync({ [module]: outputFiles?.[0]?.contents ?? new Uint8Array() }, { level: 9 });
  return { name: 'a bare one', build: '', zip, module, variables: {} };
}

/** Every function of the stack, packaged and deployed: the environment that it gets there is what it loads with. @param root the checkout */
async function functions(root: string, build: string): Promise<Bundle[]> {
  let packaged = '';
  const box = await startBox({
    rate: 60,
    fabric: async () => noFabric('only functions are looked at'),
    packaged: async ({ region, vpcId, subnetIds }) => {
      packaged = await packageStack(region, { vpcId, subnetIds }, { signal: AbortSignal.timeout(120_000), root });
      return packaged;
    },
    diverter: diverterOf(root),
    onLog: () => {},
  });
  await box.close();
  const lambda = z.object({
    Handler: z.string(),
    FunctionName: z.string(),
    Environment: z.object({ Variables: z.record(z.string(), z.coerce.string()) }),
  });
  return [...box.stack.resources.values()]
    .filter(({ type }) => type === 'AWS::Lambda::Function')
    .map(({ properties }) => {
      const { Handler, FunctionName, Environment } = lambda.parse(properties);
      const name = FunctionName.split('-').at(-1) ?? FunctionName;
      const module = Handler.replace(/\.\w+$/, '.mjs');
      return {
        name,
        build,
        zip: readFileSync(join(packaged, `${name}.zip`)),
        module,
        variables: Environment.Variables,
      };
    });
}

function unpack({ name, build, zip, module }: Bundle): string {
  const path = join(folder, `${name} ${build}.mjs`);
  writeFileSync(path, unzipSync(zip)[module] ?? '');
  return path;
}

function load(path: string, variables: Record<string, string>) {
  const env = { ...variables, PATH: process.env.PATH, AWS_REGION: 'eu-central-1', AWS_LAMBDA_FUNCTION_NAME: 'bench' };
  return loaded.parse(
    JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', LOAD, path], { env, encoding: 'utf8' })),
  );
}

function median(values: number[] = []): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}
