import { EXIT, json, type Precommand } from '../command.ts';
import { deploymentOf } from '../stack-deployment.ts';
import { table } from '../table.ts';
import { version } from '../version.ts';

export const config: Precommand = {
  of: 'place',
  args: [],
  summary: 'what a stack was deployed with, where that is not the default',
  options: json,
  async run({ options, stack, terminal, document }) {
    const found = await deploymentOf(stack);
    if (!found)
      throw new Error(
        `CloudFormation has no stack ${stack.name} here: name another --stack or --region, or deploy it (docs/deploying.md)`,
      );
    if (options.json) {
      document(found);
      return EXIT.ok;
    }
    const differing = Object.entries(found.parameters).filter(([name, value]) => value !== found.defaults[name]);
    const others = Object.keys(found.parameters).length - differing.length;
    const heading = ['PARAMETER', 'VALUE', 'DEFAULT'].map((cell) => terminal.paint('bold', cell));
    const { columns } = terminal;
    const shown = (value: string | undefined) => (value === '' ? "''" : (value ?? 'must be given'));
    terminal.out(
      `${terminal.paint('bold', found.name)}  ${found.status}  version ${found.version ?? 'unknown'}  ${new Date(found.at).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      '',
      ...table(
        differing.map(([name, value]) => [name, shown(value), shown(found.defaults[name])]),
        { columns, heading },
      ),
      '',
      `${others} others have their defaults.`,
      ...(found.version === version
        ? []
        : ['', `This command is of version ${version}: it may know other parameters.`]),
    );
    return EXIT.ok;
  },
};
