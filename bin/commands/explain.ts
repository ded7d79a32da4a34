import { DescribeInstancesCommand, DescribeSubnetsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { routersOf } from '../../shared/routers/router.ts';
import { sentence } from '../../shared/sentences.ts';
import { label } from '../../shared/subnets/world.ts';
import { topology } from '../../shared/topology/model.ts';
import { look } from '../../shared/topology/observe.ts';
import { type Configs, chainOfRouter, chainOfSubnet, chainOfTable, type Link } from '../chain.ts';
import { type Command, EXIT, type Given, json } from '../command.ts';
import { table } from '../table.ts';

type Ground = Awaited<ReturnType<typeof look>>;

interface Explanation {
  subject: string;
  chain: Link[];
  /** What the reconcilers say of it. */
  said: string[];
}

export const explain: Command = {
  args: ['subnet|instance|route table'],
  summary: 'the chain from its tag to the packet, and its first broken link',
  options: json,
  async run(given) {
    const { args, options, stack, terminal } = given;
    const { paint } = terminal;
    const ground = await look(stack.clients, stack.config, stack.now());
    const { subject, chain, said } =
      (await explainThing(args[0] ?? '', ground, given)) ?? notFound(args[0] ?? '', stack.config);
    const broken = chain.find(({ holds }) => !holds);
    if (options.json) {
      terminal.out(JSON.stringify({ subject, chain, broken, said }));
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
      terminal.out(paint('bold', subject), ...table(rows), verdict, ...more);
    }
    return broken ? EXIT.todo : EXIT.ok;
  },
};

/** By its id or its Name tag. A client's packets go the way of its subnet. */
async function explainThing(asked: string, ground: Ground, given: Given): Promise<Explanation | undefined> {
  const { config, clients } = given.stack;
  const is = (thing: { id: string; name?: string }) => thing.id === asked || (thing.name === asked && asked !== '');
  const shown = topology(ground).zones.flatMap((zone) => [...zone.subnets, ...zone.routers]);
  const conditions = [...ground.subnets.plan.conditions, ...ground.routers.plan.conditions];
  // Of what is not in the picture, as a route table.
  const said = (id: string) =>
    shown.find((subject) => subject.id === id)?.why ??
    conditions.filter(({ about }) => about.ids.includes(id)).map(sentence);

  for (const world of ground.subnets.vpcs) {
    const there = { ...ground, subnets: { ...ground.subnets, world } };
    const subnet = world.subnets.find(is);
    if (subnet) return { subject: label(subnet), chain: chainOfSubnet(subnet, there, config), said: said(subnet.id) };
    if (world.routeTables.some(is))
      return { subject: asked, chain: chainOfTable(asked, there, config), said: said(asked) };
  }

  const router = routersOf(ground.routers.world, config.routers).find(({ instance }) => is(instance));
  if (router)
    return { subject: router.label, chain: chainOfRouter(router, config.routers), said: said(router.instance.id) };

  const place = await placeOf(asked, clients.ec2);
  const served = ground.subnets.vpcs.map(({ vpcId }) => vpcId);
  if (place?.VpcId !== undefined && !served.includes(place.VpcId)) {
    const says = `it stands in ${place.VpcId}, and ${ground.place.stack} serves ${served.join(', ')}: whatever its tags say, it is nothing to this stack`;
    return { subject: asked, chain: [{ name: 'VPC', holds: false, says }], said: [] };
  }
  if (!asked.startsWith('i-') || place?.SubnetId === undefined) return undefined;
  const found = await explainThing(place.SubnetId, ground, given);
  return found && { ...found, subject: `${asked}, whose packets go the way of ${found.subject}` };
}

/** Where a subnet or an instance stands, whosever it is; undefined if there is none. */
async function placeOf(id: string, ec2: EC2Client): Promise<{ VpcId?: string; SubnetId?: string } | undefined> {
  if (id.startsWith('subnet-')) {
    const { Subnets } = await ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: 'subnet-id', Values: [id] }] }));
    return Subnets?.[0];
  }
  if (!id.startsWith('i-')) return undefined;
  const { Reservations } = await ec2.send(
    new DescribeInstancesCommand({ Filters: [{ Name: 'instance-id', Values: [id] }] }),
  );
  return Reservations?.[0]?.Instances?.[0];
}

function notFound(asked: string, { routers }: Configs): never {
  throw new Error(
    `${asked} is no subnet, tagged instance or route table in ${routers.vpcId}, the VPC of the stack ${routers.stack}, by id or Name tag`,
  );
}
