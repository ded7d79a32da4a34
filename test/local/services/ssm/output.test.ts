import { expect, test } from '@jest/globals';
import { listedOutput } from '../../../../local/services/ssm/output.ts';

const [OUT, ERR] = ['o'.repeat(3000), 'e'.repeat(3000)];
const TITLE = '\n----------ERROR-------\n';
const [CUT, ERRORS_CUT] = ['\n---Output truncated---', '\n---Error truncated----'];
/** Long runs of one letter are told by their length. */
const counted = (text: string) => text.replace(/(o|e)\1{9,}/g, (run, letter) => `${letter}*${run.length}`);

test.each([
  ['short', 'out', 'err', `out${TITLE}err`],
  ['without errors', 'out', '', 'out'],
  ['long', OUT, '', `o*2477${CUT}`],
  ['long, beside short errors', OUT, 'err', `o*2450${CUT}${TITLE}err`],
  ['short, beside long errors', 'out', ERR, `out${TITLE}e*2450${ERRORS_CUT}`],
  ['both long', OUT, ERR, `o*1215${CUT}${TITLE}e*1215${ERRORS_CUT}`],
  ['half of it, beside long errors', 'o'.repeat(1238), ERR, `o*1238${TITLE}e*1215${ERRORS_CUT}`],
])('the agent sends outputs as one text of 2,500 at most: %s', (_, stdout, stderr, text) => {
  const listed = listedOutput(stdout, stderr);
  expect(counted(listed)).toBe(text);
  expect(listed.length).toBeLessThanOrEqual(2500);
});

test('what is cut is bytes, and a letter may be cut in two', () => {
  const listed = listedOutput('ü'.repeat(1300), '');
  expect([listed.indexOf(CUT), listed.at(1238)]).toEqual([1239, '\ufffd']);
});
