import { AwsError } from '../../wire/errors.ts';
import type { CloudContext } from '../context.ts';
import { paginate } from '../paginate.ts';
import { checkParameters, stepsOf } from './content.ts';
import type { Documents, Ssm } from './documents.ts';
import type { Command, Invocation, Result } from './records.ts';
import { expiresAt, runCommand } from './run-command.ts';

/** https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html */
const STDERR_LIMIT = 8_000;

type SendInput = Parameters<NonNullable<Ssm['SendCommand']>>[0];

/** Run Command sends documents to instances, and tells what became of each. */
export function commands(cloud: CloudContext, documents: Documents) {
  return {
    SendCommand(input) {
      const command = commandOf(input);
      cloud.commands.set(command.id, command);
      cloud.run(runCommand(cloud, command));
      return { Command: commandShape(command) };
    },

    GetCommandInvocation({ CommandId, InstanceId, PluginName }) {
      const command = cloud.commands.get(CommandId);
      const invocation = command?.invocations.find(({ instanceId }) => instanceId === InstanceId);
      // Right after SendCommand there is nothing to read yet.
      if (!command || !invocation || !isVisible(command))
        throw new AwsError(
          'InvocationDoesNotExist',
          `The command ${CommandId} was not sent to ${InstanceId}, or not yet`,
        );
      const result = resultOf(command, invocation, PluginName);
      const stdout = result?.stdout ?? '';
      const stderr = result?.stderr ?? '';
      return {
        CommandId,
        InstanceId,
        Comment: command.comment,
        DocumentName: command.documentName,
        DocumentVersion: command.documentVersion,
        PluginName: result?.step ?? command.steps[0]?.name ?? '',
        Status: invocation.status,
        StatusDetails: invocation.details,
        ResponseCode: result?.code ?? -1,
        ExecutionStartDateTime: result ? new Date(result.startedAt).toISOString() : '',
        ExecutionEndDateTime: result?.endedAt === undefined ? '' : new Date(result.endedAt).toISOString(),
        StandardOutputContent: stdout,
        StandardOutputUrl: '',
        StandardErrorContent: stderr.slice(0, STDERR_LIMIT),
        StandardErrorUrl: '',
      };
    },

    ListCommands({ CommandId, InstanceId, Filters = [], MaxResults, NextToken }) {
      const found = newestFirst()
        .filter(({ id }) => CommandId === undefined || id === CommandId)
        .filter(
          ({ invocations }) => InstanceId === undefined || invocations.some((each) => each.instanceId === InstanceId),
        )
        .filter((command) => Filters.every(({ key, value }) => passes(command, key, value)));
      const { page, ...next } = paginate(found, { MaxResults, NextToken }, { least: 1, greatest: 50 });
      return { Commands: page.map(commandShape), ...next };
    },

    ListCommandInvocations({ CommandId, InstanceId, Filters = [], Details, MaxResults, NextToken }) {
      const found = newestFirst()
        .filter(({ id }) => CommandId === undefined || id === CommandId)
        .filter(isVisible)
        .flatMap((command) => command.invocations.map((invocation) => ({ command, invocation })))
        .filter(({ invocation }) => InstanceId === undefined || invocation.instanceId === InstanceId)
        .filter(({ command, invocation }) =>
          Filters.every(({ key, value }) =>
            key === 'Status' ? invocation.status === value : passes(command, key, value),
          ),
        );
      const { page, ...next } = paginate(found, { MaxResults, NextToken }, { least: 1, greatest: 50 });
      return {
        CommandInvocations: page.map((each) => invocationShape(each.command, each.invocation, Details)),
        ...next,
      };
    },
  } satisfies Ssm;

  function commandOf(input: SendInput): Command {
    const { DocumentName, DocumentVersion, Parameters = {}, InstanceIds = [], Targets = [], Comment = '' } = input;
    const { TimeoutSeconds = 3600, MaxConcurrency = '50', MaxErrors = '0' } = input;
    const { content, version } = documents.find(DocumentName, DocumentVersion);
    const parameters = Object.fromEntries(Object.entries(Parameters).map(([name, values]) => [name, [...values]]));
    const steps = stepsOf(content, checkParameters(content, parameters));
    if (InstanceIds.length > 0 === Targets.length > 0)
      throw new AwsError('ValidationException', 'a command needs either InstanceIds or Targets');
    if (TimeoutSeconds < 30 || TimeoutSeconds > 2_592_000)
      throw new AwsError('ValidationException', `TimeoutSeconds ${TimeoutSeconds} must be from 30 to 2592000`);
    if (Comment.length > 100) throw new AwsError('ValidationException', 'the comment has more than 100 characters');
    const instanceIds = InstanceIds.length ? checkedInstances(InstanceIds) : targeted(Targets);
    return {
      id: cloud.uuid(),
      owner: cloud.account,
      documentName: DocumentName,
      documentVersion: DocumentVersion ?? String(version),
      parameters,
      comment: Comment,
      steps,
      requestedAt: cloud.clock.now(),
      timeoutSeconds: TimeoutSeconds,
      maxConcurrency: Math.max(1, share(MaxConcurrency, 'MaxConcurrency', instanceIds.length)),
      maxErrors: share(MaxErrors, 'MaxErrors', instanceIds.length),
      instanceIds: InstanceIds,
      targets: Targets,
      invocations: instanceIds.map((instanceId) => ({
        instanceId,
        status: 'Pending',
        details: 'Pending',
        results: [],
      })),
      status: 'Pending',
      details: 'Pending',
    };
  }

  /** One instance that is not managed refuses the whole command. */
  function checkedInstances(ids: string[]): string[] {
    if (ids.length > 50) throw new AwsError('ValidationException', `${ids.length} instance ids are more than 50`);
    if (new Set(ids).size < ids.length) throw new AwsError('DuplicateInstanceId', 'an instance id is given twice');
    const unfit = ids.filter((id) => !isManaged(id));
    if (unfit.length)
      throw new AwsError(
        'InvalidInstanceId',
        `Instances [[${unfit.join(', ')}]] not in a valid state for account ${cloud.account}`,
      );
    return ids;
  }

  function targeted(targets: Command['targets']): string[] {
    return [...cloud.agents.keys()].filter((id) =>
      targets.every(({ Key = '', Values = [] }) => {
        if (Key === 'InstanceIds') return Values.includes(id);
        if (Key === 'tag-key') return Values.some((key) => cloud.tags.get(id)?.has(key));
        if (Key.startsWith('tag:')) return Values.includes(cloud.tags.get(id)?.get(Key.slice(4)) ?? '');
        throw new AwsError('ValidationException', `the cloud in a box does not have the target key '${Key}'`);
      }),
    );
  }

  function isManaged(id: string): boolean {
    const state = cloud.instances.get(id)?.state;
    return cloud.agents.get(id)?.online === true && state !== 'shutting-down' && state !== 'terminated';
  }

  function isVisible({ requestedAt }: Command): boolean {
    return cloud.clock.now() >= requestedAt + cloud.delays.invocationVisible;
  }

  function newestFirst(): Command[] {
    return [...cloud.commands.values()].reverse();
  }

  function commandShape(command: Command) {
    const count = (...statuses: string[]) =>
      command.invocations.filter(({ status }) => statuses.includes(status)).length;
    return {
      CommandId: command.id,
      DocumentName: command.documentName,
      DocumentVersion: command.documentVersion,
      Comment: command.comment,
      Parameters: command.parameters,
      InstanceIds: command.instanceIds,
      Targets: command.targets,
      RequestedDateTime: new Date(command.requestedAt),
      ExpiresAfter: new Date(expiresAt(command)),
      TimeoutSeconds: command.timeoutSeconds,
      MaxConcurrency: String(command.maxConcurrency),
      MaxErrors: String(command.maxErrors),
      Status: command.status,
      StatusDetails: command.details,
      TargetCount: command.invocations.length,
      CompletedCount: count('Success', 'Failed', 'TimedOut', 'Cancelled'),
      ErrorCount: count('Failed', 'TimedOut'),
      DeliveryTimedOutCount: command.invocations.filter(({ details }) => details === 'DeliveryTimedOut').length,
    };
  }

  function invocationShape(command: Command, invocation: Invocation, details: boolean | undefined) {
    return {
      CommandId: command.id,
      InstanceId: invocation.instanceId,
      InstanceName: cloud.tags.get(invocation.instanceId)?.get('Name') ?? '',
      Comment: command.comment,
      DocumentName: command.documentName,
      DocumentVersion: command.documentVersion,
      RequestedDateTime: new Date(command.requestedAt),
      Status: invocation.status,
      StatusDetails: invocation.details,
      CommandPlugins: details ? invocation.results.map(pluginShape) : [],
    };
  }
}

function pluginShape({ step, status, code, output, startedAt, endedAt }: Result) {
  return {
    Name: step,
    Status: status,
    StatusDetails: status === 'TimedOut' ? 'ExecutionTimedOut' : status,
    ResponseCode: code,
    ResponseStartDateTime: new Date(startedAt),
    ...(endedAt !== undefined && { ResponseFinishDateTime: new Date(endedAt) }),
    Output: output,
  };
}

/** "If the document contains more than one step, you must specify the name of the step." */
function resultOf(command: Command, { results }: Invocation, name: string | undefined): Result | undefined {
  const steps = command.steps.map((step) => step.name);
  if (name === undefined ? steps.length > 1 : !steps.includes(name) && name !== 'aws:runShellScript')
    throw new AwsError('InvalidPluginName', `the steps of the document are ${steps.join(', ')}`);
  return name === undefined || !steps.includes(name) ? results[0] : results.find(({ step }) => step === name);
}

function passes(command: Command, key: string | undefined, value: string | undefined): boolean {
  if (key === 'Status') return command.status === value;
  if (key === 'DocumentName') return command.documentName === value;
  if (key === 'InvokedAfter') return command.requestedAt > Date.parse(value ?? '');
  if (key === 'InvokedBefore') return command.requestedAt < Date.parse(value ?? '');
  throw new AwsError('InvalidFilterKey', `the cloud in a box does not have the filter '${key}'`);
}

/** `10` or `25%` of `count`. */
function share(text: string, name: string, count: number): number {
  const [, digits, percent] = /^(\d+)(%?)$/.exec(text) ?? [];
  if (digits === undefined)
    throw new AwsError('ValidationException', `${name} '${text}' must be a number or a percentage`);
  return percent ? Math.floor((Number(digits) / 100) * count) : Number(digits);
}
