import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import { ACK, encapsulated, ipv4, NODE, ROUTER, TCP, tcp, UDP, udp, withChecksum } from './packet.ts';
import { framed, type Router, type Started, startRouter } from './router.ts';

const CLIENT = '192.168.1.1';
const SERVICE = '100.64.0.1';
const PACKETS = 20;

/** The outer UDP checksum is filled in: without one the kernel merges no datagrams. */
function checked(frame: Buffer): Buffer {
  return Buffer.concat([frame.subarray(0, 34), withChecksum(UDP, NODE, ROUTER, frame.subarray(34))]);
}

const datagrams = Array.from({ length: PACKETS }, (_, index) =>
  checked(
    encapsulated(
      ipv4(
        {},
        withChecksum(UDP, CLIENT, SERVICE, udp({ sourcePort: 1000, destinationPort: 5000 }, Buffer.alloc(1000, index))),
      ),
    ),
  ),
);

const segments = Array.from({ length: PACKETS }, (_, index) =>
  checked(
    encapsulated(
      ipv4(
        { protocol: TCP },
        withChecksum(TCP, CLIENT, SERVICE, tcp({ flags: ACK, sequence: 1 + index * 1000 }, Buffer.alloc(1000, index))),
      ),
    ),
  ),
);

describeKernel('what the kernel has merged before the diverter', () => {
  let router: Router;
  let service: Started;
  const ethtool = (...features: string[]): void =>
    void expect(router.exec(['ethtool', '-K', 'eth0', ...features]).stderr).toBe('');
  const attach = (): string => router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  const isOn = (feature: string): string =>
    new RegExp(`^${feature}: (\\w+)`, 'm').exec(router.exec(['ethtool', '-k', 'eth0']).stdout)?.[1] ?? '';

  beforeAll(async () => {
    router = await startRouter();
    // Packets that come one by one are merged as those of a burst: the kernel waits for more.
    const wait = `
      mount -t sysfs sysfs /sys
      ethtool -K eth0 gro on
      echo 1000 >/sys/class/net/eth0/napi_defer_hard_irqs
      echo 20000000 >/sys/class/net/eth0/gro_flush_timeout`;
    expect(router.exec(['unshare', '--mount', 'sh', '-ec', wait]).stderr).toBe('');
    service = router.start(['listen', 'udp', '127.0.0.1', '40001']);
    await service.line(/ready/);
    await router.start(['listen', 'tcp', '127.0.0.1', '40001']).line(/ready/);
  });
  afterEach(() => {
    router.diverts('flush');
    router.diverts('detach');
  });
  afterAll(async () => {
    await router.stopAll();
    await router.close();
  });

  function intercept(): void {
    for (const protocol of ['udp', 'tcp'] as const)
      router.intercept({ destination: '100.64.0.0/10', protocol, ports: [5000, 5000], listener: 40001 });
  }

  async function received(): Promise<void> {
    for (let index = 0; index < PACKETS; index += 1) expect(await service.line()).toContain(' 1000 ');
  }

  async function counted(packets: Buffer[]): Promise<Record<string, number>> {
    const before = router.counters();
    router.send(...packets);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const after = router.counters();
    const changed = Object.entries(after).map(([name, count]): [string, number] => [name, count - (before[name] ?? 0)]);
    return Object.fromEntries(changed.filter(([name, count]) => count && name !== 'passed'));
  }

  describe.each(['rx-udp-gro-forwarding', 'rx-gro-list'])('%s', (feature) => {
    test('attach turns it off, and says so; then every packet is delivered', async () => {
      ethtool(feature, 'on');
      expect(attach()).toBe(`${feature} of eth0 is turned off: it merges GENEVE's datagrams, which are then lost\n`);
      expect([isOn('rx-udp-gro-forwarding'), isOn('rx-gro-list'), isOn('generic-receive-offload')]).toEqual([
        'off',
        'off',
        'on',
      ]);
      expect(attach()).toBe('');
      intercept();
      expect(await counted(datagrams)).toEqual({ delivered_service: PACKETS });
      await received();
      expect(await counted(segments)).toEqual({ reset: PACKETS });
    });

    test('turned on later, it is seen, and what it merges is refused by a reason of its own', async () => {
      attach();
      intercept();
      expect(router.diverter('health').code).toBe(0);
      ethtool(feature, 'on');
      expect(await counted(datagrams)).toEqual({ aggregate: PACKETS });
      expect(await counted(segments)).toEqual({ aggregate: PACKETS });
      await service.silent(/ 1000 /);
      expect(router.diverts('status')).toMatch(
        new RegExp(
          `\nmerging   eth0: ${feature} is on, which merges GENEVE's datagrams, and loses them: attach again, which turns it off\n`,
        ),
      );
      expect(JSON.parse(router.diverts('status', '--json'))).toMatchObject({ attached: [{ merging: [feature] }] });
      expect(router.diverter('health')).toMatchObject({
        code: 1,
        stdout: `attached to eth0, where ${feature} is on, which merges GENEVE's datagrams, and loses them: \`diverter status\` says what to do\n`,
      });
      attach();
      expect(router.diverter('health').code).toBe(0);
      expect(await counted(datagrams)).toEqual({ delivered_service: PACKETS });
      await received();
    });
  });

  test('merged TCP is taken, its UDP checksum not looked at again, unless something is behind it', async () => {
    const card = router.start(['merged', 'eth1', '1000']);
    await card.line(/ready/);
    const commands = `
      ip link set eth1 address 02:00:00:00:00:02 up
      ip address add 10.0.1.2/24 dev eth1
      sysctl -qw net.ipv4.conf.eth1.rp_filter=0`;
    expect(router.exec(['sh', '-ec', commands]).stderr).toBe('');
    router.diverts('attach', 'eth1', '--from', '10.0.1.0/24');
    intercept();
    const merged = (behind: string): Buffer =>
      encapsulated(
        Buffer.concat([
          ipv4({ protocol: TCP }, tcp({ flags: ACK, destinationPort: 5000 }, Buffer.alloc(20_000, 'x'))),
          Buffer.from(behind),
        ]),
        { ip: { source: '10.0.1.1', destination: '10.0.1.2' }, udp: { checksum: 1 } },
      );
    const before = router.counters();
    card.write(Buffer.concat([merged(''), merged('behind')].map(framed)));
    const count = (name: string): number => (router.counters()[name] ?? 0) - (before[name] ?? 0);
    for (let tries = 0; tries < 50 && !count('aggregate'); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect([count('reset'), count('aggregate'), count('udp_checksum')]).toEqual([1, 1, 0]);
  });
});
