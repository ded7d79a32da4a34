import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Network } from '../local/fabric/fabric.ts';
import { namespaceFabric } from '../local/fabric/namespaces.ts';
import { run } from '../local/fabric/process.ts';
import { findZiti } from '../local/fabric/ziti.ts';
import { setUp } from '../local/setup.ts';
import { IMAGES, topology, VPC } from '../test/local/fabric/topology.ts';
import { divert } from '../test/support/divert.ts';

/**
 * A client gets so much through OpenZiti's own router: one TCP connection and eight, over the zero-trust network to iperf3 behind a
 * hosting router. First what it was before the kernel merged packets and before anything was set in ziti-router, and what
 * it is now, in rounds that start it anew; `-- each` has these two, and everything else that was tried, take turns with what is
 * without it; `-- each NAME` has that which is called so. Then, on a router that runs on, plain packets and the same in GENEVE, put on
 * at the router's side of the VPC as a load balancer does: between them is what the diverter costs.
 *
 * The router's machine is processor 0, and nothing else is there; all others are processor 1, and the kernel's work for them. So
 * that the router is what limits, and throughput is what its CPU makes of it, it has a share of that processor.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const SECONDS = 3;
const STREAMS = [1, 8];
/** The router has so many hundredths of a processor, in slices of 10 ms. */
const ROUTER_HAS = 60;
/** The hosting router has these, slow where it is to be slower than the router. */
const HOST_HAS = { fast: 100, slow: 20 };
/** bpf/bench/node.bpf.c has these addresses: it puts what goes to a service into GENEVE to this router. */
const ROUTER_IP = '10.0.0.2';
const SERVICE = '100.100.0.1';
/** This service is not encrypted from end to end. */
const OPEN = '100.101.0.1';
const RULES = 4;
const FOLDER = new URL('..', import.meta.url).pathname;
const NODE = `${FOLDER}bpf/build/node.bpf.o`;
const ATTACH = 'ens5 --from 10.0.0.0/24 --plain 100.64.0.0/10';
const CONFIG = '/var/lib/ziti-router/config.yml';

/**
 * ziti-router is started with these: packets in GENEVE merged by the kernel or not, as the package has it or not, lines of a drop-in,
 * a change of its configuration, and what is asked for.
 */
interface Setting {
  merged?: boolean;
  tuned?: boolean;
  /** Its service is not encrypted from end to end. */
  open?: boolean;
  environment?: string[];
  /** For sed. */
  configuration?: string;
  command?: string;
}
const tunnel = (...options: string[]): Setting => ({
  configuration: `s|^      dnsSvcIpRange: .*|&\\n${options.map((option) => `      ${option}`).join('\\n')}|`,
});
const link = (option: string): Setting => ({ configuration: `0,/^    - binding: transport/s||&\\n      ${option}|` });
/** The card interrupts so many nanoseconds after a packet, if the last so many times brought any. */
const coalesce = (nanoseconds: number, times: number): Setting => ({
  command: `unshare --mount sh -ec "mount -t sysfs none /sys; cd /sys/class/net/ens5
    echo ${nanoseconds} >gro_flush_timeout; echo ${times} >napi_defer_hard_irqs"`,
});
const windows = (bytes: number) => [`txPortalStartSize: ${bytes}`, `txPortalMaxSize: ${bytes}`];
/** docs/routers.md has these. */
const ADVISED = ['retxAddMs: 500', ...windows(2097152)];
/** OpenZiti documents these options: https://openziti.io/docs/reference/configuration/router */
const TRIED: Record<string, Setting> = {
  'GOGC=300': { environment: ['GOGC=300'] },
  'GOGC=400': { environment: ['GOGC=400'] },
  'GOGC=400 GOMEMLIMIT=230MiB': { environment: ['GOGC=400', 'GOMEMLIMIT=230MiB'] },
  'GODEBUG=madvdontneed=0': { environment: ['GODEBUG=madvdontneed=0'] },
  'GOMAXPROCS=1': { environment: ['GOMAXPROCS=1'] },
  'txQueueSize: 64': tunnel('txQueueSize: 64'),
  'windows of 16 MiB': tunnel(...windows(16777216), 'rxBufferSize: 16777216'),
  'windows of 2 MiB': tunnel(...windows(2097152)),
  'retxAddMs: 500': tunnel('retxAddMs: 500'),
  'retxAddMs: 200, windows of 2 MiB': tunnel('retxAddMs: 200', ...windows(2097152)),
  'retxAddMs: 500, windows of 2 MiB': tunnel(...ADVISED),
  'split: false': link('split: false'),
  'maxDefaultConnections: 1': link('maxDefaultConnections: 1'),
  'tcp_wmem of 1 MiB': { command: "sysctl -qw net.ipv4.tcp_wmem='4096 1048576 16777216'" },
};
const SET = { merged: true, tuned: true, ...tunnel(...ADVISED) };
/** These were tried beside all that. */
const BESIDE: Record<string, Setting> = {
  'GOGC=800': { environment: ['GOGC=800'] },
  'GODEBUG=asyncpreemptoff=1': { environment: ['GODEBUG=asyncpreemptoff=1'] },
  'outQueueSize: 16.5': link('outQueueSize: 16.5'),
  'split: false, beside all': link('split: false'),
  'interrupts 200 us late': coalesce(200_000, 2),
};
const beside = (setting: Setting): Setting => ({
  ...SET,
  ...setting,
  configuration: [SET.configuration, setting.configuration].join('\n'),
});
/** Each setting has its own baseline. */
const compared = (each: boolean): Record<string, [Setting, Setting]> =>
  each
    ? {
        merged: [{}, { merged: true }],
        'what the package sets': [{ merged: true }, { merged: true, tuned: true }],
        ...Object.fromEntries(
          Object.entries(TRIED).map(([name, setting]) => [name, [{ merged: true }, { merged: true, ...setting }]]),
        ),
        ...Object.fromEntries(Object.entries(BESIDE).map(([name, setting]) => [name, [SET, beside(setting)]])),
      }
    : {
        'merged, and all that is set': [{}, SET],
        'the same, and no encryption from end to end': [{}, { ...SET, open: true }],
      };
const UNDO = `sysctl -qw net.ipv4.tcp_wmem='4096 16384 4194304'; ${coalesce(0, 0).command}`;

const offloads = 'tso off gso off gro off tx off rx off';
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const shown = (values: number[], digits = 0) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;

/** Cgroups with a share of a processor stand here, and their files are those of version 2 or 1. */
const GROUPS = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/cpu';
const inGroup = (name: string, file = '') => `${GROUPS}/ziti-glb-bench-${name}/${file}`;
function share(name: string, hundredths: number): void {
  mkdirSync(inGroup(name), { recursive: true });
  const files =
    GROUPS === '/sys/fs/cgroup'
      ? { 'cpu.weight': '10000', 'cpu.max': `${hundredths * 100} 10000` }
      : { 'cpu.shares': '262144', 'cpu.cfs_period_us': '10000', 'cpu.cfs_quota_us': `${hundredths * 100}` };
  for (const [file, text] of Object.entries(files)) writeFileSync(inGroup(name, file), text);
}

/** A cgroup is busy until the kernel has reaped its last process. */
async function removeGroup(name: string): Promise<void> {
  for (let tries = 0; existsSync(inGroup(name)); tries++) {
    try {
      rmdirSync(inGroup(name));
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(100);
    }
  }
}

function network(): Network {
  const routes = { '100.64.0.0/10': { kind: 'interface', id: 'eni-router-1' } } as const;
  const text = JSON.stringify(topology({ routes, controller: true }));
  return JSON.parse(text.replaceAll('10.0.9.11', ROUTER_IP).replaceAll('10.0.9.', '10.0.0.'));
}

async function main(each: boolean, only: string[]): Promise<void> {
  const ziti = findZiti();
  setUp();
  await run(['taskset', '--all-tasks', '--cpu-list', '--pid', '1', String(process.pid)]);
  const made = await run(['make', '--silent', '-C', `${FOLDER}bpf`, 'build/node.bpf.o', 'build/gpe/diverter']);
  if (made.code !== 0) throw new Error(made.stderr);
  const fabric = await namespaceFabric({ images: IMAGES, ziti });
  try {
    const shell = async (instance: string, command: string) => {
      const { code, stdout, stderr } = await fabric.exec(instance, ['bash', '-c', command], { timeout: 90_000 });
      if (code !== 0) throw new Error(`${command}: ${stdout}${stderr}`);
      return stdout;
    };
    const inVpc = async (...argv: string[]) => {
      const { code, stderr } = await run([...fabric.enterVpc(VPC), ...argv]);
      if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
    };
    await fabric.sync(network());
    await shell('i-controller', 'until [ -e /run/ready ]; do sleep 0.2; done');
    await shell(
      'i-router-2',
      'until [ -e /run/units/ziti-router.service ]; do sleep 0.2; done; systemctl stop ziti-router',
    );
    // ziti-router asks itself for a name when it starts, by way of this, for ten seconds where that leads elsewhere.
    await shell('i-router-1', 'echo nameserver 127.0.0.1 >/etc/resolv.conf');
    await divert(fabric, 'i-router-1', 2, { attach: ATTACH });
    const declare = `${FOLDER}local/fabric/images/controller/service.sh declare`;
    await shell(
      'i-controller',
      `ip route add local 100.100.0.0/15 dev lo; (setsid iperf3 --server >/dev/null 2>&1 &)
       ${declare} bench 100.100.0.0/16 tcp 5201 5201 && ${declare} open 100.101.0.0/16 tcp 5201 5201 &&
       ziti edge delete service open && ziti edge create service open --encryption OFF --configs open-intercept,open-host --role-attributes served`,
    );
    // The router's own card cuts and sums what it sends, and merges what it receives, as a real one.
    await shell('i-client-1', `ethtool -K ens5 ${offloads} >/dev/null`);
    await shell('i-router-1', 'ethtool -K ens5 gro on');
    for (const device of ['eni-client-1', 'eni-router-1']) await inVpc('ethtool', '-K', device, ...offloads.split(' '));
    // The other processor receives what the router sends, and carries it on.
    const receiving =
      'mount -t sysfs none /sys; for queue in /sys/class/net/eni-*/queues/rx-*; do echo 2 >$queue/rps_cpus; done';
    await inVpc('unshare', '--mount', 'sh', '-ec', receiving);
    await inVpc('tc', 'qdisc', 'add', 'dev', 'eni-router-1', 'clsact');
    const filter = ['dev', 'eni-router-1', 'egress'];
    const encapsulate = (section: string) =>
      inVpc(...['tc', 'filter', 'add', ...filter, 'bpf', 'direct-action', 'object-file'], NODE, 'section', section);
    await encapsulate('geneve');
    await shell('i-client-1', 'ip route replace default via 10.0.1.1 dev ens5 mtu 1500');
    await shell('i-router-1', `cp ${CONFIG} /run/config.yml`);
    /** Resolves to megabits a second and megabytes. */
    const transfer = async (
      streams: number,
      { address = SERVICE, seconds = SECONDS, tries = 100 } = {},
    ): Promise<[mbits: number, mb: number]> => {
      const command = ['iperf3', '--client', address, '--time', `${seconds}`, '--parallel', `${streams}`, '--json'];
      const { stdout } = await fabric.exec('i-client-1', command, { timeout: 60_000 });
      const { end, error } = JSON.parse(stdout);
      if (end?.sum_received) return [end.sum_received.bits_per_second / 1e6, end.sum_received.bytes / 1e6];
      // What the router closes, its server is told seconds later; and the service may not be known yet.
      if (tries === 0) throw new Error(`iperf3 over ${streams} streams: ${error}`);
      await sleep(200);
      return transfer(streams, { address, seconds, tries: tries - 1 });
    };

    /** The card merges all that it is able to: GENEVE where the kernel has a socket for it, or VXLAN-GPE in its place. */
    const merge = async (merged: boolean) => {
      const section = await shell(
        'i-router-1',
        `ip link del gpe 2>/dev/null; diverter attach ${ATTACH} >/dev/null
         if ! ${merged}; then
           ip link del ziti-glb-gro 2>/dev/null
         elif ! ip link show ziti-glb-gro >/dev/null 2>&1; then
           ip link add gpe type vxlan dstport 6081 nolearning gpe external && ip link set gpe addrgenmode none up
           ${FOLDER}bpf/build/gpe/diverter attach ${ATTACH} >/dev/null && printf gpe && exit
         fi
         printf geneve`,
      );
      await inVpc('tc', 'filter', 'delete', ...filter);
      await encapsulate(section);
    };
    /** ziti-router of an instance has so many hundredths of a processor. */
    const limit = async (instance: string, hundredths: number) => {
      const pid = (await shell(instance, 'systemctl show -p MainPID --value ziti-router')).trim();
      share(instance, hundredths);
      // Perf enters the instance's namespace of processes, and has our files.
      const enter = fabric.enter(instance).filter((option) => !['--mount', '--root', '--wd'].includes(option));
      const { code, stderr } = await run([...enter, 'sh', '-c', `echo ${pid} >${inGroup(instance, 'cgroup.procs')}`]);
      if (code !== 0) throw new Error(stderr);
    };
    const start = async ({
      merged = false,
      tuned = false,
      environment = [],
      configuration = '',
      command = UNDO,
    }: Setting) => {
      await shell(
        'i-router-1',
        `echo TUNE=${tuned} >/etc/default/ziti-glb-router; mkdir -p /run/systemd/system/ziti-router.service.d
         printf '%s\\n' '[Service]' ${environment.map((line) => `Environment=${line}`).join(' ')} >/run/systemd/system/ziti-router.service.d/bench.conf
         sed '${configuration}' /run/config.yml >${CONFIG}; ${command}; taskset --cpu-list 0 systemctl restart ziti-router
         until [ "$(diverter services | grep -c ' of service ')" = ${RULES} ]; do sleep 0.1; done`,
      );
      await limit('i-router-1', ROUTER_HAS);
      await limit('i-controller', HOST_HAS.fast);
      await merge(merged);
      // A link begins with one connection, and has its others after three seconds.
      await sleep(4000);
    };
    /** The kernel tells of ziti-router's process its CPU time in milliseconds, its MiB in memory, and at the most since `reset`. */
    const look = async (reset = false) => {
      const said = await shell(
        'i-router-1',
        `cd /proc/$(systemctl show -p MainPID --value ziti-router); ${reset ? 'echo 5 >clear_refs;' : ''} cat stat status`,
      );
      const [, times = ''] = said.split(') ');
      const [user = 0, system = 0] = times.split(' ').slice(11, 13).map(Number);
      const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(said)?.[1]) / 1024;
      return { cpu: (user + system) * 10, rest: mib('VmRSS'), most: mib('VmHWM') };
    };
    /** A circuit whose client has left has its last payloads sent again and again, up to ten seconds. */
    const rest = async () => {
      for (let tries = 0; tries < 30; tries++) {
        const { cpu } = await look();
        await sleep(400);
        if ((await look()).cpu - cpu <= 20) return;
      }
    };
    /** A setting is told by these rows. */
    const measure = async (setting: Setting): Promise<Map<string, number>> => {
      await start(setting);
      const rows = new Map([['memory at rest, MiB', (await look()).rest]]);
      const address = setting.open ? OPEN : SERVICE;
      await transfer(1, { address, seconds: 1 });
      for (const [far, hundredths] of Object.entries(HOST_HAS)) {
        await limit('i-controller', hundredths);
        for (const streams of STREAMS) {
          await rest();
          const { cpu } = await look(true);
          const [mbits, mb] = await transfer(streams, { address });
          const after = await look();
          const name = `${streams} stream${streams > 1 ? 's' : ''}${far === 'slow' ? ' to a slow host' : ''}`;
          rows.set(`${name}, Mbit/s`, mbits);
          rows.set(`${name}, router's CPU, ms a MB`, (after.cpu - cpu) / mb);
          rows.set(`${name}, memory at the most, MiB`, after.most);
        }
      }
      return rows;
    };

    console.log(
      `${(await shell('i-router-1', 'ziti version')).trim()}, ${ROUNDS} rounds of ${SECONDS} s each, in turns, inner MTU 1,500\n`,
    );
    await transfer(1, { seconds: 1 });
    for (const [name, [before, after]] of Object.entries(compared(each))) {
      if (only.length > 0 && !only.includes(name)) continue;
      const without: Map<string, number>[] = [];
      const tuned: Map<string, number>[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const pair = [
          { seen: without, setting: before },
          { seen: tuned, setting: after },
        ];
        for (const one of round % 2 ? pair.toReversed() : pair) one.seen.push(await measure(one.setting));
      }
      console.log(`| ${name} | without | with | ratio |\n| --- | ---: | ---: | ---: |`);
      for (const row of without[0]?.keys() ?? []) {
        const [before = [], after = []] = [without, tuned].map((rounds) => rounds.map((rows) => rows.get(row) ?? 0));
        const ratio = (median(after) / median(before)).toFixed(2);
        const digits = row.includes('CPU') ? 1 : 0;
        console.log(`| ${row} | ${shown(before, digits)} | ${shown(after, digits)} | ${ratio} |`);
      }
      console.log();
    }
    if (each) return;

    console.log('Nothing merged, Mbit/s:\n');
    await start({ tuned: true });
    await inVpc('tc', 'filter', 'delete', ...filter);
    await shell('i-router-1', 'ethtool -K ens5 gro off');
    await transfer(1, { seconds: 1 });
    for (const streams of STREAMS) {
      const plain: number[] = [];
      const geneve: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        plain.push((await transfer(streams))[0]);
        await encapsulate('geneve');
        geneve.push((await transfer(streams))[0]);
        await inVpc('tc', 'filter', 'delete', ...filter);
      }
      const share = (1 - median(geneve) / median(plain)) * 100;
      console.log(`${streams} stream${streams > 1 ? 's' : ''}  plain   ${shown(plain)}`);
      console.log(
        `${' '.repeat(String(streams).length)}         GENEVE  ${shown(geneve)}: our share ${share.toFixed(1)} %`,
      );
    }
  } finally {
    await fabric.close();
    for (const instance of ['i-router-1', 'i-controller']) await removeGroup(instance);
  }
}

try {
  const [mode, ...only] = process.argv.slice(2);
  await main(mode === 'each', only);
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
