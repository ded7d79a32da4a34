/** Characters of what a step wrote that ListCommandInvocations tells. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CommandPlugin.html */
const LIMIT = 2400;
const TITLE = '\n----------ERROR-------\n';
const CUT = '\n---Output truncated---';
const ERRORS_CUT = '\n---Error truncated----';

/** The agent adds a last line of its own to what a script that failed wrote. https://github.com/aws/amazon-ssm-agent, runscript.go */
export const withExitStatus = (stderr: string, code: number | null): string =>
  code ? `${stderr}failed to run commands: exit status ${code}` : stderr;

/** The agent sends both outputs as one text, cut from the end of whichever is long. https://github.com/aws/amazon-ssm-agent, iohandler.go */
export function listedOutput(stdout: string, stderr: string): string {
  const title = stderr && TITLE;
  const room = LIMIT - title.length;
  if (stdout.length + stderr.length < room) return stdout + title + stderr;
  const half = room / 2;
  if (stdout.length > half && stderr.length > half) {
    const each = Math.floor((room - CUT.length - ERRORS_CUT.length) / 2);
    return stdout.slice(0, each) + CUT + title + stderr.slice(0, each) + ERRORS_CUT;
  }
  if (stdout.length < half)
    return stdout + title + stderr.slice(0, room - ERRORS_CUT.length - stdout.length) + ERRORS_CUT;
  return stdout.slice(0, room - CUT.length - stderr.length) + CUT + title + stderr;
}
