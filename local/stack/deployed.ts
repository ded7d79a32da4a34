import type { Capability, StackStatus, Tag } from '@aws-sdk/client-cloudformation';
import type { Stack } from './deploy.ts';
import type { Template } from './template.ts';

/** A stack as it was deployed last. */
export interface DeployedStack {
  stack: Stack;
  template: Template;
  /** Parameters that were given. */
  parameters: Readonly<Record<string, string>>;
  /** What it makes has them too. */
  tags?: readonly Tag[] | undefined;
  createdAt: number;
  updatedAt: number | undefined;
}

/** A stack as CloudFormation tells of it. */
export interface ToldStack extends DeployedStack {
  /** ARN. */
  id: string;
  status: StackStatus;
  reason?: string | undefined;
  deletedAt?: number;
  /** The text of its template. */
  body: string;
  capabilities: readonly Capability[];
  tags: readonly Tag[];
  /** The role by which it is worked on, if one was ever said. */
  roleArn?: string | undefined;
}
