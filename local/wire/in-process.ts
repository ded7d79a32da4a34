import { Readable } from 'node:stream';
import { buildQueryString, type HttpRequest, HttpResponse } from '@smithy/core/protocols';
import type { Wire } from './wire.ts';

/**
 * A `requestHandler` for SDK clients that hands each request to `wire` without a socket:
 * `new EC2Client({ requestHandler: inProcess(wire), region, credentials })`.
 */
export function inProcess(wire: Wire, { byValue = false } = {}) {
  return {
    async handle(request: HttpRequest): Promise<{ response: HttpResponse & { value?: unknown } }> {
      const query = buildQueryString(request.query);
      const answer = await wire({
        method: request.method,
        url: query ? `${request.path}?${query}` : request.path,
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
        ),
        body: await bytes(request.body),
        byValue,
      });
      const response = new HttpResponse({
        statusCode: answer.status,
        headers: { ...answer.headers },
        body: Readable.from([Buffer.from(answer.body)]),
      });
      return { response: Object.assign(response, 'value' in answer && { value: answer.value }) };
    },
  };
}

async function bytes(body: unknown): Promise<Uint8Array> {
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Readable) return Buffer.concat(await body.toArray());
  return ArrayBuffer.isView(body) ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength) : new Uint8Array();
}
