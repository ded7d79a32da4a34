import { describe, expect, test } from '@jest/globals';
import { judge, readStatus, sameVersion } from '../../bin/diverter-status.ts';
import { given } from '../support/cloud.ts';
import { answering, STATUS } from './diverters.ts';
import { deployed } from './stage.ts';

async function joined() {
  const stack = await deployed();
  answering(stack);
  const id = await stack.router(stack.vpc.a0, 'router-1');
  for (let minute = 0; minute < 3; minute++) await stack.pass();
  const ask = (line: string) => stack.cli(line, { onSleep: stack.onSleep });
  return { ...stack, id, ask };
}

function judged(fields: object): string[] {
  const status = readStatus([JSON.stringify({ ...STATUS, ...fields })]);
  return judge('r', given(status)).map(({ is, says, remedy }) => `${is} ${says} → ${remedy}`);
}

describe('what a diverter counts', () => {
  const silent = { delivered_service: 7, delivered_established: 0 };
  test.each<[string, object, RegExp]>([
    ['is in order where connections come about', {}, /^ok r: 43 delivered/],
    ['is in order before the first packet', { counters: {} }, /^ok r: 0 delivered/],
    ['is in order where UDP alone passes', { counters: { delivered_service: 1, delivered_connected: 1 } }, /^ok /],
    [
      'comes to nothing for rp_filter',
      { counters: silent, stack: { TcpExtIPReversePathFilter: 1 } },
      /^fault r: 7 packets.*rp_filter/,
    ],
    [
      'comes to nothing for a firewall',
      { counters: silent, stack: { TcpPassiveOpens: 2 } },
      /^fault .* a firewall of the router.*→ nft list/,
    ],
    ['is of nothing, with no interface', { attached: [] }, /^fault r: its diverter is attached to nothing/],
    ['is less than comes, behind another program', { strays: [{}] }, /^fault r: another program/],
    ['is lost for a destination that is not its own', { nonlocal: ['10.20.0.0/16'] }, /^fault r: .*10\.20\.0\.0\/16/],
    [
      'lacks a rule that was refused',
      { refused: { count: 2, last: 'no room' } },
      /^warning r: 2 rules were refused, the last: no room/,
    ],
  ])('%s', (_, fields, says) => {
    expect(judged(fields)).toEqual([expect.stringMatching(says)]);
  });

  test.each(['', 'no', '{}', '[]', '{"version":1}'])('%j is no status', (text) => {
    expect(readStatus([text])).toBeUndefined();
  });

  test('is of one version, or that is said', () => {
    expect(sameVersion(new Map([['a', '1']]))).toEqual([]);
    const two = new Map([
      ['a', '1'],
      ['b', '2'],
      ['c', '1'],
    ]);
    expect(sameVersion(two)).toMatchObject([{ is: 'warning', says: expect.stringMatching(/1: a, c; 2: b$/) }]);
  });
});

describe('router', () => {
  test.each(['id', 'name'])('shows what its diverter sees, by %s', async (by) => {
    const { ask, id } = await joined();
    const { code, out, err } = await ask(`router ${by === 'id' ? id : 'router-1'}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n')).toEqual([
      `${id} (router-1)`,
      ...['', '$ diverter status', 'attached  ens5', 'delivered_service 3'],
      ...['', '$ diverter health', 'is it so?'],
      ...['', '$ diverter services | head -n 40', '10.20.0.0/16 TCP 443'],
      ...['', '$ systemctl is-active ziti-router', 'active'],
      ...['', '$ timeout 4 diverter watch', 'no_service 2/s'],
    ]);
  });

  test('is JSON for programs', async () => {
    const { ask, id } = await joined();
    expect(JSON.parse((await ask(`router ${id} --json`)).out)).toMatchObject({
      id,
      label: `${id} (router-1)`,
      status: { services: 2, stack: { TcpPassiveOpens: 3 } },
      findings: [{ is: 'ok' }],
      said: [{ command: 'diverter status', code: 0 }, {}, {}, {}, {}],
    });
  });

  test('exits with 2 where it is not healthy, or its packets come to nothing', async () => {
    const stack = await joined();
    answering(stack, STATUS, { health: 1 });
    expect(await stack.ask('router router-1')).toMatchObject({ code: 2, out: expect.stringContaining('exit code 1') });
    answering(stack, { ...STATUS, counters: { delivered_service: 7 } });
    const { code, out } = await stack.ask('router router-1');
    expect(code).toBe(2);
    expect(out).toMatch(/7 packets were given to the kernel, and not one connection came of it.*\n-> nft list ruleset/);
  });

  test('says so where nobody answers', async () => {
    const stack = await joined();
    stack.fake.onExec = () => new Promise(() => {});
    expect(await stack.ask('router router-1')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/router-1\) does not answer: command \S+ is still InProgress/),
    });
    stack.fake.onExec = async () => ({ code: 127, stdout: '', stderr: 'sh: nothing works here' });
    expect((await stack.ask('router router-1')).err).toMatch(/ended as Failed: sh: nothing works here/);
  });

  test('names the routers that there are, where it is none', async () => {
    const { ask, id } = await joined();
    expect(await ask('router router-2')).toMatchObject({
      code: 1,
      err: expect.stringMatching(new RegExp(`^Error: router-2 is no router of this stack.*there are: ${id}`)),
    });
  });

  test('asks nothing that changes anything', async () => {
    const { ask, fake } = await joined();
    const from = fake.execs.length;
    await ask('router router-1');
    const [{ options } = { options: undefined }] = fake.execs.slice(from);
    expect(options?.stdin).not.toMatch(/attach|detach|flush|restart|install|-[VID] /);
  });
});
