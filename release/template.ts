import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };
import { packages } from '../resources/diverter.js';
import { computed, conditions, marker } from './intrinsics.js';
import { declarationOf, HUB, type PlainStack, parameterGroups, parametersOfTemplate, rulesFor } from './parameters.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** This name stands for the parameter `stage`, which is part of names that the framework checks. */
const STAGE = 'zzstagezz';
/** The framework makes this bucket to upload into. */
const BUCKET = 'ServerlessDeploymentBucket';

export interface Plain {
  /** A CloudFormation template with parameters, of the same resources that `serverless deploy` makes. */
  template: Record<string, unknown>;
  /** The bucket is to have these: paths of files by their keys, the prefix apart. */
  code: Map<string, string>;
}

/**
 * Packages the stack with a marker for each parameter, and puts CloudFormation's own parameters, conditions and rules in their place.
 * @param folder where the zip files of the functions are left, and `functions.cdx.json`, their bill of materials
 * @throws Error if a parameter is new and not known here
 */
export function plainTemplate(folder: string, stack: PlainStack = HUB): Plain {
  const parameters = parametersOfTemplate(manifest.version, stack);
  const packaged = packagedWithMarkers(folder, stack, Object.keys(parameters));
  const zips = new Map(
    declarationOf(stack).functions.map((name) => {
      const path = join(folder, `${name}.zip`);
      return [name, { path, key: `${name}-${sha256(path)}.zip` }];
    }),
  );
  const { Resources, Outputs, Conditions, ...rest } = packaged;
  for (const name of [BUCKET, `${BUCKET}Policy`]) delete Resources[name];
  delete Outputs[`${BUCKET}Name`];
  for (const resource of Object.values<Raw>(Resources)) {
    const properties = resource.Properties;
    if (resource.Type === 'AWS::Logs::LogGroup') properties.RetentionInDays = { Ref: 'logRetention' };
    if (resource.Type !== 'AWS::Lambda::Function') continue;
    properties.Architectures = [{ Ref: 'architecture' }];
    const name = basename(String(properties.Code.S3Key), '.zip');
    properties.Code.S3Key = `${marker('codePrefix')}/${zips.get(name)?.key}`;
  }
  const made = { Resources: withIntrinsics(Resources), Outputs: withIntrinsics(Outputs) };
  const template = {
    ...rest,
    Metadata: { 'AWS::CloudFormation::Interface': { ParameterGroups: parameterGroups(Object.keys(parameters)) } },
    Parameters: parameters,
    Rules: rulesFor(Object.keys(parameters)),
    Conditions: asked({ ...conditions, ...Object(withIntrinsics(Conditions)) }, made),
    ...made,
  };
  const code = new Map([...zips.values()].map(({ path, key }) => [key, path]));
  const text = JSON.stringify(made);
  for (const { path, sha256 } of packages()) if (text.includes(sha256)) code.set(`diverter/${sha256}`, path);
  return { template, code };
}

/** A part of a template asks for these conditions, and they for others of these. */
function asked(all: Raw, by: unknown): Raw {
  const text = JSON.stringify(by);
  const isAsked = ([name]: [string, unknown]) => text.includes(`"${name}"`);
  const found = Object.fromEntries(Object.entries(all).filter(isAsked));
  const others = Object.fromEntries(Object.entries(all).filter((each) => !isAsked(each)));
  return Object.keys(found).length === 0 ? {} : { ...asked(others, found), ...found };
}

// biome-ignore lint/suspicious/noExplicitAny: A template is what CloudFormation says it is, and is checked by tests.
type Raw = Record<string, any>;

function packagedWithMarkers(folder: string, stack: PlainStack, names: string[]): Raw {
  const { config } = stack;
  const { service } = declarationOf(stack);
  const work = mkdtempSync(join(tmpdir(), 'ziti-glb-template-'));
  try {
    for (const name of ['package.json', 'functions', 'shared', 'node_modules', 'bpf', 'release'])
      symlinkSync(join(ROOT, name), join(work, name));
    cpSync(join(ROOT, 'resources'), join(work, 'resources'), { recursive: true });
    const computes = (text: string) =>
      text.replaceAll(/file\(resources\/(parameters|diverter)\.js\)/g, 'file(release/intrinsics.js)');
    for (const path of globSync('resources/*.yml', { cwd: work }))
      writeFileSync(join(work, path), computes(readFileSync(join(work, path), 'utf8')));
    const serverless = computes(readFileSync(join(ROOT, config), 'utf8'))
      .replace('./resources/plugin.js', './release/plain-plugin.js')
      // The framework would take no markers for values.
      .replace('configValidationMode: error', 'configValidationMode: off');
    writeFileSync(join(work, config), serverless);
    // The framework wants a number of days.
    const marked = names.filter(
      (name) => !['logRetention', 'stage', 'codeBucket', 'codePrefix', 'tagKeys'].includes(name),
    );
    const given = marked.flatMap((name) => ['--param', `${name}=${marker(name)}`]);
    const program = join(ROOT, 'node_modules/serverless/bin/serverless.js');
    const place = ['--stage', STAGE, '--region', 'us-east-1'];
    const argv = [program, 'package', '--config', config, ...place, ...given];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd: work, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${config} could not be packaged: ${stdout}${stderr}`);
    mkdirSync(folder, { recursive: true });
    for (const path of globSync('.serverless/*.{zip,cdx.json}', { cwd: work }))
      copyFileSync(join(work, path), join(folder, basename(path)));
    const text = readFileSync(join(work, '.serverless/cloudformation-template-update-stack.json'), 'utf8');
    return JSON.parse(
      text
        // Logical ids have no parameters in them.
        .replaceAll(`${logicalPrefix(service)}${STAGE}`, logicalPrefix(service))
        .replaceAll(`serverless/${service}/${STAGE}`, marker('codePrefix'))
        .replaceAll(STAGE, marker('stage'))
        .replaceAll(BUCKET_REFERENCE, 'codeBucket'),
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The framework begins the logical ids of rules so. */
const logicalPrefix = (service: string) => `${service[0]?.toUpperCase()}${service.slice(1).replaceAll('-', '')}`;

/** References lead to the bucket itself, whose own resource and output are taken out. */
const BUCKET_REFERENCE = new RegExp(`(?<="Ref": ?"|\\$\\{)${BUCKET}(?="|\\})`, 'g');
const MARKER = /@@(\w+)@@/g;
const isMarked = (text: string) => text.search(MARKER) >= 0;

/** `Fn::Sub` fills a text with these in the place of markers: its own variables for what is no parameter. */
function variablesOf(text: string): Raw {
  const names = [...text.matchAll(MARKER)].map(([, name = '']) => name);
  return Object.fromEntries(Object.entries(computed).filter(([name]) => names.includes(name)));
}
const filled = (text: string) => text.replaceAll(MARKER, (_, name) => `\${${name}}`);

/** A template's part gets intrinsic functions in the place of its markers. */
function withIntrinsics(value: unknown): unknown {
  if (typeof value === 'string') return ofText(value);
  if (Array.isArray(value)) return value.map(withIntrinsics);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  if ('Fn::Sub' in value) return { 'Fn::Sub': ofSub(value['Fn::Sub']) };
  return Object.fromEntries(
    entries.map(([key, one]) => [
      key,
      key === 'PolicyDocument' && hasMarkedKeys(one) ? policyAsText(one) : withIntrinsics(one),
    ]),
  );
}

function ofText(text: string): unknown {
  if (!isMarked(text)) return text;
  const [whole, name = ''] = /^@@(\w+)@@$/.exec(text) ?? [];
  if (whole) return computed[name as keyof typeof computed] ?? { Ref: name };
  return { 'Fn::Sub': substitution(filled(text.replaceAll('${', '${!')), variablesOf(text)) };
}

function ofSub(argument: unknown): unknown {
  const [text, variables] = Array.isArray(argument) ? argument : [argument, {}];
  return substitution(filled(text), { ...Object(withIntrinsics(variables)), ...variablesOf(text) });
}

const substitution = (text: string, variables: Raw) => (Object.keys(variables).length > 0 ? [text, variables] : text);

function hasMarkedKeys(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, one]) => isMarked(key) || hasMarkedKeys(one));
}

/**
 * CloudFormation computes no keys, and a condition of a policy has a tag's key in its own: IAM's resources take a policy as text
 * too (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html: Json), which `Fn::Sub` fills.
 */
function policyAsText(policy: unknown, before = ''): unknown {
  const variables: Raw = {};
  const variable = (value: unknown) => {
    const name = `Part${Object.keys(variables).length}`;
    variables[name] = value;
    return `\${${name}}`;
  };
  const text = (value: unknown): string => {
    if (Array.isArray(value))
      return `[${value.map((one, at) => (isChoice(one) ? optional(one, at) : (at > 0 ? ',' : '') + text(one))).join('')}]`;
    if (typeof value === 'string') return JSON.stringify(filled(value.replaceAll('${', '${!')));
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    if (isIntrinsic(value)) return `"${variable(withIntrinsics(value))}"`;
    return `{${Object.entries(value)
      .map(([key, one]) => `${text(key)}:${text(one)}`)
      .join(',')}}`;
  };
  /** A statement that is there by a condition brings its comma along. */
  const optional = ({ 'Fn::If': [condition, then] }: { 'Fn::If': [string, unknown, unknown] }, at: number) => {
    if (at === 0) throw new Error('The first statement of a policy with computed keys cannot be one by a condition');
    return variable({ 'Fn::If': [condition, policyAsText(then, ','), ''] });
  };
  return { 'Fn::Sub': substitution(before + text(policy), variables) };
}

const isIntrinsic = (value: object) => {
  const [name = '', ...more] = Object.keys(value);
  return more.length === 0 && /^(Ref|Fn::\w+)$/.test(name);
};
const isChoice = (value: unknown): value is { 'Fn::If': [string, unknown, unknown] } =>
  typeof value === 'object' && value !== null && 'Fn::If' in value;

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
