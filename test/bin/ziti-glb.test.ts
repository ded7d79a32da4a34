import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { writeCredentials } from '../../local/credentials.ts';

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
  expect(stdout).toMatch(/^npx ziti-glb COMMAND/);
  expect(stdout).not.toContain('\u001b');
});

test('complains on standard error', () => {
  const { status, stdout, stderr } = ziti('sttus');
  expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  expect(stderr).toMatch(/^there is no command sttus/);
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

test('says what to do where no region is given', () => {
  const { status, stdout, stderr } = ziti('status');
  expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
  expect(stderr).toBe(
    'It is not said where the stack is: add --region, as in --region eu-central-1, or set AWS_REGION.\n',
  );
});
