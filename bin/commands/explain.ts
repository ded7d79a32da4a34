import { pauseSentence } from '../../shared/sentences.ts';
import { type Command, type Given, json } from '../command.ts';
import { see } from '../deployed.ts';
import { parseDestination } from '../explain/destination.ts';
import { explainThing, notFound, tell, towards } from '../explain/explanation.ts';
import { gatewaysOf, readVpcAttachments } from '../gateways.ts';
import { explain as explainError } from '../person.ts';

/** A transit gateway's attachment in a subnet may have what keeps the packets of clients behind it from getting here and back. */
async function behindGateways(
  subnetId: string | undefined,
  { subnets }: Awaited<ReturnType<typeof see>>,
  { stack: { clients, config } }: Given,
): Promise<string[]> {
  if (subnetId === undefined) return [];
  const summaries = subnets.plan.summaries.filter(({ subnet }) => subnet.id === subnetId);
  try {
    const attachments = await readVpcAttachments(clients.ec2, summaries, config.subnets.account);
    return gatewaysOf(subnetId, attachments, subnets);
  } catch (error) {
    return [`Whether a transit gateway's attachment stands there could not be read. ${explainError(error)}`];
  }
}

export const explain: Command = {
  args: ['id|name|address', '[destination]'],
  summary: 'the chain of a subnet, router, route table or client from its tag to the packet, and its first broken link',
  options: json,
  check: ({ args: [, destination] }) => void (destination !== undefined && parseDestination(destination)),
  async run(given) {
    const { args, stack } = given;
    const ground = await see(stack);
    const [asked = '', to] = args;
    const found = (await explainThing(asked, ground, given)) ?? notFound(asked, ground, stack);
    const explained = to === undefined ? found : await towards(parseDestination(to), found, ground, given);
    const { paused } = ground.subnets.world;
    const behind = await behindGateways(explained.subnetId, ground, given);
    const said = [...(paused ? [`the stack is ${pauseSentence(paused)}`] : []), ...explained.said, ...behind];
    return tell({ ...explained, said }, given);
  },
};
