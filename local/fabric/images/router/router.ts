import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { hostname } from 'node:os';
import { parse } from 'yaml';

interface Configuration {
  listeners: { binding: string; options: { mode: string; resolver?: string; dnsSvcIpRange?: string } }[];
}

/**
 * ziti-router, as far as a load balancer and a diverter see it: its health check, and its tunneler, which needs the diverter
 * that the `mode` of its configuration names. Without one it does as little as in mode `host`. With a `dnsSvcIpRange` it also
 * has a wildcard service: its `resolver` gives every name the first address of the range, and all of the range is answered.
 */
const [, , file = ''] = process.argv;
const { listeners } = parse(readFileSync(file, 'utf8')) as Configuration;
const options = listeners.find(({ binding }) => binding === 'tunnel')?.options;
const diverter = /^tproxy:(.+)/.exec(options?.mode ?? '')?.[1];

const health = createServer(
  { key: readFileSync('/run/health.key'), cert: readFileSync('/run/health.crt') },
  (request, response) => {
    const found = request.url === '/health-checks';
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(found ? '{"data":{"healthy":true},"meta":{}}' : '{}');
  },
);

if (diverter === undefined) {
  health.listen(8081);
} else {
  const services = [readFileSync(`${import.meta.dirname}/services`, 'utf8')];
  if (options?.dnsSvcIpRange && options.resolver) {
    services.push(`wildcard ${options.dnsSvcIpRange} tcp 1 65535\n`);
    resolveNames(new URL(options.resolver), options.dnsSvcIpRange);
  }
  writeFileSync('/run/services', services.join(''));
  const tunneler = spawn(`${import.meta.dirname}/../../build/tunneler`, [diverter, '/run/services'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  tunneler.stdout.once('data', () => health.listen(8081));
  tunneler.on('exit', (code) => process.exit(code ?? 1));
  process.on('SIGTERM', () => tunneler.kill());
}

/** In words, not in DNS's own form. As OpenZiti's, it needs an address that is the machine's, or the router does not start. */
function resolveNames({ hostname: address, port }: URL, range: string): void {
  const socket = createSocket('udp4');
  socket.on('message', (name, client) =>
    socket.send(`${hostname()} says: ${name} is ${range.replace(/\/.*/, '')}`, client.port, client.address),
  );
  socket.bind(Number(port), address);
}
