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
import type { Clients } from './clients.ts';

/** A stack that runs, and what to ask about it with. */
export interface Deployed {
  name: string;
  clients: Clients;
  config: { subnets: HubConfig; routers: RoutersConfig };
  /** AWS's time, in milliseconds since the epoch. */
  now(): number;
}

/** A stack is there, or is to be. */
export type Place = Pick<Deployed, 'name' | 'clients' | 'now'>;

/** A stack whose subnets reach the routers of another account. */
export interface DeployedSpoke extends Place {
  spoke: SpokeConfig;
}

/** Finds a stack by its name: its functions know all the rest. Rejects with AWS's error if there is none. */
export async function findStack({ name, clients, now }: Place): Promise<Deployed | DeployedSpoke> {
  const variablesOf = async (suffix: string) => {
    const command = new GetFunctionConfigurationCommand({ FunctionName: `${name}-${suffix}` });
    const { Environment } = await clients.lambda.send(command);
    return Environment?.Variables ?? {};
  };
  const subnets = await variablesOf('subnets');
  if ('HUB_SERVICE' in subnets) return { name, clients, spoke: readAs(name, () => spokeConfig(subnets)), now };
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
    const whose = `${name} is no stack of ziti-glb, or of another version than this checkout`;
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
