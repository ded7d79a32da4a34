import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { documents } from '../support/documents.ts';
import { describeKernel } from '../support/kernel.ts';
import { harnessPath, type Router, startRouter } from './router.ts';

const document = documents.get('docs/maps.md') ?? '';

describeKernel('the maps', () => {
  let router: Router;
  beforeAll(async () => {
    router = await startRouter();
    router.diverts('attach', 'eth0', '--from', '10.0.0.0/24', '--reply', 'geneve');
  });
  afterAll(() => router.close());

  test('are those of the document, to the byte', () => {
    const written = [...document.matchAll(/^\| `(\w+)` \| (\w+) \| (\d+) \| .*? \| (\d+) \| .*? \| (\d+) \|/gm)];
    const mapped = /^(.*) are made with `BPF_F_MMAPABLE`/ms.exec(document)?.[1]?.split('\n').at(-1) ?? '';
    const { stdout } = router.exec([harnessPath, 'maps']);
    expect(
      written.map(([, ...row]) => [...row, ...(mapped.includes(`\`${row[0]}\``) ? ['mmapable'] : [])].join(' ')).sort(),
    ).toEqual(stdout.trim().split('\n').sort());
  });
});
