import * as ec2 from '@aws-sdk/client-ec2';
import fc from 'fast-check';
import { endsPass, type Fault } from '../../support/stage.ts';
import type { Stage } from './stage.ts';

/** What random worlds of subnets have in common. */
export const CIDRS = ['10.20.0.0/16', '10.30.0.0/16'];
export const RESOLVER = '100.127.255.254/32';
export const RANGE = '100.64.0.0/13';

export const from = <T>(...values: T[]) => fc.constantFrom(...values);
const FAULTS: Fault[] = ['none', 'none', 'throttled', 'refused', 'lost reply', 'crash', 'stale', 'stale'];
export const faults = fc.array(from(...FAULTS), { maxLength: 8 });

export const ignoring = (work: Promise<unknown>) => work.catch(() => {});
export const forgiving = (error: unknown) => {
  if (!endsPass(error)) throw error;
};

/** The same numbers from 0 to 1 for the same seed. */
export function random(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

/** A person deletes an endpoint, or the owner of its service rejects it: one that is there no more, in vain. */
export async function endEndpoint({ cloud, endpoints, service }: Stage, deed: string, which: number): Promise<void> {
  const VpcEndpointIds = [(await endpoints())[which]?.VpcEndpointId ?? ''];
  const rejected = { ServiceId: service.serviceId, VpcEndpointIds };
  await (deed === 'delete endpoint'
    ? ignoring(cloud.ec2.send(new ec2.DeleteVpcEndpointsCommand({ VpcEndpointIds })))
    : ignoring(cloud.ec2.send(new ec2.RejectVpcEndpointConnectionsCommand(rejected))));
}
