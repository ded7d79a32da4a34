import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { watchAnswers } from '../shared/aws/calls.ts';
import { type RoutersConfig, routersConfig, type SubnetsConfig, subnetsConfig } from '../shared/config.ts';
import type { Clients } from './clients.ts';

/** A stack that runs, and what to ask about it with. */
export interface Deployed {
  name: string;
  clients: Clients;
  config: { subnets: SubnetsConfig; routers: RoutersConfig };
  /** AWS's time, in milliseconds since the epoch. */
  now(): number;
}

/** Finds a stack by its name: its functions know all the rest. Rejects with AWS's error if there is none. */
export async function findStack(name: string, clients: Clients): Promise<Deployed> {
  const clock = awsClock(clients);
  const [subnets, routers] = await Promise.all(
    ['subnets', 'routers'].map(async (suffix) => {
      const command = new GetFunctionConfigurationCommand({ FunctionName: `${name}-${suffix}` });
      const { Environment } = await clients.lambda.send(command);
      return Environment?.Variables ?? {};
    }),
  );
  const config = { subnets: subnetsConfig(subnets ?? {}), routers: routersConfig(routers ?? {}) };
  return { name, clients, config, now: clock };
}

/** This machine's clock may be wrong, and a local cloud has a time of its own: what counts is the date of AWS's answers. */
function awsClock(clients: Clients): () => number {
  let ahead = 0;
  for (const client of Object.values(clients)) {
    watchAnswers(client, ({ date = '' }) => {
      const now = Date.parse(date);
      if (!Number.isNaN(now)) ahead = now - Date.now();
    });
  }
  return () => Date.now() + ahead;
}
