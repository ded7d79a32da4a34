import type * as sdk from '@aws-sdk/client-cloudformation';
import { AwsError } from '../wire/errors.ts';
import type { ToldStack } from './deployed.ts';
import { parseTemplate, type Template } from './template.ts';

/** A stack is to be made or changed by this. */
export interface StackRequest extends Pick<ToldStack, 'template' | 'body' | 'capabilities' | 'tags' | 'roleArn'> {
  parameters: Record<string, string>;
}

/** CloudFormation reads the object at an address: a template. */
export type ReadObject = (bucket: string, key: string) => Uint8Array;

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const LONGEST_BODY = 51_200;

export const invalid = (message: string) => new AwsError('ValidationError', message);

/** CreateStack, UpdateStack and CreateChangeSet have these members in common. */
type Input = Pick<
  sdk.UpdateStackInput,
  'TemplateBody' | 'TemplateURL' | 'UsePreviousTemplate' | 'Parameters' | 'Capabilities' | 'Tags' | 'RoleARN'
>;

/**
 * CloudFormation reads what a stack is to be made or changed by, before it looks at its resources.
 * @param before the stack that is to be changed
 * @throws AwsError `ValidationError`, `InsufficientCapabilitiesException`
 */
export function readRequest(input: Input, read: ReadObject, before?: ToldStack): StackRequest {
  const { Parameters = [], Capabilities = [], Tags, UsePreviousTemplate } = input;
  const { template, body } = before && UsePreviousTemplate ? before : readTemplate(input, read);
  const lacking = capabilitiesFor(template).filter((each) => !satisfies(Capabilities, each));
  if (lacking.length > 0)
    throw new AwsError('InsufficientCapabilitiesException', `Requires capabilities : [${lacking.join(', ')}]`);
  const parameters = valuesOf(Parameters, before);
  const tags = Tags ?? before?.tags ?? [];
  // "CloudFormation uses this role for all future operations on the stack."
  const roleArn = input.RoleARN ?? before?.roleArn;
  return { template, body, parameters, capabilities: Capabilities, tags, roleArn };
}

export function readTemplate({ TemplateBody, TemplateURL }: Input, read: ReadObject) {
  if (TemplateBody !== undefined && Buffer.byteLength(TemplateBody) > LONGEST_BODY)
    throw invalid(
      `1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${LONGEST_BODY}`,
    );
  const body = TemplateBody ?? (TemplateURL === undefined ? undefined : linked(TemplateURL, read));
  if (body === undefined) throw invalid('Either Template URL or Template Body must be specified.');
  try {
    return { body, template: parseTemplate(body) };
  } catch (error) {
    return refuse(error);
  }
}

function linked(url: string, read: ReadObject): string {
  const { hostname, pathname } = new URL(url);
  const [, own] = /^(.+)\.s3[.-]/.exec(hostname) ?? [];
  const [bucket = '', ...key] = `${own ? `${own}/` : ''}${decodeURIComponent(pathname).slice(1)}`.split('/');
  try {
    return new TextDecoder().decode(read(bucket, key.join('/')));
  } catch (error) {
    throw invalid(`S3 error: ${error instanceof Error ? error.message : error}`);
  }
}

/** Parameters whose values are to stay have them of the stack as it is. */
function valuesOf(parameters: readonly sdk.Parameter[], before: ToldStack | undefined): Record<string, string> {
  return Object.fromEntries(
    parameters.map(({ ParameterKey = '', ParameterValue = '', UsePreviousValue }) => {
      if (!UsePreviousValue) return [ParameterKey, ParameterValue];
      const declared = before?.template.Parameters[ParameterKey];
      if (!before || !declared)
        throw invalid(
          `Invalid input for parameter key ${ParameterKey}. Cannot specify usePreviousValue as true for a parameter key not in the previous template`,
        );
      return [ParameterKey, before.parameters[ParameterKey] ?? String(declared.Default ?? '')];
    }),
  );
}

/** Who deploys must say that he knows of the roles: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-template.html */
export function capabilitiesFor({ Resources }: Template): sdk.Capability[] {
  const identities = Object.values(Resources).filter(({ Type }) => Type.startsWith('AWS::IAM::'));
  if (identities.length === 0) return [];
  const names = identities.some(({ Properties }) =>
    Object.keys(Properties).some((name) => /^(Role|InstanceProfile|ManagedPolicy|User|Group)Name$/.test(name)),
  );
  return [names ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM'];
}

const satisfies = (said: readonly string[], needed: string) =>
  said.includes(needed) || (needed === 'CAPABILITY_IAM' && said.includes('CAPABILITY_NAMED_IAM'));

/** CloudFormation refuses a template or a parameter that is wrong. */
export function refuse(error: unknown): never {
  throw error instanceof AwsError ? error : invalid(error instanceof Error ? error.message : String(error));
}
