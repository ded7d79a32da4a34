import { setTimeout as sleep } from 'node:timers/promises';
import { AutoScalingClient, CreateAutoScalingGroupCommand, PutWarmPoolCommand } from '@aws-sdk/client-auto-scaling';
import {
  CreateTagsCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  DescribeSubnetsCommand,
  EC2,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { validateIdentityPolicy } from '@cloud-copilot/iam-policy';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { awsClients } from '../../bin/clients.ts';
import { run } from '../../bin/run.ts';
import type { Terminal } from '../../bin/terminal.ts';
import { writeCredentials } from '../../local/credentials.ts';
import type { Allowance } from '../../local/iam/iam.ts';
import type { AccessKey } from '../../local/iam/keys.ts';
import type { Role } from '../../local/iam/role.ts';
import { testLaunchTemplate } from '../support/cloud.ts';
import { read } from '../support/documents.ts';
import { describePackaged, packaged } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

const SPOKE = '222233334444';
const policy = (name: string) => JSON.parse(read(`examples/${name}-policy.json`));

describePackaged('who operates a stack, and a spoke', () => {
  let stack: StackInBox;
  let forget: () => void;
  let ec2: EC2Client;
  let key: AccessKey;
  beforeAll(async () => {
    // Commands take their time, and functions are not to run out of theirs.
    stack = await stackInBox({
      rate: 20,
      packaged: ({ vpcId, subnetIds }) =>
        packaged({ parameters: { vpcId, subnetIds, reply: 'geneve', clientVpcs: 'all', spokeAccounts: SPOKE } }),
    });
    const { endpoint, region } = stack.box;
    key = stack.box.assume('network-operators', policy('operator'));
    forget = writeCredentials(endpoint, key);
    ec2 = new EC2Client({ endpoint, region, credentials: key });
    const all = new EC2Client({ endpoint, region, credentials: stack.box.credentials });
    await stack.operator.launch('router-1', 0);
    await stack.until('healthy router', async () => [...(await stack.operator.health()).values()].includes('healthy'));
    await testLaunchTemplate({ ec2: all });
    const scaling = new AutoScalingClient({ endpoint, region, credentials: stack.box.credentials });
    await scaling.send(
      new CreateAutoScalingGroupCommand({
        ...{ AutoScalingGroupName: 'routers', MinSize: 1, MaxSize: 1 },
        LaunchTemplate: { LaunchTemplateName: 'router' },
        VPCZoneIdentifier: stack.box.network.subnetIds,
        Tags: [{ Key: 'ziti-glb', Value: 'router', PropagateAtLaunch: true }],
        LifecycleHookSpecificationList: [
          { LifecycleHookName: 'ziti-glb-launch', LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING' },
        ],
      }),
    );
    // Instances of a warm pool alone are asked for one by one.
    await scaling.send(new PutWarmPoolCommand({ AutoScalingGroupName: 'routers', MinSize: 1 }));
    scaling.destroy();
    // A client's owner says whether it may be tried from.
    const Tags = [{ Key: 'ziti-glb:trial', Value: 'allowed' }];
    await all.send(new CreateTagsCommand({ Resources: [await stack.operator.instanceId('client-b')], Tags }));
    // doctor and explain look at the gateways that clients are behind.
    const { TransitGateway } = await all.send(new CreateTransitGatewayCommand({}));
    const attached = (await stack.operator.subnets()).filter(({ Tags }) =>
      Tags?.some(({ Value }) => Value === 'app-b'),
    );
    await all.send(
      new CreateTransitGatewayVpcAttachmentCommand({
        TransitGatewayId: TransitGateway?.TransitGatewayId,
        VpcId: stack.box.network.vpcId,
        SubnetIds: attached.map(({ SubnetId = '' }) => SubnetId),
      }),
    );
    all.destroy();
  });
  afterAll(async () => {
    forget?.();
    ec2?.destroy();
    await stack?.box.close();
  });

  const cli = (...argv: string[]) => cliOf(stack.box.stack.name, ...argv);
  async function cliOf(name: string, ...argv: string[]) {
    const said: string[] = [];
    const terminal: Terminal = {
      out: (...lines: string[]) => void said.push(...lines),
      err: (...lines: string[]) => void said.push(...lines),
      progress() {},
      paint: (_, text) => text,
      confirm: async () => false,
      clear() {},
      sleep: async (ms) => void (await sleep(ms / 60)),
      atInterrupt() {},
    };
    const box = ['--endpoint', stack.box.endpoint, '--stack', name];
    const code = await run([...argv, ...box], terminal, awsClients);
    return { code, said: said.join('\n') };
  }

  /** The operator types a command, which nothing of AWS's refuses. */
  async function typed(name: string, argv: string[]) {
    const { code, said } = await cliOf(name, ...argv);
    expect([argv[0], said]).toEqual([
      argv[0],
      expect.not.stringMatching(/not authorized|lacks|UnauthorizedOperation|AccessDenied/),
    ]);
    // Without a fabric no program runs, and nothing it could say is there.
    const done = [0, 2].includes(code) || /does not answer: command \S+ ended as /.test(said);
    expect([argv[0], done || said]).toEqual([argv[0], true]);
  }

  const given = () => ['-p', `vpcId=${stack.box.network.vpcId}`, '-p', `subnetIds=${stack.box.network.subnetIds}`];

  /** An account with a spoke is operated so too: a subnet is opted in and each command typed, with the same policy. */
  async function operated() {
    const { box, until } = stack;
    const { endpoint, region } = box;
    const spoke = box.inAccount(SPOKE);
    const all = new EC2({ endpoint, region, credentials: spoke.credentials });
    const { Vpc } = await all.createVpc({ CidrBlock: '10.0.0.0/16' });
    const VpcId = Vpc?.VpcId ?? '';
    // The hub calls this zone eu-central-1b.
    const place = { VpcId, CidrBlock: '10.0.1.0/24', AvailabilityZone: `${region}a` };
    const { Subnet } = await all.createSubnet(place);
    const SubnetId = Subnet?.SubnetId ?? '';
    const { RouteTable } = await all.createRouteTable({ VpcId });
    await all.associateRouteTable({ SubnetId, RouteTableId: RouteTable?.RouteTableId });
    const Tags = [{ Key: 'ziti-glb:trial', Value: 'allowed' }];
    const TagSpecifications = [{ ResourceType: 'instance' as const, Tags }];
    const asked = { ImageId: 'ami-client', MinCount: 1, MaxCount: 1, SubnetId, TagSpecifications };
    const client = (await all.runInstances(asked)).Instances?.[0]?.InstanceId ?? '';
    all.destroy();
    const parameters = {
      hubService: `com.amazonaws.vpce.${region}.${box.stack.outputs.EndpointService}`,
      hubHealth: box.stack.outputs.HealthFunction ?? '',
    };
    const { name } = await spoke.deploy(packaged({ parameters, config: 'spoke.yml' }));

    const his = spoke.assume('spoke-operators', policy('operator'));
    forget();
    forget = writeCredentials(endpoint, his);
    const tags = new EC2({ endpoint, region, credentials: his });
    await tags.createTags({ Resources: [SubnetId], Tags: [{ Key: 'ziti-glb', Value: '10.20.0.0/16' }] });
    tags.destroy();
    await until(
      'spoke that is ready',
      async () => (await cliOf(name, 'status', '--for=ready', '--timeout=0')).code === 0,
    );
    for (const argv of [
      ['status'],
      ['plan'],
      ['explain', SubnetId],
      ['explain', client, '10.20.0.5:443'],
      ['test', client, 'https://10.20.0.5/'],
      ['doctor'],
      ['log'],
      ['versions'],
      ['bundle'],
      ['config'],
      ['precheck', ...Object.entries(parameters).flatMap(([key, value]) => ['-p', `${key}=${value}`])],
      ['pause', 'a test'],
      ['resume'],
      ['redrive', '--yes'],
    ])
      await typed(name, argv);
    // The hub's function runs out of its time on a busy machine, and is asked again.
    await until('hub that tells of its routers', async () =>
      /ok +zones +eu-central-1a \(euc1-az\d\): \d healthy for it/.test((await cliOf(name, 'doctor')).said),
    );
    expect((await cliOf(name, 'config')).said).toMatch(/hubService +com\.amazonaws/);
    expect((await cliOf(name, 'router', 'router-1')).code).toBe(64);
    expect(await cliOf(name, 'drain', '--yes')).toEqual({ code: 0, said: expect.stringContaining('Drained') });
    forget();
    forget = writeCredentials(endpoint, key);
    return spoke;
  }

  test('opts a subnet in, and types each command, with the policy of the examples and no more', async () => {
    const { box, operator, until, routed } = stack;
    const Filters = [{ Name: 'tag:Name', Values: ['app-b'] }];
    const { Subnets } = await ec2.send(new DescribeSubnetsCommand({ Filters }));
    await ec2.send(
      new CreateTagsCommand({
        Resources: Subnets?.map(({ SubnetId = '' }) => SubnetId),
        Tags: [{ Key: 'ziti-glb', Value: '10.20.0.0/16' }],
      }),
    );
    await routed('10.20.0.0/16');
    const router = await operator.instanceId('router-1');
    for (const argv of [
      ['status'],
      ['plan'],
      ['explain', 'app-b'],
      ['explain', 'app-b', '10.20.0.5:443'],
      ['test', 'client-b', 'https://10.20.0.5/'],
      ['doctor'],
      ['router', router],
      ['log'],
      ['versions'],
      ['bundle'],
      ['config'],
      ['precheck', ...given()],
      ['pause', 'a test'],
      ['resume'],
    ])
      await typed(box.stack.name, argv);
    // A stack that is there has its load balancer.
    await typed('ziti-glb-more', ['precheck', ...given()]);

    // An event is given up, for its function may do nothing for a while.
    const [name = ''] = [...box.roles.keys()].filter((each) => /SubnetsRole/.test(each));
    const role = box.roles.get(name) as Role;
    (box.roles as Map<string, Role>).set(name, { ...role, policies: [] });
    await cli('pause');
    await cli('resume');
    await until('event that was given up', () => Object.values(box.queues()).some((messages) => messages.length > 0));
    (box.roles as Map<string, Role>).set(name, role);
    expect((await cli('redrive')).code).toBe(2);
    expect(await cli('redrive', '--yes')).toEqual({ code: 0, said: expect.stringContaining('sent again') });

    const spoke = await operated();
    expect(await cli('drain', '--yes')).toEqual({ code: 0, said: expect.stringContaining('Drained') });
    const isHis = (allowance: Allowance) => allowance.role.endsWith('-operators');
    const leftOfSpoke = spoke.unusedAccess().filter(isHis);
    // The one right that is for spokes alone has a statement of its own.
    expect(leftOfSpoke).not.toContainEqual(expect.objectContaining({ resource: expect.stringContaining('-health') }));
    const left = new Set(leftOfSpoke.map(({ action, resource }) => `${action} ${resource}`));
    const unused = box.unusedAccess().filter((each) => isHis(each) && left.has(`${each.action} ${each.resource}`));
    // One of two queues has had messages.
    const count = (actions: string[]) => Map.groupBy(actions, (action) => action);
    const allowed = count(
      policy('operator').Statement.flatMap(({ Action, Resource }: Record<string, string | string[]>) =>
        [Action].flat().flatMap((action) => [Resource].flat().map(() => action)),
      ),
    );
    const idle = [...count(unused.map(({ action }) => action))].filter(
      ([action, times]) => times.length === allowed.get(action)?.length,
    );
    expect(idle).toEqual([]);
  });
});

describePackaged('who deploys a stack', () => {
  const deployer = policy('deployer');
  const without = (sid: string) => ({
    ...deployer,
    Statement: deployer.Statement.filter(({ Sid }: { Sid: string }) => Sid !== sid),
  });

  test('makes, changes and removes it with the policy of the examples', async () => {
    const { box } = await stackInBox({ deployer });
    try {
      const { vpcId, subnetIds } = box.network;
      const parameters = {
        vpcId,
        subnetIds,
        idleTimeout: '400',
        crossZone: 'false',
        withoutRouter: 'withdraw',
        sealVersion: '2',
      };
      await box.deploy(packaged({ parameters: { ...parameters, alarmEmail: 'on-call@example.org' } }));
      await box.remove(box.stack);
      expect([...box.roles.keys()]).toEqual(['deployer']);
    } finally {
      await box.close();
    }
  });

  test.each([
    ['Roles', /Role could not be made: AccessDenied: .*iam:CreateRole/],
    ['NewLoadBalancer', /could not be made: .*elasticloadbalancing:Create(LoadBalancer|TargetGroup)/],
    ['TagsOfNewKey', /SealKey could not be made: AccessDenied: .*kms:TagResource/],
    ['Functions', /LambdaFunction could not be made: AccessDenied: .*lambda:CreateFunction/],
  ])(
    'makes none of it without the statement %s',
    async (sid, message) => {
      const made = stackInBox({ deployer: without(sid) }).then(({ box }) => box.close());
      await expect(made).rejects.toThrow(message);
    },
    300_000,
  );

  test.each(['deployer', 'operator'])('may have the policy of a %s attached: it is as short as IAM asks', (name) => {
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    expect(JSON.stringify(policy(name)).replaceAll(/\s/g, '').length).toBeLessThanOrEqual(6144);
    expect(validateIdentityPolicy(policy(name))).toEqual([]);
  });
});
