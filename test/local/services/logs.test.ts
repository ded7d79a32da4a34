import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  type DescribeLogGroupsCommandInput,
  FilterLogEventsCommand,
  type FilterLogEventsCommandInput,
} from '@aws-sdk/client-cloudwatch-logs';
import { expect, test } from '@jest/globals';
import { createLogs } from '../../../local/services/logs.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { createWire } from '../../../local/wire/wire.ts';

const GROUP = '/aws/lambda/marker';
const ROLE = 'arn:aws:iam::111122223333:role/path/worker';

function world(denied?: string) {
  const lines: string[] = [];
  const asked: string[] = [];
  let at = 0;
  const logs = createLogs({
    ...{ region: 'eu-central-1', account: '111122223333', clock: { now: () => at } },
    allows: async (roleArn, action, resource) => {
      asked.push(`${roleArn} ${action} ${resource}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return action !== denied;
    },
    onLog: (source, line) => lines.push(`${source}: ${line}`),
  });
  const write = async (...all: string[]) => {
    at += 1_000;
    for (const line of all) logs.write('marker', line, ROLE);
    await logs.close();
  };
  return { logs, lines, asked, write };
}

test('lines arrive in their order, written with the role of the function', async () => {
  const { logs, lines, asked, write } = world();
  logs.createGroup(GROUP);
  await write('one', 'two');
  expect(lines).toEqual(['marker: one', 'marker: two']);
  const stream = `arn:aws:logs:eu-central-1:111122223333:log-group:${GROUP}:log-stream:latest`;
  expect(asked.slice(0, 2)).toEqual([`${ROLE} logs:CreateLogStream ${stream}`, `${ROLE} logs:PutLogEvents ${stream}`]);
});

test.each(['logs:CreateLogStream', 'logs:PutLogEvents'])(
  'without %s they are lost, which is said once',
  async (action) => {
    const { logs, lines, write } = world(action);
    logs.createGroup(GROUP);
    await write('one', 'two');
    expect(lines).toEqual([
      expect.stringMatching(`^logs: what marker says is lost: its role does not allow ${action} on arn:`),
    ]);
  },
);

test('without a log group they are lost', async () => {
  const { logs, lines, write } = world();
  logs.createGroup(GROUP);
  expect(() => logs.createGroup(GROUP)).toThrow('already exists');
  logs.removeGroup(GROUP);
  await write('one');
  expect(lines).toEqual([`logs: what marker says is lost: there is no log group ${GROUP}`]);
});

test('what has arrived is read by time and by a phrase, page by page', async () => {
  const { logs, write } = world();
  const wire = createWire({ logs: logs.service }, { principal: () => 'arn:aws:iam::111122223333:user/reader' });
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = new CloudWatchLogsClient({ region: 'eu-central-1', credentials, requestHandler: inProcess(wire) });
  const ask = (input: Omit<FilterLogEventsCommandInput, 'logGroupName'>) =>
    client.send(new FilterLogEventsCommand({ logGroupName: GROUP, ...input }));
  const messages = async (input: Omit<FilterLogEventsCommandInput, 'logGroupName'>) =>
    (await ask(input)).events?.map(({ message }) => message);

  await expect(ask({})).rejects.toThrow('The specified log group does not exist.');
  logs.createGroup(GROUP);
  await write('one');
  await write('two i-1 (a)', 'three');
  await write('four i-1 (b)');
  expect(await messages({})).toEqual(['one', 'two i-1 (a)', 'three', 'four i-1 (b)']);
  expect(await messages({ startTime: 2_000 })).toEqual(['two i-1 (a)', 'three', 'four i-1 (b)']);
  expect(await messages({ startTime: 2_000, endTime: 2_000 })).toEqual(['two i-1 (a)', 'three']);
  expect(await messages({ filterPattern: '"i-1 ("' })).toEqual(['two i-1 (a)', 'four i-1 (b)']);
  await expect(ask({ filterPattern: '{ $.level = "ERROR" }' })).rejects.toThrow('Invalid filter pattern');
  const first = await ask({ limit: 3 });
  expect(first.events).toHaveLength(3);
  expect(await messages({ limit: 3, nextToken: first.nextToken })).toEqual(['four i-1 (b)']);
});

test('log groups are listed by how their names begin', async () => {
  const { logs } = world();
  const wire = createWire({ logs: logs.service }, { principal: () => 'arn:aws:iam::111122223333:user/reader' });
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = new CloudWatchLogsClient({ region: 'eu-central-1', credentials, requestHandler: inProcess(wire) });
  for (const name of ['/aws/lambda/b', '/aws/lambda/a', '/other']) logs.createGroup(name);
  const names = async (input: DescribeLogGroupsCommandInput) =>
    (await client.send(new DescribeLogGroupsCommand(input))).logGroups?.map(({ logGroupName }) => logGroupName);
  expect(await names({})).toEqual(['/aws/lambda/a', '/aws/lambda/b', '/other']);
  expect(await names({ logGroupNamePrefix: '/aws/lambda/' })).toEqual(['/aws/lambda/a', '/aws/lambda/b']);
  expect(await names({ logGroupNamePrefix: '/aws/lambda/', limit: 1 })).toEqual(['/aws/lambda/a']);
});
