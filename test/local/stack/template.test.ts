import { describe, expect, test } from '@jest/globals';
import { resolve } from '../../../local/stack/intrinsics.ts';
import { planStack } from '../../../local/stack/plan.ts';
import { parseTemplate } from '../../../local/stack/template.ts';

const place = {
  name: 'demo',
  region: 'eu-central-1',
  account: '111122223333',
  zones: ['eu-central-1a', 'eu-central-1b'],
};
const attributesOf = (type: string) => (type.startsWith('Test::') ? ['Arn', 'Full.Name'] : undefined);
const plan = (yaml: string, parameters = {}) => planStack(parseTemplate(yaml), parameters, place, attributesOf);

/** CloudFormation resolves one value in a template with parameters, conditions and a resource that is made already. */
function resolved(yaml: string): unknown {
  const text = `
    Parameters: { Colour: { Type: String, Default: green }, Subnets: { Type: CommaDelimitedList, Default: 'a, b' } }
    Conditions:
      IsGreen: !Equals [!Ref Colour, green]
      IsRed: !Not [!Condition IsGreen]
      Both: !And [!Condition IsGreen, !Condition IsRed]
      Either: { Fn::Or: [{ Condition: IsRed }, { Condition: IsGreen }] }
    Resources:
      Made: { Type: Test::Thing }
      Other: { Type: Test::Thing, Properties: { Value: ${yaml} } }`;
  const { resources, scope } = plan(text);
  const made = {
    ...scope,
    ref: (name: string) => (name === 'Made' ? 'made-1' : scope.ref(name)),
    getAtt: (id: string, name: string) => `${id}/${name}`,
  };
  const properties = resolve(resources.at(-1)?.declaration.Properties, made) as { Value?: unknown };
  return properties.Value;
}

describe('a value is resolved', () => {
  test.each([
    ['!Ref Made', 'made-1'],
    ['!Ref Colour', 'green'],
    ['!Ref Subnets', ['a', 'b']],
    ['!Ref AWS::Region', 'eu-central-1'],
    ['!Ref AWS::NoValue', undefined],
    ['[1, !Ref AWS::NoValue, 2]', [1, 2]],
    ['!GetAtt Made.Arn', 'Made/Arn'],
    ['!GetAtt Made.Full.Name', 'Made/Full.Name'],
    ['{ Fn::GetAtt: [Made, Arn] }', 'Made/Arn'],
    [
      `!Sub 'arn:\${AWS::Partition}:x:\${AWS::AccountId}:\${Made}/\${Made.Arn}'`,
      'arn:aws:x:111122223333:made-1/Made/Arn',
    ],
    [`!Sub ['\${a}-\${Colour}', { a: !Ref Made }]`, 'made-1-green'],
    [`!Sub '\${!Literal} $x \${Colour}'`, `\${Literal} $x green`],
    ["!Join ['-', [a, !Ref Made, 1]]", 'a-made-1-1'],
    ["!Select [1, !Split [',', 'a,b,c']]", 'b'],
    ["!Select [0, !GetAZs '']", 'eu-central-1a'],
    ['!GetAZs { Ref: AWS::Region }', ['eu-central-1a', 'eu-central-1b']],
    ['!Base64 hello', 'aGVsbG8='],
    ['!If [IsGreen, { a: !Ref Made }, none]', { a: 'made-1' }],
    ['!If [IsRed, 1, !Ref AWS::NoValue]', undefined],
    ['!If [Both, 1, 2]', 2],
    ['!If [Either, 1, 2]', 1],
    [
      '{ Statement: [{ Condition: { StringEquals: { a: !Ref Colour } } }] }',
      { Statement: [{ Condition: { StringEquals: { a: 'green' } } }] },
    ],
  ])('%s', (yaml, value) => {
    expect(resolved(yaml)).toEqual(value);
  });
});

describe('a value is refused', () => {
  test.each([
    ['!Ref Nobody', 'Resources.Other: there is no parameter or resource Nobody'],
    ['!Ref AWS::Planet', 'there is no parameter or resource AWS::Planet'],
    ['!GetAtt Nobody.Arn', 'there is no resource Nobody'],
    ['!GetAtt Made.Size', 'Resources.Other: Made, of type Test::Thing, has no attribute Size'],
    ['!GetAtt Made', 'Fn::GetAtt of Made names no attribute'],
    [`!Sub '\${Nobody}'`, 'there is no parameter or resource Nobody'],
    [`!Sub '\${Made.Size}'`, 'has no attribute Size'],
    ['{ Fn::ImportValue: x }', 'Resources.Other: the local cloud does not know the function Fn::ImportValue'],
    ['{ Ref: Made, More: 1 }', 'Ref must stand alone'],
    ['!If [Maybe, 1, 2]', 'there is no condition Maybe'],
    ['!If [IsGreen, 1]', 'must be a list of 3'],
    ['!Select [3, [a]]', 'there is no item 3 in a list of 1'],
    ['!Join [a]', 'must be a list of 2'],
    ['!FindInMap [a, b, c]', 'this template cannot be read: Unresolved tag: !FindInMap'],
  ])('%s', (yaml, message) => {
    expect(() => resolved(yaml)).toThrow(message);
  });
});

describe('a plan', () => {
  const order = (yaml: string, parameters = {}) => plan(yaml, parameters).resources.map(({ logicalId }) => logicalId);

  test('makes what is needed first, and else keeps the order of the template', () => {
    const yaml = `
      Resources:
        A: { Type: Test::Thing, Properties: { a: !GetAtt D.Arn } }
        B: { Type: Test::Thing, DependsOn: [C] }
        C: { Type: Test::Thing, Properties: { a: !Sub "\${A}" } }
        D: { Type: Test::Thing }`;
    expect(order(yaml)).toEqual(['D', 'A', 'C', 'B']);
  });

  test('refuses a circle, and names it', () => {
    const yaml = `
      Resources:
        A: { Type: Test::Thing, DependsOn: B }
        B: { Type: Test::Thing, Properties: { a: [{ b: !Ref C }] } }
        C: { Type: Test::Thing, Properties: { a: !Sub "\${B.Arn}" } }`;
    expect(() => order(yaml)).toThrow('resources depend on each other in a circle: B -> C -> B');
  });

  test('leaves out what its condition excludes, and refuses who needs it', () => {
    const yaml = `
      Parameters: { Size: { Type: Number, Default: 1 } }
      Conditions: { Large: !Equals [!Ref Size, 2] }
      Resources:
        A: { Type: Test::Thing, Condition: Large }
        B: { Type: Test::Thing, Properties: { a: !If [Large, !Ref A, none] } }
      Outputs:
        a: { Condition: Large, Value: !Ref A }`;
    expect(order(yaml)).toEqual(['B']);
    expect(plan(yaml).outputs).toEqual([]);
    expect(order(yaml, { Size: '2' })).toEqual(['A', 'B']);
    expect(() => order(yaml.replace('!If [Large, !Ref A, none]', '!Ref A'))).toThrow(
      'Resources.B: there is no parameter or resource A',
    );
  });

  test('refuses all types it does not support at once', () => {
    const yaml =
      'Resources: { A: { Type: AWS::X::Y }, B: { Type: Test::Thing }, C: { Type: AWS::X::Z }, D: { Type: AWS::X::Y } }';
    expect(() => order(yaml)).toThrow('does not support AWS::X::Y, AWS::X::Z');
  });

  const parameters = `
      Parameters:
        Colour: { Type: String, AllowedValues: [red, green] }
        Name: { Type: String, Default: x, AllowedPattern: '[a-z]+' }
        Size: { Type: Number, Default: 1 }
      Resources: { A: { Type: Test::Thing } }`;
  test.each([
    [{}, 'parameter Colour must have a value'],
    [{ Colour: 'blue' }, 'parameter Colour must be one of red, green, not blue'],
    [{ Colour: 'red', Name: 'X1' }, 'parameter Name must match [a-z]+, not X1'],
    [{ Colour: 'red', Size: 'large' }, 'parameter Size must be a number, not large'],
    [{ Colour: 'red', Shape: 'x' }, 'the template has no parameter Shape'],
  ])('refuses parameters %j', (given, message) => {
    expect(() => order(parameters, given)).toThrow(message);
  });

  test('refuses conditions that go in a circle', () => {
    const yaml = `
      Conditions: { A: !Not [!Condition B], B: !Not [!Condition A] }
      Resources: { X: { Type: Test::Thing } }`;
    expect(() => order(yaml)).toThrow('conditions go in a circle: A -> B -> A');
  });

  test.each([
    ['', 'not a CloudFormation template'],
    ['Resources: []', 'Resources'],
    ['Resources: { A: { Properties: {} } }', 'Type'],
    ['Resources: { A: { Type: X, Propertys: {} } }', 'Propertys'],
    ['Resources: { A: ', 'this template cannot be read'],
  ])('refuses %j as a template', (yaml, message) => {
    expect(() => parseTemplate(yaml)).toThrow(message);
  });
});
