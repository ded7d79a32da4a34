import {
  type EC2Client,
  type Instance,
  paginateDescribeInstances,
  type SubnetIpv6CidrBlockAssociation,
  type Tag,
  type Vpc,
} from '@aws-sdk/client-ec2';
import { canonicalCidr } from '../cidr.ts';

/** Pages of the SDK's answers have a list in this member: all of its items. */
export async function collect<Member extends string, Item>(
  pages: AsyncIterable<{ [Name in Member]?: Item[] | undefined }>,
  member: Member,
): Promise<Item[]> {
  const all: Item[] = [];
  for await (const page of pages) all.push(...(page[member] ?? []));
  return all;
}

/** Input of a Describe call of EC2, by the names of its filters: what has one of the values of each. */
export const where = (filters: Record<string, string[]>) => ({
  Filters: Object.entries(filters).map(([Name, Values]) => ({ Name, Values })),
});

/** Instances, for a while those too that have ended. */
export async function describeInstances(client: EC2Client, filters: Record<string, string[]>): Promise<Instance[]> {
  const reservations = await collect(paginateDescribeInstances({ client }, where(filters)), 'Reservations');
  return reservations.flatMap(({ Instances = [] }) => Instances);
}

/** A resource has so many tags at most. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
export const TAGS_AT_MOST = 50;

/** Keys of a resource's tags that count: AWS's own do not, by the same page. */
export function countedKeys(tags: Tag[] | undefined): string[] {
  return (tags ?? []).map(({ Key = '' }) => Key).filter((key) => !key.startsWith('aws:'));
}

export function tag(tags: Tag[] | undefined, key: string): string | undefined {
  return tags?.find((candidate) => candidate.Key === key)?.Value;
}

/** AWS lists a block that is disassociated for another 30 to 60 minutes, and one that failed. */
const isAssociated = (state: { State?: string | undefined } | undefined) =>
  state?.State === 'associated' || state?.State === 'associating';

/** The CIDR blocks that a VPC has now, IPv4 and IPv6. */
export function vpcBlocks({ CidrBlockAssociationSet = [], Ipv6CidrBlockAssociationSet }: Vpc): string[] {
  const ipv4 = CidrBlockAssociationSet.filter(({ CidrBlockState }) => isAssociated(CidrBlockState));
  return [...ipv4.flatMap(({ CidrBlock }) => CidrBlock ?? []), ...ipv6Blocks(Ipv6CidrBlockAssociationSet)];
}

/** The same of IPv6, of a VPC or a subnet. */
export function ipv6Blocks(associations: SubnetIpv6CidrBlockAssociation[] = []): string[] {
  return associations
    .filter(({ Ipv6CidrBlockState }) => isAssociated(Ipv6CidrBlockState))
    .flatMap(({ Ipv6CidrBlock = '' }) => canonicalCidr(Ipv6CidrBlock) ?? []);
}
