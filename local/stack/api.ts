import * as sdk from '@aws-sdk/client-cloudformation';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import type { OperationService } from '../wire/wire.ts';
import { changeSetOperations, type Deploying } from './change-sets.ts';
import { complete, type DeployedStack, type ToldStack } from './deployed.ts';
import type { Template } from './template.ts';

/**
 * CloudFormation: what there is, and by change sets what is made, changed and removed.
 * @param deploying how stacks are made; without it nobody can be asked to
 */
export function cloudFormationService(
  deployed: () => Iterable<DeployedStack>,
  { region, account }: { region: string; account: string },
  deploying?: Deploying,
): OperationService {
  const idOf = (name: string) => `arn:aws:cloudformation:${region}:${account}:stack/${name}/0`;
  const changeSets = deploying && changeSetOperations(deployed, idOf, deploying);
  const all = (): ToldStack[] => changeSets?.told() ?? [...deployed()].map(complete);
  const named = (name: string | undefined) => {
    const found = all().find(({ stack }) => stack.name === name || idOf(stack.name) === name);
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    if (!found) throw new AwsError('ValidationError', `Stack with id ${name} does not exist`);
    return found;
  };
  const resourcesOf = ({ stack, createdAt, updatedAt }: DeployedStack) =>
    [...stack.resources].map(([LogicalResourceId, { type, made }]) => ({
      LogicalResourceId,
      PhysicalResourceId: made.ref,
      ResourceType: type,
      Timestamp: new Date(updatedAt ?? createdAt),
      ResourceStatus: 'CREATE_COMPLETE' as const,
    }));
  const declared = ({ Parameters }: Template) =>
    Object.entries(Parameters).map(([ParameterKey, { Type, Default }]) => ({
      ParameterKey,
      ParameterType: Type,
      ...(Default !== undefined && { DefaultValue: String(Default) }),
    }));

  const operations: Operations<typeof sdk> = {
    ...changeSets?.operations,

    DescribeStacks({ StackName }) {
      const found = StackName === undefined ? all() : [named(StackName)];
      return {
        Stacks: found.map(({ stack, template, parameters, createdAt, updatedAt, status, reason }) => ({
          StackName: stack.name,
          StackId: idOf(stack.name),
          Description: template.Description,
          CreationTime: new Date(createdAt),
          ...(updatedAt !== undefined && { LastUpdatedTime: new Date(updatedAt) }),
          StackStatus: status,
          ...(reason !== undefined && { StackStatusReason: reason }),
          Parameters: Object.entries(template.Parameters).map(([ParameterKey, { Default }]) => ({
            ParameterKey,
            ParameterValue: parameters[ParameterKey] ?? String(Default ?? ''),
          })),
          Outputs: Object.entries(stack.outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
        })),
      };
    },

    GetTemplate({ StackName }) {
      return { TemplateBody: JSON.stringify(named(StackName).template, undefined, 2) };
    },

    GetTemplateSummary({ StackName }) {
      const { template } = named(StackName);
      return {
        ...(template.Metadata !== undefined && { Metadata: JSON.stringify(template.Metadata) }),
        Parameters: declared(template),
        ResourceTypes: [...new Set(Object.values(template.Resources).map(({ Type }) => Type))],
      };
    },

    DescribeStackResource({ StackName, LogicalResourceId }) {
      const found = named(StackName);
      const resource = resourcesOf(found).find((one) => one.LogicalResourceId === LogicalResourceId);
      if (!resource)
        throw new AwsError('ValidationError', `Resource ${LogicalResourceId} does not exist for stack ${StackName}`);
      const { Timestamp: LastUpdatedTimestamp, ...rest } = resource;
      const name = found.stack.name;
      return { StackResourceDetail: { ...rest, StackName: name, StackId: idOf(name), LastUpdatedTimestamp } };
    },

    ListStackResources({ StackName }) {
      return {
        StackResourceSummaries: resourcesOf(named(StackName)).map(({ Timestamp, ...rest }) => ({
          ...rest,
          LastUpdatedTimestamp: Timestamp,
        })),
      };
    },

    /** All of the stack that has the resource, if it is asked for by one. */
    DescribeStackResources({ StackName, PhysicalResourceId }) {
      const has = ({ stack }: DeployedStack) =>
        [...stack.resources.values()].some(({ made }) => made.ref === PhysicalResourceId);
      const found = StackName === undefined ? all().find(has) : named(StackName);
      if (!found) throw new AwsError('ValidationError', `Stack for ${PhysicalResourceId} does not exist`);
      const { name } = found.stack;
      return { StackResources: resourcesOf(found).map((one) => ({ ...one, StackName: name, StackId: idOf(name) })) };
    },
  };
  return { kind: 'operations', protocol: 'awsQuery', sdk, operations };
}
