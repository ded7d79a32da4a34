import { paginateDescribeInstanceInformation, type SSMClient } from '@aws-sdk/client-ssm';
import { collect } from './read.ts';

/** Systems Manager knows this of an instance's agent. */
export interface Agent {
  /** The instance's. */
  id: string;
  isOnline: boolean;
  /** Its last ping, in milliseconds since the epoch: agents send one every five minutes. */
  heardAt: number;
  version: string | undefined;
}

/** Values of one filter of DescribeInstanceInformation. */
export const AGENTS_AT_ONCE = 50;

/** Agents that have registered: those too that were lost since, for thirty days. @param ids of so many instances at most; all, if not given */
export async function readAgents(client: SSMClient, ids?: string[]): Promise<Agent[]> {
  const input = ids ? { Filters: [{ Key: 'InstanceIds', Values: ids }] } : {};
  const found = await collect(paginateDescribeInstanceInformation({ client }, input), 'InstanceInformationList');
  return found.map(({ InstanceId = '', PingStatus, LastPingDateTime, AgentVersion }) => ({
    ...{ id: InstanceId, isOnline: PingStatus === 'Online', version: AgentVersion },
    heardAt: LastPingDateTime?.getTime() ?? 0,
  }));
}
