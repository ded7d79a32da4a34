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

/** Smithy's static form of a structure or a union: names and schemas of its members, those first that must be given, and how many these are. */
type StaticStructure = [3 | 4, string, string, unknown, string[], SchemaRef[], number?];

/** @throws Error that says whose schema has another form than that */
function structure(schema: unknown, shape = ''): StaticStructure {
  if (isStructure(schema)) return schema;
  throw new Error(`the SDK's schema of ${shape} has not the form that local/wire/schema.ts knows a structure by`);
}

function isStructure(value: unknown): value is StaticStructure {
  if (!Array.isArray(value)) return false;
  const [kind, , , , names, members, required = 0]: unknown[] = value;
  const paired = Array.isArray(names) && Array.isArray(members) && names.length === members.length;
  return (kind === 3 || kind === 4) && paired && typeof required === 'number' && required <= names.length;
}

/** A member of a structure must be given, or not. */
export function isRequired(struct: NormalizedSchema, member: string): boolean {
  const [, , , , names, , required = 0] = structure(struct.getSchema(), struct.getName());
  return names.indexOf(member) < required;
}

/** A structure of the SDK gets a member, if it has none of this name. */
export function addMember(sdk: SdkModule, shape: string, name: string, member: SchemaRef): void {
  const [, , , , names, members] = structure(sdk[`${shape}$`], shape);
  if (names.includes(name)) return;
  names.push(name);
  members.push(member);
}

/** A member of a structure of the SDK need not be given from now on. */
export function makeOptional(sdk: SdkModule, shape: string, name: string): void {
  const form = structure(sdk[`${shape}$`], shape);
  const [, , , , names, members, required = 0] = form;
  const [at, last] = [names.indexOf(name), required - 1];
  if (at < 0) throw new Error(`the SDK's schema of ${shape} has no member ${name}`);
  if (at > last) return;
  names.splice(last, 0, ...names.splice(at, 1));
  members.splice(last, 0, ...members.splice(at, 1));
  form[6] = last;
}
