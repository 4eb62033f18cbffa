import { measuresOf } from '../../../pipelines/pareto/points.ts';
import type { Measure } from '../../../pipelines/pareto/points.ts';
import { darkRules } from '../charts.ts';
import { frontChart, layerChart } from './charts.ts';
import { darkPalette, looksOf } from './colours.ts';
import { linkMarks, titleMarks } from './marks.ts';
import { paretoPage } from './page.ts';
import type { Front, ParetoReport } from './page.ts';
import { layerRows } from './story.ts';

/** The files of a report by name: report.html and an SVG file for each picture. */
export async function paretoFiles(report: ParetoReport): Promise<Map<string, string>> {
  const { points, profiles } = report;
  const looks = looksOf([...new Set(points.map(({ series }) => series))]);
  const shown = measuresOf(profiles);
  const draw = (measure: Measure, hasLegend: boolean) => frontChart({ measure, points, looks, hasLegend });
  const fronts: Front[] = await Promise.all(
    shown.map(async (measure) => ({ measure, svg: linkMarks(await draw(measure, false), points, profiles) })),
  );
  const layers = new Map<string, string>();
  for (const point of points) {
    layers.set(point.id, await layerChart(layerRows(point, profiles[0]!), profiles[0]!));
  }
  const files = new Map([['report.html', paretoPage(report, { fronts, layers, looks })]]);
  for (const measure of shown) {
    const svg = titleMarks(await draw(measure, true), points, profiles);
    files.set(`front-${measure.name}.svg`, standalone(svg));
  }
  for (const point of points.filter(({ onFront }) => onFront.length > 0)) {
    const label = `${point.series}-${point.budget}`.replaceAll(/[^\w.-]+/g, '-');
    files.set(`layers-${label}-${point.id.slice(0, 8)}.svg`, standalone(layers.get(point.id)!));
  }
  return files;
}

/** Makes a drawn chart follow the reader's light or dark setting without a page. */
function standalone(svg: string): string {
  const style = `<style>@media (prefers-color-scheme:dark){${darkRules}${darkPalette}}</style>`;
  return `${svg.replace(/^<svg[^>]*>/, (tag) => tag + style)}\n`;
}
