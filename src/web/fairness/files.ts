import { darkRules } from '../charts.ts';
import { lossChart, sizeChart, slopeChart } from './charts.ts';
import { seriesOf } from './data.ts';
import type { FairnessPageData } from './data.ts';
import { fairnessPage } from './page.ts';
import type { SeriesPictures } from './page.ts';

/** The files of a report by name: report.html, and one SVG file for each chart. */
export async function fairnessFiles(data: FairnessPageData): Promise<Map<string, string>> {
  const pictures = await Promise.all(seriesOf(data).map((series) => picturesOf(data, series)));
  const files = new Map([['report.html', fairnessPage(data, pictures)]]);
  for (const { series, slope, loss, size } of pictures) {
    const suffix = series.name === '' ? '' : `-${series.name.replaceAll(/[^\w.-]+/g, '-')}`;
    files.set(`accuracy${suffix}.svg`, standalone(slope));
    files.set(`loss${suffix}.svg`, standalone(loss));
    if (size !== undefined) files.set(`size${suffix}.svg`, standalone(size));
  }
  return files;
}

async function picturesOf(data: FairnessPageData, series: SeriesPictures['series']): Promise<SeriesPictures> {
  const last = series.models.at(-1)!;
  const { trainSizes } = data;
  const differ = trainSizes !== undefined && new Set(trainSizes).size > 1;
  return {
    series,
    slope: await slopeChart(data, series),
    loss: await lossChart(data, last),
    ...(differ && { size: await sizeChart(data, last, trainSizes) }),
  };
}

/** Makes a drawn chart follow the reader's light or dark setting without a page. */
function standalone(svg: string): string {
  const style = `<style>@media (prefers-color-scheme: dark){${darkRules}}</style>`;
  return `${svg.replace(/<svg[^>]*>/, (tag) => tag + style)}\n`;
}
