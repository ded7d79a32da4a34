import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Network } from '../../../local/fabric/fabric.ts';
import { type NamespaceFabric, namespaceFabric } from '../../../local/fabric/namespaces.ts';
import { divert } from '../../support/divert.ts';
import { describeKernel } from '../../support/kernel.ts';
import { ENDPOINT, IMAGES, NODE, topology } from './topology.ts';

const SPOKE = 'vpc-0bbbbbbbbbbbbbbb2';
const SPOKE_ENDPOINT = 'vpce-0123456789abcdef1';
const SERVICE = '10.20.0.5';

/** A client has a subnet of its own, and its route to the services by an endpoint in another subnet. */
function client(network: Network, vpcId: string, name: string, cidr: string, ip: string, endpoint: string): void {
  const subnet = `subnet-${name}`;
  network.subnets.push({ id: subnet, vpcId, zone: 'a', cidr, routeTableId: `rtb-${name}` });
  network.routeTables.push({
    id: `rtb-${name}`,
    vpcId,
    routes: [
      ...(network.vpcs.find(({ id }) => id === vpcId)?.cidrs ?? []).map((destination) => ({
        destination,
        target: { kind: 'local' } as const,
      })),
      { destination: '10.20.0.0/16', target: { kind: 'endpoint', id: endpoint } },
    ],
  });
  network.instances.push({ id: `i-${name}`, name, image: 'ami-client' });
  const face = {
    id: `eni-${name}`,
    subnetId: subnet,
    ip,
    deviceIndex: 0,
    sourceDestCheck: true,
    instanceId: `i-${name}`,
  };
  network.interfaces.push(face);
}

/** The hub is that of `topology`, with a client in the routers' own subnet, and a spoke has the same blocks. */
function hubAndSpoke(): Network {
  const network = topology({
    routes: { '10.20.0.0/16': { kind: 'endpoint', id: ENDPOINT } },
    states: ['healthy', undefined],
  });
  const cidrs = ['10.0.0.0/16', '100.64.0.0/16'];
  network.vpcs.push({ id: SPOKE, cidrs });
  network.subnets.push({ id: 'subnet-spoke', vpcId: SPOKE, zone: 'a', cidr: '10.0.1.0/24', routeTableId: 'rtb-spoke' });
  network.routeTables.push({
    id: 'rtb-spoke',
    vpcId: SPOKE,
    routes: cidrs.map((destination) => ({ destination, target: { kind: 'local' } })),
  });
  network.endpoints.push({ id: SPOKE_ENDPOINT, interfaceId: 'eni-spoke', subnetId: 'subnet-spoke', nodeId: NODE });
  const near = network.routeTables.find(({ id }) => id === 'rtb-9');
  near?.routes.push({ destination: '10.20.0.0/16', target: { kind: 'endpoint', id: ENDPOINT } });
  network.instances.push({ id: 'i-near', name: 'near', image: 'ami-client' });
  network.interfaces.push({
    ...{ id: 'eni-near', subnetId: 'subnet-9', ip: '10.0.9.50', deviceIndex: 0 },
    ...{ sourceDestCheck: true, instanceId: 'i-near' },
  });
  client(network, SPOKE, 'far', '10.0.9.0/24', '10.0.9.50', SPOKE_ENDPOINT);
  client(network, SPOKE, 'range', '100.64.1.0/24', '100.64.1.50', SPOKE_ENDPOINT);
  return network;
}

describeKernel('a hub and a spoke with the same addresses', () => {
  let fabric: NamespaceFabric;
  beforeAll(async () => {
    fabric = await namespaceFabric({ images: IMAGES });
    await fabric.sync(hubAndSpoke());
    await divert(fabric, 'i-router-1', 2, { attach: 'ens5 --from 10.0.9.0/24 --reply geneve' });
  });
  afterAll(() => fabric.close());

  const ask = async (instance: string): Promise<string> => {
    const command = `curl -s -m 2 --local-port 41000 http://${SERVICE}/ || echo cut off`;
    const { stdout } = await fabric.exec(instance, ['bash', '-c', command], { timeout: 20_000 });
    return stdout.trim();
  };

  test.each([
    ["in the routers' own subnet", 'i-near', '10.0.9.50', ENDPOINT],
    ['of the spoke, with the same address and port', 'i-far', '10.0.9.50', SPOKE_ENDPOINT],
    ['of the spoke, in the range of names', 'i-range', '100.64.1.50', SPOKE_ENDPOINT],
    ['in another subnet of the hub', 'i-client-1', '10.0.1.10', ENDPOINT],
  ])("a client %s is answered, by way of its own VPC's endpoint alone", async (_where, instance, address, own) => {
    const other = own === ENDPOINT ? SPOKE_ENDPOINT : ENDPOINT;
    const before = await fabric.endpointStats(own);
    const idle = await fabric.endpointStats(other);
    expect(await ask(instance)).toMatch(
      new RegExp(
        `^router-1 answers for ${SERVICE.replaceAll('.', '\\.')}:80 to ${address.replaceAll('.', '\\.')}:\\d+$`,
      ),
    );
    const after = await fabric.endpointStats(own);
    expect(after.forwarded).toBeGreaterThan(before.forwarded);
    expect(after.returned).toBeGreaterThan(before.returned);
    expect(await fabric.endpointStats(other)).toEqual(idle);
  });
});
