import { z } from 'zod';
import { roleName } from '../iam/role.ts';
import type { FunctionConfiguration } from '../lambda/function.ts';
import type { Lambda } from '../lambda/runtime.ts';
import { document, integer, type ResourceType, refuseChange, resourceType, tags, text } from './resource-type.ts';

export interface FunctionPlace {
  region: string;
  account: string;
  /** The deployment package that was uploaded. */
  code(bucket: string, key: string): Uint8Array;
  /** The role of an access key lets it do this. */
  allows(accessKeyId: string, action: string, resource: string): Promise<boolean>;
}

/** A function may be named by its name or ARN. */
const nameOf = (nameOrArn: string) => nameOrArn.split(':function:').at(-1) ?? nameOrArn;

const functionProperties = z.strictObject({
  FunctionName: text.optional(),
  Description: text.optional(),
  Code: z.strictObject({ S3Bucket: text, S3Key: text }),
  Handler: text,
  Runtime: z.string().regex(/^nodejs\d+\.x$/),
  Role: text,
  MemorySize: integer.default(128),
  Timeout: integer.default(3),
  Architectures: z.array(z.enum(['x86_64', 'arm64'])).optional(),
  Environment: z.strictObject({ Variables: z.record(z.string(), text) }).optional(),
  ReservedConcurrentExecutions: integer.optional(),
  LoggingConfig: document.optional(),
  Tags: tags,
});

export function functionTypes(lambda: Lambda, place: FunctionPlace): Record<string, ResourceType> {
  function configurationOf(
    name: string,
    arn: string,
    properties: z.infer<typeof functionProperties>,
  ): FunctionConfiguration {
    const { Code, Environment, ReservedConcurrentExecutions: reservedConcurrency } = properties;
    return {
      name,
      arn,
      code: place.code(Code.S3Bucket, Code.S3Key),
      handler: properties.Handler,
      runtime: properties.Runtime,
      roleArn: properties.Role,
      memorySize: properties.MemorySize,
      timeout: properties.Timeout,
      variables: Environment?.Variables ?? {},
      ...(reservedConcurrency !== undefined && { reservedConcurrency }),
    };
  }

  return {
    'AWS::Lambda::Function': resourceType(functionProperties, ['Arn'], async (properties, { physicalName }) => {
      const name = properties.FunctionName ?? physicalName(64);
      const arn = `arn:aws:lambda:${place.region}:${place.account}:function:${name}`;
      lambda.createFunction(configurationOf(name, arn, properties));
      return {
        ref: name,
        attributes: { Arn: arn },
        update: async (changed) => {
          refuseChange({ name: properties.FunctionName }, { name: changed.FunctionName }, []);
          lambda.updateFunction(configurationOf(name, arn, changed));
        },
        remove: () => lambda.deleteFunction(name),
      };
    }),

    'AWS::Lambda::Permission': resourceType(
      z.strictObject({
        FunctionName: text,
        Action: z.literal('lambda:InvokeFunction'),
        Principal: text,
        SourceArn: text.optional(),
        PrincipalOrgID: text.optional(),
      }),
      [],
      async ({ FunctionName, Principal: principal, ...only }, { physicalName }) => {
        const { SourceArn: sourceArn, PrincipalOrgID: organization } = only;
        const removePermission = lambda.addPermission(FunctionName, {
          principal,
          ...(sourceArn && { sourceArn }),
          ...(organization && { organization }),
        });
        return { ref: physicalName(), remove: async () => removePermission() };
      },
    ),

    'AWS::Lambda::EventInvokeConfig': resourceType(
      z.strictObject({
        FunctionName: text,
        Qualifier: z.literal('$LATEST'),
        MaximumRetryAttempts: integer.default(2),
        MaximumEventAgeInSeconds: integer.default(6 * 3600),
        DestinationConfig: z.strictObject({ OnFailure: z.strictObject({ Destination: text }).optional() }).default({}),
      }),
      [],
      async (properties, { physicalName }) => {
        const name = nameOf(properties.FunctionName);
        const put = async ({
          MaximumRetryAttempts,
          MaximumEventAgeInSeconds,
          DestinationConfig,
        }: typeof properties) => {
          const onFailureArn = DestinationConfig.OnFailure?.Destination;
          if (onFailureArn && !(await place.allows(roleName(lambda.roleOf(name)), 'sqs:SendMessage', onFailureArn)))
            throw new Error(
              `InvalidParameterValueException: The function ${name} execution role does not have permissions to call SendMessage on ${onFailureArn}`,
            );
          lambda.setEventInvokeConfig(name, {
            maximumRetries: MaximumRetryAttempts,
            maximumAge: MaximumEventAgeInSeconds,
            ...(onFailureArn && { onFailureArn }),
          });
        };
        await put(properties);
        return {
          ref: physicalName(),
          async update(changed) {
            refuseChange({ name: properties.FunctionName }, { name: changed.FunctionName }, []);
            await put(changed);
          },
          remove: async () => lambda.setEventInvokeConfig(name),
        };
      },
    ),
  };
}
