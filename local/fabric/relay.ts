import { connect, type Server, type Socket } from 'node:net';
import { inNetns, type Netns } from './netns.ts';
import { kill, spawnOwnedNode } from './process.ts';

/**
 * Makes an address in a namespace answer as `upstream` (an HTTP URL in ours) does. A child enters the namespace, listens
 * and hands the listening socket back: a socket stays in the namespace it was made in, whoever holds it.
 */
export async function relay(from: Netns, address: { ip: string; port: number }, upstream: URL): Promise<Server> {
  const where = JSON.stringify({ host: address.ip, port: address.port });
  const program = `const server = require('net').createServer().listen(${where}, () => process.send('here', server))`;
  const child = spawnOwnedNode(inNetns(from.pid), ['-e', `process.on('disconnect', process.exit); ${program}`]);
  const server = await new Promise<Server>((resolve, reject) => {
    child.once('message', (_, handle) => resolve(handle as Server));
    child.once('exit', () => reject(new Error(`cannot listen on ${address.ip}:${address.port} in a VPC`)));
  });
  // It holds the socket too, and would take connections from us.
  await kill(child);
  server.on('connection', (client: Socket) => {
    const there = connect(Number(upstream.port), upstream.hostname);
    client.pipe(there).pipe(client);
    client.on('error', () => there.destroy());
    there.on('error', () => client.destroy());
  });
  return server;
}
