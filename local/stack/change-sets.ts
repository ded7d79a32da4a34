import type * as sdk from '@aws-sdk/client-cloudformation';
import type { Clock } from '../clock.ts';
import { uuid } from '../ids.ts';
import type { Operations } from '../wire/api.ts';
import { AwsError } from '../wire/errors.ts';
import type { changesOf, Stack, Tell } from './deploy.ts';
import { complete, type DeployedStack, type ToldStack } from './deployed.ts';
import { parseTemplate, type Template } from './template.ts';

/** Stacks are made so. */
export interface Deploying {
  clock: Pick<Clock, 'now'>;
  /** Work that was asked for, by the stack's name: none of a stack that was deployed otherwise since. */
  works: Map<string, Work>;
  /** Reads the object at an address: a template. */
  read(bucket: string, key: string): Uint8Array;
  /** Throws if the template or a parameter is wrong. */
  changes(
    name: string,
    template: Template,
    parameters: Record<string, string>,
    before?: Stack,
  ): Promise<ReturnType<typeof changesOf>>;
  deploy(
    name: string,
    template: Template,
    parameters: Record<string, string>,
    before: Stack | undefined,
    tell: Tell,
  ): Promise<unknown>;
  remove(stack: Stack, tell: Tell): Promise<unknown>;
}

/** CloudFormation was asked to do this with a stack, since it is there. */
interface Work {
  /** The stack, until it was deployed for the first time. */
  begun: DeployedStack;
  status: sdk.StackStatus | undefined;
  reason?: string | undefined;
  /** The newest first. */
  events: sdk.StackEvent[];
  changeSets: Map<string, ChangeSet>;
}

interface ChangeSet {
  template: Template;
  parameters: Record<string, string>;
  told: Omit<sdk.DescribeChangeSetOutput, '$metadata'>;
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const LONGEST_BODY = 51_200;
const NO_CHANGES =
  "The submitted information didn't contain changes. Submit different information to create a change set.";
/** A stack of which nothing is deployed. */
const UNMADE: readonly (sdk.StackStatus | undefined)[] = [
  'REVIEW_IN_PROGRESS',
  'CREATE_IN_PROGRESS',
  'ROLLBACK_IN_PROGRESS',
  'ROLLBACK_COMPLETE',
  'ROLLBACK_FAILED',
];

const invalid = (message: string) => new AwsError('ValidationError', message);

/** Change sets, and what is told of stacks while they are executed: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html */
export function changeSetOperations(
  deployed: () => Iterable<DeployedStack>,
  idOf: (name: string) => string,
  { clock, works, ...deploying }: Deploying,
) {
  let made = 0;

  function told(): ToldStack[] {
    const there = [...deployed()].map((each): ToldStack => {
      const { status = complete(each).status, reason } = works.get(each.stack.name) ?? {};
      return { ...each, status, reason };
    });
    const names = new Set(there.map(({ stack }) => stack.name));
    const begun = [...works].filter(([name, { status }]) => !names.has(name) && UNMADE.includes(status));
    return [
      ...there,
      ...begun.flatMap(([, { begun: stack, status, reason }]) => (status ? { ...stack, status, reason } : [])),
    ];
  }
  const find = (name = '') => told().find(({ stack }) => stack.name === name || idOf(stack.name) === name);

  function named(name: string | undefined): ToldStack {
    const found = find(name);
    if (!found) throw invalid(`Stack [${name}] does not exist`);
    return found;
  }

  function workOn({ stack, template, parameters, createdAt }: Omit<DeployedStack, 'updatedAt'>): Work {
    const begun = { stack, template, parameters, createdAt, updatedAt: undefined };
    const work = works.get(stack.name) ?? { begun, status: undefined, events: [], changeSets: new Map() };
    works.set(stack.name, work);
    return work;
  }

  /** The change set of this name or id, and its stack. */
  function changeSet(nameOrId: string, stackName?: string) {
    const [, name = nameOrId] = /:changeSet\/([^/]+)\//.exec(nameOrId) ?? [];
    const found = stackName === undefined ? [...works.values()] : [works.get(find(stackName)?.stack.name ?? '')];
    const work = found.find((one) => one?.changeSets.get(name));
    const set = work?.changeSets.get(name);
    if (!work || !set) throw new AwsError('ChangeSetNotFound', `ChangeSet [${nameOrId}] does not exist`, 404);
    return { name, set, work };
  }

  function templateOf({ TemplateBody, TemplateURL }: { TemplateBody?: string; TemplateURL?: string }): Template {
    if (TemplateBody !== undefined && Buffer.byteLength(TemplateBody) > LONGEST_BODY)
      throw invalid(
        `1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${LONGEST_BODY}`,
      );
    const given = TemplateBody ?? (TemplateURL === undefined ? undefined : linked(TemplateURL));
    if (given === undefined) throw invalid('Either Template URL or Template Body must be specified.');
    return refusing(() => parseTemplate(given));
  }

  function linked(url: string): string {
    const { hostname, pathname } = new URL(url);
    const [, own] = /^(.+)\.s3[.-]/.exec(hostname) ?? [];
    const [bucket = '', ...key] = `${own ? `${own}/` : ''}${decodeURIComponent(pathname).slice(1)}`.split('/');
    try {
      return new TextDecoder().decode(deploying.read(bucket, key.join('/')));
    } catch (error) {
      throw invalid(`S3 error: ${error instanceof Error ? error.message : error}`);
    }
  }

  function tellOf({ events, begun: { stack } }: Work): Tell {
    return ({ logicalId, type, ref, status, reason }) =>
      void events.unshift({
        EventId: `${logicalId}-${uuid(`event ${made++}`)}`,
        StackId: idOf(stack.name),
        StackName: stack.name,
        LogicalResourceId: logicalId,
        PhysicalResourceId: ref ?? '',
        ResourceType: type,
        ResourceStatus: status,
        ...(reason !== undefined && { ResourceStatusReason: reason }),
        Timestamp: new Date(clock.now()),
      });
  }

  /** The stack is in another state from now on, and an event says so. */
  function enter(work: Work, status: sdk.StackStatus, reason?: string): void {
    const { name } = work.begun.stack;
    Object.assign(work, { status, reason });
    const type = 'AWS::CloudFormation::Stack';
    // A resource's states have no review, and a stack that is reviewed has no event.
    tellOf(work)({
      ...{ logicalId: name, type, ref: idOf(name), status: status as sdk.ResourceStatus },
      ...(reason !== undefined && { reason }),
    });
  }

  const operations: Operations<typeof sdk> = {
    ValidateTemplate(input) {
      const { Description, Parameters, Resources } = templateOf(input);
      return {
        Description,
        Parameters: Object.entries(Parameters).map(([ParameterKey, { Default }]) => ({
          ParameterKey,
          ...(Default !== undefined && { DefaultValue: String(Default) }),
          NoEcho: false,
        })),
        Capabilities: capabilitiesFor(Resources),
      };
    },

    async CreateChangeSet({ StackName, ChangeSetName, ChangeSetType = 'UPDATE', ...input }) {
      const there = find(StackName);
      const creates = ChangeSetType === 'CREATE';
      if (creates && there && there.status !== 'REVIEW_IN_PROGRESS')
        throw invalid(
          `Stack [${StackName}] already exists and cannot be created again with the changeSet [${ChangeSetName}].`,
        );
      if (!creates && !there) throw invalid(`Stack [${StackName}] does not exist`);
      const before = creates ? undefined : there;
      if (before) refuseBusy(before);
      if (works.get(before?.stack.name ?? StackName)?.changeSets.has(ChangeSetName))
        throw new AwsError(
          'AlreadyExistsException',
          `ChangeSet ${ChangeSetName} cannot be created due to a mismatch with existing attribute Template`,
        );
      const template = before && input.UsePreviousTemplate ? before.template : templateOf(input);
      const lacking = capabilitiesFor(template.Resources).filter((each) => !satisfies(input.Capabilities ?? [], each));
      if (lacking.length > 0)
        throw new AwsError('InsufficientCapabilitiesException', `Requires capabilities : [${lacking.join(', ')}]`);
      const parameters = given(input.Parameters ?? [], before);
      const stack: Stack = before?.stack ?? { name: StackName, outputs: {}, resources: new Map() };
      const { name } = stack;
      const { changes, same } = await deploying
        .changes(name, template, parameters, before?.stack)
        .catch((error) => refuse(error));
      const work = workOn({ stack, template, parameters, createdAt: before?.createdAt ?? clock.now() });
      if (creates)
        Object.assign(work, { status: 'REVIEW_IN_PROGRESS', begun: { ...work.begun, template, parameters } });
      const id = `${idOf(name).replace(/:stack\/.*/, '')}:changeSet/${ChangeSetName}/${uuid(`change set ${made++}`)}`;
      const told: ChangeSet['told'] = {
        ChangeSetName,
        ChangeSetId: id,
        StackName: name,
        StackId: idOf(name),
        ...(input.Description !== undefined && { Description: input.Description }),
        ...(input.Tags && { Tags: input.Tags.map(({ Key, Value }) => ({ Key, Value })) }),
        CreationTime: new Date(clock.now()),
        ExecutionStatus: same ? 'UNAVAILABLE' : 'AVAILABLE',
        Status: same ? 'FAILED' : 'CREATE_COMPLETE',
        ...(same && { StatusReason: NO_CHANGES }),
        Capabilities: input.Capabilities ?? [],
        Changes: changes.map(({ action, logicalId, type, ref }) => ({
          Type: 'Resource',
          ResourceChange: {
            Action: action,
            LogicalResourceId: logicalId,
            ResourceType: type,
            ...(ref !== undefined && { PhysicalResourceId: ref }),
            ...(action === 'Modify' && { Replacement: 'False' }),
          },
        })),
      };
      work.changeSets.set(ChangeSetName, { template, parameters, told });
      return { Id: id, StackId: idOf(name) };
    },

    DescribeChangeSet: ({ ChangeSetName, StackName }) => changeSet(ChangeSetName, StackName).set.told,

    /** One that is not there is as good as deleted; a stack that is not there is not. */
    DeleteChangeSet({ ChangeSetName, StackName }) {
      if (StackName !== undefined) named(StackName);
      for (const { changeSets } of works.values())
        for (const [name, { told }] of changeSets)
          if (
            told.ChangeSetId === ChangeSetName ||
            (name === ChangeSetName && told.StackName === named(StackName).stack.name)
          )
            changeSets.delete(name);
      return {};
    },

    ExecuteChangeSet({ ChangeSetName, StackName }) {
      const { name, set, work } = changeSet(ChangeSetName, StackName);
      if (set.told.ExecutionStatus !== 'AVAILABLE')
        throw new AwsError(
          'InvalidChangeSetStatus',
          `ChangeSet [${set.told.ChangeSetId}] cannot be executed in its current status of [${set.told.Status}]`,
        );
      const there = named(work.begun.stack.name);
      const creates = there.status === 'REVIEW_IN_PROGRESS';
      if (!creates) refuseBusy(there);
      work.changeSets.delete(name);
      const step = creates ? 'CREATE' : 'UPDATE';
      enter(work, `${step}_IN_PROGRESS`, 'User Initiated');
      const { template, parameters } = set;
      deploying.deploy(there.stack.name, template, parameters, creates ? undefined : there.stack, tellOf(work)).then(
        () => enter(work, `${step}_COMPLETE`),
        (error) => {
          const failed = creates ? 'ROLLBACK' : 'UPDATE_ROLLBACK';
          const why = error instanceof Error ? error.message : String(error);
          enter(work, `${failed}_IN_PROGRESS`, why);
          enter(work, error instanceof AggregateError ? `${failed}_FAILED` : `${failed}_COMPLETE`, why);
        },
      );
      return {};
    },

    DescribeStackEvents({ StackName }) {
      const { stack } = find(StackName) ?? {};
      if (!stack) throw invalid(`Stack [${StackName}] does not exist`);
      return { StackEvents: works.get(stack.name)?.events ?? [] };
    },

    /** One that is not there is as good as deleted. */
    DeleteStack({ StackName }) {
      const there = find(StackName);
      if (!there) return {};
      const { name } = there.stack;
      if (UNMADE.includes(there.status)) {
        if (there.status === 'CREATE_IN_PROGRESS' || there.status === 'ROLLBACK_IN_PROGRESS') refuseBusy(there);
        works.delete(name);
        return {};
      }
      refuseBusy(there);
      const work = workOn(there);
      enter(work, 'DELETE_IN_PROGRESS', 'User Initiated');
      deploying.remove(there.stack, tellOf(work)).then(
        () => works.delete(name),
        (error) => enter(work, 'DELETE_FAILED', error instanceof Error ? error.message : String(error)),
      );
      return {};
    },
  };
  return { operations, told };

  /** A stack that something is done with, or that never came to be, cannot be changed. */
  function refuseBusy({ stack, status }: ToldStack): void {
    if (/_IN_PROGRESS$/.test(status) || UNMADE.includes(status))
      throw invalid(`Stack:${idOf(stack.name)} is in ${status} state and can not be updated.`);
  }
}

/** Parameters whose values are to stay have them of the stack as it is. */
function given(parameters: readonly sdk.Parameter[], before: DeployedStack | undefined): Record<string, string> {
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
function capabilitiesFor(resources: Template['Resources']): sdk.Capability[] {
  const identities = Object.values(resources).filter(({ Type }) => Type.startsWith('AWS::IAM::'));
  if (identities.length === 0) return [];
  const names = identities.some(({ Properties }) =>
    Object.keys(Properties).some((name) => /^(Role|InstanceProfile|ManagedPolicy|User|Group)Name$/.test(name)),
  );
  return [names ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM'];
}

const satisfies = (said: readonly string[], needed: string) =>
  said.includes(needed) || (needed === 'CAPABILITY_IAM' && said.includes('CAPABILITY_NAMED_IAM'));

function refuse(error: unknown): never {
  throw error instanceof AwsError ? error : invalid(error instanceof Error ? error.message : String(error));
}

function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return refuse(error);
  }
}
