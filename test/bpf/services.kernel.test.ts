import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeKernel } from '../support/kernel.ts';
import { addressBytes, encapsulated, encapsulated6, ipv4, ipv6, TCP, tcp, UDP, udp } from './packet.ts';
import {
  diverterPath,
  harnessPath,
  interceptArguments,
  type Router,
  type Rule,
  removeArguments,
  startRouter,
  tablePath,
} from './router.ts';

interface Flow {
  family: 4 | 6;
  protocol: 'tcp' | 'udp';
  source: string;
  destination: string;
  port: number;
}

function packetOf({ family, protocol, source, destination, port }: Flow): Buffer {
  const number = protocol === 'tcp' ? TCP : UDP;
  const segment = (protocol === 'tcp' ? tcp : udp)({ destinationPort: port });
  return family === 4
    ? encapsulated(ipv4({ source, destination, protocol: number }, segment))
    : encapsulated6(ipv6({ source, destination, nextHeader: number }, segment));
}

function covers(prefix: string, address: string): boolean {
  const [base = '', length = ''] = prefix.split('/');
  if (base.includes(':') !== address.includes(':')) return length === '0';
  const bits = (text: string): string =>
    [...addressBytes(text)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits(base).slice(0, Number(length)) === bits(address).slice(0, Number(length));
}

const lengthOf = (prefix = '0.0.0.0/0'): number => Number(prefix.split('/')[1]);

/** One rule takes a flow, by the order of precedence that common.h promises; later rules are newer. */
function winner(rules: Rule[], flow: Flow): Rule | undefined {
  const rank = (rule: Rule): number[] => [
    lengthOf(rule.destination),
    rule.interface ? 1 : 0,
    lengthOf(rule.source),
    rule.ports[0] - rule.ports[1],
    rules.indexOf(rule),
  ];
  return rules
    .filter(
      ({ protocol, destination, source = '0.0.0.0/0', ports: [low, high], interface: name }) =>
        protocol === flow.protocol &&
        covers(destination, flow.destination) &&
        destination.includes(':') === (flow.family === 6) &&
        covers(source, flow.source) &&
        low <= flow.port &&
        flow.port <= high &&
        (name === undefined || name === 'eth0'),
    )
    .sort((a, b) => {
      const [left, right] = [rank(a), rank(b)];
      const differs = left.findIndex((value, index) => value !== right[index]);
      return (right[differs] ?? 0) - (left[differs] ?? 0);
    })[0];
}

/** Nobody listens anywhere in these tests: a verdict says whether a rule won, and whether it was one of -t 0. */
const verdictOf = (rule: Rule | undefined): string =>
  rule === undefined ? 'no_service' : rule.listener === 0 ? 'delivered_local' : 'no_listener';

const octet = fc.nat(3);
/** Destinations are in 100.0.0.0/8, which rules make the router's own, and so sources elsewhere. */
const address4 = fc.tuple(octet, octet, octet).map((octets) => `100.${octets.join('.')}`);
const source4 = address4.map((address) => address.replace('100.', '101.'));
const address6 = fc.tuple(octet, octet).map(([a, b]) => `2001:db8:${4 + a}::${b}`);
const prefixIn = (address: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(address, fc.constantFrom(0, 8, 14, 15, 16, 24, 30, 31, 32, 32)).map(([base, length]) => `${base}/${length}`);
const prefix6 = fc
  .tuple(address6, fc.constantFrom(0, 31, 46, 47, 48, 127, 128))
  .map(([base, length]) => `${base}/${length}`);
const port = fc.integer({ min: 1, max: 40 });
const ports = fc.oneof(
  port.map((only): [number, number] => [only, only]),
  fc.tuple(port, port).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
  fc.constant<[number, number]>([0, 65535]),
);
const ruleIn = (prefix: fc.Arbitrary<string>, sources: fc.Arbitrary<string>): fc.Arbitrary<Omit<Rule, 'service'>> =>
  fc
    .record({
      destination: prefix,
      source: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: sources }),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      ports,
      listener: fc.constantFrom(0, 9),
      interface: fc.constantFrom(undefined, undefined, undefined, 'eth0', 'lo'),
    })
    .map(({ source, interface: name, ...rule }) => ({
      ...rule,
      ...(source && { source }),
      ...(name && { interface: name }),
    }));
const rule4 = ruleIn(prefixIn(address4), prefixIn(source4));
const ruleList = fc
  .array(fc.oneof(rule4, rule4, ruleIn(prefix6, prefix6)), { minLength: 1, maxLength: 30 })
  .map((rules) => rules.map((rule, index): Rule => ({ ...rule, service: `service-${index}` })));
const protocol = fc.constantFrom('tcp' as const, 'udp' as const);
const flow4 = fc.record({ family: fc.constant(4 as const), protocol, source: source4, destination: address4, port });
const flow6 = fc.record({ family: fc.constant(6 as const), protocol, source: address6, destination: address6, port });
const flowList = fc.array(fc.oneof(flow4, flow4, flow6), { minLength: 100, maxLength: 100 });

describeKernel('service rules', () => {
  let router: Router;
  beforeAll(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24');
  });
  afterEach(async () => {
    await router.stopAll();
    router.diverts('flush');
  });
  afterAll(() => router.close());

  /** One shell makes many calls, each a process of its own. */
  function calls(commands: string[][]): void {
    const script = commands.map((command) => `${diverterPath} ${command.join(' ')} >/dev/null`).join('\n');
    const { code, stderr } = router.exec(['sh', '-e', '-c', script]);
    if (code !== 0) throw new Error(stderr);
  }

  /** Kills a call right before its nth change of the maps, or look at them. False if it makes fewer. */
  function killed(command: string[], n: number): boolean {
    return router.exec([harnessPath, 'kill', String(n), diverterPath, ...command]).code === 0;
  }

  /** The maps have these rules over UDP, the newest of a prefix first. */
  function listed(): Rule[] {
    const services: (Required<Rule> & { low: number; high: number })[] = JSON.parse(
      router.diverts('services', '--json'),
    );
    return services.map(({ destination, source, low, high, listener, service }): Rule => {
      return { destination, source, protocol: 'udp', ports: [low, high], listener, service };
    });
  }

  async function expectVerdicts(rules: Rule[], flows: Flow[]): Promise<void> {
    const verdicts = await router.run(flows.map(packetOf));
    flows.forEach((flow, index) => {
      const rule = winner(rules, flow);
      const got = verdicts[index]?.reason;
      if (got !== verdictOf(rule))
        throw new Error(`${JSON.stringify(flow)}: ${got}, but ${JSON.stringify(rule)} should win`);
    });
  }

  test('the most specific wins, whatever was added and removed in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(ruleList, fc.func(fc.boolean()), flowList, async (rules, isRemoved, flows) => {
        calls([['flush'], ...rules.map(interceptArguments)]);
        await expectVerdicts(rules, flows);
        expect(JSON.parse(router.diverts('status', '--json')).services).toBe(rules.length);

        // -D does not name a service: of several with the same key, nobody listening, the oldest goes.
        const left = [...rules];
        for (const rule of rules.filter((rule) => isRemoved(rule.service))) {
          const key = removeArguments(rule).join();
          calls([removeArguments(rule)]);
          left.splice(
            left.findIndex((other) => removeArguments(other).join() === key),
            1,
          );
        }
        await expectVerdicts(left, flows);
        expect(JSON.parse(router.diverts('status', '--json')).services).toBe(left.length);
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });

  const key = { destination: '100.64.0.0/16', protocol: 'udp', ports: [443, 443] } as const;
  const rule: Rule = { ...key, ports: [443, 443], listener: 9, service: 'one' };

  test('of two services with one key, -D takes that whose listener is gone', async () => {
    const listener = router.start(['listen', 'udp', '127.0.0.1', '41001']);
    await listener.line(/ready/);
    router.intercept({ ...rule, listener: 41001, service: 'alive' });
    router.intercept({ ...rule, listener: 41002, service: 'gone' });
    router.diverts(...removeArguments(rule));
    expect(JSON.parse(router.diverts('services', '--json'))).toEqual([
      {
        service: 'alive',
        protocol: 'udp',
        destination: '100.64.0.0/16',
        source: '0.0.0.0/0',
        low: 443,
        high: 443,
        listener: 41001,
        interface: null,
      },
    ]);
    // The rule is another service's: whoever ends a service has closed its listener before.
    expect(router.diverter(...removeArguments(rule))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/that rule stays, as its listener is still there/),
    });
    await listener.stop();
    router.diverts(...removeArguments(rule));
    expect(router.diverts('services', '--json')).toBe('[]\n');
  });

  test('a service with a long name is listed by the beginning of it', () => {
    router.intercept({ ...rule, service: 'x'.repeat(60) });
    router.intercept({ ...rule, ports: [1, 1], service: `${'x'.repeat(46)}üx` });
    router.intercept({ ...rule, ports: [2, 2], service: 'a\nb' });
    const services: { service: string }[] = JSON.parse(router.diverts('services', '--json'));
    expect(services.map(({ service }) => service)).toEqual(['a?b', 'x'.repeat(46), 'x'.repeat(47)]);
    router.diverts('flush');
  });

  test('the same rule of the same service again only changes its listener', () => {
    for (const port of [41001, 41002]) router.intercept({ ...rule, listener: port });
    const services = JSON.parse(router.diverts('services', '--json'));
    expect(services.map(({ listener }: { listener: number }) => listener)).toEqual([41002]);
  });

  test('options in one word are those in several', () => {
    const inOneWord = ([action, first, ...others]: string[]): string[] => [`${action}${first?.slice(1)}`, ...others];
    router.diverts(...inOneWord(interceptArguments(rule)));
    expect(listed()).toMatchObject([{ destination: rule.destination, listener: rule.listener }]);
    router.diverts(...inOneWord(removeArguments(rule)));
    expect(listed()).toEqual([]);
  });

  test('bits beyond a prefix are ignored; a lone IPv6 source is a host, although its length is given as 32', async () => {
    router.intercept({
      destination: '100.64.1.2/16',
      protocol: 'udp',
      ports: [1, 1],
      listener: 0,
      source: '192.168.1.1/24',
    });
    router.intercept({
      destination: '2001:db8:2::/48',
      protocol: 'udp',
      ports: [1, 1],
      listener: 0,
      source: '2001:db8:1::1/32',
    });
    router.intercept({
      destination: '2001:db8:2::/48',
      protocol: 'udp',
      ports: [2, 2],
      listener: 0,
      source: '2001:db8::/32',
    });
    const flow6 = (source: string, port: number): Flow => ({
      family: 6,
      protocol: 'udp',
      source,
      destination: '2001:db8:2::1',
      port,
    });
    const flow: Flow = { family: 4, protocol: 'udp', source: '192.168.1.77', destination: '100.64.200.1', port: 1 };
    const verdicts = await router.run(
      [flow, flow6('2001:db8:1::1', 1), flow6('2001:db8:1::2', 1), flow6('2001:db8:1::2', 2)].map(packetOf),
    );
    expect(verdicts.map(({ reason }) => reason)).toEqual([
      'delivered_local',
      'delivered_local',
      'no_service',
      'delivered_local',
    ]);
  });

  test('a source of another family is ignored: a failure would cost the service its other sources', () => {
    const mixed: Rule = { ...rule, source: '2001:db8::/32' };
    for (const call of [interceptArguments(mixed), removeArguments(mixed)])
      expect(router.diverts(...call)).toMatch(/^ignored, as no packet is of IPv4 and IPv6: udp 100.64.0.0\/16 /);
    expect(router.diverts('services', '--json')).toBe('[]\n');
  });

  test('300 ranges of one prefix', async () => {
    const rules = Array.from({ length: 300 }, (_, index): Rule => {
      const low = 1000 + index * 10;
      return { ...key, ports: [low, low + 6], listener: index % 2 ? 0 : 9, service: `s${index}` };
    });
    calls(rules.map(interceptArguments));
    const flows = Array.from({ length: 450 }, (_, index): Flow => {
      return { family: 4, protocol: 'udp', source: '192.168.1.1', destination: '100.64.0.1', port: 950 + index * 7 };
    });
    await expectVerdicts(rules, flows);
  });

  test('10,000 in a row are all there, as they were given, and none takes another with it', async () => {
    const rules = Array.from({ length: 10_000 }, (_, index): Rule => {
      return { ...key, destination: `100.64.${index >> 8}.${index & 255}/32`, ports: [443, 443], listener: 1 + index };
    });
    // Calls go five hundred at a time: a command line is not endless.
    const callEach = (commands: string[][]): void => {
      for (let at = 0; at < commands.length; at += 500) calls(commands.slice(at, at + 500));
    };
    callEach(rules.map(interceptArguments));
    const listed: { destination: string; listener: number }[] = JSON.parse(router.diverts('services', '--json'));
    expect(listed.map(({ destination, listener }) => `${destination} ${listener}`).sort()).toEqual(
      rules.map(({ destination, listener }) => `${destination} ${listener}`).sort(),
    );

    callEach(rules.filter((_, index) => index % 2).map(removeArguments));
    const verdicts = await router.run(
      rules.map(({ destination }) =>
        packetOf({
          family: 4,
          protocol: 'udp',
          source: '192.168.1.1',
          destination: destination.slice(0, -3),
          port: 443,
        }),
      ),
    );
    expect(verdicts.map(({ reason }) => reason)).toEqual(
      rules.map((_, index) => (index % 2 ? 'no_service' : 'no_listener')),
    );
  });

  test.each([1, 2, 3])('the table of destinations loses nothing, filled to the last one (%i)', (seed) => {
    const { stdout } = router.exec([tablePath, String(seed), '1000000']);
    expect(stdout).toMatch(/^changed at random: .*\nfull: longest search \d+ of 32768\nno room for more than 32768\n$/);
  });

  test('many at once are all there', async () => {
    const rules = Array.from(
      { length: 100 },
      (_, index): Rule => ({ ...rule, ports: [index, index], service: `s${index % 7}` }),
    );
    const script = rules.map((one) => `${diverterPath} ${interceptArguments(one).join(' ')} >/dev/null &`).join('\n');
    expect(router.exec(['sh', '-c', `${script}\nwait`]).stderr).toBe('');
    expect(JSON.parse(router.diverts('services', '--json'))).toHaveLength(100);
  });

  const inPlace = Array.from(
    { length: 4 },
    (_, index): Rule => ({ ...rule, ports: [100 * index, 100 * index + 70], service: `s${index}` }),
  );
  const overlapping: Rule = { ...rule, ports: [150, 320], listener: 0, service: 'overlapping' };
  const fromSource: Rule = { ...rule, ports: [50, 350], listener: 0, service: 'source', source: '192.168.0.0/16' };
  const elsewhere: Rule = { ...rule, destination: '100.64.0.0/24', ports: [300, 500], listener: 0, service: 'new' };
  const flowsToPorts = Array.from({ length: 60 }, (_, index): Flow => {
    return { family: 4, protocol: 'udp', source: '192.168.1.1', destination: '100.64.0.1', port: index * 10 };
  });
  test.each([
    ['-I', 'a range more of a prefix', overlapping],
    ['-D', 'one range of several', overlapping],
    ['-I', 'a source', fromSource],
    ['-D', 'a source', fromSource],
    ['-I', 'a prefix', elsewhere],
    ['-D', 'a prefix', elsewhere],
  ])('%s of %s, killed at any of its steps, leaves what was before or what is after', async (verb, _, changed) => {
    const [before, after] = verb === '-I' ? [inPlace, [...inPlace, changed]] : [[...inPlace, changed], inPlace];
    const command = (verb === '-I' ? interceptArguments : removeArguments)(changed);
    const names = (rules: Rule[]): unknown[] => rules.map(({ service }) => service).sort();
    const seen = new Set<string>();
    for (let n = 1, more = true; more; n += 1) {
      calls([['flush'], ...before.map(interceptArguments)]);
      more = killed(command, n);
      const isAfter = listed().length === after.length;
      seen.add(`${more ? 'killed' : 'ended'}, ${isAfter ? 'after' : 'before'}`);
      expect(names(listed())).toEqual(names(isAfter ? after : before));
      await expectVerdicts(isAfter ? after : before, flowsToPorts);

      if (!isAfter) calls([command]);
      expect(names(listed())).toEqual(names(after));
      await expectVerdicts(after, flowsToPorts);
    }
    expect([...seen]).toEqual(expect.arrayContaining(['killed, before', 'killed, after', 'ended, after']));
  });

  test('after a flush killed at any of its steps, services come back as they were', async () => {
    const rules = [...inPlace, overlapping, fromSource, elsewhere];
    for (let n = 1, more = true; more; n += 1) {
      calls(rules.map(interceptArguments));
      await expectVerdicts(rules, flowsToPorts);
      more = killed(['flush'], n);
      await expectVerdicts(listed().length ? rules : [], flowsToPorts);
    }
    expect(listed()).toEqual([]);
  });

  const refused: [string, string[], RegExp][] = [
    ['no address', ['-I', '-m', '32'], /-c ADDRESS and -m LENGTH, the destination prefix, are missing/],
    ['a prefix too long', interceptArguments({ ...rule, destination: '1.2.3.4/33' }), /-c 1.2.3.4 -m 33: not a dest/],
    ['adding and removing at once', ['-D', ...interceptArguments(rule)], /-D and -I in one call/],
    ['a protocol', interceptArguments({ ...rule, protocol: 'sctp' as 'tcp' }), /-p sctp: neither tcp nor udp/],
    ['a port', interceptArguments({ ...rule, ports: [1, 65536] }), /-h 65536: not a port/],
    ['an empty range', interceptArguments({ ...rule, ports: [2, 1] }), /the range is empty/],
    ['an interface', interceptArguments({ ...rule, interface: 'eth9' }), /-N eth9: there is no such interface/],
    ['no service', interceptArguments({ ...rule, service: '' }), /-s SERVICE is missing/],
    ['an unknown option', ['-X'], /invalid option/],
    ['something more', [...interceptArguments(rule), 'more'], /unexpected argument more/],
    ['what is not there to remove', removeArguments(rule), /no such rule to remove/],
  ];
  test.each(refused)('refuses %s', (_name, args, message) => {
    const { code, stderr } = router.diverter(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(router.diverts('services', '--json')).toBe('[]\n');
  });
});
