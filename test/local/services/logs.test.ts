import { expect, test } from '@jest/globals';
import { createLogs } from '../../../local/services/logs.ts';

const GROUP = '/aws/lambda/marker';

function world(denied?: string) {
  const lines: string[] = [];
  const asked: string[] = [];
  const logs = createLogs({
    ...{ region: 'eu-central-1', account: '111122223333' },
    allows: async (accessKeyId, action, resource) => {
      asked.push(`${accessKeyId} ${action} ${resource}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return action !== denied;
    },
    onLog: (source, line) => lines.push(`${source}: ${line}`),
  });
  const write = async (...all: string[]) => {
    for (const line of all) logs.write('marker', line, 'arn:aws:iam::111122223333:role/path/worker');
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
  expect(asked.slice(0, 2)).toEqual([`worker logs:CreateLogStream ${stream}`, `worker logs:PutLogEvents ${stream}`]);
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
