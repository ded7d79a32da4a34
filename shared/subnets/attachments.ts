import type { Connection } from '../aws/attachments.ts';
import type { Condition, Reason } from '../conditions/condition.ts';
import type { HubConfig, SubnetsConfig } from '../config.ts';
import type { Part } from '../reconcile/plan.ts';
import type { SubnetsStep } from './steps.ts';

/** A transit gateway's connection to the endpoint service, by a network function attachment. */
export interface Attachment {
  /** The connection's. */
  id: string;
  /** The attachment's, and the account whose it is; undefined where the client that asked does not know such members. */
  attachmentId?: string | undefined;
  owner?: string | undefined;
  /** Lower case, as of an endpoint. */
  state: string;
}

/** EC2 lists connections that are gone for a while. */
export const readAttachments = (connections: readonly Connection[]): Attachment[] =>
  connections.flatMap((connection) => {
    const state = connection.VpcEndpointState?.toLowerCase() ?? '';
    if (connection.VpcEndpointId || state === 'deleted') return [];
    const { TransitGatewayAttachmentId: attachmentId, TransitGatewayAttachmentOwner: owner } = connection;
    return [{ id: connection.VpcEndpointConnectionId ?? 'a connection', attachmentId, owner, state }];
  });

/** AWS takes so many in one call. */
const AT_ONCE = 50;

/** Attachments of those owners are accepted that the stack was told of; all others are left to a person, and none is ever rejected. */
export function planAttachments(
  attachments: readonly Attachment[],
  { serviceId, gatewayOwners = [] }: Pick<SubnetsConfig, 'serviceId'> & Partial<Pick<HubConfig, 'gatewayOwners'>>,
): Part<SubnetsStep> {
  const asking = attachments.filter(({ state }) => state === 'pendingacceptance');
  const isWelcome = ({ attachmentId, owner }: Attachment) =>
    attachmentId !== undefined && owner !== undefined && gatewayOwners.includes(owner);
  const welcome = Map.groupBy(asking.filter(isWelcome), ({ owner }) => owner);
  return {
    steps: [...welcome].map(([owner, all]) => {
      const attachmentIds = all.flatMap(({ attachmentId }) => attachmentId ?? []).slice(0, AT_ONCE);
      const about = {
        label: `the endpoint service for transit gateways of account ${owner}`,
        ids: [serviceId, ...attachmentIds],
      };
      return { kind: 'accept-attachments', attachmentIds, about };
    }),
    conditions: asking.filter((each) => !isWelcome(each)).map((each) => stranger(each, serviceId)),
  };
}

function stranger({ id, attachmentId, owner }: Attachment, serviceId: string): Condition {
  const about = { label: attachmentId ?? id, ids: [attachmentId ?? id] };
  const reason: Reason =
    attachmentId === undefined || owner === undefined
      ? { code: 'unknown-gateway', serviceId }
      : { code: 'unknown-gateway-owner', owner, serviceId };
  return { about, kind: 'refused', reason, foreign: true };
}
