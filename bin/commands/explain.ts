import { pauseSentence } from '../../shared/pause.ts';
import { type Command, json } from '../command.ts';
import { see } from '../deployed.ts';
import { parseDestination } from '../explain/destination.ts';
import { explainThing, notFound, tell, towards } from '../explain/explanation.ts';

export const explain: Command = {
  args: ['subnet|instance|route table|address', '[destination]'],
  summary: 'the chain from its tag to the packet, and its first broken link',
  options: json,
  check: ({ args: [, destination] }) => void (destination !== undefined && parseDestination(destination)),
  async run(given) {
    const { args, stack } = given;
    const ground = await see(stack);
    const [asked = '', to] = args;
    const found = (await explainThing(asked, ground, given)) ?? notFound(asked, ground, stack);
    const explained = to === undefined ? found : await towards(parseDestination(to), found, ground, given);
    const { paused } = ground.subnets.world;
    const said = paused ? [`the stack is ${pauseSentence(paused)}`, ...explained.said] : explained.said;
    return tell({ ...explained, said }, given);
  },
};
