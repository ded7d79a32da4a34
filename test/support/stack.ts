import { setTimeout as sleep } from 'node:timers/promises';
import { type Box, type BoxOptions, startBox } from '../../local/box.ts';
import { createOperator, type Operator } from '../../local/demo/operator.ts';
import type { Fabric } from '../../local/fabric/fabric.ts';
import { noFabric } from '../../local/fabric/none.ts';
import { follow } from './follow.ts';
import { DIVERTER, packaged } from './packaged.ts';

/** The box has the product's own stack in it, without packets. */
export interface StackInBox {
  box: Box;
  operator: Operator;
  log: string[];
  /** Resolves when what `find` finds is there; rejects with the log if that takes longer than `patience`, in milliseconds of the wall's time. */
  until<T>(
    what: string,
    find: () => T | false | undefined | Promise<T | false | undefined>,
    patience?: number,
  ): Promise<T>;
  /** Resolves to the route to an endpoint that goes to this network, when there is one. */
  routed(destination: string): Promise<{ destination: string; endpointId: string }>;
}

/** The cloud's time has so many seconds in one of the wall's: as fast as a busy machine still gives a function's five seconds some. */
const RATE = 40;

export async function stackInBox(options: Partial<BoxOptions> = {}): Promise<StackInBox> {
  const log: string[] = [];
  const box = await startBox({
    rate: RATE,
    fabric: async ({ upstream }) => downloading(upstream),
    packaged: ({ vpcId, subnetIds }) => packaged({ parameters: { vpcId, subnetIds } }),
    diverter: DIVERTER,
    onLog: (source, line) => log.push(`${source}: ${line}`),
    ...options,
  });
  const operator = createOperator({
    endpoint: box.endpoint,
    credentials: box.credentials,
    region: box.region,
    vpcId: box.network.vpcId,
    targetGroupArn: box.stack.resources.get('TargetGroup')?.made.ref ?? '',
    routerSubnetIds: box.network.subnetIds.split(','),
    fabric: box.fabric,
  });
  const until: StackInBox['until'] = async (what, find, patience = 300_000) => {
    for (const end = Date.now() + patience; Date.now() < end; await sleep(50)) {
      const found = await find();
      if (found !== undefined && found !== false) return found;
    }
    throw new Error(`there is no ${what}, but:\n${log.slice(-30).join('\n')}`);
  };
  return {
    ...{ box, operator, log, until },
    routed: (destination) =>
      until(`route to ${destination}`, async () =>
        (await operator.endpointRoutes()).find((route) => route.destination === destination),
      ),
  };
}

/** Programs are not run, and the links in them are followed all the same: whoever signed one must be allowed to. */
export function downloading(upstream: string): Fabric {
  const fabric = noFabric('this is a test');
  return {
    ...fabric,
    async exec(instanceId, argv, options) {
      const links = `${argv.join(' ')} ${options?.stdin ?? ''}`.match(/http:\/\/169\.254\.0\.80\/[^\s'"]+/g) ?? [];
      for (const link of links) {
        const { status } = await follow(link, upstream);
        if (status !== 200) return { code: 22, stdout: '', stderr: `${link} answers ${status}` };
      }
      return fabric.exec(instanceId, argv, options);
    },
  };
}
