import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { namespaceFabric } from '../../../local/fabric/namespaces.ts';
import { describeKernel } from '../../support/kernel.ts';
import { IMAGES, topology } from './topology.ts';

const KINDS = ['net', 'mnt', 'pid', 'uts'];

describeKernel('a fabric leaves nothing behind', () => {
  let owner: ChildProcess;
  beforeEach(async () => {
    const program = new URL('owner.ts', import.meta.url).pathname;
    owner = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => owner.stdout?.once('data', resolve));
  });
  afterEach(() => {
    owner.kill('SIGKILL');
  });

  test('when its owner is killed, whatever ran in it', async () => {
    const mine = processes().filter(({ pid }) => isBelow(pid, owner.pid ?? 0));
    const host = namespacesOf('self');
    const theirs = new Set(mine.flatMap(({ pid }) => namespacesOf(pid)).filter((name) => !host.includes(name)));
    // Each instance, the VPC and the node have a network namespace; instances have mounts, names and processes too.
    expect([...theirs].filter((name) => name.startsWith('net:'))).toHaveLength(5 + 2);
    expect([...theirs].filter((name) => name.startsWith('mnt:'))).toHaveLength(5);
    expect(mine.filter(({ command }) => command.includes('sleep 1000'))).toHaveLength(1);
    const links = hostLinks();
    // The kernel gives the number of a namespace that is gone to the next one, of another test: none goes before we have looked.
    const held = mine.flatMap(({ pid }) => open(pid));

    owner.kill('SIGKILL');
    await until(() => processes().every(({ pid }) => !mine.some((process) => process.pid === pid)));
    const left = processes().flatMap(({ pid }) => namespacesOf(pid));
    for (const file of held) closeSync(file);
    expect(left.filter((name) => theirs.has(name))).toEqual([]);
    expect(hostLinks()).toEqual(links);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toMatch(/upperdir=\/run\/changes/);
  });
});

describeKernel('a fabric that is closed', () => {
  const below = () => processes().filter(({ pid }) => isBelow(pid, process.pid));

  test('while it comes up, ends all it has begun', async () => {
    const before = below().length;
    const fabric = await namespaceFabric({ images: IMAGES });
    const synced = fabric.sync(topology());
    await fabric.close();
    await synced;
    expect(below()).toHaveLength(before);
  });

  test('after it could not come up, too', async () => {
    const before = below().length;
    const fabric = await namespaceFabric({ images: { 'ami-client': 'client' } });
    await expect(fabric.sync(topology())).rejects.toThrow('Nothing boots from ami-router. Images: ami-client');
    expect(below().length).toBeGreaterThan(before);
    await fabric.close();
    expect(below()).toHaveLength(before);
  });
});

interface Process {
  pid: number;
  parent: number;
  command: string;
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        return []; // It has just ended.
      }
    });
}

function isBelow(pid: number, ancestor: number): boolean {
  const parents = new Map(processes().map((process) => [process.pid, process.parent]));
  for (let at = parents.get(pid); at; at = parents.get(at)) if (at === ancestor) return true;
  return false;
}

function namespacesOf(pid: number | 'self'): string[] {
  try {
    return KINDS.map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));
  } catch {
    return [];
  }
}

/** Open files keep the namespaces of a process; none where it has just ended, as a command that a guest was given does. */
function open(pid: number): number[] {
  return KINDS.flatMap((kind) => {
    try {
      return openSync(`/proc/${pid}/ns/${kind}`, 'r');
    } catch {
      return [];
    }
  });
}

const hostLinks = () => execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }).replace(/state \S+/g, '');

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(condition()).toBe(true);
}
