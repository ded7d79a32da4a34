import {
  DescribeTransitGatewayAttachmentsCommand,
  type EC2Client,
  paginateDescribeTransitGatewayRouteTables,
  paginateDescribeTransitGatewayVpcAttachments,
  SearchTransitGatewayRoutesCommand,
} from '@aws-sdk/client-ec2';
import { collect, where } from '../shared/aws/read.ts';
import { covers } from '../shared/cidr.ts';
import type { SubnetSummary } from '../shared/subnets/summaries.ts';
import { label, type SubnetsWorld, tableOf } from '../shared/subnets/world.ts';
import { elseOk, type Finding, finding } from './finding.ts';

const CHECK = 'transit gateways';

/** Subnets of workloads may hold an attachment too, and all is well: only who has clients behind the gateway knows whether it matters. */
const missing = (says: string, remedy: string) =>
  finding('note', CHECK, says, `if clients behind it are to reach services: ${remedy}`);

/** A VPC's attachment to a transit gateway, where a subnet that is opted in holds its network interface. */
export interface VpcAttachment {
  id: string;
  gatewayId: string;
  vpcId: string;
  subnetIds: string[];
  /** A flow stays in one zone for its life. */
  applianceMode: boolean;
  /** The gateway's account; empty if EC2 does not say. */
  owner: string;
  /** The gateway's tables, with what they lead where; undefined where they are another account's, who alone may read them. */
  tables: GatewayTable[] | undefined;
}

export interface GatewayTable {
  id: string;
  /** It is the one by which packets that come out of the attachment go on. */
  associated: boolean;
  /** Networks that it leads to the attachment. */
  here: string[];
  /** It leads to other attachments. */
  onwards: boolean;
  /** It has more routes than EC2 tells at once. */
  cut: boolean;
}

export type Seen = { vpcs: readonly SubnetsWorld[]; plan: { summaries: readonly SubnetSummary[] } };
const isOptedIn = ({ optedIn }: SubnetSummary) => optedIn !== undefined && 'cidrs' in optedIn.spec;

/** Reads the attachments in subnets that are opted in, and what their gateways' tables say of them. */
export async function readVpcAttachments(
  client: EC2Client,
  summaries: readonly SubnetSummary[],
  account: string,
): Promise<VpcAttachment[]> {
  const optedIn = new Set(summaries.filter(isOptedIn).map(({ subnet }) => subnet.id));
  if (optedIn.size === 0) return [];
  const present = where({ state: ['available', 'modifying', 'pending'] });
  const pages = paginateDescribeTransitGatewayVpcAttachments({ client }, present);
  const all = await collect(pages, 'TransitGatewayVpcAttachments');
  const found = all.filter(({ SubnetIds = [] }) => SubnetIds.some((id) => optedIn.has(id)));
  if (found.length === 0) return [];
  const TransitGatewayAttachmentIds = found.flatMap(
    ({ TransitGatewayAttachmentId }) => TransitGatewayAttachmentId ?? [],
  );
  const { TransitGatewayAttachments = [] } = await client.send(
    new DescribeTransitGatewayAttachmentsCommand({ TransitGatewayAttachmentIds }),
  );
  return Promise.all(
    found.map(async ({ TransitGatewayAttachmentId: id = '', TransitGatewayId: gatewayId = '', ...each }) => {
      const told = TransitGatewayAttachments.find(
        ({ TransitGatewayAttachmentId }) => TransitGatewayAttachmentId === id,
      );
      const owner = told?.TransitGatewayOwnerId ?? '';
      const own = told?.Association?.TransitGatewayRouteTableId;
      return {
        ...{ id, gatewayId, vpcId: each.VpcId ?? '', subnetIds: each.SubnetIds ?? [], owner },
        applianceMode: each.Options?.ApplianceModeSupport === 'enable',
        tables: owner === account ? await readTables(client, gatewayId, id, own) : undefined,
      };
    }),
  );
}

async function readTables(client: EC2Client, gatewayId: string, attachmentId: string, own: string | undefined) {
  // One that is deleted is described for a while, and refuses to be searched.
  const present = where({ 'transit-gateway-id': [gatewayId], state: ['available'] });
  const pages = paginateDescribeTransitGatewayRouteTables({ client }, present);
  const tables = await collect(pages, 'TransitGatewayRouteTables');
  return Promise.all(
    tables.map(async ({ TransitGatewayRouteTableId: id = '' }): Promise<GatewayTable> => {
      const { Routes = [], AdditionalRoutesAvailable: cut = false } = await client.send(
        new SearchTransitGatewayRoutesCommand({ TransitGatewayRouteTableId: id, ...where({ state: ['active'] }) }),
      );
      const leads = Routes.map(({ DestinationCidrBlock = '', TransitGatewayAttachments = [] }) => ({
        to: DestinationCidrBlock,
        here: TransitGatewayAttachments.some((each) => each.TransitGatewayAttachmentId === attachmentId),
      }));
      const here = leads.flatMap((lead) => (lead.here ? lead.to : []));
      return { id, associated: id === own, here, onwards: leads.some((lead) => !lead.here), cut };
    }),
  );
}

/** Packets of clients behind a gateway are to get here and back, as far as this account may read it. Findings on a subnet name it first. */
export function gateways(attachments: readonly VpcAttachment[], { vpcs, plan }: Seen): Finding[] {
  return attachments.flatMap((attachment) => {
    const world = vpcs.find(({ vpcId }) => vpcId === attachment.vpcId);
    const summaries = plan.summaries.filter((each) => isOptedIn(each) && attachment.subnetIds.includes(each.subnet.id));
    if (!world || summaries.length === 0) return [];
    const found = [
      ...appliance(attachment),
      ...summaries.flatMap((summary) => wayBack(attachment, summary, world)),
      ...tablesOf(attachment, summaries),
    ];
    const { id, gatewayId } = attachment;
    return elseOk(found, CHECK, `${id}: ${gatewayId} leads here and back, in appliance mode`);
  });
}

/** The same of one subnet, in a sentence each. */
export const gatewaysOf = (subnetId: string, attachments: readonly VpcAttachment[], seen: Seen): string[] =>
  gateways(
    attachments.filter(({ subnetIds }) => subnetIds.includes(subnetId)),
    seen,
  )
    .filter(({ is }) => is !== 'ok')
    .map(({ says, remedy }) => `${says}. What to do: ${remedy}`);

/** https://docs.aws.amazon.com/vpc/latest/tgw/transit-gateway-appliance-scenario.html */
function appliance({ id, gatewayId, applianceMode }: VpcAttachment): Finding[] {
  if (applianceMode) return [];
  return [
    missing(
      `${id}: appliance mode is off, and ${gatewayId} may take the two directions of a flow to different zones`,
      `aws ec2 modify-transit-gateway-vpc-attachment --transit-gateway-attachment-id ${id} --options ApplianceModeSupport=enable`,
    ),
  ];
}

/** Packets out of an endpoint go on by the table of the endpoint's subnet. */
function wayBack({ gatewayId }: VpcAttachment, { subnet, endpoint }: SubnetSummary, world: SubnetsWorld): Finding[] {
  const table = endpoint && tableOf(endpoint.subnetId, world);
  if (!table || table.routes.some(({ target, blackhole }) => target === gatewayId && !blackhole)) return [];
  return [
    missing(
      `${label(subnet)}: ${table.id}, the table of its endpoint's subnet, has no route to ${gatewayId}: answers do not get to clients behind it`,
      `aws ec2 create-route --route-table-id ${table.id} --transit-gateway-id ${gatewayId} --destination-cidr-block and the clients' network`,
    ),
  ];
}

function tablesOf({ id, gatewayId, owner, tables }: VpcAttachment, summaries: readonly SubnetSummary[]): Finding[] {
  if (tables === undefined)
    return [
      finding(
        'unknown',
        CHECK,
        `${id}: ${gatewayId} is of ${owner ? `account ${owner}` : 'an account that EC2 does not name'}, which alone sees whether its route tables lead here and back`,
        `ask there: aws ec2 search-transit-gateway-routes`,
      ),
    ];
  const wanted = new Set(
    summaries.flatMap(({ optedIn }) => (optedIn && 'cidrs' in optedIn.spec ? optedIn.spec.cidrs : [])),
  );
  const unknown = (what: string) =>
    finding(
      'unknown',
      CHECK,
      `${id}: ${what}, for EC2 tells 1000 routes of a table and no more`,
      'look in the console',
    );
  const astray = [...wanted].filter((cidr) => !tables.some(({ here }) => covers(here, cidr)));
  const towards = astray.map((cidr) =>
    tables.some(({ cut }) => cut)
      ? unknown(`whether a route table of ${gatewayId} leads ${cidr} here is not known`)
      : missing(
          `${id}: no route table of ${gatewayId} leads ${cidr} here, and so no client behind it gets to a service`,
          `aws ec2 create-transit-gateway-route --transit-gateway-attachment-id ${id} --destination-cidr-block ${cidr} --transit-gateway-route-table-id and the clients' table`,
        ),
  );
  const own = tables.find(({ associated }) => associated);
  if (!own)
    return [
      ...towards,
      missing(
        `${id}: it is associated with no route table of ${gatewayId}: what comes out of the VPC goes nowhere`,
        `aws ec2 associate-transit-gateway-route-table --transit-gateway-attachment-id ${id} --transit-gateway-route-table-id and a table that leads to the clients`,
      ),
    ];
  if (own.onwards) return towards;
  return [
    ...towards,
    own.cut
      ? unknown(`whether ${own.id} leads back to clients is not known`)
      : missing(
          `${id}: ${own.id}, by which ${gatewayId} sends on what comes out of the VPC, leads to no other attachment: no answer gets back`,
          `aws ec2 enable-transit-gateway-route-table-propagation --transit-gateway-route-table-id ${own.id} --transit-gateway-attachment-id and that of the clients`,
        ),
  ];
}
