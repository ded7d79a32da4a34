import { describe, expect, test } from '@jest/globals';
import { checkParameters, parseContent, RUN_SHELL_SCRIPT, stepsOf } from '../../../../local/services/ssm/content.ts';

const step = (inputs: object, rest = {}) => ({ action: 'aws:runShellScript', name: 'run', inputs, ...rest });
const document = (parameters: object, ...mainSteps: object[]) => ({ schemaVersion: '2.2', parameters, mainSteps });
const plan = (content: object, values: Record<string, string[]> = {}) => {
  const parsed = parseContent(content);
  return stepsOf(parsed, checkParameters(parsed, values));
};

describe('substitution', () => {
  const parameters = {
    Name: { type: 'String', default: 'x' },
    Lines: { type: 'StringList', default: ['a', 'b'] },
    Safe: { type: 'String', default: 'safe', interpolationType: 'ENV_VAR' },
  };
  test.each<[string, string | string[], Record<string, string[]>, string]>([
    ['of text', 'echo {{ Name }}', { Name: ['y z'] }, 'echo y z'],
    ['without spaces, twice', 'echo {{Name}}{{ Name}}', {}, 'echo xx'],
    ['of a list, a line each', '{{ Lines }}', {}, 'a\nb'],
    ['of a list among lines', ['set -e', '{{ Lines }}', 'end'], {}, 'set -e\na\nb\nend'],
    ['is plain text: an injection hole', "echo '{{ Name }}'", { Name: ["'; id; '"] }, "echo ''; id; ''"],
    ['not of a parameter that goes by environment', "echo '{{ Safe }}'", { Safe: ["'; id; '"] }, "echo '{{ Safe }}'"],
    ['not of what a value brings', 'echo {{ Name }}', { Name: ['{{ Lines }}'] }, 'echo {{ Lines }}'],
    ['not of what is no parameter', 'docker ps --format {{.ID}}', {}, 'docker ps --format {{.ID}}'],
    ['of a value with a dollar', 'echo {{ Name }}', { Name: ['$&$1'] }, 'echo $&$1'],
  ])('%s', (_what, runCommand, values, script) => {
    expect(plan(document(parameters, step({ runCommand })), values)[0]?.script).toBe(script);
  });

  test('by environment', () => {
    const [planned] = plan(document(parameters, step({ runCommand: 'id' })), { Safe: ["'; id"] });
    expect(planned?.environment).toEqual({ SSM_Safe: "'; id" });
  });

  test('of timeout and working directory', () => {
    const content = document(
      { seconds: { type: 'String', default: '600' }, where: { type: 'String', default: '/tmp' } },
      step({ runCommand: 'id', timeoutSeconds: '{{ seconds }}', workingDirectory: '{{ where }}' }),
      step({ runCommand: 'id' }, { name: 'second' }),
    );
    expect(plan(content, { seconds: ['5'] })).toMatchObject([
      { name: 'run', timeoutSeconds: 5, workingDirectory: '/tmp' },
      { name: 'second', timeoutSeconds: 3600, workingDirectory: '' },
    ]);
  });
});

describe('parameters that are refused', () => {
  test.each<[string, object, Record<string, string[]>, string]>([
    ['unknown', {}, { Nme: ['x'] }, 'Nme is not a parameter'],
    ['of Object.prototype', {}, { constructor: ['x'] }, 'constructor is not a parameter'],
    ['without a value', { Name: { type: 'String' } }, {}, 'Name has no value'],
    ['with two values', { Name: { type: 'String' } }, { Name: ['a', 'b'] }, 'one value'],
    ['off the pattern', { Name: { type: 'String', allowedPattern: '^[a-z]+$' } }, { Name: ['A'] }, 'match'],
    [
      'whose default is off the pattern',
      { Name: { type: 'String', default: 'A', allowedPattern: '^a$' } },
      {},
      'match',
    ],
    ['not among the values', { Name: { type: 'String', allowedValues: ['a', 'b'] } }, { Name: ['c'] }, 'one of a, b'],
    ['too long', { Name: { type: 'String', maxChars: 2 } }, { Name: ['abc'] }, 'characters'],
    ['too few', { Name: { type: 'StringList', minItems: 1 } }, { Name: [] }, 'values'],
    ['no boolean', { Name: { type: 'Boolean' } }, { Name: ['yes'] }, 'true or false'],
    ['no integer', { Name: { type: 'Integer' } }, { Name: ['1.5'] }, 'whole number'],
  ])('%s', (_what, parameters, values, message) => {
    const content = parseContent(document(parameters, step({ runCommand: 'id' })));
    expect(() => checkParameters(content, values)).toThrow(
      expect.objectContaining({ code: 'InvalidParameters', message: expect.stringContaining(message) }),
    );
  });

  test('a pattern without anchors lets through whatever contains a match', () => {
    const content = parseContent(
      document({ Name: { type: 'String', allowedPattern: '[a-z]+' } }, step({ runCommand: 'id' })),
    );
    expect(checkParameters(content, { Name: ['; a'] })).toEqual({ Name: ['; a'] });
  });
});

describe('content that is refused', () => {
  test.each<[string, unknown]>([
    ['no object', 'text'],
    ['another schema version', { ...document({}, step({ runCommand: 'id' })), schemaVersion: '0.3' }],
    ['no steps', document({})],
    ['another action', document({}, { ...step({ runCommand: 'id' }), action: 'aws:downloadContent' })],
    ['a misspelt input', document({}, step({ runCommands: 'id' }))],
    ['an undeclared parameter', document({}, step({ runCommand: 'echo {{ Name }}' }))],
    ['an undeclared parameter in a list', document({}, step({ runCommand: ['id', 'echo {{ Name }}'] }))],
    ['an unknown type', document({ Name: { type: 'Text' } }, step({ runCommand: 'id' }))],
  ])('%s', (_what, content) => {
    expect(() => parseContent(content)).toThrow(expect.objectContaining({ code: 'InvalidDocumentContent' }));
  });
});

test.each([
  [['platformType', 'Linux'], 1],
  [['platformType', 'Windows'], 0],
])('a step is for its platform: %j', (StringEquals, count) => {
  const content = document({}, step({ runCommand: 'id' }, { precondition: { StringEquals } }));
  expect(plan(content)).toHaveLength(count);
});

test('AWS-RunShellScript runs its commands as one script', () => {
  const values = { commands: ['cd /', 'pwd'], executionTimeout: ['60'] };
  expect(plan(JSON.parse(RUN_SHELL_SCRIPT), values)).toEqual([
    { name: 'runShellScript', script: 'cd /\npwd', environment: {}, workingDirectory: '', timeoutSeconds: 60 },
  ]);
});
