import type { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import {
  type EC2Client,
  type Instance as Ec2Instance,
  paginateDescribeNetworkInterfaces,
  paginateDescribeVpcs,
} from '@aws-sdk/client-ec2';
import {
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type CommandInvocation, paginateListCommandInvocations, type SSMClient } from '@aws-sdk/client-ssm';
import { AGENTS_AT_ONCE, readAgents } from '../aws/agents.ts';
import { collect, countedKeys, describeInstances, tag, vpcBlocks, where } from '../aws/read.ts';
import type { RoutersConfig } from '../config.ts';
import { type Note, readNote } from '../note.ts';
import { readPause } from '../pause.ts';
import { type Author, adopts, isOwn, type Notary } from '../seal.ts';
import { mayNeedCommand, routersOf } from './router.ts';
import { observeScaling } from './scaling.ts';
import { DELIVERY_TIMEOUT, EXECUTION_TIMEOUT, inChunks } from './steps.ts';
import type { Install, Instance, RoutersWorld, Scaling } from './world.ts';

/** Commands are read so far back: longer than any can take, or is worth waiting after. */
const HISTORY_MS = 60 * 60_000;
/** AWS is given so long to show that a command has ended, or was never delivered. */
const GRACE_MS = 2 * 60_000;
/** A command's last lines are kept: enough to see why it failed. */
const OUTPUT_LINES = 5;
/** Values of one filter of DescribeInstances. */
const PER_INSTANCE_FILTER = 200;

export interface Reads {
  ec2: EC2Client;
  elb: ElasticLoadBalancingV2Client;
  ssm: SSMClient;
  autoScaling: AutoScalingClient;
}

/** AWS lets nobody change it of a target group that is there: once is enough for a process. Rejects if there is none. */
export async function readTargetType({ elb }: Pick<Reads, 'elb'>, { targetGroupArn }: RoutersConfig): Promise<string> {
  const { TargetGroups } = await elb.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [targetGroupArn] }));
  return TargetGroups?.[0]?.TargetType ?? 'instance';
}

/** A process knows this from before the look. */
interface Known {
  /** `scaling` of the last look's world, with what was answered since. */
  scaling?: ReadonlyMap<string, Scaling>;
  /** AWS's warnings of instances, by their ids, as events told them. */
  warnings?: ReadonlyMap<string, Note>;
  targetType?: string;
}

/** Looks at everything once. A fleet at rest costs a constant number of calls, each of them paged. */
export async function observe(
  clients: Reads,
  config: RoutersConfig,
  seal: Notary,
  now: number,
  { scaling: before = new Map(), warnings = new Map(), targetType = 'instance' }: Known = {},
): Promise<RoutersWorld> {
  const { ec2, elb, ssm } = clients;
  const loadBalancer = config.loadBalancerArn.split(':loadbalancer/')[1];
  const [found, nodes, health, invocations, vpcs] = await Promise.all([
    describeInstances(ec2, { 'tag-key': [config.tagKey, config.rangeKey, config.checkKey, config.unhealthyKey] }),
    collect(
      // ELB user guide, "Target security groups": a load balancer's interfaces are known by their description.
      paginateDescribeNetworkInterfaces({ client: ec2 }, where({ description: [`ELB ${loadBalancer}`] })),
      'NetworkInterfaces',
    ),
    elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: config.targetGroupArn })),
    collect(
      paginateListCommandInvocations(
        { client: ssm },
        {
          Filters: [
            { key: 'DocumentName', value: config.document },
            { key: 'InvokedAfter', value: new Date(now - HISTORY_MS).toISOString().replace(/\.\d+/, '') },
          ],
          Details: true,
        },
      ),
      'CommandInvocations',
    ),
    collect(paginateDescribeVpcs({ client: ec2 }, where({ 'vpc-id': [config.vpcId] })), 'Vpcs'),
  ]);
  const targets = (health.TargetHealthDescriptions ?? []).map(({ Target: target, TargetHealth }) => ({
    id: target?.Id ?? '',
    state: TargetHealth?.State ?? '',
    reason: TargetHealth?.Reason,
  }));
  // Another stack may serve another VPC by the same tag. Of an instance that has ended EC2 does not say where it stood.
  const tagged = found.filter(({ VpcId }) => VpcId === undefined || VpcId === config.vpcId);
  const known = new Set(tagged.map(({ InstanceId }) => InstanceId));
  // A hook that was kept waiting by heartbeats is to be answered, though its instance has lost its tag and has no note left.
  const held = [...before].flatMap(([id, { hooks }]) => (hooks.length > 0 ? id : []));
  const others = new Set([...targets.map(({ id }) => id), ...held]);
  // By a filter, which leaves out those that are gone: an id in the call itself would be an error.
  const missing = [...others].filter((id) => !known.has(id) && isInstanceId(id));
  const untagged = await inChunks(missing, PER_INSTANCE_FILTER, (ids) =>
    describeInstances(ec2, { 'instance-id': ids }),
  );
  const described = [...tagged, ...untagged];
  const registered = new Set(targets.map(({ id }) => id));
  const isStanding = (id = '') => adopts(seal, now) && registered.has(id);
  const installs = Map.groupBy(invocations, ({ InstanceId }) => InstanceId);
  const scaling = await observeScaling(clients.autoScaling, described, before, now);
  const world: RoutersWorld = {
    now,
    nodes: nodes
      .map((node) => ({ address: node.PrivateIpAddress ?? '', zone: node.AvailabilityZone ?? '' }))
      .sort((a, b) => (a.zone < b.zone ? -1 : 1)),
    instances: described.map((instance) => ({
      ...instanceOf(instance, config, seal, isStanding(instance.InstanceId)),
      warned: warnings.get(instance.InstanceId ?? ''),
      ...{ agentOnline: false, agentHeardAt: undefined },
      installs: (installs.get(instance.InstanceId) ?? [])
        .map((invocation) => installOf(invocation, now))
        .filter(({ requestedAt }) => requestedAt >= rootedAt(instance))
        .sort((a, b) => b.requestedAt - a.requestedAt),
      scaling: scaling.get(instance.InstanceId ?? ''),
    })),
    scaling,
    targets,
    vpcCidrs: vpcs.flatMap(vpcBlocks),
    paused: readPause(vpcs[0]?.Tags, config),
    targetType: targets.every(({ id }) => isInstanceId(id)) ? targetType : 'ip',
  };
  return withAgents(clients, world, config);
}

/** Agents are looked up of those instances that a command may be sent to. */
async function withAgents({ ssm }: Reads, world: RoutersWorld, config: RoutersConfig): Promise<RoutersWorld> {
  const asked = routersOf(world, config).filter(mayNeedCommand);
  const ids = asked.map(({ instance }) => instance.id);
  const found = await inChunks(ids, AGENTS_AT_ONCE, (some) => readAgents(ssm, some));
  const agents = new Map(found.map((agent) => [agent.id, agent]));
  const instances = world.instances.map((each) => {
    const { isOnline = false, heardAt } = agents.get(each.id) ?? {};
    return { ...each, agentOnline: isOnline, agentHeardAt: heardAt };
  });
  return { ...world, instances };
}

const isInstanceId = (id: string) => id.startsWith('i-');

/** @param stood whether it may have been a router before notes were sealed: then the range it has is the one that it keeps */
function instanceOf(
  instance: Ec2Instance,
  config: RoutersConfig,
  { read }: Notary,
  stood: boolean,
): Omit<Instance, 'warned' | 'agentOnline' | 'agentHeardAt' | 'installs' | 'scaling'> {
  const id = instance.InstanceId ?? '';
  const unsealed: Instance['unsealed'] = [];
  /** The text of our note under this key; undefined if there is none that is ours. */
  const ours = (key: string, believed: (by: Author) => boolean = isOwn) => {
    const value = tag(instance.Tags, key);
    const note = value === undefined ? undefined : read(id, key, value);
    if (!note || !believed(note.by)) return undefined;
    if (note.by !== 'us') unsealed.push({ key, text: note.text });
    return note.text;
  };
  const written = tag(instance.Tags, config.diverterKey);
  const diverter = readNote(ours(config.diverterKey));
  return {
    id,
    name: tag(instance.Tags, 'Name') ?? '',
    role: tag(instance.Tags, config.tagKey),
    keys: countedKeys(instance.Tags),
    state: instance.State?.Name ?? '',
    launchedAt: instance.LaunchTime?.getTime() ?? 0,
    rootedAt: rootedAt(instance),
    subnetId: instance.SubnetId,
    profile: instance.IamInstanceProfile?.Arn,
    zone: instance.Placement?.AvailabilityZone,
    architecture: instance.Architecture ?? '',
    windows: instance.Platform !== undefined,
    address: instance.PrivateIpAddress ?? '',
    // An instance may have interfaces in other VPCs: what comes and goes there is not ours.
    interfaces: (instance.NetworkInterfaces ?? [])
      .filter(({ VpcId = instance.VpcId }) => VpcId === config.vpcId)
      .map(({ NetworkInterfaceId = '', SourceDestCheck = true }) => ({
        id: NetworkInterfaceId,
        sourceDestCheck: SourceDestCheck,
      })),
    diverter,
    claimed: diverter || written === undefined ? undefined : readNote(read(id, config.diverterKey, written).text),
    range: ours(config.rangeKey, (by) => isOwn(by) || stood),
    leaving: readNote(ours(config.leavingKey)),
    unhealthy: readNote(ours(config.unhealthyKey)),
    unchecked: ours(config.checkKey)?.split(' '),
    unsealed,
  };
}

/**
 * EC2 replaces the root volume of a running instance, whose interfaces, tags and times stay: only the attachment of the new one
 * tells. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/replace-root.html
 */
function rootedAt({ RootDeviceName, BlockDeviceMappings = [] }: Ec2Instance): number {
  const root = BlockDeviceMappings.find(({ DeviceName }) => DeviceName === RootDeviceName);
  return root?.Ebs?.AttachTime?.getTime() ?? 0;
}

/** A command on one instance, as it is known at `now`. */
export function installOf(invocation: CommandInvocation, now: number): Install {
  const [fingerprint = '', why = ''] = invocation.Comment?.split(' ') ?? [];
  const requestedAt = invocation.RequestedDateTime?.getTime() ?? 0;
  const status = ENDED[invocation.Status ?? ''] ?? 'running';
  const said = invocation.StatusDetails ?? invocation.Status ?? '';
  const lostAt = endOf(invocation) + GRACE_MS;
  const isLost = status === 'running' && now >= lostAt;
  return {
    commandId: invocation.CommandId ?? '',
    fingerprint,
    why: why === 'upgrade' || why === 'repair' ? why : 'join',
    status: isLost ? 'failed' : status,
    details: isLost
      ? `lost (Systems Manager shows it ${said} ${Math.round((lostAt - requestedAt) / 60_000)} min after it was sent)`
      : said,
    requestedAt,
    output: lastLines(invocation.CommandPlugins?.at(-1)?.Output ?? ''),
  };
}

/**
 * A command has ended then by its own limits. Some stay `InProgress` for ever after that, for the agent's answer never arrived:
 * https://github.com/aws/amazon-ssm-agent/issues/316
 */
function endOf({ RequestedDateTime, CommandPlugins }: CommandInvocation): number {
  const requested = RequestedDateTime?.getTime() ?? 0;
  const delivered = requested + DELIVERY_TIMEOUT * 1000;
  // By the clock of the instance, which may be wrong.
  const started = CommandPlugins?.at(-1)?.ResponseStartDateTime?.getTime() ?? 0;
  return (started < requested ? delivered : Math.min(started, delivered)) + EXECUTION_TIMEOUT * 1000;
}

/** Whatever else AWS says of it, it may still end well. */
const ENDED: Partial<Record<string, Install['status']>> = {
  Success: 'success',
  Cancelled: 'cancelled',
  TimedOut: 'failed',
  Failed: 'failed',
};

/**
 * The agent's own words: a title before what came on stderr, marks where it cut, and a last line with the exit code or
 * signal, right behind what it follows. https://github.com/aws/amazon-ssm-agent, iohandler.go and runscript.go
 */
const TITLES = /-{2,}(ERROR|(Output|Error) truncated)-+/gi;
const LAST_LINE = /failed to run commands: [^\n]*\s*$/;

/** The last lines of what the command itself wrote; the agent's where it wrote none. */
export function lastLines(output: string): string {
  const all = output.replace(TITLES, '\n');
  return join(all.replace(LAST_LINE, '')) || join(all);
}

const join = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .slice(-OUTPUT_LINES)
    .join(' / ');
