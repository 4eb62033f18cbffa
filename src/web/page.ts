import { darkInk, darkRules, ink } from './charts.ts';
import type { Html } from './html.ts';

export type Page = {
  readonly title: string;
  /** CSS in addition to the CSS of every page. */
  readonly style: string;
  readonly body: Html;
  /** A script at the end of the page. It must not fetch anything. */
  readonly script?: string;
};

/** A page in one file that fetches nothing and suits light and dark screens, phones and paper. */
export function htmlPage({ title, style, body, script }: Page): string {
  return (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">' +
    `<title>${title}</title><style>${baseStyle}${style}</style></head>\n<body>${body.markup}` +
    `${script === undefined ? '' : `<script>${script}</script>`}</body></html>\n`
  );
}

const baseStyle = `
:root{color-scheme:light dark;--text:${ink.text};--soft:#52606d;--line:${ink.faint};--page:#fff;
  --tile:#f5f7f9;--accent:${ink.after}}
@media screen and (prefers-color-scheme:dark){:root{--text:${darkInk.text};--soft:#a9b4bf;
  --line:${darkInk.faint};--page:#14181c;--tile:#1e242a;--accent:${darkInk.after}}${darkRules}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
  font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:960px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:clamp(1.5rem,4.5vw,2.2rem);line-height:1.2;margin:.2em 0 .5em;text-wrap:balance}
h2{font-size:1.2rem;margin:2em 0 .6em}
.kicker,.note,figcaption{color:var(--soft);font-size:.875rem}
.kicker{margin:0}
.lead{font-size:1.05rem;max-width:70ch}
figure{margin:0}
figure svg{width:100%;max-width:440px;height:auto;display:block}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child{text-align:left;padding-left:0}
thead th{color:var(--soft);font-weight:500}
tbody th{font-weight:600}
code{background:var(--tile);padding:1px 5px;border-radius:4px}
@media print{body{font-size:11pt}main{max-width:none;padding:0}section,figure,tr{break-inside:avoid}}
`;
