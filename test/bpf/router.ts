import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  execFileSync,
  spawn,
  spawnSync,
} from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const build = fileURLToPath(new URL('../../bpf/build', import.meta.url));
export const diverterPath = `${build}/diverter`;
export const harnessPath = `${build}/harness`;
export const tablePath = `${build}/table`;

/**
 * A router has namespaces of its own: `eth0` with ROUTER, on a wire with the namespace `node` that has NODE, its BPF file
 * system, and, as OpenZiti has it, the intercepted addresses on `lo`.
 */
export interface Router {
  /** Runs a command in the router, or in the node; rejects nothing. */
  exec(argv: string[], where?: Place): Result;
  /** `exec` of the diverter. */
  diverter(...args: string[]): Result;
  /** `diverter` that must succeed. */
  diverts(...args: string[]): string;
  /** Adds a service rule as OpenZiti would. */
  intercept(rule: Rule): void;
  counters(): Record<string, number>;
  /** Starts a long-running command, whose output comes line by line. */
  background(argv: string[], where?: Place): Started;
  /** `background` of a harness verb. */
  start(args: string[], where?: Place): Started;
  /** Ends all that was started. */
  stopAll(): Promise<void>;
  /** Resolves to the program's verdict on each packet, without the stack. */
  run(packets: Buffer[]): Promise<Verdict[]>;
  /** Puts packets on the wire towards the router. */
  send(...packets: Buffer[]): void;
  close(): Promise<void>;
}

export type Place = 'router' | 'node';

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Verdict {
  reason: string;
  /** TC_ACT_OK 0, TC_ACT_SHOT 2, TC_ACT_UNSPEC -1. */
  action: number;
  packet: Buffer;
}

export interface Rule {
  destination: string;
  protocol: 'tcp' | 'udp';
  source?: string;
  ports: [low: number, high: number];
  listener: number;
  service?: string;
  interface?: string;
}

export interface Started {
  /** Resolves to the next line that `matches`; rejects after `milliseconds`. */
  line(matches?: RegExp, milliseconds?: number): Promise<string>;
  /** Resolves if no further line that `matches` comes for so long. */
  silent(matches?: RegExp, milliseconds?: number): Promise<void>;
  write(input: string | Buffer): void;
  /** Closes its input; resolves when it has ended. */
  finish(): Promise<void>;
  /** Kills it, and resolves when its sockets are closed. */
  stop(): Promise<void>;
}

const setup = `
set -e
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t bpf -o mode=700 bpf /sys/fs/bpf # as systemd does
ip netns add node
ip link set lo up
ip link add eth0 address 02:00:00:00:00:02 mtu 9001 type veth peer name eth0 netns node address 02:00:00:00:00:01 mtu 9001
ip address add 10.0.0.2/24 dev eth0
ip -6 address add 2001:db8::2/64 dev eth0 nodad
ip link set eth0 up
ip -n node link set lo up
ip -n node address add 10.0.0.1/24 dev eth0
ip -n node -6 address add 2001:db8::1/64 dev eth0 nodad
ip -n node link set eth0 up
for each in all eth0; do sysctl -qw net.ipv4.conf.$each.rp_filter=0; done
sysctl -qw net.ipv4.ip_local_port_range="20000 39999"
ip route add 192.168.0.0/16 via 10.0.0.1
ip -6 route add 2001:db8:1::/48 via 2001:db8::1
# The node answers who has its IPv6 address only a second after it has got it.
ip -6 neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
ip route add local 100.64.0.0/10 dev lo
ip -6 route add local 2001:db8:2::/48 dev lo
echo ready
exec sleep infinity
`;

/** Builds what the tests run; several test files may ask at once. */
function make(): void {
  execFileSync('flock', ['.', 'make', '-s', 'build/diverter', 'build/harness', 'build/table'], {
    cwd: `${build}/..`,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Verdicts have these names, in the order of their numbers. */
export const verdictNames: readonly string[] = [
  ...readFileSync(new URL('../../bpf/verdicts.h', import.meta.url), 'utf8').matchAll(
    /^ {2}X\([A-Z0-9_]+, ([a-z0-9_]+),/gm,
  ),
].map(([, name]) => name ?? '');

/** The diverter finds a kernel without tcx, as those before 6.6, if not `tcx`, and goes on a clsact qdisc. */
export async function startRouter({ tcx = true } = {}): Promise<Router> {
  make();
  // Ends with this process, however that ends.
  const holder = spawn('setpriv', [
    ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', setup],
  ]);
  let problem = '';
  holder.stderr.on('data', (text) => {
    problem += text;
  });
  await Promise.race([
    once(holder.stdout, 'data'),
    once(holder, 'exit').then(() => Promise.reject(new Error(`the test's namespaces: ${problem}`))),
  ]);
  const init = childOf(holder);
  const inside = (argv: string[], where: Place): string[] => [
    ...['--target', `${init}`, '--mount', '--net', '--pid', '--'],
    ...(where === 'node' ? ['ip', 'netns', 'exec', 'node', ...argv] : argv),
  ];

  const exec = (argv: string[], where: Place = 'router'): Result => {
    const { status, stdout, stderr } = spawnSync('nsenter', inside(argv, where), {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    return { code: status, stdout, stderr };
  };
  const diverter = (...args: string[]): Result =>
    exec([...(tcx ? [] : [harnessPath, 'without-tcx']), diverterPath, ...args]);
  const diverts = (...args: string[]): string => {
    const { code, stdout, stderr } = diverter(...args);
    if (code !== 0) throw new Error(`diverter ${args.join(' ')}: exit code ${code}: ${stderr}`);
    return stdout;
  };
  const running: Started[] = [];
  const background = (argv: string[], where: Place = 'router'): Started => {
    // nsenter forks: what it started must end with it.
    const one = started(spawn('nsenter', inside(['setpriv', '--pdeathsig', 'KILL', ...argv], where)));
    running.push(one);
    return one;
  };
  const runner = lazily(() => packetRunner(spawn('nsenter', inside([harnessPath, 'run', 'eth0'], 'router'))));

  return {
    exec,
    diverter,
    diverts,
    background,
    start: (args, where) => background([harnessPath, ...args], where),
    stopAll: async () => void (await Promise.all(running.splice(0).map((one) => one.stop()))),
    intercept: (rule) => void diverts(...interceptArguments(rule)),
    counters: () => JSON.parse(diverts('status', '--json')).counters,
    run: (packets) => runner()(packets),
    send: (...packets) => {
      const input = Buffer.concat(packets.map(framed));
      const { status, stderr } = spawnSync('nsenter', inside([harnessPath, 'send', 'eth0'], 'node'), { input });
      if (status !== 0) throw new Error(`sending: ${stderr}`);
    },
    close: async () => {
      holder.kill('SIGKILL');
      await once(holder, 'exit');
    },
  };
}

/** OpenZiti gives -I its arguments in this order. */
export function interceptArguments(rule: Rule): string[] {
  return ['-I', ...keyArguments(rule), '-t', `${rule.listener}`, '-s', rule.service ?? 'service', ...onInterface(rule)];
}

/** OpenZiti gives -D its arguments in this order. */
export function removeArguments(rule: Rule): string[] {
  return ['-D', ...keyArguments(rule), ...onInterface(rule)];
}

const onInterface = (rule: Rule): string[] => (rule.interface ? ['-N', rule.interface] : []);

function keyArguments({ destination, protocol, source = '0.0.0.0/0', ports: [low, high] }: Rule): string[] {
  const [to = '', toLength = ''] = destination.split('/');
  const [from = '', fromLength = ''] = source.split('/');
  return ['-c', to, '-m', toLength, '-p', protocol, '-o', from, '-n', fromLength, '-l', `${low}`, '-h', `${high}`];
}

/** The harness reads a packet so. */
export function framed(packet: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(packet.length);
  return Buffer.concat([length, packet]);
}

/** The process that unshare or nsenter has forked; undefined where there is none yet, or none any more. */
function childOf({ pid, exitCode, signalCode }: ChildProcess): number | undefined {
  if (exitCode !== null || signalCode !== null) return undefined;
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()) || undefined;
}

function killed(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Speaks the protocol of the harness's `run`. */
function packetRunner(child: ChildProcessWithoutNullStreams): (packets: Buffer[]) => Promise<Verdict[]> {
  let received = Buffer.alloc(0);
  let arrived = (): void => undefined;
  let problem = '';
  child.stdout.on('data', (bytes) => {
    received = Buffer.concat([received, bytes]);
    arrived();
  });
  child.stderr.on('data', (text) => {
    problem += text;
  });
  child.on('exit', () => arrived());

  const next = async (): Promise<Verdict> => {
    while (received.length < 12 || received.length < 12 + received.readUInt32LE(8)) {
      if (child.exitCode !== null) throw new Error(`the harness ended: ${problem}`);
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
    const end = 12 + received.readUInt32LE(8);
    const verdict = {
      reason: verdictNames[received.readUInt32LE(0)] ?? 'not counted',
      action: received.readInt32LE(4),
      packet: Buffer.from(received.subarray(12, end)),
    };
    received = received.subarray(end);
    return verdict;
  };
  return async (packets) => {
    child.stdin.write(Buffer.concat([...packets, Buffer.alloc(0)].map(framed)));
    const verdicts: Verdict[] = [];
    while (verdicts.length < packets.length) verdicts.push(await next());
    return verdicts;
  };
}

function started(child: ChildProcessWithoutNullStreams): Started {
  const lines: string[] = [];
  let problem = '';
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  child.stderr.on('data', (text) => {
    problem += text;
  });
  return {
    line: async (matches = /./, milliseconds = 20_000) => {
      for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(2)) {
        const at = lines.findIndex((line) => matches.test(line));
        if (at >= 0) return lines.splice(0, at + 1).at(-1) ?? '';
      }
      throw new Error(`no line like ${matches} came: ${problem || lines.join('; ') || 'nothing'}`);
    },
    silent: async (matches = /./, milliseconds = 50) => {
      await sleep(milliseconds);
      const unexpected = lines.filter((line) => matches.test(line));
      if (unexpected.length) throw new Error(`unexpected: ${unexpected.join('; ')}`);
    },
    write: (input) => void child.stdin.write(input),
    finish: async () => {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
    },
    stop: async () => {
      const closed = once(child, 'close');
      // nsenter ends once what it runs has ended, sockets and devices closed; killed itself, it would not wait for that.
      if (!killed(childOf(child)) && !child.kill('SIGKILL')) return;
      await closed;
    },
  };
}
