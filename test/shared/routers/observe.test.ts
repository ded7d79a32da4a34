import { expect, test } from '@jest/globals';
import { listedOutput, withExitStatus } from '../../../local/services/ssm/output.ts';
import { installOf, lastLines } from '../../../shared/routers/observe.ts';
import { EXECUTION_TIMEOUT } from '../../../shared/routers/steps.ts';
import { installDocument } from '../../support/install-document.ts';
import { STALE } from './stage.ts';

const REASON = 'ziti-glb: the diverter is not attached to ens5: not attached';

/** What ListCommandInvocations has of a command that wrote this and failed. */
const listed = (stdout: string, stderr: string) => listedOutput(stdout, withExitStatus(stderr, 1));

test.each([
  ['with its reason on stderr', listed('', `${REASON}\n`), REASON],
  ['with its reason and no line break', listed('', REASON), REASON],
  ['after a warning', listed('warning: w\n', `${REASON}\n`), `warning: w / ${REASON}`],
  [
    'after more than AWS keeps',
    listed(`${'o'.repeat(40)}\n`.repeat(100), `${REASON}\n`),
    expect.stringMatching(/^o+ \/ .* \/ o+ \/ ziti-glb: the diverter/),
  ],
  [
    'with more than AWS keeps',
    listed('', `${REASON}\n${'e'.repeat(3000)}`),
    expect.stringMatching(/^ziti-glb: the diverter[^/]* \/ e+$/),
  ],
  ['by a signal', `${REASON}failed to run commands: signal: killed`, REASON],
  ['without a word', listed('', ''), 'failed to run commands: exit status 1'],
])('of a command that failed %s, people read what it said itself', (_, output, words) => {
  expect(lastLines(output)).toEqual(words);
});

const SENT = Date.UTC(2026, 0, 15, 10);
const at = (minutes: number) => new Date(SENT + minutes * 60_000);

test.each<[string, Date | undefined, number]>([
  ['that has not begun', undefined, 17],
  ['that began at once', at(0.1), 7.1],
  ['that began late', at(8), 15],
  ['whose beginning AWS does not know', new Date(0), 17],
  ['on an instance whose clock is behind', at(-3), 17],
  ['on an instance whose clock is ahead', at(60), 17],
])('a command %s is lost when it must have ended, and not before', (_, ResponseStartDateTime, minutes) => {
  const invocation = {
    Status: 'InProgress' as const,
    RequestedDateTime: at(0),
    CommandPlugins: [{ ResponseStartDateTime }],
  };
  expect(installOf(invocation, SENT + minutes * 60_000 - 1).status).toBe('running');
  expect(installOf(invocation, SENT + minutes * 60_000)).toMatchObject({
    status: 'failed',
    details: `lost (Systems Manager shows it InProgress ${Math.round(minutes)} min after it was sent)`,
  });
  expect(installOf({ ...invocation, Status: 'Success' }, SENT + 3_600_000).status).toBe('success');
});

test('what is known of a command here is what its document says', () => {
  expect(JSON.parse(installDocument()).mainSteps[0].inputs.timeoutSeconds).toBe(String(EXECUTION_TIMEOUT));
  expect(installDocument()).toContain(STALE.replace(/^ziti-glb: (.*) \(.*/s, '$1'));
});
