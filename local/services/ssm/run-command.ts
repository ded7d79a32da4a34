import type { CloudContext } from '../context.ts';
import { arnOf } from '../ec2/find.ts';
import type { Step } from './content.ts';
import { type Ending, endingOf, isLast, REBOOT, skipped } from './output.ts';
import type { Command, CommandStatus, Invocation, Result } from './records.ts';
import { AnswerLost, runStep } from './run-shell-script.ts';

/** Run Command goes on until the command ends. https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html */
export async function runCommand(cloud: CloudContext, command: Command): Promise<void> {
  const queue = [...command.invocations];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (errorsOf(command) > command.maxErrors) enter(cloud, command, next, 'Cancelled', 'Terminated');
      else await invoke(cloud, command, next);
    }
  };
  await Promise.all(Array.from({ length: Math.min(command.maxConcurrency, queue.length) }, worker));
  const [status, details] = outcomeOf(command);
  enterCommand(cloud, command, status, details);
}

async function invoke(cloud: CloudContext, command: Command, invocation: Invocation): Promise<void> {
  const deadline = command.requestedAt + command.timeoutSeconds * 1000;
  do {
    await pause(cloud, cloud.delays.commandDelivery);
    if (cloud.clock.now() >= deadline) return enter(cloud, command, invocation, 'TimedOut', 'DeliveryTimedOut');
  } while (!canReceive(cloud, invocation.instanceId));

  if (command.status === 'Pending') enterCommand(cloud, command, 'InProgress', 'InProgress');
  enter(cloud, command, invocation, 'InProgress', 'InProgress');
  const { results } = invocation;
  for (const step of command.steps) {
    const result: Result = {
      ...{ step: step.name, status: 'InProgress', code: -1, stdout: '', stderr: '', output: '' },
      startedAt: cloud.clock.now(),
    };
    const ends = results.some(isLast);
    results.push(result);
    Object.assign(result, ends ? skipped(step.name) : await attempt(cloud, command, invocation, step));
    result.endedAt = cloud.clock.now();
  }
  // A failed step weighs more than one that ran out of time: aggregator.go of the agent.
  const worst = (['Failed', 'TimedOut', 'Success'] as const).find((each) =>
    results.some(({ status }) => status === each),
  );
  const status = worst ?? 'Success';
  enter(cloud, command, invocation, status, status === 'TimedOut' ? 'ExecutionTimedOut' : status);
}

/** The agent runs a step to its end. It runs into its timeout also if the instance, and so the agent, is dead. */
async function attempt(cloud: CloudContext, { id }: Command, { instanceId }: Invocation, step: Step): Promise<Ending> {
  let [startedAt, before] = [cloud.clock.now(), { stdout: '', stderr: '' }];
  try {
    for (;;) {
      const { code, ...written } = await runStep(cloud, instanceId, id, step);
      const [stdout, stderr] = [before.stdout + written.stdout, before.stderr + written.stderr];
      if (code !== REBOOT) return endingOf(code, stdout, stderr);
      // Its machine is started again, by its agent, and goes on being `running`. What was written stands in files.
      await pause(cloud, cloud.delays.instanceRunning);
      [startedAt, before] = [cloud.clock.now(), { stdout, stderr }];
    }
  } catch (error) {
    if (error instanceof AnswerLost) return new Promise(() => {});
    await pause(cloud, startedAt + step.timeoutSeconds * 1000 - cloud.clock.now());
    return { ...endingOf(null, before.stdout, String(error)), code: -1 };
  }
}

function canReceive(cloud: CloudContext, instanceId: string): boolean {
  const agent = cloud.agents.get(instanceId);
  return cloud.instances.get(instanceId)?.state === 'running' && agent !== undefined && agent.downAt === undefined;
}

/** Timeouts of delivery do not count as errors. */
function errorsOf({ invocations }: Command): number {
  return invocations.filter(({ status, details }) => status === 'Failed' || details === 'ExecutionTimedOut').length;
}

function outcomeOf(command: Command): [CommandStatus, string] {
  const { invocations, maxErrors } = command;
  if (!invocations.length) return ['Success', 'NoInstancesInTag'];
  if (invocations.every(({ status }) => status === 'Success')) return ['Success', 'Success'];
  if (invocations.every(({ details }) => details === 'DeliveryTimedOut')) return ['TimedOut', 'DeliveryTimedOut'];
  return ['Failed', errorsOf(command) > maxErrors ? 'Failed' : 'Incomplete'];
}

function enter(
  cloud: CloudContext,
  command: Command,
  invocation: Invocation,
  status: CommandStatus,
  details: string,
): void {
  Object.assign(invocation, { status, details });
  cloud.emit({
    source: 'aws.ssm',
    type: 'EC2 Command Invocation Status-change Notification',
    resources: [arnOf(cloud, 'instance', invocation.instanceId)],
    detail: {
      'command-id': command.id,
      'document-name': command.documentName,
      'instance-id': invocation.instanceId,
      'requested-date-time': new Date(command.requestedAt).toISOString(),
      status,
    },
  });
}

function enterCommand(cloud: CloudContext, command: Command, status: CommandStatus, details: string): void {
  Object.assign(command, { status, details });
  cloud.emit({
    source: 'aws.ssm',
    type: 'EC2 Command Status-change Notification',
    resources: command.invocations.map(({ instanceId }) => arnOf(cloud, 'instance', instanceId)),
    detail: {
      'command-id': command.id,
      'document-name': command.documentName,
      'expire-after': new Date(expiresAt(command)).toISOString(),
      parameters: command.parameters,
      'requested-date-time': new Date(command.requestedAt).toISOString(),
      status,
    },
  });
}

/** A command has ended by then at the latest. */
export function expiresAt({ requestedAt, timeoutSeconds, steps }: Command): number {
  return requestedAt + (timeoutSeconds + steps.reduce((sum, step) => sum + step.timeoutSeconds, 0)) * 1000;
}

/** Never resolves once the cloud is closed. */
function pause(cloud: CloudContext, ms: number): Promise<void> {
  return new Promise((resolve) => void cloud.after(Math.max(0, ms), resolve));
}
