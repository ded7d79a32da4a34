import { blindText } from '../shared/conditions/subnets.ts';
import type { HubConfig, SpokeConfig } from '../shared/config.ts';
import type { Connection, Hub, SubnetsWorld } from '../shared/subnets/world.ts';
import { type Finding, finding } from './finding.ts';

/** The age of the hub's answer, in words. */
export const toldAgo = ({ toldAt = 0 }: Pick<Hub, 'toldAt'>, now: number) =>
  `told ${Math.max(0, Math.round((now - toldAt) / 1000))} s ago`;

/** A spoke needs its hub's service to be there, and to have healthy routers for the zones of the spoke's subnets. */
export function reached(
  hub: Hub,
  vpcs: readonly Pick<SubnetsWorld, 'subnets'>[],
  { account, hubHealth }: Pick<SpokeConfig, 'account' | 'hubHealth'>,
  now: number,
): Finding[] {
  const theirs = `account ${hub.account}`;
  const service = hub.visible
    ? finding('ok', 'hub', `${hub.service} of ${theirs} is there, in ${hub.zones.map(({ id }) => id).join(', ')}`)
    : finding(
        'fault',
        'hub',
        `${hub.service} is not there for account ${account}: it is gone, mistyped or not for this account`,
        `see hubService, and have ${theirs} name ${account} in its spokeAccounts`,
      );
  if (hub.blind !== undefined)
    return [
      service,
      finding(
        'warning',
        'hub',
        `nobody knows which routers of ${theirs} are healthy: ${blindText(hub.blind)}`,
        `see that ${hubHealth} is there, that its account names ${account} in spokeAccounts, and that who runs this may invoke it`,
      ),
    ];
  const opted = vpcs.flatMap(({ subnets }) => subnets.filter(({ tagValue }) => tagValue !== undefined));
  const told = hub.zones.map(({ id, name, routers }) => {
    const waiting = opted.filter(({ zoneId }) => zoneId === id).length;
    const says = `${name === id ? id : `${name} (${id})`}: ${routers} healthy for it in ${theirs}, ${toldAgo(hub, now)}`;
    if (routers) return finding('ok', 'zones', says);
    const remedy = `have ${theirs} see to its routers`;
    return waiting > 0
      ? finding('fault', 'zones', `${says}; ${waiting} subnets there that are opted in reach nothing`, remedy)
      : finding('warning', 'zones', says, remedy);
  });
  return [service, ...told];
}

/**
 * What a hub's spokes need of it: that its service lets their accounts connect, which those of its own stack's do by their names in spokeAccounts.
 * @param allowed ARNs that may connect; a role or user does for its account
 */
export function spokes(
  {
    serviceId,
    spokeAccounts,
    sealing: { partition },
  }: Pick<HubConfig, 'serviceId' | 'spokeAccounts'> & { sealing: Pick<HubConfig['sealing'], 'partition'> },
  connections: readonly Connection[],
  allowed: readonly string[],
): Finding[] {
  const isAllowed = (account: string) => allowed.some((arn) => arn === '*' || arn.split(':')[4] === account);
  return spokeAccounts.map((account) => {
    const connected = connections.filter(({ owner, state }) => owner === account && state === 'available').length;
    if (!isAllowed(account))
      return finding(
        'warning',
        'spokes',
        `account ${account} is among spokeAccounts, and ${serviceId} does not let it connect`,
        `aws ec2 modify-vpc-endpoint-service-permissions --service-id ${serviceId} --add-allowed-principals arn:${partition}:iam::${account}:root`,
      );
    if (connected > 0) return finding('ok', 'spokes', `account ${account} has ${connected} connected`);
    return finding(
      'note',
      'spokes',
      `account ${account} may connect, and has no endpoint that is: has it a spoke, and there a tagged subnet?`,
    );
  });
}
