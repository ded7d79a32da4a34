import * as sdk from '@aws-sdk/client-cloudformation';
import type { Operations } from '../wire/api.ts';
import type { OperationService } from '../wire/wire.ts';
import { changeSetOperations } from './change-sets.ts';
import type { DeployedStack } from './deployed.ts';
import { invalid } from './request.ts';
import { stackOperations } from './stacks.ts';
import type { Template } from './template.ts';
import { type Deploying, stackWork } from './work.ts';

/** CloudFormation tells what there is, and makes, changes and deletes it, by change sets or without. */
export function cloudFormationService(
  deployed: () => Iterable<DeployedStack>,
  place: { region: string; account: string },
  deploying: Deploying,
): OperationService {
  const work = stackWork(deployed, place, deploying);
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
    ...stackOperations(work, deploying.read),
    ...changeSetOperations(work, deploying),

    DescribeStacks({ StackName }) {
      const found = StackName === undefined ? work.all() : [work.described(StackName)];
      return {
        Stacks: found.map(
          ({ stack, id, template, parameters, createdAt, updatedAt, deletedAt, status, reason, ...told }) => ({
            StackName: stack.name,
            StackId: id,
            Description: template.Description,
            CreationTime: new Date(createdAt),
            ...(updatedAt !== undefined && { LastUpdatedTime: new Date(updatedAt) }),
            ...(deletedAt !== undefined && { DeletionTime: new Date(deletedAt) }),
            StackStatus: status,
            ...(reason !== undefined && { StackStatusReason: reason }),
            Parameters: Object.entries(template.Parameters).map(([ParameterKey, { Default }]) => ({
              ParameterKey,
              ParameterValue: parameters[ParameterKey] ?? String(Default ?? ''),
            })),
            Outputs: Object.entries(stack.outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
            Capabilities: [...told.capabilities],
            Tags: [...told.tags],
            ...(told.roleArn !== undefined && { RoleARN: told.roleArn }),
          }),
        ),
      };
    },

    GetTemplate({ StackName }) {
      return { TemplateBody: work.described(StackName).body };
    },

    GetTemplateSummary({ StackName }) {
      const { template } = work.described(StackName);
      return {
        ...(template.Metadata !== undefined && { Metadata: JSON.stringify(template.Metadata) }),
        Parameters: declared(template),
        ResourceTypes: [...new Set(Object.values(template.Resources).map(({ Type }) => Type))],
      };
    },

    DescribeStackResource({ StackName, LogicalResourceId }) {
      const found = work.described(StackName);
      const resource = resourcesOf(found).find((one) => one.LogicalResourceId === LogicalResourceId);
      if (!resource) throw invalid(`Resource ${LogicalResourceId} does not exist for stack ${StackName}`);
      const { Timestamp: LastUpdatedTimestamp, ...rest } = resource;
      return {
        StackResourceDetail: { ...rest, StackName: found.stack.name, StackId: found.id, LastUpdatedTimestamp },
      };
    },

    ListStackResources({ StackName }) {
      return {
        StackResourceSummaries: resourcesOf(work.described(StackName)).map(({ Timestamp, ...rest }) => ({
          ...rest,
          LastUpdatedTimestamp: Timestamp,
        })),
      };
    },

    /** All of the stack that has the resource, if it is asked for by one. */
    DescribeStackResources({ StackName, PhysicalResourceId }) {
      const has = ({ stack }: DeployedStack) =>
        [...stack.resources.values()].some(({ made }) => made.ref === PhysicalResourceId);
      const found = StackName === undefined ? work.all().find(has) : work.described(StackName);
      if (!found) throw invalid(`Stack for ${PhysicalResourceId} does not exist`);
      const about = { StackName: found.stack.name, StackId: found.id };
      return { StackResources: resourcesOf(found).map((one) => ({ ...one, ...about })) };
    },
  };
  return { kind: 'operations', protocol: 'awsQuery', sdk, operations };
}
