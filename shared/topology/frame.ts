import { type Html, html } from './html.ts';
import type { TimeRange } from './links.ts';
import { style, type Theme } from './style.ts';

/** A dashboard draws it in this room, in CSS pixels, and with these looks; clicks are answered by this function. */
export interface View {
  theme: Theme;
  width: number;
  height: number;
  /** The dashboard shows this time. */
  timeRange?: TimeRange;
  /** ARN of the function that a click on a name calls. */
  functionArn: string;
}

/** The text's size, in CSS pixels: what hangs on a wall is read from afar. */
export const fontSize = ({ width }: View) => Math.min(20, Math.max(12, Math.round(width / 42) / 2));

/** A card's two halves stand one upon the other. */
export const isNarrow = ({ width }: View) => width < 800;

/** A name may need more than a line. */
const isPhone = ({ width }: View) => width < 480;

/** A fragment that brings its own style. */
export function frame(view: View, content: Html, compact = false): string {
  const room = [compact && 'zg-compact', isNarrow(view) && 'zg-narrow', isPhone(view) && 'zg-phone']
    .filter(Boolean)
    .join(' ');
  return html`<div class="zg ${room} cwdb-no-default-styles" style="font-size:${fontSize(view)}px">${style(view.theme)}${content}</div>`
    .markup;
}

/** A link that leaves the dashboard where it is, or the words alone if it leads nowhere. */
export function link(address: string | undefined, words: Html): Html {
  return address ? html`<a href="${address}" target="_blank" rel="noopener">${words}</a>` : words;
}
