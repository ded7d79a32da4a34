import { expect, test } from '@jest/globals';
import { circles, importsOf, leanings } from './support/circles.ts';

const of = (imports: Record<string, string[]>) => circles(new Map(Object.entries(imports)));

test.each<[string, Record<string, string[]>]>([
  ['of two files', { 'a/x.ts': ['a/y.ts'], 'a/y.ts': ['a/x.ts'] }],
  ['of three', { 'a/x.ts': ['a/y.ts'], 'a/y.ts': ['a/z.ts'], 'a/z.ts': ['a/x.ts'] }],
  ['of two folders, by four files', { 'a/x.ts': ['b/x.ts'], 'b/y.ts': ['a/y.ts'] }],
  ['of a folder and a file beside it', { 'a/x/1.ts': ['a/y.ts'], 'a/y.ts': ['a/x/2.ts'] }],
  ['behind what is right', { 'a/x.ts': ['a/y.ts', 'a/z.ts'], 'a/z.ts': ['a/w.ts'], 'a/w.ts': ['a/z.ts'] }],
])('a circle %s is found, and each import of it named', (_name, imports) => {
  const [found = '', ...more] = of(imports);
  expect(more).toEqual([]);
  expect(found).toMatch(/: a circle of imports: \S+ imports \S+, \S+ imports \S+/);
});

test('what is used by two, and a roof over all, are none', () => {
  expect(of({ 'a/roof.ts': ['a/x/1.ts', 'a/ground.ts'], 'a/x/1.ts': ['a/ground.ts', 'a/x/2.ts'] })).toEqual([]);
});

test('types count, and what stands elsewhere does not', () => {
  const read = () =>
    "import type { A } from '../b/x.ts';\nexport {\n  b,\n} from './y.ts';\nimport { c } from 'zod';\nimport '../c/x.ts';\n";
  expect([...importsOf(['a/z.ts'], read)]).toEqual([['a/z.ts', ['b/x.ts', 'a/y.ts', 'c/x.ts']]]);
});

test('the cloud in a box has nothing of what it is to test; the demo in it may', () => {
  const imports = { 'local/box.ts': ['local/ids.ts', 'shared/cidr.ts'], 'local/demo/x.ts': ['shared/plain.ts'] };
  expect(leanings(new Map(Object.entries(imports)))).toEqual([
    'local/box.ts imports shared/cidr.ts, which is not of the box',
  ]);
});
