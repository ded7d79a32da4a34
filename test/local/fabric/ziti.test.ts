import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findZiti } from '../../../local/fabric/ziti.ts';
import { temporaryFolder } from '../../support/packaged.ts';

/** A folder has a `ziti` that does this. */
function folderWith(script: string): string {
  const folder = temporaryFolder('ziti-');
  writeFileSync(join(folder, 'ziti'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return folder;
}

test.each(['echo v2.0.0-pre12', 'echo v2.0.0', 'echo v2.1.3', 'echo 3.0.0'])(
  'OpenZiti by itself is found: %s',
  (script) => {
    const folder = folderWith(script);
    expect(findZiti({ PATH: `/nowhere:${folder}` })).toBe(join(folder, 'ziti'));
    expect(findZiti({ PATH: '/nowhere', ZITI: join(folder, 'ziti') })).toBe(join(folder, 'ziti'));
  },
);

test('what is named comes before what is on the PATH', () => {
  const [named, other] = [folderWith('echo v2.0.0'), folderWith('echo v2.0.0')];
  expect(findZiti({ PATH: other, ZITI: join(named, 'ziti') })).toBe(join(named, 'ziti'));
});

const GET = 'Get OpenZiti 2.0 or later, and name it: ZITI=/path/to/ziti';

test('one that is not there is said not to be', () => {
  const folder = temporaryFolder('ziti-');
  mkdirSync(join(folder, 'empty'));
  expect(() => findZiti({ PATH: join(folder, 'empty') })).toThrow(`There is no ziti on the PATH. ${GET}`);
  expect(() => findZiti({ ZITI: '/nowhere/ziti', PATH: folder })).toThrow(`There is no /nowhere/ziti. ${GET}`);
});

test.each([
  ['echo v1.6.7', `is v1.6.7, which is too old. ${GET}`],
  ['echo something else', `does not tell its version: something else. ${GET}`],
  ['echo broken >&2; exit 3', `does not tell its version: broken. ${GET}`],
])('one that will not do is refused in a sentence: %s', (script, says) => {
  const ziti = join(folderWith(script), 'ziti');
  expect(() => findZiti({ ZITI: ziti })).toThrow(`${ziti} ${says}`);
});
