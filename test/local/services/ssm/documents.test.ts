import * as ssm from '@aws-sdk/client-ssm';
import { beforeEach, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { given, launch, type TestCloud, testCloud, testVpc } from '../../../support/cloud.ts';

let cloud: TestCloud;
let router: string;
beforeEach(async () => {
  cloud = testCloud();
  const vpc = await testVpc(cloud);
  [router = ''] = await launch(cloud, vpc.a0);
});

const send = (input: Partial<ssm.SendCommandCommandInput>) =>
  cloud.ssm.send(new ssm.SendCommandCommand({ DocumentName: 'Install', InstanceIds: [router], ...input }));
async function sent(input: Partial<ssm.SendCommandCommandInput> = {}): Promise<string> {
  return given((await send(input)).Command?.CommandId);
}
const invocation = (CommandId: string, rest: Partial<ssm.GetCommandInvocationCommandInput> = {}) =>
  cloud.ssm.send(new ssm.GetCommandInvocationCommand({ CommandId, InstanceId: router, ...rest }));

const content = (script: string) =>
  JSON.stringify({
    schemaVersion: '2.2',
    mainSteps: [
      { action: 'aws:runShellScript', name: 'first', inputs: { runCommand: [script] } },
      { action: 'aws:runShellScript', name: 'second', inputs: { runCommand: ['second'] } },
    ],
  });
const create = (input: Partial<ssm.CreateDocumentCommandInput> = {}) =>
  cloud.ssm.send(
    new ssm.CreateDocumentCommand({ Name: 'Install', DocumentType: 'Command', Content: content('one'), ...input }),
  );
const scripts = () => cloud.fake.execs.map(({ options }) => options?.stdin);

test('of several steps: all run, the worst counts, and each is read by its name', async () => {
  await create();
  cloud.fake.onExec = async (_id, _argv, options) => ({
    code: options?.stdin === 'one\n' ? 7 : 0,
    stdout: String(options?.stdin),
    stderr: '',
  });
  const id = await sent();
  await cloud.clock.run(2000);
  expect(scripts()).toEqual(['one\n', 'second\n']);
  await expect(invocation(id)).rejects.toMatchObject({ name: 'InvalidPluginName' });
  expect(await invocation(id, { PluginName: 'second' })).toMatchObject({
    Status: 'Failed',
    ResponseCode: 0,
    StandardOutputContent: 'second\n',
  });
  expect((await invocation(id, { PluginName: 'first' })).ResponseCode).toBe(7);
});

test.each([
  [168, 'Success'],
  [169, 'Failed'],
])('of several steps, one that ends with %i is the last', async (code, Status) => {
  await create();
  cloud.fake.onExec = async () => ({ code, stdout: '', stderr: '' });
  const id = await sent();
  await cloud.clock.run(2000);
  expect(scripts()).toEqual(['one\n']);
  expect(await invocation(id, { PluginName: 'second' })).toMatchObject({ Status, ResponseCode: 0 });
  const { CommandInvocations } = await cloud.ssm.send(new ssm.ListCommandInvocationsCommand({ Details: true }));
  expect(CommandInvocations?.[0]?.CommandPlugins?.[1]?.Output).toBe(
    'Plugin with name aws:runShellScript and id second skipped due to prior step with an exit condition',
  );
});

test('of several steps, one that failed weighs more than one that ran out of time', async () => {
  await create();
  cloud.fake.onExec = async (_id, _argv, options) => ({
    code: options?.stdin === 'one\n' ? 7 : null,
    stdout: '',
    stderr: '',
  });
  const id = await sent();
  await cloud.clock.run(2000);
  expect(await invocation(id, { PluginName: 'first' })).toMatchObject({ Status: 'Failed', StatusDetails: 'Failed' });
});

test('have versions: a new one is not the default until it is made so', async () => {
  await create();
  const update = (script: string) =>
    cloud.ssm.send(
      new ssm.UpdateDocumentCommand({ Name: 'Install', Content: content(script), DocumentVersion: '$LATEST' }),
    );
  await update('two');
  await expect(update('two')).rejects.toMatchObject({ name: 'DuplicateDocumentContent' });
  const run = async (DocumentVersion?: string) => {
    cloud.fake.execs.length = 0;
    await send({ DocumentVersion });
    await cloud.clock.run(2000);
    return scripts()[0];
  };
  expect(await run()).toBe('one\n');
  expect(await run('$LATEST')).toBe('two\n');
  await cloud.ssm.send(new ssm.UpdateDocumentDefaultVersionCommand({ Name: 'Install', DocumentVersion: '2' }));
  expect(await run()).toBe('two\n');
  expect(await run('1')).toBe('one\n');
});

test('in YAML', async () => {
  await create({
    DocumentFormat: 'YAML',
    Content:
      'schemaVersion: "2.2"\nmainSteps:\n- {action: aws:runShellScript, name: run, inputs: {runCommand: [yaml]}}\n',
  });
  await send({});
  await cloud.clock.run(2000);
  expect(scripts()).toEqual(['yaml\n']);
});

test('are read, as they were written or in the other format, by version', async () => {
  await create();
  const update = { Name: 'Install', Content: content('two'), DocumentVersion: '$LATEST' };
  await cloud.ssm.send(new ssm.UpdateDocumentCommand(update));
  const read = async (input: Partial<ssm.GetDocumentCommandInput> = {}) =>
    await cloud.ssm.send(new ssm.GetDocumentCommand({ Name: 'Install', ...input }));
  expect(await read()).toMatchObject({ Content: content('one'), DocumentVersion: '1', DocumentFormat: 'JSON' });
  expect(await read({ DocumentVersion: '$LATEST' })).toMatchObject({ Content: content('two'), DocumentVersion: '2' });
  const { Content, DocumentFormat } = await read({ DocumentFormat: 'YAML' });
  expect([parse(given(Content)), DocumentFormat]).toEqual([JSON.parse(content('one')), 'YAML']);
  expect((await read({ Name: 'AWS-RunShellScript' })).Content).toContain('"aws:runShellScript"');
  await expect(read({ Name: 'Other' })).rejects.toMatchObject({ name: 'InvalidDocument' });
  await expect(read({ DocumentVersion: '3' })).rejects.toMatchObject({ name: 'InvalidDocumentVersion' });
});

test.each<[ssm.ListDocumentsCommandInput, string[]]>([
  [{}, ['AWS-RunShellScript', 'Install']],
  [{ Filters: [{ Key: 'Owner', Values: ['Self'] }] }, ['Install']],
  [{ Filters: [{ Key: 'Owner', Values: ['Amazon'] }] }, ['AWS-RunShellScript']],
  [{ DocumentFilterList: [{ key: 'Name', value: 'AWS-' }] }, ['AWS-RunShellScript']],
  [{ Filters: [{ Key: 'DocumentType', Values: ['Automation'] }] }, []],
])('are listed: %j', async (input, names) => {
  await create();
  const { DocumentIdentifiers } = await cloud.ssm.send(new ssm.ListDocumentsCommand(input));
  expect(DocumentIdentifiers?.map(({ Name }) => Name)).toEqual(names);
  for (const each of DocumentIdentifiers ?? [])
    expect(each).toMatchObject({ DocumentType: 'Command', DocumentFormat: 'JSON', DocumentVersion: '1' });
});

test('are listed page by page, and by no filter that the box does not have', async () => {
  await create();
  const list = (input: ssm.ListDocumentsCommandInput) => cloud.ssm.send(new ssm.ListDocumentsCommand(input));
  const { NextToken } = await list({ MaxResults: 1 });
  expect((await list({ MaxResults: 1, NextToken })).DocumentIdentifiers).toMatchObject([{ Name: 'Install' }]);
  await expect(list({ Filters: [{ Key: 'SearchKeyword', Values: ['x'] }] })).rejects.toMatchObject({
    name: 'InvalidFilterKey',
  });
});

test.each<[string, Partial<ssm.CreateDocumentCommandInput>, string]>([
  ['a name twice', {}, 'DocumentAlreadyExists'],
  ['a name of AWS', { Name: 'aws-install' }, 'ValidationException'],
  ['no JSON', { Name: 'Other', Content: '{' }, 'InvalidDocumentContent'],
  ['content of another kind', { Name: 'Other', Content: '{}' }, 'InvalidDocumentContent'],
])('%s is refused', async (_what, input, name) => {
  await create();
  await expect(create(input)).rejects.toMatchObject({ name });
});

test('deleted', async () => {
  await create();
  await cloud.ssm.send(new ssm.DeleteDocumentCommand({ Name: 'Install' }));
  await expect(send({})).rejects.toMatchObject({
    name: 'InvalidDocument',
  });
  await expect(cloud.ssm.send(new ssm.DeleteDocumentCommand({ Name: 'AWS-RunShellScript' }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
});
