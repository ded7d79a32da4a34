import { expect, isSilence, seconds, until } from './seen.ts';
import type { DemoStep, Stage } from './steps.ts';
import { steps } from './steps.ts';
import type { Talk, Tenant, VpcPlan } from './tenant.ts';

/** A VPC whose clients have the addresses of the routers' own. */
export interface Elsewhere {
  where: string;
  /** Whose it is. */
  account: string;
  /** Makes it, and what serves its subnets where the routers' own stack does not. */
  open(vpc: VpcPlan): Promise<Tenant>;
}

const [CLIENT, SUBNET] = ['client-a', 'app-a'];
const CIDR = '10.20.0.0/16';
const SERVICE = { address: '10.20.0.5', port: 443 };
const URL = `http://${SERVICE.address}:${SERVICE.port}/`;
/** Own ports of each client: enough for some of two clients to meet at one router. */
const PORTS = [41_001, 41_002, 41_003, 41_004];

const HERE = "the routers' VPC";
const [launch] = steps;

/** A VPC with a subnet and a client that have the addresses of those in the routers' VPC, and these names. */
export async function sameAddresses(operator: Tenant, subnetName: string, clientName: string): Promise<VpcPlan> {
  const client = (await operator.instances()).find(({ name }) => name === CLIENT);
  const subnet = (await operator.subnets()).find(({ SubnetId }) => SubnetId === client?.SubnetId);
  const [address = '', cidr = '', zoneId = ''] = [
    client?.PrivateIpAddress,
    subnet?.CidrBlock,
    subnet?.AvailabilityZoneId,
  ];
  return {
    ...{ name: 'another', block: '10.0.0.0/16' },
    ...{ subnet: { name: subnetName, cidr, zoneId }, client: { name: clientName, address } },
  };
}

/** The road with clients of the same address in all these VPCs. */
export const vpcSteps = (places: readonly Elsewhere[]): DemoStep[] => {
  const tenants: { where: string; account?: string; tenant: Tenant }[] = [];
  const many = `${places.length + 1} VPCs`;
  const all = <T>(ask: (tenant: Tenant) => Promise<T>) => Promise.all(tenants.map(({ tenant }) => ask(tenant)));
  const silent = async (some: readonly { where: string; tenant: Tenant }[]) =>
    Promise.all(
      some.map(async ({ where, tenant }) => {
        const answer = await tenant.ask(CLIENT, URL);
        expect(isSilence(answer), `nothing answers the client in ${where}`, answer);
      }),
    );
  const unrouted = async ({ clock }: Stage, say: (line: string) => void, some: readonly { tenant: Tenant }[]) => {
    await until(clock, 'their endpoints to be gone', 600_000, async () => {
      const left = (await Promise.all(some.map(({ tenant }) => tenant.endpoints()))).flat();
      say(left.map(({ VpcEndpointId, State }) => `${VpcEndpointId} ${State}`).join(', ') || 'no endpoint left');
      return left.length === 0;
    });
    const routes = (await Promise.all(some.map(({ tenant }) => tenant.endpointRoutes()))).flat();
    expect(routes.length === 0, 'no route to an endpoint is left there', routes);
  };

  return [
    ...(launch ? [launch] : []),
    {
      title: `Make ${places.map(({ where }) => where).join(' and ')} with the addresses of ${HERE}: no client reaches ${URL}`,
      without: `Make ${places.map(({ where }) => where).join(' and ')} with the addresses of ${HERE}`,
      async run({ operator, clock, packets }) {
        const vpc = await sameAddresses(operator, SUBNET, CLIENT);
        const { address } = vpc.client;
        const opened = await Promise.all(
          places.map(async ({ where, account, open }) => ({ where, account, tenant: await open(vpc) })),
        );
        tenants.push({ where: HERE, tenant: operator }, ...opened);
        const addresses = await all(
          async (tenant) => (await tenant.instances()).find(({ name }) => name === CLIENT)?.PrivateIpAddress,
        );
        expect(new Set(addresses).size === 1, `each ${CLIENT} has the address ${address}`, addresses);
        if (packets) {
          await until(clock, 'all clients to be up', 300_000, async () =>
            (await all((tenant) => tenant.isUp(CLIENT))).every(Boolean),
          );
          await silent(tenants);
        }
        return `${tenants.length} clients ${address}${packets ? ', each of them unheard' : ''}`;
      },
    },
    {
      title: `Tag ${SUBNET} of all ${many} with ziti-glb=${CIDR}: each client is answered`,
      without: `Tag ${SUBNET} of all ${many} with ziti-glb=${CIDR}: each gets an endpoint and a route in its own VPC`,
      async run(stage, say) {
        const { operator, clock, packets } = stage;
        const began = clock.now();
        await all((tenant) => tenant.tag(SUBNET, CIDR));
        const waiting = new Set(tenants);
        await until(clock, 'all clients to be answered', 600_000, async () => {
          await Promise.all(
            [...waiting].map(async (each) => {
              const routes = await each.tenant.endpointRoutes();
              const answered = !packets || 'text' in (await each.tenant.ask(CLIENT, URL, 0.5));
              if (routes.length > 0 && answered) waiting.delete(each);
            }),
          );
          say(waiting.size === 0 ? 'all answered' : `not yet: ${[...waiting].map(({ where }) => where).join(', ')}`);
          return waiting.size === 0;
        });
        const took = seconds(clock.now() - began);
        const connections = await operator.connections();
        for (const { where, account, tenant } of tenants) {
          const own = (await tenant.endpoints()).map(({ VpcEndpointId = '' }) => VpcEndpointId);
          const routes = await tenant.endpointRoutes();
          expect(
            own.length === 1 && routes.every(({ endpointId }) => own.includes(endpointId)),
            `routes in ${where} lead to its own endpoint`,
            { routes, own },
          );
          const connection = connections.get(own[0] ?? '');
          expect(
            connection?.state === 'available' && (account === undefined || connection.owner === account),
            `the endpoint in ${where} is connected as one of ${account ?? "the service's owner"}`,
            connection,
          );
        }
        stage.atWork = await operator.topology(tenants.slice(1));
        return `all ${packets ? 'answered' : 'routed'} ${took} of the cloud's time after the tags`;
      },
    },
    {
      title: 'Let all of them talk at once, from one address and the same ports',
      async run({ operator }) {
        const counted = () =>
          all(async (tenant) => {
            const [endpoint] = await tenant.endpoints();
            return operator.carried(endpoint?.VpcEndpointId ?? '');
          });
        const before = await counted();
        const talks = await all((tenant) => tenant.talk(CLIENT, SERVICE, PORTS, tenant.vpcId));
        const after = await counted();
        for (const [index, { where, tenant }] of tenants.entries())
          for (const { port, echo } of talks[index] ?? [])
            expect(echo === tenant.vpcId, `the client in ${where} hears its own word at port ${port}`, echo);
        const open = talks.flat();
        expect(
          Math.max(...open.map(({ from }) => from)) < Math.min(...open.map(({ until: end }) => end)),
          'all connections were open at one moment',
          open,
        );
        const returned = after.map((now, index) => now.returned - (before[index]?.returned ?? 0));
        for (const [index, { where }] of tenants.entries())
          expect(
            (after[index]?.forwarded ?? 0) > (before[index]?.forwarded ?? 0) && (returned[index] ?? 0) > 0,
            `packets of ${where} went to the routers with its endpoint's id, and came back with it`,
            { before, after },
          );
        return `${open.length} connections open at once, each heard its own word; back through the load balancer came ${tenants.map(({ where }, index) => `${returned[index]} packets into ${where}`).join(', ')}; ${met(talks)}`;
      },
    },
    {
      title: `Untag ${SUBNET} of the last: its client alone is cut off`,
      without: `Untag ${SUBNET} of the last: its route and endpoint alone go`,
      async run(stage, say) {
        const last = tenants.slice(-1);
        await last[0]?.tenant.untag(SUBNET);
        await unrouted(stage, say, last);
        for (const { where, tenant } of tenants.slice(0, -1)) {
          const routes = await tenant.endpointRoutes();
          expect(routes.length > 0, `the routes in ${where} stay`, routes);
          if (!stage.packets) continue;
          const answer = await tenant.ask(CLIENT, URL);
          expect('text' in answer, `the client in ${where} is answered`, answer);
        }
        if (stage.packets) await silent(last);
        return stage.packets ? 'the others are answered, as before' : 'those of the others stay';
      },
    },
    {
      title: `Untag ${SUBNET} of the others: nothing of ours is left`,
      without: `Untag ${SUBNET} of the others: nothing of ours is left`,
      async run(stage, say) {
        const others = tenants.slice(0, -1);
        await Promise.all(others.map(({ tenant }) => tenant.untag(SUBNET)));
        await unrouted(stage, say, others);
        const left = (await all((tenant) => tenant.endpointInterfaces())).flat();
        expect(left.length === 0, "no endpoint's network interface is left", left);
        if (stage.packets) await silent(tenants);
        return `no route, endpoint or interface left in ${many}`;
      },
    },
  ];
};

/** Says how the routers kept connections apart that would be one to them. */
function met(talks: readonly Talk[][]): string {
  const other = talks.flat().filter(({ port, answer }) => / to \S+:\d+$/.test(answer) && !answer.endsWith(`:${port}`));
  if (other.length === 0) return 'no two of the same address and port met at one router';
  const [{ port, answer }] = other as [Talk, ...Talk[]];
  return `${other.length} met another of the same address and port at their router, which sees another port (of ${port}: “${answer}”)`;
}
