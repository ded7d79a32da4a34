import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { writeCredentials } from '../../local/credentials.ts';
import { run } from '../../local/fabric/process.ts';
import { commands } from '../support/documents.ts';

const program = fileURLToPath(new URL('../../bin/ziti-glb.ts', import.meta.url));

/** Runs the program itself, where there is no AWS and nobody to ask. */
function ziti(...args: string[]) {
  const { AWS_REGION, AWS_DEFAULT_REGION, ...rest } = process.env;
  const nobody = { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'nothing', AWS_CONFIG_FILE: '/dev/null' };
  const env = { ...rest, ...nobody };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

test('answers on standard output, without colour where nobody watches', () => {
  const { status, stdout, stderr } = ziti('--help');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^npm run -s ziti-glb -- COMMAND/);
  expect(stdout).not.toContain('\u001b');
});

test('complains on standard error', () => {
  const { status, stdout, stderr } = ziti('sttus');
  expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  expect(stderr).toMatch(/^there is no command sttus/);
});

/** A shell's line runs the program, as `ZITI`. */
function typed(line: string, environment: Record<string, string> = {}) {
  const ZITI = `${process.execPath} ${program}`;
  const env = { ...process.env, ...environment, ZITI };
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `set -o pipefail; ${line}`], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

test('ends quietly where nobody reads on', () => {
  expect(typed('$ZITI --help | true')).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('says in one line that a disk is full', () => {
  const { status, stderr } = typed('$ZITI --help >/dev/full');
  expect([status, stderr]).toEqual([1, 'The answer could not be written: ENOSPC: no space left on device, write\n']);
});

test('completes what it has in bash, by the command and before one', () => {
  const words = (line: string) =>
    `source <($ZITI completion bash); COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _ziti_glb; echo "\${COMPREPLY[@]}"`;
  expect(typed(words('ziti-glb d')).stdout).toBe('doctor drain\n');
  expect(typed(words('ziti-glb --region x status --w')).stdout).toBe('--watch\n');
  expect(typed(words('ziti-glb drain --w')).stdout).toBe('\n');
  expect(typed(words('ziti-glb drain --y')).stdout).toBe('--yes\n');
});

test('says what to do where no demo runs', () => {
  const { status, stdout, stderr } = ziti('status', '--endpoint', 'http://127.0.0.1:9');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toBe(
    'No demo of this checkout runs at http://127.0.0.1:9. Start one that stays: npm run demo -- --keep\n',
  );
});

test('says what to do where a demo was killed, and has left its key', () => {
  const endpoint = 'http://127.0.0.1:11';
  const forget = writeCredentials(endpoint, { accessKeyId: 'operator', secretAccessKey: 'of an earlier start' });
  const { status, stdout, stderr } = ziti('status', '--endpoint', endpoint);
  forget();
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toBe('Nobody listens at http://127.0.0.1:11. Start a demo that stays: npm run demo -- --keep\n');
});

test('says what to do where AWS does not answer', () => {
  const { status, stdout, stderr } = ziti('status', '--region', 'eu-central-1', '--endpoint', 'http://127.0.0.2:9');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/ECONNREFUSED.*Usually: AWS did not answer.*whether this machine reaches the endpoint\.$/m);
});

test('names the call that is not answered in time', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.2', resolve));
  const endpoint = `http://127.0.0.2:${(silent.address() as AddressInfo).port}`;
  const argv = [process.execPath, program, 'status', '--region', 'eu-central-1', '--endpoint', endpoint];
  const environment = {
    ...process.env,
    AWS_ACCESS_KEY_ID: 'nobody',
    AWS_SECRET_ACCESS_KEY: 'nothing',
    AWS_MAX_ATTEMPTS: '1',
  };
  const { code, stdout, stderr } = await run([...argv, '--request-timeout', '1'], { environment });
  silent.closeAllConnections();
  silent.close();
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^GetFunctionConfiguration was not answered in time\. TimeoutError: .*whether this machine reaches/,
  );
});

test('names a profile that has no credentials', () => {
  const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...rest } = process.env;
  const env = {
    ...rest,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const argv = [program, 'status', '--region', 'eu-central-1', '--profile', 'nope', '--endpoint', 'http://127.0.0.2:9'];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', env });
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^There are no credentials for the profile nope: /)]);
});

test('says what to do where no region is given', () => {
  const { status, stdout, stderr } = ziti('status');
  expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  expect(stderr).toBe(
    'It is not said where the stack is: add --region, as in --region eu-central-1, or set AWS_REGION.\n',
  );
});

test('is run, by its documents’ own line, in a checkout only: nobody is asked for a program of its name', async () => {
  const asked: string[] = [];
  const registry = createServer((request, response) => {
    // A client that knocks at a port which was another test's is not asking this registry.
    const [, name] = /^\/of-this-test(\/.*)/.exec(request.url ?? '') ?? [];
    if (name !== undefined) asked.push(name);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const outside = mkdtempSync(join(tmpdir(), 'no-checkout-'));
  const environment = {
    ...process.env,
    npm_config_registry: `http://127.0.0.1:${(registry.address() as AddressInfo).port}/of-this-test/`,
    npm_config_cache: outside,
    // npm asks now and then for a later npm.
    npm_config_update_notifier: 'false',
  };
  const typed = (folder: string, line: string) => run(['sh', '-c', `cd "$0" && ${line}`, folder], { environment });
  const [first] = commands().filter(({ command }) => / ziti-glb .*status/.test(command));
  const line = first?.command.replace(/ status .*/, ' --help') ?? '';
  const [here, there] = [await typed('.', line), await typed(outside, line)];
  const heard = asked.splice(0);
  // The shorter line would fetch another package, and shows that the registry hears.
  await typed(outside, 'npx -y ziti-glb');
  registry.close();
  rmSync(outside, { recursive: true });
  expect([here.code, here.stdout]).toEqual([0, expect.stringMatching(/^npm run -s ziti-glb -- COMMAND/)]);
  expect([there.code === 0, there.stdout]).toEqual([false, '']);
  expect(heard).toEqual([]);
  expect(asked).toContain('/ziti-glb');
});
