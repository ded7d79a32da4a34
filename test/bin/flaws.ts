import { Ajv2020 } from 'ajv/dist/2020.js';
import { jsonSchema } from '../../release/json-schema.ts';

const validating = (closed: boolean) => new Ajv2020({ allErrors: true }).addSchema(jsonSchema({ closed }), 'json');
const VALIDATORS = { closed: validating(true), open: validating(false) };

/** The schema has this against a document of a command; closed, also members that it does not name. */
export function flaws(command: string, document: unknown, how: keyof typeof VALIDATORS = 'closed'): unknown[] {
  const validate = VALIDATORS[how].getSchema(`json#/$defs/${command}`);
  if (!validate) return [`there is no schema of ${command}`];
  return validate(document) ? [] : (validate.errors ?? []);
}
