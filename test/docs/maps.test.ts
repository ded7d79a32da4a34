import { expect, test } from '@jest/globals';
import { documents, read } from '../support/documents.ts';

const withoutComments = (text: string) => text.replace(/\/\*.*?\*\//gs, '').replace(/\s+/g, ' ');
const common = withoutComments(read('bpf/common.h'));
const layouts = [...(documents.get('docs/maps.md') ?? '').matchAll(/^```c\n(.*?)^```/gms)]
  .flatMap(([, block = '']) => block.split('\n\n'))
  .map((text) => ({ name: /struct (\w+) \{/.exec(text)?.[1] ?? text.trim(), text }));

test.each(layouts)('the layout of $name is that of the diverter', ({ text }) =>
  expect(common).toContain(withoutComments(text).trim()),
);

test('of every map that others may read there is a layout', () => {
  const own = ['datagram', 'locals', 'calls', 'reply_fragment_key'];
  const values = [...read('bpf/maps.h').matchAll(/__type\((?:key|value), struct (\w+)\)/g)].map(
    ([, name = '']) => name,
  );
  expect(values.length).toBeGreaterThan(10);
  for (const name of values.filter((each) => ![...own, 'cached_connection'].includes(each)))
    expect(layouts.map((layout) => layout.name)).toContain(name);
});
