import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { watchAnswers } from '../shared/aws/calls.ts';
import {
  type HubConfig,
  hubConfig,
  type RoutersConfig,
  routersConfig,
  type SpokeConfig,
  spokeConfig,
} from '../shared/config.ts';
import { type Router, routersOf } from '../shared/routers/router.ts';
import { look, lookFromSpoke } from '../shared/topology/observe.ts';
import type { Clients } from './clients.ts';

/** A stack is there, or is to be, and this is what to ask about it with. */
export interface Place {
  name: string;
  clients: Clients;
  /** AWS's time, in milliseconds since the epoch. */
  now(): number;
}

/** A stack that runs. */
export type Deployed = DeployedHub | DeployedSpoke;

export interface DeployedHub extends Place {
  config: { subnets: HubConfig; routers: RoutersConfig };
}

/** Its subnets reach the routers of another account. */
export interface DeployedSpoke extends Place {
  config: { subnets: SpokeConfig; routers?: undefined };
}

export const hasRouters = (stack: Deployed): stack is DeployedHub => stack.config.routers !== undefined;

/** Looks at it as its functions do, and plans what they would do. */
export const see = (stack: Deployed): Promise<Seen> =>
  hasRouters(stack)
    ? look(stack.clients, stack.config, stack.now())
    : lookFromSpoke(stack.clients, stack.config.subnets, stack.now());
export type Seen = Awaited<ReturnType<typeof look>> | Awaited<ReturnType<typeof lookFromSpoke>>;

/** Routers of the stack; none of a spoke. */
export const routersIn = (
  { routers: { world } }: { routers: { world: Seen['routers']['world'] } },
  { routers }: Deployed['config'],
): Router[] => (routers && 'instances' in world ? routersOf(world, routers) : []);

/** Where to ask of routers that a spoke does not see. */
export function hubsRouters({ config: { subnets } }: DeployedSpoke): string {
  const [, , , , account, , name = ''] = subnets.hubHealth.split(':');
  return `its routers are the hub's, in account ${account}, where ${name.replace(/-health$/, '')} is the stack to ask`;
}

/** Functions that change something and have a log: what follows the stack's name in theirs. */
export const functionsOf = (stack: Deployed) => (hasRouters(stack) ? ['routers', 'subnets'] : ['subnets']);

/** Finds a stack by its name: its functions know all the rest. Rejects with AWS's error if there is none. */
export async function findStack({ name, clients, now }: Place): Promise<Deployed> {
  const variablesOf = async (suffix: string) => {
    const command = new GetFunctionConfigurationCommand({ FunctionName: `${name}-${suffix}` });
    const { Environment } = await clients.lambda.send(command);
    return Environment?.Variables ?? {};
  };
  const subnets = await variablesOf('subnets');
  if ('HUB_SERVICE' in subnets) {
    const config = { subnets: readAs(name, () => spokeConfig(subnets)) };
    return { name, clients, config, now };
  }
  const routers = await variablesOf('routers');
  const config = readAs(name, () => ({ subnets: hubConfig(subnets), routers: routersConfig(routers) }));
  return { name, clients, config, now };
}

/** @throws Error if the functions of this name are a stranger's, or of another version */
function readAs<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error);
    const whose = `${name} is no stack of ziti-glb, or of another version than this command`;
    throw new Error(`${whose}: name another --stack, or deploy it again. ${says}`, { cause: error });
  }
}

/** This machine's clock may be wrong, and a local cloud has a time of its own: what counts is the date of AWS's answers. */
export function awsClock(clients: Clients): () => number {
  let ahead = 0;
  for (const client of Object.values(clients)) {
    watchAnswers(client, ({ date = '' }) => {
      const now = Date.parse(date);
      if (!Number.isNaN(now)) ahead = now - Date.now();
    });
  }
  return () => Date.now() + ahead;
}
