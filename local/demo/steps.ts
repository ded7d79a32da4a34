import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import { delivered, type Operator } from './operator.ts';
import type { Topology } from './picture.ts';
import { expect, isSilence, seconds, until } from './seen.ts';
import type { Answer } from './tenant.ts';

export interface Stage {
  operator: Operator;
  clock: Clock;
  /** Clients can send packets; else there is only the control plane to look at. */
  packets: boolean;
  /** The picture when there was most to see. */
  atWork?: Topology;
}

/** One step of the show: what it sets out to do, and what was seen when it had. Rejects if that was something else. */
export interface DemoStep {
  title: string;
  /** The step's title where no packets flow; undefined if nothing is left of it then. */
  without?: string;
  run(stage: Stage, say: (line: string) => void): Promise<string>;
}

const ROUTERS = ['router-1', 'router-2'];
const CLIENT = 'client-a';
const SUBNET = 'app-a';
const CIDR = '10.20.0.0/16';
/** Wildcard services are found by asking it, so every opted-in subnet is led to it. */
const RESOLVER = '100.127.255.254/32';
const URL = 'http://10.20.0.5:443/';

/** A router stays in use for so long after it died: up to 5 s until the next check, two that are missed, 5 s apart, of 4 s each; and what a busy machine adds. */
const FAILOVER_BOUND = 25_000;

export const steps: DemoStep[] = [
  {
    title: 'Launch two routers: their instance events do the rest',
    without: 'Launch two routers: their instance events do the rest, but for what runs on them',
    async run({ operator, clock, packets }, say) {
      const began = clock.now();
      await Promise.all(ROUTERS.map((name, zone) => operator.launch(name, zone)));
      await until(clock, 'both routers to be healthy targets', 600_000, async () => {
        const health = await operator.health();
        say([...health].map(([id, state]) => `${id} ${state}`).join(', ') || 'not yet registered');
        return health.size === ROUTERS.length && [...health.values()].every((state) => state === 'healthy');
      });
      const took = clock.now() - began;
      // On a busy machine a router is healthy before the function has got as far.
      for (const router of ROUTERS)
        await until(clock, `the source/dest check of ${router} to be off`, 600_000, async () =>
          (await operator.instances())
            .filter(({ name }) => name === router)
            .every(({ NetworkInterfaces: faces = [] }) =>
              faces.every(({ SourceDestCheck }) => SourceDestCheck === false),
            ),
        );
      for (const router of packets ? ROUTERS : []) {
        const diverter = await operator.diverter(router);
        expect(diverter?.attached.length === 1, `the diverter of ${router} is attached to its one interface`, diverter);
      }
      return `both healthy ${seconds(took)} after launch, source/dest check off${packets ? ', diverters attached' : ''}`;
    },
  },
  {
    title: `A client in ${SUBNET} cannot reach ${URL}`,
    async run({ operator }) {
      const answer = await operator.ask(CLIENT, URL);
      expect(isSilence(answer), 'nothing answers before the subnet is opted in', answer);
      return 'text' in answer ? answer.text : answer.failed;
    },
  },
  {
    title: `Tag ${SUBNET} with ziti-glb=${CIDR}: the same client gets an answer`,
    without: `Tag ${SUBNET} with ziti-glb=${CIDR}: it gets an endpoint and a route`,
    async run({ operator, clock, packets }, say) {
      const before = packets ? await allDelivered(operator) : 0;
      const [cloud, wall] = [clock.now(), Date.now()];
      await operator.tag(SUBNET, CIDR);
      let answer: Answer = { failed: 'not asked', timedOut: false };
      await until(clock, 'the client to be answered', 600_000, async () => {
        const [endpoint] = await operator.endpoints();
        say(endpoint ? `${endpoint.VpcEndpointId} ${endpoint.State}` : 'no endpoint yet');
        if (!packets) return (await operator.endpointRoutes()).length > 0;
        answer = await operator.ask(CLIENT, URL, 0.5);
        return 'text' in answer;
      });
      const took = `${seconds(clock.now() - cloud)} in the cloud's time, ${seconds(Date.now() - wall)} on the wall`;
      const [endpoint] = await operator.endpoints();
      const routes = await operator.endpointRoutes();
      expect(endpoint?.State?.toLowerCase() === 'available', 'its endpoint is available', endpoint);
      const destinations = routes.map(({ destination }) => destination).sort();
      expect(
        isDeepStrictEqual(destinations, [CIDR, RESOLVER]) &&
          routes.every(({ endpointId }) => endpointId === endpoint?.VpcEndpointId),
        `the only routes to an endpoint are ${CIDR} and ${RESOLVER}, to ${endpoint?.VpcEndpointId}`,
        routes,
      );
      if (!packets) return `the route stands ${took} after the tag`;
      const after = await allDelivered(operator);
      expect(after > before, 'a diverter counted the packets it delivered', { before, after });
      const { forwarded, returned } = await operator.traffic();
      expect(forwarded > 0 && returned === 0, 'packets go through the load balancer, answers do not', {
        forwarded,
        returned,
      });
      return `“${'text' in answer ? answer.text : ''}”; tag to first byte: ${took}; diverters delivered ${after - before} packets out of GENEVE, none came back through the load balancer`;
    },
  },
  {
    title: 'Kill the router that answers: new connections go to the other one',
    without: 'Kill a router: its health checks fail',
    async run({ operator, clock, packets }, say) {
      const first = packets ? await servedBy(operator) : ROUTERS[0];
      const other = ROUTERS.find((name) => name !== first) ?? '';
      await operator.kill(first ?? '');
      const died = clock.now();
      const victim = await operator.instanceId(first ?? '');
      await until(clock, `${first} to be found dead`, FAILOVER_BOUND, async () => {
        const state = (await operator.health()).get(victim);
        say(`${first} is ${state}`);
        return state === 'unhealthy';
      });
      const took = clock.now() - died;
      if (packets) {
        for (let connection = 0; connection < 5; connection++) {
          const answer = await operator.ask(CLIENT, URL);
          expect('text' in answer && answer.text.includes(other), `a new connection is answered by ${other}`, answer);
        }
      }
      return `${first} out of use after ${seconds(took)} of the cloud's time${packets ? `, five connections in a row answered by ${other}` : ''}`;
    },
  },
  {
    title: `Untag ${SUBNET}: route and endpoint go, the client is cut off`,
    without: `Untag ${SUBNET}: route and endpoint go`,
    async run(stage, say) {
      const { operator, clock, packets } = stage;
      stage.atWork = await operator.topology();
      const began = clock.now();
      await operator.untag(SUBNET);
      await until(clock, 'the endpoint to be gone', 600_000, async () => {
        const endpoints = await operator.endpoints();
        say(endpoints.map(({ VpcEndpointId, State }) => `${VpcEndpointId} ${State}`).join(', ') || 'no endpoint left');
        return endpoints.length === 0;
      });
      const took = clock.now() - began;
      const routes = await operator.endpointRoutes();
      expect(routes.length === 0, 'no route to an endpoint is left', routes);
      const faces = await operator.endpointInterfaces();
      expect(faces.length === 0, "no endpoint's network interface is left", faces);
      await until(
        clock,
        `the status tag of ${SUBNET} to be gone`,
        60_000,
        async () => !(await operator.status(SUBNET)),
      );
      if (packets) {
        const answer = await operator.ask(CLIENT, URL);
        expect(isSilence(answer), 'the client is cut off', answer);
      }
      return `no route, endpoint, interface or status tag left ${seconds(took)} after the tag went`;
    },
  },
];

async function allDelivered(operator: Operator): Promise<number> {
  const diverters = await Promise.all(ROUTERS.map((name) => operator.diverter(name)));
  return diverters.reduce((sum, diverter) => sum + (delivered(diverter) ?? 0), 0);
}

async function servedBy(operator: Operator): Promise<string> {
  const answer = await operator.ask(CLIENT, URL);
  const router = ROUTERS.find((name) => 'text' in answer && answer.text.includes(name));
  expect(router !== undefined, 'a router answers and says its name', answer);
  return router ?? '';
}
