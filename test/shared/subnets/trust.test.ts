import * as ec2 from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, test } from '@jest/globals';
import { given } from '../../support/cloud.ts';
import { type Stage, type StageOptions, stage } from './stage.ts';

const CIDR = '10.20.0.0/16';
const RANGE = '100.64.0.0/13';
const FORMER = `ziti-glb:former:${CIDR}`;
const HOUR = 3_600_000;

let here: Stage;
afterEach(() => here.close());

/** The stage, with one subnet in zone a that has a table of its own. */
async function begin(options: StageOptions = {}) {
  here = await stage(options);
  const subnet = here.vpc.a1;
  return { subnet, table: await here.table(subnet) };
}
async function tableOf(id: string) {
  const { RouteTables } = await here.cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [id] }));
  const { Routes = [], Tags = [] } = given(RouteTables?.[0]);
  return {
    tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
    target: (destination = CIDR) => {
      const route = Routes.find(({ DestinationCidrBlock }) => DestinationCidrBlock === destination);
      return route?.GatewayId ?? route?.NatGatewayId ?? route?.NetworkInterfaceId;
    },
  };
}
async function faceOf(instance: string) {
  const Filters = [{ Name: 'attachment.instance-id', Values: [instance] }];
  const found = await here.cloud.ec2.send(new ec2.DescribeNetworkInterfacesCommand({ Filters }));
  return given(found.NetworkInterfaces?.[0]?.NetworkInterfaceId);
}
const statusOf = async (subnet: string) => (await here.look()).subnets.find(({ id }) => id === subnet)?.status;
const changes = () => here.changes().map(({ operation }) => operation);
const rest = async () => {
  const log: string[] = [];
  for (let minute = 0; minute < 4; minute++) {
    log.push(...(await here.pass()).log);
    await here.cloud.clock.run(60_000);
  }
  return log;
};

describe('whoever may write tags', () => {
  test('notes that a route led to his machine before: it is not given to him, but stays, and that is said', async () => {
    const { subnet, table } = await begin();
    await here.tag(subnet, CIDR);
    await here.pass();
    const endpoint = (await tableOf(table)).target();
    const face = await faceOf(here.routers.b);
    await here.tag(table, `${face} since 2026-01-15T10:00:00.000Z`, FORMER);
    await rest();
    expect(await statusOf(subnet)).toBe('ready');
    await here.untag(subnet);
    await rest();
    expect((await tableOf(table)).target()).toBe(endpoint);
    expect(await statusOf(subnet)).toContain(
      `blocked: ${CIDR} in ${table} is noted by ${FORMER} which this stack did not`,
    );
    await here.untag(table, FORMER);
    await rest();
    expect([(await tableOf(table)).target(), await statusOf(subnet)]).toEqual([undefined, undefined]);
  });

  test('copies such a note from another table, or for another destination: it is not followed', async () => {
    const { subnet, table } = await begin();
    const other = await here.table(here.vpc.b1);
    const NatGatewayId = await here.natGateway();
    const route = { RouteTableId: other, DestinationCidrBlock: CIDR, NatGatewayId };
    await here.cloud.ec2.send(new ec2.CreateRouteCommand(route));
    await here.tag(here.vpc.b1, `takeover ${CIDR}`);
    await here.tag(subnet, `${CIDR} 10.30.0.0/16`);
    await here.pass();
    const note = given((await tableOf(other)).tags[FORMER]);
    await here.tag(table, note, FORMER);
    await here.tag(other, note, 'ziti-glb:former:10.30.0.0/16');
    for (const id of [subnet, here.vpc.b1]) await here.untag(id);
    const log = await rest();
    expect((await tableOf(other)).target()).toBe(NatGatewayId);
    expect((await tableOf(table)).target()).toMatch(/^vpce-/);
    expect(log).toContainEqual(
      `${other}: its tag ziti-glb:former:10.30.0.0/16 is not followed, for this stack did not write it there: delete it`,
    );
  });

  test('gives a firewall’s endpoint of another service our tag: it stays, and that is said', async () => {
    const { subnet } = await begin();
    const { loadBalancer } = here.service;
    const { ServiceConfiguration } = await here.cloud.ec2.send(
      new ec2.CreateVpcEndpointServiceConfigurationCommand({
        GatewayLoadBalancerArns: [loadBalancer],
        AcceptanceRequired: false,
      }),
    );
    const { ServiceId, ServiceName } = given(ServiceConfiguration);
    await here.cloud.ec2.send(
      new ec2.ModifyVpcEndpointServicePermissionsCommand({ ServiceId, AddAllowedPrincipals: ['*'] }),
    );
    const { VpcEndpoint } = await here.cloud.ec2.send(
      new ec2.CreateVpcEndpointCommand({
        VpcEndpointType: 'GatewayLoadBalancer',
        VpcId: here.vpc.vpc,
        ServiceName,
        SubnetIds: [here.vpc.b1],
      }),
    );
    const firewall = given(VpcEndpoint?.VpcEndpointId);
    await here.tag(subnet, CIDR);
    await here.pass();
    // All that our own endpoint carries, and its table leads to it besides.
    const own = given((await here.endpoints()).find(({ VpcEndpointId }) => VpcEndpointId !== firewall));
    await here.cloud.ec2.send(new ec2.CreateTagsCommand({ Resources: [firewall], Tags: given(own.Tags) }));
    const table = await here.table(here.vpc.b0);
    const route = { RouteTableId: table, DestinationCidrBlock: '0.0.0.0/0', VpcEndpointId: firewall };
    await here.cloud.ec2.send(new ec2.CreateRouteCommand(route));
    const log = await rest();
    expect((await here.endpoints()).map(({ VpcEndpointId }) => VpcEndpointId)).toContain(firewall);
    expect((await tableOf(table)).target('0.0.0.0/0')).toBe(firewall);
    expect(log).toContainEqual(
      `${firewall}: it carries the tag ziti-glb:stack of this stack, and belongs to ${ServiceName}: it is left alone; take that tag away`,
    );
  });

  test('gives a router a range, or says that a route to an interface is ours: there is no such route, and his stays', async () => {
    const { subnet, table } = await begin();
    const face = await faceOf(here.routers.b);
    const route = { RouteTableId: table, DestinationCidrBlock: '10.99.0.0/16', NetworkInterfaceId: face };
    await here.cloud.ec2.send(new ec2.CreateRouteCommand(route));
    await here.tag(table, `${face} since 2026-01-15T10:00:00.000Z`, 'ziti-glb:direct:10.99.0.0/16');
    await here.tag(here.routers.a, RANGE, 'ziti-glb:dns-range');
    await here.tag(subnet, CIDR);
    await rest();
    expect((await tableOf(table)).target(RANGE)).toBeUndefined();
    expect((await tableOf(table)).target('10.99.0.0/16')).toBe(face);
  });
});

describe('a stack that stood before notes had a seal', () => {
  /** A route that was taken over, one to a router's range, and their endpoint, as the version before has left them. */
  async function old({ sealed = false } = {}) {
    const { subnet, table } = await begin();
    const nat = await here.natGateway();
    const route = { RouteTableId: table, DestinationCidrBlock: CIDR, NatGatewayId: nat };
    await here.cloud.ec2.send(new ec2.CreateRouteCommand(route));
    await here.note(here.routers.a, RANGE, 'ziti-glb:dns-range');
    await here.tag(subnet, `takeover ${CIDR}`);
    await here.pass();
    await here.cloud.clock.run(24 * HOUR);
    await here.pass();
    const { tags } = await tableOf(table);
    expect(Object.keys(tags).sort()).toEqual([`ziti-glb:direct:${RANGE}`, FORMER]);
    if (sealed) return { subnet, table, nat };
    for (const [key, value] of Object.entries(tags)) await here.tag(table, value.replace(/ v\d+\.\S+$/, ''), key);
    await here.tag(here.routers.a, RANGE, 'ziti-glb:dns-range');
    for (const { VpcEndpointId } of await here.endpoints())
      for (const key of ['ziti-glb:seal', `ziti-glb:former:${table}:${CIDR}`])
        await here.untag(given(VpcEndpointId), key);
    return { subnet, table, nat };
  }

  test('is taken over: its notes get one, nothing else changes, and what was taken over is given back at the end', async () => {
    const { subnet, table, nat } = await old();
    const before = await tableOf(table);
    here.exchangeKey(1);
    here.calls();
    // The function that keeps routers seals their ranges, sooner or later.
    await here.pass();
    expect(changes()).toEqual(['CreateTags', 'CreateTags', 'CreateTags']);
    await here.note(here.routers.a, RANGE, 'ziti-glb:dns-range');
    await here.cloud.clock.run(2 * HOUR);
    await here.pass();
    expect(changes()).toEqual([]);
    const after = await tableOf(table);
    for (const destination of [CIDR, RANGE]) expect(after.target(destination)).toBe(before.target(destination));
    expect(await statusOf(subnet)).toBe(`ready. Taken over in ${table}: ${CIDR}`);
    await here.untag(subnet);
    await rest();
    const { tags, target } = await tableOf(table);
    expect([target(), target(RANGE), tags, await here.endpoints()]).toEqual([nat, undefined, {}, []]);
  });

  test('is taken over alike where its KMS key is another one', async () => {
    const { subnet, table, nat } = await old({ sealed: true });
    here.exchangeKey(9);
    here.calls();
    await here.pass();
    expect(changes()).toEqual(['CreateTags', 'CreateTags', 'CreateTags', 'CreateTags']);
    await here.untag(subnet);
    await rest();
    expect([(await tableOf(table)).target(), await here.endpoints()]).toEqual([nat, []]);
  });

  test('later believes none of them: routes stay as they are, and it says what to do', async () => {
    const { subnet, table } = await old();
    const endpoint = (await tableOf(table)).target();
    here.exchangeKey(1);
    await here.cloud.clock.run(HOUR);
    await here.pass();
    await here.untag(subnet);
    await rest();
    expect((await tableOf(table)).target()).toBe(endpoint);
    expect(await statusOf(subnet)).toContain(`is noted by ${FORMER} which this stack did not write`);
  });

  test('does not believe one that leads away from an endpoint of the new version’s own', async () => {
    const { subnet, table } = await begin();
    here.exchangeKey(1);
    await here.tag(subnet, CIDR);
    await here.pass();
    await here.tag(table, `${await faceOf(here.routers.b)} since 2026-01-15T10:00:00.000Z`, FORMER);
    await here.untag(subnet);
    await rest();
    expect((await tableOf(table)).target()).toMatch(/^vpce-/);
  });

  test('with another key, seals its notes anew, and knows its endpoints still', async () => {
    const { subnet, table, nat } = await old();
    here.exchangeKey(1);
    await here.pass();
    for (const versions of [
      [2, 1],
      [3, 2],
    ]) {
      here.exchangeKey(...versions);
      await here.note(here.routers.a, RANGE, 'ziti-glb:dns-range');
      here.calls();
      await here.pass();
      expect(changes()).toEqual(['CreateTags', 'CreateTags', 'CreateTags', 'CreateTags']);
    }
    await here.untag(subnet);
    await rest();
    expect([(await tableOf(table)).target(), await here.endpoints()]).toEqual([nat, []]);
  });
});
