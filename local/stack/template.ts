import { type CollectionTag, parseDocument, type ScalarTag, YAMLMap, type YAMLSeq } from 'yaml';
import { z } from 'zod';

const parameter = z.object({
  Type: z.string(),
  Default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  AllowedValues: z.array(z.unknown()).optional(),
  AllowedPattern: z.string().optional(),
  ConstraintDescription: z.string().optional(),
  MinValue: z.number().optional(),
  MaxValue: z.number().optional(),
  MaxLength: z.number().optional(),
});

const rule = z.strictObject({
  Assertions: z.array(z.strictObject({ Assert: z.unknown(), AssertDescription: z.string() })),
});

const resource = z.strictObject({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DependsOn: z.union([z.string().transform((one) => [one]), z.array(z.string())]).default([]),
  Condition: z.string().optional(),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
  Metadata: z.unknown().optional(),
});

const output = z.object({ Value: z.unknown(), Condition: z.string().optional() });

const template = z.strictObject({
  AWSTemplateFormatVersion: z.literal('2010-09-09').optional(),
  Description: z.string().optional(),
  Metadata: z.unknown().optional(),
  Parameters: z.record(z.string(), parameter).default({}),
  Rules: z.record(z.string(), rule).default({}),
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Resources: z.record(z.string(), resource),
  Outputs: z.record(z.string(), output).default({}),
});

/** A CloudFormation template has its intrinsic functions not yet resolved. */
export type Template = z.infer<typeof template>;
export type ResourceDeclaration = z.infer<typeof resource>;

/** Short forms as they stand in YAML, `!Ref` and the others. Their long form is `Fn::Name`, but for Ref and Condition. */
const FUNCTIONS = [
  'Ref',
  'Condition',
  'GetAtt',
  'Sub',
  'Join',
  'Select',
  'Split',
  'GetAZs',
  'Base64',
  'If',
  'Equals',
  'Not',
  'And',
  'Or',
];

const customTags = FUNCTIONS.flatMap((name): (ScalarTag | CollectionTag)[] => {
  const long = name === 'Ref' || name === 'Condition' ? name : `Fn::${name}`;
  const call = (argument: YAMLMap | YAMLSeq) => {
    const map = new YAMLMap();
    map.set(long, argument);
    return map;
  };
  return [
    { tag: `!${name}`, resolve: (text) => ({ [long]: text }) },
    { tag: `!${name}`, collection: 'seq', resolve: call },
    { tag: `!${name}`, collection: 'map', resolve: call },
  ];
});

/**
 * A template is read in JSON or YAML.
 * @throws Error that says where it is not one
 */
export function parseTemplate(text: string): Template {
  const document = parseDocument(text, { customTags });
  const flaw = document.errors[0] ?? document.warnings[0];
  if (flaw) throw new Error(`this template cannot be read: ${flaw.message}`);
  const result = template.safeParse(document.toJS());
  if (result.success) return result.data;
  throw new Error(
    `this is not a CloudFormation template as the local cloud knows them. ${z.prettifyError(result.error)}`,
  );
}
