import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';

const bpf = fileURLToPath(new URL('../../bpf', import.meta.url));
beforeAll(() => void execFileSync('flock', ['.', 'make', '-s', 'build/lists'], { cwd: bpf }));

/** The command makes this of a list that the kernel tells in these parts: test/bpf/lists.c says how they are written. */
function list(...parts: string[]) {
  const { status, stdout, stderr } = spawnSync(`${bpf}/build/lists`, parts, { encoding: 'utf8' });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}
const times = <T>(count: number, ...values: T[]): T[] => Array.from({ length: count }, () => values).flat();

describe('a list of the kernel', () => {
  test.each<[what: string, parts: string[], told: string]>([
    ['in parts', ['a,b', 'c', 'done'], 'a b c asked 1'],
    ['in one part with its end', ['a,b,done'], 'a b asked 1'],
    ['of nothing', ['done'], 'asked 1'],
    ['that changes between two parts', ['a,b', 'c!', 'done', 'a,c', 'done'], 'a c asked 2'],
    ['that changes before its end', ['a,b', 'done!', 'a', 'b,done'], 'a b asked 2'],
    [
      'of more than is told at a time',
      [...times(6, times(500, 'a').join(',')), 'done'],
      `${times(3000, 'a').join(' ')} asked 1`,
    ],
    ['that changes again and again', [...times(49, 'a!', 'done'), 'b,done'], 'b asked 50'],
    ['of what the kernel has not', ['error:95'], 'asked 1'],
    ['of a family that the kernel has not', ['error:97'], 'asked 1'],
    ['of a table that is not there', ['done:2'], 'asked 1'],
  ])('%s', (_, parts, told) => {
    const { status, stdout, stderr } = list(...parts);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: told, stderr: '' });
  });

  test.each<[what: string, parts: string[], sentence: string]>([
    ['refused', ['error:22'], 'the kernel does not tell its things: Invalid argument'],
    ['that ends half way', ['a,b', 'done:105'], 'the kernel does not tell its things: No buffer space available'],
    [
      'that changes for ever',
      times(51, 'a!', 'done'),
      "the kernel's things changed while being read, 50 times in a row: try again",
    ],
    ['without an end', ['a'], "cannot read the kernel's things: Resource temporarily unavailable"],
  ])('%s is none, and nothing of it is taken', (_, parts, sentence) => {
    expect(list(...parts)).toEqual({ status: 1, stdout: '', stderr: `diverter: ${sentence}` });
  });
});
