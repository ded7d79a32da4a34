import { z } from 'zod';
import { AwsError } from '../../wire/errors.ts';

const parameterSchema = z.strictObject({
  type: z.enum(['String', 'StringList', 'Boolean', 'Integer']),
  description: z.string().optional(),
  default: z.union([z.string(), z.array(z.string()), z.boolean(), z.number()]).optional(),
  allowedPattern: z.string().optional(),
  allowedValues: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
  displayType: z.enum(['textfield', 'textarea']).optional(),
  interpolationType: z.enum(['ENV_VAR']).optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  minChars: z.number().optional(),
  maxChars: z.number().optional(),
});

const stepSchema = z.strictObject({
  action: z.literal('aws:runShellScript', 'the cloud in a box runs aws:runShellScript only'),
  name: z.string().regex(/^[a-zA-Z0-9_-]{3,128}$/),
  precondition: z.strictObject({ StringEquals: z.tuple([z.string(), z.string()]) }).optional(),
  inputs: z.strictObject({
    runCommand: z.union([z.string(), z.array(z.string())]),
    timeoutSeconds: z.union([z.string(), z.number()]).optional(),
    workingDirectory: z.string().optional(),
  }),
});

/** https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-schemas-features.html */
const contentSchema = z.strictObject({
  schemaVersion: z.literal('2.2'),
  description: z.string().optional(),
  parameters: z.record(z.string().regex(/^\w+$/), parameterSchema).default({}),
  mainSteps: z.array(stepSchema).min(1),
});

/** A Command document has this content. */
export type Content = z.output<typeof contentSchema>;
type Parameter = Content['parameters'][string];
type Values = Readonly<Record<string, readonly string[]>>;

/** The SSM agent runs one script inside its instance. */
export interface Step {
  name: string;
  /** Lines, without the parameters that go by environment. */
  script: string;
  /** `SSM_Name` for each parameter that is interpolated as an environment variable. */
  environment: Readonly<Record<string, string>>;
  workingDirectory: string;
  timeoutSeconds: number;
}

/** @throws AwsError `InvalidDocumentContent` */
export function parseContent(value: unknown): Content {
  const parsed = contentSchema.safeParse(value);
  if (!parsed.success) throw new AwsError('InvalidDocumentContent', z.prettifyError(parsed.error));
  const { mainSteps, parameters } = parsed.data;
  for (const { name, inputs } of mainSteps)
    for (const [, used = ''] of JSON.stringify(inputs).matchAll(PLACEHOLDER))
      if (!Object.hasOwn(parameters, used))
        throw new AwsError(
          'InvalidDocumentContent',
          `the step ${name} uses the parameter ${used}, which is not declared`,
        );
  return parsed.data;
}

/** @throws AwsError `InvalidParameters` if a value is missing, unknown or not allowed. Every parameter's value is a list. */
export function checkParameters({ parameters }: Content, given: Values): Values {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(parameters, name))
      throw new AwsError('InvalidParameters', `${name} is not a parameter of the document`);
  return Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => {
      const values = given[name] ?? defaultOf(parameter);
      if (!values) throw new AwsError('InvalidParameters', `the parameter ${name} has no value`);
      checkValues(name, parameter, values);
      return [name, values];
    }),
  );
}

function defaultOf(parameter: Parameter): readonly string[] | undefined {
  if (parameter.default === undefined) return undefined;
  return [parameter.default].flat().map(String);
}

function checkValues(name: string, parameter: Parameter, values: readonly string[]): void {
  const refuse = (why: string) => new AwsError('InvalidParameters', `the parameter ${name} ${why}`);
  const { type, allowedPattern, allowedValues, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = parameter;
  const { minChars = 0, maxChars = Number.POSITIVE_INFINITY } = parameter;
  if (type !== 'StringList' && values.length !== 1) throw refuse(`must have one value, not ${values.length}`);
  if (values.length < minItems || values.length > maxItems) throw refuse(`has ${values.length} values, out of bounds`);
  for (const value of values) {
    if (value.length < minChars || value.length > maxChars)
      throw refuse(`has ${value.length} characters, out of bounds`);
    if (type === 'Boolean' && !/^(true|false)$/.test(value)) throw refuse('must be true or false');
    if (type === 'Integer' && !/^-?\d+$/.test(value)) throw refuse('must be a whole number');
    if (allowedValues && !allowedValues.map(String).includes(value))
      throw refuse(`must be one of ${allowedValues.join(', ')}`);
    // A pattern without anchors allows whatever contains a match, here as with AWS.
    if (allowedPattern !== undefined && !new RegExp(allowedPattern).test(value))
      throw refuse(`does not match ${allowedPattern}`);
  }
}

/**
 * A document has these scripts for parameters that have been checked. `{{ Name }}` is plain text substitution, and so an injection hole,
 * unless the parameter's `interpolationType` is `ENV_VAR`.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-syntax-data-elements-parameters.html
 */
export function stepsOf({ parameters, mainSteps }: Content, values: Values): Step[] {
  const byEnvironment = (name: string) => parameters[name]?.interpolationType === 'ENV_VAR';
  const environment = Object.fromEntries(
    Object.entries(values).flatMap(([name, [value = '']]) => (byEnvironment(name) ? [[`SSM_${name}`, value]] : [])),
  );
  const substitute = (text: string) =>
    text.replace(PLACEHOLDER, (token, name: string) => (byEnvironment(name) ? token : (values[name] ?? []).join('\n')));
  return mainSteps
    .filter(({ precondition }) => !precondition || isMet(precondition.StringEquals.map(substitute)))
    .map(({ name, inputs }) => ({
      name,
      script: [inputs.runCommand].flat().map(substitute).join('\n'),
      environment,
      workingDirectory: substitute(inputs.workingDirectory ?? ''),
      timeoutSeconds: Number(substitute(String(inputs.timeoutSeconds ?? '')) || 3600),
    }));
}

function isMet([left, right]: string[]): boolean {
  const platform = (text: string | undefined) => (text === 'platformType' ? 'Linux' : text);
  return platform(left) === platform(right);
}

const PLACEHOLDER = /\{\{\s*(\w+)\s*\}\}/g;

/** Content of AWS-RunShellScript, as GetDocument answers it. */
export const RUN_SHELL_SCRIPT = JSON.stringify({
  schemaVersion: '2.2',
  description: 'Run a shell script or specify the commands to run.',
  parameters: {
    commands: { type: 'StringList', minItems: 1, displayType: 'textarea' },
    workingDirectory: { type: 'String', default: '', maxChars: 4096 },
    executionTimeout: {
      type: 'String',
      default: '3600',
      allowedPattern: '([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)',
    },
  },
  mainSteps: [
    {
      action: 'aws:runShellScript',
      name: 'runShellScript',
      inputs: {
        timeoutSeconds: '{{ executionTimeout }}',
        workingDirectory: '{{ workingDirectory }}',
        runCommand: '{{ commands }}',
      },
    },
  ],
});
