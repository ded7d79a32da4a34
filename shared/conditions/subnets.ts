import { several } from '../sentences.ts';
import { anotherTry } from './common.ts';
import { type ReasonOf, type Table, textIn } from './words.ts';

/** Reasons why a spoke does not know which of its hub's routers are healthy, of which the hub's function `health` tells. */
const HUB = {
  clock: 'its clock is wrong, or this one',
  failed: '{health} failed',
  silent: '{health} does not answer ({error})',
  another: '{health} tells of {serviceId}, which is not hubService: give both of one hub',
} as const satisfies Table;

/** With the time when it last told, in milliseconds since the epoch. */
export type Blind = ReasonOf<typeof HUB> & { toldAt?: number | undefined };

export const blindText = (blind: Blind) =>
  `${textIn(HUB, blind)}${blind.toldAt === undefined ? '' : `; its last answer is of ${new Date(blind.toldAt).toISOString()}`}`;

/** An endpoint that is of no use any more; `owner` if its service is another account's, empty if nobody says whose. */
type Ended = { ended: { id: string; state: string; error?: string | undefined; owner?: string | undefined } };

function whyEnded({ ended: { id, state, error, owner } }: Ended): string {
  if (owner !== undefined && state === 'rejected') return `${accountOf(owner)} rejected ${id}`;
  if (owner !== undefined && state === 'expired') return `${accountOf(owner)} did not accept ${id} in time`;
  return [id, 'is', state, error].filter(Boolean).join(' ');
}

const accountOf = (owner: string) => (owner ? `account ${owner}` : 'the owner of the service');

/** A table that serves these too, by their labels. */
type Serving = { tableId: string; subnets: string[] };

/** Reasons of the subnets. */
export const SUBNETS = {
  // The tag's value.
  'no-cidr': 'the tag names no CIDR',
  'not-a-cidr': '{word} is not a CIDR',
  'closed-addresses': '{word} is inside {block}, the addresses of {whose}',
  'overlap-in-tag': '{word} overlaps {other} in the same tag',

  // The subnet's place.
  'shared-vpc':
    '{table} is of account {owner}, which shares this VPC, and {account} may write no route there: |deploy the stack in {owner}',
  'zone-without-node': 'the load balancer has no node in {zone}',
  'zone-not-served': 'the service of account {owner} is not in {zone}, which is {zoneId}: it serves {zoneIds}',
  'no-route-table': 'it has no route table',
  'main-route-table': ({ tableId, subnets }: Serving) =>
    `it follows ${tableId}, the main route table of the VPC, whose routes would serve ${several(subnets) || 'every new subnet'} too`,
  'routers-in-subnet': 'routers stand in it, and what they send out would come back to them',
  'table-of-routers': ({ tableId, subnets }: Serving) =>
    `its route table ${tableId} also serves the routers in ${several(subnets)}`,
  'no-ipv4-for-endpoint': '{subnet} has no IPv4 addresses for an endpoint',
  'no-subnet-for-endpoint': ({ zone, leaving }: { zone: string; leaving: string | undefined }) =>
    `none of the subnets named for endpoints is in ${zone}${leaving ? `, but for ${leaving}, which someone tried to delete` : ''}`,

  // One of its CIDRs.
  'part-of-vpc': '{cidr} is inside {block} of the VPC itself, and not a whole subnet of it',
  'block-of-vpc': '{cidr} is a whole block of the VPC itself, to which its route tables have a route already',
  'subnet-itself': '{cidr} is the subnet itself',
  'cuts-off': '{cidr} is {subnet}, and would cut its machines off from the {what} there',
  'in-dns-range': '{cidr} is inside {range}, the DNS range of {router}, and would cut it off from there',
  'in-far-dns-range': '{cidr} is inside {range}, the DNS range of {router}, to which no route of another VPC leads',
  'service-without-ipv6': '{cidr} is IPv6, which the endpoint service does not carry',
  'no-ipv6-for-endpoint': '{cidr} is IPv6, and {subnet} has no IPv6 addresses for an endpoint',
  'too-wide':
    '{cidr} is so wide that it needs endpoints in subnets of their own, or what routers let pass would come back to them',
  loop: ({ cidr, tableId, subnets }: { cidr: string } & Serving) =>
    `${cidr} would lead back into the endpoint, for ${tableId} also serves ${several(subnets)}`,
  'no-systems-manager':
    '{cidr} would cut its machines off from Systems Manager, for which the VPC has no endpoints (ssm and ssmmessages); |where they are elsewhere, name that in systemsManagerCidrs',
  'no-way-to-systems-manager':
    '{cidr} would cut its machines off from Systems Manager in {lost}: {tableId} has no more specific way there that is not ours',
  'route-quota': '{tableId} would need {routes} routes, and takes {most}',

  // Its endpoint.
  'endpoint-available': 'its endpoint to be available',
  'endpoint-anew': (facts: Ended) => `its endpoint to be available, a new one, for ${whyEnded(facts)}`,
  'endpoint-retry': (facts: Ended) => `another try, for ${whyEnded(facts)}`,
  'endpoint-accepted': ({ id, owner }: { id: string; owner: string }) => `${accountOf(owner)} to accept ${id}`,
  'room-in-vpc': "room for another try: the VPC has all the endpoints that AWS's quota allows",
  'room-in-zone': 'room for another try: AWS takes no second endpoint in {zone}',
  'endpoint-quota': "the VPC has all the {most} endpoints that AWS's quota allows",
  'zone-enabled': 'the endpoint service to be enabled in {zone}, where the load balancer is already',
  'service-there':
    'the endpoint service {service} to be there for account {account}: it is gone, its name is another, or its owner does not let this account connect',
  'news-of-hub': ({ blind }: { blind: Blind }) =>
    `news of the routers of the hub: what is there stays, and nothing new is made, for ${blindText(blind)}`,
  'endpoint-held-by-account': 'a route of {tableId}, which is of account {owner}, holds it; |have it taken out there',
  'endpoint-held-by-gateway': "a route of {tableId}, a gateway's table, holds it; |lead it elsewhere, or take it out",
  impostor:
    'it carries the tag {key} of this stack, and belongs to {serviceName}: it is left alone; |take that tag away',

  // Its routes.
  'healthy-router': 'a healthy router, without which a route would lead nowhere',
  'route-conflict': '{destination} in {tableId} leads to {target}, which is not ours',
  'route-of-stack': '{destination} in {tableId} leads to {target} of {holder}, and stacks take nothing from each other',
  'no-room-for-note': '{tableId} has {tags} tags, and no room for the one that {destination} needs',
  'no-room-for-copy':
    'its tag {key} has no copy, for every endpoint has {most} tags: if that is lost, so is the way back',
  'notes-lost':
    'where {destination} in {tableId} led before it was taken over is lost with its notes: opted out, it is deleted',
  'former-target-gone':
    '{destination} in {tableId} cannot be given back to {target}, which is gone: |lead it elsewhere or delete the tag {key}',
  'noted-by-nobody':
    '{destination} in {tableId} is noted by {key}, which this stack did not write: |lead the route where it belongs, or delete that tag',
  'noted-by-another-key':
    "{destination} in {tableId} is noted by {key}, which is not of this stack's tagKey: |give that tag its key, or delete it",
  'route-stays': ({
    destination,
    tableId,
    error,
  }: Parameters<typeof anotherTry>[0] & Record<'destination' | 'tableId', string>) => {
    const { says, ...rest } = anotherTry({ error });
    return { says: `${destination} in ${tableId} waits for ${says}`, ...rest };
  },
  'forged-tag': 'its tag {key} is not followed, for this stack did not write it there: |delete it',
  'note-erasable': 'the moment when its tag can be erased',
  'copy-erasable': 'the moment when the copy of its tag can be erased',
  'range-not-a-cidr': 'its DNS range {range} is not a CIDR',
  'range-overlaps': 'its DNS range {range} overlaps {block} of {whose}',
  'no-room-for-status': '{subnet} has {most} tags, which are all that AWS allows, and no room for it: |take one away',

  // VPCs, and who connects to the service.
  'vpc-missing': 'AWS lists no such VPC in this account and region: |take it out of clientVpcs',
  'claims-unread':
    'AWS does not tell which VPCs other stacks have claimed, and so all that have no routers are left as they are: |allow ssm:GetParametersByPath beneath /ziti-glb, of which a permissions boundary or a policy of the organisation (SCP) may be in the way. AWS says: {message}',
  'vpc-claimed': 'the stack {stack} opts its subnets in by the tag {tagKey}, and so this one does not',
  'named-vpc-claimed':
    'the stack {stack} opts its subnets in by the tag {tagKey}, and so this one does not: |take it out of clientVpcs, or give one of the two another tagKey',
  'spoke-of-itself':
    'account {account} has the load balancer itself: |remove this stack, and name its VPCs in clientVpcs of that one',
  'unknown-account':
    'account {owner}, which is not among spokeAccounts, asks to connect it to {serviceId}: |name that account there, or accept or reject it by hand, see docs/deploying.md',
  'unknown-gateway':
    "it is connected to {serviceId} and waits for acceptance, and is no endpoint's but a transit gateway's: |accept or reject its attachment, see docs/deploying.md",
  'unknown-gateway-owner':
    'account {owner}, which is not among gatewayOwners, asks to connect its transit gateway to {serviceId}: |name that account there, or accept or reject the attachment by hand, see docs/deploying.md',
} as const satisfies Table;
