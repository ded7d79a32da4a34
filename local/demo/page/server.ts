import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PageSource {
  /** Calls the topology function, as a dashboard does for its custom widget; rejects with why there is no picture. */
  widget(event: unknown): Promise<string>;
  /** What the functions have logged of an id, a line each. */
  log(id: string): string[];
}

const file = (name: string) => readFileSync(new URL(name, import.meta.url));

/** Nothing of the picture may run: only the page's own script does. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'";

/** Serves the picture of a running cloud, on any free port of 127.0.0.1. */
export async function servePage({ widget, log }: PageSource): Promise<{ url: string; close(): Promise<void> }> {
  async function answer(request: IncomingMessage): Promise<[status: number, type: string, body: string | Buffer]> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://page');
    switch (`${request.method} ${pathname}`) {
      case 'GET /':
        return [200, 'text/html', file('index.html')];
      case 'GET /page.js':
        return [200, 'text/javascript', file('page.js')];
      case 'POST /widget':
        return [200, 'text/html', await widget(JSON.parse(await body(request)))];
      case 'GET /log':
        return [200, 'text/plain', log(searchParams.get('of') ?? '').join('\n') || 'The log says nothing of it.'];
      default:
        return [404, 'text/plain', 'There is no such page.'];
    }
  }

  const server = createServer(async (request, response) => {
    const [status, type, content] = await answer(request).catch((error: unknown) => [500, 'text/plain', String(error)]);
    response.writeHead(Number(status), { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': POLICY });
    response.end(content);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
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
