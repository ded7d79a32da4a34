import { wildcard } from '../../wildcard.ts';
import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import type { Instance } from '../ec2/records.ts';
import { paginate } from '../paginate.ts';
import type { Ssm } from './documents.ts';
import type { Agent } from './records.ts';

/** "An agent sends a signal every five minutes." */
const PING_INTERVAL = 300_000;
const FILTER_VALUES = 100;
const AGENT_VERSION = '3.3.3572.0';

/** SSM agents register, by which their instances are managed, and answer. */
export function agents(cloud: CloudContext) {
  /** An agent's timer has this key: it registers, or is lost. */
  const timer = (instanceId: string) => `agent of ${instanceId}`;

  return {
    /** The agent follows each change of its instance's state. */
    follow({ id, state }: Instance): void {
      if (state !== 'stopped') cloud.cancel(timer(id));
      if (state === 'running') cloud.next(timer(id), cloud.delays.agentOnline, () => register(id));
      if (state === 'stopping') goDown(id);
      if (state === 'terminated') cloud.agents.delete(id);
    },

    /** The agent goes down with its instance, of which EC2 sees nothing. */
    crash: goDown,

    /** The agent goes down while its instance restarts, which changes no state of it: until it has, the agent only counts as online. */
    restart({ id }: Instance): void {
      const agent = cloud.agents.get(id);
      if (agent) agent.downAt = cloud.clock.now();
      cloud.next(timer(id), cloud.delays.instanceRestarted + cloud.delays.agentOnline, () => register(id));
    },

    operations: {
      DescribeInstanceInformation({ Filters, InstanceInformationFilterList, MaxResults, NextToken }) {
        const filters = [
          ...(Filters ?? []).map(({ Key, Values }) => ({ key: Key, patterns: Values.map(wildcard) })),
          ...(InstanceInformationFilterList ?? []).map(({ key, valueSet }) => ({
            key,
            patterns: valueSet.map(wildcard),
          })),
        ];
        // By the model of the service.
        if (filters.some(({ patterns }) => patterns.length < 1 || patterns.length > FILTER_VALUES))
          throw new AwsError('ValidationException', `a filter has from 1 to ${FILTER_VALUES} values`);
        const found = [...cloud.agents.values()].filter((agent) =>
          filters.every(({ key, patterns }) => {
            const value = filterValue(agent, key);
            return value !== undefined && patterns.some((pattern) => pattern.test(value));
          }),
        );
        const { page, ...more } = paginate(found, { MaxResults, NextToken }, { least: 5, greatest: 50 });
        return { InstanceInformationList: page.map(agentShape), ...more };
      },
    } satisfies Ssm,
  };

  function goDown(instanceId: string): void {
    const agent = cloud.agents.get(instanceId);
    if (!agent) return;
    agent.downAt = cloud.clock.now();
    cloud.next(timer(instanceId), cloud.delays.agentLost, () => void Object.assign(agent, { online: false }));
  }

  function register(instanceId: string): void {
    const startedAt = cloud.clock.now();
    const registeredAt = cloud.agents.get(instanceId)?.registeredAt ?? startedAt;
    cloud.agents.set(instanceId, { instanceId, registeredAt, startedAt, downAt: undefined, online: true });
  }

  function filterValue(agent: Agent, key: string): string | undefined {
    if (key.startsWith('tag:')) return cloud.tags.get(agent.instanceId)?.get(key.slice(4));
    if (key === 'InstanceIds') return agent.instanceId;
    if (key === 'PingStatus') return pingStatus(agent);
    if (key === 'PlatformTypes') return 'Linux';
    if (key === 'ResourceType') return 'EC2Instance';
    if (key === 'AgentVersion') return AGENT_VERSION;
    throw new AwsError('InvalidInstanceInformationFilterValue', `the filter ${key} is not known`);
  }

  function agentShape(agent: Agent) {
    const { instanceId, registeredAt, startedAt, downAt = cloud.clock.now() } = agent;
    const pings = Math.floor((downAt - startedAt) / PING_INTERVAL);
    return {
      InstanceId: instanceId,
      PingStatus: pingStatus(agent),
      LastPingDateTime: new Date(startedAt + pings * PING_INTERVAL),
      AgentVersion: AGENT_VERSION,
      IsLatestVersion: true,
      PlatformType: 'Linux' as const,
      PlatformName: 'Debian GNU/Linux',
      RegistrationDate: new Date(registeredAt),
      ResourceType: 'EC2Instance' as const,
    };
  }
}

const pingStatus = ({ online }: Agent) => (online ? ('Online' as const) : ('ConnectionLost' as const));
