import type { ExecResult } from '../../fabric/fabric.ts';
import type { CloudContext } from '../context.ts';
import type { Step } from './content.ts';

/**
 * The SSM agent runs aws:runShellScript: the script is a file that `sh -c` runs, so its first line may name another shell,
 * and it has nothing left to read. $1 is its directory, $2 where it starts.
 */
const LAUNCHER = `
mkdir -p "$1" && cat >"$1/_script.sh" && chmod 700 "$1/_script.sh" && cd "$2" || exit 1
exec sh -c "$1/_script.sh"`;

/**
 * The agent's answer is lost: it never reached Systems Manager, where the command stays `InProgress`.
 * https://github.com/aws/amazon-ssm-agent/issues/316
 */
export class AnswerLost extends Error {}

/** The agent starts a script there, if its document says nothing else. */
const WORKING_DIRECTORY = '/usr/bin';

/** The SSM agent runs one step inside its instance. Its `code` is null if it was ended by its timeout. Rejects if the instance is not up. */
export function runStep(cloud: CloudContext, instanceId: string, commandId: string, step: Step): Promise<ExecResult> {
  const directory = `/var/lib/amazon/ssm/${instanceId}/document/orchestration/${commandId}/${step.name}`;
  const environment = { AWS_SSM_INSTANCE_ID: instanceId, AWS_SSM_REGION_NAME: cloud.region, ...step.environment };
  const argv = [
    '/usr/bin/env',
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...['/bin/sh', '-c', LAUNCHER, 'sh', directory, step.workingDirectory || WORKING_DIRECTORY],
  ];
  return cloud.fabric.exec(instanceId, argv, {
    stdin: `${step.script}\n`,
    timeout: cloud.clock.wall(step.timeoutSeconds * 1000),
  });
}
