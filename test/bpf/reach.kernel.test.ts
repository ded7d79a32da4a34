import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import { encapsulated, encapsulated6, ipv4, ipv6, UDP, udp, withChecksum } from './packet.ts';
import { diverterPath, harnessPath, type Router, type Started, startRouter } from './router.ts';

const REPLY_DEVICE = 'ziti-glb-reply';
const attachment = ['eth0', '--from', '10.0.0.0/24', '--reply', 'geneve'];

/** Services have such an address, and a prefix, which the router has on its loopback. */
const services = { ipv4: ['100.64.0.1', '100.64.0.0/10'], ipv6: ['2001:db8:2::1', '2001:db8:2::/48'] } as const;

/** Clients may be at these addresses, which the router takes for this. */
const clients: [string, { ipv4: string; ipv6: string }][] = [
  ["the router's own subnet", { ipv4: '10.0.0.50', ipv6: '2001:db8::50' }],
  ["the network of the router's second interface", { ipv4: '10.1.0.50', ipv6: '2001:db8:0:1::50' }],
  ['the range that services have their addresses of', { ipv4: '100.64.77.7', ipv6: '2001:db8:2::7' }],
  ['a network that the router has no route to', { ipv4: '203.0.113.9', ipv6: '2001:db8:ffff::9' }],
];

describeKernel('clients whose address says nothing about where they are', () => {
  let router: Router;
  beforeEach(() => start());
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  async function start(kernel?: { tcx: boolean }): Promise<void> {
    router = await startRouter(kernel);
    // The router has a second interface, on whose wire is no client either.
    router.exec([
      'sh',
      '-c',
      `ip link add eth1 type veth peer name far
       ip address add 10.1.0.2/24 dev eth1
       ip -6 address add 2001:db8:0:1::2/64 dev eth1 nodad
       ip link set eth1 up; ip link set far up
       ip -n node address add 10.0.0.3/24 dev eth0
       ip netns exec node sysctl -qw net.ipv4.conf.all.arp_ignore=1
       ethtool -K eth0 tso off gso off tx off
       ip netns exec node ethtool -K eth0 tso off gso off tx off`,
    ]);
  }

  /** A VPC has a client at these addresses, behind an endpoint of this number, by a node of the load balancer. */
  async function vpc(name: string, addresses: string[], { node = '10.0.0.1', endpoint = 0xe1 } = {}): Promise<void> {
    await router.start(['tunnel', `glb-${name}`, node, '10.0.0.2', '1', `${endpoint}`], 'node').line(/ready/);
    const commands = [
      `ip netns add ${name}`,
      `ip -n node link set glb-${name} netns ${name}`,
      `ip -n ${name} link set lo up`,
      ...addresses.map((address) =>
        address.includes(':')
          ? `ip -n ${name} -6 address add ${address}/128 dev glb-${name} nodad`
          : `ip -n ${name} address add ${address}/32 dev glb-${name}`,
      ),
      `ip -n ${name} link set glb-${name} up mtu 8500`,
      `ip -n ${name} route add 100.64.0.0/10 dev glb-${name}`,
      `ip -n ${name} -6 route add 2001:db8:2::/48 dev glb-${name}`,
    ];
    expect(router.exec(['sh', '-ec', commands.join('\n')]).stderr).toBe('');
  }

  async function serve(protocol: 'tcp' | 'udp', family: 'ipv4' | 'ipv6'): Promise<Started> {
    const service = router.start(['listen', protocol, family === 'ipv6' ? '::1' : '127.0.0.1', '40001']);
    await service.line(/ready/);
    router.intercept({ destination: services[family][1], protocol, ports: [5000, 5000], listener: 40001 });
    return service;
  }

  async function connect(vpcName: string, protocol: 'tcp' | 'udp', from: string, port?: number): Promise<Started> {
    const to = services[from.includes(':') ? 'ipv6' : 'ipv4'][0];
    const client = router.background([
      ...['ip', 'netns', 'exec', vpcName, harnessPath, 'connect', protocol, from, to, '5000'],
      ...(port ? [`${port}`] : []),
    ]);
    await client.line(/ready/);
    return client;
  }

  async function echoes(client: Started, text: string): Promise<void> {
    client.write(`${text}\n`);
    expect(await client.line()).toBe(text);
  }

  test.each(clients)('a client in %s is answered', async (_where, addresses) => {
    router.diverts('attach', ...attachment);
    await vpc('spoke', [addresses.ipv4, addresses.ipv6]);
    for (const family of ['ipv4', 'ipv6'] as const)
      for (const protocol of ['tcp', 'udp'] as const) {
        const service = await serve(protocol, family);
        const client = await connect('spoke', protocol, addresses[family]);
        await echoes(client, `${protocol} over ${family}`);
        await echoes(client, 'long '.repeat(1000).trim());
        expect(await service.line()).toContain(`${addresses[family]} `);
        await client.stop();
        await service.stop();
        router.diverts('flush');
      }
  });

  test.each(clients)(
    'a client in %s is answered where the reverse path filter is strict',
    async (_where, { ipv4: address }) => {
      router.exec(['sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1']);
      router.diverts('attach', ...attachment);
      await vpc('spoke', [address]);
      await serve('tcp', 'ipv4');
      await echoes(await connect('spoke', 'tcp', address), 'strict');
    },
  );

  describe('two clients of the same address and port, behind two endpoints', () => {
    const cases = (['tcp', 'udp'] as const).flatMap((protocol) =>
      (['192.168.1.1', '10.0.0.50', '100.64.77.7', '2001:db8:1::1'] as const).map(
        (address) => [protocol, address] as const,
      ),
    );
    test.each(cases)('%s from %s: each has a connection of its own', async (protocol, address) => {
      router.diverts('attach', ...attachment);
      await vpc('one', [address]);
      await vpc('two', [address], { node: '10.0.0.3', endpoint: 0xe2 });
      const service = await serve(protocol, address.includes(':') ? 'ipv6' : 'ipv4');
      const from = (line: string): string[] => line.split(' ').slice(0, 2);

      const first = await connect('one', protocol, address, 30000);
      await echoes(first, 'first');
      expect(from(await service.line())).toEqual([address, '30000']);
      const second = await connect('two', protocol, address, 30000);
      for (let round = 0; round < 20; round += 1) {
        await echoes(second, `second ${round}`);
        await echoes(first, `first ${round}`);
      }
      const [, port] = from(await service.line(new RegExp(`^${address} (?!30000 )`)));
      expect(Number(port)).toBeGreaterThanOrEqual(1024);
      expect(Number(port)).toBeLessThan(32768);
      expect(router.counters()).toMatchObject({ flow_conflict: 0, reply_failed: 0, udp_checksum: 0 });

      // The earlier one ends: the later one goes on.
      await first.stop();
      await echoes(second, 'alone');
      await echoes(await connect('one', protocol, address, 30001), 'another');
      await echoes(second, 'still');
    });

    test('a datagram in fragments of the later one', async () => {
      router.diverts('attach', ...attachment);
      await vpc('one', ['192.168.1.1']);
      await vpc('two', ['192.168.1.1'], { node: '10.0.0.3', endpoint: 0xe2 });
      await serve('udp', 'ipv4');
      await echoes(await connect('one', 'udp', '192.168.1.1', 30000), 'first');
      const second = await connect('two', 'udp', '192.168.1.1', 30000);
      await echoes(second, 'whole');
      await echoes(second, 'x'.repeat(12_000));
    });
  });

  const noClients: [string, string][] = [
    ["the interface's own address", '10.0.0.2'],
    ["a second interface's address", '10.1.0.2'],
    ["the broadcast address of the router's own subnet", '10.0.0.255'],
    ["the broadcast address of a second interface's network", '10.1.0.255'],
    ['the loopback address', '127.0.0.1'],
    ['an address of nobody', '0.0.0.1'],
    ['a multicast address', '224.0.0.1'],
    ['the broadcast address of all networks', '255.255.255.255'],
    ["the interface's own IPv6 address", '2001:db8::2'],
    ["a second interface's IPv6 address", '2001:db8:0:1::2'],
    ['the loopback address of IPv6', '::1'],
    ['an IPv6 multicast address', 'ff02::1'],
  ];
  test.each(['direct', 'geneve'])(
    'a source that no client has is refused under its own reason, --reply %s',
    async (reply) => {
      router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--reply', reply);
      await serve('udp', 'ipv4');
      await serve('udp', 'ipv6').catch(() => undefined);
      router.intercept({ destination: '2001:db8:2::/48', protocol: 'udp', ports: [5000, 5000], listener: 40001 });
      const packets = noClients.map(([, source]) =>
        source.includes(':')
          ? encapsulated6(ipv6({ source }, withChecksum(UDP, source, services.ipv6[0], udp({}, Buffer.from('x')))))
          : encapsulated(ipv4({ source }, withChecksum(UDP, source, services.ipv4[0], udp({}, Buffer.from('x'))))),
      );
      const verdicts = await router.run(packets);
      expect(noClients.map(([name], i) => [name, verdicts[i]?.reason])).toEqual(
        noClients.map(([name]) => [name, 'inner_source_router']),
      );
    },
  );

  test('what is not an answer goes by its own route: of a plain client, and of an interface with direct replies', async () => {
    router.diverts('attach', ...attachment);
    router.diverts('attach', 'eth1', '--from', 'any', '--plain', '100.64.0.0/10');
    await serve('udp', 'ipv4');
    router.exec(['sh', '-c', 'ip netns add other; ip link set far netns other; ip -n other link set lo up']);
    router.exec([
      'sh',
      '-c',
      `ip -n other address add 10.1.0.50/24 dev far; ip -n other link set far up
       ip -n other route add 100.64.0.0/10 via 10.1.0.2`,
    ]);
    const client = router.background([
      ...['ip', 'netns', 'exec', 'other', harnessPath, 'connect', 'udp', '10.1.0.50', '100.64.0.1', '5000'],
    ]);
    await client.line(/ready/);
    await echoes(client, 'plain');
    expect(router.counters()).toMatchObject({ reply_sent: 0 });
  });

  test.each([0, 1, 2])('a client without GENEVE is answered by the stack’s own route, rp_filter %i', async (filter) => {
    router.exec(['sysctl', '-qw', `net.ipv4.conf.all.rp_filter=${filter}`]);
    router.diverts('attach', ...attachment, '--plain', '100.64.0.0/10');
    router.exec(['ip', 'route', 'add', '100.64.0.0/10', 'via', '10.0.0.2'], 'node');
    for (const protocol of ['tcp', 'udp'] as const) {
      await serve(protocol, 'ipv4');
      const client = router.start(['connect', protocol, '10.0.0.1', '100.64.0.1', '5000'], 'node');
      await client.line(/ready/);
      await echoes(client, `plain ${protocol}`);
    }
    expect(router.counters()).toMatchObject({ reply_sent: 0 });
  });

  describe('what leads answers to the device', () => {
    const status = () => JSON.parse(router.diverts('status', '--json'));
    // Link-local addresses come when they are known to be nobody else's.
    const state = (): string =>
      router.exec([
        'sh',
        '-c',
        `(ip rule; ip -6 rule; ip -br link; ip route show table all; ip -6 route show table all; ls /sys/fs/bpf) | grep -v fe80`,
      ]).stdout;

    test('is gone with --reply geneve, whether by detach or by direct replies', () => {
      const before = state();
      const attached = (reply: string) => router.diverts('attach', 'eth0', '--from', 'any', '--reply', reply);
      attached('direct');
      const direct = state();
      expect(status().replies).toEqual({ device: null, problem: null });
      attached('geneve');
      expect(status().replies).toEqual({ device: REPLY_DEVICE, problem: null });
      expect(state()).not.toBe(direct);
      attached('direct');
      expect(state()).toBe(direct);
      attached('geneve');
      router.diverts('detach');
      expect(state()).toBe(before);
    });

    test('stays while another interface replies through the load balancer', () => {
      router.diverts('attach', ...attachment);
      router.diverts('attach', 'eth1', '--from', '10.1.0.0/24', '--reply', 'geneve');
      router.diverts('detach', 'eth0');
      expect(status()).toMatchObject({ replies: { device: REPLY_DEVICE, problem: null }, strays: [] });
      router.diverts('detach', 'eth1');
      expect(state()).not.toContain(REPLY_DEVICE);
    });

    const taken: [string, string, RegExp][] = [
      ['the device is deleted', `ip link del ${REPLY_DEVICE}`, /ziti-glb-reply is gone/],
      ['the device is down', `ip link set ${REPLY_DEVICE} down`, /ziti-glb-reply is gone, or it or its end/],
      ['its end is down', 'ip link set ziti-glb-end down', /or its end ziti-glb-end is down/],
      ['the rule is deleted', 'ip rule del pref 12', /policy rule of preference 11 to 13/],
      ['the rule of IPv6 is deleted', 'ip -6 rule del pref 12 from 2000::/3', /policy rule/],
      ['an exception is deleted', 'ip rule del pref 11 from 10.0.0.2', /policy rule/],
      ['the rule that exceptions lead to is deleted', 'ip rule del pref 13', /policy rule/],
      ['the route is deleted', 'ip route del default table 6081', /table 6081 has no route/],
      ['the route of IPv6 is deleted', 'ip -6 route del default table 6081', /table 6081 has no route/],
      ['the reverse path filter becomes strict', 'sysctl -qw net.ipv4.conf.all.rp_filter=1', /rp_filter has become 1/],
      [
        'the program is off the device',
        `${harnessPath} take ${REPLY_DEVICE} egress`,
        /the diverter is off ziti-glb-reply/,
      ],
      ['the program is off the loopback', `${harnessPath} take lo egress`, /the diverter is off the loopback/],
    ];
    test.each(taken)('%s: status and health say so, and attach puts it right', async (_what, command, problem) => {
      router.diverts('attach', ...attachment);
      expect(router.exec(['sh', '-c', command])).toMatchObject({ code: 0, stderr: '' });
      expect(status().replies).toEqual({ device: REPLY_DEVICE, problem: expect.stringMatching(problem) });
      expect(router.diverts('status')).toMatch(/^replies .*: attach again, which puts it right$/m);
      expect(router.diverter('health')).toMatchObject({ code: 1, stdout: expect.stringMatching(problem) });
      router.diverts('attach', ...attachment);
      expect(status().replies.problem).toBe(null);
      expect(router.diverter('health').code).toBe(2);
      await vpc('spoke', ['10.0.0.50']);
      await serve('tcp', 'ipv4');
      await echoes(await connect('spoke', 'tcp', '10.0.0.50'), 'again');
    });

    test('an address that the router gets later is excepted by the next attach, and one that it loses no more', () => {
      router.diverts('attach', ...attachment);
      router.exec(['ip', 'address', 'add', '10.0.0.99/24', 'dev', 'eth0']);
      router.exec(['ip', 'address', 'del', '10.1.0.2/24', 'dev', 'eth1']);
      router.diverts('attach', ...attachment);
      const rules = router.exec(['ip', 'rule']).stdout;
      expect(rules).toContain('from 10.0.0.99 iif lo goto 13');
      expect(rules).not.toContain('10.1.0.2');
      expect(status().replies.problem).toBe(null);
    });

    test('is gone by detach with its qdiscs as well, on a kernel without tcx', async () => {
      await router.close();
      await start({ tcx: false });
      const qdiscs = (): string => router.exec(['tc', 'qdisc']).stdout;
      const [before, without] = [state(), qdiscs()];
      router.diverts('attach', ...attachment);
      expect(status()).toMatchObject({ replies: { device: REPLY_DEVICE, problem: null }, strays: [] });
      await vpc('spoke', ['10.0.0.50', '100.64.77.7']);
      await serve('tcp', 'ipv4');
      await echoes(await connect('spoke', 'tcp', '10.0.0.50'), 'by clsact');
      await echoes(await connect('spoke', 'tcp', '100.64.77.7'), 'by clsact of the loopback');
      await router.stopAll();
      router.diverts('flush');
      router.diverts('detach');
      expect([state(), qdiscs()]).toEqual([before, without]);
    });

    test('attach killed at each of its steps over one that is there leaves connections answered', async () => {
      router.diverts('attach', ...attachment);
      await vpc('spoke', ['10.0.0.50', '100.64.77.7']);
      await serve('tcp', 'ipv4');
      await serve('udp', 'ipv4');
      const connections = [
        await connect('spoke', 'tcp', '10.0.0.50'),
        await connect('spoke', 'tcp', '100.64.77.7'),
        await connect('spoke', 'udp', '10.0.0.50'),
      ];
      for (const each of connections) await echoes(each, 'before');
      const again = ['attach', 'eth0', '--from', '10.0.0.0/23', '--reply', 'geneve'];
      let n = 1;
      for (; router.exec([harnessPath, 'kill', `${n}`, diverterPath, ...again]).code === 0; n += 1)
        for (const each of connections) await echoes(each, `after step ${n}`);
      expect(n).toBeGreaterThan(40);
      expect(status()).toMatchObject({ attached: [{ from: ['10.0.0.0/23'] }], replies: { problem: null }, strays: [] });
    });

    test('attach killed at each of its steps leaves a router that answers, and that detach leaves as it was', async () => {
      const before = state();
      await router.start(['tunnel', 'glb-own', '10.0.0.1', '10.0.0.2', '1'], 'node').line(/ready/);
      const steps = (() => {
        let n = 1;
        while (router.exec([harnessPath, 'kill', `${n}`, diverterPath, 'attach', ...attachment]).code === 0) {
          // The router's own traffic is never led to the device.
          expect(router.exec(['ip', 'route', 'get', '203.0.113.1', 'from', '10.0.0.2']).stdout).not.toContain(
            REPLY_DEVICE,
          );
          router.diverts('detach');
          expect(state()).toBe(before);
          n += 1;
        }
        return n;
      })();
      expect(steps).toBeGreaterThan(50);
    });
  });
});
