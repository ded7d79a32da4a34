import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  ACK,
  encapsulated,
  encapsulated6,
  ethernet,
  ipv4,
  ipv6,
  ROUTER,
  TCP,
  tcp,
  UDP,
  udp,
  withChecksum,
} from './packet.ts';
import { type Router, type Rule, removeArguments, startRouter } from './router.ts';

const SERVICE = '10.20.0.1';
const SERVICE6 = '2001:db8:2::1';

const datagram = (source: string, destination = SERVICE): Buffer =>
  ipv4({ source, destination }, withChecksum(UDP, source, destination, udp({}, Buffer.from('x'))));
const segment = (source: string, flags?: number, sourcePort?: number): Buffer =>
  ipv4({ source, destination: SERVICE, protocol: TCP }, withChecksum(TCP, source, SERVICE, tcp({ flags, sourcePort })));

const textOf = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');

describeKernel('sources that are the router itself', () => {
  let router: Router;
  beforeEach(async () => {
    router = await startRouter();
    expect(router.exec(['ip', 'route', 'add', 'local', '10.20.0.0/24', 'dev', 'lo']).stderr).toBe('');
    attach();
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  const attach = (): string => router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  const rule = (protocol: 'tcp' | 'udp', fields: Partial<Rule> = {}): Rule => ({
    destination: '10.20.0.0/24',
    protocol,
    ports: [5000, 5000],
    listener: 0,
    ...fields,
  });
  const verdicts = async (...packets: Buffer[]) => (await router.run(packets)).map(({ reason }) => reason);

  test.each([
    ['the interface', ROUTER],
    ['its broadcast address', '10.0.0.255'],
    ['what a service stands on', '10.20.0.9'],
    ['the range of names', '100.127.255.255'],
    ['the loopback', '127.0.0.1'],
    ['this network', '0.1.2.3'],
    ['multicast', '239.255.255.255'],
    ['everybody', '255.255.255.255'],
  ])('of %s, %s: nobody gets a packet', async (_, source) => {
    for (const protocol of ['tcp', 'udp'] as const) router.intercept(rule(protocol, { listener: 40001 }));
    const overTcp = router.start(['listen', 'tcp', '127.0.0.1', '40001']);
    const overUdp = router.start(['listen', 'udp', '127.0.0.1', '40001']);
    for (const one of [overTcp, overUdp]) await one.line(/ready/);
    const before = router.counters();
    router.send(encapsulated(datagram(source)), encapsulated(segment(source)), encapsulated(segment(source, ACK)));
    const after = router.counters();
    expect((after.inner_source_router ?? 0) - (before.inner_source_router ?? 0)).toBe(3);
    for (const one of [overTcp, overUdp]) await one.silent();
  });

  test.each([
    '9.255.255.255',
    '10.0.1.0',
    '10.19.255.255',
    '10.20.1.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '1.0.0.0',
    '223.255.255.255',
    '240.0.0.1',
  ])('of its neighbour %s: a listener does', async (source) => {
    router.exec(['ip', 'route', 'add', 'default', 'via', '10.0.0.1']);
    router.intercept(rule('udp', { listener: 40001 }));
    const service = router.start(['listen', 'udp', '127.0.0.1', '40001']);
    await service.line(/ready/);
    router.send(encapsulated(datagram(source)));
    expect(await service.line()).toContain(`${source} 1000 ${SERVICE} 5000 1 `);
  });

  test('-t 0, without GENEVE, and with replies through the load balancer', async () => {
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--plain', '10.20.0.0/24', '--reply', 'geneve');
    for (const protocol of ['tcp', 'udp'] as const) router.intercept(rule(protocol));
    expect(await verdicts(encapsulated(datagram('192.168.1.1')), ethernet(datagram('192.168.1.1')))).toEqual([
      'delivered_local',
      'delivered_local',
    ]);
    const packets = [datagram('10.20.0.9'), segment('10.20.0.9'), datagram(SERVICE)];
    // Answers to it go back through the load balancer, which knows where it is; without GENEVE nobody does.
    expect(await verdicts(...packets.map((one) => encapsulated(one)))).toEqual([
      'delivered_local',
      'delivered_local',
      'inner_source_router',
    ]);
    expect(new Set(await verdicts(...packets.map((one) => ethernet(one))))).toEqual(new Set(['inner_source_router']));
  });

  test('over IPv6: of its interfaces, and of no host', async () => {
    router.intercept(rule('udp', { destination: '2001:db8:2::/48' }));
    const from = (source: string): Buffer =>
      encapsulated6(ipv6({ source, destination: SERVICE6 }, withChecksum(UDP, source, SERVICE6, udp({}))));
    expect(
      await verdicts(...['2001:db8::2', 'fe80::ff:fe00:2', '::1', '::', 'ff02::1', '::ffff:7f00:1'].map(from)),
    ).toEqual(new Array(6).fill('inner_source_router'));
    expect(await verdicts(...['2001:db8::1', '2001:db8::3', '::2', 'fe80::1'].map(from))).toEqual(
      new Array(4).fill('delivered_local'),
    );
  });

  test('what no service takes is said to be that', async () => {
    expect(await verdicts(encapsulated(datagram(ROUTER)), encapsulated(segment(ROUTER)))).toEqual([
      'no_service',
      'no_service',
    ]);
  });

  test('an address that comes or goes is known when it is attached again, and a second later with any -I or -D', async () => {
    const other = rule('udp', { destination: '10.20.0.77/32' });
    const packets = ['172.16.5.4', '172.16.5.5'].map((source) => encapsulated(datagram(source)));
    const here = ['inner_source_router', 'delivered_local'];
    const gone = ['delivered_local', 'delivered_local'];
    const change = (verb: string) => router.exec(['ip', 'address', verb, '172.16.5.4/32', 'dev', 'lo']);
    router.intercept(rule('udp'));
    expect(await verdicts(...packets)).toEqual(gone);
    change('add');
    await sleep(1010);
    router.intercept(other);
    expect(await verdicts(...packets)).toEqual(here);
    change('del');
    await sleep(1010);
    router.diverts(...removeArguments(other));
    expect(await verdicts(...packets)).toEqual(gone);
    change('add');
    attach();
    expect(await verdicts(...packets)).toEqual(here);
  });

  test('what a service stands on is known with its -I, also of many in a row', async () => {
    router.intercept(rule('udp'));
    const prefixes = ['172.16.0.0/24', '172.16.1.0/24', '172.16.9.9/32'];
    for (const destination of prefixes) router.intercept(rule('udp', { destination }));
    const sources = ['172.15.255.255', '172.16.0.0', '172.16.1.255', '172.16.2.0', '172.16.9.8', '172.16.9.9'];
    expect(await verdicts(...sources.map((source) => encapsulated(datagram(source))))).toEqual([
      'delivered_local',
      'inner_source_router',
      'inner_source_router',
      'delivered_local',
      'delivered_local',
      'inner_source_router',
    ]);
  });

  test('what is too wide to be made the router’s own leaves its clients what they are', async () => {
    for (const destination of ['0.0.0.0/0', '10.0.0.0/8']) router.intercept(rule('udp', { destination }));
    const sources = ['192.168.1.1', '10.9.9.9'];
    expect(await verdicts(...sources.map((source) => encapsulated(datagram(source))))).toEqual([
      'delivered_local',
      'delivered_local',
    ]);
  });

  test('a connection that is there is not asked: the stack has taken it once', async () => {
    const client = '10.20.0.77';
    const server = router.start(['listen', 'tcp', SERVICE, '5000']);
    await server.line(/ready/);
    const connection = router.start(['connect', 'tcp', client, SERVICE, '5000']);
    await connection.line(/ready/);
    const port = Number((await server.line()).split(' ')[1]);
    router.intercept(rule('tcp', { listener: 40001 }));
    const packets = [segment(client, ACK, port), segment(client, ACK, port + 1), segment(client, undefined, port + 1)];
    expect(await verdicts(...packets.map((one) => encapsulated(one)))).toEqual([
      'delivered_established',
      'inner_source_router',
      'inner_source_router',
    ]);
  });

  /** `ip` runs so many lines at once. Resolves to what it says. */
  async function batch(lines: string[]): Promise<string[]> {
    const file = router.background(['sh', '-c', 'cat >/run/batch']);
    file.write(lines.join('\n'));
    await file.finish();
    const { stdout, stderr } = router.exec(['ip', '-o', '-batch', '/run/batch']);
    expect(stderr).toBe('');
    return stdout.trim().split('\n');
  }

  test('of 1,500 prefixes, what the kernel says is local, before and after most of them go', async () => {
    router.exec(['ip', 'route', 'add', 'default', 'via', '10.0.0.1']);
    router.intercept(rule('udp'));
    let seed = 20;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const prefixes = new Map<string, [first: number, last: number]>();
    while (prefixes.size < 1500) {
      const length = random(4) ? 32 - random(4) : 12 + random(20);
      const size = 2 ** (32 - length);
      // Some ranges crowd together, so that they touch and overlap.
      const first = Math.floor((0x0b000000 + random(random(2) ? 0x40000 : 0x40000000)) / size) * size;
      prefixes.set(`${textOf(first)}/${length}`, [first, first + size - 1]);
    }
    const edges = [...prefixes.values()].flatMap(([first, last]) => [first - 1, first, last, last + 1]);
    const sources = edges.map(textOf);
    const agree = async (): Promise<number> => {
      attach();
      const local = (await batch(sources.map((source) => `route get ${source}`))).map((line) =>
        line.startsWith('local'),
      );
      expect(local.length).toBe(sources.length);
      const said = await verdicts(...sources.map((source) => encapsulated(datagram(source))));
      const wrong = sources.filter((_, at) => said[at] !== (local[at] ? 'inner_source_router' : 'delivered_local'));
      expect(wrong).toEqual([]);
      return local.filter(Boolean).length;
    };
    const names = [...prefixes.keys()];
    await batch(names.map((prefix) => `route add local ${prefix} dev lo`));
    const all = await agree();
    const kept = names.filter((prefix) => Number(prefix.split('/')[1]) > 28).slice(0, 100);
    await batch(names.filter((prefix) => !kept.includes(prefix)).map((prefix) => `route del local ${prefix} dev lo`));
    const few = await agree();
    expect([all > 3000, few > 100, few < all / 2]).toEqual([true, true, true]);
  });

  test('of more than there is room for the first are known, and a service is added all the same', async () => {
    const many = Array.from({ length: 33_000 }, (_, index) => textOf(0x0b000000 + 2 * index));
    await batch(many.map((address) => `route add local ${address} dev lo`));
    attach();
    router.intercept(rule('udp', { destination: '10.20.0.0/16' }));
    const sources = [many[0] ?? '', '11.0.0.1', many.at(-1) ?? '', '12.0.0.1'];
    expect(await verdicts(...sources.map((source) => encapsulated(datagram(source))))).toEqual([
      'inner_source_router',
      'delivered_local',
      'delivered_local',
      'delivered_local',
    ]);
  });
});
