import type { Plan, Step } from '../../shared/reconcile.ts';
import { look } from '../../shared/topology/observe.ts';
import { type Command, EXIT, json } from '../command.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

export const plan: Command = {
  args: [],
  summary: 'what the next pass would do, and why; nothing is done',
  options: json,
  async run({ options, stack, terminal }) {
    const { subnets, routers } = await look(stack.clients, stack.config, stack.now());
    const plans = { subnets: subnets.plan, routers: routers.plan };
    terminal.out(
      options.json
        ? JSON.stringify(plans)
        : Object.entries(plans)
            .map(([name, one]) => say(name, one, terminal))
            .join('\n\n'),
    );
    return Object.values(plans).some(({ steps }) => steps.length > 0) ? EXIT.todo : EXIT.ok;
  },
};

function say(name: string, { steps, waiting, refused }: Plan<Step & { kind: string }>, { paint }: Terminal): string {
  const rows = [
    ...steps.map(({ kind, says }) => [paint('cyan', kind), says]),
    ...waiting.map((note) => [paint('yellow', 'waits'), `${note.subject}: for ${note.for}`]),
    ...refused.map((note) => [paint('red', 'left alone'), `${note.subject}: ${note.for}`]),
  ];
  const said = rows.length === 0 ? ' nothing to do' : `\n${table(rows.map((row) => ['', ...row]))}`;
  return `${paint('bold', name)}:${said}`;
}
