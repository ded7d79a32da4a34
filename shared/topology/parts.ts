import type { View } from './frame.ts';
import { glyph } from './glyphs.ts';
import { type Html, html } from './html.ts';
import type { State } from './model.ts';

/** Whatever a card is about. */
export interface Pictured {
  id: string;
  name: string;
  state: State;
  why: readonly string[];
}

/** A card: what it is and how it stands, what it is about, and AWS's own word for it. */
export function card({ id, state, why }: Pictured, name: Html, about: Html, side?: Html): Html {
  return html`
    <div class="zg-card" title="${[id, ...why].join('\n')}">
      ${glyph(state)}
      <div class="zg-body">
        <p class="zg-title">${name}<span class="zg-${state}">${state}</span></p>
        <p class="zg-about zg-mono zg-muted zg-clip">${about}</p>
      </div>
      ${side && html`<div class="zg-side">${side}</div>`}
    </div>`;
}

/** A name that calls this function for all that is known of what has it. */
export function nameButton({ id, name }: Pick<Pictured, 'id' | 'name'>, { functionArn }: View): Html {
  return html`<button type="button" class="zg-clip" data-subject="${id}">${name}</button><cwdb-action action="call" display="popup" endpoint="${functionArn}">${JSON.stringify({ subject: id })}</cwdb-action>`;
}

/** A part of the load balancer in a zone, or of its service. Where it is too narrow for an address, that goes on after a dot. */
export function cell(name: string, id: string, lost?: string): Html {
  const parts = id.split(/(?<=\.)/).map((part, at) => (at === 0 ? html`${part}` : html`<wbr>${part}`));
  return html`
    <div class="zg-node">
      <p>${name}</p>
      <p class="zg-mono zg-muted">${parts}</p>
      ${lost && html`<p class="zg-lost">${lost}</p>`}
    </div>`;
}
