import { once } from 'node:events';
import { connect } from 'node:net';
import type { Talk } from './tenant.ts';

/** Milliseconds that an answered connection stays open before it speaks again: the others are to be there by then. */
const STAYS = 1_000;

/** A client machine runs this for `Tenant.talk`: `talk.ts ADDRESS PORT WORD OWN-PORT ...`, and tells all that it heard as JSON. */
const [, , host = '', port = '', word = '', ...ports] = process.argv;

async function talk(localPort: number): Promise<Talk> {
  const socket = connect({ host, port: Number(port), localPort });
  let heard = '';
  let more = () => {};
  socket.setEncoding('utf8').on('data', (text) => {
    heard += text;
    more();
  });
  const hears = async (what: RegExp) => {
    for (let found = what.exec(heard); ; found = what.exec(heard)) {
      if (found) return found[1] ?? '';
      await Promise.race([new Promise<void>((resolve) => (more = resolve)), once(socket, 'end').then(fail)]);
    }
  };
  const fail = () =>
    Promise.reject(new Error(`port ${localPort}: the connection ended after ${JSON.stringify(heard)}`));
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.0\r\n\r\n');
  const answer = await hears(/\r\n\r\n(.*)\n/);
  const from = Date.now();
  await new Promise((resolve) => setTimeout(resolve, STAYS));
  heard = '';
  const until = Date.now();
  socket.write(`${word}\n`);
  const echo = await hears(/^(.*)\n/);
  socket.destroy();
  return { port: localPort, answer, echo, from, until };
}

console.log(JSON.stringify(await Promise.all(ports.map(Number).map(talk))));
