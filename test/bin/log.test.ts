import { describe, expect, test } from '@jest/globals';
import { deployed } from './stage.ts';

async function logging() {
  const stack = await deployed();
  const minutes = (count: number) => stack.clock.run(count * 60_000);
  await stack.logged('routers', { message: 'old of i-1', level: 'INFO' });
  await minutes(90);
  await stack.logged('routers', { message: 'i-1 (router-1): is installed', level: 'INFO', service: 'routers' });
  await minutes(1);
  await stack.logged('subnets', { message: 'subnet-1: gets an endpoint', level: 'WARN' });
  await stack.logged('subnets', { _aws: {}, i: 'i-1' });
  await stack.logged('subnets', 'REPORT RequestId: 1 i-1');
  await stack.clock.run(1_000);
  await stack.logged('routers', '2026 Task timed out after 300.00 seconds\n');
  return { ...stack, minutes };
}
/** Lines lose the times that they begin with. */
const cut = (out: string) => out.split('\n').map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}/, ''));

describe('log', () => {
  test('shows what the functions said in the last hour, of both in their order', async () => {
    const { cli } = await logging();
    const { code, out, err } = await cli('log');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(cut(out)).toEqual([
      'routers  INFO  i-1 (router-1): is installed',
      'subnets  WARN  subnet-1: gets an endpoint',
      'routers        2026 Task timed out after 300.00 seconds',
    ]);
  });

  test.each<[string, string[]]>([
    ['log i-1', ['i-1 (router-1): is installed']],
    ['log router-1', ['i-1 (router-1): is installed']],
    ['log i-1 --since 2h', ['old of i-1', 'i-1 (router-1): is installed']],
    ['log --since 30s', ['subnet-1: gets an endpoint', '2026 Task timed out after 300.00 seconds']],
  ])('%s', async (line, messages) => {
    const { cli } = await logging();
    const { out } = await cli(`${line} --json`);
    expect(out.split('\n').map((text) => JSON.parse(text).message)).toEqual(messages);
  });

  test('shows a failure that Lambda’s runtime wrote as its words and the error’s, without its trace', async () => {
    const stack = await deployed();
    const line = (...parts: string[]) =>
      stack.logged('subnets', ['2026-01-15T10:00:00.000Z', '1b-2c', 'ERROR', ...parts].join('\t'));
    const error = { errorType: 'Error', errorMessage: '1 steps did not succeed', stack: ['Error: 1', '    at a.mjs'] };
    await line('Invoke Error ', JSON.stringify(error));
    await line('Uncaught Exception', 'no JSON');
    await line('alone\n');
    expect(cut((await stack.cli('log')).out)).toEqual([
      'subnets  ERROR  Invoke Error: 1 steps did not succeed',
      'subnets  ERROR  Uncaught Exception: no JSON',
      'subnets  ERROR  alone',
    ]);
  });

  test('says since when nothing was logged', async () => {
    const { cli } = await logging();
    expect(await cli('log subnet-9 --since 5m')).toMatchObject({
      ...{ code: 0, out: '' },
      err: expect.stringMatching(/^Nothing was logged of subnet-9 since \d{4}-/),
    });
  });

  test('goes on with -f, and tells each line once', async () => {
    const { cli, logged, minutes } = await logging();
    let looks = 0;
    const { out } = await cli('log -f', {
      async onSleep() {
        looks += 1;
        if (looks === 1) await logged('subnets', { message: 'another', level: 'INFO' });
        if (looks === 2) await minutes(2);
        if (looks === 3) throw new Error('enough');
      },
    });
    const told = cut(out).map((line) => line.replace(/^\w+ +(WARN|INFO)? +/, ''));
    expect(told.filter(Boolean)).toHaveLength(4);
    expect(told.at(-1)).toBe('another');
  });
});
