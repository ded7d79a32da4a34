import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { parse } from 'yaml';

interface Configuration {
  identity: { cert: string; key: string };
  listeners: { binding: string; options: { mode: string; resolver?: string; dnsSvcIpRange?: string } }[];
  web?: { name: string; bindPoints: { interface: string }[] }[];
}

/**
 * Stands in for `ziti router run`, as far as a load balancer and a diverter see it: its health check, if its configuration has one,
 * and its tunneler, which needs the diverter that the `mode` names. Without one it does as little as in mode `host`.
 */
const [, , file = ''] = process.argv;
const { identity, listeners, web } = parse(readFileSync(file, 'utf8')) as Configuration;
const options = listeners.find(({ binding }) => binding === 'tunnel')?.options;
const diverter = /^tproxy:(.+)/.exec(options?.mode ?? '')?.[1];

/** Its controller is away while this file is there. What the controller tells it stands in the other. */
const AWAY = '/run/controller-away';
const SERVICES = '/run/services';

/** Milliseconds until a controller has answered, first asked, and between the checks of that: OpenZiti's 3, 15 and 30 s, ten times as fast. */
const ANSWERS = 300;
const FIRST_CHECK = 1_500;
const CHECKS = 3_000;

let pinged = false;
const ping = () => {
  pinged = !existsSync(AWAY);
};
setTimeout(() => {
  ping();
  setInterval(ping, CHECKS);
}, FIRST_CHECK);

// Whatever is asked for: 200, whatever the body says. It tells that the process lives.
const health = createServer({ key: readFileSync(identity.key), cert: readFileSync(identity.cert) }, (_, response) => {
  const checks = [
    { healthy: pinged, id: 'controllerPing' },
    { healthy: true, id: 'link.health' },
  ];
  response.setHeader('content-type', 'application/json');
  response.end(`${JSON.stringify({ data: { checks, healthy: pinged }, meta: {} }, undefined, 4)}\n`);
});
const [address = '', port] = web?.[0]?.bindPoints[0]?.interface.split(':') ?? [];
if (port) health.listen(Number(port), address);

let tunneler: ChildProcess | undefined;
process.on('SIGTERM', () => {
  if (tunneler) tunneler.kill();
  else process.exit();
});
if (diverter) setTimeout(tunnel, ANSWERS, diverter);
else setInterval(() => {}, CHECKS);

/** Nothing of it is there before a controller has answered: no resolver, no call of the diverter. */
function tunnel(path: string): void {
  if (existsSync(AWAY)) {
    setTimeout(tunnel, ANSWERS, path);
    return;
  }
  const { hostname, port: resolverPort } = new URL(options?.resolver ?? 'udp://127.0.0.1:53');
  const argv = [path, SERVICES, AWAY, hostname, resolverPort, options?.dnsSvcIpRange ?? '100.64.0.1/10'];
  tunneler = spawn(`${import.meta.dirname}/../../build/tunneler`, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  tunneler.on('exit', (code) => process.exit(code ?? 1));
}
