import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EC2 } from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, test } from '@jest/globals';
import { zitiUnavailable } from '../../../local/fabric/ziti.ts';
import { describeKernel } from '../../support/kernel.ts';
import { temporaryFolder } from '../../support/packaged.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
/** Demos here have a folder of their own: what they leave is seen, and what others have is not theirs. */
const temporary = temporaryFolder('demo-');
const env = { ...process.env, TMPDIR: temporary };
/** Node and Serverless put things there that stay. */
const leftBehind = () => readdirSync(temporary).filter((name) => name.startsWith('ziti-glb-demo-'));

/** A person starts the demo so, or without npm between, for signals to be sent to it; its words so far are in `said`. */
async function demo(...args: string[]) {
  return demoWith({}, ...args);
}

async function demoWith(environment: NodeJS.ProcessEnv, ...args: string[]) {
  const port = ['--port', String(await freePort())];
  const direct = [process.execPath, `${ROOT}local/demo/demo.ts`, ...port];
  const [program = '', ...argv] = args.length > 0 ? ['npm', 'run', 'demo', '--', ...port, ...args] : direct;
  const child: ChildProcess = spawn(program, argv, {
    stdio: 'pipe',
    cwd: ROOT,
    env: { ...env, ...environment },
  });
  return followed(child);
}

/** Those of a test that has failed would stand in the way of the next one. */
const runs: { child: ChildProcess; ended: Promise<unknown> }[] = [];
afterEach(async () => {
  for (const { child, ended } of runs.splice(0)) if (child.exitCode === null && child.kill()) await ended;
});

function followed(child: ChildProcess) {
  const run = { child, said: '', ended: once(child, 'close') };
  runs.push(run);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      run.said += chunk;
    });
  }
  return run;
}

/** Resolves when it has said so, however long a busy machine takes to get there; or when it has ended. */
async function says(run: ReturnType<typeof followed>, words: RegExp): Promise<void> {
  while (!words.test(run.said) && run.child.exitCode === null) await sleep(20);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

describeKernel('the demo', () => {
  test('walks the whole road, sees each step to be so, can then be played with, and leaves nothing', async () => {
    const run = await demo('--keep');
    run.child.stdin?.end('ask client-b http://10.20.0.5:443/\nquit\n');
    const [code] = await run.ended;
    expect(run.said).toContain('All of it seen to be so');
    expect(run.said).toMatch(/tag to first byte: [\d.]+ s in the cloud's time, [\d.]+ s on the wall/);
    expect(run.said).toMatch(/app-a 10\.0\.10\.0\/24[\s\S]*┌─+┐|┌─+┐[\s\S]*app-a 10\.0\.10\.0\/24/);
    expect(run.said).toMatch(/The cloud keeps running[\s\S]*curl: \(28\)/);
    expect(run.said).toMatch(/Make account 222233334444[\s\S]*with app-d 10\.0\.10\.0\/24, in it client-d/);
    const [, file = ''] = /^For the AWS command line: .*AWS_SHARED_CREDENTIALS_FILE=(\S+)$/m.exec(run.said) ?? [];
    expect(run.said).toContain(`its key in ${file};`);
    expect(existsSync(dirname(file))).toBe(true);
    expect(existsSync(file)).toBe(false);
    expect(code).toBe(0);
    expect(leftBehind()).toEqual([]);
  });

  test('where a step fails, says so, and leaves the cloud to play with', async () => {
    const run = await demo('--keep');
    await says(run, /AWS API at/);
    const [, endpoint = '', file = ''] = /AWS API at (\S+), its key in (\S+);/.exec(run.said) ?? [];
    const [, accessKeyId = ''] = /^aws_access_key_id = (.*)$/m.exec(readFileSync(file, 'utf8')) ?? [];
    const [, secretAccessKey = ''] = /^aws_secret_access_key = (.*)$/m.exec(readFileSync(file, 'utf8')) ?? [];
    const ec2 = new EC2({ endpoint, region: 'eu-central-1', credentials: { accessKeyId, secretAccessKey } });
    const { Reservations = [] } = await ec2.describeInstances({
      Filters: [{ Name: 'tag:Name', Values: ['client-a'] }],
    });
    const InstanceIds = Reservations.flatMap(({ Instances = [] }) =>
      Instances.flatMap(({ InstanceId = '' }) => InstanceId),
    );
    await ec2.terminateInstances({ InstanceIds });
    ec2.destroy();
    await says(run, /The cloud keeps running/);
    expect(run.said).toMatch(/client-a[\s\S]*For the AWS command line: [\s\S]*The cloud keeps running/);
    expect(run.said).not.toContain('All of it seen to be so');
    expect(existsSync(file)).toBe(true);
    run.child.stdin?.end('quit\n');
    const [code] = await run.ended;
    expect(code).toBe(1);
    expect(existsSync(file)).toBe(false);
    expect(leftBehind()).toEqual([]);
  });

  test("answers clients of the same address in the routers' VPC, another one and one of another account, apart from each other", async () => {
    const run = await demo('--vpcs');
    const [code] = await run.ended;
    expect(run.said).toMatch(/3 clients (10\.0\.10\.\d+), each of them unheard/);
    expect(run.said).toMatch(
      /12 connections open at once, each heard its own word; .* \d+ packets into the routers' VPC, \d+ packets into another VPC, \d+ packets into account 222233334444;/,
    );
    expect(run.said).toContain('the others are answered, as before');
    expect(run.said).toMatch(/All of it seen to be so, in \d+ s\./);
    expect(code).toBe(0);
    expect(leftBehind()).toEqual([]);
  });

  test.each([
    ['its cloud is started', /its time runs/],
    ['its routers boot', /AWS API at/],
    ['its diverters are installed', /unhealthy|initial/],
  ])('interrupted while %s, takes everything down and says so', async (_, words) => {
    const run = await demo();
    await says(run, words);
    run.child.kill('SIGINT');
    const [code] = await run.ended;
    expect(run.said).toContain('Interrupted by SIGINT; everything is taken down.');
    expect(code).toBe(130);
    expect(leftBehind()).toEqual([]);
  });

  test('interrupted by Ctrl-C at a terminal, which shows its progress otherwise, does the same', async () => {
    const command = `${process.execPath} ${ROOT}local/demo/demo.ts --port ${await freePort()}`;
    const run = followed(spawn('script', ['-qec', command, '/dev/null'], { stdio: 'pipe', cwd: ROOT, env }));
    // The cursor is hidden while progress is shown.
    await says(run, /\[\?25l/);
    run.child.stdin?.end('\x03');
    const [code] = await run.ended;
    expect(run.said).toContain('Interrupted by SIGINT; everything is taken down.');
    expect(code).toBe(130);
    expect(leftBehind()).toEqual([]);
  });
});

(zitiUnavailable() ? describe.skip : describeKernel)("the demo with OpenZiti's own routers", () => {
  test('walks the same road, by way of a real controller and a router that hosts', async () => {
    const run = await demo('--ziti');
    const [code] = await run.ended;
    expect(run.said).toContain('All of it seen to be so');
    expect(run.said).toMatch(/“router-[12] answers for 10\.20\.0\.5:443 from behind OpenZiti”/);
    expect(run.said).toMatch(/five connections in a row answered by router-[12]/);
    expect(code).toBe(0);
  });
});

describe('the demo with an OpenZiti that is not to be had', () => {
  test('says so in a sentence, and starts nothing', async () => {
    const run = await demoWith({ ZITI: '/nowhere/ziti' }, '--ziti');
    const [code] = await run.ended;
    expect(run.said.trim()).toMatch(
      /There is no \/nowhere\/ziti\. Get OpenZiti 2\.0 or later, and name it: ZITI=\/path\/to\/ziti$/,
    );
    expect(run.said).not.toContain('Start a cloud');
    expect(code).toBe(1);
  });
});
