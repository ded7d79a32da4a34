import type { Condition, Reason } from '../../shared/conditions/condition.ts';
import { endedText } from '../../shared/conditions/routers.ts';
import { lasting, reasonText } from '../../shared/conditions/sentences.ts';
import type { HubConfig, RoutersConfig } from '../../shared/config.ts';
import { otherHooks } from '../../shared/routers/hooks.ts';
import { agentAwaited } from '../../shared/routers/join.ts';
import { healthOf, mayNeedCommand, ROUTER, type Router } from '../../shared/routers/router.ts';
import { healthSentence } from '../../shared/routers/sentences.ts';
import type { Install } from '../../shared/routers/world.ts';
import type { SubnetsPlan } from '../../shared/subnets/plan.ts';
import {
  type Connection,
  type Hub,
  label,
  routerInReach,
  type Subnet,
  type SubnetsWorld,
  tableOf,
} from '../../shared/subnets/world.ts';
import { worded } from '../../shared/topology/model.ts';
import { type Deployed, routersIn, type Seen } from '../deployed.ts';
import { toldAgo } from '../hub-findings.ts';
import type { Link } from '../json.ts';

/** A chain is read from these: a VPC, and routers or what is known of the hub that has them. */
export interface Ground {
  subnets: { world: SubnetsWorld; plan: Pick<SubnetsPlan, 'summaries'>; hub?: Hub | undefined };
  routers: { world: Seen['routers']['world'] };
}
type Config = Deployed['config'];

type Code = Reason['code'];

/** @param code of the reason why it does not hold, if the functions have one */
const link = (name: string, holds: boolean, says: string, code?: string): Link => ({
  ...{ name, holds, says },
  ...(!holds && code && { code }),
});

/** The code of the first condition that has one of these. */
const codeAmong = (conditions: readonly Condition[], ...codes: Code[]): Code | undefined =>
  conditions.find(({ reason }) => codes.includes(reason.code))?.reason.code;

/** From the tag of a subnet to the router that gets its packets. Ends early where the rest would be meaningless. */
export function chainOfSubnet(subnet: Subnet, ground: Ground, config: Config): Link[] {
  const { world, plan, hub } = ground.subnets;
  const { tagKey, account } = config.subnets;
  if (subnet.tagValue === undefined)
    return [link('tag', false, `it has no tag ${tagKey}: give it one whose value is CIDRs, or the word default`)];
  const chain = [link('tag', true, `${tagKey}=${subnet.tagValue}`)];

  const summary = plan.summaries.find((each) => each.subnet.id === subnet.id);
  const conditions = summary?.conditions ?? [];
  if (!summary?.optedIn)
    return [...chain, link('wish', false, summary?.status ?? 'it is leaving', conditions[0]?.reason.code)];
  const {
    optedIn: { spec },
    endpoint,
    table,
  } = summary;
  if ('refused' in spec) return [...chain, link('wish', false, reasonText(spec.refused), spec.refused.code)];
  chain.push(link('wish', true, spec.cidrs.join(' ')));
  const reply = config.routers?.reply;
  if (hub) {
    chain.push(
      link('VPC', true, `it is in ${world.vpcId} of account ${account}, and the routers in account ${hub.account}`),
    );
    const there = hub.visible ? '' : `, which is not there for account ${account}: is it in the hub's spokeAccounts?`;
    const service = `${hub.service} of account ${hub.account}${there}`;
    chain.push(link('endpoint service', hub.visible, service, codeAmong(conditions, 'service-there')));
    if (!hub.visible) return chain;
  } else if (world.remote)
    chain.push(
      link('VPC', reply === 'geneve', `it is in ${world.vpcId}, and the routers in another: answers go ${reply}`),
    );

  if (!world.service.zones.includes(subnet.zone)) {
    const yet = `it does not serve ${subnet.zone} yet, where the load balancer is already`;
    const never = `it does not serve ${subnet.zone}, which is ${subnet.zoneId}`;
    return [...chain, link('endpoint service', false, hub ? never : yet, codeAmong(conditions, 'zone-enabled'))];
  }
  const stands = endpoint ? `${endpoint.id} in ${endpoint.subnetId} is ${endpoint.state}` : 'there is none yet';
  const asks = hub && endpoint?.state === 'pendingacceptance' ? `: account ${hub.account} has to accept it` : '';
  const why = endpoint?.error ? `: ${endpoint.error}` : asks;
  const isThere = endpoint?.state === 'available';
  chain.push(link('endpoint', isThere, `${stands}${why}`, codeAmong(conditions, ...OF_ENDPOINT)));

  const explicit = table?.subnetIds.includes(subnet.id);
  chain.push(
    link('route table', table !== undefined, table ? `${table.id}${explicit ? '' : ', the main one'}` : 'it has none'),
  );
  for (const cidr of spec.cidrs) {
    const route = table?.routes.find(({ destination }) => destination === cidr);
    const target = world.endpoints.find(({ id }) => id === route?.target);
    const says = !route
      ? `${cidr}: there is none yet`
      : !target
        ? `${cidr} leads to ${route.target}, which is not ours`
        : `${cidr} leads to ${route.target}${route.blackhole ? ', a blackhole' : ''}`;
    const leads = target?.state === 'available' && !route?.blackhole;
    const its = conditions.filter(({ reason }) => 'destination' in reason && reason.destination === cidr);
    chain.push(link('route', leads, says, its[0]?.reason.code ?? codeAmong(conditions, ...OF_ALL_ROUTES)));
  }

  return [...chain, ...(hub ? ofHub(subnet, hub, world.now) : behind(subnet, ground, config))];
}

/** Reasons of a subnet's endpoint. */
const OF_ENDPOINT: readonly Code[] = [
  'endpoint-quota',
  'endpoint-accepted',
  'endpoint-anew',
  'endpoint-retry',
  'endpoint-available',
  'room-in-vpc',
  'room-in-zone',
  'zone-enabled',
  'news-of-hub',
];

/** Reasons that name no route, and stand in the way of each of a subnet. */
const OF_ALL_ROUTES: readonly Code[] = ['healthy-router', 'news-of-hub'];

/** From the endpoint on, where the load balancer is the stack's. */
function behind(subnet: Subnet, { subnets: { world }, routers }: Ground, config: Config): Link[] {
  const nodes = routers.world.nodes.filter(({ zone }) => zone === subnet.zone);
  const node = nodes.map(({ address }) => address).join(', ');
  const says = node ? `its node in ${subnet.zone} is ${node}` : `it has no node in ${subnet.zone}`;
  const reach = world.crossZone ? 'any zone' : subnet.zone;
  const able = routersIn({ routers }, config).filter(
    ({ target, instance }) => target?.state === 'healthy' && (world.crossZone || instance.zone === subnet.zone),
  );
  const names = able.map((router) => router.label).join(', ');
  return [
    link('load balancer', nodes.length > 0, says),
    link('router', routerInReach(subnet.zone, world), names ? `${names}` : `none that is healthy in ${reach}`),
  ];
}

/** The same where it is another account's, which tells how many routers it has. What is not known is not broken. */
function ofHub({ zone, zoneId }: Subnet, hub: Hub, now: number): Link[] {
  const { routers } = hub.zones.find(({ id }) => id === zoneId) ?? {};
  if (routers === undefined) return [];
  return [
    link(
      'router',
      routers > 0,
      `${routers} healthy for ${zone} (${zoneId}), as account ${hub.account} ${toldAgo(hub, now)}`,
    ),
  ];
}

/** From the account of endpoints to the service that they connect to. */
export function chainOfConnections(connections: readonly Connection[], { spokeAccounts }: HubConfig): Link[] {
  const owners = [...new Set(connections.map(({ owner }) => owner))];
  return [
    ...owners.map((owner) => {
      if (spokeAccounts.includes(owner)) return link('account', true, `${owner} is among spokeAccounts`);
      const waits = connections.some((each) => each.owner === owner && each.state === 'pendingacceptance');
      return link(
        'account',
        !waits,
        `${owner} is not among spokeAccounts: a person accepts its endpoints, or does not`,
        'unknown-account',
      );
    }),
    ...connections.map(({ id, state }) => link('endpoint', state === 'available', `${id} is ${worded(state)}`)),
  ];
}

/** From the tag of an instance to the packets that the load balancer gives it. @param conditions the functions' of it */
export function chainOfRouter(
  router: Router,
  conditions: readonly Condition[],
  config: RoutersConfig,
  now: number,
): Link[] {
  const { instance, phase, target, diverter, wanted, present } = router;
  const { tagKey } = config;
  const code = 'reason' in phase ? phase.reason.code : codeAmong(conditions, 'instance-started');
  const role = instance.role ? `${tagKey}=${instance.role}` : `it has no tag ${tagKey}`;
  const chain = [
    link('tag', instance.role === ROUTER, role, code),
    link('instance', instance.state === 'running', `it is ${instance.state}`, code),
  ];
  if (phase.kind === 'refused' || phase.kind === 'leaving')
    return [...chain, link('standing', false, reasonText(phase.reason), code)];

  const agent = mayNeedCommand(router) ? agentAwaited(instance, now) : undefined;
  if (agent) chain.push(link('agent', false, lasting(agent), agent.reason.code));
  else if (instance.agentOnline) chain.push(link('agent', true, 'online'));
  const install = installText(instance.installs[0]);
  const since = instance.rootedAt > instance.launchedAt ? 'its root volume was attached' : 'it was started';
  const has = present ? `it has ${present}` : `none is known of since ${since}`;
  chain.push(
    link(
      'diverter',
      diverter === 'wanted',
      `${has}${diverter === 'wanted' ? '' : `, and is to have ${wanted.fingerprint}`}${install}`,
      codeAmong(conditions, ...OF_INSTALL),
    ),
  );
  // It goes off when the diverter is there, and not before.
  const checked = instance.interfaces.filter(({ sourceDestCheck }) => sourceDestCheck).map(({ id }) => id);
  const check = checked.length ? `on at ${checked.join(', ')}` : 'off';
  chain.push(link('source/dest check', checked.length === 0, check, codeAmong(conditions, 'source-dest-check')));
  const others = instance.scaling?.others.length ? otherHooks(instance.scaling) : undefined;
  const holding = others && ({ code: 'held-by-other-hooks', ...others } as const);
  const held = holding ? [link('lifecycle hook', false, reasonText(holding), holding.code)] : [];
  if (phase.kind === 'prepared')
    return [...chain, ...held, link('warm pool', true, 'it waits to be called into service')];
  const registered = target ? 'registered' : 'not registered';
  chain.push(link('target', target !== undefined, registered, codeAmong(conditions, ...OF_INSTALL, 'tag-written')));
  const health = codeAmong(conditions, 'health-checks', 'drained-to-join');
  if (target) chain.push(link('health', target.state === 'healthy', healthSentence(healthOf(router)), health));
  return [...chain, ...held];
}

/** What a chain says of the last install, unless that succeeded. */
function installText(last: Install | undefined): string {
  if (!last || last.status === 'success') return '';
  const { commandId, details } = last;
  return `; ${last.status === 'running' ? reasonText({ code: 'command-running', commandId, details }) : endedText(last)}`;
}

/** Reasons of an install, and of what has to be there before. */
const OF_INSTALL: readonly Code[] = [
  'no-room-for-notes',
  'load-balancer-addresses',
  'dns-range',
  'dns-pool-held',
  'dns-pool-of-vpc',
  'dns-pool-held-and-of-vpc',
  'drained-to-join',
  'command-running',
  'install-failed',
  'upgrade-failed',
  'upgrade-made-unhealthy',
  'upgrade-held-up',
  'upgraded-router-healthy',
  'last-router',
];

/** For each subnet that follows a route table: how far its chain holds. */
export function chainOfTable(tableId: string, ground: Ground, config: Config): Link[] {
  const { world } = ground.subnets;
  const followers = world.subnets.filter(({ id }) => tableOf(id, world)?.id === tableId);
  const opted = followers.filter(({ tagValue }) => tagValue !== undefined);
  const table = world.routeTables.find(({ id }) => id === tableId);
  if (table?.edge) return [link('use', false, 'it serves a gateway, and is never ours to change')];
  return [
    link('subnets', opted.length > 0, `${opted.length} of the ${followers.length} that follow it are opted in`),
    ...opted.map((subnet) => {
      const broken = chainOfSubnet(subnet, ground, config).find(({ holds }) => !holds);
      const says = broken ? `${broken.name}: ${broken.says}` : 'its packets arrive';
      return link(label(subnet), !broken, says, broken?.code);
    }),
  ];
}
