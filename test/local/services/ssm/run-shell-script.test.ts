import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ssm from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { ExecOptions, ExecResult } from '../../../../local/fabric/fabric.ts';
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

/** Events say whether a command has ended. */
const hasEnded = () =>
  cloud.events.some(({ source, detail }) => source === 'aws.ssm' && detail.status !== 'InProgress');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ssm-'));
  cloud.fake.onExec = (_id, argv, options) =>
    shell(
      argv.map((arg) => arg.replace('/var/lib/amazon', directory)),
      options,
    );
});
afterEach(() => rm(directory, { recursive: true }));

async function output(...commands: string[]) {
  const id = await sent({ DocumentName: 'AWS-RunShellScript', Parameters: { commands } });
  await cloud.clock.run(1999);
  await Promise.all([cloud.clock.run(1), until(hasEnded)]);
  const { StandardOutputContent, StandardErrorContent, ResponseCode } = await invocation(id);
  return { out: StandardOutputContent, err: StandardErrorContent, code: ResponseCode };
}

test.each<[string, string[], string, number]>([
  ['each line of one script', ['x=1', 'cd /', 'echo $x $PWD'], '1 /\n', 0],
  ['the exit code of the last line', ['false', 'echo on'], 'on\n', 0],
  ['or the one it exits with', ['exit 9'], '', 9],
  ['where it starts', ['pwd'], '/usr/bin\n', 0],
  ['nothing to read: a program cannot swallow the rest', ['cat', 'echo end'], 'end\n', 0],
  ['the shell of its first line', ['#!/bin/bash', '[ -z "$BASH_VERSION" ] || echo bash'], 'bash\n', 0],
  ['which instance it is on', ['echo $AWS_SSM_REGION_NAME'], 'eu-central-1\n', 0],
  ['quotes and dollars', [`echo "it's" '$5' \\\\`], "it's $5 \\\n", 0],
])('%s', async (_what, commands, out, code) => {
  expect(await output(...commands)).toEqual({
    out,
    err: code ? `failed to run commands: exit status ${code}` : '',
    code,
  });
});

test('a parameter by environment is no code', async () => {
  const evil = `'; echo owned; '$(echo owned)`;
  await cloud.ssm.send(
    new ssm.CreateDocumentCommand({
      Name: 'Safe',
      DocumentType: 'Command',
      Content: JSON.stringify({
        schemaVersion: '2.2',
        parameters: { Value: { type: 'String', interpolationType: 'ENV_VAR' } },
        mainSteps: [
          {
            action: 'aws:runShellScript',
            name: 'run',
            inputs: {
              runCommand: ['[ -n "$SSM_Value" ] || export SSM_Value=\'{{ Value }}\'', 'echo "$SSM_Value"'],
            },
          },
        ],
      }),
    }),
  );
  const id = await sent({ DocumentName: 'Safe', Parameters: { Value: [evil] } });
  await cloud.clock.run(2000);
  await until(hasEnded);
  expect((await invocation(id)).StandardOutputContent).toBe(`${evil}\n`);
});

/** This machine runs a program as the fabric would in an instance. */
function shell([file = '', ...args]: string[], options: ExecOptions | undefined): Promise<ExecResult> {
  return new Promise((resolve) => {
    const child = execFile(file, args, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
    child.stdin?.end(options?.stdin ?? '');
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
