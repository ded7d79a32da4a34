import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isSame } from '../../wire/compare.ts';
import { foreign, loopback } from '../../wire/origin.ts';

export interface PageSource {
  /** Calls the topology function, as a dashboard does for its custom widget; rejects with why there is no picture. */
  widget(event: unknown): Promise<string>;
  /** The functions have logged these lines of an id. */
  log(id: string): string[];
}

const file = (name: string) => readFileSync(new URL(name, import.meta.url));

/** Nothing of the picture may run: only the page's own script does. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";

/** Serves the picture of a running cloud, on any free port of 127.0.0.1, to who knows the address: a part of it is secret. */
export async function servePage({ widget, log }: PageSource): Promise<{ url: string; close(): Promise<void> }> {
  const secret = randomBytes(16).toString('hex');
  const own: string[] = [];
  async function answer(request: IncomingMessage): Promise<[status: number, type: string, body: string | Buffer]> {
    const why = foreign(request.headers, own, { page: true });
    if (why) return [403, 'text/plain', `Refused: ${why}.`];
    const [path = '', query] = (request.url ?? '').split('?');
    const [, given = '', ...rest] = path.split('/');
    if (!isSame(given, secret)) return [403, 'text/plain', 'Open the whole address that the demo has said.'];
    switch (`${request.method} /${rest.join('/')}`) {
      case 'GET /':
        return [200, 'text/html', file('index.html')];
      case 'GET /page.js':
        return [200, 'text/javascript', file('page.js')];
      case 'POST /widget':
        return [200, 'text/html', await widget(JSON.parse(await body(request)))];
      case 'GET /log':
        return [
          200,
          'text/plain',
          log(new URLSearchParams(query).get('of') ?? '').join('\n') || 'The log says nothing of it.',
        ];
      default:
        return [404, 'text/plain', 'There is no such page.'];
    }
  }

  const server = createServer(async (request, response) => {
    const [status, type, content] = await answer(request).catch((error: unknown) => [500, 'text/plain', String(error)]);
    response.writeHead(Number(status), {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': POLICY,
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    response.end(content);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  own.push(...loopback(port));
  return {
    url: `http://127.0.0.1:${port}/${secret}/`,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
