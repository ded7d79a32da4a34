import type { StackStatus } from '@aws-sdk/client-cloudformation';
import type { Stack } from './deploy.ts';
import type { Template } from './template.ts';

/** A stack as it was deployed last. */
export interface DeployedStack {
  stack: Stack;
  template: Template;
  /** Parameters that were given. */
  parameters: Readonly<Record<string, string>>;
  createdAt: number;
  updatedAt: number | undefined;
}

/** A stack as CloudFormation tells of it. */
export interface ToldStack extends DeployedStack {
  status: StackStatus;
  reason?: string | undefined;
}

/** A stack that nothing is done with. */
export const complete = (deployed: DeployedStack): ToldStack => ({
  ...deployed,
  status: deployed.updatedAt === undefined ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE',
});
