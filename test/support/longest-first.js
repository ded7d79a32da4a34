import Sequencer from '@jest/test-sequencer';

/** Jest knows nothing of how long a suite takes where it has never run: one that takes minutes, begun last, would end alone. */
const LONG = [
  'demo.kernel',
  'root-volume.kernel',
  'accounts.stack',
  'operators.stack',
  'spoke.stack',
  'serverless.stack',
  'commands.stack',
  'template.stack',
];
const isLong = ({ path }) => LONG.some((name) => path.includes(name));

export default class LongestFirst extends Sequencer.default {
  sort(tests) {
    const sorted = super.sort(tests);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}
