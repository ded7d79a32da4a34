import { connect } from 'node:net';

/**
 * A client machine runs this, as `node talkers.ts HOST PORT LONG FRESH PAUSE`: LONG connections that are kept and over which
 * something is said and echoed every PAUSE milliseconds, and FRESH loops of new ones, each asked once. It says `ready` when the
 * first are up. Ended by SIGTERM it writes what came of them.
 */
export interface Talk {
  long: { router: string; said: number; heard: number; failed: string; failedAt: number }[];
  /** `slowest` in milliseconds, failed ones included. */
  fresh: { done: number; slowest: number; failed: { error: string; at: number }[]; seconds: number };
}

/** A connection that says nothing for so long has failed. */
const PATIENCE_MS = 3_000;

const [, , host = '', port = '', long = '1', fresh = '0', pause = '20'] = process.argv;
const began = Date.now();
const talk: Talk = { long: [], fresh: { done: 0, slowest: 0, failed: [], seconds: 0 } };
let ending = false;
let ready = false;

/** The router says first one answer that names it; what follows is echoed. */
function keep(): void {
  const one = { router: '', said: 0, heard: 0, failed: '', failedAt: 0 };
  talk.long.push(one);
  const socket = connect(Number(port), host, () => socket.write('x')).setNoDelay(true);
  const fail = (error: string) => {
    if (ending || one.failed) return;
    Object.assign(one, { failed: error, failedAt: Date.now() });
    clearInterval(timer);
  };
  const timer = setInterval(() => {
    if (!one.router || ending) return;
    socket.write('x');
    one.said += 1;
  }, Number(pause));
  socket.setTimeout(PATIENCE_MS, () => fail('timeout'));
  socket.on('error', ({ message }) => fail(message));
  socket.on('end', () => fail('closed'));
  socket.on('data', (data) => {
    if (one.router) one.heard += data.length;
    else one.router = /(\S+) answers/.exec(String(data))?.[1] ?? '?';
    if (!ready && talk.long.every(({ router }) => router)) process.stderr.write('ready');
    ready ||= talk.long.every(({ router }) => router);
  });
}

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write('x'));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('timeout')));
    socket.once('data', () => {
      socket.resetAndDestroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

async function askOn(): Promise<void> {
  while (!ending) {
    const at = Date.now();
    try {
      await ask();
      talk.fresh.done += 1;
    } catch (error) {
      if (!ending) talk.fresh.failed.push({ error: String(error), at });
    }
    if (!ending) talk.fresh.slowest = Math.max(talk.fresh.slowest, Date.now() - at);
  }
}

// The process stays until it is asked to end, whatever becomes of its connections.
setInterval(() => {}, 1000);
for (let index = 0; index < Number(long); index++) keep();
for (let index = 0; index < Number(fresh); index++) void askOn();
process.once('SIGTERM', () => {
  talk.fresh.seconds = (Date.now() - began) / 1000;
  // Packets that are still on their way may arrive.
  ending = true;
  setTimeout(() => {
    process.stdout.write(JSON.stringify(talk), () => process.exit());
  }, 500);
});
