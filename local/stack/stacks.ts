import { isDeepStrictEqual } from 'node:util';
import type * as sdk from '@aws-sdk/client-cloudformation';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import { capabilitiesFor, invalid, type ReadObject, readRequest, readTemplate } from './request.ts';
import type { StackWork } from './work.ts';

/** CloudFormation makes, changes and deletes stacks without a change set too: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html */
export function stackOperations(work: StackWork, read: ReadObject) {
  return {
    ValidateTemplate(input) {
      const { template } = readTemplate(input, read);
      return {
        Description: template.Description,
        Parameters: Object.entries(template.Parameters).map(([ParameterKey, { Default }]) => ({
          ParameterKey,
          ...(Default !== undefined && { DefaultValue: String(Default) }),
          NoEcho: false,
        })),
        Capabilities: capabilitiesFor(template),
      };
    },

    async CreateStack({ StackName, ClientRequestToken, ...input }, { accessKeyId }) {
      const request = readRequest(asked(input), read);
      await work.changes(StackName, request, accessKeyId);
      const there = work.find(StackName);
      if (there && work.repeats(there, 'CREATE_IN_PROGRESS', ClientRequestToken)) return { StackId: there.id };
      if (there) throw new AwsError('AlreadyExistsException', `Stack [${StackName}] already exists`);
      work.execute(work.beginNew(StackName, request), request, accessKeyId, undefined, ClientRequestToken);
      return { StackId: work.named(StackName).id };
    },

    async UpdateStack({ StackName, ClientRequestToken, ...input }, { accessKeyId }) {
      const before = work.named(StackName);
      if (work.repeats(before, 'UPDATE_IN_PROGRESS', ClientRequestToken)) return { StackId: before.id };
      work.refuseUpdate(before);
      const request = readRequest(asked(input), read, before);
      const { same } = await work.changes(before.stack.name, request, accessKeyId, before);
      if (same) throw invalid('No updates are to be performed.');
      // Another call may have begun meanwhile.
      work.execute(work.begin(before), request, accessKeyId, work.named(StackName), ClientRequestToken);
      return { StackId: before.id };
    },

    /** One that is not there is as good as deleted. */
    DeleteStack({ StackName, ClientRequestToken }) {
      const there = work.find(StackName);
      if (there && !work.repeats(there, 'DELETE_IN_PROGRESS', ClientRequestToken))
        work.remove(there, ClientRequestToken);
      return {};
    },

    DescribeStackEvents: ({ StackName }) => ({ StackEvents: work.eventsOf(StackName) }),
  } satisfies Operations<typeof sdk>;
}

type Asked = Parameters<typeof readRequest>[0];

/** These ask for nothing beside what is done. */
const usual = (name: string, value: unknown) =>
  value === undefined ||
  value === false ||
  isDeepStrictEqual(value, []) ||
  (name === 'OnFailure' && value === 'ROLLBACK');

/** @throws AwsError that names what is asked for beside a template, and is not here: a policy, another end than a roll-back */
function asked(input: Asked): Asked {
  const { TemplateBody, TemplateURL, UsePreviousTemplate, Parameters, Capabilities, Tags, RoleARN, ...others } = input;
  const [other] = Object.entries(others).filter((each) => !usual(...each));
  if (other) throw invalid(`the cloud in a box makes stacks without ${other[0]}`);
  return { TemplateBody, TemplateURL, UsePreviousTemplate, Parameters, Capabilities, Tags, RoleARN };
}
