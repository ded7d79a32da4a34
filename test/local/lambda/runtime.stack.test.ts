import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { strToU8, zipSync } from 'fflate';
import { scaledClock } from '../../../local/clock.ts';
import { roleName } from '../../../local/iam/role.ts';
import type { FunctionConfiguration } from '../../../local/lambda/function.ts';
import type { FailureRecord } from '../../../local/lambda/invocations.ts';
import { createLambda, type Lambda } from '../../../local/lambda/runtime.ts';

const RATE = 20;
const open: Lambda[] = [];
afterEach(() => Promise.all(open.splice(0).map((lambda) => lambda.close())));

/** A runtime has one function, whose module is `source`, and the account the quota `concurrency`. */
function world(source: string, change: Partial<FunctionConfiguration> = {}, concurrency?: number) {
  const clock = scaledClock(RATE);
  const log: string[] = [];
  const failures: FailureRecord[] = [];
  const lambda = createLambda({
    clock,
    rate: RATE,
    region: 'eu-central-1',
    endpoints: { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' },
    concurrency,
    keyOf: (roleArn) => ({ accessKeyId: roleName(roleArn), secretAccessKey: 'secret', sessionToken: 'token' }),
    onLog: (name, line) => log.push(`${name}: ${line}`),
    onFailure: (record) => failures.push(record),
  });
  open.push(lambda);
  const configuration = {
    name: 'f',
    arn: 'arn:aws:lambda:eu-central-1:111122223333:function:f',
    code: zipSync({ 'functions/f.mjs': strToU8(source) }),
    handler: 'functions/f.handler',
    runtime: 'nodejs24.x',
    roleArn: 'arn:aws:iam::111122223333:role/f-role',
    memorySize: 256,
    timeout: 30,
    variables: {},
    ...change,
  };
  const create = () => lambda.createFunction(configuration);
  return { clock, lambda, log, failures, create, configuration };
}

async function invoke(source: string, event: unknown = {}, change?: Partial<FunctionConfiguration>) {
  const { lambda, create } = world(source, change);
  create();
  return lambda.invoke('f', event);
}

async function until(holds: () => boolean, limit = 10_000): Promise<void> {
  for (const end = Date.now() + limit; !holds(); ) {
    if (Date.now() > end) throw new Error(`this did not come true: ${holds}`);
    await sleep(20);
  }
}

describe('a handler', () => {
  test('gets the event and answers', async () => {
    const source = 'export const handler = async (event) => ({ doubled: event.n * 2 });';
    expect(await invoke(source, { n: 21 })).toEqual({ payload: { doubled: 42 } });
  });

  test('of a CommonJS bundle, deep in an export, answers', async () => {
    const code = zipSync({ 'main.js': strToU8('exports.api = { run: async () => "hello" };') });
    expect(await invoke('', {}, { code, handler: 'main.api.run' })).toEqual({ payload: 'hello' });
  });

  test('that returns nothing answers null', async () => {
    expect(await invoke('export const handler = async () => {};')).toEqual({ payload: null });
  });

  test('sees the context of Lambda', async () => {
    const source = `export const handler = async (event, context) => ({
      ...context, remaining: context.getRemainingTimeInMillis() });`;
    expect(await invoke(source)).toEqual({
      payload: {
        functionName: 'f',
        functionVersion: '$LATEST',
        invokedFunctionArn: 'arn:aws:lambda:eu-central-1:111122223333:function:f',
        memoryLimitInMB: '256',
        awsRequestId: '00000000-0000-4000-9000-000000000001',
        logGroupName: '/aws/lambda/f',
        logStreamName: '[$LATEST]',
        callbackWaitsForEmptyEventLoop: true,
        remaining: expect.any(Number),
      },
    });
  });

  test('sees its variables and those of Lambda, and nothing of this machine', async () => {
    const source = 'export const handler = async () => ({ ...process.env });';
    const { payload } = (await invoke(source, {}, { variables: { COLOUR: 'green' } })) as { payload: object };
    expect(payload).toMatchObject({
      COLOUR: 'green',
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
      AWS_LAMBDA_FUNCTION_NAME: 'f',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_ACCESS_KEY_ID: 'f-role',
      _HANDLER: 'functions/f.handler',
    });
    expect(Object.keys(payload)).not.toContain('PATH');
    expect(Object.keys(payload).filter((name) => /^(NODE|JEST|npm)_/.test(name))).toEqual([]);
  });

  test('keeps what its module holds between invocations, and has its environment for itself', async () => {
    const { lambda, create } = world(`let seen = 0;
      export const handler = async ({ wait }) => {
        seen += 1;
        await new Promise((resolve) => setTimeout(resolve, wait));
        return { seen, pid: process.pid, channel: typeof process.send };
      };`);
    create();
    expect(await lambda.invoke('f', { wait: 0 })).toMatchObject({ payload: { seen: 1, channel: 'undefined' } });
    expect(await lambda.invoke('f', { wait: 0 })).toMatchObject({ payload: { seen: 2 } });
    const both = await Promise.all([lambda.invoke('f', { wait: 5000 }), lambda.invoke('f', { wait: 5000 })]);
    expect(both).toMatchObject([{ payload: { seen: 3 } }, { payload: { seen: 1 } }]);
  });

  test('logs line by line', async () => {
    const { lambda, create, log } = world(`export const handler = async () => {
      console.log('to stdout'); console.error('to stderr'); };`);
    create();
    await lambda.invoke('f', {});
    await until(() => log.length === 2);
    expect(log.sort()).toEqual(['f: to stderr', 'f: to stdout']);
  });
});

describe('the time inside', () => {
  test('is the time of the cloud', async () => {
    const { clock, lambda, create } = world(
      `import { performance } from 'node:perf_hooks';
      import { setTimeout as sleep, setInterval as ticks, scheduler } from 'node:timers/promises';
      import { setTimeout as later } from 'node:timers';
      import { promisify } from 'node:util';
      const ways = {
        global: () => new Promise((resolve) => setTimeout(resolve, 60_000)),
        module: () => new Promise((resolve) => later(resolve, 60_000)),
        promises: () => sleep(60_000),
        promisified: () => promisify(setTimeout)(60_000),
        scheduler: () => scheduler.wait(60_000),
        interval: () => new Promise((resolve) => { let n = 0; const i = setInterval(() => ++n === 2 && resolve(clearInterval(i)), 30_000); }),
        ticks: async () => { let n = 0; for await (const _ of ticks(30_000)) if (++n === 2) return; },
      };
      export const handler = async () => {
        const took = {};
        await Promise.all(Object.entries(ways).map(async ([name, wait]) => {
          const date = Date.now(), mark = performance.now();
          await wait();
          took[name] = [Date.now() - date, performance.now() - mark];
        }));
        const now = new Date();
        return { took, now, origin: performance.timeOrigin + performance.now() - now, year: new Date(2020, 1).getFullYear(),
          text: Date() === new Date().toString(), kin: now instanceof Date && now.constructor === Date };
      };`,
      { timeout: 900 },
    );
    create();
    const startedAt = Date.now();
    const before = clock.now();
    const result = await lambda.invoke('f', {});
    // Time as the machine has it would take sixty seconds.
    expect(Date.now() - startedAt).toBeLessThan(60_000);
    if ('error' in result) throw new Error(result.error.errorMessage);
    const { took, now, ...rest } = result.payload as {
      took: Record<string, [number, number]>;
      now: string;
      origin: number;
    };
    expect(Object.keys(took)).toHaveLength(7);
    for (const [date, mark] of Object.values(took)) {
      expect(date).toBeGreaterThan(59_900);
      expect(mark).toBeGreaterThan(59_900);
    }
    expect(Date.parse(now)).toBeGreaterThan(before - RATE);
    expect(Date.parse(now)).toBeLessThan(clock.now() + RATE);
    expect(Math.abs(rest.origin)).toBeLessThan(1000);
    expect(rest).toMatchObject({ year: 2020, text: true, kin: true });
  });

  test('runs out at the timeout of the function', async () => {
    const { lambda, create, log } = world(
      `let calls = 0; export const handler = async ({ hang }) => { while (hang); return ++calls; };`,
      { timeout: 4 },
    );
    create();
    expect(await lambda.invoke('f', { hang: false })).toEqual({ payload: 1 });
    const error = {
      errorType: 'Sandbox.Timedout',
      errorMessage: 'RequestId: 00000000-0000-4000-9000-000000000002 Error: Task timed out after 4.00 seconds',
    };
    expect(await lambda.invoke('f', { hang: true })).toEqual({ error });
    expect(log.at(-1)).toContain('Task timed out after 4.00 seconds');
    expect(await lambda.invoke('f', { hang: false })).toEqual({ payload: 1 });
  });
});

describe('an error', () => {
  test.each([
    ['of the handler', "export const handler = async () => { throw new TypeError('no'); };", 'TypeError', 'no'],
    ['that is no Error', "export const handler = async () => { throw 'no'; };", 'string', 'no'],
    ['of the module', "throw new RangeError('bad');", 'RangeError', 'bad'],
    ['of a missing export', 'export const other = 1;', 'Runtime.HandlerNotFound', 'functions/f.handler is undefined'],
    [
      'of the callback style',
      'export const handler = (e, c, callback) => callback();',
      'Runtime.CallbackHandlerDeprecated',
      '',
    ],
    ['of an exit', 'export const handler = async () => process.exit(3);', 'Runtime.ExitError', 'exit status 3'],
    [
      'of a loose rejection',
      'export const handler = () => { Promise.reject(1); return new Promise(() => setInterval(Date, 1e3)); };',
      'Runtime.ExitError',
      'exit status 1',
    ],
    ['of an answer that is not JSON', 'export const handler = async () => 1n;', 'TypeError', 'BigInt'],
  ])('%s is the answer, and the function runs on', async (_name, source, errorType, message) => {
    const { lambda, create, log } = world(source);
    create();
    for (let time = 0; time < 2; time++) {
      const result = await lambda.invoke('f', {});
      expect(result).toMatchObject({ error: { errorType, errorMessage: expect.stringContaining(message) } });
    }
    await until(() => log.some((line) => line.includes(errorType)));
  });

  test('of a missing module is the answer', async () => {
    const result = await invoke('', {}, { handler: 'functions/g.handler' });
    expect(result).toMatchObject({ error: { errorType: 'Runtime.ImportModuleError' } });
  });
});

describe('a function is refused', () => {
  test.each([
    ['with a variable that is Lambda’s', { variables: { AWS_REGION: 'x', OK: 'y' } }, 'may set: AWS_REGION'],
    ['with too many bytes of variables', { variables: { LONG: 'x'.repeat(4096) } }, '4096'],
    ['that is no zip', { code: strToU8('PK?') }, 'the package of f is not a zip file'],
    ['with a file outside of it', { code: zipSync({ '../f.mjs': strToU8('1') }) }, 'a file outside of it: ../f.mjs'],
  ])('%s', (_name, change, message) => {
    const { lambda, create } = world('', change);
    expect(create).toThrow(message);
    expect(lambda.has('f')).toBe(false);
  });
});

describe('reserved concurrency', () => {
  const source =
    'export const handler = async (ms) => { await new Promise((r) => setTimeout(r, ms)); return Date.now(); };';

  test('throttles a direct invocation', async () => {
    const { lambda, create } = world(source, { reservedConcurrency: 1 });
    create();
    const first = lambda.invoke('f', 2000);
    await expect(lambda.invoke('f', 0)).rejects.toMatchObject({ code: 'TooManyRequestsException', status: 429 });
    expect(await first).toHaveProperty('payload');
    expect(await lambda.invoke('f', 0)).toHaveProperty('payload');
  });

  test('leaves to the functions that have none what the account has besides', async () => {
    const { lambda, create, configuration } = world(source, { reservedConcurrency: 1 }, 12);
    create();
    for (const name of ['g', 'h'])
      lambda.createFunction({
        ...configuration,
        name,
        arn: `${configuration.arn}-${name}`,
        reservedConcurrency: undefined,
      });
    const running = ['g', 'h'].flatMap((name) => Array.from({ length: 6 }, () => lambda.invoke(name, 2000)));
    const ends = await Promise.allSettled(running);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(11);
    expect(ends.at(-1)).toMatchObject({ reason: { code: 'TooManyRequestsException' } });
    expect(await lambda.invoke('h', 0)).toHaveProperty('payload');
  });

  test('lets queued events wait their turn', async () => {
    const { lambda, create, log, failures } = world(
      `let running = 0; export const handler = async (id) => {
        if (++running > 1) console.log('together');
        await new Promise((r) => setTimeout(r, 1000)); running -= 1; console.log('done ' + id); };`,
      { reservedConcurrency: 1 },
    );
    create();
    for (const id of [1, 2, 3]) lambda.invokeAsync('f', id);
    await until(() => log.length === 3);
    expect(log.sort()).toEqual(['f: done 1', 'f: done 2', 'f: done 3']);
    expect(failures).toEqual([]);
  });
});

describe('a function that is updated', () => {
  const says = (word: string, ms: number) => `
    import { setTimeout } from 'node:timers/promises';
    export const handler = async () => {
      console.log('began ${word}');
      await setTimeout(${ms});
      return '${word} ' + process.env.GREETING;
    };`;

  test('ends with its old code what it began with it, and begins the rest with the new one', async () => {
    const { lambda, log, create, configuration } = world(says('old', 400), { variables: { GREETING: 'hello' } });
    create();
    const running = lambda.invoke('f', {});
    await until(() => log.includes('f: began old'));
    const code = zipSync({ 'functions/f.mjs': strToU8(says('new', 0)) });
    lambda.updateFunction({ ...configuration, code, variables: { GREETING: 'again' } });
    expect(await lambda.invoke('f', {})).toEqual({ payload: 'new again' });
    expect(await running).toEqual({ payload: 'old hello' });
    expect(await lambda.invoke('f', {})).toEqual({ payload: 'new again' });
  });

  test('leaves nothing of what it was', async () => {
    const { lambda, create, configuration } = world('export const handler = async () => import.meta.dirname;');
    create();
    const { payload: before } = Object(await lambda.invoke('f', {}));
    lambda.updateFunction(configuration);
    const { payload: after } = Object(await lambda.invoke('f', {}));
    expect(after).not.toBe(before);
    await until(() => !existsSync(before));
    await lambda.deleteFunction('f');
    expect(existsSync(after)).toBe(false);
  });
});

test('an asynchronous invocation that fails is recorded', async () => {
  const { lambda, create, failures, log } = world(
    "export const handler = async (e) => { throw new Error('no ' + e.n); };",
  );
  create();
  lambda.setEventInvokeConfig('f', { maximumRetries: 0, maximumAge: 60 });
  lambda.invokeAsync('arn:aws:lambda:eu-central-1:111122223333:function:f', { n: 1 });
  await until(() => failures.length > 0);
  expect(failures).toMatchObject([
    {
      requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 1 },
      requestPayload: { n: 1 },
      responsePayload: { errorType: 'Error', errorMessage: 'no 1' },
    },
  ]);
  expect(log).toEqual([expect.stringContaining('Invoke Error')]);
});

describe('nothing is left', () => {
  const source = `export const handler = async () => ({ pid: process.pid, root: process.env.LAMBDA_TASK_ROOT });`;
  const isRunning = (pid: number) => existsSync(`/proc/${pid}`);

  test('when the function is deleted', async () => {
    const { lambda, create } = world(source);
    create();
    const { payload } = (await lambda.invoke('f', {})) as { payload: { pid: number; root: string } };
    expect(isRunning(payload.pid)).toBe(true);
    await lambda.deleteFunction('f');
    expect(isRunning(payload.pid)).toBe(false);
    expect(existsSync(payload.root)).toBe(false);
    await expect(lambda.invoke('f', {})).rejects.toThrow('Function not found: f');
  });

  test.each(['idle', 'busy'])('when the process that started it is killed while the function is %s', async (state) => {
    const script = fileURLToPath(new URL('./killed-parent.ts', import.meta.url));
    const parent = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, state], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout, 'data');
    const { pid, root } = JSON.parse(String(line));
    expect(isRunning(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !isRunning(pid));
    expect(existsSync(root)).toBe(false);
  });
});
