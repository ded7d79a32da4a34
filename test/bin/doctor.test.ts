import { CreateAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import {
  AcceptVpcEndpointConnectionsCommand,
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  CreateVpcEncryptionControlCommand,
  DescribeInstancesCommand,
  type IpPermission,
  ModifyVpcEncryptionControlCommand,
  ModifyVpcEndpointServicePermissionsCommand,
  type NetworkAcl,
  type NetworkAclEntry,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from '@jest/globals';
import { spokes } from '../../bin/hub-findings.ts';
import { type Filtered, filters, healthCheck, ofType, zones } from '../../bin/load-balancer-findings.ts';
import { fullest, type Quota, quotas } from '../../bin/quota-findings.ts';
import { hooks } from '../../bin/scaling.ts';
import { dnsRanges, encryption, sharing } from '../../bin/vpc-findings.ts';
import { AwsError } from '../../local/wire/errors.ts';
import { table as routeTable, world as seen, subnet } from '../shared/subnets/fixtures.ts';
import { answering, STATUS } from './diverters.ts';
import { askedBy, claimedVpc, deployed, type Extras, inLateZone, STRANGER, type TestStack } from './stage.ts';

const NODE = '10.0.0.7';
const rule = (IpProtocol: string, port: number, CidrIp: string): IpPermission => ({
  IpProtocol,
  FromPort: port,
  ToPort: port,
  IpRanges: [{ CidrIp }],
});
const entry = (fields: Partial<NetworkAclEntry>): NetworkAclEntry => ({
  Egress: false,
  Protocol: '-1',
  RuleAction: 'allow',
  CidrBlock: '0.0.0.0/0',
  RuleNumber: 100,
  ...fields,
});
const OPEN_ACL: NetworkAcl = { NetworkAclId: 'acl-0', Entries: [entry({}), entry({ Egress: true })] };
const OPEN = [rule('udp', 6081, '10.0.0.0/24'), rule('tcp', 8081, '10.0.0.0/24')];
const acl = (...Entries: NetworkAclEntry[]): NetworkAcl => ({ NetworkAclId: 'acl-0', Entries });

describe('what filters packets', () => {
  const judge = (rules: IpPermission[], list = OPEN_ACL, out: IpPermission[] = [], repliesBack = false) => {
    const group = { GroupId: 'sg-0', IpPermissions: rules, IpPermissionsEgress: out };
    const filtered: Filtered = { label: 'i-0', groups: [group], acl: list };
    const found = filters([filtered], [NODE], { healthPort: 8081, repliesBack });
    return found.map(({ is, check, says }) => `${is} ${check} ${says}`);
  };
  const UDP = 'fault security groups i-0: none lets UDP 6081 (GENEVE) in from 10.0.0.7';
  const TCP = 'fault security groups i-0: none lets TCP 8081 (health checks) in from 10.0.0.7';
  const open = ['ok security groups and network ACL i-0: open for GENEVE and health checks'];

  test.each<[string, IpPermission[], string[]]>([
    ['both ports from the node', OPEN, open],
    ['everything from everywhere', [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }], open],
    ['all ports of both', [{ ...rule('udp', 0, '10.0.0.0/8'), ToPort: 65535 }, rule('tcp', 8081, '10.0.0.7/32')], open],
    ['nothing', [], [UDP, TCP]],
    ['no GENEVE', [rule('tcp', 8081, '10.0.0.0/24')], [UDP]],
    ['GENEVE over TCP', [rule('tcp', 6081, '10.0.0.0/24'), rule('tcp', 8081, '10.0.0.0/24')], [UDP]],
    ['another health port', [rule('udp', 6081, '10.0.0.0/24'), rule('tcp', 80, '10.0.0.0/24')], [TCP]],
    ['another network', OPEN.map((one) => ({ ...one, IpRanges: [{ CidrIp: '10.0.1.0/24' }] })), [UDP, TCP]],
    ['members of a group', [{ IpProtocol: '-1', UserIdGroupPairs: [{ GroupId: 'sg-1' }] }], [UDP, TCP]],
  ])('a security group that lets in %s', (_, rules, found) => {
    expect(judge(rules)).toEqual(found);
  });

  test('a prefix list may hold the node, or not', () => {
    const listed = { IpProtocol: 'udp', FromPort: 6081, ToPort: 6081, PrefixListIds: [{ PrefixListId: 'pl-0' }] };
    expect(judge([listed, rule('tcp', 8081, '10.0.0.0/24')])).toEqual([
      'unknown security groups i-0: whether one lets UDP 6081 (GENEVE) in from 10.0.0.7 is for pl-0 to say',
    ]);
    expect(judge([listed, ...OPEN])).toEqual(open);
    expect(judge([{ ...listed, IpProtocol: 'tcp' }, rule('tcp', 8081, '10.0.0.0/24')])).toEqual([UDP]);
  });

  test('replies through the load balancer have to be let out, those of GENEVE that came in are not enough', () => {
    const out = [rule('udp', 6081, '10.0.0.0/24')];
    expect(judge(OPEN, OPEN_ACL, out, true)).toEqual(open);
    const narrow = acl(entry({}), entry({ Egress: true, Protocol: '6' }));
    expect(judge(OPEN, narrow, [], true)).toEqual([
      'fault security groups i-0: none lets UDP 6081 (GENEVE) out to 10.0.0.7',
      'fault network ACL i-0: acl-0 does not let UDP 6081 (GENEVE) out to 10.0.0.7',
    ]);
    expect(judge(OPEN, narrow, [], false)).toEqual(open);
  });

  const both = { From: 6081, To: 8081 };
  test.each<[string, NetworkAclEntry[], RegExp[]]>([
    [
      'denies GENEVE before it allows all',
      [entry({ RuleAction: 'deny', Protocol: '17', RuleNumber: 50 }), entry({}), entry({ Egress: true })],
      [/UDP 6081 \(GENEVE\) in/],
    ],
    [
      'denies GENEVE after it allows all',
      [entry({ RuleAction: 'deny', Protocol: '17', RuleNumber: 150 }), entry({}), entry({ Egress: true })],
      [],
    ],
    [
      'allows the two ports, and ephemeral ones out',
      [
        entry({ Protocol: '17', PortRange: both }),
        entry({ Protocol: '6', PortRange: both }),
        entry({ Egress: true, Protocol: '6', PortRange: { From: 1024, To: 65535 } }),
      ],
      [],
    ],
    ['lets nothing out', [entry({})], [/answers to health checks out to 10\.0\.0\.7/]],
    ['has no rule', [], [/UDP 6081/, /TCP 8081/, /answers/]],
  ])('a network ACL that %s', (_, entries, found) => {
    const said = judge(OPEN, acl(...entries)).filter((text) => text.startsWith('fault network ACL'));
    expect(said).toHaveLength(found.length);
    found.forEach((pattern, index) => void expect(said[index]).toMatch(pattern));
  });
});

test.each([
  [8081, '', 'ok', /^the target group checks TCP 8081$/],
  [8082, '8082', 'ok', /^the target group checks TCP 8082$/],
  [8081, '8082', 'fault', /checks TCP 8081, and routers answer on 8082$/],
  [80, '', 'fault', /checks TCP 80, and routers answer on 8081$/],
])('a target group that checks TCP %i where routers are told %j', (port, wanted, is, says) => {
  expect(healthCheck(port, wanted)).toMatchObject({ is, says: expect.stringMatching(says) });
});

test('a VPC that another account shares is a fault', () => {
  const [own, shared] = ['111122223333', '444455556666'];
  const world = (owner: string) => ({ subnets: [subnet()], routeTables: [routeTable({ owner })] });
  expect(sharing(seen(world(own)), own)).toEqual([]);
  expect(sharing(seen(world(shared)), own)).toMatchObject([
    {
      is: 'fault',
      says: `rtb-a is of account ${shared}, which shares the VPC with ${own}: no route may be written from here`,
    },
  ]);
});

describe('a zone without a healthy router, whose packets may cross to others,', () => {
  const found = (state: string) => {
    const world = seen({ targets: [{ zone: 'b', state }], crossZone: true });
    return zones(world, ['a', 'b'], []).map(({ is, says, remedy }) => [is, says, remedy]);
  };

  test('is served by another one, at a price', () => {
    expect(found('healthy')).toEqual([
      [
        'warning',
        'a: no healthy router; its packets cross to other zones, at the price of that',
        'launch a router in a',
      ],
      ['ok', 'b: has a healthy router', ''],
    ]);
  });

  test('is served by nobody where there is none', () => {
    expect(found('unhealthy')).toEqual([
      [
        'fault',
        'a: no healthy router, nor in another zone; 1 subnets there that are opted in reach nothing',
        'launch a router in a',
      ],
      ['warning', 'b: no healthy router, nor in another zone', 'launch a router in b'],
    ]);
  });
});

test('a target group that was taken has to be of type instance', () => {
  expect(ofType('instance')).toEqual([]);
  expect(ofType('ip')).toMatchObject([
    {
      is: 'fault',
      says: 'its targets are of type ip, and routers are of type instance: nothing is done to any of them',
    },
  ]);
});

test.each<[number, number, boolean, string, string]>([
  [39, 50, true, 'ok', ''],
  [40, 50, true, 'warning', 'ask for more in Service Quotas'],
  [50, 50, true, 'fault', 'ask for more in Service Quotas'],
  [290, 300, false, 'warning', 'it cannot be raised: use fewer, larger routers'],
])('a quota of which %d of %d are used', (used, limit, adjustable, is, remedy) => {
  const quota: Quota = { name: 'Things', of: 'it', used, limit, adjustable };
  expect(quotas([quota])).toEqual([{ is, check: 'quotas', says: `Things: ${used} of ${limit} in it`, remedy }]);
});

test('routes are counted of each family by itself, without the own ones of the VPC and propagated ones', () => {
  const table = (id: string, ...destinations: string[]) => ({
    id,
    routes: [
      { destination: '10.0.0.0/16', local: true, propagated: false },
      { destination: '10.9.0.0/16', local: false, propagated: true },
      ...destinations.map((destination) => ({ destination, local: false, propagated: false })),
    ],
  });
  const four = table('rtb-4', '10.1.0.0/16', '10.2.0.0/16');
  const six = table('rtb-6', '10.1.0.0/16', 'fd00:1::/32', 'fd00:2::/32', 'fd00:3::/32');
  expect(fullest([four])).toEqual({ id: 'rtb-4', routes: 2 });
  expect(fullest([four, six])).toEqual({ id: 'rtb-6', routes: 3 });
  expect(fullest([])).toBeUndefined();
});

test.each<[string, string[], number, string | undefined, string]>([
  ['are enough', ['10.0.0.0/16'], 2, 'ok', '2 that routers can have, for 2 routers'],
  [
    'overlap a block of the VPC',
    ['10.0.0.0/16', '100.64.9.0/24'],
    1,
    'warning',
    '1 that routers can have, for 1 routers; 1 overlap blocks of the VPC, and are left out',
  ],
  [
    'are too few for that',
    ['10.0.0.0/16', '100.64.0.0/10'],
    1,
    'fault',
    '0 that routers can have, for 1 routers; 2 overlap blocks of the VPC, and are left out',
  ],
])('DNS ranges that %s', (_, vpcCidrs, count, is, says) => {
  const routers = Array.from({ length: count }, () => Object(null));
  const dns = { resolver: '100.127.255.254', slices: ['100.64.0.0/13', '100.72.0.0/13'] };
  expect(dnsRanges({ dns }, { vpcCidrs }, routers)).toMatchObject([{ is, says }]);
  expect(dnsRanges({ dns: undefined }, { vpcCidrs }, routers)).toEqual([]);
});

/** The security group is open to the load balancer's node in zone a, and to that alone. */
const GOOD: Extras = {
  ec2: {
    DescribeSecurityGroups: ({ GroupIds }) => ({
      SecurityGroups: GroupIds?.map((GroupId) => ({ GroupId, IpPermissions: OPEN })),
    }),
    DescribeNetworkAcls: () => ({ NetworkAcls: [OPEN_ACL] }),
  },
  quotas: { GetServiceQuota: ({ QuotaCode }) => ({ Quota: { Value: QuotaCode === 'L-29B6F2EB' ? 50 : 2 } }) },
};

async function examined(
  extras: Extras,
  change: (stack: Awaited<ReturnType<typeof deployed>>) => Promise<unknown> = async () => {},
) {
  const stack = await deployed(extras);
  answering(stack);
  await stack.router(stack.vpc.a0, 'router-1');
  await stack.router(stack.vpc.b0, 'router-2');
  await stack.tag(stack.vpc.a1, '10.20.0.0/16');
  for (let minute = 0; minute < 4; minute++) await stack.pass();
  await change(stack);
  const { code, out } = await stack.cli('doctor --json', { onSleep: stack.onSleep });
  const findings: { is: string; check: string; says: string; remedy: string }[] = JSON.parse(out);
  const of = (check: string) => findings.filter((finding) => finding.check === check);
  return { ...stack, code, findings, of };
}

describe('doctor', () => {
  test('finds what is in order, a security group that is not, and a quota that is full', async () => {
    const { of, code, cli, onSleep } = await examined(GOOD);
    expect(of('source/dest check')).toMatchObject([{ is: 'ok' }]);
    expect(of('diverter')).toMatchObject([{ is: 'ok' }, { is: 'ok' }]);
    expect(of('agent')).toMatchObject([{ is: 'ok' }, { is: 'ok' }]);
    expect(of('zones')).toMatchObject([{ is: 'ok' }, { is: 'ok' }]);
    expect(of('security groups and network ACL')).toEqual([]);
    expect(of('security groups')[0]?.says).toMatch(/none lets UDP 6081 \(GENEVE\) in from 10\.0\.10\.\d+$/);
    expect(of('quotas')).toMatchObject([
      { is: 'ok', says: expect.stringMatching(/^Interface VPC endpoints per VPC: 1 of 50 in vpc-/) },
      {
        is: 'fault',
        says: expect.stringMatching(/^Routes per route table: \d of 2 in rtb-/),
        remedy: expect.stringMatching(/Service Quotas/),
      },
      { is: 'ok', says: 'Targets per Gateway Load Balancer: 2 of 300 in ziti-glb-dev' },
    ]);
    expect(code).toBe(2);
    expect((await cli('doctor', { onSleep })).out).toMatch(
      /fault +quotas +Routes per route table.*\n +-> ask for more/,
    );
  });

  test('finds a VPC that enforces encryption in transit', async () => {
    const enforced = { State: 'available' as const, Mode: 'enforce' as const, VpcEncryptionControlId: 'vpcec-1' };
    const none = await examined({});
    expect(none.of('encryption controls')).toMatchObject([{ is: 'ok', says: `${none.vpc.vpc} has none` }]);
    const control = async (Mode: 'monitor' | 'enforce', { ec2, vpc }: TestStack) => {
      const { VpcEncryptionControl } = await ec2.send(new CreateVpcEncryptionControlCommand({ VpcId: vpc.vpc }));
      const VpcEncryptionControlId = VpcEncryptionControl?.VpcEncryptionControlId;
      await ec2.send(new ModifyVpcEncryptionControlCommand({ VpcEncryptionControlId, Mode }));
    };
    const monitored = await examined({}, (stack) => control('monitor', stack));
    expect(monitored.of('encryption controls')).toMatchObject([
      { is: 'ok', says: expect.stringContaining('monitors') },
    ]);
    // With a load balancer in it, it does not come to that.
    const tried = await examined({}, (stack) => control('enforce', stack));
    expect(tried.of('encryption controls')).toMatchObject([{ is: 'ok' }]);
    expect(encryption([{ VpcId: 'vpc-1', ...enforced }], 'vpc-1')).toMatchObject({
      is: 'fault',
      remedy: expect.stringContaining('vpcec-1'),
    });
    expect(encryption([{ VpcId: 'vpc-1', ...enforced, State: 'deleted' }], 'vpc-1')).toMatchObject({ is: 'ok' });
    expect(encryption([{ VpcId: 'vpc-2', ...enforced }], 'vpc-1')).toMatchObject({ is: 'ok' });
  });

  test('says what it cannot read, and goes on', async () => {
    const refuse = () => {
      throw new AwsError('UnauthorizedOperation', 'You are not authorized.', 403);
    };
    const { of, findings } = await examined({
      ec2: { DescribeSecurityGroups: refuse },
      quotas: { GetServiceQuota: refuse },
    });
    expect(of('security groups and network ACL')).toMatchObject([
      {
        is: 'unknown',
        says: expect.stringMatching(/^it cannot be read: /),
        remedy: expect.stringMatching(/let who runs this/),
      },
    ]);
    expect(of('quotas')).toMatchObject([
      { is: 'unknown', says: expect.stringMatching(/it cannot be read/) },
      { is: 'ok', says: 'Targets per Gateway Load Balancer: 2 of 300 in ziti-glb-dev' },
    ]);
    expect(findings.filter(({ is }) => is === 'ok').length).toBeGreaterThan(5);
  });

  test.each([
    ['the group’s tag', true, 'ziti-glb-launch', 'ok'],
    ['the hook of the stack, to which it was named', false, 'ziti-glb-dev-launch', 'ok'],
    ['neither', false, 'ziti-glb-launch', 'fault'],
    ['the tag, and a hook by another name', true, 'routers-launch', 'warning'],
  ])('says whether the hooks of a group may be answered: it has %s', async (_, tagged, LifecycleHookName, is) => {
    const { of } = await examined(GOOD, async ({ ec2, autoScaling, vpc, clock }) => {
      const Tags = [{ Key: 'ziti-glb', Value: 'router' }];
      const TagSpecifications = [{ ResourceType: 'instance' as const, Tags }];
      const LaunchTemplateData = { ImageId: 'ami-router', TagSpecifications };
      await ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName: 'router', LaunchTemplateData }));
      const LifecycleTransition = 'autoscaling:EC2_INSTANCE_LAUNCHING';
      await autoScaling.send(
        new CreateAutoScalingGroupCommand({
          ...{ AutoScalingGroupName: 'routers', MinSize: 1, MaxSize: 1, VPCZoneIdentifier: vpc.a0 },
          LaunchTemplate: { LaunchTemplateName: 'router' },
          LifecycleHookSpecificationList: [{ LifecycleHookName, LifecycleTransition }],
          Tags: tagged ? Tags : [],
        }),
      );
      await clock.run(60_000);
    });
    expect(of('lifecycle hooks')).toMatchObject([
      is === 'ok'
        ? { is, says: 'routers: may be answered' }
        : is === 'warning'
          ? { is, says: expect.stringMatching(/^routers: routers-launch is left/) }
          : {
              is,
              says: expect.stringMatching(/^routers: may not/),
              remedy: expect.stringMatching(/autoScalingGroup=routers$/),
            },
    ]);
  });

  test.each<[string, string[], string[]]>([
    ['of others alone', ['warm', 'scan'], ['warning routers: warm, scan is left to whoever set it up']],
    ['of others beside ours', ['ziti-glb-launch', 'scan'], ['ok routers: may be', 'ok routers: scan is left to']],
    ['of ours alone', ['ziti-glb-launch', 'ziti-glb-terminate'], ['ok routers: may be answered']],
    ['of nobody', [], []],
  ])('says which hooks of a group are left to others: it has some %s', (_, names, says) => {
    const found = hooks([{ name: 'routers', tagged: true, hooks: names }], 'ziti-glb-dev', 'ziti-glb');
    expect(found.map((each) => `${each.is} ${each.says}`)).toEqual(says.map((text) => expect.stringContaining(text)));
    for (const { is, remedy } of found) expect(remedy.includes('ziti-glb-NAME')).toBe(is === 'warning');
  });

  test('finds what somebody else has written under the names of our notes', async () => {
    const former = 'ziti-glb:former:10.20.0.0/16';
    const { of } = await examined(GOOD, async ({ ec2, tables, clock }) => {
      const Filters = [{ Name: 'tag:Name', Values: ['router-1'] }];
      const { Reservations } = await ec2.send(new DescribeInstancesCommand({ Filters }));
      const tag = (id: string, Key: string, Value: string) =>
        ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] }));
      await tag(tables.a1, former, 'eni-0123456789abcdef0 since 2026-01-15T10:00:00.000Z');
      const router = Reservations?.[0]?.Instances?.[0]?.InstanceId ?? '';
      await tag(router, 'ziti-glb:diverter', `a.b ${new Date(clock.now()).toISOString()}`);
    });
    expect(of('notes').map(({ is, says }) => `${is} ${says.replace(/(i|rtb)-\w+/, 'ID')}`)).toEqual([
      'warning ID (router-1): the tag for its diverter has no seal of this stack',
      `warning ID: the tag ${former} has no seal of this stack`,
    ]);
  });

  test('reads all that the cloud in a box has, and is content with a stack that is in order', async () => {
    const { code, findings } = await examined({});
    expect(findings.filter(({ is }) => is !== 'ok')).toEqual([]);
    expect(code).toBe(0);
  });

  test('is as content where a subnet of workloads holds a transit gateway’s attachment, and notes what clients behind that would need', async () => {
    const { code, findings, of } = await examined({}, async ({ ec2, vpc, clock }) => {
      const { TransitGateway } = await ec2.send(new CreateTransitGatewayCommand({}));
      const at = { TransitGatewayId: TransitGateway?.TransitGatewayId, VpcId: vpc.vpc, SubnetIds: [vpc.a1] };
      await ec2.send(new CreateTransitGatewayVpcAttachmentCommand(at));
      await clock.run(60_000);
    });
    expect(code).toBe(0);
    expect(findings.filter(({ is }) => is !== 'ok')).toEqual(of('transit gateways'));
    expect(of('transit gateways').map(({ is, remedy }) => `${is} ${remedy}`)).toEqual(
      Array(4).fill(expect.stringMatching(/^note if clients behind it are to reach services: aws ec2 /)),
    );
  });

  test('finds routers dead, and has them mended rather than others launched beside them', async () => {
    const { of, code } = await examined({}, async (stack) => {
      stack.fake.onProbe = () => ({ healthy: false, reason: 'Target.Timeout' });
      await stack.clock.run(60_000);
    });
    expect(code).toBe(2);
    expect(of('zones')).toMatchObject([
      {
        is: 'fault',
        says: expect.stringMatching(/^eu-central-1a: no healthy router; 1 subnets/),
        remedy: expect.stringMatching(/^mend what is there: i-\w+, or deploy with crossZone=true$/),
      },
      { is: 'warning', remedy: expect.stringMatching(/^mend what is there: i-\w+, or deploy/) },
    ]);
    expect(of('routers')).toMatchObject(
      ['router-1', 'router-2'].map((name) => ({
        is: 'fault',
        says: expect.stringMatching(new RegExp(`^i-\\w+ \\(${name}\\) is down: .*Target\\.Timeout`)),
        remedy: expect.stringMatching(/^nothing answers in time: .*; see: npm run -s ziti-glb -- explain i-/),
      })),
    );
    expect(of('subnets')).toMatchObject([
      { is: 'warning', says: expect.stringMatching(/ is waiting: waits for a healthy router, [^:]*$/) },
    ]);
  });

  test('finds a zone where there is no router at all', async () => {
    const stack = await deployed();
    await stack.router(stack.vpc.a0, 'router-1');
    for (let minute = 0; minute < 3; minute++) await stack.pass();
    const { out } = await stack.cli('doctor', { onSleep: stack.onSleep });
    expect(out).toMatch(/zones +eu-central-1b: no healthy router\n +-> launch a router in eu-central-1b/);
  });

  test.each<[string, string, RegExp]>([
    ['oops', 'fault', / is refused: oops is not a CIDR/],
    ['10.0.0.0/16', 'fault', / is refused: /],
    ['', 'fault', / is refused: the tag names no CIDR/],
  ])('finds a subnet that is opted in by %j refused', async (value, is, says) => {
    const { of } = await examined({}, async (stack) => {
      await stack.tag(stack.vpc.b1, value);
    });
    expect(of('subnets')).toMatchObject([{ is, says: expect.stringMatching(says) }]);
  });

  test('finds a subnet that waits', async () => {
    const { of } = await examined({}, (stack) => stack.tag(stack.vpc.b1, '10.30.0.0/16'));
    expect(of('subnets')).toMatchObject([{ is: 'warning', says: expect.stringMatching(/ is waiting: /) }]);
  });

  test('finds routers whose packets come to nothing, and those that do not tell', async () => {
    const silent = { ...STATUS, counters: { delivered_service: 7 }, stack: { TcpExtIPReversePathFilter: 7 } };
    const { of, code } = await examined({}, async (stack) => answering(stack, silent));
    expect(of('packets')).toMatchObject([
      {
        is: 'fault',
        says: expect.stringMatching(/\(router-[12]\): 7 packets were given/),
        remedy: expect.stringMatching(/rp_filter=2/),
      },
      { is: 'fault' },
    ]);
    expect(code).toBe(2);
    const mute = await examined({}, async ({ fake }) => {
      fake.onExec = async () => ({ code: 0, stdout: '', stderr: '' });
    });
    expect(mute.of('packets')).toMatchObject([
      { is: 'unknown', remedy: expect.stringMatching(/router i-\S+ --stack ziti-glb-dev$/) },
      { is: 'unknown' },
    ]);
  });

  test('notes what strangers ask for, which is no fault of the stack', async () => {
    const before = await examined(GOOD);
    const { findings, of } = await examined(GOOD, async (stack) => {
      stack.cloud.attach(stack.service.serviceId);
      await askedBy(STRANGER, stack);
    });
    expect(of('others')).toMatchObject([
      { is: 'note', says: expect.stringMatching(/^vpce-\w+: account 999900001111, which is not among spokeAccounts/) },
      { is: 'note', says: expect.stringMatching(/^tgw-attach-\w+: account \d{12}, which is not among gatewayOwners/) },
    ]);
    const wrong = (all: typeof findings) =>
      all.filter(({ is }) => is === 'fault' || is === 'warning').map(({ check }) => check);
    expect(wrong(findings)).toEqual(wrong(before.findings));
  });

  test('says of each account of a spoke whether it may connect, and has', async () => {
    const spoke = '222233334444';
    const asked = async (change: (stack: TestStack) => Promise<unknown>) => {
      const { of } = await examined(GOOD, async (stack) => {
        const own = stack.environments['ziti-glb-dev-subnets'];
        if (own) own.SPOKE_ACCOUNTS = spoke;
        await change(stack);
      });
      return of('spokes');
    };
    expect(await asked(async () => {})).toMatchObject([
      {
        is: 'warning',
        says: expect.stringMatching(
          /^account 222233334444 is among spokeAccounts, and vpce-svc-\w+ does not let it connect$/,
        ),
        remedy: expect.stringMatching(/--add-allowed-principals arn:aws:iam::222233334444:root$/),
      },
    ]);
    const ending = expect.stringMatching(/may connect, and has no endpoint that is/);
    const letOne = (principal: string) => (stack: TestStack) => {
      const { serviceId: ServiceId } = stack.service;
      const AddAllowedPrincipals = [principal];
      return stack.ec2.send(new ModifyVpcEndpointServicePermissionsCommand({ ServiceId, AddAllowedPrincipals }));
    };
    for (const whom of ['root', 'role/deployer', 'user/a-person'])
      expect(await asked(letOne(`arn:aws:iam::${spoke}:${whom}`))).toMatchObject([{ is: 'note', says: ending }]);
    expect(await asked(letOne('arn:aws:iam::999900001111:root'))).toMatchObject([{ is: 'warning' }]);
    const ofChina = { serviceId: 'vpce-svc-1', spokeAccounts: [spoke], sealing: { partition: 'aws-cn' } };
    expect(spokes(ofChina, [], [])).toMatchObject([
      { remedy: expect.stringMatching(/ arn:aws-cn:iam::222233334444:root$/) },
    ]);
    expect(await asked((stack) => askedBy(spoke, stack))).toMatchObject([{ is: 'note', says: ending }]);
    const accepted = await asked(async (stack) => {
      const VpcEndpointIds = [await askedBy(spoke, stack)];
      const { serviceId: ServiceId } = stack.service;
      await stack.ec2.send(new AcceptVpcEndpointConnectionsCommand({ ServiceId, VpcEndpointIds }));
      await stack.clock.run(180_000);
    });
    expect(accepted).toMatchObject([{ is: 'ok', says: 'account 222233334444 has 1 connected' }]);
  });

  test.each<[string, (vpc: string) => string, string, RegExp, string]>([
    [
      'notes a VPC of all that another stack has claimed',
      () => 'all',
      'note',
      /^vpc-\w+: the stack ziti-glb-other .*not$/,
      '',
    ],
    [
      'says what to do about such a VPC that is named',
      (vpc) => vpc,
      'fault',
      /^vpc-\w+ is refused: the stack ziti-glb-other .*not$/,
      'take it out of clientVpcs, or give one of the two another tagKey',
    ],
  ])('%s', async (_, named, is, says, remedy) => {
    const { of } = await examined(GOOD, async (stack) => void (await claimedVpc(stack, named)));
    expect(of('others')).toMatchObject([
      { is, says: expect.stringMatching(says), remedy, code: expect.stringMatching(/vpc-claimed$/) },
    ]);
  });

  test('finds a zone that the endpoint service does not serve yet', async () => {
    const { of } = await examined(GOOD, inLateZone);
    expect(of('zones').at(-1)).toMatchObject({
      is: 'warning',
      says: 'eu-central-1c: the load balancer has a node there, and the endpoint service does not serve it yet',
      remedy: expect.stringMatching(/modify-vpc-endpoint-service-configuration --service-id vpce-svc-\w+$/),
    });
  });

  test.each([
    ['at least 8568', 'attached\n', 'ok', /at least 8568, as its install measured/],
    [
      'too small',
      'attached\nwarning: the MTU of ens5 is 1500, and packets from the load balancer may have 8568 bytes\n',
      'fault',
      /the MTU of ens5 is 1500/,
    ],
  ])('reads the MTU from the last install: %s', async (_, stdout, is, says) => {
    const stack = await deployed(GOOD);
    stack.fake.onExec = async () => ({ code: 0, stdout, stderr: '' });
    await stack.router(stack.vpc.a0, 'router-1');
    for (let minute = 0; minute < 3; minute++) await stack.pass();
    const found = JSON.parse((await stack.cli('doctor --json', { onSleep: stack.onSleep })).out).filter(
      ({ check }: { check: string }) => check === 'MTU',
    );
    expect(found).toMatchObject([{ is, says: expect.stringMatching(says) }]);
  });

  test('tells what an install warned of beside it', async () => {
    const said = 'the reverse path filter of ens5 is strict: set net.ipv4.conf.ens5.rp_filter to 2';
    const stack = await deployed(GOOD);
    stack.fake.onExec = async () => ({ code: 0, stdout: `warning: ${said}\n`, stderr: '' });
    await stack.router(stack.vpc.a0, 'router-1');
    for (let minute = 0; minute < 3; minute++) await stack.pass();
    const { out, code } = await stack.cli('doctor --json', { onSleep: stack.onSleep });
    expect(JSON.parse(out).filter(({ check }: { check: string }) => check === 'router')).toMatchObject([
      {
        is: 'warning',
        says: expect.stringMatching(/router-1.*: the reverse path filter of ens5 is strict$/),
        remedy: 'set net.ipv4.conf.ens5.rp_filter to 2',
      },
    ]);
    expect(code).toBe(2);
  });

  test('says that nobody knows the MTU where no install of the last hour measured it', async () => {
    const { of } = await examined(GOOD, async (stack) => {
      await stack.clock.run(2 * 3600_000);
    });
    expect(of('MTU')).toMatchObject([
      {
        is: 'unknown',
        says: expect.stringMatching(/AWS does not tell it/),
        remedy: expect.stringMatching(/ip link show/),
      },
      { is: 'unknown' },
    ]);
  });
});
