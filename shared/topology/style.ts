import { type Html, html } from './html.ts';

export type Theme = 'light' | 'dark';

/** Against the console's backgrounds, #fff and #161d26: words 4.5:1 at least, shapes 3:1. */
const COLOURS: Record<Theme, string> = {
  light: `--ink:#16191f;--muted:#57626f;--rule:#dde2e8;--edge:#c3cbd4;--card:#fff;--tint:#f3f5f8;--link:#0b5cad;
    --ready:#1a7340;--waiting:#0b5cad;--leaving:#57626f;--conflict:#8f4700;--down:#b3261e`,
  dark: `--ink:#e9ebed;--muted:#a3afbd;--rule:#2f3a47;--edge:#465362;--card:#1b2430;--tint:#202b38;--link:#7cbcff;
    --ready:#62c98f;--waiting:#7cbcff;--leaving:#a3afbd;--conflict:#f4ab62;--down:#ff8f85`,
};

const RULES = `
.zg{color:var(--ink);line-height:1.4;text-align:left;font-variant-numeric:tabular-nums}
.zg *{box-sizing:border-box}
.zg :where(h2,h3,p,ul,dl,dd,li){margin:0;padding:0;font-size:inherit;font-weight:inherit;line-height:inherit;list-style:none}
.zg a,.zg button{color:inherit;font:inherit;text-decoration:none;border-radius:.25em}
.zg button{background:none;border:0;padding:0;margin:0;cursor:pointer;text-align:left}
.zg a:hover,.zg button:hover{text-decoration:underline;text-underline-offset:.2em}
.zg a:focus-visible,.zg button:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.zg cwdb-action{display:none}
.zg-mono{font-family:"JetBrains Mono",ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em}
.zg-muted{color:var(--muted)}
.zg-clip{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0}
.zg-glyph{width:1.1em;height:1.1em;flex:none;vertical-align:-.18em}
.zg-open{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
.zg-cut{fill:none;stroke:var(--card);stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
.zg-ready,.zg-carries{color:var(--ready)}
.zg-waiting,.zg-pending{color:var(--waiting)}
.zg-leaving{color:var(--leaving)}
.zg-conflict{color:var(--conflict)}
.zg-blocked,.zg-refused,.zg-down,.zg-lost{color:var(--down)}
.zg-head{display:flex;flex-wrap:wrap;align-items:baseline;gap:.3em 1.5em;margin-bottom:1em}
.zg-verdict{font-size:1.5em;font-weight:600;letter-spacing:-.01em;flex:1 1 auto}
.zg-why{display:grid;gap:.5em;margin-bottom:1.3em}
.zg-why li{display:grid;grid-template-columns:1.1em minmax(0,1fr);gap:.6em;overflow-wrap:anywhere}
.zg-why b{font-weight:600}
.zg-why button,.zg-facts a,.zg .zg-link{text-decoration:underline;text-decoration-color:var(--edge);text-underline-offset:.2em}
.zg-map{border-top:1px solid var(--rule)}
.zg-band{display:grid;grid-template-columns:minmax(0,7fr) minmax(7.5em,2.4fr) minmax(0,5fr);border-bottom:1px solid var(--rule)}
.zg-band>*{padding:.8em 0}
.zg-titles{color:var(--muted)}
.zg-band>.zg-pillar{background-color:var(--tint);border:solid var(--edge);border-width:0 1px;padding-left:.8em;padding-right:.8em;text-align:center;min-width:0;display:flex;flex-direction:column;justify-content:center;gap:.5em}
.zg-zone{font-weight:600;margin-bottom:.6em;display:flex;gap:.8em;align-items:baseline}
.zg-zone span{font-weight:400}
.zg-rows{display:grid;gap:.45em}
.zg-row{display:grid;align-items:center}
.zg-in .zg-row{grid-template-columns:minmax(0,1fr) 3.6em}
.zg-out .zg-row{grid-template-columns:3.6em minmax(0,1fr)}
.zg-line{width:3.6em;height:.78em;display:block;fill:none;stroke:currentColor;stroke-width:1.5;flex:none}
.zg-card{background:var(--card);border:1px solid var(--edge);border-radius:.45em;padding:.5em .8em;display:grid;grid-template-columns:1.1em minmax(0,1fr) auto;gap:0 .7em;align-items:center;min-width:0}
.zg-title{display:flex;gap:.7em;align-items:baseline}
.zg-title button{font-weight:600}
.zg-side{text-align:right}
.zg-compact .zg-rows{gap:.25em}
.zg-compact .zg-card{padding:.2em .7em}
.zg-compact .zg-body{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:.8em;align-items:baseline}
.zg-compact .zg-side{display:flex;gap:.7em;align-items:baseline}
.zg-compact .zg-in .zg-side p+p{min-width:4.6em}
.zg-cross{background-image:linear-gradient(var(--edge),var(--edge));background-size:1px 100%;background-position:center;background-repeat:no-repeat}
.zg-cross>p{align-self:center;background:var(--tint);padding:0 .3em}
.zg-narrow .zg-band{grid-template-columns:minmax(0,6fr) minmax(6em,2fr) minmax(0,5fr)}
.zg-narrow .zg-in .zg-row{grid-template-columns:minmax(0,1fr) 2em}
.zg-narrow .zg-out .zg-row{grid-template-columns:2em minmax(0,1fr)}
.zg-narrow .zg-rows .zg-line{width:2em}
.zg-narrow .zg-card{grid-template-columns:1.1em minmax(0,1fr);padding-left:.5em;padding-right:.5em}
.zg-narrow .zg-body,.zg-narrow .zg-side{grid-column:2;grid-row:auto;display:block;text-align:left}
.zg-narrow .zg-side{display:flex;gap:.6em;white-space:nowrap;overflow:hidden}
.zg-narrow.zg-compact .zg-about{display:none}
.zg-narrow .zg-pillar{padding-left:.4em;padding-right:.4em}
.zg-phone .zg-title{flex-wrap:wrap;gap:0 .7em}
.zg-phone .zg-clip{white-space:normal;overflow:visible;overflow-wrap:anywhere}
.zg-phone .zg-node{padding:.3em .2em;overflow-wrap:anywhere}
.zg-phone .zg-side{flex-wrap:wrap;gap:0 .6em;white-space:normal;overflow-wrap:anywhere}
.zg-node{background:var(--card);border:1px solid var(--edge);border-radius:.45em;padding:.3em .5em}
.zg-none{border:1px dashed var(--edge);border-radius:.45em;padding:.5em .8em;color:var(--muted)}
.zg-vpc{margin:.6em 0 .3em}
.zg-gateways{margin-top:.9em}
.zg-gateways h3{font-weight:600}
.zg-hub{display:grid;grid-template-columns:1.1em minmax(0,1fr);gap:.6em;margin-bottom:1.3em;overflow-wrap:anywhere}
.zg-facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.35em 1.2em;margin:1em 0;overflow-wrap:anywhere}
.zg-facts dt{color:var(--muted)}
.zg .zg-link{color:var(--link)}
.zg-detail{margin-top:.6em}
.zg-key{display:flex;flex-wrap:wrap;gap:.3em 1.6em;margin-top:.9em;color:var(--muted)}
.zg-key li{display:flex;align-items:center;gap:.6em}
.zg-key .zg-line{color:var(--muted)}
`;

/** The styles of a theme, for what stands in `.zg`. */
export function style(theme: Theme): Html {
  // No value of it comes from outside: it is written as it is, for an escaped quote would be no quote to CSS.
  return {
    markup: html`<style>`.markup + `.zg{${COLOURS[theme]}}${RULES}`.replace(/\n\s*/g, '') + html`</style>`.markup,
  };
}
