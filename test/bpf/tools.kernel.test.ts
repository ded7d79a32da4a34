import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { read } from '../support/documents.ts';
import { describeKernel } from '../support/kernel.ts';
import { encapsulated, ipv4, UDP, udp, withChecksum } from './packet.ts';
import { type Router, startRouter } from './router.ts';

const [client, service] = ['192.168.1.1', '100.64.0.1'];
const datagram = ipv4(
  { source: client, destination: service },
  withChecksum(UDP, client, service, udp({}, Buffer.from('x'))),
);
const packet = encapsulated(datagram);

/** docs/runbook.md tells of these under "Packets arrive at a router and no service answers". */
describeKernel('what other tools show on a router', () => {
  let router: Router;
  beforeAll(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
    router.intercept({ destination: '100.64.0.0/10', protocol: 'udp', ports: [0, 65535], listener: 40001 });
    await router.start(['listen', 'udp', '127.0.0.1', '40001']).line(/ready/);
  });
  afterAll(() => router.close());

  const shell = (script: string): string => router.exec(['sh', '-ec', script]).stdout;
  const count = (name: string) => Number(new RegExp(`${name} +(\\d+)`).exec(shell(`nstat -asz ${name}`))?.[1]);

  test('netfilter counts nothing on UDP 6081, and a packet on the service’s address', () => {
    shell(`nft -f - <<'END'
table inet seen {
  chain input {
    type filter hook input priority 0
    udp dport 6081 counter comment "outer"
    ip daddr ${service} counter comment "inner"
  }
}
END`);
    router.send(packet);
    const seen = [...shell('nft list ruleset').matchAll(/packets (\d+) .*"(\w+)"/g)].map(([, many, name]) => [
      name,
      many,
    ]);
    expect(seen).toEqual([
      ['outer', '0'],
      ['inner', '1'],
    ]);
    shell('nft delete table inet seen');
  });

  test('no socket gets GENEVE, and UdpNoPorts grows only without the diverter', () => {
    expect(shell('ss -Hlunp sport = :6081')).not.toContain('users:');
    const before = count('UdpNoPorts');
    router.send(packet);
    expect(count('UdpNoPorts')).toBe(before);
    router.diverts('detach');
    router.send(packet);
    expect(count('UdpNoPorts')).toBe(before + 1);
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  });

  test('by tcx there is no clsact qdisc', () => {
    const status = router.diverts('status');
    expect(shell('tc -s qdisc show dev eth0').includes('clsact')).toBe(!/hook +eth0: tcx/.test(status));
  });

  test('the runbook has these lines', () => {
    const runbook = read('docs/runbook.md');
    for (const line of ['ss -lun sport = :6081', 'nft list ruleset', 'nstat -az UdpNoPorts', 'tc -s qdisc show dev IF'])
      expect(runbook).toContain(`\`${line}\``);
  });
});
