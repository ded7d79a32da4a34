import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const SCRIPT = fileURLToPath(new URL('../../bpf/deb/collector.sh', import.meta.url));
const MiB = 1024 * 1024;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'collector-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(files: Record<string, string | number>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
}

/** The collector says this on a machine of so many MiB, whose other files are these. */
function collector(mib: number, files: Record<string, string | number> = {}, env: NodeJS.ProcessEnv = {}): string[] {
  write({
    'proc/meminfo': `MemTotal:       ${mib * 1024} kB\nMemFree:  1 kB\nSwapTotal: 9 kB`,
    'proc/self/cgroup': '0::/system.slice/ziti-router.service',
    ...files,
  });
  const { status, stdout, stderr } = spawnSync('sh', [SCRIPT, root], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter(Boolean);
}
const set = (limit: number) => ['GOGC=200', `GOMEMLIMIT=${limit}MiB`];

test.each([
  [512, 256],
  [2048, 1024],
  [65_536, 32_768],
])('of a machine with %i MiB the heap may have %i', (mib, limit) => {
  expect(collector(mib)).toEqual(set(limit));
});

describe('a limit of a cgroup is what the memory is counted by', () => {
  const unit = 'sys/fs/cgroup/system.slice/ziti-router.service';
  const first = '9:name=systemd:/pod\n4:cpu,cpuacct:/pod\n3:memory:/pod/router\n0::/pod';
  test.each<[string, Record<string, string | number>, number]>([
    ['of the unit', { [`${unit}/memory.max`]: 600 * MiB }, 300],
    ['at which it is throttled', { [`${unit}/memory.max`]: 600 * MiB, [`${unit}/memory.high`]: 400 * MiB }, 200],
    ['of a group above', { [`${unit}/memory.max`]: 'max', 'sys/fs/cgroup/system.slice/memory.max': 800 * MiB }, 400],
    [
      'of a container, whose root it is',
      { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/memory.max': 1024 * MiB, 'sys/fs/cgroup/memory.high': 'max' },
      512,
    ],
    [
      'of version 1',
      {
        'proc/self/cgroup': first,
        'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
        'sys/fs/cgroup/memory/pod/memory.limit_in_bytes': 1500 * MiB,
        'sys/fs/cgroup/memory/pod/router/memory.limit_in_bytes': '9223372036854771712',
      },
      750,
    ],
    ['that is more than the machine has', { [`${unit}/memory.max`]: 8192 * MiB }, 1024],
    ['that there is none of', { [`${unit}/memory.max`]: 'max', [`${unit}/memory.high`]: 'max' }, 1024],
  ])('%s', (_, files, limit) => {
    expect(collector(2048, files)).toEqual(set(limit));
  });
});

test.each<[string, NodeJS.ProcessEnv]>([
  ['GOGC', { GOGC: '50' }],
  ['GOGC, to nothing', { GOGC: '' }],
  ['GOMEMLIMIT', { GOMEMLIMIT: '1GiB' }],
])('who has set %s has set the collector', (_, env) => {
  expect(collector(2048, {}, env)).toEqual([]);
});

test.each([
  ['TUNE=true', set(1024)],
  ['TUNE=false', []],
])('of %s in the settings', (settings, said) => {
  expect(collector(2048, { 'etc/default/ziti-glb-router': settings })).toEqual(said);
});
