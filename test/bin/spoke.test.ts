import { spawnSync } from 'node:child_process';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateTagsCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  CreateVpcCommand,
  DeleteVpcCommand,
  DescribeVpcsCommand,
} from '@aws-sdk/client-ec2';
import {
  GetAccountSettingsCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { SQSClient } from '@aws-sdk/client-sqs';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Clients } from '../../bin/clients.ts';
import { run } from '../../bin/run.ts';
import type { Terminal } from '../../bin/terminal.ts';
import { createQueues } from '../../local/events/queues.ts';
import { sqsService } from '../../local/events/sqs.ts';
import { createLogs } from '../../local/services/logs.ts';
import { quotasService } from '../../local/services/service-quotas.ts';
import { identityService } from '../../local/services/sts.ts';
import { cloudFormationService } from '../../local/stack/api.ts';
import { byValue } from '../../local/wire/by-value.ts';
import { inProcess } from '../../local/wire/in-process.ts';
import { createWire } from '../../local/wire/wire.ts';
import { CIDR } from '../shared/subnets/fixtures.ts';
import { SPOKE, type SpokeStage, spokeStage } from '../shared/subnets/spoke-stage.ts';
import { given, launch, REGION } from '../support/cloud.ts';
import { flaws } from './flaws.ts';
import { stackOf, undeployed } from './stage.ts';

const HUB = '111122223333';
const NAME = 'ziti-glb-spoke-test';
const FUNCTION = `${NAME}-subnets`;
const FAILED = `arn:aws:sqs:${REGION}:${SPOKE}:${NAME}-FailedEvents-A`;

let here: SpokeStage;
let account: ReturnType<typeof accountOf>;
beforeEach(async () => {
  here = await spokeStage();
  await here.tagFar(here.far.a1, CIDR);
  await here.tagFar(here.far.b1, CIDR);
  await here.minutes(4);
  jest.spyOn(Date, 'now').mockImplementation(here.cloud.clock.now);
  account = accountOf(here);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await account?.logs.close();
  await here?.close();
});

/** The spoke's account has this beside EC2, and clients that ask there. */
function accountOf({ cloud, spoke, lookers: { lambda: hubs } }: SpokeStage) {
  const place = { region: REGION, account: SPOKE };
  const { clock } = cloud;
  const queues = createQueues();
  queues.create(FAILED);
  const logs = createLogs({ ...place, clock, allows: async () => true, onLog() {} });
  logs.createGroup(`/aws/lambda/${FUNCTION}`);
  const parameters = { ...HUB_GIVEN, withoutRouter: 'withdraw' };
  const deployed = stackOf(NAME, { Metadata: { 'ziti-glb': { version: '0.1.0', parameters } } });
  const wire = createWire(
    {
      ...cloud.cloud.services,
      logs: logs.service,
      sqs: sqsService(queues, clock),
      servicequotas: quotasService(place),
      sts: identityService(SPOKE),
      cloudformation: cloudFormationService(() => [deployed], place, undeployed),
    },
    { principal: () => `arn:aws:iam::${SPOKE}:role/operator`, middleware: [] },
  );
  const config = {
    region: REGION,
    credentials: { accessKeyId: SPOKE, secretAccessKey: 'secret' },
    requestHandler: inProcess(wire),
    maxAttempts: 1,
  };
  const Variables = {
    ...{ STACK: spoke.stack, TAG_KEY: 'ziti-glb', ACCOUNT: SPOKE, CLIENT_VPCS: 'all' },
    ...{ HUB_SERVICE: spoke.hubService, HUB_HEALTH: spoke.hubHealth, DEFAULT_CIDRS: '100.64.0.0/10' },
    ...{ ENDPOINTS: 'subnet', MAIN_ROUTE_TABLE: 'refuse', WITHOUT_ROUTER: 'keep', DNS_RESOLVER: '100.127.255.254' },
    ...{ ENDPOINTS_PER_VPC: '50', ROUTES_PER_TABLE: '500' },
  };
  /** Names of functions that were woken. */
  const woken: string[] = [];
  const lambda = {
    middlewareStack: { add() {} },
    async send(command: object) {
      if (command instanceof GetFunctionConfigurationCommand) {
        const { FunctionName = '' } = command.input;
        if (FunctionName !== FUNCTION)
          throw Object.assign(new Error(FunctionName), { name: 'ResourceNotFoundException' });
        return {
          Environment: { Variables },
          Runtime: 'nodejs24.x',
          LastModified: '2026-11-29T05:00:00',
          CodeSha256: 'x',
        };
      }
      if (command instanceof GetAccountSettingsCommand)
        return { AccountLimit: { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 999 } };
      if (command instanceof InvokeCommand && command.input.FunctionName === spoke.hubHealth)
        return hubs.send(command as never);
      woken.push(String(Object(command).input.FunctionName));
      return {};
    },
  } as unknown as LambdaClient;
  const clients = () =>
    ({
      ec2: byValue(cloud.ec2Of(SPOKE), cloud.wire),
      lambda,
      logs: new CloudWatchLogsClient(config),
      sqs: new SQSClient(config),
      ssm: new SSMClient(config),
      quotas: new ServiceQuotasClient(config),
      cloudFormation: new CloudFormationClient(config),
      sts: new STSClient(config),
    }) as unknown as Clients;
  return { clients, logs, queues, woken };
}

const HUB_GIVEN = {
  hubService: 'com.amazonaws.vpce.eu-central-1.vpce-svc-0',
  hubHealth: 'arn:aws:lambda:r:1:function:x',
};

/** Runs a command in the spoke's account. Resolves to its exit code and what it said. */
async function say(...argv: string[]) {
  const said: string[] = [];
  const terminal: Terminal = {
    out: (...lines: string[]) => void said.push(...lines),
    err: (...lines: string[]) => void said.push(...lines),
    progress() {},
    paint: (_, text) => text,
    confirm: async () => true,
    clear() {},
    sleep: async (ms) => {
      await here.farPass();
      await here.cloud.clock.run(ms);
    },
    atInterrupt() {},
  };
  const code = await run([...argv, '--stack', NAME], terminal, account.clients);
  return { code, said: said.join('\n') };
}

test('status shows a spoke’s subnets by account, VPC and zone, why one is refused, and what the hub tells', async () => {
  const { code, said } = await say('status');
  expect(code).toBe(0);
  expect(said).toMatch(/^ziti-glb-spoke +a spoke +eu-central-1/);
  expect(said).toMatch(
    new RegExp(
      `VPC ${here.far.vpc} of account ${SPOKE}\nSUBNET .*\n${here.far.a1} +eu-central-1a +ready +vpce-\\S+ available`,
    ),
  );
  expect(said).toMatch(/the service of account 111122223333 is not in eu-central-1b, which is euc1-az1/);
  expect(said).not.toMatch(/ROUTER +ZONE|LOAD BALANCER/);
  const hub = `Hub of account ${HUB}: ${here.spoke.hubService}; healthy routers as it told 0 s ago`;
  expect(said).toMatch(new RegExp(`\n${hub}\nZONE +ID +HEALTHY ROUTERS\n.*\neu-central-1a +euc1-az3 +2\n`));
  expect(JSON.parse((await say('status', '--json')).said)).toMatchObject({
    ...{ account: SPOKE, vpcId: '', hub: { account: HUB, visible: true, toldAt: expect.any(Number) } },
  });
});

test('status tells of a hub that says nothing, and of one that is not there for the account', async () => {
  here.hear('refuses');
  await here.permit(false);
  const { code, said } = await say('status');
  expect(code).toBe(0);
  expect(said).toMatch(
    /\nHub of account 111122223333: \S+, which is not there for this account; which routers are healthy is not known: \S+-health does not answer \(AccessDeniedException\)\n/,
  );
});

test('status waits for a spoke that is ready, which has no routers to wait for', async () => {
  expect(await say('status', '--for=ready', '--timeout=0')).toMatchObject({ code: 2 });
  await here.untagFar(here.far.b1);
  await here.minutes(2);
  expect(await say('status', '--for=ready', '--timeout=0')).toMatchObject({ code: 0 });
});

test('plan says what a tag would do there', async () => {
  expect(await say('plan')).toMatchObject({ code: 0 });
  const { code, said } = await say('plan', '--with', `${here.far.a1}=10.40.0.0/16`);
  expect([code, said]).toEqual([2, expect.stringContaining('10.40.0.0/16')]);
  expect(said).not.toContain('routers');
});

test('drain opts all out, and waits until nothing is left', async () => {
  const { code, said } = await say('drain', '--yes');
  expect([code, said]).toEqual([0, expect.stringContaining('Drained: no route and no endpoint is left.')]);
  expect(await here.farEndpoints()).toEqual([]);
});

test('a transit gateway that has an attachment in a subnet there is looked at by doctor and explain', async () => {
  const { TransitGateway } = await here.people.send(new CreateTransitGatewayCommand({}));
  const { TransitGatewayVpcAttachment } = await here.people.send(
    new CreateTransitGatewayVpcAttachmentCommand({
      ...{ TransitGatewayId: TransitGateway?.TransitGatewayId, VpcId: here.far.vpc, SubnetIds: [here.far.a1] },
    }),
  );
  await here.cloud.clock.run(60_000);
  const off = `${TransitGatewayVpcAttachment?.TransitGatewayAttachmentId}: appliance mode is off`;
  expect((await say('doctor')).said).toContain(off);
  expect((await say('explain', here.far.a1)).said).toContain(off);
});

test('what is about routers is refused in one sentence, with where to ask', async () => {
  const { code, said } = await say('router', 'router-1');
  expect([code, said.split('\n')[0]]).toEqual([
    64,
    `router is of routers, and ${NAME} has none: its routers are the hub's, in account ${HUB}, where ziti-glb-test is the stack to ask`,
  ]);
});

describe('explain', () => {
  test('follows a packet to the hub, and says how many routers that has and how old that answer is', async () => {
    await here.cloud.clock.run(7_000);
    const { code, said } = await say('explain', here.far.a1);
    expect([code, said]).toEqual([0, expect.stringContaining('The whole chain holds.')]);
    expect(said).toMatch(
      new RegExp(`ok +VPC +it is in ${here.far.vpc} of account ${SPOKE}, and the routers in account ${HUB}`),
    );
    expect(said).toMatch(new RegExp(`ok +endpoint service +com\\.amazonaws\\.vpce\\S+ of account ${HUB}\n`));
    expect(said).toMatch(/ok +router +2 healthy for eu-central-1a \(euc1-az3\), as account 111122223333 told 0 s ago/);
  });

  test('finds a client by its address, and says that services are the hub’s', async () => {
    const { code, said } = await say('explain', '10.0.1.9', '10.20.0.5:443');
    expect([code, said]).toEqual([0, expect.stringMatching(/ok +destination +10\.20\.0\.5 takes the route 10\.20/)]);
    expect(said).toMatch(/Which service takes it was not asked: its routers are the hub's, in account 111122223333/);
  });

  test('names what is broken: the zone, the service, the routers', async () => {
    expect(await say('explain', here.far.b1)).toMatchObject({
      ...{ code: 2, said: expect.stringMatching(/first broken link is wish: the service of account .* is not in/) },
    });
    here.hub.cloud.fake.onProbe = () => ({ healthy: false, reason: 'Target.Timeout' });
    await here.minutes(2);
    expect(await say('explain', here.far.a1)).toMatchObject({
      ...{ code: 2, said: expect.stringMatching(/first broken link is router: 0 healthy for eu-central-1a/) },
    });
    await here.permit(false);
    expect(await say('explain', here.far.a1)).toMatchObject({
      ...{
        code: 2,
        said: expect.stringMatching(/first broken link is endpoint service: .* is it in the hub's spokeAccounts/),
      },
    });
  });

  test('calls nothing broken that is not known, and says so', async () => {
    here.hear('fails');
    const { code, said } = await say('explain', here.far.a1);
    expect([code, said]).toEqual([0, expect.stringMatching(/Nobody knows which routers of account 1111.* failed/)]);
    expect(said).not.toMatch(/ok +router/);
    const towards = await say('explain', here.far.a1, '10.99.0.5');
    expect(towards).toMatchObject({ code: 2, said: expect.stringMatching(/first broken link is destination/) });
  });

  test('of what is not there says where it looked', async () => {
    const { code, said } = await say('explain', 'app-z');
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(/app-z is no subnet or route table in vpc-.* in account 1111/),
    ]);
  });
});

describe('doctor', () => {
  const findings = async () => {
    const { code, said } = await say('doctor', '--json');
    const all: { is: string; check: string; says: string; remedy: string }[] = JSON.parse(said);
    return { code, all, of: (check: string) => all.filter((each) => each.check === check) };
  };

  test('finds all in order where it is', async () => {
    await here.untagFar(here.far.b1);
    await here.minutes(2);
    const { code, all, of } = await findings();
    expect(all.filter(({ is }) => is !== 'ok')).toEqual([]);
    expect(code).toBe(0);
    expect(of('hub')).toMatchObject([{ says: expect.stringMatching(/vpce-svc-\w+ of account 111122223333 is there/) }]);
    expect(of('zones')).toMatchObject([
      {},
      { says: 'eu-central-1a (euc1-az3): 2 healthy for it in account 111122223333, told 0 s ago' },
    ]);
    expect(of('quotas')).toMatchObject([
      { says: expect.stringMatching(/^Interface VPC endpoints per VPC: 1 of 50 in vpc-/) },
      { says: expect.stringMatching(/^Routes per route table: \d of \d+ in rtb-/) },
    ]);
    expect(of('encryption controls')).toHaveLength(1);
    expect(of('routers')).toEqual([]);
  });

  test('finds a hub without routers, one that does not answer and one that is not there, with what to do', async () => {
    here.hub.cloud.fake.onProbe = () => ({ healthy: false, reason: 'Target.Timeout' });
    await here.minutes(2);
    const dead = await findings();
    expect(dead.code).toBe(2);
    expect(dead.of('zones')[1]).toMatchObject({
      is: 'fault',
      says: expect.stringMatching(/0 healthy .* 1 subnets there/),
    });
    here.hear('refuses');
    await here.permit(false);
    expect((await findings()).of('hub')).toMatchObject([
      {
        is: 'fault',
        remedy: expect.stringMatching(/have account 111122223333 name 222233334444 in its spokeAccounts/),
      },
      {
        is: 'warning',
        says: expect.stringMatching(/nobody knows .*AccessDenied/),
        remedy: expect.stringMatching(/may invoke/),
      },
    ]);
  });
});

describe('pause', () => {
  const paused = async () => {
    const { Vpcs = [] } = await here.people.send(new DescribeVpcsCommand({}));
    return Vpcs.filter(({ Tags }) => Tags?.some(({ Key }) => Key === 'ziti-glb:paused')).map(({ VpcId }) => VpcId);
  };

  test('has the spoke’s function change nothing, is shown, calls nobody, and ends with resume', async () => {
    const { Vpc } = await here.people.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    expect(await say('pause', 'change 4711')).toMatchObject({
      ...{ code: 0, said: expect.stringMatching(/is paused, by the tag ziti-glb:paused of vpc-\w+, vpc-\w+: from/) },
    });
    expect((await paused()).toSorted()).toEqual([here.far.vpc, given(Vpc?.VpcId)].toSorted());
    await here.untagFar(here.far.a1);
    const { spoke } = await here.minutes(3);
    expect(await here.routed(here.tables.a1)).toContain(CIDR);
    expect(spoke.join('\n')).toMatch(
      /waits for a person to resume it .* paused since 2026-01-15 \d\d:\d\d UTC: change 4711/,
    );
    const { said } = await say('status');
    expect(said).toMatch(/\npaused since .*: change 4711\. Nothing is changed until: .* resume --stack ziti-glb-spoke/);
    expect((await say('plan')).said).toMatch(
      /^\S+ is paused since .*\. Resumed, it would do this:\n[\s\S]*delete-route/,
    );
    expect((await say('explain', here.far.a1)).said).toMatch(/the stack is paused since/);
    expect((await say('doctor')).said).toMatch(/warning +pause +the stack is paused since/);
    expect(await say('drain', '--yes')).toMatchObject({ code: 2, said: expect.stringMatching(/Nothing was changed/) });

    expect(await say('pause')).toMatchObject({ said: expect.stringMatching(/is paused since .* Nothing was changed/) });
    expect(await say('resume')).toMatchObject({
      code: 0,
      said: expect.stringMatching(/goes on\. It was paused since/),
    });
    expect(account.woken).toEqual([FUNCTION]);
    expect(await paused()).toEqual([]);
    await here.minutes(3);
    expect(await here.routed(here.tables.a1)).toEqual([]);
    expect(await say('resume')).toMatchObject({ code: 0, said: expect.stringMatching(/is not paused/) });
  });

  /** Called before EC2 is asked for the first time for this. */
  const before = (name: string, work: () => Promise<unknown>) => {
    const { clients } = account;
    let done = false;
    account.clients = () => {
      const all = clients();
      all.ec2.middlewareStack.add(
        (next, { commandName }) =>
          async (args) => {
            if (commandName === name && !done) {
              done = true;
              await work();
            }
            return next(args);
          },
        { step: 'initialize' },
      );
      return all;
    };
  };
  const another = async () => {
    const { Vpc } = await here.people.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    return given(Vpc?.VpcId);
  };
  const fill = (id: string) =>
    here.people.send(
      new CreateTagsCommand({
        ...{ Resources: [id], Tags: Array.from({ length: 50 }, (_, index) => ({ Key: `own-${index}`, Value: '' })) },
      }),
    );

  test('takes where one VPC has 50 tags, and names that, but not where each of them has', async () => {
    const full = await another();
    await fill(full);
    const { code, said } = await say('pause');
    expect(code).toBe(0);
    expect(said).toMatch(new RegExp(`^${full} could not be tagged, and another one is enough\\. TagLimitExceeded`));
    expect(said).toMatch(new RegExp(`is paused, by the tag ziti-glb:paused of ${here.far.vpc}: from`));
    expect(await paused()).toEqual([here.far.vpc]);
    await say('resume');
    await fill(here.far.vpc);
    expect(await say('pause')).toMatchObject({ code: 1, said: expect.stringMatching(/^TagLimitExceeded/) });
    expect(await paused()).toEqual([]);
  });

  test('takes where one VPC is deleted meanwhile, and ends where one is', async () => {
    const gone = [await another(), await another()];
    const remove = async () => here.people.send(new DeleteVpcCommand({ VpcId: gone.pop() }));
    before('CreateTagsCommand', remove);
    const { code, said } = await say('pause');
    expect([code, said]).toEqual([0, expect.stringMatching(/^vpc-\w+ could not be tagged, .* InvalidVpcID\.NotFound/)]);
    expect(await paused()).toHaveLength(2);
    before('DeleteTagsCommand', remove);
    expect(await say('resume')).toMatchObject({ code: 0, said: expect.stringMatching(/^ziti-glb-\S+ goes on/) });
    expect(await paused()).toEqual([]);
  });

  test('holds where a single VPC says it, and of several begins with the first', async () => {
    const { Vpc } = await here.people.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    const Tags = [{ Key: 'ziti-glb:paused', Value: 'by hand' }];
    await here.people.send(new CreateTagsCommand({ Resources: [given(Vpc?.VpcId)], Tags }));
    expect((await say('status')).said).toMatch(/\npaused: by hand\. Nothing is changed/);
  });
});

test.each(['status', 'plan', 'doctor', 'versions', 'config', 'bundle'])(
  '%s --json is of the schema',
  async (command) => {
    const { said } = await say(command, ...(command === 'bundle' ? [] : ['--json']));
    expect(flaws(command, JSON.parse(said))).toEqual([]);
  },
);

describe('precheck', () => {
  const given = (more: Record<string, string> = {}) => {
    const { hubService, hubHealth } = here.spoke;
    return Object.entries({ hubService, hubHealth, ...more }).flatMap(([name, value]) => ['-p', `${name}=${value}`]);
  };

  test('of a spoke asks for its hub, the VPCs that it names, quotas and names', async () => {
    const { code, said } = await say('precheck', ...given({ clientVpcs: here.far.vpc }));
    expect(said).toMatch(/ok +hub +com\.amazonaws\S+ of account 111122223333 is there/);
    expect(said).toMatch(/ok +zones +euc1-az3: 2 healthy for it in account 111122223333, told 0 s ago/);
    expect(said).toMatch(new RegExp(`ok +VPC +${here.far.vpc} is there`));
    expect(said).toMatch(new RegExp(`ok +encryption controls +${here.far.vpc} has none`));
    expect(said).toMatch(/ok +quotas +Interface VPC endpoints per VPC: 1 of 50 in vpc-/);
    expect(said).toMatch(/ok +names +the stack ziti-glb-spoke-test is there, version 0\.1\.0: this would change it/);
    expect(code).toBe(0);
  });

  test('finds a hub that does not let the account, one that does not tell, a VPC that is not there and a pause', async () => {
    await say('pause', 'change 4711');
    await here.permit(false);
    here.hear('refuses');
    const { code, said } = await say('precheck', ...given({ clientVpcs: 'vpc-0123456789abcdef0' }));
    expect(code).toBe(2);
    expect(said).toMatch(/fault +hub +\S+ is not there for account 222233334444/);
    expect(said).toMatch(/warning +hub +nobody knows which routers of account 111122223333 are healthy/);
    expect(said).toMatch(/fault +VPC +vpc-0123456789abcdef0 is not there/);
    expect((await say('precheck', ...given())).said).toMatch(/warning +pause +the stack would be paused since .*4711/);
  });

  test('warns of a zone without healthy routers, and speaks of no subnets, for there are none yet', async () => {
    here.hub.cloud.fake.onProbe = () => ({ healthy: false, reason: 'Target.Timeout' });
    await here.minutes(2);
    const { code, said } = await say('precheck', ...given({ clientVpcs: here.far.vpc }));
    expect([code, said]).toEqual([
      0,
      expect.stringMatching(/warning +zones +euc1-az3: 0 healthy for it in account 111122223333, told \d+ s ago\n/),
    ]);
  });

  test('leaves out VPCs that other stacks have claimed, and names them: a pause there is theirs', async () => {
    const Tags = [{ Key: 'ziti-glb:paused', Value: 'by its people' }];
    const { Vpc } = await here.people.send(
      new CreateVpcCommand({ CidrBlock: '10.9.0.0/16', TagSpecifications: [{ ResourceType: 'vpc', Tags }] }),
    );
    const Name = `/ziti-glb/${Vpc?.VpcId}/ziti-glb`;
    const ssm = here.cloud.ssmOf(SPOKE);
    const claimedBy = (Value: string) =>
      ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }));
    await claimedBy('ziti-glb-dev');
    const theirs = `${Vpc?.VpcId}: the stack ziti-glb-dev opts its subnets in by the tag ziti-glb, and so this one does not`;
    const all = await say('precheck', ...given());
    expect(all.said).toMatch(new RegExp(`ok +VPC +1 of account ${SPOKE}\nnote +VPC +${theirs}\n`));
    expect(all.said).not.toMatch(/ pause /);
    const named = await say('precheck', ...given({ clientVpcs: `${here.far.vpc},${Vpc?.VpcId}` }));
    expect(named.said).toMatch(new RegExp(`ok +VPC +${here.far.vpc} is there, \\S+\nwarning +VPC +${theirs}\n`));
    expect(named.said).not.toMatch(/ pause /);
    // The VPC is named once, as what the stack does not serve.
    expect(named.said.split(String(Vpc?.VpcId))).toHaveLength(2);

    await claimedBy(NAME);
    const own = await say('precheck', ...given());
    expect(own.said).toMatch(new RegExp(`ok +VPC +2 of account ${SPOKE}\nwarning +pause `));
  });

  test('finds a hub of the same account', async () => {
    const own = here.spoke.hubHealth.replace(HUB, SPOKE);
    const { code, said } = await say('precheck', ...given({ hubHealth: own }));
    expect([code, said]).toEqual([2, expect.stringMatching(/fault +hub +it is of this account, 222233334444/)]);
  });

  test.each([
    [{ vpcId: 'vpc-01234567' }, /^There is no parameter vpcId; there are hubService, /],
    [
      { hubService: 'com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0' },
      /^The parameter hubService is in another region/,
    ],
    [{ hubHealth: 'health' }, /^The parameter hubHealth is not the ARN/],
  ])('refuses %j, with nothing asked', async (more, says) => {
    expect(await say('precheck', ...given(more))).toMatchObject({ code: 64, said: expect.stringMatching(says) });
  });
});

test('log is of the one function', async () => {
  account.logs.write(
    FUNCTION,
    JSON.stringify({ level: 'WARN', message: 'vpce-1: rejected' }),
    `arn:aws:iam::${SPOKE}:role/r`,
  );
  await account.logs.close();
  expect(await say('log')).toMatchObject({ code: 0, said: expect.stringMatching(/subnets +WARN +vpce-1: rejected$/) });
});

test('redrive sends events again to the one function, and to none of routers', async () => {
  for (const name of ['subnets', 'routers']) {
    const functionArn = `arn:aws:lambda:${REGION}:${SPOKE}:function:${NAME}-${name}`;
    const record = {
      requestContext: { functionArn, condition: 'RetriesExhausted' },
      requestPayload: { time: '2026-01-15T10:00:00Z', 'detail-type': 'Scheduled Event', resources: [], detail: {} },
    };
    account.queues.send(FAILED, { body: JSON.stringify(record), attributes: {} });
  }
  const { code, said } = await say('redrive', '--yes');
  expect([code, said]).toEqual([2, expect.stringMatching(/1 sent again/)]);
  expect(said).toMatch(/it is for .*-routers, and only ziti-glb-spoke-test-subnets is sent anything/);
  expect(account.woken).toEqual([FUNCTION]);
});

test('versions has the one function, and says whose the routers are', async () => {
  const { code, said } = await say('versions');
  expect([code, said]).toEqual([0, expect.stringMatching(/ziti-glb-spoke-test-subnets +nodejs24\.x/)]);
  expect(said).toMatch(/ziti-glb-spoke-test is a spoke: its routers are the hub's, in account 111122223333/);
});

test('config has a spoke’s own defaults', async () => {
  const { code, said } = await say('config');
  expect(code).toBe(0);
  expect(said).toMatch(/\nhubService +com\.amazonaws\S+ +''\n/);
  expect(said).toMatch(/\nwithoutRouter +withdraw +keep\n/);
  const { defaults, parameters } = JSON.parse((await say('config', '--json')).said);
  expect(defaults).toMatchObject({ hubHealth: '', clientVpcs: 'all' });
  expect(parameters).toMatchObject({ ...HUB_GIVEN, clientVpcs: 'all', withoutRouter: 'withdraw' });
  expect({ ...defaults, ...parameters }).not.toHaveProperty('vpcId');
});

test('bundle has a part of each command that there is of a spoke', async () => {
  const { code, said } = await say('bundle');
  const { config, ...parts } = JSON.parse(said);
  expect(code).toBe(0);
  expect(parts).toMatchObject({
    versions: [{ routers: [] }],
    status: [{ hub: { account: HUB } }],
    plan: [{ subnets: {} }],
    doctor: [expect.any(Array)],
  });
  expect(config).toMatchObject({ subnets: { hubService: here.spoke.hubService } });
});

describe('test', () => {
  /** The router's programs say this. */
  const PROGRAMS = `
ip() { [ "$2" = link ] && echo '2: ens5: <UP> mtu 9001' || echo '10.20.0.5 via 10.0.1.1 dev ens5'; }
curl() { echo 'curl: (7) Failed to connect'; return 7; }
`;
  const client = async () => {
    const [id] = await launch({ ...here.cloud, ec2: here.people }, here.far.a1, { tags: { Name: 'client-a' } });
    here.cloud.fake.onExec = async (_, __, options) => {
      const { status, stdout, stderr } = spawnSync('sh', ['-s'], {
        ...{ encoding: 'utf8', input: PROGRAMS + (options?.stdin ?? '') },
      });
      return { code: status, stdout, stderr };
    };
    return given(id);
  };

  test('asks for a URL, for no router tells of a service here', async () => {
    await client();
    const { code, said } = await say('test', here.far.a1);
    expect([code, said]).toEqual([1, expect.stringMatching(/No service is known here, .*in account 1111.*name a URL/)]);
  });

  test('tries from a client of the subnet, and names each hop up to the hub', async () => {
    const id = await client();
    const { code, said } = await say('test', id, 'https://10.20.0.5/');
    expect(code).toBe(2);
    expect(said).toMatch(/client-a\) to https:\/\/10\.20\.0\.5\//);
    expect(said).toMatch(/ok +destination +10\.20\.0\.5 takes the route/);
    expect(said).toMatch(/ok +router +2 healthy for eu-central-1a/);
    expect(said).toMatch(/BROKEN +connect +curl: \(7\)/);
  });
});
