import { NormalizedSchema } from '@smithy/core/schema';

/** A module of operation schemas: the namespace of `@aws-sdk/client-ec2`, say, which exports them as `CreateRoute$`. */
export type SdkModule = Readonly<Record<string, unknown>>;

export interface OperationSchema {
  name: string;
  input: NormalizedSchema;
  output: NormalizedSchema;
}

/** Smithy's static form of an operation: `[9, namespace, name, traits, input, output]`. */
type StaticOperation = [9, string, string, unknown, SchemaRef, SchemaRef];
type SchemaRef = Parameters<typeof NormalizedSchema.of>[0];

/** The schema of an operation, or undefined if the service has none of that name. */
export function operationSchema(sdk: SdkModule, name: string): OperationSchema | undefined {
  const found = sdk[`${name}$`];
  if (!isOperation(found)) return undefined;
  return { name, input: NormalizedSchema.of(found[4]), output: NormalizedSchema.of(found[5]) };
}

function isOperation(value: unknown): value is StaticOperation {
  return Array.isArray(value) && value[0] === 9;
}

/** True if the member of a structure must be given. A static structure lists those first, and ends with how many they are. */
export function isRequired(struct: NormalizedSchema, member: string): boolean {
  const schema: unknown = struct.getSchema();
  if (!Array.isArray(schema)) return false;
  const [, , , , members, , required]: unknown[] = schema;
  return Array.isArray(members) && typeof required === 'number' && members.indexOf(member) < required;
}
