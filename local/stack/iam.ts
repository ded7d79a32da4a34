import { validateIdentityPolicy } from '@cloud-copilot/iam-policy';
import { z } from 'zod';
import type { Role } from '../iam/role.ts';
import { document, type ResourceType, refuseChange, resourceType, tags, text } from './resource-type.ts';

/** Of all inline policies of a role, without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
export const LARGEST_POLICIES = 10_240;

/**
 * @param roles where roles are kept, by name
 * @param boundary ARN of the policy without which a role is refused: an account's administrators demand it by a condition on
 * iam:PermissionsBoundary, see https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
 */
export function roleTypes(roles: Map<string, Role>, account: string, boundary?: string): Record<string, ResourceType> {
  return {
    'AWS::IAM::Role': resourceType(
      z.strictObject({
        RoleName: text.optional(),
        Path: text.default('/'),
        Description: text.optional(),
        AssumeRolePolicyDocument: document,
        Policies: z.array(z.strictObject({ PolicyName: text, PolicyDocument: document })).default([]),
        ManagedPolicyArns: z.array(text).default([]),
        PermissionsBoundary: text.optional(),
        Tags: tags,
      }),
      ['Arn', 'RoleId'],
      async (properties, { physicalName }) => {
        const name = properties.RoleName ?? physicalName(64);
        const arn = `arn:aws:iam::${account}:role${properties.Path}${name}`;
        if (roles.has(name)) throw new Error(`EntityAlreadyExists: Role with name ${name} already exists.`);
        const put = ({
          AssumeRolePolicyDocument,
          Policies,
          ManagedPolicyArns,
          PermissionsBoundary,
        }: typeof properties) => {
          if (boundary !== undefined && PermissionsBoundary !== boundary)
            throw new Error(
              `AccessDenied: User: arn:aws:iam::${account}:user/cloudformation is not authorized to perform: iam:CreateRole on resource: ${arn} with an explicit deny in an identity-based policy`,
            );
          for (const { PolicyDocument } of Policies) refuseMalformed(PolicyDocument);
          const size = Policies.reduce((sum, { PolicyDocument }) => sum + JSON.stringify(PolicyDocument).length, 0);
          if (size > LARGEST_POLICIES)
            throw new Error(
              `LimitExceeded: Maximum policy size of ${LARGEST_POLICIES} bytes exceeded for role ${name}`,
            );
          roles.set(name, {
            name,
            arn,
            trust: AssumeRolePolicyDocument,
            policies: Policies.map(({ PolicyName, PolicyDocument }) => ({
              name: PolicyName,
              document: PolicyDocument,
            })),
            managedPolicyArns: ManagedPolicyArns,
          });
        };
        put(properties);
        return {
          ref: name,
          attributes: { Arn: arn, RoleId: `AROA${name}` },
          update: async (changed) => {
            refuseChange(properties, changed, [
              'AssumeRolePolicyDocument',
              'Policies',
              'ManagedPolicyArns',
              'PermissionsBoundary',
              'Description',
              'Tags',
            ]);
            put(changed);
          },
          remove: async () => roles.delete(name),
        };
      },
    ),
  };
}

/** IAM itself would not take this for a policy. */
function refuseMalformed(policy: Record<string, unknown>): void {
  const [first] = validateIdentityPolicy(policy);
  if (first) throw new Error(`MalformedPolicyDocument: ${first.path}: ${first.message}`);
}
