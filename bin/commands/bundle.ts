import { withoutSecrets } from '../../shared/secrets.ts';
import { type Command, EXIT, type Given } from '../command.ts';
import { versioned } from '../formats.ts';
import { explain } from '../person.ts';
import { doctor } from './doctor.ts';
import { ago, log } from './log.ts';
import { plan } from './plan.ts';
import { status } from './status.ts';
import { versions } from './versions.ts';

/** Each is a part under its name: what it prints as JSON, or why it could not. */
const PARTS = { versions, status, plan, doctor, log } as const satisfies Record<string, Command>;

/** Names of values that may give access to who reads them; what looks like a secret nobody's terminal writes. */
const HIDDEN = /key|secret|token|password/i;

export const bundle: Command = {
  args: [],
  summary: 'all that a ticket needs in one JSON, without secrets',
  options: { since: { type: 'string' } },
  check: ({ options }) => void ago(options),
  async run(given) {
    const { stack, terminal, options, document } = given;
    const at = new Date(stack.now()).toISOString();
    const parts: Record<string, unknown> = { stack: stack.name, at, config: withoutHidden(stack.config) };
    let complete = true;
    for (const [name, part] of Object.entries(PARTS)) {
      terminal.progress(name);
      const told = await tell(part, {
        ...given,
        args: [],
        options: { json: true, ...(name === 'log' && { since: options.since }) },
      });
      parts[name] = told;
      if (!Array.isArray(told)) complete = false;
    }
    // Each text by itself: struck out of the whole, half a key would take all behind it along.
    document(
      JSON.parse(JSON.stringify(parts), (_, value) => (typeof value === 'string' ? withoutSecrets(value) : value)),
    );
    return complete ? EXIT.ok : EXIT.todo;
  },
};

/** The values that a command prints, each line one; or the sentence why it does not. */
async function tell(command: Command, given: Given): Promise<unknown[] | { failed: string }> {
  const told: unknown[] = [];
  try {
    await command.run({
      ...given,
      document: (value) => void told.push(versioned(value)),
      terminal: { ...given.terminal, out() {}, err() {} },
    });
    return told;
  } catch (error) {
    return { failed: explain(error) };
  }
}

function withoutHidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutHidden);
  if (value instanceof Map) return Object.fromEntries(value);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => !HIDDEN.test(name) || /^tagKey$/.test(name));
  return Object.fromEntries(entries.map(([name, each]) => [name, withoutHidden(each)]));
}
