import parseArgs from 'serverless/lib/cli/parse-args.js';

/**
 * The framework drops a word of the command line that is no option's value, as the second parameter of one `--param`, what stands behind an
 * option that takes none, or what begins with a dash that a word processor has made of hyphens.
 * @param {readonly string[]} words
 * @param {Record<string, { type?: string, shortcut?: string }>} options of the command, by name, as the framework has them
 * @throws Error of one sentence
 */
export function checkWords(words, options) {
  const first = words.findIndex((word) => word.startsWith('-'));
  if (first < 0) return;
  const all = Object.entries(options);
  const of = (wanted) => new Set(all.flatMap(([name, { type }]) => (type === wanted ? [name] : [])));
  const alias = new Map(all.map(([name, { shortcut }]) => [shortcut, name]));
  const { _: dropped } = parseArgs(words.slice(first), {
    ...{ alias, boolean: of('boolean'), string: of('string'), multiple: of('multiple') },
  });
  if (dropped.length > 0)
    throw new Error(
      `${dropped[0]} belongs to no option: each parameter has its own --param NAME=VALUE, with two hyphens`,
    );
}
