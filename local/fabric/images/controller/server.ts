import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Services lead to this, as the stand-in of a router answers itself: TCP, whatever comes first is answered by a line that names
 * the router it came by (as HTTP, for curl), and what follows is echoed; UDP, echoed after that name.
 */
const PORTS = [53, 80, 443, 8443];
/** Routers by the addresses that they have as sources, see ../router/boot.sh. */
const routers = new Map<string, string>();

function routerOf(source = ''): string {
  const known = routers.get(source);
  if (known) return known;
  const list = execFileSync('/usr/bin/ziti', ['edge', 'list', 'identities', 'limit none', '--output-json'], {
    encoding: 'utf8',
  });
  for (const { name, appData } of JSON.parse(list).data) if (appData?.source) routers.set(appData.source, name);
  return routers.get(source) ?? source;
}

for (const port of PORTS) {
  createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      const line = `${routerOf(socket.remoteAddress)} answers for ${socket.localAddress}:${socket.localPort} from behind OpenZiti\n`;
      socket.write(`HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${line.length}\r\n\r\n${line}`);
      socket.pipe(socket);
    });
  }).listen(port, '0.0.0.0');
  const datagrams = createSocket('udp4');
  datagrams.on('message', (data, { address, port }) =>
    datagrams.send(Buffer.concat([Buffer.from(`${routerOf(address)} `), data]), port, address),
  );
  // An answer comes from where the question went only if that is one address.
  datagrams.bind(port, '127.0.0.1');
}
