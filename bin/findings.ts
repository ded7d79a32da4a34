import type { IpPermission, NetworkAcl, NetworkAclEntry, SecurityGroup } from '@aws-sdk/client-ec2';
import type { Agent } from '../shared/aws/agents.ts';
import { contains, isIpv6 } from '../shared/cidr.ts';
import { endedText } from '../shared/conditions/routers.ts';
import { bareSince, type Router } from '../shared/routers/router.ts';
import type { RouterSummary } from '../shared/routers/summaries.ts';
import { minuteOf } from '../shared/sentences.ts';
import { isCounted, isShared, type SubnetsWorld } from '../shared/subnets/world.ts';
import type { Finding } from './json.ts';
import { explain } from './person.ts';

export type { Finding };

export const finding = (is: Finding['is'], check: string, says: string, remedy = ''): Finding => ({
  is,
  check,
  says,
  remedy,
});

/** These, if there are any; else this is all there is to say. */
export const elseOk = (found: Finding[], check: string, says: string): Finding[] =>
  found.length > 0 ? found : [finding('ok', check, says)];

/** UDP 6081 is GENEVE: RFC 8926. */
const GENEVE = 6081;
/** The load balancer's packets may have this many bytes: 8500 of an endpoint's, and 68 around them. */
const MTU = 8568;
/** Where ziti-router answers health checks. */
const ROUTER_HEALTH = '8081';
/** Where "near" begins: this part of a quota is used. */
const NEAR = 0.8;
/** Health answers go to ports that the load balancer chose: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html */
const EPHEMERAL = { from: 1024, to: 65_535 };

/** A router's interface with what filters its packets; undefined where that could not be read. */
export interface Filtered {
  label: string;
  groups: SecurityGroup[];
  acl: NetworkAcl | undefined;
}

export function sourceDestCheck(routers: readonly Router[]): Finding[] {
  const check = 'source/dest check';
  // It stays on until an install has succeeded.
  const on = routers.flatMap(({ label, instance, diverter }) =>
    instance.interfaces
      .filter(({ sourceDestCheck: is }) => is && diverter !== 'none')
      .map(({ id }) =>
        finding(
          'fault',
          check,
          `${label}: it is on at ${id}, and drops the answers of services`,
          `nothing, the next pass turns it off; if it comes back, find in CloudTrail who turns it on (ModifyNetworkInterfaceAttribute)`,
        ),
      ),
  );
  return elseOk(on, check, 'off at all interfaces of routers');
}

/** Warnings of the last install that succeeded; undefined if none of the last hour did. */
const warningsOf = ({ instance }: Router): string[] | undefined =>
  instance.installs
    .find(({ status }) => status === 'success')
    ?.output.split(' / ')
    .flatMap((line) => /^warning: (.*)/.exec(line)?.[1] ?? []);

const isOfMtu = (warning: string) => warning.startsWith('the MTU of ');

/** A router alone knows of its filters and its reverse path filter, by which it would lose packets. An install looks at them. */
export function warnings(routers: readonly Router[]): Finding[] {
  return routers.flatMap((router) =>
    (warningsOf(router) ?? [])
      .filter((warning) => !isOfMtu(warning))
      .map((warning) => {
        const [, says = warning, remedy = 'see what it says'] = /^(.*?): (.*)$/.exec(warning) ?? [];
        return finding('warning', 'router', `${router.label}: ${says}`, remedy);
      }),
  );
}

/** AWS has no call that tells the MTU. An install measures it, and its command keeps the words for an hour. */
export function mtu(routers: readonly Router[]): Finding[] {
  return routers.map((router) => {
    const { label } = router;
    const said = warningsOf(router);
    const warned = said?.find(isOfMtu);
    if (warned)
      return finding(
        'fault',
        'MTU',
        `${label}: ${warned}`,
        'set it to 9001 (ip link set dev NAME mtu 9001), and in the image too',
      );
    if (said !== undefined) return finding('ok', 'MTU', `${label}: at least ${MTU}, as its install measured`);
    return finding(
      'unknown',
      'MTU',
      `${label}: AWS does not tell it, and no install of the last hour did`,
      `on the router: ip link show; it must be ${MTU} or more`,
    );
  });
}

/** Packets that have to pass between routers and the load balancer's nodes. */
export interface Wanted {
  healthPort: number;
  /** Answers go back through the load balancer: packets of their own, which no rule for what came in lets out. */
  repliesBack: boolean;
}

/** The target group is to check what its routers are told to answer: one that is taken may check something else. */
export function healthCheck(port: number, wanted: string): Finding {
  const check = 'health check';
  const expected = Number(wanted || ROUTER_HEALTH);
  if (port === expected) return finding('ok', check, `the target group checks TCP ${port}`);
  return finding(
    'fault',
    check,
    `the target group checks TCP ${port}, and routers answer on ${expected}`,
    'give it the health check of resources/load-balancer.yml, or deploy with healthCheck=router if it is to ask ziti-router alone',
  );
}

/** The stack may write routes, but not in a VPC that another account shares with its own. */
export function sharing({ subnets, routeTables }: SubnetsWorld, account: string): Finding[] {
  const shared = [...routeTables, ...subnets].find((each) => isShared(each, account));
  if (!shared) return [];
  return [
    finding(
      'fault',
      'VPC',
      `${shared.id} is of account ${shared.owner}, which shares the VPC with ${account}: no route may be written from here`,
      `deploy the stack in ${shared.owner}`,
    ),
  ];
}

/** The target group is to take instances: one that is taken may have its targets by address. */
export function ofType(targetType: string): Finding[] {
  if (targetType === 'instance') return [];
  return [
    finding(
      'fault',
      'target group',
      `its targets are of type ${targetType}, and routers are of type instance: nothing is done to any of them`,
      'make one of that type, for AWS changes it of none that is there, and deploy with its targetGroupArn',
    ),
  ];
}

/** The load balancer's nodes are to reach the routers, for packets and for health checks, and to get their answers. */
export function filters(filtered: readonly Filtered[], nodes: readonly string[], wanted: Wanted): Finding[] {
  const geneve = { what: `UDP ${GENEVE} (GENEVE)`, protocol: 'udp', number: '17', port: GENEVE };
  const { healthPort: port } = wanted;
  const health = { what: `TCP ${port} (health checks)`, protocol: 'tcp', number: '6', port };
  const passages = [
    { ...geneve, out: false },
    { ...health, out: false },
    ...(wanted.repliesBack ? [{ ...geneve, out: true }] : []),
  ];
  return filtered.flatMap(({ label, groups, acl }) => {
    const closed = passages.flatMap(({ what, protocol, number, port, out }) =>
      nodes.flatMap((node) => {
        const way = `${what} ${out ? 'out to' : 'in from'} ${node}`;
        const rules = groups.flatMap((group) => (out ? group.IpPermissionsEgress : group.IpPermissions) ?? []);
        const ids = groups.map(({ GroupId }) => GroupId).join(' or ') || 'a security group of it';
        const fitting = rules.filter((rule) => isAbout(rule, protocol, port));
        const lists = fitting.flatMap(
          ({ PrefixListIds }) => PrefixListIds?.flatMap((list) => list.PrefixListId ?? []) ?? [],
        );
        return [
          ...(fitting.some((rule) => lets(rule, node))
            ? []
            : lists.length > 0
              ? [
                  finding(
                    'unknown',
                    'security groups',
                    `${label}: whether one lets ${way} is for ${lists.join(' or ')} to say`,
                    `see that it holds ${node}: aws ec2 get-managed-prefix-list-entries --prefix-list-id ${lists[0]}`,
                  ),
                ]
              : [finding('fault', 'security groups', `${label}: none lets ${way}`, `add that rule to ${ids}`)]),
          ...(!acl || passes(acl, out, number, { from: port, to: port }, node)
            ? []
            : [
                finding(
                  'fault',
                  'network ACL',
                  `${label}: ${acl.NetworkAclId} does not let ${way}`,
                  `add an ${out ? 'outbound' : 'inbound'} rule to ${acl.NetworkAclId}`,
                ),
              ]),
        ];
      }),
    );
    const mute = nodes
      .filter((node) => acl && !passes(acl, true, '6', EPHEMERAL, node))
      .map((node) =>
        finding(
          'fault',
          'network ACL',
          `${label}: ${acl?.NetworkAclId} does not let the answers to health checks out to ${node}`,
          `add an outbound rule for TCP ${EPHEMERAL.from}-${EPHEMERAL.to} to ${acl?.NetworkAclId}`,
        ),
      );
    const says = `${label}: open for GENEVE and health checks`;
    return elseOk([...closed, ...mute], 'security groups and network ACL', says);
  });
}

function isAbout({ IpProtocol, FromPort = 0, ToPort = 65_535 }: IpPermission, protocol: string, port: number): boolean {
  return IpProtocol === '-1' || (IpProtocol === protocol && FromPort <= port && port <= ToPort);
}

/** A rule that names another group says nothing about a load balancer's node, which is in none. */
function lets({ IpRanges = [] }: IpPermission, address: string): boolean {
  return IpRanges.some(({ CidrIp }) => CidrIp !== undefined && contains(CidrIp, `${address}/32`));
}

/** The first rule that fits decides, the lowest number first. */
function passes(
  { Entries = [] }: NetworkAcl,
  egress: boolean,
  protocol: string,
  ports: { from: number; to: number },
  address: string,
): boolean {
  const fits = ({ Egress, Protocol, PortRange, CidrBlock }: NetworkAclEntry) =>
    Egress === egress &&
    (Protocol === '-1' || Protocol === protocol) &&
    (!PortRange || ((PortRange.From ?? 0) <= ports.from && ports.to <= (PortRange.To ?? 65_535))) &&
    CidrBlock !== undefined &&
    contains(CidrBlock, `${address}/32`);
  const first = Entries.filter(fits).toSorted((a, b) => (a.RuleNumber ?? 0) - (b.RuleNumber ?? 0))[0];
  return first?.RuleAction === 'allow';
}

/** @param known agents that have registered, online or lost */
export function agents(routers: readonly Router[], known: readonly Agent[]): Finding[] {
  return routers.map(({ label, instance }) => {
    const agent = known.find(({ id }) => id === instance.id);
    if (agent?.isOnline) return finding('ok', 'agent', `${label}: online`);
    if (agent && agent.heardAt >= bareSince(instance))
      return finding(
        'fault',
        'agent',
        `${label}: Systems Manager last heard it at ${minuteOf(agent.heardAt)}: the machine is down or cut off`,
        'look at its status checks in EC2, and reboot or terminate it, or open 443 to ssm and ssmmessages again',
      );
    return finding(
      'fault',
      'agent',
      `${label}: Systems Manager does not hear it`,
      'see that its instance profile has AmazonSSMManagedInstanceCore, that the agent runs, and that 443 to ssm and ssmmessages is open (for agents before 3.3.40 to ec2messages too)',
    );
  });
}

export function diverters(routers: readonly Router[]): Finding[] {
  return routers.map(({ label, diverter, present, wanted, instance }) => {
    const [last] = instance.installs;
    if (diverter === 'wanted') return finding('ok', 'diverter', `${label}: ${wanted.fingerprint}`);
    const failed = last?.status === 'failed' ? `; ${endedText(last)}` : '';
    return finding(
      diverter === 'none' ? 'fault' : 'warning',
      'diverter',
      `${label}: ${present ? `has ${present}` : 'none that is known of'}, is to have ${wanted.fingerprint}${failed}`,
      'nothing, it is exchanged router by router; see: npm run -s ziti-glb -- plan',
    );
  });
}

/** Notes that somebody else has written under the names of ours. Only the functions can tell if a seal is right. */
export function notes(
  routers: readonly Router[],
  vpcs: readonly Pick<SubnetsWorld, 'routeTables' | 'impostors'>[],
): Finding[] {
  const routeTables = vpcs.flatMap((world) => world.routeTables);
  const impostors = vpcs.flatMap((world) => world.impostors);
  const check = 'notes';
  const follows = 'nothing follows it; find in CloudTrail who wrote it (CreateTags), and delete it';
  const found = [
    ...routers
      .filter(({ instance }) => instance.claimed)
      .map(({ label }) =>
        finding(
          'warning',
          check,
          `${label}: the tag for its diverter has no seal of this stack`,
          'nothing, it is installed once more, which writes another; if it comes back, find in CloudTrail who writes it (CreateTags)',
        ),
      ),
    ...routeTables.flatMap(({ id, forged }) =>
      [...forged.values()]
        .flat()
        .map((key) => finding('warning', check, `${id}: the tag ${key} has no seal of this stack`, follows)),
    ),
    ...impostors.map(({ id, serviceName }) =>
      finding('warning', check, `${id}: it carries the tag of this stack, and belongs to ${serviceName}`, follows),
    ),
  ];
  const says = 'all have a seal, which only the functions can verify: their log says what they do not believe';
  return elseOk(found, check, says);
}

/** Packets of each zone are to have a router. One that is there is mended before another is launched. */
export function zones(
  { subnets, crossZone, targets, service }: SubnetsWorld,
  nodeZones: readonly string[],
  routers: readonly Pick<RouterSummary, 'instance'>[],
): Finding[] {
  const unserved = [...new Set(nodeZones)].sort().filter((zone) => !service.zones.includes(zone));
  const late = unserved.map((zone) =>
    finding(
      'warning',
      'zones',
      `${zone}: the load balancer has a node there, and the endpoint service does not serve it yet`,
      `nothing, the next pass has it look again; if it stays: aws ec2 modify-vpc-endpoint-service-configuration --service-id ${service.name.split('.').at(-1)}`,
    ),
  );
  const all = [...new Set(nodeZones)].sort().map((zone) => {
    if (targets.some((target) => target.zone === zone && target.state === 'healthy'))
      return finding('ok', 'zones', `${zone}: has a healthy router`);
    const served = subnets.filter((subnet) => subnet.zone === zone && subnet.tagValue !== undefined).length;
    const present = routers.filter(({ instance }) => instance.zone === zone).map(({ instance }) => instance.id);
    const remedy = present.length > 0 ? `mend what is there: ${present.join(', ')}` : `launch a router in ${zone}`;
    return crossZone
      ? finding(
          'warning',
          'zones',
          `${zone}: no healthy router; its packets cross to other zones, at the price of that`,
          remedy,
        )
      : finding(
          served > 0 ? 'fault' : 'warning',
          'zones',
          `${zone}: no healthy router${served > 0 ? `; ${served} subnets there that are opted in reach nothing` : ''}`,
          `${remedy}, or deploy with crossZone=true`,
        );
  });
  return [...all, ...late];
}

type Table = Pick<SubnetsWorld['routeTables'][number], 'id'> & {
  routes: Pick<SubnetsWorld['routeTables'][number]['routes'][number], 'destination' | 'local' | 'propagated'>[];
};

/** The table with the most routes of one family: the quota is for each, and not for the VPC's own nor for propagated ones. */
export function fullest(tables: readonly Table[]): { id: string; routes: number } | undefined {
  const counted = tables.map(({ id, routes }) => {
    const counting = routes.filter(isCounted);
    const six = counting.filter(({ destination }) => isIpv6(destination)).length;
    return { id, routes: Math.max(six, counting.length - six) };
  });
  return counted.toSorted((a, b) => b.routes - a.routes)[0];
}

/** A quota that may become too small: how much of it the fullest thing uses. */
export interface Quota {
  name: string;
  /** A quota is of this: a VPC, a route table. */
  of: string;
  used: number;
  limit: number;
  adjustable: boolean;
}

export function quotas(all: readonly Quota[]): Finding[] {
  return all.map(({ name, of, used, limit, adjustable }) => {
    const says = `${name}: ${used} of ${limit} in ${of}`;
    if (used < NEAR * limit) return finding('ok', 'quotas', says);
    return finding(
      used >= limit ? 'fault' : 'warning',
      'quotas',
      says,
      adjustable ? 'ask for more in Service Quotas' : 'it cannot be raised: use fewer, larger routers',
    );
  });
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/quotas-limits.html */
export const targetQuota = (of: string, used: number) =>
  quotas([{ name: 'Targets per Gateway Load Balancer', of, used, limit: 300, adjustable: false }]);

export function unreadable(check: string, error: string): Finding {
  return finding('unknown', check, `it cannot be read: ${error}`, 'let who runs this read it, or look in the console');
}

/** A check whose reads AWS refuses says nothing about the rest. */
export async function attempt(check: string, read: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await read();
  } catch (error) {
    return [unreadable(check, explain(error))];
  }
}
