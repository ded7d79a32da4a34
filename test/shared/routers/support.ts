import {
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeInstanceRefreshesCommand,
  SetDesiredCapacityCommand,
  StartInstanceRefreshCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateCommand } from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3Client } from '@aws-sdk/client-s3';
import { CreateDocumentCommand } from '@aws-sdk/client-ssm';
import type { ExecResult } from '../../../local/fabric/fabric.ts';
import type { Delays } from '../../../local/services/delays.ts';
import { AnswerLost } from '../../../local/services/ssm/run.ts';
import { AwsError, ConnectionLost } from '../../../local/wire/errors.ts';
import { throttle } from '../../../local/wire/throttle.ts';
import type { Middleware } from '../../../local/wire/wire.ts';
import type { RoutersConfig } from '../../../shared/config.ts';
import { reconcile } from '../../../shared/reconcile/loop.ts';
import { routersReconciler } from '../../../shared/routers/reconciler.ts';
import type { RoutersStep } from '../../../shared/routers/steps.ts';
import type { RoutersWorld } from '../../../shared/routers/world.ts';
import { given, REGION, testCloud, testLoadBalancer, testVpc } from '../../support/cloud.ts';
import { installDocument } from '../../support/install-document.ts';
import { testSeal } from '../../support/seal.ts';

export const VERSIONS = { one: '1'.repeat(64), two: '2'.repeat(64) };
export const TAGS = { 'ziti-glb': 'router' };
const GROUP = { AutoScalingGroupName: 'routers' };

/** Of what the seal of the tests is not made. */
const SEALING = { keyArn: '', version: 1, partition: '', region: '', account: '', stack: '', tagKey: '' };

export class Crash extends Error {}

export const configOf = (fields: Partial<RoutersConfig> = {}): RoutersConfig => ({
  stack: 'ziti-glb-test',
  tagKey: 'ziti-glb',
  vpcId: 'vpc-1',
  targetGroupArn: 'arn:tg',
  loadBalancerArn: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/gwy/gwlb/0',
  document: 'Install',
  diverter: 'own',
  reply: 'direct',
  tuneRouter: true,
  bucket: 'artefacts',
  prefix: 'diverter',
  builds: new Map([
    ['amd64', VERSIONS.one],
    ['arm64', VERSIONS.one],
  ]),
  launchDeadline: 15 * 60_000,
  dns: undefined,
  healthPort: '',
  healthOptions: '',
  registrationKey: '',
  diverterKey: 'ziti-glb:diverter',
  rangeKey: 'ziti-glb:dns-range',
  leavingKey: 'ziti-glb:leaving',
  checkKey: 'ziti-glb:source-dest-check',
  routerSubnets: [],
  routerProfile: '',
  sealing: SEALING,
  ...fields,
});

export type Fault = 'none' | 'throttled' | 'refused' | 'lost reply' | 'crash';
/** As install.sh has it. */
export const STALE =
  'ziti-glb: the link to the diverter has expired (ExpiredToken, The provided token has expired.): the next command has a fresh one\n';
/** What becomes of a command that has reached its router. */
export type Fate = 'success' | 'failure' | 'timeout' | 'lost' | 'stale link';

/**
 * A load balancer over zones a and b, and instances that behave as routers do: healthy while they run a diverter, which a
 * command installs and a stop takes away.
 */
export async function routersWorld(
  fields: Partial<RoutersConfig> = {},
  { throttled = false, interval = 10, ...delays }: Partial<Delays> & { throttled?: boolean; interval?: number } = {},
) {
  const faults: Fault[] = [];
  const fates: Fate[] = [];
  /** Operations that nobody may do. */
  const denied = new Set<string>();
  const calls: { operation: string; changes: boolean; input: Readonly<Record<string, unknown>> }[] = [];
  /** SHA-256 of the diverter that each instance runs. */
  const running = new Map<string, string>();
  /** Exchanges of the diverter of a router that served, and how many others did. */
  const upgrades: { id: string; others: number }[] = [];
  let crashed = false;

  const unlucky: Middleware = async ({ operation }, input, next) => {
    const changes = !/^(Describe|List|Get)/.test(operation);
    calls.push({ operation, changes, input });
    const fault = changes ? (faults.shift() ?? 'none') : 'none';
    if (denied.has(operation)) throw new AwsError('UnauthorizedOperation', 'You are not authorized.', 403);
    if (fault === 'throttled') throw new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
    if (fault === 'refused') throw new AwsError('InternalError', 'An internal error has occurred', 500);
    const answer = await next();
    if (fault === 'lost reply') throw new ConnectionLost();
    crashed ||= fault === 'crash';
    return answer;
  };
  const refused: string[] = [];
  const limited: Middleware = async (call, input, next) => {
    const limit = throttle(cloud.clock);
    limits ??= limit;
    return limits(call, input, next).catch((error) => {
      if (/Throttling|RequestLimitExceeded/.test(error.name)) refused.push(call.operation);
      throw error;
    });
  };
  let limits: Middleware | undefined;
  const cloud = testCloud({ middleware: throttled ? [unlucky, limited] : [unlucky], delays });
  const vpc = await testVpc(cloud);
  const service = await testLoadBalancer(cloud, { vpc, interval });
  await cloud.ssm.send(
    new CreateDocumentCommand({ Name: 'Install', DocumentType: 'Command', Content: installDocument() }),
  );
  const s3 = new S3Client({ region: REGION, credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
  const state = {
    config: configOf({
      vpcId: vpc.vpc,
      targetGroupArn: service.targetGroup,
      loadBalancerArn: service.loadBalancer,
      ...fields,
    }),
  };

  let current = testSeal();
  const seal = async () => current;
  const network = () => cloud.fake.synced.at(-1);
  const ownerOf = (ip: string) => network()?.interfaces.find((face) => face.ip === ip)?.instanceId ?? '';
  const healthyNow = () => {
    const targets = network()?.nodes.flatMap((node) => node.targets) ?? [];
    return new Set(targets.filter(({ state: health }) => health === 'healthy').map(({ id }) => id));
  };
  const lives = (id: string) => running.has(id) && up.has(id);
  cloud.fake.onProbe = ({ ip }) =>
    lives(ownerOf(ip)) ? { healthy: true } : { healthy: false, reason: 'Target.Timeout' };
  cloud.fake.onExec = async (id, argv): Promise<ExecResult> => {
    const fate = fates.shift() ?? 'success';
    const sha256 = argv.find((word) => word.startsWith('SSM_Sha256='))?.slice(11) ?? '';
    const before = running.get(id);
    const healthy = healthyNow();
    const fallen = falls.get(id);
    await cloud.clock.sleep(fate === 'timeout' ? 300_000 : 8_000);
    if (!up.has(id) || falls.get(id) !== fallen) throw new Error(`${id} is not up`);
    if (fate === 'timeout') return { code: null, stdout: '', stderr: '' };
    if (fate === 'stale link') return { code: 1, stdout: '', stderr: STALE };
    if (fate === 'failure') return { code: 1, stdout: '', stderr: 'ziti-glb: it went wrong\n' };
    if (before !== undefined && before !== sha256 && healthy.has(id)) upgrades.push({ id, others: healthy.size - 1 });
    running.set(id, sha256);
    if (fate === 'lost') throw new AnswerLost();
    return { code: 0, stdout: 'attached\n', stderr: '' };
  };
  /** How often each instance has gone down, which loses what was installed: by a stop, an end or another root volume. */
  const falls = new Map<string, number>();
  let up = new Set<string>();
  cloud.fake.onSync = ({ instances }) => {
    const now = new Set(instances.map(({ id }) => id));
    for (const id of up) {
      if (now.has(id)) continue;
      running.delete(id);
      falls.set(id, (falls.get(id) ?? 0) + 1);
    }
    up = now;
  };

  const reconciler = () =>
    routersReconciler({ ...cloud, changers: { ...cloud, s3 } }, state.config, seal, cloud.clock.now);
  /** A function's process: what it remembers goes with it. */
  function process() {
    const { observe, plan, act } = reconciler();
    const said: string[] = [];
    const pass = (ms: number, warning?: { instanceId: string; kind: 'interruption' | 'rebalance' }) => {
      let wake: typeof warning = warning;
      return reconcile<RoutersWorld, RoutersStep>(
        {
          plan,
          observe: async () => {
            const hint = { at: cloud.clock.now(), ...(wake && { warning: wake }) };
            wake = undefined;
            return observe(hint);
          },
          act: async (step) => {
            await act(step);
            if (crashed) throw new Crash();
          },
        },
        { now: cloud.clock.now, sleep: cloud.clock.sleep, deadline: cloud.clock.now() + ms },
        {
          acted: ({ says }) => void said.push(says),
          failed: ({ says }, error) => {
            if (error instanceof Crash) throw error;
            said.push(`failed: ${says}: ${error}`);
          },
          waits: (note) => void said.push(`${note.subject} waits for ${note.for}`),
          refuses: (note) => void said.push(`${note.subject}: ${note.for}`),
        },
      );
    };
    return { pass, said };
  }

  return {
    ...cloud,
    vpc,
    service,
    state,
    faults,
    denied,
    fates,
    calls,
    running,
    upgrades,
    refused,
    s3,
    process,
    reconciler,
    /** A tag with the seal of the stack: as the functions write it. */
    sign: (id: string, key: string, text: string) => current.sign(id, key, text),
    /** The stack gets a key, or another one, at this moment. */
    exchangeKey: (...versions: number[]) => {
      current = testSeal(cloud.clock.now(), versions);
    },
    recover: () => {
      faults.length = 0;
      crashed = false;
    },
    look: () => reconciler().observe({ at: cloud.clock.now() }),
  };
}

export type TestRouters = Awaited<ReturnType<typeof routersWorld>>;

/** Has a group start its instances from another image, one after the other, each on a new root volume. */
export const refreshCommand = (name: { AutoScalingGroupName: string }) =>
  new StartInstanceRefreshCommand({
    ...name,
    Strategy: 'ReplaceRootVolume',
    DesiredConfiguration: {
      MixedInstancesPolicy: {
        LaunchTemplate: {
          LaunchTemplateSpecification: { LaunchTemplateName: 'router', Version: '1' },
          Overrides: [{ InstanceType: 't3.small', ImageId: 'ami-new' }],
        },
      },
    },
  });

/** An Auto Scaling group of routers over the load balancer's zones, with hooks of ours unless told otherwise. */
export async function routersGroup({ autoScaling, ec2, vpc }: TestRouters, { heartbeat = 120, hooks = true } = {}) {
  await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'router',
      LaunchTemplateData: { ImageId: 'ami-router', InstanceType: 't3.small' },
    }),
  );
  const hook = (name: string, transition: string, DefaultResult: string) => ({
    LifecycleHookName: `ziti-glb-${name}`,
    LifecycleTransition: `autoscaling:EC2_INSTANCE_${transition}`,
    HeartbeatTimeout: heartbeat,
    DefaultResult,
  });
  await autoScaling.send(
    new CreateAutoScalingGroupCommand({
      ...GROUP,
      MinSize: 0,
      MaxSize: 10,
      LaunchTemplate: { LaunchTemplateName: 'router' },
      VPCZoneIdentifier: `${vpc.a0},${vpc.b0}`,
      Tags: [{ Key: 'ziti-glb', Value: 'router', PropagateAtLaunch: true }],
      LifecycleHookSpecificationList: hooks
        ? [hook('launch', 'LAUNCHING', 'ABANDON'), hook('terminate', 'TERMINATING', 'CONTINUE')]
        : [],
    }),
  );
  return {
    name: GROUP,
    desire: (DesiredCapacity: number) => autoScaling.send(new SetDesiredCapacityCommand({ ...GROUP, DesiredCapacity })),
    /** Whether an instance refresh is under way. */
    refreshes: async () => {
      const { InstanceRefreshes } = await autoScaling.send(new DescribeInstanceRefreshesCommand(GROUP));
      return InstanceRefreshes?.some(({ Status }) => Status === 'InProgress') ?? false;
    },
    states: async () => {
      const { AutoScalingInstances } = await autoScaling.send(new DescribeAutoScalingInstancesCommand({}));
      return new Map(
        (AutoScalingInstances ?? []).map((member) => [given(member.InstanceId), given(member.LifecycleState)]),
      );
    },
  };
}

/** Passes as a function makes them, in one process. */
export async function passesOf(world: TestRouters, minutes: number, process = world.process()) {
  const end = world.clock.now() + minutes * 60_000;
  while (world.clock.now() < end) {
    await world.clock.run(process.pass(Math.min(50_000, end - world.clock.now())));
    await world.clock.run(Math.min(10_000, Math.max(0, end - world.clock.now())));
  }
  return process.said;
}

/** The states of all targets, by their ids. */
export async function healthOf(world: TestRouters): Promise<Record<string, string>> {
  const { TargetHealthDescriptions = [] } = await world.elb.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: world.service.targetGroup }),
  );
  return Object.fromEntries(
    TargetHealthDescriptions.map(({ Target, TargetHealth }) => [given(Target?.Id), String(TargetHealth?.State)]),
  );
}
