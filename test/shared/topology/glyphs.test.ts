import { expect, test } from '@jest/globals';
import { glyph, line } from '../../../shared/topology/glyphs.ts';
import type { Html } from '../../../shared/topology/html.ts';

/** The outline is what is left in the dark: no words, no classes, so no colours. */
const outline = ({ markup }: Html) => markup.replace(/<title>[^<]*<\/title>|aria-label="[^"]*"|class="[^"]*"/g, '');

test('each state and each flow has an outline of its own', () => {
  const states = ['ready', 'leaving', 'waiting', 'conflict', 'blocked', 'refused', 'down'] as const;
  const flows = ['carries', 'pending', 'lost', undefined] as const;
  const outlines = [...states.map(glyph), ...flows.map(line)].map(outline);
  expect(new Set(outlines).size).toBe(outlines.length);
});
