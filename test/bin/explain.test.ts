import { CreateAutoScalingGroupCommand, DescribeAutoScalingInstancesCommand } from '@aws-sdk/client-auto-scaling';
import {
  AcceptVpcEndpointConnectionsCommand,
  CreateLaunchTemplateCommand,
  CreateRouteCommand,
  DescribeInstancesCommand,
  ModifyNetworkInterfaceAttributeCommand,
  ModifyVpcEndpointServicePermissionsCommand,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { type Rule, taking } from '../../bin/explain/destination.ts';
import type { Explanation, Link } from '../../bin/json.ts';
import { AwsError } from '../../local/wire/errors.ts';
import type { Reason } from '../../shared/conditions/condition.ts';
import { given, launch, testVpc } from '../support/cloud.ts';
import { answering } from './diverters.ts';
import { askedBy, deployed, inLateZone, STRANGER, type TestStack } from './stage.ts';

const CIDR = '10.20.0.0/16';

async function world({ passes = 4, router = true } = {}) {
  const stack = await deployed();
  await stack.name(stack.vpc.a1, 'app-a');
  const id = router ? await stack.router(stack.vpc.a0, 'router-1') : '';
  await stack.tag(stack.vpc.a1, CIDR);
  for (let minute = 0; minute < passes; minute++) await stack.pass();
  return { ...stack, router: id };
}

async function brokenOf({ cli }: Pick<TestStack, 'cli'>, subject: string): Promise<Link | undefined> {
  return (JSON.parse((await cli(`explain ${subject} --json`)).out) as Explanation).broken;
}

describe('the chain of a subnet', () => {
  test('holds from its tag to its routers', async () => {
    const { cli, vpc, tables } = await world();
    const { code, out } = await cli(`explain ${vpc.a1}`);
    expect(code).toBe(0);
    const links = out.split('\n').map((line) => line.split(/ {2,}/));
    expect(links.slice(1, -1).map(([ok, name]) => [ok, name])).toEqual(
      ['tag', 'wish', 'endpoint', 'route table', 'route', 'load balancer', 'router'].map((name) => ['ok', name]),
    );
    expect(out).toContain(tables.a1);
    expect(out).toMatch(/vpce-\S+ in subnet-\S+ is available/);
    expect(out).toContain('router-1');
    expect(out).toContain('The whole chain holds.');
  });

  test('is found by name too', async () => {
    const { cli, vpc } = await world();
    expect((await cli('explain app-a')).out).toContain(`${vpc.a1} (app-a)`);
  });

  test.each([
    [
      'it has no tag',
      { passes: 0 },
      'tag',
      /give it one/,
      undefined,
      async ({ untag, vpc }) => void (await untag(vpc.a1)),
    ],
    [
      'its tag is wrong',
      {},
      'wish',
      /oops is not a CIDR/,
      'not-a-cidr',
      async ({ tag, vpc }) => void (await tag(vpc.a1, 'oops')),
    ],
    [
      'its tag is wrong, and the functions have said so',
      {},
      'wish',
      /oops is not a CIDR/,
      'not-a-cidr',
      async (stack) => {
        await stack.tag(stack.vpc.a1, 'oops');
        await stack.pass();
      },
    ],
    ['it has no endpoint yet', { passes: 0 }, 'endpoint', /none yet/, 'endpoint-available', async () => {}],
    ['no router is healthy', { router: false }, 'route', /none yet/, 'healthy-router', async () => {}],
    [
      'its route leads elsewhere',
      { passes: 0 },
      'route',
      /leads to eni-\S+, which is not ours/,
      'route-conflict',
      async (stack) => {
        const { Reservations } = await stack.ec2.send(new DescribeInstancesCommand({ InstanceIds: [stack.router] }));
        const NetworkInterfaceId = Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.[0]?.NetworkInterfaceId;
        await stack.ec2.send(
          new CreateRouteCommand({ RouteTableId: stack.tables.a1, DestinationCidrBlock: CIDR, NetworkInterfaceId }),
        );
        for (let minute = 0; minute < 4; minute++) await stack.pass();
      },
    ],
    [
      'the last router has died',
      {},
      'router',
      /none that is healthy/,
      undefined,
      async (stack) => {
        stack.fake.onProbe = () => ({ healthy: false, reason: 'Target.Timeout' });
        await stack.clock.run(60_000);
      },
    ],
  ] satisfies [
    ...[string, object, string, RegExp, Reason['code'] | undefined],
    (stack: Awaited<ReturnType<typeof world>>) => Promise<void>,
  ][])('is broken where %s', async (_, options, name, says, reason, breaks) => {
    const stack = await world(options);
    await breaks(stack);
    const { code, out } = await stack.cli('explain app-a --json');
    const { broken } = JSON.parse(out);
    expect(code).toBe(2);
    expect([broken.name, broken.code]).toEqual([name, reason]);
    expect(broken.says).toMatch(says);
    const { out: text } = await stack.cli('explain app-a');
    expect(text).toContain(`The first broken link is ${name}: ${broken.says}.`);
    // The tag says what the plan does, in fewer characters, or what an earlier one did.
    expect(text).not.toContain('status says');
  });
});

test('what AWS refuses the functions is told of a subnet as they have written it', async () => {
  const stack = await world();
  expect((await stack.cli('explain app-a')).out).not.toContain('status says');
  await stack.untag(stack.vpc.a1);
  for (let minute = 0; minute < 4; minute++) await stack.pass();
  const permit = { ServiceId: stack.service.serviceId, RemoveAllowedPrincipals: ['arn:aws:iam::111122223333:root'] };
  await stack.ec2.send(new ModifyVpcEndpointServicePermissionsCommand(permit));
  await stack.tag(stack.vpc.a1, CIDR);
  for (let minute = 0; minute < 3; minute++) await stack.pass();
  expect((await stack.cli('explain app-a')).out).toMatch(
    /\nwaits for its endpoint to be available\nIts tag ziti-glb:status says: waiting: another try for AWS says InvalidServiceName: see that it exists/,
  );
});

test('what AWS refuses of a route is told too, and what a tag says of a former wish is not', async () => {
  const stack = await world({ passes: 0 });
  await stack.tag(stack.vpc.a1, 'oops');
  await stack.pass();
  await stack.tag(stack.vpc.a1, CIDR);
  expect((await stack.cli('explain app-a')).out).not.toContain('status says');
  stack.guard((operation) => {
    if (operation === 'CreateRoute') throw new AwsError('UnauthorizedOperation', 'You are not authorized.', 403);
  });
  for (let minute = 0; minute < 4; minute++) await stack.pass();
  expect((await stack.cli('explain app-a')).out).toContain(
    '\nIts tag ziti-glb:status says: waiting: another try for AWS says UnauthorizedOperation: ',
  );
});

test('the chain of a subnet is broken where the endpoint service does not serve its zone yet', async () => {
  const stack = await world();
  const subnet = await inLateZone(stack);
  const { out } = await stack.cli(`explain ${subnet}`);
  expect(out).toContain(
    'The first broken link is endpoint service: it does not serve eu-central-1c yet, where the load balancer is already.',
  );
  expect(await brokenOf(stack, subnet)).toMatchObject({ name: 'endpoint service', code: 'zone-enabled' });
});

describe('the chain of a router', () => {
  test('holds from its tag to its health', async () => {
    const { cli, router } = await world();
    const { code, out } = await cli(`explain ${router}`);
    expect(code).toBe(0);
    expect(out).toMatch(/ok +tag +ziti-glb=router/);
    expect(out).toMatch(/ok +source\/dest check +off/);
    expect(out).toMatch(/ok +health +healthy/);
  });

  test('is broken where its source/dest check is on again', async () => {
    const { cli, router, ec2 } = await world();
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [router] }));
    const face = given(Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.[0]?.NetworkInterfaceId);
    await ec2.send(
      new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: face, SourceDestCheck: { Value: true } }),
    );
    const { code, out } = await cli('explain router-1');
    expect(code).toBe(2);
    expect(out).toContain(`The first broken link is source/dest check: on at ${face}.`);
  });

  test('is broken where its install fails, with what it said', async () => {
    const stack = await deployed();
    const id = await stack.router(stack.vpc.a0, 'router-1');
    stack.fake.onExec = async () => ({ code: 1, stdout: '', stderr: 'no interface carries 10.0.0.4\n' });
    for (let minute = 0; minute < 3; minute++) await stack.pass();
    const { out } = await stack.cli(`explain ${id}`);
    expect(out).toMatch(
      /The first broken link is diverter: none is known of .* ended as Failed: .*no interface carries/,
    );
    expect(await brokenOf(stack, id)).toMatchObject({ name: 'diverter', code: 'install-failed' });
    expect(out).toMatch(/\nwaits for another try: command .*, since \d{4}-\d\d-\d\d \d\d:\d\d UTC$/m);
  });

  test('is broken where its install still runs, which is not said to have ended', async () => {
    const stack = await deployed();
    const id = await stack.router(stack.vpc.a0, 'router-1');
    stack.fake.onExec = () => new Promise(() => {});
    await stack.pass();
    const { name, code, says } = given(await brokenOf(stack, id));
    expect([name, code]).toEqual(['diverter', 'command-running']);
    expect(says).toMatch(/; command [-\w]+, which is (Pending|InProgress)$/);
  });

  test('is broken where a hook of another name holds it, though it is ready', async () => {
    const stack = await deployed();
    const LifecycleTransition = 'autoscaling:EC2_INSTANCE_LAUNCHING';
    const LaunchTemplateData = { ImageId: 'ami-router' };
    await stack.ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName: 'router', LaunchTemplateData }));
    await stack.autoScaling.send(
      new CreateAutoScalingGroupCommand({
        ...{ AutoScalingGroupName: 'routers', MinSize: 1, MaxSize: 1, VPCZoneIdentifier: stack.vpc.a0 },
        LaunchTemplate: { LaunchTemplateName: 'router' },
        LifecycleHookSpecificationList: [{ LifecycleHookName: 'routers-launch', LifecycleTransition }],
        Tags: [{ Key: 'ziti-glb', Value: 'router', PropagateAtLaunch: true }],
      }),
    );
    await stack.clock.run(60_000);
    for (let minute = 0; minute < 4; minute++) await stack.pass();
    const { AutoScalingInstances } = await stack.autoScaling.send(new DescribeAutoScalingInstancesCommand({}));
    const id = given(AutoScalingInstances?.[0]?.InstanceId);
    const { out } = await stack.cli(`explain ${id}`);
    expect(await brokenOf(stack, id)).toMatchObject({ name: 'lifecycle hook', code: 'held-by-other-hooks' });
    expect(out).toMatch(/ok +health +healthy/);
    expect(out).toMatch(
      /The first broken link is lifecycle hook: routers holds it Pending:Wait for routers-launch: no hook is answered here/,
    );
    expect(out).toContain('it is ready, and routers holds it');
  });

  test('is broken where its tag is another', async () => {
    const { router, ...stack } = await world();
    await stack.tag(router, 'rooter');
    expect((await stack.cli(`explain ${router}`)).out).toContain('The first broken link is tag: ziti-glb=rooter.');
    expect(await brokenOf(stack, router)).toMatchObject({ name: 'tag', code: 'other-role' });
  });
});

describe('the chain of a route table', () => {
  test('holds if it does for each subnet that follows it', async () => {
    const { cli, tables, vpc } = await world();
    const { code, out } = await cli(`explain ${tables.a1}`);
    expect(code).toBe(0);
    expect(out).toContain('1 of the 1 that follow it are opted in');
    expect(out).toMatch(new RegExp(`ok +${vpc.a1}.*its packets arrive`));
  });

  test('is broken where no subnet is opted in, and where one has no endpoint', async () => {
    const { cli, tables } = await world({ passes: 0 });
    expect((await cli(`explain ${tables.b1}`)).out).toContain('The first broken link is subnets: 0 of the 1');
    expect((await cli(`explain ${tables.a1}`)).out).toMatch(/app-a\): endpoint: there is none yet/);
    expect(await brokenOf({ cli }, tables.a1)).toMatchObject({ code: 'endpoint-available' });
  });
});

test('an endpoint of another account is explained as far as a hub sees it: whose it is, and how its connection stands', async () => {
  const stack = await world();
  const spoke = '222233334444';
  const own = stack.environments['ziti-glb-dev-subnets'];
  if (own) own.SPOKE_ACCOUNTS = spoke;
  expect(await stack.cli(`explain ${spoke}`)).toMatchObject({
    ...{ code: 2, out: expect.stringMatching(/first broken link is endpoint: none is connected or asks to be/) },
  });
  const [theirs, strangers] = [await askedBy(spoke, stack), await askedBy(STRANGER, stack)];
  const waiting = await stack.cli(`explain ${theirs}`);
  expect([waiting.code, waiting.out]).toEqual([2, expect.stringContaining(`${theirs} of account ${spoke}`)]);
  expect(waiting.out).toMatch(
    /ok +account +222233334444 is among spokeAccounts\nBROKEN +endpoint +vpce-\w+ is pending/,
  );
  await acceptAll(stack, [theirs]);
  expect(await stack.cli(`explain ${theirs}`)).toMatchObject({ code: 0 });
  expect(await stack.cli(`explain ${spoke}`)).toMatchObject({ code: 0, out: expect.stringMatching(/^account 2222/) });
  expect(await stack.cli(`explain ${strangers}`)).toMatchObject({
    ...{ code: 2, out: expect.stringMatching(/first broken link is account: 999900001111 is not among spokeAccounts/) },
  });
  expect(await brokenOf(stack, strangers)).toMatchObject({ code: 'unknown-account' });
  await acceptAll(stack, [strangers]);
  expect(await stack.cli(`explain ${strangers}`)).toMatchObject({ code: 0 });
});

/** The service accepts them, as the function does for those that it was told of. */
async function acceptAll(stack: Pick<TestStack, 'clock' | 'ec2' | 'service'>, VpcEndpointIds: string[]) {
  const { serviceId: ServiceId } = stack.service;
  await stack.ec2.send(new AcceptVpcEndpointConnectionsCommand({ ServiceId, VpcEndpointIds }));
  await stack.clock.run(180_000);
}

test('a client’s packets go the way of its subnet', async () => {
  const stack = await world();
  const [client] = await launch(stack, stack.vpc.a1);
  const { code, out } = await stack.cli(`explain ${client}`);
  expect(code).toBe(0);
  expect(out).toContain(`${client}, whose packets go the way of ${stack.vpc.a1} (app-a)`);
});

test('what stands in another VPC is nothing to the stack, whatever its tag says', async () => {
  const { cli, vpc, ...stack } = await world({ passes: 0, router: false });
  const other = await testVpc(stack);
  await stack.tag(other.a1, CIDR);
  const [instance] = await launch(stack, other.a0, { tags: { 'ziti-glb': 'router' } });
  await stack.pass();
  for (const id of [other.a1, instance]) {
    const { code, out } = await cli(`explain ${id}`);
    expect(code).toBe(2);
    expect(out).toContain(
      `The first broken link is VPC: it stands in ${other.vpc}, and ziti-glb-dev serves ${vpc.vpc}: whatever its tags say`,
    );
  }
  expect((await cli('plan')).out).not.toContain(instance);
});

test('what is not there is said, with where was looked', async () => {
  const { cli, vpc } = await world({ passes: 0, router: false });
  const { code, err } = await cli('explain subnet-0123');
  expect(code).toBe(1);
  expect(err).toContain(`subnet-0123 is no subnet, tagged instance or route table in ${vpc.vpc}`);
});

describe('a destination', () => {
  async function asking() {
    const stack = await world();
    answering(stack);
    return { ...stack, ask: (line: string) => stack.cli(`explain ${line}`, { onSleep: stack.onSleep }) };
  }

  test.each([
    ['app-a 10.20.0.5:443', 0, /ok +destination +10\.20\.0\.5 takes the route 10\.20\.0\.0\/16 to vpce-\S+/],
    [
      'app-a 10.20.0.5:443',
      0,
      /ok +service +i-\S+ \(router-1\) by 4OmU8W8ZPLDPl6jMk4dGw \(tcp\) and QXugXNAEfgRBgzzpVJl6wF \(udp\)/,
    ],
    ['10.0.1.9 10.20.0.5', 0, /^10\.0\.1\.9, whose packets go the way of subnet-\S+ \(app-a\)/],
    ['10.0.1.9 10.20.0.5:80', 2, /link is service: no rule of .*router-1\) takes 10\.20\.0\.5 and port 80\./],
    [
      'app-a 10.0.11.5',
      2,
      /link is destination: 10\.0\.11\.5 takes the route 10\.0\.0\.0\/16 to local, which is no endpoint/,
    ],
    ['app-a 8.8.8.8:53', 2, /link is destination: no route of its table is for 8\.8\.8\.8/],
  ])('%s: exit code %d', async (line, code, says) => {
    const { ask } = await asking();
    const answer = await ask(line);
    expect([answer.code, answer.out]).toEqual([code, expect.stringMatching(says)]);
  });

  test('is no part of a router’s or a table’s chain', async () => {
    const { ask, tables } = await asking();
    for (const id of ['router-1', tables.a1])
      expect(await ask(`${id} 10.20.0.5`)).toMatchObject({
        code: 1,
        err: expect.stringContaining('a destination is for'),
      });
  });

  test('is explained as far as can be, where no router tells its services', async () => {
    const { ask, fake } = await asking();
    fake.onExec = async () => ({ code: 1, stdout: '', stderr: 'no diverter' });
    const { code, out } = await ask('app-a 10.20.0.5:443');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/router-1\) was asked for a service: command \S+ ended as Failed/),
    ]);
  });
});

test('of several services the most specific one takes it, as the diverter has it', () => {
  const rule = (service: string, of: Partial<Rule> = {}): Rule => ({
    ...{ service, protocol: 'tcp', destination: '10.20.0.0/16', source: '0.0.0.0/0', low: 1, high: 65_535, ...of },
  });
  const rules = [
    rule('wide'),
    rule('port', { low: 443, high: 443 }),
    rule('source', { source: '10.0.1.0/24' }),
    rule('host', { destination: '10.20.0.5/32', low: 1, high: 9_999 }),
    rule('interface', { destination: '10.30.0.0/16', interface: 'eth1' }),
    rule('anywhere', { destination: '10.30.0.0/16', source: '10.0.1.0/24', interface: null }),
    rule('datagrams', { destination: '10.20.0.5/32', protocol: 'udp' }),
  ];
  const takes = (address: string, port: number, source: string, protocol?: Rule['protocol']) =>
    taking(rules, { address, port, ...(protocol && { protocol }) }, source)[0]?.service;
  expect(takes('10.20.0.5', 443, '10.0.1.9', 'tcp')).toBe('host');
  expect(takes('10.20.0.5', 443, '10.0.1.9', 'udp')).toBe('datagrams');
  expect(takes('10.20.0.6', 443, '10.0.1.9')).toBe('source');
  expect(takes('10.20.0.6', 443, '10.0.2.9')).toBe('port');
  expect(takes('10.20.0.6', 80, '10.0.2.9')).toBe('wide');
  expect(takes('10.30.0.5', 443, '10.0.1.9')).toBe('interface');
});

test('an address is its router’s, its client’s or nobody’s, and a client has a name', async () => {
  const stack = await world();
  const [client = ''] = await launch(stack, stack.vpc.a1, { tags: { Name: 'shop' } });
  expect((await stack.cli('explain shop')).out).toContain('shop, whose packets go the way of');
  const { Reservations } = await stack.ec2.send(new DescribeInstancesCommand({ InstanceIds: [stack.router, client] }));
  const addresses = Reservations?.flatMap(({ Instances }) => Instances?.map((each) => each.PrivateIpAddress) ?? []);
  const [router, own] = given(addresses);
  expect((await stack.cli(`explain ${router}`)).out).toContain(`${stack.router} (router-1)`);
  expect((await stack.cli(`explain ${own}`)).out).toContain('(app-a)');
  expect(await stack.cli('explain 192.0.2.1')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no address or client'),
  });
});
