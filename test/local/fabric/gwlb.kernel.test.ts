import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FlowPolicy } from '../../../local/fabric/fabric.ts';
import { type NamespaceFabric, namespaceFabric } from '../../../local/fabric/namespaces.ts';
import { run } from '../../../local/fabric/process.ts';
import { describeKernel } from '../../support/kernel.ts';
import { type Choices, ENDPOINT, IMAGES, NODE, NODE_IP, topology, VPC } from './topology.ts';

const SINK = new URL('sink.ts', import.meta.url).pathname;
/** A machine may be busy with other tests: what comes is waited for so long. */
const PATIENCE_MS = 20_000;
const ROUTES = { '10.20.0.0/16': { kind: 'endpoint', id: ENDPOINT } } as const;

interface Received {
  router: string;
  source: string;
  port: number;
  geneve: Buffer;
  packet: Buffer;
}

/** A client sends a datagram; `size` is that of its text. */
interface Datagram {
  from: number;
  to?: string;
  port?: number;
  text?: string;
  size?: number;
}

describeKernel('a load balancer node', () => {
  let fabric: NamespaceFabric;
  let sinks: ChildProcess[] = [];
  let received: Received[] = [];
  let freshPort = 20_000;

  beforeAll(async () => {
    fabric = await namespaceFabric({ images: IMAGES });
    await fabric.sync(topology({ routes: ROUTES }));
    sinks = await Promise.all(['i-router-1', 'i-router-2'].map(listen));
  });
  afterAll(async () => {
    for (const sink of sinks) sink.kill();
    await fabric.close();
  });
  beforeEach(async () => {
    await sync({});
    received = [];
  });

  const sync = (choices: Choices) => fabric.sync(topology({ routes: ROUTES, ...choices }));

  async function listen(router: string): Promise<ChildProcess> {
    const [program = '', ...args] = [...fabric.enter(router), process.execPath, SINK];
    const sink = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: sink.stdout });
    await new Promise((resolve, reject) => lines.once('line', resolve).once('close', reject));
    lines.on('line', (line) => {
      const { source, port, datagram } = JSON.parse(line);
      const data = Buffer.from(datagram, 'hex');
      received.push({ router, source, port, geneve: data.subarray(0, 40), packet: data.subarray(40) });
    });
    return sink;
  }

  /** Sends from the client; resolves with what it is answered, once so many have come to the routers and answers to it. */
  async function send(datagrams: Datagram[], { arrive = datagrams.length, answers = 0 } = {}): Promise<string[]> {
    const wanted = received.length + arrive;
    const program = `
      const { createSocket } = require('node:dgram');
      let heard = 0;
      for (const { from, to = '10.20.0.5', port = 53, text = 'x', size } of ${JSON.stringify(datagrams)}) {
        const socket = createSocket('udp4').on('message', (data) => { console.log(String(data)); heard += 1; });
        socket.bind(from, () => socket.send(text.padEnd(size ?? 0), port, to));
      }
      setInterval(() => heard < ${answers} || process.exit(), 100);`;
    const { stdout, stderr } = await fabric.exec('i-client-1', [process.execPath, '-e', program], {
      timeout: PATIENCE_MS,
    });
    expect(stderr).toBe('');
    await until(() => received.length >= wanted);
    return stdout.split('\n').filter((line) => line !== '');
  }

  /** Flows of new datagrams go to these routers. */
  async function routersOf(datagrams: Datagram[]): Promise<string[]> {
    received = [];
    await send(datagrams);
    return datagrams.flatMap(({ from }) =>
      received.flatMap(({ router, packet }) => (packet.readUInt16BE(20) === from ? [router] : [])),
    );
  }

  const newFlows = (count: number): Datagram[] => Array.from({ length: count }, () => ({ from: freshPort++ }));
  /** The action raises a counter of the node by so much, once it has by `wanted`. */
  const counted = async (name: string, wanted: number, action: () => Promise<unknown>) => {
    const count = async () => (await fabric.nodeStats(NODE))[name] ?? Number.NaN;
    const before = await count();
    await action();
    await until(async () => (await count()) >= before + wanted);
    return (await count()) - before;
  };

  test('wraps as AWS does', async () => {
    await send([{ from: 4444, to: '10.20.0.5', port: 53, text: 'hello' }]);
    expect(received).toHaveLength(1);
    const [{ source, port, geneve, packet }] = received as [Received];
    expect(source).toBe(NODE_IP);
    expect(port).toBeGreaterThanOrEqual(49152);
    expect(geneve.toString('hex')).toMatch(
      new RegExp(
        [
          '^08', // version 0, 8 words of options
          '00', // not control, no critical option
          '0800', // IPv4
          '00000000', // network identifier 0
          '01080102', // class, type 1, 2 words: the endpoint
          ENDPOINT.slice(-16),
          '01080202', // type 2, 2 words: the attachment
          '0000000000000000',
          '01080301', // type 3, 1 word: the flow's cookie
          '[0-9a-f]{8}$',
        ].join(''),
      ),
    );
    expect(packet.subarray(12, 16)).toEqual(Buffer.from([10, 0, 1, 10]));
    expect(packet.subarray(16, 20)).toEqual(Buffer.from([10, 20, 0, 5]));
    expect([packet.readUInt16BE(20), packet.readUInt16BE(22)]).toEqual([4444, 53]);
    expect(packet.subarray(28).toString()).toBe('hello');
    expect(onesComplement(packet.subarray(0, 20))).toBe(0xffff);
    const length = packet.length - 20;
    const pseudo = Buffer.concat([packet.subarray(12, 20), Buffer.from([0, 17, length >> 8, length & 255])]);
    expect(onesComplement(Buffer.concat([pseudo, packet.subarray(20)]))).toBe(0xffff);
  });

  test('a flow keeps its cookie, outer port and target; another has its own', async () => {
    const [one, two] = newFlows(2) as [Datagram, Datagram];
    await send([one, two]);
    await send([one]);
    const marks = (from: number) =>
      received
        .filter(({ packet }) => packet.readUInt16BE(20) === from)
        .map(({ router, port, geneve }) => `${router} ${port} ${geneve.toString('hex', 36)}`);
    expect(new Set(marks(one.from)).size).toBe(1);
    expect(marks(two.from)).not.toContain(marks(one.from)[0]);
  });

  test('IPv6 inside has its own protocol number', async () => {
    const inVpc = async (...argv: string[]) => run([...fabric.enterVpc(VPC), ...argv]);
    const inClient = (...argv: string[]) => fabric.exec('i-client-1', argv);
    await inVpc('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding');
    await inVpc('ip', '-6', 'address', 'add', 'fd01::1/64', 'dev', 'eni-client-1', 'nodad');
    await inVpc('ip', '-6', 'route', 'add', 'fd20::/64', 'dev', 'vpce-789abcdef0');
    await inClient('ip', '-6', 'address', 'add', 'fd01::10/64', 'dev', 'ens5', 'nodad');
    await inClient('ip', '-6', 'route', 'add', 'fd20::/64', 'via', 'fd01::1');
    const { stderr } = await inClient('bash', '-c', 'echo -n six >/dev/udp/fd20::5/53');
    expect(stderr).toBe('');
    const six = () => received.find(({ geneve }) => geneve.readUInt16BE(2) === 0x86dd);
    await until(() => six() !== undefined);
    expect(six()?.packet.subarray(48).toString()).toBe('six');
  });

  test('carries 8500 bytes, and drops more in silence', async () => {
    const [fits, over] = newFlows(2) as [Datagram, Datagram];
    expect(
      await counted('drop_too_big', 1, () =>
        send(
          [
            { ...fits, size: 8472 },
            { ...over, size: 8473 },
          ],
          { arrive: 1 },
        ),
      ),
    ).toBe(1);
    expect(received.map(({ packet }) => packet.length)).toEqual([8500]);
  });

  test('what a target sends back in its flow reaches the client', async () => {
    const [flow] = newFlows(1) as [Datagram];
    expect(
      await counted('returned', 1, async () =>
        expect(await send([{ ...flow, text: 'echo' }], { answers: 1 })).toEqual(['echo']),
      ),
    ).toBe(1);
  });

  test('what a target sends with another cookie is dropped', async () => {
    const [flow] = newFlows(1) as [Datagram];
    const dropped = counted('drop_return_unknown', 1, async () =>
      expect(await send([{ ...flow, text: 'forge' }])).toEqual([]),
    );
    expect(await dropped).toBe(1);
  });

  test.each([
    ['junk', 'ff'.repeat(60)],
    ['too short for a packet', `0800080000000000${'00'.repeat(32)}`],
    ['another version', `4800080000000000${'00'.repeat(32)}45${'00'.repeat(30)}`],
  ])('%s from a target is dropped', async (_, hex) => {
    const program = `require('node:dgram').createSocket('udp4').send(Buffer.from('${hex}', 'hex'), 6081, '${NODE_IP}', () => process.exit())`;
    const dropped = counted('drop_return_malformed', 1, () =>
      fabric.exec('i-router-1', [process.execPath, '-e', program]),
    );
    expect(await dropped).toBe(1);
  });

  describe('chooses a target', () => {
    test('of all that are healthy, by the hash of the flow', async () => {
      const routers = await routersOf(newFlows(64));
      expect(routers).toHaveLength(64);
      const first = routers.filter((router) => router === 'i-router-1').length;
      expect(first).toBeGreaterThan(12);
      expect(first).toBeLessThan(52);
    });

    test('never one that is unhealthy or draining', async () => {
      await sync({ states: ['unhealthy', 'healthy'] });
      expect(new Set(await routersOf(newFlows(16)))).toEqual(new Set(['i-router-2']));
      await sync({ states: ['healthy', 'draining'] });
      expect(new Set(await routersOf(newFlows(16)))).toEqual(new Set(['i-router-1']));
    });

    test('any, if none is healthy', async () => {
      await sync({ states: ['unhealthy', 'unhealthy'] });
      expect(new Set(await routersOf(newFlows(32)))).toEqual(new Set(['i-router-1', 'i-router-2']));
    });

    test('none, if there is none', async () => {
      await sync({ states: [] });
      expect(await counted('drop_no_target', 3, () => send(newFlows(3), { arrive: 0 }))).toBe(3);
    });

    test.each([
      ['source_ip_dest_ip_proto', 1],
      ['source_ip_dest_ip', 1],
      ['source_ip_dest_ip_proto_ports', 2],
    ] as [FlowPolicy['stickiness'], number][])('by %s: %d target(s) for many ports', async (stickiness, count) => {
      await sync({ flows: { stickiness } });
      expect(new Set(await routersOf(newFlows(32))).size).toBe(count);
    });
  });

  describe('keeps a flow', () => {
    const flowOn = async (router: string) => {
      const flows = newFlows(16);
      const routers = await routersOf(flows);
      return flows.filter((_, i) => routers[i] === router).slice(0, 4);
    };
    const first: Choices['states'] = ['healthy', 'healthy'];

    test.each([
      ['on an unhealthy target', false, ['unhealthy', 'healthy'], 'i-router-1'],
      ['off an unhealthy target, if it may be rebalanced', true, ['unhealthy', 'healthy'], 'i-router-2'],
      ['on a draining target', false, ['draining', 'healthy'], 'i-router-1'],
      ['on a draining target, though it may be rebalanced', true, ['draining', 'healthy'], 'i-router-1'],
      ['on a target that is gone', false, [undefined, 'healthy'], 'i-router-1'],
      ['off a target that is gone, if it may be rebalanced', true, [undefined, 'healthy'], 'i-router-2'],
      ['on an unhealthy target, if there is no other', true, ['unhealthy'], 'i-router-1'],
    ] as [string, boolean, Choices['states'], string][])('%s', async (_, rebalance, states, router) => {
      await sync({ states: first, flows: { rebalance } });
      const flows = await flowOn('i-router-1');
      await sync({ states, flows: { rebalance } });
      expect(await routersOf(flows)).toEqual(flows.map(() => router));
    });

    test('until it has been idle for too long', async () => {
      const flows = await flowOn('i-router-1');
      await sync({ states: ['unhealthy', 'healthy'], flows: { otherIdle: 1 } });
      expect(await routersOf(flows)).toEqual(flows.map(() => 'i-router-2'));
    });
  });
});

/** Resolves when it holds, or when patience ends: what was wanted then is not there, and says so. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await holds()) && Date.now() < end; await sleep(20));
}

function onesComplement(data: Buffer): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] ?? 0) << (i % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
