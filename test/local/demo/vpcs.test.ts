import { expect, test } from '@jest/globals';
import type { Operator } from '../../../local/demo/operator.ts';
import type { Stage } from '../../../local/demo/steps.ts';
import type { Tenant } from '../../../local/demo/tenant.ts';
import { type Elsewhere, vpcSteps } from '../../../local/demo/vpcs.ts';

/** All goes as it should in this VPC, as far as the demo looks at it. */
function goodVpc(vpcId: string) {
  let tagged = false;
  const endpoint = `vpce-${vpcId}`;
  return {
    vpcId,
    instances: async () => [{ name: 'client-a', PrivateIpAddress: '10.0.10.4', SubnetId: 'subnet-a' }],
    subnets: async () => [{ SubnetId: 'subnet-a', CidrBlock: '10.0.10.0/24', AvailabilityZoneId: 'a' }],
    isUp: async () => true,
    async tag() {
      tagged = true;
    },
    async untag() {
      tagged = false;
    },
    ask: async () => (tagged ? { text: 'router-1 answers' } : { failed: 'curl: (28) timed out', timedOut: true }),
    talk: async (_client: string, _to: unknown, ports: number[], word: string) =>
      ports.map((port) => ({ port, answer: `router-1 answers to 10.0.10.4:${port}`, echo: word, from: 1, until: 2 })),
    endpoints: async () => (tagged ? [{ VpcEndpointId: endpoint }] : []),
    endpointRoutes: async () => (tagged ? [{ destination: '10.20.0.0/16', endpointId: endpoint }] : []),
    endpointInterfaces: async (): Promise<unknown[]> => [],
  };
}

const OWNER = '111122223333';
const SPOKE = '222233334444';
const connected = (owners: Record<string, string>, state = 'available') =>
  new Map(Object.entries(owners).map(([vpc, owner]) => [`vpce-${vpc}`, { owner, state }]));

type Lie = Partial<
  Record<keyof ReturnType<typeof goodVpc> | 'carried' | 'connections', (...given: never[]) => Promise<unknown>>
>;

/** The demo plays with three VPCs, the last of another account. From the step `from` on, the last of them, or the operator, lies. */
async function play(lie: Lie, from: number, packets = true): Promise<string[]> {
  let [now, carried] = [0, 0];
  const operator = {
    ...goodVpc('vpc-1'),
    async carried(_endpoint: string) {
      carried += 1;
      return { forwarded: 2 * carried, returned: carried };
    },
    connections: async () => connected({ 'vpc-1': OWNER, 'vpc-2': OWNER, 'vpc-3': SPOKE }),
    topology: async () => ({}),
  };
  const [second, third] = [goodVpc('vpc-2'), goodVpc('vpc-3')];
  const places = [second, third].map(
    (vpc, index): Elsewhere => ({
      where: vpc.vpcId,
      account: [OWNER, SPOKE][index] ?? '',
      open: async () => vpc as unknown as Tenant,
    }),
  );
  const stage = {
    operator: operator as unknown as Operator,
    clock: {
      now() {
        now += 60_000;
        return now;
      },
    },
    packets,
  } as unknown as Stage;
  const said: string[] = [];
  // The first step is that of the short demo.
  for (const [index, step] of vpcSteps(places).slice(1).entries()) {
    if (index === from) Object.assign('carried' in lie || 'connections' in lie ? operator : third, lie);
    if (packets || step.without) said.push(await step.run(stage, () => {}));
  }
  return said;
}

test('where all is as it should be, every step says what it has seen', async () => {
  const said = await play({}, -1);
  expect(said[0]).toBe('3 clients 10.0.10.4, each of them unheard');
  expect(said[2]).toMatch(
    /^12 connections open at once, each heard its own word; .* came 3 packets into the routers' VPC, 3 packets into vpc-2, 3 packets into vpc-3;/,
  );
  expect(said[3]).toBe('the others are answered, as before');
  expect(said[4]).toMatch(/left in 3 VPCs$/);
});

test('without packets, what needs them is left out', async () => {
  const said = await play({ ask: () => Promise.reject(new Error('nobody may ask')) }, 0, false);
  expect(said).toHaveLength(4);
  expect(said.join()).not.toMatch(/answer|heard/);
});

const answered = async () => ({ text: 'router-1 answers' });
let counted = 0;
const count = () => {
  counted += 1;
  return { forwarded: counted, returned: counted };
};
const unheard = async () => ({ failed: 'curl: (28) timed out', timedOut: true });
const talking = (fields: object) => async (_client: never, _to: never, ports: never, word: never) =>
  (ports as number[]).map((port) => ({ port, answer: '', echo: word, from: 1, until: 2, ...fields }));

test.each<[what: string, step: number, lie: Lie, sentence: RegExp]>([
  ['a client is answered before', 0, { ask: answered }, /nothing answers the client in vpc-3/],
  [
    'a client has another address',
    0,
    { instances: async () => [{ name: 'client-a', PrivateIpAddress: '10.0.10.5' }] },
    /each client-a has the address 10\.0\.10\.4/,
  ],
  ['a client is not answered', 1, { ask: unheard }, /for all clients to be answered, in vain/],
  [
    "a route leads to another VPC's endpoint",
    1,
    { endpoints: async () => [{ VpcEndpointId: 'vpce-vpc-1' }] },
    /routes in vpc-3 lead to its own endpoint/,
  ],
  [
    'what answers the client of another account is connected as of this one',
    1,
    { connections: async () => connected({ 'vpc-1': OWNER, 'vpc-2': OWNER, 'vpc-3': OWNER }) },
    /the endpoint in vpc-3 is connected as one of 222233334444/,
  ],
  [
    'the service has not accepted it',
    1,
    { connections: async () => connected({ 'vpc-1': OWNER }, 'pendingAcceptance') },
    /the endpoint in the routers' VPC is connected/,
  ],
  ["a client hears another's word", 2, { talk: talking({ echo: 'vpc-1' }) }, /the client in vpc-3 hears its own word/],
  [
    'one has ended before another began',
    2,
    { talk: talking({ from: 5, until: 6 }) },
    /all connections were open at one/,
  ],
  [
    'packets go with the id of another endpoint, and come back with it',
    2,
    { carried: async (endpoint: string) => (endpoint === 'vpce-vpc-3' ? { forwarded: 5, returned: 5 } : count()) },
    /packets of vpc-3 went to the routers with its endpoint's id, and came back with it/,
  ],
  [
    'no answer comes back with an endpoint',
    2,
    { carried: async () => ({ ...count(), returned: 0 }) },
    /packets of the routers' VPC went to the routers with its endpoint's id, and came back with it/,
  ],
  ['the untagged one is still answered', 3, { ask: answered }, /nothing answers the client in vpc-3/],
  [
    'its endpoint stays',
    3,
    { endpoints: async () => [{ VpcEndpointId: 'vpce-vpc-3' }] },
    /endpoints to be gone, in vain/,
  ],
  ['an interface stays', 4, { endpointInterfaces: async () => [{}] }, /no endpoint's network interface is left/],
])('where %s, the demo fails and says so', async (_, step, lie, sentence) => {
  await expect(play(lie, step)).rejects.toThrow(sentence);
});
