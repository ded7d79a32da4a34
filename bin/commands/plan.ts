import { type Condition, distinct, isWaiting } from '../../shared/conditions/condition.ts';
import { reasonText } from '../../shared/conditions/sentences.ts';
import type { SubnetsConfig } from '../../shared/config.ts';
import type { Plan, Step } from '../../shared/reconcile/plan.ts';
import { stepSentence as sentenceOfRouters } from '../../shared/routers/sentences.ts';
import { pauseSentence } from '../../shared/sentences.ts';
import { planVpcs } from '../../shared/subnets/plan.ts';
import { stepSentence as sentenceOfSubnets } from '../../shared/subnets/sentences.ts';
import { label, type SubnetsLook } from '../../shared/subnets/world.ts';
import { type Command, EXIT, type Given, json, UsageError } from '../command.ts';
import { see } from '../deployed.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

export const plan: Command = {
  args: [],
  summary: 'what the next pass would do, and why; nothing is done',
  options: { ...json, with: { type: 'string' } },
  check: ({ options }) => void supposed(options),
  async run({ options, stack, terminal, document }) {
    const { subnets, routers } = await see(stack);
    const { now, paused } = subnets.world;
    const tag = supposed(options);
    const supposition = tag && suppose(tag, { ...subnets, now }, stack.config.subnets);
    const plans = {
      subnets: shown(supposition?.plan ?? subnets.plan, sentenceOfSubnets),
      ...('steps' in routers.plan && { routers: shown(routers.plan, sentenceOfRouters) }),
    };
    const parts = Object.entries(plans);
    if (options.json)
      document({ ...plans, ...(paused && { paused }), ...(supposition && { with: supposition.outcome }) });
    else
      terminal.out(
        ...(paused ? [`${stack.name} is ${pauseSentence(paused)}. Resumed, it would do this:`, ''] : []),
        ...(supposition ? [`If ${supposition.outcome.subnet} were tagged so: ${supposition.outcome.says}`, ''] : []),
        ...parts.flatMap(([name, part], at) => [
          ...(at > 0 ? [''] : []),
          ...say(name, part, options.wide === true, terminal),
        ]),
      );
    return parts.some(([, { steps }]) => steps.length > 0) ? EXIT.todo : EXIT.ok;
  },
};

/** A subnet and a tag that it does not have; undefined if nothing is supposed. @throws UsageError */
function supposed({ with: given }: Given['options']): { subnet: string; value: string } | undefined {
  if (given === undefined) return undefined;
  const [, subnet = '', value = ''] = /^([^=]+)=(.*)$/.exec(String(given)) ?? [];
  if (subnet === '')
    throw new UsageError(
      `--with=${given} is not SUBNET=CIDRS, as in --with app-a=10.20.0.0/16; nothing behind = opts it out`,
    );
  return { subnet, value };
}

/** The next pass would do this if the subnet had this tag, and it would stand so. */
function suppose(
  { subnet: asked, value }: { subnet: string; value: string },
  seen: Pick<SubnetsLook, 'vpcs' | 'now'>,
  config: SubnetsConfig,
) {
  const subnet = seen.vpcs.flatMap(({ subnets }) => subnets).find(({ id, name }) => id === asked || name === asked);
  if (!subnet)
    throw new Error(`${asked} is no subnet in ${seen.vpcs.map(({ vpcId }) => vpcId).join(', ')}, by id or Name tag`);
  const tagged = { ...subnet, tagValue: value === '' ? undefined : value };
  const vpcs = seen.vpcs.map((world) => ({
    ...world,
    subnets: world.subnets.map((each) => (each === subnet ? tagged : each)),
  }));
  const looked = { now: seen.now, vpcs, missing: [], claims: [], attachments: [], spokes: [], refused: undefined };
  const plan = planVpcs(looked, new Map(), config);
  const summary = plan.summaries.find((each) => each.subnet.id === subnet.id);
  const state = summary?.state ?? 'not opted in';
  const outcome = { subnet: label(subnet), state, says: [state, ...new Set(summary?.why ?? [])].join(': ') };
  return { plan, outcome };
}

/** A plan as people and programs read it. */
export function shown<S extends Step & { kind: string }>(
  { steps, conditions, gauges }: Plan<S>,
  tell: (step: S) => string,
) {
  const note = ({ about, reason, until, since, warn }: Condition) => ({
    subject: about.label,
    for: reasonText(reason),
    code: reason.code,
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

function say(
  name: string,
  { steps, waiting, refused }: ReturnType<typeof shown>,
  wide: boolean,
  { paint, columns }: Terminal,
): string[] {
  const rows = [
    ...steps.map(({ kind, subject: _, says, ...ids }) => [paint('cyan', kind), says, ...(wide ? [factsOf(ids)] : [])]),
    ...waiting.map((note) => [paint('yellow', 'waits'), `${note.subject}: for ${note.for}`]),
    ...refused.map((note) => [paint('red', 'left alone'), `${note.subject}: ${note.for}`]),
  ];
  if (rows.length === 0) return [`${paint('bold', name)}: nothing to do`];
  return [
    `${paint('bold', name)}:`,
    ...table(
      rows.map((row) => ['', ...row]),
      { columns },
    ),
  ];
}

/** A step's facts beside its sentence, as `name=value`. */
const factsOf = (facts: object): string =>
  Object.entries(facts)
    .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
