import { html } from '../html.ts';
import type { Html } from '../html.ts';
import { darkPalette } from './colours.ts';
import type { SeriesLook } from './colours.ts';

/** The outlines of vega's symbols, in a box from -8 to 8. */
const outlines: Readonly<Record<string, string>> = {
  circle: 'M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0',
  square: 'M-5.5,-5.5h11v11h-11z',
  'triangle-up': 'M0,-6L6.5,5.5H-6.5z',
  'triangle-down': 'M0,6L6.5,-5.5H-6.5z',
  'triangle-right': 'M6,0L-5.5,6.5V-6.5z',
  'triangle-left': 'M-6,0L5.5,6.5V-6.5z',
  diamond: 'M0,-7L6,0L0,7L-6,0z',
  cross: 'M-6,-2.5h3.5v-3.5h5v3.5h3.5v5h-3.5v3.5h-5v-3.5h-3.5z',
};

/** The mark of a series in the legend. */
export function symbolOf({ shape, colour }: SeriesLook): Html {
  return html`<svg width="18" height="18" viewBox="-9 -9 18 18" aria-hidden="true">
    <path d="${outlines[shape]!}" fill="${colour}"></path>
  </svg>`;
}

export const paretoStyle = `
main{max-width:1060px}
@media screen and (prefers-color-scheme:dark){${darkPalette}}
.pictures{display:grid;gap:28px 24px;grid-template-columns:repeat(auto-fit,minmax(min(350px,100%),1fr));
  align-items:start}
.pictures figcaption{font-weight:600;font-size:.95rem;color:var(--text);margin-bottom:4px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:0;padding:0}
.legend li{display:flex;align-items:center;gap:6px}
a{color:var(--accent)}
a.point{cursor:pointer}
a.point:hover path,a.point:focus path{stroke-width:4}
a.point:focus{outline:none}
a.point:focus-visible circle{stroke:var(--text);stroke-width:2}
#tip{position:fixed;z-index:1;max-width:min(360px,calc(100vw - 16px));background:var(--page);
  color:var(--text);border:1px solid var(--soft);border-radius:8px;padding:10px 14px;font-size:.85rem;
  line-height:1.4;pointer-events:none;box-shadow:0 4px 16px #0003}
#tip h3,.run h3{margin:0 0 .3em;font-size:1rem}
#tip ul,.story ul{margin:0;padding-left:1.1em}
.run{display:none;margin:28px 0 0;padding:14px 18px;background:var(--tile);border-radius:8px;
  border-left:4px solid var(--accent)}
.run:target{display:block}
.path,pre{font:.85rem/1.5 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.path{margin:.4em 0}
pre{white-space:pre-wrap;background:var(--page);padding:8px 10px;border-radius:6px;margin:.4em 0 1em}
pre code{background:none;padding:0}
.layers svg{width:auto;max-width:100%}
.left{text-align:left}
td:last-child{white-space:normal;min-width:24em}
@media print{#tip{display:none}main{display:flex;flex-direction:column}#runs{order:1}.run{display:block;
  margin:0;padding:6px 0;background:none;border:0;border-top:1px solid var(--line);break-inside:avoid}
  .run .story ul,.run .note,.run .layers,.run a{display:none}.path,pre{font-size:7pt;margin:0;padding:0}
  .scroll{overflow:visible}table{font-size:6.5pt}th,td{padding:2px 3px;white-space:normal}td:last-child{
  min-width:0}.pictures{grid-template-columns:1fr 1fr}}
`;

/**
 * Shows a point's story beside it while it is pointed at or has the keyboard focus. Without the script a
 * click still goes to the story. This is the text of an inline script, so it must not contain the sequence of
 * a closing tag.
 */
export const paretoScript = `
const tip = document.getElementById('tip');
const show = (point) => {
  const story = document.querySelector('#run-' + point.dataset.run + ' .story');
  if (!story) return;
  tip.innerHTML = story.innerHTML;
  tip.hidden = false;
  const at = point.getBoundingClientRect();
  const rightmost = document.documentElement.clientWidth - tip.offsetWidth - 8;
  const x = Math.min(Math.max(8, at.left + at.width / 2 - tip.offsetWidth / 2), rightmost);
  const above = at.top - tip.offsetHeight - 8;
  tip.style.left = x + 'px';
  tip.style.top = (above > 8 ? above : at.bottom + 8) + 'px';
};
const hide = () => { tip.hidden = true; };
for (const point of document.querySelectorAll('a.point')) {
  point.addEventListener('pointerenter', () => show(point));
  point.addEventListener('focus', () => show(point));
  point.addEventListener('pointerleave', hide);
  point.addEventListener('blur', hide);
  point.addEventListener('click', hide);
}
addEventListener('scroll', hide, { passive: true });
addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
`;
