import { refused } from '../conditions/condition.ts';
import type { HubConfig, SubnetsConfig } from '../config.ts';
import type { Part } from '../reconcile/plan.ts';
import { aboutId } from '../ref.ts';
import type { SubnetsStep } from './steps.ts';
import type { Connection } from './world.ts';

/**
 * Connections of other accounts to the service are accepted if the stack was told to take that account's, which is all that AWS tells
 * of them. Others are left to a person, and none is ever rejected.
 */
export function planConnections(
  spokes: readonly Connection[],
  { serviceId, spokeAccounts = [] }: Pick<SubnetsConfig, 'serviceId'> & Partial<Pick<HubConfig, 'spokeAccounts'>>,
): Part<SubnetsStep> {
  const asking = spokes.filter(({ state }) => state === 'pendingacceptance');
  const welcome = Map.groupBy(
    asking.filter(({ owner }) => spokeAccounts.includes(owner)),
    ({ owner }) => owner,
  );
  return {
    steps: [...welcome].map(([owner, connections]) => {
      const endpointIds = connections.map(({ id }) => id);
      const about = { label: `the endpoint service for account ${owner}`, ids: [serviceId, ...endpointIds] };
      return { kind: 'accept-endpoints', endpointIds, about };
    }),
    conditions: asking
      .filter(({ owner }) => !spokeAccounts.includes(owner))
      .map(({ id, owner }) => ({
        ...refused(aboutId(id), { code: 'unknown-account', owner, serviceId }),
        foreign: true,
      })),
  };
}
