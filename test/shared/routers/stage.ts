import {
  DescribeAutoScalingInstancesCommand,
  DescribeInstanceRefreshesCommand,
  SetDesiredCapacityCommand,
  StartInstanceRefreshCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { ExecResult } from '../../../local/fabric/fabric.ts';
import type { Delays } from '../../../local/services/delays.ts';
import { AnswerLost } from '../../../local/services/ssm/run-shell-script.ts';
import type { RoutersConfig } from '../../../shared/config.ts';
import type { Hint } from '../../../shared/events.ts';
import { routersReconciler } from '../../../shared/routers/reconciler.ts';
import { given, testDocument, testGroup, testLaunchTemplate, testLoadBalancer, testVpc } from '../../support/cloud.ts';
import { openStage } from '../../support/stage.ts';
import { configOf } from './fixtures.ts';

export const TAGS = { 'ziti-glb': 'router' };
const GROUP = { AutoScalingGroupName: 'routers' };

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
  const stage = openStage({ throttled, delays });
  const { cloud } = stage;
  const fates: Fate[] = [];
  /** SHA-256 of the diverter that each instance runs. */
  const running = new Map<string, string>();
  /** Exchanges of the diverter of a router that served, and how many others did. */
  const upgrades: { id: string; others: number }[] = [];
  const vpc = await testVpc(cloud);
  const service = await testLoadBalancer(cloud, { vpc, interval });
  await testDocument(cloud);
  const state = {
    config: configOf({
      vpcId: vpc.vpc,
      targetGroupArn: service.targetGroup,
      loadBalancerArn: service.loadBalancer,
      ...fields,
    }),
  };

  const network = () => cloud.fake.synced.at(-1);
  const healthyNow = () => {
    const targets = network()?.nodes.flatMap((node) => node.targets) ?? [];
    return new Set(targets.filter(({ state: health }) => health === 'healthy').map(({ id }) => id));
  };
  const lives = (id: string) => running.has(id) && up.has(id);
  cloud.fake.onProbe = (_, instanceId = '') =>
    lives(instanceId) ? { healthy: true } : { healthy: false, reason: 'Target.Timeout' };
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

  const clients = { ...stage.clients(), changers: stage.clients() };
  const reconciler = () => routersReconciler(clients, state.config, stage.seal, cloud.clock.now);
  /** A function's process: what it remembers goes with it. */
  function process() {
    const one = reconciler();
    const said: string[] = [];
    const pass = (ms: number, ...warnings: NonNullable<Hint['warning']>[]) => {
      const observe = () => {
        const warning = warnings.shift();
        return one.observe({ at: cloud.clock.now(), ...(warning && { warning }) });
      };
      return stage.pass({ ...one, observe }, ms, said);
    };
    return { pass, said };
  }

  return {
    ...cloud,
    ...stage,
    cloud: cloud.cloud,
    s3: clients.s3,
    ...{ vpc, service, state, fates, running, upgrades, process, reconciler },
    /** Calls that AWS's buckets refused. */
    get refused() {
      return stage.calls.filter(({ error }) => error && /Throttling|RequestLimitExceeded/.test(error));
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

/** The group of routers, see `testGroup`. */
export async function routersGroup({ autoScaling, ec2, vpc }: TestRouters, { heartbeat = 120, hooks = true } = {}) {
  await testLaunchTemplate({ ec2 });
  await testGroup({ autoScaling }, vpc, { heartbeat, hooks });
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

/** Passes as a function makes them, in one process: of 280 seconds at most, one a minute at least, unless told otherwise. */
export async function passesOf(
  world: TestRouters,
  minutes: number,
  process = world.process(),
  { longest = 280_000, pause = 60_000 } = {},
) {
  const end = world.clock.now() + minutes * 60_000;
  while (world.clock.now() < end) {
    await world.clock.run(process.pass(Math.min(longest, end - world.clock.now())));
    await world.clock.run(Math.min(pause, Math.max(0, end - world.clock.now())));
  }
  return process.said;
}

/** The states of all targets, by their ids. */
export async function healthOf(world: TestRouters): Promise<Record<string, string>> {
  const { TargetHealthDescriptions = [] } = await world.elb.send(
    new DescribeTargetHealthCommand({ TargetGroupArn: world.state.config.targetGroupArn }),
  );
  return Object.fromEntries(
    TargetHealthDescriptions.map(({ Target, TargetHealth }) => [given(Target?.Id), String(TargetHealth?.State)]),
  );
}
