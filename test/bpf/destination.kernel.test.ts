import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import { interceptArguments, type Router, type Rule, removeArguments, type Started, startRouter } from './router.ts';

/** startRouter does not make this address the router's own. */
const ADDRESS = '10.21.0.1';
const ADDRESS6 = '2001:db8:21::1';

describeKernel("the destination of a rule is the router's own", () => {
  let router: Router;
  beforeEach(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  const rule: Rule = {
    destination: `${ADDRESS}/32`,
    protocol: 'tcp',
    ports: [443, 443],
    listener: 40001,
    service: 'a1',
  };
  const another: Rule = { ...rule, ports: [8443, 8443], listener: 40002, service: 'a2' };
  const ip = (...args: string[]): string => {
    const { code, stdout, stderr } = router.exec(['ip', ...args]);
    expect([args, code, stderr]).toEqual([args, 0, '']);
    return stdout;
  };
  /** The kernel's route of an address of `lo` goes with it. */
  const ours = (): string[] =>
    ['-4', '-6'].flatMap((family) =>
      [...ip(family, 'route', 'show', 'table', 'local', 'proto', '208').matchAll(/^local (\S+) dev lo/gm)].map(
        ([, to]) => to ?? '',
      ),
    );
  const remove = (one: Rule): string => router.diverts(...removeArguments(one));
  const nonlocal = (): string[] => JSON.parse(router.diverts('status', '--json')).nonlocal;

  async function listen(protocol: string, port: number): Promise<Started> {
    const listener = router.start(['listen', protocol, '127.0.0.1', String(port)]);
    await listener.line(/ready/);
    return listener;
  }

  test('OpenZiti takes the address of two services away with the first: the other answers, new and open connections', async () => {
    await router.start(['tunnel', 'glb0', '10.0.0.1', '10.0.0.2'], 'node').line(/ready/);
    const client = 'ip address add 192.168.1.1/32 dev glb0; ip link set glb0 up; ip route add 10.21.0.0/16 dev glb0';
    router.exec(['sh', '-c', client], 'node');
    ip('address', 'add', `${ADDRESS}/32`, 'dev', 'lo', 'scope', 'host');
    for (const protocol of ['tcp', 'udp'] as const) {
      router.intercept({ ...rule, protocol });
      router.intercept({ ...another, protocol });
      await listen(protocol, 40002);
    }
    const connect = async (protocol: string): Promise<Started> => {
      const started = router.start(['connect', protocol, '192.168.1.1', ADDRESS, '8443'], 'node');
      await started.line(/ready/);
      return started;
    };
    const answers = async (one: Started): Promise<void> => {
      one.write('hello\n');
      expect(await one.line()).toBe('hello');
    };
    const open = await Promise.all(['tcp', 'udp'].map(connect));
    await Promise.all(open.map(answers));

    for (const protocol of ['tcp', 'udp'] as const) remove({ ...rule, protocol });
    ip('address', 'del', `${ADDRESS}/32`, 'dev', 'lo');
    await Promise.all(open.map(answers));
    for (const protocol of ['tcp', 'udp']) await answers(await connect(protocol));
    expect(router.diverter('health')).toMatchObject({ code: 0, stdout: 'attached, and every listener is there\n' });
  });

  test.each([
    ['an address', `${ADDRESS}/32`, ADDRESS],
    ['a prefix', '10.21.0.0/16', '10.21.7.7'],
    ['an IPv6 address', `${ADDRESS6}/128`, ADDRESS6],
    ['an IPv6 prefix', '2001:db8:21::/48', '2001:db8:21::7'],
  ])(
    '%s, with and without its address on lo, until the last rule of any protocol, port and source',
    (_name, destination, one) => {
      const to = destination.replace(/\/(32|128)$/, '');
      const local = (): boolean => ip('route', 'get', one).startsWith('local');
      const family = destination.includes(':') ? '-6' : '-4';
      const source = destination.includes(':') ? '2001:db8:1::/64' : '192.168.0.0/16';
      ip(family, 'address', 'add', destination, 'dev', 'lo');
      const rules: Rule[] = [
        { ...rule, destination },
        { ...rule, destination, protocol: 'udp' },
        { ...rule, destination, ports: [1, 9] },
        { ...rule, destination, source },
        { ...rule, destination, interface: 'eth0' },
      ];
      for (const each of rules) router.intercept(each);
      expect(ours()).toEqual([to]);
      ip(family, 'address', 'del', destination, 'dev', 'lo');
      expect([ours(), local()]).toEqual([[to], true]);
      ip(family, 'address', 'add', destination, 'dev', 'lo');
      ip(family, 'address', 'del', destination, 'dev', 'lo');
      for (const each of rules) {
        expect([ours(), local()]).toEqual([[to], true]);
        remove(each);
      }
      expect(ours()).toEqual([]);
    },
  );

  test("flush, and the last detach, take all of ours and nobody else's", () => {
    ip('route', 'add', 'local', '10.22.0.0/16', 'dev', 'lo');
    router.intercept(rule);
    router.intercept({ ...rule, destination: `${ADDRESS6}/128` });
    router.diverts('flush');
    expect(ours()).toEqual([]);

    router.intercept(rule);
    router.diverts('detach');
    expect(ours()).toEqual([ADDRESS]);
    remove(rule);
    ip('route', 'add', 'local', '10.23.0.0/16', 'dev', 'lo', 'proto', '208');
    router.diverts('detach');
    expect(ours()).toEqual([]);
    expect(ip('route', 'show', 'table', 'local')).toContain('local 10.22.0.0/16 ');
  });

  test('what a killed -I left goes by the -D of it', () => {
    ip('route', 'add', 'local', ADDRESS, 'dev', 'lo', 'proto', '208');
    expect(router.diverter(...removeArguments(rule)).code).toBe(1);
    expect(ours()).toEqual([]);
    router.intercept(rule);
    router.intercept(rule);
    expect(ours()).toEqual([ADDRESS]);
  });

  test('attach gives it to the rules of an older version, and where someone took it away', () => {
    router.intercept(rule);
    ip('route', 'del', 'local', ADDRESS, 'dev', 'lo', 'proto', '208');
    expect(nonlocal()).toEqual([`${ADDRESS}/32`]);
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
    expect([ours(), nonlocal()]).toEqual([[ADDRESS], []]);
  });

  describe('of IPv6 that is turned off keeps no interface from being attached, and is said', () => {
    const six: Rule = { ...rule, destination: `${ADDRESS6}/128` };
    const disable = (which: string, value: number): void =>
      void expect(router.exec(['sysctl', '-qw', `net.ipv6.conf.${which}.disable_ipv6=${value}`]).stderr).toBe('');
    const lost = (which: string): string =>
      `\nnot local ${ADDRESS6}/128 of service a1: the stack drops what is diverted there, and takes no route of ours: IPv6 is turned off here (sysctl net.ipv6.conf.${which}.disable_ipv6)\n`;
    beforeEach(async () => {
      for (const each of [rule, six]) router.intercept(each);
      await listen('tcp', 40001);
    });

    test('as a whole: the router stays healthy, as nothing of IPv6 comes to a socket there', () => {
      disable('all', 1);
      router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
      expect([nonlocal(), router.diverts('status')]).toEqual([
        [`${ADDRESS6}/128`],
        expect.stringContaining(lost('all')),
      ]);
      expect(router.diverts('health')).toBe(
        'attached, and every listener is there; IPv6 is turned off here, and 1 destination of it gets no packet: `diverter status` says which\n',
      );
      expect(router.diverter(...interceptArguments({ ...six, ports: [8443, 8443] }))).toMatchObject({
        code: 1,
        stderr: `diverter: cannot add the route by which ${ADDRESS6}/128 is this machine's own: IPv6 is turned off here (sysctl net.ipv6.conf.all.disable_ipv6)\n`,
      });
      ip('route', 'del', 'local', ADDRESS, 'dev', 'lo', 'proto', '208');
      expect(router.diverts('status')).toContain(
        `\nnot local ${ADDRESS}/32 of service a1: the stack drops what is diverted there: attach again`,
      );
      expect(router.diverter('health')).toMatchObject({
        code: 1,
        stdout: expect.stringContaining(
          `1 destination of services is not this machine's own, among them ${ADDRESS}/32 `,
        ),
      });
      disable('all', 0);
      expect(router.diverts('status')).toContain(
        `${ADDRESS6}/128 of service a1: the stack drops what is diverted there: attach again`,
      );
      router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
      expect([nonlocal(), router.diverts('health')]).toEqual([
        [],
        "attached, and every listener is there; of the router's rules 1 was refused: `diverter status` says why\n",
      ]);
    });

    test('on the loopback alone: packets that do come are lost, and the router is not healthy', () => {
      disable('lo', 1);
      router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
      expect([nonlocal(), router.diverts('status')]).toEqual([
        [`${ADDRESS6}/128`],
        expect.stringContaining(lost('lo')),
      ]);
      expect(router.diverter('health')).toMatchObject({
        code: 1,
        stdout: `1 destination of services is not this machine's own, among them ${ADDRESS6}/128 of service a1: \`diverter status\` says what to do\n`,
      });
    });
  });

  test('status and health name the one that is not', async () => {
    for (const protocol of ['tcp', 'udp'] as const)
      router.intercept({ ...rule, protocol, destination: '10.21.0.0/16' });
    router.intercept(another);
    for (const protocol of ['tcp', 'udp']) await listen(protocol, 40001);
    await listen('tcp', 40002);
    expect(nonlocal()).toEqual([]);
    expect(router.diverts('health')).toBe('attached, and every listener is there\n');
    ip('route', 'del', 'local', '10.21.0.0/16', 'dev', 'lo', 'proto', '208');
    expect(nonlocal()).toEqual(['10.21.0.0/16']);
    expect(router.diverts('status')).toContain(
      '\nnot local 10.21.0.0/16 of service a1: the stack drops what is diverted there: attach again, which gives it its route\n',
    );
    expect(router.diverter('health')).toMatchObject({
      code: 1,
      stdout:
        "1 destination of services is not this machine's own, among them 10.21.0.0/16 of service a1: `diverter status` says what to do\n",
    });
  });

  test.each([
    ['all there is', '0.0.0.0/0'],
    ['all there is of IPv6', '::/0'],
    ['the network that the router stands in', '10.0.0.0/8'],
  ])('%s gets no route, by which the router would reach nobody, and that is said', (_name, destination) => {
    expect(router.diverter(...interceptArguments({ ...rule, destination })).code).toBe(0);
    expect(ours()).toEqual([]);
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
    expect(ours()).toEqual([]);
    expect(nonlocal()).toEqual([destination]);
    expect(router.diverts('status')).toContain(
      `\ntoo wide  ${destination} of service a1: the stack drops what is diverted there, and no route of ours takes all there is, or the router's own network\n`,
    );
    remove({ ...rule, destination });
    expect(nonlocal()).toEqual([]);
  });
});
