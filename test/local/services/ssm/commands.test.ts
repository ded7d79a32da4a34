import * as ec2 from '@aws-sdk/client-ec2';
import * as ssm from '@aws-sdk/client-ssm';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ExecResult } from '../../../../local/fabric/fabric.ts';
import { AnswerLost } from '../../../../local/services/ssm/run-shell-script.ts';
import { ACCOUNT, given, launch, REGION, type TestCloud, testCloud, testVpc } from '../../../support/cloud.ts';

let cloud: TestCloud;
let vpc: Awaited<ReturnType<typeof testVpc>>;
let router: string;
beforeEach(async () => {
  cloud = testCloud();
  vpc = await testVpc(cloud);
  [router = ''] = await launch(cloud, vpc.a0);
});

const send = (input: Partial<ssm.SendCommandCommandInput> = {}) =>
  cloud.ssm.send(
    new ssm.SendCommandCommand({
      DocumentName: 'AWS-RunShellScript',
      ...(!input.Targets && { InstanceIds: [router] }),
      Parameters: { commands: ['id'] },
      ...input,
    }),
  );
async function sent(input?: Partial<ssm.SendCommandCommandInput>): Promise<string> {
  return given((await send(input)).Command?.CommandId);
}
const invocation = (CommandId: string, rest: Partial<ssm.GetCommandInvocationCommandInput> = {}) =>
  cloud.ssm.send(new ssm.GetCommandInvocationCommand({ CommandId, InstanceId: router, ...rest }));
async function command(CommandId: string) {
  return given((await cloud.ssm.send(new ssm.ListCommandsCommand({ CommandId }))).Commands?.[0]);
}
async function agent(id = router) {
  const { InstanceInformationList } = await cloud.ssm.send(
    new ssm.DescribeInstanceInformationCommand({ Filters: [{ Key: 'InstanceIds', Values: [id] }] }),
  );
  return InstanceInformationList?.[0];
}
const ping = async (id?: string) => (await agent(id))?.PingStatus;
const heardAt = async () => given((await agent())?.LastPingDateTime).getTime();
const statuses = (type = 'EC2 Command Invocation Status-change Notification') =>
  cloud.events.filter((event) => event['detail-type'] === type).map(({ detail }) => detail.status);

describe('an agent', () => {
  test('is absent until it has registered, half a minute after the instance runs', async () => {
    const { Instances } = await cloud.ec2.send(
      new ec2.RunInstancesCommand({ ImageId: 'ami', MinCount: 1, MaxCount: 1, SubnetId: vpc.a0 }),
    );
    const id = given(Instances?.[0]?.InstanceId);
    await cloud.clock.run(49_999);
    expect(await ping(id)).toBeUndefined();
    await expect(send({ InstanceIds: [id] })).rejects.toMatchObject({
      name: 'InvalidInstanceId',
      message: `Instances [[${id}]] not in a valid state for account ${ACCOUNT}`,
    });
    await cloud.clock.run(1);
    expect(await ping(id)).toBe('Online');
    await send({ InstanceIds: [id] });
  });

  test('is lost minutes after its instance stopped, and back after it started', async () => {
    await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(299_999);
    expect(await ping()).toBe('Online');
    await cloud.clock.run(1);
    expect(await ping()).toBe('ConnectionLost');
    await cloud.ec2.send(new ec2.StartInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(50_000);
    expect(await ping()).toBe('Online');
  });

  test('is lost minutes after its instance crashed, and gets no command, though EC2 calls that running', async () => {
    cloud.cloud.crash(router);
    const id = await sent({ TimeoutSeconds: 60 });
    await cloud.clock.run(299_999);
    expect(await ping()).toBe('Online');
    expect(await command(id)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' });
    expect(cloud.fake.execs).toEqual([]);
    await cloud.clock.run(1);
    expect(await ping()).toBe('ConnectionLost');
    expect(cloud.cloud.state.instances.get(router)?.state).toBe('running');
  });

  test('is heard every five minutes while it is up, and keeps the last of these times', async () => {
    const from = given((await agent())?.RegistrationDate).getTime();
    await cloud.clock.run(from + 599_999 - cloud.clock.now());
    expect(await heardAt()).toBe(from + 300_000);
    await cloud.clock.run(1);
    expect(await heardAt()).toBe(from + 600_000);
    await cloud.clock.run(200_000);
    cloud.cloud.crash(router);
    await cloud.clock.run(200_000);
    // It counts as online for a while, and is heard no more.
    expect([await ping(), await heardAt()]).toEqual(['Online', from + 600_000]);
    await cloud.clock.run(3_600_000);
    expect([await ping(), await heardAt()]).toEqual(['ConnectionLost', from + 600_000]);
    await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(60_000);
    await cloud.ec2.send(new ec2.StartInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(50_000);
    expect([await ping(), await heardAt()]).toEqual(['Online', cloud.clock.now()]);
  });

  test('does not register if its instance stops before', async () => {
    const { Instances } = await cloud.ec2.send(
      new ec2.RunInstancesCommand({ ImageId: 'ami', MinCount: 1, MaxCount: 1, SubnetId: vpc.a0 }),
    );
    const id = given(Instances?.[0]?.InstanceId);
    await cloud.clock.run(30_000);
    await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [id] }));
    await cloud.clock.run(600_000);
    expect(await ping(id)).toBeUndefined();
  });

  test('is gone with its instance', async () => {
    await cloud.ec2.send(new ec2.TerminateInstancesCommand({ InstanceIds: [router] }));
    await expect(send()).rejects.toMatchObject({ name: 'InvalidInstanceId' });
    await cloud.clock.run(60_000);
    expect(await ping()).toBeUndefined();
  });

  test.each<[string, string[], number]>([
    ['PingStatus', ['Online'], 2],
    ['PingStatus', ['Inactive'], 0],
    ['tag:role', ['router'], 1],
    ['PlatformTypes', ['Linux'], 2],
  ])('is found by %s %j', async (Key, Values, count) => {
    await launch(cloud, vpc.a0, { tags: { role: 'router' } });
    const { InstanceInformationList } = await cloud.ssm.send(
      new ssm.DescribeInstanceInformationCommand({ Filters: [{ Key, Values }] }),
    );
    expect(InstanceInformationList).toHaveLength(count);
  });

  test('is found by 100 values of a filter at most', async () => {
    const find = (count: number) => {
      const Values = Array.from({ length: count }, (_, number) => `i-${number}`);
      return cloud.ssm.send(new ssm.DescribeInstanceInformationCommand({ Filters: [{ Key: 'InstanceIds', Values }] }));
    };
    expect((await find(100)).InstanceInformationList).toEqual([]);
    for (const count of [0, 101]) await expect(find(count)).rejects.toMatchObject({ name: 'ValidationException' });
  });
});

describe('a command', () => {
  test('cannot be read at once; is pending, in progress, and a success', async () => {
    let finish = (_result: ExecResult) => {};
    cloud.fake.onExec = () => new Promise((resolve) => (finish = resolve));
    const id = await sent();
    await expect(invocation(id)).rejects.toMatchObject({ name: 'InvocationDoesNotExist' });
    await cloud.clock.run(1000);
    expect(await invocation(id)).toMatchObject({ Status: 'Pending', ResponseCode: -1 });
    await cloud.clock.run(1000);
    expect(await invocation(id)).toMatchObject({ Status: 'InProgress', ResponseCode: -1 });
    expect((await command(id)).Status).toBe('InProgress');
    finish({ code: 0, stdout: 'out', stderr: 'err' });
    await cloud.clock.run(0);
    expect(await invocation(id)).toMatchObject({
      Status: 'Success',
      StatusDetails: 'Success',
      ResponseCode: 0,
      StandardOutputContent: 'out',
      StandardErrorContent: 'err',
      PluginName: 'runShellScript',
    });
    expect(await command(id)).toMatchObject({ Status: 'Success', TargetCount: 1, CompletedCount: 1, ErrorCount: 0 });
    expect(statuses()).toEqual(['InProgress', 'Success']);
    expect(statuses('EC2 Command Status-change Notification')).toEqual(['InProgress', 'Success']);
  });

  test('its event', async () => {
    const id = await sent();
    const requested = new Date(cloud.clock.now()).toISOString();
    await cloud.clock.run(2000);
    expect(
      cloud.events.find(({ detail }) => detail['instance-id'] === router && detail.status === 'Success'),
    ).toMatchObject({
      'detail-type': 'EC2 Command Invocation Status-change Notification',
      source: 'aws.ssm',
      resources: [`arn:aws:ec2:${REGION}:${ACCOUNT}:instance/${router}`],
      detail: { 'command-id': id, 'document-name': 'AWS-RunShellScript', 'requested-date-time': requested },
    });
  });

  test('fails by its exit code', async () => {
    cloud.fake.onExec = async () => ({ code: 3, stdout: '', stderr: '' });
    const id = await sent();
    await cloud.clock.run(2000);
    expect(await invocation(id)).toMatchObject({ Status: 'Failed', StatusDetails: 'Failed', ResponseCode: 3 });
    expect(await command(id)).toMatchObject({ Status: 'Failed', ErrorCount: 1 });
  });

  const FURTHER = 'Further document steps will be skipped.';
  test.each([
    [
      168,
      'Success',
      [
        'out\nStep exited with code 168. Therefore, marking step as succeeded. Further document steps will be skipped.',
        '',
      ],
      'out',
    ],
    [
      169,
      'Failed',
      [
        `out\nStep exited with code 169. Therefore, marking step as Failed. ${FURTHER}`,
        `errfailed to run commands: exit status 169\nStep exited with code 169. Therefore, marking step as Failed. ${FURTHER}`,
      ],
      'out\n----------ERROR-------\nerrfailed to run commands: exit status 169',
    ],
    // The agent kills by it, and takes whoever ends so for killed.
    [137, 'TimedOut', ['out', 'err'], 'out\n----------ERROR-------\nerr'],
    [
      1,
      'Failed',
      ['out', 'errfailed to run commands: exit status 1'],
      'out\n----------ERROR-------\nerrfailed to run commands: exit status 1',
    ],
  ])('that ends with %i is told as %s, with the agent\u2019s own words', async (code, status, outputs, output) => {
    cloud.fake.onExec = async () => ({ code, stdout: 'out', stderr: 'err' });
    const id = await sent();
    await cloud.clock.run(2000);
    const one = await invocation(id);
    expect([one.Status, one.ResponseCode]).toEqual([status, code]);
    expect([one.StandardOutputContent, one.StandardErrorContent]).toEqual(outputs);
    const { CommandInvocations } = await cloud.ssm.send(new ssm.ListCommandInvocationsCommand({ Details: true }));
    expect(CommandInvocations?.[0]?.CommandPlugins).toMatchObject([
      { Status: status, StatusDetails: status === 'TimedOut' ? 'ExecutionTimedOut' : status, Output: output },
    ]);
  });

  test('that asks by 194 for a reboot is run again after it', async () => {
    const codes = [194, 194, 0];
    cloud.fake.onExec = async () => ({ code: codes.shift() ?? 1, stdout: `${codes.length} `, stderr: '' });
    const id = await sent();
    await cloud.clock.run(22_000);
    expect([(await invocation(id)).Status, cloud.fake.execs.length]).toEqual(['InProgress', 2]);
    await cloud.clock.run(20_000);
    expect(await invocation(id)).toMatchObject({ Status: 'Success', StandardOutputContent: '2 1 0 ' });
  });

  test('whose answer is lost stays in progress, for ever', async () => {
    cloud.fake.onExec = () => Promise.reject(new AnswerLost());
    const id = await sent({ TimeoutSeconds: 30, Parameters: { commands: ['id'], executionTimeout: ['5'] } });
    await cloud.clock.run(24 * 3_600_000);
    expect(await invocation(id)).toMatchObject({ Status: 'InProgress', ResponseCode: -1 });
    expect((await command(id)).Status).toBe('InProgress');
  });

  test('times out', async () => {
    cloud.fake.onExec = async () => ({ code: null, stdout: 'so far', stderr: '' });
    const id = await sent({ Parameters: { commands: ['sleep 99'], executionTimeout: ['5'] } });
    await cloud.clock.run(2000);
    expect(cloud.fake.execs[0]?.options?.timeout).toBe(5000);
    expect(await invocation(id)).toMatchObject({
      Status: 'TimedOut',
      StatusDetails: 'ExecutionTimedOut',
      ResponseCode: 137,
      StandardOutputContent: 'so far',
      StandardErrorContent: '',
    });
  });

  test('on an instance that is dead: in progress until its timeout', async () => {
    cloud.fake.onExec = async () => Promise.reject(new Error('is not up'));
    const id = await sent({ Parameters: { commands: ['id'], executionTimeout: ['60'] } });
    await cloud.clock.run(61_000);
    expect((await invocation(id)).Status).toBe('InProgress');
    await cloud.clock.run(1000);
    expect(await invocation(id)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'ExecutionTimedOut' });
  });

  test('for a stopped instance waits for it', async () => {
    await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(60_000);
    const id = await sent({ TimeoutSeconds: 600 });
    await cloud.clock.run(100_000);
    expect((await invocation(id)).Status).toBe('Pending');
    await cloud.ec2.send(new ec2.StartInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(60_000);
    expect((await invocation(id)).Status).toBe('Success');
  });

  test('for an instance that was started again waits for its agent', async () => {
    await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(60_000);
    await cloud.ec2.send(new ec2.StartInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(20_000);
    const id = await sent();
    await cloud.clock.run(29_000);
    expect((await invocation(id)).Status).toBe('Pending');
    await cloud.clock.run(3000);
    expect((await invocation(id)).Status).toBe('Success');
  });

  test('that is never delivered', async () => {
    await cloud.ec2.send(new ec2.StopInstancesCommand({ InstanceIds: [router] }));
    await cloud.clock.run(60_000);
    const id = await sent({ TimeoutSeconds: 30 });
    await cloud.clock.run(30_000);
    expect(await invocation(id)).toMatchObject({ Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' });
    expect(await command(id)).toMatchObject({ Status: 'TimedOut', DeliveryTimedOutCount: 1 });
    expect(cloud.fake.execs).toEqual([]);
  });

  test('shows the first 24,000 bytes of its output, and 8,000 of its errors', async () => {
    cloud.fake.onExec = async () => ({ code: 0, stdout: `a${'o'.repeat(30_000)}`, stderr: `b${'e'.repeat(9000)}` });
    const id = await sent();
    await cloud.clock.run(2000);
    const { StandardOutputContent, StandardErrorContent } = await invocation(id);
    expect(StandardOutputContent).toBe(`a${'o'.repeat(23_979)}--output truncated--`);
    expect(StandardErrorContent).toBe(`b${'e'.repeat(7999)}`);
  });

  test('is listed, newest first, by instance and by status', async () => {
    const first = await sent();
    await cloud.clock.run(5000);
    const second = await sent();
    const ids = async (input: ssm.ListCommandsCommandInput) =>
      (await cloud.ssm.send(new ssm.ListCommandsCommand(input))).Commands?.map(({ CommandId }) => CommandId);
    expect(await ids({})).toEqual([second, first]);
    expect(await ids({ InstanceId: router, Filters: [{ key: 'Status', value: 'Pending' }] })).toEqual([second]);
    expect(await ids({ InstanceId: 'i-00000000000000000' })).toEqual([]);
    const list = async () =>
      (await cloud.ssm.send(new ssm.ListCommandInvocationsCommand({ Details: true }))).CommandInvocations;
    // The second cannot be read yet.
    expect(await list()).toMatchObject([
      { CommandId: first, CommandPlugins: [{ Name: 'runShellScript', ResponseCode: 0 }] },
    ]);
    await cloud.clock.run(1000);
    expect(await list()).toHaveLength(2);
  });
});

describe('many instances', () => {
  let fleet: string[];
  beforeEach(async () => {
    fleet = await launch(cloud, vpc.b0, { count: 6, tags: { role: 'edge' } });
  });

  test('are found by tag, and run as many at once as is allowed', async () => {
    let running = 0;
    let most = 0;
    cloud.fake.onExec = async () => {
      most = Math.max(most, ++running);
      await cloud.clock.sleep(1000);
      running--;
      return { code: 0, stdout: '', stderr: '' };
    };
    const id = await sent({ Targets: [{ Key: 'tag:role', Values: ['edge'] }], MaxConcurrency: '34%' });
    await cloud.clock.run(60_000);
    expect(await command(id)).toMatchObject({ Status: 'Success', TargetCount: 6, CompletedCount: 6 });
    expect(cloud.fake.execs.map(({ instanceId }) => instanceId)).toEqual(fleet);
    expect(most).toBe(2);
  });

  test('stop after more errors than are allowed', async () => {
    cloud.fake.onExec = async () => ({ code: 1, stdout: '', stderr: '' });
    const id = await sent({ InstanceIds: fleet, MaxConcurrency: '1', MaxErrors: '1' });
    await cloud.clock.run(60_000);
    expect(cloud.fake.execs).toHaveLength(2);
    expect(await command(id)).toMatchObject({ Status: 'Failed', ErrorCount: 2, CompletedCount: 6 });
    const { CommandInvocations } = await cloud.ssm.send(new ssm.ListCommandInvocationsCommand({ CommandId: id }));
    expect(CommandInvocations?.map(({ StatusDetails }) => StatusDetails)).toEqual([
      'Failed',
      'Failed',
      'Terminated',
      'Terminated',
      'Terminated',
      'Terminated',
    ]);
  });

  test('none that matches is no error', async () => {
    const id = await sent({ Targets: [{ Key: 'tag:role', Values: ['none'] }] });
    await cloud.clock.run(0);
    expect(await command(id)).toMatchObject({ StatusDetails: 'NoInstancesInTag', TargetCount: 0 });
  });
});

describe('SendCommand refuses', () => {
  test.each<[string, () => Partial<ssm.SendCommandCommandInput>, string]>([
    ['an unknown document', () => ({ DocumentName: 'Nothing' }), 'InvalidDocument'],
    ['an unknown version', () => ({ DocumentVersion: '9' }), 'InvalidDocumentVersion'],
    ['an unknown parameter', () => ({ Parameters: { commands: ['id'], x: ['y'] } }), 'InvalidParameters'],
    ['a missing parameter', () => ({ Parameters: {} }), 'InvalidParameters'],
    ['one bad instance of two', () => ({ InstanceIds: [router, 'i-00000000000000000'] }), 'InvalidInstanceId'],
    ['an instance twice', () => ({ InstanceIds: [router, router] }), 'DuplicateInstanceId'],
    [
      'instances and targets',
      () => ({ InstanceIds: [router], Targets: [{ Key: 'tag:a', Values: ['b'] }] }),
      'ValidationException',
    ],
    ['neither', () => ({ InstanceIds: [] }), 'ValidationException'],
    ['a short timeout', () => ({ TimeoutSeconds: 29 }), 'ValidationException'],
    [
      'more than fifty',
      () => ({ InstanceIds: Array.from({ length: 51 }, (_, index) => `i-${index}`) }),
      'ValidationException',
    ],
    ['a share of words', () => ({ MaxErrors: 'some' }), 'ValidationException'],
  ])('%s', async (_what, input, name) => {
    await expect(send(input())).rejects.toMatchObject({ name });
    await cloud.clock.run(10_000);
    expect(cloud.fake.execs).toEqual([]);
  });
});
