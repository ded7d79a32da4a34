import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import { ConnectionLost } from './errors.ts';
import { foreign, loopback } from './origin.ts';
import type { Wire } from './wire.ts';

export interface Server {
  /** `AWS_ENDPOINT_URL` is to be set to this. */
  url: string;
  close(): Promise<void>;
}

/**
 * Serves a wire over HTTP.
 * @param port 0 for any free one
 * @param names by which clients ask for it beside those of loopback, each as `Host` has it
 * @throws Error that says who to ask, if the port is taken
 */
export async function serve(
  wire: Wire,
  { host = '127.0.0.1', port = 0, names = [] as readonly string[] } = {},
): Promise<Server> {
  const own = [...names];
  const server = createServer((request, response) => {
    const why = foreign(request.headers, own);
    if (why) {
      response.writeHead(403, { 'content-type': 'text/plain' }).end(`Refused: ${why}.\n`);
      return;
    }
    answer(wire, request, response).catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) console.error('the cloud in a box could not answer:', error);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  own.unshift(...loopback(bound));
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}`,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE')
    return new Error(
      `port ${port} on ${host} is in use: is another cloud in a box running? See which with \`ss -ltnp 'sport = :${port}'\``,
      { cause: error },
    );
  return new Error(`the cloud in a box cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
}

/** Bytes. Whoever may reach the port may send before a signature is looked at; packages of the diverter have a few MiB. */
const LARGEST = 32 * 1024 ** 2;

async function answer(wire: Wire, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Uint8Array[] = [];
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > LARGEST) {
    response.writeHead(413, { 'content-type': 'text/plain', connection: 'close' });
    response.end(`Refused: ${announced} bytes are more than the ${LARGEST} that are taken.\n`);
    return;
  }
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST) throw new ConnectionLost();
    chunks.push(chunk);
  }
  const { method = 'GET', url = '/' } = request;
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const answered = await wire({ method, url, headers, body: Buffer.concat(chunks) });
  response.writeHead(answered.status, { ...answered.headers, 'content-length': Buffer.byteLength(answered.body) });
  response.end(method === 'HEAD' ? undefined : answered.body);
}
