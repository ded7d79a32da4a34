/** An IAM role, as far as it says what its bearer may do. */
export interface Role {
  name: string;
  arn: string;
  trust: Record<string, unknown>;
  policies: { name: string; document: Record<string, unknown> }[];
  managedPolicyArns: string[];
}

/** A role's name is also the access key of who has taken it on. */
export const roleName = (arn: string) => arn.split('/').at(-1) ?? arn;
