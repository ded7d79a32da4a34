import type * as sdk from '@aws-sdk/client-cloudformation';
import { uuid } from '../ids.ts';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import { invalid, readRequest } from './request.ts';
import type { Deploying, StackWork } from './work.ts';

const NO_CHANGES =
  "The submitted information didn't contain changes. Submit different information to create a change set.";

/** Change sets say what would be done, and are executed: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html */
export function changeSetOperations(
  work: StackWork,
  { clock, works, read }: Pick<Deploying, 'clock' | 'works' | 'read'>,
) {
  let made = 0;

  /** The change set of this name or id, and its stack. */
  function changeSet(nameOrId: string, stackName?: string) {
    const [, name = nameOrId] = /:changeSet\/([^/]+)\//.exec(nameOrId) ?? [];
    const found = stackName === undefined ? [...works.values()] : [works.get(work.find(stackName)?.stack.name ?? '')];
    const its = found.find((one) => one?.changeSets.get(name));
    const set = its?.changeSets.get(name);
    if (!its || !set) throw new AwsError('ChangeSetNotFound', `ChangeSet [${nameOrId}] does not exist`, 404);
    return { name, set, its };
  }

  return {
    async CreateChangeSet({ StackName, ChangeSetName, ChangeSetType = 'UPDATE', ...input }, { accessKeyId }) {
      const there = work.find(StackName);
      const creates = ChangeSetType === 'CREATE';
      if (creates && there && there.status !== 'REVIEW_IN_PROGRESS')
        throw invalid(
          `Stack [${StackName}] already exists and cannot be created again with the changeSet [${ChangeSetName}].`,
        );
      const before = creates ? undefined : work.named(StackName);
      if (before) work.refuseUpdate(before);
      const name = before?.stack.name ?? StackName;
      if (works.get(name)?.changeSets.has(ChangeSetName))
        throw new AwsError(
          'AlreadyExistsException',
          `ChangeSet ${ChangeSetName} cannot be created due to a mismatch with existing attribute Template`,
        );
      const request = readRequest(input, read, before);
      const { changes, same } = await work.changes(name, request, accessKeyId, before);
      const its = before ? work.begin(before) : work.beginNew(name, request);
      if (creates) its.status = 'REVIEW_IN_PROGRESS';
      const { id: StackId } = work.named(name);
      const id = `${StackId.replace(/:stack\/.*/, '')}:changeSet/${ChangeSetName}/${uuid(`change set ${made++}`)}`;
      const told = {
        ChangeSetName,
        ChangeSetId: id,
        StackName: name,
        StackId,
        ...(input.Description !== undefined && { Description: input.Description }),
        ...(input.Tags && { Tags: input.Tags.map(({ Key, Value }) => ({ Key, Value })) }),
        CreationTime: new Date(clock.now()),
        ExecutionStatus: same ? ('UNAVAILABLE' as const) : ('AVAILABLE' as const),
        Status: same ? ('FAILED' as const) : ('CREATE_COMPLETE' as const),
        ...(same && { StatusReason: NO_CHANGES }),
        Capabilities: input.Capabilities ?? [],
        Changes: changes.map(({ action, logicalId, type, ref }) => ({
          Type: 'Resource' as const,
          ResourceChange: {
            Action: action,
            LogicalResourceId: logicalId,
            ResourceType: type,
            ...(ref !== undefined && { PhysicalResourceId: ref }),
            ...(action === 'Modify' && { Replacement: 'False' as const }),
          },
        })),
      };
      its.changeSets.set(ChangeSetName, { request, told });
      return { Id: id, StackId };
    },

    DescribeChangeSet: ({ ChangeSetName, StackName }) => changeSet(ChangeSetName, StackName).set.told,

    /** One that is not there is as good as deleted; a stack that is not there is not. */
    DeleteChangeSet({ ChangeSetName, StackName }) {
      if (StackName !== undefined) work.named(StackName);
      for (const { changeSets } of works.values())
        for (const [name, { told }] of changeSets)
          if (
            told.ChangeSetId === ChangeSetName ||
            (name === ChangeSetName && told.StackName === work.named(StackName).stack.name)
          )
            changeSets.delete(name);
      return {};
    },

    ExecuteChangeSet({ ChangeSetName, StackName, ClientRequestToken }, { accessKeyId }) {
      const { name, set, its } = changeSet(ChangeSetName, StackName);
      if (set.told.ExecutionStatus !== 'AVAILABLE')
        throw new AwsError(
          'InvalidChangeSetStatus',
          `ChangeSet [${set.told.ChangeSetId}] cannot be executed in its current status of [${set.told.Status}]`,
        );
      const there = work.named(its.begun.stack.name);
      const before = there.status === 'REVIEW_IN_PROGRESS' ? undefined : there;
      work.execute(its, set.request, accessKeyId, before, ClientRequestToken);
      its.changeSets.delete(name);
      return {};
    },
  } satisfies Operations<typeof sdk>;
}
