import { paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm';
import { isDenied } from '../aws/errors.ts';
import type { SubnetsConfig } from '../config.ts';
import type { Claim, Denied } from './world.ts';

/** Systems Manager's parameters under it say which stack judges whose subnets: `/ziti-glb/VPC/KEY`, see resources/claim.yml. */
const PATH = '/ziti-glb';

/** A parameter's name may have only some of a tag's characters: others are written by their codes. As resources/parameters.js has it. */
export const claimedTag = (key: string) =>
  key.replace(/[^\w.-]/g, (character) => `_${character.codePointAt(0)?.toString(16)}`);

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
