import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRouters } from '../../support/describe-routers.ts';
import { CLIENT, CONFIG, ROUTER, type RouterUnderTest } from '../../support/router-under-test.ts';
import { talking } from '../../support/talking.ts';

const HEALTHY = 'attached, and every listener is there';
const DEFAULTS = 2;

describeRouters('a router', (open, away) => {
  let router: RouterUnderTest;
  beforeAll(async () => {
    router = await open();
    // The load balancer carries nothing that is larger.
    await shell(CLIENT, 'ip route replace default via 10.0.1.1 dev ens5 mtu 8500');
  });
  afterAll(async () => {
    await router?.fabric.close();
  });

  const shell = (instance: string, command: string) => router.shell(instance, command);
  const ask = (host: string, port = 80) =>
    shell(CLIENT, `curl -s -m 2 http://${host}:${port}/ || echo "cut off, curl ended with $?"`);
  /** The client connects, says nothing, and waits for the end. */
  const connect = (host: string, port: number) =>
    shell(
      CLIENT,
      `exec 3<>/dev/tcp/${host}/${port} && echo connected; timeout 8 cat <&3; [ $? = 124 ] && echo kept || echo ended`,
    );
  /** One socket sends datagrams, each of this size to this destination. Resolves to the lengths and sources of what comes back. */
  const datagrams = async (port: number, sent: [size: number, to: string][], wait = 1000) => {
    const program = `
      const socket = require('dgram').createSocket('udp4'), seen = [];
      socket.on('message', ({ length }, { address }) => seen.push([length, address]));
      socket.bind(0, () => {
        for (const [size, to] of ${JSON.stringify(sent)}) socket.send(Buffer.alloc(size, 'x'), ${port}, to);
        setTimeout(() => { console.log(JSON.stringify(seen)); process.exit(); }, ${wait});
      });`;
    const { stdout } = await router.fabric.exec(CLIENT, [process.execPath, '-e', program], { timeout: 30_000 });
    return JSON.parse(stdout) as [length: number, from: string][];
  };
  const health = () => shell(ROUTER, 'diverter health');
  const checks = async (path = 'health-checks?type=short') => {
    const said = await shell(ROUTER, `curl -sk -w '%{http_code}' https://127.0.0.1:8081/${path}`);
    return { code: said.slice(-3), healthy: JSON.parse(said.slice(0, -3)).data.healthy };
  };
  const until = async (what: string, seen: () => Promise<boolean>, ms = 15_000) => {
    for (const end = Date.now() + ms; !(await seen()); await sleep(200))
      if (Date.now() > end) throw new Error(`waited ${ms / 1000} s for ${what}, in vain`);
  };
  const addresses = () => shell(ROUTER, "ip -o -4 address show dev lo | awk '{ print $4 }'");
  const mainPid = () => shell(ROUTER, 'systemctl show -p MainPID --value ziti-router');
  const statusOf = async (field: string) =>
    (await shell(ROUTER, `grep ^${field}: /proc/${await mainPid()}/status`)).split(/\s+/)[1];

  test('serves TCP and UDP, also below port 1024', async () => {
    await until('an answer', async () => (await ask('10.20.0.5')).startsWith('router-1 answers for 10.20.0.5:80'));
    expect(await datagrams(53, [[1, '10.20.0.9']])).toEqual([['router-1 x'.length, '10.20.0.9']]);
    expect(await health()).toBe(HEALTHY);
  });

  test('calls the diverter with -V, then once for each rule, with an id for a name', async () => {
    await shell(ROUTER, 'systemctl stop ziti-router');
    await router.forget();
    await router.restart(DEFAULTS);
    const [first, ...rest] = await router.calls();
    expect(first).toBe('-V');
    const rule = (protocol: string) =>
      expect.stringMatching(
        new RegExp(`^-I -c 10.20.0.0 -m 16 -p ${protocol} -o 0.0.0.0 -n 0 -l 1 -h 65535 -t \\d+ -s \\w{20,22}$`),
      );
    expect(rest.sort()).toEqual([rule('tcp'), rule('udp')]);
  });

  test('has its addresses on lo, the whole range of names with them, and takes all back when it is stopped', async () => {
    expect((await addresses()).split('\n').sort()).toEqual(['10.20.0.0/16', '100.64.0.1/10', '127.0.0.1/8']);
    await router.forget();
    await shell(ROUTER, 'systemctl stop ziti-router');
    expect((await router.calls()).map((call) => call.replace(/(-p )\w+/, '$1any'))).toEqual(
      Array(DEFAULTS).fill('-D -c 10.20.0.0 -m 16 -p any -o 0.0.0.0 -n 0 -l 1 -h 65535'),
    );
    expect(await addresses()).not.toMatch(/^10\./m);
    expect(await shell(ROUTER, 'diverter services')).toBe('');
    await router.restart(DEFAULTS);
  });

  test('answers its health check on any path, whatever it says', async () => {
    await until('a ping of the controller', async () => (await checks()).healthy, 60_000);
    expect(await checks('nothing')).toEqual({ code: '200', healthy: true });
  });

  test('gives a name an address of the range when it is first asked for, and calls the diverter then', async () => {
    await router.forget();
    expect(await router.resolve('db.example')).toBe('100.64.0.2');
    expect(await router.resolve('db.example')).toBe('100.64.0.2');
    expect(await router.calls()).toEqual([
      expect.stringMatching(/^-I -c 100.64.0.2 -m 32 -p tcp -o 0.0.0.0 -n 0 -l 1 -h 65535 -t \d+ -s/),
    ]);
    expect(await ask('100.64.0.2')).toMatch(/^router-1 answers for /);
  });

  test('accepts first, and asks then: a connection to what nobody serves ends at once', async () => {
    await router.declare('nobody 10.21.0.9/32 tcp 80 80 unserved', DEFAULTS + 2);
    expect(await connect('10.21.0.9', 80)).toBe('connected\nended');
    expect(await ask('10.20.0.5')).toMatch(/^router-1 answers/);
    await router.remove('nobody');
    await router.rules(DEFAULTS + 1);
  });

  test('takes an address off lo with the first service that goes, and the other is served on', async () => {
    await router.declare('one 10.21.0.1/32 tcp 443 443\ntwo 10.21.0.1/32 tcp 8443 8443', DEFAULTS + 3);
    await until('an answer', async () => (await ask('10.21.0.1', 8443)).startsWith('router-1'));
    expect(await addresses()).toContain('10.21.0.1/32');
    const end = await talking(router.fabric, CLIENT, ['10.21.0.1', 8443]);
    await router.remove('one');
    await router.rules(DEFAULTS + 2);
    await until('the address to go', async () => !(await addresses()).includes('10.21.0.1/32'));
    expect(await ask('10.21.0.1', 8443)).toMatch(/^router-1 answers for 10.21.0.1:8443/);
    expect(await health()).toBe(HEALTHY);
    await sleep(1_000);
    const [kept] = (await end()).long;
    expect(kept).toMatchObject({ failed: '', heard: kept?.said });
    expect(kept?.said).toBeGreaterThan(10);
  });

  test('changes a service by taking its rule back and announcing it anew, under a connection that goes on', async () => {
    const end = await talking(router.fabric, CLIENT, ['10.21.0.1', 8443]);
    await router.forget();
    await router.change('two 10.21.0.1/32 tcp 443 443');
    await until('the new port', async () => (await ask('10.21.0.1', 443)).startsWith('router-1 answers'));
    expect(await router.calls()).toEqual([
      '-D -c 10.21.0.1 -m 32 -p tcp -o 0.0.0.0 -n 0 -l 8443 -h 8443',
      expect.stringMatching(/^-I -c 10.21.0.1 -m 32 -p tcp -o 0.0.0.0 -n 0 -l 443 -h 443 -t \d+ -s \w+$/),
    ]);
    expect(await ask('10.21.0.1', 8443)).toContain('cut off');
    const [kept] = (await end()).long;
    expect(kept).toMatchObject({ failed: '', heard: kept?.said });
    await router.remove('two');
    await router.rules(DEFAULTS + 1);
  });

  test('reads 10,240 bytes of a datagram at a time', async () => {
    const name = 'router-1 '.length;
    const answered = async (size: number) => (await datagrams(53, [[size, '10.20.0.9']])).map(([length]) => length);
    expect(await answered(10_240)).toEqual([name + 10_240]);
    expect(await answered(10_241)).toEqual([name + 10_240, name + 1]);
  });

  test('keeps sixteen datagrams of a burst until the circuit is there, and loses others', async () => {
    // On a busy machine the circuit may be there before all of the burst is.
    await until('a burst that is lost in part', async () => {
      const burst = (await datagrams(53, Array(200).fill([10, '10.20.0.9']), 2000)).length;
      expect(burst).toBeGreaterThanOrEqual(16);
      return burst < 200;
    });
  });

  test("has one circuit for a client's port: answers come from where its first datagram went", async () => {
    const both = await datagrams(53, [
      [1, '10.20.0.9'],
      [2, '10.20.0.10'],
    ]);
    expect(both.map(([, from]) => from)).toEqual(['10.20.0.9', '10.20.0.9']);
  });

  test('without its controller goes on with what is open, accepts what is new, and ends that', async () => {
    const end = await talking(router.fabric, CLIENT, ['10.20.0.5', 80]);
    await router.away();
    const began = Date.now();
    expect(await connect('10.20.0.5', 80)).toBe('connected\nended');
    await until('its health to say so', async () => !(await checks()).healthy, 75_000);
    await sleep(began + away - Date.now());
    expect(await checks()).toEqual({ code: '200', healthy: false });
    expect(await health()).toBe(HEALTHY);
    await router.back();
    await until('an answer', async () => (await ask('10.20.0.5')).startsWith('router-1'), 60_000);
    await until('its health to say so', async () => (await checks()).healthy, 75_000);
    const [kept] = (await end()).long;
    expect(kept).toMatchObject({ failed: '', heard: kept?.said });
  }, 360_000);

  test('started without its controller, says 200 and false, and nothing to the diverter, until it answers', async () => {
    await router.away();
    await router.forget();
    await shell(ROUTER, 'systemctl restart ziti-router; sleep 1');
    await until('its health check', async () => (await checks().catch(() => ({ code: '' }))).code === '200', 10_000);
    await sleep(away);
    expect(await checks()).toEqual({ code: '200', healthy: false });
    expect((await router.calls()).filter((call) => !call.startsWith('-D'))).toEqual([]);
    expect(await shell(ROUTER, 'diverter services')).toBe('');
    expect(await health()).toContain('no service is announced');
    expect(await ask('10.20.0.5')).toContain('cut off');
    await router.back();
    await router.rules(DEFAULTS);
    await until('an answer', async () => (await ask('10.20.0.5')).startsWith('router-1'), 60_000);
  });

  test('killed, leaves its rules and addresses; started again, it serves', async () => {
    const before = await shell(ROUTER, 'diverter services');
    await shell(ROUTER, `kill -KILL ${await mainPid()}; sleep 0.3`);
    expect(await shell(ROUTER, 'diverter services')).toBe(before);
    expect(await addresses()).toContain('10.20.0.0/16');
    expect(await health()).not.toBe(HEALTHY);
    await until('it to be started again', async () => (await health()) === HEALTHY, 30_000);
    expect(await shell(ROUTER, 'diverter services')).not.toBe(before);
    await until('an answer', async () => (await ask('10.20.0.5')).startsWith('router-1'), 60_000);
  });

  test('does not notice that the diverter is exchanged under its connections', async () => {
    const end = await talking(router.fabric, CLIENT, ['10.20.0.5', 80], { long: 4, fresh: 1 });
    await shell(
      ROUTER,
      'diverter attach ens5 --from 10.0.9.0/24 --reply geneve; sleep 0.5; systemctl reload-or-restart ziti-glb-diverter; sleep 1',
    );
    const { long, fresh } = await end();
    expect(long.map(({ failed }) => failed)).toEqual(['', '', '', '']);
    expect(long.every(({ said, heard }) => said > 20 && heard === said)).toBe(true);
    expect(fresh.failed).toEqual([]);
  });

  test('whose call fails goes on with the others, and says so nowhere', async () => {
    await shell(
      ROUTER,
      `sed -i '2i case " $* " in *" -I -c 10.23.0.1 "*) exit 1 ;; esac' /usr/local/bin/diverter-seen`,
    );
    await router.declare('bad 10.23.0.1/32 tcp 80 80\ngood 10.23.0.2/32 tcp 80 80', DEFAULTS + 1);
    await until('an answer', async () => (await ask('10.23.0.2')).startsWith('router-1'));
    expect(await ask('10.23.0.1')).toContain('cut off');
    expect(await shell(ROUTER, 'grep -c "failed for service\\|10.23.0.1" /var/log/ziti-router.log')).toBe('0');
    await router.remove('bad', 'good');
    await router.rules(DEFAULTS);
    await shell(ROUTER, 'sed -i 2d /usr/local/bin/diverter-seen');
  });

  test("runs as OpenZiti's package from 2.0 on has it: a user, with two capabilities", async () => {
    expect(await statusOf('Uid')).toBe(await shell(ROUTER, 'id -u ziti-router'));
    expect(await statusOf('CapEff')).toBe('0000000000001400');
    expect(await statusOf('NoNewPrivs')).toBe('0');
  });

  test("runs as OpenZiti's package before 2.0 has it: a dynamic user, without new privileges", async () => {
    const unit = '/run/systemd/system/ziti-router.service';
    const old = new URL('../../../local/fabric/images/router/ziti-router-1.x.service', import.meta.url).pathname;
    await shell(
      ROUTER,
      `systemctl stop ziti-router; userdel ziti-router; cp ${unit} ${unit}-2.x; cp ${old} ${unit}; systemctl daemon-reload`,
    );
    await router.restart(DEFAULTS);
    expect(await statusOf('Uid')).toBe('61184');
    expect(await statusOf('CapEff')).toBe('0000000000001400');
    expect(await statusOf('NoNewPrivs')).toBe('1');
    await until('an answer', async () => (await ask('10.20.0.5')).startsWith('router-1'), 60_000);
    expect(await datagrams(53, [[1, '10.20.0.9']])).toEqual([['router-1 x'.length, '10.20.0.9']]);
  });

  test('announces a hundred services at once, in any order', async () => {
    const names = [...Array(100).keys()].map((i) => `s${i}`);
    await router.declare(names.map((name, i) => `${name} 10.22.0.${i}/32 tcp 80 80`).join('\n'), DEFAULTS + 100);
    await router.forget();
    await router.restart(DEFAULTS + 100);
    const order = (await router.calls()).flatMap((call) => /-I -c 10\.22\.0\.(\d+)/.exec(call)?.[1] ?? []).map(Number);
    expect(order).toHaveLength(100);
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect(await health()).toBe(HEALTHY);
    expect(await ask('10.22.0.77')).toMatch(/^router-1 answers for 10.22.0.77:80/);
  });

  test('does not start with a diverter that fails', async () => {
    await shell(ROUTER, 'systemctl stop ziti-router');
    const said = await shell(
      ROUTER,
      `cd /var/lib/ziti-router; sed -i 's|mode: tproxy:[^ ]*|mode: tproxy:/bin/false|' ${CONFIG}; timeout 30 /usr/bin/ziti router run config.yml 2>&1; echo "ended with $?"`,
    );
    expect(said).toContain('failed to launch external tproxy diverter');
    expect(said).toMatch(/ended with 1$/);
  });
});
