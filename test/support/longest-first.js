import Sequencer from '@jest/test-sequencer';

/** Suites that take minutes, of whose length Jest knows nothing where it has never run: begun last, such a one would end alone. */
const LONG = [
  'demo.kernel',
  'root-volume.kernel',
  'accounts.stack',
  'policies.stack',
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
