import { healthOf, type Router as Known, routersOf } from '../../shared/routers/router.ts';
import { look } from '../../shared/topology/observe.ts';
import { EXIT, json, type RoutersCommand } from '../command.ts';
import { judge, readStatus } from '../diverter-status.ts';
import { LONG_S, runOn } from '../on-instances.ts';

/** The stack's own diverter is asked by these. The one that watches for some seconds comes last. */
const OWN = [
  'diverter status --json',
  'diverter status',
  'diverter health',
  'diverter services | head -n 40',
  'systemctl is-active ziti-router',
  'timeout 4 diverter watch',
];
/** Another diverter's image brings these along. */
const FOREIGN = ['diverter-status', 'systemctl is-active ziti-router'];

export const router: RoutersCommand = {
  of: 'routers',
  args: ['instance'],
  summary: 'what the diverter on a router sees, by Run Command',
  options: json,
  async run({ args: [asked = ''], options, stack, terminal, document }) {
    const ground = await look(stack.clients, stack.config, stack.now());
    const known = routersOf(ground.routers.world, stack.config.routers);
    const found = known.find((each) => isNamed(each, asked)) ?? notFound(asked, known);
    const { instance, label } = found;
    const { why = [] } = ground.routers.plan.summaries.find((each) => each.instance.id === instance.id) ?? {};
    const { paint } = terminal;
    // It may not answer, and this may be why.
    if (!options.json) terminal.out(paint('bold', label), ...why);
    const programs = stack.config.routers.diverter === 'own' ? OWN : FOREIGN;
    const answers = await runOn(stack, [instance.id], programs, terminal, LONG_S);
    const answer = answers.get(instance.id) ?? { unknown: 'Systems Manager does not say' };
    if ('unknown' in answer) throw new Error(`${label} does not answer: ${answer.unknown}`);
    const status = readStatus(answer.said.find(({ command }) => command === OWN[0])?.lines ?? []);
    const findings = status ? judge(label, status) : [];
    const faults = findings.filter(({ is }) => is !== 'ok');
    const said = answer.said.filter(({ command }) => command !== OWN[0]);
    if (options.json) document({ id: instance.id, label, ...healthOf(found), why, said, status, findings });
    else {
      const failed = (command: string, code: number) => code !== 0 && !command.startsWith('timeout ');
      terminal.out(
        ...said.flatMap(({ command, code, lines }) => [
          '',
          paint('bold', `$ ${command}`),
          ...lines,
          ...(failed(command, code) ? [paint('red', `exit code ${code}`)] : []),
        ]),
        ...faults.flatMap(({ says, remedy }) => ['', paint('red', says), `-> ${remedy}`]),
      );
    }
    const healthy = said.every(
      ({ command, code }) => code === 0 || !/^(diverter health|diverter-status)$/.test(command),
    );
    return faults.length > 0 || !healthy ? EXIT.todo : EXIT.ok;
  },
};

const isNamed = ({ instance: { id, name } }: Known, asked: string) => id === asked || (name === asked && asked !== '');

function notFound(asked: string, known: readonly Known[]): never {
  const there = known.map(({ label }) => label).join(', ') || 'none';
  throw new Error(`${asked} is no router of this stack, by id or Name tag; there are: ${there}`);
}
