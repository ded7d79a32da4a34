import { readFileSync } from 'node:fs';
import { AutoScaling } from '@aws-sdk/client-auto-scaling';
import { EC2 } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { SSM } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import { strToU8, zipSync } from 'fflate';
import { parse } from 'yaml';
import { z } from 'zod';
import { VirtualClock } from '../../../local/clock.ts';
import { createBus } from '../../../local/events/bus.ts';
import { createQueues } from '../../../local/events/queues.ts';
import { noFabric } from '../../../local/fabric/none.ts';
import { createIam } from '../../../local/iam/iam.ts';
import { authorizedResources } from '../../../local/iam/resources.ts';
import type { Role } from '../../../local/iam/role.ts';
import { createLambda } from '../../../local/lambda/runtime.ts';
import { createCloud } from '../../../local/services/cloud.ts';
import { createKms } from '../../../local/services/kms.ts';
import { createLogs } from '../../../local/services/logs.ts';
import { createBuckets } from '../../../local/services/s3.ts';
import { type Deployment, deleteStack, deployStack, type Stack } from '../../../local/stack/deploy.ts';
import { refuseChange, resourceType, text } from '../../../local/stack/resource-type.ts';
import { parseTemplate } from '../../../local/stack/template.ts';
import { resourceTypes } from '../../../local/stack/types.ts';
import { inProcess } from '../../../local/wire/in-process.ts';
import { createWire } from '../../../local/wire/wire.ts';

const region = 'eu-central-1';
const account = '111122223333';
const zones = ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'];
const place = { name: 'demo', region, account, zones };

describe('a deployment', () => {
  /** Resources write down what becomes of them. One whose property `fails` is true cannot be made. */
  function world() {
    const done: string[] = [];
    const thing = resourceType(
      z.strictObject({
        Needs: z.unknown().optional(),
        Size: text.optional(),
        Fails: z.boolean().optional(),
        Sticks: z.boolean().optional(),
        Fixed: text.optional(),
      }),
      ['Arn'],
      async ({ Fails, Sticks, Fixed }, { logicalId, physicalName }) => {
        if (Fails) throw new Error('no room');
        done.push(`+${logicalId}`);
        const remove = async () => {
          if (Sticks) throw new Error('still in use');
          done.push(`-${logicalId}`);
        };
        return {
          ref: physicalName(),
          attributes: { Arn: `arn:${logicalId}` },
          async update(changed) {
            refuseChange({ Fixed }, { Fixed: changed.Fixed }, []);
            done.push(`${logicalId}=${changed.Size}`);
          },
          remove,
        };
      },
    );
    const deploy = (yaml: string, before?: Stack) =>
      deployStack(
        { template: parseTemplate(yaml), parameters: {}, place, types: { 'Test::Thing': thing, 'Test::Other': thing } },
        before,
      );
    return { done, deploy };
  }

  const chain = `
    Resources:
      A: { Type: Test::Thing, Properties: { Needs: !GetAtt B.Arn } }
      B: { Type: Test::Thing, Properties: { Needs: !Ref C } }
      C: { Type: Test::Thing }
    Outputs: { Name: { Value: !Sub "\${A} of \${B.Arn}" } }`;

  test('makes what is needed first, and is removed the other way round', async () => {
    const { done, deploy } = world();
    const stack = await deploy(chain);
    expect(done).toEqual(['+C', '+B', '+A']);
    expect(stack.resources.get('A')?.properties).toEqual({ Needs: 'arn:B' });
    expect(stack.outputs).toEqual({ Name: expect.stringMatching(/^demo-A-[0-9A-F]{12} of arn:B$/) });
    await deleteStack(stack);
    expect(done).toEqual(['+C', '+B', '+A', '-A', '-B', '-C']);
  });

  test('is removed as far as can be: what cannot go stays with what it needs, and all else goes', async () => {
    const { done, deploy } = world();
    const stack = await deploy(`
      Resources:
        Needed: { Type: Test::Thing }
        Kept: { Type: Test::Thing, DependsOn: Needed, Properties: { Sticks: true } }
        Other: { Type: Test::Thing }
        After: { Type: Test::Thing, DependsOn: [Kept, Other] }`);
    done.splice(0);
    await expect(deleteStack(stack)).rejects.toThrow('still in use');
    expect([done, [...stack.resources.keys()]]).toEqual([
      ['-After', '-Other'],
      ['Needed', 'Kept'],
    ]);
  });

  test('gives the same names in every run, and others to another resource', async () => {
    const [first, second] = [await world().deploy(chain), await world().deploy(chain)];
    const names = (stack: Stack) => [...stack.resources.values()].map(({ made }) => made.ref);
    expect(names(first)).toEqual(names(second));
    expect(new Set(names(first)).size).toBe(3);
    expect(names(first)[0]).toMatch(/^demo-C-[0-9A-F]{12}$/);
  });

  test('that cannot make one resource removes all, and says which and why', async () => {
    const { done, deploy } = world();
    const yaml = chain.replace(
      'A: { Type: Test::Thing, Properties: {',
      'A: { Type: Test::Thing, Properties: { Fails: true,',
    );
    await expect(deploy(yaml)).rejects.toThrow('A could not be made: no room');
    expect(done).toEqual(['+C', '+B', '-B', '-C']);
  });

  test('that cannot remove what it made either says both', async () => {
    const yaml = `
      Resources:
        A: { Type: Test::Thing, Properties: { Sticks: true } }
        B: { Type: Test::Thing, DependsOn: A, Properties: { Fails: true } }`;
    await expect(world().deploy(yaml)).rejects.toThrow(
      'B could not be made: no room; and not all of it could be undone: still in use',
    );
  });

  test('refuses a property that the type has not', async () => {
    const yaml = 'Resources: { A: { Type: Test::Thing, Properties: { Sise: 1 } } }';
    await expect(world().deploy(yaml)).rejects.toThrow(/A could not be made: .*Unrecognized key: "Sise"/);
  });

  test('makes nothing at all of a template with an unsupported type', async () => {
    const { done, deploy } = world();
    await expect(deploy('Resources: { A: { Type: Test::Thing }, B: { Type: AWS::X::Y } }')).rejects.toThrow(
      'AWS::X::Y',
    );
    expect(done).toEqual([]);
  });

  test('over an earlier one makes what is new, and keeps the rest', async () => {
    const { done, deploy } = world();
    const before = await deploy('Resources: { C: { Type: Test::Thing } }');
    const stack = await deploy(chain, before);
    expect(done).toEqual(['+C', '+B', '+A']);
    expect([...stack.resources.keys()]).toEqual(['C', 'B', 'A']);
    expect([...before.resources.keys()]).toEqual(['C']);
  });

  test('over an earlier one that fails leaves that as it was', async () => {
    const { done, deploy } = world();
    const before = await deploy('Resources: { C: { Type: Test::Thing } }');
    await expect(
      deploy(
        chain.replace(
          '    Resources:',
          `    Resources:
      D: { Type: Test::Thing, DependsOn: A, Properties: { Fails: true } }`,
        ),
        before,
      ),
    ).rejects.toThrow('D could not be made');
    expect(done).toEqual(['+C', '+B', '+A', '-A', '-B']);
    expect([...before.resources.keys()]).toEqual(['C']);
  });

  test('over an earlier one changes what is declared otherwise, and removes what no longer is, last', async () => {
    const { done, deploy } = world();
    const before = await deploy(chain);
    done.splice(0);
    const stack = await deploy(
      `
      Resources:
        D: { Type: Test::Thing, DependsOn: C }
        C: { Type: Test::Thing, Properties: { Size: 2 } }`,
      before,
    );
    expect(done).toEqual(['C=2', '+D', '-A', '-B']);
    expect([...stack.resources.keys()].sort()).toEqual(['C', 'D']);
    expect(stack.resources.get('C')?.properties).toEqual({ Size: 2 });
  });

  test('over an earlier one that fails takes back what it has changed, and removes nothing', async () => {
    const { done, deploy } = world();
    const before = await deploy(
      'Resources: { A: { Type: Test::Thing }, C: { Type: Test::Thing, Properties: { Size: 1 } } }',
    );
    done.splice(0);
    const after = `
      Resources:
        C: { Type: Test::Thing, Properties: { Size: 2 } }
        D: { Type: Test::Thing, DependsOn: C }
        E: { Type: Test::Thing, DependsOn: D, Properties: { Fails: true } }`;
    await expect(deploy(after, before)).rejects.toThrow('E could not be made: no room');
    expect(done).toEqual(['C=2', '+D', 'C=1', '-D']);
    expect(before.resources.get('C')?.properties).toEqual({ Size: 1 });
  });

  test('over an earlier one refuses what only another resource could become', async () => {
    const { done, deploy } = world();
    const before = await deploy('Resources: { C: { Type: Test::Thing, Properties: { Fixed: a } } }');
    done.splice(0);
    const over = (declaration: string) => deploy(`Resources: { C: ${declaration} }`, before);
    await expect(over('{ Type: Test::Thing, Properties: { Fixed: b } }')).rejects.toThrow(
      'C could not be changed: the local cloud cannot change its Fixed',
    );
    await expect(over('{ Type: Test::Other }')).rejects.toThrow('the local cloud cannot make a Test::Other of it');
    await expect(over('{ Type: Test::Thing, Properties: { Sise: 1 } }')).rejects.toThrow('Unrecognized key: "Sise"');
    expect(done).toEqual([]);
  });
});

describe('through the AWS API', () => {
  function world() {
    const clock = new VirtualClock();
    const cloud = createCloud({ clock, region, account, fabric: noFabric('a test'), emit: () => {} });
    const wire = createWire(cloud.services, { principal: () => `arn:aws:iam::${account}:user/cloudformation` });
    const client = {
      region,
      credentials: { accessKeyId: 'cloudformation', secretAccessKey: 'x' },
      requestHandler: inProcess(wire),
    };
    const [ec2, elb] = [new EC2(client), new ElasticLoadBalancingV2(client)];
    const [ssm, scaling] = [new SSM(client), new AutoScaling(client)];
    const unheard = () => {};
    const keyOf = () => ({ accessKeyId: 'role', secretAccessKey: 'x' });
    const lambda = createLambda({ clock, rate: 1, region, endpoints: {}, keyOf, onLog: unheard, onFailure: unheard });
    const bus = createBus({ clock, region, account, deliver: async () => undefined, giveUp: unheard });
    const buckets = createBuckets(clock);
    const queues = createQueues();
    const roles = new Map<string, Role>();
    const iam = createIam({ region, account, roles, find: authorizedResources(cloud.contextOf(account)) });
    const logs = createLogs({ region, account, clock, allows: iam.allows, onLog: unheard });
    const types = resourceTypes({
      region,
      account,
      clock,
      ec2,
      elb,
      ssm,
      scaling,
      lambda,
      bus,
      buckets,
      kms: createKms(clock, { region, account }),
      queues,
      roles,
      dashboards: new Set(),
      iam,
      logs,
    });
    const deploy = async (
      name: string,
      yaml: string,
      parameters: Record<string, string> = {},
      before?: Stack,
      how: Partial<Deployment> = {},
    ): Promise<Stack> => {
      const deployment = deployStack(
        { template: parseTemplate(yaml), parameters, place: { ...place, name }, types, ...how },
        before,
      );
      const stack = await clock.run(deployment);
      if (!stack) throw new Error('there is no stack');
      return stack;
    };
    return { clock, ec2, elb, ssm, scaling, lambda, buckets, queues, roles, deploy };
  }

  const network = readFileSync(new URL('../../../examples/network.yml', import.meta.url), 'utf8');

  test('the example network stands, and goes', async () => {
    const { clock, ec2, deploy } = world();
    const stack = await deploy('network', network, { ImageId: 'ami-client' });
    const { Subnets = [] } = await ec2.describeSubnets({
      Filters: [{ Name: 'vpc-id', Values: [stack.outputs.vpcId ?? ''] }],
    });
    const named = Subnets.map(({ Tags, CidrBlock, AvailabilityZone }) => [
      Tags?.[0]?.Value,
      CidrBlock,
      AvailabilityZone,
    ]);
    expect(named.sort()).toEqual([
      ['app-a', '10.0.10.0/24', 'eu-central-1a'],
      ['app-b', '10.0.11.0/24', 'eu-central-1b'],
      ['app-c', '10.0.12.0/24', 'eu-central-1a'],
      ['routers-a', '10.0.0.0/24', 'eu-central-1a'],
      ['routers-b', '10.0.1.0/24', 'eu-central-1b'],
    ]);
    expect(stack.outputs.subnetIds?.split(',')).toEqual(
      ['routers-a', 'routers-b'].map((name) => Subnets.find(({ Tags }) => Tags?.[0]?.Value === name)?.SubnetId),
    );
    const { RouteTables = [] } = await ec2.describeRouteTables();
    expect(RouteTables.map(({ Associations }) => Associations?.length)).toEqual([1, 1, 1, 1]);
    const { Reservations = [] } = await ec2.describeInstances();
    expect(Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name))).toEqual(
      Array(3).fill('running'),
    );

    await clock.run(deleteStack(stack));
    expect((await ec2.describeVpcs()).Vpcs).toEqual([]);
    expect((await ec2.describeSubnets()).Subnets).toEqual([]);
  });

  test('the example group of routers stands, its routers held by its hooks, and goes', async () => {
    const { clock, ec2, scaling, deploy } = world();
    const { outputs } = await deploy('network', network, { ImageId: 'ami-client' });
    const routers = readFileSync(new URL('../../../examples/routers.yml', import.meta.url), 'utf8');
    const parameters = { VpcId: outputs.vpcId ?? '', SubnetIds: outputs.subnetIds ?? '', ImageId: 'ami-router' };
    const own = { NodeCidr: '10.0.0.0/16', Controller: 'controller.example' };
    const stack = await deploy('routers', routers, { ...parameters, ...own });
    await clock.run(60_000);
    const { AutoScalingGroups } = await scaling.describeAutoScalingGroups();
    expect(AutoScalingGroups).toMatchObject([{ AutoScalingGroupName: stack.outputs.autoScalingGroup }]);
    const states = AutoScalingGroups?.[0]?.Instances?.map(({ LifecycleState }) => LifecycleState);
    expect(states).toEqual(['Pending:Wait', 'Pending:Wait']);
    const Filters = [{ Name: 'tag:ziti-glb', Values: ['router'] }];
    const launched = async () =>
      (await ec2.describeInstances({ Filters })).Reservations?.flatMap(({ Instances }) => Instances ?? []);
    expect(new Set((await launched())?.map(({ SubnetId }) => SubnetId))).toEqual(
      new Set(outputs.subnetIds?.split(',')),
    );

    await clock.run(deleteStack(stack));
    expect((await scaling.describeAutoScalingGroups()).AutoScalingGroups).toEqual([]);
    expect((await launched())?.filter(({ State }) => State?.Name !== 'terminated')).toEqual([]);
  });

  test('what takes tags has those of its stack, its own before them, and they are changed in place', async () => {
    const { ec2, elb, roles, deploy } = world();
    const { outputs } = await deploy('network', network, { ImageId: 'ami-client' });
    const template = `
      Parameters: { VpcId: { Type: String }, Protocol: { Type: String, Default: TCP } }
      Resources:
        Table: { Type: AWS::EC2::RouteTable, Properties: { VpcId: !Ref VpcId, Tags: [{ Key: Team, Value: own }] } }
        Group:
          Type: AWS::ElasticLoadBalancingV2::TargetGroup
          Properties: { Protocol: GENEVE, Port: 6081, VpcId: !Ref VpcId, HealthCheckProtocol: !Ref Protocol }
        Role: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: {} } }
      Outputs: { Table: { Value: !Ref Table }, Group: { Value: !Ref Group } }`;
    const parameters = { VpcId: outputs.vpcId ?? '' };
    const tags = (values: Record<string, string>) => ({
      tags: Object.entries(values).map(([Key, Value]) => ({ Key, Value })),
    });
    const first = await deploy('s', template, parameters, undefined, tags({ Team: 'network', Version: '1', Old: 'x' }));
    const of = async ({ outputs: { Table = '', Group = '' } }: Stack) => {
      const { RouteTables } = await ec2.describeRouteTables({ RouteTableIds: [Table] });
      const { TagDescriptions } = await elb.describeTags({ ResourceArns: [Group] });
      return [RouteTables?.[0]?.Tags, TagDescriptions?.[0]?.Tags].map((list) =>
        Object.fromEntries((list ?? []).map(({ Key, Value }) => [Key, Value])),
      );
    };
    expect(await of(first)).toEqual([
      { Team: 'own', Version: '1', Old: 'x' },
      { Team: 'network', Version: '1', Old: 'x' },
    ]);
    const role = roles.values().next().value;
    const second = await deploy('s', template, parameters, first, tags({ Team: 'network', Version: '2' }));
    expect([second.outputs, await of(second)]).toEqual([
      first.outputs,
      [
        { Team: 'own', Version: '2' },
        { Team: 'network', Version: '2' },
      ],
    ]);
    // A role has no more to be changed by it.
    expect(roles.values().next().value).toBe(role);
    const third = await deploy('s', template, { ...parameters, Protocol: 'HTTP' }, second, tags({ Version: '3' }));
    expect(await of(third)).toEqual([{ Team: 'own', Version: '3' }, { Version: '3' }]);
    const { TargetGroups } = await elb.describeTargetGroups();
    expect(TargetGroups).toMatchObject([{ HealthCheckProtocol: 'HTTP' }]);
  });

  test('the ids of a network are the same in every run', async () => {
    const ids = async () => (await world().deploy('network', network, { ImageId: 'ami-client' })).outputs;
    expect(await ids()).toEqual(await ids());
  });

  const bucket = 'Resources: { Bucket: { Type: AWS::S3::Bucket } }';
  const product = `
    Parameters: { VpcId: { Type: String }, SubnetIds: { Type: CommaDelimitedList } }
    Resources:
      Bucket: { Type: AWS::S3::Bucket }
      BucketPolicy: { Type: AWS::S3::BucketPolicy, Properties: { Bucket: !Ref Bucket, PolicyDocument: {} } }
      LoadBalancer:
        Type: AWS::ElasticLoadBalancingV2::LoadBalancer
        Properties:
          Type: gateway
          Subnets: !Ref SubnetIds
          LoadBalancerAttributes: [{ Key: load_balancing.cross_zone.enabled, Value: true }]
      TargetGroup:
        Type: AWS::ElasticLoadBalancingV2::TargetGroup
        Properties:
          Protocol: GENEVE
          Port: '6081'
          TargetType: instance
          VpcId: !Ref VpcId
          HealthCheckProtocol: HTTPS
          HealthCheckPort: 8081
          HealthCheckPath: /health-checks
          Matcher: { HttpCode: 200-399 }
          TargetGroupAttributes: [{ Key: deregistration_delay.timeout_seconds, Value: 120 }]
      Listener:
        Type: AWS::ElasticLoadBalancingV2::Listener
        Properties: { LoadBalancerArn: !Ref LoadBalancer, DefaultActions: [{ Type: forward, TargetGroupArn: !Ref TargetGroup }] }
      Service:
        Type: AWS::EC2::VPCEndpointService
        DependsOn: Listener
        Properties: { GatewayLoadBalancerArns: [!Ref LoadBalancer], AcceptanceRequired: true }
      Permissions:
        Type: AWS::EC2::VPCEndpointServicePermissions
        Properties: { ServiceId: !Ref Service, AllowedPrincipals: [!Sub 'arn:aws:iam::\${AWS::AccountId}:root'] }
      Document:
        Type: AWS::SSM::Document
        Properties:
          DocumentType: Command
          DocumentFormat: JSON
          TargetType: /AWS::EC2::Instance
          UpdateMethod: NewVersion
          Content:
            schemaVersion: '2.2'
            mainSteps: [{ action: 'aws:runShellScript', name: install, inputs: { runCommand: ['true'] } }]
      Queue: { Type: AWS::SQS::Queue, Properties: { MessageRetentionPeriod: 1209600 } }
      QueuePolicy: { Type: AWS::SQS::QueuePolicy, Properties: { Queues: [!Ref Queue], PolicyDocument: {} } }
      Role:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] }
          Policies: [{ PolicyName: all, PolicyDocument: { Statement: [{ Effect: Allow, Action: 'sqs:SendMessage', Resource: !GetAtt Queue.Arn }] } }]
      Logs: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /aws/lambda/demo-f, RetentionInDays: 30 } }
      Function:
        Type: AWS::Lambda::Function
        DependsOn: [Logs]
        Properties:
          FunctionName: demo-f
          Code: { S3Bucket: !Ref Bucket, S3Key: f.zip }
          Handler: f.handler
          Runtime: nodejs24.x
          Role: !GetAtt Role.Arn
          MemorySize: 256
          Timeout: 30
          ReservedConcurrentExecutions: 1
          Environment: { Variables: { GROUP: !Ref TargetGroup, SERVICE: !GetAtt Service.ServiceId, DOCUMENT: !Ref Document } }
      InvokeConfig:
        Type: AWS::Lambda::EventInvokeConfig
        Properties: { FunctionName: !Ref Function, Qualifier: $LATEST, MaximumRetryAttempts: 1, DestinationConfig: { OnFailure: { Destination: !GetAtt Queue.Arn } } }
      Rule:
        Type: AWS::Events::Rule
        Properties:
          EventPattern: { detail: { document-name: [!Ref Document] } }
          ScheduleExpression: rate(1 minute)
          Targets: [{ Id: f, Arn: !GetAtt Function.Arn, RetryPolicy: { MaximumRetryAttempts: 3 }, DeadLetterConfig: { Arn: !GetAtt Queue.Arn } }]
      Permission:
        Type: AWS::Lambda::Permission
        Properties: { FunctionName: !GetAtt Function.Arn, Action: 'lambda:InvokeFunction', Principal: events.amazonaws.com, SourceArn: !GetAtt Rule.Arn }
    Outputs:
      FullName: { Value: !GetAtt LoadBalancer.LoadBalancerFullName }`;

  const role = (...policies: string[]) => `
      Resources:
        Role:
          Type: AWS::IAM::Role
          Properties:
            AssumeRolePolicyDocument: {}
            Policies: [${policies.map((policy, at) => `{ PolicyName: p${at}, PolicyDocument: ${policy} }`)}]`;

  test('a role with a policy that IAM would not take is not made', async () => {
    const statement = '{ Effect: Allow, Action: "ec2:CreateRoute" }';
    await expect(world().deploy('s', role(`{ Version: '2012-10-17', Statement: [${statement}] }`))).rejects.toThrow(
      /^Role could not be made: MalformedPolicyDocument: Statement/,
    );
  });

  test('a role whose policies together are larger than IAM has room for is not made', async () => {
    const policy = (name: string) =>
      `{ Version: '2012-10-17', Statement: [{ Effect: Allow, Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/${name}' }] }`;
    const own = JSON.stringify(parse(policy(''))).length;
    const most = 10_240 - 2 * own;
    await expect(world().deploy('s', role(policy('x'.repeat(most)), policy('')))).resolves.toBeDefined();
    await expect(world().deploy('s', role(policy('x'.repeat(most)), policy('x')))).rejects.toThrow(
      /^Role could not be made: LimitExceeded: Maximum policy size of 10240 bytes exceeded for role s-Role-/,
    );
  });

  test('a queue for what a function fails at needs a role that may send there', async () => {
    const { buckets, deploy } = world();
    const begun = await deploy('product', bucket);
    const bucketName = begun.resources.get('Bucket')?.made.ref ?? '';
    const put = { method: 'PUT', url: `/${bucketName}/f.zip`, headers: {}, body: zipSync({ 'f.mjs': strToU8('') }) };
    await buckets.service.handle(put, { accessKeyId: '', principal: '' });
    const other = product.replace("Action: 'sqs:SendMessage'", "Action: 'sqs:ReceiveMessage'");
    const { vpcId = '', subnetIds = '' } = (await deploy('network', network, { ImageId: 'ami-client' })).outputs;
    await expect(deploy('product', other, { VpcId: vpcId, SubnetIds: subnetIds }, begun)).rejects.toThrow(
      /^InvokeConfig could not be made: .*execution role does not have permissions to call SendMessage on arn:aws:sqs:/,
    );
  });

  test('everything the product is made of stands, and goes', async () => {
    const { clock, ec2, elb, ssm, lambda, buckets, queues, roles, deploy } = world();
    const { outputs } = await deploy('network', network, { ImageId: 'ami-client' });
    const begun = await deploy('product', bucket);
    const bucketName = begun.resources.get('Bucket')?.made.ref ?? '';
    const put = { method: 'PUT', url: `/${bucketName}/f.zip`, headers: {}, body: zipSync({ 'f.mjs': strToU8('') }) };
    await buckets.service.handle(put, { accessKeyId: '', principal: '' });
    const parameters = { VpcId: outputs.vpcId ?? '', SubnetIds: outputs.subnetIds ?? '' };
    const stack = await deploy('product', product, parameters, begun);

    const { LoadBalancers } = await elb.describeLoadBalancers();
    expect(LoadBalancers).toMatchObject([{ Type: 'gateway', State: { Code: 'active' }, VpcId: outputs.vpcId }]);
    expect(stack.outputs.FullName).toMatch(/^gwy\/product-LoadBalance-\w{12}\/\w+$/);
    const { TargetGroups } = await elb.describeTargetGroups();
    expect(TargetGroups).toMatchObject([{ Port: 6081, HealthCheckPort: '8081', Matcher: { HttpCode: '200-399' } }]);
    const { ServiceConfigurations } = await ec2.describeVpcEndpointServiceConfigurations();
    expect(ServiceConfigurations).toMatchObject([
      { AcceptanceRequired: true, GatewayLoadBalancerArns: [LoadBalancers?.[0]?.LoadBalancerArn] },
    ]);
    const ServiceId = ServiceConfigurations?.[0]?.ServiceId;
    const { AllowedPrincipals } = await ec2.describeVpcEndpointServicePermissions({ ServiceId });
    expect(AllowedPrincipals).toMatchObject([{ Principal: `arn:aws:iam::${account}:root` }]);
    const { Document } = await ssm.describeDocument({ Name: stack.resources.get('Document')?.made.ref });
    expect(Document).toMatchObject({ Status: 'Active', SchemaVersion: '2.2' });
    const queueArn = `arn:aws:sqs:${region}:${account}:${stack.resources.get('Queue')?.made.attributes?.QueueName}`;
    expect(queues.contents()).toEqual({ [queueArn]: [] });
    expect([...roles.values()]).toMatchObject([{ policies: [{ document: { Statement: [{ Resource: queueArn }] } }] }]);
    expect(
      lambda.mayInvoke('demo-f', 'events.amazonaws.com', `${stack.resources.get('Rule')?.made.attributes?.Arn}`),
    ).toBe(true);
    expect(
      lambda.mayInvoke('demo-f', 'events.amazonaws.com', 'arn:aws:events:eu-central-1:111122223333:rule/other'),
    ).toBe(false);
    expect(lambda.mayInvoke('demo-f', 's3.amazonaws.com', `${stack.resources.get('Rule')?.made.attributes?.Arn}`)).toBe(
      false,
    );

    // A zone more is one of the load balancer's, and not by itself one of its service's.
    const third = { VpcId: parameters.VpcId, CidrBlock: '10.0.2.0/24', AvailabilityZone: `${region}c` };
    const { Subnet } = await ec2.createSubnet(third);
    const SubnetIds = `${parameters.SubnetIds},${Subnet?.SubnetId}`;
    await deploy('product', product, { ...parameters, SubnetIds }, stack);
    expect((await elb.describeLoadBalancers()).LoadBalancers?.[0]?.AvailabilityZones).toHaveLength(3);
    const { ServiceConfigurations: services } = await ec2.describeVpcEndpointServiceConfigurations();
    expect(services?.[0]?.AvailabilityZones).toHaveLength(2);

    await buckets.service.handle({ ...put, method: 'DELETE' }, { accessKeyId: '', principal: '' });
    await clock.run(deleteStack(stack));
    expect((await elb.describeLoadBalancers()).LoadBalancers).toEqual([]);
    expect((await elb.describeTargetGroups()).TargetGroups).toEqual([]);
    expect((await ec2.describeVpcEndpointServiceConfigurations()).ServiceConfigurations).toEqual([]);
    expect(lambda.has('demo-f')).toBe(false);
    expect(queues.contents()).toEqual({});
    expect(roles.size).toBe(0);
    await lambda.close();
  });

  test('an error of AWS names the resource, and leaves nothing', async () => {
    const { ec2, deploy } = world();
    const yaml = `
      Resources:
        Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
        Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.9.0.0/24 } }`;
    await expect(deploy('bad', yaml)).rejects.toThrow("Subnet could not be made: The CIDR '10.9.0.0/24' is invalid.");
    expect((await ec2.describeVpcs()).Vpcs).toEqual([]);
  });
});
