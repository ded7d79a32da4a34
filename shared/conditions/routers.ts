import { minuteOf } from '../sentences.ts';
import type { Table } from './words.ts';

/** A command that has ended, by AWS's word, and what it said last. */
interface Ended {
  commandId: string;
  details: string;
  output: string;
}

export const endedText = ({ commandId, details, output }: Ended) =>
  `command ${commandId} ended as ${details}${output ? `: ${output}` : ''}`;

const HELD =
  '{group} holds it {state} for {hooks}: |no hook is answered here whose name does not begin with {prefix}, so whoever set it up has to complete it, or to put it again under such a name';

/** Reasons of the routers. What AWS warns of an instance stands in its tag in the same words. */
export const ROUTERS = {
  // What an instance waits for on its way to be a router that serves.
  'instance-started': 'EC2 to start it',
  'load-balancer-addresses': 'the load balancer to have addresses',
  'dns-range': 'a DNS range of its own',
  'dns-pool-held':
    'a DNS range: all {held} are held by others (tag {rangeKey}); |give the stack a larger dnsPool or a longer dnsPrefix',
  'dns-pool-of-vpc':
    'a DNS range: {ofVpc} overlap blocks of the VPC; |give the stack a larger dnsPool or a longer dnsPrefix',
  'dns-pool-held-and-of-vpc':
    'a DNS range: all {held} are held by others (tag {rangeKey}), and {ofVpc} overlap blocks of the VPC; |give the stack a larger dnsPool or a longer dnsPrefix',
  'drained-to-join': 'its draining to end, to join again',
  'agent-online': 'its SSM agent to come online, within {minutes} min of its start',
  'agent-missing':
    'its SSM agent, which is not online {minutes} min after its start: |usually its instance profile lacks AmazonSSMManagedInstanceCore, or port 443 to ssm and ssmmessages (before agent 3.3.40 ec2messages too) is closed, or the image has no agent',
  'agent-lost': ({ heardAt }: { heardAt: number }) => ({
    says: `its SSM agent, which was last heard of at ${minuteOf(heardAt)}`,
    todo: 'the machine is down or cut off; look at its status checks in EC2, and reboot or terminate it, or open port 443 to ssm and ssmmessages again',
  }),
  diverter: 'its diverter',
  'command-running': 'command {commandId}, which is {details}',
  'install-failed': (last: Ended) => `another try: ${endedText(last)}`,
  'source-dest-check': 'its source/dest check to be off',
  'tag-written': 'its tag {key}',
  registration: 'its registration',
  'health-checks': ({ state, why }: { state: string; why: string | undefined }) =>
    `its health checks to pass, it is ${state}${why ? ` (${why})` : ''}`,

  // Why an instance is no target, or is to be none any more.
  untagged: 'it is no router by its tag',
  'other-role': 'its tag {tagKey} is {role}, not {wanted}',
  'instance-state': 'it is {state}',
  'instance-gone': 'its instance is gone',
  'group-state': 'its group has it {state}',
  'warm-pool': 'it waits in a warm pool',
  'back-to-warm-pool': 'it may be on its way back to its warm pool',
  warned: '{warning}',
  'warned-alone': '{warning}, and it stays until another router is healthy',
  'no-room-for-warning': '{warning}, and it has no room for {key}, which would say so: |take a tag away',
  'install-unproven': 'its install has failed: what answers health checks there is no diverter of ours',
  'connections-drained': 'the connections it still has to drain',
  'foreign-target':
    'it is a target and carries no tag of ours: |whoever registered it is to take it out, or tag it as a router',

  // Why an instance cannot be a router of this load balancer at all.
  'other-zone':
    'it stands in zone {zone}, and the load balancer in {zones}: |launch it there, or add a subnet of {zone} to the stack',
  'other-subnet':
    'it stands in {subnetId}, and routerSubnets names {routerSubnets}: |launch it there, or name its subnet too',
  'other-profile': 'its instance profile is {profile}, and routerProfile is {routerProfile}: |give it that one',
  'no-room-for-notes':
    'it has {tags} tags, of which AWS allows {most} beside its own, and no room for {keys}: |take {missing} away',
  'no-ipv4': 'it has no IPv4 address, by which the load balancer reaches its targets',
  windows: 'it runs Windows, where no diverter runs',
  'no-diverter-built':
    'this stack was deployed without a diverter for {architecture}: |build one, see bpf/Makefile, and deploy again',
  'other-target-type':
    'its targets are of type {targetType}, and routers are of type instance: nothing is done to any of them; |make one of that type, for AWS changes it of none that is there, and deploy with its targetGroupArn',

  // Lifecycle hooks.
  'held-by-other-hooks': HELD,
  'ready-but-held': `it is ready, and ${HELD}`,
  'stack-resumed': 'a person to resume the stack',

  // An upgrade: routers by their labels.
  'upgrade-failed': ({ router, ...last }: Ended & { router: string }) => `stops at ${router}: ${endedText(last)}`,
  'upgrade-made-unhealthy': 'stops, for {router} is unhealthy with the new diverter',
  'upgrade-held-up': 'stops, for {router} is unhealthy, and cannot be given it: |mend it, or terminate it',
  'upgraded-router-healthy': '{router} to be healthy',
  'last-router': 'waits for another router to be healthy: no upgrade puts the last one at risk',
} as const satisfies Table;
