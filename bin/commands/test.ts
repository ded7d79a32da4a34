import { DescribeInstancesCommand, type Instance } from '@aws-sdk/client-ec2';
import { readAgents } from '../../shared/aws/agents.ts';
import { tag } from '../../shared/aws/read.ts';
import { type Command, type Given, json } from '../command.ts';
import { type Deployed, hasRouters, hubsRouters, routersIn, see } from '../deployed.ts';
import { type DiverterStatus, readStatus } from '../diverter-status.ts';
import { rulesOf, SERVICES } from '../explain/destination.ts';
import { explainThing, notFound, tell, towards } from '../explain/explanation.ts';
import { LONG_S, runOn } from '../on-instances.ts';
import { nameOf } from '../standing.ts';
import { counted, outcomeOf, parseTrial, programsOf, type Trial, trialOf } from '../trial.ts';

const STATUS = 'diverter status --json';

/** Does traffic really pass: by a client of the subnet, and by what routers count meanwhile. */
export const test: Command = {
  args: ['subnet|client', '[url]'],
  summary: 'try from a client, by Run Command, and name each hop and the first broken one',
  options: json,
  check: ({ args: [, url] }) => void (url !== undefined && parseTrial(url)),
  async run(given) {
    const { args, stack, terminal } = given;
    const [asked = '', url] = args;
    const ground = await see(stack);
    const found = (await explainThing(asked, ground, given)) ?? notFound(asked, ground, stack);
    if (found.subnetId === undefined) throw new Error(`${found.subject} is no subnet and no client of one`);
    const client = await clientOf(found.subnetId, asked, given);

    const own = stack.config.routers?.diverter === 'own';
    const able = routersIn(ground, stack.config).filter(({ target }) => own && target?.state === 'healthy');
    const ids = able.map(({ instance }) => instance.id);
    const before = await runOn(stack, ids, url === undefined ? [STATUS, SERVICES] : [STATUS], terminal);
    const rules = ids.flatMap((id) => {
      const told = rulesOf(before.get(id));
      return Array.isArray(told) ? told : [];
    });
    const trial = url === undefined ? (trialOf(rules) ?? nothingToTry(stack)) : parseTrial(url);
    const programs = Object.values(programsOf(trial)).filter((program) => program !== undefined);
    const answer = (await runOn(stack, [client.id], programs, terminal, LONG_S)).get(client.id);
    if (!answer || 'unknown' in answer) throw new Error(`${nameOf(client)} does not answer: ${answer?.unknown}`);
    const after = await runOn(stack, ids, [STATUS], terminal);

    const outcome = outcomeOf(trial, nameOf(client), answer.said);
    const to =
      outcome.address === undefined
        ? undefined
        : { address: outcome.address, port: trial.port, protocol: 'tcp' as const };
    const source = { ...found, source: client.address };
    const { chain, said } = to ? await towards(to, source, ground, given) : found;
    const told = able.flatMap(({ label, instance: { id } }) => {
      const [was, is] = [statusIn(before, id), statusIn(after, id)];
      return was && is ? [{ label, before: was, after: is }] : [];
    });
    const links = [...outcome.before, ...chain, ...(told.length > 0 ? [counted(told)] : []), ...outcome.after];
    return tell({ subject: `${nameOf(client)} to ${trial.url}`, chain: links, said }, given);
  },
};

function statusIn(answers: Awaited<ReturnType<typeof runOn>>, id: string): DiverterStatus | undefined {
  const answer = answers.get(id);
  const said = answer && 'said' in answer ? answer.said : [];
  return readStatus(said.find(({ command }) => command === STATUS)?.lines ?? []);
}

function nothingToTry(stack: Deployed): Trial {
  const why = hasRouters(stack)
    ? 'No router tells a service of TCP to try'
    : `No service is known here, for ${hubsRouters(stack)}`;
  throw new Error(`${why}: name a URL, as in https://10.20.0.5/ or tcp://10.20.0.5:22`);
}

interface Client {
  id: string;
  name: string;
  address: string | undefined;
}

/** The client that is asked for, else any of the subnet, whose agent is online. */
async function clientOf(subnetId: string, asked: string, { stack }: Given): Promise<Client> {
  const { ec2, ssm } = stack.clients;
  const Filters = [
    { Name: 'subnet-id', Values: [subnetId] },
    { Name: 'instance-state-name', Values: ['running'] },
  ];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  const there = Reservations.flatMap(({ Instances = [] }) => Instances)
    .filter(({ Tags }) => tag(Tags, stack.config.subnets.tagKey) === undefined)
    .map(clientFrom);
  const named = there.filter(({ id, name, address }) => [id, name, address].includes(asked));
  const online = new Set((await readAgents(ssm)).flatMap(({ id, isOnline }) => (isOnline ? id : [])));
  const [client] = (named.length > 0 ? named : there)
    .filter(({ id }) => online.has(id))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (client) return client;
  const whom = named.length > 0 ? `${asked} is` : `None of the ${there.length} clients that run in ${subnetId} is`;
  throw new Error(
    `${whom} managed by Systems Manager, by which to try from there. Give one the policy AmazonSSMManagedInstanceCore and a way to ssm and ssmmessages, or log in and use curl; explain follows its packet without`,
  );
}

const clientFrom = ({ InstanceId: id = '', Tags, PrivateIpAddress: address }: Instance): Client => ({
  ...{ id, name: tag(Tags, 'Name') || id, address },
});
