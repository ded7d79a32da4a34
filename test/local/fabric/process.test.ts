import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { run } from '../../../local/fabric/process.ts';

test('runs a program to its end, with what it is given', async () => {
  expect(await run(['sh', '-c', 'cat; echo oh >&2; exit 3'], { stdin: 'said' })).toEqual({
    code: 3,
    stdout: 'said',
    stderr: 'oh\n',
  });
});

test('ends what takes too long, with all it has started', async () => {
  const { code, stdout } = await run(['sh', '-c', 'sleep 60 & echo $!; wait'], { timeout: 200 });
  expect(code).toBe(null);
  // Whoever inherits it may take a while to bury it.
  const stat = `/proc/${stdout.trim()}/stat`;
  const lives = () => existsSync(stat) && !/\) Z/.test(readFileSync(stat, 'utf8'));
  while (lives()) await sleep(20);
});

test('of a program that is not there, says so, and ends nobody when its time is up', async () => {
  await expect(run(['no-such-program'], { timeout: 50 })).rejects.toThrow(/ENOENT/);
  await sleep(150);
});

/** Nothing else happens in this process meanwhile, as where a machine has no time for it. */
function stand(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('has all that a program said, however late this process comes to read it', async () => {
  // Another program has said something and ended: while that is read, the one that is asked about speaks and ends as well. One look at
  // what has ended finds both, before anybody has read what the second one said.
  const other = spawn('sh', ['-c', 'echo first']);
  other.stdout.on('data', () => stand(600));
  other.on('exit', () => setImmediate(() => stand(300)));
  const going = run(['sh', '-c', 'sleep 0.5; echo said']);
  stand(300);
  expect(await going).toEqual({ code: 0, stdout: 'said\n', stderr: '' });
});
