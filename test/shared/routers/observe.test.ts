import { expect, test } from '@jest/globals';
import { listedOutput, withExitStatus } from '../../../local/rules/ssm-output.ts';
import { lastLines } from '../../../shared/routers/observe.ts';
import { EXECUTION_TIMEOUT } from '../../../shared/routers/steps.ts';
import { installDocument } from '../../support/install-document.ts';
import { STALE } from './support.ts';

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

test('what is known of a command here is what its document says', () => {
  expect(JSON.parse(installDocument()).mainSteps[0].inputs.timeoutSeconds).toBe(String(EXECUTION_TIMEOUT));
  expect(installDocument()).toContain(STALE.replace(/^ziti-glb: (.*) \(.*/s, '$1'));
});
