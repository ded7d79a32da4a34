import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Network } from './fabric.ts';
import type { Netns } from './netns.ts';
import { spawnOwned } from './process.ts';
import { deviceName } from './routing.ts';

/** A load balancer node's data path: `gwlb/`. Its process holds the node's network namespace. */
export interface Gwlb extends Netns {
  /** Opens the endpoint's device in the VPC's namespace. */
  addEndpoint(id: string, vpc: Netns): Promise<void>;
  /** Closes it. Its routes go with it. */
  removeEndpoint(id: string): Promise<void>;
  /** Its packets that went to targets in GENEVE with its id, and that came back so. */
  endpointStats(id: string): Promise<EndpointStats>;
  /** Sets targets and flow policy; says nothing that was said before. */
  configure(node: Pick<Network['nodes'][number], 'targets' | 'flows'>): Promise<void>;
  /** Counters since the start, by name. */
  stats(): Promise<Record<string, number>>;
}

/** CloudWatch has these of an endpoint, in packets: https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-cloudwatch-metrics.html */
export interface EndpointStats {
  forwarded: number;
  returned: number;
}

const TUPLE = { source_ip_dest_ip_proto_ports: 5, source_ip_dest_ip_proto: 3, source_ip_dest_ip: 2 };

export async function startGwlb(): Promise<Gwlb> {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const program = `${here}build/gwlb`;
  if (!existsSync(program)) throw new Error(`${program} is missing. Build it: make -C ${here}`);
  const child = spawnOwned(['unshare', '--net', program]);
  const waiting: ((line: string) => void)[] = [];
  const said = new Map<string, string>();

  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  child.once('exit', () => {
    for (const receive of waiting.splice(0)) receive('error it has ended');
  });
  child.stdin.on('error', () => {}); // Its exit says it.

  /** Each line said is answered by one, in order. */
  const answerTo = (line: string) =>
    new Promise<string>((resolve, reject) => {
      waiting.push((answer) => {
        if (answer.startsWith('ok')) resolve(answer.slice(3));
        else reject(new Error(`gwlb, at "${line}": ${answer}`));
      });
    });
  const say = (line: string) => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`gwlb, at "${line}": it has ended`);
    child.stdin.write(`${line}\n`);
    return answerTo(line);
  };
  const sayOnce = async (verb: string, words: string) => {
    if (said.get(verb) === words) return;
    await say(`${verb} ${words}`);
    said.set(verb, words);
  };

  await answerTo('start');
  return {
    pid: child.pid ?? 0,
    process: child,
    addEndpoint: async (id, vpc) => {
      await say(`endpoint add ${optionValue(id)} ${deviceName(id)} /proc/${vpc.pid}/ns/net`);
    },
    removeEndpoint: async (id) => {
      await say(`endpoint remove ${optionValue(id)}`);
    },
    endpointStats: async (id) => JSON.parse(await say(`endpoint stats ${optionValue(id)}`)),
    configure: async ({ targets, flows }) => {
      const failover = flows.rebalance ? 'rebalance' : 'no_rebalance';
      const resets = [flows.resetUnhealthy && 'unhealthy', flows.resetDeregistered && 'deregistered'].filter(Boolean);
      const idle = `${flows.tcpIdle} ${flows.otherIdle}`;
      await sayOnce('policy', `${TUPLE[flows.stickiness]} ${failover} ${resets.join('+') || 'no_reset'} ${idle}`);
      await sayOnce('targets', targets.map(({ ip, state }) => `${ip}=${state}`).join(' '));
    },
    stats: async () => JSON.parse(await say('stats')),
  };
}

/** The 8 bytes that say which endpoint: the last 16 of the id's 17 hexadecimal digits, the first being 0. */
const optionValue = (endpointId: string): string => endpointId.replace(/^.*-/, '').slice(-16);
