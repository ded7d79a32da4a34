import { Readable, Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import type { Operator } from '../../../local/demo/operator.ts';
import { playground } from '../../../local/demo/playground.ts';

/** The operator only notes what it is asked to do. */
function noting() {
  const asked: string[] = [];
  const note =
    (verb: string) =>
    async (...args: (string | number)[]) => {
      if (args[0] === 'nobody') throw new Error('There is no nobody; there are client-a');
      asked.push([verb, ...args].join(' '));
      return { text: 'an answer' };
    };
  const operator: Partial<Record<keyof Operator, unknown>> = {
    ask: async (client: string, url: string) => {
      const answer = await note('ask')(client, url);
      return client === 'forger' ? { text: 'said\u001b[2J\u009b2J\nand more' } : answer;
    },
    tag: note('tag'),
    untag: note('untag'),
    launch: note('launch'),
    kill: note('kill'),
    terminate: note('terminate'),
  };
  return { operator: operator as Operator, asked };
}

async function type(...lines: string[]) {
  const { operator, asked } = noting();
  let said = '';
  const output = new Writable({
    write(chunk, _encoding, done) {
      said += chunk;
      done();
    },
  });
  await playground(operator, Readable.from(lines.map((line) => `${line}\n`)), output);
  return { asked, said };
}

test('each line is one deed, to the end of the input', async () => {
  const { asked } = await type(
    'tag app-b 10.20.0.0/16 10.30.0.0/16',
    '',
    'ask client-b http://10.20.0.7/',
    'launch router-3 2',
    'kill router-1',
    'terminate router-1',
    'untag app-b',
  );
  expect(asked).toEqual([
    'tag app-b 10.20.0.0/16 10.30.0.0/16',
    'ask client-b http://10.20.0.7/',
    'launch router-3 1',
    'kill router-1',
    'terminate router-1',
    'untag app-b',
  ]);
});

test('what another account has is named there, and asked there', async () => {
  const [here, there] = [noting(), noting()];
  const tenant = Object.assign(there.operator, { has: async (name: string) => /-d$/.test(name) });
  const lines = [
    'tag app-d 10.20.0.0/16',
    'ask client-d http://10.20.0.7/',
    'ask client-a http://10.20.0.7/',
    'untag app-d',
  ];
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const input = Readable.from(lines.map((line) => `${line}\n`));
  await playground(here.operator, input, output, [{ where: 'account 222233334444', tenant }]);
  expect(there.asked).toEqual([lines[0], lines[1], lines[3]]);
  expect(here.asked).toEqual([lines[2]]);
});

test('a tag without a CIDR is asked for one', async () => {
  const { asked, said } = await type('tag app-b');
  expect(asked).toEqual([]);
  expect(said).toContain('tag app-b with which CIDR?');
});

test('what cannot be done is said, and the next line is read', async () => {
  const { asked, said } = await type('ask nobody', 'dance', 'kill router-2');
  expect(said).toContain('There is no nobody');
  expect(said).toContain('untag SUBNET');
  expect(asked).toEqual(['kill router-2']);
});

test('quit ends it, whatever follows', async () => {
  expect((await type('quit', 'kill router-2')).asked).toEqual([]);
});

test('what an answer would tell the terminal is shown as what it is', async () => {
  const { said } = await type('ask forger http://10.20.0.7/', 'ask nobody\u001b[2J');
  expect(said).toContain('said\\u001b[2J\\u009b2J\nand more\n');
});
