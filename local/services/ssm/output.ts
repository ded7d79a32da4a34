/**
 * The SSM agent makes a status and texts of a step's outputs and exit code. https://github.com/aws/amazon-ssm-agent: runscript.go, iohandler.go,
 * runpluginutil.go and pluginutil_unix.go
 */

/** Bytes, of both outputs together, that ListCommandInvocations tells. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CommandPlugin.html */
const LIMIT = 2500;
const TITLE = '\n----------ERROR-------\n';
const CUT = '\n---Output truncated---';
const ERRORS_CUT = '\n---Error truncated----';
/** Bytes of each output by itself: of errors, Systems Manager shows a third. */
const ALONE = 24_000;
const ALONE_CUT = '--output truncated--';

/** The step ended well, and none is run after it. */
const DONE = 168;
/** The step failed, and none is run after it. */
const GIVEN_UP = 169;
/** The machine is to be started again, and the step with it. https://docs.aws.amazon.com/systems-manager/latest/userguide/send-commands-reboot.html */
export const REBOOT = 194;
/** The exit code of a step that was killed at its timeout: the agent cannot tell from it one that ends so by itself. */
const KILLED = 137;

/** The end of a step, as Systems Manager is told of it. */
export interface Ending {
  status: 'Success' | 'Failed' | 'TimedOut';
  code: number;
  stdout: string;
  stderr: string;
  /** Both as one text. */
  output: string;
}

/** @param code null if the step ran into its timeout */
export function endingOf(code: number | null, stdout: string, stderr: string): Ending {
  if (code === null || code === KILLED) return told('TimedOut', KILLED, stdout, stderr);
  if (code === 0) return told('Success', code, stdout, stderr);
  const { output } = told('Failed', code, stdout, code === DONE ? '' : withExitStatus(stderr, code));
  const exits = (words: string) =>
    `\nStep exited with code ${code}. Therefore, marking step as ${words}. Further document steps will be skipped.`;
  if (code === DONE) return { ...told('Success', code, `${stdout}${exits('succeeded')}`, ''), output };
  const more = code === GIVEN_UP ? exits('Failed') : '';
  return { ...told('Failed', code, `${stdout}${more}`, `${withExitStatus(stderr, code)}${more}`), output };
}

export const isLast = ({ code }: Pick<Ending, 'code'>) => code === DONE || code === GIVEN_UP;

/** The agent skips the steps after the last one, and counts each for a success. */
export const skipped = (step: string): Ending => {
  const output = `Plugin with name aws:runShellScript and id ${step} skipped due to prior step with an exit condition`;
  return { status: 'Success', code: 0, stdout: '', stderr: '', output };
};

const told = (status: Ending['status'], code: number, stdout: string, stderr: string): Ending => ({
  ...{ status, code, stdout: alone(stdout), stderr: alone(stderr) },
  output: listedOutput(stdout, stderr),
});

/** A last line of the agent's own, right behind what a script that failed wrote. */
export const withExitStatus = (stderr: string, code: number): string =>
  `${stderr}failed to run commands: exit status ${code}`;

/** Both outputs as one text, cut from the end of whichever is long. */
export function listedOutput(stdout: string, stderr: string): string {
  const [out, err] = [Buffer.from(stdout), Buffer.from(stderr)];
  const title = stderr && TITLE;
  const room = LIMIT - title.length;
  const first = (bytes: Buffer, count: number) => bytes.subarray(0, count).toString();
  if (out.length + err.length < room) return stdout + title + stderr;
  const half = Math.floor(room / 2);
  if (out.length > half && err.length > half) {
    const each = Math.floor((room - CUT.length - ERRORS_CUT.length) / 2);
    return first(out, each) + CUT + title + first(err, each) + ERRORS_CUT;
  }
  if (out.length <= half) return stdout + title + first(err, room - ERRORS_CUT.length - out.length) + ERRORS_CUT;
  return first(out, room - CUT.length - err.length) + CUT + title + stderr;
}

function alone(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length <= ALONE ? text : bytes.subarray(0, ALONE - ALONE_CUT.length).toString() + ALONE_CUT;
}
