import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { HealthCheck } from '../../../local/fabric/fabric.ts';
import { type NamespaceFabric, namespaceFabric } from '../../../local/fabric/namespaces.ts';
import { divert } from '../../support/divert.ts';
import { describeKernel } from '../../support/kernel.ts';
import { talking } from '../../support/talking.ts';
import { type Choices, ENDPOINT, IMAGES, NODE, ROUTERS, topology, VPC } from './topology.ts';

const HEALTH: HealthCheck = { protocol: 'HTTPS', ip: ROUTERS[0], port: 8081, path: '/health-checks', timeout: 1000 };
const TO_ENDPOINT = { '10.20.0.0/16': { kind: 'endpoint', id: ENDPOINT } } as const;
const SERVICE = '10.20.0.5';

describeKernel('the fabric of namespaces', () => {
  let fabric: NamespaceFabric;
  let upstream: Server;

  beforeAll(async () => {
    upstream = createServer((request, response) => response.end(`object ${request.url}`));
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const address = upstream.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const services = { ip: '169.254.169.254', port: 4566, upstream: `http://127.0.0.1:${port}` };
    fabric = await namespaceFabric({ images: IMAGES, services });
    await fabric.sync(topology({ clients: 2 }));
  });
  afterAll(async () => {
    await fabric.close();
    upstream.close();
  });

  const sync = (choices: Choices) => fabric.sync(topology({ clients: 2, ...choices }));
  const shell = async (instance: string, command: string) => {
    const { stdout } = await fabric.exec(instance, ['bash', '-c', command], { timeout: 20_000 });
    return stdout.trim();
  };
  /** Resolves to an answer; a busy machine may take its time for it. */
  const fetchFrom = (client: string, url: string, seconds = 10) =>
    shell(client, `curl -s -m ${seconds} ${url} || echo cut off`);
  const isCutOff = async (client: string, url: string) => (await fetchFrom(client, url, 0.5)) === 'cut off';
  const datagram = (client: string, to: string, text: string) =>
    shell(client, `exec 3<>/dev/udp/${to}/53; echo ${text} >&3; timeout 10 head -1 <&3 || echo cut off`);

  describe('an instance', () => {
    test('is a machine of its own: name, processes, files, bpffs', async () => {
      await shell('i-client-1', 'touch /etc/mine /sys/fs/bpf; mkdir /sys/fs/bpf/mine');
      expect(await shell('i-client-1', 'hostname; cat /proc/1/comm; ls -d /etc/mine /sys/fs/bpf/mine')).toBe(
        'client-1\ninstance.sh\n/etc/mine\n/sys/fs/bpf/mine',
      );
      expect(await shell('i-client-2', 'hostname; ls /etc/mine /sys/fs/bpf/mine')).toBe('client-2');
    });

    test('has no disk, makes none, and writes nothing into the files of the host', async () => {
      expect((await shell('i-client-1', 'ls /dev')).split('\n')).toEqual([
        'fd',
        'full',
        'null',
        'ptmx',
        'pts',
        'random',
        'shm',
        'stderr',
        'stdin',
        'stdout',
        'tty',
        'urandom',
        'zero',
      ]);
      expect(await shell('i-client-1', 'echo said >/dev/null; head -c 2 /dev/zero | od -An -tx1; ls /dev/fd/0')).toBe(
        '00 00\n/dev/fd/0',
      );
      const made = 'mknod $0/made c 1 5 && head -c 1 $0/made 2>&1';
      for (const folder of ['/root', '/dev', '/dev/shm', '/run'])
        expect(await shell('i-client-1', made.replaceAll('$0', folder))).toMatch(/Permission denied/);
      await shell('i-client-1', 'touch /etc/of-an-instance /usr/bin/of-an-instance');
      expect(existsSync('/etc/of-an-instance') || existsSync('/usr/bin/of-an-instance')).toBe(false);
    });

    test('has the addresses of its interfaces, at AWS sizes', async () => {
      expect(await shell('i-client-1', 'ip -o -4 address show ens5; ip link show ens5; ip route')).toMatch(
        /10\.0\.1\.10\/24 .* mtu 9001 .*default via 10\.0\.1\.1 dev ens5/s,
      );
    });

    test('runs programs with stdin, an exit code, and until a timeout', async () => {
      expect(await fabric.exec('i-client-1', ['sh', '-c', 'cat; echo bad >&2; exit 3'], { stdin: 'good' })).toEqual({
        code: 3,
        stdout: 'good',
        stderr: 'bad\n',
      });
      const stuck = await fabric.exec('i-client-1', ['sh', '-c', 'echo before; sleep 54321; echo after'], {
        timeout: 200,
      });
      expect(stuck).toEqual({ code: null, stdout: 'before\n', stderr: '' });
      expect(await shell('i-client-1', 'pgrep -f "sleep [5]4321" || echo none')).toBe('none');
    });

    test('may leave a program running', async () => {
      expect(await shell('i-client-1', 'sleep 100 & echo started')).toBe('started');
      expect(await shell('i-client-1', 'pkill -f "sleep 10[0]" && echo was there')).toBe('was there');
    });

    test('reaches what AWS serves at a link-local address', async () => {
      expect(await fetchFrom('i-client-1', 'http://169.254.169.254:4566/bucket/key')).toBe('object /bucket/key');
    });
  });

  describe('the whole road, with the diverter', () => {
    beforeAll(() => Promise.all(['i-router-1', 'i-router-2'].map((router) => divert(fabric, router, 2))));

    test('a client without the route is not answered', async () => {
      await sync({});
      expect(await isCutOff('i-client-1', `http://${SERVICE}/`)).toBe(true);
    });

    test('the route brings TCP and UDP to a router, and its answer straight back', async () => {
      await sync({ routes: TO_ENDPOINT, states: ['healthy', undefined] });
      expect(await fetchFrom('i-client-1', `http://${SERVICE}/`)).toMatch(
        /^router-1 answers for 10\.20\.0\.5:80 to 10\.0\.1\.10:\d+$/,
      );
      expect(await datagram('i-client-1', SERVICE, 'hello')).toBe('router-1 hello');
      expect(await fabric.nodeStats(NODE)).toMatchObject({ returned: 0 });
    });

    test('another subnet keeps its own table', async () => {
      expect(await isCutOff('i-client-2', `http://${SERVICE}/`)).toBe(true);
    });

    test('new connections go to the other router when one is unhealthy', async () => {
      await sync({ routes: TO_ENDPOINT, states: ['unhealthy', 'healthy'] });
      expect(await fetchFrom('i-client-1', `http://${SERVICE}/`)).toMatch(/^router-2 /);
      expect(await datagram('i-client-1', SERVICE, 'hello')).toBe('router-2 hello');
    });

    test('the source/destination check drops the answer, whose source is the service', async () => {
      await sync({ routes: TO_ENDPOINT, sourceDestCheck: true });
      expect(await isCutOff('i-client-1', `http://${SERVICE}/`)).toBe(true);
      await sync({ routes: TO_ENDPOINT });
      expect(await fetchFrom('i-client-1', `http://${SERVICE}/`)).toMatch(/^router-/);
    });

    test.each<[string, Choices['states'], Choices['flows']]>([
      ['is unhealthy', ['unhealthy', 'healthy'], { resetUnhealthy: true }],
      ['has drained and gone', [undefined, 'healthy'], { resetDeregistered: true }],
    ])('a connection is reset when its router %s, and can be made again at once', async (_, states, flows) => {
      await sync({ routes: TO_ENDPOINT, states: ['healthy', undefined], flows });
      const end = await talking(fabric, 'i-client-1', [SERVICE, 80]);
      await sync({ routes: TO_ENDPOINT, states, flows });
      // The answer comes within the second after which a SYN would be sent again.
      expect(await fetchFrom('i-client-1', `http://${SERVICE}/`, 0.9)).toMatch(/^router-2 /);
      const { long } = await end();
      expect(long).toMatchObject([{ router: 'router-1', failed: 'read ECONNRESET' }]);
    });

    test('a connection outlives changes to other routes and targets, and the loss of its route cuts it off', async () => {
      await sync({ routes: TO_ENDPOINT, states: ['healthy', undefined] });
      const talk = `exec 3<>/dev/tcp/${SERVICE}/443; say() { echo $1 >&3; timeout 3 head -1 <&3 && touch /run/$1; }
        say open; timeout 0.2 cat <&3 >/dev/null; echo ready >/run/talk; while read -r word; do say $word || echo cut off; done </run/words`;
      await shell('i-client-1', 'mkfifo /run/words');
      const talking = fabric.exec('i-client-1', ['bash', '-c', talk], { timeout: 60_000 });
      await shell(
        'i-client-1',
        'exec 4>/run/words; while ! [ -e /run/talk ]; do sleep 0.05; done; echo one >&4; sleep 100 >&4 &',
      );
      await sync({ routes: { ...TO_ENDPOINT, '10.30.0.0/16': { kind: 'endpoint', id: ENDPOINT } } });
      await shell('i-client-1', 'echo two >/run/words; until [ -e /run/two ]; do sleep 0.05; done');
      await sync({});
      await shell('i-client-1', 'echo three >/run/words; pkill -f "sleep 10[0]"');
      expect((await talking).stdout).toBe('HTTP/1.0 200 OK\r\none\ntwo\ncut off\n');
    });

    test('TCP that was idle for too long is dropped', async () => {
      await sync({ routes: TO_ENDPOINT, flows: { tcpIdle: 200 } });
      const before = await fabric.nodeStats(NODE);
      const late = `exec 3<>/dev/tcp/${SERVICE}/443; sleep 0.5; echo late >&3; timeout 0.4 head -1 <&3 || echo cut off`;
      expect(await shell('i-client-1', late)).toBe('cut off');
      const after = await fabric.nodeStats(NODE);
      expect(after.drop_no_flow).toBeGreaterThan(before.drop_no_flow ?? 0);
    });

    test('a route to a router’s interface needs its check off', async () => {
      const routes = { '100.64.0.0/13': { kind: 'interface', id: 'eni-router-2' } } as const;
      await shell('i-router-2', 'ip address add 100.64.0.9/32 dev lo');
      await sync({ routes, sourceDestCheck: true });
      expect(await isCutOff('i-client-1', 'https://100.64.0.9:8081/health-checks -k')).toBe(true);
      await sync({ routes });
      expect(await fetchFrom('i-client-1', 'https://100.64.0.9:8081/health-checks -k')).toMatch(/"healthy": /);
    });

    test.each([
      ['healthy', HEALTH, { healthy: true }],
      ['healthy by TCP', { ...HEALTH, protocol: 'TCP' as const }, { healthy: true }],
      [
        'a code that is not wanted',
        { ...HEALTH, matcher: '204' },
        { healthy: false, reason: 'Target.ResponseCodeMismatch' },
      ],
      ['a code that is', { ...HEALTH, path: '/', matcher: '200,400-404' }, { healthy: true }],
      ['no TLS', { ...HEALTH, port: 8082 }, { healthy: false, reason: 'Target.FailedHealthChecks' }],
      ['nobody', { ...HEALTH, ip: '10.0.9.99', timeout: 200 }, { healthy: false, reason: 'Target.Timeout' }],
    ])('a health check meets %s', async (_, check, result) => {
      expect(await fabric.probe(NODE, check)).toEqual(result);
    });

    test('a route changes under machines that go on', async () => {
      const machine = () => shell('i-client-1', "readlink /proc/1/ns/*; cut -d ' ' -f 22 /proc/1/stat");
      const before = await machine();
      for (const routes of [TO_ENDPOINT, {}, TO_ENDPOINT]) await sync({ routes });
      expect(before).toMatch(/^cgroup:\[\d+\]\n(.*\n)+\d+$/);
      expect(await machine()).toBe(before);
    });

    test('a crashed router answers nothing, in silence, and stays down; its interface still has its routes', async () => {
      await fabric.crash('i-router-1');
      expect(await fabric.probe(NODE, { ...HEALTH, timeout: 300 })).toEqual({
        healthy: false,
        reason: 'Target.Timeout',
      });
      await expect(fabric.exec('i-router-1', ['true'])).rejects.toThrow('not up');
      await sync({ routes: TO_ENDPOINT, states: ['unhealthy', 'healthy'] });
      expect(await fetchFrom('i-client-1', `http://${SERVICE}/`)).toMatch(/^router-2 /);
      const network = topology({ clients: 2, routes: TO_ENDPOINT, states: [undefined, 'healthy'] });
      network.instances = network.instances.filter(({ id }) => id !== 'i-router-1');
      network.interfaces = network.interfaces.filter(({ id }) => id !== 'eni-router-1');
      await fabric.sync(network);
      expect(await fetchFrom('i-client-1', `http://${SERVICE}/`)).toMatch(/^router-2 /);
      await expect(fabric.exec('i-router-1', ['true'])).rejects.toThrow('i-router-1');
      expect(fabric.enterVpc(VPC)).toEqual(['nsenter', '--target', expect.stringMatching(/^\d+$/), '--net']);
    });
  });
});
