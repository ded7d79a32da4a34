import { randomUUID } from 'node:crypto';
import {
  GetCommandInvocationCommand,
  paginateListCommandInvocations,
  SendCommandCommand,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { collect } from '../shared/aws/read.ts';
import { chunks } from '../shared/routers/steps.ts';
import type { Deployed } from './deployed.ts';
import type { Terminal } from './terminal.ts';

/** A program's two outputs as they came, and how it ended. */
export interface Said {
  command: string;
  code: number;
  lines: string[];
}

/** An instance's programs said this; or the reason why nobody knows. */
export type Answer = { said: Said[] } | { unknown: string };

/** Seconds in which an agent that is online takes a command, the least that Systems Manager lets one set; and in which it ends. */
const DELIVERY_S = 30;
const EXECUTION_S = 30;
/** The same of programs that wait themselves: for names, for answers, for what comes in some seconds. */
export const LONG_S = 120;
const POLL_MS = 1_000;
/** Instances that one command takes. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html */
const AT_ONCE = 50;

/**
 * Runs programs one after the other on instances, as root, by Run Command.
 * @param ids of instances whose agents are online: one that is not refuses the command for all
 * @param programs lines of sh, each a program and its words
 * @param seconds in which all of them end on an instance: what one that is cut off said is left out
 * @throws AWS's error if the command is not taken
 */
export async function runOn(
  { clients: { ssm }, now }: Pick<Deployed, 'clients' | 'now'>,
  ids: readonly string[],
  programs: readonly string[],
  { sleep }: Pick<Terminal, 'sleep'>,
  seconds = EXECUTION_S,
): Promise<Map<string, Answer>> {
  // Nothing that a program writes can be taken for it.
  const mark = randomUUID();
  const Parameters = { commands: [scriptOf(programs, mark)], executionTimeout: [String(seconds)] };
  const answers = new Map<string, Answer>();
  for (const InstanceIds of chunks(ids, AT_ONCE)) {
    const { Command } = await ssm.send(
      new SendCommandCommand({
        ...{ DocumentName: 'AWS-RunShellScript', Parameters, InstanceIds, TimeoutSeconds: DELIVERY_S },
        Comment: 'ziti-glb asks, and changes nothing',
      }),
    );
    const commandId = Command?.CommandId ?? '';
    const left = new Map(InstanceIds.map((id) => [id, 'Pending']));
    for (const deadline = now() + (DELIVERY_S + seconds + 10) * 1000; left.size > 0 && now() < deadline; ) {
      await sleep(POLL_MS);
      for (const [id, status] of await statuses(ssm, commandId)) {
        if (!left.has(id)) continue;
        left.set(id, status);
        if (/^(Pending|InProgress|Delayed|Cancelling)$/.test(status)) continue;
        left.delete(id);
        answers.set(id, await answerOf(ssm, commandId, id, programs, mark));
      }
    }
    for (const [id, status] of left) answers.set(id, { unknown: `command ${commandId} is still ${status}` });
  }
  return answers;
}

async function statuses(client: SSMClient, CommandId: string): Promise<[id: string, status: string][]> {
  const listed = await collect(paginateListCommandInvocations({ client }, { CommandId }), 'CommandInvocations');
  return listed.map(({ InstanceId = '', Status = '' }) => [InstanceId, Status]);
}

async function answerOf(
  ssm: SSMClient,
  CommandId: string,
  InstanceId: string,
  programs: readonly string[],
  mark: string,
) {
  const command = new GetCommandInvocationCommand({ CommandId, InstanceId });
  const { StandardOutputContent = '', StandardErrorContent = '', StatusDetails } = await ssm.send(command);
  const said = read(StandardOutputContent, programs, mark);
  if (said.length > 0) return { said };
  return {
    unknown: `command ${CommandId} ended as ${StatusDetails}: ${StandardErrorContent.trim() || 'it said nothing'}`,
  };
}

/** Each program's output, then a line of the mark and its exit code. */
function scriptOf(programs: readonly string[], mark: string): string {
  return programs.map((program) => `{ ${program}; } 2>&1 </dev/null; printf '\n%s %s\n' ${mark} "$?"`).join('\n');
}

/** Systems Manager tells 24,000 characters: a program whose output is cut off is left out. */
function read(output: string, programs: readonly string[], mark: string): Said[] {
  const parts = output.split(new RegExp(`\n${mark} (\\d+)\n?`));
  return programs.flatMap((command, at): Said[] => {
    const [text, code] = [parts[2 * at], parts[2 * at + 1]];
    if (text === undefined || code === undefined) return [];
    return [{ command, code: Number(code), lines: text.split('\n').filter((line) => line !== '') }];
  });
}
