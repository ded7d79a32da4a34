import { DescribeInstancesCommand, DescribeSubnetsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { contains } from '../../shared/cidr.ts';
import { routersOf } from '../../shared/routers/router.ts';
import { sentence } from '../../shared/sentences.ts';
import { label, tableOf } from '../../shared/subnets/world.ts';
import { topology } from '../../shared/topology/model.ts';
import type { look } from '../../shared/topology/observe.ts';
import { EXIT, type Given } from '../command.ts';
import { runOn } from '../on-instances.ts';
import { explain as explainError } from '../person.ts';
import { table } from '../table.ts';
import { type Configs, chainOfRouter, chainOfSubnet, chainOfTable, type Link } from './chain.ts';
import { alone, type Destination, isAddress, rulesOf, SERVICES, serviceLink, wayTo } from './destination.ts';

type Ground = Awaited<ReturnType<typeof look>>;

/** As EC2 tells it. */
interface Place {
  VpcId?: string;
  SubnetId?: string;
  PrivateIpAddress?: string;
}

export interface Explanation {
  subject: string;
  chain: Link[];
  /** What the reconcilers say of it. */
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
export async function explainThing(asked: string, ground: Ground, given: Given): Promise<Explanation | undefined> {
  const { config, clients } = given.stack;
  const is = (thing: { id: string; name?: string; address?: string }) =>
    asked !== '' && [thing.id, thing.name, thing.address].includes(asked);
  const shown = topology(ground).zones.flatMap((zone) => [...zone.subnets, ...zone.routers]);
  const conditions = [...ground.subnets.plan.conditions, ...ground.routers.plan.conditions];
  // Of what is not in the picture, as a route table.
  const said = (id: string) =>
    shown.find((subject) => subject.id === id)?.why ??
    conditions.filter(({ about }) => about.ids.includes(id)).map(sentence);

  const { vpcs } = ground.subnets;
  for (const world of vpcs) {
    const there = { ...ground, subnets: { ...ground.subnets, world } };
    const subnet = world.subnets.find(is);
    if (subnet)
      return {
        subject: label(subnet),
        chain: chainOfSubnet(subnet, there, config),
        said: said(subnet.id),
        subnetId: subnet.id,
      };
    if (world.routeTables.some(is))
      return { subject: asked, chain: chainOfTable(asked, there, config), said: said(asked) };
  }

  const router = routersOf(ground.routers.world, config.routers).find(({ instance }) => is(instance));
  if (router)
    return { subject: router.label, chain: chainOfRouter(router, config.routers), said: said(router.instance.id) };

  const holds = ({ cidrs }: { cidrs: string[] }) => cidrs.some((cidr) => contains(cidr, alone(asked)));
  const [host, another] = isAddress(asked) ? vpcs.flatMap(({ subnets }) => subnets.filter(holds)) : [];
  if (another)
    throw new Error(`${asked} is an address in more than one VPC: ask for a subnet or an instance by its id`);
  if (host) {
    const found = await explainThing(host.id, ground, given);
    return found && { ...found, subject: `${asked}, whose packets go the way of ${found.subject}`, source: asked };
  }
  const place = await placeOf(asked, ground.vpcId, clients.ec2);
  const served = vpcs.map(({ vpcId }) => vpcId);
  if (place?.VpcId !== undefined && !served.includes(place.VpcId)) {
    const says = `it stands in ${place.VpcId}, and ${ground.place.stack} serves ${served.join(', ')}: whatever its tags say, it is nothing to this stack`;
    return { subject: asked, chain: [{ name: 'VPC', holds: false, says }], said: [] };
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

/** With the route that a client's packet to this address takes, before what comes behind it, and the service that takes it at last. */
export async function towards(
  to: Destination,
  found: Explanation,
  ground: Ground,
  { stack, terminal }: Given,
): Promise<Explanation> {
  const { subnets, routers } = ground;
  if (found.subnetId === undefined)
    throw new Error(
      `${found.subject} sends no packets that routers get: a destination is for a subnet, a client or its address`,
    );
  const { subnetId } = found;
  const world = subnets.vpcs.find((each) => each.subnets.some(({ id }) => id === subnetId)) ?? subnets.world;
  const way = wayTo(to, tableOf(subnetId, world), world);
  const at = found.chain.findIndex(({ name }) => name === 'load balancer');
  const chain = at < 0 ? found.chain : found.chain.toSpliced(at, 0, way);
  if (chain.some(({ holds }) => !holds) || stack.config.routers.diverter !== 'own') return { ...found, chain };
  const able = routersOf(routers.world, stack.config.routers).filter(({ target }) => target?.state === 'healthy');
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

/** Where a subnet or an instance stands, whosever it is, or an instance of the VPC by its Name tag; undefined if there is none. */
async function placeOf(id: string, vpcId: string, ec2: EC2Client): Promise<Place | undefined> {
  if (id.startsWith('subnet-')) {
    const { Subnets } = await ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: 'subnet-id', Values: [id] }] }));
    return Subnets?.[0];
  }
  const named = [
    { Name: 'tag:Name', Values: [id] },
    { Name: 'vpc-id', Values: [vpcId] },
  ];
  const Filters = id.startsWith('i-') ? [{ Name: 'instance-id', Values: [id] }] : named;
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  return Reservations?.[0]?.Instances?.[0];
}

export function notFound(asked: string, { routers }: Configs): never {
  throw new Error(
    `${asked} is no subnet, tagged instance or route table in ${routers.vpcId}, the VPC of the stack ${routers.stack}, by id or Name tag, and no address or client there`,
  );
}
