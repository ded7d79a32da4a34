import { type Condition, distinct, isWaiting, type Plan, type Step } from '../../shared/reconcile/plan.ts';
import { stepSentence as sentenceOfRouters } from '../../shared/routers/sentences.ts';
import { stepSentence as sentenceOfSubnets } from '../../shared/subnets/sentences.ts';
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
    const plans = { subnets: shown(subnets.plan, sentenceOfSubnets), routers: shown(routers.plan, sentenceOfRouters) };
    terminal.out(
      ...(options.json
        ? [JSON.stringify(plans)]
        : [...say('subnets', plans.subnets, terminal), '', ...say('routers', plans.routers, terminal)]),
    );
    return Object.values(plans).some(({ steps }) => steps.length > 0) ? EXIT.todo : EXIT.ok;
  },
};

/** A plan as people and programs read it. */
function shown<S extends Step & { kind: string }>({ steps, conditions, gauges }: Plan<S>, tell: (step: S) => string) {
  const note = ({ about, message, until, since, warn }: Condition) => ({
    subject: about.label,
    for: message,
    ...{ until, since, warn },
  });
  return {
    steps: steps.map((step) => {
      const { about, context: _, ...rest } = step;
      return { ...rest, kind: step.kind, subject: about.label, says: tell(step) };
    }),
    waiting: distinct(conditions.filter(isWaiting)).map(note),
    refused: conditions.filter((each) => !isWaiting(each)).map(note),
    gauges,
  };
}

function say(name: string, { steps, waiting, refused }: ReturnType<typeof shown>, { paint }: Terminal): string[] {
  const rows = [
    ...steps.map(({ kind, says }) => [paint('cyan', kind), says]),
    ...waiting.map((note) => [paint('yellow', 'waits'), `${note.subject}: for ${note.for}`]),
    ...refused.map((note) => [paint('red', 'left alone'), `${note.subject}: ${note.for}`]),
  ];
  if (rows.length === 0) return [`${paint('bold', name)}: nothing to do`];
  return [`${paint('bold', name)}:`, ...table(rows.map((row) => ['', ...row]))];
}
