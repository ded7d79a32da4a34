import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { plain, plainLines } from '../../shared/plain.ts';
import type { Operator } from './operator.ts';
import { picture } from './picture.ts';
import type { Tenant } from './tenant.ts';

/** Another VPC, whose machines and subnets have names of their own. */
export interface Other {
  where: string;
  tenant: Tenant;
}

const HELP = `  show                      the picture as it is now
  ask CLIENT URL            one request, e.g.  ask client-b http://10.20.0.7:8443/
  tag SUBNET CIDR ...       opt a subnet in, e.g.  tag app-b 10.20.0.0/16
  untag SUBNET              and out again
  launch NAME [1|2]         another router, in the first or second zone
  kill NAME                 end a router as a power failure would
  terminate NAME            end it as EC2 does
  quit                      take everything down (or Ctrl-C)`;

/**
 * Lets a person play with the running cloud, a line a command, until `quit` or the end of the input.
 * @param others VPCs whose machines and subnets can be named too
 */
export async function playground(
  operator: Operator,
  input: Readable,
  output: Writable,
  others: readonly Other[] = [],
): Promise<void> {
  const write = (text: string) => output.write(`${plainLines(text)}\n`);
  write(`The cloud keeps running. Type:\n\n${HELP}\n`);
  const lines = createInterface({ input, output, prompt: '> ' });
  // Lines from a pipe are still to be read when it has closed, but then there is nobody to prompt.
  let open = true;
  lines.once('close', () => {
    open = false;
  });
  const prompt = () => open && lines.prompt();
  prompt();
  for await (const line of lines) {
    const [command = '', ...args] = line.trim().split(/\s+/);
    if (command === 'quit') break;
    try {
      if (command !== '') write(await obey(operator, others, command, args));
    } catch (error) {
      write(plain(error instanceof Error ? error.message : String(error)));
    }
    prompt();
  }
  lines.close();
}

async function obey(
  operator: Operator,
  others: readonly Other[],
  command: string,
  [name, ...rest]: string[],
): Promise<string> {
  if (command === 'show') return picture(await operator.topology(others));
  if (name === undefined) return HELP;
  const known = await Promise.all(others.map(async ({ tenant }) => ((await tenant.has(name)) ? tenant : [])));
  const [tenant = operator] = known.flat();
  switch (command) {
    case 'ask': {
      const answer = await tenant.ask(name, rest[0] ?? 'http://10.20.0.5:443/');
      return 'text' in answer ? answer.text : answer.failed;
    }
    case 'tag':
      if (rest.length === 0) return `tag ${name} with which CIDR? For example: tag ${name} 10.20.0.0/16`;
      await tenant.tag(name, rest.join(' '));
      return `${name} is tagged; show says what becomes of it, an endpoint takes two minutes of the cloud's time`;
    case 'untag':
      await tenant.untag(name);
      return `${name} is untagged`;
    case 'launch':
      if (rest.length > 0 && rest[0] !== '1' && rest[0] !== '2') return `zone ${rest[0]} is not 1 or 2`;
      await operator.launch(name, rest[0] === '2' ? 1 : 0);
      return `${name} is launched; it serves in some two minutes of the cloud's time`;
    case 'kill':
      await tenant.kill(name);
      return `${name} is dead; EC2 goes on to call it running`;
    case 'terminate':
      await tenant.terminate(name);
      return `${name} is terminated`;
    default:
      return HELP;
  }
}
