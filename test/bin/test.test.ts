import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { counted, outcomeOf, parseTrial, programsOf, trialOf } from '../../bin/trial.ts';
import { run } from '../../local/fabric/process.ts';
import { given, launch } from '../support/cloud.ts';
import { answering, RULES, STATUS } from './diverters.ts';
import { flaws } from './flaws.ts';
import { deployed } from './stage.ts';

/** This machine runs what a client is to run. */
async function tried(url: string) {
  const trial = parseTrial(url);
  const programs = Object.values(programsOf(trial)).filter((program) => program !== undefined);
  const said = [];
  for (const command of programs) {
    const { code, stdout, stderr } = await run(['sh', '-c', `{ ${command}; } 2>&1`]);
    said.push({ command, code: code ?? -1, lines: `${stdout}${stderr}`.split('\n').filter(Boolean) });
  }
  return outcomeOf(trial, 'i-1 (shop)', said);
}
const told = ({ before, after }: Awaited<ReturnType<typeof tried>>) =>
  [...before, ...after].map(({ name, holds, says }) => `${holds ? 'ok' : 'BROKEN'} ${name} ${says}`);

describe('what a client really sees', () => {
  const server = createServer((_, response) => response.end('twelve bytes'));
  const listening = new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );
  test('of an answer: each hop, and its bytes', async () => {
    const port = await listening;
    expect(told(await tried(`http://127.0.0.1:${port}/`))).toEqual([
      expect.stringMatching(/^ok client i-1 \(shop\) leaves by lo, MTU \d+$/),
      expect.stringMatching(new RegExp(`^ok connect 127\\.0\\.0\\.1 port ${port}, in \\d+ ms$`)),
      expect.stringMatching(/^ok answer 200, 12 bytes, after \d+ ms$/),
    ]);
  });

  test('of a name', async () => {
    const outcome = await tried(`http://localhost:${await listening}/`);
    expect(told(outcome)[1]).toMatch(/^ok DNS .*(127\.0\.0\.1|::1)/);
    expect(told(await tried('http://nowhere.invalid/')).slice(1)).toEqual([
      'BROKEN DNS nowhere.invalid has no address for it',
      expect.stringMatching(/^BROKEN connect curl: \(6\) Could not resolve host/),
      expect.stringMatching(/^BROKEN answer /),
    ]);
  });

  test('of a server without TLS', async () => {
    const [, connect, tls, answer] = told(await tried(`https://127.0.0.1:${await listening}/`));
    expect([connect, tls, answer]).toEqual([
      expect.stringMatching(/^ok connect/),
      expect.stringMatching(/^BROKEN TLS curl: \(35\)/),
      expect.stringMatching(/^BROKEN answer/),
    ]);
  });

  test('of TCP alone, refused and not', async () => {
    const port = await listening;
    expect(told(await tried(`tcp://127.0.0.1:${port}`))[1]).toMatch(/^ok connect 127\.0\.0\.1 port/);
    await new Promise((resolve) => server.close(resolve));
    expect(told(await tried(`tcp://127.0.0.1:${port}`))[1]).toMatch(/^BROKEN connect curl: \(7\)/);
  });
});

test('what the client could not do in its time is not called missing', () => {
  const trial = parseTrial('https://10.20.0.5/');
  const of = (said: Parameters<typeof outcomeOf>[2]) => outcomeOf(trial, 'i-1', said).after[0]?.says;
  expect(of([])).toMatch(/^curl was not done in time/);
  expect(of([{ command: programsOf(trial).get, code: 127, lines: [] }])).toMatch(/is it there\?$/);
});

test('without a URL, a service is tried: of the narrowest destination, an address that a host can have', () => {
  const rule = (destination: string, protocol: 'tcp' | 'udp' = 'tcp') => ({
    ...given(RULES[0]),
    destination,
    protocol,
  });
  expect(trialOf([rule('10.20.0.0/16'), rule('10.21.0.0/24'), rule('10.22.0.9/32', 'udp')])).toMatchObject({
    url: 'tcp://10.21.0.1:443',
  });
  expect(trialOf([rule('10.22.0.9/32')])).toMatchObject({ host: '10.22.0.9', port: 443 });
  expect(trialOf([rule('fd00::/64')])).toMatchObject({ url: 'tcp://[fd00::1]:443' });
  expect(trialOf([])).toBeUndefined();
});

test('what routers counted is told, and it is a hop that some packet was delivered', () => {
  const status = (counters: Record<string, number>) => ({ ...STATUS, counters });
  const one = (label: string, more: Record<string, number>) => ({
    label,
    before: status({ passed: 1 }),
    after: status(more),
  });
  expect(counted([one('a', { passed: 9, delivered_service: 1 }), one('b', {})])).toEqual({
    ...{ name: 'routers', holds: true, says: 'a: delivered_service +1; b: nothing' },
  });
  expect(counted([one('a', { no_service: 2 })])).toEqual({
    ...{ name: 'routers', holds: false, says: 'none delivered a packet; a: no_service +2' },
  });
});

const NAMES =
  'remote_ip num_connects http_code size_download ssl_verify_result time_namelookup time_connect time_appconnect time_total';

/** A stack has a client, whose `curl` prints this. */
async function asking(curl = '10.20.0.1 1 000 0 0 0 0.012 0 5.0') {
  const stack = await deployed();
  await stack.name(stack.vpc.a1, 'app-a');
  await stack.router(stack.vpc.a0, 'router-1');
  await stack.tag(stack.vpc.a1, '10.20.0.0/16');
  const [client = ''] = await launch(stack, stack.vpc.a1, { tags: { Name: 'shop' } });
  for (let minute = 0; minute < 4; minute++) await stack.pass();
  answering(stack);
  const onRouters = stack.fake.onExec;
  const asked: string[] = [];
  let more = 0;
  stack.fake.onExec = async (id, argv, options) => {
    if (id !== client) {
      more += 1;
      answering(stack, { ...STATUS, counters: { delivered_service: more } });
      const { onExec } = stack.fake;
      stack.fake.onExec = mine;
      return onExec(id, argv, options);
    }
    asked.push(options?.stdin ?? '');
    const fakes = `curl() { echo '${curl}'; }\nip() { case "$2" in link) echo '2: ens5: <UP> mtu 8500 qdisc' ;; *) echo "$4 via 10.0.1.1 dev ens5 src 10.0.1.9" ;; esac; }\n`;
    const { status, stdout, stderr } = spawnSync('sh', ['-s'], {
      encoding: 'utf8',
      input: `${fakes}${options?.stdin}`,
    });
    return { code: status, stdout, stderr };
  };
  const mine = stack.fake.onExec;
  expect(onRouters).not.toBe(mine);
  return { ...stack, client, asked, ask: (line: string) => stack.cli(line, { onSleep: stack.onSleep }) };
}

describe('test', () => {
  test.each(['app-a', 'shop'])('tries a service from a client of %s, and names each hop', async (whom) => {
    const { ask, client, asked } = await asking();
    const { code, out, err } = await ask(`test ${whom}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^${client} \\(shop\\) to tcp://10\\.20\\.0\\.1:443\n`));
    const names = out
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(/ {2,}/).slice(0, 2).join(' '));
    const all = 'client,tag,wish,endpoint,route table,route,destination,load balancer,router,service,routers,connect';
    expect(names.filter((name) => name.startsWith('ok ')).map((name) => name.slice(3))).toEqual(all.split(','));
    expect(out).toContain('leaves by ens5, MTU 8500');
    expect(out).toMatch(/routers +i-\S+ \(router-1\): delivered_service \+\d/);
    expect(asked.join()).toContain(
      `-w '\\n${NAMES.split(' ')
        .map((name) => `%{${name}}`)
        .join(' ')}\\n' 'telnet://10.20.0.1:443'`,
    );
  });

  test('finds that nobody connects, though all before it holds', async () => {
    const { ask } = await asking('curl: (28) Connection timed out');
    expect(await ask('test app-a https://10.20.0.5/')).toMatchObject({
      code: 2,
      out: expect.stringContaining('The first broken link is connect: curl: (28) Connection timed out.'),
    });
  });

  test('finds that no service takes it, before the client does', async () => {
    const { ask } = await asking('curl: (28) Connection timed out');
    expect((await ask('test app-a http://10.20.9.5/')).out).toMatch(/first broken link is service: no rule of/);
  });

  test('asks for a service of TCP: one that takes datagrams there is none', async () => {
    const { ask } = await asking();
    const { out } = await ask('test app-a https://10.20.0.5:853/');
    expect(out).toMatch(/first broken link is service: no rule of .* takes 10\.20\.0\.1 and port 853 by tcp\.$/);
  });

  test('is JSON for programs', async () => {
    const { ask } = await asking();
    const document = JSON.parse((await ask('test app-a --json')).out);
    expect(flaws('test', document)).toEqual([]);
    const { chain, broken, subject } = document;
    expect(subject).toContain('tcp://10.20.0.1:443');
    expect([chain[0].name, broken]).toEqual(['client', undefined]);
  });

  test('says what to do where no client is managed, and that a router is none', async () => {
    const { ask } = await asking();
    expect(await ask('test router-1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('is no subnet and no client'),
    });
    const stack = await deployed();
    await stack.name(stack.vpc.a1, 'app-a');
    expect(await stack.cli('test app-a')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/None of the 0 clients that run in subnet-\S+ is managed by Systems Manager/),
    });
  });
});
