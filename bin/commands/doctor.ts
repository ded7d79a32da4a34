import { DescribeLifecycleHooksCommand } from '@aws-sdk/client-auto-scaling';
import {
  DescribeNetworkAclsCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeVpcEncryptionControlsCommand,
  paginateDescribeVpcEndpointServicePermissions,
} from '@aws-sdk/client-ec2';
import { DescribeTargetGroupsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetServiceQuotaCommand } from '@aws-sdk/client-service-quotas';
import { readAgents } from '../../shared/aws/agents.ts';
import { collect, tag, where } from '../../shared/aws/read.ts';
import { ROUTER, type Router, routersOf } from '../../shared/routers/router.ts';
import { groupsNamed } from '../../shared/routers/scaling.ts';
import type { SubnetsWorld } from '../../shared/subnets/world.ts';
import { othersOf, topology } from '../../shared/topology/model.ts';
import { look, lookFromSpoke } from '../../shared/topology/observe.ts';
import { type Command, EXIT, json } from '../command.ts';
import { type Deployed, type DeployedHub, type DeployedSpoke, hasRouters } from '../deployed.ts';
import { judge, readStatus, sameVersion } from '../diverter-status.ts';
import { attempt, type Finding, finding } from '../finding.ts';
import { gateways, readVpcAttachments, type Seen } from '../gateways.ts';
import { reached, spokes } from '../hub-findings.ts';
import { type Filtered, filters, healthCheck, ofType, zones } from '../load-balancer-findings.ts';
import { runOn } from '../on-instances.ts';
import { fullest, type Quota, quotas, targetQuota } from '../quota-findings.ts';
import { agents, diverters, mtu, notes, sourceDestCheck, warnings } from '../router-findings.ts';
import { hooks, type ScalingGroup } from '../scaling.ts';
import { findingRows, standing } from '../standing.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { dnsRanges, encryption, sharing } from '../vpc-findings.ts';

export const doctor: Command = {
  args: [],
  summary: 'what is wrong or soon will be, each with its remedy',
  options: json,
  async run({ options, stack, terminal, document }) {
    const findings = await examine(stack, terminal);
    if (options.json) document(findings);
    else terminal.out(...table(findingRows(findings, terminal), { columns: terminal.columns }));
    return findings.some(({ is }) => is === 'fault' || is === 'warning') ? EXIT.todo : EXIT.ok;
  },
};

const examine = (stack: Deployed, terminal: Terminal): Promise<Finding[]> =>
  hasRouters(stack) ? examineHub(stack, terminal) : examineSpoke(stack);

async function examineSpoke(stack: DeployedSpoke): Promise<Finding[]> {
  const ground = await lookFromSpoke(stack.clients, stack.config.subnets, stack.now());
  const { vpcs, hub } = ground.subnets;
  return [
    ...standing(topology(ground), othersOf(ground)),
    ...(hub ? reached(hub, vpcs, stack.config.subnets, stack.now()) : []),
    ...(await examineVpcs(stack, ground.subnets, [])),
  ];
}

async function examineHub(stack: DeployedHub, terminal: Terminal): Promise<Finding[]> {
  const { clients, config } = stack;
  const ground = await look(clients, config, stack.now());
  const { subnets, routers: seen } = ground;
  const routers = routersOf(seen.world, config.routers).filter(
    ({ phase }) => phase.kind === 'serving' || phase.kind === 'prepared',
  );
  const nodes = seen.world.nodes.map(({ address }) => address);
  const parts = await Promise.all([
    examineVpcs(stack, subnets, routers),
    attempt('security groups and network ACL', async () => {
      const [filtered, { healthPort, targetType }] = await Promise.all([
        readFilters(stack, routers),
        readTargetGroup(stack),
      ]);
      return [
        ...ofType(targetType),
        healthCheck(healthPort, config.routers.healthPort),
        ...filters(filtered, nodes, { healthPort, repliesBack: config.routers.reply === 'geneve' }),
      ];
    }),
    attempt('agent', async () => {
      const known = routers.length > 0 ? await readAgents(clients.ssm) : [];
      const online = new Set(known.flatMap(({ id, isOnline }) => (isOnline ? id : [])));
      const heard = routers.filter(({ instance, diverter }) => online.has(instance.id) && diverter !== 'none');
      return [
        ...agents(routers, known, stack.now()),
        ...(await attempt('packets', () => askDiverters(stack, heard, terminal))),
      ];
    }),
    attempt('spokes', async () => {
      const { serviceId: ServiceId, spokeAccounts } = config.subnets;
      if (spokeAccounts.length === 0) return [];
      const pages = paginateDescribeVpcEndpointServicePermissions({ client: clients.ec2 }, { ServiceId });
      const allowed = (await collect(pages, 'AllowedPrincipals')).flatMap(({ Principal }) => Principal ?? []);
      return spokes(config.subnets, subnets.spokes, allowed);
    }),
    attempt('lifecycle hooks', async () => {
      const names = seen.world.instances.flatMap(({ scaling }) => scaling?.group ?? []);
      return hooks(await readGroups(stack, [...new Set(names)]), stack.name, config.routers.tagKey);
    }),
  ]);
  return [
    ...standing(topology(ground), othersOf(ground)),
    ...zones(
      subnets.world,
      seen.world.nodes.map(({ zone }) => zone),
      seen.plan.summaries,
    ),
    ...sourceDestCheck(routers),
    ...diverters(routers),
    ...dnsRanges(config.routers, subnets.world, routers),
    ...mtu(routers),
    ...warnings(routers),
    ...parts.flat(),
    ...targetQuota(config.routers.stack, subnets.world.targets.length),
  ];
}

/** VPCs in which there is something to do are examined, and no others. */
async function examineVpcs(stack: Deployed, seen: Seen, routers: readonly Router[]) {
  const { ec2 } = stack.clients;
  const { account } = stack.config.subnets;
  const vpcs = seen.vpcs.filter(
    ({ remote, subnets }) => !remote || subnets.some(({ tagValue }) => tagValue !== undefined),
  );
  const VpcIds = vpcs.map(({ vpcId }) => vpcId);
  const parts = await Promise.all([
    attempt('encryption controls', async () => {
      if (VpcIds.length === 0) return [];
      const asked = new DescribeVpcEncryptionControlsCommand({ VpcIds });
      const { VpcEncryptionControls = [] } = await ec2.send(asked);
      return VpcIds.map((id) => encryption(VpcEncryptionControls, id));
    }),
    attempt('quotas', async () => (vpcs.length === 0 ? [] : quotas(await readQuotas(stack, vpcs)))),
    attempt('transit gateways', async () => {
      return gateways(await readVpcAttachments(ec2, seen.plan.summaries, account), seen);
    }),
  ]);
  return [...vpcs.flatMap((world) => sharing(world, account)), ...notes(routers, vpcs), ...parts.flat()];
}

async function readFilters({ clients: { ec2 } }: DeployedHub, routers: readonly Router[]): Promise<Filtered[]> {
  if (routers.length === 0) return [];
  const ids = routers.flatMap(({ instance }) => instance.interfaces.map(({ id }) => id));
  const { NetworkInterfaces = [] } = await ec2.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: ids }));
  const groupIds = [
    ...new Set(NetworkInterfaces.flatMap(({ Groups }) => Groups?.flatMap(({ GroupId }) => GroupId ?? []) ?? [])),
  ];
  const subnetIds = [...new Set(NetworkInterfaces.flatMap(({ SubnetId }) => SubnetId ?? []))];
  const [{ SecurityGroups = [] }, { NetworkAcls = [] }] = await Promise.all([
    groupIds.length > 0 ? ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: groupIds })) : { SecurityGroups: [] },
    ec2.send(new DescribeNetworkAclsCommand(where({ 'association.subnet-id': subnetIds }))),
  ]);
  return routers.flatMap(({ label, instance: { address } }) => {
    // A target's traffic goes to its primary interface.
    const found = NetworkInterfaces.find(({ PrivateIpAddress }) => PrivateIpAddress === address);
    if (!found) return [];
    const own = new Set(found.Groups?.map(({ GroupId }) => GroupId));
    return {
      label,
      groups: SecurityGroups.filter(({ GroupId }) => own.has(GroupId)),
      acl: NetworkAcls.find(({ Associations }) => Associations?.some(({ SubnetId }) => SubnetId === found.SubnetId)),
    };
  });
}

async function readTargetGroup({ clients: { elb }, config }: DeployedHub) {
  const command = new DescribeTargetGroupsCommand({ TargetGroupArns: [config.routers.targetGroupArn] });
  const { TargetGroups } = await elb.send(command);
  const { HealthCheckPort, Port, TargetType = '' } = TargetGroups?.[0] ?? {};
  return { healthPort: Number(HealthCheckPort === 'traffic-port' ? Port : HealthCheckPort), targetType: TargetType };
}

async function readGroups({ clients, config }: DeployedHub, names: string[]): Promise<ScalingGroup[]> {
  const { autoScaling: client } = clients;
  const groups = await groupsNamed(client, names);
  return Promise.all(
    groups.map(async ({ AutoScalingGroupName, AutoScalingGroupName: name = '', Tags }) => {
      const { LifecycleHooks = [] } = await client.send(new DescribeLifecycleHooksCommand({ AutoScalingGroupName }));
      const names = LifecycleHooks.map(({ LifecycleHookName = '' }) => LifecycleHookName);
      return { name, tagged: tag(Tags, config.routers.tagKey) === ROUTER, hooks: names };
    }),
  );
}

/** Each router's own diverter counts: no call of AWS tells that. */
async function askDiverters(stack: DeployedHub, routers: readonly Router[], terminal: Terminal): Promise<Finding[]> {
  if (routers.length === 0 || stack.config.routers.diverter !== 'own') return [];
  const ids = routers.map(({ instance }) => instance.id);
  const answers = await runOn(stack, ids, ['diverter status --json'], terminal);
  const versions = new Map<string, string>();
  const found = routers.flatMap(({ label, instance: { id } }) => {
    const answer = answers.get(id);
    const [said] = answer && 'said' in answer ? answer.said : [];
    const status = readStatus(said?.lines ?? []);
    if (status) versions.set(label, status.version);
    if (status) return judge(label, status);
    const why = answer && 'unknown' in answer ? answer.unknown : said?.lines.at(-1);
    return [
      finding(
        'unknown',
        'packets',
        `${label}: its diverter does not tell: ${why || 'it says nothing'}`,
        seeRouter(id, stack),
      ),
    ];
  });
  return [...found, ...sameVersion(versions)];
}

const seeRouter = (id: string, { name }: Deployed) => `see: npm run -s ziti-glb -- router ${id} --stack ${name}`;

async function readQuotas({ clients }: Deployed, vpcs: readonly SubnetsWorld[]): Promise<Quota[]> {
  const limit = async (QuotaCode: string) => {
    const { Quota } = await clients.quotas.send(new GetServiceQuotaCommand({ ServiceCode: 'vpc', QuotaCode }));
    return Quota?.Value ?? Number.NaN;
  };
  const [endpoints, routes] = await Promise.all([limit('L-29B6F2EB'), limit('L-93826ACB')]);
  return vpcs.flatMap(({ vpcId, endpointCount, routeTables }) => {
    const table = fullest(routeTables);
    const name = 'Interface VPC endpoints per VPC';
    return [
      { name, of: vpcId, used: endpointCount, limit: endpoints, adjustable: true },
      ...(table
        ? [{ name: 'Routes per route table', of: table.id, used: table.routes, limit: routes, adjustable: true }]
        : []),
    ];
  });
}
