import * as ec2 from '@aws-sdk/client-ec2';
import { DeleteParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterEach, describe, expect, test } from '@jest/globals';
import { observeSpoke } from '../../../shared/subnets/spoke.ts';
import { lookFromSpoke } from '../../../shared/topology/observe.ts';
import { given, testVpc } from '../../support/cloud.ts';
import { CIDR, RESOLVER } from './fixtures.ts';
import { type Answering, SPOKE, type SpokeStage, spokeStage } from './spoke-stage.ts';

let here: SpokeStage;
afterEach(async () => here?.close());
const setUp = async (...given: Parameters<typeof spokeStage>) => {
  here = await spokeStage(...given);
};
const [HUB, ROUTED] = ['111122223333', [CIDR, RESOLVER].sort()];
const reject = async () => {
  const VpcEndpointIds = (await here.farEndpoints()).map(({ VpcEndpointId = '' }) => VpcEndpointId);
  const ServiceId = here.service.serviceId;
  await here.cloud.ec2.send(new ec2.RejectVpcEndpointConnectionsCommand({ ServiceId, VpcEndpointIds }));
};
const ready = async () => {
  await here.tagFar(here.far.a1, CIDR);
  await here.minutes(4);
  expect(await here.status(here.far.a1)).toBe('ready');
};

describe('a subnet of another account', () => {
  test('is routed to the hub’s service by its tag, in the zone that the hub serves by another name, and given back', async () => {
    await setUp();
    await ready();
    expect(await here.routed(here.tables.a1)).toEqual(ROUTED);
    const [endpoint, another] = await here.farEndpoints();
    expect(endpoint).toMatchObject({ OwnerId: SPOKE, SubnetIds: [here.far.a1], ServiceName: here.service.serviceName });
    expect(another).toBeUndefined();
    expect((await here.hub.endpoints()).length).toBe(0);
    await here.untagFar(here.far.a1);
    await here.minutes(3);
    expect([await here.routed(here.tables.a1), await here.farEndpoints()]).toEqual([[], []]);
    expect(await here.status(here.far.a1)).toBeUndefined();
  });

  test('is counted in its VPC, as a hub counts, where the account has several', async () => {
    await setUp();
    const other = await testVpc({ ec2: here.people });
    await here.tagFar(here.far.a1, CIDR);
    const look = await lookFromSpoke(here.lookers, here.spoke, here.cloud.clock.now());
    const { gauges, gaugesOf } = look.subnets.plan;
    expect(gauges).toMatchObject({ OptedIn: 1, Waiting: 1 });
    expect(gaugesOf.get(here.far.vpc)).toMatchObject({ OptedIn: 1, Waiting: 1 });
    expect(gaugesOf.get(other.vpc)).toMatchObject({ OptedIn: 0, Waiting: 0 });
  });

  test('is pictured with the hub’s last answer, by a process that has one', async () => {
    await setUp();
    await ready();
    const observe = observeSpoke(here.lookers, here.spoke);
    const look = () => lookFromSpoke(here.lookers, here.spoke, here.cloud.clock.now(), observe);
    const first = await look();
    expect(first.subnets.hub).toMatchObject({ account: HUB, visible: true, blind: undefined });
    here.hear('refuses');
    expect((await look()).subnets.hub).toEqual(first.subnets.hub);
    const { subnets } = await lookFromSpoke(here.lookers, here.spoke, here.cloud.clock.now());
    expect(subnets.hub).toMatchObject({
      toldAt: undefined,
      blind: { code: 'silent', error: expect.stringContaining('AccessDenied') },
    });
  });

  test('is refused in a zone that the service is not in, by its id', async () => {
    await setUp();
    await here.tagFar(here.far.b1, CIDR);
    await here.minutes(2);
    expect(await here.status(here.far.b1)).toBe(
      `refused: the service of account ${HUB} is not in eu-central-1b which is euc1-az1: it serves euc1-az2 euc1-az3`,
    );
    expect(await here.farEndpoints()).toEqual([]);
  });

  test('is left to a stack of its own account that has claimed its VPC for the same tag, until that has gone', async () => {
    await setUp();
    const ssm = here.cloud.ssmOf(SPOKE);
    const Name = `/ziti-glb/${here.far.vpc}/ziti-glb`;
    // What the hub's account has claimed is nothing to this one.
    await here.cloud.ssm.send(new PutParameterCommand({ Name, Value: 'ziti-glb-hub', Type: 'String' }));
    await ssm.send(new PutParameterCommand({ Name, Value: 'ziti-glb-dev', Type: 'String' }));
    await here.tagFar(here.far.a1, CIDR);
    const { spoke } = await here.minutes(3);
    expect([await here.farEndpoints(), await here.status(here.far.a1)]).toEqual([[], undefined]);
    expect(spoke).toEqual([
      expect.stringContaining(`${here.far.vpc}: the stack ziti-glb-dev opts its subnets in by the tag ziti-glb`),
    ]);
    await ssm.send(new DeleteParameterCommand({ Name }));
    await here.minutes(4);
    expect(await here.status(here.far.a1)).toBe('ready');
  });

  test('stays as it is while AWS does not tell which VPCs other stacks have claimed', async () => {
    await setUp();
    await here.tagFar(here.far.a1, CIDR);
    await here.minutes(4);
    here.hub.denied.add('GetParametersByPath');
    await here.untagFar(here.far.a1);
    const { spoke } = await here.minutes(3);
    expect([await here.status(here.far.a1), await here.routed(here.tables.a1)]).toEqual(['ready', ROUTED]);
    expect(spoke).toEqual([
      expect.stringMatching(/^ziti-glb-spoke: AWS does not tell which VPCs other stacks have claimed, .*: allow ssm:/),
    ]);
    here.hub.denied.clear();
    await here.minutes(4);
    expect([await here.farEndpoints(), await here.status(here.far.a1)]).toEqual([[], undefined]);
  });

  test('waits until the hub accepts its account, and both say so', async () => {
    await setUp({ spokeAccounts: [] });
    await here.tagFar(here.far.a1, CIDR);
    const { hub } = await here.minutes(2);
    const [endpoint] = await here.farEndpoints();
    const id = given(endpoint?.VpcEndpointId);
    expect(String(endpoint?.State)).toBe('pendingAcceptance');
    expect(await here.status(here.far.a1)).toBe(`waiting: account ${HUB} to accept ${id}`);
    expect(hub).toEqual([
      expect.stringContaining(`${id}: account ${SPOKE} which is not among spokeAccounts`.replace(' which', ', which')),
    ]);
    here.settings.spokeAccounts = [SPOKE];
    await here.minutes(3);
    expect(await here.status(here.far.a1)).toBe('ready');
  });

  test('waits for a service that is not there for its account, and nothing is made', async () => {
    await setUp();
    await here.permit(false);
    await here.tagFar(here.far.a1, CIDR);
    await here.minutes(2);
    expect(await here.status(here.far.a1)).toBe(
      `waiting: the endpoint service ${here.service.serviceName} to be there for account ${SPOKE}: it is gone its name is another or its owner does not let this account connect`,
    );
    expect(await here.farEndpoints()).toEqual([]);
    await here.permit(true);
    await here.minutes(4);
    expect(await here.status(here.far.a1)).toBe('ready');
    await here.permit(false);
    await here.minutes(2);
    expect([await here.status(here.far.a1), await here.routed(here.tables.a1)]).toEqual(['ready', ROUTED]);
  });

  test.each(['keep', 'withdraw'] as const)(
    'whose endpoint the hub rejects says so, and with %s',
    async (withoutRouter) => {
      await setUp({}, { withoutRouter });
      await ready();
      here.settings.spokeAccounts = [];
      const left = withoutRouter === 'keep' ? ROUTED : [];
      await reject();
      await here.minutes(1);
      expect(await here.status(here.far.a1)).toMatch(`waiting: account ${HUB} to accept vpce-`);
      expect(await here.routed(here.tables.a1)).toEqual(left);
      await reject();
      await here.minutes(1);
      expect(await here.status(here.far.a1)).toMatch(`waiting: another try for account ${HUB} rejected vpce-`);
      expect(await here.routed(here.tables.a1)).toEqual(left);
      here.settings.spokeAccounts = [SPOKE];
      await here.minutes(14);
      expect([await here.status(here.far.a1), await here.routed(here.tables.a1)]).toEqual(['ready', ROUTED]);
      expect((await here.farEndpoints()).length).toBe(1);
    },
  );

  test('whose hub is removed says so, and lets all go with the tag', async () => {
    await setUp();
    await ready();
    await reject();
    await here.cloud.ec2.send(
      new ec2.DeleteVpcEndpointServiceConfigurationsCommand({ ServiceIds: [here.service.serviceId] }),
    );
    await here.cloud.clock.run(3_600_000);
    const { far, tables } = here;
    for (let minute = 0; minute < 3; minute++) await here.farPass();
    expect(await here.status(far.a1)).toMatch('waiting: the endpoint service');
    expect(await here.routed(tables.a1)).toEqual(ROUTED);
    await here.untagFar(far.a1);
    for (let minute = 0; minute < 3; minute++) await here.farPass();
    expect([await here.routed(tables.a1), await here.status(far.a1)]).toEqual([[], undefined]);
  });
});

describe('while the hub does not tell which routers are healthy', () => {
  test.each<[Answering, RegExp]>([
    ['refuses', /ziti-glb-test-health does not answer AccessDeniedException/],
    ['fails', /ziti-glb-test-health failed/],
    ['babbles', /ziti-glb-test-health does not answer/],
    ['is late', /its last answer is of 20/],
    ['is another hub’s', /tells of vpce-svc-0fffffffffffffff0 which is not hubService: give both of one hub/],
  ])('since its function %s: nothing new is made, and the subnet says so', async (how, says) => {
    await setUp({}, { withoutRouter: 'withdraw' });
    here.hear(how);
    await here.tagFar(here.far.a1, CIDR);
    await here.minutes(2);
    expect(await here.farEndpoints()).toEqual([]);
    expect(await here.status(here.far.a1)).toMatch(/^waiting: news of the routers of the hub/);
    expect(await here.status(here.far.a1)).toMatch(says);
    here.hear('answers');
    await here.minutes(4);
    expect(await here.status(here.far.a1)).toBe('ready');
    here.hear(how);
    here.restart();
    const late = await here.farSubnet('10.0.77.0/24', 'a');
    await here.people.send(new ec2.AssociateRouteTableCommand({ RouteTableId: here.tables.a1, SubnetId: late }));
    await here.tagFar(late, '10.30.0.0/16');
    await here.minutes(2);
    expect(await here.routed(here.tables.a1)).toEqual(ROUTED);
    expect(await here.status(here.far.a1)).toMatch(/^waiting: news of the routers of the hub/);
    await here.untagFar(here.far.a1);
    await here.untagFar(late);
    await here.minutes(3);
    expect([await here.routed(here.tables.a1), await here.farEndpoints()]).toEqual([[], []]);
  });

  test('what it told less than five minutes ago still holds', async () => {
    await setUp();
    await ready();
    here.hear('fails');
    await here.minutes(2);
    expect(await here.status(here.far.a1)).toBe('ready');
    await here.minutes(5);
    expect(await here.status(here.far.a1)).toMatch(/^waiting: news/);
  });
});

test.each<['keep' | 'withdraw', string[]]>([
  ['keep', ROUTED],
  ['withdraw', []],
])('where the hub has no healthy router, routes are left as the spoke has it: %s', async (withoutRouter, left) => {
  await setUp({}, { withoutRouter });
  await ready();
  await here.heal(false);
  await here.minutes(1);
  expect([await here.status(here.far.a1), await here.routed(here.tables.a1)]).toEqual([
    'waiting: a healthy router without which a route would lead nowhere',
    left,
  ]);
  await here.heal(true);
  await here.minutes(2);
  expect([await here.status(here.far.a1), await here.routed(here.tables.a1)]).toEqual(['ready', ROUTED]);
});

test('a zone without a router of its own is none of the load balancer’s that does not cross zones', async () => {
  await setUp({ crossZone: false });
  // The spoke's a is the hub's b.
  await here.cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [here.routers.b] }));
  await here.cloud.clock.run(120_000);
  await here.tagFar(here.far.a1, CIDR);
  await here.minutes(4);
  expect(await here.status(here.far.a1)).toMatch(/^waiting: a healthy router/);
  await here.router(here.routerSubnets.b);
  await here.cloud.clock.run(120_000);
  await here.minutes(2);
  expect(await here.status(here.far.a1)).toBe('ready');
});

test('the hub’s own account is no spoke: the stack does nothing, and says what to do', async () => {
  await setUp({}, { account: HUB });
  await here.tag(here.far.a1, CIDR);
  const { spoke } = await here.minutes(2);
  expect(spoke).toEqual([expect.stringContaining(`account ${HUB} has the load balancer itself`)]);
  expect(await here.farEndpoints()).toEqual([]);
});

test('gets no way to a resolver whose answers mean something on one router of the hub alone', async () => {
  await setUp();
  here.names.ranges = true;
  await ready();
  expect(await here.routed(here.tables.a1)).toEqual([CIDR]);
});
