import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import type { TopLevelSpec } from 'vega-lite';

/**
 * The colours in a drawn SVG. Stylesheets recolour them by attribute (`[fill="#0b7285"]`), so that one
 * picture serves light and dark pages.
 */
export const ink = {
  text: '#1f2933',
  faint: '#d9dee4',
  before: '#7b8794',
  after: '#0b7285',
} as const;

/** The same roles on a dark page. */
export const darkInk: { readonly [K in keyof typeof ink]: string } = {
  text: '#e6eaee',
  faint: '#3a444f',
  before: '#9aa5b1',
  after: '#4fd1c5',
};

/** CSS that recolours a drawn SVG for dark pages. It goes inside a prefers-color-scheme block. */
export const darkRules: string = (Object.keys(ink) as (keyof typeof ink)[])
  .map((role) => {
    const [light, dark] = [ink[role], darkInk[role]];
    return `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`;
  })
  .join('');

const config = {
  font: 'system-ui, -apple-system, "Segoe UI", sans-serif',
  background: 'transparent',
  view: { stroke: null },
  axis: {
    labelColor: ink.text,
    titleColor: ink.text,
    gridColor: ink.faint,
    domainColor: ink.faint,
    tickColor: ink.faint,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 200,
  },
  legend: {
    labelColor: ink.text,
    title: null,
    orient: 'top',
    labelFontSize: 13,
    symbolSize: 120,
    direction: 'horizontal',
  },
} as const;

/** One measure of both models, for example online seconds. `labels` are the two figures as printed. */
export type CostRow = {
  readonly measure: string;
  readonly before: number;
  readonly after: number;
  readonly labels: readonly [string, string];
};

export type Names = readonly [before: string, after: string];

/**
 * A bar chart with two bars per measure: the original at 100 %, the reduced model relative to it, and the
 * printed figures at their ends.
 */
export function costChart(rows: readonly CostRow[], names: Names): Promise<string> {
  const values = rows.flatMap(({ measure, before, after, labels }) => [
    { measure, model: names[0], share: 1, label: labels[0] },
    { measure, model: names[1], share: before === 0 ? 0 : after / before, label: labels[1] },
  ]);
  const longest = Math.max(1, ...values.map(({ share }) => share));
  return draw({
    data: { values },
    width: 270,
    height: 52 * rows.length,
    encoding: {
      y: { field: 'measure', type: 'nominal', sort: null, axis: quietAxis, scale: { paddingInner: 0.25 } },
      yOffset: { field: 'model', sort: [...names] },
      x: {
        field: 'share',
        type: 'quantitative',
        axis: null,
        scale: { domain: [0, longest * 1.45], nice: false },
      },
    },
    layer: [
      {
        mark: { type: 'bar', cornerRadiusEnd: 3 },
        encoding: { color: modelColour(names) },
      },
      {
        mark: { type: 'text', align: 'left', dx: 6, color: ink.text, fontSize: 12 },
        encoding: { text: { field: 'label' } },
      },
    ],
  });
}

/** A group's accuracy under both models, as fractions of 1. */
export type GroupAccuracy = { readonly group: string; readonly before: number; readonly after: number };

/** A chart with a line from before to after for each group. The group that lost most is on top. */
export function groupChart(rows: readonly GroupAccuracy[], names: Names): Promise<string> {
  const order = [...rows].sort((a, b) => b.before - b.after - (a.before - a.after)).map(({ group }) => group);
  const points = rows.flatMap(({ group, before, after }) => [
    { group, model: names[0], accuracy: 100 * before },
    { group, model: names[1], accuracy: 100 * after },
  ]);
  const y = { field: 'group', type: 'nominal', sort: order, axis: quietAxis } as const;
  const x = {
    type: 'quantitative',
    title: 'accuracy, %',
    scale: { zero: false, nice: true, padding: 8 },
    axis: { tickCount: 5, domain: false, ticks: false },
  } as const;
  return draw({
    width: 290,
    height: 26 * rows.length,
    layer: [
      {
        data: { values: rows.map((row) => ({ ...row, before: 100 * row.before, after: 100 * row.after })) },
        mark: { type: 'rule', color: ink.faint, strokeWidth: 4 },
        encoding: { y, x: { field: 'before', ...x }, x2: { field: 'after' } },
      },
      {
        data: { values: points },
        mark: { type: 'point', filled: true, size: 90, opacity: 1 },
        encoding: { y, x: { field: 'accuracy', ...x }, color: modelColour(names) },
      },
    ],
  });
}

const quietAxis = { title: null, domain: false, ticks: false, labelPadding: 8 } as const;

function modelColour(names: Names) {
  return {
    field: 'model',
    type: 'nominal',
    scale: { domain: [...names], range: [ink.before, ink.after] },
  } as const;
}

/** Draws a Vega-Lite spec as SVG text, without a canvas or a page. */
export async function draw(spec: object): Promise<string> {
  const full = { config, padding: 4, autosize: 'pad', ...spec } as TopLevelSpec;
  const view = new View(parse(compile(full).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Joins two drawn charts side by side in one SVG file that follows the reader's light or dark setting. */
export function sideBySide(left: string, right: string, space = 24): string {
  const [a, b] = [sizeOfSvg(left), sizeOfSvg(right)];
  const width = a.width + space + b.width;
  const height = Math.max(a.height, b.height);
  const place = (svg: string, x: number) => svg.replace('<svg ', `<svg x="${x}" y="0" `);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}">` +
    `<style>@media (prefers-color-scheme: dark){${darkRules}}</style>` +
    `${place(left, 0)}${place(right, a.width + space)}</svg>\n`
  );
}

export function sizeOfSvg(svg: string): { width: number; height: number } {
  const read = (name: string) =>
    Math.ceil(Number(new RegExp(`<svg[^>]* ${name}="([\\d.]+)"`).exec(svg)?.[1]));
  return { width: read('width'), height: read('height') };
}
