import type { AwsError } from './errors.ts';
import type { operationSchema, SdkModule } from './schema.ts';

export interface WireRequest {
  method: string;
  /** Path and query string, as on the request line. */
  url: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  /** The output is taken as it is, of a client in the same process. */
  byValue?: boolean;
}

export interface WireResponse {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** The output, with no body that says it: of a request by value that succeeded. */
  value?: unknown;
}

/** The SDK's names for protocols. The last two a service speaks by itself. */
export type ProtocolName = 'ec2Query' | 'awsQuery' | 'awsJson1_1' | 'restJson1' | 'restXml';

/** A protocol puts requests and answers on HTTP so. */
export interface Protocol {
  /** Name of the operation that is asked for. */
  operation(request: WireRequest): string | undefined;
  /** Input of the operation; `AwsError` if a member is missing, unknown or not of its type. */
  read(schema: SchemaOf<'input'>, request: WireRequest): unknown;
  write(schema: SchemaOf<'output'>, output: unknown, context: WriteContext): WireResponse;
  fail(error: AwsError, context: WriteContext): WireResponse;
}
type SchemaOf<Side extends 'input' | 'output'> = NonNullable<ReturnType<typeof operationSchema>>[Side];
export interface WriteContext {
  operation: string;
  sdk: SdkModule;
  requestId: string;
}
