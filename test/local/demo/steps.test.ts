import { expect, test } from '@jest/globals';
import type { Clock } from '../../../local/clock.ts';
import type { Operator } from '../../../local/demo/operator.ts';
import { type Stage, steps } from '../../../local/demo/steps.ts';

/** All goes as it should in this cloud, as far as the demo looks at it. */
function goodCloud() {
  let tagged = false;
  let dead = '';
  let packets = 0;
  const routes = ['10.20.0.0/16', '100.127.255.254/32'].map((destination) => ({ destination, endpointId: 'vpce-1' }));
  const operator = {
    launch: async () => {},
    async kill(name: string) {
      dead = name;
    },
    async tag() {
      tagged = true;
    },
    async untag() {
      tagged = false;
    },
    instanceId: async (name: string) => name,
    instances: async () =>
      ['router-1', 'router-2'].map((name) => ({ name, NetworkInterfaces: [{ SourceDestCheck: false }] })),
    health: async () =>
      new Map(['router-1', 'router-2'].map((name) => [name, name === dead ? 'unhealthy' : 'healthy'])),
    diverter: async () => ({ attached: [{ interface: 'ens5' }], counters: { delivered_service: packets } }),
    ask: async () => {
      if (!tagged) return { failed: 'curl: (28) timed out', timedOut: true };
      packets += 1;
      return { text: `${dead === 'router-1' ? 'router-2' : 'router-1'} answers` };
    },
    endpoints: async () => (tagged ? [{ VpcEndpointId: 'vpce-1', State: 'available' }] : []),
    endpointRoutes: async () => (tagged ? routes : []),
    endpointInterfaces: async () => [],
    traffic: async () => ({ forwarded: 6, returned: 0 }),
    status: async () => undefined,
    topology: async () => ({}),
  };
  let now = 0;
  const clock = { now: () => (now += 1_000) };
  return { operator, clock };
}

type Lie = Partial<Record<keyof ReturnType<typeof goodCloud>['operator'], () => Promise<unknown>>>;

async function play(lie: Lie, from: number, packets = true): Promise<string[]> {
  const { operator, clock } = goodCloud();
  const stage = { operator: { ...operator }, clock, packets } as unknown as Stage;
  const said: string[] = [];
  for (const [index, step] of steps.entries()) {
    if (index === from) Object.assign(stage.operator as Operator, lie);
    // What does not come true is waited for in steps of minutes, or this would take as long.
    if (index === from)
      (stage.clock as Clock).now = (
        (at) => () =>
          (at += 200_000)
      )(clock.now());
    if (packets || step.without) said.push(await step.run(stage, () => {}));
  }
  return said;
}

test('where all is as it should be, every step says what it has seen', async () => {
  const said = await play({}, -1);
  expect(said).toHaveLength(5);
  expect(said[2]).toMatch(/tag to first byte: [\d.]+ s in the cloud's time, [\d.]+ s on the wall/);
});

test('without packets, what needs them is left out', async () => {
  const said = await play({ ask: () => Promise.reject(new Error('nobody may ask')) }, 0, false);
  expect(said).toHaveLength(steps.filter(({ without }) => without).length);
  expect(said.join()).not.toMatch(/answer|diverter/);
});

test.each<[what: string, step: number, lie: Lie, sentence: RegExp]>([
  [
    'a router stays unhealthy',
    0,
    {
      health: async () =>
        new Map([
          ['router-1', 'healthy'],
          ['router-2', 'unhealthy'],
        ]),
    },
    /for both routers to be healthy targets, in vain/,
  ],
  [
    'source/dest check stays on',
    0,
    { instances: async () => [{ name: 'router-1', NetworkInterfaces: [{ SourceDestCheck: true }] }] },
    /for the source\/dest check of router-1 to be off, in vain/,
  ],
  [
    'a diverter is not attached',
    0,
    { diverter: async () => ({ attached: [], counters: {} }) },
    /the diverter of router-1 is attached/,
  ],
  ['the client is answered before', 1, { ask: async () => ({ text: 'router-1 answers' }) }, /nothing answers before/],
  [
    'the client is refused, not unheard',
    1,
    { ask: async () => ({ failed: 'refused', timedOut: false }) },
    /nothing answers before/,
  ],
  [
    'the endpoint is not available',
    2,
    { endpoints: async () => [{ VpcEndpointId: 'vpce-1', State: 'pending' }] },
    /its endpoint is available/,
  ],
  [
    'there is one route more',
    2,
    { endpointRoutes: async () => [{ destination: '0.0.0.0/0', endpointId: 'vpce-1' }] },
    /the only routes to an endpoint are/,
  ],
  [
    'no diverter counts',
    2,
    { diverter: async () => ({ attached: [{ interface: 'ens5' }], counters: {} }) },
    /a diverter counted the packets/,
  ],
  [
    'answers come through the load balancer',
    2,
    { traffic: async () => ({ forwarded: 6, returned: 6 }) },
    /answers do not/,
  ],
  [
    'the dead router stays healthy',
    3,
    { health: async () => new Map([['router-1', 'healthy']]) },
    /for router-1 to be found dead, in vain/,
  ],
  [
    'the dead router answers',
    3,
    { ask: async () => ({ text: 'router-1 answers' }) },
    /a new connection is answered by router-2/,
  ],
  [
    'the endpoint stays',
    4,
    { endpoints: async () => [{ VpcEndpointId: 'vpce-1', State: 'available' }] },
    /for the endpoint to be gone, in vain/,
  ],
  [
    'a route stays',
    4,
    { endpointRoutes: async () => [{ destination: '10.20.0.0/16', endpointId: 'vpce-1' }] },
    /no route to an endpoint is left/,
  ],
  ['an interface stays', 4, { endpointInterfaces: async () => [{}] }, /no endpoint's network interface is left/],
  ['the status tag stays', 4, { status: async () => 'ready' }, /for the status tag of app-a to be gone, in vain/],
  ['the client is still answered', 4, { ask: async () => ({ text: 'router-2 answers' }) }, /the client is cut off/],
])('where %s, the demo fails and says so', async (_, step, lie, sentence) => {
  await expect(play(lie, step)).rejects.toThrow(sentence);
});
