import type { NormalizedSchema } from '@smithy/core/schema';
import { AwsError } from './errors.ts';
import type { Protocol, WireResponse } from './protocol.ts';
import { isRequired } from './schema.ts';

/** https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html */
export const awsJson: Protocol = {
  operation: (request) => request.headers['x-amz-target']?.split('.')[1],
  read: (schema, request) => read(schema, parse(request.body), ''),
  write: (schema, output, { requestId }) => json(200, requestId, write(schema, output)),
  fail(error, { sdk, requestId }) {
    const schema = sdk[`${error.code}$`];
    // The member that carries the text is `message` in some error shapes and `Message` in others.
    const members: unknown = Array.isArray(schema) ? schema[4] : [];
    const member = Array.isArray(members) && members.includes('Message') ? 'Message' : 'message';
    return json(error.status, requestId, { __type: error.code, [member]: error.message });
  },
};

function json(status: number, requestId: string, body: unknown): WireResponse {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId },
    body: JSON.stringify(body),
  };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body) || '{}');
  } catch {
    throw new AwsError('SerializationException', 'the body of the request is not JSON');
  }
}

function read(schema: NormalizedSchema, value: unknown, path: string): unknown {
  if (schema.isStructSchema() || schema.isUnitSchema()) {
    if (!isRecord(value)) throw wrongType(path, 'an object');
    return readStruct(schema, value, path);
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw wrongType(path, 'a list');
    return value.map((item, index) => read(schema.getValueSchema(), item, `${path}.${index + 1}`));
  }
  if (schema.isMapSchema()) {
    if (!isRecord(value)) throw wrongType(path, 'an object');
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, read(schema.getValueSchema(), item, `${path}.${key}`)]),
    );
  }
  if (schema.isTimestampSchema()) {
    if (typeof value !== 'number') throw wrongType(path, 'a number of seconds');
    return new Date(value * 1000);
  }
  if (schema.isBlobSchema()) {
    if (typeof value !== 'string') throw wrongType(path, 'base64 text');
    return new Uint8Array(Buffer.from(value, 'base64'));
  }
  if (schema.isBooleanSchema() && typeof value !== 'boolean') throw wrongType(path, 'a boolean');
  if (schema.isNumericSchema() && typeof value !== 'number') throw wrongType(path, 'a number');
  if (schema.isStringSchema() && typeof value !== 'string') throw wrongType(path, 'a string');
  return value;
}

function readStruct(schema: NormalizedSchema, value: Record<string, unknown>, path: string): object {
  const left = new Set(Object.keys(value));
  const entries: [string, unknown][] = [];
  for (const [name, member] of schema.isStructSchema() ? schema.structIterator() : []) {
    left.delete(name);
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given !== undefined && given !== null) entries.push([name, read(member, given, join(path, name))]);
    else if (isRequired(schema, name))
      throw new AwsError(
        'ValidationException',
        `1 validation error detected: Value null at '${join(path, name)}' failed to satisfy constraint: Member must not be null`,
      );
  }
  // AWS passes over unknown members in silence; here they are refused, since they are always a mistake of the caller's.
  for (const name of left) throw new AwsError('ValidationException', `the member ${join(path, name)} is not known`);
  return Object.fromEntries(entries);
}

function write(schema: NormalizedSchema, value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (schema.isListSchema() && Array.isArray(value)) return value.map((item) => write(schema.getValueSchema(), item));
  if (schema.isMapSchema() && isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, write(schema.getValueSchema(), item)]));
  if (schema.isStructSchema() && isRecord(value)) {
    const entries: [string, unknown][] = [];
    for (const [name, member] of schema.structIterator())
      if (value[name] !== undefined) entries.push([name, write(member, value[name])]);
    return Object.fromEntries(entries);
  }
  return schema.isUnitSchema() ? {} : value;
}

const join = (path: string, name: string) => (path ? `${path}.${name}` : name);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const wrongType = (path: string, expected: string) =>
  new AwsError('SerializationException', `${path || 'the request'} must be ${expected}`);
