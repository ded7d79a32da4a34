import { describe, expect, test } from '@jest/globals';
import type { Network, RouteTarget } from '../../../local/fabric/fabric.ts';
import { changes, deviceName, ownCommands, routing } from '../../../local/fabric/routing.ts';
import { type Choices, ENDPOINT, topology, VPC } from './topology.ts';

const plan = (network: Network) => routing(network, VPC, () => 42);
const empty = new Map<string, never>();
const build = (choices: Choices) => changes(empty, plan(topology(choices)));
const change = (from: Choices, to: Choices) => changes(plan(topology(from)), plan(topology(to)));

describe('a device is named by the end of its id', () => {
  test.each([
    ['eni-0123456789abcdef0', 'eni-6789abcdef0'],
    ['vpce-0123456789abcdef0', 'vpce-789abcdef0'],
    ['eni-short', 'eni-short'],
  ])('%s: %s', (id, name) => {
    expect(deviceName(id)).toBe(name);
    expect(name.length).toBeLessThanOrEqual(15);
  });
});

describe('a route leads', () => {
  const cases: [string, RouteTarget, boolean, RegExp][] = [
    ['to an endpoint', { kind: 'endpoint', id: ENDPOINT }, true, /^route replace \S+ table \d+ dev vpce-789abcdef0$/],
    [
      'nowhere, if the endpoint is not available',
      { kind: 'endpoint', id: 'vpce-1' },
      true,
      /^route replace blackhole /,
    ],
    ['to an interface', { kind: 'interface', id: 'eni-router-2' }, false, / via 10\.0\.9\.12 dev eni-router-2 onlink$/],
    ['nowhere, if the interface checks', { kind: 'interface', id: 'eni-router-2' }, true, /^route replace blackhole /],
    ['nowhere, if the interface is gone', { kind: 'interface', id: 'eni-1' }, false, /^route replace blackhole /],
    ['nowhere, if it is a blackhole', { kind: 'blackhole' }, true, /^route replace blackhole /],
    ['on to the interfaces, if it is local', { kind: 'local' }, true, /^route replace throw /],
  ];
  test.each(cases)('%s', (_, target, sourceDestCheck, command) => {
    const routes = build({ routes: { '10.20.0.0/16': target }, sourceDestCheck }).filter((line) =>
      line.includes('10.20.0.0/16'),
    );
    expect(routes).toEqual([expect.stringMatching(command)]);
  });
});

describe('what changes is all that is touched', () => {
  const to = (target: RouteTarget): Choices => ({ routes: { '10.20.0.0/16': target } });
  const [endpoint, blackhole] = [to({ kind: 'endpoint', id: ENDPOINT }), to({ kind: 'blackhole' })];

  test('nothing, by nothing', () => expect(change(endpoint, endpoint)).toEqual([]));
  test('a route that comes is one command', () =>
    expect(change({}, endpoint)).toEqual([
      expect.stringMatching(/^route replace 10\.20\.0\.0\/16 table \d+ dev vpce-/),
    ]));
  test('a route that goes is one command', () =>
    expect(change(endpoint, {})).toEqual([expect.stringMatching(/^route delete 10\.20\.0\.0\/16 table \d+$/)]));
  test('a route that turns is one command, without a gap', () =>
    expect(change(endpoint, blackhole)).toEqual([expect.stringMatching(/^route replace blackhole 10\.20\.0\.0\/16 /)]));
  test('a check that goes off lets any source in before it forgets its own', () =>
    expect(change({ sourceDestCheck: true }, { sourceDestCheck: false }).slice(0, 3)).toEqual([
      expect.stringMatching(/^rule add from all iif eni-router-1 lookup \d+ preference 101$/),
      expect.stringMatching(/^rule add from all iif eni-router-1 lookup main preference 201$/),
      expect.stringMatching(/^rule add from all iif eni-router-2 /),
    ]));
  test('targets are not the VPC’s affair', () => expect(change({}, { states: ['unhealthy', undefined] })).toEqual([]));

  test('an instance that goes takes its rules and its link, and no other', () => {
    const after = topology({});
    after.interfaces = after.interfaces.filter(({ id }) => id !== 'eni-router-1');
    expect(changes(plan(topology({})), plan(after))).toEqual([
      expect.stringMatching(/^rule delete from all iif eni-router-1 lookup main/),
      expect.stringMatching(/^rule delete from all iif eni-router-1 lookup \d+/),
      'link delete eni-router-1',
    ]);
  });

  test('a link that is made anew gets its routes again', () => {
    const network = topology({ routes: { '10.30.0.0/16': { kind: 'interface', id: 'eni-router-1' } } });
    const commands = changes(
      plan(network),
      routing(network, VPC, ({ id }) => (id === 'eni-router-1' ? 43 : 42)),
    );
    expect(commands[0]).toBe('link delete eni-router-1');
    expect(commands[1]).toMatch(/^link add eni-router-1 .* netns 43$/);
    expect(commands.at(-1)).toMatch(/^route replace 10\.30\.0\.0\/16 .* dev eni-router-1 onlink$/);
    expect(commands.filter((line) => line.includes('10.30.0.0/16'))).toHaveLength(1);
  });
});

test('an instance has its address, and the first interface its way out', () => {
  const face = { id: 'eni-1', subnetId: 's', ip: '10.0.1.77', deviceIndex: 0, sourceDestCheck: true };
  expect(ownCommands(face, '10.0.1.64/26')).toEqual([
    'address add 10.0.1.77/26 dev ens5',
    'link set ens5 up',
    'route add default via 10.0.1.65 dev ens5',
  ]);
  expect(ownCommands({ ...face, deviceIndex: 1 }, '10.0.1.64/26')).toEqual([
    'address add 10.0.1.77/26 dev ens6',
    'link set ens6 up',
  ]);
});
