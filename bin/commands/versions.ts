import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { readAgents } from '../../shared/aws/agents.ts';
import { type Command, EXIT, type Given, json } from '../command.ts';
import { functionsOf, hasRouters, hubsRouters, routersIn, see } from '../deployed.ts';
import { readStatus, sameVersion } from '../diverter-status.ts';
import { type Answer, runOn } from '../on-instances.ts';
import { explain } from '../person.ts';
import { table } from '../table.ts';
import { version } from '../version.ts';

const PROGRAMS = ['diverter status --json', 'uname -r', 'ziti version 2>/dev/null | head -n 1'] as const;

export const versions: Command = {
  args: [],
  summary: 'of what which version runs: functions, diverters, kernels, agents',
  options: json,
  async run({ options, stack, terminal, document }) {
    const [functions, routers] = await Promise.all([readFunctions(stack), readRouters(stack, terminal)]);
    const all = { command: version, functions, routers };
    const diverters = new Map(routers.flatMap(({ label, diverter }) => (diverter ? [[label, diverter] as const] : [])));
    const differ = sameVersion(diverters);
    const { columns } = terminal;
    if (options.json) document(all);
    else
      terminal.out(
        `this command: ${version}, on Node ${process.versions.node}`,
        '',
        ...table(
          functions.map(({ name, version: of, runtime, deployed, code }) => [name, of, runtime, deployed, code]),
          { columns, heading: ['FUNCTION', 'VERSION', 'RUNTIME', 'DEPLOYED', 'CODE'] },
        ),
        '',
        ...(hasRouters(stack)
          ? table(
              routers.map((router) => [
                router.label,
                router.diverter ?? 'unknown',
                router.isWanted ? 'yes' : 'no',
                ...[router.ziti, router.kernel, router.agent].map((word) => word || 'unknown'),
              ]),
              { columns, heading: ['ROUTER', 'DIVERTER', 'AS IT IS TO BE', 'ZITI', 'KERNEL', 'AGENT'] },
            )
          : [`${stack.name} is a spoke: ${hubsRouters(stack)}.`]),
        ...routers.flatMap(({ label, unknown }) => (unknown ? ['', `${label} does not tell: ${unknown}`] : [])),
        ...differ.flatMap(({ says }) => ['', says]),
      );
    return differ.length > 0 || routers.some(({ isWanted }) => !isWanted) ? EXIT.todo : EXIT.ok;
  },
};

const OFFLINE = 'its SSM agent is not online, see explain';

async function readFunctions(stack: Given['stack']) {
  const { clients } = stack;
  return Promise.all(
    functionsOf(stack).map(async (suffix) => {
      const name = `${stack.name}-${suffix}`;
      const command = new GetFunctionConfigurationCommand({ FunctionName: name });
      const { Runtime = '', LastModified = '', CodeSha256 = '', Environment } = await clients.lambda.send(command);
      const of = Environment?.Variables?.VERSION ?? '';
      return {
        name,
        version: of,
        runtime: Runtime,
        deployed: LastModified.slice(0, 19),
        code: CodeSha256.slice(0, 12),
      };
    }),
  );
}

async function readRouters(stack: Given['stack'], terminal: Given['terminal']) {
  if (!hasRouters(stack)) return [];
  const { clients, config } = stack;
  const known = routersIn(await see(stack), config).filter(({ instance }) => instance.state === 'running');
  const agents = new Map((await readAgents(clients.ssm)).map((agent) => [agent.id, agent]));
  const online = known.map(({ instance }) => instance.id).filter((id) => agents.get(id)?.isOnline);
  let answers = new Map<string, Answer>();
  let refused: string | undefined;
  try {
    answers = await runOn(stack, online, PROGRAMS, terminal);
  } catch (error) {
    refused = explain(error);
  }
  return known.map(({ label, instance: { id }, diverter }) => {
    const answer = answers.get(id);
    const said = answer && 'said' in answer ? answer.said : [];
    const line = (program: (typeof PROGRAMS)[number]) => said.find(({ command }) => command === program)?.lines ?? [];
    return {
      ...{ id, label, isWanted: diverter === 'wanted' },
      diverter: readStatus(line(PROGRAMS[0]))?.version,
      kernel: line(PROGRAMS[1])[0],
      ziti: line(PROGRAMS[2])[0],
      agent: agents.get(id)?.version,
      unknown: answer && 'unknown' in answer ? answer.unknown : online.includes(id) ? refused : OFFLINE,
    };
  });
}
