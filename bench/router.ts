import { setTimeout as sleep } from 'node:timers/promises';
import type { Network } from '../local/fabric/fabric.ts';
import { namespaceFabric } from '../local/fabric/namespaces.ts';
import { run } from '../local/fabric/process.ts';
import { findZiti } from '../local/fabric/ziti.ts';
import { setUp } from '../local/setup.ts';
import { IMAGES, topology, VPC } from '../test/local/fabric/topology.ts';
import { divert } from '../test/support/divert.ts';

/**
 * What a client gets through OpenZiti's own router: one TCP connection and eight, over the zero-trust network to iperf3 behind a
 * hosting router, offloads off so that a packet is a packet. Rounds alternate on the same running router: plain packets, and the
 * same in GENEVE, put on at the router's side of the VPC as a load balancer does. Between them is what the diverter costs.
 */
const ROUNDS = 7;
const SECONDS = 3;
const STREAMS = [1, 8];
/** As bpf/bench/node.bpf.c has them: what goes to a service is put into GENEVE to this router. */
const ROUTER_IP = '10.0.0.2';
const SERVICE = '100.100.0.1';
const FOLDER = new URL('..', import.meta.url).pathname;

const offloads = 'tso off gso off gro off tx off rx off';
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const shown = (values: number[]) =>
  `${median(values).toFixed(0)} Mbit/s (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;

function network(): Network {
  const routes = { '100.64.0.0/10': { kind: 'interface', id: 'eni-router-1' } } as const;
  const text = JSON.stringify(topology({ routes, controller: true }));
  return JSON.parse(text.replaceAll('10.0.9.11', ROUTER_IP).replaceAll('10.0.9.', '10.0.0.'));
}

async function main(): Promise<void> {
  const ziti = findZiti();
  setUp();
  const made = await run(['make', '--silent', '-C', `${FOLDER}bpf`, 'build/node.bpf.o']);
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
    await divert(fabric, 'i-router-1', 2, { attach: 'ens5 --from 10.0.0.0/24 --plain 100.64.0.0/10' });
    const service = `${FOLDER}local/fabric/images/controller/service.sh declare bench 100.100.0.0/16 tcp 5201 5201`;
    await shell(
      'i-controller',
      `ip route add local 100.100.0.0/16 dev lo; (setsid iperf3 --server >/dev/null 2>&1 &); ${service}`,
    );
    for (const instance of ['i-client-1', 'i-router-1'])
      await shell(instance, `ethtool -K ens5 ${offloads} >/dev/null`);
    for (const device of ['eni-client-1', 'eni-router-1']) await inVpc('ethtool', '-K', device, ...offloads.split(' '));
    await inVpc('tc', 'qdisc', 'add', 'dev', 'eni-router-1', 'clsact');
    await shell('i-client-1', 'ip route replace default via 10.0.1.1 dev ens5 mtu 1500');
    const transfer = async (streams: number, seconds = SECONDS, tries = 100): Promise<number> => {
      const command = ['iperf3', '--client', SERVICE, '--time', `${seconds}`, '--parallel', `${streams}`, '--json'];
      const { stdout } = await fabric.exec('i-client-1', command, { timeout: 60_000 });
      const { end, error } = JSON.parse(stdout);
      if (end?.sum_received) return end.sum_received.bits_per_second / 1e6;
      // What the router closes, its server is told seconds later; and the service may not be known yet.
      if (tries === 0) throw new Error(`iperf3 over ${streams} streams: ${error}`);
      await sleep(200);
      return transfer(streams, seconds, tries - 1);
    };
    await transfer(1, 1);

    const filter = ['dev', 'eni-router-1', 'egress'];
    const program = ['bpf', 'direct-action', 'object-file', `${FOLDER}bpf/build/node.bpf.o`, 'section', 'tc'];
    console.log(
      `${(await shell('i-router-1', 'ziti version')).trim()}, ${ROUNDS} rounds of ${SECONDS} s each, in turns, inner MTU 1,500\n`,
    );
    for (const streams of STREAMS) {
      const plain: number[] = [];
      const geneve: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        plain.push(await transfer(streams));
        await inVpc('tc', 'filter', 'add', ...filter, ...program);
        geneve.push(await transfer(streams));
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
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
