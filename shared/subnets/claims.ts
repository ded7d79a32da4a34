import { paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm';
import { claimedTag } from '../../resources/claimed-tag.js';
import { isDenied } from '../aws/advice.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Claim, Denied } from './world.ts';

/** Systems Manager's parameters under it say which stack judges whose subnets: `/ziti-glb/VPC/KEY`, see resources/claim.yml. */
const PATH = '/ziti-glb';

/**
 * VPCs of this account and region that other stacks have claimed for the same tag. CloudFormation cannot know that of a stack that
 * serves more than the VPC of its routers, so it asks, and leaves them alone; one that serves no other VPC need not.
 * @throws what AWS refuses for another reason than that who asks may not
 */
export async function readClaims(
  client: SSMClient,
  { clientVpcs, tagKey, stack }: Pick<SubnetsConfig, 'clientVpcs' | 'tagKey' | 'stack'>,
): Promise<Claim[] | Denied> {
  if (clientVpcs !== 'all' && clientVpcs.length === 0) return [];
  const claims: Claim[] = [];
  const [tag, pages] = [claimedTag(tagKey), paginateGetParametersByPath({ client }, { Path: PATH, Recursive: true })];
  try {
    for await (const { Parameters = [] } of pages)
      for (const { Name = '', Value = '' } of Parameters) {
        const [, , vpcId = '', key] = Name.split('/');
        if (vpcId.startsWith('vpc-') && key === tag && Value !== stack) claims.push({ vpcId, stack: Value });
      }
  } catch (error) {
    if (error instanceof Error && isDenied(error)) return { denied: error.message };
    throw error;
  }
  return claims;
}
