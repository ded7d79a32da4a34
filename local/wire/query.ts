import type { AwsError } from './errors.ts';
import type { Protocol, WireRequest, WireResponse } from './protocol.ts';
import { type QueryDialect, readQuery } from './query-input.ts';
import { element, escapeXml, writeMembers } from './xml.ts';

/** https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html */
export const ec2Query: Protocol = {
  operation: action,
  read: (schema, request) => readQuery(schema, form(request), ec2Names),
  write: (schema, output, { operation, requestId }) =>
    xml(
      200,
      requestId,
      element(`${operation}Response`, element('requestId', requestId) + writeMembers(schema, output)),
    ),
  fail: (error, { requestId }) =>
    xml(
      error.status,
      requestId,
      element('Response', element('Errors', errorXml(error)) + element('RequestID', requestId)),
    ),
};

/** https://smithy.io/2.0/aws/protocols/aws-query-protocol.html */
export const awsQuery: Protocol = {
  operation: action,
  read: (schema, request) => readQuery(schema, form(request), queryNames),
  write(schema, output, { operation, requestId }) {
    const result = schema.isUnitSchema() ? '' : element(`${operation}Result`, writeMembers(schema, output));
    const metadata = element('ResponseMetadata', element('RequestId', requestId));
    return xml(200, requestId, element(`${operation}Response`, result + metadata));
  },
  fail: (error, { requestId }) =>
    xml(error.status, requestId, element('ErrorResponse', errorXml(error) + element('RequestId', requestId))),
};

const ec2Names: QueryDialect = {
  flatLists: true,
  memberName: (name, traits) => String(traits.ec2QueryName ?? capital(String(traits.xmlName ?? name))),
};
const queryNames: QueryDialect = {
  flatLists: false,
  memberName: (name, traits) => String(traits.xmlName ?? name),
};

function form(request: WireRequest): URLSearchParams {
  return new URLSearchParams(new TextDecoder().decode(request.body));
}

function action(request: WireRequest): string | undefined {
  return form(request).get('Action') ?? undefined;
}

function errorXml({ status, code, message }: AwsError): string {
  const type = element('Type', status < 500 ? 'Sender' : 'Receiver');
  return element('Error', type + element('Code', escapeXml(code)) + element('Message', escapeXml(message)));
}

function xml(status: number, requestId: string, body: string): WireResponse {
  return {
    status,
    headers: { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': requestId },
    body: `<?xml version="1.0" encoding="UTF-8"?>${body}`,
  };
}

const capital = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);
