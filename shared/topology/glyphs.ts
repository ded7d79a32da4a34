import { type Html, html } from './html.ts';
import type { Flow, State } from './model.ts';

/** Drawn in 16 by 16. Each is told from the others by its outline alone. */
const SHAPES: Record<State, Html> = {
  ready: html`<circle cx="8" cy="8" r="7" fill="currentColor"/><path d="M4.6 8.3l2.3 2.4 4.5-5" class="zg-cut"/>`,
  waiting: html`<circle cx="8" cy="8" r="6.2" class="zg-open"/><path d="M8 4.4V8l2.6 1.7" class="zg-open"/>`,
  leaving: html`<circle cx="8" cy="8" r="6.2" class="zg-open" stroke-dasharray="2.2 2.1"/><path d="M5 8h6" class="zg-open"/>`,
  conflict: html`<path d="M8 1.2L15.2 14.4H.8z" fill="currentColor"/><path d="M8 6v4M8 11.7v1" class="zg-cut"/>`,
  blocked: html`<path d="M8 .6L15.4 8 8 15.4.6 8z" fill="currentColor"/><path d="M8 4.4V9M8 10.7v1" class="zg-cut"/>`,
  refused: html`<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor"/><path d="M4.4 8h7.2" class="zg-cut"/>`,
  down: html`<rect x="1" y="1" width="14" height="14" rx="2" fill="currentColor"/><path d="M5 5l6 6M11 5l-6 6" class="zg-cut"/>`,
};

/** A state's shape, beside its word: nothing to be read aloud. */
export function glyph(state: State): Html {
  return html`<svg class="zg-glyph zg-${state}" viewBox="0 0 16 16" aria-hidden="true"><title>${state}</title>${SHAPES[state]}</svg>`;
}

/** Drawn in 56 by 12, of which a narrow picture shows the right half: a solid arrow, a dashed open one, a dotted line with a cross. */
const LINES: Record<Flow, Html> = {
  carries: html`<path d="M0 6h48" stroke-width="2"/><path d="M46 1.8L55 6l-9 4.2z" fill="currentColor" stroke="none"/>`,
  pending: html`<path d="M0 6h50" stroke-dasharray="5 4"/><path d="M46.5 2L54 6l-7.5 4"/>`,
  lost: html`<path d="M0 6h29M47 6h9" stroke-dasharray="1.5 3" stroke-width="2"/><path d="M33.5 1.5l9 9M42.5 1.5l-9 9" stroke-width="2"/>`,
};

export const FLOWS: Record<Flow, string> = {
  carries: 'carries packets',
  pending: 'will carry packets',
  lost: 'packets are lost here',
};

/** A stretch of the packets' way, read aloud as what happens there. Empty if nothing leads there. */
export function line(flow: Flow | undefined): Html {
  if (!flow) return html`<span class="zg-line"></span>`;
  return html`<svg class="zg-line zg-${flow}" viewBox="0 0 56 12" preserveAspectRatio="xMaxYMid slice" role="img" aria-label="${FLOWS[flow]}"><title>${FLOWS[flow]}</title>${LINES[flow]}</svg>`;
}
