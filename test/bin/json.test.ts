import { describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import type * as z from 'zod';
import { shown } from '../../bin/commands/plan.ts';
import type { DiverterStatus } from '../../bin/diverter-status.ts';
import type { Explanation } from '../../bin/explain/explanation.ts';
import type { Finding } from '../../bin/finding.ts';
import { SCHEMA_VERSION } from '../../bin/formats.ts';
import type * as json from '../../bin/json.ts';
import { COMMANDS } from '../../bin/run.ts';
import type { Deployment } from '../../bin/stack-deployment.ts';
import { type DOCUMENTS, type Documents, jsonSchema } from '../../release/json-schema.ts';
import type { Topology } from '../../shared/topology/model.ts';
import { read } from '../support/documents.ts';
import { answering } from './diverters.ts';
import { flaws } from './flaws.ts';
import { deployed, serverless } from './stage.ts';

/** Takes a type only where each can stand for the other: `tsc` refuses what is said otherwise than it is made. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;
type Schemas = { [Name in keyof typeof DOCUMENTS]: z.infer<(typeof DOCUMENTS)[Name]> };
/** The schema says 1 literally, which is a number for who reads it. */
type Wider<T> = T extends readonly (infer U)[]
  ? Wider<U>[]
  : T extends object
    ? { [K in keyof T]: K extends 'schemaVersion' ? number : Wider<T[K]> }
    : T;

test('what programs are told of --json is what commands make', () => {
  const same: [
    Same<json.Status, json.Versioned & Topology>,
    Same<json.Findings, Finding[]>,
    Same<json.Explanation['chain'], Explanation['chain']>,
    Same<json.DiverterStatus, DiverterStatus>,
    Same<json.Config, json.Versioned & Deployment>,
    Same<json.Precheck, Finding[]>,
    Same<Wider<Schemas>, Wider<Documents>>,
  ] = [true, true, true, true, true, true, true];
  const nothing = shown({ steps: [], conditions: [] }, () => '');
  const plans: Omit<json.Plan, keyof json.Versioned> = { subnets: nothing, routers: nothing };
  expect([...same, plans]).toHaveLength(8);
});

test('needs nothing of this project, as a package gives it on', () => {
  expect(read('bin/json.ts')).not.toMatch(/^import|from '/m);
  expect(read('bin/json.ts').match(/^export (?!interface|type)/gm)).toBeNull();
});

describe('what is printed is of the schema that a package gives on,', () => {
  /** A stack has all that a document may have in it: routers and subnets in several states, and what is in the way. */
  const stage = async () => {
    const stack = await deployed({ deployed: [serverless({ vpcId: 'vpc-1', idleTimeout: '400' })] });
    answering(stack);
    const router = await stack.router(stack.vpc.a0, 'router-1');
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    for (let minute = 0; minute < 4; minute++) await stack.pass();
    await stack.router(stack.vpc.b0, 'router-2');
    await stack.tag(stack.vpc.b1, 'oops');
    await stack.logged('subnets', { message: 'a line', level: 'WARN' });
    const given: Record<string, string> = {
      ...{ explain: `${stack.vpc.b1}`, test: stack.vpc.a1, router },
      precheck: `--param vpcId=${stack.vpc.vpc} --param subnetIds=${stack.vpc.a0},${stack.vpc.b0}`,
    };
    const line = (command: string) => [command, given[command]].filter(Boolean).join(' ');
    return { ask: (words: string) => stack.cli(words, { onSleep: stack.onSleep }), line };
  };
  const commands = Object.entries(COMMANDS).flatMap(([name, { options }]) => ('json' in options ? [name] : []));

  test('and every command that prints any has one', () => {
    expect(Object.keys(jsonSchema().$defs).sort()).toEqual([...commands, 'bundle'].sort());
  });

  // `test` needs a client that answers: test.test.ts.
  test.each(commands.filter((name) => name !== 'test'))('%s: as JSON, and the same as YAML', async (command) => {
    const { ask, line } = await stage();
    const { out, err } = await ask(`${line(command)} --json`);
    expect(err).toBe('');
    const documents: unknown[] = out.split('\n').map((text) => JSON.parse(text));
    expect(documents.length).toBeGreaterThan(0);
    for (const document of documents) {
      expect(flaws(command, document)).toEqual([]);
      if (!Array.isArray(document)) expect(Object(document).schemaVersion).toBe(SCHEMA_VERSION);
    }
    const asYaml = (await ask(`${line(command)} -o yaml`)).out;
    const again = parseAllDocuments(asYaml).map((each) => each.toJS());
    // Each asks anew, and time goes on.
    const still = (value: unknown) => JSON.stringify(value).replace(/"at":\d+|2 active/g, '');
    expect(again.map(still)).toEqual(documents.map(still));
    expect((await ask(`${line(command)} --output json`)).out.replace(/"at":\d+/g, '')).toBe(
      out.replace(/"at":\d+/g, ''),
    );
  });

  test('bundle: with all of these in it', async () => {
    const { ask } = await stage();
    const { out } = await ask('bundle');
    expect(flaws('bundle', JSON.parse(out))).toEqual([]);
  });

  test('which refuses what is missing, or is not named', () => {
    const finding = { is: 'ok', check: 'a', says: 'b', remedy: '' };
    expect(flaws('doctor', [finding])).toEqual([]);
    for (const wrong of [[{ ...finding, more: 1 }], [{ is: 'ok' }], [{ ...finding, is: 'fine' }], finding])
      expect(flaws('doctor', wrong)).not.toEqual([]);
    // Readers of an earlier version take what a later one adds.
    expect(flaws('doctor', [{ ...finding, more: 1 }], 'open')).toEqual([]);
  });
});

describe('--output', () => {
  test('wide shows more columns, whatever the terminal has', async () => {
    const stack = await deployed();
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    await stack.router(stack.vpc.a0, 'router-1');
    await stack.logged('subnets', { message: 'a line', level: 'WARN' });
    const [narrow, wide] = [await stack.cli('status'), await stack.cli('status -o wide')];
    expect(narrow.out).not.toContain('ROUTE TABLE');
    expect(wide.out).toMatch(/^SUBNET +VPC +ZONE +STATE +ENDPOINT +ROUTES +ADDRESSES +TAG +ROUTE TABLE +PACKETS$/m);
    expect(wide.out).toMatch(/10\.0\.\S+ +10\.20\.0\.0\/16 +rtb-\w+ +/);
    const [kind = ''] = /^ +install .*$/m.exec((await stack.cli('plan -o wide')).out) ?? [];
    expect(kind).toMatch(/ why=join$/);
    expect((await stack.cli('log -o wide')).out).toMatch(/^\S+ +\d{4}-\d\d-\d\d .* WARN +a line$/);
  });

  test('yaml escapes what would forge a line, and keeps its value', async () => {
    const stack = await deployed();
    const forged = 'app\u001b[2J\u202e\r\n---\nno: yes # x \u2028';
    await stack.name(stack.vpc.a1, forged);
    await stack.tag(stack.vpc.a1, '10.20.0.0/16');
    const { out } = await stack.cli('status -o yaml');
    for (const one of '\u001b\u202e\r\u2028') expect(out).not.toContain(one);
    expect(parse(out).zones[0].subnets[0].name).toBe(forged);
  });

  test.each([
    ['status -o table', /--output=table is no form of an answer: it takes json, yaml, wide/],
    ['status --json -o yaml', /--json and --output=yaml are two forms: give one of them/],
    ['drain -o yaml', /Unknown option '-o'/],
    ['status --output', /argument missing/],
  ])('%s is refused, and nothing asked', async (line, says) => {
    const { cli } = await deployed();
    const { code, out, err, access } = await cli(line);
    expect([code, out, err, access]).toEqual([64, '', expect.stringMatching(says), []]);
  });
});
