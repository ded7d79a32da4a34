import { distinct, type Plan, type Step } from '../../shared/reconcile/plan.ts';
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
    const plans = { subnets: shown(subnets.plan), routers: shown(routers.plan) };
    terminal.out(
      ...(options.json
        ? [JSON.stringify(plans)]
        : [...say('subnets', plans.subnets, terminal), '', ...say('routers', plans.routers, terminal)]),
    );
    return Object.values(plans).some(({ steps }) => steps.length > 0) ? EXIT.todo : EXIT.ok;
  },
};

const shown = <S extends Step>({ steps, waiting, refused, gauges }: Plan<S>) => ({ steps, waiting, refused, gauges });

function say(name: string, { steps, waiting, refused }: Plan<Step & { kind: string }>, { paint }: Terminal): string[] {
  const rows = [
    ...steps.map(({ kind, says }) => [paint('cyan', kind), says]),
    ...distinct(waiting).map((note) => [paint('yellow', 'waits'), `${note.subject}: for ${note.for}`]),
    ...refused.map((note) => [paint('red', 'left alone'), `${note.subject}: ${note.for}`]),
  ];
  if (rows.length === 0) return [`${paint('bold', name)}: nothing to do`];
  return [`${paint('bold', name)}:`, ...table(rows.map((row) => ['', ...row]))];
}
