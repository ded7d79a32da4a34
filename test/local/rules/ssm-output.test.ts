import { expect, test } from '@jest/globals';
import { listedOutput } from '../../../local/rules/ssm-output.ts';

const [OUT, ERR] = ['o'.repeat(3000), 'e'.repeat(3000)];
const TITLE = '\n----------ERROR-------\n';
const [CUT, ERRORS_CUT] = ['\n---Output truncated---', '\n---Error truncated----'];
/** Long runs of one letter as their length. */
const counted = (text: string) => text.replace(/(o|e)\1{9,}/g, (run, letter) => `${letter}*${run.length}`);

test.each([
  ['short', 'out', 'err', `out${TITLE}err`],
  ['without errors', 'out', '', 'out'],
  ['long', OUT, '', `o*2377${CUT}`],
  ['long, beside short errors', OUT, 'err', `o*2350${CUT}${TITLE}err`],
  ['short, beside long errors', 'out', ERR, `out${TITLE}e*2350${ERRORS_CUT}`],
  ['both long', OUT, ERR, `o*1165${CUT}${TITLE}e*1165${ERRORS_CUT}`],
])('the agent sends outputs as one text of 2,400 at most: %s', (_, stdout, stderr, text) => {
  const listed = listedOutput(stdout, stderr);
  expect(counted(listed)).toBe(text);
  expect(listed.length).toBeLessThanOrEqual(2400);
});
