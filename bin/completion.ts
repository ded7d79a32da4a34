/** Words that can be typed: commands with a line about each, and options of all and of each. */
export interface Words {
  commands: readonly { name: string; summary: string; options: readonly string[] }[];
  options: readonly string[];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script that completes the command `ziti-glb` in a shell. */
export const completion = (shell: Shell, words: Words): string[] => SCRIPTS[shell](words);

const dashed = (options: readonly string[]) => options.map((name) => `--${name}`).join(' ');
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const names = ({ commands }: Words) => commands.map(({ name }) => name).join(' ');

const SCRIPTS: Record<Shell, (words: Words) => string[]> = {
  bash: (words) => [
    '# ziti-glb completion bash >/etc/bash_completion.d/ziti-glb',
    '_ziti_glb() {',
    `  local word=\${COMP_WORDS[COMP_CWORD]} each command=`,
    `  for each in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    `    case " ${names(words)} " in *" $each "*) command=$each; break ;; esac`,
    '  done',
    `  local words=${quoted(dashed(words.options))}`,
    '  case $command in',
    `  '') words="$words ${names(words)}" ;;`,
    ...words.commands.map(({ name, options }) => `  ${name}) words="$words ${dashed(options)}" ;;`),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -F _ziti_glb ziti-glb',
  ],
  zsh: (words) => [
    '#compdef ziti-glb',
    `# ziti-glb completion zsh >"\${fpath[1]}/_ziti-glb"`,
    'local -a commands options',
    'local each command=',
    `for each in \${words[2,CURRENT-1]}; do`,
    `  case " ${names(words)} " in *" $each "*) command=$each; break ;; esac`,
    'done',
    `options=(${dashed(words.options)})`,
    'case $command in',
    `'') commands=(${words.commands.map(({ name, summary }) => quoted(`${name}:${summary.replaceAll(':', '\\:')}`)).join(' ')})`,
    '    _describe command commands ;;',
    ...words.commands.map(({ name, options }) => `${name}) options+=(${dashed(options)}) ;;`),
    'esac',
    'compadd -- $options',
  ],
  fish: (words) => [
    '# ziti-glb completion fish >~/.config/fish/completions/ziti-glb.fish',
    'complete -c ziti-glb -f',
    ...words.options.map((option) => `complete -c ziti-glb -l ${option}`),
    ...words.commands.flatMap(({ name, summary, options }) => [
      `complete -c ziti-glb -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
      ...options.map((option) => `complete -c ziti-glb -n '__fish_seen_subcommand_from ${name}' -l ${option}`),
    ]),
  ],
};
