import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { html } from '../../../shared/topology/html.ts';

test('a value is escaped, markup is not, and nothing is written for nothing', () => {
  const name = `<b title="it's">&`;
  expect(html`<p title="${name}">${name}${undefined}${false}${[html`<i>${1}</i>`, 'a<']}</p>`.markup).toBe(
    '<p title="&lt;b title=&quot;it&#39;s&quot;&gt;&amp;">&lt;b title=&quot;it&#39;s&quot;&gt;&amp;<i>1</i>a&lt;</p>',
  );
});

test('no value can leave the text or the attribute it stands in', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', ';', 'a', '\n') }), (value) => {
      const { markup } = html`<p title="${value}">${value}</p>`;
      const [, attribute, text] = /^<p title="([^"]*)">([^<]*)<\/p>$/.exec(markup) ?? [];
      expect(attribute).toBe(text);
      expect(decode(text ?? '')).toBe(value);
    }),
  );
});

const decode = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
