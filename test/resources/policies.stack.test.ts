import { setTimeout as sleep } from 'node:timers/promises';
import { AutoScalingClient, CreateAutoScalingGroupCommand, PutWarmPoolCommand } from '@aws-sdk/client-auto-scaling';
import {
  CreateTagsCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  DescribeSubnetsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { validateIdentityPolicy } from '@cloud-copilot/iam-policy';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { awsClients } from '../../bin/clients.ts';
import { run } from '../../bin/run.ts';
import type { Terminal } from '../../bin/terminal.ts';
import { writeCredentials } from '../../local/credentials.ts';
import type { Role } from '../../local/iam/role.ts';
import { testLaunchTemplate } from '../support/cloud.ts';
import { read } from '../support/documents.ts';
import { describePackaged, packaged } from '../support/packaged.ts';
import { type StackInBox, stackInBox } from '../support/stack.ts';

const policy = (name: string) => JSON.parse(read(`examples/${name}-policy.json`));

describePackaged('who operates a stack', () => {
  let stack: StackInBox;
  let forget: () => void;
  let ec2: EC2Client;
  beforeAll(async () => {
    // Commands take their time, and functions are not to run out of theirs.
    stack = await stackInBox({
      rate: 20,
      packaged: ({ vpcId, subnetIds }) =>
        packaged({ parameters: { vpcId, subnetIds, reply: 'geneve', clientVpcs: 'all' } }),
    });
    const { endpoint, region } = stack.box;
    const key = stack.box.assume('network-operators', policy('operator'));
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
    // Only those of a warm pool are asked for one by one.
    await scaling.send(new PutWarmPoolCommand({ AutoScalingGroupName: 'routers', MinSize: 1 }));
    scaling.destroy();
    // Whose clients may be tried from is for their owner to say.
    const Tags = [{ Key: 'ziti-glb:trial', Value: 'allowed' }];
    await all.send(new CreateTagsCommand({ Resources: [await stack.operator.instanceId('client-b')], Tags }));
    // Behind whose gateway there are clients, doctor and explain look at.
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
  }, 300_000);
  afterAll(async () => {
    forget?.();
    ec2?.destroy();
    await stack?.box.close();
  });

  async function cli(...argv: string[]) {
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
    const box = ['--endpoint', stack.box.endpoint, '--stack', stack.box.stack.name];
    const code = await run([...argv, ...box], terminal, awsClients);
    return { code, said: said.join('\n') };
  }

  const given = () => ['-p', `vpcId=${stack.box.network.vpcId}`, '-p', `subnetIds=${stack.box.network.subnetIds}`];

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
    ]) {
      const { code, said } = await cli(...argv);
      expect([argv[0], said]).toEqual([
        argv[0],
        expect.not.stringMatching(/not authorized|lacks|UnauthorizedOperation|AccessDenied/),
      ]);
      // Without a fabric no program runs, and nothing it could say is there.
      const done = [0, 2].includes(code) || /does not answer: command \S+ ended as /.test(said);
      expect([argv[0], done || said]).toEqual([argv[0], true]);
    }

    // An event that is given up, for its function may do nothing for a while.
    const [name = ''] = [...box.roles.keys()].filter((each) => /SubnetsRole/.test(each));
    const role = box.roles.get(name) as Role;
    (box.roles as Map<string, Role>).set(name, { ...role, policies: [] });
    await cli('pause');
    await cli('resume');
    await until('event that was given up', () => Object.values(box.queues()).some((messages) => messages.length > 0));
    (box.roles as Map<string, Role>).set(name, role);
    expect((await cli('redrive')).code).toBe(2);
    expect(await cli('redrive', '--yes')).toEqual({ code: 0, said: expect.stringContaining('sent again') });

    expect(await cli('drain', '--yes')).toEqual({ code: 0, said: expect.stringContaining('Drained') });
    const unused = box.unusedAccess().filter((allowance) => allowance.role === 'network-operators');
    // Of two queues one has had messages.
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
  }, 300_000);
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
  }, 300_000);

  test.each([
    ['Roles', /Role could not be made: AccessDenied: .*iam:CreateRole/],
    ['NewLoadBalancer', /could not be made: .*elasticloadbalancing:Create(LoadBalancer|TargetGroup)/],
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
