import { globSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { read } from './support/documents.ts';
import { objections } from './support/licences.ts';

describe('the licence of a dependency', () => {
  test('is allowed, of each that is locked', () => {
    const { packages } = JSON.parse(read('package-lock.json'));
    expect(Object.keys(packages).length).toBeGreaterThan(500);
    expect(objections(packages)).toEqual([]);
  });

  test.each([
    ['AGPL-3.0-or-later', true, false],
    ['GPL-2.0-only', true, false],
    ['MPL-2.0', true, true],
    ['MPL-2.0', false, false],
    ['MIT', false, true],
    ['(MIT OR GPL-3.0-only)', false, true],
    ['(MIT AND GPL-3.0-only)', false, false],
    ['SEE LICENSE IN LICENSE.txt', true, false],
    [undefined, true, false],
  ])('%s, for a tool: %s, is allowed: %s', (license, dev, allowed) => {
    const locked = { 'node_modules/a/node_modules/@b/c': { dev, ...(license && { license }) } };
    expect(objections(locked)).toEqual(allowed ? [] : [expect.stringMatching(/^@b\/c is under /)]);
  });

  test('that was looked at is that of a tool only', () => {
    const license = 'AGPL-3.0-or-later';
    expect(objections({ 'node_modules/@cloud-copilot/iam-simulate': { license, dev: true } })).toEqual([]);
    expect(objections({ 'node_modules/@cloud-copilot/iam-simulate': { license } })).toHaveLength(1);
  });
});

test('each licence that a file names is there, and no other', () => {
  const files = globSync(['bpf/**/*.{c,h,sh,service,timer,conf}', 'bpf/Makefile'], {
    exclude: ['bpf/build/**', 'bpf/vendor/**'],
  });
  const named = files.flatMap((file) => /SPDX-License-Identifier: ([\w .-]+?)(?: \*\/)?$/m.exec(read(file))?.[1] ?? []);
  const identifiers = new Set(named.flatMap((expression) => expression.split(' OR ')));
  expect([...identifiers].sort()).toEqual(
    globSync('LICENSES/*')
      .map((path) => path.replace(/^.*\/|\.txt$/g, ''))
      .sort(),
  );
  expect(read('LICENSES/Apache-2.0.txt')).toBe(read('LICENSE'));
  expect(read('LICENSE')).toContain('Version 2.0, January 2004');
});
