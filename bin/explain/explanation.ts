import { DescribeSubnetsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { describeInstances, where } from '../../shared/aws/read.ts';
import { contains } from '../../shared/cidr.ts';
import { ONLY_THE_CALLER_KNOWS } from '../../shared/conditions/common.ts';
import type { Condition } from '../../shared/conditions/condition.ts';
import { lasting } from '../../shared/conditions/sentences.ts';
import { blindText } from '../../shared/conditions/subnets.ts';
import { tagValue } from '../../shared/subnets/status-text.ts';
import { label, tableOf } from '../../shared/subnets/world.ts';
import { topology } from '../../shared/topology/model.ts';
import { NO_ENDPOINT } from '../../shared/topology/sentences.ts';
import { EXIT, type Given } from '../command.ts';
import { type Deployed, hasRouters, hubsRouters, routersIn, type Seen } from '../deployed.ts';
import type { Link } from '../json.ts';
import { runOn } from '../on-instances.ts';
import { explain as explainError } from '../person.ts';
import { table } from '../table.ts';
import { chainOfConnections, chainOfRouter, chainOfSubnet, chainOfTable } from './chain.ts';
import { alone, type Destination, isAddress, rulesOf, SERVICES, serviceLink, wayTo } from './destination.ts';

/** EC2 tells this of a thing's place. */
interface Place {
  VpcId?: string;
  SubnetId?: string;
  PrivateIpAddress?: string;
}

export interface Explanation {
  subject: string;
  chain: Link[];
  /** The reconcilers say this of it. */
  said: string[];
  /** Whose packets it is about, if it is about a client's. */
  subnetId?: string;
  source?: string | undefined;
}

/** Writes a chain and its first broken link. Returns the exit code. */
export function tell(
  { subject, chain, said }: Pick<Explanation, 'subject' | 'chain' | 'said'>,
  { options, terminal, document }: Pick<Given, 'options' | 'terminal' | 'document'>,
): number {
  const { paint, columns } = terminal;
  const broken = chain.find(({ holds }) => !holds);
  if (options.json) {
    document({ subject, chain, broken, said });
  } else {
    const rows = chain.map(({ name, holds, says }) => [
      holds ? paint('green', 'ok') : paint('red', 'BROKEN'),
      name,
      says,
    ]);
    const verdict = broken
      ? `${paint('red', 'The first broken link')} is ${broken.name}: ${broken.says}.`
      : paint('green', 'The whole chain holds.');
    // The link may say the very same already.
    const more = said.filter((text) => text !== broken?.says);
    terminal.out(paint('bold', subject), ...table(rows, { columns }), verdict, ...more);
  }
  return broken ? EXIT.todo : EXIT.ok;
}

/** By its id or its Name tag. A client's packets go the way of its subnet. */
export async function explainThing(asked: string, ground: Seen, given: Given): Promise<Explanation | undefined> {
  const { stack } = given;
  const { config, clients } = stack;
  const is = (thing: { id: string; name?: string; address?: string }) =>
    asked !== '' && [thing.id, thing.name, thing.address].includes(asked);
  const shown = topology(ground, lasting).zones.flatMap((zone) => [...zone.subnets, ...zone.routers]);
  const conditions: Condition[] = [...ground.subnets.plan.conditions, ...ground.routers.plan.conditions];
  const said = (id: string) =>
    shown.find((subject) => subject.id === id)?.why ??
    // Of what is not in the picture, as a route table.
    conditions.filter(({ about }) => about.ids.includes(id)).map(lasting);

  const { vpcs, spokes, hub } = ground.subnets;
  for (const world of vpcs) {
    const there = { ...ground, subnets: { ...ground.subnets, world } };
    const subnet = world.subnets.find(is);
    if (subnet)
      return {
        subject: label(subnet),
        chain: chainOfSubnet(subnet, there, config),
        said: [
          ...said(subnet.id),
          ...statusTag(subnet.id, ground, config),
          ...(hub?.blind
            ? [`Nobody knows which routers of account ${hub.account} are healthy: ${blindText(hub.blind)}`]
            : []),
        ],
        subnetId: subnet.id,
      };
    if (world.routeTables.some(is))
      return { subject: asked, chain: chainOfTable(asked, there, config), said: said(asked) };
  }

  if (hasRouters(stack)) {
    const router = routersIn(ground, config).find(({ instance }) => is(instance));
    if (router) {
      const { id } = router.instance;
      const its = conditions.filter(({ about }) => about.ids.includes(id));
      const { now } = ground.subnets.world;
      return { subject: router.label, chain: chainOfRouter(router, its, stack.config.routers, now), said: said(id) };
    }
    const connections = spokes.filter(({ id, owner }) => id === asked || owner === asked);
    const [first] = connections;
    if (!first && stack.config.subnets.spokeAccounts.includes(asked)) {
      const account = { name: 'account', holds: true, says: `${asked} is among spokeAccounts` };
      return {
        subject: `account ${asked}`,
        chain: [account, { name: 'endpoint', holds: false, says: NO_ENDPOINT }],
        said: [],
      };
    }
    if (first)
      return {
        subject: asked === first.owner ? `account ${asked}` : `${asked} of account ${first.owner}`,
        chain: chainOfConnections(connections, stack.config.subnets),
        said: connections.flatMap(({ id }) => said(id)),
      };
  }

  const holds = ({ cidrs }: { cidrs: string[] }) => cidrs.some((cidr) => contains(cidr, alone(asked)));
  const [host, another] = isAddress(asked) ? vpcs.flatMap(({ subnets }) => subnets.filter(holds)) : [];
  if (another)
    throw new Error(`${asked} is an address in more than one VPC: ask for a subnet or an instance by its id`);
  if (host) {
    const found = await explainThing(host.id, ground, given);
    return found && { ...found, subject: `${asked}, whose packets go the way of ${found.subject}`, source: asked };
  }
  const served = vpcs.map(({ vpcId }) => vpcId);
  const place = await placeOf(asked, served, clients.ec2);
  if (place?.VpcId !== undefined && !served.includes(place.VpcId)) {
    const says = `it stands in ${place.VpcId}, and ${ground.place.stack} serves ${served.join(', ')}: whatever its tags say, it is nothing to this stack`;
    const code = conditions.find(({ about }) => about.ids.includes(place.VpcId ?? ''))?.reason.code;
    return { subject: asked, chain: [{ name: 'VPC', holds: false, says, ...(code && { code }) }], said: [] };
  }
  if (!place || asked.startsWith('subnet-') || place.SubnetId === undefined) return undefined;
  const found = await explainThing(place.SubnetId, ground, given);
  return (
    found && {
      ...found,
      subject: `${asked}, whose packets go the way of ${found.subject}`,
      source: place.PrivateIpAddress,
    }
  );
}

/** What AWS refuses only the functions are told, and they write it there. All else the plan says itself. */
function statusTag(id: string, { subnets: { plan } }: Seen, { subnets: { tagKey } }: Deployed['config']): string[] {
  const { subnet, state } = plan.summaries.find((each) => each.subnet.id === id) ?? {};
  const written = subnet?.status ?? '';
  const tells = ONLY_THE_CALLER_KNOWS.some((text) => written.includes(tagValue(text)));
  return tells && (state === 'waiting' || state === 'leaving') ? [`Its tag ${tagKey}:status says: ${written}`] : [];
}

/** With the route that a client's packet to this address takes, before what comes behind it, and the service that takes it at last. */
export async function towards(
  to: Destination,
  found: Explanation,
  ground: Seen,
  { stack, terminal }: Given,
): Promise<Explanation> {
  const { subnets, routers } = ground;
  if (found.subnetId === undefined)
    throw new Error(
      `${found.subject} sends no packets that routers get: a destination is for a subnet, a client or its address`,
    );
  const { subnetId } = found;
  const world = subnets.vpcs.find((each) => each.subnets.some(({ id }) => id === subnetId));
  if (!world) throw new Error(`${subnetId} is in no VPC of the stack any more`);
  const way = wayTo(to, tableOf(subnetId, world), world);
  const at = found.chain.findIndex(({ name }) => name === 'load balancer' || name === 'router');
  // One that ends early is broken there; whole it may lack what a hub does not tell.
  const whole = at >= 0 || found.chain.every(({ holds }) => holds);
  const chain = whole ? found.chain.toSpliced(at < 0 ? found.chain.length : at, 0, way) : found.chain;
  if (chain.some(({ holds }) => !holds)) return { ...found, chain };
  if (!hasRouters(stack)) {
    const why = `Which service takes it was not asked: ${hubsRouters(stack)}`;
    return { ...found, chain, said: [...found.said, why] };
  }
  if (stack.config.routers.diverter !== 'own') return { ...found, chain };
  const able = routersIn({ routers }, stack.config).filter(({ target }) => target?.state === 'healthy');
  try {
    const ids = able.map(({ instance }) => instance.id);
    const answers = await runOn(stack, ids, [SERVICES], terminal);
    const told = able.map(({ label, instance }) => ({ label, rules: rulesOf(answers.get(instance.id)) }));
    const link = serviceLink(to, told, found.source);
    const silent = told.flatMap(({ label, rules }) =>
      'unknown' in rules ? [`${label} was asked for a service: ${rules.unknown}`] : [],
    );
    return { ...found, chain: link ? [...chain, link] : chain, said: [...found.said, ...silent] };
  } catch (error) {
    return { ...found, chain, said: [...found.said, `No router could be asked for a service. ${explainError(error)}`] };
  }
}

/** Where a subnet or an instance stands, whosever it is, or an instance of these VPCs by its Name tag; undefined if there is none. */
async function placeOf(id: string, vpcIds: readonly string[], ec2: EC2Client): Promise<Place | undefined> {
  if (id.startsWith('subnet-')) {
    const { Subnets } = await ec2.send(new DescribeSubnetsCommand(where({ 'subnet-id': [id] })));
    return Subnets?.[0];
  }
  const byId = id.startsWith('i-');
  const all = await describeInstances(ec2, { [byId ? 'instance-id' : 'tag:Name']: [id] });
  return byId ? all[0] : all.find(({ VpcId = '' }) => vpcIds.includes(VpcId));
}

export function notFound(asked: string, { vpcId, subnets: { vpcs } }: Seen, stack: Deployed): never {
  if (hasRouters(stack))
    throw new Error(
      `${asked} is no subnet, tagged instance or route table in ${vpcId}, the VPC of the stack ${stack.name}, by id or Name tag, no address or client there, and no endpoint or account that is connected to it`,
    );
  throw new Error(
    `${asked} is no subnet or route table in ${vpcs.map((each) => each.vpcId).join(', ') || 'any VPC'}, which the stack ${stack.name} serves, by id or Name tag, and no address or client there; ${hubsRouters(stack)}`,
  );
}
