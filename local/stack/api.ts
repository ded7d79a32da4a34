import * as sdk from '@aws-sdk/client-cloudformation';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import type { OperationService } from '../wire/wire.ts';
import type { Stack } from './deploy.ts';
import type { Template } from './template.ts';

/** A stack as it was deployed last. */
export interface DeployedStack {
  stack: Stack;
  template: Template;
  /** Those that were given. */
  parameters: Readonly<Record<string, string>>;
  createdAt: number;
  updatedAt: number | undefined;
}

/** CloudFormation, as far as it is asked what there is: the box deploys by itself. */
export function cloudFormationService(
  deployed: () => Iterable<DeployedStack>,
  { region, account }: { region: string; account: string },
): OperationService {
  const named = (name: string | undefined) => {
    const found = [...deployed()].find(({ stack }) => stack.name === name);
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    if (!found) throw new AwsError('ValidationError', `Stack with id ${name} does not exist`);
    return found;
  };
  const idOf = (name: string) => `arn:aws:cloudformation:${region}:${account}:stack/${name}/0`;
  const operations: Operations<typeof sdk> = {
    DescribeStacks({ StackName }) {
      const found = StackName === undefined ? [...deployed()] : [named(StackName)];
      return {
        Stacks: found.map(({ stack, template, parameters, createdAt, updatedAt }) => ({
          StackName: stack.name,
          StackId: idOf(stack.name),
          Description: template.Description,
          CreationTime: new Date(createdAt),
          ...(updatedAt !== undefined && { LastUpdatedTime: new Date(updatedAt) }),
          StackStatus: updatedAt === undefined ? ('CREATE_COMPLETE' as const) : ('UPDATE_COMPLETE' as const),
          Parameters: Object.entries(template.Parameters).map(([ParameterKey, { Default }]) => ({
            ParameterKey,
            ParameterValue: parameters[ParameterKey] ?? String(Default ?? ''),
          })),
          Outputs: Object.entries(stack.outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
        })),
      };
    },

    GetTemplateSummary({ StackName }) {
      const { template } = named(StackName);
      return {
        ...(template.Metadata !== undefined && { Metadata: JSON.stringify(template.Metadata) }),
        Parameters: Object.entries(template.Parameters).map(([ParameterKey, { Type, Default }]) => ({
          ParameterKey,
          ParameterType: Type,
          ...(Default !== undefined && { DefaultValue: String(Default) }),
        })),
        ResourceTypes: [...new Set(Object.values(template.Resources).map(({ Type }) => Type))],
      };
    },

    /** All of the stack that has the resource, if it is asked for by one. */
    DescribeStackResources({ StackName, PhysicalResourceId }) {
      const has = ({ stack }: DeployedStack) =>
        [...stack.resources.values()].some(({ made }) => made.ref === PhysicalResourceId);
      const found = StackName === undefined ? [...deployed()].find(has) : named(StackName);
      if (!found) throw new AwsError('ValidationError', `Stack for ${PhysicalResourceId} does not exist`);
      return {
        StackResources: [...found.stack.resources].map(([LogicalResourceId, { type, made }]) => ({
          StackName: found.stack.name,
          StackId: idOf(found.stack.name),
          LogicalResourceId,
          PhysicalResourceId: made.ref,
          ResourceType: type,
          Timestamp: new Date(found.updatedAt ?? found.createdAt),
          ResourceStatus: 'CREATE_COMPLETE' as const,
        })),
      };
    },
  };
  return { kind: 'operations', protocol: 'awsQuery', sdk, operations };
}
