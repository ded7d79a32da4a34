import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterEach, describe, expect, test } from '@jest/globals';
import { given, REGION } from '../../support/cloud.ts';
import { type Stage, type StageOptions, stage } from './stage.ts';

const CIDR = '10.20.0.0/16';
const RESOLVER = '100.127.255.254/32';

let here: Stage;
afterEach(() => here.close());

/** The stage, with one subnet in zone a that has a table of its own. */
async function begin(options: StageOptions = {}) {
  here = await stage(options);
  const subnet = here.vpc.a1;
  return { subnet, table: await here.table(subnet) };
}
const tagOf = async (subnet: string, key = 'ziti-glb:status') => {
  const { Subnets } = await here.cloud.ec2.send(new ec2.DescribeSubnetsCommand({ SubnetIds: [subnet] }));
  return Subnets?.[0]?.Tags?.find(({ Key }) => Key === key)?.Value;
};
/** Destinations of a table and what they lead to: `endpoint` for one of ours. */
async function routesOf(table: string): Promise<Record<string, string>> {
  const world = await here.look();
  const found = given(world.routeTables.find(({ id }) => id === table)).routes.filter(
    ({ target }) => target !== 'local',
  );
  const name = (target: string) => (world.endpoints.some(({ id }) => id === target) ? 'endpoint' : target);
  return Object.fromEntries(found.map(({ destination, target }) => [destination, name(target)]));
}
async function tagsOf(table: string): Promise<string[]> {
  const { RouteTables } = await here.cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
  return given(RouteTables?.[0]?.Tags).map(({ Key, Value }) => `${Key} = ${Value?.replace(/( since)? \d{4}-.*/, '')}`);
}
const tagOfTable = async (table: string, key: string) => {
  const { RouteTables } = await here.cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
  return given(RouteTables?.[0]?.Tags?.find(({ Key }) => Key === key)?.Value);
};
const loseCopies = async (table: string, destination: string) => {
  for (const { VpcEndpointId } of await here.endpoints())
    await here.untag(given(VpcEndpointId), `ziti-glb:former:${table}:${destination}`);
};
const changes = () =>
  here
    .changes()
    .map(({ operation }) => operation)
    .filter((operation) => operation !== 'CreateTags');
const MINUTE = 60_000;
const rest = async () => {
  for (let minute = 0; minute < 4; minute++) {
    await here.pass();
    await here.cloud.clock.run(MINUTE);
  }
};

describe('the load balancer gets a node in another zone', () => {
  test('the endpoint service is told so until it serves the zone, and a subnet there waits for that, and no more', async () => {
    await begin();
    const subnet = await here.subnet('10.0.50.0/24', 'c');
    const node = await here.subnet('10.0.51.0/24', 'c');
    const table = await here.table(subnet);
    await here.tag(subnet, CIDR);
    await here.pass();
    expect(await tagOf(subnet)).toBe(`refused: the load balancer has no node in ${REGION}c`);
    const { loadBalancer: LoadBalancerArn } = here.service;
    const Subnets = [here.vpc.a0, here.vpc.b0, node];
    await here.cloud.elb.send(new elb.SetSubnetsCommand({ LoadBalancerArn, Subnets }));
    changes();

    const outcome = await here.pass(10_000);
    expect(await tagOf(subnet)).toBe(
      `waiting: the endpoint service to be enabled in ${REGION}c where the load balancer is already`,
    );
    expect([outcome.settled, outcome.failures]).toEqual([false, []]);
    await rest();
    await rest();
    expect([await routesOf(table), await tagOf(subnet)]).toEqual([
      { [CIDR]: 'endpoint', [RESOLVER]: 'endpoint' },
      'ready',
    ]);
    const told = changes().filter((operation) => operation === 'ModifyVpcEndpointServiceConfiguration');
    // The zone takes a minute and a half, and is asked for after 5, 15, 35 seconds and so on.
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThan(7);
    expect(await here.pass()).toMatchObject({ settled: true, changes: 0 });
  });
});

describe('AWS takes one endpoint a zone, as its guide says', () => {
  const begun = async () => {
    const { subnet: first, table } = await begin({ endpointPerZone: true });
    const second = await here.subnet('10.0.30.0/24', 'a');
    const other = await here.table(second);
    await here.tag(first, CIDR);
    await here.tag(second, CIDR);
    await rest();
    await rest();
    const [only, ...more] = await here.endpoints();
    expect(more).toEqual([]);
    const { VpcEndpointId: id = '', SubnetIds: [host = ''] = [] } = given(only);
    const guest = host === first ? second : first;
    const said = `ready. Served by ${id} of ${host}: AWS takes no second endpoint in ${REGION}a`;
    expect([await tagOf(host), await tagOf(guest)]).toEqual(['ready', said]);
    const all = { [CIDR]: 'endpoint', [RESOLVER]: 'endpoint' };
    expect([await routesOf(table), await routesOf(other)]).toEqual([all, all]);
    return { host, guest, id, said };
  };

  test('a second subnet is served by the first one’s, and says so; whoever comes next does not ask AWS again', async () => {
    const { guest, id, said } = await begun();
    expect(await here.pass()).toMatchObject({ settled: true, changes: 0 });
    changes();
    const third = await here.subnet('10.0.31.0/24', 'a');
    await here.table(third);
    // Nor does a process that knows nothing of it.
    await here.cloud.clock.run(2 * 60 * MINUTE);
    await here.tag(third, CIDR);
    await rest();
    expect([await tagOf(guest), await tagOf(third)]).toEqual([said, said]);
    expect(changes()).toEqual(['CreateRoute', 'CreateRoute']);
    expect((await here.endpoints()).map(({ VpcEndpointId }) => VpcEndpointId)).toEqual([id]);
  });

  test('the first subnet is opted out: its endpoint stays as long as another needs it', async () => {
    const { host, guest, id, said } = await begun();
    await here.untag(host);
    await rest();
    expect([await tagOf(host), await tagOf(guest)]).toEqual([undefined, said]);
    expect((await here.endpoints()).map(({ VpcEndpointId }) => VpcEndpointId)).toEqual([id]);
    await here.untag(guest);
    await rest();
    expect(await here.endpoints()).toEqual([]);
  });

  test('the endpoint is deleted by hand: the zone gets another one', async () => {
    const { host, guest, id } = await begun();
    await here.cloud.ec2.send(
      new ec2.RejectVpcEndpointConnectionsCommand({ ServiceId: here.service.serviceId, VpcEndpointIds: [id] }),
    );
    for (let minutes = 0; minutes < 20; minutes += 4) await rest();
    const [next, ...more] = await here.endpoints();
    expect([next?.State, more]).toEqual(['available', []]);
    expect(next?.VpcEndpointId).not.toBe(id);
    for (const subnet of [host, guest]) expect(await tagOf(subnet)).toMatch(/^ready/);
  });
});

test('an endpoint that expired while the function slept is replaced, and goes', async () => {
  const { subnet, table } = await begin({ endpointExpired: 3_600_000 });
  await here.tag(subnet, CIDR);
  await expect(here.pass(10_000, { with: ['crash'] })).rejects.toThrow();
  await here.cloud.clock.run(3_600_000);
  const [expired] = await here.endpoints();
  expect(expired?.State).toBe('expired');
  await rest();
  expect([await routesOf(table), await tagOf(subnet)]).toEqual([
    { [CIDR]: 'endpoint', [RESOLVER]: 'endpoint' },
    'ready',
  ]);
  expect((await here.endpoints()).map(({ State }) => State)).toEqual(['available']);
});

describe('someone changes their mind', () => {
  test('untags while the endpoint is pending: nothing is left', async () => {
    const { subnet, table } = await begin();
    await here.tag(subnet, CIDR);
    await here.pass(10_000);
    expect((await here.endpoints())[0]?.State).toBe('pending');
    await here.untag(subnet);
    await rest();
    expect([await routesOf(table), await here.endpoints(), await tagOf(subnet)]).toEqual([{}, [], undefined]);
  });

  test('tags again while it is deleted: gets another', async () => {
    const { subnet, table } = await begin();
    await here.tag(subnet, CIDR);
    await here.pass();
    await here.untag(subnet);
    await here.pass();
    expect((await here.endpoints())[0]?.State).toBe('deleting');
    await here.tag(subnet, CIDR);
    await rest();
    expect(await routesOf(table)).toEqual({ [CIDR]: 'endpoint', [RESOLVER]: 'endpoint' });
  });

  test('changes the list: only the difference moves', async () => {
    const { subnet } = await begin();
    await here.tag(subnet, '10.20.0.0/16 10.30.0.0/16');
    await here.pass();
    here.calls();
    await here.tag(subnet, '10.20.0.0/16 10.40.0.0/16');
    await here.pass();
    const routed = here.changes().map(({ operation, input }) => [operation, input.DestinationCidrBlock]);
    expect(routed).toEqual([
      ['CreateRoute', '10.40.0.0/16'],
      ['DeleteRoute', '10.30.0.0/16'],
    ]);
  });

  test('spoils the list: what worked stays, and it says why', async () => {
    const { subnet, table } = await begin();
    await here.tag(subnet, CIDR);
    await here.pass();
    here.calls();
    await here.tag(subnet, '10.40.0.0/16 10.20.0.0');
    await here.pass();
    expect(changes()).toEqual([]);
    expect(await tagOf(subnet)).toBe('refused: 10.20.0.0 is not a CIDR');
    expect(await routesOf(table)).toEqual({ [CIDR]: 'endpoint', [RESOLVER]: 'endpoint' });
  });

  test('moves the subnet to another table: its routes follow', async () => {
    const { subnet, table } = await begin();
    await here.tag(subnet, CIDR);
    await here.pass();
    const other = await here.table();
    const { RouteTables } = await here.cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
    await here.cloud.ec2.send(
      new ec2.ReplaceRouteTableAssociationCommand({
        AssociationId: given(RouteTables?.[0]?.Associations?.[0]?.RouteTableAssociationId),
        RouteTableId: other,
      }),
    );
    await here.pass();
    expect([await routesOf(table), await routesOf(other)]).toEqual([
      {},
      { [CIDR]: 'endpoint', [RESOLVER]: 'endpoint' },
    ]);
  });
});

describe('someone breaks it by hand', () => {
  test.each<[string, (table: string, subnet: string) => Promise<unknown>]>([
    [
      'takes a route out',
      (RouteTableId) => here.cloud.ec2.send(new ec2.DeleteRouteCommand({ RouteTableId, DestinationCidrBlock: CIDR })),
    ],
    [
      'rejects the endpoint',
      async () =>
        here.cloud.ec2.send(
          new ec2.RejectVpcEndpointConnectionsCommand({
            ServiceId: here.service.serviceId,
            VpcEndpointIds: (await here.endpoints()).map(({ VpcEndpointId = '' }) => VpcEndpointId),
          }),
        ),
    ],
    [
      'takes all routes out, and the endpoint',
      async (RouteTableId) => {
        for (const DestinationCidrBlock of [CIDR, RESOLVER])
          await here.cloud.ec2.send(new ec2.DeleteRouteCommand({ RouteTableId, DestinationCidrBlock }));
        const VpcEndpointIds = (await here.endpoints()).map(({ VpcEndpointId = '' }) => VpcEndpointId);
        await here.cloud.ec2.send(new ec2.DeleteVpcEndpointsCommand({ VpcEndpointIds }));
      },
    ],
    ['takes the status away', (_, subnet) => here.untag(subnet, 'ziti-glb:status')],
  ])('%s: it is put right', async (_, harm) => {
    const { subnet, table } = await begin();
    await here.tag(subnet, CIDR);
    await here.pass();
    await harm(table, subnet);
    await rest();
    expect(await routesOf(table)).toEqual({ [CIDR]: 'endpoint', [RESOLVER]: 'endpoint' });
    expect((await here.endpoints()).map(({ State }) => String(State))).toEqual(['available']);
    expect(await tagOf(subnet)).toBe('ready');
  });

  test('an endpoint that fails, for the load balancer does not forward yet: said so, and another one serves once it does', async () => {
    const { subnet } = await begin();
    const arn = { LoadBalancerArn: here.service.loadBalancer };
    const { Listeners: [listener] = [] } = await here.cloud.elb.send(new elb.DescribeListenersCommand(arn));
    await here.cloud.elb.send(new elb.DeleteListenerCommand({ ListenerArn: listener?.ListenerArn }));
    await here.tag(subnet, CIDR);
    await here.pass(5 * MINUTE);
    expect(new Set((await here.endpoints()).map(({ State }) => String(State)))).toEqual(new Set(['failed']));
    expect(await tagOf(subnet)).toMatch(/^waiting: .*vpce-\w+ is failed The load balancer/);
    await here.cloud.elb.send(new elb.CreateListenerCommand({ ...arn, DefaultActions: listener?.DefaultActions }));
    await here.cloud.clock.run(15 * MINUTE);
    await rest();
    expect(await tagOf(subnet)).toBe('ready');
    expect((await here.endpoints()).map(({ State }) => String(State))).toEqual(['available']);
  });

  test('an endpoint that is rejected again and again is tried three times in an hour, not without end', async () => {
    const { subnet } = await begin();
    await here.tag(subnet, CIDR);
    const began = here.cloud.clock.now();
    while (here.cloud.clock.now() - began < 60 * MINUTE) {
      await here.pass(20_000);
      const asking = (await here.endpoints()).filter(({ State }) => /pending/.test(String(State)));
      const VpcEndpointIds = asking.map(({ VpcEndpointId = '' }) => VpcEndpointId);
      const ServiceId = here.service.serviceId;
      if (VpcEndpointIds.length > 0)
        await here.cloud.ec2.send(new ec2.RejectVpcEndpointConnectionsCommand({ ServiceId, VpcEndpointIds }));
      await here.cloud.clock.run(MINUTE);
    }
    expect(changes().filter((operation) => operation === 'CreateVpcEndpoint')).toHaveLength(3);
    expect(await tagOf(subnet)).toMatch(/^waiting: another try for vpce-\w+ is rejected$/);
    await here.cloud.clock.run(15 * MINUTE);
    await rest();
    expect(await tagOf(subnet)).toBe('ready');
    expect(await here.endpoints()).toHaveLength(1);
  });
});

describe('a connection to the endpoint service', () => {
  test('of an endpoint that somebody else made is not accepted', async () => {
    const { subnet } = await begin();
    await here.tag(subnet, CIDR);
    await here.cloud.ec2.send(
      new ec2.CreateVpcEndpointCommand({
        VpcEndpointType: 'GatewayLoadBalancer',
        VpcId: here.vpc.vpc,
        ServiceName: here.service.serviceName,
        SubnetIds: [here.vpc.b1],
      }),
    );
    await here.pass();
    const states = (await here.endpoints()).map(({ SubnetIds, State }) => `${SubnetIds} ${State}`);
    expect(states.toSorted()).toEqual([`${subnet} available`, `${here.vpc.b1} pendingAcceptance`].toSorted());
  });

  test('of another account is not accepted, though its endpoint were ours', async () => {
    const { subnet } = await begin({ account: '999999999999', owner: '999999999999' });
    await here.tag(subnet, CIDR);
    await here.pass(60_000);
    expect((await here.endpoints()).map(({ State }) => String(State))).toEqual(['pendingAcceptance']);
  });

  test('that AWS accepted already is not an error', async () => {
    const { subnet } = await begin();
    await here.tag(subnet, CIDR);
    const outcomes = await here.twoPasses(200_000, () => 0.2);
    expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
    expect(await here.endpoints()).toHaveLength(1);
  });
});

describe('a route of somebody else’s', () => {
  const all = '0.0.0.0/0';

  /** Subnets for endpoints, endpoints of Systems Manager, and a default route: what it takes to have it taken over. */
  async function withDefaultRoute(target: () => Promise<Record<string, string>>, chosen: StageOptions = {}) {
    // Subnet ids are the same in every run: those of a stage that was made before say what they will be.
    const before = await stage();
    const named = await before.subnet('10.0.50.0/28', 'a');
    await before.close();
    const { subnet, table } = await begin({ endpoints: [named], ...chosen });
    expect(await here.subnet('10.0.50.0/28', 'a')).toBe(named);
    await here.table(named);
    for (const name of ['ssm', 'ssmmessages'])
      await here.cloud.ec2.send(
        new ec2.CreateVpcEndpointCommand({
          VpcEndpointType: 'Interface',
          VpcId: here.vpc.vpc,
          ServiceName: `com.amazonaws.${REGION}.${name}`,
          SubnetIds: [here.routerSubnets.a],
        }),
      );
    await here.cloud.clock.run(MINUTE);
    const to = await target();
    await here.cloud.ec2.send(new ec2.CreateRouteCommand({ RouteTableId: table, DestinationCidrBlock: all, ...to }));
    return { subnet, table, id: Object.values(to)[0] };
  }
  const nat = async () => ({ NatGatewayId: await here.natGateway() });
  const internet = async () => {
    const { InternetGateway } = await here.cloud.ec2.send(new ec2.CreateInternetGatewayCommand());
    const InternetGatewayId = given(InternetGateway?.InternetGatewayId);
    await here.cloud.ec2.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId, VpcId: here.vpc.vpc }));
    return { GatewayId: InternetGatewayId };
  };
  const appliance = async () => {
    const Filters = [{ Name: 'attachment.instance-id', Values: [here.routers.b] }];
    const found = await here.cloud.ec2.send(new ec2.DescribeNetworkInterfacesCommand({ Filters }));
    return { NetworkInterfaceId: given(found.NetworkInterfaces?.[0]?.NetworkInterfaceId) };
  };
  const targets = { 'a NAT gateway': nat, 'an internet gateway': internet, 'an appliance': appliance };

  test.each(Object.entries(targets))('to %s is left alone, and said to be in the way', async (_, target) => {
    const { subnet, table, id } = await withDefaultRoute(target);
    await here.tag(subnet, all);
    await here.pass();
    expect((await routesOf(table))[all]).toBe(id);
    expect(await tagOf(subnet)).toBe(`conflict: ${all} in ${table} leads to ${id} which is not ours`);
  });

  test.each(Object.entries(targets))('to %s is swapped in one call, and back at the end', async (_, target) => {
    const { subnet, table, id } = await withDefaultRoute(target);
    await here.tag(subnet, `takeover ${all}`);
    await here.pass();
    expect((await routesOf(table))[all]).toBe('endpoint');
    expect(await tagsOf(table)).toEqual([`ziti-glb:former:${all} = ${id}`]);
    expect(changes()).toEqual(['CreateVpcEndpoint', 'AcceptVpcEndpointConnections', 'ReplaceRoute', 'CreateRoute']);

    await here.untag(subnet);
    await rest();
    expect(await routesOf(table)).toEqual({ [all]: id });
    expect(await tagsOf(table)).toEqual([]);
    expect(changes()).toEqual([
      'DeleteTags',
      ...['ReplaceRoute', 'DeleteRoute', 'DeleteVpcEndpoints', 'DeleteTags', 'DeleteTags'],
    ]);
  });

  test('of a route server is in the way by the address of its next hop, and is overlaid if that is asked for', async () => {
    const { subnet, table } = await begin();
    here.cloud.cloud.advertise(table, CIDR, '10.0.0.9');
    await here.tag(subnet, CIDR);
    await rest();
    expect(await tagOf(subnet)).toBe(`conflict: ${CIDR} in ${table} leads to 10.0.0.9 which is not ours`);
    await here.tag(subnet, `takeover ${CIDR}`);
    await rest();
    expect(await tagOf(subnet)).toBe('ready');
    const to = async () => {
      const { RouteTables } = await here.cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
      const routes = RouteTables?.[0]?.Routes?.filter(({ DestinationCidrBlock }) => DestinationCidrBlock === CIDR);
      return routes?.map(({ GatewayId, IpAddress }) => IpAddress ?? GatewayId);
    };
    expect(await to()).toEqual(['10.0.0.9', expect.stringMatching(/^vpce-/)]);
    await here.untag(subnet);
    await rest();
    expect([await to(), await tagsOf(table), await here.endpoints()]).toEqual([['10.0.0.9'], [], []]);
  });

  test('whose target is gone at the end is blocked, until somebody says what else', async () => {
    const { subnet, table, id = '' } = await withDefaultRoute(nat);
    await here.tag(subnet, `takeover ${all}`);
    await here.pass();
    await here.cloud.ec2.send(new ec2.DeleteNatGatewayCommand({ NatGatewayId: id }));
    await here.untag(subnet);
    await rest();
    expect((await routesOf(table))[all]).toBe('endpoint');
    expect(await tagOf(subnet)).toBe(
      `blocked: ${all} in ${table} cannot be given back to ${id} which is gone: lead it elsewhere or delete the tag ziti-glb:former:${all}`,
    );
    here.calls();
    await here.pass();
    expect(here.changes()).toEqual([]);

    const other = await here.natGateway();
    await here.cloud.ec2.send(
      new ec2.ReplaceRouteCommand({ RouteTableId: table, DestinationCidrBlock: all, NatGatewayId: other }),
    );
    await rest();
    expect([await routesOf(table), await tagOf(subnet)]).toEqual([{ [all]: other }, undefined]);
  });

  test('whose target is detached at the end is blocked too', async () => {
    const { subnet, table, id = '' } = await withDefaultRoute(internet);
    await here.tag(subnet, `takeover ${all}`);
    await here.pass();
    const detached = { InternetGatewayId: id, VpcId: here.vpc.vpc };
    await here.cloud.ec2.send(new ec2.DetachInternetGatewayCommand(detached));
    await here.untag(subnet);
    await rest();
    expect((await routesOf(table))[all]).toBe('endpoint');
    expect(await tagOf(subnet)).toContain(`blocked: ${all} in ${table} cannot be given back to ${id} which is gone`);
  });

  test.each<[string, { table?: boolean; copy?: boolean; look?: boolean }]>([
    ['the table’s', { table: true }],
    ['its copy', { copy: true }],
    ['the table’s while nobody looks, and then its copy', { table: true, copy: true, look: true }],
  ])('is given back though a note of where it led was lost: %s', async (_, lost) => {
    const { subnet, table, id = '' } = await withDefaultRoute(nat);
    await here.tag(subnet, `takeover ${all}`);
    await here.pass();
    if (lost.table) await here.untag(table, `ziti-glb:former:${all}`);
    if (lost.look) await here.pass();
    if (lost.copy) await loseCopies(table, all);
    await here.untag(subnet);
    await rest();
    expect([await routesOf(table), await tagsOf(table)]).toEqual([{ [all]: id }, []]);
  });

  test('tells it in the status where both notes are lost, before it is deleted at the end', async () => {
    const { subnet, table } = await withDefaultRoute(nat);
    await here.tag(subnet, `takeover ${all}`);
    await here.pass();
    await here.untag(table, `ziti-glb:former:${all}`);
    await loseCopies(table, all);
    for (let minute = 0; minute < 2; minute++) {
      await here.pass();
      expect(await tagOf(subnet)).toBe(
        `conflict: where ${all} in ${table} led before it was taken over is lost with its notes: opted out it is deleted`,
      );
    }
    await here.untag(subnet);
    await rest();
    expect(await routesOf(table)).toEqual({});
  });

  test('stays, and says why, where its note has another tagKey', async () => {
    const { subnet, table, id = '' } = await withDefaultRoute(nat);
    await here.tag(subnet, `takeover ${all}`);
    await here.pass();
    const note = await tagOfTable(table, `ziti-glb:former:${all}`);
    await here.untag(table, `ziti-glb:former:${all}`);
    await loseCopies(table, all);
    await here.tag(table, note, `key-before:former:${all}`);
    await here.untag(subnet);
    await rest();
    expect((await routesOf(table))[all]).toBe('endpoint');
    expect(await tagOf(subnet)).toContain(`blocked: ${all} in ${table} is noted by key-before:former:${all}`);
    await here.tag(table, note, `ziti-glb:former:${all}`);
    await rest();
    expect(await routesOf(table)).toEqual({ [all]: id });
  });

  test('works while no router does, where that is the policy', async () => {
    const { subnet, table, id } = await withDefaultRoute(nat, { withoutRouter: 'withdraw' });
    await here.tag(subnet, `takeover ${all}`);
    await here.pass();
    await here.heal(false);
    await here.pass();
    expect([(await routesOf(table))[all], await tagOf(subnet)]).toEqual([
      id,
      'waiting: a healthy router without which a route would lead nowhere',
    ]);
    await here.heal(true);
    await here.pass();
    expect([(await routesOf(table))[all], await tagOf(subnet)]).toEqual([
      'endpoint',
      `ready. Taken over in ${table}: ${all}`,
    ]);
  });

  test('stays off by default while no router works: nothing takes a way that it should not', async () => {
    const { subnet, table } = await withDefaultRoute(nat);
    await here.tag(subnet, `takeover ${all}`);
    await here.pass();
    await here.heal(false);
    await here.pass();
    expect((await routesOf(table))[all]).toBe('endpoint');
  });
});

describe('a subnet that someone deletes', () => {
  const remove = (SubnetId: string) => here.cloud.ec2.send(new ec2.DeleteSubnetCommand({ SubnetId }));

  test('is let go of once only our endpoint is in it', async () => {
    const { subnet } = await begin();
    await here.tag(subnet, CIDR);
    await here.pass();
    await expect(remove(subnet)).rejects.toMatchObject({ name: 'DependencyViolation' });
    await here.pass(300_000, { hint: { deletionAttempted: subnet } });
    expect(await tagOf(subnet)).toMatch(/^leaving since 2026-\S+ because someone tried to delete it$/);
    expect(await tagOf(subnet, 'ziti-glb:leaving')).toMatch(/^someone tried to delete it 2026-\S+ v1\./);
    await here.cloud.clock.run(2 * MINUTE);
    await here.pass();
    await remove(subnet);
    expect(await here.pass()).toMatchObject({ settled: true });
    expect(await here.endpoints()).toEqual([]);
  });

  test('is let go of though it is named for endpoints, and gets no other', async () => {
    const { subnet, table } = await begin();
    const named = await here.subnet('10.0.50.0/28', 'a');
    here.settings.endpoints = [named];
    await here.tag(subnet, CIDR);
    await here.pass();
    await expect(remove(named)).rejects.toMatchObject({ name: 'DependencyViolation' });
    here.calls();
    await here.pass(300_000, { hint: { deletionAttempted: named } });
    await here.cloud.clock.run(2 * MINUTE);
    await here.pass();
    expect(changes()).toEqual(['DeleteRoute', 'DeleteRoute', 'DeleteVpcEndpoints']);
    expect(await routesOf(table)).toEqual({});
    expect(await tagOf(subnet)).toBe(
      `refused: none of the subnets named for endpoints is in ${REGION}a but for ${named} which someone tried to delete`,
    );
    await remove(named);
  });

  test('is not, while something else is in it: then it was a mistake', async () => {
    const { subnet, table } = await begin();
    await here.tag(subnet, CIDR);
    await here.cloud.ec2.send(new ec2.CreateNatGatewayCommand({ SubnetId: subnet, ConnectivityType: 'private' }));
    await here.pass();
    await expect(remove(subnet)).rejects.toMatchObject({ name: 'DependencyViolation' });
    here.calls();
    await here.pass(300_000, { hint: { deletionAttempted: subnet } });
    expect(changes()).toEqual([]);
    expect(await routesOf(table)).toEqual({ [CIDR]: 'endpoint', [RESOLVER]: 'endpoint' });
  });
});

describe('DNS', () => {
  const RANGE = '100.64.0.0/13';
  test('of a router goes straight to it, and ends with it', async () => {
    const { subnet, table } = await begin();
    await here.tag(subnet, 'default');
    await here.note(here.routers.a, RANGE, 'ziti-glb:dns-range');
    await here.note(here.routers.b, '100.72.0.0/13', 'ziti-glb:dns-range');
    await here.pass();
    const [a, b] = (await here.look()).routers.map(({ interfaceId }) => interfaceId);
    expect(await routesOf(table)).toEqual({
      '100.64.0.0/10': 'endpoint',
      [RESOLVER]: 'endpoint',
      [RANGE]: a,
      '100.72.0.0/13': b,
    });
    await here.cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [here.routers.a] }));
    await rest();
    expect(Object.keys(await routesOf(table)).toSorted()).toEqual(
      ['100.64.0.0/10', RESOLVER, '100.72.0.0/13'].toSorted(),
    );
    expect(await tagsOf(table)).toEqual([`ziti-glb:direct:100.72.0.0/13 = ${b}`]);
    await here.untag(subnet);
    await rest();
    expect([await routesOf(table), await tagsOf(table)]).toEqual([{}, []]);
  });
});

describe('a route that somebody led to the endpoint', () => {
  const prefixList = async () => {
    const { PrefixList } = await here.cloud.ec2.send(
      new ec2.CreateManagedPrefixListCommand({
        PrefixListName: 'partners',
        AddressFamily: 'IPv4',
        MaxEntries: 5,
        Entries: [{ Cidr: '192.0.2.0/24' }],
      }),
    );
    return { DestinationPrefixListId: given(PrefixList?.PrefixListId) };
  };
  const lead: Record<string, (route: { RouteTableId: string; VpcEndpointId: string }) => Promise<unknown>> = {
    'a prefix list': async (route) =>
      here.cloud.ec2.send(new ec2.CreateRouteCommand({ ...route, ...(await prefixList()) })),
    'the whole VPC': (route) =>
      here.cloud.ec2.send(new ec2.ReplaceRouteCommand({ ...route, DestinationCidrBlock: '10.0.0.0/16' })),
  };

  test.each(Object.entries(lead))('for %s is taken out, and the endpoint goes once it is untagged', async (_, add) => {
    const { subnet, table } = await begin();
    await here.tag(subnet, CIDR);
    await here.pass();
    const VpcEndpointId = given((await here.endpoints())[0]?.VpcEndpointId);
    await add({ RouteTableId: table, VpcEndpointId });
    expect(Object.keys(await routesOf(table))).toHaveLength(3);
    await here.pass();
    expect(Object.keys(await routesOf(table)).sort()).toEqual([RESOLVER, CIDR].sort());
    expect(await localRoute(table)).toBe('local');

    await add({ RouteTableId: table, VpcEndpointId });
    await here.untag(subnet);
    await rest();
    expect([await routesOf(table), await localRoute(table)]).toEqual([{}, 'local']);
    expect(await here.endpoints()).toEqual([]);
    expect(await tagOf(subnet)).toBeUndefined();
    here.changes();
    await here.pass();
    expect(changes()).toEqual([]);
  });
});

async function localRoute(table: string) {
  const { RouteTables } = await here.cloud.ec2.send(new ec2.DescribeRouteTablesCommand({ RouteTableIds: [table] }));
  return RouteTables?.[0]?.Routes?.find(({ DestinationCidrBlock }) => DestinationCidrBlock === '10.0.0.0/16')
    ?.GatewayId;
}

test('a gateway’s table that leads to the endpoint keeps it, and its owner is told', async () => {
  const { subnet } = await begin();
  await here.tag(subnet, CIDR);
  await here.pass();
  const [endpoint] = await here.endpoints();
  const edge = await here.table();
  const { InternetGateway } = await here.cloud.ec2.send(new ec2.CreateInternetGatewayCommand());
  const GatewayId = given(InternetGateway?.InternetGatewayId);
  await here.cloud.ec2.send(
    new ec2.AttachInternetGatewayCommand({ InternetGatewayId: GatewayId, VpcId: here.vpc.vpc }),
  );
  await here.cloud.ec2.send(new ec2.AssociateRouteTableCommand({ RouteTableId: edge, GatewayId }));
  const whole = { RouteTableId: edge, DestinationCidrBlock: '10.0.1.0/24', VpcEndpointId: endpoint?.VpcEndpointId };
  await here.cloud.ec2.send(new ec2.CreateRouteCommand(whole));
  await here.untag(subnet);
  const { log } = await here.pass();
  expect(log).toContain(
    `${endpoint?.VpcEndpointId}: a route of ${edge}, a gateway's table, holds it; lead it elsewhere, or take it out`,
  );
  expect(Object.keys(await routesOf(edge))).toEqual(['10.0.1.0/24']);
  await here.cloud.ec2.send(new ec2.DeleteRouteCommand(whole));
  await rest();
  expect(await here.endpoints()).toEqual([]);
});

test('a block that the VPC has no more is a destination like any other, though AWS lists it for most of an hour', async () => {
  const { subnet, table } = await begin();
  const BLOCK = '100.100.0.0/16';
  const { CidrBlockAssociation } = await here.cloud.ec2.send(
    new ec2.AssociateVpcCidrBlockCommand({ VpcId: here.vpc.vpc, CidrBlock: BLOCK }),
  );
  await here.cloud.clock.run(MINUTE);
  await here.tag(subnet, BLOCK);
  await here.pass();
  expect(await tagOf(subnet)).toMatch(/^refused: 100\.100\.0\.0\/16 is inside/);
  const AssociationId = CidrBlockAssociation?.AssociationId;
  await here.cloud.ec2.send(new ec2.DisassociateVpcCidrBlockCommand({ AssociationId }));
  await rest();
  expect(await tagOf(subnet)).toBe('ready');
  expect(await routesOf(table)).toEqual({ [BLOCK]: 'endpoint', [RESOLVER]: 'endpoint' });
});

test('a VPC that another account shares gets no endpoint, which would be paid for in vain, and is told whose table it is', async () => {
  const owner = '444455556666';
  const { subnet, table } = await begin({ owner });
  await here.tag(subnet, CIDR);
  here.calls();
  await rest();
  expect(here.changes().map(({ operation, error }) => [operation, error])).toEqual([['CreateTags', undefined]]);
  expect(await tagOf(subnet)).toBe(
    `refused: ${table} is of account ${owner} which shares this VPC and 111122223333 may write no route there: deploy the stack in ${owner}`,
  );
  expect(await here.endpoints()).toEqual([]);
});

describe('a process that ends', () => {
  test('after any one of its calls leaves what the next one completes', async () => {
    const { subnet, table } = await begin();
    const NatGatewayId = await here.natGateway();
    await here.cloud.ec2.send(
      new ec2.CreateRouteCommand({ RouteTableId: table, DestinationCidrBlock: CIDR, NatGatewayId }),
    );
    await here.note(here.routers.a, '100.64.0.0/13', 'ziti-glb:dns-range');
    await rest();
    const cycle = async (crashAt?: number) => {
      here.calls();
      const crash = () =>
        crashAt === undefined ? [] : [...Array.from({ length: crashAt }, () => 'none' as const), 'crash' as const];
      await here.tag(subnet, `takeover ${CIDR} 10.30.0.0/16`);
      await here.pass(300_000, { with: crash() }).catch(() => {});
      await rest();
      expect(
        Object.values(await routesOf(table))
          .map((target) => target.slice(0, 4))
          .toSorted(),
      ).toEqual(['endp', 'endp', 'endp', 'eni-']);
      expect(await tagOf(subnet)).toBe(`ready. Taken over in ${table}: ${CIDR}`);
      await here.untag(subnet);
      await here.pass(300_000, { with: crash() }).catch(() => {});
      await rest();
      expect([await routesOf(table), await tagsOf(table), await here.endpoints()]).toEqual([
        { [CIDR]: NatGatewayId },
        [],
        [],
      ]);
      return here.changes().length;
    };
    const calls = await cycle();
    expect(calls).toBeGreaterThan(15);
    for (let crashAt = 0; crashAt < 12; crashAt++) await cycle(crashAt);
  });
});

test('IPv6 is refused where the service does not carry it', async () => {
  const { subnet } = await begin();
  await here.tag(subnet, '2001:db9::/32');
  await here.pass();
  expect(await tagOf(subnet)).toBe('refused: 2001:db9::/32 is IPv6 which the endpoint service does not carry');
});
