import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  encapsulated,
  encapsulated6,
  ethernet,
  ipv4,
  ipv6,
  NODE,
  ROUTER,
  TCP,
  tcp,
  UDP,
  udp,
  withChecksum,
} from './packet.ts';
import { framed, type Router, startRouter } from './router.ts';

const golden: { name: string; reason: string; packet: string }[] = JSON.parse(
  readFileSync(new URL('golden.json', import.meta.url), 'utf8'),
);

const CLIENT = '192.168.1.1';
const SERVICE = '100.64.0.1';
const CLIENT6 = '2001:db8:1::1';
const SERVICE6 = '2001:db8:2::1';

/** So much of a packet is linear; the rest is in pages, as a network card leaves it. */
const sizes = [14, 34, 50, 54, 82, 102, 121, 122, 142, 1500];

describeKernel('packets in pieces', () => {
  let router: Router;
  beforeAll(async () => {
    router = await startRouter();
    router.exec(['ip', 'link', 'delete', 'eth0']);
  });
  afterEach(async () => {
    router.diverts('flush');
    router.diverts('detach'); // without services, all goes: also fragments, which would be another test's
    await router.stopAll();
  });
  afterAll(() => router.close());

  /** An interface takes the place of the router's, on which packets arrive like this. */
  async function card(size: number): Promise<(packets: Buffer[]) => void> {
    const started = router.start(['pieces', 'eth0', `${size}`]);
    await started.line(/ready/);
    const commands = `
      ip link set eth0 address 02:00:00:00:00:02 mtu 9001 up
      ip address add ${ROUTER}/24 dev eth0
      ip address add 2001:db8::2/64 dev eth0 nodad
      ip neigh replace ${NODE} lladdr 02:00:00:00:00:01 dev eth0
      sysctl -qw net.ipv4.conf.eth0.rp_filter=0
      ip route replace 192.168.0.0/16 via ${NODE}
      ip -6 route replace 2001:db8:1::/48 dev eth0`;
    expect(router.exec(['sh', '-e', '-c', commands]).stderr).toBe('');
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
    return (packets) => started.write(Buffer.concat(packets.map(framed)));
  }

  /** Resolves to the verdicts once there are so many; after twenty seconds, to those there are. */
  async function verdicts(total: number): Promise<Record<string, number>> {
    for (let tries = 0; ; tries += 1) {
      const counted = Object.entries(router.counters()).filter(([, count]) => count);
      const sum = counted.reduce((subtotal, [, count]) => subtotal + count, 0);
      if (sum >= total || tries === 1000) return Object.fromEntries(counted);
      await sleep(20);
    }
  }

  test.each(sizes)('%i bytes linear: every verdict is that of a whole packet', async (size) => {
    const arrive = await card(size);
    arrive(golden.map(({ packet }) => Buffer.from(packet, 'hex')));
    const expected: Record<string, number> = {};
    for (const { reason } of golden) expected[reason] = (expected[reason] ?? 0) + 1;
    expect(await verdicts(golden.length)).toEqual(expected);
  });

  test.each(sizes)('%i bytes linear: TCP without GENEVE is taken', async (size) => {
    const arrive = await card(size);
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--plain', '100.64.0.0/10');
    router.intercept({ destination: '100.64.0.0/10', protocol: 'tcp', ports: [5000, 5000], listener: 41000 });
    await router.start(['listen', 'tcp', '127.0.0.1', '41000']).line(/ready/);
    const syn = tcp({ sourcePort: 3000 + size }, Buffer.alloc(600, 'x'));
    arrive([ethernet(ipv4({ protocol: TCP }, withChecksum(TCP, CLIENT, SERVICE, syn)))]);
    expect(await verdicts(1)).toEqual({ delivered_service: 1 });
  });

  test.each(sizes)('%i bytes linear: what is inside arrives', async (size) => {
    const arrive = await card(size);
    const listeners = { udp: '127.0.0.1', tcp: '127.0.0.1', udp6: '::1' };
    const started = Object.entries(listeners).map(([name, address], index) => {
      const protocol = name.startsWith('udp') ? 'udp' : 'tcp';
      const destination = address === '::1' ? '2001:db8:2::/48' : '100.64.0.0/10';
      router.intercept({ destination, protocol, ports: [5000, 5000], listener: 41000 + index });
      return router.start(['listen', protocol, address, `${41000 + index}`]);
    });
    const [overUdp, , overUdp6] = started;
    for (const one of started) await one.line(/ready/);
    const data = Buffer.from(Array.from({ length: 3000 }, (_, index) => index * 7));
    const segment = withChecksum(UDP, CLIENT, SERVICE, udp({ sourcePort: 1000, destinationPort: 5000 }, data));
    const segment6 = withChecksum(UDP, CLIENT6, SERVICE6, udp({ sourcePort: 1000, destinationPort: 5000 }, data));
    arrive([
      encapsulated(ipv4({}, segment)),
      encapsulated6(ipv6({}, segment6)),
      encapsulated(ipv4({ id: 7, moreFragments: true }, segment.subarray(0, 1480))),
      encapsulated(ipv4({ id: 7, fragmentOffset: 1480 }, segment.subarray(1480))),
      encapsulated(ipv4({ protocol: TCP }, withChecksum(TCP, CLIENT, SERVICE, tcp({ sourcePort: 2000 + size })))),
    ]);
    expect(await verdicts(5)).toEqual({ delivered_service: 4, fragment_held: 1 });
    for (const line of [await overUdp?.line(), await overUdp?.line()])
      expect(line).toBe(`${CLIENT} 1000 ${SERVICE} 5000 3000 ${data.subarray(0, 32).toString('hex')}`);
    expect(await overUdp6?.line()).toBe(
      `${CLIENT6} 1000 ${SERVICE6} 5000 3000 ${data.subarray(0, 32).toString('hex')}`,
    );
  });
});
