import * as ssm from '@aws-sdk/client-ssm';
import { beforeEach, expect, test } from '@jest/globals';
import { given, launch, type TestCloud, testCloud, testVpc } from './support.ts';

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
