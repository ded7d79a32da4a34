import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeKernel } from '../support/kernel.ts';
import {
  diverterPath,
  interceptArguments,
  type Router,
  type Rule,
  removeArguments,
  type Started,
  startRouter,
} from './router.ts';

/** ziti-router's health check answers with `answer` of the file /run/answer, over TLS, a second late where it is empty. */
const web = `
const fs = require('fs');
const [key, cert] = [fs.readFileSync('/run/key'), fs.readFileSync('/run/certificate')];
require('https')
  .createServer({ key, cert }, (request, response) => {
    const answer = fs.readFileSync('/run/answer');
    console.log(request.url);
    setTimeout(() => response.end(answer), answer.length ? 0 : 2000);
  })
  .listen(8081, '127.0.0.1', () => console.log('ready'));
`;

describeKernel('health', () => {
  let router: Router;
  beforeEach(async () => {
    router = await startRouter();
  });
  afterEach(async () => {
    await router.stopAll();
    await router.close();
  });

  const rule: Rule = { destination: '100.64.0.0/10', protocol: 'udp', ports: [5000, 5000], listener: 40001 };
  const resolver: Rule = { ...rule, ports: [53, 53], listener: 0, service: 'resolver' };
  const NO_SERVICE = 'attached, but no service is announced: is ziti-router running, and has it services?';
  const WELL = 'attached, and every listener is there';
  const UNHEALTHY = 'ziti-router says that it is not healthy: it has not reached its controller yet, or lost it';

  const attach = (): string => router.diverts('attach', 'eth0', '--from', 'any');
  const shell = (script: string) => router.exec(['sh', '-ec', script]);
  const said = (...options: string[]): [number | null, string] => {
    const { code, stdout } = router.diverter('health', ...options);
    return [code, stdout.trim()];
  };
  const ask = (): string => shell("curl -s -w '%{http_code}' http://127.0.0.1:8090/").stdout;
  /** Anybody may ask, and hears no more than the status. */
  const IN = 'healthy\n200';
  const OUT = 'unhealthy\n503';
  const listen = async (): Promise<Started> => {
    const listener = router.start(['listen', 'udp', '127.0.0.1', '40001']);
    await listener.line(/ready/);
    return listener;
  };
  async function serve(...options: string[]): Promise<void> {
    router.background([diverterPath, 'health', '--port', '8090', ...options]);
    while (ask() === '000') await sleep(5);
  }
  async function zitiRouter(): Promise<Started> {
    shell('openssl req -x509 -nodes -newkey rsa:2048 -subj /CN=router -keyout /run/key -out /run/certificate 2>&1');
    const started = router.background([process.execPath, '-e', web]);
    await started.line(/ready/);
    return started;
  }
  const routerSays = (healthy: string): void =>
    void shell(`echo '{"data":{"healthy":${healthy}},"meta":{}}' >/run/answer`);
  /** The rules have come to rest by then, and some more. */
  const rest = (): Promise<void> => sleep(1100);

  test('by exit code and over HTTP, without more being asked', async () => {
    await serve();
    expect(ask()).toBe(OUT);
    expect(said()).toEqual([1, 'not attached to any interface']);
    attach();
    expect(ask()).toBe(OUT);
    expect(said()).toEqual([2, NO_SERVICE]);
    router.intercept(resolver);
    expect(said()).toEqual([0, 'attached, and no rule needs a listener']);
    router.intercept(rule);
    const gone = '1 listener of services is gone, among them port 40001 of service service';
    expect(ask()).toBe(OUT);
    expect(said()).toEqual([1, gone]);
    router.intercept({ ...rule, ports: [1, 1], listener: 40002, service: 'other' });
    expect(said()[1]).toMatch(/^2 listeners of services are gone, among them port /);
    router.diverts(...removeArguments({ ...rule, ports: [1, 1] }));
    await listen();
    expect(said()).toEqual([0, WELL]);
    await rest();
    expect(ask()).toBe(IN);
    // OpenZiti listens on IPv4's address for IPv6 as well.
    router.intercept({ ...rule, destination: '2001:db8:2::1/128' });
    expect(ask()).toBe(IN);
  });

  test('many who connect and do not ask keep nobody waiting', async () => {
    attach();
    router.intercept(resolver);
    await serve();
    await rest();
    const silent = 'for fd in $(seq 10 89); do eval "exec $fd<>/dev/tcp/127.0.0.1/8090"; done';
    const besides = router.exec(['bash', '-c', `${silent}; curl -s -m 1 -w ' %{http_code}' http://127.0.0.1:8090/`]);
    expect(besides.stdout).toMatch(/200$/);
  });

  test('a look that cannot be had is no health, and the next one is asked as well', async () => {
    attach();
    await serve('--idle');
    await rest();
    expect(ask()).toBe(IN);
    for (const [mode, answer] of [
      ['o+w', OUT],
      ['o-w', IN],
    ] as const) {
      shell(`chmod ${mode} /sys/fs/bpf/ziti-glb/counters`);
      expect(ask()).toBe(answer);
    }
  });

  test('it goes into service when its rules have come to rest, and not out of it when another comes', async () => {
    attach();
    await serve();
    await listen();
    for (let port = 1; port < 5; port += 1, await sleep(400)) {
      router.intercept({ ...rule, ports: [port, port] });
      expect(ask()).toBe(OUT);
    }
    await rest();
    expect(ask()).toBe(IN);
    router.intercept(rule);
    expect(ask()).toBe(IN);
  });

  test('--router: into service only once ziti-router is healthy, out of it only by what is here', async () => {
    attach();
    const asked = await zitiRouter();
    routerSays('false');
    await serve('--router', '8081');
    const listener = await listen();
    expect(ask()).toBe(OUT);
    router.intercept(rule);
    await rest();
    expect(ask()).toBe(OUT);
    expect(await asked.line()).toBe('/health-checks?type=short');
    expect(said('--router', '8081')).toEqual([1, UNHEALTHY]);
    routerSays('true');
    expect(ask()).toBe(IN);
    expect(said('--router', '8081')).toEqual([0, WELL]);

    // The router's controller is away: new flows fail at every router alike, open ones go on.
    routerSays('false');
    expect(ask()).toBe(IN);
    await asked.stop();
    expect(ask()).toBe(IN);

    await listener.stop();
    expect(ask()).toBe(OUT);
    await listen();
    expect(ask()).toBe(OUT);
    expect(said('--router', '8081')[1]).toMatch(/^ziti-router does not answer /);
  });

  const attachment = ['attach', 'eth0', '--from', 'any'];
  test.each([
    ['detached for a moment', ['detach'], attachment],
    ['without any service for a moment', removeArguments(resolver), interceptArguments(resolver)],
    ['started again between two checks, with a resolver', ['flush'], interceptArguments(resolver)],
  ])('--router: %s it starts over', async (name, first, second) => {
    attach();
    await zitiRouter();
    routerSays('true');
    await serve('--router', '8081');
    router.intercept(resolver);
    await rest();
    expect(ask()).toBe(IN);
    routerSays('false');
    expect(ask()).toBe(IN);
    router.diverts(...first);
    if (name.endsWith('for a moment')) expect(ask()).toBe(OUT);
    router.diverts(...second);
    await rest();
    expect(ask()).toBe(OUT);
    routerSays('true');
    expect(ask()).toBe(IN);
  });

  test('--idle: no service is as it should be, once ziti-router is healthy', async () => {
    attach();
    expect(said('--idle')).toEqual([0, NO_SERVICE]);
    await zitiRouter();
    routerSays('false');
    await serve('--idle', '--router', '8081');
    expect(ask()).toBe(OUT);
    expect(said('--router', '8081', '--idle')).toEqual([1, UNHEALTHY]);
    routerSays('true');
    expect(ask()).toBe(IN);
    // The router has no flow to lose.
    routerSays('false');
    expect(ask()).toBe(OUT);
    router.diverts('detach');
    expect(ask()).toBe(OUT);
    expect(said('--idle')).toEqual([1, 'not attached to any interface']);
  });

  test('--router: what keeps it from an answer is said', async () => {
    attach();
    router.intercept(resolver);
    const why = (): string => {
      const [code, text] = said('--router', '8081');
      expect(code).toBe(1);
      return text;
    };
    expect(why()).toMatch(
      /^ziti-router does not answer at https:\/\/127.0.0.1:8081\/health-checks \(curl's exit code is 7\)/,
    );
    await zitiRouter();
    shell(': >/run/answer');
    expect(why()).toMatch(/does not answer at .* \(curl's exit code is 28\)/);
    shell('echo "<html>" >/run/answer');
    expect(why()).toMatch(/does not say whether it is healthy: is it ziti-router\?$/);
    shell(`echo '{"data":{"checks":[{"healthy": true},{"healthy": false}]}}' >/run/answer`);
    expect(why()).toBe(UNHEALTHY);
    shell(`echo '{"data":{"healthy": true}}' >/run/answer`);
    expect(said('--router', '8081')[0]).toBe(0);
    shell('mkdir /run/home; echo output=/dev/null >/run/home/.curlrc');
    expect(router.exec(['env', 'HOME=/run/home', diverterPath, 'health', '--router', '8081']).code).toBe(0);
    const { stdout } = router.exec(['env', 'PATH=/nowhere', diverterPath, 'health', '--router', '8081']);
    expect(stdout).toBe('cannot ask ziti-router, for curl does not run here: `apt-get install curl`\n');
  });

  test.each([
    [['--port', '0'], /^diverter: health --port 0: not a port$/m],
    [['--router', '8081a'], /^diverter: health --router 8081a: not a port$/m],
    [['--idle', '--router'], /^diverter: health --router: its value is missing/],
    [['--idel'], /^diverter: health --idel: no such option/],
  ])('refuses %j', (options, sentence) => {
    expect(router.diverter('health', ...options)).toMatchObject({ code: 1, stderr: expect.stringMatching(sentence) });
  });

  test('a port that is taken', async () => {
    await serve();
    expect(router.diverter('health', '--port', '8090').stderr).toMatch(/cannot listen there/);
  });
});
