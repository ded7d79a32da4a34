import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { S3 } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { type Box, startBox } from '../../local/box.ts';
import { packageStack } from '../../local/demo/package.ts';
import { compilePattern } from '../../local/events/pattern.ts';
import { noFabric } from '../../local/fabric/none.ts';
import { resolve } from '../../local/stack/intrinsics.ts';
import { planStack } from '../../local/stack/plan.ts';
import { parseTemplate, type Template } from '../../local/stack/template.ts';
import { serve } from '../../local/wire/server.ts';
import { SPOKE } from '../../release/parameters.ts';
import { plainTemplate } from '../../release/template.ts';
import { localPackage } from '../../resources/diverter.js';
import { anyEvent, MATCHES, patternOf, REFUSED } from '../local/events/patterns.ts';
import { testCloud } from '../support/cloud.ts';
import { PROVIDER, plugins, provider, stackResource, TERRAFORM, terraformUnavailable } from '../support/terraform.ts';
import { DIFFERENCES } from './differences.ts';

/**
 * Second opinions: what others' programs say of our templates, policies and patterns, and of the cloud in a box. Each is pinned, and
 * installed by this in a folder of its own, below `OPINIONS` if that is given, where the next run finds it. One that cannot be had is named.
 *
 * second-opinions [NAME ...]: these alone. Exit code 1 if one differs otherwise than differences.ts says, by more or by less.
 */

const HERE = fileURLToPath(new URL('.', import.meta.url));
const folder = process.env.OPINIONS ?? mkdtempSync(join(tmpdir(), 'opinions-'));
const sh = promisify(execFile);

/** An opinion says how much it looked at, and each thing in which it differs, as a line. */
interface Opinion {
  of: string;
  differs: string[];
}

/** Thrown where a program cannot be had on this machine. */
class Missing extends Error {}

/** A program is installed once, in a folder. */
async function installed(name: string, install: (place: string) => Promise<unknown>): Promise<string> {
  const place = join(folder, name);
  if (existsSync(join(place, '.done'))) return place;
  mkdirSync(place, { recursive: true });
  try {
    await install(place);
  } catch (error) {
    const { stderr = '', message = '' } = Object(error);
    throw new Missing(`it could not be installed: ${(stderr || message).trim().split('\n').at(-1)}`);
  }
  writeFileSync(join(place, '.done'), '');
  return place;
}

/** Python's packages have their programs in an environment of their own. */
const python = async (name: string, ...packages: string[]) =>
  join(
    await installed(name, async (place) => {
      await sh('python3', ['-m', 'venv', place]);
      await sh(join(place, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...packages]);
    }),
    'bin',
  );

/** Returns what a program says, whatever it ends with. */
function said(
  program: string,
  args: string[],
  { cwd = folder, input = '', environment = {} as Record<string, string> } = {},
) {
  const env = {
    ...process.env,
    AWS_ACCESS_KEY_ID: 'AKIDTEST',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_DEFAULT_REGION: 'eu-central-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...environment,
  };
  const child = spawn(program, args, { cwd, env, stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise<{ status: number | null; stdout: string; stderr: string }>((done, failed) => {
    child.on('error', failed).on('close', (status) => done({ status, stdout, stderr }));
  });
}

const work = mkdtempSync(join(tmpdir(), 'opinions-work-'));
/** The plain template is made, with its path, when one first asks for it. */
let made: { template: Template; path: string } | undefined;
function plain() {
  if (made) return made;
  const path = join(work, 'template.json');
  writeFileSync(path, JSON.stringify(plainTemplate(work).template));
  made = { template: parseTemplate(readFileSync(path, 'utf8')), path };
  return made;
}

const vpcId = 'vpc-0123456789abcdef0';
const GIVEN = { vpcId, subnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1', codeBucket: 'bucket' };

/** `Ref` gives this of a resource, in the form that its type has. */
function refOf(name: string): string {
  const balancing = 'arn:aws:elasticloadbalancing:eu-central-1:111122223333';
  switch (plain().template.Resources[name]?.Type) {
    case 'AWS::ElasticLoadBalancingV2::LoadBalancer':
      return `${balancing}:loadbalancer/gwy/${name}/0123456789abcdef`;
    case 'AWS::ElasticLoadBalancingV2::TargetGroup':
      return `${balancing}:targetgroup/${name}/0123456789abcdef`;
    case 'AWS::EC2::VPCEndpointService':
      return 'vpce-svc-0123456789abcdef0';
    default:
      return `ziti-glb-test-${name}`;
  }
}

/** The template has its parameters filled in, as the packaged one has them. */
function filledIn(given: Record<string, string>): Template['Resources'] {
  const place = {
    name: 'ziti-glb-test',
    region: 'eu-central-1',
    account: '111122223333',
    zones: ['eu-central-1a', 'eu-central-1b'],
  };
  const types = new Set(Object.values(plain().template.Resources).map(({ Type }) => Type));
  const any = Object.assign([] as string[], { includes: () => true });
  const { scope, resources } = planStack(plain().template, { ...given }, place, (type) =>
    types.has(type) ? any : undefined,
  );
  const all = {
    ...scope,
    ref: (name: string) => (name in plain().template.Resources ? refOf(name) : scope.ref(name)),
    getAtt: (name: string, attribute: string) =>
      attribute.endsWith('Arn')
        ? `arn:aws:${plain().template.Resources[name]?.Type.split('::')[1]?.toLowerCase()}:eu-central-1:111122223333:${name}`
        : `${name}-${attribute}`,
  };
  return Object.fromEntries(
    resources.map(({ logicalId, declaration }) => [
      logicalId,
      { ...declaration, Properties: JSON.parse(JSON.stringify(resolve(declaration.Properties, all))) },
    ]),
  );
}

const OPINIONS: Record<string, () => Promise<Opinion>> = {
  async 'cfn-lint 1.58.0'() {
    const bin = await python('cfn-lint', 'cfn-lint==1.58.0');
    const examples = readdirSync(join(HERE, '../../examples')).filter((name) => /^(network|routers)\.yml$/.test(name));
    const made = [
      ...packaged('serverless.yml', { vpcId, subnetIds: GIVEN.subnetIds }),
      ...packaged('spoke.yml', {
        hubService: 'com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0',
        hubHealth: 'arn:aws:lambda:us-east-1:111122223333:function:ziti-glb-dev-health',
      }),
    ];
    const spoke = join(work, 'spoke.json');
    writeFileSync(spoke, JSON.stringify(plainTemplate(mkdtempSync(join(work, 'spoke-')), SPOKE).template));
    const files = [plain().path, spoke, ...made, ...examples.map((name) => join(HERE, '../../examples', name))];
    const { stdout } = await said(join(bin, 'cfn-lint'), [
      '--format',
      'json',
      '--regions',
      'eu-central-1',
      'us-east-1',
      '--',
      ...files,
    ]);
    const found: { Rule: { Id: string }; Message: string; Filename: string }[] = JSON.parse(stdout || '[]');
    return {
      of: `the plain template and a spoke's, ${made.length} packaged ones, and examples/${examples.join(', ')}`,
      differs: found.map(({ Rule, Message, Filename }) => `${Filename.split('/').at(-1)}: ${Rule.Id} ${Message}`),
    };
  },

  async 'cfn-lint 1.58.0, its schemas'() {
    const bin = await python('cfn-lint', 'cfn-lint==1.58.0');
    const { types } = JSON.parse(readFileSync(join(HERE, '../resources/handlers.json'), 'utf8'));
    const { stdout, stderr } = await said(join(bin, 'python'), [join(HERE, 'handlers.py')], {
      input: JSON.stringify(Object.keys(types)),
    });
    if (stderr.includes('Traceback')) throw new Error(stderr);
    return {
      of: `the handlers of ${Object.keys(types).length} types, by which the deployer's policy is tested`,
      differs: unequal(types, JSON.parse(stdout), 'types'),
    };
  },

  async 'event-ruler 2.1.0'() {
    const lib = await installed('event-ruler', async (place) => {
      copyFileSync(join(HERE, 'pom.xml'), join(place, 'pom.xml'));
      copyFileSync(join(HERE, 'Matches.java'), join(place, 'Matches.java'));
      await sh('mvn', ['--batch-mode', '--quiet', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], {
        cwd: place,
      });
      await sh('javac', ['-cp', 'lib/*', 'Matches.java'], { cwd: place });
    });
    // No event of AWS has an empty name.
    const named = anyEvent.filter((event) => !JSON.stringify(event).includes('"":'));
    const events = fc.sample(named, { numRuns: 400, seed: 1 });
    const pairs: [name: string, pattern: unknown, event: unknown][] = [
      ...MATCHES.map(([name, pattern, event]): [string, unknown, unknown] => [name, pattern, event]),
      ...REFUSED.map(([name, pattern]): [string, unknown, unknown] => [`a pattern ${name}`, pattern, {}]),
      ['an empty name', { tags: { '': ['x'] } }, { tags: { '': 'x' } }],
      ...events.map((event, at): [string, unknown, unknown] => [
        'a random event',
        patternOf(event),
        at % 2 ? event : events[at + 1],
      ]),
    ].filter((pair): pair is [string, unknown, unknown] => pair[2] !== undefined);
    const input = pairs.map(([, pattern, event]) => `${JSON.stringify([pattern, event])}\n`).join('');
    const { stdout, stderr } = await said('java', ['-cp', 'lib/*:.', 'Matches'], { cwd: lib, input });
    const theirs = stdout.trim().split('\n');
    if (theirs.length !== pairs.length) throw new Error(`it answered ${theirs.length} of ${pairs.length}: ${stderr}`);
    const ours = (pattern: unknown, event: unknown) => {
      try {
        return String(compilePattern(pattern)(event));
      } catch {
        return 'refused';
      }
    };
    return {
      of: `${pairs.length} patterns, each with an event`,
      differs: pairs.flatMap(([name, pattern, event], at) => {
        const [box, ruler] = [ours(pattern, event), theirs[at]];
        return box === ruler ? [] : [`${name}: ${ruler}, here ${box}: ${JSON.stringify([pattern, event])}`];
      }),
    };
  },

  async 'boto3 1.43.13 and the AWS CLI 1.45.13, before the box'() {
    const bin = await python('aws', 'boto3==1.43.13', 'awscli==1.45.13');
    const { url, close } = await box();
    try {
      const steps = await sequence(join(bin, 'python'), url, 'ami-1');
      const failed = steps.filter(
        ([name, said]) => name === 'the end' || (name.startsWith('wait ') && said !== 'done'),
      );
      const vpcs = await said(join(bin, 'aws'), [
        '--endpoint-url',
        url,
        'ec2',
        'describe-vpcs',
        '--query',
        'Vpcs[].CidrBlock',
        '--output',
        'text',
      ]);
      const groups = await said(join(bin, 'aws'), [
        '--endpoint-url',
        url,
        'elbv2',
        'describe-target-groups',
        '--query',
        'TargetGroups[].Protocol',
        '--output',
        'text',
      ]);
      const cli = [vpcs, groups].map(({ stdout, stderr }) => stdout.trim() || stderr.trim());
      return {
        of: `${steps.length} calls, ${steps.filter(([name]) => name.startsWith('wait ')).length} waiters, two commands`,
        differs: [
          ...failed.map(([name, said]) => `${name}: ${said}`),
          ...(cli.join() === '10.0.0.0/16,GENEVE' ? [] : [`the AWS CLI says ${cli.join(' and ')}`]),
        ],
      };
    } finally {
      await close();
    }
  },

  async 'moto 5.2.5, beside the box'() {
    const [clients, bin] = [await python('aws', 'boto3==1.43.13', 'awscli==1.45.13'), await python('moto', ...MOTO)];
    const { url, close } = await box();
    const moto = await motoServer(bin);
    try {
      const interpreter = join(clients, 'python');
      const [ours, theirs] = [
        await sequence(interpreter, url, 'ami-1'),
        await sequence(interpreter, moto.url, 'ami-12c6146b'),
      ];
      const there = new Map(theirs.map(([name, said]) => [name, JSON.stringify(said)]));
      return {
        of: `${ours.length} calls`,
        differs: ours.flatMap(([name, said]) => {
          const [box, other] = [JSON.stringify(said), there.get(name)];
          return box === other ? [] : [`${name}: ${other ?? 'it did not get so far'}, here ${box}`];
        }),
      };
    } finally {
      moto.close();
      await close();
    }
  },

  async 'parliament 1.6.4'() {
    const bin = await python('parliament', 'parliament==1.6.4', 'setuptools<80');
    const resources = Object.entries(filledIn(GIVEN));
    // Policies of keys and queues are of no identity: parliament wants ARNs of services in them, where resources are asked for.
    const roles = resources.filter(([, { Type }]) => Type === 'AWS::IAM::Role');
    const examples = ['deployer', 'operator', 'tag'].map((name): [string, unknown] => [
      `examples/${name}-policy.json`,
      JSON.parse(readFileSync(join(HERE, `../../examples/${name}-policy.json`), 'utf8')),
    ]);
    const policies = [...roles.flatMap(([name, { Properties }]) => policiesOf(name, Properties)), ...examples];
    const { stdout, stderr } = await said(join(bin, 'python'), [join(HERE, 'policies.py')], {
      input: JSON.stringify(policies),
    });
    if (policies.length === 0 || stderr.includes('Traceback')) throw new Error(stderr);
    const found: [string, string, string][] = stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    return {
      of: `${policies.length} policies: those of the template's roles, and the examples'`,
      differs: found.map(([name, issue, detail]) => `${name}: ${issue} ${detail}`),
    };
  },

  async 'SAM 1.170.0'() {
    const bin = await python('sam', 'aws-sam-cli==1.170.0');
    const environment = { SAM_CLI_TELEMETRY: '0' };
    const { status, stdout, stderr } = await said(
      join(bin, 'sam'),
      ['validate', '--lint', '--template-file', plain().path, '--region', 'eu-central-1'],
      { environment },
    );
    const lines = `${stdout}${stderr}`.split('\n').filter((line) => /^(?:\[?[EW]\d{4}|Error|.*: [EW]\d{4})/.test(line));
    return {
      of: 'sam validate --lint of the plain template',
      differs: status === 0 ? [] : lines.length > 0 ? lines : [`${stdout}${stderr}`.trim()],
    };
  },

  async 'aws-cdk-lib 2.276.0, CfnInclude'() {
    const place = await installed('cdk', async (at) => {
      writeFileSync(join(at, 'package.json'), '{"private":true}');
      await sh('npm', ['install', '--silent', '--no-audit', '--no-fund', 'aws-cdk-lib@2.276.0', 'constructs@10.8.1'], {
        cwd: at,
      });
    });
    writeFileSync(
      join(place, 'synth.cjs'),
      `const { App, Stack } = require('aws-cdk-lib'); const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
       const app = new App({ outdir: process.argv[3], analyticsReporting: false });
       const stack = new Stack(app, 'Included', { synthesizer: new (require('aws-cdk-lib').LegacyStackSynthesizer)() });
       new CfnInclude(stack, 'Template', { templateFile: process.argv[2] });
       process.stdout.write(JSON.stringify(app.synth().getStackByName('Included').template));`,
    );
    const { status, stdout, stderr } = await said(
      process.execPath,
      ['synth.cjs', plain().path, join(work, 'cdk.out')],
      {
        cwd: place,
      },
    );
    if (status !== 0)
      return {
        of: 'the plain template',
        differs: [
          stderr
            .trim()
            .split('\n')
            .find((line) => /Error/.test(line)) ?? stderr,
        ],
      };
    const made = JSON.parse(stdout);
    const parts = ['Parameters', 'Rules', 'Conditions', 'Resources', 'Outputs'] as const;
    return {
      of: `the plain template, ${Object.keys(made.Resources).length} resources`,
      differs: parts.flatMap((part) => unequal(JSON.parse(readFileSync(plain().path, 'utf8'))[part], made[part], part)),
    };
  },

  async [`Terraform ${TERRAFORM}, provider aws ${PROVIDER}, before moto`]() {
    const unavailable = terraformUnavailable();
    if (unavailable) throw new Missing(unavailable);
    const moto = await motoServer(await python('moto', ...MOTO));
    try {
      const place = mkdtempSync(join(work, 'terraform-'));
      copyFileSync(plain().path, join(place, 'template.json'));
      writeFileSync(join(place, 'main.tf'), terraformBeforeMoto(moto.url));
      const steps = [['validate'], ['plan'], ['apply'], ['plan', '-detailed-exitcode'], ['destroy']];
      return {
        of: 'init, validate, plan, apply, a plan after it, destroy',
        differs: await terraform(place, [['init', `-plugin-dir=${plugins}`], ...steps]),
      };
    } finally {
      moto.close();
    }
  },

  async [`Terraform ${TERRAFORM}, provider aws ${PROVIDER}, before the box`]() {
    const unavailable = terraformUnavailable();
    if (unavailable) throw new Missing(unavailable);
    const box = await startBox({
      ...{ rate: 60, diverter: localPackage(), onLog() {} },
      fabric: async () => noFabric('nobody sends packets'),
      packaged: ({ region, vpcId, subnetIds }) =>
        packageStack(region, { vpcId, subnetIds }, { root: `${checkout('serverless.yml')}/` }),
    });
    const { endpoint, region, credentials } = box;
    const [s3, cloudFormation] = [
      new S3({ endpoint, region, credentials }),
      new CloudFormation({ endpoint, region, credentials }),
    ];
    try {
      await s3.createBucket({ Bucket });
      const { template, code } = plainTemplate(mkdtempSync(join(work, 'code-')));
      await s3.putObject({ Bucket, Key: 'template.json', Body: JSON.stringify(template) });
      const { version } = JSON.parse(readFileSync(join(HERE, '../../package.json'), 'utf8'));
      for (const [key, path] of code)
        await s3.putObject({ Bucket, Key: `ziti-glb/${version}/${key}`, Body: readFileSync(path) });
      const place = mkdtempSync(join(work, 'terraform-'));
      writeFileSync(join(place, 'main.tf'), terraformBeforeBox(box));
      const changed = '-var=idleTimeout=120';
      const differs = await terraform(place, [
        ['init', `-plugin-dir=${plugins}`],
        ['apply'],
        ['plan', '-detailed-exitcode'],
        ['apply', changed],
        ['plan', '-detailed-exitcode', changed],
      ]);
      const { Stacks: [made] = [] } = await cloudFormation.describeStacks({ StackName: 'ziti-glb-dev' });
      const idle = made?.Parameters?.find(({ ParameterKey }) => ParameterKey === 'idleTimeout')?.ParameterValue;
      if (made?.StackStatus !== 'UPDATE_COMPLETE' || idle !== '120')
        differs.push(`after a change the stack is ${made?.StackStatus}, with an idleTimeout of ${idle}`);
      differs.push(...(await terraform(place, [['destroy', changed]])));
      const { Stacks: [gone] = [] } = await cloudFormation.describeStacks({ StackName: made?.StackId });
      if (gone?.StackStatus !== 'DELETE_COMPLETE') differs.push(`after destroy the stack is ${gone?.StackStatus}`);
      return { of: 'init, apply of the plain template, a change, a plan after each, destroy', differs };
    } finally {
      for (const client of [s3, cloudFormation]) client.destroy();
      await box.close();
    }
  },
};

/** Terraform's commands one after the other, until one fails: what each says that it does not do. */
async function terraform(place: string, commands: string[][]): Promise<string[]> {
  const differs: string[] = [];
  for (const [command = '', ...args] of commands) {
    const unasked = command === 'apply' || command === 'destroy' ? ['-auto-approve', '-input=false'] : [];
    const { status, stdout, stderr } = await said('terraform', [command, ...args, ...unasked, '-no-color'], {
      cwd: place,
      environment: { CHECKPOINT_DISABLE: '1' },
    });
    if (status === 0) continue;
    const why = /Error: .*/.exec(stderr) ?? /Plan: .*/.exec(stdout);
    differs.push(`terraform ${command}: ${why?.[0] ?? `exit code ${status}`}`);
    // A plan that is not empty has code 2, and what was made is to go all the same.
    if (status !== 2) break;
  }
  return differs;
}

const MOTO = ['moto[server,ec2,elbv2,cloudformation,autoscaling,ssm]==5.2.5'];

const Bucket = 'code-of-ziti-glb';

/** As docs/deploying.md has it, beside the box's own stack. Template and code stand in the bucket beforehand. */
const terraformBeforeBox = ({ endpoint, credentials, network: { vpcId, subnetIds } }: Box) => `
${provider(endpoint, ['cloudformation'], credentials)}
variable "idleTimeout" {
  default = 350
}
locals {
  template = { bucket = "${Bucket}", key = "template.json" }
}
${stackResource(`"${vpcId}"`, `"${subnetIds}"`)
  .replaceAll('aws_s3_object.template', 'local.template')
  .replace('parameters = {', 'parameters = {\n    tagKey = "terraform"\n    idleTimeout = var.idleTimeout')}
`;

/** The same, with a network and a bucket that Terraform makes. */
const terraformBeforeMoto = (url: string) => `
${provider(url, ['cloudformation', 'ec2', 's3', 'sts'], { accessKeyId: 'a', secretAccessKey: 'b' })}
resource "aws_vpc" "routers" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_subnet" "nodes" {
  count             = 2
  vpc_id            = aws_vpc.routers.id
  cidr_block        = "10.0.\${count.index}.0/24"
  availability_zone = ["eu-central-1a", "eu-central-1b"][count.index]
}
resource "aws_s3_bucket" "code" {
  bucket = "${Bucket}"
}
resource "aws_s3_object" "template" {
  bucket = aws_s3_bucket.code.id
  key    = "ziti-glb/template.json"
  source = "template.json"
  etag   = filemd5("template.json")
}
${stackResource('aws_vpc.routers.id', 'join(",", aws_subnet.nodes[*].id)')}
`;

/** A cloud in a box at a port, whose time goes on by a second in each twentieth. */
async function box() {
  const { wire, clock } = testCloud();
  const server = await serve(wire);
  const time = setInterval(() => void clock.run(1_000), 50);
  return {
    url: server.url,
    async close() {
      clearInterval(time);
      await server.close();
    },
  };
}

async function motoServer(bin: string) {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  const child = spawn(join(bin, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 600; tries++) {
    if (
      await fetch(`${url}/moto-api/`).then(
        (answer) => answer.ok,
        () => false,
      )
    )
      break;
    await sleep(200);
  }
  return { url, close: () => child.kill() };
}

async function sequence(interpreter: string, url: string, image: string): Promise<[name: string, said: unknown][]> {
  const { stdout, stderr } = await said(interpreter, [join(HERE, 'sequence.py'), url, image]);
  const steps = stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (stderr.includes('Traceback')) steps.push(['the end', stderr.trim().split('\n').at(-1)]);
  return steps;
}

function policiesOf(name: string, value: unknown): [name: string, policy: unknown][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === 'PolicyDocument'
      ? [[name, typeof each === 'string' ? JSON.parse(each) : each] as [string, unknown]]
      : policiesOf(name, each),
  );
}

/** Two values differ at these paths. A list of one may be its member. */
function unequal(a: unknown, b: unknown, path: string): string[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return [];
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return [`${path}: ${JSON.stringify(b)?.slice(0, 80)}, here ${JSON.stringify(a)?.slice(0, 80)}`];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    unequal(Object(a)[key], Object(b)[key], `${path}.${key}`),
  );
}

/** The checkout again, as far as a file is packaged there: what a demo or a test packages meanwhile would have the same folder. */
function checkout(config: string): string {
  const root = join(HERE, '../..');
  const place = mkdtempSync(join(work, 'packaged-'));
  copyFileSync(join(root, config), join(place, config));
  for (const name of ['package.json', 'functions', 'shared', 'examples', 'node_modules', 'resources', 'bpf'])
    symlinkSync(join(root, name), join(place, name));
  return place;
}

/** The templates that Serverless makes of a file. */
function packaged(config: string, parameters: Record<string, string>): string[] {
  const place = checkout(config);
  const folder = join(place, '.serverless');
  const given = Object.entries(parameters).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(place, 'node_modules/serverless/bin/serverless.js'),
      ...['package', '--config', config, '--region', 'us-east-1', ...given],
    ],
    { cwd: place, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stdout + stderr);
  return readdirSync(folder)
    .filter((name) => /^cloudformation-template-\w+-stack\.json$/.test(name))
    .map((name) => join(folder, name));
}

const asked = process.argv.slice(2);
let wrong = 0;
const failed: string[] = [];
try {
  console.log(
    `${new Date().toISOString().slice(0, 16)}Z, load ${loadavg()[0]?.toFixed(0)} on ${availableParallelism()} cores\n`,
  );
  console.log('| Who | Of what | Differs | Of that explained | Seconds |\n| --- | --- | ---: | ---: | ---: |');
  const told: string[] = [];
  for (const [name, opinion] of Object.entries(OPINIONS)) {
    if (asked.length > 0 && !asked.some((word) => name.toLowerCase().includes(word.toLowerCase()))) continue;
    const began = Date.now();
    try {
      const { of, differs } = await opinion();
      const reasons = DIFFERENCES[name] ?? [];
      const why = (line: string) => reasons.find(([pattern]) => pattern.test(line));
      const open = differs.filter((line) => !why(line));
      const vanished = reasons.filter((one) => !differs.some((line) => why(line) === one));
      wrong += open.length + vanished.length;
      const seconds = Math.round((Date.now() - began) / 1000);
      console.log(`| ${name} | ${of} | ${differs.length} | ${differs.length - open.length} | ${seconds} |`);
      for (const [pattern, reason] of reasons) {
        const [first = '', ...others] = differs.filter((line) => why(line)?.[0] === pattern);
        const more = others.length > 0 ? ` (and ${others.length} like it)` : '';
        if (first) told.push(`- ${name}: ${first.slice(0, 200)}${more}. ${reason}`);
      }
      for (const [pattern] of vanished) told.push(`- ${name}: **no longer differs** in ${pattern}`);
      for (const line of open) told.push(`- ${name}: **not explained**: ${line.slice(0, 600)}`);
    } catch (error) {
      if (error instanceof Missing) console.log(`| ${name} | not run: ${error.message} | | | |`);
      else failed.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  console.log(`\n${[...told, ...failed.map((one) => `- **failed**: ${one}`)].join('\n')}`);
} finally {
  rmSync(work, { recursive: true });
  if (!process.env.OPINIONS) rmSync(folder, { recursive: true });
}
process.exitCode = wrong + failed.length > 0 ? 1 : 0;
