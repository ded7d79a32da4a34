import type { IpPermission, NetworkAcl, NetworkAclEntry, SecurityGroup } from '@aws-sdk/client-ec2';
import { contains } from '../shared/cidr.ts';
import { advised } from '../shared/conditions/sentences.ts';
import type { RouterSummary } from '../shared/routers/summaries.ts';
import type { SubnetsWorld } from '../shared/subnets/world.ts';
import { elseOk, type Finding, finding } from './finding.ts';

/** UDP 6081 is GENEVE: RFC 8926. */
const GENEVE = 6081;

/** Where ziti-router answers health checks. */
const ROUTER_HEALTH = '8081';

/** Health answers go to ports that the load balancer chose: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html */
const EPHEMERAL = { from: 1024, to: 65_535 };

/** The target group is to take instances: one that is taken may have its targets by address. */
export function ofType(targetType: string): Finding[] {
  if (targetType === 'instance') return [];
  const reason = { code: 'other-target-type', targetType } as const;
  const { says, todo } = advised({ kind: 'refused', reason });
  return [{ ...finding('fault', 'target group', says, todo), code: reason.code }];
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
    wanted
      ? `give it a health check by HTTP on port ${wanted}, of the path /, or deploy with healthCheck=router if it is to ask ziti-router alone`
      : `give it a health check by HTTPS on port ${ROUTER_HEALTH}, of the path /health-checks`,
  );
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
  const crosses = crossZone && targets.some(({ state }) => state === 'healthy');
  const all = [...new Set(nodeZones)].sort().map((zone) => {
    if (targets.some((target) => target.zone === zone && target.state === 'healthy'))
      return finding('ok', 'zones', `${zone}: has a healthy router`);
    const served = subnets.filter((subnet) => subnet.zone === zone && subnet.tagValue !== undefined).length;
    const present = routers.filter(({ instance }) => instance.zone === zone).map(({ instance }) => instance.id);
    const remedy = present.length > 0 ? `mend what is there: ${present.join(', ')}` : `launch a router in ${zone}`;
    return crosses
      ? finding(
          'warning',
          'zones',
          `${zone}: no healthy router; its packets cross to other zones, at the price of that`,
          remedy,
        )
      : finding(
          served > 0 ? 'fault' : 'warning',
          'zones',
          `${zone}: no healthy router${crossZone ? ', nor in another zone' : ''}${served > 0 ? `; ${served} subnets there that are opted in reach nothing` : ''}`,
          crossZone ? remedy : `${remedy}, or deploy with crossZone=true`,
        );
  });
  return [...all, ...late];
}

/** A router's interface with what filters its packets; undefined where that could not be read. */
export interface Filtered {
  label: string;
  groups: SecurityGroup[];
  acl: NetworkAcl | undefined;
}

/** Packets that have to pass between routers and the load balancer's nodes. */
export interface Wanted {
  healthPort: number;
  /** Answers go back through the load balancer: packets of their own, which no rule for what came in lets out. */
  repliesBack: boolean;
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
